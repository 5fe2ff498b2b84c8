"""ResNet-34 for contrastive learning: a trunk with four stages, and heads that make embeddings.

At full width the trunk is torchvision's `resnet34` without its classifier, name for name, so that
weights of either load into the other. Narrower trunks have the same 34 layers, with fewer
channels, for machines without a GPU.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock  # type: ignore[import-untyped]

BLOCKS = (3, 4, 6, 3)  # of each stage of a ResNet-34 (He et al. 2016, table 1)
STRIDES = (4, 8, 16, 32)  # pixels of the image per place of each stage's map
WRITEUP_WIDTH = 64


@dataclass(frozen=True)
class ContrastiveShape:
    """Sizes of the network. `width` is the first stage's channels; the others double it.

    The write-up says "a 34 layer ResNet" and no more. Embedding size and the head with one hidden
    layer are MoCo v2's (Chen et al. 2020). That layer is normalised as in SimCLR: otherwise a
    short training spends its time on leaving the point where all embeddings start. `dense_stage`
    (1 to 4) is where the dense head looks: the third, since the fourth leaves 2 x 2 places of a
    view of 64 pixels.
    """

    width: int = WRITEUP_WIDTH
    embedding: int = 128
    dense: bool = False
    dense_stage: int = 3

    def __post_init__(self) -> None:
        for name in ("width", "embedding"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 or more")
        if not 1 <= self.dense_stage <= len(BLOCKS):
            raise ValueError(f"dense_stage is {self.dense_stage}; give 1 to {len(BLOCKS)}")

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the maps of the four stages."""
        return tuple(self.width * 2**stage for stage in range(len(BLOCKS)))


class DenseEmbeddings(NamedTuple):
    """Of `n` places of each image: unit embeddings, and the unit trunk features they come from."""

    places: Float[Tensor, "b n d"]
    trunk: Float[Tensor, "b n c"]


class Embeddings(NamedTuple):
    """What images become: a unit vector each, and, with a dense head, one for each place."""

    image: Float[Tensor, "b d"]
    dense: DenseEmbeddings | None = None


class Trunk(nn.Module):
    """Images to the maps of the four stages; attributes are named as in torchvision's ResNet."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = _stage(width, width, BLOCKS[0], stride=1)
        self.layer2 = _stage(width, 2 * width, BLOCKS[1], stride=2)
        self.layer3 = _stage(2 * width, 4 * width, BLOCKS[2], stride=2)
        self.layer4 = _stage(4 * width, 8 * width, BLOCKS[3], stride=2)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Float[Tensor, "b _ _ _"], ...]:
        """Maps of the four stages, at strides of 4, 8, 16 and 32 pixels."""
        map_ = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        maps = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            map_ = stage(map_)
            maps.append(map_)
        return tuple(maps)


class ContrastiveNetwork(nn.Module):
    """Images in [0, 1] to unit embeddings; `stage_features` for segmentation.

    Images are shifted and scaled to about [-2, 2] first, by the same numbers for all channels: no
    data set's own statistics.
    """

    def __init__(self, shape: ContrastiveShape) -> None:
        super().__init__()
        self.shape = shape
        self.trunk = Trunk(shape.width)
        last = shape.channels[-1]
        self.head = nn.Sequential(
            nn.Linear(last, last, bias=False),
            nn.BatchNorm1d(last),
            nn.ReLU(inplace=True),
            nn.Linear(last, shape.embedding),
        )
        self.dense_head: nn.Module | None = None
        if shape.dense:
            inner = shape.channels[shape.dense_stage - 1]
            self.dense_head = nn.Sequential(
                nn.Conv2d(inner, inner, 1, bias=False),
                nn.BatchNorm2d(inner),
                nn.ReLU(inplace=True),
                nn.Conv2d(inner, shape.embedding, 1),
            )

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Embeddings:
        """Embeddings of `images`: those that the losses compare."""
        maps = self.trunk(_normalise(images))
        vector = self.head(maps[-1].mean((2, 3)))
        dense = None
        if self.dense_head is not None:
            map_ = maps[self.shape.dense_stage - 1]
            dense = DenseEmbeddings(_places(self.dense_head(map_)), _places(map_.detach()))
        return Embeddings(F.normalize(vector.float(), dim=1), dense)

    def stage_features(
        self, images: Float[Tensor, "b 3 h w"], stages: tuple[int, ...] = (1, 2, 3, 4)
    ) -> tuple[Float[Tensor, "b _ _ _"], ...]:
        """Maps of the named `stages` (1 to 4), at strides of 4, 8, 16 and 32 pixels.

        The images may be of any size; put the network in evaluation mode first. Raises
        `ValueError` for stages that there are none of.
        """
        if not stages or not set(stages) <= set(range(1, len(BLOCKS) + 1)):
            raise ValueError(f"stages is {stages}; give numbers from 1 to {len(BLOCKS)}")
        maps = self.trunk(_normalise(images))
        return tuple(maps[stage - 1] for stage in stages)


def _normalise(images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
    return (images - 0.5) * 4


def _places(map_: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n c"]:
    return F.normalize(map_.flatten(2).transpose(1, 2).float(), dim=2)


def _stage(before: int, after: int, blocks: int, *, stride: int) -> nn.Sequential:
    shortcut = None
    if stride != 1 or before != after:
        shortcut = nn.Sequential(
            nn.Conv2d(before, after, kernel_size=1, stride=stride, bias=False),
            nn.BatchNorm2d(after),
        )
    rest = [BasicBlock(after, after) for _ in range(blocks - 1)]
    return nn.Sequential(BasicBlock(before, after, stride, shortcut), *rest)
