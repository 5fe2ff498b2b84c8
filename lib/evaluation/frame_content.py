"""What frames show, as shares of pixels, and how alike two frames are in that."""

import numpy as np
from jaxtyping import Float, Int, Int64, UInt8

from lib.evaluation.neighbours import nearest_features
from lib.worlds.doom.classes import UNKNOWN, PixelClass


def class_shares(labels: UInt8[np.ndarray, "n h w"]) -> Float[np.ndarray, "n c"]:
    """Share of each `PixelClass` in the known pixels of each frame; zeros where none is known."""
    count = len(PixelClass)
    shares = np.zeros((len(labels), count))
    for row, one in zip(shares, labels, strict=True):  # one at a time: labels may be a memory map
        row += np.bincount(one[one != UNKNOWN], minlength=count)[:count]
    known = shares.sum(1, keepdims=True)
    return shares / np.maximum(known, 1)


def content_overlap(
    shares: Float[np.ndarray, "n c"], others: Float[np.ndarray, "m c"]
) -> Float[np.ndarray, " n"]:
    """Share of the pixels that two frames have in common by class: 1 if they show as much of each.

    Where things are in the picture does not matter (histogram intersection, Swain and Ballard
    1991). Raises `ValueError` for unequal numbers of frames.
    """
    if shares.shape != others.shape:
        raise ValueError(
            f"shares has shape {shares.shape}, others {others.shape}; give one partner for each "
            "frame"
        )
    return np.minimum(shares, others).sum(1)


def nearest_frames(
    queries: Float[np.ndarray, "m d"], gallery: Float[np.ndarray, "n d"], *, k: int
) -> Int64[np.ndarray, "m k"]:
    """Places in `gallery` of the nearest frames of each query, nearest first (Euclidean)."""
    return nearest_features(queries, gallery, k=k).places


def small_pictures(
    frames: UInt8[np.ndarray, "n h w 3"], *, rows: int = 9, columns: int = 16
) -> Float[np.ndarray, "n d"]:
    """Frames shrunk to `rows` x `columns` mean colours in [0, 1]: the plainest embedding there is.

    Raises `ValueError` for frames smaller than that.
    """
    h, w = frames.shape[1:3]
    if h < rows or w < columns:
        raise ValueError(
            f"frames are {h} x {w} pixels, fewer than rows={rows} x columns={columns}; give larger "
            "frames or a smaller grid"
        )
    edges_y, edges_x = (np.arange(n) * side // n for n, side in ((rows, h), (columns, w)))
    areas = np.outer(np.diff([*edges_y, h]), np.diff([*edges_x, w]))
    small = np.empty((len(frames), rows, columns, 3))
    for into, one in zip(small, frames, strict=True):
        sums = np.add.reduceat(np.add.reduceat(one.astype(np.float64), edges_y, 0), edges_x, 1)
        into[:] = sums / areas[..., None] / 255
    return small.reshape(len(frames), -1)


def chance_partners(queries: int, gallery: int, *, seed: int = 0) -> Int[np.ndarray, " m"]:
    """A random place in the gallery for each query: what likeness is worth by luck."""
    if gallery < 1:
        raise ValueError("gallery is 0; give at least one frame to draw from")
    return np.random.default_rng(seed).integers(0, gallery, queries)
