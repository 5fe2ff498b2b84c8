"""Cascading randomisation: against doing it by hand, and rank correlation against scipy."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from torch import nn

from lib.evaluation.attention import cell_maps
from lib.evaluation.randomisation import randomisation_check, rank_correlation
from lib.models.classifier import Classifier, ClassifierShape

SMALL = ClassifierShape(channels=(5, 6), hidden=7, classes=3, image_size=(20, 26))


@pytest.fixture
def model(generator):
    return Classifier(SMALL, generator=generator)


@pytest.fixture
def images(generator):
    return torch.rand(5, 3, 20, 26, generator=generator)


def test_layers_are_reset_from_the_top_one_more_each_step(model, images):
    got = randomisation_check(model, images, seed=4)
    assert got.layers == ("head", "body.7", "body.3", "body.0")
    assert got.correlation.shape == (4, 5)
    classes = model(images).argmax(1).numpy()
    twin, generator = copy.deepcopy(model), torch.Generator().manual_seed(4)
    for step, name in enumerate(got.layers):
        layer = twin.get_submodule(name)
        nn.init.xavier_uniform_(layer.weight, generator=generator)
        nn.init.zeros_(layer.bias)
        for i in (0, 3):
            one, other = (
                cell_maps(m, images[i : i + 1], classes[i : i + 1])[0].ravel()
                for m in (model, twin)
            )
            if min(np.ptp(one), np.ptp(other)) > 0:
                wanted = spearmanr(one, other).statistic
                assert got.correlation[step, i] == pytest.approx(wanted, abs=1e-3)


def test_seeded_and_over_groups(model, images):
    first, again, other = (randomisation_check(model, images, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.correlation, again.correlation)
    assert (first.correlation != other.correlation).any()
    means = first.over_groups(np.array([0, 0, 1, 1, 2]))
    np.testing.assert_allclose([e.value for e in means], first.correlation.mean(1))
    assert means[0].groups == 3


def test_maps_of_other_images_are_the_chance_level(model, images):
    got = randomisation_check(model, images)
    maps = cell_maps(model, images)
    assert got.between_images[4] == pytest.approx(
        spearmanr(maps[4].ravel(), maps[0].ravel()).statistic
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999))
def test_rank_correlation_equals_scipy(seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 5, (3, 4, 5)).astype(np.float32) for _ in range(2))
    wanted = [spearmanr(x.ravel(), y.ravel()).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(rank_correlation(a, b), wanted)
    np.testing.assert_allclose(rank_correlation(a, np.exp(a)), 1)
    np.testing.assert_allclose(rank_correlation(a, -a), -1)


def test_a_flat_map_agrees_with_nothing(rng):
    assert rank_correlation(np.zeros((1, 3, 3)), rng.random((1, 3, 3))).tolist() == [0]


def test_one_image_is_too_few(model, images):
    with pytest.raises(ValueError, match="images has 1 entries; give two or more"):
        randomisation_check(model, images[:1])
