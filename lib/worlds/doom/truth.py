"""From a frame rendered with a label WAD to the class of every pixel.

In a label WAD each picture has one palette index, its class + 1, whatever the light (see
`lib.worlds.doom.repaint`). `label_palette` gives these indices colours far from one another and
from the palette's other colours, so that what an engine blends, brightens or draws by itself turns
up as UNKNOWN and hardly ever as a wrong class.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import UInt8

from lib.worlds.doom.classes import UNKNOWN, PixelClass

_COLOURS = np.array(  # of WALL, DOOR, … SCREEN; the best of 3,000 random draws at the above
    [
        (221, 205, 113), (149, 77, 97), (197, 77, 245), (249, 125, 101), (33, 249, 113),
        (229, 205, 45), (117, 89, 173), (33, 13, 29), (33, 45, 225), (117, 233, 117),
        (49, 145, 137), (185, 149, 237), (125, 181, 213), (37, 173, 225), (61, 193, 77),
        (65, 117, 65), (133, 209, 9),
    ],
    dtype=np.uint8,
)  # fmt: skip
_LEVELS = (1, 49, 101, 153, 205, 253)  # of the other colours, per channel
_STEP = 4  # a colour counts as a class's within its cube of 4×4×4: engines round differently


def label_index(kind: PixelClass) -> int:
    """The palette index that pictures of `kind` are painted with. Index 0 is no class."""
    return int(kind) + 1


def label_palette() -> UInt8[np.ndarray, "256 3"]:
    """The palette of a label WAD: black, the classes' colours, then a coarse cube of others."""
    palette = np.full((256, 3), _LEVELS[0], dtype=np.uint8)
    palette[1 : 1 + len(_COLOURS)] = _COLOURS
    axes = np.meshgrid(_LEVELS, _LEVELS, _LEVELS, indexing="ij")
    others = np.stack(axes, axis=-1).reshape(-1, 3).astype(np.uint8)
    palette[1 + len(_COLOURS) :][: len(others)] = others
    return palette


@lru_cache(maxsize=1)
def _class_of_cube() -> UInt8[np.ndarray, "64 64 64"]:
    table = np.full((256 // _STEP,) * 3, UNKNOWN, dtype=np.uint8)
    for kind in PixelClass:
        table[tuple(_COLOURS[kind] // _STEP)] = kind
    return table


def classes_of(
    picture: UInt8[np.ndarray, "h w 3"], *, horizon: int, view_height: int | None = None
) -> UInt8[np.ndarray, "h w"]:
    """The `PixelClass` of every pixel of a frame rendered with a label WAD, UNKNOWN for none.

    `picture` is RGB. `horizon` is the first row below the middle of the view: a flat above it is a
    CEILING, from it on a FLOOR (Doom's player never looks up or down). Rows from `view_height` on,
    where given, are the status bar: all of it HUD. Raises `ValueError` for rows outside the
    picture.
    """
    rows = len(picture)
    for name, row in (("horizon", horizon), ("view_height", view_height)):
        if row is not None and not 0 <= row <= rows:
            raise ValueError(
                f"{name} is {row}, but the picture has {rows} rows; give one of 0 to {rows}"
            )
    red, green, blue = np.moveaxis(picture // _STEP, 2, 0)
    classes = _class_of_cube()[red, green, blue]
    above = classes[:horizon]
    above[above == PixelClass.FLOOR] = PixelClass.CEILING
    if view_height is not None:
        classes[view_height:] = PixelClass.HUD
    return classes


def screen_classes_of(
    picture: UInt8[np.ndarray, "h w 3"], *, view_height: int | None = None
) -> UInt8[np.ndarray, "h w"]:
    """The `PixelClass` of every pixel of a menu, an intermission or an automap: TEXT or SCREEN.

    `picture` is RGB, rendered with a label WAD. Rows from `view_height` on, where given, are HUD.
    """
    text = classes_of(picture, horizon=0, view_height=view_height)
    keep = (text == PixelClass.TEXT) | (text == PixelClass.HUD)
    return np.where(keep, text, np.uint8(PixelClass.SCREEN))
