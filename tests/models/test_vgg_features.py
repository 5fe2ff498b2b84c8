"""VGG16's early maps: those of torchvision's network, and the study's forgotten normaliser."""

import pytest
import torch
import torchvision

from lib.data.pretrained import read_lpips_weights
from lib.models.vgg_features import MEAN, STD, VggFeatures, feature_nll


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    return read_lpips_weights("vgg")


@pytest.mark.parametrize("normalise", [True, False])
def test_maps_are_those_of_torchvision(weights, generator, normalise):
    network = torchvision.models.vgg16(weights=None).features
    state = {name.split(".", 2)[2]: value for name, value in weights.items() if name[:3] == "net"}
    network.load_state_dict(state, strict=True)
    images = torch.rand(2, 3, 16, 24, generator=generator)
    given = images
    if normalise:
        given = torchvision.transforms.functional.normalize(images, MEAN, STD)
    wanted = network[:4](given), network[:9](given)
    got = VggFeatures(weights, normalise=normalise)(images)
    for one, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_nll_is_that_of_a_gaussian_without_its_constant(weights, generator):
    features = VggFeatures(weights)
    images, reference = torch.rand(2, 2, 3, 8, 8, generator=generator).unbind()
    got = feature_nll(features, images, reference, sigma=0.3)
    layers = []
    for one, other in zip(features(images), features(reference), strict=True):
        normal = torch.distributions.Normal(one, 0.3)
        layers.append((normal.log_prob(one) - normal.log_prob(other)).flatten(1).sum(1))
    torch.testing.assert_close(got, torch.stack(layers).mean(0), rtol=1e-4, atol=1e-3)
    assert feature_nll(features, reference, reference).abs().max() == 0


def test_nothing_in_it_is_trained(weights):
    assert not list(VggFeatures(weights).parameters())
    assert not VggFeatures(weights).state_dict()


def test_missing_weights_are_named(weights):
    short = {name: value for name, value in weights.items() if name != "net.slice2.7.bias"}
    with pytest.raises(ValueError, match="net.slice2.7.bias is missing"):
        VggFeatures(short)
