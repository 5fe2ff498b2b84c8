"""Nearest neighbours against loops over every pair, across block borders."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.evaluation import neighbours as module
from lib.evaluation.neighbours import (
    Neighbours,
    kinship,
    nearest_features,
    worst_mistakes,
)


def loop_neighbours(queries, gallery, k):
    rows = []
    for query in queries:
        distances = [float(np.sqrt(((query - entry) ** 2).sum())) for entry in gallery]
        rows.append(sorted((round(d, 6), i) for i, d in enumerate(distances))[:k])
    return rows


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.integers(1, 4), st.integers(1, 25), st.integers(1, 6))
def test_features_equal_loops(seed, queries, entries, k):
    rng, k = np.random.default_rng(seed), min(k, entries)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", 7)
        q, g = rng.normal(size=(queries, 3)), rng.normal(size=(entries, 3))
        got = nearest_features(q, g, k=k)
    wanted = loop_neighbours(q, g, k)
    assert got.places.tolist() == [[i for _, i in row] for row in wanted]
    np.testing.assert_allclose(got.distances, [[d for d, _ in row] for row in wanted], atol=1e-5)


def test_of_equal_distances_the_earlier_comes_first(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 2)
    got = nearest_features(np.zeros((1, 1)), np.array([[1.0], [-1], [1], [0], [-1]]), k=4)
    assert got.places.tolist() == [[3, 0, 1, 2]]


def test_kinship_compares_loadouts_and_classes():
    found = Neighbours(np.array([[2, 0], [1, 2]]), np.zeros((2, 2)))
    gallery = np.array([7, 8, 9]), np.array([0, 1, 1])
    got = kinship(found, (np.array([9, 5]), np.array([0, 1])), gallery)
    assert got.same_group.tolist() == [[True, False], [False, False]]
    assert got.same_label.tolist() == [[False, True], [True, True]]


def test_worst_mistakes_are_wrong_and_in_order():
    logits = np.array([[3.0, 0], [0, 1], [5, 0], [0, 9], [2, 0]])
    labels = np.array([1, 0, 1, 1, 1])
    assert worst_mistakes(logits, labels).tolist() == [2, 0, 4, 1]
    assert worst_mistakes(logits, labels, most=2).tolist() == [2, 0]
    assert worst_mistakes(logits, logits.argmax(1)).tolist() == []


def test_mistakes_are_named():
    two = np.zeros((2, 3))
    with pytest.raises(ValueError, match="k is 3, but the gallery has 2 entries"):
        nearest_features(two, two, k=3)
    with pytest.raises(ValueError, match="queries is empty"):
        nearest_features(two[:0], two, k=1)
