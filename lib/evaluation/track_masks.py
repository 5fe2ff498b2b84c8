"""Tracking by masks: how well pixels are grouped, and boxes around soft masks."""

import numpy as np
from jaxtyping import Bool, Float, Float64, Integer


def fg_ari(predicted: Integer[np.ndarray, "t h w"], truth: Integer[np.ndarray, "m y x"]) -> float:
    """Adjusted Rand index over the foreground pixels of a whole clip (FG-ARI).

    The index of Hubert and Arabie (1985, doi 10.1007/BF01908075): the share of pairs of pixels on
    whose being together both agree, less what chance gives, so that 1 is perfect and 0 is chance.
    Only pixels with a true id above 0 count (as of Greff et al. 2019, arXiv 1903.00450), over all
    frames at once, so that an id has to stay with its object. Predicted background is a group like
    any other: to give all foreground to it is as bad as to give it to one object.

    Two denominators can be 0. Without a foreground pixel there is nothing to judge: NaN. If all
    pairs are together in both, or apart in both, chance agrees perfectly too; the two groupings
    are then the same, and the index is 1 (one object in one piece, say).

    Raises `ValueError` for shapes that differ.
    """
    if predicted.shape != truth.shape:
        raise ValueError(
            f"predicted has shape {predicted.shape}, truth {truth.shape}: want ids of the same "
            "pixels, [t, h, w]"
        )
    foreground = truth > 0
    if not foreground.any():
        return float("nan")
    rows = np.unique(truth[foreground], return_inverse=True)[1]
    columns = np.unique(predicted[foreground], return_inverse=True)[1]
    width = int(columns.max()) + 1
    table = np.bincount(rows * width + columns, minlength=(int(rows.max()) + 1) * width)
    table = table.reshape(-1, width).astype(np.float64)
    together = _pairs(table)
    ours, theirs = _pairs(table.sum(0)), _pairs(table.sum(1))
    chance = ours * theirs / max(_pairs(table.sum().reshape(1)), 1.0)
    most = (ours + theirs) / 2
    return 1.0 if most == chance else float((together - chance) / (most - chance))


def boxes_of_masks(
    masks: Float[np.ndarray, "n g k"],
    where: Float[np.ndarray, "m 4"],
    size_px: int,
    *,
    least_alpha: float = 0.5,
    least_inside: float = 0.0,
) -> Float64[np.ndarray, "n 4"]:
    """Tight boxes (left, top, width, height in px) around soft masks seen through glimpses.

    `masks` are opacities in [0, 1] of the glimpses' g × k pixels; `where` is (sx, sy, tx, ty): a
    glimpse covers x from tx - sx to tx + sx and y from ty - sy to ty + sy, of a canvas that runs
    from -1 to 1 and is `size_px` wide and high. Pixels of at least `least_alpha` are in the box
    (the study took 0.03); what lies outside the canvas is cut off. Where no pixel is in it, or less
    than `least_inside` of the box lies inside the canvas, width and height are 0: such a box
    overlaps nothing, and should be left out.

    Raises `ValueError` for unequal numbers of masks and places, or a glimpse without extent.
    """
    if len(masks) != len(where):
        raise ValueError(f"masks has {len(masks)} entries, where {len(where)}: want one place each")
    if (where[:, :2] <= 0).any():
        raise ValueError("where holds a size of 0 or less; want sx and sy above 0")
    shown = masks >= least_alpha
    left, right = _extent(np.any(shown, axis=1))
    top, bottom = _extent(np.any(shown, axis=2))
    edges = np.stack([left, top, right, bottom], 1)  # as shares of the glimpse
    scale, centre = np.tile(where[:, :2], 2), np.tile(where[:, 2:], 2)
    canvas = centre + scale * (2 * edges - 1)
    whole = (canvas + 1) / 2 * size_px
    pixels = np.clip(whole, 0, size_px)
    sides, all_sides = pixels[:, 2:] - pixels[:, :2], whole[:, 2:] - whole[:, :2]
    outside = sides.prod(1) < least_inside * all_sides.prod(1)
    sides = np.where(outside[:, None], 0.0, sides)
    return np.concatenate([pixels[:, :2], sides], 1).astype(np.float64)


def _pairs(counts: Float64[np.ndarray, "..."]) -> float:
    return float((counts * (counts - 1) / 2).sum())


def _extent(
    used: Bool[np.ndarray, "n g"],
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Begin of the first and end of the last of those used, as shares; the middle if none is."""
    count = used.shape[1]
    first = used.argmax(1) / count
    last = 1 - used[:, ::-1].argmax(1) / count
    some = used.any(1)
    return np.where(some, first, 0.5), np.where(some, last, 0.5)
