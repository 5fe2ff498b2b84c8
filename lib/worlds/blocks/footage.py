"""Whole data sets of blocks-world footage: settings, parallel making, resuming."""

import json
import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from lib.files import digest, require_disk_space, write_json
from lib.progress import tqdm
from lib.worlds.blocks import layouts
from lib.worlds.blocks.camera import Camera, Mode
from lib.worlds.blocks.creatures import Creature
from lib.worlds.blocks.hand import Hand, overlay_hand
from lib.worlds.blocks.hud import Hud, overlay_hud
from lib.worlds.blocks.items import SLOTS
from lib.worlds.blocks.recording import plan_recording
from lib.worlds.blocks.sky import make_sky
from lib.worlds.blocks.species import Species
from lib.worlds.blocks.view import render
from lib.worlds.blocks.world import World, make_world
from lib.worlds.processes import single_threaded_children

Layout = Literal["minerl", "gamefactory"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
FORMAT_VERSION = 2
"""Raised whenever the same settings come to give other footage."""
MAX_WORLDS = 100_000
"""World i of seed s is number s * MAX_WORLDS + i: data sets of different seeds share no world."""
SETTINGS_FILE = "footage.json"
FINISHED_FOLDER = ".finished"
BYTES_PER_VALUE = 0.62
"""Of lossless video, per pixel and channel, measured 0.5 on varied footage and rounded up."""

# preset: (worlds, recordings per world, frames)
_SCALES: dict[str, dict[Layout, tuple[int, int, int]]] = {
    "tiny": {"minerl": (32, 2, 100), "gamefactory": (32, 2, 100)},
    "small": {"minerl": (60, 5, 160), "gamefactory": (60, 4, 200)},
    "full": {"minerl": (200, 10, 2000), "gamefactory": (500, 4, 2000)},
}
_SHAPES: dict[Layout, tuple[tuple[int, int], int]] = {
    "minerl": ((64, 64), 20),
    "gamefactory": ((72, 128), 16),
}


@dataclass(frozen=True)
class BlocksFootage:
    """Settings of a data set.

    layout: which original it looks like on disk. seed: which worlds. worlds, recordings_per_world,
    frames: how much. size: (rows, columns). supersample: rays a pixel and axis. frame_rate_hz:
    0 takes the layout's own, 20 or 16. hud: whether hand, hot bar and crosshair are drawn.
    creatures: whether anybody is about. Neither changes the path.
    """

    layout: Layout
    seed: int = 0
    worlds: int = 16
    recordings_per_world: int = 2
    frames: int = 130
    size: tuple[int, int] = (72, 128)
    supersample: int = 2
    frame_rate_hz: int = 0
    hud: bool = True
    creatures: bool = True

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, not {self.layout!r}")
        if self.frame_rate_hz == 0:
            object.__setattr__(self, "frame_rate_hz", _SHAPES[self.layout][1])
        least_frames = layouts.MINERL_LOADING_FRAMES + 2 if self.layout == "minerl" else 2
        for name, least, most in (
            ("seed", 0, 90_000),
            ("worlds", 1, MAX_WORLDS),
            ("recordings_per_world", 1, 1000),
            ("frames", least_frames, 1_000_000),
            ("supersample", 1, 8),
            ("frame_rate_hz", 1, 240),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(
                    f"{name} must be from {least} to {most}, not {value}; choose one in between"
                )
        if len(self.size) != 2 or min(self.size) < 8:
            raise ValueError(f"size must be (rows, columns), each at least 8, not {self.size}")

    @classmethod
    def preset(cls, name: str, layout: str, *, seed: int = 0) -> "BlocksFootage":
        """Settings by name.

        "tiny": 32 worlds, 6,400 frames, about half a minute on two cores, under 120 MB.
        "small": 60 worlds, 48,000 frames, three to eight minutes and under 1 GB. "full": the
        write-up's scale, 4 million frames: about an hour on 16 cores, 25 GB (minerl) or 60 GB
        (gamefactory).
        """
        if name not in _SCALES:
            raise ValueError(f"preset must be one of {', '.join(_SCALES)}, not {name!r}")
        if layout not in LAYOUTS:
            raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, not {layout!r}")
        chosen: Layout = "minerl" if layout == "minerl" else "gamefactory"
        worlds, recordings, frames = _SCALES[name][chosen]
        size, rate = _SHAPES[chosen]
        return cls(chosen, seed, worlds, recordings, frames, size, frame_rate_hz=rate)

    @property
    def world_seeds(self) -> range:
        """Seeds of the worlds, disjoint between data sets of different `seed`."""
        first = self.seed * MAX_WORLDS
        return range(first, first + self.worlds)


@dataclass(frozen=True)
class FootageReport:
    """What `make_footage` did: recordings made and kept, frames made, and how long it took."""

    made: int
    kept: int
    frames: int
    seconds: float


@dataclass(frozen=True)
class _Task:
    """Recordings of one world that are still to be made."""

    folder: Path
    config: BlocksFootage
    world_seed: int
    numbers: tuple[int, ...]


def _files(folder: Path, config: BlocksFootage, world_seed: int, number: int) -> Sequence[Path]:
    find = layouts.minerl_files if config.layout == "minerl" else layouts.gamefactory_files
    return find(folder, world_seed, number)


def _marker(folder: Path, world_seed: int, number: int) -> Path:
    """The file that says a recording is finished, with the hash of what it consists of."""
    return folder / FINISHED_FOLDER / f"{layouts.gamefactory_name(world_seed, number)}.json"


def _is_finished(folder: Path, config: BlocksFootage, world_seed: int, number: int) -> bool:
    """Whether all files of a recording are there and unchanged."""
    try:
        marker = json.loads(_marker(folder, world_seed, number).read_text(encoding="utf-8"))
        return bool(marker["hash"] == digest(_files(folder, config, world_seed, number)))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _make_recording(task: _Task, world: World, number: int) -> None:
    """Write one recording, and last the mark that it is finished."""
    config, folder = task.config, task.folder
    files = _files(folder, config, task.world_seed, number)
    marker = _marker(folder, task.world_seed, number)
    marker.unlink(missing_ok=True)
    for path in files:
        path.unlink(missing_ok=True)
        for leftover in path.parent.glob(f".{path.stem}.*.partial*"):
            leftover.unlink(missing_ok=True)
    minerl = config.layout == "minerl"
    recording = plan_recording(
        world,
        number,
        frames=config.frames,
        frame_rate_hz=float(config.frame_rate_hz),
        still_frames=layouts.MINERL_LOADING_FRAMES if minerl else 0,
    )
    write = layouts.write_minerl if minerl else layouts.write_gamefactory
    filming = layouts.Filming(
        config.size,
        config.supersample,
        config.frame_rate_hz,
        hud=config.hud,
        creatures=config.creatures,
    )
    write(folder, recording, number, filming)
    captions = [] if minerl else layouts.captions(recording, number)
    write_json(marker, {"hash": digest(files), "captions": captions})


def _make_world_recordings(task: _Task) -> int:
    """Work of one process: a world, then its recordings; gives how many."""
    world = make_world(task.world_seed)
    for number in task.numbers:
        _make_recording(task, world, number)
    return len(task.numbers)


def warm_up() -> None:
    """Compile what rendering needs, or load it from numba's cache (about 10 s the first time).

    Done once before several processes start, so that they find the cache filled.
    """
    world = make_world(0, size=32)
    camera = Camera(world, np.random.default_rng(0), mode=Mode.FLY)
    camera.step()
    eye = camera.pose.eye
    pig = Creature(Species.PIG, float(eye[0]), float(eye[1]), float(eye[2]) + 4.0)
    image = render(
        world, eye, (0.0, 0.0), make_sky(0.2), size=(8, 8), supersample=1, creatures=[pig]
    )
    overlay_hand(image, Hand(), np.ones(3), supersample=1)
    overlay_hud(image, Hud((None,) * SLOTS, 0))


def _settings(config: BlocksFootage) -> dict[str, Any]:
    """`config` and the format version as JSON gives them back."""
    settings: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return {"format_version": FORMAT_VERSION, **settings}


def _check_settings(folder: Path, config: BlocksFootage) -> None:
    """Raise `ValueError` if the folder was made with other settings than `config`."""
    path = folder / SETTINGS_FILE
    if not path.exists():
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{path} is not readable as settings; delete the folder {folder}")
    for name, value in _settings(config).items():
        if found.get(name) != value:
            raise ValueError(
                f"{folder} holds footage made with {name} = {found.get(name)}, but now {name} = "
                f"{value} is asked for; name another folder, delete this one, or ask for "
                f"{found.get(name)} again"
            )


def _run(tasks: Sequence[_Task], workers: int, bar: "tqdm[Any]") -> None:
    """Do all tasks, in this process or in several."""
    if workers == 1 or len(tasks) <= 1:
        for task in tasks:
            bar.update(_make_world_recordings(task))
        return
    with single_threaded_children():
        context = multiprocessing.get_context("spawn")
        with context.Pool(min(workers, len(tasks))) as pool:
            for count in pool.imap_unordered(_make_world_recordings, tasks):
                bar.update(count)


def _gather_annotations(folder: Path, config: BlocksFootage) -> None:
    rows: list[Sequence[str | int]] = []
    for seed in config.world_seeds:
        for number in range(config.recordings_per_world):
            marker = json.loads(_marker(folder, seed, number).read_text(encoding="utf-8"))
            rows.extend(marker["captions"])
    layouts.write_annotations(folder, rows)


def make_footage(
    folder: Path,
    config: BlocksFootage,
    *,
    workers: int | None = None,
    progress: bool = True,
) -> FootageReport:
    """Make the data set `config` in `folder`, or what is still missing of it.

    A finished recording (all files there, hashes right) is kept, an interrupted or damaged one is
    made again. `workers` processes run side by side, by default one a core; several need the
    usual `if __name__ == "__main__"` in scripts. The same settings give the same bytes, however
    many workers there are.

    Raises `ValueError` if `folder` holds footage of other settings, `DiskSpaceError` if the disk
    has too little room.
    """
    started = time.monotonic()
    workers = len(os.sched_getaffinity(0)) if workers is None else workers
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}; None takes one a core")
    _check_settings(folder, config)
    numbers = range(config.recordings_per_world)
    tasks = []
    for seed in config.world_seeds:
        missing = tuple(n for n in numbers if not _is_finished(folder, config, seed, n))
        if missing:
            tasks.append(_Task(folder, config, seed, missing))
    made = sum(len(task.numbers) for task in tasks)
    total = config.worlds * config.recordings_per_world
    rows, columns = config.size
    needed = int(made * config.frames * (rows * columns * 3 * BYTES_PER_VALUE + 500))
    require_disk_space(folder, needed, f"blocks footage ({made} recordings)")
    write_json(folder / SETTINGS_FILE, _settings(config))
    if tasks:
        warm_up()
        with tqdm(
            desc="blocks footage",
            total=total,
            initial=total - made,
            unit="recording",
            disable=not progress,
        ) as bar:
            _run(tasks, workers, bar)
    if config.layout == "gamefactory":
        _gather_annotations(folder, config)
    seconds = time.monotonic() - started
    return FootageReport(made, total - made, made * config.frames, seconds)
