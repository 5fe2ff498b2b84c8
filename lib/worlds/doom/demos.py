"""Recorded play: the demos in Freedoom, played back as frames with the class of every pixel.

A demo is the list of what players pressed, tic by tic; the game plays itself from it. It is played
twice at once, with the game's WAD and with its label WAD (`lib.worlds.doom.repaint`), each by a
process of its own (`lib.worlds.doom.demo_engine`), and both must show the same view of the same
place at the same tic. Demos for several players give one view each. Format: *The Unofficial Doom
Specs* 1.666, chapter 12.
"""

import importlib.util
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from jaxtyping import UInt8

from lib.worlds.doom.classes import FrameKind
from lib.worlds.doom.demo_engine import RECORD, SIZE, TICS_PER_FRAME
from lib.worlds.doom.repaint import label_wad
from lib.worlds.doom.truth import classes_of, screen_classes_of
from lib.worlds.doom.wad import Lump, read_wad

_VERSION = 109  # Doom 1.9
_HEADER_BYTES = 13
_PLAYER_BYTE = 8  # of the header: whose view it is
_MAX_PLAYERS = 4
_TIC_BYTES = 4  # a player: forward, sideways, turn, buttons
_END = b"\x80"
_UNPLAYED_TICS = 5  # the engine waits for ever where a demo ends
_LEVEL = 0  # the engine's state while a map is played
_VIEW_HEIGHT = 168  # rows above the status bar
_HORIZON = 84
_FULL_TURN = 2**32


class DemoError(ValueError):
    """A demo cannot be played, or does not play the same twice."""


@dataclass(frozen=True)
class Demo:
    """A recorded game: `name` is its lump, `level` its map (``MAP03``, ``E1M6``).

    `players` are the numbers of those who play (0 to 3), `tics` the length, 35 a second.
    """

    iwad: Path
    name: str
    level: str
    players: tuple[int, ...]
    tics: int
    data: bytes

    @property
    def frames(self) -> int:
        """How many frames `play_demo` yields at most: 10 a second, a few tics left out."""
        return math.ceil((self.tics - _UNPLAYED_TICS) / TICS_PER_FRAME)


@dataclass(frozen=True)
class DemoFrame:
    """One frame: its picture (RGB), the `PixelClass` of every pixel, and where it was seen from.

    `tic` counts from the demo's start, `x` and `y` are in map units, `angle` in degrees from
    east, anticlockwise.
    """

    tic: int
    kind: FrameKind
    level: str
    x: float
    y: float
    angle: float
    picture: UInt8[np.ndarray, "200 320 3"]
    classes: UInt8[np.ndarray, "200 320"]


class _Log(NamedTuple):
    """One `RECORD` of the engine."""

    tic: int
    state: int
    automap: int
    menu: int
    episode: int
    map: int
    x: float
    y: float
    angle: int


def read_demos(iwad: Path) -> tuple[Demo, ...]:
    """The demos in `iwad`, in order: DEMO1, DEMO2, …"""
    lumps = [lump for lump in read_wad(iwad).lumps if lump.name.startswith("DEMO")]
    return tuple(_read_demo(iwad, lump) for lump in sorted(lumps, key=lambda lump: lump.name))


def _read_demo(iwad: Path, lump: Lump) -> Demo:
    data = lump.data
    if len(data) < _HEADER_BYTES or data[0] != _VERSION:
        raise DemoError(
            f"{lump.name} of {iwad.name} begins with {data[:1]!r}, but a demo of Doom 1.9 begins "
            f"with {bytes([_VERSION])!r}; only those can be played"
        )
    _, episode, number = data[1:4]
    players = tuple(i for i in range(_MAX_PLAYERS) if data[_PLAYER_BYTE + 1 + i])
    body = data[_HEADER_BYTES:]
    size = _TIC_BYTES * max(1, len(players))
    tics = (
        next((i for i in range(0, len(body), size) if body[i : i + 1] == _END), len(body)) // size
    )
    return Demo(iwad, lump.name, _level(iwad, episode, number), players, tics, data)


def _level(iwad: Path, episode: int, number: int) -> str:
    return f"E{episode}M{number}" if "1" in iwad.stem else f"MAP{number:02d}"


def require_engine() -> None:
    """Raise `DemoError` where cydoomgeneric is not installed, saying how to get it."""
    if importlib.util.find_spec("cydoomgeneric") is None:
        raise DemoError(
            "demos are played by the package cydoomgeneric, which is not installed. "
            "`pip install cydoomgeneric` builds it; that needs a C compiler. It is GPL-2 and runs "
            "as a program of its own. Without it, make footage with the scripted player alone"
        )


def play_demo(demo: Demo, player: int, folder: Path) -> Iterator[DemoFrame]:
    """Play `demo` as `player` sees it; yields frames in time order, 10 a second of game time.

    `folder` is where the label WAD is made or found. Raises `ValueError` where `player` does not
    play, `DemoError` where the engine is missing or fails, or the two runs part.
    """
    if player not in demo.players:
        raise ValueError(
            f"player is {player}, but {demo.name} of {demo.iwad.name} has players "
            f"{', '.join(map(str, demo.players))}; choose one of them"
        )
    require_engine()
    labels = label_wad(demo.iwad, folder)
    with ExitStack() as stack:
        runs = [stack.enter_context(_Engine(demo, player, iwad)) for iwad in (demo.iwad, labels)]
        for number in range(demo.frames):
            seen, labelled = (run.read() for run in runs)
            if seen is None and labelled is None:
                break
            yield _frame(demo, number, seen, labelled)
        else:
            return
        if number < demo.frames - 2:
            raise DemoError(runs[0].complaint(f"ended at frame {number} of {demo.frames}"))


def _frame(
    demo: Demo,
    number: int,
    seen: tuple[_Log, UInt8[np.ndarray, "200 320 3"]] | None,
    labelled: tuple[_Log, UInt8[np.ndarray, "200 320 3"]] | None,
) -> DemoFrame:
    if seen is None or labelled is None or seen[0] != labelled[0]:
        raise DemoError(
            f"{demo.name} of {demo.iwad.name} plays differently with its label WAD from frame "
            f"{number} on: {seen and seen[0]} against {labelled and labelled[0]}. Remove the label "
            "WAD so that it is made anew; a WAD that draws chance from its pictures has no truth"
        )
    log, picture = seen
    kind = _kind(log)
    if kind is FrameKind.PLAY:
        classes = classes_of(labelled[1], horizon=_HORIZON, view_height=_VIEW_HEIGHT)
    else:
        status_bar = kind is FrameKind.AUTOMAP
        classes = screen_classes_of(labelled[1], view_height=_VIEW_HEIGHT if status_bar else None)
    level = _level(demo.iwad, log.episode, log.map)
    angle = 360.0 * log.angle / _FULL_TURN
    return DemoFrame(log.tic, kind, level, log.x, log.y, angle, picture, classes)


def _kind(log: _Log) -> FrameKind:
    if log.menu:
        return FrameKind.MENU
    if log.state != _LEVEL:
        return FrameKind.INTERMISSION
    return FrameKind.AUTOMAP if log.automap else FrameKind.PLAY


class _Engine:
    """One run of the engine, in a folder and a process of its own, ended with the `with` block."""

    def __init__(self, demo: Demo, player: int, iwad: Path) -> None:
        self.demo, self.player, self.iwad = demo, player, iwad

    def __enter__(self) -> "_Engine":
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-")))
            data = bytearray(self.demo.data)
            data[_PLAYER_BYTE] = self.player  # status bar and messages, too, are this player's
            (folder / "PLAYED.lmp").write_bytes(data)
            self.errors: IO[bytes] = stack.enter_context((folder / "errors.txt").open("w+b"))
            self.process = self._start(folder)
            stack.callback(self._stop)
            self._stack = stack.pop_all()
        return self

    def _start(self, folder: Path) -> subprocess.Popen[bytes]:
        program = Path(__file__).with_name("demo_engine.py")
        last = str(self.demo.tics - _UNPLAYED_TICS)
        command = [sys.executable, "-P", str(program), str(self.iwad.resolve()), "PLAYED.lmp", last]
        home = os.environ | {"HOME": str(folder)}  # where the game looks for settings
        return subprocess.Popen(
            command, cwd=folder, env=home, stdout=subprocess.PIPE, stderr=self.errors
        )

    def _stop(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.kill()
        self.process.wait()

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def read(self) -> tuple[_Log, UInt8[np.ndarray, "200 320 3"]] | None:
        """The next frame; None at the end. Raises `DemoError` where the engine failed."""
        assert self.process.stdout is not None
        rows, columns = SIZE
        data = self.process.stdout.read(RECORD.size + rows * columns * 3)
        if len(data) == RECORD.size + rows * columns * 3:
            pixels = np.frombuffer(data, np.uint8, offset=RECORD.size)
            return _Log(*RECORD.unpack_from(data)), pixels.reshape(rows, columns, 3)
        code = self.process.wait()
        if data or code:
            raise DemoError(self.complaint(f"ended with exit status {code}"))
        return None

    def complaint(self, what: str) -> str:
        """`what` happened, with the last lines that the engine printed."""
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        last = "\n".join(lines[-4:])
        return f"playing {self.demo.name} of {self.demo.iwad.name} {what}. It said:\n{last}"
