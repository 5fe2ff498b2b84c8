"""The bodies of creatures: boxes with generated pictures, and how each part moves.

Sizes are in sixteenths of a block. The creatures' own axes: x to their left, y up, z ahead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from itertools import accumulate

import numpy as np
from jaxtyping import Float, Int64, UInt8

from lib.worlds.blocks.boxes import BOX_FACES

TEXELS = 16
TEXTURE_SEED = 11
Colour = tuple[float, float, float]
Triple = tuple[int | float, int | float, int | float]


class Species(IntEnum):
    """Kinds of creatures."""

    PIG = 0
    COW = 1
    SHEEP = 2
    CHICKEN = 3
    RABBIT = 4
    ZOMBIE = 5
    FISH = 6


class Motion(IntEnum):
    """How a part moves."""

    STILL = 0
    LEG = 1  # swings with the stride
    OTHER_LEG = 2  # the same, half a stride later
    HEAD = 3  # goes down to graze
    TAIL = 4  # wags from side to side
    ARM = 5  # held out, swaying


class Side(IntEnum):
    """Faces of a box, in the order of `boxes.BOX_FACES`."""

    RIGHT = 0
    LEFT = 1
    BOTTOM = 2
    TOP = 3
    BACK = 4
    FRONT = 5


@dataclass(frozen=True)
class Mark:
    """A rectangle painted on a face: rows and columns (from, to) of its own pixels."""

    side: Side
    rows: tuple[int, int]
    columns: tuple[int, int]
    colour: Colour


@dataclass(frozen=True)
class Part:
    """One box of a body.

    size: width, height, length. centre: at rest, over the point between the feet. contrast: of
    the grain. patches: colour of irregular blotches. coat: whether it takes the coat's colour.
    """

    size: Triple
    centre: Triple
    colour: Colour
    motion: Motion = Motion.STILL
    pivot: Triple | None = None
    contrast: float = 0.05
    patches: Colour | None = None
    coat: bool = False
    marks: tuple[Mark, ...] = ()


def _eyes(row: int, columns: tuple[int, int], width: int = 1) -> tuple[Mark, ...]:
    """Two eyes on a front: a white and a dark pixel each, the dark ones outside."""
    left, right = columns
    white, dark = (0.94, 0.94, 0.94), (0.08, 0.07, 0.09)
    return (
        Mark(Side.FRONT, (row, row + 1), (left, left + width), dark),
        Mark(Side.FRONT, (row, row + 1), (left + width, left + 2 * width), white),
        Mark(Side.FRONT, (row, row + 1), (right - width, right), dark),
        Mark(Side.FRONT, (row, row + 1), (right - 2 * width, right - width), white),
    )


def _legs(size: Triple, places: Triple, colour: Colour, foot: Colour) -> tuple[Part, ...]:
    """Four legs at (±x, front z, back z), with feet of another colour; diagonal ones together."""
    width, height, _ = size
    x, front, back = places
    rows, columns = (int(height) - 2, int(height)), (0, int(width))
    sides = (Side.FRONT, Side.BACK, Side.LEFT, Side.RIGHT)
    marks = tuple(Mark(side, rows, columns, foot) for side in sides)
    return tuple(
        Part(
            size,
            (side * x, height / 2, z),
            colour,
            Motion.LEG if (side > 0) == (z > 0) else Motion.OTHER_LEG,
            (side * x, height, z),
            marks=marks,
        )
        for side in (1, -1)
        for z in (front, back)
    )


_PINK, _PALE_PINK = (0.90, 0.61, 0.60), (0.95, 0.71, 0.68)
_BROWN, _CREAM, _HORN = (0.33, 0.22, 0.15), (0.88, 0.85, 0.80), (0.80, 0.76, 0.66)
_FACE, _WOOL = (0.80, 0.68, 0.58), (0.93, 0.92, 0.90)
_FEATHER, _YELLOW, _RED = (0.95, 0.94, 0.92), (0.93, 0.66, 0.16), (0.80, 0.13, 0.11)
_FUR, _SKIN = (0.66, 0.54, 0.40), (0.42, 0.56, 0.33)
_SHIRT, _TROUSERS = (0.45, 0.31, 0.24), (0.24, 0.26, 0.34)
_SCALE, _FIN = (0.86, 0.50, 0.22), (0.95, 0.78, 0.40)

BODIES: Mapping[Species, Sequence[Part]] = {
    Species.PIG: (
        *_legs((4, 6, 4), (3, 5, -6), _PINK, (0.55, 0.36, 0.34)),
        Part((10, 8, 16), (0, 10, -1), _PINK),
        Part((8, 8, 8), (0, 12, 10), _PINK, Motion.HEAD, (0, 12, 6), marks=_eyes(3, (0, 8))),
        Part(
            (4, 3, 1.5),
            (0, 10.5, 14.5),
            _PALE_PINK,
            Motion.HEAD,
            (0, 12, 6),
            marks=(
                Mark(Side.FRONT, (1, 2), (0, 1), (0.55, 0.28, 0.28)),
                Mark(Side.FRONT, (1, 2), (3, 4), (0.55, 0.28, 0.28)),
            ),
        ),
        Part((1, 2, 2), (0, 13, -9.5), _PALE_PINK),
    ),
    Species.COW: (
        *_legs((4, 12, 4), (4, 6, -7), _BROWN, (0.20, 0.18, 0.17)),
        Part((12, 10, 18), (0, 17, -1), _BROWN, patches=_CREAM),
        Part((4, 1.5, 5), (0, 11.5, -6), (0.90, 0.66, 0.63)),
        Part(
            (8, 8, 6),
            (0, 20, 11),
            _BROWN,
            Motion.HEAD,
            (0, 20, 8),
            marks=(
                *_eyes(3, (0, 8)),
                Mark(Side.FRONT, (0, 4), (3, 5), _CREAM),
                Mark(Side.FRONT, (5, 8), (1, 7), (0.82, 0.70, 0.64)),
                Mark(Side.FRONT, (6, 7), (2, 3), (0.30, 0.22, 0.20)),
                Mark(Side.FRONT, (6, 7), (5, 6), (0.30, 0.22, 0.20)),
            ),
        ),
        Part((1.5, 3, 1.5), (4.6, 23.5, 10), _HORN, Motion.HEAD, (0, 20, 8)),
        Part((1.5, 3, 1.5), (-4.6, 23.5, 10), _HORN, Motion.HEAD, (0, 20, 8)),
        Part((1, 9, 1), (0, 16, -10.5), _BROWN, Motion.TAIL, (0, 20, -10)),
    ),
    Species.SHEEP: (
        *_legs((4, 12, 4), (3, 5, -6), _FACE, (0.34, 0.28, 0.25)),
        *(Part((5, 6, 5), (x, 9, z), _WOOL, coat=True) for x in (3, -3) for z in (5, -6)),
        Part((11, 10, 17), (0, 17, -1), _WOOL, contrast=0.06, coat=True),
        Part((6, 6, 7), (0, 20, 10.5), _FACE, Motion.HEAD, (0, 19, 7), marks=_eyes(2, (0, 6))),
        Part((7, 5, 5), (0, 21.5, 9.5), _WOOL, Motion.HEAD, (0, 19, 7), 0.06, coat=True),
    ),
    Species.CHICKEN: (
        Part((1, 5, 1), (1.5, 2.5, 0), _YELLOW, Motion.LEG, (1.5, 5, 0)),
        Part((1, 5, 1), (-1.5, 2.5, 0), _YELLOW, Motion.OTHER_LEG, (-1.5, 5, 0)),
        Part((6, 6, 8), (0, 8, 0), _FEATHER),
        Part((1, 4, 6), (3.5, 9, 0), (0.86, 0.85, 0.83)),
        Part((1, 4, 6), (-3.5, 9, 0), (0.86, 0.85, 0.83)),
        Part((4, 6, 3), (0, 12, 4.5), _FEATHER, Motion.HEAD, (0, 10, 3), marks=_eyes(2, (0, 4))),
        Part((4, 2, 2), (0, 12, 7), _YELLOW, Motion.HEAD, (0, 10, 3)),
        Part((2, 2, 1), (0, 10, 6.5), _RED, Motion.HEAD, (0, 10, 3)),
        Part((1, 2, 3), (0, 16, 4.5), _RED, Motion.HEAD, (0, 10, 3)),
    ),
    Species.RABBIT: (
        *_legs((2, 3, 3), (1.5, 2.5, -2.5), _FUR, _CREAM),
        Part((5, 5, 8), (0, 5, -0.5), _FUR, coat=True, contrast=0.08),
        Part((5, 5, 4), (0, 8, 4.5), _FUR, marks=_eyes(1, (0, 5)), coat=True),
        Part((1.4, 5, 1), (1.4, 12.5, 3.6), _FUR, coat=True),
        Part((1.4, 5, 1), (-1.4, 12.5, 3.6), _FUR, coat=True),
        Part((2.4, 2.4, 2), (0, 5.5, -5), _CREAM),
    ),
    Species.ZOMBIE: (
        Part((4, 12, 4), (2, 6, 0), _TROUSERS, Motion.LEG, (2, 12, 0)),
        Part((4, 12, 4), (-2, 6, 0), _TROUSERS, Motion.OTHER_LEG, (-2, 12, 0)),
        Part((8, 12, 4), (0, 18, 0), _SHIRT, patches=(0.36, 0.46, 0.28), contrast=0.09),
        Part(
            (8, 8, 8),
            (0, 28, 0),
            _SKIN,
            contrast=0.09,
            marks=(
                Mark(Side.FRONT, (4, 5), (1, 3), (0.05, 0.05, 0.05)),
                Mark(Side.FRONT, (4, 5), (5, 7), (0.05, 0.05, 0.05)),
                Mark(Side.FRONT, (6, 7), (2, 6), (0.20, 0.26, 0.16)),
                Mark(Side.TOP, (0, 8), (0, 8), (0.20, 0.24, 0.15)),
            ),
        ),
        Part((4, 4, 12), (6, 22, 5), _SKIN, Motion.ARM, (6, 22, 0), 0.09),
        Part((4, 4, 12), (-6, 22, 5), _SKIN, Motion.ARM, (-6, 22, 0), 0.09),
    ),
    Species.FISH: (
        Part(
            (3, 5, 9),
            (0, 0, 1),
            _SCALE,
            coat=True,
            contrast=0.12,
            marks=tuple(
                Mark(side, (1, 2), (7, 8), (0.05, 0.05, 0.05)) for side in (Side.LEFT, Side.RIGHT)
            ),
        ),
        Part((1, 5, 4), (0, 0, -5.5), _FIN, Motion.TAIL, (0, 0, -3.5)),
        Part((1, 2, 5), (0, 3.5, 0.5), _FIN),
    ),
}
HEIGHTS_BLOCKS: Mapping[Species, float] = {
    species: max(part.centre[1] + part.size[1] / 2 for part in parts) / 16
    for species, parts in BODIES.items()
}
"""From the feet (of a fish: its middle) to the top."""


@dataclass(frozen=True, eq=False)
class Body:
    """The parts of one species as arrays, in blocks: one row a part."""

    centre: Float[np.ndarray, "p 3"]
    half: Float[np.ndarray, "p 3"]
    pivot: Float[np.ndarray, "p 3"]
    motion: Int64[np.ndarray, " p"]
    coat: Float[np.ndarray, " p"]
    texture: Int64[np.ndarray, " p"]


@cache
def body_of(species: Species) -> Body:
    """The arrays of `BODIES[species]`; the same object each time."""
    counts = [len(BODIES[s]) for s in Species]
    first = [0, *accumulate(counts)][species]
    parts = BODIES[species]
    pivots = [part.centre if part.pivot is None else part.pivot for part in parts]
    return Body(
        centre=np.array([part.centre for part in parts], float) / 16,
        half=np.array([part.size for part in parts], float) / 32,
        pivot=np.array(pivots, float) / 16,
        motion=np.array([int(part.motion) for part in parts], np.int64),
        coat=np.array([float(part.coat) for part in parts]),
        texture=np.arange(first, first + len(parts), dtype=np.int64),
    )


def _face_pixels(part: Part, side: Side) -> tuple[int, int]:
    """Rows and columns of a face, in its own pixels."""
    width, height, length = (max(1, round(edge)) for edge in part.size)
    if side in (Side.LEFT, Side.RIGHT):
        return height, length
    return (length, width) if side in (Side.TOP, Side.BOTTOM) else (height, width)


def _paint_face(
    rng: np.random.Generator, part: Part, side: Side
) -> Float[np.ndarray, "rows columns 3"]:
    rows, columns = _face_pixels(part, side)
    grain = 1 + part.contrast * (rng.integers(0, 4, (rows, columns, 1)) / 1.5 - 1)
    picture = np.array(part.colour) * grain
    if part.patches is not None:
        for _ in range(max(1, rows * columns // 45)):
            row, column = rng.integers(0, rows), rng.integers(0, columns)
            tall, wide = rng.integers(2, 6, 2)
            picture[row : row + tall, column : column + wide] = np.array(part.patches)
    for mark in part.marks:
        if mark.side is side:
            picture[slice(*mark.rows), slice(*mark.columns)] = mark.colour
    return np.clip(picture, 0, 1)


def _calm(picture: Float[np.ndarray, "16 16 3"]) -> Float[np.ndarray, "16 16 3"]:
    """The same with squares of 4 texels averaged, for creatures far away."""
    small = picture.reshape(4, 4, 4, 4, 3).mean((1, 3))
    return np.repeat(np.repeat(small, 4, 0), 4, 1)


def to_texture(
    faces: Sequence[Float[np.ndarray, "_ _ 3"]],
) -> UInt8[np.ndarray, "2 6 16 16 4"]:
    """Six pictures of any sizes as one box's texture, at two levels of detail, without holes."""
    texture = np.full((2, BOX_FACES, TEXELS, TEXELS, 4), 255, np.uint8)
    for side, picture in enumerate(faces):
        rows, columns = (
            ((np.arange(TEXELS) + 0.5) * n / TEXELS).astype(int) for n in picture.shape[:2]
        )
        full = picture[np.ix_(rows, columns)]
        texture[0, side, ..., :3] = np.round(full * 255)
        texture[1, side, ..., :3] = np.round(_calm(full) * 255)
    return texture


@cache
def make_body_textures(seed: int = TEXTURE_SEED) -> UInt8[np.ndarray, "2 parts 6 16 16 4"]:
    """Textures of all parts of all species, in the order of `Body.texture`; read-only."""
    rng = np.random.default_rng(seed)
    parts = [part for species in Species for part in BODIES[species]]
    made = [to_texture([_paint_face(rng, part, side) for side in Side]) for part in parts]
    textures = np.stack(made, 1)
    textures.setflags(write=False)
    return textures
