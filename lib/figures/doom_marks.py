"""What the Doom chapter's pages of pictures have in common: wrapped words, legends, grids."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextPath

from lib.figures.sideswipe_marks import CAPTION_POINTS, MARGIN_IN, caption, page, put
from lib.figures.style import INK, WIDTH_IN

Colour = tuple[int, int, int]  # red, green, blue in [0, 255]
Pictures = UInt8[np.ndarray, "_n _h _w 3"]

ROOM_IN = WIDTH_IN - 2 * MARGIN_IN
TALLEST_IN = 8.8  # what a printed page holds with a caption below the figure
GAP_IN = 0.04
HEADER_POINTS = 7.5
NAMES_IN = 1.0  # room for the names of rows, at most
SWATCH_IN = (0.2, 0.1)  # width, height
LEGEND_STEP_IN = 0.16
UNNAMED_SHOWN = 3


@lru_cache(maxsize=4096)
def words_in(text: str, points: float = CAPTION_POINTS) -> float:
    """Width of one line of words, in inches."""
    font = FontProperties(family="DejaVu Sans", size=points)  # that of the book's style
    return float(TextPath((0, 0), text, prop=font).get_extents().width) / 72 if text else 0.0


def wrapped(text: str, width_in: float, points: float = CAPTION_POINTS) -> str:
    """Words broken into lines no wider than `width_in`, unless a single word is; breaks stay."""
    lines = []
    for given in text.split("\n"):
        line, *others = given.split(" ")
        for word in others:
            if words_in(f"{line} {word}", points) <= width_in:
                line = f"{line} {word}"
            else:
                lines.append(line)
                line = word
        lines.append(line)
    return "\n".join(lines)


def lines_in(texts: Sequence[str], points: float = CAPTION_POINTS) -> float:
    """Height of the tallest of these texts, in inches; 0 if none has words."""
    tallest = max((text.count("\n") + 1 for text in texts if text), default=0)
    return tallest * 1.25 * points / 72


def picture_width(
    columns: int, rows: int, shape: Sequence[int], *, room_in: float, besides_in: float
) -> float:
    """Width of each picture of a grid that is as wide as it may be and no taller than a page.

    `shape` is that of a picture (height, width); `room_in` is what all columns and the gaps
    between them have, `besides_in` the height of all else.
    """
    widest = (room_in - (columns - 1) * GAP_IN) / columns
    tallest = (TALLEST_IN - besides_in) / rows
    return min(widest, max(tallest, 0.2) * shape[1] / shape[0])


def check_alike(**pictures: Pictures) -> None:
    """Raise `ValueError` unless there are pictures, and all arguments have the first's shape."""
    first, *_ = pictures.items()
    if not len(first[1]):
        raise ValueError(f"{first[0]} has shape {first[1].shape}: no picture; give at least one")
    for name, found in pictures.items():
        if found.shape != first[1].shape:
            raise ValueError(
                f"{name} has shape {found.shape}, but {first[0]} has {first[1].shape}; give as "
                "many pictures of the same size (enlarge segments to the size of their frames)"
            )


def check_panels(panels: Mapping[str, Pictures]) -> None:
    """Raise `ValueError` unless there are panels, of equally many pictures of one size."""
    if not panels:
        raise ValueError("panels is empty; give at least one named array of pictures [n h w 3]")
    check_alike(**{f"panels[{name!r}]": found for name, found in panels.items()})


def appearing(legend: Mapping[str, Colour], *pictures: Pictures) -> dict[str, Colour]:
    """The entries of a legend whose colours appear in the pictures.

    Raises:
        ValueError: a colour appears that the legend does not name.
    """
    seen: set[Colour] = set()
    for found in pictures:
        packed = found.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
        seen |= {(code >> 16, code >> 8 & 255, code & 255) for code in np.unique(packed).tolist()}
    if unnamed := sorted(seen - set(legend.values())):
        more = " and more" if len(unnamed) > UNNAMED_SHOWN else ""
        raise ValueError(
            f"legend lacks {len(unnamed)} of the colours in the pictures: "
            f"{unnamed[:UNNAMED_SHOWN]}{more}; name each, no class and noise too, and enlarge "
            "labels by nearest neighbour"
        )
    return {name: colour for name, colour in legend.items() if colour in seen}


def legend_in(legend: Mapping[str, Colour]) -> float:
    """Height that `swatches` takes."""
    return LEGEND_STEP_IN * -(-len(legend) // _legend_columns(legend)) + 0.06


def _legend_columns(legend: Mapping[str, Colour]) -> int:
    return max(1, min(len(legend), int((ROOM_IN + 0.12) / _entry_in(legend))))


def _entry_in(legend: Mapping[str, Colour]) -> float:
    longest = max((words_in(name) for name in legend), default=0.0)
    return SWATCH_IN[0] + 0.06 + longest + 0.14


def swatches(axis: Axes, legend: Mapping[str, Colour], y: float) -> None:
    """A legend of colours on a page, its top at y: edged patches with their names, in columns."""
    columns, step = _legend_columns(legend), _entry_in(legend)
    width, height = SWATCH_IN
    for number, (name, colour) in enumerate(legend.items()):
        row, column = divmod(number, columns)
        x, top = MARGIN_IN + column * step, y + 0.05 + row * LEGEND_STEP_IN
        axis.add_patch(
            Rectangle((x, top), width, height, facecolor=[c / 255 for c in colour],
                      edgecolor=INK, linewidth=0.5)
        )  # fmt: skip
        caption(axis, name, (x + width + 0.06, top + height / 2), va="center_baseline")


def sheet(
    pictures: UInt8[np.ndarray, "r c h w 3"],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    words_right_in: float = 0.0,
    legend: Mapping[str, Colour] | None = None,
) -> Figure:
    """A grid of pictures with the names of its columns above, of its rows at the left.

    With `words_right_in` the rows' words stand at the right and have at least so much room. A
    `legend` stands beneath, whole.
    """
    r, c, h, w, _ = pictures.shape
    right, points = words_right_in > 0, CAPTION_POINTS if words_right_in else HEADER_POINTS
    beside = words_right_in or min(NAMES_IN, max(words_in(name, points) for name in rows))
    room = ROOM_IN - (beside + 0.08 if beside else 0)
    beneath = legend_in(legend) if legend else 0.0
    width = picture_width(c, r, (h, w), room_in=room, besides_in=0.4 + beneath + r * GAP_IN)
    headers = [wrapped(name, width, HEADER_POINTS) for name in columns]
    above = 0.06 + lines_in(headers, HEADER_POINTS)
    step_x = width + GAP_IN
    words = [wrapped(text, ROOM_IN - c * step_x if right else beside, points) for text in rows]
    height = max(width * h / w, lines_in(words, points))
    first = MARGIN_IN + (0 if right or not beside else beside + 0.08)
    bottom = above + r * (height + GAP_IN)
    fig, axis = page(bottom + beneath + 0.02)
    for j, name in enumerate(headers):
        caption(axis, name, (first + j * step_x, 0.03), fontsize=HEADER_POINTS)
    for i, text in enumerate(words):
        middle = above + i * (height + GAP_IN) + height / 2
        x, side = (first + c * step_x + 0.04, "left") if right else (first - 0.08, "right")
        caption(axis, text, (x, middle), ha=side, va="center", fontsize=points)
        for j in range(c):
            put(axis, pictures[i, j], (first + j * step_x, middle - width * h / w / 2), width)
    if legend:
        swatches(axis, legend, bottom)
    return fig
