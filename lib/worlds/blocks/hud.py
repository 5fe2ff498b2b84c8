"""The head-up display: nine slots with items, hearts, hunger, experience, and the crosshair.

Drawn in the game's manner at 20 units a slot, then shrunk to a whole number of pixels a slot, so
that its edges are smooth and yet lie on the pixels' grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, UInt8
from PIL import Image

from lib.worlds.blocks.boxes import blend_picture
from lib.worlds.blocks.items import SLOTS, Item, icon_of

UNITS = 20
"""Of a slot, each way; an item's picture has 16."""
_ROWS = 2 * UNITS  # of the whole panel: hearts, experience, slots
_GLYPHS = {
    "0": ("###", "#.#", "#.#", "#.#", "###"),
    "1": (".#.", "##.", ".#.", ".#.", "###"),
    "2": ("###", "..#", "###", "#..", "###"),
    "3": ("###", "..#", "###", "..#", "###"),
    "4": ("#.#", "#.#", "###", "..#", "..#"),
    "5": ("###", "#..", "###", "..#", "###"),
    "6": ("###", "#..", "###", "#.#", "###"),
    "7": ("###", "..#", "..#", "..#", "..#"),
    "8": ("###", "#.#", "###", "#.#", "###"),
    "9": ("###", "#.#", "###", "..#", "###"),
}
_HEART = (".##.##.", "#######", "#######", ".#####.", "..###..", "...#...")
_HAUNCH = ("..####.", ".######", ".######", ".#####.", "###....", "##.....")
Panel = Float[np.ndarray, "rows columns 4"]


@dataclass(frozen=True)
class Hud:
    """What the display shows.

    items: the nine slots. slot: the chosen one, 0 to 8. hearts, hunger: of 10, halves allowed.
    experience: how full the bar is, in [0, 1]. survival: without it only slots and crosshair show,
    as for one who can fly.
    """

    items: tuple[Item | None, ...]
    slot: int
    hearts: float = 10.0
    hunger: float = 10.0
    experience: float = 0.0
    survival: bool = True

    def __post_init__(self) -> None:
        if len(self.items) != SLOTS:
            raise ValueError(
                f"items must be {SLOTS}, not {len(self.items)}; fill empty slots with None"
            )
        if not 0 <= self.slot < SLOTS:
            raise ValueError(f"slot must be from 0 to {SLOTS - 1}, not {self.slot}")


def _fill(
    panel: Panel,
    rows: tuple[int, int],
    columns: tuple[int, int],
    colour: Sequence[float],
    opacity: float = 1.0,
) -> None:
    where = panel[max(0, rows[0]) : rows[1], max(0, columns[0]) : columns[1]]
    where *= 1 - opacity
    where += np.array([*colour, 1.0]) * opacity


def _print(
    panel: Panel, glyph: Sequence[str], at: tuple[int, int], colour: Sequence[float], size: int = 1
) -> None:
    """Draw a glyph of '#'s with its upper left corner at (row, column), `size` units a dot."""
    for i, line in enumerate(glyph):
        for k, dot in enumerate(line):
            if dot == "#":
                row, column = at[0] + size * i, at[1] + size * k
                _fill(panel, (row, row + size), (column, column + size), colour)


def _draw_slots(panel: Panel, hud: Hud) -> None:
    top = _ROWS - UNITS
    _fill(panel, (top, _ROWS), (0, SLOTS * UNITS), (0.10, 0.10, 0.10), 0.62)
    for number, item in enumerate(hud.items):
        left = number * UNITS
        for rows, columns in (
            ((top, top + 2), (left, left + UNITS)),
            ((_ROWS - 2, _ROWS), (left, left + UNITS)),
            ((top, _ROWS), (left, left + 1)),
            ((top, _ROWS), (left + UNITS - 1, left + UNITS)),
        ):
            _fill(panel, rows, columns, (0.50, 0.50, 0.50), 0.85)
        if item is None:
            continue
        icon = icon_of(item)
        place = panel[top + 2 : top + 18, left + 2 : left + 18]
        place *= 1 - icon[..., 3:]
        place += icon
        if item.count > 1:
            for k, digit in enumerate(reversed(str(item.count))):
                at = top + 9, left + 13 - 7 * k
                _print(panel, _GLYPHS[digit], at, (0.95, 0.95, 0.95), 2)
    left = hud.slot * UNITS
    for rows, columns in (
        ((top, top + 3), (left - 1, left + UNITS + 1)),
        ((_ROWS - 3, _ROWS), (left - 1, left + UNITS + 1)),
        ((top, _ROWS), (left - 1, left + 2)),
        ((top, _ROWS), (left + UNITS - 2, left + UNITS + 1)),
    ):
        _fill(panel, rows, columns, (0.96, 0.96, 0.96))


def _draw_health(panel: Panel, hud: Hud) -> None:
    """Ten hearts from the left, ten haunches from the right, the bar of experience below."""
    width = SLOTS * UNITS
    for k in range(10):
        for glyph, full, left, colour in (
            (_HEART, hud.hearts, 8 * k, (0.90, 0.10, 0.10)),
            (_HAUNCH, hud.hunger, width - 9 - 8 * k, (0.72, 0.47, 0.22)),
        ):
            _fill(panel, (1, 9), (left, left + 8), (0.05, 0.03, 0.03), 0.55)
            share = min(1.0, max(0.0, full - k))
            if share >= 1:
                _print(panel, glyph, (2, left + 1), colour)
            elif share > 0:
                half = slice(0, 4) if glyph is _HEART else slice(3, 7)
                rest = 0 if glyph is _HEART else 3
                _print(panel, [line[half] for line in glyph], (2, left + 1 + rest), colour)
    _fill(panel, (12, 17), (0, width), (0.06, 0.10, 0.04), 0.75)
    _fill(panel, (13, 16), (1, 1 + round((width - 2) * hud.experience)), (0.50, 0.90, 0.20))


def slot_pixels(size: tuple[int, int]) -> int:
    """Width of a slot in pixels for a picture of `size` (rows, columns)."""
    return max(1, round(UNITS * min(size[1] / 260, size[0] / 200)))


@lru_cache(maxsize=64)
def draw_panel(hud: Hud, slot_px: int) -> Float32[np.ndarray, "h w 4"]:
    """Slots and health, 2 slots high and 9 wide: colours times opacity, and opacity, in [0, 1]."""
    panel = np.zeros((_ROWS, SLOTS * UNITS, 4))
    _draw_slots(panel, hud)
    if hud.survival:
        _draw_health(panel, hud)
    wanted = (SLOTS * slot_px, 2 * slot_px)
    channels = [
        np.asarray(
            Image.fromarray(panel[..., c].astype(np.float32)).resize(wanted, Image.Resampling.BOX)
        )
        for c in range(4)
    ]
    result = np.ascontiguousarray(np.clip(np.stack(channels, -1), 0, 1))
    result.setflags(write=False)
    return result


def overlay_hud(image: UInt8[np.ndarray, "h w 3"], hud: Hud) -> None:
    """Lay the display over `image`, which changes."""
    rows, columns = image.shape[:2]
    slot_px = slot_pixels((rows, columns))
    panel = draw_panel(hud, slot_px)
    blend_picture(image, panel, rows - panel.shape[0], (columns - panel.shape[1]) // 2)
    arm = max(1, round(0.3 * slot_px))
    cross = np.zeros((2 * arm + 1, 2 * arm + 1, 4), np.float32)
    cross[arm] = cross[:, arm] = (0.72, 0.72, 0.72, 0.78)
    blend_picture(image, cross, rows // 2 - arm, columns // 2 - arm)
