"""Importing videos: which frame is taken at which time."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.data.video import read_frames
from lib.data.video_clock import FrameClock
from lib.data.video_stream import DamagedVideoError
from tests.data.footage import noise
from tests.data.stamped import SIZE, imported, steady, write_stamped


@given(
    times=st.sampled_from([1, 2, 3, 6]),
    fps=st.sampled_from([5.0, 10.0, 12.0, 29.97]),
    base=st.sampled_from([Fraction(1, 1000), Fraction(1, 90_000), Fraction(1, 12_800), None]),
    zero=st.integers(-500, 10**7),
)
@settings(max_examples=40, deadline=None)
def test_a_multiple_of_fps_gives_every_so_manieth_frame(times, fps, base, zero):
    """However the container rounds: at 30 frames a second and fps 10, every third."""
    exact = Fraction(fps).limit_denominator(10_000)
    base = base or 1 / (exact * times)  # as containers that count frames do
    clock = FrameClock(base, fps, zero)
    kept, last = [], -1
    for i in range(200):
        number = clock.number(zero + round(i / (exact * times) / base))
        if number > last:
            kept.append((i, number))
            last = number
    assert kept == [(i, i // times) for i in range(0, 200, times)]


@given(
    gaps=st.lists(st.integers(1, 900), min_size=1, max_size=60),
    fps=st.sampled_from([3.0, 10.0, 25.0]),
)
@settings(max_examples=40, deadline=None)
def test_numbers_tell_the_time(gaps, fps):
    """A frame at t seconds has number ⌊t · fps⌋, but for the rounding of its stamp."""
    clock = FrameClock(Fraction(1, 1000), fps, 0)
    for stamp in np.cumsum([0, *gaps]).tolist():
        assert clock.number(stamp) / fps <= clock.seconds(stamp) + 0.00051
        assert (clock.number(stamp) + 1) / fps > clock.seconds(stamp)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_variable_frame_rate_is_sampled_by_time(tmp_path, rng, suffix):
    """Oracle: of each tenth of a second, the first frame in it; pixels as they were encoded."""
    frames = noise(60, *SIZE)
    stamps = np.cumsum([0, *rng.choice([7, 16, 33, 34, 250, 420], 59)])
    path = write_stamped(tmp_path / f"v{suffix}", frames, stamps)
    store = imported(path, tmp_path / "s")
    first = {}
    for i, stamp in enumerate(stamps):
        first.setdefault(stamp // 100, i)
    assert store.frame_numbers.tolist() == list(first)
    np.testing.assert_array_equal(store.frames, frames[list(first.values())])
    assert len(first) < len(frames)
    assert list(first) != list(range(len(first)))
    assert store.recording_names == (f"v{suffix}",)
    store.verify()


def test_stamps_count_from_the_first_frame(tmp_path):
    frames = noise(6, *SIZE)
    path = write_stamped(tmp_path / "v.mkv", frames, [5030, 5080, 5131, 5180, 5231, 5280])
    store = imported(path, tmp_path / "s")
    assert store.frame_numbers.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(store.frames, frames[[0, 2, 4]])


def test_stamps_that_start_anew_are_told(tmp_path):
    """Two recordings joined byte by byte, as recorders leave them."""
    frames = noise(80, 32, 32)
    parts = [
        write_stamped(tmp_path / f"{k}.ts", half, steady(40), lossless=False).read_bytes()
        for k, half in enumerate((frames[:40], frames[40:]))
    ]
    path = tmp_path / "v.ts"
    path.write_bytes(b"".join(parts))
    with pytest.raises(DamagedVideoError, match=r"at 0:00:0[12]\.\d: time stamps go back by 1\.9"):
        imported(path, tmp_path / "s", size=(32, 32))
    store = imported(path, tmp_path / "s", size=(32, 32), corrupt="skip")
    assert len(store.skipped) == 1
    assert len(store) >= 39  # time goes on
    assert np.diff(store.frame_numbers).min() > 0
    straight = imported(path, tmp_path / "straight", size=(32, 32), corrupt="skip")
    assert straight.digest == store.digest


# ------------------------------------------------------------------------- pixels, groups


def test_frames_are_shrunk_as_all_readers_shrink(tmp_path):
    frames = noise(10, 64, 96)
    path = write_stamped(tmp_path / "v.mp4", frames, steady(10), lossless=False)
    store = imported(path, tmp_path / "s", size=(16, 24))
    wanted = [frame for _, frame in read_frames(path, size=(16, 24), step=2)]
    np.testing.assert_array_equal(store.frames, wanted)
