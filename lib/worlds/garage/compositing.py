"""Compiled passes over whole pictures: the car's shadow on the arena, then brightness and noise."""

from typing import no_type_check

import numpy as np
from numba import njit

_DARKNESS = 0.62  # of the shadow's middle


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def expose(picture, noise, shift, gain):
    """picture * gain + noise in place, both with channels side by side: [h, 3 w].

    `noise` is int8, larger than the picture, and read from `shift` (row, column) on.
    """
    factor = np.int32(round(gain * 256))
    top, left = np.uint64(shift[0]), np.uint64(3 * shift[1])
    for i in range(np.uint64(picture.shape[0])):
        for j in range(np.uint64(picture.shape[1])):
            value = (np.int32(picture[i, j]) * factor + np.int32(128)) >> np.int32(8)
            value = np.int32(value + np.int32(noise[i + top, j + left]))
            value = value if value > np.int32(0) else np.int32(0)
            picture[i, j] = np.uint8(value if value < np.int32(255) else np.int32(255))


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def soften(ids, soft, spare, box, reach):
    """Share of covered samples about each cell, [h, w] float32: box filter, twice each way.

    Fills `soft` within `box` (first row, end row, first column, end column), which the caller has
    widened by 2 `reach`; `spare` is another array of that shape.
    """
    i0, i1, j0, j1 = box
    scale = np.float32(1.0 / (2 * reach + 1))
    for i in range(i0, i1):
        for j in range(j0, j1):
            soft[i, j] = 1.0 if ids[i, j] >= 0 else 0.0
    for _ in range(2):
        for i in range(i0, i1):
            total = np.float32(0.0)
            for j in range(j0, min(j1, j0 + reach)):
                total += soft[i, j]
            for j in range(j0, j1):
                if j + reach < j1:
                    total += soft[i, j + reach]
                if j - reach - 1 >= j0:
                    total -= soft[i, j - reach - 1]
                spare[i, j] = total * scale
        for i in range(i0, i1):
            for j in range(j0, j1):
                total = np.float32(0.0)
                for k in range(max(i0, i - reach), min(i1, i + reach + 1)):
                    total += spare[k, j]
                soft[i, j] = total * scale


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def darken(image, soft, box, coarse):
    """Darken the image under a shadow given at one cell for `coarse` * `coarse` pixels."""
    rows, columns = image.shape[0], image.shape[1]
    for i in range(box[0] * coarse, min(rows, box[1] * coarse)):
        y = max(0.0, (i + 0.5) / coarse - 0.5)
        a = min(int(y), soft.shape[0] - 2)
        fy = y - a
        for j in range(box[2] * coarse, min(columns, box[3] * coarse)):
            x = max(0.0, (j + 0.5) / coarse - 0.5)
            b = min(int(x), soft.shape[1] - 2)
            fx = x - b
            upper = soft[a, b] * (1 - fx) + soft[a, b + 1] * fx
            lower = soft[a + 1, b] * (1 - fx) + soft[a + 1, b + 1] * fx
            if upper + lower == 0.0:
                continue
            keep = 1.0 - _DARKNESS * (upper * (1 - fy) + lower * fy)
            for c in range(3):
                image[i, j, c] = int(image[i, j, c] * keep + 0.5)
