"""Pictures of what was learned from Doom: nearest frames, segments beside the truth, failures."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.figures.doom_marks import (
    GAP_IN,
    HEADER_POINTS,
    ROOM_IN,
    Colour,
    appearing,
    check_alike,
    check_panels,
    lines_in,
    picture_width,
    sheet,
    words_in,
    wrapped,
)
from lib.figures.sideswipe_marks import MARGIN_IN, Place, caption, check_lengths, page, put
from lib.figures.style import MUTED, message

Notes = Mapping[str, Sequence[Sequence[str]]]  # method, query, neighbour

QUERY_IN = 1.2
METHOD_IN = 0.9  # room for the name of a method, at most
FAILURE_WORDS_IN = 1.75


def neighbours(
    queries: UInt8[np.ndarray, "n h w 3"],
    found: Mapping[str, UInt8[np.ndarray, "_n _k _h _w 3"]],
    captions: Sequence[str],
    notes: Notes | None = None,
) -> Figure:
    """Each query at the left, and a row for each method of the frames it finds nearest.

    `found` maps methods to their `k` nearest frames of each query, nearest first. `captions` stand
    below the queries; `notes`, by method, query and neighbour, below the neighbours.

    Raises:
        ValueError: no query or method, or pictures, captions or notes that do not match.
    """
    n, h, w, _ = queries.shape
    k = _check_found(queries, found, notes)
    check_lengths(queries=n, captions=len(captions))
    query_in = picture_width(1, n, (h, w), room_in=QUERY_IN, besides_in=0.24 + 0.4 * n)
    beside = min(METHOD_IN, max(words_in(name) for name in found))
    first = MARGIN_IN + query_in + 0.12 + beside + 0.07
    room = MARGIN_IN + ROOM_IN - first
    lines, noted = n * len(found), _notes_in(notes, (room + GAP_IN) / k - GAP_IN)
    besides = 0.24 + n * 0.1 + lines * (noted + GAP_IN)
    width = picture_width(k, lines, (h, w), room_in=room, besides_in=besides)
    step = width * h / w + _notes_in(notes, width) + GAP_IN
    words = [wrapped(text, query_in) for text in captions]
    block = max(len(found) * step, query_in * h / w + 0.03 + lines_in(words)) + 0.1
    fig, axis = page(0.24 + n * block)
    caption(axis, "query", (MARGIN_IN, 0.04), fontsize=HEADER_POINTS)
    caption(axis, "nearest frames, the nearest first", (first, 0.04), fontsize=HEADER_POINTS)
    for i, text in enumerate(words):
        y = 0.22 + i * block
        put(axis, queries[i], (MARGIN_IN, y), query_in)
        caption(axis, text, (MARGIN_IN, y + query_in * h / w + 0.03))
        for j, (name, frames) in enumerate(found.items()):
            middle = y + j * step + width * h / w / 2
            caption(axis, wrapped(name, beside), (first - 0.07, middle), ha="right", va="center")
            said = notes[name][i] if notes and name in notes else [""] * k
            _line(axis, frames[i], said, (first, y + j * step), width)
    return fig


def _line(
    axis: Axes, frames: UInt8[np.ndarray, "k h w 3"], said: Sequence[str], at: Place, width: float
) -> None:
    """Frames side by side, each with its note below."""
    x, y = at
    below = width * frames.shape[1] / frames.shape[2] + 0.02
    for number, (frame, text) in enumerate(zip(frames, said, strict=True)):
        left = x + number * (width + GAP_IN)
        put(axis, frame, (left, y), width)
        caption(axis, wrapped(text, width, 6.5), (left, y + below), fontsize=6.5, color=MUTED)


def _notes_in(notes: Notes | None, width_in: float) -> float:
    """Height of the notes below a row of neighbours."""
    said = [text for method in (notes or {}).values() for query in method for text in query]
    tallest = lines_in([wrapped(text, width_in, 6.5) for text in said], 6.5)
    return tallest + 0.03 if tallest else 0.0


def _check_found(
    queries: UInt8[np.ndarray, "n h w 3"],
    found: Mapping[str, UInt8[np.ndarray, "_n _k _h _w 3"]],
    notes: Notes | None,
) -> int:
    """How many neighbours there are of each query."""
    n, h, w, _ = queries.shape
    if not n or not found:
        raise ValueError(
            f"queries has {n} pictures, found {len(found)} methods; give at least one of each"
        )
    k = next(iter(found.values())).shape[1]
    for name, frames in found.items():
        if frames.shape != (n, k, h, w, 3) or not k:
            raise ValueError(
                f"found[{name!r}] has shape {frames.shape}; want {(n, max(k, 1), h, w, 3)}: as "
                "many neighbours of each query for every method, of the size of the queries"
            )
    for name, method in (notes or {}).items():
        if name not in found:
            raise ValueError(f"notes has {name!r}, but found only {list(found)}; name one of these")
        check_lengths(queries=n, **{f"notes[{name!r}]": len(method)})
        for i, said in enumerate(method):
            check_lengths(neighbours=k, **{f"notes[{name!r}][{i}]": len(said)})
    return k


def segment_strip(
    panels: Mapping[str, UInt8[np.ndarray, "_t _h _w 3"]],
    captions: Sequence[str],
    *,
    legend: Mapping[str, Colour] | None = None,
) -> Figure:
    """Moments in rows, panels (such as frame, segments, truth) in columns: an animation in print.

    All panels have a picture of each moment, of one size; `captions` name the moments. A `legend`
    of colours stands beneath, whole.

    Raises:
        ValueError: no panel or moment, or pictures or captions that do not match.
    """
    check_panels(panels)
    stacked = np.stack(list(panels.values()), axis=1)
    check_lengths(panels=len(stacked), captions=len(captions))
    return sheet(stacked, captions, list(panels), legend=legend)


def methods_side_by_side(
    frames: UInt8[np.ndarray, "n h w 3"],
    panels: Mapping[str, UInt8[np.ndarray, "_n _h _w 3"]],
    *,
    legend: Mapping[str, Colour] | None = None,
) -> Figure:
    """Frames in columns: the frame on top, below it each panel, such as truth and methods.

    All panels have a picture of each frame, of its size. A `legend` of colours stands beneath,
    whole: give one where a colour means the same in all panels.

    Raises:
        ValueError: no frame or panel, or pictures that do not match.
    """
    check_panels(panels)
    check_alike(frames=frames, **{f"panels[{name!r}]": found for name, found in panels.items()})
    stacked = np.stack([frames, *panels.values()])
    return sheet(stacked, ["frame", *panels], [""] * len(frames), legend=legend)


def failures(
    frames: UInt8[np.ndarray, "_n _h _w 3"],
    named: UInt8[np.ndarray, "_n _h _w 3"],
    truth: UInt8[np.ndarray, "_n _h _w 3"],
    captions: Sequence[str],
    legend: Mapping[str, Colour],
) -> Figure:
    """What goes wrong, a row each: the frame, its segments as their matched classes, the truth.

    `named` holds each segment in the colour of the class it was matched with, `truth` the colours
    of the true classes; `legend` names both, and classes that do not appear are left out of it.
    Captions stand at the right.

    Raises:
        ValueError: pictures or captions that do not match, or colours without a name.
    """
    if not len(frames):
        return message("No failure to show.")
    check_alike(frames=frames, named=named, truth=truth)
    check_lengths(frames=len(frames), captions=len(captions))
    return sheet(
        np.stack([frames, named, truth], axis=1),
        captions,
        ["frame", "segments as classes", "true classes"],
        words_right_in=FAILURE_WORDS_IN,
        legend=appearing(legend, named, truth),
    )
