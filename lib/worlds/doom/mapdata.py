"""Lines, sectors and things of a map, as they stand in the WAD.

Layout and numbers: Matthew S. Fell, *The Unofficial Doom Specs* 1.666, chapter 4.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from lib.worlds.doom.wad import Wad, WadError

STEP_UP = 24.0
"""Map units a player climbs without help."""
BODY = 56.0
"""Map units a player is high."""
OPEN_CEILING = 10_000.0
"""Height of the ceiling of a door, which counts as open."""

DOORS = (1, 26, 27, 28, 31, 32, 33, 34, 117, 118)
"""Specials of lines that, used, open the sector behind them."""
LIFTS = (10, 21, 62, 88, 120, 121, 122, 123)
EXITS = (52, 124)
"""Specials that end the map when walked over."""
SWITCHES = (
    *(7, 9, 14, 15, 18, 20, 21, 23, 29, 41, 42, 49, 50, 55, 60, 61, 62, 63, 64, 65, 66, 67, 68),
    *(69, 70, 71, 101, 102, 103, 111, 112, 113, 114, 115, 116, 122, 123, 131, 132, 140),
)
"""Specials of lines that are used for anything but a door behind them or the end of the map."""
PILLARS = (
    *(2028, 2035, 25, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 37, 41, 42, 43, 44, 45, 46, 47, 48),
    *(49, 50, 51, 52, 53, 54, 55, 56, 57, 70, 73, 74, 75, 76, 77, 78, 85, 86),
)
"""Kinds of things that stand in the way."""
MONSTERS = (3004, 9, 65, 3001, 3002, 58, 3005, 3003, 69, 3006, 68, 71, 66, 67, 64, 7, 16, 84)
COUNTED_ITEMS = (2013, 2014, 2015, 2022, 2023, 2024, 2026, 2045, 83)
"""Kinds of things whose share the game tells at the end of a map."""
PLACES = (
    *MONSTERS,
    *COUNTED_ITEMS,
    *(2001, 2002, 2003, 2004, 2005, 2006, 82, 8, 2007, 2008, 2010, 2046, 2047, 2048, 2049, 17),
    *(2011, 2012, 2018, 2019, 2025, 5, 6, 13, 38, 39, 40),
)
"""Kinds of things worth going to: monsters, items, weapons, ammunition, health, armour, keys."""

_LINE = np.dtype(
    [(name, "<u2") for name in ("start", "end", "flags", "special", "tag", "right", "left")]
)
_SIDE = np.dtype([("textures", "S28"), ("sector", "<u2")])
_SECTOR = np.dtype(
    [("floor", "<i2"), ("ceiling", "<i2"), ("flats", "S16")]
    + [(name, "<u2") for name in ("light", "special", "tag")]
)
_THING = np.dtype([("x", "<i2"), ("y", "<i2"), ("angle", "<i2"), ("kind", "<u2"), ("flags", "<u2")])
_NO_SIDE = 0xFFFF
_SECRET = 9  # special of a sector
_BLOCKING = 1  # flag of a line
_MULTIPLAYER_ONLY = 16  # flag of a thing


@dataclass(frozen=True)
class MapData:
    """One map; lengths in map units.

    ends: of lines, x and y of start and end. sides: the sector to the right and to the left of
    each line, -1 for none. special: what a line does. floor, ceiling: of sectors, doors open.
    solid: lines nobody passes. ledge: lines with a step too high or too low to walk both ways.
    door, lift: sectors. things: x, y and kind.
    """

    ends: Float[np.ndarray, "l 4"]
    sides: Int[np.ndarray, "l 2"]
    special: Int[np.ndarray, " l"]
    floor: Float32[np.ndarray, " s"]
    ceiling: Float32[np.ndarray, " s"]
    solid: Bool[np.ndarray, " l"]
    ledge: Bool[np.ndarray, " l"]
    door: Bool[np.ndarray, " s"]
    lift: Bool[np.ndarray, " s"]
    things: Int[np.ndarray, "t 3"]
    secrets: int  # sectors that count as one

    def places(self, kinds: tuple[int, ...]) -> Float[np.ndarray, "n 2"]:
        """x and y of the things of these kinds."""
        return self.things[np.isin(self.things[:, 2], kinds), :2].astype(np.float64)


def maps_of(wad: Wad) -> tuple[str, ...]:
    """Names of the maps in a WAD, in order: a map is a marker followed by THINGS."""
    return tuple(a.name for a, b in pairwise(wad.lumps) if b.name == "THINGS")


def read_map(wad: Wad, map_name: str) -> MapData:
    """Read map `map_name`. Raises `WadError` if the WAD has no such map."""
    if map_name not in maps_of(wad):
        raise WadError(f"map_name is {map_name!r}; the WAD has {', '.join(maps_of(wad)) or 'none'}")
    first = next(i for i, lump in enumerate(wad.lumps) if lump.name == map_name)
    lumps = {lump.name: lump.data for lump in wad.lumps[first + 1 : first + 11]}
    lines = np.frombuffer(lumps["LINEDEFS"], _LINE)
    corners = np.frombuffer(lumps["VERTEXES"], "<i2").reshape(-1, 2).astype(np.float64)
    owners = np.frombuffer(lumps["SIDEDEFS"], _SIDE)["sector"]
    sectors = np.frombuffer(lumps["SECTORS"], _SECTOR)
    things = np.frombuffer(lumps["THINGS"], _THING)
    things = things[(things["flags"] & _MULTIPLAYER_ONLY) == 0]
    sides = np.stack([_faced(lines[side], owners) for side in ("right", "left")], axis=1)
    door, lift = _opened(lines, sides, sectors["tag"])
    floor = sectors["floor"].astype(np.float32)
    ceiling = np.where(door, np.float32(OPEN_CEILING), sectors["ceiling"].astype(np.float32))
    solid, ledge = _barriers(lines, sides, floor, ceiling)
    moves = lift[sides].any(axis=1) & (sides >= 0).all(axis=1)
    return MapData(
        np.concatenate([corners[lines["start"]], corners[lines["end"]]], axis=1),
        sides,
        lines["special"].astype(np.int64),
        floor,
        ceiling,
        solid & ~(moves & ((lines["flags"] & _BLOCKING) == 0)),
        ledge & ~moves,
        door,
        lift,
        np.stack([things[name].astype(np.int64) for name in ("x", "y", "kind")], axis=1),
        int((sectors["special"] == _SECRET).sum()),
    )


def _faced(side: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """The sector of each side, -1 where a line has none."""
    missing = (side == _NO_SIDE) | (side >= len(owners))
    return np.where(missing, -1, owners[np.where(missing, 0, side)].astype(np.int64))


def _opened(
    lines: np.ndarray, sides: np.ndarray, tags: np.ndarray
) -> tuple[Bool[np.ndarray, " s"], Bool[np.ndarray, " s"]]:
    """Which sectors are doors that open by hand, and which are lifts."""
    door = np.zeros(len(tags), bool)
    behind = sides[np.isin(lines["special"], DOORS), 1]
    door[behind[behind >= 0]] = True
    called = lines["tag"][np.isin(lines["special"], LIFTS)]
    return door, np.isin(tags, called[called > 0])


def _barriers(
    lines: np.ndarray, sides: np.ndarray, floor: np.ndarray, ceiling: np.ndarray
) -> tuple[Bool[np.ndarray, " l"], Bool[np.ndarray, " l"]]:
    """Lines that nobody passes, and lines passed one way at most."""
    open_sides = (sides >= 0).all(axis=1)
    right, left = np.maximum(sides, 0).T
    step = np.abs(floor[right] - floor[left])
    room = np.minimum(ceiling[right], ceiling[left]) - np.maximum(floor[right], floor[left])
    blocked = (lines["flags"] & _BLOCKING) != 0
    solid = ~open_sides | blocked | (room < BODY) | np.isin(lines["special"], EXITS)
    return solid, open_sides & ~solid & (step > STEP_UP)
