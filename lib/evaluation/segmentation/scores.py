"""How well segments agree with a truth they never saw.

Clusters have no names. They get classes afterwards, from the truth itself: one to one (each class
at most one cluster, Hungarian method; what "matched" means here) or many to one (each cluster its
most frequent class; always at least as good, and the better the more clusters there are). Pixels
whose truth is `UNKNOWN` count nowhere; pixels in no cluster (-1) count as wrong.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Int64, Integer
from scipy.ndimage import distance_transform_edt
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from lib.worlds.doom.classes import UNKNOWN

Labels = Integer[np.ndarray, "n h w"]
Truth = Integer[np.ndarray, "m y x"]  # as many, and as large: checked, with a message
BOUNDARY_PX = 2.0  # at 144 rows, about the 0.75 % of the diagonal of Martin et al. 2004


@dataclass(frozen=True)
class BoundaryCounts:
    """Pixels on boundaries, and how many of them have one of the other kind near. They add up."""

    predicted: int
    predicted_near_true: int
    true: int
    true_near_predicted: int

    @property
    def totals(self) -> tuple[int, int, int, int]:
        """The four numbers, in their order."""
        return self.predicted, self.predicted_near_true, self.true, self.true_near_predicted

    @property
    def f(self) -> float:
        """Harmonic mean of precision and recall; 1 where neither picture has a boundary."""
        return boundary_f(np.array(self.totals))


@dataclass(frozen=True)
class FlipCounts:
    """Pixels whose label differs from that of the frame before, of those known in both."""

    flips: int
    true_flips: int
    pixels: int


def contingency(
    predicted: Labels, truth: Truth, *, clusters: int, classes: int
) -> Int64[np.ndarray, "k c"]:
    """Known pixels of each cluster (rows; the last is noise) and class (columns).

    Raises `ValueError` for shapes that differ and labels out of range.
    """
    check_labels(predicted, truth)
    known = truth != UNKNOWN
    rows, columns = predicted[known].astype(np.int64), truth[known].astype(np.int64)
    for name, values, least, most in (
        ("predicted", rows, -1, clusters - 1),
        ("truth", columns, 0, classes - 1),
    ):
        if values.size and (values.min() < least or values.max() > most):
            raise ValueError(
                f"{name} runs from {values.min()} to {values.max()}, but only {least} to {most} "
                f"can be counted; give clusters={clusters}, classes={classes} as they are"
            )
    rows = np.where(rows < 0, clusters, rows)
    counts = np.bincount(rows * classes + columns, minlength=(clusters + 1) * classes)
    return counts.reshape(clusters + 1, classes)


def matched_classes(counts: Int64[np.ndarray, "k c"]) -> Int64[np.ndarray, " k"]:
    """Class of each row of a contingency one to one, most pixels right; -1 for none (noise)."""
    names = np.full(len(counts), -1, np.int64)
    rows, columns = linear_sum_assignment(-counts[:-1])
    names[rows] = columns
    return names


def majority_classes(counts: Int64[np.ndarray, "k c"]) -> Int64[np.ndarray, " k"]:
    """Most frequent class of each row of a contingency, many to one; -1 for noise."""
    names = counts.argmax(1).astype(np.int64)
    names[-1] = -1
    return names


def confusion(
    counts: Int64[np.ndarray, "k c"], names: Int64[np.ndarray, " k"]
) -> Int64[np.ndarray, "d c"]:
    """Pixels by class given (rows; the last is "none") and true class. Confusions add up."""
    table = np.zeros((counts.shape[1] + 1, counts.shape[1]), np.int64)
    np.add.at(table, names, counts)  # -1 is the last row
    return table


def pixel_accuracy(table: Float[np.ndarray, "d c"] | Int[np.ndarray, "d c"]) -> float:
    """Share of pixels given their class; NaN where there are none."""
    total = table.sum()
    return float(np.trace(table[:-1]) / total) if total else float("nan")


def mean_iou(table: Float[np.ndarray, "d c"] | Int[np.ndarray, "d c"]) -> float:
    """Intersection over union, averaged over the classes that occur; NaN where none does."""
    right = np.diagonal(table[:-1]).astype(np.float64)
    true, given = table.sum(0), table[:-1].sum(1)
    occurs = true > 0
    if not occurs.any():
        return float("nan")
    return float((right[occurs] / (true + given - right)[occurs]).mean())


def adjusted_scores(
    predicted: Labels, truth: Truth, *, most_pixels: int = 200_000
) -> tuple[float, float]:
    """Adjusted mutual information and adjusted Rand index; noise counts as one more cluster.

    Of more than `most_pixels` known pixels a random choice is taken, always the same: the expected
    mutual information takes time in proportion to the pixels, and the choice moves neither score by
    a thousandth.
    """
    check_labels(predicted, truth)
    known = np.flatnonzero(truth != UNKNOWN)
    if not len(known):
        return float("nan"), float("nan")
    if len(known) > most_pixels:
        known = np.random.default_rng(0).choice(known, most_pixels, replace=False)
    pair = (truth.ravel()[known], predicted.ravel()[known])
    return float(adjusted_mutual_info_score(*pair)), float(adjusted_rand_score(*pair))


def boundaries(labels: Integer[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels whose right or lower neighbour has another label."""
    edge = np.zeros(labels.shape, bool)
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edge[:-1] |= labels[:-1] != labels[1:]
    return edge


def count_boundaries(
    predicted: Labels, truth: Truth, *, tolerance_px: float = BOUNDARY_PX
) -> BoundaryCounts:
    """Boundary pixels of both, and those within `tolerance_px` of one of the other (Euclidean).

    Pixels that are unknown, or whose right or lower neighbour is, are on no boundary.
    """
    check_labels(predicted, truth)
    if tolerance_px < 0:
        raise ValueError(f"tolerance_px={tolerance_px}: want 0 or more pixels")
    sums = np.zeros(4, np.int64)
    for given, true in zip(predicted, truth, strict=True):
        unknown = true == UNKNOWN
        usable = ~unknown
        usable[:, :-1] &= ~unknown[:, 1:]
        usable[:-1] &= ~unknown[1:]
        ours, theirs = boundaries(given) & usable, boundaries(true) & usable
        near_theirs = ours & _within(theirs, tolerance_px)
        near_ours = theirs & _within(ours, tolerance_px)
        sums += [ours.sum(), near_theirs.sum(), theirs.sum(), near_ours.sum()]
    return BoundaryCounts(*map(int, sums))


def boundary_f(counts: Float[np.ndarray, "4"] | Int[np.ndarray, "4"]) -> float:
    """F of the four numbers of `BoundaryCounts`, in their order."""
    predicted, predicted_near, true, true_near = counts
    if not predicted and not true:
        return 1.0
    if not predicted_near or not true_near:
        return 0.0
    precision, recall = predicted_near / predicted, true_near / true
    return float(2 * precision * recall / (precision + recall))


def count_flips(predicted: Labels, truth: Truth) -> FlipCounts:
    """Labels that change from one frame of a recording to the next, beside those of the truth.

    Whatever moves must flip, so that the truth's own flips are the measure.
    """
    check_labels(predicted, truth)
    both = (truth[1:] != UNKNOWN) & (truth[:-1] != UNKNOWN)
    flips = (predicted[1:] != predicted[:-1]) & both
    true = (truth[1:] != truth[:-1]) & both
    return FlipCounts(int(flips.sum()), int(true.sum()), int(both.sum()))


def check_labels(predicted: Labels, truth: Truth) -> None:
    """Raise `ValueError` unless both have the same shape [n, h, w], with something in it."""
    if predicted.shape != truth.shape or not predicted.size:
        raise ValueError(
            f"predicted has shape {predicted.shape} and truth {truth.shape}; give labels of the "
            "same frames in the same size, at least one"
        )


def _within(mask: Bool[np.ndarray, "h w"], distance_px: float) -> Bool[np.ndarray, "h w"]:
    if not mask.any():
        return np.zeros_like(mask)
    near: Bool[np.ndarray, "h w"] = distance_transform_edt(~mask) <= distance_px
    return near
