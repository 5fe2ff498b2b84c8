"""The arena behind the car: grass with lines, wall, banner, goals and ball.

An oval pitch about the car. The camera circles the car and looks level (the picture is shifted on
the film instead of tilted), so every column of the picture meets the wall at one distance. What one
sees depends on the rotation alone. Coordinates are the car's: x ahead of it, y to its left.
"""

import math
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float64, UInt8

from lib.worlds.garage.loadout import ROTATIONS
from lib.worlds.raster import Camera, look_at

EYE_DISTANCE, EYE_HEIGHT = 5.1, 1.08
_FOCAL_SHARE = 1.0  # of the picture's width
_HORIZON_SHARE = 0.25  # of the picture's height, from above
_HALF_SIZE = (17.0, 24.0)  # of the pitch, across and along
_AXIS_RAD = math.radians(129.0)  # towards the orange goal
_GOAL_HALF_WIDTH, _GOAL_HEIGHT = 2.9, 3.6
_BALL, _BALL_RADIUS = (2.9, -8.9), 1.35
_FRONT_ROTATION = 1  # in which the car faces the camera
_GLYPHS = {
    "S": "01111 10000 10000 01110 00001 00001 11110",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "I": "00100 00100 00100 00100 00100 00100 00100",
    "N": "10001 11001 11001 10101 10011 10011 10001",
    "G": "01111 10000 10000 10111 10001 10001 01110",
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "M": "10001 11011 10101 10101 10001 10001 10001",
    " ": "00000 00000 00000 00000 00000 00000 00000",
}
_BANNER_TEXT = "SEEING GAMES    "

Plane = Float64[np.ndarray, "..."]
Mask = Bool[np.ndarray, "..."]
Picture = Float64[np.ndarray, "h w 3"]


def camera(rotation: int, size: tuple[int, int]) -> Camera:
    """The camera of a rotation, 36 degrees on from one to the next; `size` is (rows, columns).

    Raises:
        ValueError: no such rotation.
    """
    if not 0 <= rotation < ROTATIONS:
        raise ValueError(f"rotation is {rotation}; choose one from 0 to {ROTATIONS - 1}")
    angle = 2 * math.pi * (_FRONT_ROTATION - rotation) / ROTATIONS
    rows, columns = size
    # a picture of other proportions shows at least as much as the original's 8 : 3
    scale = min(columns, rows * 8 / 3)
    eye = (EYE_DISTANCE * math.cos(angle), EYE_DISTANCE * math.sin(angle), EYE_HEIGHT)
    return look_at(
        eye,
        (0.0, 0.0, EYE_HEIGHT),
        focal_samples=_FOCAL_SHARE * scale,
        size=size,
        centre=(columns / 2, rows / 2 - (0.5 - _HORIZON_SHARE) * scale * 3 / 8),
    )


@lru_cache(maxsize=64)
def arena(rotation: int, size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """The empty arena as seen in a rotation, RGB; read-only and cached."""
    points = 2
    view = camera(rotation, size).resampled(float(points))
    rays = view.rays()
    distance = _wall_distance(view.eye, rays[0])
    picture = _wall(view, rays, distance)
    grass = _pitch(view, rays)
    on_pitch = rays[..., 2] * distance < -EYE_HEIGHT
    picture[on_pitch] = grass[on_pitch]
    picture = _ball(view, rays, picture)
    rows, columns = size
    small = np.clip(picture, 0, 1).reshape(rows, points, columns, points, 3).mean(axis=(1, 3))
    image = np.round(255 * small).astype(np.uint8)
    image.flags.writeable = False
    return image


def _turn(x: Plane, y: Plane) -> tuple[Plane, Plane]:
    """Along the pitch's axis, and across it."""
    c, s = math.cos(_AXIS_RAD), math.sin(_AXIS_RAD)
    return c * x + s * y, c * y - s * x


def _wall_distance(
    eye: Float64[np.ndarray, "3"], rays: Float64[np.ndarray, "w 3"]
) -> Float64[np.ndarray, " w"]:
    """Units of depth at which each column meets the wall, a superellipse of power 4."""
    low, high = np.zeros(len(rays)), np.full(len(rays), 80.0)
    for _ in range(48):  # bisection: the eye is inside, the far end outside
        middle = (low + high) / 2
        along, across = _turn(eye[0] + middle * rays[:, 0], eye[1] + middle * rays[:, 1])
        inside = (along / _HALF_SIZE[1]) ** 4 + (across / _HALF_SIZE[0]) ** 4 < 1
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return low


def _noise(x: Plane, y: Plane, seed: int) -> Plane:
    """Smooth noise in [0, 1] on a lattice of side 1 (value noise, cubic between the points)."""
    lattice = np.random.default_rng([seed, 0xA2E4A]).random((256, 256))
    i, j = np.floor(x), np.floor(y)
    u, v = x - i, y - j
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    i, j = i.astype(np.int64) % 255, j.astype(np.int64) % 255
    upper = lattice[i, j] * (1 - u) + lattice[i + 1, j] * u
    lower = lattice[i, j + 1] * (1 - u) + lattice[i + 1, j + 1] * u
    return upper * (1 - v) + lower * v


def _mix(picture: Picture, colour: tuple[float, float, float] | Picture, share: Plane) -> Picture:
    return picture + (np.asarray(colour) - picture) * share[..., None]


def _pitch(view: Camera, rays: Picture) -> Picture:
    """Mown grass and its lines, where each ray meets the ground."""
    depth = EYE_HEIGHT / np.maximum(-rays[..., 2], 1e-3)
    x, y = view.eye[0] + depth * rays[..., 0], view.eye[1] + depth * rays[..., 1]
    along, across = _turn(x, y)
    fine = np.clip(1.6 - depth / 6, 0.0, 1.0)  # far away blades average out
    blades = (_noise(x * 26, y * 26, 1) - 0.5) * fine + 0.6 * (_noise(x * 9, y * 9, 2) - 0.5)
    blades += 0.35 * (_noise(x * 2, y * 2, 3) - 0.5)
    stripes = np.tanh(6 * np.sin(along * math.pi / 2.2))
    light = 0.80 + 0.34 * blades + 0.045 * stripes + 0.012 * np.minimum(depth, 14)
    grass = np.stack([0.56 * light, 0.60 * light, 0.17 * light], axis=-1)
    rough = 0.10 * (_noise(x * 13, y * 13, 4) - 0.5) * fine + 0.04 * blades
    far = np.hypot(x, y)
    yellow, white = (0.93, 0.66, 0.10), (0.86, 0.88, 0.80)
    for k in (-1.0, 1.0):  # two yellow lines that would meet ahead of the car
        line = np.abs(0.86 * (y - k * 1.75) + k * 0.51 * x) + rough < 0.075
        gap = np.sin(2.1 * x + 0.8 * k) > -0.72
        grass = _mix(grass, yellow, 0.9 * (line & gap & (far < 8.5) & (far > 1.6)))
    ring = np.hypot(x - _BALL[0], y - _BALL[1])
    grass = _mix(grass, white, 0.75 * (np.abs(ring - 5.6) + rough < 0.13))
    hatched = (ring < 4.6) & ((np.abs(ring - 4.4) < 0.13) | (np.sin(4.5 * (along + across)) > 0.55))
    grass = _mix(grass, yellow, 0.75 * (hatched & (rough > -0.05)))
    for goal in (-1.0, 1.0):
        area = np.hypot(along - goal * _HALF_SIZE[1], across)
        grass = _mix(grass, white, 0.75 * (np.abs(area - 12.5) + rough < 0.12))
    grass = _mix(grass, white, 0.7 * (np.abs(across + 7.2) + rough < 0.09))
    return _mix(grass, white, 0.7 * (np.abs(across - 7.6) + rough < 0.09))


def _banner_letters(u: Plane, v: Plane) -> Mask:
    """Whether a letter is at a point; `u` counts letters, `v` runs from 0 to 1 downwards."""
    rows = [[glyph == "1" for glyph in "".join(_GLYPHS[c].split())] for c in _BANNER_TEXT]
    font = np.array(rows).reshape(len(rows), 7, 5)
    u = u + 0.25 * (0.5 - v)  # slanted
    letter, column = np.floor(u).astype(np.int64), np.floor((u % 1.0) * 6.2).astype(np.int64)
    row = np.floor(v * 7).astype(np.int64)
    inside = (row >= 0) & (row < 7) & (column < 5)
    return inside & font[letter % len(rows), np.clip(row, 0, 6), np.clip(column, 0, 4)]


def _wall(view: Camera, rays: Picture, distance: Float64[np.ndarray, " w"]) -> Picture:
    """From the ground up: kerb, panels, lamps on posts, banner, stands; and the goals."""
    x = np.broadcast_to(view.eye[0] + distance * rays[0, :, 0], rays.shape[:2])
    y = np.broadcast_to(view.eye[1] + distance * rays[0, :, 1], rays.shape[:2])
    z = EYE_HEIGHT + distance * rays[..., 2]
    along, across = _turn(x, y)
    around = np.arctan2(across / _HALF_SIZE[0], along / _HALF_SIZE[1])
    length = around * -20.0  # about units along the wall
    orange = np.clip(0.5 + 0.9 * along / _HALF_SIZE[1], 0, 1)  # the halves blend in between
    # the lower wall curves: bright where it faces up, dark under the banner
    tone = np.interp(z, (0, 0.10, 0.35, 0.9, 1.45, 1.62), (0.34, 0.56, 0.84, 0.74, 0.40, 0.22))
    picture = np.stack([tone, tone, tone * 1.01], axis=-1)
    picture = _mix(picture, (0.22, 0.22, 0.25), 0.5 * ((length % 2.4) < 0.05) * (z > 0.2))
    picture = _mix(picture, (0.16, 0.16, 0.20), 1.0 * (np.abs(z - 0.13) < 0.03))
    post = np.abs(length % 1.6 - 0.8 - 0.25 * np.maximum(0, z - 0.9) ** 2)
    glow = _mix(np.broadcast_to((0.55, 0.75, 0.95), picture.shape), (0.9, 0.8, 0.3), orange)
    picture = _mix(picture, glow, 0.8 * ((post < 0.035) & (z > 0.75) & (z < 1.45)))
    picture = _mix(picture, (1.0, 0.97, 0.8), 1.0 * (np.hypot(post, z - 1.45) < 0.09))
    picture = _banner(picture, z, length, orange)
    picture = _stands(picture, z, length, orange)
    goal = (np.abs(across) < _GOAL_HALF_WIDTH) & (np.abs(along) > 0.8 * _HALF_SIZE[1])
    frame = goal & (z < _GOAL_HEIGHT)
    inner = frame & (np.abs(across) < _GOAL_HALF_WIDTH - 0.2) & (z < _GOAL_HEIGHT - 0.2)
    picture = _mix(picture, (0.86, 0.87, 0.88), 1.0 * frame)
    bright = 0.78 + 0.22 * np.clip(z / _GOAL_HEIGHT, 0, 1)
    is_orange = (along > 0)[..., None]
    net = np.where(is_orange, (1.0, 0.58, 0.07), (0.07, 0.36, 0.92)) * bright[..., None]
    return _mix(picture, net, 1.0 * inner)


def _banner(picture: Picture, z: Plane, length: Plane, orange: Plane) -> Picture:
    low, high = 1.72, 2.42
    warm, cold = np.array((0.86, 0.42, 0.08)), np.array((0.09, 0.19, 0.62))
    paint = cold + (warm - cold) * orange[..., None]
    segment = _noise(np.floor(length / 3.1), 0 * z, 5)
    paint = paint * (0.55 + 0.6 * segment)[..., None]
    mesh = np.sin(length * 14 + 9 * z) * np.sin(length * 14 - 9 * z) > 0.2
    paint = _mix(paint, (0.10, 0.09, 0.12), 0.45 * mesh * (segment < 0.5))
    letters = _banner_letters(length * 1.9, (high - 0.12 - z) / (high - low - 0.24))
    paint = _mix(paint, (0.92, 0.93, 0.96), 0.95 * letters)
    picture = _mix(picture, (0.08, 0.08, 0.13), 1.0 * ((z > low - 0.12) & (z < high + 0.16)))
    return _mix(picture, paint, 1.0 * ((z > low) & (z < high)))


def _stands(picture: Picture, z: Plane, length: Plane, orange: Plane) -> Picture:
    """Dark tiers with a speckled crowd, light shafts in the half's colour."""
    crowd = _noise(length * 7, z * 9, 6)
    night = np.stack([0.10 + 0.06 * orange, 0.10 + 0.02 * orange, 0.22 - 0.08 * orange], axis=-1)
    night = night * (0.7 + 0.8 * crowd)[..., None]
    shaft = np.clip(np.sin(length * 0.55) - 0.86, 0, 1) * 4
    colour = _mix(np.broadcast_to((0.15, 0.40, 0.95), night.shape), (0.95, 0.55, 0.15), orange)
    night = _mix(night, colour, np.clip(shaft, 0, 0.7))
    night = _mix(night, (0.30, 0.30, 0.36), 0.8 * ((z % 0.95) < 0.12))
    return _mix(picture, night, 1.0 * (z > 2.58))


def _ball(view: Camera, rays: Picture, picture: Picture) -> Picture:
    """A dark ball with seams, and its shadow."""
    centre = np.array([*_BALL, _BALL_RADIUS])
    depth = EYE_HEIGHT / np.maximum(-rays[..., 2], 1e-3)
    gx, gy = view.eye[0] + depth * rays[..., 0], view.eye[1] + depth * rays[..., 1]
    near = np.hypot(gx - _BALL[0], gy - _BALL[1]) / _BALL_RADIUS
    ground = rays[..., 2] < -0.02
    picture = _mix(picture, (0.05, 0.06, 0.02), 0.75 * np.clip(1.25 - near, 0, 1) * ground)
    way = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    offset = view.eye - centre
    b = way @ offset
    inside = b * b - offset @ offset + _BALL_RADIUS**2
    hit = (inside > 0) & (b < 0)
    at = offset + (-b - np.sqrt(np.maximum(inside, 0)))[..., None] * way
    normal = at / _BALL_RADIUS
    turn = np.arctan2(normal[..., 1], normal[..., 0])
    seams = np.abs(np.sin(2.5 * turn) - normal[..., 2] * 1.2) < 0.09
    seams |= np.abs(np.abs(normal[..., 2]) - 0.5) < 0.035
    grain = _noise(turn * 9, normal[..., 2] * 9, 7)
    tone = 0.12 + 0.11 * np.maximum(0, normal[..., 2]) + 0.05 * (grain - 0.5)
    tone = np.where(seams, 0.05, tone)
    rim = (1 + np.sum(normal * way, axis=-1)) ** 3
    colour = np.stack([tone, tone, tone * 1.04], axis=-1) + 0.18 * rim[..., None]
    return np.where(hit[..., None], colour, picture)
