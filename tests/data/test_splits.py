import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.data.splits import split_groups

SIZES = st.lists(st.integers(1, 40), min_size=3, max_size=30)


def groups_of(sizes, seed):
    """Frames of groups of these sizes, in mixed order, with arbitrary group numbers."""
    rng = np.random.default_rng(seed)
    numbers = rng.choice(1000, len(sizes), replace=False)
    return rng.permutation(np.repeat(numbers, sizes)).astype(np.int32)


@given(sizes=SIZES, seed=st.integers(0, 50))
@settings(max_examples=80)
def test_parts_share_no_group_and_cover_everything(sizes, seed):
    groups = groups_of(sizes, seed)
    splits = split_groups(groups, seed=seed)
    parts = [splits.train, splits.validation, splits.test]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(groups)))
    held = [set(groups[part]) for part in parts]
    assert all(held)
    assert sum(map(len, held)) == len(set.union(*held)) == len(sizes)
    assert all(np.all(np.diff(part) > 0) for part in parts)


@given(sizes=st.lists(st.integers(1, 40), min_size=30, max_size=60), seed=st.integers(0, 50))
@settings(max_examples=40)
def test_shares_are_met_to_half_a_group(sizes, seed):
    groups = groups_of(sizes, seed)
    splits = split_groups(groups, validation=0.15, test=0.25, seed=seed)
    slack = max(sizes) / 2 + 1e-9
    if 0.15 * len(groups) > max(sizes):  # else the least, one group, may be too much already
        assert abs(len(splits.test) - 0.25 * len(groups)) <= slack
        assert abs(len(splits.validation) - 0.15 * len(groups)) <= slack


def test_the_seed_decides():
    groups = groups_of([5] * 20, 0)
    first, again, other = (split_groups(groups, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.test, again.test)
    assert set(groups[first.test]) != set(groups[other.test])


def test_only_membership_counts_not_the_order_of_frames():
    groups = groups_of([3, 8, 5, 9, 2, 7], 3)
    mixed = np.random.default_rng(5).permutation(len(groups))
    plain, shuffled = split_groups(groups), split_groups(groups[mixed])
    assert set(groups[plain.test]) == set(groups[mixed][shuffled.test])


def test_too_few_groups_and_wrong_shares():
    with pytest.raises(ValueError, match="holds 2 different groups.*at least 3 worlds"):
        split_groups(np.array([0, 1, 1]))
    with pytest.raises(ValueError, match=r"validation=0.5, test=0.5"):
        split_groups(np.arange(5), validation=0.5, test=0.5)
    with pytest.raises(ValueError, match=r"test=0"):
        split_groups(np.arange(5), test=0.0)
