"""``seeing footage``: made as asked, described and drawn."""

import sys
import types
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from lib.cli import footage as cli_footage
from lib.worlds.garage.database import write_database
from lib.worlds.garage.footage import GarageFootage, rows_of
from lib.worlds.garage.loadout import NEW_BODIES, Body, Shares, Variant
from tests.cli import call


@pytest.fixture
def blocks(monkeypatch):
    """A world of blocks that films nothing."""
    calls = []
    module = types.ModuleType("lib.worlds.blocks")

    class BlocksFootage:
        @classmethod
        def preset(cls, name, layout, *, seed=0):
            return (name, layout, seed)

    def make_footage(folder, footage, *, workers=None):
        calls.append((folder, footage, workers))
        return types.SimpleNamespace(made=3, kept=1, frames=1200, seconds=4.0)

    module.BlocksFootage, module.make_footage = BlocksFootage, make_footage
    monkeypatch.setitem(sys.modules, "lib.worlds.blocks", module)
    return calls


def test_footage_is_made_as_asked(blocks):
    arguments = ["--layout", "gamefactory", "--preset", "small", "--seed", "7", "--workers", "2"]
    result, text = call("footage", "make", "blocks", "there", *arguments)
    assert result.exit_code == 0, text
    assert blocks == [(Path("there"), ("small", "gamefactory", 7), 2)]
    assert "3 recordings made, 1 kept, 1,200 frames" in text


@pytest.fixture
def cars(monkeypatch):
    """A garage whose pictures nobody takes."""
    calls = []

    def make_garage(folder, footage, *, workers=None):
        calls.append((folder, footage, workers))
        return types.SimpleNamespace(made=3990, kept=10, seconds=2.0)

    monkeypatch.setattr("lib.worlds.garage.make_garage", make_garage)
    return calls


def test_cars_are_made_as_asked(cars):
    arguments = ["--variant", "hard", "--shares", "balanced", "--bodies", "new", "--seed", "7"]
    result, text = call("footage", "make", "garage", "there", *arguments, "--preset", "small")
    assert result.exit_code == 0, text
    preset = partial(GarageFootage.preset, "small", variant="hard", shares="balanced", seed=7)
    assert cars == [(Path("there"), preset(bodies=NEW_BODIES), None)]
    assert "3,990 images made, 10 kept, 2.0 s, 1,995 images/s" in text
    assert call("footage", "make", "garage", "there", "--workers", "2")[0].exit_code == 0
    assert cars[1:] == [(Path("there"), GarageFootage.preset("tiny"), 2)]
    assert call("footage", "make", "garage", "there", "--bodies", "all")[0].exit_code == 0
    assert cars[2][1].bodies == tuple(Body)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("garage", "--layout", "minerl"), "--layout: only blocks has that, not garage"),
        (
            ("blocks", "--variant", "hard", "--bodies", "new"),
            "--variant, --bodies: only garage has that, not blocks; leave it out, or make garage",
        ),
    ],
)
def test_options_of_another_world_are_refused(blocks, cars, arguments, message):
    world, *options = arguments
    result, text = call("footage", "make", world, "there", *options)
    assert result.exit_code == 1
    assert message in text
    assert blocks == cars == []


def test_choices_of_cars_are_those_of_the_library():
    assert tuple(cli_footage.Variant) == tuple(Variant)
    assert tuple(cli_footage.Shares) == get_args(Shares)


def test_a_folder_of_cars_is_described(tmp_path):
    footage = GarageFootage(Variant.FAITHFUL, loadouts=6, bodies=(Body.OCTANE, Body.PICKUP))
    rows = list(rows_of(footage))
    write_database(tmp_path / "dataset.db", rows, footage.bodies)
    for row in rows[2:]:
        Image.new("RGB", (40, 15)).save(tmp_path / f"{row.uuid}.jpg")
    result, text = call("footage", "info", tmp_path)
    assert result.exit_code == 0, text
    for told in (
        "layout sideswipe",
        "images 58",
        "loadouts 6",
        "octane-like 28 (48.3%), pickup 30 (51.7%)",
        "40 × 15 pixels",
        f"2 ({rows[0].uuid}, {rows[1].uuid})",
    ):
        assert told in text
    result, text = call("footage", "info", tmp_path, "--sheet", tmp_path / "sheet.png")
    assert result.exit_code == 1
    assert "--sheet draws videos and frame stores" in text


def test_unknown_worlds_and_layouts_are_usage_errors(blocks):
    result, text = call("footage", "make", "square", "there")
    assert result.exit_code == 2
    assert "blocks" in text
    assert call("footage", "make", "blocks", "there", "--layout", "x")[0].exit_code == 2
    assert call("footage", "make", "blocks", "there", "--workers", "0")[0].exit_code == 2
    assert blocks == []


def write_video(path: Path, *, grey: int, frames: int = 12) -> None:
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for _ in range(frames):
            picture = np.full((64, 96, 3), grey, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def test_footage_is_described_and_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place, grey in enumerate((40, 200)):
        write_video(tmp_path / f"d/data_1/video/seed_{place}_part_0.mp4", grey=grey)
    result, text = call("footage", "info", "d", "--sheet", "sheet.png")
    assert result.exit_code == 0, text
    for told in (
        "gamefactory",
        "recordings 2",
        "frames 24",
        "96 × 64 pixels",
        "20 Hz",
        "sheet.png",
    ):
        assert told in text
    sheet = np.asarray(Image.open("sheet.png"))
    assert sheet.shape == (2 * 128 + 4, 6 * 192 + 5 * 4, 3)
    assert abs(int(sheet[10, 10, 0]) - 40) < 10
    assert abs(int(sheet[-10, -10, 0]) - 200) < 10
    result, text = call("footage", "info", "d", "--sheet", "sheet.jpg")
    assert result.exit_code == 1
    assert "ends in .png" in text


def test_a_folder_without_footage_is_told(tmp_path):
    result, text = call("footage", "info", tmp_path)
    assert result.exit_code == 1
    assert "no footage in" in text
