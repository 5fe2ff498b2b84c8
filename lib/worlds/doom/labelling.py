"""The class of every pixel of a frame of play, from two engines that show the same moment.

Walls, doors, liquids, sky, sprites and the status bar have the colours of their classes in the
picture of the repainted game (`lib.worlds.doom.truth`). What an engine blends with what lies behind
it (fire, a spectre's shimmer) has not: there the other engine's picture of objects tells the thing.
What is then left without a class is lettering, which engines colour by themselves.
"""

import numpy as np
from jaxtyping import Bool, UInt8

from lib.worlds.doom.classes import UNKNOWN, PixelClass
from lib.worlds.doom.engine import HORIZON, VIEW_ROWS, Moment, Seen
from lib.worlds.doom.truth import classes_of

MOST_UNKNOWN = 0.1
"""Share of the view without a class above which something has tinted all of it."""

_SPRITES = (
    PixelClass.MONSTER,
    PixelClass.CORPSE,
    PixelClass.ITEM,
    PixelClass.DECORATION,
    PixelClass.PLAYER,
    PixelClass.EFFECT,
    PixelClass.WEAPON,
)
_WEAPON_VALUE = 255
_BY_CATEGORY = {
    "Monster": PixelClass.MONSTER,
    "Gore": PixelClass.CORPSE,
    "Gibs": PixelClass.EFFECT,
    "Explosive": PixelClass.EFFECT,
    "SFX": PixelClass.EFFECT,
    "Health": PixelClass.ITEM,
    "Armor": PixelClass.ITEM,
    "Ammo": PixelClass.ITEM,
    "Weapon": PixelClass.ITEM,
    "Key": PixelClass.ITEM,
    "Powerup": PixelClass.ITEM,
    "Item": PixelClass.ITEM,
    "LightSource": PixelClass.DECORATION,
    "Obstacle": PixelClass.DECORATION,
    "Hazard": PixelClass.DECORATION,
    "Decoration": PixelClass.DECORATION,
    "Vegetation": PixelClass.DECORATION,
    "Player": PixelClass.PLAYER,
}


def class_of_thing(thing: Seen) -> int:
    """The class of a thing in view by its category in the game, UNKNOWN where that tells none."""
    return int(_BY_CATEGORY.get(thing.category, UNKNOWN))


def label_play(moment: Moment) -> UInt8[np.ndarray, "h w"] | None:
    """The class of every pixel of a frame of play; None if the view is tinted beyond telling."""
    classes = classes_of(moment.repainted, horizon=HORIZON, view_height=VIEW_ROWS)
    by_value = np.full(256, UNKNOWN, np.uint8)
    by_value[_WEAPON_VALUE] = PixelClass.WEAPON
    for thing in moment.seen:
        by_value[thing.value] = class_of_thing(thing)
    things = by_value[moment.objects]
    things[VIEW_ROWS:] = UNKNOWN
    blended = (things != UNKNOWN) & ~np.isin(classes, _SPRITES)
    classes[blended] = things[blended]
    left = classes == UNKNOWN
    if left[:VIEW_ROWS].mean() > MOST_UNKNOWN:
        return None
    classes[left] = PixelClass.TEXT
    return classes


def lettering(
    before: UInt8[np.ndarray, "h w 3"], after: UInt8[np.ndarray, "h w 3"]
) -> Bool[np.ndarray, "h w"]:
    """Which pixels of a repainted picture changed when a menu was laid over it."""
    return (before != after).any(axis=2)
