"""Frames and single rays from a world: the ray-caster's front."""

import math

import numpy as np
from jaxtyping import Float, UInt8

from lib.worlds.blocks.kinds import KINDS, WET
from lib.worlds.blocks.raycast import VIEW_BLOCKS, Hit, Scene, render_rays, trace
from lib.worlds.blocks.sky import Sky
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


def render(
    world: World,
    eye: Float[np.ndarray, "3"],
    angles_deg: tuple[float, float],
    sky: Sky,
    *,
    size: tuple[int, int] = (72, 128),
    supersample: int = 2,
) -> UInt8[np.ndarray, "h w 3"]:
    """One frame seen from `eye` (x, y, z in blocks), looking along `angles_deg` (yaw, pitch).

    `size` is (rows, columns); `supersample` rays per pixel and axis are averaged. Angles as in
    `heading`. The same arguments give the same bytes.
    """
    rows, columns = size
    if rows < 1 or columns < 1 or supersample < 1:
        raise ValueError(
            f"size and supersample must be at least 1, not {size} and {supersample}; "
            "a usual frame is (72, 128) with 2"
        )
    yaw, pitch = (math.radians(angle) for angle in angles_deg)
    half = math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2)
    right = np.array([-math.cos(yaw), 0.0, -math.sin(yaw)])
    lift = math.sin(pitch)
    up = np.array([-math.sin(yaw) * lift, math.cos(pitch), math.cos(yaw) * lift])
    basis = np.stack([right * half * columns / rows, up * half, heading(*angles_deg)])
    wet = in_water(world, eye)
    n = world.size
    ground = world.surface[math.floor(eye[0]) % n, math.floor(eye[2]) % n]
    buried = bool(not wet and eye[1] < ground - 2)
    image = np.empty((rows, columns, 3), np.uint8)
    render_rays(image, scene_of(world), sky, eye, basis, supersample, wet, buried)
    return image
