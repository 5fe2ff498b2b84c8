"""The compiled pass that paints a drawn car over its background.

Light is a lamp overhead, soft light from the sky above and grass below, and a clear coat that
mirrors the stadium's bands of light, with more of it at grazing angles.

Deviation from full supersampling: coverage is exact to a sample everywhere, but where all samples
of a pixel see one smooth part (faces that share vertices, of one material, at about one depth),
that part is shaded once, at the first of them; elsewhere once for each part seen. Textures are
looked up at the nearest texel.

One file, because numba's cache watches only the file of the function that it compiled. All in
single precision: a constant of the usual kind would turn everything into doubles.
"""

import math
from functools import cache
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32
from numba import njit

from lib.worlds.garage.mesh import Material
from lib.worlds.garage.patterns import DISC_TEXELS, STICKER_SPAN, TEXELS_PER_UNIT, TREAD_TEXELS
from lib.worlds.raster import NOTHING

_PAINT, _TRIM, _HAT = int(Material.PAINT), int(Material.TRIM), int(Material.HAT)
_TYRE, _RIM, _ACCENT = int(Material.TYRE), int(Material.RIM), int(Material.HAT_ACCENT)
_METAL = int(Material.METAL)
_LUT = 256
_ZERO, _HALF, _ONE, _WHITE = np.float32(0.0), np.float32(0.5), np.float32(1.0), np.float32(255.0)
_BYTE, _TINY = np.float32(1 / 255), np.float32(1e-20)
_HALF_LUT, _FULL_LUT = np.float32(_LUT / 2), np.float32(_LUT)
_HALF_SPAN, _TEXELS = np.float32(STICKER_SPAN[0] / 2), np.float32(TEXELS_PER_UNIT)
_HALF_DISC, _TREAD_COLUMNS = np.float32(DISC_TEXELS / 2), np.float32(2.2 * TREAD_TEXELS[1])
_FLAT, _TILTED = np.float32(0.72), np.float32(0.6)  # normals' shares, from above and sideways
_SAME_DEPTH = np.float32(0.03)  # relative
_AMBIENT, _SKY, _KEY = np.float32(0.47), np.float32(0.25), np.float32(0.55)
_GLOW, _SHADE = np.float32(1.15), np.float32(0.04)
_STRAIGHT, _GRAZING, _MIRROR = np.float32(0.085), np.float32(0.80), np.float32(0.28)
_RISE, _LOWEST = np.float32(1.7), np.float32(0.42)  # of light above the ground
_COVERED, _OPEN = np.float32(0.4), np.float32(0.6)


class Car(NamedTuple):
    """A car's faces, packed for the kernel.

    corners: [f, 3, 6] float32, position and normal of each corner. material, surface, wheel: [f];
    faces of one smooth part and material share a `surface`, `wheel` is the nearest of four. hubs:
    [4, 3] float32.
    """

    corners: np.ndarray
    material: np.ndarray
    surface: np.ndarray
    wheel: np.ndarray
    hubs: np.ndarray


class Look(NamedTuple):
    """What a loadout wears: palette [m, 6], sticker maps, its wheel's face and tread."""

    palette: np.ndarray
    sticker: np.ndarray
    face: np.ndarray
    tread: np.ndarray


class Light(NamedTuple):
    """Eye and unit vector to the lamp, both in car coordinates, and tables (`tables`)."""

    eye: np.ndarray
    lamp: np.ndarray
    stadium: np.ndarray
    shine: np.ndarray
    angle: np.ndarray


@cache
def tables() -> tuple[
    Float32[np.ndarray, "s 3"], Float32[np.ndarray, " s"], Float32[np.ndarray, "r c"]
]:
    """The stadium's light by a ray's height, a highlight by its cosine, an angle by its place.

    Heights and cosines run from -1 and 0 to 1 over `_LUT` steps; the angle's table covers a square
    of side 2 about the hub and holds shares of a turn.
    """
    height = np.linspace(-1, 1, _LUT)
    stops = (-1.0, -0.15, -0.02, 0.02, 0.10, 0.14, 0.30, 0.36, 0.46, 0.54, 0.66, 0.74, 0.86, 1.0)
    bands = (0.10, 0.16, 0.22, 0.62, 0.66, 0.34, 0.26, 0.34, 1.35, 1.40, 0.42, 0.36, 0.85, 0.95)
    light = np.interp(height, stops, bands)
    tint = np.stack(
        [
            np.interp(height, (-0.2, 0.0, 0.5), (0.85, 1.0, 0.97)),
            np.interp(height, (-0.2, 0.0, 0.5), (1.0, 1.0, 0.99)),
            np.interp(height, (-0.2, 0.0, 0.5), (0.45, 1.0, 1.08)),
        ],
        axis=-1,
    )
    at = (np.arange(DISC_TEXELS) + 0.5) / DISC_TEXELS * 2 - 1
    x, z = np.meshgrid(at, at)
    return (
        (light[:, None] * tint).astype(np.float32),
        (np.linspace(0, 1, _LUT) ** 36).astype(np.float32),
        (np.arctan2(-z, x) / (2 * math.pi) + 0.5).astype(np.float32),
    )


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _texel(picture, row, column):
    """A texel's colour in [0, 1]."""
    return (
        np.float32(picture[row, column, 0]) * _BYTE,
        np.float32(picture[row, column, 1]) * _BYTE,
        np.float32(picture[row, column, 2]) * _BYTE,
    )


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _within(value, length):
    """A texel's number from its place in texels; the border's beyond."""
    return np.uint64(min(length - 1, max(0, int(value))))


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _paint(look, colour, place, above):
    """Paint with what the sticker lays on it."""
    across = abs(place[1]) if above else place[2]
    row = _within(across * _TEXELS, look.sticker.shape[1])
    column = _within((place[0] + _HALF_SPAN) * _TEXELS, look.sticker.shape[2])
    share = np.float32(look.sticker[1 if above else 0, row, column]) * _BYTE
    trim = look.palette[_TRIM]
    return (
        colour[0] + (trim[0] - colour[0]) * share,
        colour[1] + (trim[1] - colour[1]) * share,
        colour[2] + (trim[2] - colour[2]) * share,
    )


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _wheel(car, look, angle, f, place, side):
    """Rim or tyre; `side` is the normal's share across the car."""
    hub = car.hubs[car.wheel[f]]
    size = _ONE / hub[2]
    row = _within((_ONE - (place[2] - hub[2]) * size) * _HALF_DISC, DISC_TEXELS)
    column = _within((_ONE + (place[0] - hub[0]) * size) * _HALF_DISC, DISC_TEXELS)
    if car.material[f] == _TYRE:
        if side * hub[1] < -_TILTED:  # turned to the car
            return _SHADE, _SHADE, _SHADE
        if abs(side) < _TILTED:
            around = _within(angle[row, column] * TREAD_TEXELS[0], TREAD_TEXELS[0])
            across = abs(place[1] - hub[1]) * size * _TREAD_COLUMNS
            return _texel(look.tread, around, _within(across, TREAD_TEXELS[1]))
    return _texel(look.face, row, column)


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _unit(x, y, z):
    scale = _ONE / math.sqrt(x * x + y * y + z * z + _TINY)
    return x * scale, y * scale, z * scale


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _lit(base, finish, light, geometry):
    """Light of a surface towards the eye, about [0, 1].

    geometry: unit normal, unit view vector, openness to the sky.
    """
    (nx, ny, nz), (vx, vy, vz), low = geometry
    coat, shine, glow, mirror = finish
    lx, ly, lz = light.lamp[0], light.lamp[1], light.lamp[2]
    lamp = nx * lx + ny * ly + nz * lz
    lamp = lamp if lamp > _ZERO else _ZERO
    facing = nx * vx + ny * vy + nz * vz
    diffuse = (_AMBIENT + _SKY * nz + _KEY * lamp) * low
    diffuse += (_GLOW - diffuse) * glow
    grazing = _ONE - facing
    grazing *= grazing
    coat *= (_STRAIGHT + _GRAZING * grazing * grazing * grazing) * (_COVERED + _OPEN * low)
    coat += mirror
    two = facing + facing
    step = _within((two * nz - vz + _ONE) * _HALF_LUT, _LUT)
    toward = (two * nx - vx) * lx + (two * ny - vy) * ly + (two * nz - vz) * lz
    spot = shine * light.shine[_within(toward * _FULL_LUT, _LUT)]
    return (
        base[0] * diffuse + coat * light.stadium[step, 0] + spot,
        base[1] * diffuse + coat * light.stadium[step, 1] + spot,
        base[2] * diffuse + coat * light.stadium[step, 2] + spot,
    )


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _shade(car, look, light, fields, f, x, y):
    """Colour of face `f` at sample position (x, y), about [0, 1]."""
    a = fields[f]
    near = a[0] * x + a[1] * y + a[2]
    depth = _ONE / near
    px = (a[3] * x + a[4] * y + a[5]) * depth
    py = (a[6] * x + a[7] * y + a[8]) * depth
    pz = (a[9] * x + a[10] * y + a[11]) * depth
    nx, ny, nz = _unit(
        a[12] * x + a[13] * y + a[14], a[15] * x + a[16] * y + a[17], a[18] * x + a[19] * y + a[20]
    )
    view = _unit(light.eye[0] - px, light.eye[1] - py, light.eye[2] - pz)
    if nx * view[0] + ny * view[1] + nz * view[2] < _ZERO:
        nx, ny, nz = -nx, -ny, -nz
    material = car.material[f]
    entry = look.palette[material]
    base = entry[0], entry[1], entry[2]
    if material == _PAINT:
        base = _paint(look, base, (px, py, pz), abs(nz) > _FLAT)
    elif material in (_TYRE, _RIM):
        base = _wheel(car, look, light.angle, f, (px, py, pz), ny)
    low = _ONE
    if material != _HAT and material != _ACCENT:  # near the ground less light comes in
        rise = pz * _RISE
        low = _LOWEST + (_ONE - _LOWEST) * (rise if rise < _ONE else _ONE)
    mirror = _MIRROR if material == _METAL else _ZERO
    finish = entry[3], entry[4], entry[5], mirror
    return _lit(base, finish, light, ((nx, ny, nz), view, low))


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def prepare_fields(planes, corners, fields):
    """What varies over each face as planes over the picture: fields[f] · (x, y, 1), seven times.

    These are inverse depth, then position and normal times inverse depth.
    """
    for f in range(planes.shape[0]):
        if planes[f, 0, 2] == 0.0 and planes[f, 1, 2] == 0.0 and planes[f, 2, 2] == 0.0:
            continue  # not drawn
        for m in range(3):
            u, v, w = planes[f, 0, m], planes[f, 1, m], planes[f, 2, m]
            fields[f, m] = u + v + w
            for k in range(6):
                value = u * corners[f, 0, k] + v * corners[f, 1, k] + w * corners[f, 2, k]
                fields[f, 3 * k + 3 + m] = value


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _together(car, f, here, g, there):
    """Whether two samples see one smooth part, so that one shading will do for both."""
    return (car.surface[f] == car.surface[g]) & (abs(here - there) < _SAME_DEPTH * here)


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _gather(ids, nearness, car, corner, left):
    """The samples of a pixel that go with its first one `left`: (face, bits, number, x, y)."""
    row, column, samples = corner
    f, here, group, count, x, y = np.int32(NOTHING), _ZERO, 0, 0, column, row
    bit = 1
    for i in range(row, row + samples):
        for j in range(column, column + samples):
            if left & bit:
                g, there = ids[i, j], nearness[i, j]
                if f < 0:
                    f, here, x, y = g, there, j, i
                if g == f or _together(car, f, here, g, there):
                    group |= bit
                    count += 1
            bit <<= 1
    return f, group, count, x, y


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _covered(ids, row, column, samples):
    """Which samples of a pixel see the car, as bits."""
    left, bit = 0, 1
    for i in range(row, row + samples):
        for j in range(column, column + samples):
            if ids[i, j] >= 0:
                left |= bit
            bit <<= 1
    return left


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _uniform(ids, nearness, car, row, column, samples):
    """Whether a pixel's samples all see what its first one sees, be it nothing."""
    f, here = ids[row, column], nearness[row, column]
    alike = True
    if samples == 2:  # the usual case, without loops
        below, right = row + np.uint64(1), column + np.uint64(1)
        a, b, c = ids[row, right], ids[below, column], ids[below, right]
        if (a == f) & (b == f) & (c == f):
            return True
        if (a | b | c | f) < 0:
            return False
        alike &= _together(car, f, here, a, nearness[row, right])
        alike &= _together(car, f, here, b, nearness[below, column])
        return alike & _together(car, f, here, c, nearness[below, right])
    for i in range(row, row + samples):
        for j in range(column, column + samples):
            g = ids[i, j]
            alike &= g == f or (g >= 0 and f >= 0 and _together(car, f, here, g, nearness[i, j]))
    return alike


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _byte(value):
    """A value of at most about 1 as a byte; light is never negative."""
    value = value * _WHITE + _HALF
    return np.uint8(value if value < _WHITE else _WHITE)


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _clip(value):
    return value if value < _ONE else _ONE


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def shade_car(image, drawn, car, look, light):
    """Paint the car over `image` [h, w, 3] uint8.

    drawn: (ids, nearness, fields, box) of a canvas with `samples` cells a pixel and axis.
    """
    ids, nearness, fields, box = drawn
    samples = np.uint64(ids.shape[0] // image.shape[0])
    share = np.float32(1.0 / (samples * samples))
    rows = np.uint64(box[0] // samples), np.uint64((box[1] + samples - 1) // samples)
    columns = np.uint64(box[2] // samples), np.uint64((box[3] + samples - 1) // samples)
    for i in range(rows[0], rows[1]):
        for j in range(columns[0], columns[1]):
            row, column = i * samples, j * samples
            f = ids[row, column]
            if _uniform(ids, nearness, car, row, column, samples):
                if f >= 0:
                    # the first sample's place, since a neighbour's face may bend away elsewhere
                    x, y = np.float32(column) + _HALF, np.float32(row) + _HALF
                    red, green, blue = _shade(car, look, light, fields, f, x, y)
                    image[i, j, 0], image[i, j, 1] = _byte(red), _byte(green)
                    image[i, j, 2] = _byte(blue)
                continue
            left = _covered(ids, row, column, samples)
            r, g, b, behind = _ZERO, _ZERO, _ZERO, _ONE
            while left != 0:
                f, group, count, x, y = _gather(ids, nearness, car, (row, column, samples), left)
                left &= ~group
                weight = np.float32(count) * share
                behind -= weight
                red, green, blue = _shade(
                    car, look, light, fields, f, np.float32(x) + _HALF, np.float32(y) + _HALF
                )
                r += weight * _clip(red)
                g += weight * _clip(green)
                b += weight * _clip(blue)
            behind *= _BYTE
            image[i, j, 0] = _byte(r + behind * np.float32(image[i, j, 0]))
            image[i, j, 1] = _byte(g + behind * np.float32(image[i, j, 1]))
            image[i, j, 2] = _byte(b + behind * np.float32(image[i, j, 2]))
