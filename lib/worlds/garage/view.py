"""Pictures of customised cars, with a mask of each, by software rendering.

`Garage.render` draws one picture in about a millisecond. Same arguments, same bytes on one machine,
in whatever process or order.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float64, Int8, Int32, UInt8

from lib.worlds.garage import compositing, shading
from lib.worlds.garage.arena import arena, camera
from lib.worlds.garage.cars import build_car
from lib.worlds.garage.loadout import Body, Hat, Loadout, Variant
from lib.worlds.garage.materials import palette
from lib.worlds.garage.mesh import Car, Material
from lib.worlds.garage.patterns import sticker_maps, wheel_faces, wheel_treads
from lib.worlds.raster import Canvas, Drawing, closed_faces, connected_parts, shadow_matrix

IMAGE_SIZE = (150, 400)
"""Rows and columns of the original's crops."""

_LAMP = np.array([0.28, 0.34, 0.90]) / np.linalg.norm([0.28, 0.34, 0.90])
_NOISE_SHIFTS = 64
_NOISE_LEVELS = 1.3  # standard deviation, of 255
_SHADOW_COARSE = 2  # pixels to a cell of the shadow
_SHADOW_REACH = 2  # cells


@dataclass(frozen=True)
class Pose:
    """How a car stands off its place: turned left, shifted ahead and left (car units), scaled.

    brightness multiplies the whole picture.
    """

    yaw_rad: float = 0.0
    dx: float = 0.0
    dy: float = 0.0
    scale: float = 1.0
    brightness: float = 1.0

    def __post_init__(self) -> None:
        if not (self.scale > 0 and self.brightness > 0):
            raise ValueError(
                f"scale is {self.scale} and brightness {self.brightness}; both must be positive"
            )


@dataclass(frozen=True)
class _Spread:
    """Largest deviation of a pose, either way."""

    yaw_rad: float
    shift: float
    scale: float
    brightness: float


_SPREAD = {
    # a pixel of the original is about 0.011 car units
    Variant.FAITHFUL: _Spread(yaw_rad=0.006, shift=0.010, scale=0.004, brightness=0.03),
    Variant.HARD: _Spread(yaw_rad=math.radians(9), shift=0.22, scale=0.15, brightness=0.12),
}


def jitter(variant: Variant, rng: np.random.Generator) -> Pose:
    """A pose at random: FAITHFUL within about a pixel and 3 % of brightness, as captured by a fixed
    camera; HARD within 9 degrees, 0.22 car units, 15 % of scale and 12 % of brightness.
    """
    spread = _SPREAD[variant]
    yaw, dx, dy, scale, brightness = rng.uniform(-1.0, 1.0, 5).tolist()
    return Pose(
        yaw_rad=spread.yaw_rad * yaw,
        dx=spread.shift * dx,
        dy=spread.shift * dy,
        # ratios, so that growing is as likely as shrinking
        scale=(1 + spread.scale) ** scale,
        brightness=1 + spread.brightness * brightness,
    )


@dataclass(frozen=True)
class _Model:
    """A car ready for the rasteriser and the shading kernel."""

    vertices: Float64[np.ndarray, "v 3"]
    faces: Int32[np.ndarray, "f 3"]
    two_sided: Bool[np.ndarray, " f"]
    packed: shading.Car


@cache
def _model(body: Body, hat: Hat) -> _Model:
    return prepare(build_car(body, hat))


def prepare(car: Car) -> _Model:
    """Pack a car; corners are put in the order that its normals ask for."""
    mesh = car.mesh
    faces = mesh.faces.astype(np.int32)
    a, b, c = (mesh.vertices[faces[:, k]] for k in range(3))
    outward = mesh.normals[faces].sum(axis=1)
    flipped = np.einsum("fi,fi->f", np.cross(b - a, c - a), outward) < 0
    faces[flipped] = faces[flipped][:, ::-1]
    corners = np.concatenate([mesh.vertices[faces], mesh.normals[faces]], axis=2)
    middle = mesh.vertices[faces].mean(axis=1)
    away = np.linalg.norm(middle[:, None, :2] - car.wheel_centres[None, :, :2], axis=2)
    part = connected_parts(faces, len(mesh.vertices))
    surface = np.unique(part * len(Material) + mesh.materials, return_inverse=True)[1].reshape(-1)
    return _Model(
        vertices=np.ascontiguousarray(mesh.vertices, dtype=np.float64),
        faces=faces,
        two_sided=~closed_faces(mesh.vertices, faces),
        packed=shading.Car(
            corners=np.ascontiguousarray(corners, dtype=np.float32),
            material=mesh.materials.astype(np.int16),
            surface=surface.astype(np.int16),
            wheel=away.argmin(axis=1).astype(np.int16),
            hubs=car.wheel_centres.astype(np.float32),
        ),
    )


def _placing(pose: Pose) -> Float64[np.ndarray, "4 4"]:
    """From car coordinates to the arena's."""
    c, s = pose.scale * math.cos(pose.yaw_rad), pose.scale * math.sin(pose.yaw_rad)
    return np.array(
        [[c, -s, 0, pose.dx], [s, c, 0, pose.dy], [0, 0, pose.scale, 0], [0, 0, 0, 1]],
        dtype=np.float64,
    )


@dataclass(frozen=True)
class _View:
    """A rotation's camera: its eye, and projections for the picture and for the shadow."""

    eye: Float64[np.ndarray, "3"]
    matrix: Float64[np.ndarray, "3 4"]
    shadow_matrix: Float64[np.ndarray, "3 4"]


class Garage:
    """Renders pictures of one size; holds the buffers, so one thread at a time may use it."""

    def __init__(self, size: tuple[int, int] = IMAGE_SIZE, supersample: int = 2):
        """Pictures of `size` (rows, columns) with supersample² samples a pixel.

        Raises:
            ValueError: a side below 8, or a supersample outside 1 to 8.
        """
        if min(size) < 8:
            raise ValueError(f"size is {size}; give (rows, columns), each at least 8")
        if not 1 <= supersample <= 8:
            raise ValueError(f"supersample is {supersample}; choose a whole number from 1 to 8")
        self.size, self.supersample = size, supersample
        self._canvas = Canvas((size[0] * supersample, size[1] * supersample))
        coarse = tuple(-(-side // _SHADOW_COARSE) + 1 for side in size)
        self._shadow = Canvas((coarse[0], coarse[1]))
        self._soft = np.zeros(self._shadow.ids.shape, dtype=np.float32)
        self._spare = np.zeros_like(self._soft)
        self._noise = _noise_table(size)
        self._views: dict[int, _View] = {}

    def render(
        self, loadout: Loadout, rotation: int, pose: Pose | None = None, *, noise_seed: int
    ) -> UInt8[np.ndarray, "h w 3"]:
        """A picture of a loadout in a rotation (0 to 9), RGB.

        `noise_seed` chooses the camera's noise, about a level of 255.

        Raises:
            ValueError: no such rotation.
        """
        pose = pose or Pose()
        image = arena(rotation, self.size).copy()
        model, view = _model(loadout.body, loadout.hat), self._view(rotation)
        self._cast_shadow(image, model, view, pose)
        drawing = self._draw(model, view, pose)
        fields = np.empty((len(model.faces), 21), dtype=np.float32)
        shading.prepare_fields(drawing.planes, model.packed.corners, fields)
        look = shading.Look(
            palette(loadout),
            sticker_maps(loadout.body, loadout.sticker),
            wheel_faces()[loadout.wheel],
            wheel_treads()[loadout.wheel],
        )
        drawn = (self._canvas.ids, self._canvas.nearness, fields, drawing.box)
        shading.shade_car(image, drawn, model.packed, look, _light(view, pose))
        rows = image.reshape(self.size[0], -1)
        compositing.expose(rows, self._noise, _noise_shift(noise_seed), pose.brightness)
        return image

    def mask(
        self, loadout: Loadout, rotation: int, pose: Pose | None = None
    ) -> Bool[np.ndarray, "h w"]:
        """Pixels of which the car, hat included and shadow not, covers at least half.

        Raises:
            ValueError: no such rotation.
        """
        self._draw(_model(loadout.body, loadout.hat), self._view(rotation), pose or Pose())
        k = self.supersample
        seen = self._canvas.ids >= 0
        covered = np.zeros(self.size, dtype=np.uint8)
        for sample in range(k * k):
            covered += seen[sample // k :: k, sample % k :: k]
        return 2 * covered >= k * k

    def _view(self, rotation: int) -> _View:
        if rotation not in self._views:
            view = camera(rotation, self.size)
            shadow = view.resampled(1 / _SHADOW_COARSE).matrix @ shadow_matrix(_LAMP)
            self._views[rotation] = _View(
                view.eye, view.resampled(float(self.supersample)).matrix, shadow
            )
        return self._views[rotation]

    def _draw(self, model: _Model, view: _View, pose: Pose) -> Drawing:
        self._canvas.clear()
        matrix = view.matrix @ _placing(pose)
        return self._canvas.draw(matrix, model.vertices, model.faces, model.two_sided)

    def _cast_shadow(
        self, image: UInt8[np.ndarray, "h w 3"], model: _Model, view: _View, pose: Pose
    ) -> None:
        self._shadow.clear()
        matrix = view.shadow_matrix @ _placing(pose)
        box = self._shadow.draw(matrix, model.vertices, model.faces, model.two_sided).box
        if box[0] >= box[1]:
            return
        edge, (rows, columns) = 2 * _SHADOW_REACH, self._shadow.ids.shape
        box = (
            max(0, box[0] - edge),
            min(rows, box[1] + edge),
            max(0, box[2] - edge),
            min(columns, box[3] + edge),
        )
        self._soft.fill(0.0)
        compositing.soften(self._shadow.ids, self._soft, self._spare, box, _SHADOW_REACH)
        compositing.darken(image, self._soft, box, _SHADOW_COARSE)


def _light(view: _View, pose: Pose) -> shading.Light:
    """Eye and lamp from the car's point of view."""
    turn = _placing(pose)[:3, :3] / pose.scale
    eye = (view.eye - (pose.dx, pose.dy, 0.0)) @ turn / pose.scale
    lamp = _LAMP @ turn
    return shading.Light(eye.astype(np.float32), lamp.astype(np.float32), *shading.tables())


@cache
def _noise_table(size: tuple[int, int]) -> Int8[np.ndarray, "h wc"]:
    rng = np.random.default_rng([*size, 0x4015E])
    shape = (size[0] + _NOISE_SHIFTS, 3 * (size[1] + _NOISE_SHIFTS))
    table = np.round(rng.normal(0.0, _NOISE_LEVELS, shape)).astype(np.int8)
    table.flags.writeable = False
    return table


def _noise_shift(seed: int) -> tuple[int, int]:
    """Where a picture's noise begins in the table."""
    rows, columns = np.random.default_rng(seed).integers(0, _NOISE_SHIFTS, 2).tolist()
    return rows, columns
