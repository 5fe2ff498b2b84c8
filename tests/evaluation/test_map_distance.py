"""Distances of inner maps: read at the right place, projected and compared as written."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lib.evaluation.classification import predict
from lib.evaluation.map_distance import MapGallery, Reading, block_ends, fit_gallery, unit
from lib.evaluation.novelty_detection import auroc
from lib.models.classifier import WRITEUP, Classifier
from tests.evaluation.bundles import SHAPE, Pixels, noise


def clouds(count: int, centre: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (centre + rng.normal(size=(count, 12))).astype(np.float32)


def test_maps_are_those_after_each_blocks_relu():
    model = Classifier(SHAPE).eval()
    images = noise(5)
    said = predict(model, Pixels(images), np.arange(5), 2, blocks=[2, 1])
    x = torch.from_numpy(Pixels(images).batch(np.arange(5)))
    for block, layers in ((1, model.body[:3]), (2, model.body[:6])):
        assert isinstance(layers[-1], nn.ReLU)
        with torch.no_grad():
            wanted = layers(x).flatten(1).numpy()
        np.testing.assert_allclose(said.maps[block], wanted, atol=1e-5)
    assert not any(layer._forward_hooks for layer in model.modules()), "no hook stays behind"


def test_a_hidden_layer_is_no_block():
    assert [type(end) for end in block_ends(Classifier(WRITEUP))] == [nn.ReLU] * 3
    model = Classifier(SHAPE)
    with pytest.raises(ValueError, match=r"blocks holds \[3\]; this network has blocks 1 to 2"):
        predict(model, Pixels(noise(2)), np.arange(2), blocks=[1, 3])
    with pytest.raises(ValueError, match="only a Classifier has any"):
        predict(nn.Sequential(nn.Flatten(), nn.Linear(15_000, 4)), Pixels(noise(2)), np.arange(2),
                blocks=[1])  # fmt: skip


@given(st.integers(1, 30), st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_the_distance_is_that_to_the_neighbour_in_the_projection(count, neighbour, seed):
    train, new = clouds(count + 4, 0, seed), clouds(3, 1, seed + 1)
    gallery = fit_gallery(train, Reading(1, neighbour), most=1_000, dimensions=3)
    np.testing.assert_allclose(gallery.components @ gallery.components.T, np.eye(3), atol=1e-4)
    got = gallery(new)
    for i, row in enumerate(new):
        spot = (row - gallery.mean) @ gallery.components.T
        spot = spot / np.linalg.norm(spot)
        others = [v / np.linalg.norm(v) for v in gallery.vectors.astype(np.float32)]
        distances = sorted(float(np.linalg.norm(spot - v)) for v in others)
        assert got[i] == pytest.approx(distances[neighbour - 1], abs=2e-3)


def test_as_many_components_as_numbers_change_no_distance():
    """A whole rotation: what is left is centring and unit length."""
    train, new = clouds(40, 0), clouds(5, 0, seed=1)
    gallery = fit_gallery(train, Reading(1, 1), most=100, dimensions=50)
    assert gallery.components.shape == (12, 12)
    centre = train.mean(0)
    wanted = np.linalg.norm(unit(new - centre)[:, None] - unit(train - centre), axis=2).min(1)
    np.testing.assert_allclose(gallery(new), wanted, atol=2e-3)


def test_what_lies_elsewhere_is_newer():
    rng = np.random.default_rng(0)
    centres = 6 * rng.normal(size=(4, 12))
    known = [(centres[rng.integers(0, 3, 300)] + rng.normal(size=(300, 12))) for _ in range(2)]
    new = centres[3] + rng.normal(size=(100, 12))
    gallery = fit_gallery(known[0].astype(np.float32), Reading(1, 1), most=300)
    scores = [gallery(maps.astype(np.float32)) for maps in (known[1], new)]
    assert auroc(*scores) > 0.95


def test_at_most_so_many_are_kept_and_chosen_by_the_seed():
    train = clouds(200, 0)
    first, again, other = (
        fit_gallery(train, Reading(2, 1), most=50, seed=seed) for seed in (1, 1, 2)
    )
    assert first.vectors.shape == (50, 12)
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert (first.vectors != other.vectors).any()
    np.testing.assert_allclose(
        np.linalg.norm(first.vectors.astype(np.float32), axis=1), 1, atol=2e-3
    )


def test_large_and_dead_maps_break_nothing():
    train = clouds(30, 0) * 1e7  # beyond what float16 can hold
    train[:, 6:] = 0
    assert np.isfinite(fit_gallery(train, Reading(1, 2), most=30)(train)).all()
    dead = fit_gallery(np.zeros((5, 12), np.float32), Reading(1, 1), most=5)
    np.testing.assert_array_equal(dead(np.zeros((2, 12), np.float32)), 0)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="block is 0, neighbours 1"):
        Reading(0, 1)
    with pytest.raises(ValueError, match="for 3 maps and neighbour 5"):
        fit_gallery(clouds(3, 0), Reading(1, 5), most=10)
    gallery = fit_gallery(clouds(9, 0), Reading(1, 1), most=9)
    with pytest.raises(ValueError, match="maps have 5 numbers each, .* made of maps with 12"):
        gallery(np.zeros((2, 5), np.float32))
    with pytest.raises(ValueError, match="they do not fit together"):
        replace(gallery, mean=np.zeros(5, np.float32))
    with pytest.raises(ValueError, match="not finite"):
        replace(gallery, mean=np.full(12, np.nan, np.float32))
    with pytest.raises(ValueError, match="asks for neighbour 10 of 9 vectors"):
        MapGallery(Reading(1, 10), gallery.mean, gallery.components, gallery.vectors)
