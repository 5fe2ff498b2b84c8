"""Swapped parts: loops over pairs, closed forms, and laws of before and after."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.evaluation.classification import probabilities
from lib.evaluation.counterfactual import pair_changes, part_effects
from lib.evaluation.intervals import mean_over_groups

few = settings(max_examples=30, deadline=None)


def pairs(seed: int, n: int = 24) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    before = rng.normal(size=(n, 4)) + 2 * np.eye(4)[labels]
    return before, before + rng.normal(size=(n, 4)), labels


@few
@given(st.integers(0, 999), st.floats(0.2, 5.0))
def test_equal_loops(seed, temperature):
    before, after, labels = pairs(seed)
    got = pair_changes(before, after, labels, temperature=temperature)
    for i, label in enumerate(labels):
        p, q = (probabilities(z[i : i + 1], temperature=temperature)[0] for z in (before, after))
        first, second = int(p.argmax()), int(q.argmax())
        assert got.change[i] == pytest.approx(q[label] - p[label])
        assert got.shift[i] == pytest.approx(sum(max(b - a, 0) for a, b in zip(p, q, strict=True)))
        assert got.flipped[i] == (first != second)
        assert got.lost[i] == (first == label != second)
        assert got.gained[i] == (second == label != first)


@few
@given(st.integers(0, 999))
def test_there_and_back(seed):
    before, after, labels = pairs(seed)
    there, back = pair_changes(before, after, labels), pair_changes(after, before, labels)
    np.testing.assert_allclose(there.change, -back.change)
    np.testing.assert_allclose(there.shift, back.shift)
    np.testing.assert_array_equal(there.lost, back.gained)
    assert (np.abs(there.change) <= there.shift + 1e-12).all()
    assert (there.flipped >= (there.lost | there.gained)).all()
    gap = (after.argmax(1) == labels).mean() - (before.argmax(1) == labels).mean()
    assert there.gained.mean() - there.lost.mean() == pytest.approx(gap)


def test_nothing_swapped_changes_nothing():
    before, _, labels = pairs(0)
    got = pair_changes(before, before, labels)
    assert not got.change.any()
    assert not got.flipped.any()
    effect = part_effects(got, ["none"] * 24, np.arange(24) // 2)["none"]
    assert (effect.change.value, effect.change.low, effect.change.high) == (0, 0, 0)
    assert effect.flipped.high == pytest.approx(1 - 0.025 ** (1 / 12)), "12 loadouts prove no more"


def test_parts_are_judged_apart():
    before, after, labels = pairs(5, 60)
    groups = np.arange(60) // 6
    parts = ["wheel", "hat", "hat: fez"] * 20
    changes = pair_changes(before, after, labels)
    got = part_effects(changes, parts, groups, seed=3)
    assert list(got) == ["wheel", "hat", "hat: fez"]
    for start, effect in enumerate(got.values()):
        of = slice(start, None, 3)
        assert effect.change == mean_over_groups(changes.change[of], groups[of], seed=3)
        assert effect.shift == mean_over_groups(changes.shift[of], groups[of], seed=3)
        assert effect.flipped.value == changes.flipped[of].mean()
        assert effect.lost.value == changes.lost[of].mean()
        assert effect.gained.value == changes.gained[of].mean()
        assert effect.flipped.n == 20


def test_mistakes_are_named():
    before, after, labels = pairs(0)
    with pytest.raises(ValueError, match="before is \\[24, 4\\], after is \\[23, 4\\]"):
        pair_changes(before, after[:23], labels)
    with pytest.raises(ValueError, match="logits has 24 rows, labels has 2"):
        pair_changes(before, after, labels[:2])
    changes = pair_changes(before, after, labels)
    with pytest.raises(ValueError, match="there are 24 pairs, 1 parts and 24 groups"):
        part_effects(changes, ["hat"], np.arange(24))
