"""What a version of the Minecraft VQ-VAE consists of, and how presets shrink it.

The versions themselves are in `vqvae_versions`.
"""

from dataclasses import dataclass, replace
from typing import Literal

from lib.models.vqvae import VqvaeConfig

Preset = Literal["tiny", "small", "full"]
PRESETS: tuple[Preset, ...] = ("tiny", "small", "full")


@dataclass(frozen=True)
class Perceptual:
    """LPIPS in the loss: its weight over the epochs, and what was wrong with it.

    The weight begins at `start`; in each epoch whose number is divisible by `every`, `step` is
    added before the epoch, unless the weight has reached `cap`.
    """

    start: float = 0.0
    step: float = 0.0
    every: int | None = None
    cap: float | None = None
    input_range: Literal["[0, 1]", "[-1, 1]"] = "[0, 1]"  # LPIPS wants the second
    installed: bool = True  # False: the package was missing, and the code went on with zero

    def weight(self, epoch: int) -> float:
        """Weight during `epoch`, counted from 1."""
        weight = self.start
        if self.every is not None:
            for _ in range(epoch // self.every):
                weight += self.step if self.cap is None or weight < self.cap else 0.0
        return weight


@dataclass(frozen=True)
class Version:
    """One version: model, training, and where it comes from.

    `changed` and `why` follow the public change log. `in_code` says what the code of `commit` did
    where it contradicts that log or is missing from it.
    """

    name: str
    changed: str
    why: str
    model: VqvaeConfig
    in_code: str = ""
    commit: str = ""
    layout: Literal["minerl", "gamefactory"] = "minerl"
    continues_from: str | None = None  # version whose weights and optimiser it starts from
    continues_at: int = 0  # epochs those had
    epochs: int = 10  # in all, those before `continues_at` included
    batch_size: int = 64
    learning_rate: float = 1e-3  # Adam
    beta: float = 0.25  # weight of the commitment loss
    perceptual: Perceptual | None = None
    clip_norm: float | None = None  # gradients are clipped to this total norm
    nonfinite: Literal["stop", "skip"] = "stop"  # what happens to a step with a non-finite loss
    seed_shift: int = 0  # added to the seed: a version that repeats another is another draw

    @property
    def own_epochs(self) -> int:
        """Epochs trained by this version itself."""
        return self.epochs - self.continues_at

    def epoch(self, step: int, steps: int) -> int:
        """Number of the epoch in which `step` (from 0) of `steps` falls.

        A preset that trains for fewer steps than the original has its epochs shortened alike, so
        that schedules stretch over the whole run.
        """
        return self.continues_at + 1 + step * self.own_epochs // steps


TOLD = ("changed", "why", "in_code", "commit")  # prose about a version decides nothing


@dataclass(frozen=True)
class Scale:
    """How a preset shrinks a version.

    Batches shrink because a CPU learns more from many small steps; the codebook shrinks with
    them, so that a code meets as many cells of a batch as in the original. An epoch is `frames`
    training frames, whatever the footage holds; a run sees at least `least_frames`.
    """

    hidden: int  # channels, at most
    embedding_dim: int  # at most
    share: float  # of the batch size and of the number of codes
    frames: int | None  # None: the training frames there are
    least_frames: int = 0


SCALES: dict[Preset, Scale] = {
    "tiny": Scale(hidden=24, embedding_dim=48, share=1 / 8, frames=80, least_frames=2_000),
    "small": Scale(hidden=48, embedding_dim=96, share=1 / 4, frames=500, least_frames=12_000),
    "full": Scale(hidden=128, embedding_dim=384, share=1.0, frames=None),
}


def scale_of(preset: str) -> Scale:
    """The scale of `preset`; `ValueError` with the known ones if there is no such preset."""
    if preset not in SCALES:
        raise ValueError(f"preset is {preset!r}; choose one of {', '.join(PRESETS)}")
    return SCALES[preset]


def scaled(full: Version, preset: str) -> Version:
    """`full` at the size of `preset`."""
    scale, quantiser = scale_of(preset), full.model.quantiser
    return replace(
        full,
        batch_size=round(full.batch_size * scale.share),
        model=replace(
            full.model,
            hidden=min(full.model.hidden, scale.hidden),
            quantiser=replace(
                quantiser,
                embedding_dim=min(quantiser.embedding_dim, scale.embedding_dim),
                codebook_size=round(quantiser.codebook_size * scale.share),
            ),
        ),
    )


def optimiser_steps(chosen: Version, preset: str, frames: int) -> int:
    """Optimiser steps of `chosen`, already scaled to `preset`, on `frames` training frames."""
    scale = scale_of(preset)
    seen = chosen.own_epochs * (frames if scale.frames is None else scale.frames)
    return max(1, max(seen, scale.least_frames) // chosen.batch_size)
