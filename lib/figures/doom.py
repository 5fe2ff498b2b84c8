"""Pictures of the Doom chapter's footage and training: truth, views, what the sampler prefers."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Real, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lib.figures.doom_marks import (
    GAP_IN,
    HEADER_POINTS,
    ROOM_IN,
    Colour,
    appearing,
    check_alike,
    legend_in,
    lines_in,
    picture_width,
    swatches,
    wrapped,
)
from lib.figures.sideswipe_marks import DASHES, MARGIN_IN, Place, caption, check_lengths, page, put
from lib.figures.style import MUTED, PALETTE

COLUMNS = 4
MOST_PAIRS = 8
MOST_VIEWS = 4
FAVOURITES_A_LINE = 5
ROUNDING_PX = 0.01
BOX_COLOURS = (PALETTE[1], PALETTE[0], PALETTE[2])


def frames_with_truth(
    frames: UInt8[np.ndarray, "_n _h _w 3"],
    truth: UInt8[np.ndarray, "_n _h _w 3"],
    captions: Sequence[str],
    legend: Mapping[str, Colour],
) -> Figure:
    """Frames, each above the true class of its pixels, in rows of four pairs.

    `truth` holds the colours of the classes, uint8 RGB as the frames; there are 1 to 8 pairs.
    `legend` names the colours; classes that do not appear are left out of it.

    Raises:
        ValueError: no pair or more than 8, pictures or captions that do not match, or a colour
            in `truth` that `legend` does not name.
    """
    check_alike(frames=frames, truth=truth)
    n, h, w, _ = frames.shape
    if n > MOST_PAIRS:
        raise ValueError(f"frames has {n} pictures; give at most {MOST_PAIRS}, or they are tiny")
    check_lengths(frames=n, captions=len(captions))
    entries = appearing(legend, truth)
    columns = min(n, COLUMNS)
    width = min((ROOM_IN - (columns - 1) * 2 * GAP_IN) / columns, 2.1)
    height = width * h / w
    words = [wrapped(text, width) for text in captions]
    words_high = lines_in(words) + 0.03
    step = words_high + 2 * height + GAP_IN + 0.1
    lines = -(-n // columns)
    fig, axis = page(0.03 + lines * step + legend_in(entries))
    for i, text in enumerate(words):
        row, column = divmod(i, columns)
        x, y = MARGIN_IN + column * (width + 2 * GAP_IN), 0.03 + row * step
        caption(axis, text, (x, y))
        put(axis, frames[i], (x, y + words_high), width)
        put(axis, truth[i], (x, y + words_high + height + GAP_IN), width)
    swatches(axis, entries, 0.03 + lines * step - 0.06)
    return fig


def views(
    frames: UInt8[np.ndarray, "n h w 3"],
    boxes: Real[np.ndarray, "_n _v 4"],
    views: UInt8[np.ndarray, "_n _v s s 3"],
    names: Sequence[str],
) -> Figure:
    """Frames with the boxes that their views are cut from, and the views beside them.

    `boxes` are (top, left, bottom, right) in pixels of the frame; there are 1 to 4 views a frame.
    A fourth view comes from the next frame, so its box is not drawn. Each box and the edge of its
    view have the same colour and the same dashes.

    Raises:
        ValueError: no frame, no view or more than four, boxes or names that do not match, or a
            box that is empty or leaves the frame.
    """
    n, h, w, _ = frames.shape
    v = views.shape[1]
    _check_views(frames, boxes, views, names)
    besides, apart = 0.5 + n * 0.1, 0.11
    room = ROOM_IN - v * apart
    high = picture_width(1, n, (1, 1), room_in=room / (w / h + v), besides_in=besides)
    fig, axis = page(0.24 + n * (high + 0.1) + (0.16 if v == MOST_VIEWS else 0))
    first = MARGIN_IN + high * w / h + apart
    caption(axis, "frame", (MARGIN_IN, 0.04), fontsize=HEADER_POINTS)
    for column, name in enumerate(names):
        caption(axis, name, (first + column * (high + apart), 0.04), fontsize=HEADER_POINTS)
    for row in range(n):
        y = 0.22 + row * (high + 0.1)
        put(axis, frames[row], (MARGIN_IN, y), high * w / h)
        for column in range(v):
            x = first + column * (high + apart)
            put(axis, views[row, column], (x, y), high)
            if column < len(BOX_COLOURS):
                _edge(axis, (x - 0.025, y - 0.025), (high + 0.05, high + 0.05), column)
                _box(axis, boxes[row, column] * high / h, (MARGIN_IN, y), column)
    if v == MOST_VIEWS:
        text = "The last view is cut from the frame that follows, which is not shown."
        caption(axis, text, (MARGIN_IN, 0.22 + n * (high + 0.1)), color=MUTED)
    return fig


def _check_views(
    frames: UInt8[np.ndarray, "n h w 3"],
    boxes: Real[np.ndarray, "_n _v 4"],
    views: UInt8[np.ndarray, "_n _v s s 3"],
    names: Sequence[str],
) -> None:
    n, h, w, _ = frames.shape
    if not n or not 1 <= views.shape[1] <= MOST_VIEWS:
        raise ValueError(
            f"views has shape {views.shape} for {n} frames; give at least one frame, with 1 to "
            f"{MOST_VIEWS} views"
        )
    check_lengths(frames=n, boxes=len(boxes), views=len(views))
    check_lengths(views=views.shape[1], names=len(names), boxes=boxes.shape[1])
    boxes = boxes[:, :3]
    top, left, bottom, right = np.moveaxis(boxes.astype(float), -1, 0)
    least, most = -ROUNDING_PX, ROUNDING_PX
    inside = (top >= least) & (left >= least) & (bottom <= h + most) & (right <= w + most)
    good = inside & (top < bottom) & (left < right)
    if not good.all():
        row, view = np.argwhere(~good)[0]
        raise ValueError(
            f"boxes[{row}, {view}] is {boxes[row, view].tolist()}; want top < bottom <= {h} and "
            f"left < right <= {w}, none below 0, in pixels of the frame"
        )


def _box(axis: Axes, box_in: Real[np.ndarray, "4"], at: Place, number: int) -> None:
    """A box, in inches, on the frame `put` at the same place."""
    top, left, bottom, right = box_in.tolist()
    _edge(axis, (at[0] + left, at[1] + top), (right - left, bottom - top), number)


def _edge(axis: Axes, at: Place, size: Place, number: int) -> None:
    """Dashes over a white line, so that they are seen on any picture."""
    for colour, width, dashes in (("white", 2.4, DASHES[0]),
                                  (BOX_COLOURS[number], 1.4, DASHES[number])):  # fmt: skip
        axis.add_patch(
            Rectangle(at, *size, fill=False, edgecolor=colour, linewidth=width,
                      linestyle=dashes, joinstyle="miter", zorder=3)
        )  # fmt: skip


def favourites(
    most: UInt8[np.ndarray, "a h w 3"],
    least: UInt8[np.ndarray, "b h w 3"],
    most_draws: Int[np.ndarray, " _a"],
    least_draws: Int[np.ndarray, " _b"],
    *,
    captions_most: Sequence[str],
    captions_least: Sequence[str],
) -> Figure:
    """Frames that the sampler drew most often, above those it drew least often.

    The draws say how many times; they and the caption stand below each frame.

    Raises:
        ValueError: no frame in one of the two, or draws or captions that do not match.
    """
    for name, frames in (("most", most), ("least", least)):
        if not len(frames):
            raise ValueError(f"{name} has shape {frames.shape}: no frame; give at least one")
    check_lengths(most=len(most), most_draws=len(most_draws), captions_most=len(captions_most))
    check_lengths(
        least=len(least), least_draws=len(least_draws), captions_least=len(captions_least)
    )
    columns = min(max(len(most), len(least)), FAVOURITES_A_LINE)
    width = min((ROOM_IN - (columns - 1) * 2 * GAP_IN) / columns, 2.1)
    blocks = [
        _Block("drawn most often", most, _favourite(most_draws, captions_most, width)),
        _Block("drawn least often", least, _favourite(least_draws, captions_least, width)),
    ]
    fig, axis = page(sum(_block_in(block, width, columns) for block in blocks))
    y = 0.0
    for block in blocks:
        _draw_block(axis, block, y, width, columns)
        y += _block_in(block, width, columns)
    return fig


class _Block(NamedTuple):
    title: str
    frames: UInt8[np.ndarray, "n h w 3"]
    words: list[str]


def _favourite(draws: Int[np.ndarray, " n"], captions: Sequence[str], width: float) -> list[str]:
    """Times drawn, and the caption below."""
    found = []
    for count, text in zip(draws.tolist(), captions, strict=True):
        times = {0: "never", 1: "once", 2: "twice"}.get(count, f"{count:,} times")
        found.append(f"{times}\n{wrapped(text, width)}" if text else times)
    return found


def _line_in(block: _Block, width: float) -> float:
    """Height of a line of frames with their words."""
    _, h, w, _ = block.frames.shape
    return width * h / w + lines_in(block.words) + 0.09


def _block_in(block: _Block, width: float, columns: int) -> float:
    return 0.22 + -(-len(block.words) // columns) * _line_in(block, width)


def _draw_block(axis: Axes, block: _Block, top: float, width: float, columns: int) -> None:
    _, h, w, _ = block.frames.shape
    caption(axis, block.title, (MARGIN_IN, top + 0.05), fontsize=HEADER_POINTS, weight="bold")
    for i, (frame, words) in enumerate(zip(block.frames, block.words, strict=True)):
        row, column = divmod(i, columns)
        x = MARGIN_IN + column * (width + 2 * GAP_IN)
        y = top + 0.22 + row * _line_in(block, width)
        put(axis, frame, (x, y), width)
        caption(axis, words, (x, y + width * h / w + 0.03), linespacing=1.15)
