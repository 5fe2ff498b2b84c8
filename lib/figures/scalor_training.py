"""Course of SCALOR trainings: the terms of the loss, side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from lib.figures.doom_marks import wrapped
from lib.figures.sideswipe_marks import DASHES, legend_above, round_places
from lib.figures.style import MUTED, PALETTE, WIDTH_IN, figure, note

PANELS = {  # column of a log: title
    "loss": "loss, nats a frame",
    "likelihood": "− log likelihood, nats",
    "what": "KL of what, nats",
    "where": "KL of where, nats",
    "depth": "KL of depth, nats",
    "presence": "KL of presence, nats",
    "background": "KL of background, nats",
    "objects": "objects followed a frame",
    "grad_norm": "norm of the gradient",
    "perceptual": "perceptual loss",
    "adversarial": "adversarial loss",
}
ACROSS = 3
WIDE = 30.0  # ratio of the largest value to the smallest from which on an axis is logarithmic
FIRST = 0.1  # share of a training in which values may leave the view of an axis that is not
LABEL_POINTS = 7.0
LABEL_IN = 1.0
LINE_HIGH = 0.15  # of a label, as a share of a panel's height
LABEL_LINES = 6  # that have room beside a panel
SMOOTHED = 0.05  # share of a log that a strong line is the mean of
LETTERS = "abcdefghijklmnopqrstuvwxyz"
NOTE_POINTS = 7.5

Changes = Sequence[tuple[int, str]]  # step, what changes there


def training_curves(runs: Mapping[str, pd.DataFrame], *, changes: Changes = ()) -> Figure:
    """A panel a column of the logs, a line a run, named at the right.

    `runs` maps names to logs with a column ``step`` and those of `PANELS`; one that no run has, or
    that is nothing but 0 (a term that a model lacks), is left out. Axes are logarithmic where all
    values are above 0 and reach far. Others show what comes after the first tenth of each training,
    whole. At each of `changes` (step, what happens), such as the end of a schedule, an upright line
    is named by a letter and explained beneath; what comes after the last step of all runs is left
    out.

    Raises:
        ValueError: no run, one without ``step``, a row, or any of the columns.
    """
    columns = _check_runs(runs)
    last = max(float(log["step"].max()) for log in runs.values())
    shown = sorted((step, words) for step, words in changes if 0 <= step <= last)
    if len(shown) > len(LETTERS):
        raise ValueError(f"changes has {len(shown)} entries; give {len(LETTERS)} at most")
    across = min(ACROSS, len(columns))
    down = -(-len(columns) // across)
    names = [wrapped(name, LABEL_IN, LABEL_POINTS) for name in runs]
    said = [f"{LETTERS[i]}: step {step:,}, {words}" for i, (step, words) in enumerate(shown)]
    key = wrapped("; ".join(said), WIDTH_IN - 0.2, NOTE_POINTS)
    lines = key.count("\n") + 1 if key else 0
    fig, axes = figure(0.7 + 1.35 * down + 0.13 * lines, down, across, squeeze=False)
    direct = sum(name.count("\n") + 1 for name in names) <= LABEL_LINES
    for number, (axis, column) in enumerate(zip(axes.flat, columns, strict=False)):
        cut = _curves(axis, runs, column)
        axis.set_title(f"{PANELS[column]}{' *' if cut else ''}", pad=11 if shown else 4, fontsize=8)
        _steps(axis, last, labelled=number >= len(columns) - across)
        _letters(axis, [step for step, _ in shown], last)
        if direct and number % across == across - 1:
            _names(axis, runs, column, names)
    for axis in axes.flat[len(columns) :]:
        axis.set_axis_off()
    if not direct:
        legend_above(fig, [_handle(i, name) for i, name in enumerate(runs)], columns=3)
    about = "Strong lines: means over a twentieth of a training."
    if any("*" in axis.get_title(loc="left") for axis in axes.flat):
        about += " *: some of the first steps lie outside the panel."
    note(fig, f"{key}\n{about}" if key else about)
    return fig


def _check_runs(runs: Mapping[str, pd.DataFrame]) -> list[str]:
    """Columns that some run has, with anything but zeros in it."""
    if not runs:
        raise ValueError("runs is empty; give the log of at least one training")
    for name, log in runs.items():
        if "step" not in log or not len(log) or not set(PANELS) & set(log):
            raise ValueError(
                f"runs[{name!r}] has {len(log)} rows with columns {list(log)}; want at least one "
                f"row, step and some of {', '.join(PANELS)}"
            )
    return [
        column
        for column in PANELS
        if any(column in log and (log[column] != 0).any() for log in runs.values())
    ]


def _handle(number: int, label: str = "") -> Line2D:
    return Line2D(
        [], [], color=PALETTE[number % len(PALETTE)], linestyle=DASHES[number % 4],
        linewidth=1.2, label=label,
    )  # fmt: skip


def _curves(axis: Axes, runs: Mapping[str, pd.DataFrame], column: str) -> bool:
    """Lines of all runs; whether some lie partly outside."""
    everything, later = [np.zeros(0)], [np.zeros(0)]
    for number, log in enumerate(runs.values()):
        if column not in log:
            continue
        values = _finite(log[column])
        colour = PALETTE[number % len(PALETTE)]
        axis.plot(log["step"], values, color=colour, linewidth=0.6, alpha=0.3)
        axis.plot(
            log["step"], _smooth(values), color=colour, linestyle=DASHES[number % 4], linewidth=1.2
        )
        everything.append(values[np.isfinite(values)])
        after = values[log["step"].to_numpy() >= FIRST * float(log["step"].max())]
        later.append(after[np.isfinite(after)])
    return _view(axis, np.concatenate(everything), np.concatenate(later))


def _finite(values: pd.Series) -> Float[np.ndarray, " n"]:
    """Values with NaN for what is infinite, which leaves a gap."""
    found = values.to_numpy(float)
    return np.where(np.isfinite(found), found, np.nan)


def _smooth(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Means over a share of all values, around each; gaps stay."""
    window = max(1, round(SMOOTHED * len(values)))
    means = pd.Series(values).rolling(window, center=True, min_periods=1).mean().to_numpy()
    return np.where(np.isnan(values), np.nan, means)


def _view(axis: Axes, values: Float[np.ndarray, " n"], later: Float[np.ndarray, " _m"]) -> bool:
    """Scale and limits for `values`; whether some of them lie outside."""
    if not len(values):
        return False
    if values.min() > 0 and values.max() / values.min() >= WIDE:
        low, high = values.min() / 1.3, values.max() * 1.3
        axis.set_yscale("log")
        axis.set_ylim(low, high)
        axis.yaxis.set_major_locator(FixedLocator(_log_ticks(low, high)))
        axis.yaxis.set_minor_locator(NullLocator())
    else:
        seen = later if len(later) else values
        low, high = float(seen.min()), float(seen.max())
        room = 0.07 * (high - low) or 0.07 * abs(high) or 1.0
        low = min(low, 0.0) if 0 <= low < 0.5 * high else low  # 0 is worth seeing where it is near
        axis.set_ylim(low - room * (low != 0), high + room)
        axis.yaxis.set_major_locator(MaxNLocator(4))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    bottom, top = axis.get_ylim()
    return bool((values < bottom).any() or (values > top).any())


def _log_ticks(low: float, high: float) -> list[float]:
    """Round places on a log axis, four at most."""
    places = round_places(low, high)
    tens = [place for place in places if round(np.log10(place), 6).is_integer()]
    if len(places) > 4 and len(tens) > 1:
        places = tens
    return places[:: -(-len(places) // 4)]


def _short(value: float | int) -> str:
    """A tick in few letters: 0.002, 15, −20k, 1.5M."""
    size = abs(value)
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= unit:
            return f"{value / unit:.4g}{name}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def _steps(axis: Axes, last: float, *, labelled: bool) -> None:
    axis.set_xlim(0, last if last > 0 else 1)
    axis.xaxis.set_major_locator(MaxNLocator(3))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axis.tick_params(labelsize=7)
    if labelled:  # the lowest panel of each column
        axis.set_xlabel("training step", fontsize=8)


def _letters(axis: Axes, steps: Sequence[int], last: float) -> None:
    """Upright lines with their letters above the panel, side by side where lines are close."""
    wanted = np.array(steps, float) / max(last, 1.0)
    for i, (step, place) in enumerate(zip(steps, spread(wanted, 0.055), strict=True)):
        axis.axvline(step, color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)), zorder=1)
        axis.annotate(
            LETTERS[i], (place, 1.0), (0, 1.5), xycoords="axes fraction",
            textcoords="offset points", fontsize=6.5, color=MUTED, ha="center", va="bottom",
        )  # fmt: skip


def spread(wanted: Float[np.ndarray, " n"], *gaps: float) -> Float[np.ndarray, " n"]:
    """Places in [0, 1] near those wanted, in their order, and at least a gap apart.

    `gaps` are one for all, or for each the room that it needs. What does not fit goes below 0.
    """
    room = np.resize(np.array(gaps, float), len(wanted))
    order = np.argsort(wanted, kind="stable")
    found = np.clip(wanted[order], 0, 1)
    between = (room[order][1:] + room[order][:-1]) / 2
    for i, gap in enumerate(between):
        found[i + 1] = max(found[i + 1], found[i] + gap)
    found[-1:] = np.minimum(found[-1:], 1)
    for i in range(len(between) - 1, -1, -1):
        found[i] = min(found[i], found[i + 1] - between[i])
    placed = np.empty_like(found)
    placed[order] = found
    return placed


def _names(axis: Axes, runs: Mapping[str, pd.DataFrame], column: str, names: Sequence[str]) -> None:
    """Names at the right of a panel, each as near to its line's end as others let it."""
    ends, drawn = [], []
    for number, log in enumerate(runs.values()):
        values = _finite(log[column]) if column in log else np.zeros(0)
        means = _smooth(values)[np.isfinite(values)]
        if len(means):
            at = (axis.transScale + axis.transLimits).transform((1.0, means[-1]))[1]
            ends.append(float(np.clip(at, 0, 1)))
            drawn.append(number)
    room = [LINE_HIGH * (names[number].count("\n") + 1) for number in drawn]
    for number, end, place in zip(drawn, ends, spread(np.array(ends), *room), strict=True):
        colour = PALETTE[number % len(PALETTE)]
        line = Line2D(
            [1.01, 1.06], [end, place], transform=axis.transAxes, clip_on=False, color=colour,
            linewidth=0.6,
        )  # fmt: skip
        axis.add_line(line)
        axis.text(
            1.07, place, names[number], transform=axis.transAxes, fontsize=LABEL_POINTS,
            color=colour, va="center",
        )  # fmt: skip
