"""What all bodies are built of: the rings of every part, and how they are joined to a surface.

Axes of a body: x forward, y left, z up, in metres for a height of 1.75 m.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int32, Int64

from lib.worlds.plaza.people import Piece

_CREASES = 0.06  # standard deviation of the light's, over cloth


class Topology(NamedTuple):
    """What all people share, for one number of sides.

    faces: of one person. pieces: each face's `Piece`. before, after: neighbours of a ring in its
    stack. creases: factor to each vertex's light.
    """

    faces: Int32[np.ndarray, "f 3"]
    pieces: Int64[np.ndarray, " f"]
    before: Int64[np.ndarray, " r"]
    after: Int64[np.ndarray, " r"]
    creases: Float64[np.ndarray, " v"]


# z, depth, breadth, x of rings; a stack's pieces, one for each band between two rings
TORSO = np.array(
    [
        [0.81, 0.01, 0.01, 0.0],
        [0.85, 0.095, 0.120, -0.005],
        [0.92, 0.120, 0.165, -0.010],
        [0.99, 0.122, 0.165, -0.005],
        [1.07, 0.108, 0.145, 0.005],
        [1.16, 0.112, 0.148, 0.010],
        [1.25, 0.122, 0.165, 0.010],
        [1.34, 0.120, 0.182, 0.002],
        [1.41, 0.098, 0.180, -0.008],
        [1.455, 0.072, 0.125, -0.012],
        [1.485, 0.058, 0.066, -0.010],
        [1.50, 0.01, 0.01, -0.008],
    ]
)
_TORSO_PIECES = [Piece.BOTTOM] * 3 + [Piece.TOP] * 2 + [Piece.STRIPE] * 2 + [Piece.TOP] * 4
HEAD = np.array(
    [
        [1.44, 0.045, 0.045, -0.005],
        [1.51, 0.050, 0.050, 0.0],
        [1.545, 0.066, 0.056, 0.016],
        [1.585, 0.086, 0.068, 0.018],
        [1.64, 0.094, 0.075, 0.014],
        [1.69, 0.090, 0.072, 0.010],
        [1.73, 0.065, 0.054, 0.006],
        [1.75, 0.01, 0.01, 0.004],
    ]
)
HAIR = np.array(
    [
        [1.575, 0.028, 0.050, -0.056],
        [1.60, 0.062, 0.078, -0.036],
        [1.655, 0.092, 0.088, -0.014],
        [1.70, 0.101, 0.088, -0.002],
        [1.745, 0.080, 0.068, 0.002],
        [1.772, 0.01, 0.01, 0.004],
    ]
)
HAT = np.array(
    [
        [1.695, 0.08, 0.08, 0.01],
        [1.70, 0.160, 0.145, 0.02],
        [1.715, 0.155, 0.140, 0.02],
        [1.73, 0.104, 0.094, 0.008],
        [1.79, 0.088, 0.080, 0.006],
        [1.805, 0.01, 0.01, 0.006],
    ]
)
BACKPACK = np.array(
    [
        [1.02, 0.01, 0.01, -0.19],
        [1.04, 0.075, 0.125, -0.19],
        [1.20, 0.090, 0.140, -0.20],
        [1.36, 0.075, 0.125, -0.185],
        [1.42, 0.01, 0.01, -0.16],
    ]
)
HANDBAG = np.array(
    [
        [0.76, 0.02, 0.01, 0.0],
        [0.78, 0.130, 0.045, 0.0],
        [0.90, 0.125, 0.050, 0.0],
        [1.00, 0.090, 0.030, 0.0],
        [1.30, 0.012, 0.010, 0.0],
    ]
)
# bone (0 or 1) and share along it, depth, breadth
LEG = np.array(
    [
        [0, -0.16, 0.01, 0.01],
        [0, -0.02, 0.085, 0.082],
        [0, 0.30, 0.086, 0.080],
        [0, 0.70, 0.070, 0.064],
        [0, 0.93, 0.058, 0.055],
        [1, 0.07, 0.055, 0.053],
        [1, 0.30, 0.060, 0.055],
        [1, 0.65, 0.047, 0.044],
        [1, 0.95, 0.042, 0.039],
        [1, 1.05, 0.01, 0.01],
    ]
)
_LEG_PIECES = [Piece.BOTTOM] * 5 + [Piece.SHIN] * 4
ARM = np.array(
    [
        [0, -0.16, 0.01, 0.01],
        [0, 0.00, 0.060, 0.056],
        [0, 0.45, 0.052, 0.048],
        [0, 0.93, 0.044, 0.042],
        [1, 0.10, 0.044, 0.041],
        [1, 0.55, 0.038, 0.034],
        [1, 0.97, 0.028, 0.024],
        [1, 1.20, 0.042, 0.020],
        [1, 1.48, 0.034, 0.018],
        [1, 1.62, 0.01, 0.01],
    ]
)
_ARM_PIECES = [Piece.TOP] * 3 + [Piece.FOREARM] * 3 + [Piece.SKIN] * 3
# distance ahead of the ankle, half height, half breadth
SHOE = np.array(
    [
        [-0.080, 0.005, 0.005],
        [-0.062, 0.035, 0.034],
        [0.000, 0.042, 0.038],
        [0.090, 0.032, 0.046],
        [0.155, 0.024, 0.040],
        [0.180, 0.004, 0.006],
    ]
)
_SKIRT_RINGS = 6
_STACKS: tuple[Sequence[Piece], ...] = (
    _TORSO_PIECES,
    [Piece.SKIN] * (len(HEAD) - 1),
    [Piece.HAIR] * (len(HAIR) - 1),
    [Piece.HAT] * (len(HAT) - 1),
    [Piece.BACKPACK] * (len(BACKPACK) - 1),
    [Piece.HANDBAG] * (len(HANDBAG) - 1),
    [Piece.SKIRT] * (_SKIRT_RINGS - 1),
    *([_LEG_PIECES, [Piece.SHOE] * (len(SHOE) - 1), _ARM_PIECES] * 2),
)


@cache
def topology(sides: int) -> Topology:
    """Faces and neighbours for rings with `sides` corners."""
    faces, pieces, before, after = [], [], [], []
    first = 0
    for bands in _STACKS:
        rings = len(bands) + 1
        ring, side = (grid.ravel() for grid in np.mgrid[: rings - 1, :sides])
        a, b = (first + ring) * sides + side, (first + ring) * sides + (side + 1) % sides
        c, d = a + sides, b + sides
        pair = np.stack([np.stack([a, b, d], 1), np.stack([a, d, c], 1)], axis=1)
        faces.append(pair.reshape(-1, 3))
        pieces.append(np.repeat(np.asarray(bands, np.int64)[ring], 2))
        number = np.arange(rings)
        before.append(first + np.maximum(number - 1, 0))
        after.append(first + np.minimum(number + 1, rings - 1))
        first += rings
    creases = np.random.default_rng(sides).normal(1.0, _CREASES, (first, sides))
    start = len(TORSO)
    creases[start : start + len(HEAD)] = 1.0
    return Topology(
        np.concatenate(faces).astype(np.int32),
        np.concatenate(pieces),
        np.concatenate(before),
        np.concatenate(after),
        np.clip(creases, 0.8, 1.2).ravel(),
    )
