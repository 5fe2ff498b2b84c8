"""Whole videos: which, rows, table, sentence."""

from dataclasses import replace

import pytest

from lib.book import scalor as study
from lib.book.rows import ID
from lib.book.scalor.footage import footage_of
from lib.evaluation.intervals import Estimate


@pytest.fixture(scope="module")
def whole(shown_all, recorded_root):
    sound = {name: with_mota(one, 0.5) for name, one in shown_all.items()}
    return study.judge_whole(sound, root=recorded_root, videos=2, progress=False)


def with_mota(one, value):
    """As if it had this MOTA on clips: untrained models have none above 0."""
    heldout = {**one.scores["heldout"], "mota": Estimate(value, None, None, 2, 1)}
    return replace(one, scores={**one.scores, "heldout": heldout})


def test_only_where_something_is_found_can_something_be_kept(shown_all, recorded_root):
    shown = {"gradient": with_mota(shown_all["gradient"], 0.0)}
    assert study.judge_whole(shown, root=recorded_root, videos=2, progress=False) == {}


def test_every_experiment_on_people_over_all_frames(whole, shown_all):
    assert list(whole) == ["gradient", "hard"]
    for name, one in whole.items():
        assert (one.clip_frames, one.frames) == (8, 15)
        assert one.scores["mota"].n == 1, "videos that are held out"
        assert one.scores["boxes"].value > 0
        assert one.scores["mota"].value != shown_all[name].scores["heldout"]["mota"].value


def test_clips_are_as_long_as_the_shortest_video(recorded_root, shown_all):
    experiment = study.find("gradient")
    found = footage_of(experiment, "tiny", root=recorded_root, progress=False)
    sequences = [found.train[0], found.train[1].part(0, 11)]
    clips = found.whole(experiment, "tiny", sequences)
    assert (len(clips), clips.config.frames) == (2, 11)
    assert clips.clip(1).numbers == list(range(11))
    assert clips.config.windows == "centre"


def test_said(whole, shown_all, empty_ledger):
    study.record_all(empty_ledger, shown_all)
    study.record_whole(empty_ledger, whole, seed=0)
    rows = {row.id: row for row in empty_ledger.rows}
    assert all(ID.fullmatch(id) for id in rows)
    assert rows["scalor.whole_hard.heldout.mota"].better == "higher"
    table = study.whole_table(empty_ledger, whole)
    assert list(table) == ["Experiment", "MOTA, clips", "MOTA, whole", "IDF1, clips", "IDF1, whole"]
    assert len(table) == 2
    said = study.whole_sentence(empty_ledger, whole)
    assert said.startswith("Clips have 8 frames, the videos 15; 1 held-out ones are judged whole. ")
    lower = [
        rows[f"scalor.whole_{name}.heldout.idf1"].value < rows[f"scalor.{name}.heldout.idf1"].value
        for name in whole
    ]
    assert "above 0 in 2 of these experiments; over whole videos it is lower in" in said
    assert said.endswith(f"of them, IDF1 in {sum(lower)}.")


def test_without_experiments(empty_ledger):
    assert study.judge_whole({}, root=empty_ledger.root) == {}
    assert study.whole_sentence(empty_ledger, {}).startswith("No experiment of this run")
    assert "your own footage" in study.whole_table(empty_ledger, {}).to_string()
