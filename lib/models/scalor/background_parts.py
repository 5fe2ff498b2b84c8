"""What backgrounds are made with: frames to vectors, and vectors to pictures."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lib.models.scalor.anew import GroupNorm
from lib.models.scalor.celu import Celu
from lib.models.scalor.layers import conv, enlarge

FIELD = 4  # side of the field of colours
SCENE_SIDE = 8  # of the map that a scene's picture is enlarged from


class BackgroundEncoder(nn.Module):
    """Frames, and what is not covered by objects, to means and raw standard deviations."""

    def __init__(self, image_px: int, size: int) -> None:
        super().__init__()
        layers = [conv(4, 16, 4, 2, groups=4), conv(16, 32, 4, 2), conv(32, 64, 4, 2)]
        layers.append(conv(64, 64, 4, 2))
        if image_px == 128:
            layers.append(conv(64, 64, 4, 2))
        self.down = nn.Sequential(*layers, nn.Conv2d(64, 2 * size, 4))

    def forward(self, seen: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n twice"]:
        """Means, then what becomes standard deviations after a softplus."""
        raw: Tensor = self.down(seen).flatten(1)
        return raw


class ConvolutionalDecoder(nn.Module):
    """A vector to a picture in (0, 1), by sub-pixel convolutions."""

    def __init__(self, image_px: int, size: int) -> None:
        super().__init__()
        layers = [conv(size, 256, 1, groups=16)]
        if image_px == 128:
            layers += [enlarge(256, 256, 4, groups=16), conv(256, 256, 3, groups=16)]
            layers += [enlarge(256, 128, 4, groups=16), conv(128, 128, 3, groups=16)]
            layers += [enlarge(128, 64, 2), conv(64, 64, 3)]
        else:
            layers += [enlarge(256, 128, 4, groups=16), conv(128, 128, 3, groups=16)]
            layers += [enlarge(128, 64, 4), conv(64, 64, 3)]
        layers += [enlarge(64, 16, 4, groups=4), conv(16, 16, 3, groups=4)]
        last = [conv(16, 16, 3, groups=4), nn.Conv2d(16, 3, 3, padding=1)]
        self.up = nn.Sequential(*layers, *last)

    def forward(self, vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n 3 h w"]:
        """One picture a vector."""
        return torch.sigmoid(self.up(vectors[:, :, None, None]))


class BroadcastDecoder(nn.Module):
    """A vector at every pixel, beside its place, through few convolutions (Watters et al. 2019)."""

    places: Float[Tensor, "2 h w"]

    def __init__(self, image_px: int, size: int) -> None:
        super().__init__()
        wide = [nn.Conv2d(size + 2, 64, 5, padding=2), Celu(), nn.GroupNorm(8, 64)]
        for _ in range(2 if image_px == 128 else 1):
            wide += [nn.Conv2d(64, 64, 5, padding=2), Celu(), nn.GroupNorm(8, 64)]
        self.net = nn.Sequential(*wide, nn.Conv2d(64, 3, 3, padding=1))
        line = torch.linspace(-1, 1, image_px)
        places = torch.stack(torch.meshgrid(line, line, indexing="ij"))
        self.register_buffer("places", places, persistent=False)

    def forward(self, vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n 3 h w"]:
        """One picture a vector."""
        h, w = self.places.shape[1:]
        places = self.places.to(vectors.dtype).expand(len(vectors), -1, -1, -1)
        spread = vectors[:, :, None, None].expand(-1, -1, h, w)
        return torch.sigmoid(self.net(torch.cat([places, spread], dim=1)))


class FieldDecoder(nn.Module):
    """A vector to few colours, enlarged: nothing small can be drawn, so objects must be."""

    def __init__(self, image_px: int, size: int) -> None:
        super().__init__()
        self.image_px = image_px
        self.field = nn.Sequential(nn.Linear(size, 64), Celu(), nn.Linear(64, 3 * FIELD**2))

    def forward(self, vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n 3 h w"]:
        """One picture a vector."""
        colours = self.field(vectors).view(-1, 3, FIELD, FIELD)
        return torch.sigmoid(F.interpolate(colours, self.image_px, mode="bilinear"))


class SceneDecoder(nn.Module):
    """A vector to a picture in (0, 1), through a map in which every place has weights of its own.

    A clip has one such picture, not one a frame, so it may be dear: 2,480,131 parameters at 64
    pixels and 4,735,875 at 128, where `ConvolutionalDecoder` has 868,851 and 2,413,555.
    """

    def __init__(self, image_px: int, size: int) -> None:
        super().__init__()
        widths = (384, 256, 192, 128, 48) if image_px == 128 else (256, 192, 128, 48)
        layers = [
            nn.Linear(size, widths[0] * SCENE_SIDE**2),
            nn.Unflatten(1, (widths[0], SCENE_SIDE, SCENE_SIDE)),
            Celu(),
            GroupNorm(16, widths[0]),
            conv(widths[0], widths[0], 3, groups=16),
        ]
        for before, after in pairwise(widths):
            layers += [enlarge(before, after, 2, groups=16), conv(after, after, 3, groups=16)]
        self.up = nn.Sequential(*layers, nn.Conv2d(widths[-1], 3, 3, padding=1))

    def forward(self, vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n 3 h w"]:
        """One picture a vector."""
        return torch.sigmoid(self.up(vectors))
