"""What people are shown over: nothing, a gradient, a paved square, or the same out of focus."""

import math

import numpy as np
from jaxtyping import Bool, Float32, Float64
from scipy.ndimage import gaussian_filter, map_coordinates

from lib.worlds.plaza.scene import Scene, clearances
from lib.worlds.plaza.settings import Background

SAMPLES = 3
"""A pixel and axis, averaged."""
BLUR_SHARE = 1 / 32
"""Standard deviation of the blur, of the picture's side."""
_KERB_M = 0.14
_LATTICE = 64  # cells of value noise until it repeats

Plane = Float64[np.ndarray, "h w"]
Picture = Float64[np.ndarray, "h w 3"]


def make_background(kind: Background, scene: Scene) -> Float32[np.ndarray, "h w 3"]:
    """A scene's background, in [0, 1]."""
    size = scene.camera.size
    if kind == "black":
        return np.zeros((*size, 3), dtype=np.float32)
    if kind == "gradient":
        return gradient(size, np.random.default_rng([*scene.ground_seed, 0]))
    picture = _square(scene)
    if kind == "blurred":
        reach = size[0] * BLUR_SHARE
        picture = gaussian_filter(picture, (reach, reach, 0), mode="nearest")
    return picture.astype(np.float32)


def gradient(
    size: tuple[int, int],
    rng: np.random.Generator,
    levels: tuple[float, float] = (0.5, 1.0),
) -> Float32[np.ndarray, "h w 3"]:
    """A colour that turns into another across the picture, both with channels within `levels`.

    By default bright: walkers of the MOTSynth study are darker than its gradients, too.
    """
    colours = rng.uniform(*levels, (2, 3))
    angle = rng.uniform(0, 2 * math.pi)
    y, x = ((np.arange(side) + 0.5) / side - 0.5 for side in size)
    reach = abs(math.cos(angle)) + abs(math.sin(angle))
    share = (math.cos(angle) * x[None] + math.sin(angle) * y[:, None]) / reach + 0.5
    mixed = colours[0] + share[..., None] * (colours[1] - colours[0])
    return mixed.astype(np.float32)


def _square(scene: Scene) -> Picture:
    """The paved square with all that lies on it."""
    rng = np.random.default_rng([*scene.ground_seed, 1])
    fine = scene.camera.resampled(float(SAMPLES))
    rays = fine.rays()
    points = scene.camera.eye + rays * (-scene.camera.eye[2] / rays[..., 2:])
    ground = points[..., :2]
    turn = rng.uniform(0, math.pi / 2)
    c, s = math.cos(turn), math.sin(turn)
    along, across = ground[..., 0] * c + ground[..., 1] * s, ground[..., 1] * c - ground[..., 0] * s
    paving = (_slabs, _cobbles, _asphalt, _boards)[int(rng.integers(4))]
    picture = paving(rng, along, across)
    picture *= (0.86 + 0.28 * _noise(rng, along * 0.35, across * 0.35))[..., None]  # stains
    _paint(rng, picture, along, across)
    _lay_beds(rng, picture, scene, ground)
    _cast_house(rng, picture, along, across)
    rows, columns = scene.camera.size
    picture = np.clip(picture, 0.0, 1.0).reshape(rows, SAMPLES, columns, SAMPLES, 3)
    return picture.mean(axis=(1, 3))


def _noise(rng: np.random.Generator, x: Plane, y: Plane) -> Plane:
    """Smooth values in [0, 1] that change over a distance of 1."""
    table = rng.random((_LATTICE, _LATTICE))
    return map_coordinates(table, [y, x], order=1, mode="grid-wrap")


def _tone(rng: np.random.Generator, low: float, high: float) -> Float64[np.ndarray, "3"]:
    """A stone's colour: nearly grey."""
    return rng.uniform(low, high) * np.clip(rng.normal(1.0, 0.05, 3), 0.85, 1.15)


def _cells(rng: np.random.Generator, x: Plane, y: Plane, spread: float) -> Plane:
    """A factor about 1 for each unit cell."""
    table = np.clip(rng.normal(1.0, spread, (_LATTICE, _LATTICE)), 0.6, 1.4)
    return table[np.floor(y).astype(int) % _LATTICE, np.floor(x).astype(int) % _LATTICE]


def _joints(x: Plane, y: Plane, width: float) -> Bool[np.ndarray, "h w"]:
    return (x % 1 < width) | (y % 1 < width)


def _slabs(rng: np.random.Generator, along: Plane, across: Plane) -> Picture:
    """Large slabs in a running or a plain bond, every second one of another stone at times."""
    x, y = along / rng.uniform(0.6, 1.2), across / rng.uniform(0.5, 0.9)
    row = np.floor(y)
    x = x + (row % 2) * rng.choice([0.0, 0.5])
    picture = _tone(rng, 0.4, 0.72) * _cells(rng, x, y, 0.09)[..., None]
    if rng.random() < 0.5:
        picture[(np.floor(x) + row) % 2 == 0] *= _tone(rng, 0.68, 0.86)
    picture[_joints(x, y, 0.05)] *= 0.6
    return picture


def _cobbles(rng: np.random.Generator, along: Plane, across: Plane) -> Picture:
    """Small stones in rows that wander."""
    unit = rng.uniform(0.2, 0.3)
    y = across / unit + 0.8 * _noise(rng, along * 0.5, across * 0.5)
    x = along / unit + 0.5 * (np.floor(y) % 2)
    picture = _tone(rng, 0.42, 0.62) * _cells(rng, x, y, 0.16)[..., None]
    picture *= (0.8 + 0.2 * np.sin(math.pi * (x % 1)) * np.sin(math.pi * (y % 1)))[..., None]
    picture[_joints(x, y, 0.14)] *= 0.62
    return picture


def _asphalt(rng: np.random.Generator, along: Plane, across: Plane) -> Picture:
    """Grey grain with patches mended in another grey."""
    grain = _noise(rng, along * 14, across * 14) + _noise(rng, along * 5, across * 5)
    picture = _tone(rng, 0.36, 0.5) * (0.86 + 0.14 * grain)[..., None]
    patch = _noise(rng, along * 0.3 + 7, across * 0.3) > 0.62
    picture[patch] *= rng.uniform(0.75, 0.88)
    return picture


def _boards(rng: np.random.Generator, along: Plane, across: Plane) -> Picture:
    """Planks of wood."""
    x, y = along / rng.uniform(1.6, 2.6), across / rng.uniform(0.16, 0.3)
    x = x + _cells(rng, 0 * x, y, 0.3) * 3
    grain = _noise(rng, along * 2, across * 30)
    wood = np.array([0.62, 0.5, 0.38]) * rng.uniform(0.8, 1.15)
    picture = wood * (_cells(rng, x, y, 0.12) * (0.9 + 0.2 * grain))[..., None]
    picture[_joints(x, y, 0.07) & ((y % 1 < 0.12) | (x % 1 < 0.015))] *= 0.5
    return picture


def _paint(rng: np.random.Generator, picture: Picture, along: Plane, across: Plane) -> None:
    """Stripes, a band of other stone, manholes: whatever lies flat and may be walked on."""
    if rng.random() < 0.4:  # a crossing
        at = rng.uniform(-4, 4)
        picture[(np.abs(along - at) < 1.1) & (across * 1.1 % 1 < 0.5)] = 0.84
    if rng.random() < 0.6:
        at, width = rng.uniform(-4, 4), rng.uniform(0.15, 0.8)
        picture[np.abs(across - at) < width] *= np.array([0.8, 0.62, 0.52])
    for _ in range(int(rng.integers(0, 4))):
        x, y = rng.uniform(-5, 5, 2)
        away = np.hypot(along - x, across - y)
        picture[away < 0.34] = 0.26
        picture[(away < 0.34) & ((along * 9 % 1 < 0.4) | (away > 0.29))] = 0.36


def _lay_beds(
    rng: np.random.Generator, picture: Picture, scene: Scene, ground: Float64[np.ndarray, "h w 2"]
) -> None:
    """Flower beds and pools within kerbs."""
    kerb = _tone(rng, 0.66, 0.82)
    x, y = ground[..., 0], ground[..., 1]
    for bed in scene.beds:
        depth = -clearances((bed,), ground)
        inside = depth > _KERB_M
        leaves = 0.45 * _noise(rng, x * 5, y * 5) + 0.55 * _noise(rng, x * 12, y * 12)
        picture[depth > 0] = kerb
        if bed.water:
            shade = np.array([0.2, 0.42, 0.5]) * (0.8 + 0.4 * leaves[inside])[..., None]
        else:
            shade = np.array([0.24, 0.42, 0.16]) * (0.45 + 1.1 * leaves[inside])[..., None]
            bloom = _noise(rng, x * 7 + 0.3, y * 7)[inside] > rng.uniform(0.66, 0.85)
            shade[bloom] = rng.choice(_BLOOMS) * rng.uniform(0.8, 1.0)
        picture[inside] = shade


_BLOOMS = np.array([[0.9, 0.3, 0.35], [0.95, 0.8, 0.3], [0.8, 0.5, 0.85], [0.95, 0.93, 0.9]])


def _cast_house(rng: np.random.Generator, picture: Picture, along: Plane, across: Plane) -> None:
    """At times the shadow of a house lies over a corner."""
    if rng.random() < 0.4:
        angle, at = rng.uniform(0, 2 * math.pi), rng.uniform(2.0, 4.5)
        dark = along * math.cos(angle) + across * math.sin(angle) > at
        picture[dark] *= np.array([0.62, 0.64, 0.7])
