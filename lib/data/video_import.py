"""A video of any length to a frame store: so many frames a second, by time stamps.

Decoding runs in FFmpeg's threads; only kept frames are converted and shrunk, both in one step of
libswscale. Some frames are in memory at a time, however long the video is, and every
`FRAMES_PER_MARK` frames the import makes sure of what it has: an interrupted one seeks to there,
and checks that it is there, before it goes on. The result is the same to the byte.

For 12 hours at 1920×1080 and 30 frames a second, of which 10 are kept, expect 432,000 frames of
144×256: 47.8 GB, and about an hour on two quiet cores (`benchmarks/import_video.py`). Half the
size in rows and columns, or 2.5 frames a second, takes a quarter of the disk. Stores are not
compressed: training reads single frames at random, through a memory map.
"""

import math
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import av
import numpy as np

from lib.data.frames import FrameStore
from lib.data.growing_store import (
    GrowingStoreWriter,
    current_store,
    require_corrupt,
    require_store_folder,
)
from lib.data.stretches import cut_stretches
from lib.data.video import CorruptVideoError, probe_video, require_size
from lib.data.video_sampler import Sampler
from lib.data.video_stream import DamagedVideoError, Shrinker, open_stream, scanned_seconds
from lib.data.writer import StorePlan
from lib.files import digest
from lib.progress import tqdm

LAYOUT = "playthrough"
FRAMES_PER_MARK = 500
_END_BYTES = 2**20  # hashed at either end: a long video is not read twice


@dataclass(frozen=True)
class VideoJob:
    """An order: this video into that store."""

    video: Path
    store: Path
    size: tuple[int, int]  # rows, columns
    fps: float
    most_frames: int | None = None
    corrupt: Literal["error", "skip"] = "error"
    progress: bool = True

    def __post_init__(self) -> None:
        require_corrupt(self.corrupt)
        if min(self.size) < 1:
            raise ValueError(f"size={self.size}: want positive (rows, columns)")
        if not 0 < self.fps <= 1000:
            raise ValueError(f"fps={self.fps}: want frames per second, above 0 and at most 1000")
        if self.most_frames is not None and self.most_frames < 1:
            raise ValueError(f"most_frames={self.most_frames}: want at least 1, or None for all")


@dataclass(frozen=True)
class _Probe:
    """What the headers say."""

    size: tuple[int, int]  # rows, columns
    seconds: float
    stated: bool  # by the container itself, so the video must last as long


def import_video(
    video: Path,
    store: Path,
    *,
    size: tuple[int, int] = (144, 256),
    fps: float = 10.0,
    most_frames: int | None = None,
    corrupt: Literal["error", "skip"] = "error",
    progress: bool = True,
) -> FrameStore:
    """Import `fps` frames a second of `video` into a frame store at `size` (rows, columns).

    The store has one recording, the video; its groups are stretches of it (`lib.data.stretches`).
    Frame numbers count 1 / `fps` seconds from the first frame on; a picture that stands still for
    longer is stored once. `most_frames` stops after that many.

    A finished store made from just this video is returned as it is; an interrupted import goes on
    where it stopped. With ``corrupt="skip"`` damaged stretches, from damage to the next key frame,
    are left out; `skipped` of the store lists them.

    Raises:
        ValueError: settings out of range, or a size that would enlarge or distort.
        FileNotFoundError: no such video. DiskSpaceError: the disk is too small; nothing is written.
        CorruptVideoError: no video, or an unreadable one. DamagedVideoError: damaged at some time.
    """
    job = VideoJob(video, store, size, float(fps), most_frames, corrupt, progress)
    require_store_folder(store, LAYOUT, [video.name])
    probe = _probe(job)
    require_size(video, probe.size, size)
    plan = _plan(job, probe)
    if (found := current_store(store, plan.source_digest, corrupt=corrupt)) is not None:
        return found
    with GrowingStoreWriter(store, plan, video.name) as writer:
        faults = _write(job, probe, writer)
        if not writer.count:
            raise CorruptVideoError(video, "it holds no frame that can be decoded")
        stretches = cut_stretches(writer.numbers, job.fps)
        writer.finish(stretches.names, stretches.of_frame, faults)
    return FrameStore.open(store)


def estimated_frames(
    video: Path, *, fps: float = 10.0, corrupt: Literal["error", "skip"] = "error"
) -> int:
    """How many frames an import stores at most, by the length that the video states."""
    job = VideoJob(video, video, (1, 1), fps, corrupt=corrupt)
    return _plan(job, _probe(job)).frames


def _plan(job: VideoJob, probe: _Probe) -> StorePlan:
    """What is to be written, with an upper bound of its frames for the check of the disk."""
    frames = math.ceil(probe.seconds * job.fps) + 1
    settings = {"fps": job.fps, "most_frames": job.most_frames}
    return StorePlan(
        layout=LAYOUT,
        size=job.size,
        settings=settings,
        source_digest=digest([LAYOUT, f"{job.size} {settings}", *_identity(job.video)]),
        selection_digest="",
        frames=min(frames, job.most_frames or frames),
    )


def _identity(video: Path) -> tuple[str, str, bytes]:
    """Name, size and both ends of a file: enough to tell it from others."""
    length = video.stat().st_size
    with video.open("rb") as file:
        begin = file.read(_END_BYTES)
        file.seek(max(0, length - _END_BYTES))
        return video.name, str(length), begin + file.read()


def _probe(job: VideoJob) -> _Probe:
    if job.corrupt == "error":
        probe_video(job.video)  # tells a truncated MP4 by its boxes
    with ExitStack() as stack:
        container, stream = open_stream(job.video, stack)
        size = stream.codec_context.height, stream.codec_context.width
        if stream.duration and stream.time_base:
            return _Probe(size, float(stream.duration * stream.time_base), stated=True)
        if container.duration:
            return _Probe(size, container.duration / av.time_base, stated=True)
        return _Probe(size, scanned_seconds(container, stream), stated=False)


def _write(job: VideoJob, probe: _Probe, writer: GrowingStoreWriter) -> dict[str, str]:
    """Append what is missing; returns the stretches left out, and why."""
    shrink, before = Shrinker(job.video, job.size), writer.count
    missing = None if job.most_frames is None else job.most_frames - before
    with ExitStack() as stack:
        sampler = _sampler(job, writer, shrink, stack)
        total = writer.plan.frames
        bar = tqdm(total=total, initial=before, unit="frame", disable=not job.progress)
        stack.enter_context(bar)
        state = writer.state
        try:
            for number, frame in islice(sampler.frames(), missing):
                writer.append(number, shrink(frame))
                state = sampler.state()
                bar.update()
                if writer.count % FRAMES_PER_MARK == 0:
                    writer.mark(state)
            if writer.count != job.most_frames:
                sampler.require_end(probe.seconds if probe.stated else 0.0)
        except (DamagedVideoError, KeyboardInterrupt):
            writer.mark(state)
            raise
    return dict(sampler.faults)


def _sampler(
    job: VideoJob, writer: GrowingStoreWriter, shrink: Shrinker, stack: ExitStack
) -> Sampler:
    """A sampler that goes on behind the last frame written.

    Seeking is trusted only if it leads to that very frame, with the same pixels; where a container
    has no index, or a stream no clean key frames, all is decoded once more.
    """

    def fresh() -> Sampler:
        opened = open_stream(job.video, stack)
        return Sampler(job.video, opened, job.fps, strict=job.corrupt == "error")

    if not writer.count:
        return fresh()
    held = writer.last_frame()
    sampler = fresh()
    if not sampler.go_on(writer.state, lambda frame: np.array_equal(shrink(frame), held)):
        sampler = fresh()
        sampler.pass_over(writer.state)
    return sampler
