"""Networks for inference give what they gave, with fewer layers."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet34

from lib.models.contrastive import ContrastiveNetwork, ContrastiveShape
from lib.models.inference import features_for_inference, fold_batch_norm


@pytest.fixture
def network(generator) -> ContrastiveNetwork:
    """A narrow one whose normalisations are not those it starts from."""
    torch.manual_seed(0)
    network = ContrastiveNetwork(ContrastiveShape(width=8))
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.weight.data.uniform_(0.5, 1.5, generator=generator)
            layer.bias.data.uniform_(-0.2, 0.2, generator=generator)
    with torch.no_grad():
        network.train().trunk(torch.randn(4, 3, 64, 64, generator=generator))  # means, variances
    return network


def differences(network, dtype, generator) -> list[float]:
    """Of each map: norm of the difference to the network's own, over the norm."""
    images = torch.rand(2, 3, 64, 96, generator=generator)
    features = features_for_inference(network, dtype)
    with torch.no_grad():
        wanted = network.eval().stage_features(images)
    found = features(images)
    assert [one.dtype for one in found] == [dtype] * 4
    return [
        float((one.float() - other).norm() / other.norm())
        for one, other in zip(found, wanted, strict=True)
    ]


def test_folding_changes_no_map(network, generator):
    assert max(differences(network, torch.float32, generator)) < 1e-5


def test_bfloat16_changes_maps_little(network, generator):
    assert 1e-4 < max(differences(network, torch.bfloat16, generator)) < 2e-2


def test_every_normalisation_of_a_resnet_is_folded():
    peer = resnet34(weights=None).eval()
    folded = fold_batch_norm(peer)
    assert not [one for one in folded.modules() if isinstance(one, nn.BatchNorm2d)]
    assert [one for one in peer.modules() if isinstance(one, nn.BatchNorm2d)], "a copy was folded"


def test_a_copy_is_taken(network, generator):
    images = torch.rand(1, 3, 32, 32, generator=generator)
    features = features_for_inference(network)
    before = features(images)[0]
    with torch.no_grad():
        network.trunk.conv1.weight.zero_()
    torch.testing.assert_close(features(images)[0], before)
