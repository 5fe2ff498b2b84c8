"""What a SCALOR is shown of clips, and where it is known, what is behind everybody in them."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from lib.models.scalor.config import ScalorConfig
from lib.models.scalor.encoders import of_equal_contrast

GAIN = 5.0  # people differ from the ground by about 0.2
_LEAST_LIGHT = 1e-4


class Sight(NamedTuple):
    """`whole` is what discovery's maps are made of, `glimpses` what boxes are cut out of.

    Where the background is remembered: `behind` is its picture in every frame, as dark as shadows
    make it there, `shadow` what that darkness costs, in nats a pixel.
    """

    whole: Float[Tensor, "b t 3 h w"]
    glimpses: Float[Tensor, "b t c h w"]
    behind: Float[Tensor, "b t 3 h w"] | None = None
    shadow: Float[Tensor, "b t 1 h w"] | None = None


def sight(
    clips: Float[Tensor, "b t 3 h w"], behind: Float[Tensor, "n 3 y x"] | None, config: ScalorConfig
) -> Sight:
    """Clips as a model of `config` sees them.

    Raises `ValueError` if `behind` is missing, or of another size, where the background is
    remembered, or given where it is not.
    """
    if config.background != "remembered":
        if behind is not None:
            raise ValueError(
                f"behind is given, but this model makes its background ({config.background}) "
                "itself: leave it out, or make a model with background='remembered'"
            )
        direct = config.frame_maps == "direct"
        return Sight(of_equal_contrast(clips) if direct else clips, clips)
    wanted = (len(clips), *clips.shape[2:])
    if behind is None or behind.shape != wanted:
        got = "nothing" if behind is None else f"shape {tuple(behind.shape)}"
        raise ValueError(
            f"behind: got {got}, wanted {wanted}, what is behind everybody in each clip: this "
            "model remembers its background (lib.data.mot.behind finds it)"
        )
    light = light_left(clips, behind, config.shadow)
    seen = behind[:, None] * light
    changed = GAIN * (clips - seen)
    glimpses = torch.cat([clips, seen + changed], dim=2)
    return Sight(changed, glimpses, seen, config.shadow_cost * (1 - light))


def light_left(
    clips: Float[Tensor, "b t 3 h w"], behind: Float[Tensor, "b 3 h w"], least: float
) -> Float[Tensor, "b t 1 h w"]:
    """Share of the light, from `least` to 1, that explains each pixel best as ground in shadow.

    A shadow makes a colour darker, and leaves it the same (as in Horprasert et al. 1999).
    """
    if least >= 1:
        return torch.ones_like(clips[:, :, :1])
    ground = behind[:, None]
    light = (clips * ground).sum(2, keepdim=True) / ground.square().sum(2, keepdim=True).clamp_min(
        _LEAST_LIGHT
    )
    return light.clamp(least, 1.0)
