"""Where the classifier looks: heat maps over pictures, what they score, and swapped parts."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lib.figures.sideswipe_marks import (
    MARGIN_IN,
    Interval,
    Look,
    Place,
    caption,
    check_lengths,
    dot,
    known,
    legend_above,
    level,
    outline,
    page,
    per_cent,
    put,
    rows,
    times,
)
from lib.figures.style import MUTED, PALETTE, WIDTH_IN, figure

HEAT_MAP = "inferno"  # lightness grows with heat: readable without colour
ITEMS_A_ROW = 2
CAPTION_IN = 0.16
HEAT_LOOK, AREA_LOOK = Look("o", PALETTE[1]), Look("s", PALETTE[0], filled=False)


def attention_sheet(
    images: UInt8[np.ndarray, "n h w 3"],
    heat: Float[np.ndarray, "n h w"],
    masks: Bool[np.ndarray, "n h w"],
    captions: Sequence[str],
) -> Figure:
    """Each picture beside its heat map, with the outline of the car's true mask.

    `heat` is 0 or more. Each line says what share of the heat is on the car, beside the share of
    the picture that the car takes: blind heat would have the same.
    """
    n, h, w, _ = images.shape
    check_lengths(images=n, captions=len(captions))
    between_in, gap_in = 0.16, 0.03
    item = (WIDTH_IN - 2 * MARGIN_IN - between_in) / ITEMS_A_ROW
    width = (item - gap_in) / 2
    step = CAPTION_IN + width * h / w + 0.1
    lines = -(-n // ITEMS_A_ROW)
    fig, axis = page(0.04 + lines * step + 0.26)
    for i, (image, warmth, mask, words) in enumerate(
        zip(images, heat, masks, captions, strict=True)
    ):
        x = MARGIN_IN + (i % ITEMS_A_ROW) * (item + between_in)
        y = 0.04 + (i // ITEMS_A_ROW) * step
        caption(axis, f"{words}: {_on_car(warmth, mask)}", (x, y))
        put(axis, image, (x, y + CAPTION_IN), width)
        put(axis, _warmed(image, warmth), (x + width + gap_in, y + CAPTION_IN), width)
        outline(axis, mask, (x + width + gap_in, y + CAPTION_IN), width)
    _heat_scale(axis, 0.08 + lines * step)
    return fig


def _on_car(heat: Float[np.ndarray, "h w"], mask: Bool[np.ndarray, "h w"]) -> str:
    area, total = f"{100 * mask.mean():.0f} % of the area on the car", heat.sum()
    if total <= 0:
        return f"no heat, {area}"
    return f"{100 * heat[mask].sum() / total:.0f} % of the heat, {area}"


def _warmed(
    image: UInt8[np.ndarray, "h w 3"], heat: Float[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture in grey, the more covered the hotter."""
    grey = (image @ [0.299, 0.587, 0.114] / 255)[..., None]
    warmth = heat / heat.max() if heat.max() > 0 else heat
    colour = mpl.colormaps[HEAT_MAP](0.25 + 0.75 * warmth)[..., :3]
    cover = (0.8 * warmth)[..., None]
    return (255 * (grey * (1 - cover) + colour * cover)).round().astype(np.uint8)


def _heat_scale(axis: Axes, y: float) -> None:
    """What the colours and the outline mean."""
    ramp = np.tile(np.linspace(0, 1, 60), (6, 1))
    grey = np.full((*ramp.shape, 3), 128, np.uint8)
    put(axis, _warmed(grey, ramp), (MARGIN_IN + 0.48, y + 0.02), 1.1)
    caption(axis, "no heat", (MARGIN_IN, y), color=MUTED)
    caption(axis, "most heat of the map", (MARGIN_IN + 1.63, y), color=MUTED)
    for colour, width in (("black", 1.6), ("white", 0.8)):
        axis.plot([4.1, 4.4], [y + 0.06] * 2, color=colour, linewidth=width)
    caption(axis, "edge of the car's true mask", (4.47, y), color=MUTED)


def attention_scores(
    heat: Mapping[str, Interval | None],
    area: Mapping[str, Interval | None],
    sanity: Mapping[str, Interval | None],
    *,
    chance: float | None = None,
) -> Figure:
    """Share of heat on the car against its area, a row a class; and whether maps need training.

    `heat` and `area` map classes to shares in [0, 1]. `sanity` maps layers, from the top, to the
    rank correlation of maps with those of the trained network once this layer and all above it
    are reset; `chance` is that of maps of different pictures.

    Raises:
        ValueError: nothing in `heat` or in `sanity`, or classes of which `area` knows nothing.
    """
    if not heat or not sanity or set(heat) - set(area):
        raise ValueError(
            f"heat has {list(heat)}, area {list(area)} and sanity {list(sanity)}; give at least "
            "one class with both shares and at least one layer"
        )
    fig, axes = figure(1.0 + 0.25 * max(len(heat), len(sanity)), 1, 2)
    for row, name in enumerate(heat):
        for shares, offset, look in ((heat, -0.12, HEAT_LOOK), (area, 0.12, AREA_LOOK)):
            value = shares[name]
            dot(axes[0], value and times(value, 100.0), row + offset, look)
    rows(axes[0], heat)
    axes[0].set_xlim(0, 100)
    axes[0].set_title("where the heat is")
    axes[0].set_xlabel("share, %")
    _sanity(axes[1], sanity)
    handles = [
        HEAT_LOOK.handle("share of heat on the car"),
        AREA_LOOK.handle("share of area on the car"),
    ]
    if chance is not None:
        handles.append(level(axes[1], chance, "maps of different pictures", upright=True))
    legend_above(fig, handles)
    return fig


def _sanity(axis: Axes, sanity: Mapping[str, Interval | None]) -> None:
    look = Look("D", PALETTE[2], size=4.5)
    seen = [(v[0], row) for row, v in enumerate(sanity.values()) if v is not None and known(v)]
    if seen:
        axis.plot(*zip(*seen, strict=True), color=look.colour, linewidth=1.0, zorder=1)
    for row, value in enumerate(sanity.values()):
        dot(axis, value, row, look)
    rows(axis, sanity)
    ends = [x for v in sanity.values() if v is not None for x in v if x is not None]
    axis.set_xlim(min([0.0, *ends]) - 0.03, 1.03)
    axis.set_title("reset from the top, down to")
    axis.set_xlabel("rank correlation with the trained map")


def counterfactuals(
    images: Mapping[str, UInt8[np.ndarray, "n h w 3"]],
    probabilities: Mapping[str, Float[np.ndarray, " n"]],
    classes: Sequence[str],
) -> Figure:
    """A car a row: as it is, then with one part swapped, each with its true class's probability.

    Both map the same columns (such as ``original``, ``other hat``), to the pictures and to
    probabilities in [0, 1]; `classes` names the true class of each row.

    Raises:
        ValueError: no column, columns of different lengths, or different ones in the two.
    """
    _check_columns(images, probabilities, classes)
    _, h, w, _ = next(iter(images.values())).shape
    left_in, gap_in = 0.78, 0.05
    width = (WIDTH_IN - left_in - MARGIN_IN) / len(images) - gap_in
    step = width * h / w + CAPTION_IN + 0.08
    fig, axis = page(0.2 + len(classes) * step + 0.16)
    note = "Bars: probability of the true class."
    caption(axis, note, (left_in, 0.2 + len(classes) * step), color=MUTED)
    for row, name in enumerate(classes):
        middle = 0.2 + row * step + width * h / w / 2
        caption(
            axis, name, (left_in - 0.07, middle), ha="right", va="center_baseline", fontsize=7.5
        )
    for column, (name, pictures) in enumerate(images.items()):
        x = left_in + column * (width + gap_in)
        caption(axis, name, (x, 0.04), fontsize=7.5)
        for row, (image, share) in enumerate(zip(pictures, probabilities[name], strict=True)):
            y = 0.2 + row * step
            put(axis, image, (x, y), width)
            _bar(axis, (x, y + width * h / w + 0.03), width, float(share))
    return fig


def _check_columns(
    images: Mapping[str, UInt8[np.ndarray, "n h w 3"]],
    probabilities: Mapping[str, Float[np.ndarray, " n"]],
    classes: Sequence[str],
) -> None:
    if not images or list(images) != list(probabilities):
        raise ValueError(
            f"images has columns {list(images)}, probabilities {list(probabilities)}; give the "
            "same, at least one, in the same order"
        )
    for name in images:
        counts = {f"images[{name!r}]": len(images[name])}
        counts[f"probabilities[{name!r}]"] = len(probabilities[name])
        check_lengths(classes=len(classes), **counts)


def _bar(axis: Axes, at: Place, width: float, share: float) -> None:
    """A share as a bar as wide as its picture, and in figures at its end."""
    x, y = at
    room = width - 0.52
    for length, colour in ((room, "#dfe3e7"), (room * share, PALETTE[0])):
        axis.add_patch(Rectangle((x, y + 0.02), length, 0.07, facecolor=colour, linewidth=0))
    caption(axis, per_cent(share), (x + width, y), ha="right")


def counterfactual_effect(
    flips: Mapping[str, Interval | None], change: Mapping[str, Interval | None]
) -> Figure:
    """What a swapped part does: predictions that flip, and the mean change of probability.

    Both map parts, in the same order; `flips` to shares in [0, 1], `change` to differences of the
    true class's probability, in [-1, 1].

    Raises:
        ValueError: no part, or different ones in the two.
    """
    if not flips or list(flips) != list(change):
        raise ValueError(
            f"flips has parts {list(flips)}, change {list(change)}; give the same, at least one, "
            "in the same order"
        )
    fig, axes = figure(0.85 + 0.25 * len(flips), 1, 2, sharey=True)
    for row, name in enumerate(flips):
        share = flips[name]
        dot(axes[0], share and times(share, 100.0), row, Look("o", PALETTE[1]))
        shift = change[name]
        dot(axes[1], shift and times(shift, 100.0), row, Look("s", PALETTE[0], size=5.0))
    rows(axes[0], flips)
    axes[1].grid(visible=False, axis="y")
    axes[1].grid(visible=True, axis="x")
    axes[1].tick_params(axis="y", length=0)
    level(axes[1], 0.0, "no change", upright=True)
    axes[0].set_xlim(left=0)
    axes[0].set_xlabel("predictions that change, %")
    axes[1].set_xlabel("change of the true class, points")
    axes[1].margins(x=0.12)
    return fig
