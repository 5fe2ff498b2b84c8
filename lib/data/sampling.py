"""Drawing frames at random from videos, with a least distance between frames of one video."""

import numpy as np
from jaxtyping import Int64


def capacity(length: int, min_gap: int) -> int:
    """How many frames fit into `length` when any two are at least `min_gap` apart."""
    return -(-length // min_gap)


def sample_with_gap(
    length: int, count: int, min_gap: int, rng: np.random.Generator
) -> Int64[np.ndarray, " count"]:
    """`count` rising frame numbers below `length`, neighbours at least `min_gap` apart.

    Every admissible set is equally likely: taking `min_gap` − 1 places out of each gap maps the
    admissible sets one to one onto all `count`-subsets of the shortened line, so one of those is
    drawn and the gaps are put back.
    """
    if not 0 <= count <= capacity(length, min_gap):
        raise ValueError(
            f"count={count}: of {length} frames {capacity(length, min_gap)} fit with "
            f"min_gap={min_gap}"
        )
    if count == 0:
        return np.empty(0, dtype=np.int64)
    shortened = length - (count - 1) * (min_gap - 1)
    subset = np.sort(rng.choice(shortened, size=count, replace=False))
    return (subset + np.arange(count) * (min_gap - 1)).astype(np.int64)


def share_out(
    lengths: Int64[np.ndarray, " n"], total: int, min_gap: int, rng: np.random.Generator
) -> Int64[np.ndarray, " n"]:
    """Share `total` frames among videos, in proportion to their lengths and within capacity.

    Fractions are settled by systematic sampling: one random offset, so each video's expected
    number is its exact share and the numbers add up. What a full video cannot take goes to the
    others in proportion. Raises `ValueError` if `total` do not fit.
    """
    room = np.array([capacity(int(length), min_gap) for length in lengths], dtype=np.int64)
    if total > room.sum():
        raise ValueError(
            f"frames={total} are more than the {room.sum()} that fit into {len(lengths)} videos "
            f"of {lengths.sum()} frames with min_gap={min_gap}. Ask for fewer frames, allow a "
            "smaller min_gap, or give more footage"
        )
    counts = np.zeros(len(lengths), dtype=np.int64)
    while (remaining := total - int(counts.sum())) > 0:
        weights = np.where(counts < room, lengths, 0)
        edges = np.cumsum(weights, dtype=np.float64) * (remaining / weights.sum())
        edges[-1] = remaining  # exactly, whatever rounding did
        edges[edges > remaining] = remaining
        steps = np.diff(np.floor(edges + rng.random()), prepend=0).astype(np.int64)
        counts = np.minimum(counts + steps, room)
    return counts
