"""Scores of the Doom chapter's segments: of all methods, of what is left out, of each class."""

from collections.abc import Collection, Mapping, Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.figures.doom_clusters import cells
from lib.figures.sideswipe_marks import (
    Interval,
    Look,
    dot,
    known,
    legend_above,
    level,
    looks,
    per_cent,
    rows,
    times,
)
from lib.figures.style import INK, WIDTH_IN, figure, note

Scores = Mapping[str, Interval]  # a row of a figure, or a metric, to its value
HERE = "this run"
LETTER_IN = 0.072  # mean width of one, at 8 to 9 points


def methods(
    found: Mapping[str, Mapping[str, Interval]],
    recorded: Mapping[str, Mapping[str, Mapping[str, Interval]]] | None,
    metrics: Mapping[str, str],
    *,
    as_is: Collection[str] = (),
) -> Figure:
    """Scores with intervals, a row a method, a panel a metric.

    `found` maps methods, then metrics, to (value, low, high); `recorded` maps presets to the same,
    for runs made elsewhere, in hollow marks. `metrics` maps those to draw to their labels. One
    whose label names per cent, or whose values all lie in [-1, 1], is shown in per cent; those in
    `as_is` never are, such as a rate that may exceed 1. Methods without a value leave a gap.

    Raises:
        ValueError: no metric, or one of which no value is known.
    """
    runs = {HERE: found, **(recorded or {})}
    _check_metrics(runs, metrics)
    names = list(dict.fromkeys(method for run in runs.values() for method in run))
    fig, axes = figure(0.85 + _row_in(runs) * len(names), 1, len(metrics), squeeze=False)
    longest = max(map(len, names))
    letters = int((WIDTH_IN - 0.3 - LETTER_IN * longest) / len(metrics) / LETTER_IN)
    for axis, (metric, label) in zip(axes[0], metrics.items(), strict=True):
        scale = 100.0 if metric not in as_is and _in_per_cent(label, _values(runs, metric)) else 1.0
        picked = {
            run: {name: each[metric] for name, each in of_run.items() if metric in each}
            for run, of_run in runs.items()
        }
        _series(axis, picked, names, scale)
        said = f"{label}, %" if scale != 1 and "%" not in label else label
        axis.set_xlabel(fill(said, letters, break_long_words=False, break_on_hyphens=False))
        axis.set_xlim(left=min(0.0, axis.get_xlim()[0]) if axis.dataLim.x0 < 0 else 0.0)
    for axis in axes[0, 1:]:
        axis.tick_params(labelleft=False)
    _run_legend(fig, runs)
    return fig


def _check_metrics(runs: Mapping[str, Mapping[str, Scores]], metrics: Mapping[str, str]) -> None:
    said = ", ".join(f"{run} ({list(found)})" for run, found in runs.items())
    for metric in metrics:
        if not _values(runs, metric):
            raise ValueError(
                f"metrics has {metric!r}, but no method of {said} has a value; give at least "
                "one, or leave it out"
            )
    if not metrics:
        raise ValueError("metrics is empty; give at least one, with its label")


def _values(runs: Mapping[str, Mapping[str, Scores]], metric: str) -> list[float]:
    """What is known of a metric."""
    intervals = (each.get(metric) for run in runs.values() for each in run.values())
    return [interval[0] for interval in intervals if interval is not None and known(interval)]


def _in_per_cent(label: str, values: Sequence[float]) -> bool:
    return "%" in label or (min(values) >= -1 and max(values) <= 1)


def _row_in(runs: Mapping[str, object]) -> float:
    return 0.14 + 0.11 * len(runs)


def _run_looks(runs: Collection[str]) -> list[Look]:
    """The first is filled, others are hollow and have other marks."""
    return [
        Look(look.mark, look.colour, filled=i == 0, size=5.0)
        for i, look in enumerate(looks(len(runs)))
    ]


def _series(axis: Axes, runs: Mapping[str, Scores], names: Sequence[str], scale: float) -> None:
    """Dots with intervals, each run a little below the one before it."""
    for i, (scores, look) in enumerate(zip(runs.values(), _run_looks(runs), strict=True)):
        offset = (i - (len(runs) - 1) / 2) * 0.62 / len(runs)
        for row, name in enumerate(names):
            if name in scores:
                dot(axis, times(scores[name], scale), row + offset, look)
    rows(axis, names)
    axis.margins(x=0.08)


def _run_legend(fig: Figure, runs: Collection[str]) -> None:
    if len(runs) > 1:
        pairs = zip(runs, _run_looks(runs), strict=True)
        legend_above(
            fig, [look.handle(run if run == HERE else f"recorded: {run}") for run, look in pairs]
        )


def effects(found: Scores, recorded: Mapping[str, Scores] | None, quantity: str) -> Figure:
    """What leaving out each ingredient does to a score, a row an ingredient.

    `found` maps what is left out to the difference (value, low, high) of a score in [0, 1], without
    it less with it, so that negative means worse without; `recorded` maps presets to the same.
    `quantity` names the score. Differences are shown in percentage points.

    Raises:
        ValueError: no known difference, or one outside [-1, 1].
    """
    runs = {HERE: found, **(recorded or {})}
    values = {
        (run, name): interval[0]
        for run, scores in runs.items()
        for name, interval in scores.items()
        if known(interval)
    }
    if not values:
        raise ValueError(
            f"found has {list(found)} and recorded {list(recorded or {})}, but no known "
            "difference; give at least one"
        )
    for (run, name), value in values.items():
        if abs(value) > 1:
            raise ValueError(
                f"{name!r} of {run} is {value}; give a difference of scores in [0, 1], not of "
                "per cent"
            )
    names = list(dict.fromkeys(name for scores in runs.values() for name in scores))
    fig, axis = figure(0.95 + _row_in(runs) * len(names))
    level(axis, 0.0, "no difference", upright=True)
    _series(axis, runs, names, 100.0)
    axis.set_xlabel(f"{quantity}: difference in percentage points (negative: worse than the whole)")
    _run_legend(fig, runs)
    return fig


def class_iou(found: Mapping[str, Mapping[str, float]], shares: Mapping[str, float]) -> Figure:
    """Intersection over union of each class (rows) by each method (columns).

    `found` maps methods, then classes, to the IoU in [0, 1], or NaN; `shares` maps classes to
    their share of the pixels in [0, 1], by which rows are ordered. "–" is for what is NaN or not
    given.

    Raises:
        ValueError: no method or class, a class without a share, or an IoU outside [0, 1].
    """
    _check_iou(found, shares)
    classes = sorted(shares, key=lambda name: -shares[name])
    depth = np.array([[each.get(name, np.nan) for each in found.values()] for name in classes])
    said = [["–" if np.isnan(x) else f"{100 * x:.0f}" for x in row] for row in depth]
    headers, upright = _headers(list(found))
    lines = max(map(len, found)) * LETTER_IN / 0.14 if upright else 2
    fig, axis = figure(0.55 + 0.14 * lines + 0.21 * len(classes))
    cells(axis, depth, said, size=7.5)
    end = len(found) - 0.5
    room = 0.13 * len(found)  # in columns
    for row, name in enumerate(classes):
        share = per_cent(shares[name])
        axis.text(end + room, row, share, ha="right", va="center_baseline", fontsize=7.5, color=INK)
    axis.text(end + room, -0.62, "share of\npixels", ha="right", va="bottom", fontsize=8, color=INK)
    axis.set_xlim(-0.5, end + room)
    axis.set_xticks(range(len(found)), headers, rotation=90 if upright else 0)
    axis.set_yticks(range(len(classes)), classes)
    note(fig, "Figures and shade: intersection over union, %. –: not defined.")
    return fig


def _headers(names: Sequence[str]) -> tuple[list[str], bool]:
    """Names in the lines that a column has room for, or whole and to be written upright."""
    letters = int((WIDTH_IN - 1.7) / len(names) / LETTER_IN)
    lines = [
        fill(name, max(letters, 1), break_long_words=False, break_on_hyphens=False).split("\n")
        for name in names
    ]
    if max(len(line) for found in lines for line in found) > letters or max(map(len, lines)) > 3:
        return list(names), True
    return ["\n".join(found) for found in lines], False


def _check_iou(found: Mapping[str, Mapping[str, float]], shares: Mapping[str, float]) -> None:
    if not found or not shares:
        raise ValueError(
            f"found has methods {list(found)}, shares classes {list(shares)}; give at least one "
            "of each"
        )
    for method, of_method in found.items():
        for name, value in of_method.items():
            if name not in shares or value < 0 or value > 1:
                raise ValueError(
                    f"found[{method!r}][{name!r}] is {value}, shares has {list(shares)}; give an "
                    "IoU in [0, 1] or NaN, and a share of the class"
                )
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(f"shares[{name!r}] is {share}; give a share in [0, 1]")
