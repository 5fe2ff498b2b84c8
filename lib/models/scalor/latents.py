"""How latent variables become boxes and presence, and the sizes of what objects carry along."""

import torch
from jaxtyping import Float
from torch import Tensor

from lib.models.scalor.config import ScalorConfig

TRACKER, PRIOR = 128, 64  # sizes of the GRU that follows an object and of the LSTM that expects it
LOGIT_CAP = 8.8  # presence stays between 0.00015 and 0.99985


def capped_logits(raw: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Logits of presence, within ± `LOGIT_CAP`."""
    return LOGIT_CAP * torch.tanh(raw)


def gently_capped(raw: Float[Tensor, "*shape"], cap: float) -> Float[Tensor, "*shape"]:
    """Logits within ± `cap`, which small numbers reach unchanged.

    The original's steep tangent stands still from raw numbers of about 3 on: a cell that proposes
    always, or never, is never taught otherwise.
    """
    return cap * torch.tanh(raw / cap)


def sizes_of(shift: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """The first two of `where`'s variables, which make the box's size, and no move."""
    return torch.cat([shift[:, :2], torch.zeros_like(shift[:, 2:])], dim=1)


def box_sides(
    shift: Float[Tensor, "n 4"], config: ScalorConfig
) -> tuple[Float[Tensor, "n 1"], Float[Tensor, "n 1"]]:
    """Half width and half height from the first two of `where`'s variables."""
    scale = config.scale + config.scale_range * shift[:, :1].tanh()
    aspect = (config.aspect + config.aspect_range * shift[:, 1:2].tanh()).sqrt()
    return scale / aspect, scale * aspect
