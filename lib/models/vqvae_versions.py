"""The versions of the Minecraft VQ-VAE as named configurations, and their sizes by preset.

A version says what it changed against the one before and why, in the words of the public change
log; the numbers are the write-up's where it gives them, the public code's elsewhere.
"""

from dataclasses import dataclass, replace
from typing import Literal

from lib.models.quantiser import HALF_PRODUCTS, QuantiserConfig
from lib.models.vqvae import VqvaeConfig

Preset = Literal["tiny", "small", "full"]
PRESETS: tuple[Preset, ...] = ("tiny", "small", "full")


@dataclass(frozen=True)
class Version:
    """One version: model, training and where it comes from."""

    name: str
    changed: str
    why: str
    model: VqvaeConfig
    layout: Literal["minerl", "gamefactory"] = "minerl"
    continues_from: str | None = None  # version whose checkpoint it starts from
    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 1e-3  # Adam
    beta: float = 0.25  # weight of the commitment loss
    clip_norm: float | None = None  # gradients are clipped to this total norm
    nonfinite: Literal["stop", "skip"] = "stop"  # what happens to a step with a non-finite loss


V1_0 = Version(
    name="v1.0",
    changed="First version: four convolutions, 16 × 16 codes for 64 × 64 pixels.",
    why="Small enough to train in half precision on a free GPU.",
    model=VqvaeConfig(
        quantiser=QuantiserConfig(half_products=HALF_PRODUCTS, reseed_unused=True),
    ),
    nonfinite="skip",
)

V1_0_1 = replace(
    V1_0,
    name="v1.0.1",
    changed="Gradients clipped to norm 1. In the code, though not in the write-up: the quantiser "
    "left autocast for float32, latents are clamped to ±10 and codes to ±3.",
    why="The loss of v1.0 had become infinite.",
    model=replace(
        V1_0.model,
        quantiser=QuantiserConfig(reseed_unused=True, latent_limit=10.0, code_limit=3.0),
    ),
    clip_norm=1.0,
    nonfinite="stop",
    epochs=20,
)

V2_0 = replace(
    V1_0_1,
    name="v2.0",
    changed="Another data set (GameFactory), 64 × 36 pixels in 16:9, residual blocks, 4,096 codes "
    "of 384 features.",
    why="Sharper pictures, and the aspect ratio of the footage.",
    layout="gamefactory",
    model=VqvaeConfig(
        image_size=(36, 64),
        residual=True,
        quantiser=replace(V1_0_1.model.quantiser, codebook_size=4096, embedding_dim=384),
    ),
    epochs=10,
)

VERSIONS: dict[str, Version] = {v.name: v for v in (V1_0, V1_0_1, V2_0)}


@dataclass(frozen=True)
class Scale:
    """How a preset shrinks a version: largest width, features and codes, batches and steps."""

    hidden: int
    embedding_dim: int
    codebook_size: int
    batch_share: float  # of the version's batch: a CPU learns more from many small steps
    steps: int | None  # None: the version's own number of epochs


SCALES: dict[Preset, Scale] = {
    "tiny": Scale(hidden=48, embedding_dim=64, codebook_size=512, batch_share=0.25, steps=300),
    "small": Scale(hidden=96, embedding_dim=128, codebook_size=1024, batch_share=1.0, steps=1500),
    "full": Scale(hidden=128, embedding_dim=384, codebook_size=4096, batch_share=1.0, steps=None),
}


def version(name: str, preset: str = "tiny") -> Version:
    """The version called `name` at the size of `preset`.

    - ``tiny``: 2 CPU cores, about a minute a version; narrower layers, few steps.
    - ``small``: 2 CPU cores, about a quarter of an hour a version.
    - ``full``: one GPU; the write-up's sizes, epochs and number of frames.

    Raises:
        ValueError: unknown `name` or `preset`; the message lists the known ones.
    """
    if name not in VERSIONS:
        raise ValueError(f"version is {name!r}; the known ones are {', '.join(VERSIONS)}")
    if preset not in SCALES:
        raise ValueError(f"preset is {preset!r}; choose one of {', '.join(PRESETS)}")
    full, scale = VERSIONS[name], SCALES[preset]
    quantiser = full.model.quantiser
    return replace(
        full,
        batch_size=round(full.batch_size * scale.batch_share),
        model=replace(
            full.model,
            hidden=min(full.model.hidden, scale.hidden),
            quantiser=replace(
                quantiser,
                embedding_dim=min(quantiser.embedding_dim, scale.embedding_dim),
                codebook_size=min(quantiser.codebook_size, scale.codebook_size),
            ),
        ),
    )


def optimiser_steps(chosen: Version, preset: str, frames: int) -> int:
    """Number of optimiser steps on `frames` training frames: fixed, or epochs at ``full``."""
    steps = SCALES[preset].steps  # type: ignore[index]
    return steps or chosen.epochs * max(1, frames // chosen.batch_size)
