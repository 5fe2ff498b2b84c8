"""Error of the classifier against what it costs: parameters, and training images."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from lib.figures.sideswipe_marks import (
    DASHES,
    Interval,
    dot,
    error_of,
    known,
    legend_above,
    level,
    lifted,
    line_handle,
    log_error_axis,
    looks,
    round_places,
    times,
)
from lib.figures.style import INK, figure, note

WRITEUP = 0.9968  # its accuracy


def front(
    families: Mapping[str, Mapping[int, Interval | None]],
    *,
    recommended: tuple[str, int, str] | None = None,
    reference: float = WRITEUP,
) -> Figure:
    """Error against parameters, both on log axes, one line a family of networks.

    `families` maps family, then number of parameters, to accuracy in [0, 1]. `recommended` is
    (family, parameters, name) of the network to ring. `reference` is the write-up's accuracy.

    Raises:
        ValueError: no network, or a recommended one that is not among them.
    """
    if recommended and recommended[1] not in families.get(recommended[0], {}):
        there = {name: list(found) for name, found in families.items()}
        raise ValueError(f"recommended is {recommended[:2]}; families has {there}")
    fig, axis = figure(3.3)
    handles = _error_lines(axis, families, reference)
    if recommended:
        family, parameters, name = recommended
        interval = families[family][parameters]
        if interval is not None and known(interval):
            y = max(100 * (1 - interval[0]), axis.get_ylim()[0])
            ring: dict[str, Any] = {"color": INK, "markerfacecolor": "none", "markersize": 13.0}
            axis.plot(parameters, y, "o", markeredgewidth=1.3, zorder=4, clip_on=False, **ring)
            label = f"recommended: {name}, {parameters:,} parameters"
            handles.append(Line2D([], [], linestyle="", marker="o", label=label, **ring))
    axis.set_xlabel("parameters")
    _note_zeros(fig, families)
    legend_above(fig, handles, columns=2)
    return fig


def learning_curve(
    curves: Mapping[str, Mapping[int, Interval | None]], *, reference: float | None = None
) -> Figure:
    """Error against the number of training images, both on log axes, one line a network or split.

    `curves` maps name, then number of images, to accuracy in [0, 1].

    Raises:
        ValueError: nothing to draw.
    """
    fig, axis = figure(2.9)
    handles = _error_lines(axis, curves, reference)
    axis.set_xlabel("training images")
    _note_zeros(fig, curves)
    legend_above(fig, handles, columns=min(3, len(handles)))
    return fig


def _error_lines(
    axis: Axes, lines: Mapping[str, Mapping[int, Interval | None]], reference: float | None
) -> list[Line2D]:
    """Lines of error in per cent on log axes, with intervals; entries for the legend."""
    errors = {
        name: {x: times(error_of(v), 100.0) for x, v in sorted(found.items()) if v and known(v)}
        for name, found in lines.items()
    }
    positive = [
        x for f in errors.values() for v in f.values() for x in v if x is not None and x > 0
    ]
    if not any(errors.values()):
        raise ValueError(f"there is no accuracy to draw, only names {list(lines)}; give some")
    known_level = [] if reference is None else [100 * (1 - reference)]
    least = min([*positive, *known_level, 1.0])
    floor = 10.0 ** np.floor(np.log10(least) - 0.05) if _zeros(lines) else least / 1.5
    handles = []
    for i, (look, (name, found)) in enumerate(zip(looks(len(errors)), errors.items(), strict=True)):
        values = {x: lifted(v, floor) for x, v in found.items()}
        xs, ys = list(values), [v[0] for v in values.values()]
        axis.plot(xs, ys, color=look.colour, linestyle=DASHES[i % 4], linewidth=1.1)
        for x, value in values.items():
            dot(axis, value, x, look, upright=True)
        handles.append(line_handle(look, i, name))
    if reference is not None:
        label = f"write-up: {100 * reference:.2f} % right"
        handles.append(level(axis, 100 * (1 - reference), label))
    log_error_axis(axis, "y", floor, max([*positive, *known_level, floor]) * 1.4)
    _count_axis(axis, {x for found in errors.values() for x in found})
    axis.set_ylabel("error, %")
    return handles


def _count_axis(axis: Axes, counts: Collection[int]) -> None:
    """A log axis of counts, all its ticks written out alike."""
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    axis.xaxis.set_major_locator(FixedLocator(round_places(low, high) or sorted(counts)))
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.xaxis.set_minor_locator(NullLocator())


def _zeros(lines: Mapping[str, Mapping[int, Interval | None]]) -> bool:
    return any(v is not None and v[0] >= 1 for found in lines.values() for v in found.values())


def _note_zeros(fig: Figure, lines: Mapping[str, Mapping[int, Interval | None]]) -> None:
    if _zeros(lines):
        note(fig, "Marks on the lower edge: no error at all.")
