"""The compiled ray-caster: from a world's arrays, an eye and a sky to pixels.

A ray visits cells in order (Amanatides & Woo 1987), leaps over empty space by the stored reach of
air, and ends at the first texel that is no hole. `fastmath` is off and sums run in a fixed order,
so the same scene gives the same bytes.

One file, because numba's cache watches only the file of the function that it compiled: with a
helper elsewhere, an edit there would leave an old picture in the cache. `_nrt=False` leaves out
reference counts (nothing is allocated here), which makes a frame two and a half times faster.
"""

import math
from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from lib.worlds.blocks.kinds import WORLD_HEIGHT, Block, Kind
from lib.worlds.blocks.light import AIR_CODE
from lib.worlds.blocks.textures import Cover, Face

VIEW_BLOCKS = 112.0
"""How far one sees; fog hides the end."""
WATER_VIEW_BLOCKS = 40.0
CLOUD_Y = WORLD_HEIGHT + 14.0
CLOUD_VIEW_BLOCKS = 420.0
CLOUD_CELL_BLOCKS = 12.0
ON_PLANT = 3
"""`Hit.axis` of a plant, whose planes stand across no axis."""

_CUTOUT_BLOCKS = 36.0  # leaves farther away count as solid
_MIP_BLOCKS = (9.0, 20.0, 45.0)  # where the coarser levels of detail begin
_FOG_START = 0.5  # share of the view distance
_ABSORPTION = 0.085  # of water, per block
_TINT_GAIN = 1.22  # grass textures are grey; this keeps tinted ones from looking dull
_SUN_HALF_SIZE = 0.055
_FACE_SHADE = (0.68, 0.56, 0.83)  # across x, from below, across z; the top is 1
_TOP, _SIDE, _BOTTOM = int(Face.TOP), int(Face.SIDE), int(Face.BOTTOM)
_HOLE, _TINTED = int(Cover.HOLE), int(Cover.TINTED)
_OPAQUE, _CUTOUT, _LIQUID = int(Kind.OPAQUE), int(Kind.CUTOUT), int(Kind.LIQUID)
_PLANT, _WATER_PLANT = int(Kind.PLANT), int(Kind.WATER_PLANT)
_WATER, _TORCH = int(Block.WATER), int(Block.TORCH)
_X, _Y, _Z = 0, 1, 2
_FAR = 1e9


class Scene(NamedTuple):
    """A world's arrays as the compiled functions take them (see `World`, `make_textures`)."""

    cells: np.ndarray
    light: np.ndarray
    tint: np.ndarray
    clouds: np.ndarray
    textures: np.ndarray
    kinds: np.ndarray


class Hit(NamedTuple):
    """Where a ray ended.

    block: `Block` number, 0 if it left the world or went too far. distance: in blocks.
    x, y, z: the cell (x and z not wrapped). axis: 0, 1, 2 for a face across x, y, z; 3 for a plant.
    row, column: texel. water_at: distance at which it went down into water, -1 if it did not.
    water_blocks: length of its way through water.
    """

    block: int
    distance: float
    x: int
    y: int
    z: int
    axis: int
    row: int
    column: int
    water_at: float
    water_blocks: float


# Rays are (eye, way): two tuples (x, y, z), `way` of unit length. A walk through the cells is
# (t, axis, x, y, z, tx, ty, tz): distance so far, the axis last crossed, the cell, and the
# distances at which the ray leaves that cell across each axis.


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _floor(value):
    return math.floor(value)


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _exits(eye, way, x, y, z):
    """Distances at which a ray leaves the cell across each axis."""
    tx = abs(x + (1 if way[0] > 0 else 0) - eye[0]) / max(1e-9, abs(way[0]))
    ty = abs(y + (1 if way[1] > 0 else 0) - eye[1]) / max(1e-9, abs(way[1]))
    tz = abs(z + (1 if way[2] > 0 else 0) - eye[2]) / max(1e-9, abs(way[2]))
    return tx, ty, tz


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _step(way, gaps, walk):
    """On to the next cell; `gaps` are the distances between two planes of each axis."""
    _, _, x, y, z, tx, ty, tz = walk
    if tx < ty and tx < tz:
        return tx, _X, x + (1 if way[0] > 0 else -1), y, z, tx + gaps[0], ty, tz
    if ty < tz:
        return ty, _Y, x, y + (1 if way[1] > 0 else -1), z, tx, ty + gaps[1], tz
    return tz, _Z, x, y, z + (1 if way[2] > 0 else -1), tx, ty, tz + gaps[2]


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _leap(eye, way, gaps, walk, reach):
    """Out of the empty cube at once; the cell follows from the point of exit."""
    t, axis, x, y, z, tx, ty, tz = walk
    ex, ey, ez = tx + reach * gaps[0], ty + reach * gaps[1], tz + reach * gaps[2]
    if ex < ey and ex < ez:
        t, axis = ex, _X
        x += (1 if way[0] > 0 else -1) * (reach + 1)
        y, z = _floor(eye[1] + way[1] * t), _floor(eye[2] + way[2] * t)
    elif ey < ez:
        t, axis = ey, _Y
        y += (1 if way[1] > 0 else -1) * (reach + 1)
        x, z = _floor(eye[0] + way[0] * t), _floor(eye[2] + way[2] * t)
    else:
        t, axis = ez, _Z
        z += (1 if way[2] > 0 else -1) * (reach + 1)
        x, y = _floor(eye[0] + way[0] * t), _floor(eye[1] + way[1] * t)
    tx, ty, tz = _exits(eye, way, x, y, z)
    return t, axis, x, y, z, tx, ty, tz


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _plant_hit(scene, code, cell, eye, way):
    """Nearest texel of two crossed planes in a cell: (distance or -1, row, column)."""
    best, row, column = 1e9, 0, 0
    px, pz = eye[0] - cell[0], eye[2] - cell[2]
    for plane in range(2):
        slope = way[0] - way[2] if plane == 0 else way[0] + way[2]
        if abs(slope) < 1e-6:
            continue
        s = (pz - px if plane == 0 else 1 - px - pz) / slope
        if s <= 0 or s >= best:
            continue
        u, w, v = px + way[0] * s, pz + way[2] * s, eye[1] + way[1] * s - cell[1]
        if 0 <= u < 1 and 0 <= w < 1 and 0 <= v < 1:
            r, c = 15 - int(v * 16), int(u * 16)
            if scene.textures[0, code, _SIDE, r, c, 3] != _HOLE:
                best, row, column = s, r, c
    if best > 1e8:
        return -1.0, 0, 0
    return best, row, column


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _face_hit(scene, code, kind, eye, way, t, axis):
    """Texel where a ray enters a cube: (distance or -1 for a hole, row, column)."""
    hx, hy, hz = eye[0] + way[0] * t, eye[1] + way[1] * t, eye[2] + way[2] * t
    face = _SIDE
    row, column = 15 - (_floor(hy * 16) & 15), _floor(hz * 16) & 15
    if axis == _Z:
        column = _floor(hx * 16) & 15
    elif axis == _Y:
        row, column = column, _floor(hx * 16) & 15
        face = _TOP if way[1] < 0 else _BOTTOM
    if (
        kind == _CUTOUT
        and scene.textures[0, code, face, row, column, 3] == _HOLE
        and (t < _CUTOUT_BLOCKS or scene.textures[3, code, face, 0, 0, 3] == _HOLE)
    ):
        return -1.0, 0, 0
    return t, row, column


@njit(cache=True, error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def trace(scene, eye, way, in_water, view):
    """Follow one ray for `view` blocks; gives the fields of `Hit`. The first cell is skipped."""
    n, height = scene.cells.shape[0], scene.cells.shape[2]
    gaps = 1 / max(1e-9, abs(way[0])), 1 / max(1e-9, abs(way[1])), 1 / max(1e-9, abs(way[2]))
    x, y, z = _floor(eye[0]), _floor(eye[1]), _floor(eye[2])
    tx, ty, tz = _exits(eye, way, x, y, z)
    walk = (0.0, _Y, x, y, z, tx, ty, tz)
    first, water_from, water_at, water_blocks = True, 0.0, -1.0, 0.0
    while walk[0] < view:
        t, axis, x, y, z, tx, ty, tz = walk
        reach, wet = 0, False
        if 0 <= y < height:
            code = scene.cells[x & (n - 1), z & (n - 1), y]
            if code >= AIR_CODE:
                reach = np.int64(code) - AIR_CODE
            elif first:
                wet = in_water
            else:
                kind = scene.kinds[code]
                wet = kind in (_LIQUID, _WATER_PLANT)
                s, row, column = -1.0, 0, 0
                if kind in (_OPAQUE, _CUTOUT):
                    s, row, column = _face_hit(scene, code, kind, eye, way, t, axis)
                elif kind != _LIQUID:
                    s, row, column = _plant_hit(scene, code, (x, y, z), eye, way)
                    axis = ON_PLANT if s > 0 else axis
                if s > 0:
                    if in_water:
                        water_blocks += s - water_from
                    return np.int64(code), s, x, y, z, axis, row, column, water_at, water_blocks
        elif (y >= height) == (way[1] >= 0):
            break
        if wet and not in_water:
            water_from = t
            if axis == _Y and way[1] < 0 and water_at < 0:
                water_at = t
        elif in_water and not wet:
            water_blocks += t - water_from
        in_water, first = wet, False
        walk = _leap(eye, way, gaps, walk, reach) if reach > 0 else _step(way, gaps, walk)
    if in_water:
        water_blocks += min(walk[0], view) - water_from
    return 0, view, walk[2], walk[3], walk[4], walk[1], 0, 0, water_at, water_blocks


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _face_light(light, cell, axis, sign, u, v):
    """Smooth (sky, torch) light in [0, 1] at a point of a face.

    Bilinear between the four corners, each the mean of the four cells in front of the face that
    touch it; both steps together are three weights an axis. (u, v) run along (z, y), (x, z),
    (x, y) for faces across x, y, z.
    """
    n, height = light.shape[0], light.shape[2]
    x, y, z = cell
    sky, torch = 0.0, 0.0
    for i in range(3):
        weight_u = 0.5 if i == 1 else (0.5 * (1 - u) if i == 0 else 0.5 * u)
        for j in range(3):
            weight = weight_u * (0.5 if j == 1 else (0.5 * (1 - v) if j == 0 else 0.5 * v))
            if axis == _X:
                cx, cy, cz = x + sign, y + j - 1, z + i - 1
            elif axis == _Y:
                cx, cy, cz = x + i - 1, y + sign, z + j - 1
            else:
                cx, cy, cz = x + i - 1, y + j - 1, z + sign
            packed = light[cx & (n - 1), cz & (n - 1), min(max(cy, 0), height - 1)]
            sky += weight * (packed >> 4)
            torch += weight * (packed & 15)
    return sky / 15.0, torch / 15.0


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _mix(a, b, share):
    """Colours `a` and `b` blended, `share` of `b`."""
    return (
        a[0] + (b[0] - a[0]) * share,
        a[1] + (b[1] - a[1]) * share,
        a[2] + (b[2] - a[2]) * share,
    )


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _heavens(sky, way, colour):
    """Stars, sun and moon (squares, as everything here) on top of `colour`."""
    if sky.stars > 0:
        i, j, k = int((way[0] + 2) * 90), int((way[1] + 2) * 90), int((way[2] + 2) * 90)
        if (i * 7919 ^ j * 104729 ^ k * 1299709) % 331 == 0:
            colour = colour[0] + sky.stars, colour[1] + sky.stars, colour[2] + sky.stars
    sun = way[0] * sky.sun[0] + way[1] * sky.sun[1] + way[2] * sky.sun[2]
    if abs(sun) > 0.99:
        across = way[0] * sky.sun[2] - way[2] * sky.sun[0]
        along = way[1] - sun * sky.sun[1]
        if abs(across) < _SUN_HALF_SIZE and abs(along) < _SUN_HALF_SIZE:
            colour = (1.0, 0.97, 0.82) if sun > 0 else (0.82, 0.86, 0.92)
    return colour


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _sky_colour(scene, sky, eye, way, objects):
    """Colour of the sky along a ray: gradient and glow, with `objects` sun, stars, clouds too."""
    rise = max(0.0, min(1.0, way[1] * 2.0 + 0.04))
    rise = rise * (2 - rise)
    glow = max(0.0, way[0] * sky.sun[0] + way[1] * sky.sun[1] + way[2] * sky.sun[2])
    glow = sky.glow * glow * glow * glow * (1 - rise)
    colour = _mix(_mix(sky.horizon, sky.zenith, rise), sky.glow_rgb, glow)
    if not objects or way[1] <= 0.0:
        return colour
    colour = _heavens(sky, way, colour)
    if way[1] > 0.03:
        far = (CLOUD_Y - eye[1]) / way[1]
        if far < CLOUD_VIEW_BLOCKS:
            count = scene.clouds.shape[0]
            i = _floor((eye[0] + way[0] * far + sky.drift) / CLOUD_CELL_BLOCKS) % count
            j = _floor((eye[2] + way[2] * far) / CLOUD_CELL_BLOCKS) % count
            if scene.clouds[i, j]:
                colour = _mix(colour, sky.cloud, 0.75 * (1 - far / CLOUD_VIEW_BLOCKS))
    return colour


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _surface_colour(scene, sky, eye, way, hit):
    """Lit colour of what a ray hit, before fog and water."""
    block, t, x, y, z, axis, row, column, _, _ = hit
    n = scene.cells.shape[0]
    i, k = x & (n - 1), z & (n - 1)
    face, shade = _SIDE, 1.0
    if axis == ON_PLANT:
        packed = scene.light[i, k, y]
        lit, torch = (packed >> 4) / 15.0, (packed & 15) / 15.0
        if block == _TORCH:
            torch = 1.0
    else:
        hx, hy, hz = eye[0] + way[0] * t, eye[1] + way[1] * t, eye[2] + way[2] * t
        u, v, sign = hx - math.floor(hx), hy - math.floor(hy), -1 if way[axis] > 0 else 1
        shade = _FACE_SHADE[axis]
        if axis == _X:
            u = hz - math.floor(hz)
        elif axis == _Y:
            v = hz - math.floor(hz)
            face = _BOTTOM
            if way[1] < 0:
                face, shade = _TOP, 1.0
        lit, torch = _face_light(scene.light, (x, y, z), axis, sign, u, v)
    mip = int(t > _MIP_BLOCKS[0]) + int(t > _MIP_BLOCKS[1]) + int(t > _MIP_BLOCKS[2])
    gain = shade / 255.0
    r = gain * scene.textures[mip, block, face, row, column, 0]
    g = gain * scene.textures[mip, block, face, row, column, 1]
    b = gain * scene.textures[mip, block, face, row, column, 2]
    if scene.textures[mip, block, face, row, column, 3] == _TINTED:
        r *= _TINT_GAIN * scene.tint[i, k, 0]
        g *= _TINT_GAIN * scene.tint[i, k, 1]
        b *= _TINT_GAIN * scene.tint[i, k, 2]
    lit, torch = lit * math.sqrt(lit), torch * math.sqrt(torch)
    return (
        r * max(sky.ambient[0] + sky.light[0] * lit, torch),
        g * max(sky.ambient[1] + sky.light[1] * lit, 0.86 * torch),
        b * max(sky.ambient[2] + sky.light[2] * lit, 0.64 * torch),
    )


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _fog(distance, view):
    """How much of the sky's colour hides what is `distance` away, in [0, 1]."""
    share = (distance / view - _FOG_START) / (1 - _FOG_START)
    share = min(1.0, max(0.0, share))
    return share * share


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _through_water(scene, sky, eye, way, hit, colour):
    """`colour` dimmed by the water in between, and mirrored sky where the ray dived in."""
    at, length = hit[8], hit[9]
    if length > 0.0:
        left = math.exp(-_ABSORPTION * length)
        warm = left * (0.55 + 0.45 * left)  # red goes first
        colour = (
            colour[0] * warm + sky.water[0] * (1 - left),
            colour[1] * left + sky.water[1] * (1 - left),
            colour[2] * left + sky.water[2] * (1 - left),
        )
    if at < 0.0:
        return colour
    n = scene.cells.shape[0]
    x, y, z = eye[0] + way[0] * at, eye[1] + way[1] * at, eye[2] + way[2] * at
    above = scene.light[_floor(x) & (n - 1), _floor(z) & (n - 1), _floor(y + 0.5)] >> 4
    grazing = (1 + way[1]) * (1 + way[1])
    shine = 0.30 + 0.50 * grazing * grazing
    lit = shine * above / 30.0
    row, column = _floor(z * 16) & 15, _floor(x * 16) & 15
    r = scene.textures[0, _WATER, _TOP, row, column, 0] / 255.0
    g = scene.textures[0, _WATER, _TOP, row, column, 1] / 255.0
    b = scene.textures[0, _WATER, _TOP, row, column, 2] / 255.0
    colour = (
        colour[0] * (1 - shine) + lit * (r * sky.light[0] + sky.horizon[0]),
        colour[1] * (1 - shine) + lit * (g * sky.light[1] + sky.horizon[1]),
        colour[2] * (1 - shine) + lit * (b * sky.light[2] + sky.horizon[2]),
    )
    return _mix(colour, _sky_colour(scene, sky, eye, way, False), _fog(at, VIEW_BLOCKS))


@njit(error_model="numpy", _nrt=False, forceinline=True)
@no_type_check
def _ray_colour(scene, sky, eye, way, under_water, underground, near, paint):
    """Colour along one ray: red, green, blue, about [0, 1], not clipped; and whether `paint` shows.

    At distance `near` a creature of colour `paint` is in the way.
    """
    view = WATER_VIEW_BLOCKS if under_water else VIEW_BLOCKS
    hit = trace(scene, eye, way, under_water, min(view, near))
    painted = near < view and (hit[0] == 0 or hit[1] > near)
    fog = _fog(min(hit[1], near), view)
    if underground:
        fog = 0.0
    if hit[0] == 0 and not painted:
        fog = 1.0
    colour = paint
    if fog < 1.0 and not painted:
        colour = _surface_colour(scene, sky, eye, way, hit)
    if fog > 0.0:
        colour = _mix(colour, _sky_colour(scene, sky, eye, way, True), fog)
    if hit[9] > 0.0:
        colour = _through_water(scene, sky, eye, way, hit, colour)
    return colour[0], colour[1], colour[2], painted


@njit(cache=True, error_model="numpy", _nrt=False)
@no_type_check
def render_rays(image, scene, sky, eye, basis, samples, under_water, underground, layer, shown):
    """Fill `image` [h, w, 3], averaging samples * samples rays a pixel.

    `basis` holds three rows (x, y, z): half the picture's width and height, and the view's centre.
    `layer` is what creatures put in each ray's way (`boxes.Layer`), 0 by 0 if nothing; `shown[k]`
    counts the rays that end on creature k.
    """
    crowded = layer.distance.shape[0] > 0
    rows, columns = image.shape[0], image.shape[1]
    origin = eye[0], eye[1], eye[2]
    gain = 255.0 / (samples * samples)
    for j in range(rows):
        for i in range(columns):
            red, green, blue = 0.0, 0.0, 0.0
            for s in range(samples * samples):
                px = 2 * (i + (s % samples + 0.5) / samples) / columns - 1
                py = 1 - 2 * (j + (s // samples + 0.5) / samples) / rows
                x = basis[2, 0] + px * basis[0, 0] + py * basis[1, 0]
                y = basis[2, 1] + px * basis[0, 1] + py * basis[1, 1]
                z = basis[2, 2] + px * basis[0, 2] + py * basis[1, 2]
                norm = 1 / math.sqrt(x * x + y * y + z * z)
                way = x * norm, y * norm, z * norm
                near, paint, row, column = _FAR, (0.0, 0.0, 0.0), 0, 0
                if crowded:
                    row, column = j * samples + s // samples, i * samples + s % samples
                    near = float(layer.distance[row, column])
                    paint = (
                        float(layer.colour[row, column, 0]),
                        float(layer.colour[row, column, 1]),
                        float(layer.colour[row, column, 2]),
                    )
                colour = _ray_colour(scene, sky, origin, way, under_water, underground, near, paint)
                if colour[3]:
                    shown[layer.owner[row, column]] += 1
                red += min(1.0, colour[0])
                green += min(1.0, colour[1])
                blue += min(1.0, colour[2])
            image[j, i, 0] = int(red * gain + 0.5)
            image[j, i, 1] = int(green * gain + 0.5)
            image[j, i, 2] = int(blue * gain + 0.5)
