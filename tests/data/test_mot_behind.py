"""What is behind everybody: ground that more than half of the frames show."""

from dataclasses import replace

import numpy as np
import pytest

from lib.data.mot.behind import MOST_FRAMES, behind_all, behind_sequence
from lib.data.mot.clips import ClipConfig, Clips, clip_batch, shrunk
from lib.data.mot.discovery import discover_sequences
from tests.data.mot import write_motchallenge

CUT = ClipConfig(frames=3, stride=2, size_px=12, window_px=24)


@pytest.fixture
def sequence(tmp_path):
    """(the sequence, its frames)"""
    frames = write_motchallenge(tmp_path / "a", 7)
    [found] = discover_sequences(tmp_path).sequences
    return found, frames


def test_whoever_walks_by_is_not_in_it():
    ground = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    frames = np.stack([ground] * 9)
    for number, frame in enumerate(frames):
        frame[5:15, 3 * number : 3 * number + 5] = 255 - ground[5:15, 3 * number : 3 * number + 5]
    np.testing.assert_array_equal(behind_all(list(frames)), ground)


def test_whoever_stands_for_most_of_the_time_is():
    frames = np.zeros((5, 4, 4, 3), np.uint8)
    frames[1:4, 2, 2] = 200
    assert behind_all(list(frames))[2, 2].tolist() == [200, 200, 200]
    frames[3, 2, 2] = 0
    assert behind_all(list(frames)).max() == 0


@pytest.mark.parametrize("count", [1, 4, 5])
def test_tall_frames_are_done_in_bands(count):
    frames = np.random.default_rng(1).integers(0, 256, (count, 300, 3, 3), dtype=np.uint8)
    wanted = np.sort(frames, axis=0)[(count - 1) // 2]
    np.testing.assert_array_equal(behind_all(list(frames)), wanted)


def test_a_sequence_is_asked_for_frames_all_over_it(sequence):
    found, frames = sequence
    np.testing.assert_array_equal(behind_sequence(found), behind_all(list(frames)))
    few = behind_all([frames[0], frames[3], frames[6]])
    np.testing.assert_array_equal(behind_sequence(found, most=3), few)
    assert MOST_FRAMES % 2


def test_clips_have_it_where_it_is_asked_for(sequence):
    found, frames = sequence
    bare, asked = Clips([found], CUT), Clips([found], replace(CUT, behind=True))
    assert bare.clip(0).behind is None
    assert clip_batch([0], bare).behind is None
    clip = asked.clip(0)
    wanted = shrunk(behind_all(list(frames)), clip.window, 12)
    np.testing.assert_array_equal(clip.behind, wanted)
    np.testing.assert_array_equal(asked.behind(0), wanted)
    assert clip_batch([0, 0], asked).behind.shape == (2, 12, 12, 3)
    np.testing.assert_array_equal(clip.frames, bare.clip(0).frames)


def test_parts_of_a_video_have_each_their_own(sequence):
    found, frames = sequence
    clips = Clips([found.part(0, 3), found.part(3, 7)], replace(CUT, stride=1))
    assert len(clips) == 2
    for number, part in enumerate((frames[:3], frames[3:])):
        window = clips.clip(number).window
        np.testing.assert_array_equal(
            clips.behind(number), shrunk(behind_all(list(part)), window, 12)
        )


def test_without_frames(sequence):
    with pytest.raises(ValueError, match="frames is empty"):
        behind_all([])
    with pytest.raises(ValueError, match="most=0: want at least one frame"):
        behind_sequence(sequence[0], most=0)
