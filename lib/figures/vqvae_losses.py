"""Losses of the VQ-VAE's versions over their training."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lib.figures.style import INK, PALETTE, figure

LINES: tuple[tuple[float, Sequence[float]], ...] = (
    (0, ()), (0, (4, 1.2)), (0, (1, 1)), (0, (4, 1, 1, 1)),
)  # fmt: skip
PANELS_A_ROW = 5


def loss_parts(histories: Mapping[str, pd.DataFrame], columns: Mapping[str, str]) -> Figure:
    """A panel a version: parts of the loss over the share of its training, on one log axis.

    `histories` maps versions to logs with a column ``step``; `columns` maps loss columns to their
    labels. A log without one of them has no such line. Zeros, which a log axis cannot hold, are
    drawn on its lower edge and marked ``0``.

    Raises:
        ValueError: no history, or one without ``step``.
    """
    _check_logs(histories, "step")
    across = min(PANELS_A_ROW, len(histories))
    down = -(-len(histories) // across)
    fig, axes = figure(0.75 + 1.25 * down, down, across, sharex=True, sharey=True, squeeze=False)
    floor = _zero_floor([h[c].to_numpy() for h in histories.values() for c in columns if c in h])
    for axis, (name, history) in zip(axes.flat, histories.items(), strict=False):
        share = 100 * history["step"] / history["step"].max()
        for i, column in enumerate(columns):
            if column in history:
                lift = 1.0 + 0.6 * i  # zeros of two parts stay two lines
                _line_to_zero(axis, share.to_numpy(), history[column].to_numpy(), floor * lift, i)
        axis.set_title(name, fontsize=8.5)
    for axis in axes.flat[len(histories) :]:
        axis.set_axis_off()
    _share_axes(axes[0, 0], floor, zeros=any(axis.texts for axis in axes.flat))
    for i in range(len(histories) - across, len(histories)):  # the lowest panel of each column
        axes.flat[i].tick_params(labelbottom=True)
    fig.supxlabel("share of training, %", fontsize=9)
    handles = [
        Line2D(
            [], [], color=PALETTE[i % len(PALETTE)], linestyle=LINES[i % len(LINES)], label=label
        )
        for i, label in enumerate(columns.values())
    ]
    fig.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return fig


def _check_logs(histories: Mapping[str, pd.DataFrame], *columns: str) -> None:
    """There is a log, and every log has all `columns`."""
    if not histories:
        raise ValueError("histories is empty; want the training log of at least one version")
    for name, history in histories.items():
        for column in columns:
            if column not in history:
                raise ValueError(
                    f"histories[{name!r}] has no column {column!r}, only {list(history)}"
                )


def _share_axes(axis: Axes, floor: float, *, zeros: bool) -> None:
    """Log axis and ticks of all panels, set on one of them; `floor` is shown if there are zeros."""
    axis.set_yscale("log")
    axis.set_ylim(bottom=floor / 3 if zeros else floor * 3)
    axis.yaxis.set_major_locator(_decades(floor, axis.get_ylim()[1]))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_locator(FixedLocator([0, 50, 100]))


def _zero_floor(series: Sequence[np.ndarray]) -> float:
    """The power of ten a decade below the smallest positive value, where zeros are drawn."""
    positive = [x[np.isfinite(x) & (x > 0)] for x in series]
    smallest = min((x.min() for x in positive if len(x)), default=1.0)
    return float(10.0 ** (np.floor(np.log10(smallest)) - 1))


def _decades(low: float, high: float) -> FixedLocator:
    """Ticks at powers of ten above `low`, five at most."""
    first, last = int(np.floor(np.log10(low))) + 1, int(np.ceil(np.log10(high)))
    every = max(1, -(-(last - first) // 5))
    return FixedLocator([10.0**power for power in range(first, last + 1, every)])


def _line_to_zero(axis: Axes, x: np.ndarray, y: np.ndarray, floor: float, look: int) -> None:
    """One line; where it is exactly zero, it runs along `floor` and says so."""
    y = np.where(np.isfinite(y), y, np.nan)
    zero = y == 0
    colour, dashes = PALETTE[look % len(PALETTE)], LINES[look % len(LINES)]
    axis.plot(x, np.where(zero, floor, y), color=colour, linestyle=dashes, linewidth=1.3)
    if zero.any():
        axis.annotate(
            "0", (x[zero].mean(), floor), (0, 2), textcoords="offset points",
            color=colour, fontsize=8, ha="center", va="bottom",
        )  # fmt: skip


COLLAPSED = 1e-8  # what the public change log reports after two epochs


def commitment_fall(
    histories: Mapping[str, pd.DataFrame], *, alive: Mapping[str, float] | None = None
) -> Figure:
    """Commitment loss over epochs, both on log axes, one line a version.

    `histories` maps versions to logs with columns ``epoch`` (fractional, above 0) and
    ``commitment``; `alive` maps a version to the share, in [0, 1], of its decoder's outputs
    that still pass a gradient. Zeros run along the lower edge. A later version's line lies above
    an earlier one's.

    Raises:
        ValueError: a log without these columns, or a share of a version that has no log.
    """
    alive = alive or {}
    _check_logs(histories, "epoch", "commitment")
    for name in alive:
        if name not in histories:
            raise ValueError(f"alive names {name!r}; histories has {', '.join(histories)}")
    fig, axis = figure(2.9)
    floor = _zero_floor([history["commitment"].to_numpy() for history in histories.values()])
    for i, (name, history) in enumerate(histories.items()):
        share = f": {100 * alive[name]:.0f} %" if name in alive else ""
        _line_to_zero(axis, history["epoch"].to_numpy(), history["commitment"].to_numpy(), floor, i)
        axis.lines[-1].set_label(name + share)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.axhline(COLLAPSED, color=INK, linewidth=1, linestyle=(0, (2, 2)))
    axis.annotate(
        "$10^{-8}$, as the change log reports", (0, COLLAPSED), (3, 2),
        xycoords=("axes fraction", "data"), textcoords="offset points",
        fontsize=7.5, color=INK, ha="left", va="bottom",
    )  # fmt: skip
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_xlabel("epoch")
    axis.set_ylabel("commitment loss")
    title = "outputs alive" if alive else None
    fig.legend(loc="outside right upper", title=title, title_fontsize=8)
    return fig
