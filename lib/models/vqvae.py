"""VQ-VAE of the Minecraft study: convolutional encoder, EMA quantiser, decoder.

Two families share this file: plain convolutions (v1) and residual blocks (v2 on). What makes a
version is in `vqvae_versions`.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lib.models.quantiser import EmaQuantiser, Quantised, QuantiserConfig


@dataclass(frozen=True)
class VqvaeConfig:
    """Shape of one VQ-VAE. Sizes are (rows, columns) in pixels."""

    image_size: tuple[int, int] = (64, 64)
    hidden: int = 128  # channels at half resolution
    stages: int = 2  # each halves rows and columns
    residual: bool = False  # residual blocks (v2 on) in place of two more convolutions (v1)
    relu_before_last_block: bool = False  # of the encoder; with residual blocks only
    output_relu: bool = False  # a ReLU before the sigmoid: then no pixel can be darker than 0.5
    upsampling: Literal["transposed", "resize"] = "transposed"  # in the decoder; see `doubling`
    quantiser: QuantiserConfig = field(default_factory=QuantiserConfig)

    def __post_init__(self) -> None:
        step = 2**self.stages
        if any(side % step for side in self.image_size):
            raise ValueError(
                f"image_size is {self.image_size}; both sides must be divisible by {step} "
                f"for {self.stages} halvings"
            )

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the code grid."""
        return self.image_size[0] >> self.stages, self.image_size[1] >> self.stages


class Reconstruction(NamedTuple):
    """Output of the model: image in [0, 1] and what the quantiser made of the latents."""

    image: Float[Tensor, "b 3 h w"]
    quantised: Quantised


class ResidualBlock(nn.Module):
    """ReLU(x + conv(ReLU(conv(x)))): the studied code's form, with a ReLU after the sum.

    That last ReLU makes the latents non-negative where the block ends the encoder.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Refine `x` at its own resolution."""
        return torch.relu(x + self.body(x))


def encoder(config: VqvaeConfig) -> nn.Sequential:
    """Image [b 3 h w] to latents [b d h/2^s w/2^s]; convolutions of size 4, stride 2 halve."""
    d = config.quantiser.embedding_dim
    widths = [3, *[config.hidden] * (config.stages - 1), d]
    layers: list[nn.Module] = []
    for i in range(config.stages):
        layers.append(nn.Conv2d(widths[i], widths[i + 1], 4, stride=2, padding=1))
        last = i == config.stages - 1
        if config.residual:
            layers += [nn.ReLU()] if config.relu_before_last_block or not last else []
            layers.append(ResidualBlock(widths[i + 1]))
        else:
            layers.append(nn.ReLU())
    if not config.residual:
        layers += [nn.Conv2d(d, d, 3, padding=1), nn.ReLU(), nn.Conv2d(d, d, 3, padding=1)]
    return nn.Sequential(*layers)


def doubling(channels_in: int, channels_out: int, config: VqvaeConfig) -> list[nn.Module]:
    """Layers that double rows and columns.

    A transposed convolution of size 4 and stride 2 computes even and odd pixels with different
    weights, so that it can turn a uniform input into a pattern of period 2. Repeating each pixel
    before an ordinary convolution cannot (Odena et al. 2016, doi 10.23915/distill.00003).
    """
    if config.upsampling == "transposed":
        return [nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1)]
    return [nn.Upsample(scale_factor=2), nn.Conv2d(channels_in, channels_out, 3, padding=1)]


def decoder(config: VqvaeConfig) -> nn.Sequential:
    """Latents to image in [0, 1]: the encoder mirrored with transposed convolutions, sigmoid."""
    d = config.quantiser.embedding_dim
    widths = [d, *[config.hidden] * (config.stages - 1), 3]
    layers: list[nn.Module] = []
    if config.residual:
        layers.append(ResidualBlock(d))
    else:
        for _ in range(2):
            layers += [nn.ConvTranspose2d(d, d, 3, padding=1), nn.ReLU()]
    for i in range(config.stages):
        layers += doubling(widths[i], widths[i + 1], config)
        if i < config.stages - 1:
            layers.append(nn.ReLU())
            layers += [ResidualBlock(widths[i + 1])] if config.residual else []
    return nn.Sequential(*layers, *([nn.ReLU()] if config.output_relu else []), nn.Sigmoid())


class Vqvae(nn.Module):
    """Encoder, quantiser and decoder; images are float in [0, 1]."""

    def __init__(self, config: VqvaeConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder(config)
        self.quantiser = EmaQuantiser(config.quantiser)
        self.decoder = decoder(config)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Reconstruction:
        """Reconstruct images `x` through the codes."""
        quantised = self.quantiser(self.latents(x))
        return Reconstruction(self.decoder(quantised.latents), quantised)

    def latents(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d gh gw"]:
        """Latents of images `x`, before quantisation."""
        if tuple(x.shape[-2:]) != self.config.image_size:
            raise ValueError(
                f"x has images of {tuple(x.shape[-2:])} pixels, this model takes "
                f"{self.config.image_size} (rows, columns); resize the footage when reading it"
            )
        return self.encoder(x)

    def encode(self, x: Float[Tensor, "b 3 h w"]) -> Int[Tensor, "b gh gw"]:
        """Code of each grid cell."""
        return self.quantiser(self.latents(x)).codes

    def decode(self, codes: Int[Tensor, "b gh gw"]) -> Float[Tensor, "b 3 h w"]:
        """Images in [0, 1] from codes in [0, k)."""
        k = self.config.quantiser.codebook_size
        if codes.numel() and (codes.min() < 0 or codes.max() >= k):
            raise ValueError(
                f"codes run from {int(codes.min())} to {int(codes.max())}; "
                f"this codebook holds 0 to {k - 1}"
            )
        return self.decoder(self.quantiser.codebook[codes].permute(0, 3, 1, 2).contiguous())
