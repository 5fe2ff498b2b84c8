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
    objects, ground = _shown(
        clips, foreground, alpha, behind, sigma,
        shadow=shadow, ground_sigma=ground_sigma, surprise=surprise,
    )  # fmt: skip
    return _either(objects, ground, alpha, surprise).flatten(2).sum(2)


def ground_probability(
    clips: Float[Tensor, "b t 3 h w"],
    foreground: Float[Tensor, "b t 3 h w"],
    alpha: Float[Tensor, "b t 1 h w"],
    behind: Float[Tensor, "b t 3 h w"],
    sigma: float,
    *,
    shadow: Float[Tensor, "b t 1 h w"] | None = None,
    ground_sigma: float | None = None,
    surprise: float = 0.0,
) -> Float[Tensor, "b t 1 h w"]:
    """With which probability each pixel shows what is behind objects, given its colour.

    Bayes' rule on the parts of `mixture`, whose arguments these are. A colour that surprises, which
    neither objects nor the ground have, counts against the ground.
    """
    objects, ground = _shown(
        clips, foreground, alpha, behind, sigma,
        shadow=shadow, ground_sigma=ground_sigma, surprise=surprise,
    )  # fmt: skip
    return (ground - _either(objects, ground, alpha, surprise)).exp()


def _shown(
    clips: Float[Tensor, "b t 3 h w"],
    foreground: Float[Tensor, "b t 3 h w"],
    alpha: Float[Tensor, "b t 1 h w"],
    behind: Float[Tensor, "b t 3 h w"],
    sigma: float,
    *,
    shadow: Float[Tensor, "b t 1 h w"] | None,
    ground_sigma: float | None,
    surprise: float,
) -> tuple[Float[Tensor, "b t 1 h w"], Float[Tensor, "b t 1 h w"]]:
    """Logarithms of how likely each pixel shows an object, and the ground, and has its colour."""
    here = alpha.clamp(LEAST, 1 - LEAST)
    ground = _pixels(clips, behind, ground_sigma or sigma)
    if shadow is not None:
        ground = ground - shadow
    objects = _pixels(clips, foreground / alpha.clamp_min(LEAST), sigma)
    return here.log() + objects, (1 - here).log() + math.log1p(-surprise) + ground


def _either(
    objects: Float[Tensor, "b t 1 h w"],
    ground: Float[Tensor, "b t 1 h w"],
    alpha: Float[Tensor, "b t 1 h w"],
    surprise: float,
) -> Float[Tensor, "b t 1 h w"]:
    """Logarithm of how likely each pixel has its colour, whatever it shows."""
    both = torch.logaddexp(objects, ground)
    if not surprise:
        return both
    anything = (1 - alpha.clamp(LEAST, 1 - LEAST)).log() + math.log(surprise)
    return torch.logaddexp(both, anything)


def _pixels(
    clips: Float[Tensor, "b t 3 h w"], shown: Float[Tensor, "b t 3 h w"], sigma: float
) -> Float[Tensor, "b t 1 h w"]:
    return Normal(shown, sigma).log_prob(clips).sum(2, keepdim=True)
