"""FG-ARI against scikit-learn and by hand; boxes around soft masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from lib.evaluation.track_masks import boxes_of_masks, fg_ari


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 5))
def test_fg_ari_equals_scikit_learns(seed, objects, groups):
    rng = np.random.default_rng(seed)
    truth = rng.integers(-1, objects + 1, (3, 6, 5))
    predicted = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, groups, truth.shape))
    found = fg_ari(predicted, truth)
    some = truth > 0
    assert found == pytest.approx(adjusted_rand_score(truth[some], predicted[some]), abs=1e-12)
    names = rng.permutation(20)
    assert fg_ari(names[predicted + 1], truth) == pytest.approx(found)


def test_background_and_ignored_pixels_do_not_count():
    truth = np.array([[[1, 1, 2, 2, 0, 0, -1]]])
    assert fg_ari(np.array([[[4, 4, 5, 5, 4, 9, 9]]]), truth) == 1
    assert fg_ari(np.array([[[4, 5, 4, 5, 0, 0, 0]]]), truth) == pytest.approx(-0.5)


def test_ids_have_to_stay_over_time():
    truth = np.array([[[1, 1, 2, 2]], [[1, 1, 2, 2]]])
    swapped = np.array([[[1, 1, 2, 2]], [[2, 2, 1, 1]]])
    assert all(fg_ari(swapped[k : k + 1], truth[k : k + 1]) == 1 for k in range(2))
    assert fg_ari(swapped, truth) < 0.1


def test_both_denominators_that_are_0():
    assert np.isnan(fg_ari(np.ones((1, 2, 2), int), np.zeros((1, 2, 2), int)))
    one = np.ones((1, 2, 2), int)
    assert fg_ari(3 * one, one) == 1, "one object in one piece"
    apart = np.arange(1, 5).reshape(1, 2, 2)
    assert fg_ari(apart, apart) == 1, "every pixel by itself"
    assert fg_ari(one[:, :1, :1], one[:, :1, :1]) == 1, "a single pixel"
    assert fg_ari(apart, one) == fg_ari(one, apart) == 0
    assert fg_ari(0 * one, np.array([[[1, 1], [2, 2]]])) == 0, "all given to the background"
    with pytest.raises(ValueError, match=r"predicted has shape \(1, 2, 2\), truth \(1, 2, 1\)"):
        fg_ari(one, one[..., :1])


# ------------------------------------------------------------------------------------ boxes


def test_boxes_by_hand():
    """A glimpse of 4×4 pixels over the canvas' right lower quarter, of 64 px: 8 px a pixel."""
    mask = np.zeros((2, 4, 4))
    mask[0, 1:3, 2] = 0.9
    mask[0, 0, 0] = 0.4
    mask[1] = 1
    where = np.array([[0.5, 0.5, 0.5, 0.5], [1, 0.25, 0, 0]])
    found = boxes_of_masks(mask, where, 64)
    np.testing.assert_allclose(found, [[48, 40, 8, 16], [0, 24, 64, 16]])
    low = boxes_of_masks(mask[:1], where[:1], 64, least_alpha=0.3)
    np.testing.assert_allclose(low, [[32, 32, 24, 24]])


def test_boxes_are_cut_off_and_may_be_empty():
    mask = np.stack([np.ones((3, 5)), np.zeros((3, 5))])
    where = np.array([[0.5, 0.5, -1.0, 0.0], [0.5, 0.5, 0.0, 0.0]])
    found = boxes_of_masks(mask, where, 100)
    np.testing.assert_allclose(found[0], [0, 25, 25, 50])
    assert found[1].tolist() == [50, 50, 0, 0]
    assert boxes_of_masks(np.zeros((0, 3, 3)), np.zeros((0, 4)), 9).shape == (0, 4)


def test_what_is_mostly_outside_has_no_box():
    mask = np.ones((3, 4, 4))
    mask[2, :, 2:] = 0  # seen is the left half of the glimpse, all of it outside but a sliver
    where = np.array([[0.5, 0.5, -0.9, 0.0], [0.5, 0.5, -1.1, 0.9], [0.5, 0.5, -0.9, 0.0]])
    found = boxes_of_masks(mask, where, 100, least_inside=0.5)
    np.testing.assert_allclose(found[0], [0, 25, 30, 50])  # 60 % of it is inside
    assert found[1:, 2:].tolist() == [[0, 0], [0, 0]]  # 40 % of 60 %, and 20 %
    assert (boxes_of_masks(mask, where, 100)[:, 2:] > 0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_boxes_hold_every_pixel_and_no_more(seed):
    """Against painting: the glimpse's pixels on a canvas of as many."""
    rng = np.random.default_rng(seed)
    mask = (rng.random((1, 8, 8)) < 0.1).astype(np.float32)
    row, column = rng.integers(0, 25, 2)
    where = np.array([[0.25, 0.25, (column + 4) / 16 - 1, (row + 4) / 16 - 1]], np.float32)
    canvas = np.zeros((32, 32), bool)
    canvas[row : row + 8, column : column + 8] = mask[0] > 0
    left, top, width, height = boxes_of_masks(mask, where, 32)[0]
    ys, xs = np.nonzero(canvas)
    if not len(ys):
        assert (width, height) == (0, 0)
        return
    wanted = (xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1)
    np.testing.assert_allclose((left, top, width, height), wanted, atol=1e-5)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="masks has 2 entries, where 1"):
        boxes_of_masks(np.zeros((2, 3, 3)), np.ones((1, 4)), 9)
    with pytest.raises(ValueError, match="where holds a size of 0 or less"):
        boxes_of_masks(np.zeros((1, 3, 3)), np.zeros((1, 4)), 9)
