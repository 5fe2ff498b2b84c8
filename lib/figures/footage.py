"""Figures of the footage page: contact sheets, balance, colour, edges, change over time."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.figures.style import INK, MUTED, PALETTE, WIDTH_IN, figure

Interval = tuple[float, float | None, float | None]  # value, low, high
Splits = Mapping[str, Interval]  # "train" and "heldout"

PART_LOOK = {  # part: fill of the dot, offset in its row, line of a histogram, name
    "train": ("white", -0.14, "-", "training worlds"),
    "heldout": (PALETTE[0], 0.14, "--", "held-out worlds"),
}
BAND_LOOK = {  # band of the day: colour, hatch, name
    "day": (PALETTE[4], "", "day"),
    "dusk": (PALETTE[3], "//", "dawn and dusk"),
    "night": (PALETTE[0], "xx", "night"),
}
TICKS_SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
CHANNEL_LOOK = {"red": (PALETTE[1], "-"), "green": (PALETTE[2], "--"), "blue": (PALETTE[0], ":")}


def contact_sheet(
    images: UInt8[np.ndarray, "n h w 3"], titles: Sequence[str], *, columns: int = 6
) -> Figure:
    """Frames in rows of `columns`, each with its title above it."""
    n, h, w, _ = images.shape
    if len(titles) != n:
        raise ValueError(f"titles has {len(titles)} entries for {n} images; give one each")
    rows = -(-n // columns)
    lines = max(title.count("\n") + 1 for title in titles)
    each = WIDTH_IN / columns
    fig, axes = figure(rows * (each * h / w + 0.06 + 0.12 * lines), rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image, interpolation="nearest")
        axis.set_title(title, fontsize=6.5, color=MUTED, pad=2, loc="left")
    return fig


def share_dots(
    shares: Mapping[str, Mapping[str, Splits]], *, expected: Mapping[str, float] | None = None
) -> Figure:
    """Share of frames in each class, a panel a data set, a row a class.

    `shares` maps data set, then class, then ``train`` or ``heldout`` to (value, low, high), all in
    [0, 1] and drawn in per cent. `expected` puts a dashed line at a share in each panel.
    """
    longest = max(len(classes) for classes in shares.values())
    fig, axes = figure(0.85 + 0.2 * longest, 1, len(shares), squeeze=False)
    for axis, (name, classes) in zip(axes[0], shares.items(), strict=True):
        for row, splits in enumerate(classes.values()):
            for part, interval in splits.items():
                _dot(axis, row, part, interval)
        if expected and name in expected:
            axis.axvline(100 * expected[name], color=INK, linewidth=0.9, linestyle="--")
        axis.set_yticks(range(len(classes)), list(classes))
        axis.set_ylim(len(classes) - 0.5, -0.5)
        axis.set_xlim(left=0)
        axis.set_title(name)
        axis.set_xlabel("share of frames, %")
        axis.grid(axis="x")
        axis.grid(visible=False, axis="y")
    _legend_above(fig, axes[0])
    return fig


def _dot(axis: Axes, row: int, part: str, interval: Interval) -> None:
    """One share with its interval."""
    fill, offset, _, name = PART_LOOK[part]
    value, low, high = interval
    if low is not None and high is not None:
        axis.plot([100 * low, 100 * high], [row + offset] * 2, color=PALETTE[0], linewidth=1.1)
    axis.plot(
        [100 * value], [row + offset], "o", color=PALETTE[0], markerfacecolor=fill, markersize=4.5,
        label=name, clip_on=False,
    )  # fmt: skip


def _legend_above(fig: Figure, axes: Iterable[Axes]) -> None:
    """One entry a name, whichever panels have it."""
    entries: dict[str, Artist] = {}
    for axis in axes:
        handles, labels = axis.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    if entries:
        fig.legend(
            list(entries.values()), list(entries), loc="outside upper center", ncols=len(entries)
        )


def daytime(counts: Mapping[str, Mapping[str, Int[np.ndarray, " k"]]]) -> Figure:
    """Frames over the day, 24 hours from sunrise, coloured by the height of the sun.

    `counts` maps data set, then band (``day``, ``dusk``, ``night``) to frames in equal bins.
    """
    fig, axes = figure(2.2, 1, len(counts), squeeze=False)
    for axis, (name, bands) in zip(axes[0], counts.items(), strict=True):
        total = sum(int(c.sum()) for c in bands.values())
        k = len(next(iter(bands.values())))
        width, base = 24 / k, np.zeros(k)
        for band, number in bands.items():
            colour, hatch, label = BAND_LOOK[band]
            share = 100 * number / total
            axis.bar(
                (np.arange(k) + 0.5) * width, share, width * 0.92, bottom=base, color=colour,
                hatch=hatch, edgecolor="white", linewidth=0, label=label,
            )  # fmt: skip
            base = base + share
        axis.set_xticks([0, 6, 12, 18, 24], ["sunrise", "noon", "sunset", "midnight", "sunrise"])
        axis.set_xlim(0, 24)
        axis.set_title(name)
    axes[0, 0].set_ylabel("share of frames, %")
    _legend_above(fig, axes[0])
    return fig


def colour(
    histograms: Mapping[str, Int[np.ndarray, "3 k"]],
    luminance: Mapping[str, Mapping[str, Float[np.ndarray, " _n"]]],
    *,
    dark: float,
) -> Figure:
    """Left, pixels over the values of each channel; right, frames over their mean luminance.

    A row a data set. `luminance` maps data set, then part to one value in [0, 1] a frame; `dark` is
    marked by a line.
    """
    rows = len(histograms)
    fig, axes = figure(0.3 + 1.75 * rows, rows, 2, squeeze=False)
    for (left, right), (name, counts) in zip(axes, histograms.items(), strict=True):
        edges = np.linspace(0, 1, counts.shape[1] + 1)
        for (channel, (ink, line)), count in zip(CHANNEL_LOOK.items(), counts, strict=True):
            left.stairs(100 * count / count.sum(), edges, color=ink, linestyle=line, label=channel)
        left.set_title(f"{name}: pixels")
        left.set_ylabel("share, %")
        _part_histograms(right, luminance[name], np.linspace(0, 1, 26))
        right.axvline(dark, color=INK, linewidth=0.9, linestyle=":")
        right.set_title(f"{name}: frames")
        for axis in (left, right):
            axis.set_xlim(0, 1)
    _legend_above(fig, axes[0])
    axes[-1, 0].set_xlabel("value of a channel")
    axes[-1, 1].set_xlabel("mean luminance of a frame")
    return fig


def _part_histograms(
    axis: Axes, parts: Mapping[str, Float[np.ndarray, " _n"]], edges: Float[np.ndarray, " e"]
) -> None:
    """A step line a part, in per cent of the part's frames."""
    for i, (part, values) in enumerate(parts.items()):
        count, _ = np.histogram(values.clip(edges[0], edges[-1]), edges)
        _, _, line, name = PART_LOOK[part]
        axis.stairs(
            100 * count / len(values), edges, color=PALETTE[i], linestyle=line, label=name,
            linewidth=1.4,
        )  # fmt: skip


def edge_histograms(
    density: Mapping[str, Mapping[str, Float[np.ndarray, " _n"]]],
    share: Mapping[str, Mapping[str, Float[np.ndarray, " _n"]]],
) -> Figure:
    """Frames over their edge density (left) and their share of edge pixels (right), a row each set.

    Both map data set, then part to one value a frame.
    """
    rows = len(density)
    fig, axes = figure(0.3 + 1.6 * rows, rows, 2, squeeze=False)
    panels = ((density, "mean difference of neighbouring pixels"), (share, "share on an edge"))
    for column, (values, label) in enumerate(panels):
        top = max(float(x.max()) for parts in values.values() for x in parts.values())
        edges = np.linspace(0, max(top, 1e-6), 26)
        for axis, (name, parts) in zip(axes[:, column], values.items(), strict=True):
            _part_histograms(axis, parts, edges)
            axis.set_title(name)
            axis.set_xlim(0, edges[-1])
        axes[-1, column].set_xlabel(label)
    for axis in axes[:, 0]:
        axis.set_ylabel("share of frames, %")
    _legend_above(fig, axes[0])
    return fig


def change_over_time(
    curves: Mapping[str, Mapping[float, Interval]], strangers: Mapping[str, float]
) -> Figure:
    """Mean difference of two frames of a recording over their distance in seconds.

    `curves` maps data set, then seconds to (value, low, high); `strangers` is the mean difference
    of frames of different worlds, dashed in the colour of its data set.
    """
    fig, axis = figure(2.75)
    looks = zip(PALETTE, ("o", "s", "^", "D", "v", "P"), strict=True)
    for i, ((name, curve), (ink, marker)) in enumerate(zip(curves.items(), looks, strict=False)):
        seconds = np.array(list(curve))
        values = np.array([value for value, _, _ in curve.values()])
        axis.plot(seconds, values, marker=marker, markersize=4, color=ink, label=name)
        known = {s: (a, b) for s, (_, a, b) in curve.items() if a is not None and b is not None}
        if known:
            low, high = zip(*known.values(), strict=True)
            axis.fill_between(list(known), low, high, color=ink, alpha=0.18, linewidth=0)
        axis.axhline(
            strangers[name], color=ink, linestyle=(6 * i, (6, 6)), linewidth=1.3,
            label=f"{name}, two worlds",
        )  # fmt: skip
    axis.set_xscale("log")
    axis.set_ylim(bottom=0)
    axis.set_xticks([t for t in TICKS_SECONDS if axis.get_xlim()[0] <= t <= axis.get_xlim()[1]])
    axis.xaxis.set_major_formatter("{x:g}")
    axis.minorticks_off()
    axis.set_xlabel("seconds between the frames")
    axis.set_ylabel("mean absolute difference")
    # two rows, and keys long enough to hold the dashes; a column a data set
    fig.legend(loc="outside upper center", ncols=len(curves), handlelength=4.5)
    return fig
