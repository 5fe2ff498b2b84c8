"""Intervals over groups: closed forms, coverage, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.evaluation.intervals import (
    group_sums,
    mean_over_groups,
    mean_over_runs,
    statistic_over_groups,
)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 30), st.integers(2, 8), st.integers(0, 99))
def test_interval_holds_the_mean_and_is_deterministic(n, groups, seed):
    rng = np.random.default_rng(seed)
    x, g = rng.normal(size=n * groups), np.repeat(np.arange(groups), n)
    first, second = mean_over_groups(x, g), mean_over_groups(x, g)
    assert first == second
    assert first.value == pytest.approx(x.mean())
    assert first.low <= first.value <= first.high
    assert (first.n, first.groups) == (n * groups, groups)


def test_order_of_frames_does_not_matter(rng):
    x, g = rng.normal(size=60), np.repeat(np.arange(6), 10)
    order = rng.permutation(60)
    first, second = mean_over_groups(x, g), mean_over_groups(x[order], g[order])
    assert first.low == pytest.approx(second.low)


def test_interval_covers_the_truth_as_often_as_it_says():
    """40 worlds with their own offsets; the naive interval over frames covers far too rarely."""
    rng, groups = np.random.default_rng(1), np.repeat(np.arange(40), 20)
    hits = naive_hits = 0
    for _ in range(100):
        x = rng.normal(size=40)[groups] + 0.1 * rng.normal(size=800)
        e = mean_over_groups(x, groups)
        hits += e.low <= 0 <= e.high
        naive_hits += abs(x.mean()) <= 1.96 * x.std() / np.sqrt(800)
    assert hits >= 86
    assert naive_hits < 60


def test_one_group_has_no_interval():
    e = mean_over_groups(np.ones(4), np.zeros(4, int))
    assert (e.value, e.low, e.high) == (1.0, None, None)


def test_failure_is_not_averaged_away():
    e = mean_over_groups(np.array([1.0, np.nan, 2.0]), np.array([0, 1, 2]))
    assert np.isnan(e.value)
    assert e.low is None


def test_group_sums_equal_loops(rng):
    x, g = rng.normal(size=(20, 3)), rng.integers(0, 4, 20)
    sums, sizes = group_sums(x, g)
    for row, name in enumerate(np.unique(g)):
        np.testing.assert_allclose(sums[row], sum(x[i] for i in range(20) if g[i] == name))
        assert sizes[row] == (g == name).sum()


def test_statistic_of_totals_is_taken_on_all_groups():
    totals = np.array([[4.0, 0], [0, 4.0], [2.0, 2.0]])
    e = statistic_over_groups(totals, lambda t: float((t > 0).sum()), n=12)
    assert e.value == 2
    assert e.low <= 2 <= e.high


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="x has 3 entries, groups has 2"):
        mean_over_groups(np.ones(3), np.zeros(2, int))
    with pytest.raises(ValueError, match="x is empty"):
        mean_over_groups(np.ones(0), np.zeros(0, int))


def test_runs_have_students_interval():
    """By hand: 4.303 is Student's 97.5 % point with two degrees of freedom."""
    found = mean_over_runs(np.array([1.0, 2.0, 3.0]))
    assert found.value == 2
    assert found.high - 2 == pytest.approx(4.3027 / np.sqrt(3), abs=1e-4)
    assert 2 - found.low == pytest.approx(found.high - 2)
    assert (found.n, found.groups) == (3, 3)
    alone = mean_over_runs(np.array([5.0]))
    assert (alone.value, alone.low, alone.high) == (5, None, None)
    assert mean_over_runs(np.array([1.0, np.nan])).low is None
    with pytest.raises(ValueError, match="values is empty"):
        mean_over_runs(np.array([]))
