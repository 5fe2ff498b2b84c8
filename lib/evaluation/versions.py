"""Scores of one trained VQ-VAE on worlds it saw and on worlds it did not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
    """What a training log says about the write-up's account.

    The comparisons of whole epochs are None where training was shorter than three, or where no
    row was logged in the second.
    """

    clipped_share: float  # of logged steps, gradient norm above 1
    largest_gradient_norm: float
    largest_sum: float
    largest_product: float
    mse_fall: float | None = None  # last epoch over first
    mse_epoch_2_over_1: float | None = None
    perplexity_epoch_2_over_1: float | None = None
    mse_last_over_epoch_2: float | None = None


def training_facts(history: pd.DataFrame, steps_per_epoch: int) -> TrainingFacts:
    """Facts of a training log with columns step, mse, perplexity, grad_norm, largest_*."""
    largest = history[["grad_norm", "largest_sum", "largest_product"]].max(skipna=False)
    facts = TrainingFacts(
        clipped_share=float((history["grad_norm"] > 1).mean()),
        largest_gradient_norm=float(largest["grad_norm"]),
        largest_sum=float(largest["largest_sum"]),
        largest_product=float(largest["largest_product"]),
    )
    whole = int(history["step"].max()) // steps_per_epoch
    return facts if whole < 3 else replace(facts, **_epoch_facts(history, steps_per_epoch, whole))


def _epoch_facts(history: pd.DataFrame, steps_per_epoch: int, whole: int) -> dict[str, float]:
    """Ratios of means over whole epochs; a last epoch that was cut short joins the one before."""
    epoch = ((history["step"] - 1) // steps_per_epoch).clip(upper=whole - 1)
    means = {
        number: rows.mean(skipna=False)  # a lost loss is not averaged away
        for number, rows in history.groupby(epoch)[["mse", "perplexity"]]
    }
    if 1 not in means:
        return {}
    first, second, last = means[0], means[1], means[whole - 1]
    return {
        "mse_fall": float(last["mse"] / first["mse"]),
        "mse_epoch_2_over_1": float(second["mse"] / first["mse"]),
        "perplexity_epoch_2_over_1": float(second["perplexity"] / first["perplexity"]),
        "mse_last_over_epoch_2": float(last["mse"] / second["mse"]),
    }
