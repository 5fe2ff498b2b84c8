"""`seeing track`: each kind of footage and output, and each mistake told in a sentence."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lib.cli import app, track, tracking
from lib.cli.track_files import in_frame, results_file
from lib.cli.track_frames import Missed
from lib.cli.track_scores import count_right, read_results
from lib.cli.tracking import RECORD
from lib.data.mot.boxes import FrameBoxes, Window
from lib.data.mot.clips import shrunk
from lib.data.mot.discovery import discover_sequences
from lib.evaluation.following import Reading, follow
from lib.evaluation.tracker_file import TrackerInfo, load_tracker, save_tracker, write_sums
from lib.models.scalor import Scalor
from lib.worlds.sprites import SpritesFootage, make_sprites
from tests.data.footage import damage_pictures, truncate, write_video
from tests.evaluation.trackers import SMALL, crowded
from tests.tracks import count_frames, lines, moving, write_pictures

INFO = TrackerInfo("sprites", "tiny", 0, 1, None, "0123", "abcdef012345")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("models") / "sprites.safetensors"
    save_tracker(path, crowded(), INFO)
    return path


@pytest.fixture(scope="module")
def sprites(tmp_path_factory) -> Path:
    """Two sequences of five frames of 64 × 64, whose truth is known."""
    folder = tmp_path_factory.mktemp("sprites")
    make_sprites(folder, SpritesFootage(clips=2, frames=5), workers=1, progress=False)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments):
    """Run the command; its result, and what it told, with single spaces."""
    environment = {"COLUMNS": "200"}
    given = ["track", *map(str, arguments)]
    given += [] if "--help" in given else ["--device", "cpu"]
    result = CliRunner().invoke(app, given, env=environment)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", result.output)
    return result, " ".join(plain.split())


def fails(*arguments) -> str:
    """What the command told of a mistake; it left no file."""
    before = files()
    result, text = call(*arguments)
    assert result.exit_code == 1, text
    assert "Traceback" not in text
    assert files() == before
    return text


def files() -> list[Path]:
    return sorted(path for path in Path().rglob("*") if path.is_file())


def followed(model: Path, frames: np.ndarray, window: Window) -> list[FrameBoxes]:
    """What the model finds in all frames at once, in pixels of the frame."""
    network = load_tracker(model).model
    px = network.config.image_px
    seen = np.stack([shrunk(frame, window, px) for frame in frames])
    [one] = follow(network, seen[None])
    return [in_frame(boxes, window, px) for boxes in one.boxes]


def test_help_teaches_by_examples():
    result, text = call("--help")
    assert result.exit_code == 0
    assert text.split("Examples")[1].count("seeing track") == 5
    assert "an id stays with its object for the whole video" in text.lower()
    for option in ("--window", "--stride", "--study-thresholds", "--skip-corrupt", "--no-overlay"):
        assert option in text


class TestResults:
    def test_of_a_data_set_are_those_of_the_model_and_are_judged(self, here, model, sprites):
        result, text = call(sprites, "--model", model)
        assert result.exit_code == 0, text
        sequences = discover_sequences(sprites).sequences
        names = [one.name for one in sequences]
        held = sorted(path.relative_to(here).as_posix() for path in (here / "tracks").iterdir())
        assert held == sorted([f"tracks/{name}.txt" for name in names] + [f"tracks/{RECORD}"])
        for one in sequences:
            path = here / "tracks" / f"{one.name}.txt"
            table, found = lines(path), read_results(path, one)
            assert (table[:, 6:] == [1, -1, -1, -1]).all()
            assert set(table[:, 0]) == {1, 2, 3, 4, 5}
            _, first = np.unique(table[:, 1], return_index=True)
            assert (np.diff(first) > 0).all()  # 1, 2, 3 … in order of first appearance
            assert set(table[:, 1]) == set(range(1, len(first) + 1))
            frames = np.stack(one.read(range(5)))
            same: dict[int, int] = {}
            for number, wanted in enumerate(followed(model, frames, Window(0, 0, 64))):
                mine = found.at(number)
                order = np.argsort([same.setdefault(k, len(same) + 1) for k in wanted.ids.tolist()])
                np.testing.assert_allclose(mine.boxes, wanted.boxes[order], atol=0.006)
                assert (mine.ids == np.sort([same[k] for k in wanted.ids.tolist()])).all()
        for word in ("MOTA", "IDF1", "HOTA", "duplicates a true box", "95 % interval"):
            assert word in text
        assert "sprites at preset tiny, seed 0, commit abcdef012345; looks at 64 × 64" in text
        assert (
            "trained on squares of the frame's shorter side, every frame; here every frame" in text
        )

    def test_ids_stay_over_pieces_of_a_video_and_film_has_its_frames(
        self, here, model, monkeypatch
    ):
        monkeypatch.setattr(tracking, "AT_ONCE", 2)
        frames = moving(13)
        write_video(here / "street.mp4", frames)
        result, text = call("street.mp4", "--model", model, "--overlay")
        assert result.exit_code == 0, text
        assert count_frames(here / "tracks" / "street.mp4") == (13, 64, 80, 20)
        table = lines(here / "tracks" / "street.txt")
        wanted = followed(model, frames, Window(8, 0, 64))
        assert len(table) == sum(map(len, wanted))
        same: dict[int, int] = {}
        for number, boxes in enumerate(wanted):
            mine = table[table[:, 0] == number + 1]
            assert mine[:, 1].tolist() == [same.setdefault(k, len(same) + 1) for k in boxes.ids]
            np.testing.assert_allclose(mine[:, 2:4] - 1, boxes.boxes[:, :2], atol=0.02)
            np.testing.assert_allclose(mine[:, 4:6], boxes.boxes[:, 2:], atol=0.02)
        ids = [set(table[table[:, 0] == k, 1]) for k in range(1, 14)]
        assert any(ids[k - 1] & ids[k] for k in range(2, 13, 2))  # into the next piece
        assert f"street 13 {len(table)} {len(same)}" in text
        assert "MOTA" not in text

    def test_window_stride_and_most_frames_of_pictures(self, here, model):
        frames = moving(9, size=(100, 150))
        write_pictures(here / "shots", frames)
        options = ("--window", "40,20,80", "--stride", 2, "--frames", 3, "--overlay")
        result, text = call("shots", "--model", model, "--output", "found", *options)
        assert result.exit_code == 0, text
        table = lines(here / "found" / "shots.txt")
        assert set(table[:, 0]) == {1, 3, 5}
        wanted = followed(model, frames[:6:2], Window(40, 20, 80))
        places = np.concatenate([boxes.boxes for boxes in wanted])
        places[:, :2] += 1
        np.testing.assert_allclose(table[:, 2:6], places, atol=0.006)
        assert (table[:, 2] >= 41).all()
        assert ((table[:, 2:4] - 1 + table[:, 4:6]).max(0) <= (120.01, 100.01)).all()
        assert count_frames(here / "found" / "shots.mp4") == (3, 100, 150, 12.5)
        assert "here every 2nd frame" in text

    def test_stricter_thresholds_find_less_and_the_study_s_are_two(self, here, model):
        write_pictures(here / "shots", moving(3))
        tables = []
        for options in ((), ("--least-alpha", 0.9), ("--study-thresholds",)):
            result, text = call("shots", "--model", model, *options)
            assert result.exit_code == 0, text
            tables.append(lines(here / "tracks" / "shots.txt"))
        usual, tight, study = (table[:, 4:6].prod(1) for table in tables)  # areas
        assert tight.sum() < usual.sum()
        assert len(study) < len(usual)
        assert track.read_thresholds(None, None, study=True) == Reading.study()
        assert track.read_thresholds(0.2, None, study=False) == Reading(least_presence=0.2)

    def test_stride_is_as_trained(self, here, model):
        tracker = load_tracker(model)
        save_tracker(here / "a.safetensors", tracker.model, replace(INFO, stride=3, window_px=64))
        write_pictures(here / "shots", moving(7))
        result, text = call("shots", "--model", "a.safetensors")
        assert result.exit_code == 0, text
        assert set(lines(here / "tracks" / "shots.txt")[:, 0]) == {1, 4, 7}
        assert "trained on squares of 64 pixels, every 3rd frame; here every 3rd frame" in text

    def test_nobody_found_is_an_empty_file_that_is_judged(self, here, sprites):
        blind = Scalor(replace(SMALL, discovery_presence_bias=-20.0))
        save_tracker(here / "a.safetensors", blind, INFO)
        result, text = call(sprites, "--model", "a.safetensors")
        assert result.exit_code == 0, text
        assert "MOTA 0.000" in text
        assert all(path.read_text() == "" for path in (here / "tracks").glob("*.txt"))


class TestAgain:
    def test_what_is_done_is_kept_until_something_changes(self, here, model, sprites, monkeypatch):
        arguments = (sprites, "--model", model)
        _, first = call(*arguments)
        scores = first.split("score")[1].split("written")[0]
        files = {path: path.read_bytes() for path in (here / "tracks").glob("*.txt")}
        times = {path: path.stat().st_mtime_ns for path in files}
        _, again = call(*arguments)
        assert "2 done before" in again
        assert again.split("score")[1].split("written")[0] == scores
        assert {path: path.stat().st_mtime_ns for path in files} == times
        damaged = sorted(files)[0]
        damaged.write_text(files[damaged].decode() + "5,99,1,1,2,2,1,-1,-1,-1\n")
        _, again = call(*arguments)
        assert "1 done before" in again
        assert damaged.read_bytes() == files[damaged]
        for change in (("--overlay",), ("--frames", 3), ("--least-alpha", 0.6)):
            _, text = call(*arguments, *change)
            assert "done before" not in text

    def test_films_go_with_the_results_they_show(self, here, model):
        write_pictures(here / "shots", moving(3))
        call("shots", "--model", model, "--overlay")
        assert (here / "tracks" / "shots.mp4").is_file()
        call("shots", "--model", model, "--stride", 2)
        assert not (here / "tracks" / "shots.mp4").exists()

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("disk gone")])
    def test_an_interruption_leaves_what_was_finished_and_nothing_by_halves(
        self, here, model, sprites, monkeypatch, error
    ):
        calls = []

        def interrupted(frame, boxes, ids):
            calls.append(1)
            if len(calls) == 8:
                raise error
            return frame

        monkeypatch.setattr(tracking, "overlay", interrupted)
        result, text = call(sprites, "--model", model, "--overlay")
        assert result.exit_code == (130 if isinstance(error, KeyboardInterrupt) else 1), text
        held = sorted(path.name for path in (here / "tracks").iterdir())
        name = discover_sequences(sprites).sequences[0].name
        assert held == sorted([f"{name}.mp4", f"{name}.txt", RECORD])
        record = here / "tracks" / RECORD
        record.write_text(record.read_text() + '{"name": "half a li')
        result, text = call(sprites, "--model", model, "--overlay")
        assert result.exit_code == 0, text
        assert "1 done before" in text
        _, text = call(sprites, "--model", model, "--overlay")
        assert "2 done before" in text


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
                write(number, one.annotations.at(number))
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
        assert "seeing run scalor --experiment gradient --preset small" in text

    def test_outside_the_project(self, here, monkeypatch):
        monkeypatch.delenv("SEEING_ROOT", raising=False)
        assert "or name a model with --model" in fails("shots")

    def test_the_best_of_the_experiment_is_taken_and_its_hash_checked(self, project, model):
        network, folder = load_tracker(model).model, project / "results" / "scalor"
        for name, preset, seed in (
            ("gradient", "tiny", 0),
            ("gradient", "small", 1),
            ("gradient", "small", 0),
            ("hard", "full", 0),
        ):
            info = TrackerInfo(name, preset, seed, 1, None, "r", "c")
            save_tracker(folder / f"{name}-{preset}-{seed}.safetensors", network, info)
        assert track.recorded_model(None).name == "gradient-small-0.safetensors"
        assert track.recorded_model("hard").name == "hard-full-0.safetensors"
        with pytest.raises(ValueError, match=r"--experiment multi: .* of gradient, hard; make it"):
            track.recorded_model("multi")
        write_sums(folder)
        assert track.recorded_model("hard").name == "hard-full-0.safetensors"
        listing = folder / "SHA256SUMS"
        listing.write_text(re.sub("^.", "g", listing.read_text().replace("g", "f")))
        with pytest.raises(ValueError, match="SHA256SUMS, line 1"):
            track.recorded_model("hard")
