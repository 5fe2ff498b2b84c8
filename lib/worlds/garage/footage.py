"""Whole data sets of the garage world: parallel rendering, resuming.

A data set is a folder as the original's: an image ``<uuid>.jpg`` for every loadout and rotation,
and a data base `dataset.db` (see `lib.worlds.garage.database`). Beside them, `footage.json` holds
the settings, from which `lib.worlds.garage.truth` renders any image's ground truth later.
"""

import errno
import json
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.files import DiskSpaceError, digest, require_disk_space, write_json
from lib.progress import tqdm
from lib.worlds.garage.database import DATABASE, Row, write_database
from lib.worlds.garage.loadout import ROTATIONS, Loadout
from lib.worlds.garage.settings import (
    GarageFootage,
    check_settings,
    load_settings,
    loadouts_of,
    save_settings,
    uuid_of,
)
from lib.worlds.garage.truth import encode, make_shot, render_shot, shot_of
from lib.worlds.processes import single_threaded_children

__all__ = ["GarageFootage", "GarageReport", "load_settings", "make_garage"]

FINISHED_FOLDER = ".finished"
LOADOUTS_PER_CHUNK = 20
"""Made by one process at a stretch; an interrupted run loses the chunks it was at."""
BYTES_PER_PIXEL = 0.45
"""Of JPEG at quality 90, measured and rounded up."""


@dataclass(frozen=True)
class GarageReport:
    """What `make_garage` did: images made and kept, and how long it took."""

    made: int
    kept: int
    seconds: float


@dataclass(frozen=True)
class _Task:
    """Images of a chunk of loadouts that are still to be made."""

    folder: Path
    footage: GarageFootage
    chunk: int
    loadouts: tuple[Loadout, ...]
    missing: tuple[int, ...]  # numbers of images
    sizes: tuple[int, ...]  # of the chunk's files in bytes, as far as they are known


def make_garage(
    folder: Path,
    footage: GarageFootage,
    *,
    workers: int | None = None,
    progress: bool = True,
) -> GarageReport:
    """Make the data set `footage` in `folder`, or what is still missing of it.

    A finished image whose size in bytes is right is kept, a missing or cut one is made again;
    contents are not read, which would take minutes at 380,870 images. `workers` processes run
    side by side, by default one a core; several need the usual `if __name__ == "__main__"` in
    scripts. The same settings give the same bytes, however many workers there are. The data base
    comes last: a folder that has one was finished once.

    Raises `ValueError` if `folder` holds footage of other settings or another's images,
    `DiskSpaceError` if the disk has too little room.
    """
    started = time.monotonic()
    workers = len(os.sched_getaffinity(0)) if workers is None else workers
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}; None takes one a core")
    check_settings(folder, footage)
    tasks = _plan(folder, footage)
    made = sum(len(task.missing) for task in tasks)
    rows, columns = footage.size
    needed = int(made * (rows * columns * BYTES_PER_PIXEL + 4096) + footage.images * 200)
    require_disk_space(folder, needed, f"garage footage ({made} images)")
    save_settings(folder, footage)
    bar = tqdm(
        desc="garage footage",
        total=footage.images,
        initial=footage.images - made,
        unit="image",
        disable=not (progress and tasks),
    )
    with bar:
        _run(tasks, workers, bar)
    _finish_database(folder, footage)
    return GarageReport(made, footage.images - made, time.monotonic() - started)


def rows_of(footage: GarageFootage) -> Iterator[Row]:
    """Rows of the data base, in order."""
    for number in range(footage.images):
        loadout, rotation = divmod(number, ROTATIONS)
        yield Row(uuid_of(footage, number), loadouts_of(footage)[loadout], rotation)


def _plan(folder: Path, footage: GarageFootage) -> list[_Task]:
    """What is still to be made; also clears away what killed processes left half written."""
    found: dict[str, int] = {}
    if folder.exists():
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".partial.jpg"):
                    Path(entry.path).unlink(missing_ok=True)
                elif entry.name.endswith(".jpg"):
                    found[entry.name] = entry.stat().st_size
    tasks = []
    loadouts = loadouts_of(footage)
    for chunk, first in enumerate(range(0, footage.loadouts, LOADOUTS_PER_CHUNK)):
        chosen = loadouts[first : first + LOADOUTS_PER_CHUNK]
        numbers = range(first * ROTATIONS, (first + len(chosen)) * ROTATIONS)
        sizes = _finished_sizes(folder, chunk, len(numbers))
        missing = tuple(
            number
            for number, size in zip(numbers, sizes, strict=True)
            if size == 0 or found.get(f"{uuid_of(footage, number)}.jpg") != size
        )
        if missing:
            tasks.append(_Task(folder, footage, chunk, chosen, missing, sizes))
    return tasks


def _marker(folder: Path, chunk: int) -> Path:
    """The file that says a chunk is finished, with the sizes of its images."""
    return folder / FINISHED_FOLDER / f"{chunk:06d}.json"


def _finished_sizes(folder: Path, chunk: int, count: int) -> tuple[int, ...]:
    """Sizes in bytes of a finished chunk's images, noughts for one that is not finished."""
    try:
        sizes = json.loads(_marker(folder, chunk).read_text(encoding="utf-8"))["bytes"]
        if len(sizes) == count and all(isinstance(size, int) for size in sizes):
            return tuple(sizes)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return (0,) * count


def _make_chunk(task: _Task) -> int:
    """Work of one process: a chunk's missing images, then its marker; gives how many."""
    first = task.chunk * LOADOUTS_PER_CHUNK * ROTATIONS
    sizes = list(task.sizes)
    for number in task.missing:
        loadout = task.loadouts[(number - first) // ROTATIONS]
        picture = render_shot(task.footage, make_shot(task.footage, loadout, number))
        data = encode(task.footage, picture)
        _write_image(task.folder / f"{uuid_of(task.footage, number)}.jpg", data)
        sizes[number - first] = len(data)
    write_json(_marker(task.folder, task.chunk), {"bytes": sizes})
    return len(task.missing)


def _write_image(path: Path, data: bytes) -> None:
    """Put an image in its place at once, but without waiting for the disk.

    Waiting (3 ms) would take longer than rendering; should the power fail, the chunk's marker
    tells an image that came out short.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial.jpg")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        message = "the disk filled up; free some space and run again, finished images are kept"
        raise DiskSpaceError(errno.ENOSPC, message, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _run(tasks: Sequence[_Task], workers: int, bar: "tqdm[Any]") -> None:
    """Do all tasks, in this process or in several."""
    if workers == 1 or len(tasks) <= 1:
        for task in tasks:
            bar.update(_make_chunk(task))
        return
    footage = tasks[0].footage
    render_shot(footage, shot_of(footage, 0))  # compiled once, for all processes
    context = multiprocessing.get_context("spawn")
    count = min(workers, len(tasks))
    # unlike a pool of `multiprocessing`, this one notices when a process is killed
    with single_threaded_children(), ProcessPoolExecutor(count, mp_context=context) as pool:
        try:
            for done in as_completed([pool.submit(_make_chunk, task) for task in tasks]):
                bar.update(done.result())
        except BrokenProcessPool as error:
            raise OSError(
                "a rendering process was killed, perhaps for memory; finished images are kept: "
                f"run again with fewer workers than {count}"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _finish_database(folder: Path, footage: GarageFootage) -> None:
    """Write the data base, unless it is there and unchanged."""
    path, marker = folder / DATABASE, folder / FINISHED_FOLDER / f"{DATABASE}.json"
    try:
        if json.loads(marker.read_text(encoding="utf-8"))["hash"] == digest([path]):
            return
    except (OSError, ValueError, KeyError, TypeError):
        pass
    write_database(path, rows_of(footage), footage.bodies)
    write_json(marker, {"hash": digest([path])})
