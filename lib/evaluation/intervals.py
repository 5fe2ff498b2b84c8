"""Means with 95 % intervals by a bootstrap over whole groups (worlds, videos, loadouts).

Frames of one world resemble each other, so resampling frames would make intervals far too narrow;
whole groups are resampled instead (Field and Welsh 2007, doi 10.1111/j.1467-9868.2007.00593.x).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy.stats import t as student_t

RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval (None where there is no interval) and sample size."""

    value: float
    low: float | None
    high: float | None
    n: int  # frames
    groups: int


def _draws(groups: int, seed: int) -> Int[np.ndarray, "r g"]:
    return np.random.default_rng(seed).integers(0, groups, (RESAMPLES, groups))


def group_sums(
    x: Float[np.ndarray, "n ..."], groups: Int[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, "g ..."], Int[np.ndarray, " g"]]:
    """Sum of `x` and number of entries in each group, groups in ascending order."""
    names, place = np.unique(groups, return_inverse=True)
    sums = np.zeros((len(names), *x.shape[1:]))
    np.add.at(sums, place, x)
    return sums, np.bincount(place)


def mean_over_groups(
    x: Float[np.ndarray, " n"], groups: Int[np.ndarray, " m"], *, seed: int = 0
) -> Estimate:
    """Mean of `x` over frames, with an interval over resampled groups.

    Non-finite values make the mean NaN and the interval None: a failure is not averaged away.
    """
    _check(x, groups)
    if not np.isfinite(x).all():
        return Estimate(float("nan"), None, None, len(x), len(np.unique(groups)))
    sums, sizes = group_sums(x, groups)
    draws = _draws(len(sums), seed)
    means = sums[draws].sum(1) / sizes[draws].sum(1)
    return _estimate(float(x.mean()), means, len(x), len(sums))


def statistic_over_groups(
    totals: Float[np.ndarray, "g k"],
    statistic: Callable[[Float[np.ndarray, " k"]], float],
    *,
    n: int,
    seed: int = 0,
) -> Estimate:
    """A statistic of totals that add over groups, such as perplexity from code counts.

    Resampling with replacement repeats some groups and leaves others out, so a statistic that
    counts distinct things (codes used) has resamples below its value: its interval is of the
    resamples' spread, centred on the value.
    """
    if len(totals) < 2:
        return Estimate(statistic(totals.sum(0)), None, None, n, len(totals))
    weights = np.stack([np.bincount(d, minlength=len(totals)) for d in _draws(len(totals), seed)])
    values = np.array([statistic(w) for w in weights @ totals])
    value = statistic(totals.sum(0))
    return _estimate(value, values - values.mean() + value, n, len(totals))


def mean_over_runs(values: Float[np.ndarray, " r"]) -> Estimate:
    """Mean of a number that every run (seed) has once, with Student's interval for two or more.

    Raises `ValueError` for no runs.
    """
    if not len(values):
        raise ValueError("values is empty; give the number of at least one run")
    mean, runs = float(values.mean()), len(values)
    if runs < 2 or not np.isfinite(values).all():
        return Estimate(mean, None, None, runs, runs)
    half = float(student_t.ppf(0.975, runs - 1) * values.std(ddof=1) / np.sqrt(runs))
    return Estimate(mean, mean - half, mean + half, runs, runs)


def _estimate(value: float, resampled: Float[np.ndarray, " r"], n: int, groups: int) -> Estimate:
    if groups < 2 or not np.isfinite(value):
        return Estimate(value, None, None, n, groups)
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Estimate(value, min(float(low), value), max(float(high), value), n, groups)


def _check(x: Shaped[np.ndarray, " n"], groups: Shaped[np.ndarray, " m"]) -> None:
    if len(x) != len(groups):
        raise ValueError(f"x has {len(x)} entries, groups has {len(groups)}; give one group each")
    if not len(x):
        raise ValueError("x is empty; give at least one value")
