"""Textures of 16 by 16 texels for every block, drawn by seeded noise: no third-party picture."""

from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import cache

import numpy as np
from jaxtyping import Float, Shaped, UInt8

from lib.worlds.blocks.kinds import KINDS, Block, Kind

TEXELS = 16
MIP_LEVELS = 4
TEXTURE_SEED = 7

Picture = Float[np.ndarray, "16 16 3"]
Colour = tuple[float, float, float]


class Face(IntEnum):
    """Which picture of a block a ray sees."""

    TOP = 0
    SIDE = 1
    BOTTOM = 2


class Cover(IntEnum):
    """What the fourth channel of a texel says."""

    HOLE = 0  # the ray goes on
    PLAIN = 1
    TINTED = 2  # to be multiplied by the grass colour of the place


def _speckle(
    rng: np.random.Generator, colour: Colour, contrast: float, *, smooth: bool = False
) -> Picture:
    """A flat colour with noise in four steps, as in pixel art."""
    noise = rng.integers(0, 4, (TEXELS, TEXELS)) / 1.5 - 1.0
    if smooth:
        noise = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 1.8
    return np.clip(np.array(colour) * (1 + contrast * noise[..., None]), 0, 1)


def _log(rng: np.random.Generator, bark: Colour, wood: Colour) -> tuple[Picture, Picture]:
    """(end with year rings, bark with upright grooves)."""
    side = _speckle(rng, bark, 0.12)
    side *= (1 + 0.20 * np.sin(np.arange(TEXELS) * 2.2 + rng.uniform(0, 6)))[None, :, None]
    row, column = np.mgrid[:TEXELS, :TEXELS] - 7.5
    ring = np.maximum(np.abs(row), np.abs(column))
    end = _speckle(rng, wood, 0.05) * (1 + 0.10 * np.where(ring.astype(int) % 2, 1, -1))[..., None]
    end[ring > 7] = side[ring > 7]
    return np.clip(end, 0, 1), np.clip(side, 0, 1)


def _birch_bark(rng: np.random.Generator) -> Picture:
    bark = _speckle(rng, (0.86, 0.86, 0.83), 0.05)
    for _ in range(9):
        row, column, length = rng.integers(0, TEXELS), rng.integers(0, 12), rng.integers(2, 5)
        bark[row, column : column + length] = 0.18
    return bark


def _ore(rng: np.random.Generator, stone: Picture, colour: Colour) -> Picture:
    picture = stone.copy()
    for _ in range(7):
        row, column = rng.integers(1, TEXELS - 2, 2)
        picture[row : row + 2, column : column + 2] = np.array(colour) * rng.uniform(0.8, 1.1)
    return np.clip(picture, 0, 1)


def _blades(rng: np.random.Generator, count: int, tallest: int) -> Shaped[np.ndarray, "16 16 4"]:
    """Grey blades of grass growing from the bottom row, tinted by the place."""
    picture = np.zeros((TEXELS, TEXELS, 4))
    for _ in range(count):
        foot, height = rng.integers(1, TEXELS - 1), rng.integers(5, tallest)
        lean, grey = rng.uniform(-0.25, 0.25), rng.uniform(0.55, 0.9)
        for k in range(height):
            column = int(foot + lean * k) % TEXELS
            picture[TEXELS - 1 - k, column] = (grey, grey, grey, Cover.TINTED)
    return picture


def _dead_bush(rng: np.random.Generator) -> Shaped[np.ndarray, "16 16 4"]:
    picture = np.zeros((TEXELS, TEXELS, 4))
    for _ in range(8):
        lean = rng.uniform(-0.9, 0.9)
        for k in range(rng.integers(6, 12)):
            column = int(np.clip(8 + lean * k * 0.7, 0, TEXELS - 1))
            picture[TEXELS - 1 - k, column] = (0.44, 0.31, 0.16, Cover.PLAIN)
    return picture


def _flower(petals: Colour) -> Shaped[np.ndarray, "16 16 4"]:
    picture = np.zeros((TEXELS, TEXELS, 4))
    picture[8:16, 7:9] = (0.25, 0.50, 0.15, Cover.PLAIN)
    picture[4:9, 5:11] = (*petals, Cover.PLAIN)
    picture[6, 7:9] = (0.35, 0.17, 0.06, Cover.PLAIN)
    picture[4, [5, 10]] = 0
    return picture


def _torch() -> Shaped[np.ndarray, "16 16 4"]:
    picture = np.zeros((TEXELS, TEXELS, 4))
    picture[8:16, 7:9] = (0.50, 0.38, 0.22, Cover.PLAIN)
    picture[6:8, 7:9] = (1.0, 0.92, 0.5, Cover.PLAIN)
    return picture


class _Atlas:
    """Collects the pictures while they are drawn; values 0 to 1, cover code in the last channel."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.texels = np.zeros((len(Block), len(Face), TEXELS, TEXELS, 4))

    def put(
        self,
        block: Block,
        top: np.ndarray,
        side: np.ndarray | None = None,
        bottom: np.ndarray | None = None,
        *,
        cover: Cover = Cover.PLAIN,
    ) -> None:
        """Set the three faces; a face left out shows the top. Pictures may bring a cover."""
        for face, picture in ((Face.TOP, top), (Face.SIDE, side), (Face.BOTTOM, bottom)):
            shown = top if picture is None else picture
            self.texels[block, face, ..., 3] = cover
            self.texels[block, face, ..., : shown.shape[-1]] = shown


def _draw_ground(atlas: _Atlas) -> None:
    rng, put = atlas.rng, atlas.put
    stone = _speckle(rng, (0.49, 0.49, 0.49), 0.10, smooth=True)
    dirt = _speckle(rng, (0.53, 0.38, 0.26), 0.20)
    grass = _speckle(rng, (0.76, 0.76, 0.76), 0.16)
    snow = _speckle(rng, (0.95, 0.97, 0.99), 0.025)
    put(Block.STONE, stone)
    put(Block.DIRT, dirt)
    edge = np.arange(TEXELS)[:, None] < rng.integers(2, 5, TEXELS)[None, :]
    side = np.dstack([np.where(edge[..., None], grass, dirt), np.where(edge, 2, 1)])
    put(Block.GRASS, np.dstack([grass, np.full((TEXELS, TEXELS), Cover.TINTED)]), side, dirt)
    atlas.texels[Block.GRASS, Face.BOTTOM, ..., 3] = Cover.PLAIN
    put(Block.SNOWY_GRASS, snow, np.where(edge[..., None], snow, dirt), dirt)
    put(Block.SNOW, snow)
    put(Block.SAND, _speckle(rng, (0.86, 0.82, 0.63), 0.05))
    sandstone = _speckle(rng, (0.85, 0.80, 0.60), 0.035)
    layers = sandstone.copy()
    layers[[4, 5, 11]] *= 0.9
    layers[15] *= 0.85
    put(Block.SANDSTONE, sandstone, layers)
    put(Block.RED_SAND, _speckle(rng, (0.75, 0.41, 0.16), 0.05))
    put(Block.ORANGE_TERRACOTTA, _speckle(rng, (0.66, 0.36, 0.18), 0.04))
    put(Block.BROWN_TERRACOTTA, _speckle(rng, (0.48, 0.29, 0.20), 0.04))
    put(Block.CREAM_TERRACOTTA, _speckle(rng, (0.82, 0.68, 0.54), 0.035))
    put(Block.GRAVEL, _speckle(rng, (0.52, 0.49, 0.48), 0.22))
    put(Block.CLAY, _speckle(rng, (0.62, 0.65, 0.70), 0.05))
    put(Block.COAL_ORE, _ore(rng, stone, (0.16, 0.16, 0.16)))
    put(Block.IRON_ORE, _ore(rng, stone, (0.80, 0.66, 0.56)))
    put(Block.ICE, _speckle(rng, (0.62, 0.76, 0.96), 0.04, smooth=True))
    put(Block.WATER, _speckle(rng, (0.24, 0.40, 0.82), 0.10, smooth=True))


def _draw_trees(atlas: _Atlas) -> None:
    rng, put = atlas.rng, atlas.put
    put(Block.OAK_LOG, *_log(rng, (0.40, 0.31, 0.19), (0.69, 0.56, 0.34)))
    put(Block.BIRCH_LOG, _log(rng, (0.8, 0.8, 0.78), (0.76, 0.70, 0.50))[0], _birch_bark(rng))
    put(Block.SPRUCE_LOG, *_log(rng, (0.24, 0.17, 0.10), (0.49, 0.36, 0.20)))
    put(Block.JUNGLE_LOG, *_log(rng, (0.34, 0.27, 0.12), (0.62, 0.47, 0.31)))
    put(Block.ACACIA_LOG, *_log(rng, (0.42, 0.38, 0.34), (0.66, 0.36, 0.20)))
    foliage: Sequence[tuple[Block, Colour]] = (
        (Block.OAK_LEAVES, (0.64, 0.66, 0.60)),
        (Block.BIRCH_LEAVES, (0.80, 0.80, 0.66)),
        (Block.SPRUCE_LEAVES, (0.46, 0.54, 0.58)),
        (Block.JUNGLE_LEAVES, (0.62, 0.70, 0.58)),
        (Block.ACACIA_LEAVES, (0.70, 0.70, 0.52)),
    )
    for block, colour in foliage:
        cover = np.where(rng.random((TEXELS, TEXELS)) > 0.22, Cover.TINTED, Cover.HOLE)
        put(block, np.dstack([_speckle(rng, colour, 0.36), cover]))
    ribs = (1 - 0.35 * (np.arange(TEXELS) % 4 == 0))[None, :, None]
    cactus = _speckle(rng, (0.30, 0.52, 0.22), 0.12) * ribs
    put(Block.CACTUS, _speckle(rng, (0.40, 0.62, 0.30), 0.1), cactus)


def _draw_things(atlas: _Atlas) -> None:
    rng, put = atlas.rng, atlas.put
    planks = _speckle(rng, (0.64, 0.51, 0.31), 0.06)
    planks[3::4] *= 0.72
    planks[0:4, 7] *= 0.75
    planks[8:12, 12] *= 0.75
    put(Block.PLANKS, planks)
    cobble = _speckle(rng, (0.50, 0.50, 0.50), 0.18, smooth=True)
    cobble[::5] *= 0.7
    cobble[:, ::6] *= 0.75
    put(Block.COBBLESTONE, np.clip(cobble, 0, 1))
    glass = np.zeros((TEXELS, TEXELS, 4))
    glass[...] = (0.85, 0.93, 0.96, Cover.PLAIN)
    glass[1:-1, 1:-1] = 0
    put(Block.GLASS, glass)
    pumpkin = _speckle(rng, (0.80, 0.46, 0.10), 0.08)
    pumpkin[:, ::4] *= 0.8
    put(Block.PUMPKIN, pumpkin)
    plants: Sequence[tuple[Block, Callable[[], np.ndarray]]] = (
        (Block.TORCH, _torch),
        (Block.TALL_GRASS, lambda: _blades(rng, 11, 14)),
        (Block.FERN, lambda: _blades(rng, 16, 11)),
        (Block.RED_FLOWER, lambda: _flower((0.86, 0.12, 0.10))),
        (Block.YELLOW_FLOWER, lambda: _flower((0.95, 0.85, 0.15))),
        (Block.DEAD_BUSH, lambda: _dead_bush(rng)),
        (Block.SEAGRASS, lambda: _blades(rng, 9, 15)),
    )
    for block, draw in plants:
        put(block, draw())


def _halve(level: Shaped[np.ndarray, "block face 16 16 4"], side: int) -> np.ndarray:
    """The same pictures with squares of `side` texels averaged, holes left out of the average."""
    blocks, faces = level.shape[:2]
    cells = TEXELS // side
    tiles = level.reshape(blocks, faces, cells, side, cells, side, 4)
    solid = (tiles[..., 3:] != Cover.HOLE).astype(float)
    weight = solid.sum((3, 5), keepdims=True)
    colour = (tiles[..., :3] * solid).sum((3, 5), keepdims=True) / np.maximum(weight, 1)
    tinted = (tiles[..., 3:] == Cover.TINTED).sum((3, 5), keepdims=True) * 2 > weight
    cover = np.where(tinted, Cover.TINTED, Cover.PLAIN)
    # Leaves close up beyond a few steps; glass keeps its panes and plants their shape.
    cover = np.where(weight * 2 < side * side, Cover.HOLE, cover)
    small = np.concatenate([np.broadcast_to(colour, (*colour.shape[:-1], 3)), cover], -1)
    return np.broadcast_to(small, tiles.shape).reshape(level.shape)


@cache
def make_textures(seed: int = TEXTURE_SEED) -> UInt8[np.ndarray, "mip block face 16 16 4"]:
    """Every face of every block at four levels of detail, red green blue in [0, 255] and `Cover`.

    Level k averages squares of 2^k texels and keeps the size 16, so that far ground is calm
    instead of noisy (mip mapping, Williams 1983). Plants keep full detail at every level.
    The same array is returned again for the same seed; it is read-only.
    """
    atlas = _Atlas(np.random.default_rng(seed))
    _draw_ground(atlas)
    _draw_trees(atlas)
    _draw_things(atlas)
    levels = [atlas.texels] + [_halve(atlas.texels, 2**k) for k in range(1, MIP_LEVELS)]
    textures = np.stack(levels)
    plants = np.isin(KINDS, (Kind.PLANT, Kind.WATER_PLANT))
    textures[:, plants] = textures[0, plants]
    textures[..., :3] = np.round(textures[..., :3] * 255)
    result = textures.astype(np.uint8)
    result.setflags(write=False)
    return result
