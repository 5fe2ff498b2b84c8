"""What all readers share: from a list of video recordings to a finished frame store."""

import json
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8

from lib.data.frames import FRAMES, INDEX, STORE, FrameStore
from lib.data.video import (
    CorruptVideoError,
    VideoInfo,
    count_frames,
    probe_video,
    read_frames,
    require_size,
)
from lib.data.writer import JOURNAL, PARTIAL, FrameStoreWriter, StorePlan
from lib.files import digest
from lib.progress import tqdm

_log = logging.getLogger(__name__)

Frames = Iterable[tuple[int, UInt8[np.ndarray, "h w 3"]]]


@dataclass(frozen=True)
class Recording:
    """One video of a data set."""

    name: str  # path relative to the data set's folder
    video: Path
    group: str  # recordings of one group must not be split between training and test
    fault: str | None = None  # why it cannot be read, where that shows without opening the video


@dataclass(frozen=True)
class ProbedRecording:
    """A recording whose video has a sound header, with the number of frames it claims."""

    recording: Recording
    info: VideoInfo
    frames: int


@dataclass(frozen=True)
class ImportJob:
    """A reader's order: these recordings, in this size, into that store."""

    layout: str
    recordings: Sequence[Recording]
    store: Path
    size: tuple[int, int]  # rows, columns
    settings: dict[str, Any]  # everything that decides which frames are chosen
    corrupt: str = "error"  # or "skip"
    workers: int | None = None  # threads; None for one per core. Decoding releases the GIL
    progress: bool = True
    # Replacing what turns out corrupt while decoding needs a new choice; else there are just fewer.
    exact: bool = False

    def __post_init__(self) -> None:
        if self.corrupt not in ("error", "skip"):
            raise ValueError(f"corrupt={self.corrupt!r}: want 'error' or 'skip'")
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers={self.workers}: want at least 1, or None for one per core")

    @property
    def source_digest(self) -> str:
        """Digest of the source's names and bytes, and of everything that decides the result."""
        listing = [f"{r.name} {r.group} {_bytes(r.video)}" for r in self.recordings]
        settings = json.dumps([self.layout, self.size, self.settings], sort_keys=True)
        return digest([settings, *listing])


class CorruptRecordingsError(CorruptVideoError):
    """Some recordings cannot be read; the message names the first and counts them all."""

    def __init__(self, recordings: Sequence[Recording], faults: Mapping[str, str]) -> None:
        first = next(r for r in recordings if r.name in faults)
        super().__init__(
            first.video,
            faults[first.name],
            further=f" In all, {len(faults)} of {len(recordings)} recordings cannot be read.",
        )
        self.faults = dict(faults)


def run_import(
    job: ImportJob,
    choose: Callable[[Sequence[ProbedRecording]], Sequence[Int64[np.ndarray, " _"]]],
) -> FrameStore:
    """Return the frame store of `job`, made now or earlier.

    `choose` gets the readable recordings and returns, for each, the rising numbers of the frames
    to keep. Raises `CorruptRecordingsError`, or leaves the unreadable out with a warning, as
    `job.corrupt` says; `ValueError` for videos of a wrong size or a folder that is not ours.
    """
    require_own_folder(job)
    if (current := _current_store(job)) is not None:
        return current
    probed, faults = probe_recordings(job.recordings, workers=job.workers)
    for one in probed:
        require_size(one.recording.video, (one.info.height, one.info.width), job.size)
    while True:
        if faults and (job.corrupt == "error" or len(faults) == len(job.recordings)):
            raise CorruptRecordingsError(job.recordings, faults)
        readable = [one for one in probed if one.recording.name not in faults]
        choice = [
            (one.recording, numbers)
            for one, numbers in zip(readable, choose(readable), strict=True)
        ]
        try:
            faults = _write(job, choice, faults)
            break
        except CorruptRecordingsError as error:
            if job.corrupt == "error":
                raise
            faults = error.faults
    if faults:
        names = ", ".join(list(faults)[:20]) + (", …" if len(faults) > 20 else "")
        _log.warning(
            "%d of %d recordings cannot be read and were left out (%s lists them with reasons): %s",
            len(faults), len(job.recordings), job.store / STORE, names,
        )  # fmt: skip
    return FrameStore.open(job.store)


def probe_recordings(
    recordings: Sequence[Recording], *, workers: int | None = None
) -> tuple[list[ProbedRecording], dict[str, str]]:
    """Read all headers; returns the readable recordings, and the others' names and reasons."""

    def probe(recording: Recording) -> ProbedRecording | CorruptVideoError:
        try:
            if recording.fault is not None:
                raise CorruptVideoError(recording.video, recording.fault)
            info = probe_video(recording.video)
            return ProbedRecording(recording, info, info.frames or count_frames(recording.video))
        except CorruptVideoError as error:
            return error

    with ThreadPoolExecutor(workers or core_count()) as pool:
        results = list(pool.map(probe, recordings))
    pairs = list(zip(recordings, results, strict=True))
    faults = {r.name: x.reason for r, x in pairs if isinstance(x, CorruptVideoError)}
    return [x for x in results if isinstance(x, ProbedRecording)], faults


def require_own_folder(job: ImportJob) -> None:
    """Raise `ValueError` if the job's folder holds anything but a store of this very data set.

    A store of the same layout that shares a recording is the same data set with other settings or
    changed files: it may be replaced.
    """
    folder = job.store
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"store={folder} is a file: name a folder for the frame store")
    ours = {FRAMES, INDEX, STORE, PARTIAL, JOURNAL}
    names = {path.name for path in folder.iterdir()}
    if foreign := sorted(n for n in names - ours if ".partial" not in n):
        raise ValueError(
            f"store={folder} holds other files ({', '.join(foreign[:3])}): name an empty or new "
            "folder for the frame store"
        )
    if STORE not in names:
        return
    old = FrameStore.open(folder)
    shared = {*old.recording_names, *old.skipped} & {r.name for r in job.recordings}
    if old.layout != job.layout or not shared:
        raise ValueError(
            f"store={folder} holds frames of another data set ({old.layout}, "
            f"{len(old.recording_names)} recordings such as {old.recording_names[0]}): name "
            "another folder, or delete that one first"
        )


def core_count() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _current_store(job: ImportJob) -> FrameStore | None:
    """The finished store, if it was made from just this source with these settings."""
    if not (job.store / STORE).is_file():
        return None
    store = FrameStore.open(job.store)
    if store.source_digest != job.source_digest or (store.skipped and job.corrupt == "error"):
        return None  # with corrupt="error" the unreadable are tried again, and reported
    return store


def _write(
    job: ImportJob,
    choice: Sequence[tuple[Recording, Int64[np.ndarray, " _"]]],
    faults: Mapping[str, str],
) -> dict[str, str]:
    """Write the store; returns all faults, those that only decoding showed included.

    Where such a one calls for a new choice or an error, raises `CorruptRecordingsError` with all
    of them, after trying every recording; the store is then left unfinished.
    """
    selection = digest(part for r, n in choice for part in (r.name, n.astype("<i8").tobytes()))
    plan = StorePlan(
        layout=job.layout,
        size=job.size,
        settings=job.settings,
        source_digest=job.source_digest,
        selection_digest=selection,
        frames=sum(len(numbers) for _, numbers in choice),
    )
    strict = job.exact or job.corrupt == "error"
    with FrameStoreWriter(job.store, plan) as writer:
        for name, reason in faults.items():
            writer.skip(name, reason)
        _write_recordings(job, choice, writer)
        found = writer.skipped
        if found != dict(faults) and (strict or len(found) == len(job.recordings)):
            raise CorruptRecordingsError(job.recordings, found)
    return found


def _write_recordings(
    job: ImportJob,
    choice: Sequence[tuple[Recording, Int64[np.ndarray, " _"]]],
    writer: FrameStoreWriter,
) -> None:
    """Decode in parallel, write in order."""
    finished = writer.finished
    missing = [(r, numbers) for r, numbers in choice if r.name not in finished]
    total = sum(len(numbers) for _, numbers in choice)
    done = total - sum(len(numbers) for _, numbers in missing)
    reads = [(r, partial(_read, r.video, job.size, numbers)) for r, numbers in missing]
    with tqdm(total=total, initial=done, unit="frame", disable=not job.progress) as bar:
        for (recording, frames), (_, numbers) in zip(
            _in_order(reads, job.workers or core_count()), missing, strict=True
        ):
            bar.set_postfix_str(recording.name[-32:], refresh=False)
            try:
                writer.add(recording.name, recording.group, frames)
            except CorruptVideoError as error:
                writer.skip(recording.name, error.reason)
            bar.update(len(numbers))


def _read(video: Path, size: tuple[int, int], numbers: Int64[np.ndarray, " _"]) -> Frames:
    return read_frames(video, size=size, wanted=numbers.tolist())


def _in_order(
    reads: Sequence[tuple[Recording, Callable[[], Frames]]], workers: int
) -> Iterator[tuple[Recording, Frames]]:
    """Yield each recording's frames in order, while a few threads decode the ones behind it.

    With one worker frames stream straight through; with more, at most `workers` + 1 recordings'
    chosen frames are in memory.
    """
    if workers == 1:
        yield from ((recording, read()) for recording, read in reads)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        waiting: deque[tuple[Recording, Future[list[Any]]]] = deque()
        for recording, read in reads:
            waiting.append((recording, pool.submit(_all, read)))
            if len(waiting) > workers:
                yield _result(*waiting.popleft())
        while waiting:
            yield _result(*waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _all(read: Callable[[], Frames]) -> list[Any]:
    return list(read())


def _result(recording: Recording, future: Future[list[Any]]) -> tuple[Recording, Frames]:
    def frames() -> Frames:
        yield from future.result()  # raises here, within the writer, what decoding raised

    return recording, frames()


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
