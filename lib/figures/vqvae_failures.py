"""Why versions of the VQ-VAE failed: the grid on skies, LPIPS's input range, the codebook."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, StrMethodFormatter

from lib.figures.style import INK, MUTED, PALETTE, figure

Interval = tuple[float, float | None, float | None]  # value, low, high
MARKS = ("o", "s", "^", "D")
DASHES = ("-", (0, (4, 1.2)), (0, (1, 1)), (0, (4, 1, 1, 1)))
VISIBLE_LEVELS = 1.0  # one step of 8 bits
ENOUGH = 0.99


def grid_paths(values: Mapping[str, Mapping[str, Interval | None]]) -> Figure:
    """Energy of the grid that constant inputs come back with, a row a version, a mark a path.

    `values` maps version and path through the model to (value, low, high) in 8-bit levels, on a
    log axis. Zeros stand on its left edge, marked ``0``; None leaves a gap.

    Raises:
        ValueError: no version.
    """
    if not values:
        raise ValueError("values is empty; want at least one version")
    paths = list(dict.fromkeys(path for found in values.values() for path in found))
    fig, axis = figure(0.95 + 0.13 * (1 + len(paths)) * len(values))
    positive = [i[0] for found in values.values() for i in found.values() if i and i[0] > 0]
    left = min([*positive, VISIBLE_LEVELS]) / 3
    for row, found in enumerate(values.values()):
        for i, path in enumerate(paths):
            y = row + 0.2 * (i - (len(paths) - 1) / 2)
            _dot(axis, found.get(path), y, left, i)
        if row:
            axis.axhline(row - 0.5, color="#e3e6ea", linewidth=0.6)
    for i, path in enumerate(paths):
        axis.plot([], [], MARKS[i % 4], color=PALETTE[i % 6], markersize=5.5, label=path)
    axis.axvline(VISIBLE_LEVELS, color=INK, linewidth=1, linestyle=(0, (2, 2)))
    axis.text(
        VISIBLE_LEVELS, 1.01, "one level: can be seen", transform=axis.get_xaxis_transform(),
        fontsize=7.5, color=INK, ha="center", va="bottom",
    )  # fmt: skip
    axis.set_xscale("log")
    axis.set_xlim(left=left / 1.3)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_yticks(range(len(values)), list(values))
    axis.set_ylim(len(values) - 0.5, -0.5)
    axis.grid(visible=False, axis="y")
    axis.grid(axis="x")
    axis.set_xlabel("grid energy of constant inputs, 8-bit levels")
    fig.legend(loc="outside upper center", ncols=len(paths))
    return fig


def _dot(axis: Axes, interval: Interval | None, y: float, left: float, look: int) -> None:
    """One value with its interval, zero at `left`."""
    if interval is None or not np.isfinite(interval[0]):
        return
    value, low, high = interval
    colour = PALETTE[look % 6]
    if low is not None and high is not None:
        axis.plot([max(low, left), max(high, left)], [y, y], color=colour, linewidth=1.2)
    axis.plot(max(value, left), y, MARKS[look % 4], color=colour, markersize=5.5)
    if value <= 0:
        axis.annotate(
            "0", (left, y), (6, 0), textcoords="offset points", fontsize=7, color=colour,
            va="center_baseline",
        )  # fmt: skip


def range_curves(contrast: pd.DataFrame, blur: pd.DataFrame) -> Figure:
    """LPIPS between frames and altered copies, for each range of values that LPIPS is fed.

    A column a range, named as in the legend; the index holds the contrast factor (1 leaves a
    frame as it is) and the sigma of a Gaussian blur in pixels.

    Raises:
        ValueError: the two have different columns, or none.
    """
    _check_columns("contrast", contrast, "blur", blur)
    fig, axes = figure(2.4, 1, 2, sharey=True)
    _table_lines(axes[0], contrast)
    _table_lines(axes[1], blur)
    axes[0].axvline(1.0, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
    axes[0].set_xlabel("contrast, times")
    axes[1].set_xlabel("sigma of the blur, pixels")
    axes[0].set_ylabel("LPIPS to the frame")
    axes[0].set_ylim(bottom=0)
    axes[1].legend(title="images fed in", title_fontsize=8, loc="upper left")
    return fig


def revival(near: pd.DataFrame, movement: pd.DataFrame) -> Figure:
    """What becomes of reseeded codes, and how far the codebook moves at each step.

    A column a treatment of the codes' running averages, a row a batch. `near` holds the share, in
    [0, 1], of the codes reseeded in that batch that are still near their seed after the next
    update; `movement` the mean distance that codes go, on a log axis if all of it is above 0.

    Raises:
        ValueError: the two have different columns, or none.
    """
    _check_columns("near", near, "movement", movement)
    fig, axes = figure(2.5, 1, 2)
    _table_lines(axes[0], 100 * near)
    _table_lines(axes[1], movement)
    axes[0].set_title("reseeded codes that stay, %")
    axes[0].set_ylim(0, 104)
    axes[1].set_title("movement of the codebook")
    for axis in axes:
        axis.set_xlabel("batch")
    if (movement.to_numpy() > 0).all():
        axes[1].set_yscale("log")
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return fig


def usage(counts: Mapping[str, Int[np.ndarray, " _k"]]) -> Figure:
    """How few codes cover the grid cells: cumulative share by rank, and sizes beside each other.

    `counts` maps the name of a codebook to how many cells each of its codes was given.

    Raises:
        ValueError: no codebook, or one that no cell was given to.
    """
    if not counts:
        raise ValueError("counts is empty; want the code counts of at least one codebook")
    for name, count in counts.items():
        if count.sum() <= 0:
            raise ValueError(f"counts[{name!r}] sums to {count.sum()}; want one cell at least")
    fig, (curves, bars) = figure(max(2.4, 1.0 + 0.42 * len(counts)), 1, 2)
    for i, (name, count) in enumerate(counts.items()):
        share = np.cumsum(np.sort(count)[::-1]) / count.sum()
        look = {"color": PALETTE[i % 6], "linestyle": DASHES[i % 4]}
        curves.plot(np.arange(1, len(share) + 1), 100 * share, label=name, **look)
        sizes = (len(count), int((count > 0).sum()), codes_for(count))
        _size_bars(bars, i, sizes)
    curves.axhline(100 * ENOUGH, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
    curves.set_xscale("log")
    curves.annotate(
        "99 %", (0, 100 * ENOUGH), (3, -2), xycoords=("axes fraction", "data"),
        textcoords="offset points", fontsize=7.5, color=INK, va="top",
    )  # fmt: skip
    for axis in (curves.xaxis, bars.xaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    curves.set_xlabel("codes, most used first")
    curves.set_title("grid cells covered, %")
    curves.legend(loc="lower right")
    bars.set_yticks(range(len(counts)), list(counts))
    bars.set_ylim(len(counts) - 0.5, -0.5)
    bars.margins(x=0.22)
    bars.grid(visible=False)
    bars.tick_params(axis="y", length=0)
    bars.set_xlabel("codes")
    entries = bars.get_legend_handles_labels()
    fig.legend(entries[0][:3], entries[1][:3], loc="outside upper right", ncols=3)
    return fig


def codes_for(count: Int[np.ndarray, " k"], share: float = ENOUGH) -> int:
    """How many codes, most used first, are needed for that `share` of all cells."""
    covered = np.cumsum(np.sort(count)[::-1])
    return int(np.searchsorted(covered, share * count.sum() * (1 - 1e-12)) + 1)


SIZE_LOOK = {"codebook": "#d8dde3", "codes used": "#56B4E9", "needed for 99 % of cells": "#0072B2"}


def _size_bars(axis: Axes, row: int, sizes: tuple[int, int, int]) -> None:
    """Three bars below each other with their numbers."""
    for i, ((label, colour), size) in enumerate(zip(SIZE_LOOK.items(), sizes, strict=True)):
        y = row + 0.26 * (i - 1)
        axis.barh(y, size, 0.24, color=colour, label=label)
        axis.annotate(
            f"{size:,}", (size, y), (3, 0), textcoords="offset points", fontsize=7, color=INK,
            va="center_baseline",
        )  # fmt: skip


def _table_lines(axis: Axes, table: pd.DataFrame) -> None:
    """A line a column over the index, told apart by marks as well as by colour."""
    for i, name in enumerate(table.columns):
        axis.plot(
            table.index, table[name], color=PALETTE[i % 6], linewidth=1.3, marker=MARKS[i % 4],
            markersize=4.5, markevery=-(-len(table) // 12), label=str(name),
        )  # fmt: skip


def _check_columns(name: str, table: pd.DataFrame, other_name: str, other: pd.DataFrame) -> None:
    """Both tables have the same columns, one at least."""
    if list(table.columns) != list(other.columns) or not len(table.columns):
        raise ValueError(
            f"{name} has columns {list(table.columns)}, {other_name} {list(other.columns)}; "
            "want the same ones, at least one"
        )
