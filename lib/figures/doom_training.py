"""Figures of the Doom chapter's training: its classes, its course, and what its sampler draws."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from lib.figures.sideswipe_marks import (
    DASHES,
    dot,
    legend_above,
    level,
    line_handle,
    log_error_axis,
    looks,
    per_cent,
    rows,
)
from lib.figures.style import INK, PALETTE, figure, note

WANTED = ("step", "loss", "info_nce", "accuracy", "similarity", "spread")
ROUNDING = 0.01  # by which shares of a whole may miss 1
VIEWS = (PALETTE[0], DASHES[0])
PLACES = (PALETTE[1], DASHES[1])
TOTAL = (INK, DASHES[2])


def class_shares(shares: Mapping[str, Mapping[str, float]]) -> Figure:
    """Share of the pixels of each class, a row a class, a mark a part of the data, on a log axis.

    `shares` maps parts (such as ``training``), then classes, to shares in [0, 1]. Classes are in
    the order of their share in the first part. One that a part lacks, or has no pixel of, has no
    mark there.

    Raises:
        ValueError: a share outside [0, 1], or none above 0.
    """
    for part, of_part in shares.items():
        for name, share in of_part.items():
            if not 0 <= share <= 1:
                raise ValueError(f"shares[{part!r}][{name!r}] is {share}; give a share in [0, 1]")
    positive = [share for of_part in shares.values() for share in of_part.values() if share > 0]
    if not positive:
        raise ValueError(
            f"shares has parts {list(shares)}, but no share above 0; give at least one"
        )
    first = next(iter(shares.values()))
    names = dict.fromkeys(name for of_part in shares.values() for name in of_part)
    classes = sorted(names, key=lambda name: -first.get(name, 0.0))
    fig, axis = figure(0.85 + (0.1 + 0.07 * len(shares)) * len(classes))
    # before the marks: matplotlib cannot fit a log axis to a single value near 0
    log_error_axis(axis, "x", 100 * min(positive) / 1.7, min(100.0, 170 * max(positive)))
    shapes = dict(zip(shares, looks(len(shares)), strict=True))
    for row, name in enumerate(classes):
        for i, (part, of_part) in enumerate(shares.items()):
            share, offset = of_part.get(name, 0.0), (i - (len(shares) - 1) / 2) * 0.78 / len(shares)
            if share > 0:
                dot(axis, (100 * share, None, None), row + offset, shapes[part])
    rows(axis, classes)
    axis.set_xlabel("share of the pixels, %")
    legend_above(fig, [look.handle(part) for part, look in shapes.items()])
    if len(positive) < len(classes) * len(shares):
        note(fig, "No mark: no pixel of the class.")
    return fig


def history(log: pd.DataFrame, negatives: int | None) -> Figure:
    """InfoNCE; how often the right key is picked; similarity and spread: over training steps.

    `log` has columns ``step``, ``loss`` and ``info_nce`` (nats), ``accuracy`` (in [0, 1]),
    ``similarity`` of positive pairs (cosine) and ``spread`` of the embeddings (1 even, 0
    collapsed). It may have ``dense`` (nats) and ``dense_accuracy``, of places instead of whole
    views; only then is ``loss`` drawn, as it is the InfoNCE otherwise. `negatives` is the number
    that each query is compared with; the InfoNCE of guessing is the logarithm of one more.

    Raises:
        ValueError: an empty log, one without these columns, or fewer than one negative.
    """
    lacks = [column for column in WANTED if column not in log]
    if lacks or not len(log):
        raise ValueError(
            f"log has {len(log)} rows with columns {list(log)}; want at least one row and "
            f"{', '.join(WANTED)}"
        )
    if negatives is not None and negatives < 1:
        raise ValueError(f"negatives is {negatives}; give a number from 1, or None if not known")
    fig, axes = figure(2.7, 1, 3)
    handles = _against_negatives(axes[0], axes[1], log)
    axes[0].set_ylim(bottom=0)
    if negatives is not None:
        chance = float(np.log(negatives + 1))
        handles.append(level(axes[0], chance, f"chance: ln {negatives + 1:,} = {chance:.2f} nats"))
        axes[0].set_ylim(top=1.05 * max(chance, axes[0].dataLim.y1))
    handles += _embeddings(axes[2], log)
    for axis, title in zip(
        axes, ("InfoNCE, nats", "right key picked, %", "embeddings"), strict=True
    ):
        axis.set_title(title)
        axis.set_xlabel("training step")
        axis.xaxis.set_major_locator(MaxNLocator(3))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axis.margins(x=0.03)
    legend_above(fig, handles, columns=2 if len(handles) in (2, 4) else 3)
    return fig


def _against_negatives(loss: Axes, accuracy: Axes, log: pd.DataFrame) -> list[Line2D]:
    """Losses and accuracies of whole views and, if there are any, of places; their legend."""
    dense = "dense" in log
    lines = [("whole views", "info_nce", "accuracy", VIEWS)]
    if dense:
        lines.append(("places (dense)", "dense", "dense_accuracy", PLACES))
        lines.append(("loss: both, weighted", "loss", "", TOTAL))
    handles = []
    for label, nats, share, (colour, dashes) in lines:
        look: dict[str, Any] = {"color": colour, "linestyle": dashes, "linewidth": 1.3}
        loss.plot(log["step"], log[nats], **look)
        if share in log:
            accuracy.plot(log["step"], 100 * log[share], **look)
        handles.append(Line2D([], [], label=label, **look))
    accuracy.set_ylim(bottom=0)
    return handles if dense else []


def _embeddings(axis: Axes, log: pd.DataFrame) -> list[Line2D]:
    """Similarity of positive pairs and spread of all embeddings."""
    handles = []
    for column, label, colour, dashes in (
        ("similarity", "similarity of positive pairs", PALETTE[2], DASHES[3]),
        ("spread", "spread (1 even, 0 collapsed)", PALETTE[3], DASHES[0]),
    ):
        [line] = axis.plot(log["step"], log[column], color=colour, linestyle=dashes, label=label)
        handles.append(line)
    axis.set_ylim(min(0.0, float(log["similarity"].min()) - 0.05), 1.03)
    return handles


def selection(
    draws: Mapping[str, Float[np.ndarray, " _p"]],
    shares: Mapping[str, float],
    relative_loss: Mapping[str, Float[np.ndarray, " _p"]],
) -> Figure:
    """How often each kind of frame is drawn, and its loss, over `p` equal parts of a training.

    All three map the same kinds. `draws` are how many times as often as its share of the footage
    a kind is drawn in each part, 0 or more: 2 is twice as often as if all frames were alike.
    `shares` of the footage are in (0, 1]. `relative_loss` is the smoothed loss at the end of a
    part over the mean of all frames. Both are on log axes; what is 0 or NaN leaves a gap.

    Raises:
        ValueError: no kind, different ones, different numbers of parts, or shares of no whole.
    """
    _check_selection(draws, shares, relative_loss)
    fig, (left, right) = figure(2.6, 1, 2)
    handles = []
    for i, (kind, look) in enumerate(zip(draws, looks(len(draws)), strict=True)):
        for axis, values in ((left, draws[kind]), (right, relative_loss[kind])):
            at = 100 * (np.arange(len(values)) + (0.5 if axis is left else 1.0)) / len(values)
            axis.plot(
                at, np.where(values > 0, values, np.nan), color=look.colour, marker=look.mark,
                linestyle=DASHES[i % 4], markerfacecolor=look.fill, markersize=4, linewidth=1.1,
            )  # fmt: skip
        handles.append(line_handle(look, i, f"{kind} ({per_cent(shares[kind])})"))
    same = "1: as in the footage, the mean loss"
    _, mean = (level(axis, 1.0, same) for axis in (left, right))
    handles.append(mean)
    for axis, title in ((left, "times as often as in the footage"), (right, "loss over the mean")):
        _ratio_axis(axis)
        axis.set_title(title)
        axis.set_xlabel("training done, %")
        axis.set_xlim(-2, 102)
    legend_above(fig, handles, columns=3 if len(handles) > 4 else None)
    note(fig, "In brackets: share of the footage.")
    return fig


def _check_selection(
    draws: Mapping[str, Float[np.ndarray, " _p"]],
    shares: Mapping[str, float],
    relative_loss: Mapping[str, Float[np.ndarray, " _p"]],
) -> None:
    if not draws or set(draws) != set(shares) or set(draws) != set(relative_loss):
        raise ValueError(
            f"draws has kinds {list(draws)}, shares {list(shares)}, relative_loss "
            f"{list(relative_loss)}; give the same, at least one"
        )
    parts = sorted({len(each) for found in (draws, relative_loss) for each in found.values()})
    if len(parts) != 1 or not parts[0]:
        raise ValueError(
            f"draws and relative_loss have {parts} parts; give the same number for all kinds, "
            "at least one"
        )
    if min(shares.values()) <= 0 or sum(shares.values()) > 1 + ROUNDING:
        raise ValueError(
            f"shares are {dict(shares)}; give shares of the footage above 0, of 1 at most in all"
        )
    for i, drawn in enumerate(np.sum([shares[kind] * draws[kind] for kind in shares], axis=0)):
        if drawn > 1 + ROUNDING:
            raise ValueError(
                f"draws times shares add up to {drawn:g} in part {i}, 1 is all there is; give a "
                "kind's share of the draws over its share of the footage"
            )


def _ratio_axis(axis: Axes) -> None:
    """A log axis around 1 with ticks at round ratios, as many as there is room for."""
    low, high = axis.dataLim.y0, axis.dataLim.y1
    low, high = (min(low, 1.0), max(high, 1.0)) if np.isfinite([low, high]).all() else (1.0, 1.0)
    low, high = min(low / 1.15, 0.8), max(high * 1.15, 1.25)
    axis.set_yscale("log")
    axis.set_ylim(low, high)
    axis.yaxis.set_major_locator(FixedLocator(_ratios(low, high)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_locator(NullLocator())


def _ratios(low: float, high: float) -> Sequence[float]:
    if high / low < 3:
        return [
            x
            for x in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.7, 2.0, 2.5)
            if low <= x <= high
        ]
    step = 1 + int(np.log2(high / low) // 8)  # of powers of two
    powers = range(int(np.ceil(np.log2(low) / step)), int(np.floor(np.log2(high) / step)) + 1)
    return [2.0 ** (step * power) for power in powers]
