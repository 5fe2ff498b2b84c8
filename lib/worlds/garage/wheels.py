"""Wheels: a tyre around a rim. All 23 kinds share this shape; their patterns are painted on."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from lib.worlds.garage.mesh import Material
from lib.worlds.garage.shapes import Part, lathe, moved, pair

RIM_SHARE = 0.74
"""Radius of the rim over radius of the tyre."""
_SIDES = 18
_BANDS = (Material.RIM, Material.TYRE, Material.TYRE, Material.TYRE)


@dataclass(frozen=True)
class Axle:
    """A pair of wheels: where the left one's middle is, its radius and its tyre's width."""

    x: float
    y: float
    radius: float
    width: float


def wheels(axle: Axle) -> tuple[Part, Part]:
    """Left and right wheel of an axle, standing on the ground, rims outward."""
    r, w = axle.radius, axle.width
    profile = [
        (0.0, 0.3 * w),
        (RIM_SHARE * r, 0.44 * w),
        (r, 0.38 * w),
        (r, -0.38 * w),
        (0.0, -0.5 * w),
    ]
    wheel = lathe(profile, _BANDS, axis="y", sides=_SIDES, crease_deg=40.0)
    return pair(moved(wheel, (axle.x, axle.y, r)))


def centres(front: Axle, rear: Axle) -> Float64[np.ndarray, "4 3"]:
    """x, y and radius of each wheel: front left, front right, rear left, rear right."""
    return np.array([[a.x, side * a.y, a.radius] for a in (front, rear) for side in (1.0, -1.0)])
