"""Clusters of pixels: where they lie in the embedding, what classes they hold, how many."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from lib.figures.sideswipe_marks import HATCHES, check_lengths, per_cent, rows
from lib.figures.style import INK, MUTED, PALETTE, WIDTH_IN, figure, note

SHADES = LinearSegmentedColormap.from_list("shades", ["#ffffff", PALETTE[0]])
DARK = 0.85  # of the depth; from here white words are the more legible
LEGEND_POINTS = 7.0
MANY = 20  # rows of a matrix; above, they are low and their words small
BEHIND = "#d8dbdf"  # the palette has colours too pale for white
PRINTED = 0.01  # of a row; smaller shares are not written
Names = Mapping[str, tuple[int, int, int]]  # to RGB


def pixel_map(
    embedding: Float[np.ndarray, "m 2"],
    cluster_colours: UInt8[np.ndarray, "_m 3"],
    truth_colours: UInt8[np.ndarray, "_m 3"] | None,
    cluster_legend: Names,
    truth_legend: Names,
) -> Figure:
    """Pixels in the plane of UMAP, coloured by cluster and, beside it, by true class.

    Colours are RGB in 0 to 255, a row a pixel; legends map names to the same. Both panels show
    the same pixels in the same random order, so that none hides all of another. Distances have
    one scale, but no unit. Without `truth_colours` there is one panel, and `truth_legend` is not
    used.

    Raises:
        ValueError: no pixel, one without a finite place, or colours for other numbers of them.
    """
    _check_map(embedding, cluster_colours=cluster_colours, truth_colours=truth_colours)
    panels = [("coloured by cluster", cluster_colours, cluster_legend)]
    if truth_colours is not None:
        panels.append(("coloured by true class", truth_colours, truth_legend))
    width_in = WIDTH_IN / len(panels)
    lines = max(-(-len(names) // _columns(names, width_in)) for _, _, names in panels)
    fig, axes = figure(3.3 + 0.15 * lines, 1, len(panels), squeeze=False)
    order = np.random.default_rng(0).permutation(len(embedding))
    size = float(np.clip(20_000 / len(embedding), 0.6, 9.0))  # square points
    for axis, (title, colours, names) in zip(axes[0], panels, strict=True):
        axis.scatter(
            *embedding[order].T, s=size, c=colours[order] / 255, linewidths=0, rasterized=True
        )
        axis.set_title(title)
        _frame_only(axis)
        axis.legend(
            handles=[_swatch(*entry) for entry in names.items()], fontsize=LEGEND_POINTS,
            loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=_columns(names, width_in),
            columnspacing=0.9, handletextpad=0.1, labelspacing=0.3,
        )  # fmt: skip
    return fig


def _check_map(
    embedding: Float[np.ndarray, "m 2"], **colours: UInt8[np.ndarray, "_m 3"] | None
) -> None:
    if not len(embedding) or not np.isfinite(embedding).all():
        lost = int((~np.isfinite(embedding)).any(1).sum())
        raise ValueError(
            f"embedding has {len(embedding)} pixels, {lost} of them not finite; give finite places "
            "of at least one"
        )
    for name, values in colours.items():
        if values is not None:
            check_lengths(embedding=len(embedding), **{name: len(values)})


def _columns(names: Names, width_in: float) -> int:
    """As many columns as a legend has room for."""
    longest = max(map(len, names), default=1)
    room = int(width_in / (0.33 + 0.0088 * LEGEND_POINTS * longest))
    return max(1, min(len(names), room))


def _swatch(name: str, colour: tuple[int, int, int]) -> Line2D:
    red, green, blue = (value / 255 for value in colour)
    return Line2D(
        [], [], linestyle="", marker="o", markersize=5.5, color=(red, green, blue),
        markeredgecolor=MUTED, markeredgewidth=0.4, label=name,
    )  # fmt: skip


def _frame_only(axis: Axes) -> None:
    axis.set_facecolor(BEHIND)
    axis.set_aspect("equal", adjustable="datalim")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(visible=False)
    for spine in axis.spines.values():
        spine.set(visible=True, color=MUTED)


def cluster_matrix(
    counts: Int[np.ndarray, "k c"], classes: Sequence[str], matched: Int[np.ndarray, " _k"]
) -> Figure:
    """What each cluster holds: share of its pixels in each class, and its share of all pixels.

    `counts` are pixels of each cluster (rows; the last is noise) and class (columns). `matched`
    is the class of each row, one to one, or -1 for none; its cell is framed. Rows are in the order
    of these classes, then clusters with none by the class they hold most of, then noise. Classes
    and clusters without a pixel are left out.

    Raises:
        ValueError: no pixel, a count below 0, a class matched twice, unknown or to noise, or
            numbers of classes or of matched rows that differ from those of `counts`.
    """
    _check_matrix(counts, classes, matched)
    columns = np.flatnonzero(counts.sum(0)).tolist()
    order = _row_order(counts, matched)
    seen = counts[order][:, columns]
    share = seen / seen.sum(1, keepdims=True)
    many = len(order) > MANY
    size, step = (6.5, 0.165) if many else (7.5, 0.23)
    fig, axis = figure(1.15 + step * len(order))
    said = [[f"{100 * x:.0f}" if x >= PRINTED else "" for x in row] for row in share]
    cells(axis, share, said, size=size)
    for row, index in enumerate(order):
        if matched[index] in columns:
            _framed(axis, (columns.index(matched[index]), row))
        of_all = per_cent(float(seen[row].sum() / counts.sum()))
        axis.text(len(columns) - 0.35, row, of_all, va="center_baseline", fontsize=size, color=INK)
    axis.text(len(columns) - 0.35, -0.7, "of all\npixels", va="bottom", fontsize=8, color=INK)
    axis.set_xlim(-0.5, len(columns) + 0.02 + 0.12 * len(columns))
    axis.set_xticks(range(len(columns)), [classes[column] for column in columns])
    axis.tick_params(axis="x", rotation=90 if len(columns) > 5 else 0)
    names = ["noise" if index == len(counts) - 1 else str(index) for index in order]
    axis.set_yticks(range(len(names)), names, fontsize=size)
    axis.set_ylabel("cluster")
    note(fig, _matrix_note(empty=len(counts) - 1 - sum(name != "noise" for name in names)))
    return fig


def _framed(axis: Axes, cell: tuple[int, int]) -> None:
    """A frame around the cell at (column, row)."""
    corner = cell[0] - 0.5, cell[1] - 0.5
    axis.add_patch(
        Rectangle(corner, 1, 1, fill=False, edgecolor=INK, linewidth=1.5, zorder=3, clip_on=False)
    )


def _check_matrix(
    counts: Int[np.ndarray, "k c"], classes: Sequence[str], matched: Int[np.ndarray, " _k"]
) -> None:
    check_lengths(counts=len(counts), matched=len(matched))
    if counts.shape[1] != len(classes):
        raise ValueError(
            f"classes has {len(classes)} names, but counts has {counts.shape[1]} columns; give a "
            "name for each"
        )
    if not counts.any() or counts.min() < 0:
        raise ValueError(
            f"counts sum to {counts.sum()}, the least is {counts.min(initial=0)}; give pixels from "
            "0, at least one in all"
        )
    given = matched[matched != -1]
    if len(set(given.tolist())) < len(given) or ((given < 0) | (given >= len(classes))).any():
        raise ValueError(
            f"matched is {matched.tolist()}; give each of the classes 0 to {len(classes) - 1} at "
            "most once, and -1 for none"
        )
    if matched[-1] != -1:
        raise ValueError(
            f"matched is {matched.tolist()}; noise, the last row, stands for none: give -1 there"
        )


def _row_order(counts: Int[np.ndarray, "k c"], matched: Int[np.ndarray, " k"]) -> list[int]:
    """Clusters with pixels: matched ones, others by their main class and size, noise."""
    last, pixels = len(counts) - 1, counts.sum(1)

    def place(index: int) -> tuple[bool, bool, int, int]:
        there = matched[index] >= 0 and counts[:, matched[index]].any()
        group = matched[index] if there else counts[index].argmax()
        return index == last, not there, int(group), -int(pixels[index])

    return sorted((int(index) for index in np.flatnonzero(pixels)), key=place)


def _matrix_note(*, empty: int) -> str:
    said = (
        "Figures and shade: % of the cluster's pixels, from 1 %. Framed: the class it stands for."
    )
    return f"{said} Empty clusters left out: {empty}." if empty else said


def cells(
    axis: Axes, depth: Float[np.ndarray, "r c"], said: Sequence[Sequence[str]], *, size: float
) -> None:
    """A table of words on shades, its column names on top: from white (0) to blue (1).

    What is NaN is white. `size` is that of the words, in points.
    """
    r, c = depth.shape
    edges = np.arange(c + 1) - 0.5, np.arange(r + 1) - 0.5
    axis.pcolormesh(
        *edges, np.nan_to_num(depth), cmap=SHADES, vmin=0, vmax=1, edgecolors="#c9ced4",
        linewidth=0.5,
    )  # fmt: skip
    for row, words in enumerate(said):
        for column, text in enumerate(words):
            if text:
                ink = "white" if depth[row, column] > DARK else INK
                axis.text(
                    column, row, text, ha="center", va="center_baseline", fontsize=size, color=ink
                )
    axis.set_ylim(r - 0.5, -0.5)
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)


def cluster_counts(found: Mapping[str, tuple[int, float]]) -> Figure:
    """How many clusters each method finds, and what share of the pixels is in none of them.

    `found` maps methods to (number of clusters, share of noise in [0, 1], or NaN if not known).

    Raises:
        ValueError: no method, a number below 0, or a share outside [0, 1].
    """
    for method, (clusters, noise) in found.items():
        if clusters < 0 or noise < 0 or noise > 1:
            raise ValueError(
                f"found[{method!r}] is ({clusters}, {noise}); give a number of clusters from 0 and "
                "a share of noise in [0, 1]"
            )
    if not found:
        raise ValueError("found is empty; give at least one method")
    fig, axes = figure(0.7 + 0.26 * len(found), 1, 2, sharey=True)
    numbers = [float(clusters) for clusters, _ in found.values()]
    shares = [100 * share for _, share in found.values()]
    written = [per_cent(share) for _, share in found.values()]
    _bars(axes[0], numbers, [f"{number:.0f}" for number in numbers], 0)
    _bars(axes[1], shares, written, 1)
    rows(axes[0], found)
    axes[1].tick_params(axis="y", length=0)
    axes[1].grid(visible=False, axis="y")
    axes[1].grid(visible=True, axis="x")
    axes[0].set_xlabel("clusters found")
    axes[1].set_xlabel("pixels in no cluster, %")
    return fig


def _bars(axis: Axes, values: Sequence[float], written: Sequence[str], number: int) -> None:
    """Bars, each with its value written at its end."""
    with mpl.rc_context({"hatch.linewidth": 0.7}):
        axis.barh(
            range(len(values)), np.nan_to_num(values), 0.62, color=PALETTE[(0, 4)[number]],
            hatch=HATCHES[number], edgecolor="white", linewidth=0,
        )  # fmt: skip
    for row, (value, text) in enumerate(zip(values, written, strict=True)):
        axis.annotate(
            text, (float(np.nan_to_num(value)), row), xytext=(4, 0), textcoords="offset points",
            va="center_baseline", fontsize=7.5, color=INK,
        )  # fmt: skip
    axis.set_xlim(0, 1.22 * max(float(np.nan_to_num(values).max()), 1e-9))
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=number == 0))
