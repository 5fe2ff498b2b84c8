"""Colours that everyone can tell apart and that stay, and movies that play."""

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lib.evaluation.segmentation.colours import (
    NOTHING,
    carry_over,
    coloured,
    palette,
    renumbered,
    separation,
)
from lib.evaluation.segmentation.movie import overlaid, side_by_side, write_movie
from tests.evaluation.segmentation.pictures import moving_blocks


def test_colours_are_told_apart_by_all_kinds_of_sight():
    assert separation(palette(7)) > 10
    assert separation(palette(16)) > 8
    red_green = np.array([[170, 30, 30], [95, 75, 20]], np.uint8)
    assert separation(red_green) < 20 < np.abs(red_green[0].astype(int) - red_green[1]).sum()


def test_a_longer_palette_begins_with_the_shorter():
    assert np.array_equal(palette(20)[:9], palette(9))
    assert palette(0).shape == (0, 3)
    assert len({tuple(c) for c in palette(30)}) == 30
    with pytest.raises(ValueError, match="count=-1"):
        palette(-1)


def test_labels_take_their_colours_and_nothing_is_grey():
    colours = palette(3)
    labels = np.array([[0, 2], [-1, 1]], np.int16)
    image = coloured(labels, colours)
    assert np.array_equal(image[0, 1], colours[2])
    assert tuple(image[1, 0]) == NOTHING
    truth = coloured(np.array([[255, 1]], np.uint8), colours, nothing=255)
    assert tuple(truth[0, 0]) == NOTHING
    with pytest.raises(ValueError, match="run from 0 to 3, but there are 3 colours"):
        coloured(np.array([3, 0]), colours)
    with pytest.raises(ValueError, match="run from -1"):
        coloured(labels, colours, nothing=255)


@given(st.integers(0, 999), st.permutations(range(4)))
@settings(max_examples=20, deadline=None)
def test_renamed_clusters_get_their_numbers_back(seed, order):
    rng = np.random.default_rng(seed)
    before = np.concatenate([np.arange(4), rng.integers(-1, 4, 50)])
    now = np.append(order, -1)[before]
    assert np.array_equal(renumbered(now, carry_over(before, now)), before)


def test_new_clusters_get_numbers_nobody_had():
    before = np.array([0, 0, 0, 1, 1, -1])
    now = np.array([1, 1, 1, 2, 0, 0])
    numbers = carry_over(before, now, clusters=4)
    assert numbers.tolist()[1] == 0
    assert sorted(numbers) == [0, 1, 2, 3]
    assert carry_over(np.full(3, -1), np.array([0, 1, 1])).tolist() == [0, 1]


def test_the_largest_overlap_wins_over_the_greedy_choice():
    before = np.repeat([0, 0, 1], [6, 5, 0])
    now = np.repeat([0, 1], [6, 5])
    assert carry_over(before, now).tolist() == [0, 1]
    before = np.array([0] * 10 + [1] * 9 + [0] * 8)
    now = np.array([0] * 10 + [0] * 9 + [1] * 8)
    assert carry_over(before, now).tolist() == [1, 0]  # 9 + 8 rather than 10 + 0


def test_panels_stand_side_by_side_and_colours_lie_over_frames():
    frames, truth = moving_blocks(2)
    colours = coloured(truth, palette(3))
    wide = side_by_side([frames, colours], gap_px=4)
    assert wide.shape == (2, 36, 132, 3)
    assert np.array_equal(wide[:, :, :64], frames)
    assert np.all(wide[:, :, 64:68] == 255)
    assert np.array_equal(wide[:, :, 68:], colours)
    assert np.array_equal(overlaid(frames, colours, opacity=0.0), frames)
    assert np.array_equal(overlaid(frames, colours, opacity=1.0), colours)
    with pytest.raises(ValueError, match="panels have shapes"):
        side_by_side([frames, colours[:1]])
    with pytest.raises(ValueError, match="opacity=2"):
        overlaid(frames, colours, opacity=2.0)


def test_movies_hold_all_frames_at_their_rate(tmp_path):
    frames, _ = moving_blocks(3)
    frames = frames[:, :35, :63]  # odd sides
    write_movie(tmp_path / "a.mp4", frames, frame_rate_hz=10)
    with av.open(str(tmp_path / "a.mp4")) as file:
        stream = file.streams.video[0]
        assert (stream.average_rate, stream.pix_fmt) == (10, "yuv420p")
        back = np.stack([f.to_ndarray(format="rgb24") for f in file.decode(video=0)])
    assert back.shape == (3, 36, 64, 3)
    assert np.abs(back[:, :35, :63].astype(int) - frames).mean() < 12
    write_movie(tmp_path / "a.gif", frames, frame_rate_hz=10)
    with Image.open(tmp_path / "a.gif") as image:
        assert (image.n_frames, image.info["duration"], image.info["loop"]) == (3, 100, 0)
    write_movie(tmp_path / "a.png", frames)
    with Image.open(tmp_path / "a.png") as image:
        column = np.asarray(image)
    assert column.shape == (3 * 35 + 2 * 4, 63, 3)
    assert np.array_equal(column[39:74], frames[1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gif", "a.mp4", "a.png"]


def test_a_movie_in_no_known_format_or_without_frames_is_refused(tmp_path):
    frames, _ = moving_blocks(1)
    with pytest.raises(ValueError, match="must end in one of .mp4, .gif, .png"):
        write_movie(tmp_path / "a.avi", frames)
    with pytest.raises(ValueError, match="at least one frame"):
        write_movie(tmp_path / "a.mp4", frames[:0])
