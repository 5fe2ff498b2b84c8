"""Rows of the ledger that the VQ-VAE chapter records."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

import numpy as np

from lib.book.results import Ledger
from lib.evaluation.half_precision import FreshStart, LoudSeries
from lib.evaluation.intervals import Estimate
from lib.evaluation.versions import PARTS, Part, PartScores, TrainingFacts
from lib.training.vqvae import TrainedVersion

Better = Literal["higher", "lower", ""]
METRICS: dict[str, tuple[str, Better, str]] = {  # metric: unit, which way is better, heading
    "psnr_db": ("dB", "higher", "PSNR, dB"),
    "ssim": ("", "higher", "SSIM"),
    "lpips": ("", "lower", "LPIPS"),
    "sharpness_ratio": ("", "", "sharpness ratio"),
    "detail_correlation": ("", "higher", "detail correlation"),
    "perplexity": ("", "higher", "perplexity"),
    "codes_used": ("", "higher", "codes used"),
    "mse": ("", "lower", "MSE"),
    "finite": ("", "higher", "finite share"),
    "flat_texture": ("levels", "lower", "texture on flat"),
    "grid_energy_flat": ("levels", "lower", "grid on colours"),
    "grid_energy_sky": ("levels", "lower", "grid on skies"),
}
ONLY_HELDOUT = ("grid_energy_flat", "grid_energy_sky")  # of the model alone, on no part's frames
REPAIR_IDS = {
    "float16 (v1.0)": "v1.0",
    "float16, clamped": "v1.0_clamped",
    "float32": "v1.0_float32",
    "float32, clamped (v1.0.1)": "v1.0.1",
}


def record_scores(
    ledger: Ledger, trained: TrainedVersion, scores: Mapping[Part, PartScores], *, seed: int
) -> None:
    """Rows ``vqvae.<version>.<train|heldout>.<metric>`` of one version."""
    for part in PARTS:
        for metric, (unit, better, _) in METRICS.items():
            if part == "train" and metric in ONLY_HELDOUT:
                continue
            estimate = _estimate(scores[part], metric)
            ledger.record(
                f"vqvae.{trained.version.name}.{part}.{metric}",
                estimate.value,
                low=estimate.low,
                high=estimate.high,
                n=estimate.n or None,  # flat patches may be absent
                seeds=[seed],
                unit=unit,
                better=better,
                run=trained.run.key,
                seconds=trained.seconds,
            )


def _estimate(scores: PartScores, metric: str) -> Estimate:
    """A metric's estimate; ``finite`` is whether the mean error is a number at all."""
    if metric != "finite":
        return scores.metrics[metric]
    mse = scores.metrics["mse"]
    return Estimate(float(np.isfinite(mse.value)), None, None, mse.n, mse.groups)


def record_facts(
    ledger: Ledger, trained: TrainedVersion, facts: TrainingFacts, *, seed: int
) -> None:
    """Rows ``vqvae.<version>.train.<fact>`` from the training log, of the facts there are."""
    for name, value in asdict(facts).items():
        if value is None:
            continue
        ledger.record(
            f"vqvae.{trained.version.name}.train.{name}",
            value,
            n=len(trained.history),
            seeds=[seed],
            run=trained.run.key,
        )


def record_overflow(
    ledger: Ledger,
    headroom: Mapping[str, float],
    series: Mapping[str, LoudSeries],
    *,
    loud: int,
    seed: int,
) -> None:
    """Rows of the overflow experiment: headroom of each product, losses and averages lost."""
    for product, factor in headroom.items():
        name = product.lower().replace(" ", "_").replace("-", "_")
        ledger.record(f"vqvae.v1.0.float16.headroom_{name}", factor, seeds=[seed], better="higher")
    for repair, one in series.items():
        after = one.finite[loud:]
        ledger.record(
            f"vqvae.{REPAIR_IDS[repair]}.loud.batches_lost",
            after.count(False),
            n=len(after),
            seeds=[seed],
            better="lower",
        )
        ledger.record(
            f"vqvae.{REPAIR_IDS[repair]}.loud.ruined_share",
            one.ruined_share,
            seeds=[seed],
            better="lower",
        )


def record_fresh_starts(ledger: Ledger, starts: Mapping[str, FreshStart], *, seed: int) -> None:
    """Rows ``vqvae.<variant>.fresh.<batches_lost|largest_code>`` of untrained quantisers."""
    for variant, start in starts.items():
        ledger.record(
            f"vqvae.{variant}.fresh.batches_lost",
            start.finite.count(False),
            n=len(start.finite),
            seeds=[seed],
            better="lower",
        )
        ledger.record(f"vqvae.{variant}.fresh.largest_code", start.largest_code, seeds=[seed])


def record_found(
    ledger: Ledger, where: str, found: Any, *, seed: int, n: int | None = None
) -> None:
    """Rows ``vqvae.<where>.<field>`` of an experiment's result: a dataclass or a mapping.

    Numbers and estimates with their intervals are recorded, all else is left out. What is named
    after a metric, such as ``psnr_db_water``, has that metric's unit.
    """
    values = found if isinstance(found, Mapping) else vars(found)
    for name, value in values.items():
        unit = next((unit for metric, (unit, *_) in METRICS.items() if name.startswith(metric)), "")
        if isinstance(value, Estimate):
            ledger.record(
                f"vqvae.{where}.{name}",
                value.value,
                low=value.low,
                high=value.high,
                n=value.n,
                seeds=[seed],
                unit=unit,
            )
        elif isinstance(value, int | float | np.number):
            ledger.record(f"vqvae.{where}.{name}", float(value), n=n, seeds=[seed], unit=unit)
