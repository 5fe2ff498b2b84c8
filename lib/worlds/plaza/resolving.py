"""Compiled passes that turn a drawn canvas into pixels: colour and coverage, names, silhouettes.

A pixel is a person's if, of its samples, at least half see that person. Alone or among others,
the rule is the same, so what is seen of a person is always part of the whole person. All sums run
in one order: the same input gives the same bytes.
"""

from typing import no_type_check

import numpy as np
from numba import njit

NOBODY = -1


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def paint(ids, planes, body, samples, border, layer, cover):
    """Colour [h, w, 3] and share [h, w] of people in each pixel, both float32.

    ids: of a canvas with a border of `border` pixels. body: (faces, pieces of one person's faces,
    light [n v 3] at vertices, palette [n m 3]); the canvas holds face numbers of person after
    person. `layer` is already weighted by the share.
    """
    faces, pieces, light, palette = body
    share = np.float32(1.0 / (samples * samples))
    for i in range(layer.shape[0]):
        for j in range(layer.shape[1]):
            r, g, b = np.float32(0.0), np.float32(0.0), np.float32(0.0)
            count = 0
            row, column = (i + border) * samples, (j + border) * samples
            for y in range(row, row + samples):
                for x in range(column, column + samples):
                    if ids[y, x] < 0:
                        continue
                    count += 1
                    p, f = ids[y, x] // len(faces), ids[y, x] % len(faces)
                    plane = planes[ids[y, x]]
                    u = plane[0, 0] * (x + 0.5) + plane[0, 1] * (y + 0.5) + plane[0, 2]
                    v = plane[1, 0] * (x + 0.5) + plane[1, 1] * (y + 0.5) + plane[1, 2]
                    w = plane[2, 0] * (x + 0.5) + plane[2, 1] * (y + 0.5) + plane[2, 2]
                    scale = 1.0 / (u + v + w)
                    u, v, w = u * scale, v * scale, w * scale
                    one, two, three = (
                        light[p, faces[f, 0]],
                        light[p, faces[f, 1]],
                        light[p, faces[f, 2]],
                    )
                    colour = palette[p, pieces[f]]
                    r += min(1.0, colour[0] * (u * one[0] + v * two[0] + w * three[0]))
                    g += min(1.0, colour[1] * (u * one[1] + v * two[1] + w * three[1]))
                    b += min(1.0, colour[2] * (u * one[2] + v * two[2] + w * three[2]))
            layer[i, j, 0], layer[i, j, 1], layer[i, j, 2] = r * share, g * share, b * share
            cover[i, j] = count * share


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def name_pixels(ids, things, samples, border, names):
    """Whose each pixel of `names` [h, w] int32 is, `NOBODY` where nobody has half of it.

    `ids` holds numbers, `things` of them to a person. Of two with half each, the first met.
    """
    need = samples * samples
    for i in range(names.shape[0]):
        for j in range(names.shape[1]):
            names[i, j] = NOBODY
            row, column = (i + border) * samples, (j + border) * samples
            for y in range(row, row + samples):
                for x in range(column, column + samples):
                    if ids[y, x] < 0:
                        continue
                    p, count = ids[y, x] // things, 0
                    for k in range(row, row + samples):
                        for m in range(column, column + samples):
                            if ids[k, m] >= 0 and ids[k, m] // things == p:
                                count += 1
                    if 2 * count >= need and names[i, j] == NOBODY:
                        names[i, j] = p


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def measure(ids, box, samples, border, size):
    """A lone silhouette: pixels, pixels within the picture, first and end row, and column.

    box: rows and columns of samples that it touches. Rows and columns count from the picture's
    corner, so they may be negative, or end beyond it.
    """
    count, inside = 0, 0
    top, bottom, left, right = 1 << 30, -(1 << 30), 1 << 30, -(1 << 30)
    for i in range(box[0] // samples, (box[1] + samples - 1) // samples):
        for j in range(box[2] // samples, (box[3] + samples - 1) // samples):
            seen = 0
            for y in range(i * samples, (i + 1) * samples):
                for x in range(j * samples, (j + 1) * samples):
                    if ids[y, x] >= 0:
                        seen += 1
            if 2 * seen < samples * samples:
                continue
            row, column = i - border, j - border
            count += 1
            if row >= 0 and row < size[0] and column >= 0 and column < size[1]:
                inside += 1
            top, bottom = min(top, row), max(bottom, row + 1)
            left, right = min(left, column), max(right, column + 1)
    return count, inside, top, bottom, left, right
