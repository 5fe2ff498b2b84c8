"""Masks of MOTS: run lengths, boxes around them, both file formats."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from lib.data.mot.masks import (
    IGNORED,
    MaskText,
    box_of,
    decode_runs,
    looks_like_masks,
    mask_of,
    read_mask_picture,
)
from tests.data.mot import encode_runs, write_masks

EXAMPLE = (
    "WSV:2d;1O10000O10000O1O100O100O1O100O1000000000000000O100O102N5K00O1O1N2O110OO2O001O1NTga3"
)
"""Of the format's own description, of a picture of 375 rows and 1242 columns."""

masks = arrays.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 70)))


@settings(max_examples=60, deadline=None)
@given(masks)
def test_runs_come_back(mask):
    runs = decode_runs(encode_runs(mask))
    np.testing.assert_array_equal(mask_of(runs, mask.shape), mask)


@settings(max_examples=60, deadline=None)
@given(masks)
def test_boxes_are_tight(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if mask.any():
        wanted = (columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1)
    else:
        wanted = (0, 0, 0, 0)
    assert box_of(decode_runs(encode_runs(mask)), mask.shape) == wanted


def test_the_formats_own_example():
    runs = decode_runs(EXAMPLE)
    assert runs.sum() == 375 * 1242
    mask = mask_of(runs, (375, 1242))
    left, top, width, height = box_of(runs, (375, 1242))
    ys, xs = np.nonzero(mask)
    assert (left, top) == (xs.min(), ys.min())
    assert (width, height) == (np.ptp(xs) + 1, np.ptp(ys) + 1)
    assert mask.sum() > 100


def test_masks_of_a_text(tmp_path):
    one, two, region = (np.zeros((6, 8), bool) for _ in range(3))
    one[1:3, 2:5], two[4:, :2], region[:, 7] = True, True, True
    write_masks(tmp_path, {(1, 2007): one, (1, 10000): region, (3, 2007): two, (3, 3001): one})
    assert looks_like_masks(tmp_path / "gt" / "gt.txt")
    text = MaskText(tmp_path / "gt" / "gt.txt", frames=3)
    found = text.at(0, (6, 8))
    np.testing.assert_array_equal(found, np.where(region, IGNORED, np.where(one, 2007, 0)))
    assert not text.at(1, (6, 8)).any()
    boxes = text.boxes()
    assert boxes.frames.tolist() == [0, 2, 2]
    assert boxes.ids.tolist() == [7, 7, 1001], "MOTSynth's people may have ids above 1,000"
    assert boxes.at(0).boxes.tolist() == [[2, 1, 3, 2]]
    with pytest.raises(ValueError, match=r"masks of 6×8 .* frames are 9×9"):
        text.at(0, (9, 9))


def test_cars_are_not_asked_for(tmp_path):
    write_masks(tmp_path, {(1, 1001): np.ones((2, 2), bool)}, kind=1)
    found = MaskText(tmp_path / "gt" / "gt.txt", frames=1).boxes()
    assert found.at(0).ignored.tolist() == [True]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 2001 2 4 4", "line 2: it has 5 parts; want frame id class rows columns mask"),
        ("1 2001 2 4 x 0", "line 2: invalid literal"),
        ("1 2001 2 4 4 ?", "line 2: its mask has 15 pixels, not 4×4"),
        ("1 2001 2 4 4 !", "'!' is no character of a mask"),
        ("1 2001 2 4 4 P", "cut off or damaged"),
        ("9 2001 2 4 4 `0", "line 2: frame 9 is beyond the sequence"),
    ],
)
def test_malformed_masks_are_named(tmp_path, line, message):
    path = tmp_path / "gt.txt"
    path.write_text(f"1 2001 2 4 4 {encode_runs(np.ones((4, 4), bool))}\n{line}\n")
    with pytest.raises(ValueError, match=message):
        MaskText(path, frames=4)


def test_mask_pictures(tmp_path):
    ids = np.array([[0, 2001, 2001], [10000, 1000, 0]], np.uint16)
    Image.fromarray(ids).save(tmp_path / "m.png")
    found = read_mask_picture(tmp_path / "m.png", (2, 3))
    assert found.tolist() == [[0, 2001, 2001], [IGNORED, 1000, 0]]
    with pytest.raises(ValueError, match=r"masks of 2×3 .* frames are 4×4"):
        read_mask_picture(tmp_path / "m.png", (4, 4))
    Image.new("RGB", (3, 2)).save(tmp_path / "c.png")
    with pytest.raises(ValueError, match="mode RGB; want 16 bit grey"):
        read_mask_picture(tmp_path / "c.png", (2, 3))
    with pytest.raises(FileNotFoundError, match="there is no mask"):
        read_mask_picture(tmp_path / "gone.png", (2, 3))
