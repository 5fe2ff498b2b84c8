from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.data.sampling import capacity, sample_with_gap, share_out


def admissible(length, count, min_gap):
    """Every admissible set, by trying all subsets."""
    return [
        subset
        for subset in combinations(range(length), count)
        if all(b - a >= min_gap for a, b in pairwise(subset))
    ]


@given(length=st.integers(0, 9), min_gap=st.integers(1, 5))
def test_capacity_is_the_largest_admissible_set(length, min_gap):
    largest = max(n for n in range(length + 1) if admissible(length, n, min_gap))
    assert capacity(length, min_gap) == largest


@given(length=st.integers(1, 400), min_gap=st.integers(1, 12), data=st.data())
@settings(max_examples=60)
def test_gaps_are_kept(length, min_gap, data):
    count = data.draw(st.integers(0, capacity(length, min_gap)))
    seed = data.draw(st.integers(0, 9))
    numbers = sample_with_gap(length, count, min_gap, np.random.default_rng(seed))
    assert len(numbers) == count
    assert all(0 <= n < length for n in numbers)
    assert all(np.diff(numbers) >= min_gap)


def test_every_admissible_set_is_equally_likely(rng):
    length, count, min_gap, draws = 9, 3, 2, 7_000
    sets = admissible(length, count, min_gap)
    seen = dict.fromkeys(sets, 0)
    for _ in range(draws):
        seen[tuple(sample_with_gap(length, count, min_gap, rng).tolist())] += 1
    expected = draws / len(sets)
    chi_square = sum((n - expected) ** 2 / expected for n in seen.values())
    assert len(sets) == 35
    assert chi_square < 61  # 34 degrees of freedom: exceeded once in 300 seeds; ours is fixed


def test_too_many_for_one_video(rng):
    with pytest.raises(ValueError, match="of 10 frames 2 fit with min_gap=5"):
        sample_with_gap(10, 3, 5, rng)


@given(
    lengths=st.lists(st.integers(0, 60), min_size=1, max_size=12),
    min_gap=st.integers(1, 8),
    data=st.data(),
)
@settings(max_examples=80)
def test_shares_add_up_and_fit(lengths, min_gap, data):
    room = [capacity(n, min_gap) for n in lengths]
    total = data.draw(st.integers(0, sum(room)))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    counts = share_out(np.array(lengths, dtype=np.int64), total, min_gap, rng)
    assert counts.sum() == total
    assert all(0 <= n <= most for n, most in zip(counts, room, strict=True))


def test_shares_are_proportional_on_average(rng):
    lengths = np.array([100, 300, 50, 550], dtype=np.int64)
    mean = np.mean([share_out(lengths, 7, 1, rng) for _ in range(3_000)], axis=0)
    np.testing.assert_allclose(mean, 7 * lengths / 1000, atol=0.04)
    single = share_out(lengths, 7, 1, rng)
    assert np.all(np.abs(single - 7 * lengths / 1000) <= 1)


def test_asking_for_more_than_fits(rng):
    lengths = np.array([10, 21], dtype=np.int64)
    message = r"frames=8 are more than the 7 that fit into 2 videos of 31 frames with min_gap=5"
    with pytest.raises(ValueError, match=message):
        share_out(lengths, 8, 5, rng)
    assert share_out(lengths, 7, 5, rng).tolist() == [2, 5]
