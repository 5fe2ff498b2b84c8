"""What car bodies are fitted with: glass houses, mudguards, lamps, wings; and a body as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lib.worlds.garage.hull import Patch, hull
from lib.worlds.garage.mesh import Material
from lib.worlds.garage.shapes import (
    Part,
    Points,
    Vector,
    box,
    lathe,
    moved,
    pair,
    plate,
    prism,
    tube,
)
from lib.worlds.garage.wheels import Axle


@dataclass(frozen=True)
class BodyShape:
    """A car body: its parts, its axles, and where a hat goes.

    roof: the point (x, y, z) of the outer surface on which a hat stands.
    """

    parts: tuple[Part, ...]
    front: Axle
    rear: Axle
    roof: tuple[float, float, float]


def cabin(lines: Sequence[Points], *, front: float, rear: float, door: float) -> Part:
    """A glass house under a painted roof: windscreen before `front`, rear window behind `rear`.

    Lines as for `hull`: floor, base, roof edge, inner edge of the pillars, middle of the roof.
    The side windows end at `door`, behind which is a painted pillar.
    """
    glass = (
        Patch(front, 9.0, 3, 4, Material.GLASS),
        Patch(-9.0, rear, 3, 4, Material.GLASS),
        Patch(door, 9.0, 1, 2, Material.GLASS),
    )
    return hull(lines, patches=glass)


def fender(axle: Axle, gap: float, width: float, start: float, end: float) -> tuple[Part, Part]:
    """Mudguards: strips over the wheels of an axle from angle `start` to `end` in degrees.

    The angle 0 points forward, 90 up; `gap` is the air over the tyre.
    """
    turn = np.radians(np.linspace(start, end, 5))
    radius = axle.radius + gap
    path = np.stack([np.cos(turn), 0 * turn, np.sin(turn)], 1) * radius
    middle = (axle.x, axle.y, axle.radius)
    strip = tube(path + middle, np.full(5, 0.035), Material.PAINT, sides=4, flat=width / 0.05)
    return pair(strip)


def lamps(
    centre: Vector, radius: float, material: Material, *, backward: bool = False
) -> tuple[Part, Part]:
    """A pair of round lamps that look forward or backward; `centre` is the left one's."""
    way = -1.0 if backward else 1.0
    disc = lathe([(radius, -0.06 * way), (0.85 * radius, 0.03 * way)], material, axis="x", sides=7)
    return pair(moved(disc, centre))


def bar(start: Vector, end: Vector, radius: float, material: Material) -> tuple[Part, Part]:
    """A straight square bar and its mirror image."""
    ends = np.stack([np.asarray(start), np.asarray(end)])
    return pair(tube(ends, [radius, radius], material, sides=4))


def block(centre: Vector, size: Vector, material: Material) -> tuple[Part, Part]:
    """A box and its mirror image."""
    return pair(box(centre, size, material))


def fin(
    outline: Points, y: float, material: Material, *, thickness: float = 0.04
) -> tuple[Part, Part]:
    """A pair of upright plates at `y` and -`y`; `outline` in x and z."""
    return pair(plate(outline, y - thickness / 2, y + thickness / 2, material, "y"))


def blade(root: Points, tip: Points, material: Material, *, thickness: float = 0.05) -> Part:
    """A wing from edge to edge: `root` and `tip` are each (leading, trailing) points [2, 3]."""
    edges = [np.asarray(edge, np.float64) for edge in (root, tip)]
    up = np.array([0.0, 0.0, thickness / 2])
    ends = [np.stack([e[0] - up, e[0] + up, e[1] + up, e[1] - up]) for e in edges]
    return prism(ends[0], ends[1], material, crease_deg=0.0)
