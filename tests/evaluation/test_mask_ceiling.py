"""Boxes around true masks: right where all of somebody is seen, and what a narrower one costs."""

import numpy as np
import pytest

from lib.data.mot.boxes import FrameBoxes, Window
from lib.data.mot.clips import Clip
from lib.evaluation.mask_ceiling import judge_masks
from lib.evaluation.tracking import summarise


def clip(*, seen: int = 10, truth: bool = True, masks: bool = True) -> Clip:
    """Two people of 4 x 10 pixels in two frames; of the second the upper `seen` rows are seen."""
    people = np.zeros((2, 32, 32), np.int32)
    people[:, 5:15, 3:7] = 2002
    people[:, 5 : 5 + seen, 20:24] = 2007
    people[:, 30] = -1  # to be ignored
    boxes = FrameBoxes.of([2, 7], [[3, 5, 4, 10], [20, 5, 4, 10]])
    return Clip(
        frames=np.zeros((2, 32, 32, 3), np.uint8),
        truth=[boxes, boxes] if truth else None,
        masks=people if masks else None,
        sequence="somewhere",
        numbers=[0, 1],
        window=Window(0, 0, 32),
    )


def mota(one: Clip, narrower_px: float = 0.0) -> float:
    return summarise(judge_masks([one], narrower_px=narrower_px))["mota"].value


def test_whoever_is_seen_whole_is_found_and_followed():
    [counts] = judge_masks([clip()])
    assert (counts.found, counts.misses, counts.false_positives, counts.id_switches) == (4, 0, 0, 0)
    assert counts.overlap == pytest.approx(4)


def test_whoever_is_half_hidden_has_a_box_of_what_is_seen():
    assert mota(clip(seen=5)) == 1
    assert mota(clip(seen=4)) == 0  # one found, one missed, one box too many
    assert judge_masks([clip(seen=0)])[0].misses == 2


def test_who_does_not_count_has_no_box():
    one = clip(seen=2)
    ignored = FrameBoxes(one.truth[0].ids, one.truth[0].boxes, np.array([False, True]))
    assert mota(one._replace(truth=[ignored, ignored])) == 1


def test_a_narrower_box_overlaps_less():
    assert judge_masks([clip()], narrower_px=0.5)[0].overlap == pytest.approx(4 * 3 * 9 / 40)
    assert mota(clip(), 0.5) == 1
    assert mota(clip(), 1.0) == -1  # 2 x 8 of 4 x 10
    assert mota(clip(), 3.0) == -1


@pytest.mark.parametrize("known", [{"truth": False}, {"masks": False}])
def test_without_truth_there_is_no_ceiling(known):
    with pytest.raises(ValueError, match="somewhere has no boxes or no masks"):
        judge_masks([clip(**known)])


def test_nobody_is_wider_than_they_are():
    with pytest.raises(ValueError, match=r"narrower_px=-0.5: want 0 or more"):
        judge_masks([clip()], narrower_px=-0.5)
