"""What a mistake resembles: the nearest training images in feature space.

Whether a neighbour is of the same loadout tells a leak (the network has seen this very car from
another side) from likeness.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int64
from sklearn.metrics import pairwise_distances

from lib.evaluation.classification import check_logits, probabilities

BLOCK = 512  # gallery entries compared at once


@dataclass(frozen=True)
class Neighbours:
    """The k nearest gallery entries of each of m queries, nearest first."""

    places: Int64[np.ndarray, "m k"]  # in the gallery
    distances: Float64[np.ndarray, "m k"]


@dataclass(frozen=True)
class Kinship:
    """Whether neighbours share their query's loadout, or its class."""

    same_group: Bool[np.ndarray, "m k"]
    same_label: Bool[np.ndarray, "m k"]


def worst_mistakes(
    logits: Float[np.ndarray, "n c"], labels: Int[np.ndarray, " m"], *, most: int = 12
) -> Int64[np.ndarray, " k"]:
    """Rows of wrong predictions, the most confident first; fewer than `most` if there are fewer."""
    check_logits(logits, labels)
    wrong = np.flatnonzero(logits.argmax(1) != labels)
    confidence = probabilities(logits[wrong]).max(1) if len(wrong) else np.zeros(0)
    return wrong[np.argsort(-confidence, kind="stable")][:most]


def nearest_features(
    queries: Float[np.ndarray, "m d"], gallery: Float[np.ndarray, "n d"], *, k: int = 5
) -> Neighbours:
    """Nearest in Euclidean distance between feature vectors."""
    _check(len(queries), len(gallery), k)
    blocks = (gallery[start : start + BLOCK] for start in range(0, len(gallery), BLOCK))
    return _nearest(queries.astype(np.float64), blocks, k)


def kinship(
    neighbours: Neighbours,
    queries: tuple[Int[np.ndarray, " m"], Int[np.ndarray, " m"]],
    gallery: tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]],
) -> Kinship:
    """Compare `queries` with their neighbours in `gallery`; each is (groups, labels)."""
    same = [
        theirs[neighbours.places] == ours[:, None]
        for ours, theirs in zip(queries, gallery, strict=True)
    ]
    return Kinship(*same)


def _nearest(
    queries: Float64[np.ndarray, "m d"], blocks: Iterable[Float[np.ndarray, "_ d"]], k: int
) -> Neighbours:
    """The k nearest over all blocks; of equal distances the earlier entry comes first."""
    places = np.zeros((len(queries), 0), dtype=np.int64)
    distances, start = np.zeros((len(queries), 0)), 0
    for block in blocks:
        here = pairwise_distances(queries, block.astype(np.float64))
        distances = np.concatenate([distances, here], 1)
        numbers = np.arange(start, start + len(block))
        places = np.concatenate([places, np.tile(numbers, (len(queries), 1))], 1)
        best = np.argsort(distances, axis=1, kind="stable")[:, :k]
        distances = np.take_along_axis(distances, best, 1)
        places = np.take_along_axis(places, best, 1)
        start += len(block)
    return Neighbours(places, distances)


def _check(queries: int, gallery: int, k: int) -> None:
    if not queries:
        raise ValueError("queries is empty; give at least one")
    if not 1 <= k <= gallery:
        raise ValueError(
            f"k is {k}, but the gallery has {gallery} entries; give a k from 1 to {gallery}"
        )
