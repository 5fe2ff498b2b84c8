"""Divergences of posteriors from priors, element by element, in nats."""

import torch
from jaxtyping import Float
from torch import Tensor

EPSILON = 1e-15


def normal_kl(
    mean: Float[Tensor, "*shape"],
    std: Float[Tensor, "*shape"],
    prior_mean: Float[Tensor, "*shape"] | float = 0.0,
    prior_std: Float[Tensor, "*shape"] | float = 1.0,
) -> Float[Tensor, "*shape"]:
    """KL(N(mean, std²) ‖ N(prior_mean, prior_std²))."""
    ratio = std / prior_std
    return 0.5 * (((mean - prior_mean) / prior_std) ** 2 + ratio**2 - 1) - ratio.log()


def bernoulli_kl(
    logits: Float[Tensor, "*shape"], prior: Float[Tensor, "*#shape"]
) -> Float[Tensor, "*shape"]:
    """KL(Bernoulli(sigmoid(logits)) ‖ Bernoulli(prior)), the original's bound on the relaxed one.

    It is not the divergence of the relaxed variables that are sampled, which has no closed form.
    """
    there = torch.sigmoid(logits)
    yes = there * ((there + EPSILON).log() - (prior + EPSILON).log())
    no = (1 - there) * ((1 - there + EPSILON).log() - (1 - prior + EPSILON).log())
    return yes + no
