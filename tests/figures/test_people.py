"""Pictures of clips hold what they were given, and truth lies where it belongs."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lib.figures import people as figures
from tests.figures.test_footage import drawn, legend


@pytest.fixture(autouse=True)
def agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


def outline(picture: np.ndarray, track: int) -> tuple[int, int, int, int]:
    """First and last columns and rows of a track's colour."""
    rows, columns = np.nonzero((picture == figures.track_colour(track)).all(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


@pytest.mark.parametrize("scale", [1, 3])
def test_a_box_is_about_the_pixels_it_names(scale):
    frame = np.zeros((20, 40, 3), np.uint8)
    picture = figures.draw_tracks(
        frame, np.array([[4.0, 2.0, 10.0, 6.0]]), np.array([5]), width_px=40 * scale, numbered=False
    )
    assert picture.shape == (20 * scale, 40 * scale, 3)
    assert outline(picture, 5) == (4 * scale, 2 * scale, 14 * scale - 1, 8 * scale - 1)
    inside = picture[5 * scale, 9 * scale]
    assert (inside == 0).all(), "a box is empty"


def test_boxes_shrink_with_the_frame_and_may_reach_beyond_it():
    frame = np.full((100, 200, 3), 90, np.uint8)
    boxes = np.array([[-20.0, 10.0, 60.0, 300.0], [150.0, 40.0, 0.0, 0.0]])
    picture = figures.draw_tracks(frame, boxes, np.array([1, 2]), width_px=50, numbered=False)
    assert picture.shape == (25, 50, 3)
    assert outline(picture, 1)[2] == 9
    outline(picture, 2)  # something is drawn of a box without size
    assert (frame == 90).all(), "the frame itself is left alone"


def test_numbers_stand_beside_colours():
    frame = np.zeros((64, 64, 3), np.uint8)
    boxes, ids = np.array([[10.0, 10.0, 30.0, 40.0]]), np.array([17])
    plain, numbered = (
        figures.draw_tracks(frame, boxes, ids, width_px=192, numbered=n) for n in (False, True)
    )
    assert (plain != numbered).any()
    with pytest.raises(ValueError, match="ids has 1 entries for 2 boxes; give one each"):
        figures.draw_tracks(frame, np.zeros((2, 4)), ids, width_px=64)


def test_nobody_and_a_crowd_are_drawn():
    frame = np.zeros((16, 16, 3), np.uint8)
    nobody = figures.draw_tracks(frame, np.zeros((0, 4)), np.zeros(0, np.int64), width_px=16)
    np.testing.assert_array_equal(nobody, frame)
    colours = {figures.track_colour(track) for track in range(200)}
    assert len(colours) == 200
    assert min(max(colour) for colour in colours) > 180, "bright enough for black"


def test_masks_have_the_colours_of_the_boxes():
    mask = np.array([[0, 3], [4, -1]], np.int32)
    picture = figures.draw_masks(mask, width_px=4)
    assert picture.shape == (4, 4, 3)
    assert tuple(picture[0, 3]) == figures.track_colour(3)
    assert tuple(picture[3, 0]) == figures.track_colour(4)
    assert len({tuple(picture[y, x]) for y in (0, 3) for x in (0, 3)}) == 4


def test_rows_of_a_clip(rng):
    images = rng.integers(0, 255, (2, 6, 8, 8, 3), np.uint8)
    figure = drawn(figures.clip_rows(images, ["black", "hard"]))
    [axis] = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["black", "hard"]
    np.testing.assert_array_equal(axis.images[0].get_array()[:8, :8], images[0, 0])
    with pytest.raises(ValueError, match="labels has 1 entries for 2 rows; give one each"):
        figures.clip_rows(images, ["black"])


def test_distributions_hold_every_entry(rng):
    values = {
        "things": {"plaza": np.array([0.0, 1.0, 1.0, 3.0]), "sprites": np.array([2.0])},
        "seen": {"plaza": rng.random(50), "sprites": rng.random(9)},
        "speed": {"plaza": np.zeros(0), "sprites": np.zeros(4)},
    }
    figure = drawn(figures.distributions(values, whole=["things"]))
    assert [axis.get_xlabel() for axis in figure.axes] == ["things", "seen", "speed", ""]
    counted = figure.axes[0].patches[0].get_data()
    assert counted.values.tolist() == [25.0, 50.0, 0.0, 25.0]
    assert counted.edges.tolist() == [-0.5, 0.5, 1.5, 2.5, 3.5]
    for axis in figure.axes:
        for patch in axis.patches:
            assert patch.get_data().values.sum() == pytest.approx(100)
    assert len(figure.axes[2].patches) == 1, "no line where nothing is known"
    assert legend(figure) == ["plaza", "sprites"]
    lines = {patch.get_linestyle() for patch in figure.axes[0].patches}
    assert len(lines) == 2, "told apart without colour"
