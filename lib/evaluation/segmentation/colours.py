"""Colours for segments: told apart by everyone, and the same from one sequence to the next."""

from functools import lru_cache
from itertools import product

import numpy as np
from jaxtyping import Float, Int, Int64, Integer, UInt8
from scipy.optimize import linear_sum_assignment

from lib.evaluation.segmentation.cluster import NOISE

NOTHING = (64, 64, 64)
"""Colour of pixels in no cluster, and of unknown ones in a truth."""

# Okabe and Ito 2008, without black; further colours are as far as can be from all before them.
FIRST = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
)

# Linear RGB as seen without one kind of cone: Machado, Oliveira and Fernandes 2009
# (doi 10.1109/TVCG.2009.113), severity 1.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)  # of linear sRGB, D65


@lru_cache(maxsize=8)
def palette(count: int) -> UInt8[np.ndarray, "k 3"]:
    """`count` colours; each new one is the farthest from those before it, for every kind of sight.

    A shorter palette is the start of a longer one. Distance is that in CIELAB, the least over
    normal sight and the three kinds of colour blindness; more than some twenty colours cannot be
    told apart with certainty by anyone. Raises `ValueError` for a negative count.
    """
    if count < 0:
        raise ValueError(f"count={count}: want 0 or more colours")
    steps = (0, 51, 102, 153, 204, 255)
    lattice = [c for c in product(steps, repeat=3) if 90 <= sum(c) <= 690]  # not black, not white
    candidates = np.array([*FIRST, *lattice], np.uint8)
    seen = _as_seen(candidates)  # sights, colours, Lab
    dark = _as_seen(np.array([NOTHING], np.uint8))
    chosen: list[int] = []
    distance = np.linalg.norm(seen - dark, axis=2).min(0)
    for number in range(count):
        best = number if number < len(FIRST) else int(distance.argmax())
        chosen.append(best)
        step = np.linalg.norm(seen - seen[:, best : best + 1], axis=2).min(0)
        distance = np.minimum(distance, step)
    return candidates[chosen]


def separation(colours: UInt8[np.ndarray, "k 3"]) -> float:
    """Least CIELAB distance of two of the colours, over all kinds of sight."""
    seen = _as_seen(colours)
    apart = np.linalg.norm(seen[:, :, None] - seen[:, None], axis=3).min(0)
    return float(apart[np.triu_indices(len(colours), 1)].min())


def coloured(
    labels: Integer[np.ndarray, "*shape"],
    colours: UInt8[np.ndarray, "k 3"],
    *,
    nothing: int = NOISE,
) -> UInt8[np.ndarray, "*shape 3"]:
    """Labels as colours: label i as the i-th; `nothing` (-1, or 255 in a truth) as dark grey.

    Raises `ValueError` if a label has no colour.
    """
    known = labels != nothing
    most, least = int(labels.max(initial=0, where=known)), int(labels.min(initial=0, where=known))
    if least < 0 or (most >= len(colours) and known.any()):
        raise ValueError(
            f"labels run from {least} to {most}, but there are {len(colours)} colours; "
            f"take palette({most + 1}), and name the label of no class (nothing={nothing})"
        )
    table = np.concatenate([colours, np.array([NOTHING], np.uint8)])
    return table[np.where(known, labels, len(colours))]


def carry_over(
    before: Int[np.ndarray, " p"], now: Int[np.ndarray, " p"], *, clusters: int | None = None
) -> Int64[np.ndarray, " k"]:
    """For each cluster of a new segmentation, the number it had in the one before.

    `before` and `now` are the labels of the same pixels, such as the frames two sequences share or
    those of the second labelled by the segmenter of the first. Clusters are paired one to one so
    that most pixels keep their number (Hungarian method); clusters without a partner get numbers
    that `before` does not use. `clusters` is the number of new ones, where not all of them appear.
    """
    k = max(int(now.max(initial=NOISE)) + 1, clusters or 0)
    old = int(before.max(initial=NOISE)) + 1
    both = (before >= 0) & (now >= 0)
    pairs = now[both].astype(np.int64) * max(old, 1) + before[both]
    overlap = np.bincount(pairs, minlength=k * max(old, 1)).reshape(k, max(old, 1))
    numbers = np.full(k, NOISE, np.int64)
    rows, columns = linear_sum_assignment(-overlap)
    for row, column in zip(rows, columns, strict=True):
        if overlap[row, column]:
            numbers[row] = column
    new = numbers == NOISE
    numbers[new] = old + np.arange(new.sum())
    return numbers


def renumbered(
    labels: Int[np.ndarray, "*shape"], numbers: Int64[np.ndarray, " k"]
) -> Int[np.ndarray, "*shape"]:
    """Labels with the numbers of `carry_over`; noise stays noise."""
    table = np.append(numbers, NOISE).astype(labels.dtype)
    renamed: Int[np.ndarray, "*shape"] = table[labels]  # -1 is the last
    return renamed


def _as_seen(colours: UInt8[np.ndarray, "k 3"]) -> Float[np.ndarray, "s k 3"]:
    values = colours / 255
    linear = np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
    return np.stack([_lab((linear @ sight.T).clip(0, 1)) for sight in SIGHTS.values()])


def _lab(linear: Float[np.ndarray, "k 3"]) -> Float[np.ndarray, "k 3"]:
    xyz = linear @ _XYZ.T / _XYZ.sum(1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
