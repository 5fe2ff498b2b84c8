"""`seeing track`: damaged footage, and each mistake told in a sentence."""

import re
from pathlib import Path

import numpy as np
import pytest

from lib.cli import track
from lib.cli.track_files import results_file
from lib.cli.track_frames import Missed
from lib.cli.track_scores import count_right
from lib.data.mot.boxes import Window
from lib.data.mot.discovery import discover_sequences
from lib.evaluation.tracker_file import TrackerInfo, load_tracker, save_tracker, write_sums
from lib.worlds.sprites import SpritesFootage, make_sprites
from tests.cli_track.commands import call, fails
from tests.data.footage import damage_pictures, truncate, write_video
from tests.tracks import count_frames, lines, moving, write_pictures


class TestDamage:
    def test_a_picture_that_cannot_be_read(self, here, model):
        frames = moving(5)
        write_pictures(here / "shots", frames)
        (here / "shots" / "0002.png").write_bytes(b"no picture")
        text = fails("shots", "--model", model)
        assert "frame 3 of shots: " in text
        assert "0002.png cannot be read" in text
        assert "--skip-corrupt" in text
        result, text = call("shots", "--model", model, "--skip-corrupt", "--overlay")
        assert result.exit_code == 0, text
        assert "left out shots, frame 3:" in text
        assert set(lines(here / "tracks" / "shots.txt")[:, 0]) == {1, 2, 4, 5}
        assert count_frames(here / "tracks" / "shots.mp4")[0] == 4
        result, text = call("shots", "--model", model, "--skip-corrupt", "--overlay")
        assert "done before" in text
        assert "left out shots, frame 3:" in text
        assert call("shots", "--model", model)[0].exit_code == 1

    def test_frames_left_out_are_not_judged(self, here, model, sprites):
        [one, _] = discover_sequences(sprites).sequences
        results = here / "a.txt"
        with results_file(results) as write:
            for number in (0, 2):
                there = one.annotations.at(number)
                write(number, there, np.ones(len(there), np.float32))
        missed = Missed({1: "gone"}, end=3)
        seen = missed.seen(range(5))
        assert seen == [0, 2]
        counts = count_right(results, one, Window(0, 0, 64), seen)
        assert (counts.frames, counts.misses, counts.false_positives) == (2, 0, 0)

    def test_a_damaged_video_counts_up_to_the_damage(self, here, model):
        write_video(
            here / "a.mp4", np.random.default_rng(0).integers(0, 256, (30, 64, 64, 3), np.uint8)
        )
        damage_pictures(here / "a.mp4")
        text = fails("a.mp4", "--model", model)
        assert "a.mp4 cannot be read" in text
        assert "--skip-corrupt" in text
        result, text = call("a.mp4", "--model", model, "--skip-corrupt")
        assert result.exit_code == 0, text
        assert "left out a, frame " in text
        last = int(lines(here / "tracks" / "a.txt")[:, 0].max())
        assert f"left out a, frame {last + 1}:" in text
        assert last < 30

    def test_a_truncated_video_among_others(self, here, model):
        (here / "v").mkdir()
        for name in ("a.mp4", "b.mp4"):
            write_video(here / "v" / name, moving(4))
        truncate(here / "v" / "b.mp4", 0.6)
        assert "b.mp4 cannot be read: it is truncated" in fails("v", "--model", model)
        result, text = call("v", "--model", model, "--skip-corrupt")
        assert result.exit_code == 0, text
        assert "left out b.mp4: it is truncated" in text
        assert (here / "tracks" / "a.txt").is_file()
        truncate(here / "v" / "a.mp4", 0.6)
        text = fails("v", "--model", model, "--skip-corrupt", "--output", "t")
        assert "PATH v: none of its 2 videos can be read" in text

    def test_annotations_that_cannot_be_read_are_told_before_the_work(self, here, model, sprites):
        make_sprites(here / "s", SpritesFootage(clips=1, frames=3), workers=1, progress=False)
        [truth] = (here / "s").rglob("gt.txt")
        truth.write_text("1,2,three\n")
        assert "gt.txt, line 1" in fails("s", "--model", model)


class TestMistakes:
    @pytest.fixture
    def shots(self, here) -> Path:
        return write_pictures(here / "shots", moving(3, size=(70, 90)))

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (("--window", "1,2"), "--window 1,2: write X,Y,SIDE in whole pixels"),
            (("--window", "0,0,0"), "--window 0,0,0: write X,Y,SIDE"),
            (("--window", "-1,0,64"), "--window -1,0,64: write X,Y,SIDE"),
            (("--window", "30,0,64"), "--window 30,0,64: a window of 64 px at left 30, top 0 does"),
            (("--window", "0,0,71"), "which are 70×90 (rows×columns): name a smaller window"),
            (("--window", "0,0,32"), "--window 0,0,32: this model looks at 64 × 64 pixels"),
            (("--stride", "0"), "--stride 0: give a whole number of at least 1"),
            (("--frames", "0"), "--frames 0: give a whole number of at least 1"),
            (("--least-presence", "1"), "--least-presence 1: give a number between 0 and 1"),
            (("--least-alpha", "nan"), "--least-alpha nan: give a number between 0 and 1"),
            (
                ("--study-thresholds", "--least-alpha", "0.1"),
                "--study-thresholds sets --least-alpha itself",
            ),
            (("--experiment", "hard"), "--model and --experiment both name a model"),
            (("--output", "shots/0000.png"), "--output shots/0000.png is a file: name a folder"),
        ],
    )
    def test_options(self, shots, model, options, told):
        assert told in fails("shots", "--model", model, *options)

    def test_paths(self, here, model):
        assert "there is no gone: give a folder" in fails("gone", "--model", model)
        (here / "notes.txt").write_text("words")
        assert "PATH notes.txt is no video (.mp4" in fails("notes.txt", "--model", model)
        (here / "empty").mkdir()
        assert "no sequence in empty, which holds nothing" in fails("empty", "--model", model)
        assert "there is no tracker gone.safetensors" in fails(
            "empty", "--model", "gone.safetensors"
        )
        (here / "words.safetensors").write_text("words")
        assert "is no .safetensors file" in fails("empty", "--model", "words.safetensors")

    def test_frames_that_are_missing_or_too_small(self, here, model):
        write_pictures(here / "small", moving(3, size=(48, 90)))
        text = fails("small", "--model", model)
        assert "frames of small are 48×90 (rows×columns), but this model looks at 64 × 64" in text
        write_pictures(here / "gap", moving(6))
        (here / "gap" / "0003.png").unlink()
        assert "gap in its numbers: 0004.png follows 0002.png" in fails("gap", "--model", model)

    def test_results_never_take_the_place_of_footage_or_of_each_other(self, here, model):
        (here / "v").mkdir()
        write_video(here / "v" / "a.mp4", moving(2))
        before = (here / "v" / "a.mp4").read_bytes()
        for path in ("v", "v/a.mp4"):
            text = fails(path, "--model", model, "--output", "v", "--overlay")
            assert "--output v holds a.mp4: overlays there would replace or join" in text
        assert (here / "v" / "a.mp4").read_bytes() == before
        write_video(here / "v" / "a.mkv", moving(2))
        text = fails("v", "--model", model)
        assert "a.mkv and a.mp4 would both become a.txt" in text


class TestRecorded:
    @pytest.fixture
    def project(self, here, monkeypatch) -> Path:
        monkeypatch.setenv("SEEING_ROOT", str(here))
        return here

    def test_none_yet_says_how_to_get_one(self, project):
        text = fails("shots")
        assert "there is no trained model in results/scalor yet" in text
        assert "seeing run scalor --experiment second_multi --preset small" in text

    def test_outside_the_project(self, here, monkeypatch):
        monkeypatch.delenv("SEEING_ROOT", raising=False)
        assert "or name a model with --model" in fails("shots")

    def test_the_best_of_the_experiment_is_taken_and_its_hash_checked(self, project, model):
        network, folder = load_tracker(model).model, project / "results" / "scalor"
        for name, preset, seed in (
            ("second_multi", "tiny", 0),
            ("second_multi", "small", 1),
            ("second_multi", "small", 0),
            ("hard", "full", 0),
        ):
            info = TrackerInfo(name, preset, seed, 1, None, "r", "c")
            save_tracker(folder / f"{name}-{preset}-{seed}.safetensors", network, info)
        assert track.recorded_model(None).name == "second_multi-small-0.safetensors"
        assert track.recorded_model("hard").name == "hard-full-0.safetensors"
        told = r"--experiment multi: .* of hard, second_multi; make it"
        with pytest.raises(ValueError, match=told):
            track.recorded_model("multi")
        write_sums(folder)
        assert track.recorded_model("hard").name == "hard-full-0.safetensors"
        listing = folder / "SHA256SUMS"
        listing.write_text(re.sub("^.", "g", listing.read_text().replace("g", "f")))
        with pytest.raises(ValueError, match="SHA256SUMS, line 1"):
            track.recorded_model("hard")
