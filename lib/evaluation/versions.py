"""Scores of one trained VQ-VAE on worlds it saw and on worlds it did not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lib.data.frames import FrameStore
from lib.data.splits import Splits
from lib.evaluation.intervals import Estimate
from lib.evaluation.reconstruction import score_frames, summarise
from lib.models.vqvae import Vqvae

Part = Literal["train", "heldout"]
PARTS: tuple[Part, ...] = ("train", "heldout")
MOST_FRAMES = 1_000  # scored of each part: intervals over worlds do not narrow much beyond
BATCH = 100


@dataclass(frozen=True)
class PartScores:
    """Metrics of one part with intervals over worlds, and how often each code was used."""

    metrics: dict[str, Estimate]
    code_counts: Int[np.ndarray, " k"]


def image_batches(
    store: FrameStore, indices: Int[np.ndarray, " n"], size: int = BATCH
) -> Iterator[Float[Tensor, "b 3 h w"]]:
    """Frames of `store` at `indices` in batches, float in [0, 1]."""
    for start in range(0, len(indices), size):
        yield torch.from_numpy(store.batch(indices[start : start + size]))


def part_indices(splits: Splits, part: Part, *, most: int = MOST_FRAMES) -> Int[np.ndarray, " n"]:
    """At most `most` frames of a part, evenly spaced; the held-out part is the test split."""
    indices = splits.train if part == "train" else splits.test
    if len(indices) <= most:
        return indices
    return indices[np.linspace(0, len(indices) - 1, most).round().astype(int)]


def score_version(
    model: Vqvae, store: FrameStore, splits: Splits, *, seed: int = 0
) -> dict[Part, PartScores]:
    """Score `model` on training worlds and on held-out worlds."""
    scored: dict[Part, PartScores] = {}
    for part in PARTS:
        indices = part_indices(splits, part)
        frames = score_frames(model, image_batches(store, indices))
        scored[part] = PartScores(
            summarise(frames, store.groups[indices], seed=seed), frames.code_counts.sum(0)
        )
    return scored


@dataclass(frozen=True)
class TrainingFacts:
    """What a training log says about the write-up's account, from means over whole epochs."""

    mse_fall: float  # last epoch over first
    mse_epoch_2_over_1: float
    perplexity_epoch_2_over_1: float
    mse_last_over_epoch_2: float
    clipped_share: float  # of logged steps, gradient norm above 1
    largest_gradient_norm: float
    largest_sum: float
    largest_product: float


def training_facts(history: pd.DataFrame, steps_per_epoch: int) -> TrainingFacts:
    """Facts of a training log with columns step, mse, perplexity, grad_norm, largest_*.

    Raises:
        ValueError: the log holds fewer than three epochs.
    """
    epoch = (history["step"] - 1) // steps_per_epoch
    # a last epoch that was cut short joins the one before
    whole = max(1, int(history["step"].max()) // steps_per_epoch)
    if whole < 3:
        raise ValueError(
            f"history covers {whole} whole epochs of {steps_per_epoch} steps; train for three or "
            "more to compare the first two with the rest"
        )
    means = history.groupby(epoch.clip(upper=whole - 1))[["mse", "perplexity"]].mean()
    mse, perplexity = means["mse"].to_numpy(), means["perplexity"].to_numpy()
    norms = history["grad_norm"].to_numpy()
    return TrainingFacts(
        mse_fall=float(mse[-1] / mse[0]),
        mse_epoch_2_over_1=float(mse[1] / mse[0]),
        perplexity_epoch_2_over_1=float(perplexity[1] / perplexity[0]),
        mse_last_over_epoch_2=float(mse[-1] / mse[1]),
        clipped_share=float((norms > 1).mean()),
        largest_gradient_norm=float(norms.max()),
        largest_sum=float(history["largest_sum"].max()),
        largest_product=float(history["largest_product"].max()),
    )
