import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.data.splits import (
    Splits,
    leaked_share,
    split_groups,
    split_images,
    split_unseen_parts,
    split_unseen_rotations,
)

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


def garage(loadouts=60, kinds=6, seed=0):
    """Groups, wheels, hats and rotations of cars in ten rotations each, in mixed order."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(loadouts * 10)
    wheels, hats = rng.integers(0, kinds, (2, loadouts))
    groups, rotations = np.divmod(order, 10)
    return groups, wheels[groups], hats[groups], rotations


def assert_partition(splits: Splits, count: int) -> None:
    parts = (splits.train, splits.validation, splits.test)
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))
    assert all(len(part) and np.all(np.diff(part) > 0) for part in parts)


def test_the_write_ups_sizes():
    splits = split_images(380_870)
    sizes = (len(splits.train), len(splits.validation), len(splits.test))
    assert sizes == (304_696, 38_087, 38_087)


@given(count=st.integers(10, 500), seed=st.integers(0, 50))
@settings(max_examples=40)
def test_images_are_split_by_chance(count, seed):
    splits = split_images(count, validation=0.2, test=0.3, seed=seed)
    assert_partition(splits, count)
    assert (len(splits.validation), len(splits.test)) == (round(0.2 * count), round(0.3 * count))
    again = split_images(count, validation=0.2, test=0.3, seed=seed)
    np.testing.assert_array_equal(again.test, splits.test)


def test_every_image_is_tested_alike_often():
    tested = [set(split_images(50, test=0.2, seed=seed).test.tolist()) for seed in range(400)]
    counts = np.array([sum(i in part for part in tested) for i in range(50)])
    assert abs(counts - 80).max() < 5 * (400 * 0.2 * 0.8) ** 0.5


@given(seed=st.integers(0, 100), share=st.floats(0.1, 0.5), validation=st.sampled_from([0.1, 0.3]))
@settings(max_examples=40)
def test_unseen_parts_are_seen_in_the_test_only(seed, share, validation):
    groups, wheels, hats, _ = garage(seed=seed)
    splits = split_unseen_parts(
        groups,
        {"wheel": wheels, "hat": hats},
        held_out_share=share,
        validation=validation,
        seed=seed,
    )
    assert_partition(splits, len(groups))
    held = splits.held_out
    assert len(held["wheel"]) == len(held["hat"]) == max(1, round(share * 6))
    for i in splits.test:
        assert wheels[i] in held["wheel"] or hats[i] in held["hat"]
    for i in (*splits.train, *splits.validation):
        assert wheels[i] not in held["wheel"]
        assert hats[i] not in held["hat"]
    assert not set(groups[splits.train]) & set(groups[splits.validation])
    rest = len(splits.train) + len(splits.validation)
    assert abs(len(splits.validation) - validation * rest) <= 5
    assert leaked_share(splits, groups) == 0


def test_parts_held_out_by_name():
    groups, wheels, hats, _ = garage()
    parts = {"wheel": wheels, "hat": hats}
    splits = split_unseen_parts(groups, parts, held_out={"wheel": [3, 1]})
    assert splits.held_out == {"wheel": (1, 3), "hat": ()}
    np.testing.assert_array_equal(splits.test, np.flatnonzero((wheels == 1) | (wheels == 3)))


def test_the_seed_decides_which_parts_are_held_out():
    groups, wheels, hats, _ = garage()
    held = {
        tuple(split_unseen_parts(groups, {"wheel": wheels, "hat": hats}, seed=s).held_out.items())
        for s in range(20)
    }
    assert len(held) > 5


@pytest.mark.parametrize("held_out", [None, (0, 7, 9)])
def test_unseen_rotations_are_seen_in_the_test_only(held_out):
    groups, _, _, rotations = garage()
    splits = split_unseen_rotations(groups, rotations, held_out=held_out, validation=0.2)
    assert_partition(splits, len(groups))
    held = (1, 3, 5, 7, 9) if held_out is None else held_out
    assert splits.held_out == {"rotation": held}
    assert set(rotations[splits.test]) == set(held)
    assert (
        set(rotations[splits.train]) == set(rotations[splits.validation]) == {*range(10)} - {*held}
    )
    assert not set(groups[splits.train]) & set(groups[splits.validation])
    assert len(set(groups[splits.validation])) == 12
    assert leaked_share(splits, groups) == pytest.approx(0.8)  # of the validation cars only: 0.2
    other = split_unseen_rotations(groups, rotations, held_out=held_out, seed=1)
    assert set(groups[other.validation]) != set(groups[splits.validation])
    np.testing.assert_array_equal(other.test, splits.test)


def test_the_leak_is_counted_as_by_hand():
    groups = np.array([0, 0, 1, 1, 2, 2, 3])
    splits = Splits(np.array([0, 2]), np.array([4]), np.array([1, 3, 5, 6]))
    assert leaked_share(splits, groups) == 0.5
    with pytest.raises(ValueError, match="empty test part"):
        leaked_share(Splits(np.arange(7), np.arange(0), np.arange(0)), groups)


def test_a_split_by_image_leaks_nearly_everything_and_one_by_group_nothing():
    """With nine siblings, none is in training with a chance of 0.2 to the ninth or so."""
    groups, *_ = garage(400)
    assert leaked_share(split_images(len(groups)), groups) > 0.999
    assert leaked_share(split_groups(groups, test=0.1), groups) == 0


def test_wrong_images_split():
    with pytest.raises(ValueError, match=r"validation=0.5, test=0.6: want shares above 0"):
        split_images(100, validation=0.5, test=0.6)
    with pytest.raises(ValueError, match=r"count=4 with .* leaves a part without a frame"):
        split_images(4)


def test_wrong_parts_and_rotations_are_named():
    groups, wheels, hats, rotations = garage()
    parts = {"wheel": wheels, "hat": hats}
    with pytest.raises(ValueError, match="parts is empty"):
        split_unseen_parts(groups, {})
    with pytest.raises(ValueError, match="held_out names antenna, but parts has only wheel, hat"):
        split_unseen_parts(groups, parts, held_out={"antenna": [1]})
    with pytest.raises(ValueError, match="held_out has hat 8, 77, which no frame shows; choose"):
        split_unseen_parts(groups, parts, held_out={"hat": [77, 8, 2]})
    with pytest.raises(ValueError, match="held_out has every wheel there is .0, 1, 2, 3, 4, 5.*"):
        split_unseen_parts(groups, parts, held_out={"wheel": range(6)})
    with pytest.raises(
        ValueError, match="holding out wheel none; hat none leaves .* hold out more"
    ):
        split_unseen_parts(groups, parts, held_out={})
    with pytest.raises(ValueError, match="held_out_share=1.5"):
        split_unseen_parts(groups, parts, held_out_share=1.5)
    with pytest.raises(ValueError, match="wheel has 5 entries, groups has 600"):
        split_unseen_parts(groups, {"wheel": wheels[:5]})
    with pytest.raises(ValueError, match="held_out has rotation 10, which no frame shows"):
        split_unseen_rotations(groups, rotations, held_out=[10])
    with pytest.raises(ValueError, match="no rotation is held out"):
        split_unseen_rotations(groups, rotations, held_out=[])
    with pytest.raises(ValueError, match="rotations has 3 entries"):
        split_unseen_rotations(groups, rotations[:3])
    with pytest.raises(ValueError, match="leaves 1 groups for training.*hold out less"):
        split_unseen_rotations(np.zeros(600, np.int64), rotations)
    with pytest.raises(ValueError, match="validation=0"):
        split_unseen_rotations(groups, rotations, validation=0.0)
