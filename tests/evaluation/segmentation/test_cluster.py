"""Clusters of pixels, and the labels that other pixels get from them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.evaluation.segmentation.cluster import (
    NOISE,
    by_size,
    cluster_pixels,
    nearest,
    smallest,
)
from lib.evaluation.segmentation.cluster import _neighbour_graph as neighbour_graph
from lib.evaluation.segmentation.transfer import References, make_references, vote
from tests.evaluation.segmentation.pictures import QUICK


def blobs(rng, sizes=(120, 90, 60), d=5, spread=0.05):
    centres = np.eye(d)[: len(sizes)]
    truth = np.repeat(np.arange(len(sizes)), sizes)
    return (centres[truth] + rng.normal(0, spread, (len(truth), d))).astype(np.float32), truth


@pytest.mark.parametrize("reduction", ["umap", "pca", "none"])
@pytest.mark.parametrize("clustering", ["hdbscan", "kmeans"])
def test_every_combination_finds_three_blobs(rng, reduction, clustering):
    points, truth = blobs(rng)
    config = replace(QUICK, reduction=reduction, clustering=clustering)
    found = cluster_pixels(points, config, seed=0)
    assert found.count == 3
    clustered = found.labels != NOISE
    assert clustered.mean() > 0.9
    assert np.array_equal(found.labels[clustered], truth[clustered])  # numbered by size
    assert found.noise_share == pytest.approx(1 - clustered.mean())


def test_the_same_seed_gives_the_same_map_and_another_does_not(rng):
    points, _ = blobs(rng)
    threads = torch.get_num_threads()
    one, two, other = (cluster_pixels(points, QUICK, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.embedding, two.embedding)
    assert np.array_equal(one.labels, two.labels)
    assert not np.array_equal(one.embedding, other.embedding)
    assert torch.get_num_threads() == threads  # Numba's number is another


def test_equal_pixels_are_one_cluster_and_evenly_spread_ones_may_be_noise(rng):
    same = cluster_pixels(np.ones((50, 4), np.float32), QUICK, seed=0)
    assert (same.count, same.noise_share) == (1, 0)
    even = rng.uniform(size=(200, 8)).astype(np.float32)
    spread = cluster_pixels(even, replace(QUICK, reduction="none", min_cluster_share=0.3), seed=0)
    assert (spread.count, spread.noise_share) == (0, 1)


def test_leaves_part_what_the_tree_keeps_together(rng):
    """Two blobs near each other and one far off: "eom" takes the two for one, "leaf" does not."""
    centres = np.repeat([[0, 0], [1.0, 0], [40, 0]], 80, axis=0)
    points = (centres + rng.normal(scale=0.25, size=centres.shape)).astype(np.float32)
    config = replace(QUICK, reduction="none", min_cluster_share=0.1)
    found = {
        name: cluster_pixels(points, replace(config, selection=name), seed=0)
        for name in ("eom", "leaf")
    }
    assert found["eom"].count == 2
    assert found["leaf"].count >= 3
    assert found["leaf"].noise_share >= found["eom"].noise_share


def test_k_means_makes_no_more_clusters_than_there_are_points(rng):
    two = np.repeat(np.eye(3, dtype=np.float32)[:2], 10, axis=0)
    config = replace(QUICK, reduction="none", clustering="kmeans", clusters=5)
    assert cluster_pixels(two, config, seed=0).count == 2


def test_too_few_pixels_are_refused(rng):
    with pytest.raises(ValueError, match="5 pixels are too few for neighbours=12"):
        cluster_pixels(np.zeros((5, 3), np.float32), QUICK, seed=0)


def test_neighbours_are_those_of_a_naive_search_and_begin_with_oneself(rng):
    points = rng.normal(size=(40, 3)).astype(np.float32)
    points[7] = points[3]  # twins
    places, distances = neighbour_graph(points, 6, "cpu")
    for i, point in enumerate(points):
        every = np.sqrt(((points - point) ** 2).sum(1))
        assert places[i, 0] == i
        assert len(set(places[i])) == 6
        assert np.allclose(distances[i], np.sort(every)[:6], atol=2e-3)
        assert np.allclose(every[places[i]], distances[i], atol=2e-3)


def test_many_twins_keep_everyone_their_own_neighbour():
    places, distances = neighbour_graph(np.ones((9, 2), np.float32), 4, "cpu")
    assert np.array_equal(places[:, 0], np.arange(9))
    assert all(len(set(row)) == 4 for row in places)
    assert np.allclose(distances, 0, atol=1e-3)


def test_blocks_of_queries_change_nothing(rng, monkeypatch):
    points = torch.from_numpy(rng.normal(size=(30, 4)).astype(np.float32))
    whole = nearest(points[:11], points, 3)
    monkeypatch.setattr("lib.evaluation.segmentation.cluster.BLOCK_CELLS", 60)
    parts = nearest(points[:11], points, 3)
    assert torch.equal(whole[1], parts[1])
    assert torch.allclose(whole[0], parts[0], atol=2e-3)


@given(st.integers(0, 999), st.integers(1, 4), st.integers(1, 900))
@settings(max_examples=25, deadline=None)
def test_the_smallest_by_chunks_are_those_of_a_sort(seed, k, count):
    values = torch.from_numpy(np.random.default_rng(seed).permutation(3 * count).reshape(3, count))
    near, place = smallest(values.float(), min(k, count))
    ordered = values.sort(1)
    assert torch.equal(near.long(), ordered.values[:, :k])
    assert torch.equal(place, ordered.indices[:, :k])


@given(st.lists(st.integers(-1, 4), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None)
def test_numbering_by_size_keeps_the_partition(labels):
    old = np.array(labels)
    new = by_size(old)
    assert np.array_equal(old == NOISE, new == NOISE)
    assert len({(a, b) for a, b in zip(old, new, strict=True)}) == len(set(labels))
    sizes = np.bincount(new[new >= 0]) if (new >= 0).any() else np.zeros(0)
    assert np.all(np.diff(sizes) <= 0)
    assert np.all(sizes > 0)


def test_votes_are_those_of_a_naive_count(rng):
    points = rng.normal(size=(25, 3)).astype(np.float32)
    labels = rng.integers(0, 4, 25)
    noise = rng.random(25) < 0.3
    references = References(
        torch.from_numpy(points), torch.from_numpy(labels), torch.from_numpy(noise), 4
    )
    queries = rng.normal(size=(10, 3)).astype(np.float32)
    shares, noisy = vote(torch.from_numpy(queries), references, 5)
    for query, share, doubt in zip(queries, shares.numpy(), noisy.numpy(), strict=True):
        distance = np.sqrt(((points - query) ** 2).sum(1))
        near = np.argsort(distance)[:5]
        weight = 1 / (1 + (distance[near] / distance[near].max()) ** 2)
        weight /= weight.sum()
        wanted = np.bincount(labels[near], weight, minlength=4)
        assert np.allclose(share, wanted, atol=1e-3)
        assert doubt == pytest.approx((weight * noise[near]).sum(), abs=1e-3)


def test_noise_joins_the_nearest_cluster_but_stays_known_as_noise():
    points = np.array([[0, 0], [0.1, 0], [5, 5], [4, 5]], np.float32)
    references = make_references(points, np.array([0, NOISE, 1, NOISE]), most=10, seed=0)
    assert references.labels.tolist() == [0, 0, 1, 1]
    assert references.noise.tolist() == [False, True, False, True]


def test_references_without_any_cluster_vote_for_nothing():
    references = make_references(np.zeros((3, 2), np.float32), np.full(3, NOISE), most=2, seed=0)
    shares, noise = vote(torch.zeros(4, 2), references, 5)
    assert len(references.labels) == 2
    assert shares.shape == (4, 0)
    assert torch.allclose(noise, torch.ones(4))
