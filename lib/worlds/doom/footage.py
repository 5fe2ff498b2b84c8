"""Doom footage on disk: many recordings at once, resuming.

::

    <folder>/playthrough.json                 settings and splits, written last
    <folder>/recordings/<nn>-<source>-<map>/  source "player" or "demo"
                 frames/000000.jpg            RGB, 10 a second of the game
                 labels/000000.png            `PixelClass` of every pixel, or 255
                 frames.csv                   frame, tic, kind, map, x, y, angle
    <folder>/.making.json                     settings, until all is finished
    <folder>/.wads/                           repainted games, until all is finished

A frame's number is its time in tenths of a second; numbers that are missing were dropped because
they showed nothing new. Tic and place are empty where no map runs.
"""

import csv
import errno
import io
import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lib.files import DiskSpaceError, require_disk_space, write_json, write_text
from lib.progress import tqdm
from lib.worlds.doom.demos import play_demo, read_demos, require_engine
from lib.worlds.doom.filming import Shot, film_map
from lib.worlds.doom.repaint import label_wad
from lib.worlds.doom.settings import DoomFootage, MapSplit, iwad_of, split_maps
from lib.worlds.doom.wad import FREEDOOM, freedoom
from lib.worlds.processes import single_threaded_children

__all__ = ["DoomFootage", "DoomReport", "MapSplit", "make_doom", "split_maps"]

SETTINGS_FILE, MAKING_FILE = "playthrough.json", ".making.json"
RECORDINGS, WADS = "recordings", ".wads"
COLUMNS = ("frame", "tic", "kind", "map", "x", "y", "angle")
BYTES_PER_FRAME = 34_000
"""Picture and labels, measured and rounded up."""


@dataclass(frozen=True)
class DoomReport:
    """What `make_doom` did: recordings made and kept, all frames, and how long it took."""

    made: int
    kept: int
    frames: int
    seconds: float


@dataclass(frozen=True)
class _Task:
    """One recording to be made. `demo` names a demo and whose view of it; None for the player."""

    folder: Path
    footage: DoomFootage
    name: str
    map_name: str
    number: int
    demo: tuple[str, int] | None = None

    @property
    def target(self) -> Path:
        """The folder of the recording."""
        return self.folder / RECORDINGS / self.name


def make_doom(
    folder: Path, footage: DoomFootage, *, workers: int | None = None, progress: bool = True
) -> DoomReport:
    """Film the playthrough `footage` into `folder`, or what is still missing of it.

    Finished recordings are kept. `workers` processes run side by side, by default one a core;
    several need the usual `if __name__ == "__main__"` in scripts. The same settings give the same
    bytes, however many workers there are.

    Raises `ValueError` if `folder` holds footage of other settings, or if demos are asked for and
    cannot be played; `DiskSpaceError` if the disk has too little room.
    """
    started = time.monotonic()
    workers = len(os.sched_getaffinity(0)) if workers is None else workers
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}; None takes one a core")
    _check_settings(folder, footage)
    tasks = _tasks(folder, footage)
    missing = [task for task in tasks if not (task.target / "frames.csv").is_file()]
    if missing:
        if any(task.demo for task in missing):
            require_engine()
        needed = len(missing) * footage.frames_per_map * BYTES_PER_FRAME
        require_disk_space(folder, needed, f"Doom footage ({len(missing)} recordings)")
        if not (folder / SETTINGS_FILE).is_file():
            write_json(folder / MAKING_FILE, footage.to_json())
        _clear_partial(folder)
        for iwad in FREEDOOM:  # once, for all processes
            label_wad(freedoom(iwad), folder / WADS)
        bar = tqdm(
            desc="Doom footage",
            total=len(tasks),
            initial=len(tasks) - len(missing),
            unit="recording",
            disable=not progress,
        )
        with bar:
            _run(missing, workers, bar)
    _finish(folder, footage)
    frames = sum(_rows(task.target) for task in tasks)
    return DoomReport(len(missing), len(tasks) - len(missing), frames, time.monotonic() - started)


def load_settings(folder: Path) -> DoomFootage | None:
    """The settings of finished footage in `folder`, None if there is none.

    Raises `ValueError` if they are of another world or a version that filmed differently.
    """
    path = folder / SETTINGS_FILE
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        footage = DoomFootage(
            maps=tuple(found["maps"]),
            **{name: found[name] for name in ("seed", "frames_per_map", "demos", "jpeg_quality")},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete the folder {folder}") from error
    _compare(path, found, footage)
    return footage


def _check_settings(folder: Path, footage: DoomFootage) -> None:
    """Raise `ValueError` if the folder has other footage, or things that are none."""
    for name in (SETTINGS_FILE, MAKING_FILE):
        path = folder / name
        if path.is_file():
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise ValueError(f"{path} is damaged; delete the folder {folder}") from error
            _compare(path, found, footage)
            return
    if (folder / RECORDINGS).exists():
        raise ValueError(
            f"{folder} holds {RECORDINGS} but no {SETTINGS_FILE}, so it was not made here; "
            "name another folder, so that nothing in this one is written over"
        )


def _compare(path: Path, found: Any, footage: DoomFootage) -> None:
    for name, value in footage.to_json().items():
        theirs = found.get(name) if isinstance(found, dict) else None
        if theirs != value:
            raise ValueError(
                f"{path.parent} holds footage with {name} = {theirs}, but now {name} = {value} is "
                f"asked for; name another folder, delete this one, or ask for {theirs} again"
            )


def _tasks(folder: Path, footage: DoomFootage) -> list[_Task]:
    """All recordings, in order: the player's by map, then the demos, one for each view."""
    found: list[tuple[str, tuple[str, int] | None]] = [(name, None) for name in footage.maps]
    if footage.demos:
        for iwad in FREEDOOM:
            for demo in read_demos(freedoom(iwad)):
                found += [(demo.level, (demo.name, player)) for player in demo.players]
    width = max(2, len(str(len(found) - 1)))
    return [
        _Task(
            folder,
            footage,
            f"{i:0{width}d}-{'demo' if demo else 'player'}-{name.lower()}",
            name,
            i,
            demo,
        )
        for i, (name, demo) in enumerate(found)
    ]


def _clear_partial(folder: Path) -> None:
    """Clear away what killed processes left half written."""
    for path in (folder / RECORDINGS).glob(".*.partial"):
        shutil.rmtree(path)


def _make_recording(task: _Task) -> str:
    """Work of one process: film one recording, then give it its name; gives that."""
    partial = task.target.with_name(f".{task.name}.{os.getpid()}.partial")
    try:
        _write_recording(partial, task)
        if task.target.exists():
            shutil.rmtree(task.target)  # of a folder without its table
        partial.replace(task.target)
    except OSError as error:
        if error.errno != errno.ENOSPC or isinstance(error, DiskSpaceError):
            raise
        message = "the disk filled up; free some space and run again, finished recordings are kept"
        raise DiskSpaceError(errno.ENOSPC, message, str(task.target)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return task.name


def _write_recording(folder: Path, task: _Task) -> None:
    for name in ("frames", "labels"):
        (folder / name).mkdir(parents=True)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for shot in _shots(task):
        name = f"{shot.number:06d}"
        Image.fromarray(shot.picture).save(
            folder / "frames" / f"{name}.jpg", quality=task.footage.jpeg_quality, subsampling=0
        )
        Image.fromarray(shot.classes).save(folder / "labels" / f"{name}.png")
        place = ["", "", ""] if shot.place is None else [f"{v:.2f}" for v in shot.place]
        tic = "" if shot.tic < 0 else shot.tic
        writer.writerow([shot.number, tic, shot.kind.value, task.map_name, *place])
    write_text(folder / "frames.csv", table.getvalue())


def _shots(task: _Task) -> Iterable[Shot]:
    iwad = freedoom(iwad_of(task.map_name))
    if task.demo is not None:
        return _demo_shots(task, iwad, task.demo)
    return film_map(
        iwad,
        label_wad(iwad, task.folder / WADS),
        task.map_name,
        frames=task.footage.frames_per_map,
        seed=_seed(task),
    )


def _seed(task: _Task) -> int:
    """Of one map: the same whichever other maps are filmed."""
    letters = [ord(letter) for letter in task.map_name]
    return int(np.random.SeedSequence([task.footage.seed, *letters]).generate_state(1)[0] >> 1)


def _demo_shots(task: _Task, iwad: Path, which: tuple[str, int]) -> Iterator[Shot]:
    name, player = which
    demo = next(demo for demo in read_demos(iwad) if demo.name == name)
    for number, frame in enumerate(play_demo(demo, player, task.folder / WADS)):
        place = (frame.x, frame.y, frame.angle)
        yield Shot(number, frame.picture, frame.classes, frame.kind, frame.tic, place)


def _run(tasks: Sequence[_Task], workers: int, bar: "tqdm[Any]") -> None:
    """Do all tasks, in this process or in several."""
    if workers == 1 or len(tasks) == 1:
        for task in tasks:
            _make_recording(task)
            bar.update()
        return
    count = min(workers, len(tasks))
    context = multiprocessing.get_context("spawn")
    with single_threaded_children(), ProcessPoolExecutor(count, mp_context=context) as pool:
        try:
            for done in as_completed([pool.submit(_make_recording, task) for task in tasks]):
                done.result()
                bar.update()
        except BrokenProcessPool as error:
            raise OSError(
                "a filming process was killed, perhaps for memory; finished recordings are kept: "
                f"run again with fewer workers than {count}"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _finish(folder: Path, footage: DoomFootage) -> None:
    """Write the settings: the folder is finished."""
    path = folder / SETTINGS_FILE
    if not path.is_file():
        maps = footage.filmed_maps
        splits = asdict(split_maps(maps)) if len(maps) >= 3 else None
        write_json(path, {**footage.to_json(), "splits": splits})
    (folder / MAKING_FILE).unlink(missing_ok=True)
    shutil.rmtree(folder / WADS, ignore_errors=True)


def _rows(recording: Path) -> int:
    with (recording / "frames.csv").open(encoding="utf-8") as file:
        return sum(1 for _ in file) - 1
