"""A program of its own: plays one recorded demo with cydoomgeneric and writes what it shows.

`lib.worlds.doom.demos` starts it; nothing imports it, since cydoomgeneric is GPL-2 and the book is
not. It imports nothing of the book and talks through standard output alone: for each frame a
`RECORD` followed by 320×200 pixels of RGB.

Arguments: the IWAD, a demo as a file, and the tic at which to stop. The game's clock is fed by
hand, 7 ms a question, so that playing takes no longer than drawing; its globals are read through
ctypes. At the end of a demo the game would wait for ever: it is left some tics before.
"""

import ctypes
import importlib
import math
import os
import struct
import sys
from typing import Any

RECORD = struct.Struct("<6i2dI")
"""tic, state, automap on, menu on, episode, map, x, y (map units), angle (2³² a turn)."""
SIZE = (200, 320)  # rows, columns
TICS_PER_FRAME = 3.5  # 35 tics a second, 10 frames
_CLOCK_STEP_MS = 7
_INTS = ("gametic", "gamestate", "automapactive", "menuactive", "gameepisode", "gamemap")
_FIXED_ONE = 65536  # Doom counts places in 16.16 fixed point


class Recorder:
    """Takes the engine's pictures and writes those that are due.

    A tic may be drawn several times, while one screen melts into the next: the last drawing
    counts.
    """

    def __init__(self, game: Any, sink: int, last_tic: int) -> None:
        self.sink, self.last_tic = sink, last_tic
        self.ints = [ctypes.c_int.in_dll(game, name) for name in _INTS]
        self.place = [ctypes.c_int.in_dll(game, name) for name in ("viewx", "viewy")]
        self.angle = ctypes.c_uint32.in_dll(game, "viewangle")
        self.tic, self.frame, self.pending = -1, 0, b""
        self.clock_ms = 0

    def draw(self, screen: Any) -> None:
        """Called by the engine with each picture, BGRA of any multiple of `SIZE`."""
        tic = self.ints[0].value
        if tic != self.tic:
            self._write(self.pending)
            self.pending = b""
            if tic >= self.last_tic:
                os._exit(0)
        due = max(1, math.ceil(TICS_PER_FRAME * self.frame))
        if tic >= due or (tic == self.tic and self.pending):
            self.frame += tic != self.tic
            step = screen.shape[0] // SIZE[0]
            state = [value.value for value in self.ints]
            place = [value.value / _FIXED_ONE for value in self.place]
            record = RECORD.pack(*state, *place, self.angle.value)
            self.pending = record + screen[::step, ::step, 2::-1].tobytes()
        self.tic = tic

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self.sink, data) :]
            except BrokenPipeError:  # the reader has seen enough
                os._exit(0)

    def ticks_ms(self) -> int:
        """The engine's clock."""
        self.clock_ms += _CLOCK_STEP_MS
        return self.clock_ms


def main(iwad: str, demo: str, last_tic: str) -> None:
    """Play `demo` until `last_tic` and end the process."""
    sink = os.dup(1)
    os.dup2(2, 1)  # what the game itself prints shall not mix with the pictures
    engine = importlib.import_module("cydoomgeneric")
    recorder = Recorder(ctypes.CDLL(str(engine.__file__)), sink, int(last_tic))
    rows, columns = SIZE
    engine.init(
        columns,
        rows,
        recorder.draw,
        lambda: None,
        sleep_ms=lambda ms: None,
        get_ticks_ms=recorder.ticks_ms,
    )
    engine.main(["doom", "-iwad", iwad, "-nosound", "-timedemo", demo.removesuffix(".lmp")])


if __name__ == "__main__":
    main(*sys.argv[1:])
