"""Frames and single rays from a world: the ray-caster's front."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64, UInt8

from lib.worlds.blocks.boxes import draw_boxes, empty_layer
from lib.worlds.blocks.creatures import Creature, creature_boxes
from lib.worlds.blocks.kinds import KINDS, WET
from lib.worlds.blocks.raycast import VIEW_BLOCKS, Hit, Scene, render_rays, trace
from lib.worlds.blocks.sky import Sky
from lib.worlds.blocks.species import make_body_textures
from lib.worlds.blocks.textures import make_textures
from lib.worlds.blocks.world import World

FIELD_OF_VIEW_DEG = 70.0
"""Vertical, as in the original game."""


def scene_of(world: World) -> Scene:
    """The arrays of `world`, with textures and block kinds, for the compiled functions."""
    return Scene(world.cells, world.light, world.tint, world.clouds, make_textures(), KINDS)


def heading(yaw_deg: float, pitch_deg: float) -> Float[np.ndarray, "3"]:
    """Unit vector (x, y, z): yaw 0 looks along +z, yaw 90 along -x, pitch 90 straight down."""
    yaw, pitch = math.radians(yaw_deg), math.radians(pitch_deg)
    flat = math.cos(pitch)
    return np.array([-math.sin(yaw) * flat, -math.sin(pitch), math.cos(yaw) * flat])


def in_water(world: World, point: Float[np.ndarray, "3"]) -> bool:
    """Whether a point (x, y, z) lies in water."""
    return bool(WET[world.block_at(*point.tolist())])


def cast_ray(
    world: World,
    eye: Float[np.ndarray, "3"],
    direction: Float[np.ndarray, "3"],
    *,
    view_blocks: float = VIEW_BLOCKS,
) -> Hit:
    """What a ray from `eye` (x, y, z in blocks) along the unit vector `direction` meets first.

    Air, water and the holes of leaves and plants are passed; the eye's own cell is not looked at.
    """
    origin, way = tuple(eye.tolist()), tuple(direction.tolist())
    return Hit(*trace(scene_of(world), origin, way, in_water(world, eye), float(view_blocks)))


@dataclass(frozen=True, eq=False)
class Shot:
    """A picture, and for each creature given how many of its rays (samples of a pixel) show it."""

    image: UInt8[np.ndarray, "h w 3"]
    shown: Int64[np.ndarray, " n"]

    @property
    def creatures_in_view(self) -> int:
        """Creatures of which anything is seen."""
        return int((self.shown > 0).sum())


def view_basis(angles_deg: tuple[float, float], size: tuple[int, int]) -> Float[np.ndarray, "3 3"]:
    """Half the picture's width, half its height, and its centre, as vectors at distance 1."""
    yaw, pitch = (math.radians(angle) for angle in angles_deg)
    half = math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2)
    right = np.array([-math.cos(yaw), 0.0, -math.sin(yaw)])
    lift = math.sin(pitch)
    up = np.array([-math.sin(yaw) * lift, math.cos(pitch), math.cos(yaw) * lift])
    return np.stack([right * half * size[1] / size[0], up * half, heading(*angles_deg)])


def shoot(
    world: World,
    eye: Float[np.ndarray, "3"],
    angles_deg: tuple[float, float],
    sky: Sky,
    *,
    size: tuple[int, int] = (72, 128),
    supersample: int = 2,
    creatures: Sequence[Creature] = (),
) -> Shot:
    """As `render`, with what is seen of the `creatures`."""
    rows, columns = size
    if rows < 1 or columns < 1 or supersample < 1:
        raise ValueError(
            f"size and supersample must be at least 1, not {size} and {supersample}; "
            "a usual frame is (72, 128) with 2"
        )
    basis = view_basis(angles_deg, size)
    wet = in_water(world, eye)
    n = world.size
    ground = world.surface[math.floor(eye[0]) % n, math.floor(eye[2]) % n]
    buried = bool(not wet and eye[1] < ground - 2)
    boxes = creature_boxes(creatures, world, sky, eye, basis)
    layer = empty_layer(0, 0)
    if boxes is not None:
        layer = empty_layer(rows * supersample, columns * supersample)
        draw_boxes(layer, boxes, make_body_textures(), eye, basis)
    image = np.empty((rows, columns, 3), np.uint8)
    shown = np.zeros(len(creatures), np.int64)
    scene = scene_of(world)
    render_rays(image, scene, sky, eye, basis, supersample, wet, buried, layer, shown)
    return Shot(image, shown)


def render(
    world: World,
    eye: Float[np.ndarray, "3"],
    angles_deg: tuple[float, float],
    sky: Sky,
    *,
    size: tuple[int, int] = (72, 128),
    supersample: int = 2,
    creatures: Sequence[Creature] = (),
) -> UInt8[np.ndarray, "h w 3"]:
    """One frame seen from `eye` (x, y, z in blocks), looking along `angles_deg` (yaw, pitch).

    `size` is (rows, columns); `supersample` rays per pixel and axis are averaged. Angles as in
    `heading`. The same arguments give the same bytes.
    """
    shot = shoot(
        world, eye, angles_deg, sky, size=size, supersample=supersample, creatures=creatures
    )
    return shot.image
