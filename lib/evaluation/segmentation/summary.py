"""Scores of several recordings, with 95 % intervals over maps (or recordings)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int64

from lib.evaluation.intervals import (
    RESAMPLES,
    Estimate,
    group_sums,
    mean_over_groups,
    statistic_over_groups,
)
from lib.evaluation.segmentation.scores import (
    BOUNDARY_PX,
    BoundaryCounts,
    FlipCounts,
    Labels,
    Truth,
    adjusted_scores,
    boundary_f,
    confusion,
    contingency,
    count_boundaries,
    count_flips,
    majority_classes,
    matched_classes,
    mean_iou,
    pixel_accuracy,
)
from lib.worlds.doom.classes import UNKNOWN, PixelClass

FRAME_RATE_HZ = 10.0
Matching = Literal["together", "each", "named"]
Score = Callable[[Float[np.ndarray, "d c"]], float]


@dataclass(frozen=True)
class RecordingCounts:
    """What one sequence of frames adds to the scores."""

    group: str  # what an interval resamples: the map
    contingency: Int64[np.ndarray, "k c"]
    boundary: BoundaryCounts
    flips: FlipCounts
    noise: int  # known pixels of no cluster, before they were filled
    ami: float
    ari: float
    frames: int

    @property
    def pixels(self) -> int:
        """Pixels with a known truth."""
        return int(self.contingency.sum())


def count_recording(
    predicted: Labels,
    truth: Truth,
    *,
    group: str,
    clusters: int,
    classes: int = len(PixelClass),
    noise: Bool[np.ndarray, "n h w"] | None = None,
    tolerance_px: float = BOUNDARY_PX,
) -> RecordingCounts:
    """Compare the segments of consecutive frames of one recording with the truth.

    `predicted` has clusters 0 … clusters-1 and -1 for none; `truth` has classes and 255 for
    unknown. `noise` are the pixels of no cluster where `predicted` has been filled, else its -1.
    """
    counts = contingency(predicted, truth, clusters=clusters, classes=classes)
    noisy = predicted < 0 if noise is None else noise
    ami, ari = adjusted_scores(predicted, truth)
    return RecordingCounts(
        group=group,
        contingency=counts,
        boundary=count_boundaries(predicted, truth, tolerance_px=tolerance_px),
        flips=count_flips(predicted, truth),
        noise=int((noisy & (truth != UNKNOWN)).sum()),
        ami=ami,
        ari=ari,
        frames=len(truth),
    )


def summarise(
    recordings: Sequence[RecordingCounts],
    *,
    matching: Matching = "together",
    frame_rate_hz: float = FRAME_RATE_HZ,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Every score of the recordings taken together, by the name it has in the ledger.

    `matching` is "together" where a cluster means the same in all recordings (one segmenter for
    all), "each" where every recording was segmented by itself, "named" where cluster i is class i,
    as a classifier has it. ``flips_per_second`` is per pixel, ``true_flips_per_second`` that of the
    truth; ``ami`` and ``ari`` are means over recordings.

    Raises `ValueError` for no recordings, or none with a known pixel.
    """
    if matching not in get_args(Matching):
        choices = ", ".join(map(repr, get_args(Matching)))
        raise ValueError(f"matching={matching!r}: choose among {choices}")
    recordings = [recording for recording in recordings if recording.pixels]
    if not recordings:
        raise ValueError("recordings holds no pixel with a known truth; give labelled recordings")
    pool = _Pool(recordings, seed)
    scores = {}
    for kind, choose in (("", matched_classes), ("many_to_one_", majority_classes)):
        tables = _confusions(recordings, choose, matching)
        for name, score in (("miou", mean_iou), ("pixel_accuracy", pixel_accuracy)):
            totals = tables.reshape(len(tables), -1)
            scores[kind + name] = pool.statistic(totals, _reshaped(score, tables.shape[1:]))
    for name in ("ami", "ari"):
        values = np.array([getattr(recording, name) for recording in recordings])
        scores[name] = mean_over_groups(values, pool.groups, seed=seed)
    edges = np.array([recording.boundary.totals for recording in recordings], float)
    scores["boundary_f"] = pool.statistic(edges, boundary_f)
    flips = [recording.flips for recording in recordings]
    scores["noise_share"] = pool.share([(r.noise, r.pixels) for r in recordings], 1.0)
    scores["flips_per_second"] = pool.share([(f.flips, f.pixels) for f in flips], frame_rate_hz)
    scores["true_flips_per_second"] = pool.share(
        [(f.true_flips, f.pixels) for f in flips], frame_rate_hz
    )
    return scores


def mean_over_seeds(runs: Sequence[Mapping[str, Estimate]]) -> dict[str, Estimate]:
    """Scores of several seeds on the same recordings: means of values and of bounds.

    The maps that an interval resamples are the same for all seeds, so that averaging runs narrows
    it little; means of bounds are, if anything, too wide. Raises `ValueError` for no runs.
    """
    if not runs:
        raise ValueError("runs is empty; give the scores of at least one seed")
    return {name: _mean([run[name] for run in runs]) for name in runs[0]}


def _mean(found: Sequence[Estimate]) -> Estimate:
    bounds = [(one.low, one.high) for one in found if one.low is not None and one.high is not None]
    value = float(np.mean([one.value for one in found]))
    if len(bounds) < len(found):
        return replace(found[0], value=value, low=None, high=None)
    low, high = np.mean(np.array(bounds, float), axis=0)
    return replace(found[0], value=value, low=float(low), high=float(high))


def paired_gain(
    ours: Sequence[Sequence[RecordingCounts]],
    theirs: Sequence[Sequence[RecordingCounts]],
    *,
    score: Score = mean_iou,
    matching: tuple[Matching, Matching] = ("together", "together"),
    seed: int = 0,
) -> Estimate:
    """How much better `ours` scores than `theirs` on the same recordings, seeds averaged.

    Both are lists of as many seeds, each with the counts of the same recordings in the same order.
    Maps are resampled for both at once, so that what makes a map hard for both cancels, and so are
    the pairs of seeds; with one seed the interval is over maps alone.

    Raises `ValueError` for no seeds, unequal numbers of them, or recordings that differ.
    """
    if not ours or len(ours) != len(theirs):
        raise ValueError(
            f"ours has {len(ours)} seeds, theirs {len(theirs)}; give as many, at least one each"
        )
    runs = [*ours, *theirs]
    groups = [tuple(one.group for one in run) for run in runs]
    if len(set(groups)) > 1:
        raise ValueError(
            "ours and theirs were counted on different recordings; give the same ones in the same "
            "order"
        )
    kinds = [matching[0]] * len(ours) + [matching[1]] * len(theirs)
    tables = [
        _confusions(run, matched_classes, kind) for run, kind in zip(runs, kinds, strict=True)
    ]
    each = np.stack(tables, axis=1)  # recordings, runs, class given, true class
    places = np.unique(groups[0], return_inverse=True)[1]
    totals, _ = group_sums(each.reshape(len(each), -1), places)

    def gains(row: Float[np.ndarray, " k"]) -> Float[np.ndarray, " s"]:
        values = np.array([score(table) for table in row.reshape(each.shape[1:])])
        return values[: len(ours)] - values[len(ours) :]

    frames = sum(one.frames for one in runs[0])
    value = float(gains(totals.sum(0)).mean())
    if len(totals) < 2:
        return Estimate(value, None, None, frames, len(totals))
    rng = np.random.default_rng(seed)
    resampled = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        maps = np.bincount(rng.integers(0, len(totals), len(totals)), minlength=len(totals))
        found = gains(maps @ totals)
        resampled[number] = found[rng.integers(0, len(ours), len(ours))].mean()
    low, high = np.nanquantile(resampled - np.nanmean(resampled) + value, [0.025, 0.975])
    return Estimate(value, min(float(low), value), max(float(high), value), frames, len(totals))


def class_iou(recordings: Sequence[RecordingCounts], *, matching: Matching) -> list[float]:
    """Intersection over union of every class, clusters matched one to one; NaN where it is absent.

    Raises `ValueError` for recordings that cannot be matched together.
    """
    table = _confusions(recordings, matched_classes, matching).sum(0)
    right = np.diagonal(table[:-1])
    either = table.sum(0) + table[:-1].sum(1) - right
    absent = table.sum(0) == 0
    with np.errstate(invalid="ignore"):
        return [float(x) for x in np.where(absent, np.nan, right / either)]


class _Pool:
    """Statistics of totals over recordings, with intervals over their groups."""

    def __init__(self, recordings: Sequence[RecordingCounts], seed: int) -> None:
        self.recordings, self.seed = recordings, seed
        self.groups = np.unique([r.group for r in recordings], return_inverse=True)[1]

    def statistic(
        self,
        rows: Float[np.ndarray, "r k"],
        statistic: Callable[[Float[np.ndarray, " k"]], float],
        *,
        most: float = 1.0,
    ) -> Estimate:
        """`statistic`, of values in 0 … `most`, of the rows' sum; rows of zeros count nowhere."""
        some: Bool[np.ndarray, " r"] = np.asarray(rows.any(1))
        frames = sum(r.frames for r, used in zip(self.recordings, some, strict=True) if used)
        if not some.any():
            return Estimate(statistic(rows.sum(0)), None, None, 0, 0)
        totals, _ = group_sums(rows[some], self.groups[some])
        estimate = statistic_over_groups(totals, statistic, n=frames, seed=self.seed)
        if estimate.low is None or estimate.high is None:
            return estimate
        # An interval centred on its value may reach beyond what the score can be.
        return replace(estimate, low=max(estimate.low, 0.0), high=min(estimate.high, most))

    def share(self, counted: Sequence[tuple[int, int]], factor: float) -> Estimate:
        """`factor` times the first numbers' sum over the second's; NaN where that is 0."""
        rows = np.array(counted, float)

        def ratio(row: Float[np.ndarray, " k"]) -> float:
            return float(factor * row[0] / row[1]) if row[1] else float("nan")

        return self.statistic(rows, ratio, most=factor)


def _confusions(
    recordings: Sequence[RecordingCounts],
    choose: Callable[[Int64[np.ndarray, "k c"]], Int64[np.ndarray, " k"]],
    matching: Matching,
) -> Float[np.ndarray, "r d c"]:
    tables = [recording.contingency for recording in recordings]
    if matching == "named":
        own = np.append(np.arange(len(tables[0]) - 1), -1)  # the last row is noise
        return np.array([confusion(table, own) for table in tables], float)
    if matching == "each":
        named = [choose(table) for table in tables]
        return np.array([confusion(t, n) for t, n in zip(tables, named, strict=True)], float)
    if len({table.shape for table in tables}) > 1:
        raise ValueError(
            "recordings have different numbers of clusters or classes, so that they cannot be "
            "matched together; count them with the same ones, or give matching='each'"
        )
    names = choose(np.sum(tables, axis=0))
    return np.array([confusion(table, names) for table in tables], float)


def _reshaped(
    score: Callable[[Float[np.ndarray, "d c"]], float], shape: tuple[int, ...]
) -> Callable[[Float[np.ndarray, " k"]], float]:
    return lambda row: score(row.reshape(shape))
