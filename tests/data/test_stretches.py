"""Stretches of time as groups of a split: lengths and distances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.data.stretches import clock_time, cut_stretches, split_stretches


@given(
    st.lists(st.integers(1, 12), min_size=20, max_size=300),
    st.integers(0, 40),
    st.integers(0, 5),
)
@settings(max_examples=40, deadline=None)
def test_parts_of_a_recording_keep_their_distance(steps, gap, seed):
    """Oracle: all pairs of frames."""
    numbers = np.cumsum(steps).astype(np.int32)
    stretches = cut_stretches(numbers, 10.0)
    assert len(stretches.names) == stretches.of_frame.max() + 1 <= 20
    splits = split_stretches(stretches.of_frame, numbers, gap=gap, seed=seed)
    span = int(numbers[-1] - numbers[0]) + 1
    used = min(gap, span // len(stretches.names) // 4)
    train, validation, test = splits.train, splits.validation, splits.test
    for part, others in ((train, validation), (train, test), (validation, test)):
        distances = np.abs(numbers[part][:, None] - numbers[others][None])
        assert distances.min(initial=10**6) >= max(1, used)
    left_out = np.setdiff1d(np.arange(len(numbers)), np.concatenate([train, validation, test]))
    held = np.concatenate([validation, test])
    near = np.abs(numbers[left_out][:, None] - numbers[held][None]).min(1, initial=10**6)
    assert (near < used).all()


@pytest.mark.parametrize("count", [1, 2, 19, 20, 21, 1000])
def test_stretches_are_of_equal_time(count):
    numbers = np.arange(5, 5 + count, dtype=np.int32)
    names, of_frame = cut_stretches(numbers, 10.0)
    assert len(names) == min(count, 20)
    assert np.ptp(np.bincount(of_frame)) <= 1
    assert (np.diff(of_frame) >= 0).all()
    assert names[0] == "from 0:00:00.5"


def test_times_are_written_as_players_do():
    assert clock_time(0.04) == "0:00:00.0"
    assert clock_time(59.96) == "0:01:00.0"
    assert clock_time(12 * 3600 + 34 * 60 + 5.678) == "12:34:05.7"
