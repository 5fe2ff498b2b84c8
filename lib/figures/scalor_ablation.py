"""Trainings from several seeds beside each other: a dot each, and their means."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lib.figures.doom_marks import words_in, wrapped
from lib.figures.sideswipe_marks import MARKS, Look, dot, legend_above, level, rows
from lib.figures.style import INK, PALETTE, WIDTH_IN, figure

Values = Mapping[str, Mapping[str, Mapping[int, float]]]  # change, metric, seed

NAMES_IN = 2.2
POINTS = 8.0
_APART = 0.22  # of a row, between the dots of two seeds


def seeds_by_change(values: Values, metrics: Mapping[str, str]) -> Figure:
    """A row a change, a panel a metric, a mark a seed, and an upright stroke at their mean.

    `metrics` maps those to draw to their labels. The first change is what the others are compared
    with: a dashed line goes down from its mean. What is not known leaves a gap.

    Raises:
        ValueError: nothing to draw, or more seeds than there are marks.
    """
    seeds = sorted({s for one in values.values() for of in one.values() for s in of})
    if not metrics or not seeds:
        raise ValueError(
            f"got {len(values)} changes, {len(metrics)} metrics, {len(seeds)} seeds; give at least "
            "one of each"
        )
    if len(seeds) > len(MARKS):
        raise ValueError(f"got {len(seeds)} seeds, at most {len(MARKS)} can be told apart")
    names = [wrapped(name, NAMES_IN, POINTS) for name in values]
    looks = {
        seed: Look(mark, PALETTE[i], filled=False, size=5.0)
        for i, (seed, mark) in enumerate(zip(seeds, MARKS, strict=False))
    }
    row_in = 0.16 + 0.12 * max(1 + name.count("\n") for name in names)
    fig, axes = figure(0.75 + row_in * len(names), 1, len(metrics), squeeze=False)
    longest = max(words_in(line, POINTS) for name in names for line in name.split("\n"))
    wide = (WIDTH_IN - 0.3 - longest) / len(metrics)
    line = None
    for number, (metric, label) in enumerate(metrics.items()):
        axis = axes.flat[number]
        for row, of_one in enumerate(values.values()):
            found = {s: v for s, v in of_one.get(metric, {}).items() if np.isfinite(v)}
            for place, seed in enumerate(seeds):
                if seed in found:
                    at = row + (place - (len(seeds) - 1) / 2) * _APART
                    dot(axis, (found[seed], None, None), at, looks[seed])
            if found:
                mean = float(np.mean(list(found.values())))
                axis.plot([mean, mean], [row - 0.36, row + 0.36], color=INK, linewidth=1.6)
                if row == 0:
                    line = level(axis, mean, f"mean, {next(iter(values))}", upright=True)
        rows(axis, names)
        axis.set_xlabel(wrapped(label, wide - 0.12, POINTS), fontsize=POINTS)
        axis.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
        axis.margins(x=0.1)
        axis.tick_params(labelleft=number == 0, labelsize=POINTS)
    stroke = Line2D([], [], color=INK, linewidth=1.6, label="mean")
    handles = [look.handle(f"seed {seed}") for seed, look in looks.items()]
    legend_above(fig, [*handles, stroke, *([line] if line else [])])
    return fig
