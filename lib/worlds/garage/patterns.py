"""Stickers and wheels as small pictures that the shading kernel looks up.

A sticker is painted on a car from its sides and from above; a wheel's face is a disc, its tread a
strip. All are made once from formulas, so a lookup costs the same however rich a pattern is.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from jaxtyping import Bool, Float64, UInt8

from lib.worlds.garage.loadout import STICKERS, WHEELS, Body

TEXELS_PER_UNIT = 72
STICKER_SPAN = (3.6, 1.6)
"""Car units that a sticker's map covers: along x (centred) and across, from 0 up."""
DISC_TEXELS = 96
RIM_SHARE = 0.74
"""Radius of the rim's pattern over that of the wheel; the rest of the disc is the tyre's side."""
TREAD_TEXELS = (128, 8)  # around and across

Plane = Float64[np.ndarray, "r c"]
Mask = Bool[np.ndarray, "r c"]
Colour = tuple[float, float, float]


def _hash(a: Plane, b: Plane) -> Plane:
    """A number in [0, 1) for each pair of cells."""
    return np.modf(np.abs(np.sin(a * 127.1 + b * 311.7)) * 43758.5453)[0]


def _stripes(x: Plane, t: Plane, k: int) -> Mask:
    return np.sin((30 - 4 * k) * (x + (0.9 - 0.7 * k) * t)) > 0.25


def _halftone(x: Plane, t: Plane, k: int) -> Mask:
    pitch = 0.085 + 0.02 * k
    u, v = (x + t) / pitch, (x - t) / pitch
    size = 0.62 * np.clip(0.55 - 0.5 * x + 0.2 * k, 0, 1)
    return np.hypot(u - np.round(u), v - np.round(v)) < size


def _flames(x: Plane, t: Plane, k: int) -> Mask:
    tongues = 0.30 * np.abs(np.sin(9 * t + k)) + 0.16 * np.abs(np.sin(23 * t + 1.7 * k))
    return x > 0.72 - 1.9 * tongues


def _glyphs(x: Plane, t: Plane, k: int) -> Mask:
    """Scattered little signs, each of a few cells."""
    pitch = 0.17
    i, j = np.floor(x / pitch), np.floor(t / pitch)
    u, v = np.floor((x / pitch - i) * 5), np.floor((t / pitch - j) * 5)
    inside = (u > 0) & (u < 4) & (v > 0) & (v < 4)
    dots = _hash(i * 9 + u + 31 * k, j * 7 + v) > 0.38
    return inside & dots & (_hash(i + k, j + 0.5) > 0.52)


def _camouflage(x: Plane, t: Plane, k: int) -> Mask:
    waves = np.sin(5.1 * x + 3 * np.sin(3.3 * t + k)) + np.sin(7.7 * t + 2 * np.sin(4.1 * x - k))
    return waves + 0.4 * np.sin(17 * x + 11 * t) > 0.35


def _checks(x: Plane, t: Plane, k: int) -> Mask:
    cell = 0.14 + 0.04 * k
    fade = x < 0.35 - 0.5 * k
    return ((np.floor(x / cell) + np.floor(t / cell)) % 2 == 0) & fade


def _bolts(x: Plane, t: Plane, k: int) -> Mask:
    zigzag = 0.16 * np.abs(((t * 3.2 + 0.3 * k) % 1.0) * 2 - 1)
    return np.abs(((x + zigzag + 2) % (0.62 + 0.1 * k)) - 0.2) < 0.075


def _wave(x: Plane, t: Plane, k: int) -> Mask:
    return t < 0.44 + 0.13 * np.sin(4.2 * x + k) + 0.05 * np.sin(13 * x)


Pattern = Callable[[Plane, Plane, int], Mask]
_PATTERNS: dict[tuple[Body, int], tuple[Pattern, int]] = {
    (Body.OCTANE, 1): (_stripes, 0),
    (Body.OCTANE, 2): (_glyphs, 0),
    (Body.AFTERSHOCK, 1): (_stripes, 2),
    (Body.AFTERSHOCK, 2): (_checks, 1),
    (Body.WEREWOLF, 1): (_glyphs, 3),
    (Body.BREAKOUT, 1): (_camouflage, 0),
    (Body.BREAKOUT, 2): (_flames, 0),
    (Body.BREAKOUT, 3): (_bolts, 0),
    (Body.HATCHBACK, 1): (_halftone, 0),
    (Body.HATCHBACK, 2): (_wave, 0),
    (Body.PICKUP, 1): (_flames, 2),
    (Body.PICKUP, 2): (_camouflage, 2),
    (Body.ROADSTER, 1): (_bolts, 2),
    (Body.ROADSTER, 2): (_halftone, 2),
    (Body.PROTOTYPE, 1): (_wave, 2),
    (Body.PROTOTYPE, 2): (_checks, 0),
}


@cache
def sticker_maps(body: Body, sticker: int) -> UInt8[np.ndarray, "2 r c"]:
    """Share of secondary colour, 0 to 255, seen from the side (x, z) and from above (x, |y|).

    Column c holds x = (c + 0.5) / `TEXELS_PER_UNIT` minus half the span; row r holds z or |y|.
    Sticker 0 is plain paint. Edges are smoothed over 3 × 3 points a texel.

    Raises:
        ValueError: a sticker that the body cannot wear.
    """
    if not 0 <= sticker < STICKERS[body]:
        raise ValueError(
            f"sticker is {sticker}, but {body.name.lower()} has {STICKERS[body]} (numbered from 0)"
        )
    rows, columns = (round(span * TEXELS_PER_UNIT) for span in STICKER_SPAN[::-1])
    maps = np.zeros((2, rows, columns), dtype=np.uint8)
    if sticker > 0:
        pattern, variant = _PATTERNS[body, sticker]
        points = 3
        x = (np.arange(columns * points) + 0.5) / points / TEXELS_PER_UNIT - STICKER_SPAN[0] / 2
        t = (np.arange(rows * points) + 0.5) / points / TEXELS_PER_UNIT
        for view, offset in enumerate((0.0, 0.31)):  # from above it begins elsewhere, not at a seam
            on = pattern(*np.meshgrid(x, t + offset), variant)
            share = on.reshape(rows, points, columns, points).mean(axis=(1, 3))
            maps[view] = np.round(255 * share)
    maps.flags.writeable = False
    return maps


# rim, tyre side, accent on the tyre
_WHEEL_COLOURS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((0.62, 0.62, 0.64), (0.11, 0.11, 0.11), (0.11, 0.11, 0.11)),
    ((0.86, 0.80, 0.10), (0.28, 0.27, 0.26), (0.28, 0.27, 0.26)),
    ((0.60, 0.16, 0.78), (0.22, 0.21, 0.22), (0.22, 0.21, 0.22)),
    ((0.82, 0.42, 0.08), (0.30, 0.29, 0.28), (0.30, 0.29, 0.28)),
    ((0.95, 0.55, 0.12), (0.12, 0.50, 0.62), (0.30, 0.86, 0.95)),
    ((0.70, 0.70, 0.68), (0.34, 0.34, 0.34), (0.78, 0.78, 0.74)),
    ((0.20, 0.20, 0.22), (0.09, 0.09, 0.09), (0.09, 0.09, 0.09)),
    ((0.82, 0.84, 0.84), (0.12, 0.12, 0.12), (0.12, 0.12, 0.12)),
    ((0.78, 0.56, 0.22), (0.09, 0.09, 0.09), (0.09, 0.09, 0.09)),
    ((0.30, 0.34, 0.38), (0.09, 0.09, 0.10), (0.30, 0.75, 0.90)),
    ((0.70, 0.10, 0.10), (0.11, 0.11, 0.11), (0.70, 0.10, 0.10)),
    ((0.12, 0.45, 0.80), (0.11, 0.11, 0.11), (0.11, 0.11, 0.11)),
    ((0.86, 0.86, 0.86), (0.09, 0.09, 0.09), (0.86, 0.86, 0.86)),
    ((0.18, 0.62, 0.30), (0.12, 0.12, 0.12), (0.12, 0.12, 0.12)),
    ((0.90, 0.40, 0.62), (0.11, 0.11, 0.11), (0.90, 0.40, 0.62)),
    ((0.45, 0.28, 0.14), (0.16, 0.12, 0.09), (0.16, 0.12, 0.09)),
    ((0.95, 0.75, 0.30), (0.30, 0.05, 0.05), (0.95, 0.45, 0.10)),
    ((0.52, 0.60, 0.66), (0.20, 0.22, 0.24), (0.52, 0.60, 0.66)),
    ((0.10, 0.70, 0.70), (0.05, 0.07, 0.07), (0.10, 0.70, 0.70)),
    ((0.34, 0.22, 0.55), (0.06, 0.05, 0.08), (0.70, 0.55, 0.90)),
    ((0.84, 0.72, 0.58), (0.10, 0.09, 0.08), (0.84, 0.72, 0.58)),
    ((0.14, 0.14, 0.15), (0.09, 0.09, 0.09), (0.80, 0.66, 0.10)),
    ((0.55, 0.08, 0.24), (0.11, 0.10, 0.10), (0.11, 0.10, 0.10)),
)
assert len(_WHEEL_COLOURS) == WHEELS
_SPOKES = (5, 9, 7, 9, 0, 3, 10, 6, 5, 4, 8, 12, 6, 5, 7, 8, 3, 0, 4, 6, 10, 3, 9)
_DARK: Colour = (0.035, 0.035, 0.04)


def _rim_mask(wheel: int, radius: Plane, angle: Plane) -> Mask:
    """Where the rim is bright: ring, hub and spokes. `radius` is 1 at the rim's edge."""
    hub = 0.16 + 0.05 * (wheel % 3)
    ring = radius > 0.88 - 0.05 * (wheel % 2)
    kind, spokes = wheel % 5, _SPOKES[wheel]
    twist = (1.6 if kind == 1 else -0.9 if kind == 3 else 0.0) * radius
    if spokes == 0:  # bands
        middle = np.abs((radius * 4.0) % 1.0 - 0.5) < 0.27
    elif kind == 2:  # star
        middle = radius * (1.35 + 0.75 * np.cos(spokes * angle)) < 0.9
    elif kind == 4:  # pairs of thin spokes
        middle = np.abs(np.sin(spokes * angle / 2)) * radius < 0.12
        middle |= np.abs(np.sin(spokes * angle / 2 + 0.35)) * radius < 0.09
    else:
        middle = np.cos(spokes * (angle + twist)) > -0.1 + 0.25 * kind
    if wheel % 4 == 1:
        middle |= np.abs(radius - 0.58) < 0.06
    return (radius < 1) & (ring | (radius < hub) | (middle & (radius > hub + 0.06)))


@cache
def wheel_faces() -> UInt8[np.ndarray, "wheel r c 3"]:
    """Face of each wheel, RGB; the disc's rim touches the picture's edges, rows run downwards."""
    points = 3
    at = (np.arange(DISC_TEXELS * points) + 0.5) / (DISC_TEXELS * points) * 2 - 1
    x, down = np.meshgrid(at, at)
    radius, angle = np.hypot(x, down), np.arctan2(-down, x)
    faces = np.empty((WHEELS, DISC_TEXELS, DISC_TEXELS, 3), dtype=np.uint8)
    for wheel, (rim, tyre, accent) in enumerate(_WHEEL_COLOURS):
        colour = np.where((radius < RIM_SHARE)[..., None], _DARK, tyre)
        bright = _rim_mask(wheel, radius / RIM_SHARE, angle)
        # a little darker inwards: spokes lie deeper than the ring
        colour = np.where(
            bright[..., None], rim * (0.95 + 0.35 * radius / RIM_SHARE)[..., None], colour
        )
        marks = np.abs(radius - 0.85) < 0.035
        if wheel % 3 == 0:
            marks |= np.abs(radius - 0.94) < 0.02
        if wheel % 4 == 2:
            marks &= np.cos(6 * angle) > 0
        colour = np.where(marks[..., None], accent, colour)
        if wheel == 4:  # a sunset behind bands
            glow = np.stack([0 * x + 0.98, 0.55 - 0.35 * down, 0.15 + 0 * x], axis=-1)
            bars = (radius < RIM_SHARE) & ~((down > 0.1) & (np.sin(34 * down) > 0.5))
            colour = np.where(bars[..., None], np.clip(glow, 0, 1), colour)
        cells = colour.reshape(DISC_TEXELS, points, DISC_TEXELS, points, 3).mean(axis=(1, 3))
        faces[wheel] = np.round(255 * np.clip(cells, 0, 1))
    faces.flags.writeable = False
    return faces


@cache
def wheel_treads() -> UInt8[np.ndarray, "wheel r c 3"]:
    """Tread of each wheel, RGB; rows run around (angle -π to π), columns across from 0 to |±1|."""
    rows, columns = TREAD_TEXELS
    around, across = np.meshgrid(
        (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij"
    )
    treads = np.empty((WHEELS, rows, columns, 3), dtype=np.uint8)
    for wheel, (_, tyre, accent) in enumerate(_WHEEL_COLOURS):
        blocks = (14, 18, 22, 16)[wheel % 4]
        lean = (0.0, 0.5, 1.0)[wheel % 3]
        groove = ((around * blocks + lean * across) % 1.0 < 0.28) | (across < 0.12)
        line = (np.abs(across - 0.55) < 0.1) & (wheel % 3 != 1)
        colour = np.where(groove[..., None], np.multiply(tyre, 0.6), np.multiply(tyre, 1.6))
        colour = np.where(line[..., None], accent, colour)
        treads[wheel] = np.round(255 * np.clip(colour, 0, 1))
    treads.flags.writeable = False
    return treads
