"""What the classifier is worth: calibration, splits, what simple baselines reach."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lib.figures.sideswipe_marks import (
    DASHES,
    HATCHES,
    Interval,
    Look,
    dot,
    error_of,
    known,
    legend_above,
    level,
    lifted,
    line_handle,
    log_error_axis,
    looks,
    rows,
    times,
)
from lib.figures.style import INK, MUTED, PALETTE, figure, note

BIN_COLUMNS = ("lower", "upper", "count", "confidence", "accuracy")
FEW = 10  # images in a bin: below, its accuracy says little
WRITEUP = 0.9968
Scores = Mapping[str, Mapping[str, Interval | None]]  # row, then variant, to accuracy


def reliability(bins: Mapping[str, pd.DataFrame], ece: Mapping[str, Interval]) -> Figure:
    """Accuracy over confidence, and beneath it how many images each bin has.

    `bins` maps, for example, ``before`` and ``after`` temperature scaling to bins of confidence
    with columns ``lower``, ``upper``, ``count``, ``confidence`` and ``accuracy``; `ece` maps the
    same to the expected calibration error in [0, 1]. Bins of few images are open marks.

    Raises:
        ValueError: no bins, bins without these columns or an image, or without their error.
    """
    _check_bins(bins, ece)
    fig, (top, bottom) = figure(4.0, 2, 1, sharex=True, height_ratios=[2.2, 1])
    top.plot([0, 100], [0, 100], color=MUTED, linewidth=0.9, linestyle="--")
    handles = []
    for i, (name, found) in enumerate(bins.items()):
        look = looks(len(bins))[i]
        _reliability_line(top, found, look, i)
        share = (i + 0.5) / len(bins) * 0.84 + 0.08  # of the bin's width, from its left
        width = (found["upper"] - found["lower"]) * 0.84 / len(bins)
        at = found["lower"] + (found["upper"] - found["lower"]) * share
        bottom.bar(
            100 * at, found["count"], 100 * width, color=look.colour, hatch=HATCHES[i % 4],
            edgecolor="white", linewidth=0,
        )  # fmt: skip
        handles.append(line_handle(look, i, f"{name}: ECE {_range(ece[name])}"))
    full = pd.concat([found[found["count"] > 0] for found in bins.values()])
    low = 100 * float(full["lower"].min())
    bottom.set_xlim(low - 1.5, 101.5)
    top.set_ylim(min(low, 100 * float(full["accuracy"].min())) - 4, 102)
    bottom.set_yscale("log")
    bottom.set_ylim(bottom=0.7)
    bottom.set_xlabel("confidence, %")
    top.set_ylabel("accuracy, %")
    bottom.set_ylabel("images")
    legend_above(fig, handles, columns=1)
    note(fig, f"Open marks: fewer than {FEW} images. Dashed: confidence that is just right.")
    fig.align_ylabels()
    return fig


def _check_bins(bins: Mapping[str, pd.DataFrame], ece: Mapping[str, Interval]) -> None:
    for name, found in bins.items():
        lacks = [column for column in BIN_COLUMNS if column not in found]
        if lacks or name not in ece or not found["count"].sum():
            raise ValueError(
                f"bins[{name!r}] lacks {lacks}, or images, or an entry in ece ({list(ece)}); give "
                f"{', '.join(BIN_COLUMNS)} with at least one image, and an error for each"
            )
    if not bins:
        raise ValueError("bins is empty; give at least one set of bins")


def _reliability_line(axis: Axes, bins: pd.DataFrame, look: Look, number: int) -> None:
    full = bins[bins["count"] > 0]
    axis.plot(
        100 * full["confidence"], 100 * full["accuracy"], color=look.colour,
        linestyle=DASHES[number % 4], linewidth=1.1, zorder=2,
    )  # fmt: skip
    for filled in (True, False):
        part = full[(full["count"] >= FEW) == filled]
        if part.empty:  # an empty line that is not clipped upsets the layout
            continue
        axis.plot(
            100 * part["confidence"], 100 * part["accuracy"], look.mark, color=look.colour,
            markerfacecolor=look.colour if filled else "white", markersize=5.5, zorder=3,
            clip_on=False,
        )  # fmt: skip


def _range(interval: Interval) -> str:
    value, low, high = times(interval, 100.0)
    span = "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"
    return f"{value:.2f} %{span}"


def accuracy_by_split(
    scores: Scores,
    *,
    recorded: Mapping[str, Scores] | None = None,
    reference: float = WRITEUP,
) -> Figure:
    """Accuracy, a row a split, a mark a variant of the pictures; right on a log axis of error.

    `scores` maps split, then variant, to accuracy in [0, 1]; `recorded` maps presets to the same,
    for runs made elsewhere, in other marks. Accuracy 1 stands on the right edge.

    Raises:
        ValueError: no accuracy at all.
    """
    runs = {"": scores, **(recorded or {})}
    series = list(dict.fromkeys((r, v) for r, s in runs.items() for f in s.values() for v in f))
    splits = list(dict.fromkeys(split for s in runs.values() for split in s))
    found = [v for s in runs.values() for f in s.values() for v in f.values() if v and known(v)]
    if not found:
        raise ValueError(f"scores has no accuracy, only splits {splits}; give at least one")
    least, most = _error_ends([error_of(v) for v in found], 1 - reference)
    fig, axis = figure(1.15 + (0.16 + 0.13 * len(series)) * len(splits))
    shapes = dict(zip(series, _split_looks(series), strict=True))
    for row, split in enumerate(splits):
        for i, (run, variant) in enumerate(series):
            value = runs[run].get(split, {}).get(variant)
            place = row + (i - (len(series) - 1) / 2) * 0.8 / len(series)
            dot(axis, value and lifted(error_of(value), least), place, shapes[run, variant])
    rows(axis, splits)
    log_error_axis(axis, "x", least, most, accuracy=True)
    axis.set_xlabel("accuracy, % (equal steps are equal ratios of error)")
    handles = [
        look.handle(f"{variant}, {run or 'this run'}" if recorded else variant)
        for (run, variant), look in shapes.items()
    ]
    if any(v[0] >= 1 for v in found):
        note(fig, "Marks on the right edge: no error at all.")
    handles.append(level(axis, 1 - reference, f"write-up: {100 * reference:.2f} %", upright=True))
    legend_above(fig, handles, columns=len(runs) + 1 if recorded else None)
    return fig


def _error_ends(errors: Sequence[Interval], reference: float) -> tuple[float, float]:
    """A log axis's ends with room for all that is above 0; the upper one at a round number."""
    ends = [reference, *(x for error in errors for x in error if x is not None and x > 0)]
    most = next((end for end in (0.05, 0.1, 0.2, 0.5) if end >= 1.1 * max(ends)), 1.0)
    return min(ends) / 1.6, most


def _split_looks(series: Sequence[tuple[str, str]]) -> list[Look]:
    """A colour a variant, a mark a run; recorded runs are open."""
    runs = list(dict.fromkeys(run for run, _ in series))
    variants = list(dict.fromkeys(variant for _, variant in series))
    marks = {run: ("o", "s", "^", "D", "v", "P")[runs.index(run) % 6] for run in runs}
    return [
        Look(marks[run], PALETTE[variants.index(variant) % 6], filled=not run)
        for run, variant in series
    ]


def probe(scores: Scores, *, chance: float) -> Figure:
    """Accuracy of simple baselines against `chance`: a row a baseline, a bar a variant.

    `scores` maps baseline, then variant of the pictures, to accuracy in [0, 1].

    Raises:
        ValueError: no baseline.
    """
    if not scores:
        raise ValueError("scores is empty; give the accuracy of at least one baseline")
    variants = list(dict.fromkeys(variant for found in scores.values() for variant in found))
    fig, axis = figure(1.0 + (0.12 + 0.17 * len(variants)) * len(scores))
    thickness = 0.74 / len(variants)
    for row, found in enumerate(scores.values()):
        for i, variant in enumerate(variants):
            value = found.get(variant)
            if value is None or not known(value):
                continue
            y = row + (i - (len(variants) - 1) / 2) * thickness
            axis.barh(
                y, 100 * value[0], thickness * 0.9, color=PALETTE[(0, 4)[i % 2]],
                hatch=HATCHES[i % 4], edgecolor="white", linewidth=0,
            )  # fmt: skip
            if value[1] is not None and value[2] is not None:
                axis.plot([100 * value[1], 100 * value[2]], [y, y], color=INK, linewidth=1.2)
    rows(axis, scores)
    axis.set_xlim(0, 100)
    axis.axvline(100 * chance, color=PALETTE[1], linewidth=1.2, linestyle="--")
    axis.set_xlabel("accuracy, %")
    handles: list[Patch | Line2D] = [
        Patch(facecolor=PALETTE[(0, 4)[i % 2]], hatch=HATCHES[i % 4], edgecolor="white",
              linewidth=0, label=variant)
        for i, variant in enumerate(variants)
    ]  # fmt: skip
    label = f"chance: {100 * chance:.1f} %"
    handles.append(Line2D([], [], color=PALETTE[1], linewidth=1.2, linestyle="--", label=label))
    legend_above(fig, handles)
    return fig
