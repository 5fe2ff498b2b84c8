"""Background subtraction and SORT, judged on clips of the plaza."""

from dataclasses import replace

import pytest

from lib.data.mot.clips import ClipConfig, Clips
from lib.data.mot.discovery import discover_sequences
from lib.evaluation.classical import judge_classical
from lib.evaluation.tracking import summarise
from lib.models.classical import ClassicalConfig
from lib.worlds.plaza import PlazaFootage, make_plaza

CUT = ClipConfig(frames=6, stride=1, size_px=64, window_px=64, windows="centre", jitter=False)


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plaza")
    plaza = PlazaFootage(
        scenes=1, clips=2, frames=24, size_px=64, people=3, view_m=5.0, supersample=1,
        backgrounds=("hard",),
    )  # fmt: skip
    make_plaza(folder, plaza, workers=1, progress=False)
    return discover_sequences(folder).sequences


def test_people_are_found_before_a_hard_background(sequences):
    clips = Clips(sequences, CUT)
    counts = judge_classical(clips, progress=False)
    assert len(counts) == len(clips) == 8
    assert {one.group for one in counts} == {one.name for one in sequences}
    scores = summarise(counts)
    assert scores["recall"].value > 0.5
    assert scores["mota"].value > 0.25


def test_so_many_clips_and_no_more(sequences):
    assert len(judge_classical(Clips(sequences, CUT), most=3, progress=False)) == 3


def test_who_asks_for_too_much_finds_nobody(sequences):
    blind = ClassicalConfig(least_px=64 * 64 + 1)
    counts = judge_classical(Clips(sequences, CUT), config=blind, progress=False)
    assert sum(one.predicted_boxes for one in counts) == 0


def test_without_truth_nothing_is_judged(sequences):
    unknown = [replace(one, boxes_file=None) for one in sequences]
    with pytest.raises(ValueError, match="has no annotations"):
        judge_classical(Clips(unknown, CUT), progress=False)


def test_a_video_is_all_that_the_clips_window_sees(sequences):
    clips = Clips(sequences, CUT)
    whole = clips.video(1)
    assert whole.shape == (24, 64, 64, 3)
    assert (whole[6:12] == clips.clip(1).frames).all()
    assert (clips.video(1, most=2) == whole[[0, 23]]).all()
    with pytest.raises(ValueError, match="most=0: want at least one frame"):
        clips.video(1, most=0)
