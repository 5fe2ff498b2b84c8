import ctypes
import importlib.util
import struct
import sys
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest

from lib.worlds.doom import demo_engine, demos
from lib.worlds.doom.classes import FrameKind, PixelClass
from lib.worlds.doom.demos import DemoError, play_demo, read_demos
from lib.worlds.doom.truth import label_index, label_palette
from lib.worlds.doom.wad import FREEDOOM, Lump, Wad, freedoom, write_wad

needs_engine = pytest.mark.skipif(
    importlib.util.find_spec("cydoomgeneric") is None, reason="cydoomgeneric is not installed"
)
PIXELS = 200 * 320 * 3


def demo_lump(*, players=(1, 0, 0, 0), tics=40, version=109):
    header = bytes([version, 2, 1, 7, 0, 0, 0, 0, 0, *players])
    return header + bytes(4 * sum(players) * tics) + b"\x80"


@pytest.fixture
def demo(tmp_path):
    path = tmp_path / "freedoom2.wad"
    write_wad(path, Wad("IWAD", (Lump("DEMO1", demo_lump(players=(1, 0, 1, 0))),)))
    return read_demos(path)[0]


def test_a_demo_says_who_plays_what_for_how_long(demo):
    assert (demo.name, demo.level, demo.players, demo.tics) == ("DEMO1", "MAP07", (0, 2), 40)
    assert demo.frames == 10  # (40 − 5) / 3.5


def test_freedooms_demos():
    found = {
        (name[8], demo.level): (len(demo.players), demo.tics)
        for name in FREEDOOM
        for demo in read_demos(freedoom(name))
    }
    assert found == {
        ("1", "E1M6"): (1, 7117),
        ("1", "E2M4"): (3, 7089),
        ("1", "E3M9"): (3, 6042),
        ("1", "E4M6"): (3, 3136),
        ("2", "MAP03"): (1, 2664),
        ("2", "MAP10"): (2, 5444),
        ("2", "MAP22"): (1, 2743),
        ("2", "MAP23"): (2, 4662),
    }


@pytest.mark.parametrize("lump", [b"", b"\x6d\x02", demo_lump(version=203)])
def test_a_demo_of_another_game_is_refused(tmp_path, lump):
    path = tmp_path / "a.wad"
    write_wad(path, Wad("IWAD", (Lump("DEMO2", lump),)))
    with pytest.raises(DemoError, match=r"DEMO2 of a.wad begins with .* demo of Doom 1.9 begins"):
        read_demos(path)


def test_a_player_who_does_not_play_is_refused(demo, tmp_path):
    with pytest.raises(
        ValueError, match=r"player is 1, but DEMO1 of freedoom2.wad has players 0, 2"
    ):
        next(play_demo(demo, 1, tmp_path))


def test_without_the_engine_it_says_how_to_get_it(demo, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        DemoError, match=r"`pip install cydoomgeneric` .* a C compiler. It is GPL-2"
    ):
        next(play_demo(demo, 0, tmp_path))


FAKE = """
import struct, sys
shift, frames, status, view = {}
for k in range(frames):
    tic = max(1, -(-7 * k // 2))
    record = struct.pack("<6i2dI", tic, *view, 1, 7, 1.5 + shift * (k > 2), -2.0, 2**30)
    sys.stdout.buffer.write(record + bytes({}) * (200 * 320))
sys.stdout.buffer.flush()
print("Error: out of ammunition", file=sys.stderr)
sys.exit(status)
"""


@pytest.fixture
def play(demo, tmp_path, monkeypatch):
    """Play `demo` with engines that only write what they are told."""

    def fake(*, shift=0.0, frames=10, status=0, view=(0, 0, 0), kind=PixelClass.FLOOR):
        colours = ([9, 8, 7], label_palette()[label_index(kind)].tolist())
        scripts = [
            FAKE.format((part, frames, status, view), colour)
            for part, colour in zip((0.0, shift), colours, strict=True)
        ]
        labels = tmp_path / "label.wad"
        labels.touch()

        def start(engine, folder):
            script = folder / "fake.py"
            script.write_text(scripts[engine.iwad == labels])
            return demos.subprocess.Popen(
                [sys.executable, str(script)], stdout=demos.subprocess.PIPE, stderr=engine.errors
            )

        monkeypatch.setattr(demos, "require_engine", lambda: None)
        monkeypatch.setattr(demos, "label_wad", lambda iwad, folder: labels)
        monkeypatch.setattr(demos._Engine, "_start", start)
        return play_demo(demo, 0, tmp_path)

    return fake


def test_frames_carry_picture_truth_and_place(play):
    frames = list(play())
    assert [frame.tic for frame in frames] == [1, 4, 7, 11, 14, 18, 21, 25, 28, 32]
    last = frames[-1]
    assert (last.x, last.y, last.angle, last.level) == (1.5, -2.0, 90.0, "MAP07")
    assert last.kind is FrameKind.PLAY
    assert (last.picture == [9, 8, 7]).all()
    parts = [last.classes[rows] for rows in (slice(84), slice(84, 168), slice(168, 200))]
    assert [np.unique(part).tolist() for part in parts] == [
        [PixelClass.CEILING],
        [PixelClass.FLOOR],
        [PixelClass.HUD],
    ]


@pytest.mark.parametrize(
    ("view", "kind", "bottom"),
    [
        ((1, 0, 0), FrameKind.INTERMISSION, PixelClass.SCREEN),
        ((0, 1, 0), FrameKind.AUTOMAP, PixelClass.HUD),
        ((0, 0, 1), FrameKind.MENU, PixelClass.SCREEN),
    ],
)
def test_what_is_no_view_of_the_map_fills_the_screen(play, view, kind, bottom):
    frame = next(play(view=view))
    assert frame.kind is kind
    assert set(frame.classes[:168].ravel()) == {PixelClass.SCREEN}
    assert set(frame.classes[168:].ravel()) == {bottom}


def test_two_runs_that_part_are_refused(play):
    frames = play(shift=0.25)
    assert len(list(islice(frames, 3))) == 3
    with pytest.raises(DemoError, match=r"plays differently with its label WAD from frame 3 on"):
        next(frames)


def test_an_engine_that_fails_is_quoted(play):
    with pytest.raises(DemoError, match=r"(?s)exit status 3. It said:\n.*out of ammunition"):
        list(play(frames=2, status=3))


def test_an_engine_that_ends_early_is_refused(play):
    with pytest.raises(DemoError, match=r"ended at frame 4 of 10"):
        list(play(frames=4))


def recorder(sink, last_tic=1000):
    """A recorder of a game that is a plain object: (recorder, its variables by name)."""
    names = ("gametic", "gamestate", "automapactive", "menuactive", "gameepisode", "gamemap")
    game = {name: SimpleNamespace(value=0) for name in (*names, "viewx", "viewy", "viewangle")}
    types = [SimpleNamespace(in_dll=lambda lib, name: lib[name]) for _ in range(2)]
    fake = SimpleNamespace(c_int=types[0], c_uint32=types[1])
    before, demo_engine.ctypes = demo_engine.ctypes, fake
    try:
        return demo_engine.Recorder(game, sink, last_tic), game
    finally:
        demo_engine.ctypes = before


def test_the_last_drawing_of_a_due_tic_is_written_once(tmp_path):
    path = tmp_path / "frames"
    with path.open("wb", buffering=0) as file:
        record, game = recorder(file.fileno())
        for tic, drawings in ((0, 1), (1, 3), (2, 1), (3, 1), (4, 2), (5, 1)):
            game["gametic"].value = tic
            game["viewx"].value = 65536 * tic
            for drawing in range(drawings):
                screen = np.full((400, 640, 4), [3, 2, 10 * tic + drawing, 0], np.uint8)
                record.draw(screen)
    data = path.read_bytes()
    size = demo_engine.RECORD.size + PIXELS
    assert len(data) == 2 * size
    for i, (tic, red) in enumerate([(1, 12), (4, 41)]):
        log = demo_engine.RECORD.unpack_from(data, i * size)
        assert (log[0], log[6]) == (tic, float(tic))
        assert data[i * size + demo_engine.RECORD.size :][:3] == bytes([red, 2, 3])


def test_a_record_holds_what_the_reader_expects():
    assert demo_engine.RECORD.size == struct.calcsize("<6i2dI") == 44
    assert len(demos._Log._fields) == len(demo_engine.RECORD.unpack(bytes(44)))
    assert ctypes.sizeof(ctypes.c_int) == 4


@needs_engine
@pytest.mark.slow
def test_freedoom_plays_itself(tmp_path):
    demo = read_demos(freedoom("freedoom2.wad"))[0]
    frames = list(islice(play_demo(demo, 0, tmp_path), 60))
    assert [frame.tic for frame in frames[1:5]] == [4, 7, 11, 14]
    assert len({(frame.x, frame.y) for frame in frames}) > 20
    classes = np.stack([frame.classes for frame in frames])
    share = np.bincount(classes.ravel(), minlength=256) / classes.size
    assert share[PixelClass.HUD] == pytest.approx(0.16, abs=0.01)
    assert share[PixelClass.WALL] > 0.2
    assert share[PixelClass.FLOOR] > 0.05
    assert share[255] < 1e-4
