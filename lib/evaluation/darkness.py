"""Can a model paint a dark pixel? With a ReLU before the sigmoid it cannot, and learns nothing.

Values below zero before the sigmoid become zero, and sigmoid(0) is 0.5: middle grey, through which
no gradient passes. Nothing is optimised here; gradients are only looked at.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lib.evaluation.reconstruction import evaluation_mode, reconstruct
from lib.models.vqvae import Vqvae, VqvaeConfig, decoder

STUCK = 0.5  # sigmoid(0)


@dataclass(frozen=True)
class EncoderGradients:
    """Norms of the gradients that reach the encoder's parameters."""

    reconstruction: float  # of the mean squared error
    commitment: float  # of beta times the commitment


def darkest_pixel(model: Vqvae, images: Float[Tensor, "b 3 h w"]) -> float:
    """The least value, in [0, 1], in the reconstructions of `images`."""
    return float(reconstruct(model, images)[0].min())


def stuck_share(model: Vqvae, images: Float[Tensor, "b 3 h w"]) -> float:
    """Share of the reconstructions' values that are exactly 0.5.

    Behind a ReLU these pass no gradient. A model without that ReLU hits 0.5 by chance only.
    """
    return float((reconstruct(model, images)[0] == STUCK).float().mean())


def reconstruction_gradient(
    model: Vqvae, images: Float[Tensor, "b 3 h w"], *, beta: float = 0.25
) -> EncoderGradients:
    """Gradient norms on the encoder for one batch of `images`, in [0, 1].

    In evaluation mode and without an update: neither weights, nor their stored gradients, nor the
    codebook change. `beta` is the commitment's weight in the version's loss.
    """
    parameters = [p for p in model.encoder.parameters() if p.requires_grad]
    images = images.to(next(model.parameters()).device)
    with evaluation_mode(model), torch.enable_grad():
        result = model(images)
        mse = F.mse_loss(result.image, images)
        commitment = beta * result.quantised.commitment
        gradients = [
            torch.autograd.grad(loss, parameters, retain_graph=True) for loss in (mse, commitment)
        ]
    return EncoderGradients(*(_norm(g) for g in gradients))


def _norm(gradients: tuple[Tensor, ...]) -> float:
    return float(torch.stack([g.square().sum() for g in gradients]).sum().sqrt())


@torch.inference_mode()
def darkest_with_bias(config: VqvaeConfig, bias: float) -> float:
    """Darkest value of an untrained decoder whose last layer's bias is `bias`; latents are zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = decoder(config)
    last = [m for m in layers.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)][-1]
    assert last.bias is not None
    last.bias.fill_(bias)
    return float(layers(torch.zeros(1, config.quantiser.embedding_dim, 2, 2)).min())


def can_be_dark(config: VqvaeConfig) -> bool:
    """Whether a pixel can be darker than middle grey if the last layer does all to get there."""
    return darkest_with_bias(config, -10.0) < STUCK
