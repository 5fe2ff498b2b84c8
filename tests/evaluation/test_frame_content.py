"""What frames show: shares against loops, overlap as a law, small pictures by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.evaluation.frame_content import (
    chance_partners,
    class_shares,
    content_overlap,
    nearest_frames,
    small_pictures,
)
from lib.worlds.doom.classes import UNKNOWN, PixelClass


@given(st.integers(0, 999))
@settings(max_examples=15, deadline=None)
def test_shares_are_those_of_a_loop(seed):
    rng = np.random.default_rng(seed)
    labels = rng.choice([*PixelClass, UNKNOWN], (3, 5, 6)).astype(np.uint8)
    labels[2] = UNKNOWN
    shares = class_shares(labels)
    for frame, row in zip(labels, shares, strict=True):
        known = [x for x in frame.ravel() if x != UNKNOWN]
        for number in PixelClass:
            wanted = known.count(number) / len(known) if known else 0
            assert row[number] == pytest.approx(wanted)


@given(st.integers(0, 999))
@settings(max_examples=15, deadline=None)
def test_overlap_is_one_of_a_frame_with_itself_and_symmetric(seed):
    a, b = np.random.default_rng(seed).dirichlet(np.ones(5), (2, 4))
    assert content_overlap(a, a) == pytest.approx(np.ones(4))
    assert content_overlap(a, b) == pytest.approx(content_overlap(b, a))
    assert (content_overlap(a, b) <= 1 + 1e-12).all()
    assert content_overlap(np.array([[1.0, 0]]), np.array([[0, 1.0]])) == [0]


def test_overlap_wants_pairs():
    with pytest.raises(ValueError, match=r"others \(1, 2\); give one partner"):
        content_overlap(np.ones((2, 2)), np.ones((1, 2)))


def test_small_pictures_are_means_of_areas(rng):
    frames = rng.integers(0, 256, (2, 7, 10, 3)).astype(np.uint8)
    small = small_pictures(frames, rows=3, columns=4).reshape(2, 3, 4, 3)
    edges_y, edges_x = [0, 2, 4, 7], [0, 2, 5, 7, 10]
    for y in range(3):
        for x in range(4):
            area = frames[:, edges_y[y] : edges_y[y + 1], edges_x[x] : edges_x[x + 1]] / 255
            assert small[:, y, x] == pytest.approx(area.mean((1, 2)))
    with pytest.raises(ValueError, match="frames are 7 x 10 pixels, fewer than rows=9"):
        small_pictures(frames)


def test_neighbours_and_chance(rng):
    gallery = rng.normal(size=(20, 3))
    near = nearest_frames(gallery[[4, 7]] + 1e-6, gallery, k=2)
    assert near[:, 0].tolist() == [4, 7]
    drawn = chance_partners(200, 5, seed=1)
    assert set(drawn.tolist()) == set(range(5))
    assert (drawn == chance_partners(200, 5, seed=1)).all()
    with pytest.raises(ValueError, match="gallery is 0"):
        chance_partners(1, 0)
