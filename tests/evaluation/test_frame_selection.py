"""What a sampler preferred, from logs whose answer is known."""

import numpy as np
import pytest

from lib.evaluation.frame_selection import by_kind, evenness, guidance, loss_correlations


def counts(draws) -> np.ndarray:
    return np.array(draws, np.int32)


def log(draws, losses) -> tuple[np.ndarray, np.ndarray]:
    return counts(draws), np.array(losses, np.float32)


def test_kinds_are_compared_with_their_share():
    drawn = log([[4, 4, 1, 1], [5, 5, 0, 0]], [[2, 2, 1, 1], [3, 1, 0, 0]])
    menu = np.array([True, True, False, False])
    found = by_kind(*drawn, {"menu": menu, "play": ~menu, "automap": np.zeros(4, bool)})
    assert set(found) == {"menu", "play"}
    assert found["menu"].share == 0.5
    assert found["menu"].draws.tolist() == [1.6, 2.0]
    assert found["play"].draws.tolist() == pytest.approx([0.4, 0])
    assert found["menu"].loss.tolist() == pytest.approx([4 / 3, 2])
    with pytest.raises(ValueError, match=r"members\['menu'\] has 3 entries for 4 frames"):
        by_kind(*drawn, {"menu": menu[:3]})


def test_guidance_compares_the_tenths_of_the_losses_before():
    rising = np.arange(20.0)
    draws = np.ones((2, 20), int)
    draws[1, -2:], draws[1, :2] = 6, 2
    assert guidance(*log(draws, [rising, -rising])) == 3
    draws[1] = 1
    assert guidance(*log(draws, [rising, rising])) == 1
    assert np.isnan(guidance(*log(draws[:1], [rising])))
    assert np.isnan(guidance(*log([[1, 2], [1, 2]], [[1, 2], [1, 2]])))


def test_evenness_is_a_share_of_the_frames():
    assert evenness(counts([[3, 3, 3, 3]])) == pytest.approx(1)
    assert evenness(counts([[5, 5, 0, 0], [1, 1, 0, 0]])) == pytest.approx(0.5)
    assert evenness(counts([[5, 0, 0, 0]])) == pytest.approx(0.25)


def test_correlations_with_content():
    losses = [[0, 0, 0, 0], [1, 2, 3, 4]]
    shares = np.array([[0.1, 0.9, 0.5], [0.2, 0.6, 0.5], [0.3, 0.3, 0.5], [0.9, 0.1, 0.5]])
    up, down, flat = loss_correlations(np.array(losses, np.float32), shares)
    assert (up, down) == (pytest.approx(1), pytest.approx(-1))
    assert np.isnan(flat)
    with pytest.raises(ValueError, match="shares has 3 rows for 4 frames"):
        loss_correlations(np.array(losses, np.float32), shares[:3])
