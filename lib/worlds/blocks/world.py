"""The world as arrays, put together from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8

from lib.worlds.blocks.features import build_huts, grow_plants, grow_trees, place_torches
from lib.worlds.blocks.kinds import KINDS, SEA_LEVEL, WORLD_HEIGHT, WORLD_SIZE, Biome, Block
from lib.worlds.blocks.light import light_world, reach_of_air
from lib.worlds.blocks.noise import noise_2d
from lib.worlds.blocks.terrain import shape_land

CLOUD_CELLS = 64
CLOUD_SHARE = 0.30
MIN_BIOME_SHARE = 0.01


@dataclass(frozen=True, eq=False)
class World:
    """One finished world. It repeats along x and z; axes are x, z, y with y up.

    seed: what it was made from.
    blocks: `Block` numbers.
    cells: the same with the reach of air packed in (`light.reach_of_air`), for the ray-caster.
    light: sky level * 16 + torch level, 0 in opaque cells.
    tint: colour of grass and leaves per column, red green blue in [0, 1].
    surface: y of the topmost ground block per column (not counting trees and water).
    biome: `Biome` per column.
    clouds: where clouds are, in cells of 12 by 12 blocks.
    torches: cells (x, z, y) of torches in caves.
    """

    seed: int
    blocks: UInt8[np.ndarray, "x z y"]
    cells: UInt8[np.ndarray, "x z y"]
    light: UInt8[np.ndarray, "x z y"]
    tint: Float32[np.ndarray, "x z 3"]
    surface: Int[np.ndarray, "x z"]
    biome: UInt8[np.ndarray, "x z"]
    clouds: Bool[np.ndarray, "cx cz"]
    torches: Int[np.ndarray, "n 3"]

    @property
    def size(self) -> int:
        """Blocks along x and z, a power of two."""
        return self.blocks.shape[0]

    @cached_property
    def biomes(self) -> Sequence[Biome]:
        """The biomes that cover at least 1 % of the world, in the order of their numbers."""
        share = np.bincount(self.biome.ravel(), minlength=len(Biome)) / self.biome.size
        return [biome for biome in Biome if share[biome] >= MIN_BIOME_SHARE]

    def block_at(self, x: float, y: float, z: float) -> Block:
        """The block that holds a point (blocks; any x and z, y clipped to the world)."""
        n = self.size
        row = min(max(int(np.floor(y)), 0), self.blocks.shape[2] - 1)
        return Block(int(self.blocks[int(np.floor(x)) % n, int(np.floor(z)) % n, row]))

    def biome_at(self, x: float, z: float) -> Biome:
        """The biome of the column that holds a point."""
        n = self.size
        return Biome(int(self.biome[int(np.floor(x)) % n, int(np.floor(z)) % n]))


def assemble_world(
    seed: int,
    blocks: UInt8[np.ndarray, "x z y"],
    *,
    tint: Float32[np.ndarray, "x z 3"] | None = None,
    surface: Int[np.ndarray, "x z"] | None = None,
    biome: UInt8[np.ndarray, "x z"] | None = None,
    clouds: Bool[np.ndarray, "cx cz"] | None = None,
    torches: Int[np.ndarray, "n 3"] | None = None,
) -> World:
    """Light `blocks` and wrap them up; what is not given is plain (for tests and own worlds)."""
    size = blocks.shape[0]
    if blocks.shape[1] != size or size & (size - 1):
        raise ValueError(
            f"blocks must be as wide as deep, and that a power of two, not {blocks.shape[:2]}; "
            "pad the world with air"
        )
    columns = (size, size)
    if surface is None:
        solid = KINDS[blocks] == 1
        surface = np.where(solid.any(2), solid.shape[2] - 1 - solid[..., ::-1].argmax(2), 0)
    if tint is None:
        tint = np.broadcast_to(np.array([0.45, 0.68, 0.30], np.float32), (*columns, 3)).copy()
    return World(
        seed=seed,
        blocks=blocks,
        cells=reach_of_air(blocks),
        light=light_world(blocks, KINDS),
        tint=tint,
        surface=surface,
        biome=np.full(columns, Biome.PLAINS, np.uint8) if biome is None else biome,
        clouds=np.zeros((CLOUD_CELLS, CLOUD_CELLS), bool) if clouds is None else clouds,
        torches=np.zeros((0, 3), np.int64) if torches is None else torches,
    )


def make_world(seed: int, *, size: int = WORLD_SIZE) -> World:
    """The world of `seed`: land, caves, trees, plants, huts, light. About half a second.

    `size` blocks a side, a power of two from 32 on; the height is always 96. The same seed and
    size give the same arrays.
    """
    if size < 32 or size & (size - 1):
        raise ValueError(f"size must be a power of two and at least 32, not {size}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, not {seed}; choose 0 or more")
    rng = np.random.default_rng(seed)
    land = shape_land(rng, size)
    blocks = land.blocks
    grow_trees(rng, blocks, land)
    build_huts(rng, blocks, land)
    grow_plants(rng, blocks, land)
    torches = place_torches(rng, blocks)
    cloud_noise = noise_2d(rng, CLOUD_CELLS, 16, octaves=2)
    return assemble_world(
        seed,
        blocks,
        tint=land.tint,
        surface=land.surface,
        biome=land.biome,
        clouds=cloud_noise > np.quantile(cloud_noise, 1 - CLOUD_SHARE),
        torches=torches,
    )


__all__ = ["SEA_LEVEL", "WORLD_HEIGHT", "World", "assemble_world", "make_world"]
