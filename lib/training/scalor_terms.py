"""What the MOTSynth study added to SCALOR's bound: maps of VGG16, and a discriminator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lib.models.discriminator import WRITEUP_EPS, FrameDiscriminator, fooled, told_apart
from lib.models.vgg_features import VggFeatures, feature_nll


@dataclass(frozen=True)
class Perceptual:
    """Weight of the perceptual term, and how it is had; defaults are the study's.

    The study summed over the frames of a clip what the bound averages, so that ten frames weigh ten
    times as much; so does this. `frames` of a batch are looked at, drawn anew each step, in the
    place of all (None): the expected gradient stays.
    """

    weight: float = 0.01
    sigma: float = 0.1
    normalise: bool = False
    frames: int | None = None

    def __post_init__(self) -> None:
        _above_zero(self, "weight", "sigma")
        if self.frames is not None and self.frames < 1:
            raise ValueError(f"frames={self.frames}: want at least 1, or None for all")


@dataclass(frozen=True)
class Adversarial:
    """Weight of the adversarial term and its schedule; defaults are the study's.

    Every `every`-th step, and the first, has it; the others go without. As in the study, frames of
    the same clips are the real ones, and what a clip pays is summed over its frames.
    """

    weight: float = 1000.0
    every: int = 10
    learning_rate: float = 4e-5
    norm_eps: float = WRITEUP_EPS

    def __post_init__(self) -> None:
        _above_zero(self, "weight", "learning_rate", "norm_eps")
        if self.every < 1:
            raise ValueError(f"every={self.every}: want at least 1 step")


class PerceptualTerm:
    """``term(made, real, generator)``: what the bound is increased by, in nats a frame."""

    def __init__(self, settings: Perceptual, weights: Mapping[str, Tensor]) -> None:
        self.settings = settings
        self.features = VggFeatures(weights, normalise=settings.normalise)

    def __call__(
        self,
        made: Float[Tensor, "b t 3 h w"],
        real: Float[Tensor, "b t 3 h w"],
        generator: torch.Generator,
    ) -> Float[Tensor, ""]:
        """Mean over clips of the sum over frames, times the weight."""
        t, settings = made.shape[1], self.settings
        self.features.to(made.device)
        images, reference = made.flatten(0, 1), real.flatten(0, 1)
        if settings.frames is not None and settings.frames < len(images):
            chosen = torch.randperm(len(images), generator=generator)[: settings.frames]
            images, reference = (of[chosen.to(of.device)] for of in (images, reference))
        nll = feature_nll(self.features, images, reference, sigma=settings.sigma)
        return settings.weight * t * nll.mean()


class Adversary:
    """A discriminator with its optimiser: ``term(made, real, step)`` trains it, then asks it.

    The study let both learn from the same step's frames, the model first; here the discriminator
    does, so that each learns from the other's newest state.
    """

    def __init__(self, settings: Adversarial, image_px: int, *, device: torch.device | str) -> None:
        self.settings = settings
        self.discriminator = FrameDiscriminator(image_px, norm_eps=settings.norm_eps).to(device)
        self.optimiser = torch.optim.RMSprop(
            self.discriminator.parameters(), lr=settings.learning_rate
        )
        self.last = {"adversarial": 0.0, "discriminator": 0.0}

    def __call__(
        self, made: Float[Tensor, "b t 3 h w"], real: Float[Tensor, "b t 3 h w"], step: int
    ) -> Float[Tensor, ""]:
        """What the model pays, a frame; 0 in steps that go without."""
        if step % self.settings.every:
            return made.new_zeros(())
        t, made, real = made.shape[1], made.flatten(0, 1), real.flatten(0, 1)
        self.discriminator.requires_grad_(True)
        loss = told_apart(self.discriminator(real), self.discriminator(made.detach()))
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.discriminator.requires_grad_(False)
        term = self.settings.weight * t * fooled(self.discriminator(made))
        self.last = {"adversarial": float(term.detach()), "discriminator": float(loss.detach())}
        return term

    def state_dict(self) -> dict[str, Any]:
        """Both networks' states and the values last logged."""
        return {
            "discriminator": self.discriminator.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "last": dict(self.last),
        }

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Take over a saved state."""
        self.discriminator.load_state_dict(state_dict["discriminator"])
        self.optimiser.load_state_dict(state_dict["optimiser"])
        self.last = dict(state_dict["last"])


def _above_zero(settings: object, *names: str) -> None:
    for name in names:
        if not getattr(settings, name) > 0:
            raise ValueError(f"{name}={getattr(settings, name)}: want a number above 0")
