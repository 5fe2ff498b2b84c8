"""Figures of the Sideswipe chapter: its pictures, their augmentation, training, confusion."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from lib.figures.sideswipe_marks import (
    DASHES,
    MARGIN_IN,
    Place,
    caption,
    check_lengths,
    legend_above,
    page,
    put,
)
from lib.figures.style import INK, MUTED, PALETTE, WIDTH_IN, figure, note

GAP_IN = 0.03
HEADER_IN = 0.2
LOG_FROM = 6.0  # a loss that falls by a larger factor gets a log axis
WANTED = ("step", "loss", "cross_entropy", "l1", "accuracy")
TRAINING, VALIDATION, TOTAL = PALETTE[0], PALETTE[1], INK


def sample_grid(samples: Mapping[str, Mapping[int, UInt8[np.ndarray, "_h _w 3"]]]) -> Figure:
    """A picture of each class (columns) in each rotation (rows).

    `samples` maps class, then rotation, to a picture; all are of one shape. A rotation that a
    class lacks leaves its place empty.

    Raises:
        ValueError: no picture, or pictures of different shapes.
    """
    pictures = [image for by_rotation in samples.values() for image in by_rotation.values()]
    if len({image.shape for image in pictures}) != 1:
        shapes = sorted({image.shape for image in pictures})
        raise ValueError(
            f"samples has pictures of shapes {shapes}; give at least one, all of the same shape"
        )
    rotations = sorted({rotation for found in samples.values() for rotation in found})
    left_in = 0.22
    width = (WIDTH_IN - left_in - MARGIN_IN) / len(samples) - GAP_IN
    height = width * pictures[0].shape[0] / pictures[0].shape[1]
    fig, axis = page(HEADER_IN + len(rotations) * (height + GAP_IN))
    for column, (name, found) in enumerate(samples.items()):
        x = left_in + column * (width + GAP_IN)
        caption(axis, name, (x, 0.04), fontsize=8.5)
        for row, rotation in enumerate(rotations):
            if rotation in found:
                put(axis, found[rotation], (x, HEADER_IN + row * (height + GAP_IN)), width)
    for row, rotation in enumerate(rotations):
        middle = HEADER_IN + row * (height + GAP_IN) + height / 2
        caption(
            axis, str(rotation), (left_in - 0.07, middle),
            ha="right", va="center_baseline", fontsize=8,
        )  # fmt: skip
    return fig


def augmented_grid(
    originals: UInt8[np.ndarray, "n h w 3"],
    augmented: UInt8[np.ndarray, "n k h w 3"],
    names: Sequence[str],
) -> Figure:
    """Training images at the left, `k` augmented versions of each at the right."""
    n, k, h, w, _ = augmented.shape
    check_lengths(originals=n, names=len(names))
    left_in, between_in = 0.8, 0.14
    width = (WIDTH_IN - left_in - between_in - MARGIN_IN) / (k + 1) - GAP_IN
    step = width * h / w + GAP_IN
    fig, axis = page(HEADER_IN + n * step)
    first = left_in + width + GAP_IN + between_in
    caption(axis, "original", (left_in, 0.04), fontsize=8)
    caption(axis, "augmented", (first, 0.04), fontsize=8)
    for row, name in enumerate(names):
        y = HEADER_IN + row * step
        caption(
            axis, name, (left_in - 0.07, y + step / 2), ha="right", va="center_baseline", fontsize=8
        )
        put(axis, originals[row], (left_in, y), width)
        for column in range(k):
            put(axis, augmented[row, column], (first + column * (width + GAP_IN), y), width)
    return fig


def history(log: pd.DataFrame) -> Figure:
    """Cross entropy; the whole loss, its L1 part and where it ends; accuracy: over training steps.

    `log` has columns ``step``, ``loss``, ``cross_entropy``, ``l1`` and ``accuracy`` (on augmented
    training images), and may have ``validation_cross_entropy`` and ``validation_accuracy``, with
    NaN where nothing was measured. Losses are in nats, accuracies in [0, 1].

    Raises:
        ValueError: an empty log, or one without these columns.
    """
    for column in WANTED:
        if column not in log or not len(log):
            raise ValueError(
                f"log has {len(log)} rows with columns {list(log)}; want at least one row and "
                f"{', '.join(WANTED)}"
            )
    fig, axes = figure(2.55, 1, 3)
    _pair(axes[0], log, "cross_entropy")
    axes[0].set_title("cross entropy")
    axes[0].set_yscale("log")
    penalised = _penalty(axes[1], log)
    axes[1].set_title("loss with L1" if penalised else "loss (no L1)")
    _pair(axes[2], log, "accuracy", scale=100.0)
    axes[2].set_title("accuracy, %")
    for axis in axes:
        axis.set_xlabel("training step")
        axis.xaxis.set_major_locator(MaxNLocator(3))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axis.margins(x=0.03)
    legend_above(fig, _history_legend(log, penalised=penalised))
    return fig


def _pair(axis: Axes, log: pd.DataFrame, column: str, *, scale: float = 1.0) -> None:
    """A line for augmented training images and one for validation images."""
    lines = (
        (column, TRAINING, DASHES[0], ""),
        (f"validation_{column}", VALIDATION, DASHES[1], "o"),
    )
    for name, colour, dashes, mark in lines:
        if name in log:
            seen = log[np.isfinite(log[name]) & ((log[name] > 0) | (column == "accuracy"))]
            axis.plot(
                seen["step"], scale * seen[name], color=colour, linestyle=dashes, marker=mark,
                markersize=3,
            )  # fmt: skip


def _penalty(axis: Axes, log: pd.DataFrame) -> bool:
    """Whole loss, its L1 part if there is one, and the level the loss ends at."""
    axis.plot(log["step"], log["loss"], color=TOTAL)
    penalised = bool((log["l1"] > 0).any())
    if penalised:
        axis.plot(log["step"], log["l1"], color=PALETTE[2], linestyle=DASHES[2])
    end = float(log["loss"].iloc[-1])
    axis.axhline(end, color=MUTED, linewidth=0.9, linestyle=DASHES[3])
    positive = log["loss"][log["loss"] > 0]
    if len(positive) and positive.max() > LOG_FROM * positive.min():
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.yaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axis.set_ylim(bottom=0)
    return penalised


def _history_legend(log: pd.DataFrame, *, penalised: bool) -> list[Line2D]:
    entries: list[tuple[str, str, tuple[float, Sequence[float]], str]] = [
        ("augmented training images", TRAINING, DASHES[0], "")
    ]
    if "validation_accuracy" in log or "validation_cross_entropy" in log:
        entries.append(("validation images", VALIDATION, DASHES[1], "o"))
    entries.append(("loss", TOTAL, DASHES[0], ""))
    if penalised:
        entries.append(("its L1 part", PALETTE[2], DASHES[2], ""))
    entries.append((f"ends at {log['loss'].iloc[-1]:.3g}", MUTED, DASHES[3], ""))
    return [
        Line2D([], [], color=colour, linestyle=dashes, marker=mark, markersize=3, label=label)
        for label, colour, dashes, mark in entries
    ]


def confusion(counts: Int[np.ndarray, "c c"], classes: Sequence[str]) -> Figure:
    """Images by true class (rows) and prediction (columns), with the margins that matter.

    Recall and share of the images at the right, precision below, accuracy in the corner.
    """
    c = len(counts)
    check_lengths(counts=c, classes=len(classes))
    with np.errstate(invalid="ignore"):
        share = counts / counts.sum(1, keepdims=True)
        recall, precision = np.diag(share), np.diag(counts) / counts.sum(0)
    fig, axis = figure(0.9 + 0.36 * (c + 1))
    _cells(axis, counts, share)
    total = int(counts.sum())
    for i in range(c):
        _margin(axis, (c + 0.1, i), _fixed(recall[i]))
        _margin(axis, (c + 1.1, i), _fixed(counts[i].sum() / max(total, 1), 1))
        _margin(axis, (i, c + 0.1), _fixed(precision[i]))
    right = int(np.trace(counts))
    _margin(axis, (c + 0.1, c + 0.1), _fixed(right / total if total else np.nan), weight="bold")
    axis.set_xlim(-0.5, c + 1.65)
    axis.set_ylim(c + 0.55, -0.5)
    axis.set_xticks([*range(c), c + 0.1, c + 1.1], [*classes, "recall", "share"])
    axis.set_yticks([*range(c), c + 0.1], [*classes, "precision"])
    axis.xaxis.tick_top()
    axis.xaxis.set_label_position("top")
    axis.set_xlabel("predicted class", loc="left")
    axis.set_ylabel("true class", loc="top")
    axis.tick_params(length=0)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    note(fig, f"{right:,} of {total:,} right (bold). Shade: share of the row, to the power of 1/3.")
    return fig


def _cells(axis: Axes, counts: Int[np.ndarray, "c c"], share: Float[np.ndarray, "c c"]) -> None:
    """Count in each cell; few mistakes are seen too, since shade grows as a cube root."""
    norm = PowerNorm(1 / 3, 0, 1)
    for i, row in enumerate(counts):
        for j, count in enumerate(row):
            depth = float(norm(share[i, j])) if np.isfinite(share[i, j]) else 0.0
            fill = [1 - depth * (1 - int(PALETTE[0][k : k + 2], 16) / 255) for k in (1, 3, 5)]
            axis.add_patch(
                Rectangle((j - 0.48, i - 0.46), 0.96, 0.92, facecolor=fill, edgecolor="#c9ced4",
                          linewidth=0.5)
            )  # fmt: skip
            ink = "white" if depth > 0.6 else INK if count else MUTED
            axis.text(j, i, f"{count:,}", ha="center", va="center", fontsize=9, color=ink)


def _margin(axis: Axes, at: Place, text: str, *, weight: str = "normal") -> None:
    axis.text(*at, text, ha="center", va="center", fontsize=8, color=INK, weight=weight)


def _fixed(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %" if np.isfinite(share) else "none"
