"""Screens between and over play: title, menus, help, the automap, the end of a map.

Menus and help pages are the engine's own, called up while the game stands still. The title and the
end of a map, which ViZDoom leaves out, are put together from the game's pictures as the game does
it (Doom's `wi_stuff.c` says where everything goes). Each comes with the class of every pixel.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from lib.worlds.doom.classes import FrameKind, PixelClass
from lib.worlds.doom.engine import SIZE, VIEW_ROWS, EnginePair, Moment
from lib.worlds.doom.labelling import label_play, lettering
from lib.worlds.doom.wad import Wad, WadError

MENUS = ("menu_main", "menu_options", "menu_keys", "menu_endgame", "menu_help")
"""Console commands of menus that open over the game."""
_HELP = "menu_help"
_FADE_TICS = 12  # until a help page stands in full light
_CANVAS = (200, 320)  # rows, columns, as the game's own screens are drawn
_WIDTH = SIZE[0] * 4 // 3  # of such a screen on a wider one, between black bars
_STATS_X, _STATS_Y, _TIME_Y, _TITLE_Y, _TIME_X = 50, 50, 168, 2, 16
_PERCENT_A_FRAME = 40  # counted up, twice as fast as the game does
_TICS_PER_SECOND = 35
_Picture = tuple[UInt8[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]


@dataclass(frozen=True)
class Screen:
    """One frame that is not play: RGB picture, class of every pixel, and its kind."""

    picture: UInt8[np.ndarray, "h w 3"]
    classes: UInt8[np.ndarray, "h w"]
    kind: FrameKind


@dataclass(frozen=True)
class MapResult:
    """What the end of a map tells: shares in percent, time in tics."""

    map_name: str
    next_map: str | None
    kills: int
    items: int
    secrets: int
    tics: int


class ScreenPainter:
    """Puts screens together from the pictures of a game's WAD."""

    def __init__(self, wad: Wad) -> None:
        self._lumps = {lump.name: lump.data for lump in wad.lumps}
        self._decoded: dict[str, _Picture] = {}
        if "PLAYPAL" not in self._lumps:
            raise WadError("the WAD has no palette (PLAYPAL); name a whole game's, not a patch's")
        self._palette = np.frombuffer(self._lumps["PLAYPAL"][:768], np.uint8).reshape(256, 3)

    def title(self) -> Screen:
        """The picture the game begins with."""
        return self._fit(self._background("TITLEPIC"), FrameKind.MENU)

    def end_of_map(self, result: MapResult, *, frame: int) -> Screen:
        """The score `frame` tenths of a second after the end of a map, as numbers count up."""
        canvas = self._background("INTERPIC")
        self._centre(canvas, self._name(result.map_name), _TITLE_Y)
        self._centre(canvas, "WIF", _TITLE_Y + 20)
        shown = frame * _PERCENT_A_FRAME
        rows = (("WIOSTK", result.kills), ("WIOSTI", result.items), ("WISCRT2", result.secrets))
        for i, (picture, share) in enumerate(rows):
            self._paste(canvas, picture, _STATS_X, _STATS_Y + 22 * i)
            counted = min(max(shown - 100 * i, 0), share)
            if shown >= 100 * i:
                self._number(canvas, counted, _CANVAS[1] - _STATS_X, _STATS_Y + 22 * i, "WIPCNT")
        if shown >= 100 * len(rows):
            self._paste(canvas, "WITIME", _TIME_X, _TIME_Y)
            self._time(canvas, result.tics // _TICS_PER_SECOND, _CANVAS[1] // 2 - _TIME_X)
        return self._fit(canvas, FrameKind.INTERMISSION)

    def entering(self, map_name: str) -> Screen:
        """The announcement of the next map."""
        canvas = self._background("INTERPIC")
        self._centre(canvas, "WIENTER", _TITLE_Y)
        self._centre(canvas, self._name(map_name), _TITLE_Y + 20)
        return self._fit(canvas, FrameKind.INTERMISSION)

    def _background(self, name: str) -> "_Canvas":
        pixels, _ = self.picture(name)
        return _Canvas(pixels[: _CANVAS[0], : _CANVAS[1]].copy(), np.zeros(_CANVAS, bool))

    def picture(self, name: str) -> _Picture:
        """Palette indices of picture `name` and which pixels are opaque. Raises `WadError`."""
        if name not in self._lumps:
            raise WadError(f"the WAD has no picture {name}; name the WAD of a whole game")
        if name not in self._decoded:
            self._decoded[name] = decode_picture(self._lumps[name])
        return self._decoded[name]

    def _name(self, map_name: str) -> str:
        """The picture with the name of a map."""
        if map_name.startswith("MAP"):
            return f"CWILV{int(map_name[3:]) - 1:02d}"
        return f"WILV{int(map_name[1]) - 1}{int(map_name[3]) - 1}"

    def _centre(self, canvas: "_Canvas", name: str, y: int) -> None:
        width = self.picture(name)[0].shape[1]
        self._paste(canvas, name, (_CANVAS[1] - width) // 2, y)

    def _paste(self, canvas: "_Canvas", name: str, x: int, y: int) -> None:
        """Lay picture `name` on the canvas, cut at its edges."""
        pixels, opaque = self.picture(name)
        h, w = min(pixels.shape[0], _CANVAS[0] - y), min(pixels.shape[1], _CANVAS[1] - x)
        mask = opaque[:h, :w]
        canvas.pixels[y : y + h, x : x + w][mask] = pixels[:h, :w][mask]
        canvas.text[y : y + h, x : x + w][mask] = True

    def _number(self, canvas: "_Canvas", value: int, right: int, y: int, unit: str = "") -> int:
        """Write a number that ends at `right`; gives where it begins."""
        if unit:
            self._paste(canvas, unit, right, y)
        for digit in reversed(str(value)):
            right -= self.picture(f"WINUM{digit}")[0].shape[1]
            self._paste(canvas, f"WINUM{digit}", right, y)
        return right

    def _time(self, canvas: "_Canvas", seconds: int, right: int) -> None:
        minutes, rest = divmod(seconds, 60)
        tens = self._number(canvas, rest % 10, right, _TIME_Y)
        left = self._number(canvas, rest // 10, tens, _TIME_Y)
        colon = left - self.picture("WICOLON")[0].shape[1]
        self._paste(canvas, "WICOLON", colon, _TIME_Y)
        self._number(canvas, minutes, colon, _TIME_Y)

    def _fit(self, canvas: "_Canvas", kind: FrameKind) -> Screen:
        """Scale 4:3 to the frame's height, bars beside it; each pixel is one of the canvas."""
        rows = np.arange(SIZE[0]) * _CANVAS[0] // SIZE[0]
        columns = np.arange(_WIDTH) * _CANVAS[1] // _WIDTH
        left = (SIZE[1] - _WIDTH) // 2
        picture = np.zeros((*SIZE, 3), np.uint8)
        classes = np.full(SIZE, PixelClass.SCREEN, np.uint8)
        picture[:, left : left + _WIDTH] = self._palette[canvas.pixels[np.ix_(rows, columns)]]
        classes[:, left : left + _WIDTH][canvas.text[np.ix_(rows, columns)]] = PixelClass.TEXT
        return Screen(picture, classes, kind)


@dataclass(frozen=True)
class _Canvas:
    """A screen in the making: palette indices, and what of it is lettering."""

    pixels: UInt8[np.ndarray, "h w"]
    text: Bool[np.ndarray, "h w"]


def decode_picture(data: bytes) -> _Picture:
    """A picture in Doom's format of columns and posts: palette indices, and what is opaque.

    Fell, *The Unofficial Doom Specs*, chapter 5-1. Raises `WadError` for anything else.
    """
    try:
        width, height = struct.unpack_from("<HH", data)
        pixels = np.zeros((height, width), np.uint8)
        opaque = np.zeros((height, width), bool)
        for column, at in enumerate(struct.unpack_from(f"<{width}I", data, 8)):
            while data[at] != 0xFF:
                top, length = data[at], data[at + 1]
                post = np.frombuffer(data, np.uint8, length, at + 3)
                pixels[top : top + length, column] = post
                opaque[top : top + length, column] = True
                at += length + 4
    except (struct.error, IndexError, ValueError) as error:
        raise WadError(f"not a picture in Doom's format: {error}; use a sound WAD") from error
    return pixels, opaque


def show_menu(engines: EnginePair, command: str, frames: int) -> Iterator[Screen]:
    """Call up a menu over the game, which stands still meanwhile, for some frames.

    Lettering is TEXT; what is seen of the game behind a menu keeps its classes. A help page hides
    the game: all of it is SCREEN. Raises `ValueError` for an unknown menu.
    """
    if command not in MENUS:
        raise ValueError(f"command is {command!r}; choose one of {', '.join(MENUS)}")
    before = engines.look()
    classes = label_play(before)
    engines.command(command)
    engines.wait(_FADE_TICS)
    for _ in range(frames):
        now = engines.look()
        if command == _HELP or classes is None:
            labels = np.full(SIZE, PixelClass.SCREEN, np.uint8)
        else:
            labels = classes.copy()
            labels[lettering(before.repainted, now.repainted)] = PixelClass.TEXT
        yield Screen(now.picture, labels, FrameKind.MENU)
        engines.wait()
    engines.command("closemenu")
    engines.wait(1)


def show_automap(moment: Moment) -> Screen:
    """The map as far as it was seen, above the status bar."""
    picture = moment.automap.copy()
    picture[VIEW_ROWS:] = moment.picture[VIEW_ROWS:]
    classes = np.full(SIZE, PixelClass.SCREEN, np.uint8)
    classes[VIEW_ROWS:] = PixelClass.HUD
    return Screen(picture, classes, FrameKind.AUTOMAP)
