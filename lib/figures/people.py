"""Pictures of clips with the truth drawn over them, and histograms of what is in them."""

import colorsys
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from lib.figures.style import PALETTE, figure, montage, show_rows

LINES = ("-", "--", ":")  # a data set is told by its line as well as its colour
_GOLDEN = 0.618034  # of the colour circle: neighbours in number are far apart in hue
_GROUND = 24  # grey level of what belongs to nothing
_IGNORED = 110


def track_colour(track: int) -> tuple[int, int, int]:
    """Colour of a track's boxes and pixels, the same wherever its id occurs; bright."""
    hue, light = (track * _GOLDEN) % 1, (1.0, 0.75)[track % 2]
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, light)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw_tracks(
    frame: UInt8[np.ndarray, "h w 3"],
    boxes: Float[np.ndarray, "n 4"],
    ids: Int[np.ndarray, " _n"],
    *,
    width_px: int,
    numbered: bool = True,
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The frame at another width, each box (left, top, width, height in px) in its track's colour.

    With `numbered` its id stands in its corner, so that colours need not be told apart.
    """
    if not len(boxes) == len(ids):
        raise ValueError(f"ids has {len(ids)} entries for {len(boxes)} boxes; give one each")
    image = _resized(frame, width_px)
    draw = ImageDraw.Draw(image)
    scale = width_px / frame.shape[1]
    line = max(1, round(width_px / 90))  # thin ones get lost where the book shrinks a picture
    font = ImageFont.load_default(max(8, round(width_px / 16)))
    for (left, top, width, height), track in zip(boxes * scale, ids.tolist(), strict=True):
        ink = track_colour(track)
        right, bottom = left + max(width, 2) - 1, top + max(height, 2) - 1
        draw.rectangle((left, top, right, bottom), outline=ink, width=line)
        if numbered:
            at = (max(left, 0) + line + 1, max(top, 0) + line)
            draw.text(at, str(track), ink, font, stroke_width=1, stroke_fill="black")
    return np.asarray(image)


def draw_masks(
    mask: Int[np.ndarray, "h w"], *, width_px: int, ignored: int = -1
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Each pixel in the colour of the track that it belongs to; 0 is nobody's, almost black."""
    picture = np.full((*mask.shape, 3), _GROUND, np.uint8)
    for track in np.unique(mask).tolist():
        if track not in (0, ignored):
            picture[mask == track] = track_colour(track)
    picture[mask == ignored] = _IGNORED
    return np.asarray(_resized(picture, width_px, smooth=False))


def clip_rows(images: UInt8[np.ndarray, "r c h w 3"], labels: Sequence[str]) -> Figure:
    """A row a label, its pictures from left to right."""
    if len(labels) != len(images):
        raise ValueError(f"labels has {len(labels)} entries for {len(images)} rows; give one each")
    height, width, _ = montage(images).shape
    fig, axes = figure(5.9 * height / width + 0.1)
    show_rows(axes, images, labels)
    return fig


def distributions(
    values: Mapping[str, Mapping[str, Float[np.ndarray, " _n"]]],
    *,
    whole: Sequence[str] = (),
    bins: int = 20,
) -> Figure:
    """Histograms, a panel a quantity and a line a data set, in per cent of the data set's entries.

    `values` maps quantity, then data set to its entries; a data set without entries has no line.
    Quantities named in `whole` are counted by whole numbers.
    """
    rows = -(-len(values) // 2)
    fig, axes = figure(0.3 + 1.7 * rows, rows, 2, squeeze=False)
    names = list(dict.fromkeys(name for sets in values.values() for name in sets))
    for axis, (quantity, sets) in zip(axes.flat, values.items(), strict=False):
        top = max((float(x.max()) for x in sets.values() if len(x)), default=1.0)
        edges = np.linspace(0, top or 1.0, bins + 1)
        if quantity in whole:
            edges = np.arange(top + 2) - 0.5
        for name, entries in sets.items():
            if not len(entries):
                continue
            counts, _ = np.histogram(entries, edges)
            place = names.index(name)
            axis.stairs(
                100 * counts / len(entries), edges, color=PALETTE[place % len(PALETTE)],
                linestyle=LINES[place % len(LINES)], linewidth=1.4, label=name,
            )  # fmt: skip
        axis.set_xlim(edges[0], edges[-1])
        axis.set_xlabel(quantity)
    for axis in list(axes.flat)[len(values) :]:
        axis.set_axis_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("share, %")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    if handles:
        fig.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return fig


def _resized(
    picture: UInt8[np.ndarray, "h w 3"], width_px: int, *, smooth: bool = True
) -> Image.Image:
    """At another width; enlarged pixels stay squares."""
    rows, columns, _ = picture.shape
    size = (width_px, max(1, round(rows * width_px / columns)))
    shrinks = width_px < columns and smooth
    way = Image.Resampling.BOX if shrinks else Image.Resampling.NEAREST
    return Image.fromarray(np.ascontiguousarray(picture)).resize(size, way)
