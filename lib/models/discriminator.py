"""The discriminator that the MOTSynth study set beside SCALOR: is this frame one of the video's?"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

CHANNELS = (32, 64, 128, 256)  # each layer halves the picture
DROPPED = 0.25
SLOPE = 0.2
WRITEUP_EPS = 0.8


class FrameDiscriminator(nn.Module):
    """Frames to logits, above 0 for real ones; four convolutions and a linear layer.

    `norm_eps` is added to variances before dividing. The study wrote ``BatchNorm2d(n, 0.8)``,
    where the second argument is not the momentum but this: maps are damped, least those that vary
    most. Its value is kept as the default, so that the study's experiment can be had.

    Raises `ValueError` for frames that four halvings do not divide.
    """

    def __init__(self, image_px: int, *, norm_eps: float = WRITEUP_EPS) -> None:
        super().__init__()
        if image_px < 16 or image_px % 16:
            raise ValueError(f"image_px={image_px}: want a multiple of 16, for four halvings")
        layers: list[nn.Module] = []
        before = 3
        for number, after in enumerate(CHANNELS):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.LeakyReLU(SLOPE)]
            layers.append(nn.Dropout2d(DROPPED))
            if number:
                layers.append(nn.BatchNorm2d(after, eps=norm_eps))
            before = after
        self.down = nn.Sequential(*layers)
        self.decide = nn.Linear(CHANNELS[-1] * (image_px // 16) ** 2, 1)

    def forward(self, frames: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
        """One logit a frame."""
        logits: Tensor = self.decide(self.down(frames).flatten(1))[:, 0]
        return logits


def fooled(logits: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    """What the generator pays: binary cross-entropy of its frames against "real"."""
    return F.softplus(-logits).mean()


def told_apart(real: Float[Tensor, " n"], made: Float[Tensor, " m"]) -> Float[Tensor, ""]:
    """What the discriminator pays: the mean of both kinds' cross-entropies."""
    return (F.softplus(-real).mean() + F.softplus(made).mean()) / 2
