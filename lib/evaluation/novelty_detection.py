"""How well a score tells new cars from known ones, with intervals over loadouts.

Known and new loadouts are resampled apart. The three measures come from the same weighted counts
of images at each level of the score, so a resample costs one pass and equal scores are exact.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int64

from lib.evaluation.intervals import RESAMPLES, Estimate

ACCEPTED = 0.95
MOST_CELLS = 4_000_000  # images times resamples held at once


@dataclass(frozen=True)
class Detection:
    """Measures of one score; higher scores mean "new"."""

    auroc: Estimate  # chance that a new car scores higher than a known one
    fpr95: Estimate  # share of new cars taken for known when 95 % of known ones are accepted
    aupr: Estimate  # average precision of "new"; by chance, the share of new images
    new_share: float  # of the images: what `aupr` has to beat


@dataclass(frozen=True)
class NoveltyReport:
    """One score on all new cars together and on each new body alone."""

    together: Detection
    by_body: dict[str, Detection]


def auroc(known: Float[np.ndarray, " n"], new: Float[np.ndarray, " m"]) -> float:
    """Chance that a new image scores higher than a known one, ties counting one half."""
    return float(_measures(*_plain_levels(known, new))[0, 0])


def fpr_at_tpr(known: Float[np.ndarray, " n"], new: Float[np.ndarray, " m"]) -> float:
    """Share of new images at or below the score that accepts 95 % of the known ones.

    Known is "positive", as in ODIN (Liang et al. 2018) and OpenOOD; others ask for the share of
    known images flagged when 95 % of the new ones are.
    """
    return float(_measures(*_plain_levels(known, new))[1, 0])


def average_precision(known: Float[np.ndarray, " n"], new: Float[np.ndarray, " m"]) -> float:
    """Mean precision over new images, from the highest score down; no interpolation."""
    return float(_measures(*_plain_levels(known, new))[2, 0])


def judge(
    known: Float[np.ndarray, " n"],
    new: Float[np.ndarray, " m"],
    known_groups: Int[np.ndarray, " n"],
    new_groups: Int[np.ndarray, " m"],
    *,
    seed: int = 0,
) -> Detection:
    """All three measures with 95 % intervals; None where either side has but one group."""
    _check(known, new)
    level, is_new = _levels(known, new)
    _, known_place = np.unique(known_groups, return_inverse=True)
    _, new_place = np.unique(new_groups, return_inverse=True)
    groups = int(known_place.max() + 1), int(new_place.max() + 1)
    values = _measures(*_weights_of(level, is_new, np.ones((1, len(level)))))[:, 0]
    low = high = None
    if min(groups) > 1:
        rng = np.random.default_rng(seed)
        resampled = []
        for size in _chunks(len(level)):
            weights = [
                _multiplicities(rng, size, count)[:, place]
                for count, place in zip(groups, (known_place, new_place), strict=True)
            ]
            resampled.append(_measures(*_weights_of(level, is_new, np.concatenate(weights, 1))))
        low, high = np.quantile(np.concatenate(resampled, 1), [0.025, 0.975], axis=1)
    estimates = [
        Estimate(
            value=float(value),
            low=None if low is None else min(float(low[i]), float(value)),
            high=None if high is None else max(float(high[i]), float(value)),
            n=len(level),
            groups=sum(groups),
        )
        for i, value in enumerate(values)
    ]
    area, fpr95, precision = estimates
    return Detection(area, fpr95, precision, new_share=len(new) / len(level))


def report(
    known: Mapping[str, Float[np.ndarray, " n"]],
    new: Mapping[str, Float[np.ndarray, " m"]],
    known_groups: Int[np.ndarray, " n"],
    new_groups: Int[np.ndarray, " m"],
    bodies: Mapping[str, Bool[np.ndarray, " m"]],
    *,
    seed: int = 0,
) -> dict[str, NoveltyReport]:
    """`judge` each named score, on all new images and on those of each of the new `bodies`."""
    if set(known) != set(new):
        raise ValueError(
            f"known has the scores {sorted(known)}, new has {sorted(new)}; give the same of both"
        )
    if empty := [name for name, members in bodies.items() if not members.any()]:
        raise ValueError(f"bodies {empty} have no image; leave them out")
    return {
        name: NoveltyReport(
            together=judge(known[name], new[name], known_groups, new_groups, seed=seed),
            by_body={
                body: judge(known[name], new[name][of], known_groups, new_groups[of], seed=seed)
                for body, of in bodies.items()
            },
        )
        for name in known
    }


def _check(known: Float[np.ndarray, " n"], new: Float[np.ndarray, " m"]) -> None:
    for name, scores in (("known", known), ("new", new)):
        if not len(scores):
            raise ValueError(f"{name} is empty; give at least one score")
        if np.isnan(scores).any():
            raise ValueError(
                f"{name} has {int(np.isnan(scores).sum())} scores that are NaN; leave these "
                "images out, or use another score"
            )


def _levels(
    known: Float[np.ndarray, " n"], new: Float[np.ndarray, " m"]
) -> tuple[Int64[np.ndarray, " s"], Bool[np.ndarray, " s"]]:
    """Rank of each score among all different ones, known images first; and which are new."""
    _, level = np.unique(np.concatenate([known, new]), return_inverse=True)
    return level, np.arange(len(level)) >= len(known)


def _weights_of(
    level: Int64[np.ndarray, " s"],
    is_new: Bool[np.ndarray, " s"],
    weights: Float64[np.ndarray, "r s"],
) -> tuple[Float64[np.ndarray, "r l"], Float64[np.ndarray, "r l"]]:
    """Weight of known and of new images at each level, for each resample."""
    order = np.argsort(level, kind="stable")
    starts = np.flatnonzero(np.diff(level[order], prepend=-1))
    ordered, new = weights[:, order], is_new[order]
    return (
        np.add.reduceat(ordered * ~new, starts, axis=1),
        np.add.reduceat(ordered * new, starts, axis=1),
    )


def _plain_levels(
    known: Float[np.ndarray, " n"], new: Float[np.ndarray, " m"]
) -> tuple[Float64[np.ndarray, "1 l"], Float64[np.ndarray, "1 l"]]:
    _check(known, new)
    level, is_new = _levels(known, new)
    return _weights_of(level, is_new, np.ones((1, len(level))))


def _measures(
    known: Float64[np.ndarray, "r l"], new: Float64[np.ndarray, "r l"]
) -> Float64[np.ndarray, "3 r"]:
    """AUROC, FPR at 95 % TPR and average precision from weights at ascending levels of score."""
    known_up_to, new_up_to = known.cumsum(1), new.cumsum(1)
    all_known, all_new = known_up_to[:, -1:], new_up_to[:, -1:]
    below = known_up_to - known
    area = (new * (below + known / 2)).sum(1) / (all_known * all_new)[:, 0]
    enough = known_up_to >= ACCEPTED * all_known - 1e-9  # 1e-9: 0.95 * 20 is not quite 19
    first = enough.argmax(1)[:, None]
    taken_for_known = np.take_along_axis(new_up_to, first, 1) / all_new
    found = all_new - new_up_to + new
    flagged = found + all_known - below
    precision = np.divide(found, flagged, out=np.zeros_like(found), where=flagged > 0)
    return np.stack([area, taken_for_known[:, 0], (new * precision).sum(1) / all_new[:, 0]])


def _multiplicities(
    rng: np.random.Generator, resamples: int, groups: int
) -> Float64[np.ndarray, "r g"]:
    """How often each group is drawn, for each resample of as many groups as there are."""
    return rng.multinomial(groups, np.full(groups, 1 / groups), resamples).astype(np.float64)


def _chunks(images: int) -> Iterator[int]:
    size = max(1, min(RESAMPLES, MOST_CELLS // images))
    for start in range(0, RESAMPLES, size):
        yield min(size, RESAMPLES - start)
