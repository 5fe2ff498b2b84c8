"""Temperature scaling (Guo et al. 2017, arXiv 1706.04599): one number that mends the confidence.

Dividing logits by a temperature changes no decision, only how sure they are said to be. It is
fitted on validation images and judged on others.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int

from lib.evaluation.classification import (
    ReliabilityBins,
    bin_edges,
    calibration_gap,
    calibration_totals,
    check_logits,
    confidence_and_hits,
    negative_log_likelihood,
    probabilities,
    reliability_bins,
    summarise,
)
from lib.evaluation.intervals import Estimate, mean_over_groups, statistic_over_groups

COLDEST, HOTTEST = 0.01, 100.0
HALVINGS = 60  # of the range of log temperatures: to about 1e-17


@dataclass(frozen=True)
class Temperature:
    """A fitted temperature; above 1 the network was too sure of itself, below 1 too modest."""

    value: float
    at_bound: bool  # the best one lies beyond `COLDEST` or `HOTTEST`
    errors: int  # wrong validation images; with few of them the value is not worth much
    n: int  # validation images


@dataclass(frozen=True)
class Calibration:
    """What a temperature does on images it was not fitted on, with intervals over loadouts.

    `before` and `after` have ``accuracy`` (the same in both), ``nll``, ``ece`` and
    ``ece_adaptive``; `change` has after minus before of ``nll`` and ``ece`` on the same resamples:
    it is below zero where scaling helped for certain.
    """

    temperature: Temperature
    before: dict[str, Estimate]
    after: dict[str, Estimate]
    change: dict[str, Estimate]
    bins_before: ReliabilityBins
    bins_after: ReliabilityBins


def fit_temperature(
    logits: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, " m"],
    *,
    pseudo_errors: float = 1.0,
) -> Temperature:
    """The temperature that minimises the negative log-likelihood of validation images.

    The likelihood is convex in ``1 / temperature``, so the sign of its slope is bisected, in
    float64. Without a single error in the validation images the plain optimum is a temperature of
    0, that is, certainty. Against this each label gives up ``pseudo_errors / (n + 2)`` of its
    weight to the other classes, as Platt (1999) did for two of them; one pseudo-error is little
    beside many real ones, and 0 is the plain likelihood.
    """
    check_logits(logits, labels)
    n, classes = logits.shape
    if classes < 2 or not 0 <= pseudo_errors < n + 2:
        raise ValueError(
            f"pseudo_errors is {pseudo_errors} for {n} images of {classes} classes; give from 0 to "
            "fewer than there are images, and at least two classes"
        )
    z, given_up = logits.astype(np.float64), pseudo_errors / (n + 2)
    true = z[np.arange(n), labels]
    wanted = (1 - given_up) * true + given_up * (z.sum(1) - true) / (classes - 1)
    low, high = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _too_hot(z, wanted, float(np.exp(middle))):
            high = middle
        else:
            low = middle
    value = float(np.exp((low + high) / 2))
    return Temperature(
        value=value,
        at_bound=bool(np.isclose(value, [COLDEST, HOTTEST], rtol=1e-9).any()),
        errors=int((logits.argmax(1) != labels).sum()),
        n=n,
    )


def _too_hot(
    z: Float64[np.ndarray, "n c"], wanted: Float64[np.ndarray, " n"], temperature: float
) -> bool:
    """Whether a lower temperature is more likely: logits expected are below those wanted."""
    expected = (probabilities(z, temperature=temperature) * z).sum(1)
    # 0 where float64 is certain already: colder is then as likely, up to rounding
    return float((expected - wanted).mean()) <= 0


def calibrate(
    validation: tuple[Float[np.ndarray, "v c"], Int[np.ndarray, " v"]],
    logits: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    *,
    pseudo_errors: float = 1.0,
    seed: int = 0,
) -> Calibration:
    """Fit on `validation` (its logits and labels), judge on the rest before and after."""
    temperature = fit_temperature(*validation, pseudo_errors=pseudo_errors)
    t = temperature.value
    return Calibration(
        temperature=temperature,
        before=summarise(logits, labels, groups, seed=seed),
        after=summarise(logits, labels, groups, temperature=t, seed=seed),
        change=_changes(logits, labels, groups, temperature=t, seed=seed),
        bins_before=reliability_bins(*confidence_and_hits(logits, labels)),
        bins_after=reliability_bins(*confidence_and_hits(logits, labels, temperature=t)),
    )


def _changes(
    logits: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    *,
    temperature: float,
    seed: int,
) -> dict[str, Estimate]:
    """NLL and ECE after minus before, each resample being the same before and after."""
    nll = negative_log_likelihood(logits, labels, temperature=temperature)
    nll -= negative_log_likelihood(logits, labels)
    totals = []
    for t in (1.0, temperature):
        confidence, right = confidence_and_hits(logits, labels, temperature=t)
        totals.append(calibration_totals(confidence, right, groups, bin_edges(confidence)))
    half = totals[0].shape[1]
    return {
        "nll": mean_over_groups(nll, groups, seed=seed),
        "ece": statistic_over_groups(
            np.concatenate(totals, 1),
            lambda total: calibration_gap(total[half:]) - calibration_gap(total[:half]),
            n=len(labels),
            seed=seed,
        ),
    }
