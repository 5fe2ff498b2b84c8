import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.training.sampling import EpochBatches, prefetch


def identity(indices):
    return indices


sizes = st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))


@settings(max_examples=40, deadline=None)
@given(sizes, st.integers(0, 3), st.booleans(), st.integers(0, 2**32 - 1))
def test_each_epoch_covers_every_item_once(size, epoch, drop_last, seed):
    n, batch_size = size
    batches = EpochBatches(n, batch_size, seed, load=identity, drop_last=drop_last)
    first = epoch * batches.batches_per_epoch
    seen = [batches(first + i) for i in range(batches.batches_per_epoch)]
    together = np.concatenate(seen)
    assert len(np.unique(together)) == len(together)
    if drop_last:
        assert {len(batch) for batch in seen} == {batch_size}
        assert len(together) == n // batch_size * batch_size
    else:
        np.testing.assert_array_equal(np.sort(together), np.arange(n))


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(12)))
def test_a_batch_depends_on_nothing_but_its_step(order):
    batches = EpochBatches(10, 3, 5, load=identity)
    expected = [EpochBatches(10, 3, 5, load=identity)(t) for t in range(12)]
    for t in order:
        np.testing.assert_array_equal(batches(t), expected[t])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 30))
def test_processes_share_the_batch_of_one(world_size, share, step):
    batch_size = world_size * share
    n = batch_size + 7
    alone = EpochBatches(n, batch_size, 1, load=identity)
    shares = [
        EpochBatches(n, batch_size, 1, load=identity, rank=rank, world_size=world_size)(step)
        for rank in range(world_size)
    ]
    assert {len(share_) for share_ in shares} == {share}
    np.testing.assert_array_equal(np.concatenate(shares), alone(step))


def test_epochs_and_seeds_differ():
    batches = EpochBatches(50, 50, 0, load=identity)
    assert not np.array_equal(batches(0), batches(1))
    assert not np.array_equal(batches(0), EpochBatches(50, 50, 1, load=identity)(0))


def test_indices_may_be_given_and_load_makes_the_batch():
    indices = np.array([10, 20, 30, 40])
    batches = EpochBatches(indices, 2, 0, load=lambda chosen: chosen * 2)
    assert sorted([*batches(0), *batches(1)]) == [20, 40, 60, 80]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((3, 8), {}, r"3 items cannot fill one batch of 8. Choose batch_size=3 or less"),
        ((0, 8), {"drop_last": False}, r"got 0 items in batches of 8"),
        ((9, 0), {}, r"batch_size: got 9 items in batches of 0"),
        ((9, 4), {"rank": 2, "world_size": 2}, r"rank: got 2 of 2 processes"),
        ((9, 5), {"world_size": 2}, r"5 items cannot be shared equally by 2 .* multiple of 2"),
        ((9, 4), {"world_size": 2, "drop_last": False}, r"drop_last: False .* unequal shares"),
    ],
)
def test_sizes_that_cannot_work_are_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        EpochBatches(*arguments, 0, load=identity, **options)


def test_steps_before_the_first_are_refused():
    with pytest.raises(ValueError, match="step: got -1"):
        EpochBatches(4, 2, 0, load=identity)(-1)


def test_prefetching_returns_the_same_batches_in_any_order_and_none_beyond_the_end():
    asked = []

    def square(step):
        asked.append(step)
        return step * step

    ahead = prefetch(square, steps=5)
    assert [ahead(t) for t in (0, 1, 2, 3, 4)] == [0, 1, 4, 9, 16]
    assert asked == [0, 1, 2, 3, 4]
    assert [ahead(t) for t in (2, 0, 4)] == [4, 0, 16]


def test_prefetching_makes_the_next_batch_meanwhile():
    made = threading.Event()

    def batch(step):
        if step == 1:
            made.set()
        return step

    ahead = prefetch(batch, steps=9)
    ahead(0)
    assert made.wait(timeout=5)  # though nobody asked for batch 1


def test_an_error_while_prefetching_is_raised_at_its_own_step():
    def batch(step):
        if step == 1:
            raise OSError("disk gone")
        return step

    ahead = prefetch(batch, steps=9)
    assert ahead(0) == 0
    time.sleep(0.01)
    with pytest.raises(OSError, match="disk gone"):
        ahead(1)
