"""`seeing track`: each kind of footage and output, and going on where it was interrupted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lib.cli import track, tracking
from lib.cli.track_files import in_frame
from lib.cli.track_scores import read_results
from lib.cli.tracking import RECORD
from lib.data.mot.behind import behind_all
from lib.data.mot.boxes import FrameBoxes, Window
from lib.data.mot.clips import shrunk
from lib.data.mot.discovery import discover_sequences
from lib.evaluation.following import Reading, follow_video
from lib.evaluation.tracker_file import load_tracker, save_tracker
from lib.models.scalor import Scalor
from tests.cli_track.commands import INFO, call
from tests.data.footage import write_video
from tests.evaluation.trackers import REMEMBERING, SMALL, crowded
from tests.tracks import count_frames, lines, moving, write_pictures


def followed(
    model: Path,
    frames: np.ndarray,
    window: Window,
    at_once: int = 100,
    behind: np.ndarray | None = None,
) -> list[FrameBoxes]:
    """What the model finds in `at_once` frames at a time, in pixels of the frame.

    Rounding differs with the number of frames, and an untrained model makes much of it.
    """
    network = load_tracker(model).model
    px = network.config.image_px
    seen = np.stack([shrunk(frame, window, px) for frame in frames])
    pieces = follow_video(network, iter(seen), behind=behind, at_once=at_once)
    return [in_frame(boxes, window, px) for piece in pieces for boxes in piece.boxes]


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
            assert ((table[:, 6] > 0.5) & (table[:, 6] <= 1)).all()  # who counts is that present
            assert (table[:, 7:] == -1).all()
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
        wanted = followed(model, frames, Window(8, 0, 64), at_once=2)
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

    def test_models_that_remember_the_background_find_it_first(self, here):
        """In the frames that they are shown, and no others."""
        save_tracker(here / "remembers.safetensors", crowded(REMEMBERING), INFO)
        frames = moving(9)
        write_pictures(here / "shots", frames)
        (here / "shots" / "0004.png").write_bytes(b"damaged")
        options = ("--stride", 2, "--skip-corrupt", "--window", "8,0,64")
        result, text = call("shots", "--model", here / "remembers.safetensors", *options)
        assert result.exit_code == 0, text
        some = frames[[0, 2, 6, 8]][:, :, 8:72]
        wanted = followed(
            here / "remembers.safetensors", frames[[0, 2, 6, 8]], Window(8, 0, 64),
            behind=behind_all(list(some)),
        )  # fmt: skip
        table = lines(here / "tracks" / "shots.txt")
        assert set(table[:, 0]) == {1, 3, 7, 9}
        places = np.concatenate([boxes.boxes for boxes in wanted])
        places[:, :2] += 1
        np.testing.assert_allclose(table[:, 2:6], places, atol=0.006)

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
        for options in (
            ("--masks-alone",), ("--masks-alone", "--least-alpha", 0.9), ("--study-thresholds",)
        ):  # fmt: skip
            result, text = call("shots", "--model", model, *options)
            assert result.exit_code == 0, text
            tables.append(lines(here / "tracks" / "shots.txt"))
        usual, tight, study = (table[:, 4:6].prod(1) for table in tables)  # areas
        assert tight.sum() < usual.sum()
        assert len(study) < len(usual)
        assert track.read_thresholds(None, None, masks_alone=False, study=True) == Reading.study()
        fewer = track.read_thresholds(0.2, None, masks_alone=False, study=False)
        assert fewer == Reading(least_presence=0.2)

    def test_masks_alone_make_smaller_boxes(self, here, model):
        write_pictures(here / "shots", moving(3))
        tables = []
        for options in ((), ("--masks-alone",)):
            result, text = call("shots", "--model", model, *options)
            assert result.exit_code == 0, text
            tables.append(lines(here / "tracks" / "shots.txt"))
        usual, alone = tables
        np.testing.assert_array_equal(usual[:, :2], alone[:, :2])  # the same objects
        assert alone[:, 4:6].prod(1).sum() < usual[:, 4:6].prod(1).sum()
        assert track.read_thresholds(None, None, masks_alone=True, study=False) == Reading(
            most_ground=None
        )

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
