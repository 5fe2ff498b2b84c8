"""Methods compared on the same recordings, seed by seed."""

import numpy as np
import pytest

from lib.evaluation.intervals import Estimate
from lib.evaluation.segmentation.scores import pixel_accuracy
from lib.evaluation.segmentation.summary import (
    class_iou,
    count_recording,
    mean_over_seeds,
    paired_gain,
    summarise,
)
from tests.evaluation.segmentation.pictures import moving_blocks

GROUPS = ("e1m1", "e1m1", "map02", "map05", "map07")


def counted(wrong_columns: int, groups=GROUPS):
    """Recordings in which so many columns of each map have another class; more in later maps."""
    found = []
    for number, group in enumerate(groups):
        _, truth = moving_blocks()
        labels = truth.astype(np.int16)
        labels[:, :, : wrong_columns + number] = 0
        found.append(count_recording(labels, truth, group=group, clusters=3, classes=3))
    return found


def test_the_gain_is_the_difference_of_the_scores():
    better, worse = counted(2), counted(12)
    got = paired_gain([better], [worse])
    wanted = summarise(better)["miou"].value - summarise(worse)["miou"].value
    assert got.value == pytest.approx(wanted)
    assert got.low <= got.value <= got.high
    assert (got.n, got.groups) == (20, 4)
    assert paired_gain([worse], [better]).value == pytest.approx(-wanted)
    assert paired_gain([better], [better]) == Estimate(0.0, 0.0, 0.0, 20, 4)
    accuracy = paired_gain([better], [worse], score=pixel_accuracy).value
    both = [summarise(one)["pixel_accuracy"].value for one in (better, worse)]
    assert accuracy == pytest.approx(both[0] - both[1])


def test_pairing_narrows_the_interval():
    """What makes a map hard for both cancels: each alone is less certain than their difference."""
    better, worse = counted(2), counted(3)
    alone = summarise(better)["miou"]
    got = paired_gain([better], [worse])
    assert got.high - got.low < 0.5 * (alone.high - alone.low)


def test_seeds_are_averaged_and_resampled():
    one, other, base = counted(2), counted(20), counted(12)
    each = [paired_gain([x], [base]) for x in (one, other)]
    both = paired_gain([one, other], [base, base])
    assert both.value == pytest.approx(np.mean([x.value for x in each]))
    assert both.low < min(x.value for x in each) + 0.02
    assert both.high > max(x.value for x in each) - 0.02


def test_one_map_gives_no_interval():
    got = paired_gain([counted(2, ("a", "a"))], [counted(9, ("a", "a"))])
    assert (got.low, got.high, got.groups) == (None, None, 1)


def test_gains_want_the_same_recordings_and_seeds():
    with pytest.raises(ValueError, match="ours has 1 seeds, theirs 2; give as many"):
        paired_gain([counted(1)], [counted(1), counted(1)])
    with pytest.raises(ValueError, match="ours has 0 seeds"):
        paired_gain([], [])
    with pytest.raises(ValueError, match="different recordings"):
        paired_gain([counted(1)], [counted(1, GROUPS[::-1])])


def test_named_clusters_keep_their_names():
    """Swapped names are right where clusters are matched, and wrong where they are named."""
    _, truth = moving_blocks()
    swapped = np.array([1, 0, 2])[truth].astype(np.int16)
    one = [count_recording(swapped, truth, group="a", clusters=3, classes=3)]
    assert summarise(one)["pixel_accuracy"].value == 1
    kept = (truth == 2).mean()
    assert summarise(one, matching="named")["pixel_accuracy"].value == pytest.approx(kept)
    assert class_iou(one, matching="together") == [1, 1, 1]
    assert class_iou(one, matching="named") == [0, 0, 1]


def test_absent_classes_have_no_iou():
    truth = np.zeros((1, 4, 4), np.uint8)
    truth[:, 2:] = 1
    one = count_recording(np.zeros((1, 4, 4), np.int16), truth, group="a", clusters=2, classes=3)
    values = class_iou([one], matching="together")
    assert values[:2] == [0.5, 0]
    assert np.isnan(values[2])


def test_seeds_are_averaged():
    a, b = Estimate(0.2, 0.1, 0.3, 5, 2), Estimate(0.4, 0.2, 0.6, 5, 2)
    both = mean_over_seeds([{"miou": a}, {"miou": b}])["miou"]
    assert (both.value, both.low, both.high) == pytest.approx((0.3, 0.15, 0.45))
    assert (both.n, both.groups) == (5, 2)
    bare = Estimate(0.4, None, None, 5, 2)
    assert mean_over_seeds([{"miou": a}, {"miou": bare}])["miou"].low is None
    with pytest.raises(ValueError, match="runs is empty"):
        mean_over_seeds([])
