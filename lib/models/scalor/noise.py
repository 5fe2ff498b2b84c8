"""Where samples come from: posteriors ask for noise by name, so a test can give them its own."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

CLOSEST = 1e-6  # of a uniform number to 0 or 1


@runtime_checkable
class Noise(Protocol):
    """Standard noise for latent variables."""

    def normal(self, name: str, like: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Standard normal numbers for the latent variable `name`, shaped as `like`."""

    def logistic(self, name: str, like: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Logit of uniform numbers: what a relaxed Bernoulli variable adds to its logits."""


class Drawn:
    """Noise from a generator on the CPU: the same on every device."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def normal(self, name: str, like: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Standard normal numbers."""
        drawn = torch.randn(like.shape, generator=self.generator, dtype=like.dtype)
        return drawn.to(like.device)

    def logistic(self, name: str, like: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Logits of uniform numbers."""
        drawn = torch.rand(like.shape, generator=self.generator, dtype=like.dtype)
        return drawn.clamp(CLOSEST, 1 - CLOSEST).logit().to(like.device)


class Silent:
    """No noise: means of the posteriors, and presence where its logit is above 0."""

    def normal(self, name: str, like: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Zeros."""
        return torch.zeros_like(like)

    def logistic(self, name: str, like: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Zeros."""
        return torch.zeros_like(like)
