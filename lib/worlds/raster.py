"""A depth-buffered triangle rasteriser in homogeneous coordinates, on numpy and numba.

A triangle's corners, projected to (x w, y w, w), span space; a sample (x, y, 1) is a sum of them
with three weights that are linear in x and y (Olano & Greer 1997). The sample lies inside where all
three are positive, their sum is the inverse depth, and their shares are the perspective-correct
barycentric coordinates. So nothing needs clipping: a triangle that reaches behind the camera merely
gets a fourth bound, the near plane. `Canvas` keeps which triangle each sample sees and leaves
shading to the caller, who finds the weights again from `Drawing.planes`.

Samples lie at the centres of cells: column i is at x = i + 0.5, and y points down. Sums run in a
fixed order without `fastmath`, so the same input gives the same bytes.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64
from numba import njit

NOTHING = -1
"""What `Canvas.ids` holds where no triangle was drawn."""

_SLACK_SAMPLES = 1e-7  # spans of neighbours overlap by this, so rounding leaves no crack
_STEEPEST = 1e7  # an edge flatter than this across a row bounds the row as a whole


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; its picture may be shifted on the film, which keeps uprights upright.

    axes: rows are right, up and forward, unit length. centre: the point (x, y) of the picture
    straight ahead, in samples. size: (rows, columns).
    """

    eye: Float64[np.ndarray, "3"]
    axes: Float64[np.ndarray, "3 3"]
    focal_samples: float
    centre: tuple[float, float]
    size: tuple[int, int]

    @property
    def matrix(self) -> Float64[np.ndarray, "3 4"]:
        """Takes a point (x, y, z, 1) of the world to (column · depth, row · depth, depth)."""
        right, up, forward = self.axes
        rows = np.stack(
            [
                self.focal_samples * right + self.centre[0] * forward,
                -self.focal_samples * up + self.centre[1] * forward,
                forward,
            ]
        )
        return np.concatenate([rows, -(rows @ self.eye)[:, None]], axis=1)

    def rays(self) -> Float64[np.ndarray, "h w 3"]:
        """Directions of all samples, one unit of depth long."""
        h, w = self.size
        x = (np.arange(w) + 0.5 - self.centre[0]) / self.focal_samples
        y = (self.centre[1] - np.arange(h) - 0.5) / self.focal_samples
        right, up, forward = self.axes
        return x[None, :, None] * right + y[:, None, None] * up + forward

    def resampled(self, factor: float) -> "Camera":
        """The same view with `factor` times as many samples along each axis."""
        return replace(
            self,
            focal_samples=self.focal_samples * factor,
            centre=(self.centre[0] * factor, self.centre[1] * factor),
            size=(round(self.size[0] * factor), round(self.size[1] * factor)),
        )


def look_at(
    eye: tuple[float, float, float],
    target: tuple[float, float, float],
    *,
    focal_samples: float,
    size: tuple[int, int],
    centre: tuple[float, float] | None = None,
) -> Camera:
    """A camera at `eye` whose forward axis runs through `target`, upright (z is up).

    `centre` is where in the picture `target` appears, as (x, y) in samples; its middle by default.

    Raises:
        ValueError: target straight above, below or at the eye.
    """
    position = np.array(eye, dtype=np.float64)
    forward = np.array(target, dtype=np.float64) - position
    right = np.cross(forward, (0.0, 0.0, 1.0))
    if not np.linalg.norm(right) > 1e-9:
        raise ValueError(
            f"target {target} is not to any side of eye {eye}, so the picture has no upright; "
            "move one of them sideways"
        )
    forward /= np.linalg.norm(forward)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(right, forward), forward])
    return Camera(position, axes, focal_samples, centre or (size[1] / 2, size[0] / 2), size)


def shadow_matrix(light: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "4 4"]:
    """Moves a point (x, y, z, 1) along the light to the ground z = 0; `light` points to the lamp.

    Raises:
        ValueError: a light that does not come from above.
    """
    if not light[2] > 0:
        raise ValueError(f"light is {light.tolist()}; its height must be positive to cast shadows")
    matrix = np.eye(4)
    matrix[:2, 2] = -light[:2] / light[2]
    matrix[2, 2] = 0.0
    return matrix


class Drawing(NamedTuple):
    """What `Canvas.draw` leaves for shading.

    planes: for each triangle its corners' weights at (x, y): planes[f, k] · (x, y, 1). Zero for
    those not drawn. box: (first row, end row, first column, end column) of what was touched.
    """

    planes: Float32[np.ndarray, "f 3 3"]
    box: tuple[int, int, int, int]


class Canvas:
    """Buffers that triangles are drawn into; the nearest one a sample sees stays."""

    ids: Int32[np.ndarray, "h w"]
    nearness: Float32[np.ndarray, "h w"]
    """Inverse depth, 0 where there is nothing."""

    def __init__(self, size: tuple[int, int]):
        """Buffers of `size` (rows, columns).

        Raises:
            ValueError: a side below 1.
        """
        if min(size) < 1:
            raise ValueError(f"size is {size}; give at least one row and one column")
        self.ids = np.full(size, NOTHING, dtype=np.int32)
        self.nearness = np.zeros(size, dtype=np.float32)
        self._used = np.array([size[0], 0, size[1], 0])

    def clear(self) -> None:
        """Empty the canvas; only what was drawn on is touched."""
        _clear(self.ids, self.nearness, self._used)

    def draw(
        self,
        matrix: Float64[np.ndarray, "3 4"],
        vertices: Float64[np.ndarray, "v 3"],
        faces: Int32[np.ndarray, "f 3"],
        two_sided: Bool[np.ndarray, " f"],
        *,
        first_id: int = 0,
        near: float = 0.05,
    ) -> Drawing:
        """Draw triangles, numbered from `first_id`, as `matrix` projects them (`Camera.matrix`).

        A face is left out if its corners run clockwise as seen, unless it is `two_sided`; so are
        parts nearer than `near`. Of equally near triangles the first drawn stays.
        """
        planes = np.zeros((len(faces), 3, 3), dtype=np.float32)
        corners = np.empty((len(vertices), 3))
        box = np.array([self.ids.shape[0], 0, self.ids.shape[1], 0])
        _project(matrix, vertices, corners)
        _draw(corners, faces, two_sided, planes, self.ids, self.nearness, box, first_id, 1.0 / near)
        self._used[0::2] = np.minimum(self._used[0::2], box[0::2])
        self._used[1::2] = np.maximum(self._used[1::2], box[1::2])
        first_row, end_row, first_column, end_column = box.tolist()
        return Drawing(planes, (first_row, end_row, first_column, end_column))


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def _clear(ids, nearness, used):
    for i in range(used[0], used[1]):
        for j in range(used[2], used[3]):
            ids[i, j] = NOTHING
            nearness[i, j] = 0.0
    used[0], used[1], used[2], used[3] = ids.shape[0], 0, ids.shape[1], 0


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def _project(matrix, vertices, corners):
    for v in range(vertices.shape[0]):
        for k in range(3):
            corners[v, k] = (
                matrix[k, 0] * vertices[v, 0]
                + matrix[k, 1] * vertices[v, 1]
                + matrix[k, 2] * vertices[v, 2]
                + matrix[k, 3]
            )


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _cross(a, b):
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _extent(p, q, r, axis, length):
    """Where three projected corners lie along an axis, within the canvas."""
    a, b, c = p[axis] / p[2], q[axis] / q[2], r[axis] / r[2]
    return max(0.0, min(a, b, c)), min(float(length), max(a, b, c))


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _edge(weight, columns):
    """Bounds of x where a x + b y + c is positive: slope and offset of the lower, of the upper."""
    a, b, c = weight
    if abs(a) * _STEEPEST <= abs(b):
        return 0.0, 0.0, 0.0, columns
    if a > 0.0:
        return -b / a, -c / a, 0.0, columns
    return 0.0, 0.0, -b / a, -c / a


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _across(weight, top, bottom):
    """Narrow the rows by an edge that runs along them."""
    a, b, c = weight
    if abs(a) * _STEEPEST > abs(b) or b == 0.0:
        return top, bottom
    return (max(top, -c / b), bottom) if b > 0.0 else (top, min(bottom, -c / b))


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _span(ids, nearness, i, first, end, start, slope, name):
    """One row of a triangle; without branches, so that it runs on vectors."""
    for j in range(first, end):
        depth = start + slope * np.float32(np.int32(j))
        before = nearness[i, j]
        nearness[i, j] = depth if depth > before else before
        ids[i, j] = name if depth > before else ids[i, j]


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _fill(ids, nearness, weights, area, name):
    """Draw one triangle of four weights (the last one the near plane's); what box it touched."""
    columns = float(ids.shape[1])
    left, right, top, bottom = area
    u, v, w, n = weights
    for weight in (u, v, w, n):
        top, bottom = _across(weight, top, bottom)
    um, uk, uo, ul = _edge(u, columns)
    vm, vk, vo, vl = _edge(v, columns)
    wm, wk, wo, wl = _edge(w, columns)
    nm, nk, no, nl = _edge(n, columns)
    z = u[0] + v[0] + w[0], u[1] + v[1] + w[1], u[2] + v[2] + w[2]
    slope = np.float32(z[0])
    i0 = max(0, math.ceil(top - 0.5 - _SLACK_SAMPLES))
    i1 = min(ids.shape[0], math.floor(bottom - 0.5 + _SLACK_SAMPLES) + 1)
    j0, j1, k0, k1 = ids.shape[1], 0, ids.shape[0], 0
    for i in range(i0, i1):
        y = i + 0.5
        low = max(max(left, um * y + uk), max(max(vm * y + vk, wm * y + wk), nm * y + nk))
        high = min(min(right, uo * y + ul), min(min(vo * y + vl, wo * y + wl), no * y + nl))
        first = max(0, math.ceil(low - 0.5 - _SLACK_SAMPLES))
        end = min(ids.shape[1], math.floor(high - 0.5 + _SLACK_SAMPLES) + 1)
        if first < end:
            start = np.float32(z[0] * 0.5 + z[1] * y + z[2])
            _span(ids, nearness, np.uint64(i), np.uint64(first), np.uint64(end), start, slope, name)
            j0, j1, k0, k1 = min(j0, first), max(j1, end), min(k0, i), i + 1
    return k0, k1, j0, j1


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def _draw(corners, faces, two_sided, planes, ids, nearness, box, first_id, nearest):
    """Fill ids, nearness and planes; widen `box`. `nearest` is the largest inverse depth."""
    rows, columns = ids.shape
    for f in range(faces.shape[0]):
        p = corners[faces[f, 0], 0], corners[faces[f, 0], 1], corners[faces[f, 0], 2]
        q = corners[faces[f, 1], 0], corners[faces[f, 1], 1], corners[faces[f, 1], 2]
        r = corners[faces[f, 2], 0], corners[faces[f, 2], 1], corners[faces[f, 2], 2]
        u, v, w = _cross(q, r), _cross(r, p), _cross(p, q)
        volume = p[0] * u[0] + p[1] * u[1] + p[2] * u[2]
        # rows point down, so a face turned to the camera makes a negative volume
        if abs(volume) < 1e-12 or (volume > 0.0 and not two_sided[f]):
            continue
        if max(p[2], q[2], r[2]) * nearest <= 1.0:
            continue
        g = 1.0 / volume
        u = u[0] * g, u[1] * g, u[2] * g
        v = v[0] * g, v[1] * g, v[2] * g
        w = w[0] * g, w[1] * g, w[2] * g
        left, right, top, bottom = 0.0, float(columns), 0.0, float(rows)
        n = 0.0, 0.0, 1.0
        if min(p[2], q[2], r[2]) * nearest < 1.0:
            n = -u[0] - v[0] - w[0], -u[1] - v[1] - w[1], nearest - u[2] - v[2] - w[2]
        else:
            left, right = _extent(p, q, r, 0, columns)
            top, bottom = _extent(p, q, r, 1, rows)
        area = left, right, top, bottom
        i0, i1, j0, j1 = _fill(ids, nearness, (u, v, w, n), area, np.int32(first_id + f))
        if i0 < i1:
            box[0], box[1] = min(box[0], i0), max(box[1], i1)
            box[2], box[3] = min(box[2], j0), max(box[3], j1)
            for k in range(3):
                planes[f, 0, k], planes[f, 1, k], planes[f, 2, k] = u[k], v[k], w[k]


def connected_parts(faces: Int32[np.ndarray, "f 3"], vertices: int) -> Int64[np.ndarray, " f"]:
    """The part each face belongs to: faces that share a vertex are of one part."""
    label = np.arange(vertices)
    while True:
        lowest = label[faces].min(axis=1)
        spread = label.copy()
        for corner in range(3):
            np.minimum.at(spread, faces[:, corner], lowest)
        spread = spread[spread]
        if np.array_equal(spread, label):
            return label[faces[:, 0]]
        label = spread


def closed_faces(
    vertices: Float64[np.ndarray, "v 3"], faces: Int32[np.ndarray, "f 3"]
) -> Bool[np.ndarray, " f"]:
    """Whether each face belongs to a part without holes (every edge in exactly two faces).

    Vertices count as one where they lie at the same place to a millionth.
    """
    _, same = np.unique(np.round(vertices * 1e6).astype(np.int64), axis=0, return_inverse=True)
    welded = same.reshape(-1)[faces].astype(np.int32)
    part = connected_parts(welded, int(welded.max()) + 1)
    edges = np.sort(welded[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, which, count = np.unique(edges, axis=0, return_inverse=True, return_counts=True)
    open_edge = count[which.reshape(-1)].reshape(-1, 3) != 2
    return ~np.isin(part, part[open_edge.any(axis=1)])
