"""Trunks that learned nothing from the game, to compare with one that did."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models import ResNet, resnet34  # type: ignore[import-untyped]

from lib.evaluation.segmentation.config import SegmentationConfig


class ResNetStages(nn.Module):
    """The four stages of a torchvision ResNet as feature maps, strides 4, 8, 16 and 32.

    Frozen and in evaluation mode for good. Input [b, 3, h, w] in [0, 1].
    """

    def __init__(self, resnet: ResNet) -> None:
        super().__init__()
        self.resnet = resnet
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "ResNetStages":
        """Stay in evaluation mode."""
        return super().train(False)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _d _y _x"]]:
        """Feature maps, the finest first."""
        net = self.resnet
        x = net.maxpool(net.relu(net.bn1(net.conv1(images))))
        maps = []
        for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
            x = stage(x)
            maps.append(x)
        return maps


def random_resnet34(seed: int) -> ResNetStages:
    """A ResNet-34 with the weights it starts from: what the architecture alone knows."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ResNetStages(resnet34(weights=None))


def colour_and_position(images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b 5 h w"]]:
    """A trunk that is none: each pixel's red, green and blue, its row and its column, in [0, 1]."""
    b, _, h, w = images.shape
    rows = torch.linspace(0, 1, h, device=images.device)[:, None].expand(b, 1, h, w)
    columns = torch.linspace(0, 1, w, device=images.device).expand(b, 1, h, w)
    return [torch.cat([images, rows, columns], dim=1)]


def colour_kmeans(config: SegmentationConfig) -> SegmentationConfig:
    """`config` for `colour_and_position`: each value to unit variance, then k-means."""
    return replace(
        config,
        scales=(1.0,),
        margin_px=0,
        balance=False,
        components=None,
        whiten=True,
        l2=False,
        reduction="none",
        clustering="kmeans",
    )
