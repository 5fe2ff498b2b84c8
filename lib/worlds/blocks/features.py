"""What stands on the land: trees, plants, huts, and torches in caves."""

from enum import IntEnum
from typing import no_type_check

import numpy as np
from jaxtyping import Int, UInt8
from numba import njit

from lib.worlds.blocks.kinds import KINDS, SEA_LEVEL, Biome, Block, Kind
from lib.worlds.blocks.noise import noise_2d
from lib.worlds.blocks.terrain import Land

Blocks = UInt8[np.ndarray, "x z y"]


class Crown(IntEnum):
    """Shapes of trees."""

    ROUND = 0
    CONE = 1
    TALL = 2
    FLAT = 3


# biome: (chance a column, crown, log, leaves, lowest and highest trunk)
TREES = {
    Biome.PLAINS: (0.0025, Crown.ROUND, Block.OAK_LOG, Block.OAK_LEAVES, 4, 6),
    Biome.FOREST: (0.024, Crown.ROUND, Block.OAK_LOG, Block.OAK_LEAVES, 4, 7),
    Biome.BIRCH_FOREST: (0.022, Crown.ROUND, Block.BIRCH_LOG, Block.BIRCH_LEAVES, 5, 8),
    Biome.TAIGA: (0.020, Crown.CONE, Block.SPRUCE_LOG, Block.SPRUCE_LEAVES, 6, 11),
    Biome.SNOW: (0.006, Crown.CONE, Block.SPRUCE_LOG, Block.SPRUCE_LEAVES, 6, 10),
    Biome.SAVANNA: (0.004, Crown.FLAT, Block.ACACIA_LOG, Block.ACACIA_LEAVES, 4, 7),
    Biome.JUNGLE: (0.030, Crown.TALL, Block.JUNGLE_LOG, Block.JUNGLE_LEAVES, 6, 13),
    Biome.MOUNTAIN: (0.005, Crown.CONE, Block.SPRUCE_LOG, Block.SPRUCE_LEAVES, 5, 9),
}
# biome: (chance a column, share of flowers among the plants)
MEADOWS = {
    Biome.PLAINS: (0.20, 0.12),
    Biome.FOREST: (0.09, 0.10),
    Biome.BIRCH_FOREST: (0.10, 0.20),
    Biome.TAIGA: (0.10, 0.00),
    Biome.SAVANNA: (0.26, 0.01),
    Biome.JUNGLE: (0.22, 0.05),
    Biome.MOUNTAIN: (0.05, 0.05),
}
CACTUS_CHANCE = 0.006
DEAD_BUSH_CHANCE = 0.012
SEAGRASS_CHANCE = 0.14
PUMPKIN_CHANCE = 0.0006
TORCHES = 1800
HUTS = 3
HUT_SIZE = (6, 5, 5)

_ROUND, _CONE, _TALL, _FLAT = (int(crown) for crown in Crown)


@njit(cache=True, error_model="numpy")
@no_type_check
def _leaf(blocks, x, z, y, leaf):
    n = blocks.shape[0]
    if blocks[x % n, z % n, y] == 0:
        blocks[x % n, z % n, y] = leaf


@njit(cache=True, error_model="numpy")
@no_type_check
def _grow_tree(blocks, x, z, ground, crown, log, leaf, trunk, salt):
    """One tree whose trunk stands on (x, z, ground) and is `trunk` blocks tall."""
    if ground + trunk + 3 >= blocks.shape[2]:
        return
    if crown == _CONE:
        radius = 1
        for k in range(trunk + 1, 2, -1):
            shown = 0 if k == trunk + 1 else radius
            for dx in range(-shown, shown + 1):
                for dz in range(-shown, shown + 1):
                    if abs(dx) + abs(dz) <= shown + (1 if shown > 1 else 0):
                        _leaf(blocks, x + dx, z + dz, ground + k, leaf)
            radius = 1 if radius >= 3 or (k % 3 == 0 and radius > 1) else radius + 1
    else:
        lowest = trunk if crown == _FLAT else (trunk - 3 if crown == _TALL else trunk - 2)
        for k in range(lowest, trunk + 2):
            radius = 2 if k < trunk else 1
            if crown == _TALL and k < trunk:
                radius = 3
            if crown == _FLAT:
                radius = 3 if k == trunk else 2
            for dx in range(-radius, radius + 1):
                for dz in range(-radius, radius + 1):
                    corner = abs(dx) == radius and abs(dz) == radius
                    if corner and (k >= trunk or (dx * 7 + dz * 13 + k * 5 + salt) % 3 != 0):
                        continue
                    _leaf(blocks, x + dx, z + dz, ground + k, leaf)
    for k in range(1, trunk + 1):
        blocks[x, z, ground + k] = log


def grow_trees(rng: np.random.Generator, blocks: Blocks, land: Land) -> None:
    """Plant trees on grass, thicker here and thinner there. Changes `blocks`."""
    size = blocks.shape[0]
    chance = np.zeros(len(Biome))
    for biome, row in TREES.items():
        chance[biome] = row[0]
    clumps = np.clip(1 + 0.7 * noise_2d(rng, size, 16, octaves=2), 0, None)
    dice = rng.random((size, size))
    for x, z in np.argwhere(dice < chance[land.biome] * clumps):
        ground = int(land.surface[x, z])
        soil = blocks[x, z, ground]
        if ground <= SEA_LEVEL or soil not in (Block.GRASS, Block.SNOWY_GRASS):
            continue
        _, crown, log, leaf, low, high = TREES[Biome(int(land.biome[x, z]))]
        trunk, salt = int(rng.integers(low, high)), int(rng.integers(99))
        _grow_tree(blocks, int(x), int(z), ground, int(crown), int(log), int(leaf), trunk, salt)


def _meadow(biome: np.ndarray, dice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(chance that something grows, what it is) per column of grass; `dice` chooses the plant."""
    chance, flowers = np.zeros(len(Biome)), np.zeros(len(Biome))
    for kind, (share, flower_share) in MEADOWS.items():
        chance[kind], flowers[kind] = share, flower_share
    limit = flowers[biome]
    ferny = np.isin(biome, (Biome.TAIGA, Biome.JUNGLE)) & (dice > 0.5)
    plant = np.where(ferny, Block.FERN, Block.TALL_GRASS)
    plant = np.where(dice < limit, Block.YELLOW_FLOWER, plant)
    plant = np.where(dice < limit / 2, Block.RED_FLOWER, plant)
    return chance[biome], plant.astype(np.uint8)


def _put(blocks: Blocks, where: np.ndarray, y: np.ndarray, what: np.ndarray | Block) -> None:
    """Set one block per chosen column [x, z] at height `y`."""
    x, z = np.nonzero(where)
    blocks[x, z, y[x, z]] = what[x, z] if isinstance(what, np.ndarray) else int(what)


def grow_plants(rng: np.random.Generator, blocks: Blocks, land: Land) -> None:
    """Grass, flowers, cacti, dead bushes, pumpkins, seagrass. Changes `blocks`."""
    size = blocks.shape[0]
    dice, choice = rng.random((size, size)), rng.random((size, size))
    heights, biome, over = rng.integers(2, 5, (size, size)), land.biome, land.surface + 1
    soil, above, higher = (
        np.take_along_axis(blocks, (over + k)[..., None], 2)[..., 0] for k in (-1, 0, 1)
    )
    deep = (above == Block.WATER) & (higher == Block.WATER) & (biome == Biome.OCEAN)
    _put(blocks, deep & (dice < SEAGRASS_CHANCE), over, Block.SEAGRASS)
    dry = (above == Block.AIR) & (land.surface >= SEA_LEVEL)
    chance, plant = _meadow(biome, choice)
    grass = dry & (soil == Block.GRASS) & (chance > 0)
    _put(blocks, grass & (dice < chance), over, plant)
    _put(blocks, grass & (dice < PUMPKIN_CHANCE), over, Block.PUMPKIN)
    sand = dry & np.isin(soil, (Block.SAND, Block.RED_SAND))
    sand &= np.isin(biome, (Biome.DESERT, Biome.MESA))
    cactus = sand & (dice < CACTUS_CHANCE)
    for k in range(4):
        _put(blocks, cactus & (heights > k), over + k, Block.CACTUS)
    bush = sand & ~cactus & (dice < CACTUS_CHANCE + DEAD_BUSH_CHANCE)
    _put(blocks, bush, over, Block.DEAD_BUSH)


def _hut(wall: Block) -> np.ndarray:
    """Walls, door, windows and roof of one hut, [x, z, y]; the last layer is the roof."""
    hut = np.zeros(HUT_SIZE, np.uint8)
    hut[[0, -1]] = wall
    hut[:, [0, -1]] = wall
    hut[1:-1, 1:-1, :-1] = Block.AIR
    hut[[0, 0, -1, -1], [0, -1, 0, -1]] = Block.OAK_LOG
    hut[2, 0, :2] = Block.AIR
    hut[4, 0, 1] = hut[0, 2, 1] = hut[-1, 2, 1] = Block.GLASS
    hut[:, :, -1] = Block.PLANKS if wall == Block.COBBLESTONE else Block.SPRUCE_LOG
    hut[3, 2, 0] = Block.TORCH
    return hut


def build_huts(rng: np.random.Generator, blocks: Blocks, land: Land) -> None:
    """A few huts on dry, low ground, the space above them cleared. Changes `blocks`."""
    size = blocks.shape[0]
    for _ in range(HUTS):
        x, z = (int(v) for v in rng.integers(0, size, 2))
        wall = Block.PLANKS if rng.random() < 0.6 else Block.COBBLESTONE
        xs, zs = (x + np.arange(HUT_SIZE[0])) % size, (z + np.arange(HUT_SIZE[1])) % size
        footprint = land.surface[np.ix_(xs, zs)]
        floor = int(np.median(footprint))
        if footprint.min() <= SEA_LEVEL or np.ptp(footprint) > 3 or floor > SEA_LEVEL + 16:
            continue
        levels = np.arange(floor + 1, floor + 1 + HUT_SIZE[2])
        blocks[np.ix_(xs, zs, np.arange(floor + 1, floor + 14))] = Block.AIR
        blocks[np.ix_(xs, zs, levels)] = _hut(wall)
        blocks[np.ix_(xs, zs, np.arange(floor - 2, floor + 1))] = Block.COBBLESTONE
        land.surface[np.ix_(xs, zs)] = floor


def place_torches(rng: np.random.Generator, blocks: Blocks) -> Int[np.ndarray, "n 3"]:
    """Light some cave floors well below the sea. Changes `blocks`; gives the cells (x, z, y)."""
    top = SEA_LEVEL - 8
    open_cell = blocks[:, :, 1:top] == Block.AIR
    on_ground = KINDS[blocks[:, :, : top - 1]] == Kind.OPAQUE
    floors = np.argwhere(open_cell & on_ground) + np.array([0, 0, 1])
    count = min(TORCHES * blocks.shape[0] ** 2 // 256**2, len(floors))
    chosen = floors[np.sort(rng.choice(len(floors), count, replace=False))]
    blocks[chosen[:, 0], chosen[:, 1], chosen[:, 2]] = Block.TORCH
    return chosen
