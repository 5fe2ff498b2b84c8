"""Closed solids to build cars and hats of, and `join`, which makes one mesh of many.

Every solid is watertight with its faces turned outward, so that a renderer may leave out whatever
faces away. Axes are those of `lib.worlds.garage.mesh`: x forward, y left, z up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64

from lib.worlds.garage.mesh import Material, Mesh

CREASE_DEG = 32.0
"""Two faces that meet at a sharper angle show an edge; others are shaded as one curved surface."""
Axis = Literal["x", "y", "z"]
Vector = Sequence[float] | np.ndarray
Points = Sequence[Sequence[float]] | np.ndarray

_WELD = 1e-6  # corners nearer than this are one
_PLANES = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}  # the axes that turn into each other


@dataclass(frozen=True)
class Part:
    """One closed solid; faces run anticlockwise seen from outside."""

    vertices: Float64[np.ndarray, "v 3"]
    faces: Int64[np.ndarray, "f 3"]
    materials: Int64[np.ndarray, " f"]
    crease_deg: float = CREASE_DEG


def solid(
    vertices: Points, faces: Points, materials: Material | Vector, *, crease_deg: float = CREASE_DEG
) -> Part:
    """A `Part` of vertices [v, 3] and faces [f, 3]: corners welded, faces turned outward.

    `materials` is one `Material` or one for each face. Faces without area disappear.
    """
    points, triangles = np.asarray(vertices, np.float64), np.asarray(faces, np.int64)
    kinds = np.broadcast_to(np.asarray(materials, np.int64), len(triangles))
    _, first, back = np.unique(
        np.round(points / _WELD).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    triangles = back.reshape(-1)[triangles]
    a, b, c = triangles.T
    kept = (a != b) & (b != c) & (c != a)
    used, numbers = np.unique(triangles[kept], return_inverse=True)
    points, triangles = points[first][used], numbers.reshape(-1, 3)
    if volume(points, triangles) < 0:
        triangles = triangles[:, ::-1]
    return Part(points, np.ascontiguousarray(triangles), kinds[kept], crease_deg)


def volume(points: Float64[np.ndarray, "v 3"], faces: Int64[np.ndarray, "f 3"]) -> float:
    """Volume inside closed `faces`; negative where they are turned inward."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    return float(np.einsum("fi,fi->", a, np.cross(b, c)) / 6)


def prism(
    first: Points, second: Points, material: Material, *, crease_deg: float = CREASE_DEG
) -> Part:
    """The solid between two polygons of as many corners, [n, 3] each.

    All corners of a polygon must be in sight of its first.
    """
    one, two = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.shape != two.shape or one.ndim != 2 or one.shape[1] != 3 or len(one) < 3:
        raise ValueError(
            f"first is {one.shape} and second {two.shape}; give two polygons [n, 3] with as many "
            "corners, at least 3"
        )
    n = len(one)
    i = np.arange(n)
    j = (i + 1) % n
    k = np.arange(1, n - 1)
    faces = np.concatenate(
        [
            np.stack([i, j, n + j], 1),
            np.stack([i, n + j, n + i], 1),
            np.stack([0 * k, k + 1, k], 1),
            np.stack([0 * k + n, n + k, n + k + 1], 1),
        ]
    )
    return solid(np.concatenate([one, two]), faces, material, crease_deg=crease_deg)


def box(centre: Vector, size: Vector, material: Material) -> Part:
    """A block of `size` (x, y, z) around `centre`."""
    return wedge(centre, size, material, front=(1.0, 1.0))


def wedge(
    centre: Vector,
    size: Vector,
    material: Material,
    *,
    front: tuple[float, float],
    front_lift: float = 0.0,
) -> Part:
    """A block whose front face is scaled by `front` (across y, across z) and raised by a length."""
    x, y, z = np.asarray(size, np.float64) / 2
    corners = np.array([[-y, -z], [y, -z], [y, z], [-y, z]])
    rear = np.column_stack([np.full(4, -x), corners])
    nose = np.column_stack([np.full(4, x), corners * front + [0.0, front_lift]])
    return moved(prism(rear, nose, material, crease_deg=0.0), centre)


def plate(outline: Points, low: float, high: float, material: Material, axis: Axis) -> Part:
    """A flat piece: `outline` [n, 2] extruded along `axis` from `low` to `high`.

    The outline is given in the other two axes, in the order x, y, z; its corners must be in sight
    of its first.
    """
    flat = np.asarray(outline, np.float64)
    where = "xyz".index(axis)
    ends = [np.insert(flat, where, at, axis=1) for at in (low, high)]
    return prism(ends[0], ends[1], material, crease_deg=0.0)


def lathe(
    profile: Points,
    material: Material | Sequence[Material],
    *,
    axis: Axis = "z",
    sides: int = 14,
    crease_deg: float = 45.0,
) -> Part:
    """A body of revolution about `axis` through the origin.

    `profile` [n, 2] holds (radius, position along the axis); ends that are not on the axis are
    closed by flat discs. `material` may be one for each of the n - 1 bands.
    """
    rings = np.asarray(profile, np.float64)
    kinds = [material] * (len(rings) - 1) if isinstance(material, Material) else list(material)
    if len(kinds) != len(rings) - 1:
        raise ValueError(f"material names {len(kinds)} bands, but profile has {len(rings) - 1}")
    if rings[0, 0] > 0:
        rings, kinds = np.vstack([[0.0, rings[0, 1]], rings]), [kinds[0], *kinds]
    if rings[-1, 0] > 0:
        rings, kinds = np.vstack([rings, [0.0, rings[-1, 1]]]), [*kinds, kinds[-1]]
    turn = 2 * np.pi * np.arange(sides) / sides - np.pi / 2  # a corner lowest, for wheels
    radius, along = rings[:, :1], np.repeat(rings[:, 1:], sides, axis=1)
    circles = {_PLANES[axis][0]: radius * np.cos(turn), _PLANES[axis][1]: radius * np.sin(turn)}
    if axis == "y":  # keep z, not x, as the sine
        circles = {0: radius * np.cos(turn), 2: radius * np.sin(turn)}
    circles["xyz".index(axis)] = along
    points = np.stack([circles[k] for k in range(3)], -1).reshape(-1, 3)
    faces, bands = _tube_faces(len(rings), sides)
    return solid(points, faces, np.asarray(kinds, np.int64)[bands], crease_deg=crease_deg)


def tube(
    path: Points,
    radii: Vector,
    material: Material,
    *,
    sides: int = 6,
    flat: float = 1.0,
) -> Part:
    """A round bar along `path` [n, 3] with radius [n] at each point; `flat` scales its breadth.

    Rings stand across the path; `flat` acts on the direction nearest to y.
    """
    points, radius = np.asarray(path, np.float64), np.asarray(radii, np.float64)
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    reference = np.array([0.0, 1.0, 0.0])
    if np.abs(along @ reference).max() > 0.95:
        reference = np.array([1.0, 0.0, 0.0])
    one = np.cross(along, reference)
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    two = np.cross(along, one)
    turn = 2 * np.pi * (np.arange(sides) + 0.5) / sides
    circle = one[:, None] * np.cos(turn)[:, None] + two[:, None] * np.sin(turn)[:, None] * flat
    rings = points[:, None] + radius[:, None, None] * circle
    rings = np.concatenate(
        [points[None, :1].repeat(sides, 1), rings, points[None, -1:].repeat(sides, 1)]
    )
    faces, _ = _tube_faces(len(rings), sides)
    return solid(rings.reshape(-1, 3), faces, material, crease_deg=60.0)


def loft(
    sections: Points,
    material: Material,
    *,
    power: float = 3.0,
    sides: int = 12,
    roof: float = 1.0,
) -> Part:
    """A skin over superellipse sections [n, 4]: x, half width, bottom, top.

    `power` 2 makes ellipses, large ones boxes; `roof` < 1 narrows the upper edge (tumblehome).
    """
    x, half, low, high = np.asarray(sections, np.float64).T[:, :, None]
    turn = 2 * np.pi * (np.arange(sides) + 0.5) / sides
    across = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** (2 / power)
    upward = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** (2 / power)
    y = half * across * (1 - (1 - roof) * (upward + 1) / 2)
    z = (low + high) / 2 + (high - low) / 2 * upward
    rings = np.stack([np.broadcast_to(x, y.shape), y, z], -1)
    ends = rings.mean(1, keepdims=True).repeat(sides, 1)
    rings = np.concatenate([ends[:1], rings, ends[-1:]])
    faces, _ = _tube_faces(len(rings), sides)
    return solid(rings.reshape(-1, 3), faces, material)


def moved(part: Part, by: Vector) -> Part:
    """`part` shifted by a vector (x, y, z)."""
    return replace(part, vertices=part.vertices + np.asarray(by, np.float64))


def turned(part: Part, axis: Axis, degrees: float, about: Vector = (0.0, 0.0, 0.0)) -> Part:
    """`part` turned about an axis through `about`: x to y, y to z or z to x for positive angles."""
    i, j = _PLANES[axis]
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    points = part.vertices - np.asarray(about, np.float64)
    out = points.copy()
    out[:, i] = c * points[:, i] - s * points[:, j]
    out[:, j] = s * points[:, i] + c * points[:, j]
    return replace(part, vertices=out + np.asarray(about, np.float64))


def mirrored(part: Part) -> Part:
    """`part` as seen in a mirror that stands along the car (y to -y)."""
    flipped = np.ascontiguousarray(part.faces[:, ::-1])
    return replace(part, vertices=part.vertices * [1.0, -1.0, 1.0], faces=flipped)


def pair(part: Part) -> tuple[Part, Part]:
    """`part` and its mirror image."""
    return part, mirrored(part)


def join(parts: Sequence[Part]) -> Mesh:
    """One mesh of all parts, with normals that are smooth up to each part's crease angle."""
    if not parts:
        raise ValueError("parts is empty; give at least one part to join")
    return together([_smoothed(part) for part in parts])


def together(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of several, unchanged."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])[:-1]
    return Mesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        normals=np.concatenate([mesh.normals for mesh in meshes]),
        faces=np.concatenate([m.faces + at for m, at in zip(meshes, starts, strict=True)]),
        materials=np.concatenate([mesh.materials for mesh in meshes]),
    )


def _smoothed(part: Part) -> Mesh:
    """Give each corner the mean normal of the faces around it that are within the crease angle."""
    a, b, c = (part.vertices[part.faces[:, k]] for k in range(3))
    area = np.cross(b - a, c - a)  # length: twice the face's area, the weight of its say
    unit = area / np.linalg.norm(area, axis=1, keepdims=True)
    at, face = part.faces.ravel(), np.repeat(np.arange(len(part.faces)), 3)
    order = np.argsort(at, kind="stable")
    normals = np.empty((len(at), 3))
    least = np.cos(np.radians(part.crease_deg)) - 1e-9
    for corners in np.split(order, np.flatnonzero(np.diff(at[order])) + 1):
        around = face[corners]
        normals[corners] = (unit[around] @ unit[around].T >= least) @ area[around]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    keys = np.column_stack([at, np.round(normals * 1e5).astype(np.int64)])
    _, first, back = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return Mesh(
        part.vertices[at[first]],
        normals[first],
        back.reshape(-1, 3).astype(np.int64),
        part.materials,
    )


def _tube_faces(rings: int, sides: int) -> tuple[Int64[np.ndarray, "f 3"], Int64[np.ndarray, " f"]]:
    """Faces between neighbouring rings of `sides` points, and which band each belongs to."""
    ring, side = (grid.ravel() for grid in np.mgrid[: rings - 1, :sides])
    a, b = ring * sides + side, ring * sides + (side + 1) % sides
    c, d = a + sides, b + sides
    faces = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
    return faces, np.concatenate([ring, ring])
