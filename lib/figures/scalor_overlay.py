"""Boxes and id numbers drawn into frames of a video, from 64 pixels to full HD."""

from functools import lru_cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.colors import to_rgb
from PIL import Image, ImageDraw, ImageFont

from lib.figures.scalor_boxes import BoxLook, check_boxes, look_of

Area = tuple[int, int, int, int]  # left, top, right, bottom in px; right and bottom are outside

LINE_PART = 240  # a line is the frame's shorter side over this wide
DASH = 2  # the patterns of figures, whose lines are thinner, times this
FONT_PART = 45
LEAST_FONT_SIDE_PX = 420  # below, letters of a font would be too small to read
DIGIT_PART = 160
DIGITS = {  # 3 x 5 pixels: an octal digit a row, whose bits are its pixels
    "0": "75557", "1": "26227", "2": "71747", "3": "71717", "4": "55711", "5": "74717",
    "6": "74757", "7": "71222", "8": "75757", "9": "75717", "-": "00700",
}  # fmt: skip


def overlay(
    frame: UInt8[np.ndarray, "h w 3"],
    boxes: Float[np.ndarray, "n 4"],
    ids: Int[np.ndarray, " _n"],
    *,
    numbers: bool = True,
) -> UInt8[np.ndarray, "h w 3"]:
    """A copy of a frame with boxes in the looks of their ids, and the ids as `numbers`.

    Boxes are (left, top, width, height) in px of the frame and are cut off at its border; what
    lies outside it or has no area is not drawn. A number stands above its box, or, where that
    would cover another number, below or inside. Lines and numbers grow with the frame.

    Raises:
        ValueError: other numbers of ids than boxes, or boxes that are not finite.
    """
    check_boxes(boxes, ids)
    h, w, _ = frame.shape
    line_px = max(1, round(min(h, w) / LINE_PART))
    order = np.argsort(ids, kind="stable")  # who came first keeps the place of the number
    areas = _areas(boxes[order], (h, w), line_px)
    drawn = [
        (identity, look_of(identity), area)
        for identity, area in zip(ids[order].tolist(), areas, strict=True)
        if area is not None
    ]
    picture = frame.copy()
    for _, look, area in drawn:
        _box(picture, area, look, line_px)
    taken: list[Area] = []
    for identity, look, area in drawn if numbers else ():
        stamp = _stamp(str(identity), look.colour, look.words, min(h, w))
        place = _free_place(area, stamp.shape[:2], (h, w), taken)
        left, top, right, bottom = place
        picture[top:bottom, left:right] = stamp[: bottom - top, : right - left]
        taken.append(place)
    return picture


def _areas(
    boxes: Float[np.ndarray, "n 4"], size: tuple[int, int], line_px: int
) -> list[Area | None]:
    """Whole pixels of the boxes; None of those that are not in a frame of `size` (rows, columns).

    Sides far outside are brought near, so that no time is spent there.
    """
    h, w = size
    begin, end = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    seen = (boxes[:, 2:] > 0).all(1) & (end > 0).all(1) & (begin < (w, h)).all(1)
    margin = 2 * line_px + 2
    first = np.clip(np.rint(begin), -margin, (w + margin, h + margin)).astype(int)
    last = np.clip(np.rint(end), -margin, (w + margin, h + margin)).astype(int)
    last = np.maximum(last, first + 1)  # thin boxes are seen, too
    corners = np.concatenate([first, last], axis=1).tolist()
    return [
        (left, top, right, bottom) if inside else None
        for (left, top, right, bottom), inside in zip(corners, seen.tolist(), strict=True)
    ]


def _box(picture: UInt8[np.ndarray, "h w 3"], area: Area, look: BoxLook, line_px: int) -> None:
    """A box; its line lies inside, what is beneath it a pixel to both sides if there is room."""
    if line_px > 1:
        left, top, right, bottom = area
        wider = (left - 1, top - 1, right + 1, bottom + 1)
        _sides(picture, wider, BoxLook(look.under), line_px + 2)
    _sides(picture, area, look, line_px)


def _sides(picture: UInt8[np.ndarray, "h w 3"], area: Area, look: BoxLook, line_px: int) -> None:
    left, top, right, bottom = area
    h, w, _ = picture.shape
    columns, rows = slice(max(left, 0), max(right, 0)), slice(max(top, 0), max(bottom, 0))
    across = _dashed(look, line_px, right - left)[columns.start - left : w - left]
    down = _dashed(look, line_px, bottom - top)[rows.start - top : h - top]
    for at in (top, max(bottom - line_px, top)):
        picture[max(at, 0) : max(min(at + line_px, bottom), 0), columns] = across
    for at in (left, max(right - line_px, left)):
        picture[rows, max(at, 0) : max(min(at + line_px, right), 0)] = down[:, None]


@lru_cache(maxsize=4096)
def _dashed(look: BoxLook, line_px: int, length_px: int) -> UInt8[np.ndarray, "length 3"]:
    """Colours along a side."""
    lengths = [max(1, round(DASH * line_px * part)) for part in look.pattern] or [1]
    colours = [_rgb(look.under if i % 2 else look.colour) for i in range(len(lengths))]
    period = np.repeat(np.array(colours, np.uint8), lengths, axis=0)
    return np.resize(period, (length_px, 3))


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (round(255 * part) for part in to_rgb(colour))
    return red, green, blue


@lru_cache(maxsize=4096)
def _stamp(text: str, colour: str, ink: str, side_px: int) -> UInt8[np.ndarray, "rows columns 3"]:
    """A number on a plate of a colour, for frames whose shorter side is `side_px`."""
    if side_px < LEAST_FONT_SIDE_PX:
        bits = [[digit >> 2 - i & 1 for i in range(3)] for digit in range(8)]
        columns = [np.array([bits[int(row)] for row in DIGITS[letter]]) for letter in text]
        joined = np.concatenate([np.pad(letter, ((1, 1), (1, 0))) for letter in columns], axis=1)
        factor = max(1, round(side_px / DIGIT_PART))
        pixels = np.kron(np.pad(joined, ((0, 0), (0, 1))), np.ones((factor, factor)))
        mask = Image.fromarray((255 * pixels).astype(np.uint8))
    else:
        font = _font(round(side_px / FONT_PART))
        left, top, right, bottom = font.getbbox(text, anchor="ls")
        gap = max(2, round(side_px / 300))
        size = (round(right - left) + 2 * gap, round(bottom - top) + 2 * gap)
        mask = Image.new("L", size)
        ImageDraw.Draw(mask).text((gap - left, gap - top), text, fill=255, font=font, anchor="ls")
    plate = Image.new("RGB", mask.size, colour)
    plate.paste(Image.new("RGB", mask.size, ink), mask=mask)
    return np.array(plate)


@lru_cache(maxsize=8)
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    """The book's font, which matplotlib brings along."""
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / "DejaVuSans-Bold.ttf"), size_px)


def _free_place(
    area: Area, stamp: tuple[int, int], size: tuple[int, int], taken: list[Area]
) -> Area:
    """Where a number of a box covers no other, or else above the box, always in the frame."""
    (left, top, right, bottom), (height, width), (h, w) = area, stamp, size
    places = []
    for x, y in (
        (left, top - height), (left, bottom), (left, top), (right - width, bottom - height),
    ):  # fmt: skip
        x, y = max(0, min(x, w - width)), max(0, min(y, h - height))
        place = (x, y, min(x + width, w), min(y + height, h))
        if not any(_overlap(place, other) for other in taken):
            return place
        places.append(place)
    return places[0]


def _overlap(one: Area, other: Area) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
