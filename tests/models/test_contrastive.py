"""The contrastive network: torchvision's ResNet-34, heads, maps of the stages."""

import pytest
import torch
from torchvision.models import resnet34

from lib.models.contrastive import ContrastiveNetwork, ContrastiveShape, Trunk


def seeded(**shape) -> ContrastiveNetwork:
    torch.manual_seed(0)
    return ContrastiveNetwork(ContrastiveShape(**shape)).eval()


def test_the_trunk_is_torchvisions_resnet34(generator):
    peer = resnet34(weights=None).eval()
    trunk = Trunk(64).eval()
    wanted = {k: v for k, v in peer.state_dict().items() if not k.startswith("fc.")}
    trunk.load_state_dict(wanted)
    images = torch.rand(2, 3, 40, 56, generator=generator)
    pooled = trunk(images)[-1].mean((2, 3))
    peer.fc = torch.nn.Identity()
    torch.testing.assert_close(pooled, peer(images))


def test_narrow_trunks_have_as_many_layers():
    def layers(width: int) -> int:
        return sum(isinstance(m, torch.nn.Conv2d) for m in Trunk(width).modules())

    assert layers(4) == layers(64) == 33 + 3, "33 with kernels, 3 in shortcuts; 34 with the head's"


@pytest.mark.parametrize("size", [(32, 32), (40, 72)])
def test_stages_have_the_promised_strides_and_channels(size):
    model = seeded(width=4)
    maps = model.stage_features(torch.rand(1, 3, *size))
    assert [m.shape[1] for m in maps] == list(model.shape.channels) == [4, 8, 16, 32]
    for map_, stride in zip(maps, (4, 8, 16, 32), strict=True):
        assert map_.shape[2:] == tuple(-(-side // stride) for side in size)
    some = model.stage_features(torch.zeros(1, 3, *size), stages=(3, 1))
    assert [m.shape[1] for m in some] == [16, 4]


def test_embeddings_are_unit_vectors_that_depend_on_the_image(generator):
    model = seeded(width=4, embedding=6, dense=True)
    images = torch.rand(3, 3, 48, 48, generator=generator)
    found = model(images)
    assert found.image.shape == (3, 6)
    assert found.dense.places.shape == (3, 9, 6)
    assert found.dense.trunk.shape == (3, 9, 16)
    for vectors in (found.image, found.dense.places, found.dense.trunk):
        torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(vectors.shape[:-1]))
    assert not torch.allclose(found.image[0], found.image[1])
    assert not found.dense.trunk.requires_grad, "matching is no way round the dense head"


def test_places_are_in_the_order_of_rows(generator):
    model = seeded(width=4, dense=True)
    images = torch.rand(1, 3, 48, 64, generator=generator)
    map_ = model.stage_features(images, stages=(3,))[0]
    wanted = torch.nn.functional.normalize(map_[0, :, 2, 1], dim=0)
    torch.testing.assert_close(model(images).dense.trunk[0, 2 * 4 + 1], wanted)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"width": 0}, "width is 0; give 1 or more"),
        ({"dense_stage": 5}, "dense_stage is 5; give 1 to 4"),
    ],
)
def test_impossible_shapes_are_refused(wrong, told):
    with pytest.raises(ValueError, match=told):
        ContrastiveShape(**wrong)


@pytest.mark.parametrize("stages", [(), (0,), (1, 5)])
def test_stages_that_there_are_none_of_are_refused(stages):
    with pytest.raises(ValueError, match="give numbers from 1 to 4"):
        seeded(width=1).stage_features(torch.zeros(1, 3, 32, 32), stages=stages)
