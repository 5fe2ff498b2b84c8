"""Scores of one trained VQ-VAE on worlds it saw and on worlds it did not."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lib.data.frames import FrameStore
from lib.data.splits import Splits
from lib.evaluation.grid import grid_energy
from lib.evaluation.intervals import Estimate
from lib.evaluation.reconstruction import score_frames, summarise
from lib.models.vqvae import Vqvae

Part = Literal["train", "heldout"]
PARTS: tuple[Part, ...] = ("train", "heldout")
MOST_FRAMES = 1_000  # scored of each part: intervals over worlds do not narrow much beyond
BATCH = 10  # a CPU scores small batches several times faster: they stay in its cache


@dataclass(frozen=True)
class PartScores:
    """Metrics of one part with intervals over worlds, and how often each code was used."""

    metrics: dict[str, Estimate]
    code_counts: Int[np.ndarray, " k"]

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON has it; numbers that are not finite become strings such as ``nan``."""
        return {
            "metrics": {
                name: {key: _plain_number(value) for key, value in asdict(estimate).items()}
                for name, estimate in self.metrics.items()
            },
            "code_counts": self.code_counts.tolist(),
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "PartScores":
        """What `to_plain` gave, exactly, also after a way through JSON."""
        metrics = {name: _estimate(row) for name, row in plain["metrics"].items()}
        return cls(metrics, np.array(plain["code_counts"], dtype=np.int64))


def _estimate(row: dict[str, Any]) -> Estimate:
    numbers: dict[str, Any] = {k: float(v) if isinstance(v, str) else v for k, v in row.items()}
    return Estimate(**numbers)


def _plain_number(value: float | int | None) -> float | int | str | None:
    return value if value is None or math.isfinite(value) else str(float(value))


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
    model: Vqvae,
    store: FrameStore,
    splits: Splits,
    *,
    lpips: nn.Module | None = None,
    most: int = MOST_FRAMES,
    seed: int = 0,
) -> dict[Part, PartScores]:
    """Score `model` on at most `most` frames of training worlds and as many of held-out ones.

    `lpips` as in `score_frames`; without it that metric is absent. Among the held-out scores are
    those of the model's grid on flat colours and on skies, which belong to no part of the footage.
    `seed` draws the resamples of the intervals and nothing else.
    """
    if most < 1:
        raise ValueError(f"most is {most}; give a number of frames from 1")
    scored: dict[Part, PartScores] = {}
    for part in PARTS:
        indices = part_indices(splits, part, most=most)
        frames = score_frames(model, image_batches(store, indices), lpips=lpips)
        metrics = summarise(frames, store.groups[indices], seed=seed)
        if part == "heldout":
            metrics |= grid_energy(model, seed=seed)
        scored[part] = PartScores(metrics, frames.code_counts.sum(0))
    return scored


@dataclass(frozen=True)
class TrainingFacts:
    """What a training log says about the write-up's account.

    The comparisons of whole epochs are None where training was shorter than three, or where no
    row was logged in the second. What a log has no column for is None, as LPIPS in versions
    without it.
    """

    clipped_share: float  # of logged steps, gradient norm above 1
    largest_gradient_norm: float
    largest_sum: float
    largest_product: float
    mse_fall: float | None = None  # last epoch over first
    mse_epoch_2_over_1: float | None = None
    perplexity_epoch_2_over_1: float | None = None
    mse_last_over_epoch_2: float | None = None
    commitment_start: float | None = None  # mean over the first tenth of the rows
    commitment_min: float | None = None
    commitment_fall: float | None = None  # last over start
    lpips_max: float | None = None  # largest logged
    lpips_weight_first_nonzero_epoch: int | None = None  # of this run, from 1, among logged rows


def training_facts(history: pd.DataFrame, steps_per_epoch: float | int) -> TrainingFacts:
    """Facts of a training log with columns step, mse, perplexity, grad_norm, largest_*.

    The columns commitment, lpips and lpips_weight may be there or not.
    """
    largest = history[["grad_norm", "largest_sum", "largest_product"]].max(skipna=False)
    facts = TrainingFacts(
        clipped_share=float((history["grad_norm"] > 1).mean()),
        largest_gradient_norm=float(largest["grad_norm"]),
        largest_sum=float(largest["largest_sum"]),
        largest_product=float(largest["largest_product"]),
        **_commitment_facts(history),
        **_lpips_facts(history, steps_per_epoch),
    )
    # rounded before it is cut: steps and steps an epoch may be fractions of each other
    whole = int(round(float(history["step"].max()) / steps_per_epoch, 6))
    return facts if whole < 3 else replace(facts, **_epoch_facts(history, steps_per_epoch, whole))


def _commitment_facts(history: pd.DataFrame) -> dict[str, Any]:
    if "commitment" not in history:
        return {}
    commitment = history["commitment"]
    start = float(commitment.iloc[: math.ceil(len(history) / 10)].mean(skipna=False))
    return {
        "commitment_start": start,
        "commitment_min": float(commitment.min(skipna=False)),
        "commitment_fall": float(commitment.iloc[-1]) / start if start else None,
    }


def _lpips_facts(history: pd.DataFrame, steps_per_epoch: float | int) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if "lpips" in history:
        facts["lpips_max"] = float(history["lpips"].max(skipna=False))
    if "lpips_weight" in history and (history["lpips_weight"] > 0).any():
        step = int(history["step"][history["lpips_weight"] > 0].min())
        facts["lpips_weight_first_nonzero_epoch"] = int((step - 1) // steps_per_epoch) + 1
    return facts


def _epoch_facts(history: pd.DataFrame, steps_per_epoch: float | int, whole: int) -> dict[str, Any]:
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
