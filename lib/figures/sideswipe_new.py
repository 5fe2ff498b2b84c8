"""How well scores tell cars never seen from known ones."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import roc_curve

from lib.figures.sideswipe_marks import (
    DASHES,
    Interval,
    Look,
    dot,
    legend_above,
    level,
    line_handle,
    looks,
    per_cent,
    rows,
    times,
)
from lib.figures.style import INK, MUTED, figure

POOLED = Look("D", INK, size=6.5)
ACCEPTED = 0.95  # of known cars


def novelty_scores(
    pooled: Mapping[str, Interval | None],
    by_body: Mapping[str, Mapping[str, Interval | None]],
    *,
    target: float | None = None,
) -> Figure:
    """AUROC with 95 % intervals, a row a score: all new cars together, and each body alone.

    `pooled` maps scores to (value, low, high) in [0, 1], `by_body` scores to bodies to the same.
    `target` puts a dashed line.

    Raises:
        ValueError: no score, or bodies of a score that `pooled` lacks.
    """
    if not pooled or set(by_body) - set(pooled):
        raise ValueError(
            f"pooled has scores {list(pooled)}, by_body {list(by_body)}; give at least one, and "
            "bodies of these only"
        )
    bodies = list(dict.fromkeys(body for found in by_body.values() for body in found))
    shapes = [Look(look.mark, look.colour, filled=False, size=4.8) for look in looks(len(bodies))]
    fig, axis = figure(0.9 + (0.22 + 0.06 * len(bodies)) * len(pooled))
    step = 0.8 / (len(bodies) + 1)
    for row, (score, value) in enumerate(pooled.items()):
        dot(axis, value and times(value, 100.0), row - step * len(bodies) / 2, POOLED)
        for i, body in enumerate(bodies):
            one = by_body.get(score, {}).get(body)
            place = row + step * (i + 1 - len(bodies) / 2)
            dot(axis, one and times(one, 100.0), place, shapes[i])
        if row:
            axis.axhline(row - 0.5, color="#e3e6ea", linewidth=0.6)
    rows(axis, pooled)
    handles = [POOLED.handle("all new cars")]
    handles += [shape.handle(body) for shape, body in zip(shapes, bodies, strict=True)]
    if target is not None:
        handles.append(level(axis, 100 * target, f"{100 * target:.0f} %", upright=True))
    axis.set(xlim=(None, 101), xlabel="AUROC, %")
    axis.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    legend_above(fig, handles)
    return fig


def left_out(
    areas: Mapping[str, Mapping[int, Sequence[float]]], *, chosen: tuple[str, int]
) -> Figure:
    """AUROC over the number of neighbours, a line a map, small marks for each car left out.

    `areas` maps names of maps to numbers of neighbours to one AUROC a car; `chosen`, a name and
    a number, is ringed. The axis is one of errors: each step down is half as many.

    Raises:
        ValueError: no area, or a `chosen` that is not among them.
    """
    name, neighbours = chosen
    if not len(areas.get(name, {}).get(neighbours, ())):
        raise ValueError(
            f"chosen is {chosen}, areas has {[(n, list(k)) for n, k in areas.items()]}; choose one "
            "that has values"
        )
    fig, axis = figure(2.8)
    handles = []
    places = {k: i for i, k in enumerate(sorted({k for line in areas.values() for k in line}))}
    for i, (title, line) in enumerate(areas.items()):
        look, shift = looks(len(areas))[i], 0.08 * (i - (len(areas) - 1) / 2)
        at = np.array([places[k] + shift for k in line])
        # what is perfect has no place on the axis
        missed = [100 * (1 - np.minimum(values, 0.9999)) for values in line.values()]
        for x, each in zip(at, missed, strict=True):
            axis.plot(np.full(len(each), x), each, look.mark, color=look.colour, markersize=3,
                      alpha=0.45, markeredgewidth=0)  # fmt: skip
        means = [float(each.mean()) for each in missed]
        axis.plot(at, means, color=look.colour, linestyle=DASHES[i % 4], marker=look.mark)
        handles.append(line_handle(look, i, title))
        if title == name:
            x, y = at[list(line).index(neighbours)], means[list(line).index(neighbours)]
            axis.plot([x], [y], "o", markersize=13, markerfacecolor="none", color=INK)
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter(lambda value, _: f"{100 - value:g}")
    axis.invert_yaxis()
    axis.set_xticks(list(places.values()), [str(k) for k in places])
    axis.set(xlabel="neighbour that counts", ylabel="AUROC, %")
    legend_above(fig, handles)
    return fig


def novelty_roc(
    known: Mapping[str, Float[np.ndarray, " _n"]], new: Mapping[str, Float[np.ndarray, " _m"]]
) -> Figure:
    """Known cars accepted against new cars taken for known, a line a score; 95 % is marked.

    Both map scores, higher meaning newer, to one value an image.

    Raises:
        ValueError: no score, different scores in the two, or one without an image on either side.
    """
    empty = [name for name in known if not len(known[name]) or not len(new.get(name, ()))]
    if not known or list(known) != list(new) or empty:
        raise ValueError(
            f"known has scores {list(known)}, new {list(new)}; give the same, at least one, with "
            f"images on both sides (missing: {empty})"
        )
    fig, axis = figure(3.4)
    handles = []
    for i, name in enumerate(known):
        handles.append(_roc_line(axis, name, (known[name], new[name]), i))
    axis.plot([0, 100], [0, 100], color=MUTED, linewidth=0.8, linestyle=":")
    axis.axhline(100 * ACCEPTED, color=MUTED, linewidth=0.8, linestyle="--", zorder=0)
    axis.set(xlim=(0, 100), ylim=(0, 101), aspect="equal")
    axis.set_xlabel("new cars taken for known, %")
    axis.set_ylabel("known cars accepted, %")
    fig.legend(
        handles=handles, loc="outside right upper",
        title="new cars taken for known\nwhere 95 % of known ones\nare accepted (dashed)",
        title_fontsize=8, alignment="left",
    )  # fmt: skip
    return fig


def _roc_line(
    axis: Axes,
    name: str,
    scores: tuple[Float[np.ndarray, " n"], Float[np.ndarray, " m"]],
    number: int,
) -> Line2D:
    """The curve of known and new `scores`, marked where enough known cars are accepted."""
    truth = np.repeat([1, 0], [len(values) for values in scores])
    wrong, right, _ = roc_curve(truth, -np.concatenate(scores), drop_intermediate=False)
    place = int(np.argmax(right >= ACCEPTED - 1e-9))  # 1e-9: 0.95 * 20 is not quite 19
    look, dashes = looks(number + 1)[number], DASHES[number % 4]
    axis.plot(100 * wrong, 100 * right, color=look.colour, linestyle=dashes, linewidth=1.4)
    dot(axis, (float(100 * wrong[place]), None, None), float(100 * right[place]), look)
    return line_handle(look, number, f"{name}: {per_cent(float(wrong[place]))}")
