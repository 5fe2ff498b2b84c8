"""What a pixel of Doom footage can show, and what a frame as a whole can be."""

from enum import IntEnum, StrEnum

UNKNOWN = 255
"""In a label image: no class; left out of every score."""


class PixelClass(IntEnum):
    """The class of one pixel, as it stands in label images (uint8)."""

    WALL = 0
    DOOR = 1
    SWITCH = 2
    FLOOR = 3
    CEILING = 4
    LIQUID = 5
    SKY = 6
    MONSTER = 7
    CORPSE = 8
    ITEM = 9  # picked up by walking over it
    DECORATION = 10  # stands about: barrels, lamps, trees
    PLAYER = 11  # another player
    EFFECT = 12  # projectiles, puffs, blood, explosions
    WEAPON = 13  # in the player's hands
    HUD = 14
    TEXT = 15  # messages, menu entries
    SCREEN = 16  # pictures that fill the screen: menus, intermissions, the automap


class FrameKind(StrEnum):
    """What a frame shows as a whole."""

    PLAY = "play"
    MENU = "menu"
    INTERMISSION = "intermission"
    AUTOMAP = "automap"
