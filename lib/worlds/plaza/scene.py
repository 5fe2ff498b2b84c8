"""Places: where the camera stands, where people may walk, what lies in their way, how light falls.

Metres on the ground: x to the right of the picture, y away from the camera, z up.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float64

from lib.worlds.plaza.settings import PlazaFootage
from lib.worlds.raster import Camera, look_at

TALLEST_M = 2.05
"""No person with hat reaches higher."""
KEEP_OFF_M = 0.4
"""From a bed's edge to the middle of a walker, at least."""
_FIELD_OF_VIEW = math.radians(30)  # a long lens: people near and far are about as large
_PITCH_DEG = (36.0, 56.0)
_REACH_M = 0.75  # from the middle of a walker to the tip of a swinging arm or foot
_SCENE_STREAM, _GROUND_STREAM = 1, 2


@dataclass(frozen=True)
class Stage:
    """The ground people walk on: a trapezoid, wider at the far edge, as the camera sees it."""

    near: float
    far: float
    half_width: float  # at y = 0
    widening: float

    def half_widths(self, y: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """Half the breadth at depths `y`."""
        return self.half_width + self.widening * y

    def contains(self, points: Float64[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
        """Whether each point is on the stage."""
        x, y = points.T
        return (y >= self.near) & (y <= self.far) & (np.abs(x) <= self.half_widths(y))

    @property
    def area_m2(self) -> float:
        """Area of the trapezoid."""
        middle = (self.near + self.far) / 2
        return 2 * (self.half_width + self.widening * middle) * (self.far - self.near)

    def border(self, side: int, share: float) -> Float64[np.ndarray, "2"]:
        """A point of the border: side 0 left, 1 right, 2 near, 3 far; share of the way along."""
        y = (self.near, self.far)[side - 2] if side >= 2 else 0.0
        y = y if side >= 2 else self.near + share * (self.far - self.near)
        half = self.half_width + self.widening * y
        x = (2 * share - 1) * half if side >= 2 else (-half, half)[side]
        return np.array([x, y])


@dataclass(frozen=True)
class Bed:
    """What nobody walks on: all points within `radius` of the line from `start` to `end`."""

    start: tuple[float, float]
    end: tuple[float, float]
    radius: float
    water: bool


@dataclass(frozen=True)
class Scene:
    """A place.

    stage: where people walk. seen: the part of it that is in the picture. light: points to the
    sun. key: strength of its light. shadow: share of the ground's light that it takes away.
    """

    camera: Camera
    stage: Stage
    seen: Stage
    beds: tuple[Bed, ...]
    light: Float64[np.ndarray, "3"]
    key: float
    shadow: float
    ground_seed: tuple[int, ...]

    @property
    def population(self) -> float:
        """People on the stage for each one in view: its edge is hidden from the camera."""
        return self.stage.area_m2 / self.seen.area_m2


@lru_cache(maxsize=2)
def make_scene(footage: PlazaFootage, number: int) -> Scene:
    """Scene `number`, counted from 0. Its looks depend on `seed`, `size_px` and `view_m` alone.

    Raises `ValueError` where the data set has no such scene.
    """
    if not 0 <= number < footage.scenes:
        raise ValueError(
            f"number is {number}, but the data set has {footage.scenes} scenes, from 0; choose one"
        )
    rng = np.random.default_rng([footage.seed, number, _SCENE_STREAM])
    pitch = math.radians(rng.uniform(*_PITCH_DEG))
    distance = footage.view_m / 2 / math.tan(_FIELD_OF_VIEW / 2)
    # two samples broad: people walk alike, to the last bit, whatever the picture's size
    view = look_at(
        (0.0, -distance * math.cos(pitch), distance * math.sin(pitch)),
        (0.0, 0.0, 0.0),
        focal_samples=1 / math.tan(_FIELD_OF_VIEW / 2),
        size=(2, 2),
    )
    azimuth, elevation = rng.uniform(0, 2 * math.pi), math.radians(rng.uniform(38, 70))
    across = math.cos(elevation)
    light = np.array([across * math.cos(azimuth), across * math.sin(azimuth), math.sin(elevation)])
    return Scene(
        camera=view.resampled(footage.size_px / 2),
        stage=_stage(view, TALLEST_M, _REACH_M),
        seen=_stage(view, 0.0, 0.0),
        light=light,
        key=float(rng.uniform(0.45, 0.7)),
        shadow=float(rng.uniform(0.3, 0.5)),
        beds=_make_beds(rng, footage.view_m),
        ground_seed=(footage.seed, number, _GROUND_STREAM),
    )


def _stage(camera: Camera, height: float, margin: float) -> Stage:
    """All ground over which something up to a height is seen, and a margin about it."""
    size = camera.size[0]
    near, _ = _on_height(camera, (0.0, float(size)), height)  # heads show before feet
    bottom, low = _on_height(camera, (0.0, float(size)), 0.0)
    far, high = _on_height(camera, (0.0, 0.0), 0.0)
    widening = (high - low) / (far - bottom)
    return Stage(near - margin, far + margin, low - widening * bottom + margin, widening)


def _on_height(camera: Camera, at: tuple[float, float], z: float) -> tuple[float, float]:
    """Depth y and distance |x| from the middle where a ray through the picture reaches height z."""
    right, up, forward = camera.axes
    ray = forward + (at[0] - camera.centre[0]) / camera.focal_samples * right
    ray = ray + (camera.centre[1] - at[1]) / camera.focal_samples * up
    x, y, _ = camera.eye + ray * (z - camera.eye[2]) / ray[2]
    return float(y), abs(float(x))


def _make_beds(rng: np.random.Generator, view_m: float) -> tuple[Bed, ...]:
    """One to three beds or pools, apart by a path that two people can pass."""
    beds: list[Bed] = []
    unit = view_m / 11
    for _ in range(int(rng.integers(1, 4))):
        middle = rng.uniform(-4.2, 4.2, 2) * unit
        angle, half = rng.uniform(0, math.pi), max(0.0, rng.uniform(-0.8, 1.3)) * unit
        step = half * np.array([math.cos(angle), math.sin(angle)])
        radius, water = float(rng.uniform(0.7, 1.25) * unit), bool(rng.random() < 0.25)
        (ax, ay), (bx, by) = middle - step, middle + step
        bed = Bed((float(ax), float(ay)), (float(bx), float(by)), radius, water)
        ends = np.array([bed.start, bed.end, middle])
        if not beds or clearances(tuple(beds), ends).min() > radius + 1.8:
            beds.append(bed)
    return tuple(beds)


def nearest_points(bed: Bed, points: Float64[np.ndarray, "*n 2"]) -> Float64[np.ndarray, "*n 2"]:
    """The point of a bed's middle line nearest to each of `points`."""
    start, along = np.array(bed.start), np.subtract(bed.end, bed.start)
    share = (points - start) @ along / max(float(along @ along), 1e-12)
    return start + np.clip(share, 0.0, 1.0)[..., None] * along


def clearances(
    beds: tuple[Bed, ...], points: Float64[np.ndarray, "*n 2"]
) -> Float64[np.ndarray, "*n"]:
    """Distance of each point to the nearest bed's edge; negative within one."""
    best = np.full(points.shape[:-1], np.inf)
    for bed in beds:
        away = np.linalg.norm(points - nearest_points(bed, points), axis=-1) - bed.radius
        best = np.minimum(best, away)
    return best
