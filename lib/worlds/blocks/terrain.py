"""The lie of the land: heights, climate and biomes, layers of ground, caves, the sea."""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float32, Int, UInt8
from numba import njit

from lib.worlds.blocks.kinds import SEA_LEVEL, WORLD_HEIGHT, Biome, Block
from lib.worlds.blocks.noise import noise_2d, noise_3d

THEMES = (
    # (warmth, wetness, relief) added to the climate: worlds lean one way, so that over a data
    # set every biome is common while a single world stays of a piece
    (-1.00, 0.10, 0.00),  # snow and taiga
    (-0.45, 0.35, 0.35),  # taiga, forest, mountains
    (0.00, -0.05, 0.10),  # plains and woods
    (0.30, 0.60, 0.00),  # forest and jungle
    (0.75, 0.75, 0.00),  # jungle
    (0.80, -0.55, -0.20),  # desert and savanna
    (1.10, -0.70, 0.45),  # mesa and desert
)
MAX_SURFACE = WORLD_HEIGHT - 20
"""Highest ground: leaves room for trees below the top."""
SNOW_LINE = SEA_LEVEL + 28
CAVE_TOP = 64

_OCEAN, _BEACH, _SNOW = int(Biome.OCEAN), int(Biome.BEACH), int(Biome.SNOW)
_DESERT, _MESA, _MOUNTAIN = int(Biome.DESERT), int(Biome.MESA), int(Biome.MOUNTAIN)
_AIR, _STONE, _DIRT, _GRASS = int(Block.AIR), int(Block.STONE), int(Block.DIRT), int(Block.GRASS)
_SNOWY_GRASS, _SNOW_BLOCK = int(Block.SNOWY_GRASS), int(Block.SNOW)
_SAND, _SANDSTONE, _GRAVEL = int(Block.SAND), int(Block.SANDSTONE), int(Block.GRAVEL)
_CLAY, _RED_SAND, _WATER = int(Block.CLAY), int(Block.RED_SAND), int(Block.WATER)
_COAL, _IRON, _ICE = int(Block.COAL_ORE), int(Block.IRON_ORE), int(Block.ICE)
_BANDS = (
    int(Block.ORANGE_TERRACOTTA),
    int(Block.BROWN_TERRACOTTA),
    int(Block.ORANGE_TERRACOTTA),
    int(Block.CREAM_TERRACOTTA),
    int(Block.ORANGE_TERRACOTTA),
    int(Block.ORANGE_TERRACOTTA),
    int(Block.BROWN_TERRACOTTA),
    int(Block.CREAM_TERRACOTTA),
)


@dataclass(frozen=True, eq=False)
class Land:
    """Ground before anything grows on it; see `World` for the arrays."""

    blocks: UInt8[np.ndarray, "x z y"]
    surface: Int[np.ndarray, "x z"]
    biome: UInt8[np.ndarray, "x z"]
    tint: Float32[np.ndarray, "x z 3"]


@dataclass(frozen=True, eq=False)
class Climate:
    """Unit-variance fields over the columns, with the world's theme added."""

    warmth: np.ndarray
    wetness: np.ndarray
    relief: np.ndarray
    variety: np.ndarray


def _climate(rng: np.random.Generator, size: int) -> Climate:
    warmth, wetness, relief = THEMES[rng.integers(len(THEMES))]
    return Climate(
        warmth=0.75 * noise_2d(rng, size, 2, octaves=4) + warmth + 0.15 * rng.normal(),
        wetness=0.75 * noise_2d(rng, size, 2, octaves=4) + wetness + 0.15 * rng.normal(),
        relief=noise_2d(rng, size, 3, octaves=2) + relief,
        variety=noise_2d(rng, size, 4, octaves=2),
    )


def _heights(rng: np.random.Generator, size: int, climate: Climate) -> np.ndarray:
    """Ground height in blocks, not yet rounded: continents, hills, mountains, rivers."""
    continents = noise_2d(rng, size, 2, octaves=5)
    hills = noise_2d(rng, size, 8, octaves=3)
    rough = np.clip(climate.relief - 0.3, 0, None)
    height = SEA_LEVEL + 4.5 + 6 * continents
    height += 13 * rough * np.abs(hills) + 1.3 * hills * np.clip(1.1 - climate.relief, 0.1, 1.2)
    river = np.abs(noise_2d(rng, size, 3, octaves=3))
    valley = np.clip(1 - river / 0.16, 0, 1) * (height > SEA_LEVEL) * (rough < 0.6)
    return height + valley * (SEA_LEVEL - 2.5 - height)


def _biomes(climate: Climate, height: np.ndarray) -> np.ndarray:
    """Climate decides, height and shore override. Later lines win."""
    warmth, wetness = climate.warmth, climate.wetness
    biome = np.full(height.shape, Biome.PLAINS, np.uint8)
    biome[wetness > 0.0] = Biome.FOREST
    biome[(wetness > -0.2) & (climate.variety > 0.55)] = Biome.BIRCH_FOREST
    biome[warmth < -0.55] = Biome.TAIGA
    biome[warmth < -1.05] = Biome.SNOW
    biome[(warmth > 0.45) & (wetness <= 0.45)] = Biome.SAVANNA
    biome[(warmth > 0.45) & (wetness > 0.45)] = Biome.JUNGLE
    biome[(warmth > 0.70) & (wetness < -0.25)] = Biome.DESERT
    biome[(warmth > 0.65) & (wetness < 0.1) & (climate.relief > 0.35)] = Biome.MESA
    dry = (biome == Biome.MESA) | (biome == Biome.DESERT)
    biome[(height > SEA_LEVEL + 17) & ~dry] = Biome.MOUNTAIN
    frozen = biome == Biome.SNOW
    biome[(height < SEA_LEVEL + 2) & ~frozen & (biome != Biome.MESA)] = Biome.BEACH
    biome[(height < SEA_LEVEL - 1) & ~frozen] = Biome.OCEAN
    return biome


def _tint(climate: Climate) -> Float32[np.ndarray, "x z 3"]:
    """Grass colour: yellow-green where dry and hot, deep green where wet, bluish where cold."""
    heat = np.clip((climate.warmth + 1.6) / 3.2, 0, 1)
    rain = np.clip((climate.wetness + 1.5) / 3.0, 0, 1)
    red = 0.36 + 0.42 * heat - 0.30 * rain
    green = 0.64 + 0.02 * heat + 0.05 * rain
    blue = 0.42 - 0.16 * heat - 0.08 * rain
    return np.clip(np.stack([red, green, blue], -1), 0, 1).astype(np.float32)


@njit(cache=True, error_model="numpy")
@no_type_check
def _ground(biome, y, depth, top, patch, wet):
    """The block at height `y`, `depth` below the surface `top`, before caves and ores."""
    if biome == _DESERT:
        return _SAND if depth < 4 else (_SANDSTONE if depth < 8 else _STONE)
    if biome == _MESA:
        return _RED_SAND if depth == 0 and patch < 0.5 else _BANDS[y % 8]
    if biome in (_OCEAN, _BEACH):
        if depth >= 4:
            return _STONE
        if biome == _OCEAN and patch < 0.25:
            return _GRAVEL if patch < 0.17 else _CLAY
        return _SAND
    if biome == _MOUNTAIN:
        if top > SNOW_LINE:
            return _SNOW_BLOCK if depth == 0 else _STONE
        return _GRASS if depth == 0 and patch > 0.35 else (_DIRT if depth == 1 else _STONE)
    if depth > 3:
        return _STONE
    if depth > 0 or wet:
        return _DIRT
    return _SNOWY_GRASS if biome == _SNOW else _GRASS


@njit(cache=True, error_model="numpy")
@no_type_check
def _fill(blocks, surface, lowest, biome, caves, patch):
    """Ground, ores, caves and sea for every column. `caves` is [x, z, y] up to CAVE_TOP.

    `lowest` is the lowest surface among a column and its four neighbours.
    """
    n = blocks.shape[0]
    for x in range(n):
        for z in range(n):
            top, kind = surface[x, z], biome[x, z]
            for y in range(top + 1):
                depth = top - y
                block = _ground(kind, y, depth, top, patch[x, z], top < SEA_LEVEL)
                if block == _STONE and depth > 5:
                    dice = (x * 73856093 ^ y * 19349663 ^ z * 83492791) & 1023
                    if dice < 14:
                        block = _COAL
                    elif dice < 22:
                        block = _IRON
                # No cave may open below the sea: its water would have to flow.
                dry = lowest[x, z] >= SEA_LEVEL or y < lowest[x, z] - 3
                if 2 < y < caves.shape[2] and dry and caves[x, z, y]:
                    block = _AIR
                blocks[x, z, y] = block
            for y in range(top + 1, SEA_LEVEL + 1):
                blocks[x, z, y] = _WATER
            if kind == _SNOW and top < SEA_LEVEL:
                blocks[x, z, SEA_LEVEL] = _ICE


def shape_land(rng: np.random.Generator, size: int) -> Land:
    """Heights, biomes and ground of a world of `size` by `size` columns."""
    climate = _climate(rng, size)
    height = _heights(rng, size, climate)
    biome = _biomes(climate, height)
    terrace = SEA_LEVEL + 3 + np.round((height - SEA_LEVEL - 2) / 5) * 6
    height = np.where((biome == Biome.MESA) & (height > SEA_LEVEL + 2), terrace, height)
    surface = np.clip(height, 4, MAX_SURFACE).astype(np.int64)
    shape = (size, size, CAVE_TOP)
    cells = (max(2, size // 13), max(2, size // 13), 8)
    caves = (np.abs(noise_3d(rng, shape, cells)) < 0.19) & (
        np.abs(noise_3d(rng, shape, cells)) < 0.19
    )
    blocks = np.zeros((size, size, WORLD_HEIGHT), np.uint8)
    patch = noise_2d(rng, size, 32, octaves=2)
    rank = patch.ravel().argsort().argsort().reshape(patch.shape) / patch.size
    beside = [np.roll(surface, shift, axis) for axis in (0, 1) for shift in (1, -1)]
    lowest = np.min([surface, *beside], axis=0)
    _fill(blocks, surface, lowest, biome, caves, rank)
    return Land(blocks=blocks, surface=surface, biome=biome, tint=_tint(climate))
