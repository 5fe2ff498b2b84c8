"""What the blocks world is made of: blocks, how light meets them, biomes, and sizes in blocks."""

from enum import IntEnum

import numpy as np

WORLD_SIZE = 256
"""Blocks along x and z; the world repeats beyond (a power of two, so that wrapping is a mask)."""
WORLD_HEIGHT = 96
"""Blocks along y."""
SEA_LEVEL = 34
"""The topmost layer of water; its surface lies one block higher, at y = 35."""


class Block(IntEnum):
    """Every kind of block, by its number in `World.blocks`."""

    AIR = 0
    STONE = 1
    DIRT = 2
    GRASS = 3
    SNOWY_GRASS = 4
    SNOW = 5
    SAND = 6
    SANDSTONE = 7
    RED_SAND = 8
    ORANGE_TERRACOTTA = 9
    BROWN_TERRACOTTA = 10
    CREAM_TERRACOTTA = 11
    GRAVEL = 12
    CLAY = 13
    COAL_ORE = 14
    IRON_ORE = 15
    OAK_LOG = 16
    BIRCH_LOG = 17
    SPRUCE_LOG = 18
    JUNGLE_LOG = 19
    ACACIA_LOG = 20
    OAK_LEAVES = 21
    BIRCH_LEAVES = 22
    SPRUCE_LEAVES = 23
    JUNGLE_LEAVES = 24
    ACACIA_LEAVES = 25
    CACTUS = 26
    PLANKS = 27
    COBBLESTONE = 28
    GLASS = 29
    PUMPKIN = 30
    ICE = 31
    WATER = 32
    TORCH = 33
    TALL_GRASS = 34
    FERN = 35
    RED_FLOWER = 36
    YELLOW_FLOWER = 37
    DEAD_BUSH = 38
    SEAGRASS = 39


class Kind(IntEnum):
    """How a ray and light meet a block."""

    AIR = 0
    OPAQUE = 1
    CUTOUT = 2  # a full cube with holes: leaves, glass
    LIQUID = 3
    PLANT = 4  # two crossed planes with holes
    WATER_PLANT = 5  # the same, standing in water


class Biome(IntEnum):
    """Landscapes, by their number in `World.biome` and in the written ground truth."""

    OCEAN = 0
    BEACH = 1
    PLAINS = 2
    FOREST = 3
    BIRCH_FOREST = 4
    TAIGA = 5
    SNOW = 6
    DESERT = 7
    SAVANNA = 8
    JUNGLE = 9
    MESA = 10
    MOUNTAIN = 11


BIOME_NAMES = tuple(biome.name.lower() for biome in Biome)

LEAVES = (
    Block.OAK_LEAVES,
    Block.BIRCH_LEAVES,
    Block.SPRUCE_LEAVES,
    Block.JUNGLE_LEAVES,
    Block.ACACIA_LEAVES,
)
PLANTS = (
    Block.TORCH,
    Block.TALL_GRASS,
    Block.FERN,
    Block.RED_FLOWER,
    Block.YELLOW_FLOWER,
    Block.DEAD_BUSH,
)


def _kind_of(block: Block) -> Kind:
    if block in LEAVES or block is Block.GLASS:
        return Kind.CUTOUT
    if block in PLANTS:
        return Kind.PLANT
    special = {
        Block.AIR: Kind.AIR,
        Block.WATER: Kind.LIQUID,
        Block.SEAGRASS: Kind.WATER_PLANT,
    }
    return special.get(block, Kind.OPAQUE)


KINDS = np.array([_kind_of(block) for block in Block], dtype=np.uint8)
"""`Kind` of each `Block`, as a look-up table."""
SOLID = np.isin(KINDS, (Kind.OPAQUE, Kind.CUTOUT))
"""Whether one stands on a `Block` and cannot pass it."""
WET = np.isin(KINDS, (Kind.LIQUID, Kind.WATER_PLANT))
"""Whether a `Block` is water or stands in it."""
for _table in (KINDS, SOLID, WET):
    _table.setflags(write=False)
