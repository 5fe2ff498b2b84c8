"""How likely frames are, given what objects show and what is behind them, in nats a frame."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Normal

LEAST = 1e-4  # probability of either part of a mixture: its logarithm stays finite


def blended(
    clips: Float[Tensor, "b t 3 h w"],
    reconstruction: Float[Tensor, "b t 3 h w"],
    sigma: float,
) -> Float[Tensor, "b t"]:
    """Of a Gaussian around the picture that objects and background make together."""
    return Normal(reconstruction, sigma).log_prob(clips).flatten(2).sum(2)


def mixture(
    clips: Float[Tensor, "b t 3 h w"],
    foreground: Float[Tensor, "b t 3 h w"],
    alpha: Float[Tensor, "b t 1 h w"],
    behind: Float[Tensor, "b t 3 h w"],
    sigma: float,
    *,
    shadow: Float[Tensor, "b t 1 h w"] | None = None,
    ground_sigma: float | None = None,
    surprise: float = 0.0,
) -> Float[Tensor, "b t"]:
    """Of pixels that show either objects, with probability alpha, or what is behind them.

    `foreground` is the objects' colour times alpha, so that the mixture's mean is the blended
    picture. Objects' colours have a deviation of `sigma`, the ground's of `ground_sigma`; `shadow`
    is what its darkness costs, in nats a pixel, and with probability `surprise` it shows any colour
    in [0, 1] whatsoever.
    """
    here = alpha.clamp(LEAST, 1 - LEAST)
    ground = _pixels(clips, behind, ground_sigma or sigma)
    if shadow is not None:
        ground = ground - shadow
    if surprise:
        anything = torch.full_like(ground, math.log(surprise))
        ground = torch.logaddexp(math.log1p(-surprise) + ground, anything)
    objects = _pixels(clips, foreground / alpha.clamp_min(LEAST), sigma)
    both = torch.logaddexp(here.log() + objects, (1 - here).log() + ground)
    return both.flatten(2).sum(2)


def _pixels(
    clips: Float[Tensor, "b t 3 h w"], shown: Float[Tensor, "b t 3 h w"], sigma: float
) -> Float[Tensor, "b t 1 h w"]:
    return Normal(shown, sigma).log_prob(clips).sum(2, keepdim=True)
