"""Which cells of SCALOR's grid claim which object, and what each of them draws."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lib.data.mot.boxes import FrameBoxes
from lib.figures.doom_marks import GAP_IN, HEADER_POINTS, ROOM_IN, TALLEST_IN, words_in
from lib.figures.scalor_boxes import IGNORED, TRUTH, BoxLook, boxes_on, check_boxes
from lib.figures.sideswipe_marks import MARGIN_IN, Place, caption, page, put
from lib.figures.style import INK, MUTED, PALETTE, PAPER

CLAIMS = {  # how many claim one object: how their boxes look
    "no true object": BoxLook(PALETTE[3], (1.0, 1.0), INK),
    "1 cell": BoxLook(PALETTE[0]),
    "2 cells": BoxLook(PALETTE[4], (3.0, 2.0), INK),
    "3 or more": BoxLook(PALETTE[1], (), INK),
}
CARRIED_PRESENCE = 0.7
TOP_IN = 0.32  # words and names of columns above the frames
BIGGEST_IN = 2.9  # height of a frame
TALLEST_GLIMPSE_IN = 0.55
NAME_IN = 0.13  # of a row or column of cells
LEGEND_IN = 0.28
WORDS_IN = 0.32  # and names of columns above the glimpses
NUMBER_IN = 0.13
NUMBER_POINTS = 6.2
EDGE_IN = 0.022  # around the glimpses of a cell
EMPTY = "#f1f2f4"


class _Sizes(NamedTuple):
    """Of the page, in inches: places of frames and cells from the upper left corner."""

    scale: float  # of a frame's pixel
    frames: tuple[Place, Place]
    legend: float
    first_cell: Place
    cell: tuple[float, float]  # from one cell to the next: across, down
    glimpse: tuple[float, float]  # width, height


def glimpses_of_cells(
    frame: UInt8[np.ndarray, "h w 3"],
    glimpses: Float[np.ndarray, "r c _g _k 4"],
    presence: Float[np.ndarray, "_r _c"],
    boxes: Float[np.ndarray, "_r _c 4"],
    claims: Int[np.ndarray, "_r _c"],
    *,
    truth: FrameBoxes | None = None,
    least_presence: float = CARRIED_PRESENCE,
) -> Figure:
    """A frame with its grid of r × c cells, boxes of those that see something, what these draw.

    Cells whose `presence`, in [0, 1], is above `least_presence` have a box in the frame at the
    right and, beneath, in their place of the grid, their decoded glimpse: `glimpses` are red,
    green, blue and alpha in [0, 1], shown as colours and, beside them, alpha. Colours of boxes and
    of the cells' edges say how many cells claim the same true object: `claims`, 0 where a box is
    on none. `boxes` are in px of the frame; `truth` are the true boxes, dotted white.

    Raises:
        ValueError: no cell, arguments of other grids, or values outside their ranges.
    """
    _check_cells(glimpses, presence, boxes, claims)
    shown = presence > least_presence
    check_boxes(boxes[shown], None)
    sizes = _sizes(frame, glimpses)
    rows, columns = presence.shape
    fig, axis = page(sizes.first_cell[1] + rows * sizes.cell[1] + 0.02)
    left, right = sizes.frames
    for words, (x, y) in (
        ("the frame and its cells", left),
        (f"boxes of cells whose presence is above {least_presence:g}", right),
    ):
        caption(axis, words, (x, 0.04), fontsize=HEADER_POINTS)
        put(axis, frame, (x, y), sizes.scale * frame.shape[1])
    _grid(axis, (rows, columns), sizes, frame.shape[:2])
    order = np.argsort(claims[shown], kind="stable")  # those with rivals on top
    looks = [look_of_claims(count) for count in claims[shown][order].tolist()]
    on_right = partial(boxes_on, axis, at=right, scale=sizes.scale, size=frame.shape[:2])
    on_right(boxes[shown][order], None, looks=looks, points=1.1)
    if truth is not None:
        dots = [IGNORED if ignored else TRUTH for ignored in truth.ignored.tolist()]
        on_right(truth.boxes, None, looks=dots, points=0.7)
    _legend(axis, sizes.legend, truth=truth is not None)
    above = sizes.first_cell[1] - WORDS_IN
    words = "what these cells draw: colours and, at the right, alpha; beneath, each cell's presence"
    caption(axis, words, (sizes.first_cell[0], above), fontsize=HEADER_POINTS)
    for row, column in np.ndindex(rows, columns):
        glimpse = glimpses[row, column] if shown[row, column] else None
        x, y = (first + i * step for first, i, step in
                zip(sizes.first_cell, (column, row), sizes.cell, strict=True))  # fmt: skip
        look = look_of_claims(int(claims[row, column]))
        _cell(axis, glimpse, float(presence[row, column]), (x, y), sizes, look)
    return fig


def look_of_claims(count: int) -> BoxLook:
    """The look of a box on an object that `count` cells claim."""
    return list(CLAIMS.values())[min(count, 3)]


def _check_cells(
    glimpses: Float[np.ndarray, "r c _g _k 4"],
    presence: Float[np.ndarray, "_r _c"],
    boxes: Float[np.ndarray, "_r _c 4"],
    claims: Int[np.ndarray, "_r _c"],
) -> None:
    grid = glimpses.shape[:2]
    if not glimpses.size:
        raise ValueError(f"glimpses has shape {glimpses.shape}; give at least one cell")
    for name, shape in (
        ("presence", presence.shape), ("boxes", boxes.shape[:2]), ("claims", claims.shape),
    ):  # fmt: skip
        if shape != grid:
            raise ValueError(f"{name} has {shape} cells, but glimpses has {grid}; give the same")
    for name, values in (("glimpses", glimpses), ("presence", presence)):
        if not ((values >= 0) & (values <= 1)).all():  # so for NaN, too
            raise ValueError(
                f"{name} has values in [{values.min():g}, {values.max():g}]; want [0, 1]"
            )
    if claims.min() < 0:
        raise ValueError(f"claims has {claims.min()}; want how many cells, from 0")


def _sizes(frame: UInt8[np.ndarray, "h w 3"], glimpses: Float[np.ndarray, "r c _g _k 4"]) -> _Sizes:
    """All that fits on a page: cells as wide as there is room, frames in what they leave."""
    (h, w, _), (rows, columns, g, k, _) = frame.shape, glimpses.shape
    step = (ROOM_IN - NAME_IN) / columns
    width = min((step - GAP_IN - 2 * EDGE_IN) / 2, TALLEST_GLIMPSE_IN * k / g)
    tall = width * g / k
    down = tall + 2 * EDGE_IN + NUMBER_IN + GAP_IN
    besides = TOP_IN + LEGEND_IN + WORDS_IN + rows * down
    half = ROOM_IN / 2
    high = max(1.0, min(BIGGEST_IN, TALLEST_IN - besides, (half - NAME_IN - 0.05) * h / w))
    frames = [(MARGIN_IN + NAME_IN + i * half, TOP_IN) for i in range(2)]
    legend = TOP_IN + high
    return _Sizes(
        high / h, (frames[0], frames[1]), legend, (MARGIN_IN + NAME_IN, legend + LEGEND_IN +
        WORDS_IN), (min(step, 2 * width + 2 * EDGE_IN + 0.2), down), (width, tall),
    )  # fmt: skip


def _grid(axis: Axes, cells: tuple[int, int], sizes: _Sizes, shape: tuple[int, ...]) -> None:
    """Borders of the cells on the frame at the left; names of rows and columns, twice."""
    (x, y), (rows, columns) = sizes.frames[0], cells
    high, wide = (sizes.scale * side for side in shape)
    for colour, width in ((INK, 0.9), (PAPER, 0.4)):
        line: dict[str, Any] = {"color": colour, "linewidth": width, "solid_capstyle": "butt"}
        for i in range(1, columns):
            axis.plot([x + i * wide / columns] * 2, [y, y + high], **line)
        for i in range(1, rows):
            axis.plot([x, x + wide], [y + i * high / rows] * 2, **line)
    for (left, top), (across, down), middle in (
        ((x, y), (wide / columns, high / rows), high / rows / 2),
        (sizes.first_cell, sizes.cell, sizes.glimpse[1] / 2 + EDGE_IN),
    ):
        size = {"fontsize": NUMBER_POINTS, "color": MUTED}
        for i in range(columns):
            at = left + (i + 0.5) * across, top - 0.02
            caption(axis, str(i + 1), at, ha="center", va="bottom", **size)
        for i in range(rows):
            at = left - 0.04, top + i * down + middle
            caption(axis, _letters(i), at, ha="right", va="center", **size)


def _letters(number: int) -> str:
    return chr(ord("a") + number) if number < 26 else str(number + 1)


def _cell(
    axis: Axes, glimpse: Float[np.ndarray, "g k 4"] | None, presence: float, at: Place,
    sizes: _Sizes, look: BoxLook,
) -> None:  # fmt: skip
    """Colours and alpha of a cell in an edge of its look, or an empty field; its presence."""
    (x, y), (width, tall) = at, sizes.glimpse
    around = 2 * width + 2 * EDGE_IN, tall + 2 * EDGE_IN
    if glimpse is None:
        axis.add_patch(Rectangle((x, y), *around, color=EMPTY, linewidth=0))
    else:
        shown = np.rint(255 * glimpse).astype(np.uint8)
        put(axis, shown[..., :3], (x + EDGE_IN, y + EDGE_IN), width)
        alpha = np.repeat(shown[..., 3:], 3, axis=-1)
        put(axis, alpha, (x + EDGE_IN + width, y + EDGE_IN), width)
        half = EDGE_IN / 2
        edge = np.array([[x + half, y + half, around[0] - EDGE_IN, around[1] - EDGE_IN]])
        boxes_on(axis, edge, None, looks=[look], at=(0, 0), points=1.0)
    caption(
        axis, f"{presence:.2f}", (x + around[0] / 2, y + around[1] + 0.02), ha="center",
        fontsize=NUMBER_POINTS, color=MUTED if glimpse is None else INK,
    )  # fmt: skip


def _legend(axis: Axes, y: float, *, truth: bool) -> None:
    """Small boxes with what they mean, side by side."""
    entries = {f"object claimed by {name}" if i == 1 else name: look
               for i, (name, look) in enumerate(CLAIMS.items())}  # fmt: skip
    entries |= {"true box": TRUTH} if truth else {}
    x = MARGIN_IN + NAME_IN
    for words, look in entries.items():
        boxes_on(axis, np.array([[x, y + 0.09, 0.2, 0.1]]), None, looks=[look], at=(0, 0))
        caption(axis, words, (x + 0.26, y + 0.14), va="center_baseline")
        x += 0.26 + words_in(words) + 0.16
