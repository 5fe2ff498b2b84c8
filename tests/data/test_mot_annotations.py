"""Boxes in MOTChallenge's format: every form, and every way to get it wrong."""

import numpy as np
import pytest

from lib.data.mot.annotations import read_boxes, read_seqinfo
from lib.data.mot.boxes import FrameBoxes, Window, in_window, share_inside

LINES = {
    7: "1,4,11,21,30,40,1",
    9: "1,4,11,21,30,40,1,1,0.25",
    10: "1,4,11,21,30,40,1,-1,-1,-1",
    12: "1,4,11,21,30,40,1,1,0.25,3.5,-2,0.1",
}


def read(tmp_path, text, **options):
    path = tmp_path / "gt.txt"
    path.write_text(text)
    return read_boxes(path, **({"frames": 3} | options))


@pytest.mark.parametrize("columns", LINES)
def test_every_form_of_a_line(tmp_path, columns):
    """Pixels from 1 in the file, from 0 here."""
    found = read(tmp_path, LINES[columns] + "\n")
    assert found.boxes.tolist() == [[10, 20, 30, 40]]
    assert (found.frames.tolist(), found.ids.tolist()) == ([0], [4])
    assert found.visibility.tolist() == [0.25 if columns in (9, 12) else 1.0]
    assert found.classes.tolist() == [1]
    assert found.flags.tolist() == [True]


def test_rows_are_sorted_and_asked_by_frame(tmp_path):
    found = read(tmp_path, "3,2,1,1,5,5,1\n1,9,1,1,2,2,1\n\n3,1,1,1,4,4,1\n")
    assert found.frames.tolist() == [0, 2, 2]
    assert found.at(2).ids.tolist() == [1, 2]
    assert len(found.at(1)) == 0
    part = found.part(1, 3)
    assert part.at(1).boxes[:, 2].tolist() == [4, 5]
    assert len(part) == 2


def test_who_is_ignored(tmp_path):
    text = "1,1,1,1,5,5,1,1,1\n1,2,1,1,5,5,0,1,1\n1,3,1,1,5,5,1,8,1\n1,4,1,1,5,5,1,1,0.2\n"
    found = read(tmp_path, text)
    assert found.at(0).ignored.tolist() == [False, True, True, False]
    assert found.at(0, least_visibility=0.25).ignored.tolist() == [False, True, True, True]


def test_frames_from_0_or_1(tmp_path):
    assert read(tmp_path, "0,1,1,1,5,5,1\n2,1,1,1,5,5,1\n").frames.tolist() == [0, 2]
    assert read(tmp_path, "1,1,1,1,5,5,1\n3,1,1,1,5,5,1\n").frames.tolist() == [0, 2]
    late = read(tmp_path, "1,1,1,1,5,5,1\n3,1,1,1,5,5,1\n", first_frame=3)
    assert late.frames.tolist() == [0], "what comes before the first frame is left out"
    assert len(read(tmp_path, "")) == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,4,11,21,30", "line 2: it has 5 columns; want frame,id,left,top,width,height,flag"),
        ("1,4,11,21,30,40,1,1", "line 2: it has 8 columns"),
        ("1,4,11,21,wide,40,1", "line 2: '1,4,11,21,wide,40,1' is not all numbers"),
        ("1 4 11 21 30 40 1", "is not all numbers"),
        ("1.5,4,11,21,30,40,1", "frame 1.5 or id 4 is no whole number"),
        ("1,nan,11,21,30,40,1", "is no whole number"),
        ("-1,4,11,21,30,40,1", "frame, width or height is below 0"),
        ("1,4,11,21,-30,40,1", "frame, width or height is below 0"),
        ("4,4,11,21,30,40,1", "line 2: frame 4 is beyond the sequence, whose 3 frames are numbers"),
        ("2,1,11,21,30,40,1", r"line 2: id 1 is in this frame already \(line 1\)"),
    ],
)
def test_malformed_lines_are_named(tmp_path, line, message):
    with pytest.raises(ValueError, match=message) as raised:
        read(tmp_path, f"2,1,1,1,5,5,1\n{line}\n")
    assert "gt.txt" in str(raised.value)


def test_missing_annotations(tmp_path):
    with pytest.raises(FileNotFoundError, match="there are no annotations .*nothing.txt"):
        read_boxes(tmp_path / "nothing.txt", frames=3)


def test_seqinfo(tmp_path):
    path = tmp_path / "seqinfo.ini"
    assert read_seqinfo(path).frames is None
    path.write_text(
        "[Sequence]\nname=MOT16-02\nimDir=img1\nframeRate=30\nseqLength=600\n"
        "imWidth=1920\nimHeight=1080\nimExt=.jpg\nFOV=42%\n"
    )
    found = read_seqinfo(path)
    assert (found.name, found.frames, found.size) == ("MOT16-02", 600, (1080, 1920))
    assert (found.frame_rate_hz, found.image_folder) == (30.0, "img1")
    path.write_text("[Sequence]\nseqLength=many\n")
    with pytest.raises(ValueError, match="seqLength is 'many'; want a number above 0"):
        read_seqinfo(path)
    path.write_text("seqLength=3\n")
    with pytest.raises(ValueError, match=r"want a section \[Sequence\]"):
        read_seqinfo(path)


# ------------------------------------------------------------------------------ windows


def test_boxes_move_with_the_window():
    """By hand: a window of 100 px at (50, 20), halved."""
    window = Window(50, 20, 100)
    boxes = FrameBoxes.of(
        [1, 2, 3, 4], [[60, 40, 20, 30], [40, 20, 20, 20], [0, 0, 49, 500], [40, 20, 15, 20]]
    )
    found = in_window(boxes, window, 50)
    assert found.ids.tolist() == [1, 2, 4], "who is outside is not there"
    np.testing.assert_allclose(found.boxes, [[5, 10, 10, 15], [0, 0, 5, 10], [0, 0, 2.5, 10]])
    assert found.ignored.tolist() == [False, False, True], "half inside counts, a third does not"
    np.testing.assert_allclose(share_inside(boxes.boxes, window), [1, 0.5, 0, 1 / 3])
    assert in_window(boxes, window, 50, least_inside=0.6).ignored.tolist() == [False, True, True]


def test_a_window_round_everything_changes_nothing(rng):
    boxes = FrameBoxes.of(range(5), rng.uniform(0, 40, (5, 4)))
    found = in_window(boxes, Window(0, 0, 128), 128)
    np.testing.assert_allclose(found.boxes, boxes.boxes)


def test_frame_boxes_are_checked():
    with pytest.raises(ValueError, match="ids has 2 entries, boxes 1"):
        FrameBoxes.of([1, 2], [[0, 0, 1, 1]])
    with pytest.raises(ValueError, match=r"ids holds \[7\] more than once"):
        FrameBoxes.of([7, 7], np.ones((2, 4)))
    with pytest.raises(ValueError, match="width or height below 0"):
        FrameBoxes.of([1], [[0, 0, -1, 1]])
    assert len(FrameBoxes.none()) == 0
