"""Footage of people and sprites from the shell: made as asked, described, drawn."""

import json
import shutil
import types
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from lib.cli.worlds import Background, Density
from lib.data.mot.discovery import discover_sequences
from lib.figures.people import track_colour
from lib.worlds import plaza as plaza_world
from lib.worlds import sprites as sprites_world
from lib.worlds.plaza import PlazaFootage, make_plaza
from lib.worlds.sprites import SpritesFootage, make_sprites
from tests.data.mot import walkers, write_gt, write_motchallenge, write_motsynth, write_pictures
from tests.test_cli import call

PLAZA = PlazaFootage(
    seed=5, scenes=1, clips=2, frames=7, size_px=32, people=5, backgrounds=("black", "hard")
)


@pytest.fixture(scope="module")
def plaza(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plaza")
    make_plaza(folder, PLAZA, workers=1, progress=False)
    return folder


@pytest.fixture
def asked(monkeypatch):
    """What was to be made; nothing is."""
    calls = []

    def make(folder, footage, *, workers=None):
        calls.append((folder, footage, workers))
        return types.SimpleNamespace(made=1030, kept=10, frames=20600, seconds=4.0)

    monkeypatch.setattr("lib.worlds.plaza.make_plaza", make)
    monkeypatch.setattr("lib.worlds.sprites.make_sprites", make)
    return calls


class TestMake:
    def test_the_plaza_is_made_as_asked(self, asked):
        arguments = ["--background", "hard", "--background", "black", "--background", "hard"]
        arguments += ["--preset", "small", "--seed", "7", "--workers", "2"]
        result, text = call("footage", "make", "plaza", "there", *arguments)
        assert result.exit_code == 0, text
        wanted = PlazaFootage.preset("small", seed=7, backgrounds=("black", "hard"))
        assert asked == [(Path("there"), wanted, 2)]
        assert "1,030 sequences made, 10 kept, 20,600 frames, 4.0 s" in text
        assert "look seeing footage info there" in text

    def test_sprites_are_made_as_asked(self, asked):
        arguments = ["--density", "dense", "--textured", "--background", "gradient"]
        result, text = call("footage", "make", "sprites", "there", *arguments, "--seed", "3")
        assert result.exit_code == 0, text
        wanted = SpritesFootage.preset(
            "tiny", seed=3, density="dense", textured=True, backgrounds=("gradient",)
        )
        assert asked == [(Path("there"), wanted, None)]

    @pytest.mark.parametrize(
        ("world", "footage"),
        [("plaza", PlazaFootage.preset("tiny")), ("sprites", SpritesFootage.preset("tiny"))],
    )
    def test_without_options_it_is_the_library_s_own_choice(self, asked, world, footage):
        assert call("footage", "make", world, "there")[0].exit_code == 0
        assert asked == [(Path("there"), footage, None)]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                ("sprites", "--background", "black", "--background", "blurred"),
                "--background blurred: sprites has black, gradient, leaves; choose among these",
            ),
            (
                ("doom", "--background", "hard"),
                "--background: only plaza and sprites have that, not doom; leave it out, or make "
                "plaza or sprites",
            ),
            (
                ("plaza", "--density", "dense", "--textured"),
                "--density, --textured: only sprites has that, not plaza",
            ),
            (("plaza", "--layout", "minerl"), "--layout: only blocks has that, not plaza"),
            (("sprites", "--bodies", "new"), "--bodies: only garage has that, not sprites"),
            (("plaza", "--seed", "-1"), "seed must be from 0"),
        ],
    )
    def test_options_that_do_nothing_are_refused(self, asked, arguments, message):
        world, *options = arguments
        result, text = call("footage", "make", world, "there", *options)
        assert result.exit_code == 1
        assert message in text
        assert asked == []

    @pytest.mark.parametrize("option", ["--background", "--density"])
    def test_unknown_choices_are_usage_errors(self, asked, option):
        result, text = call("footage", "make", "sprites", "there", option, "pink")
        assert result.exit_code == 2
        assert "pink" in text
        assert asked == []

    def test_choices_are_those_of_the_library(self):
        assert tuple(Background) == get_args(plaza_world.Background)
        assert tuple(Density) == get_args(sprites_world.Density)

    def test_the_help_teaches_both(self):
        result, text = call("footage", "make", "--help")
        assert result.exit_code == 0
        examples = text.split("Examples")[1]
        assert "seeing footage make plaza" in examples
        assert "seeing footage make sprites" in examples
        assert "seeing footage info data/plaza --sheet" in call("footage", "info", "--help")[1]


class TestInfo:
    def test_the_plaza_is_described(self, plaza):
        result, text = call("footage", "info", plaza)
        assert result.exit_code == 0, text
        clips = [one for one in discover_sequences(plaza).sequences if "black" in one.name]
        tracks = sum(len(set(one.annotations.ids.tolist())) for one in clips)
        for told in (
            "layout MOTChallenge, of the plaza world",
            "sequences 4 (2 clips over black, hard)",
            "scenes 1 (a split holds out whole scenes)",
            "frames 28, 10 a second: 3 s",
            "size 32 × 32 pixels",
            "truth boxes and masks",
            "in view ",
            f"tracks {tracks}, of ",
            "visible ",
        ):
            assert told in text
        assert "unfinished" not in text

    def test_sprites_are_described(self, tmp_path):
        footage = SpritesFootage(clips=3, frames=4, size_px=24, density="medium", textured=True)
        make_sprites(tmp_path, footage, workers=1, progress=False)
        result, text = call("footage", "info", tmp_path)
        assert result.exit_code == 0, text
        for told in (
            "of the sprites world",
            "sequences 3 (3 clips over black)",
            "sprites medium, textured",
            "frames 12",
        ):
            assert told in text

    def test_unfinished_footage_says_so(self, plaza, tmp_path):
        copy = shutil.copytree(plaza, tmp_path / "copy")
        shutil.rmtree(copy / "plaza000-001-hard")
        result, text = call("footage", "info", copy)
        assert result.exit_code == 0, text
        assert "unfinished 3 of 4 sequences are made" in text

    @pytest.mark.parametrize("damage", ["{", "[]", json.dumps({"world": "garden"})])
    def test_damaged_settings_are_named(self, plaza, tmp_path, damage):
        copy = shutil.copytree(plaza, tmp_path / "copy")
        (copy / "footage.json").write_text(damage)
        result, text = call("footage", "info", copy)
        assert result.exit_code == 1
        assert "footage.json" in text
        assert "Traceback" not in text

    def test_real_footage_is_described(self, tmp_path):
        write_motchallenge(tmp_path / "mot" / "train" / "MOT16-02")
        result, text = call("footage", "info", tmp_path / "mot")
        assert result.exit_code == 0, text
        for told in (
            "MOTChallenge",
            "sequences 1",
            "12, 20 a second",
            "truth boxes",
            "2.0 a frame",
        ):
            assert told in text
        write_motsynth(tmp_path / "synth")
        write_motsynth(tmp_path / "synth", "001", annotated=False)
        result, text = call("footage", "info", tmp_path / "synth")
        assert result.exit_code == 0, text
        for told in ("MOTSynth", "sequences 2", "of several rates", "boxes (1), none (1)"):
            assert told in text
        write_pictures(tmp_path / "grand", 2, size=(480, 720))
        result, text = call("footage", "info", tmp_path / "grand")
        assert result.exit_code == 0, text
        assert "Grand Central" in text
        assert "truth none" in text
        assert "in view" not in text

    def test_a_faulty_sequence_is_named(self, tmp_path):
        write_motchallenge(tmp_path / "street")
        (tmp_path / "street" / "gt" / "gt.txt").write_text("1,2,3\n")
        result, text = call("footage", "info", tmp_path)
        assert result.exit_code == 1
        assert "gt.txt, line 1: it has 3 columns" in text


class TestSheet:
    def test_boxes_are_drawn_in_the_colours_of_their_tracks(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for name in ("a", "b"):
            Image.new("RGB", (96, 64)).save(_frame(tmp_path / "d" / name, 1))
            Image.new("RGB", (96, 64)).save(_frame(tmp_path / "d" / name, 2))
            write_gt(tmp_path / "d" / name, walkers(2), frames=2, size=(64, 96))
        result, text = call("footage", "info", "d", "--sheet", "sheet.png")
        assert result.exit_code == 0, text
        assert "sheet written to sheet.png" in text
        sheet = np.asarray(Image.open("sheet.png"))
        assert sheet.shape == (2 * 128 + 4, 6 * 192 + 5 * 4, 3)
        for left in (0, 196):
            part = sheet[:128, left : left + 192]
            for track, column in ((1, 2 * (1 + left // 196)), (2, 2 * 20)):
                _, columns = np.nonzero((part == track_colour(track)).all(axis=2))
                assert columns.min() == column

    def test_the_plaza_s_sheet_shows_all_clips(self, plaza, tmp_path):
        path = tmp_path / "sheet.png"
        result, text = call("footage", "info", plaza, "--sheet", path)
        assert result.exit_code == 0, text
        with Image.open(path) as sheet:
            assert sheet.size == (6 * 196 - 4, 4 * 196 - 4)

    def test_without_truth_frames_are_shown_as_they_are(self, tmp_path):
        frames = write_pictures(tmp_path / "grand", 2, size=(480, 720))
        path = tmp_path / "sheet.png"
        result, text = call("footage", "info", tmp_path / "grand", "--sheet", path)
        assert result.exit_code == 0, text
        sheet = np.asarray(Image.open(path)).astype(float)
        assert abs(sheet[:128, :192].mean() - frames[0].mean()) < 2

    def test_a_sheet_that_is_no_png_is_refused_first(self, plaza):
        result, text = call("footage", "info", plaza, "--sheet", "sheet.jpg")
        assert result.exit_code == 1
        assert "ends in .png" in text


def _frame(folder: Path, number: int) -> Path:
    """Where a frame of a sequence goes."""
    (folder / "img1").mkdir(parents=True, exist_ok=True)
    return folder / "img1" / f"{number:06d}.png"
