"""Glimpses to vectors and back: one encoder and one decoder for discovery and propagation.

They are the original's convolutions, or, for glimpses of 16 pixels, dense ones of a hidden layer
each, which are faster on a CPU; benchmarks/scalor_glimpses.py measures both side by side.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lib.models.scalor.anew import GroupNorm, group_norm, norms_anew
from lib.models.scalor.celu import Celu, celu
from lib.models.scalor.layers import conv, enlarge

HIDDEN = 128
BEFORE_HEADS = 16  # channels that colour and alpha are made of
DENSE_HIDDEN = 256


class GlimpseEncoder(nn.Module):
    """Squares of an image to means and raw standard deviations of `what`."""

    def __init__(self, glimpse_px: int, what: int, channels: int = 3) -> None:
        super().__init__()
        layers = [conv(channels, 16, 4, 2, groups=4), conv(16, 32, 4, 2)]
        if glimpse_px == 16:
            layers.append(conv(32, HIDDEN, 4, groups=16))
        elif glimpse_px == 32:
            layers += [conv(32, 64, 4, 2), conv(64, 64, 3), conv(64, HIDDEN, 4, groups=16)]
        else:
            layers += [
                conv(32, 64, 4, 2),
                conv(64, 128, 4, 2, groups=16),
                conv(128, HIDDEN, 4, groups=16),
            ]
        self.down = nn.Sequential(*layers)
        self.what = nn.Linear(HIDDEN, 2 * what)

    def forward(self, glimpses: Float[Tensor, "n c g g"]) -> Float[Tensor, "n twice"]:
        """Means, then what becomes standard deviations after a softplus."""
        raw: Tensor = self.what(self.down(glimpses).flatten(1))
        return raw


class GlimpseDecoder(nn.Module):
    """Vectors to squares of red, green, blue and alpha, all in (0, 1).

    Colour and alpha have heads of their own, run as one: two narrow convolutions side by side cost
    half as much as one after the other.
    """

    def __init__(self, glimpse_px: int, what: int, *, deep_heads: bool) -> None:
        super().__init__()
        layers = [conv(what, HIDDEN, 1, groups=16)]
        if glimpse_px == 16:
            layers += [enlarge(HIDDEN, 64, 4), enlarge(64, 32, 2)]
            layers += [enlarge(32, 16, 2, groups=4), conv(16, 16, 3, groups=4)]
        elif glimpse_px == 32:
            layers += [enlarge(HIDDEN, 64, 4), enlarge(64, 64, 2), enlarge(64, 32, 2)]
            layers += [enlarge(32, 16, 2, groups=4), conv(16, 16, 3, groups=4)]
        else:
            layers += [enlarge(HIDDEN, 64, 4), conv(64, 64, 3), enlarge(64, 64, 4)]
            layers += [conv(64, 64, 3), enlarge(64, 32, 2), conv(32, 32, 3)]
            layers += [enlarge(32, 16, 2, groups=4)]
        self.up = nn.Sequential(*layers)
        head = DeepHead if deep_heads else ShallowHead
        self.colour, self.alpha = head(3), head(1)

    def forward(self, what: Float[Tensor, "n z"]) -> Float[Tensor, "n 4 g g"]:
        """Colours and alpha."""
        colour, alpha = self.colour, self.alpha
        with norms_anew():
            maps = self.up(what[:, :, None, None])
            if isinstance(colour, DeepHead) and isinstance(alpha, DeepHead):
                maps = celu(_both(maps, colour.wide, alpha.wide))
                groups = 2 * colour.norm.num_groups
                maps = group_norm(maps, groups, *_stacked(colour.norm, alpha.norm))
            return torch.sigmoid(_both(maps, colour.last, alpha.last))


class DenseGlimpseEncoder(nn.Module):
    """`GlimpseEncoder` with one hidden layer."""

    def __init__(self, glimpse_px: int, what: int, channels: int = 3) -> None:
        super().__init__()
        hidden = nn.Linear(channels * glimpse_px**2, DENSE_HIDDEN)
        # normalised, since most of a glimpse is background: without, what is on it changes little
        self.down = nn.Sequential(nn.Flatten(), hidden, nn.LayerNorm(DENSE_HIDDEN), Celu())
        self.what = nn.Linear(DENSE_HIDDEN, 2 * what)

    def forward(self, glimpses: Float[Tensor, "n c g g"]) -> Float[Tensor, "n twice"]:
        """Means, then what becomes standard deviations after a softplus."""
        raw: Tensor = self.what(self.down(glimpses - 0.5))
        return raw


class DenseGlimpseDecoder(nn.Module):
    """`GlimpseDecoder` with one hidden layer, which colour and alpha share."""

    def __init__(self, glimpse_px: int, what: int) -> None:
        super().__init__()
        self.glimpse_px = glimpse_px
        self.up = nn.Sequential(nn.Linear(what, DENSE_HIDDEN), Celu())
        self.colour = DenseHead(3 * glimpse_px**2)
        self.alpha = DenseHead(glimpse_px**2)

    def forward(self, what: Float[Tensor, "n z"]) -> Float[Tensor, "n 4 g g"]:
        """Colours and alpha."""
        hidden, px = self.up(what), self.glimpse_px
        both = torch.cat([self.colour.last(hidden), self.alpha.last(hidden)], dim=1)
        return torch.sigmoid(both).view(-1, 4, px, px)


class DenseHead(nn.Module):
    """One linear layer."""

    def __init__(self, values: int) -> None:
        super().__init__()
        self.last = nn.Linear(DENSE_HIDDEN, values)


class ShallowHead(nn.Module):
    """One convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.last = nn.Conv2d(BEFORE_HEADS, channels, 3, padding=1)


class DeepHead(nn.Module):
    """Two convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(BEFORE_HEADS, BEFORE_HEADS // 2, 3, padding=1)
        self.norm = GroupNorm(4, BEFORE_HEADS // 2)
        self.last = nn.Conv2d(BEFORE_HEADS // 2, channels, 3, padding=1)


def _both(
    maps: Float[Tensor, "n c g g"], first: nn.Conv2d, second: nn.Conv2d
) -> Float[Tensor, "n d g g"]:
    """Both convolutions, one after the other, in one.

    Where maps hold what each is to read side by side, the weights are a matrix of blocks, of which
    two are zeros.
    """
    weight, bias = _stacked(first, second)
    if maps.shape[1] > first.in_channels:
        apart = F.pad(first.weight, (0, 0, 0, 0, 0, second.in_channels))
        weight = torch.cat([apart, F.pad(second.weight, (0, 0, 0, 0, first.in_channels, 0))])
    return F.conv2d(maps, weight, bias, padding=1)


def _stacked(first: nn.Conv2d | GroupNorm, second: nn.Conv2d | GroupNorm) -> tuple[Tensor, Tensor]:
    """Weights and biases of both."""
    biases = [one.bias for one in (first, second) if one.bias is not None]
    return torch.cat([first.weight, second.weight]), torch.cat(biases)
