"""Scores of SCALOR's experiments: tracking, claims of one object by several, values of masks."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

from lib.figures.doom_marks import words_in, wrapped
from lib.figures.scalor_cells import CLAIMS
from lib.figures.sideswipe_marks import (
    Interval,
    Look,
    dot,
    known,
    legend_above,
    level,
    looks,
    per_cent,
    round_places,
    rows,
    times,
)
from lib.figures.style import MUTED, PALETTE, WIDTH_IN, figure

Scores = Mapping[str, Mapping[str, Mapping[str, Interval]]]  # experiment, metric, split

ACROSS = 5  # panels of scores side by side
NAMES_IN = 1.45
NAME_POINTS = 8.0
WORST = -100.0  # per cent: what is below stands at the edge as a number
EDGE = WORST - 6
HISTOGRAMS_ACROSS = 4
BINS = 20
MIDDLE = (0.4, 0.6)
LEAST_SHARE = 1e-4  # of a histogram's axis, in per cent


def scores_by_experiment(
    scores: Scores,
    metrics: Mapping[str, str],
    *,
    references: Mapping[str, tuple[float, str]] | None = None,
) -> Figure:
    """Scores with 95 % intervals: a row an experiment, a panel a metric, a mark a split.

    `scores` maps experiments, then metrics, then splits (such as ``held-out`` and ``training``),
    to (value, low, high). `metrics` maps those to draw to their labels; one whose label has a "%"
    is given as a share and shown in per cent, and what is worse than -100 % (MOTA has no floor)
    stands at the left edge as a number. `references` maps metrics to a value, in the same unit,
    and what it is, such as another tracker's. What is not given leaves a gap.

    Raises:
        ValueError: no metric, one of which no value is known, or a reference for no metric.
    """
    splits = _check_scores(scores, metrics, references or {})
    names = [wrapped(name, NAMES_IN, NAME_POINTS) for name in scores]
    across = -(-len(metrics) // -(-len(metrics) // ACROSS))
    down = -(-len(metrics) // across)
    row_in = 0.12 + 0.11 * max(len(splits), *(1 + name.count("\n") for name in names))
    fig, axes = figure(0.45 + down * (0.5 + row_in * len(names)), down, across, squeeze=False)
    shapes = {
        split: Look(look.mark, look.colour, filled=i == 0)
        for i, (split, look) in enumerate(zip(splits, looks(len(splits)), strict=True))
    }
    levels: dict[str, Line2D] = {}
    longest = max(words_in(line, NAME_POINTS) for name in names for line in name.split("\n"))
    wide = (WIDTH_IN - 0.3 - longest) / across
    for number, (metric, label) in enumerate(metrics.items()):
        axis, factor = axes.flat[number], 100.0 if "%" in label else 1.0
        for row, of_one in enumerate(scores.values()):
            for i, split in enumerate(splits):
                place = row + (i - (len(splits) - 1) / 2) * 0.5 / len(splits)
                found = of_one.get(metric, {}).get(split)
                if found is not None and known(found):
                    _score(axis, times(found, factor), place, shapes[split], floor=factor > 1)
        if references and metric in references:
            value, said = references[metric]
            levels[said] = level(axis, factor * value, said, upright=True)
        rows(axis, names)
        axis.set_xlabel(wrapped(label, wide - 0.12, NAME_POINTS), fontsize=NAME_POINTS)
        _score_axis(axis, floor=factor > 1)
        axis.tick_params(labelleft=number % across == 0, labelsize=NAME_POINTS)
    for axis in axes.flat[len(metrics) :]:
        axis.set_axis_off()
    handles = [shape.handle(split) for split, shape in shapes.items()]
    legend_above(fig, [*handles, *levels.values()])
    return fig


def _check_scores(
    scores: Scores, metrics: Mapping[str, str], references: Mapping[str, tuple[float, str]]
) -> list[str]:
    """The splits, in order."""
    if not metrics:
        raise ValueError("metrics is empty; give at least one, with its label")
    for metric in metrics:
        if not any(known(x) for one in scores.values() for x in one.get(metric, {}).values()):
            raise ValueError(
                f"metrics has {metric!r}, but no experiment of scores ({list(scores)}) has a "
                "value; give at least one, or leave it out"
            )
    for metric in references:
        if metric not in metrics:
            raise ValueError(f"references has {metric!r}; metrics has only {list(metrics)}")
    return list(
        dict.fromkeys(
            split for one in scores.values() for metric in metrics for split in one.get(metric, {})
        )
    )


def _score(axis: Axes, interval: Interval, place: float, look: Look, *, floor: bool) -> None:
    """A dot, or the number at the left edge of what lies beyond it."""
    value, low, high = interval
    if not floor or value >= WORST:
        low = max(low, EDGE) if floor and low is not None else low
        dot(axis, (value, low, high), place, look)
        return
    axis.plot([EDGE], [place], "<", color=look.colour, markerfacecolor=look.fill, markersize=5)
    axis.annotate(
        f"−{-value:,.0f}", (EDGE, place), (5, 0), textcoords="offset points", fontsize=6.5,
        color=look.colour, va="center_baseline",
    )  # fmt: skip


def _score_axis(axis: Axes, *, floor: bool) -> None:
    """From 0 if nothing lies below it; per cent at most to just above 100."""
    axis.margins(x=0.08)
    low, high = axis.get_xlim()
    if axis.dataLim.x0 >= 0:
        axis.set_xlim(left=0)
    elif floor:
        axis.set_xlim(left=max(low, EDGE - 10))
    if floor and axis.dataLim.x1 <= 100:
        axis.set_xlim(right=min(high, 103))
    axis.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))


def claims_per_object(
    claims: Mapping[str, Int[np.ndarray, " _n"]], *, claimants: str = "cells"
) -> Figure:
    """How many claim one true object: shares of objects with 0, 1, 2 and more, by experiment.

    `claims` maps experiments to a count for each true object (of each frame); `claimants` names
    what is counted, ``cells`` or ``tracks``.

    Raises:
        ValueError: no experiment, one without an object, or a count below 0.
    """
    for name, found in claims.items():
        if not len(found) or found.min() < 0:
            raise ValueError(
                f"claims[{name!r}] has {len(found)} counts, the least {min(found, default=0)}; "
                "want one from 0 for each true object, at least one object"
            )
    fig, axes = _histograms(list(claims), "claims", 1.65)
    for axis, (name, found) in zip(axes, claims.items(), strict=True):
        shares = np.bincount(np.minimum(found, 3), minlength=4) / len(found)
        colours = [MUTED, *(look.colour for look in list(CLAIMS.values())[1:])]
        axis.bar(range(4), 100 * shares, 0.72, color=colours)
        for i, share in enumerate(shares.tolist()):
            axis.annotate(
                per_cent(share) if share else "0", (i, 100 * share), (0, 1.5), ha="center",
                textcoords="offset points", fontsize=6.5, va="bottom",
            )  # fmt: skip
        axis.set_xticks(range(4), ["0", "1", "2", "3+"])
        axis.set_ylim(0, 112)
        axis.set_yticks([0, 50, 100])
        axis.grid(visible=False, axis="x")
        axis.set_title(f"{_title(name)}\n{len(found):,} objects", fontsize=NAME_POINTS)
    fig.supxlabel(f"{claimants} that claim one object", fontsize=8.5)
    fig.supylabel("true objects, %", fontsize=8.5)
    return fig


def mask_values(alphas: Mapping[str, Float[np.ndarray, " _n"]]) -> Figure:
    """Histograms of masks' values inside boxes, a panel an experiment, shares on a log axis.

    `alphas` maps experiments to alpha in [0, 1] of pixels inside boxes. The band from 0.4 to 0.6,
    where a mask does not decide, is shaded, and its share of the pixels named.

    Raises:
        ValueError: no experiment, one without a pixel, or a value outside [0, 1].
    """
    for name, found in alphas.items():
        if not len(found) or not ((found >= 0) & (found <= 1)).all():
            bad = int((~((found >= 0) & (found <= 1))).sum())
            raise ValueError(
                f"alphas[{name!r}] has {len(found)} values, {bad} of them not in [0, 1]; give at "
                "least one, all in [0, 1]"
            )
    fig, axes = _histograms(list(alphas), "alphas", 1.7)
    edges = np.linspace(0, 1, BINS + 1)
    shares = {
        name: 100 * np.histogram(found, edges)[0] / len(found) for name, found in alphas.items()
    }
    least = min(float(share[share > 0].min()) for share in shares.values())
    least = max(LEAST_SHARE, min(10.0 ** float(np.floor(np.log10(least / 2))), 1.0))
    for axis, (name, found) in zip(axes, alphas.items(), strict=True):
        axis.axvspan(*MIDDLE, color=PALETTE[4], alpha=0.35, linewidth=0, zorder=0)
        axis.stairs(shares[name], edges, fill=True, baseline=least / 10, color=PALETTE[0])
        axis.set_yscale("log")
        axis.set_ylim(least, 150)
        places = [place for place in round_places(least, 100.0) if np.log10(place).is_integer()]
        places = places[:: -(-len(places) // 4)]
        axis.yaxis.set_major_locator(FixedLocator(places))
        axis.yaxis.set_major_formatter(FixedFormatter([f"{place:g}" for place in places]))
        axis.yaxis.set_minor_locator(NullLocator())
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        middle = float(((found >= MIDDLE[0]) & (found <= MIDDLE[1])).mean())
        axis.set_title(
            f"{_title(name)}\n{per_cent(middle)} in {MIDDLE[0]} to {MIDDLE[1]}", fontsize=8
        )
    fig.supxlabel("alpha of pixels inside boxes", fontsize=8.5)
    fig.supylabel("pixels, %", fontsize=8.5)
    return fig


def _histograms(names: Sequence[str], argument: str, panel_in: float) -> tuple[Figure, list[Axes]]:
    """A panel for each, with common axes."""
    if not names:
        raise ValueError(f"{argument} is empty; give at least one experiment")
    across = -(-len(names) // -(-len(names) // HISTOGRAMS_ACROSS))
    down = -(-len(names) // across)
    fig, axes = figure(0.45 + panel_in * down, down, across, squeeze=False, sharey=True)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    return fig, list(axes.flat[: len(names)])


def _title(name: str) -> str:
    return wrapped(name, (WIDTH_IN - 0.9) / HISTOGRAMS_ACROSS, NAME_POINTS)
