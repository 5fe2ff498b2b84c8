"""Clips: where they begin, what the window shows, and that nothing but seed and index decides."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.data.mot.boxes import Window
from lib.data.mot.clips import (
    ClipConfig,
    Clips,
    check_size,
    clip_batch,
    grand_central_windows,
    nearest,
    shrunk,
)
from lib.data.mot.discovery import discover_sequences
from lib.data.mot.sequences import MotSequence
from tests.data.mot import SIZE, write_masks, write_motchallenge, write_motsynth

SMALL = ClipConfig(frames=3, stride=2, size_px=12, window_px=24)


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    """(sequences, frames of the first)"""
    root = tmp_path_factory.mktemp("mot")
    frames = write_motchallenge(root / "a", 12)
    write_motchallenge(root / "b", 20)
    return discover_sequences(root).sequences, frames


def long(tmp_path, frames=1800, size=(1080, 1920)):
    """A sequence that is never read."""
    return MotSequence("v", "motsynth", tmp_path, ("x",) * frames, frames, size, 20.0)


def test_the_studys_clips(tmp_path):
    """19 videos of 1,800 frames gave 684: 36 each, of 50 frames with a start among the first 5."""
    clips = Clips([long(tmp_path)] * 19, ClipConfig())
    assert len(clips) == 684
    assert ClipConfig().span == 46
    sequence = clips.sequences[0]
    starts = {clips._start(sequence, 35, np.random.default_rng(k)) for k in range(60)}
    assert starts == {1750, 1751, 1752, 1753, 1754}


def test_grand_central_as_the_official_code_has_it(tmp_path):
    windows = [(120, 0), (360, 0), (0, 240), (240, 240), (480, 240)]
    assert list(grand_central_windows()) == [*windows, (0, 120), (240, 120), (480, 120)]
    video = long(tmp_path, 200, (480, 720))
    training = Clips([video], ClipConfig.grand_central(training=True))
    assert len(training) == 8 * (200 - 72)
    judging = Clips([video], ClipConfig.grand_central(training=False))
    assert len(judging) == 8 * 2


def test_clips_are_windows_of_even_steps(footage):
    sequences, frames = footage
    clips = Clips(sequences, replace(SMALL, size_px=24))
    assert len(clips) == 2 + 3
    clip = clips.clip(1)
    assert clip.sequence == "a"
    assert np.diff(clip.numbers).tolist() == [2, 2]
    assert clip.numbers[0] in (6, 7)
    window = clip.window
    assert window.side_px == 24
    part = frames[clip.numbers][:, window.top :, window.left :][:, :24, :24]
    np.testing.assert_array_equal(clip.frames, part)
    assert clips.clip(2).sequence == "b"
    assert clip.masks is None


def test_nothing_but_seed_and_index_decides(footage):
    sequences, _ = footage
    one, other = Clips(sequences, SMALL, seed=3), Clips(sequences, SMALL, seed=3)
    later = other.clip(4)
    for index in (4, 0, 9):
        a, b = one.clip(index), other.clip(index)
        np.testing.assert_array_equal(a.frames, b.frames)
        assert (a.numbers, a.window) == (b.numbers, b.window)
    np.testing.assert_array_equal(later.frames, one.clip(4).frames)
    windows = {Clips(sequences, SMALL, seed=seed).clip(0).window for seed in range(8)}
    assert len(windows) > 1
    rounds = {(one.clip(5 * k).window, one.clip(5 * k).numbers[0]) for k in range(8)}
    assert len(rounds) > 1
    assert {one.clip(5 * k).sequence for k in range(8)} == {"a"}


def test_truth_comes_with_the_window(footage):
    """By hand: person 1 of frame k is 4×8 at (1 + k, 4); all of the frame's height is seen."""
    sequences, _ = footage
    fixed = replace(SMALL, windows=((0, 0), (12, 0)), jitter=False)
    clips = Clips(sequences, fixed)
    assert len(clips) == 2 * 2 + 2 * 3
    left, right = clips.clip(0), clips.clip(1)
    assert left.numbers == right.numbers == [0, 2, 4]
    assert [one.boxes[0].tolist() for one in left.truth] == [
        [0.5, 2, 2, 4],
        [1.5, 2, 2, 4],
        [2.5, 2, 2, 4],
    ]
    assert left.truth[0].ignored.tolist() == [False, False]
    assert [one.ids.tolist() for one in right.truth] == [[2], [2], [2]]
    picky = Clips(sequences, replace(fixed, least_visibility=0.6)).clip(0)
    assert picky.truth[0].ignored.tolist() == [False, True]


def test_judging_leaves_nothing_to_chance(footage):
    sequences, _ = footage
    config = SMALL.for_judging()
    found = {Clips(sequences, config, seed=seed).clip(0).window for seed in range(4)}
    assert found == {Window(6, 0, 24)}
    whole = Clips(sequences, replace(config, window_px=None)).clip(0)
    assert whole.window == Window(6, 0, 24), "the largest square"


def test_masks_are_of_the_window(tmp_path):
    write_motsynth(tmp_path, "000", 6)
    mask = np.zeros(SIZE, bool)
    mask[4:12, 8:16] = True
    write_masks(tmp_path / "mots_annotations" / "000", {(1, 2001): mask, (3, 2001): mask})
    clips = Clips(
        discover_sequences(tmp_path).sequences, replace(SMALL, windows=((6, 0),), jitter=False)
    )
    clip = clips.clip(0)
    assert clip.masks.shape == (3, 12, 12)
    assert (clip.masks[0] > 0).sum() == 16
    assert (clip.masks[0][2:6, 1:5] == 2001).all()
    assert not clip.masks[2].any()


def test_batches_have_the_order_asked_for(footage):
    sequences, _ = footage
    clips = Clips(sequences, SMALL)
    one = clip_batch([3, 0, 3], clips)
    two = clip_batch(np.array([3, 0, 3]), clips, workers=2)
    assert one.frames.shape == (3, 3, 12, 12, 3)
    assert one.frames.dtype == np.uint8
    np.testing.assert_array_equal(one.frames, two.frames)
    np.testing.assert_array_equal(one.frames[1], clips.clip(0).frames)
    assert [clip.sequence for clip in one.clips] == ["b", "a", "b"]
    with pytest.raises(ValueError, match="indices is empty"):
        clip_batch([], clips)
    with pytest.raises(ValueError, match="index=-1"):
        clips.clip(-1)


def test_shrinking_does_not_alias():
    """Stripes of a pixel become grey, not stripes; an even picture stays as it is."""
    stripes = np.zeros((96, 96, 3), np.uint8)
    stripes[:, ::2] = 255
    found = shrunk(stripes, Window(0, 0, 96), 20).astype(int)
    assert np.abs(found[:, 1:-1] - 127).max() < 30
    assert (shrunk(np.full((96, 96, 3), 7, np.uint8), Window(3, 4, 90), 20) == 7).all()


def test_masks_take_the_pixel_at_the_centre():
    mask = np.arange(36, dtype=np.int32).reshape(6, 6)
    assert nearest(mask, Window(0, 0, 6), 2).tolist() == [[7, 10], [25, 28]]
    np.testing.assert_array_equal(nearest(mask, Window(1, 2, 3), 3), mask[2:5, 1:4])


# ------------------------------------------------------------------------------- mistakes


def test_clips_that_cannot_be(footage):
    sequences, _ = footage
    with pytest.raises(ValueError, match="a has 12 frames, but a clip of 4 at stride 4 takes 13"):
        Clips(sequences, replace(SMALL, frames=4, stride=4))
    with pytest.raises(ValueError, match=r"a window of 25 px .* frames of a, which are 24×36"):
        Clips(sequences, replace(SMALL, window_px=25))
    with pytest.raises(ValueError, match="at left 13, top 0 does not lie"):
        Clips(sequences, replace(SMALL, windows=((13, 0),)))
    with pytest.raises(ValueError, match="sequences is empty"):
        Clips([], SMALL)
    with pytest.raises(ValueError, match="want frames, stride, size and steps of at least 1"):
        Clips(sequences, replace(SMALL, stride=0))


@given(st.integers(-3, 200), st.integers(1, 20))
def test_sizes_fit_the_grid_or_are_told(size, grid):
    if size > 0 and size % grid == 0:
        check_size(size, grid)
        return
    with pytest.raises(ValueError, match=f"size_px={size} cannot be cut into {grid}×{grid}") as e:
        check_size(size, grid)
    for named in str(e.value).rsplit("such as ", 1)[1].split(" or "):
        check_size(int(named), grid)


def test_a_grid_has_cells():
    with pytest.raises(ValueError, match="grid=0: want at least one cell"):
        check_size(128, 0)
