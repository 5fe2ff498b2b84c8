"""SCALOR's schedules over the steps of a training, and which of them a study's runs reached."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lib.figures.style import INK, MUTED, PALETTE, figure

Marks = Mapping[str, int]  # what happens: at which step


def schedules(
    steps: Int[np.ndarray, " n"],
    temperature: Float[np.ndarray, " _n"],
    presence_prior: Float[np.ndarray, " _n"],
    through_time: Sequence[bool],
    *,
    reached: tuple[int, int],
    marks: Marks | None = None,
) -> Figure:
    """Temperature, presence prior and gradients through time, one above the other.

    Each array has a value for each of the rising `steps`; the prior has a log axis. `reached` are
    the first and last step at which a study's models are named: the band between is shaded, and
    what comes later was never seen by them. `marks` are upright lines with words.

    Raises:
        ValueError: no steps, steps that do not rise, other lengths, a prior that is not above 0,
            or `reached` in the wrong order.
    """
    _check(steps, temperature, presence_prior, through_time, reached)
    fig, axes = figure(3.3, 3, 1, sharex=True, height_ratios=[2, 2, 0.8])
    rows = {
        "temperature": temperature,
        "prior of presence": presence_prior,
        "gradients through time": np.array(through_time, float),
    }
    for number, (axis, (name, values)) in enumerate(zip(axes, rows.items(), strict=True)):
        axis.plot(steps, values, color=PALETTE[0], linewidth=1.5)
        axis.axvspan(*reached, color=PALETTE[4], alpha=0.35, linewidth=0, zorder=0)
        axis.axvspan(reached[1], float(steps[-1]), color=MUTED, alpha=0.12, linewidth=0, zorder=0)
        axis.set_title(name, fontsize=8.5)
        for words, step in (marks or {}).items():
            _mark(axis, step, words if number == 0 else "")
    axes[1].set_yscale("log")
    axes[2].set_yticks([0, 1], ["no", "yes"])
    axes[2].set_ylim(-0.3, 1.3)
    axes[2].set_xlabel("training step")
    axes[2].set_xlim(0, float(steps[-1]))
    axes[2].xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes[2].xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    middle = sum(reached) / 2
    for x, words in ((middle, "study's models"), ((reached[1] + steps[-1]) / 2, "never reached")):
        axes[1].annotate(
            words, (x, 0.9), xycoords=("data", "axes fraction"), ha="center", va="top",
            fontsize=7.5, color=INK,
        )  # fmt: skip
    return fig


def _mark(axis: Axes, step: int, words: str) -> None:
    axis.axvline(step, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
    if words:
        axis.annotate(
            words, (step, 0.95), (3, 0), xycoords=("data", "axes fraction"),
            textcoords="offset points", fontsize=7.5, color=MUTED, va="top",
        )  # fmt: skip


def _check(
    steps: Int[np.ndarray, " n"],
    temperature: Float[np.ndarray, " _n"],
    presence_prior: Float[np.ndarray, " _n"],
    through_time: Sequence[bool],
    reached: tuple[int, int],
) -> None:
    lengths = {
        "temperature": len(temperature),
        "presence_prior": len(presence_prior),
        "through_time": len(through_time),
    }
    if len(steps) < 2 or (np.diff(steps) <= 0).any():
        raise ValueError(f"steps has {len(steps)} entries; want at least two, and rising ones")
    for name, length in lengths.items():
        if length != len(steps):
            raise ValueError(f"{name} has {length} entries, but steps has {len(steps)}")
    if not (presence_prior > 0).all():
        raise ValueError(f"presence_prior falls to {presence_prior.min():g}; want it above 0")
    if not reached[0] <= reached[1]:
        raise ValueError(f"reached is {reached}; want the first step, then the last")
