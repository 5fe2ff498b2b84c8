"""From a folder of single images to a frame store: each decoded once, in parallel, in parts.

The store has one recording, the folder. While it is made, `frames.partial` holds the frames so far
and each line of `journal.jsonl` a part of `PART_IMAGES` images: a part counts once its frames are
on disk and its line is written, so an interrupted import goes on there. At most a few parts are
ever in memory, however many images there are.
"""

import errno
import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import IO

import numpy as np
from jaxtyping import UInt8

from lib.data.frames import FRAMES, STORE, FrameStore, RecordingHash, content_digest
from lib.data.images import Fault, FaultyImagesError, ImageJob, read_image
from lib.data.recordings import core_count
from lib.data.writer import (
    HEADER_BYTES,
    JOURNAL,
    PARTIAL,
    describe_store,
    disk_full,
    journal_head,
    lock_journal,
    npy_header,
    publish_store,
    whole_lines,
)
from lib.files import require_disk_space
from lib.progress import tqdm

PART_IMAGES = 1024
_BYTES_PER_NAME = 40  # of a group, in store.json
_INDEX_BYTES = 12  # per frame, in index.npz

Part = tuple[UInt8[np.ndarray, "m h w 3"], dict[str, Fault]]


def import_images(job: ImageJob) -> FrameStore:
    """Return the frame store of `job`, made now or earlier.

    A finished store made from just this source is taken as it is, unless it left images out and
    `job.corrupt` is "error". Raises `FaultyImagesError` after trying every image; what could be
    decoded is kept for the next attempt.
    """
    if (job.store / STORE).is_file():
        store = FrameStore.open(job.store)
        current = store.source_digest == job.source_digest
        if current and not (store.skipped and job.corrupt == "error"):
            return store
    with ImageStoreWriter(job) as writer:
        _append_all(job, writer)
        if writer.faults and job.corrupt == "error":
            raise FaultyImagesError(
                job.folder,
                writer.faults,
                "Fetch or make these again and import once more, or leave them out with "
                'corrupt="skip"; all others need not be decoded again',
            )
        writer.finish()
    return FrameStore.open(job.store)


def _append_all(job: ImageJob, writer: "ImageStoreWriter") -> None:
    """Decode in parallel what is missing, append in order."""
    total = len(job.names)
    starts = range(writer.images, total, PART_IMAGES)
    parts = [range(start, min(start + PART_IMAGES, total)) for start in starts]
    results = _in_order(partial(_read_part, job), parts, job.workers or core_count())
    with tqdm(total=total, initial=writer.images, unit="image", disable=not job.progress) as bar:
        for part, (frames, faults) in zip(parts, results, strict=True):
            writer.append(part, frames, faults)
            bar.update(len(part))


def _read_part(job: ImageJob, part: range) -> Part:
    """The images of `part` that can be read, in order, and what is the matter with the others."""
    frames = np.empty((len(part), *job.size, 3), np.uint8)
    faults: dict[str, Fault] = {}
    read = 0
    for name in (job.names[position] for position in part):
        image = read_image(job.folder / name, source_size=job.source_size, size=job.size)
        if isinstance(image, Fault):
            faults[name] = image
        else:
            frames[read] = image
            read += 1
    return frames[:read], faults


def _in_order(
    read: Callable[[range], Part], parts: Sequence[range], workers: int
) -> Iterator[Part]:
    """Yield each part's result in order, while threads read at most `workers` parts ahead."""
    pool = ThreadPoolExecutor(workers)
    try:
        waiting: deque[Future[Part]] = deque()
        for part in parts:
            waiting.append(pool.submit(read, part))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


class ImageStoreWriter:
    """Context manager that appends parts of a folder's images; `finish` makes the store of them.

    Leaving the block without `finish` keeps what was appended for the next attempt.
    """

    def __init__(self, job: ImageJob) -> None:
        self.job, self.plan = job, job.plan
        self._frame_bytes = job.size[0] * job.size[1] * 3
        self._content = RecordingHash(job.folder.name)
        self._kept: list[int] = []  # positions in the job of the frames written
        self.faults: dict[str, Fault] = {}
        self._frames: IO[bytes]
        self._journal: IO[str]

    @property
    def images(self) -> int:
        """How many images are dealt with: written, or found faulty."""
        return len(self._kept) + len(self.faults)

    def __enter__(self) -> "ImageStoreWriter":
        self.job.store.mkdir(parents=True, exist_ok=True)
        self._journal = (self.job.store / JOURNAL).open("a+", encoding="utf-8")
        try:
            lock_journal(self._journal, self.job.store)
            self._resume()
            missing = (len(self.job.names) - self.images) * (self._frame_bytes + _INDEX_BYTES)
            needed = missing + len(self.job.group_names) * _BYTES_PER_NAME
            require_disk_space(self.job.store, needed, f"the frame store {self.job.store}")
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def append(
        self, part: range, frames: UInt8[np.ndarray, "m h w 3"], faults: dict[str, Fault]
    ) -> None:
        """Add the readable images of the next part, and note its faults."""
        try:
            self._frames.write(np.ascontiguousarray(frames).data)
            self._frames.flush()
            os.fsync(self._frames.fileno())
            self._journal.write(_line(part, faults))
            self._journal.flush()
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise disk_full(self.job.store) from error
            raise
        self._take(part, frames, faults)

    def finish(self) -> None:
        """Make a finished store of what was appended."""
        job, kept = self.job, np.array(self._kept, dtype=np.int64)
        faults = {**job.left_out, **self.faults}
        if not len(kept):
            raise FaultyImagesError(job.folder, faults, "No image is left: check the folder")
        self._frames.seek(0)
        self._frames.write(npy_header(len(kept), job.size))
        self._frames.flush()
        os.fsync(self._frames.fileno())
        held, groups = np.unique(job.groups[kept], return_inverse=True)
        description = describe_store(
            self.plan,
            digest=content_digest([self._content.digest()]),
            groups=[job.group_names[group] for group in held],
            recordings=[{"name": job.folder.name, "group": "", "frames": len(kept)}],
            skipped={name: ": ".join(filter(None, fault)) for name, fault in faults.items()},
        )
        publish_store(
            job.store,
            description,
            group=groups.astype(np.int32),
            recording=np.zeros(len(kept), np.int32),
            frame=job.numbers[kept],
        )

    def _take(
        self, part: range, frames: UInt8[np.ndarray, "m h w 3"], faults: Mapping[str, Fault]
    ) -> None:
        """Count the frames of a part that is on disk."""
        kept = [position for position in part if self.job.names[position] not in faults]
        for position, frame in zip(kept, frames, strict=True):
            self._content.add(int(self.job.numbers[position]), frame)
        self._kept += kept
        self.faults.update(faults)

    def _resume(self) -> None:
        """Take over the parts an earlier attempt finished; else start anew."""
        unfinished, whole = self.job.store / PARTIAL, self.job.store / FRAMES
        head, lines = journal_head(self.plan), whole_lines(self._journal)
        resumes = bool(lines) and lines[0] == head
        renamed = whole.exists() and not (self.job.store / STORE).exists()
        if resumes and renamed and not unfinished.exists():
            whole.rename(unfinished)  # interrupted between the last steps of `publish_store`
        if not resumes or not unfinished.exists():
            lines = []
            unfinished.write_bytes(npy_header(0, self.plan.size))
        self._frames = unfinished.open("rb+")
        self._frames.seek(HEADER_BYTES)
        self._journal.seek(0)
        self._journal.truncate()
        self._journal.write(json.dumps(head) + "\n")
        for line in lines[1:]:
            if not self._take_over(range(*line["images"]), line["faults"]):
                break
        self._frames.seek(HEADER_BYTES + len(self._kept) * self._frame_bytes)
        self._frames.truncate()
        self._journal.flush()

    def _take_over(self, part: range, noted: Mapping[str, Sequence[str]]) -> bool:
        """Keep a part of an earlier attempt, unless a faulty image of it was mended since."""
        faults = {name: Fault(*fault) for name, fault in noted.items()}
        for name in faults:
            again = read_image(
                self.job.folder / name, source_size=self.job.source_size, size=self.job.size
            )
            if not isinstance(again, Fault):
                return False
        wanted = len(part) - len(faults)
        held = self._frames.read(wanted * self._frame_bytes)
        if len(held) < wanted * self._frame_bytes:
            return False
        frames = np.frombuffer(held, np.uint8).reshape(wanted, *self.plan.size, 3)
        self._journal.write(_line(part, faults))
        self._take(part, frames, faults)
        return True

    def _close(self) -> None:
        for name in ("_frames", "_journal"):
            if hasattr(self, name):
                getattr(self, name).close()


def _line(part: range, faults: Mapping[str, Fault]) -> str:
    return json.dumps({"images": [part.start, part.stop], "faults": faults}) + "\n"
