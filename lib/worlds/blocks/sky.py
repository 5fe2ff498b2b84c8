"""Sun, moon and the colours of day, dusk and night."""

import math
from typing import NamedTuple

import numpy as np

DAY_SECONDS = 1200.0
"""A day and night of the original game: 20 minutes."""
PATH_TILT_DEG = 20.0
"""The sun's path leans away from the zenith, so that noon has a direction too."""

_DAY_HORIZON, _DAY_ZENITH = np.array([0.72, 0.84, 0.99]), np.array([0.44, 0.63, 0.98])
_NIGHT_HORIZON, _NIGHT_ZENITH = np.array([0.13, 0.16, 0.26]), np.array([0.06, 0.08, 0.16])
_DUSK_HORIZON = np.array([0.72, 0.55, 0.52])
_GLOW = np.array([0.98, 0.52, 0.22])
_DAYLIGHT, _DUSK_LIGHT = np.array([1.0, 1.0, 1.0]), np.array([0.92, 0.72, 0.60])
_MOONLIGHT = np.array([0.29, 0.34, 0.47])
_AMBIENT_DAY, _AMBIENT_NIGHT = np.array([0.17, 0.17, 0.18]), np.array([0.155, 0.16, 0.19])
_WATER_DAY = np.array([0.07, 0.22, 0.46])


class Sky(NamedTuple):
    """Everything above the ground at one moment; colours are red, green, blue in [0, 1].

    sun: unit vector (x, y, z) to the sun; the moon stands opposite. horizon, zenith, glow_rgb,
    cloud: colours; glow: strength of dawn and dusk. light: colour of full sky light; ambient: what
    reaches even caves. water: what deep water looks like. stars: their brightness. drift: how far
    clouds have moved, in blocks.
    """

    sun: np.ndarray
    horizon: np.ndarray
    zenith: np.ndarray
    glow_rgb: np.ndarray
    cloud: np.ndarray
    light: np.ndarray
    ambient: np.ndarray
    water: np.ndarray
    glow: float
    stars: float
    drift: float


def sun_direction(time_of_day: float) -> np.ndarray:
    """Unit vector (x, y, z) to the sun; time 0 is sunrise, 0.25 noon, 0.5 sunset, 0.75 midnight."""
    angle, tilt = 2 * math.pi * time_of_day, math.radians(PATH_TILT_DEG)
    return np.array(
        [math.cos(angle), math.sin(angle) * math.cos(tilt), math.sin(angle) * math.sin(tilt)]
    )


def sun_elevation(time_of_day: float) -> float:
    """Sine of the sun's angle above the horizon, in [-1, 1]; negative at night."""
    return float(sun_direction(time_of_day)[1])


def _blend(low: np.ndarray, high: np.ndarray, share: float) -> np.ndarray:
    return low + (high - low) * share


def make_sky(time_of_day: float, *, drift_blocks: float = 0.0) -> Sky:
    """The sky at a time of day in [0, 1) (see `sun_direction`)."""
    sun = sun_direction(time_of_day)
    day = min(1.0, max(0.0, sun[1] * 3.2 + 0.42))
    day = day * day * (3 - 2 * day)
    dusk = max(0.0, 1 - abs(sun[1] - 0.02) / 0.26)
    light = _blend(_MOONLIGHT, _blend(_DAYLIGHT, _DUSK_LIGHT, dusk), day)
    horizon = _blend(_blend(_NIGHT_HORIZON, _DAY_HORIZON, day), _DUSK_HORIZON, 0.55 * dusk)
    return Sky(
        sun=sun,
        horizon=horizon,
        zenith=_blend(_NIGHT_ZENITH, _DAY_ZENITH, day),
        glow_rgb=_GLOW,
        cloud=_blend(np.array([0.14, 0.16, 0.24]), np.ones(3), day)
        * _blend(np.ones(3), light, dusk),
        light=light,
        ambient=_blend(_AMBIENT_NIGHT, _AMBIENT_DAY, day),
        water=_WATER_DAY * (0.35 + 0.65 * day),
        glow=0.85 * dusk,
        stars=max(0.0, 0.55 * (1 - 2.2 * day)),
        drift=drift_blocks,
    )
