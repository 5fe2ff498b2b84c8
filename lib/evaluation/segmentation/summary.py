"""Scores of several recordings, with 95 % intervals over maps (or recordings)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int64

from lib.evaluation.intervals import (
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
Matching = Literal["together", "each"]


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
    all), "each" where every recording was segmented by itself. ``flips_per_second`` is per pixel,
    ``true_flips_per_second`` that of the truth; ``ami`` and ``ari`` are means over recordings.

    Raises `ValueError` for no recordings, or none with a known pixel.
    """
    if matching not in get_args(Matching):
        raise ValueError(f"matching={matching!r}: choose 'together' or 'each'")
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
