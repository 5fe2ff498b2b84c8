"""Textured boxes as layers of a picture: the parts of creatures, and what a hand holds.

A box is drawn only where its corners' outline falls in the picture, so frames without boxes in
view cost nothing. `raycast.render_rays` merges the creatures' layer with the terrain ray by ray;
the hand's lies on top of everything.
"""

import math
from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

NOTHING = 1e9
"""Distance in a layer where no box is."""
BOX_FACES = 6
"""-x, +x, -y (bottom), +y (top), -z (back), +z (front)."""
_COARSE_BLOCKS = 12.0  # farther away the second level of detail is shown
_NEAREST = 0.05  # corners nearer than this, or behind the eye, have no place in the picture


class Boxes(NamedTuple):
    """n oriented boxes.

    centre: [n, 3] in blocks. axes: [n, 3, 3], row k is the direction of the box's own axis k.
    half: [n, 3], half its sizes. texture: [n], which of the textures. gain: [n, 3], the light.
    owner: [n], whose part it is.
    """

    centre: np.ndarray
    axes: np.ndarray
    half: np.ndarray
    texture: np.ndarray
    gain: np.ndarray
    owner: np.ndarray


class Layer(NamedTuple):
    """What boxes put in each ray's way, one row and column a ray.

    distance: float32 [h, w] in blocks, `NOTHING` where there is no box. colour: float32 [h, w, 3],
    lit, about [0, 1]. owner: int32 [h, w].
    """

    distance: np.ndarray
    colour: np.ndarray
    owner: np.ndarray


def empty_layer(rows: int, columns: int) -> Layer:
    """A layer without boxes; (0, 0) stands for none at all."""
    return Layer(
        np.full((rows, columns), NOTHING, np.float32),
        np.zeros((rows, columns, 3), np.float32),
        np.zeros((rows, columns), np.int32),
    )


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _bounds(boxes, k, eye, basis, rows, columns):
    """Rows and columns (from, to, from, to) that box k can cover."""
    wide = basis[0, 0] * basis[0, 0] + basis[0, 1] * basis[0, 1] + basis[0, 2] * basis[0, 2]
    tall = basis[1, 0] * basis[1, 0] + basis[1, 1] * basis[1, 1] + basis[1, 2] * basis[1, 2]
    left, right, low, high, behind = 1e9, -1e9, 1e9, -1e9, 0
    for corner in range(8):
        x, y, z = boxes.centre[k, 0] - eye[0], boxes.centre[k, 1] - eye[1], 0.0
        z = boxes.centre[k, 2] - eye[2]
        for axis in range(3):
            side = boxes.half[k, axis] * (1 if corner >> axis & 1 else -1)
            x += side * boxes.axes[k, axis, 0]
            y += side * boxes.axes[k, axis, 1]
            z += side * boxes.axes[k, axis, 2]
        depth = x * basis[2, 0] + y * basis[2, 1] + z * basis[2, 2]
        if depth < _NEAREST:
            behind += 1
            continue
        px = (x * basis[0, 0] + y * basis[0, 1] + z * basis[0, 2]) / (wide * depth)
        py = (x * basis[1, 0] + y * basis[1, 1] + z * basis[1, 2]) / (tall * depth)
        left, right = min(left, px), max(right, px)
        low, high = min(low, py), max(high, py)
    if behind == 8:
        return 0, 0, 0, 0
    if behind > 0:
        return 0, rows, 0, columns
    first = int(max(0.0, math.floor((1 - high) * 0.5 * rows)))
    last = int(min(float(rows), math.ceil((1 - low) * 0.5 * rows)))
    start = int(max(0.0, math.floor((left + 1) * 0.5 * columns)))
    end = int(min(float(columns), math.ceil((right + 1) * 0.5 * columns)))
    return first, last, start, end


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _enter(boxes, k, eye, way):
    """Where a ray enters box k: (distance or -1, axis, sign of the way along it, u, v, w).

    u, v, w: place on the box along its axes, from 0 to 1 (slab test, Kay & Kajiya 1986).
    """
    near, far, at_axis, sign = -1e9, 1e9, 0, 1
    ox, oy, oz = eye[0] - boxes.centre[k, 0], eye[1] - boxes.centre[k, 1], 0.0
    oz = eye[2] - boxes.centre[k, 2]
    for axis in range(3):
        ax, ay, az = boxes.axes[k, axis, 0], boxes.axes[k, axis, 1], boxes.axes[k, axis, 2]
        origin = ox * ax + oy * ay + oz * az
        slope = way[0] * ax + way[1] * ay + way[2] * az
        if abs(slope) < 1e-12:
            slope = 1e-12
        half = boxes.half[k, axis]
        enter, leave = (-half - origin) / slope, (half - origin) / slope
        if enter > leave:
            enter, leave = leave, enter
        if enter > near:
            near, at_axis, sign = enter, axis, 1 if slope > 0 else -1
        far = min(far, leave)
    if near >= far or near <= 0:
        return -1.0, 0, 1, 0.0, 0.0, 0.0
    hx, hy, hz = ox + way[0] * near, oy + way[1] * near, oz + way[2] * near
    u = hx * boxes.axes[k, 0, 0] + hy * boxes.axes[k, 0, 1] + hz * boxes.axes[k, 0, 2]
    v = hx * boxes.axes[k, 1, 0] + hy * boxes.axes[k, 1, 1] + hz * boxes.axes[k, 1, 2]
    w = hx * boxes.axes[k, 2, 0] + hy * boxes.axes[k, 2, 1] + hz * boxes.axes[k, 2, 2]
    u, v, w = u / boxes.half[k, 0], v / boxes.half[k, 1], w / boxes.half[k, 2]
    return near, at_axis, sign, 0.5 + 0.5 * u, 0.5 + 0.5 * v, 0.5 + 0.5 * w


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _texel(axis, u, v, w):
    """Row and column of a face's picture: row 0 is up, on top and bottom it is the back."""
    row, column = 1 - v, u
    if axis == 0:
        column = w
    elif axis == 1:
        row = w
    return min(15, max(0, int(row * 16))), min(15, max(0, int(column * 16)))


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def draw_boxes(layer, boxes, textures, eye, basis):
    """Draw boxes into `layer`, nearest first; `eye` and `basis` as in `raycast.render_rays`.

    `textures`: uint8 [2, t, 6, 16, 16, 4], two levels of detail, the last channel 0 in holes.
    """
    rows, columns = layer.distance.shape
    origin = eye[0], eye[1], eye[2]
    for k in range(boxes.centre.shape[0]):
        first, last, start, end = _bounds(boxes, k, origin, basis, rows, columns)
        for j in range(first, last):
            py = 1 - 2 * (j + 0.5) / rows
            for i in range(start, end):
                px = 2 * (i + 0.5) / columns - 1
                x = basis[2, 0] + px * basis[0, 0] + py * basis[1, 0]
                y = basis[2, 1] + px * basis[0, 1] + py * basis[1, 1]
                z = basis[2, 2] + px * basis[0, 2] + py * basis[1, 2]
                norm = 1 / math.sqrt(x * x + y * y + z * z)
                way = x * norm, y * norm, z * norm
                t, axis, sign, u, v, w = _enter(boxes, k, origin, way)
                if t < 0 or t >= layer.distance[j, i]:
                    continue
                row, column = _texel(axis, u, v, w)
                face, fine = 2 * axis + (1 if sign < 0 else 0), 1 if t > _COARSE_BLOCKS else 0
                what = boxes.texture[k]
                if textures[fine, what, face, row, column, 3] == 0:
                    continue
                nx, ny, nz = boxes.axes[k, axis, 0], boxes.axes[k, axis, 1], boxes.axes[k, axis, 2]
                upward = 1.0 if ny * sign < 0 else 0.56
                shade = (0.68 * nx * nx + upward * ny * ny + 0.83 * nz * nz) / 255.0
                layer.distance[j, i] = t
                layer.owner[j, i] = boxes.owner[k]
                for c in range(3):
                    lit = shade * boxes.gain[k, c]
                    layer.colour[j, i, c] = lit * textures[fine, what, face, row, column, c]


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def blend_layer(image, layer, samples):
    """Lay a layer with samples * samples rays a pixel over `image` [h, w, 3], edges smooth."""
    for j in range(image.shape[0]):
        for i in range(image.shape[1]):
            red, green, blue, covered = 0.0, 0.0, 0.0, 0
            for s in range(samples * samples):
                row, column = j * samples + s // samples, i * samples + s % samples
                if layer.distance[row, column] < NOTHING:
                    covered += 1
                    red += min(1.0, layer.colour[row, column, 0])
                    green += min(1.0, layer.colour[row, column, 1])
                    blue += min(1.0, layer.colour[row, column, 2])
            if covered > 0:
                rest, gain = 1 - covered / (samples * samples), 255.0 / (samples * samples)
                image[j, i, 0] = int(image[j, i, 0] * rest + red * gain + 0.5)
                image[j, i, 1] = int(image[j, i, 1] * rest + green * gain + 0.5)
                image[j, i, 2] = int(image[j, i, 2] * rest + blue * gain + 0.5)


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def blend_picture(image, picture, top, left):
    """Lay `picture` (float32 [h, w, 4], colours times opacity, and opacity) over `image`.

    Its upper left corner goes to (top, left); what sticks out is cut off.
    """
    for j in range(max(0, -top), min(picture.shape[0], image.shape[0] - top)):
        for i in range(max(0, -left), min(picture.shape[1], image.shape[1] - left)):
            rest = 1 - picture[j, i, 3]
            for c in range(3):
                value = image[top + j, left + i, c] * rest + 255.0 * picture[j, i, c]
                image[top + j, left + i, c] = int(min(255.0, value + 0.5))
