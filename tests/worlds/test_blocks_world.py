"""Worlds, light and the ray-caster, against slow and simple versions of themselves."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.worlds.blocks import (
    Biome,
    Block,
    World,
    assemble_world,
    cast_ray,
    heading,
    make_sky,
    make_world,
    render,
    sun_elevation,
)
from lib.worlds.blocks.kinds import KINDS, SOLID, WET
from lib.worlds.blocks.light import AIR_CODE, MAX_REACH
from lib.worlds.blocks.textures import Cover, Face, make_textures

SIDE = 16


def _random_blocks(rng: np.random.Generator) -> np.ndarray:
    """Air with scattered stone, leaves, water and torches over a floor, [x, z, y]."""
    kinds = [Block.AIR, Block.STONE, Block.OAK_LEAVES, Block.WATER, Block.TORCH]
    blocks = rng.choice(kinds, (SIDE, SIDE, SIDE), p=[0.92, 0.03, 0.02, 0.02, 0.01])
    blocks[:, :, :2] = Block.STONE
    blocks[:, :, 13:] = Block.AIR
    return blocks.astype(np.uint8)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(3)


def test_same_seed_same_world_other_seed_other_world() -> None:
    first, again, other = (make_world(seed, size=64) for seed in (5, 5, 6))
    for name in ("blocks", "cells", "light", "tint", "surface", "biome", "clouds", "torches"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert (first.blocks != other.blocks).mean() > 0.02


def test_worlds_are_varied_and_closed(world: World) -> None:
    assert world.blocks.shape == (256, 256, 96)
    assert len(world.biomes) >= 4
    assert SOLID[world.blocks[:, :, 0]].all()
    assert not world.blocks[:, :, -1].any()
    found = set(itertools.chain.from_iterable(make_world(s).biomes for s in range(8)))
    assert found == set(Biome)


def test_water_never_stands_beside_air_below_the_sea(world: World) -> None:
    wet = WET[world.blocks]
    for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
        beside = np.roll(world.blocks, shift, axis)
        assert not (wet & (beside == Block.AIR)).any()
    below = world.blocks[:, :, :-1][wet[:, :, 1:]]
    assert not (below == Block.AIR).any()


@pytest.mark.parametrize("size", [0, 16, 48])
def test_bad_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"power of two and at least 32, not {size}"):
        make_world(0, size=size)


def test_bad_blocks_and_frames_are_refused(world: World) -> None:
    with pytest.raises(ValueError, match="as wide as deep"):
        assemble_world(0, np.zeros((8, 16, 16), np.uint8))
    with pytest.raises(ValueError, match="at least 1"):
        render(world, np.array([0.5, 80.0, 0.5]), (0.0, 0.0), make_sky(0.2), size=(0, 8))


# -- light -------------------------------------------------------------------------------------


def _slow_light(blocks: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Relax until nothing changes: each open cell is at least its brightest neighbour less one."""
    opaque = KINDS[blocks] == 1
    level = np.where(opaque, 0, start).astype(int)
    while True:
        padded = np.pad(level, ((0, 0), (0, 0), (1, 1)))
        best = np.max(
            [np.roll(level, s, a) for a in (0, 1) for s in (1, -1)]
            + [padded[:, :, 2:], padded[:, :, :-2]],
            axis=0,
        )
        new = np.where(opaque, 0, np.maximum(level, best - 1))
        if (new == level).all():
            return level
        level = new


def test_light_equals_slow_relaxation(rng: np.random.Generator) -> None:
    blocks = _random_blocks(rng)
    world = assemble_world(0, blocks)
    sky = np.zeros(blocks.shape, int)
    for x, z in np.ndindex(SIDE, SIDE):
        value = 15
        for y in range(SIDE - 1, -1, -1):
            value = {1: 0, 2: max(0, value - 1), 3: max(0, value - 2)}.get(
                int(KINDS[blocks[x, z, y]]), value
            )
            sky[x, z, y] = value
    np.testing.assert_array_equal(world.light >> 4, _slow_light(blocks, sky))
    torch = np.where(blocks == Block.TORCH, 14, 0)
    np.testing.assert_array_equal(world.light & 15, _slow_light(blocks, torch))


def test_reach_of_air_is_the_largest_empty_cube(rng: np.random.Generator) -> None:
    blocks = _random_blocks(rng)
    cells = assemble_world(0, blocks).cells
    np.testing.assert_array_equal(cells[blocks != 0], blocks[blocks != 0])
    solid = np.argwhere(blocks != 0)
    for x, z, y in np.argwhere(blocks == 0)[::37]:
        flat = np.abs(solid[:, :2] - (x, z))
        flat = np.minimum(flat, SIDE - flat)
        nearest = np.maximum(flat.max(1), np.abs(solid[:, 2] - y)).min()
        assert cells[x, z, y] - AIR_CODE == min(nearest - 1, y, MAX_REACH)


# -- rays --------------------------------------------------------------------------------------


def _slow_ray(world: World, eye: np.ndarray, way: np.ndarray) -> tuple[Block, float, float]:
    """(block, distance, water passed): cut the ray at every cell plane, look at each piece."""
    cuts = [0.0, 40.0]
    for origin, slope in zip(eye, way, strict=True):
        cuts += [(plane - origin) / slope for plane in range(-60, 90) if abs(slope) > 1e-12]
    cuts = sorted(t for t in cuts if 0 <= t <= 40)
    textures, wet_blocks = make_textures(), 0.0
    for near, far in itertools.pairwise(cuts):
        if far - near < 1e-9:
            continue
        x, y, z = (math.floor(v) for v in eye + way * (near + far) / 2)
        if not 0 <= y < SIDE:
            if y >= SIDE and way[1] >= 0:
                break
            continue
        block = Block(int(world.blocks[x % SIDE, z % SIDE, y]))
        if near > 0 and block is Block.STONE:
            return block, near, wet_blocks
        if near > 0 and block is Block.OAK_LEAVES:
            hit = eye + way * near
            axis = int(np.argmin(np.abs(hit - np.round(hit))))
            u, v = (hit[2], hit[0]) if axis == 1 else (hit[2 if axis == 0 else 0], -hit[1])
            row, column = (u, v) if axis == 1 else (v, u)
            texel = textures[0, block, Face.SIDE, int(row % 1 * 16), int(column % 1 * 16)]
            if texel[3] != Cover.HOLE:
                return block, near, wet_blocks
        if block is Block.WATER:
            wet_blocks += far - near
    return Block.AIR, 40.0, wet_blocks


def test_rays_equal_slow_rays(rng: np.random.Generator) -> None:
    blocks = _random_blocks(rng)
    blocks[blocks == Block.TORCH] = Block.AIR
    world = assemble_world(0, blocks)
    for _ in range(250):
        eye = rng.uniform((0, 2, 0), (SIDE, SIDE, SIDE))
        way = rng.normal(size=3)
        way /= np.linalg.norm(way)
        if world.block_at(*eye) not in (Block.AIR, Block.WATER):
            continue
        hit = cast_ray(world, eye, way, view_blocks=35.0)
        block, distance, wet = _slow_ray(world, eye, way)
        if distance > 35:
            assert hit.block == Block.AIR
            continue
        assert (hit.block, hit.distance) == (block, pytest.approx(distance, abs=1e-6))
        assert hit.water_blocks == pytest.approx(wet, abs=1e-6)


def test_plants_are_hit_on_their_diagonals() -> None:
    blocks = np.zeros((SIDE, SIDE, SIDE), np.uint8)
    blocks[:, :, 0] = Block.STONE
    blocks[5, 5, 4] = Block.TORCH
    world = assemble_world(0, blocks)
    hit = cast_ray(world, np.array([5.52, 4.3, 0.5]), np.array([0.0, 0.0, 1.0]))
    assert (hit.block, hit.axis) == (Block.TORCH, 3)
    assert hit.distance == pytest.approx(min(5.52, 5 + 1 - 0.52) - 0.5)
    missed = cast_ray(world, np.array([5.1, 4.3, 0.5]), np.array([0.0, 0.0, 1.0]))
    assert missed.block == Block.AIR


@settings(max_examples=30, deadline=None)
@given(yaw=st.floats(-180, 180), pitch=st.floats(-90, 90))
def test_heading_is_a_unit_vector_down_when_pitch_is_positive(yaw: float, pitch: float) -> None:
    way = heading(yaw, pitch)
    assert np.linalg.norm(way) == pytest.approx(1)
    assert way[1] == pytest.approx(-math.sin(math.radians(pitch)))


# -- pictures ----------------------------------------------------------------------------------


def _view(world: World, **options: object) -> np.ndarray:
    eye = np.array([128.5, world.surface[128, 128] + 12.0, 128.5])
    sky = make_sky(float(options.pop("time_of_day", 0.2)))  # type: ignore[arg-type]
    return render(world, eye, (40.0, 10.0), sky, size=(36, 64), **options)  # type: ignore[arg-type]


def test_same_view_same_bytes(world: World) -> None:
    picture = _view(world)
    assert picture.tobytes() == _view(make_world(3)).tobytes()
    assert picture.std() > 15


def test_supersampling_averages_rays(world: World) -> None:
    large = render(
        world, np.array([9.5, 60.0, 9.5]), (40.0, 10.0), make_sky(0.2), size=(32, 32), supersample=1
    )
    small = render(
        world, np.array([9.5, 60.0, 9.5]), (40.0, 10.0), make_sky(0.2), size=(16, 16), supersample=2
    )
    mean = large.reshape(16, 2, 16, 2, 3).mean((1, 3))
    assert np.abs(mean - small).max() <= 1.01


def test_day_is_brighter_than_dusk_and_dusk_than_night_and_night_is_visible(world: World) -> None:
    noon, dusk, night = (_view(world, time_of_day=t).mean() for t in (0.25, 0.5, 0.75))
    assert noon > dusk > night > 14
    assert sun_elevation(0.25) > 0.9
    assert sun_elevation(0.75) < -0.9
    assert sun_elevation(0.5) == pytest.approx(0, abs=1e-9)


def test_corners_are_darker_and_torches_light_the_dark() -> None:
    blocks = np.zeros((SIDE, SIDE, SIDE), np.uint8)
    blocks[:, :, 0] = blocks[:, :, 10] = blocks[8, :, :10] = Block.STONE
    dark = assemble_world(0, blocks)
    eye, sky = np.array([4.5, 5.0, 8.5]), make_sky(0.25)

    def look(world: World) -> np.ndarray:
        return render(world, eye, (-90.0, 0.0), sky, size=(32, 32)).astype(int)

    blocks[6, 8, 3] = Block.TORCH
    assert look(assemble_world(0, blocks)).mean() > 1.5 * look(dark).mean()
    blocks[:, :, 10] = Block.AIR
    open_wall = look(assemble_world(0, blocks))
    assert open_wall[14:18].mean() > open_wall[26:28].mean()


def test_textures_have_holes_only_where_they_should() -> None:
    textures = make_textures()
    assert textures.shape == (4, len(Block), 3, 16, 16, 4)
    holes = (textures[..., 3] == Cover.HOLE).any((0, 2, 3, 4))
    expected = {block for block in Block if KINDS[block] in (2, 4, 5)}
    assert {Block(int(b)) for b in np.flatnonzero(holes)} - {Block.AIR} == expected
