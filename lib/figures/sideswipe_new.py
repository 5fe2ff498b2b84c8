"""How well scores tell cars never seen from known ones."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
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
from lib.figures.style import INK, MUTED, PALETTE, figure, note

POOLED = Look("D", INK, size=6.5)
ACCEPTED = 0.95  # of known cars
BINS = 40


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


def novelty_histograms(
    known: Float[np.ndarray, " n"],
    new: Mapping[str, Float[np.ndarray, " _m"]],
    *,
    label: str,
    limit: float | None = None,
) -> Figure:
    """How one score is spread over known cars (filled) and over each group of new ones (lines).

    `limit` is the score above which a car is flagged unknown. What lies beyond the first and
    the last hundredth of every group is gathered in the outermost bins.

    Raises:
        ValueError: no known car, or a group of no new cars.
    """
    groups = {"known cars": known, **new}
    if empty := [name for name, values in groups.items() if not len(values)]:
        raise ValueError(f"{', '.join(empty)} have no score; give at least one each")
    fig, axis = figure(2.6)
    edges = _edges(list(groups.values()), limit)
    handles: list[Patch | Line2D] = [Patch(color="#c9ced4", label=f"known cars ({len(known):,})")]
    axis.stairs(_shares(known, edges), edges, fill=True, color="#c9ced4")
    for i, (name, values) in enumerate(new.items()):
        look: dict[str, Any] = {
            "color": PALETTE[i % 6],
            "linestyle": DASHES[i % 4],
            "linewidth": 1.5,
        }
        axis.stairs(_shares(values, edges), edges, **look)
        handles.append(Line2D([], [], label=f"{name} ({len(values):,})", **look))
    if limit is not None:
        flagged = np.mean(np.concatenate(list(new.values())) > limit) if new else np.nan
        text = f"limit: {per_cent(float(flagged))} of new cars lie above"
        handles.append(level(axis, limit, text, upright=True))
    axis.set_ylim(bottom=0)
    axis.set_xlim(edges[0], edges[-1])
    axis.set(xlabel=label, ylabel="share of its cars, %")
    legend_above(fig, handles, columns=min(3, len(handles)))
    note(fig, "The outermost bins hold all that lies beyond.")
    return fig


def _edges(groups: list[Float[np.ndarray, " _n"]], limit: float | None) -> Float[np.ndarray, " e"]:
    """Bins from the first to the last hundredth of all groups, and to `limit`."""
    finite = [values[np.isfinite(values)] for values in groups]
    ends = [np.quantile(values, (0.01, 0.99), method="nearest") for values in finite if len(values)]
    ends += [] if limit is None else [np.array([limit, limit])]
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    room = 0.03 * (high - low) or 0.5
    return np.linspace(low - room, high + room, BINS + 1)


def _shares(
    values: Float[np.ndarray, " n"], edges: Float[np.ndarray, " e"]
) -> Float[np.ndarray, " k"]:
    """Per cent of the values in each bin, those beyond in the outermost."""
    counts, _ = np.histogram(values.clip(edges[0], edges[-1]), edges)
    return 100 * counts / len(values)


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
