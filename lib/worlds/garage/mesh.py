"""Triangle meshes of car parts.

Axes: x forward, y left, z up, ground at z = 0; one unit is about a metre, a car is about 2.4 long.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float64, Int64


class Material(IntEnum):
    """What a face is made of; `lib.worlds.garage.materials` gives each its colour."""

    PAINT = 0  # primary colour, and whatever the sticker paints on it
    GLASS = 1
    PLASTIC = 2
    TYRE = 3
    RIM = 4
    HEADLIGHT = 5
    TAILLIGHT = 6
    HAT = 7
    TRIM = 8  # secondary colour
    METAL = 9
    HAT_ACCENT = 10


@dataclass(frozen=True)
class Mesh:
    """Triangles with a normal at each corner's vertex and a material each."""

    vertices: Float64[np.ndarray, "v 3"]
    normals: Float64[np.ndarray, "v 3"]  # unit length, outward
    faces: Int64[np.ndarray, "f 3"]  # positions of vertices
    materials: Int64[np.ndarray, " f"]


@dataclass(frozen=True)
class Car:
    """A car ready to be drawn: its mesh, and where its wheels are."""

    mesh: Mesh
    wheel_centres: Float64[np.ndarray, "4 3"]  # x, y and radius (= height of the hub) of each
