"""Clips on disk as MOTChallenge has them, made by several processes, resumed where they stopped.

A sequence, one clip over one background, is a folder::

    <clip>-<background>/
      img1/000001.png      the frames, lossless, numbered from 1
      gt/gt.txt            frame, id, left, top, width, height, 1, class, visibility
      masks/000001.png     16 bits: class * 1000 + id of what each pixel shows, 0 for background
      seqinfo.ini          frame rate, length and size
      metadata.json        how it was made

Boxes are in pixels, counted from 1 as the benchmark has it: (1, 1) is the picture's upper left one.
They are of the whole thing without occlusion, so they may reach beyond the picture; a thing has a
line wherever it would be seen if nothing hid it. The class is 1 (pedestrian) in gt.txt and 2 in
masks: each has its own list of classes in the benchmarks. Frame k of gt.txt is image k.
"""

import errno
import io
import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import Image

from lib.files import DiskSpaceError, require_disk_space, write_json
from lib.progress import tqdm
from lib.worlds.plaza.settings import (
    MOST_IDS,
    Background,
    claim_folder,
    settings_as_json,
)
from lib.worlds.plaza.truth import Shot
from lib.worlds.processes import single_threaded_children

BOX_CLASS = 1
MASK_CLASS = 2
ID_FACTOR = 1000
METADATA_FILE = "metadata.json"
_COMPRESSION = 4  # of PNG: hardly larger than the usual 6, and half the time
_PARTIAL = ".partial"


class World(NamedTuple):
    """How a world's clips are rendered. Functions that other processes can find by name.

    render: (settings, *where) to shots. describe: (settings, *where) to what metadata.json tells
    beyond the settings. warm_up: compiles what rendering needs, once for all processes.
    """

    name: str
    render: Callable[..., Iterator[Shot]]
    describe: Callable[..., dict[str, Any]]
    warm_up: Callable[[], None]


class Clip(NamedTuple):
    """A clip's name on disk, and its place in the data set, for `World.render`."""

    name: str
    where: tuple[int, ...]


@dataclass(frozen=True)
class SequencesReport:
    """What was done: sequences made and kept, frames made, and how long it took."""

    made: int
    kept: int
    frames: int
    seconds: float


@dataclass(frozen=True)
class _Task:
    """A clip; of its settings' backgrounds only those still to be made."""

    folder: Path
    world: World
    footage: Any
    clip: Clip
    settings: dict[str, Any]  # of the data set


def make_sequences(
    folder: Path,
    world: World,
    footage: Any,
    clips: Sequence[Clip],
    *,
    workers: int | None,
    progress: bool,
) -> SequencesReport:
    """Make all sequences of `clips` in `folder`, or what is still missing of them.

    `footage` is the world's settings: a dataclass with frames, size_px, frame_rate_hz and
    backgrounds. A sequence is finished if its folder has its name and its files are as many bytes
    as they were; any other is made again as a whole. Raises `ValueError` if `folder` holds
    anything else, `DiskSpaceError` if the disk has too little room.
    """
    started = time.monotonic()
    workers = len(os.sched_getaffinity(0)) if workers is None else workers
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}; None takes one a core")
    settings = settings_as_json(world.name, footage)
    tasks = []
    for clip in clips:
        missing = tuple(
            kind
            for kind in footage.backgrounds
            if not is_finished(folder / f"{clip.name}-{kind}", footage.frames)
        )
        if missing:
            tasks.append(
                _Task(folder, world, replace(footage, backgrounds=missing), clip, settings)
            )
    made = sum(len(task.footage.backgrounds) for task in tasks)
    total = len(clips) * len(footage.backgrounds)
    needed = made * footage.frames * (footage.size_px**2 * 3 + 2048)
    require_disk_space(folder, needed, f"{world.name} footage ({made} sequences)")
    claim_folder(folder, settings)
    for leftover in folder.glob(f".*{_PARTIAL}"):
        shutil.rmtree(leftover, ignore_errors=True)
    bar = tqdm(
        desc=f"{world.name} footage",
        total=total,
        initial=total - made,
        unit="sequence",
        disable=not (progress and tasks),
    )
    with bar:
        _run(tasks, workers, bar)
    return SequencesReport(made, total - made, made * footage.frames, time.monotonic() - started)


def is_finished(sequence: Path, frames: int) -> bool:
    """Whether a sequence's files are all there, with as many bytes as were written."""
    try:
        metadata = json.loads((sequence / METADATA_FILE).read_text(encoding="utf-8"))
        files = _files(sequence)
        return bool(
            len(list((sequence / "img1").iterdir())) == frames
            and (len(files), sum(files)) == (metadata["files"], metadata["bytes"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _files(sequence: Path) -> list[int]:
    """Sizes of a sequence's files in bytes, but for the metadata."""
    sizes = []
    for root, _, names in os.walk(sequence):
        sizes += [Path(root, name).stat().st_size for name in names if name != METADATA_FILE]
    return sizes


def write_clip(
    folder: Path,
    name: str,
    shots: Iterable[Shot],
    *,
    backgrounds: Sequence[Background],
    frame_rate_hz: int,
    metadata: Mapping[str, Any],
) -> None:
    """Write a clip's sequences, one for each background; all appear at once, when all are whole.

    Raises `ValueError` for more things than masks can tell apart, `DiskSpaceError` on a full disk.
    """
    targets = {kind: folder / f"{name}-{kind}" for kind in backgrounds}
    partial = {kind: folder / f".{name}-{kind}.{os.getpid()}{_PARTIAL}" for kind in backgrounds}
    try:
        for path in partial.values():
            shutil.rmtree(path, ignore_errors=True)
            for part in ("img1", "masks", "gt"):
                (path / part).mkdir(parents=True)
        rows, frames, size = _write_frames(partial, shots)
        for kind, path in partial.items():
            (path / "gt" / "gt.txt").write_text("".join(rows), encoding="ascii")
            info = _seqinfo(targets[kind].name, frames, size, frame_rate_hz)
            (path / "seqinfo.ini").write_text(info, encoding="ascii")
            files = _files(path)
            told = {**metadata, "background": kind, "files": len(files), "bytes": sum(files)}
            write_json(path / METADATA_FILE, told)
        for kind, path in partial.items():
            if targets[kind].exists():
                shutil.rmtree(targets[kind])
            path.replace(targets[kind])
    except OSError as error:
        if error.errno != errno.ENOSPC or isinstance(error, DiskSpaceError):
            raise
        message = "the disk filled up; free some space and run again, finished sequences are kept"
        raise DiskSpaceError(errno.ENOSPC, message, str(folder)) from error
    finally:
        for path in partial.values():
            shutil.rmtree(path, ignore_errors=True)


def _write_frames(
    partial: Mapping[Background, Path], shots: Iterable[Shot]
) -> tuple[list[str], int, tuple[int, ...]]:
    """Write images and masks; gives the lines of gt.txt, the number of frames and their size."""
    rows: list[str] = []
    number, size = 0, (0, 0)
    for number, shot in enumerate(shots, 1):
        size = shot.mask.shape
        mask = _png(mask_values(shot))
        for kind, path in partial.items():
            (path / "img1" / f"{number:06d}.png").write_bytes(_png(shot.images[kind]))
            (path / "masks" / f"{number:06d}.png").write_bytes(mask)
        for one in shot.sightings:
            box = f"{one.left + 1},{one.top + 1},{one.width},{one.height}"
            rows.append(f"{number},{one.id},{box},1,{BOX_CLASS},{one.visibility:.5f}\n")
    return rows, number, size


def mask_values(shot: Shot) -> UInt16[np.ndarray, "h w"]:
    """What a frame's mask file holds; raises `ValueError` for an id that it cannot hold."""
    if shot.mask.max(initial=0) > MOST_IDS:
        raise ValueError(
            f"the clip shows {shot.mask.max()} things, but masks tell {MOST_IDS} apart; "
            "make clips of fewer frames"
        )
    return np.where(shot.mask > 0, shot.mask + MASK_CLASS * ID_FACTOR, 0).astype(np.uint16)


def _png(picture: UInt8[np.ndarray, "h w 3"] | UInt16[np.ndarray, "h w"]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()


def _seqinfo(name: str, frames: int, size: tuple[int, ...], frame_rate_hz: int) -> str:
    return (
        f"[Sequence]\nname={name}\nimDir=img1\nframeRate={frame_rate_hz}\nseqLength={frames}\n"
        f"imWidth={size[1]}\nimHeight={size[0]}\nimExt=.png\n"
    )


def _make_clip(task: _Task) -> int:
    """Work of one process; gives how many sequences."""
    footage, clip = task.footage, task.clip
    write_clip(
        task.folder,
        clip.name,
        task.world.render(footage, *clip.where),
        backgrounds=footage.backgrounds,
        frame_rate_hz=footage.frame_rate_hz,
        metadata={**task.world.describe(footage, *clip.where), "settings": task.settings},
    )
    return len(footage.backgrounds)


def _run(tasks: Sequence[_Task], workers: int, bar: "tqdm[Any]") -> None:
    """Do all tasks, in this process or in several."""
    if workers == 1 or len(tasks) <= 1:
        for task in tasks:
            bar.update(_make_clip(task))
        return
    tasks[0].world.warm_up()
    context = multiprocessing.get_context("spawn")
    count = min(workers, len(tasks))
    # unlike a pool of `multiprocessing`, this one notices when a process is killed
    with single_threaded_children(), ProcessPoolExecutor(count, mp_context=context) as pool:
        try:
            for done in as_completed([pool.submit(_make_clip, task) for task in tasks]):
                bar.update(done.result())
        except BrokenProcessPool as error:
            raise OSError(
                "a rendering process was killed, perhaps for memory; finished sequences are "
                f"kept: run again with fewer workers than {count}"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
