"""A car's skin, drawn as a shipwright would: by lines along its length.

A hull is symmetric. Its lines run from the middle of the floor outward, up the side, and inward to
the middle of the top; each is a list of knots (x, y, z) with straight pieces between. Cuts across
the car stand at every knot, so faces never bend where the drawing does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from lib.worlds.garage.mesh import Material
from lib.worlds.garage.shapes import Part, Points, solid

_ARCH_DEG = (0.0, 25.0, 58.0, 90.0, 122.0, 155.0, 180.0)  # corners of a wheel arch
_LIP = 0.03  # height of the edge above an arch
_SAME = 0.012  # cuts nearer than this are one


@dataclass(frozen=True)
class Arch:
    """An opening for a wheel: a circle about (x, z) in the side, cut into the sill line."""

    x: float
    z: float
    radius: float


@dataclass(frozen=True)
class Patch:
    """Another material between x `start` and `end`, from line `low` to line `high`."""

    start: float
    end: float
    low: int
    high: int
    material: Material


def hull(
    lines: Sequence[Points],
    material: Material = Material.PAINT,
    *,
    arches: Sequence[Arch] = (),
    patches: Sequence[Patch] = (),
    crease_deg: float = 24.0,
) -> Part:
    """The closed skin over `lines`, each [n, 3]; the first and the last lie in the middle (y = 0).

    The hull reaches as far as all its lines do, and is cut off flat there. Line 1 is the sill,
    which the `arches` raise, and line 2 with it where it would be below. The floor (line 0 to 1)
    is of plastic, ends and all else of `material`; `patches` change that, later ones over earlier.

    Raises:
        ValueError: fewer than three lines, or a first or last line that leaves the middle.
    """
    knots = [np.asarray(line, np.float64) for line in lines]
    if len(knots) < 3 or np.any(knots[0][:, 1] != 0) or np.any(knots[-1][:, 1] != 0):
        raise ValueError(
            f"lines has {len(knots)} lines; give at least three, the first and the last with y = 0"
        )
    cuts = _cuts(knots, arches)
    grid = np.stack([_along(line, cuts) for line in knots], 1)
    for arch in arches:
        inside = np.abs(cuts - arch.x) < arch.radius - _SAME
        rise = arch.z + np.sqrt(arch.radius**2 - (cuts[inside] - arch.x) ** 2)
        for line, lip in ((1, 0.0), (2, _LIP)):
            grid[inside, line, 2] = np.maximum(grid[inside, line, 2], rise + lip)
    kinds = np.full((len(cuts) - 1, len(knots) - 1), int(material))
    kinds[:, 0] = Material.PLASTIC
    middle = (cuts[1:] + cuts[:-1]) / 2
    for patch in patches:
        where = (middle > patch.start) & (middle < patch.end)
        kinds[where, patch.low : patch.high] = patch.material
    return _skin(grid, kinds, int(material), crease_deg)


def _cuts(knots: list[np.ndarray], arches: Sequence[Arch]) -> Float64[np.ndarray, " s"]:
    """Where the hull is cut across: at every knot and along the arches."""
    places = [line[:, 0] for line in knots]
    places += [arch.x + arch.radius * np.cos(np.radians(_ARCH_DEG)) for arch in arches]
    low = max(line[0, 0] for line in knots)
    high = min(line[-1, 0] for line in knots)
    every = np.unique(np.clip(np.concatenate(places), low, high))
    return every[np.insert(np.diff(every) > _SAME, 0, True)]


def _along(line: np.ndarray, cuts: Float64[np.ndarray, " s"]) -> Float64[np.ndarray, "s 3"]:
    y, z = (np.interp(cuts, line[:, 0], line[:, k]) for k in (1, 2))
    return np.stack([cuts, y, z], 1)


def _skin(
    grid: Float64[np.ndarray, "s l 3"],
    kinds: Int64[np.ndarray, "_ _"],
    ends: int,
    crease_deg: float,
) -> Part:
    """Close the left half's grid with ends, mirror it, and weld both along the middle."""
    cuts, lines = grid.shape[:2]
    s, k = (each.ravel() for each in np.mgrid[: cuts - 1, : lines - 1])
    a = s * lines + k
    b, c, d = a + 1, a + lines, a + lines + 1
    fan = np.arange(1, lines - 1)
    last = (cuts - 1) * lines
    faces = np.concatenate(
        [
            np.stack([a, c, d], 1),
            np.stack([a, d, b], 1),
            np.stack([0 * fan, fan, fan + 1], 1),
            np.stack([0 * fan + last, last + fan + 1, last + fan], 1),
        ]
    )
    materials = np.concatenate([kinds.ravel(), kinds.ravel(), np.full(2 * len(fan), ends)])
    left = grid.reshape(-1, 3)
    return solid(
        np.concatenate([left, left * [1.0, -1.0, 1.0]]),
        np.concatenate([faces, faces[:, ::-1] + len(left)]),
        np.concatenate([materials, materials]),
        crease_deg=crease_deg,
    )
