"""What the Sideswipe chapter's figures have in common: pages of pictures, dots with intervals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, UInt8
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from lib.figures.style import INK, PALETTE, WIDTH_IN, figure

Interval = tuple[float, float | None, float | None]  # value, low, high
Place = tuple[float | int, float | int]  # x, y

MARKS = ("o", "s", "^", "D", "v", "P")
DASHES: tuple[tuple[float, Sequence[float]], ...] = (
    (0, ()), (0, (4, 1.2)), (0, (1, 1)), (0, (4, 1, 1, 1)),
)  # fmt: skip
HATCHES = ("", "////", "....", "xxxx")
MARGIN_IN = 0.06
CAPTION_POINTS = 6.8


@dataclass(frozen=True)
class Look:
    """How a series of dots looks; no two alike in mark and fill."""

    mark: str = "o"
    colour: str = PALETTE[0]
    filled: bool = True
    size: float = 5.5

    @property
    def fill(self) -> str:
        """Colour of the mark's face."""
        return self.colour if self.filled else "white"

    def handle(self, label: str) -> Line2D:
        """The entry of a legend."""
        return Line2D(
            [], [], linestyle="", marker=self.mark, color=self.colour, markerfacecolor=self.fill,
            markersize=self.size, label=label,
        )  # fmt: skip


def line_handle(look: Look, number: int, label: str) -> Line2D:
    """A line and its mark, for the legend."""
    return Line2D(
        [], [], color=look.colour, linestyle=DASHES[number % 4], marker=look.mark,
        markerfacecolor=look.fill, markersize=5.5, linewidth=1.1, label=label,
    )  # fmt: skip


def level(axis: Axes, at: float, label: str, *, upright: bool = False) -> Line2D:
    """A dashed line across `axis` at a level to compare with, and its entry of a legend."""
    look: dict[str, Any] = {"color": INK, "linewidth": 0.9, "linestyle": "--"}
    (axis.axvline if upright else axis.axhline)(at, zorder=1.5, **look)
    return Line2D([], [], label=label, **look)


def looks(count: int) -> list[Look]:
    """Different looks, in order; after the sixth, open marks."""
    return [
        Look(MARKS[i % 6], PALETTE[i % 6], filled=i < 6, size=5.5 if i % 6 < 4 else 6.0)
        for i in range(count)
    ]


def known(interval: Interval | None) -> bool:
    """Whether there is a finite value to draw."""
    return interval is not None and bool(np.isfinite(interval[0]))


def dot(
    axis: Axes, interval: Interval | None, place: float | int, look: Look, *, upright: bool = False
) -> None:
    """A value with its interval at `place` on the other axis, which is x if `upright`.

    None and what is not finite leave a gap.
    """
    if interval is None or not known(interval):
        return
    value, low, high = interval
    if low is not None and high is not None:
        ends = [low, high], [place, place]
        axis.plot(*(ends[::-1] if upright else ends), color=look.colour, linewidth=1.2, zorder=2)
    at = (place, value) if upright else (value, place)
    axis.plot(
        *at, look.mark, color=look.colour, markerfacecolor=look.fill, markersize=look.size,
        zorder=3, clip_on=False,
    )  # fmt: skip


def rows(axis: Axes, names: Iterable[str]) -> None:
    """Names down the y axis, the first on top, with a grid for reading values off the x axis."""
    labels = list(names)
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.tick_params(axis="y", length=0)
    axis.grid(visible=False, axis="y")
    axis.grid(visible=True, axis="x")


def legend_above(fig: Figure, handles: Iterable[Artist], *, columns: int | None = None) -> None:
    """Entries above all panels, where they cover nothing; none if there are none."""
    entries = list(handles)
    if entries:
        fig.legend(
            handles=entries, loc="outside upper center", ncols=columns or len(entries),
            columnspacing=1.4, handletextpad=0.5,
        )  # fmt: skip


def log_error_axis(
    axes: Axes, which: Literal["x", "y"], least: float, most: float, *, accuracy: bool = False
) -> None:
    """A log axis from `least` to `most`, ticks at 1, 2 and 5 of its decades, or fewer if crowded.

    With `accuracy` the axis is of error shares, but says in per cent what is right, growing.
    """
    ends = (most, least) if accuracy else (least, most)
    if which == "x":
        axes.set_xscale("log")
        axes.set_xlim(ends)
    else:
        axes.set_yscale("log")
        axes.set_ylim(ends)
    places = round_places(least, most)
    names = [f"{100 * (1 - p):.7g}" if accuracy else f"{p:.7g}" for p in places]
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(places))
    axis.set_major_formatter(FixedFormatter(names))
    axis.set_minor_locator(NullLocator())


def round_places(least: float, most: float) -> list[float]:
    """1, 2 and 5 of the decades from `least` to `most`, or fewer of them if crowded."""
    decades = np.log10(most / least)
    steps = (1.0, 2.0, 5.0) if decades < 2.2 else (1.0, 5.0) if decades < 4 else (1.0,)
    powers = range(int(np.floor(np.log10(least))), int(np.ceil(np.log10(most))) + 1)
    places = sorted(step * 10.0**power for power in powers for step in steps)
    return [place for place in places if least * 0.999 <= place <= most * 1.001]


def times(interval: Interval, factor: float) -> Interval:
    """A value and its interval in another unit; `factor` is above 0."""
    value, low, high = interval
    return (
        factor * value,
        None if low is None else factor * low,
        None if high is None else factor * high,
    )


def error_of(accuracy: Interval) -> Interval:
    """Share of errors, from a share of right answers: the ends change places."""
    value, low, high = accuracy
    return 1 - value, None if high is None else 1 - high, None if low is None else 1 - low


def lifted(interval: Interval, floor: float) -> Interval:
    """What a log axis cannot hold, put on its edge."""
    value, low, high = interval
    return (
        max(value, floor),
        None if low is None else max(low, floor),
        None if high is None else max(high, floor),
    )


def per_cent(share: float) -> str:
    """A share in [0, 1] with as many digits as tell it from 0 and 1: 99.7 %, < 0.01 %."""
    if not np.isfinite(share):
        return "unknown"
    rest = min(share, 1 - share)
    if 0 < rest < 1e-4:
        return "> 99.99 %" if share > 0.5 else "< 0.01 %"
    digits = max(0, int(np.ceil(-np.log10(100 * rest) - 1e-9))) if rest > 0 else 0
    return f"{100 * share:.{digits}f} %"


def page(height_in: float) -> tuple[Figure, Axes]:
    """A page whose axes measure inches from its upper left corner, for pictures and words."""
    fig, axis = figure(height_in)
    fig.set_layout_engine("none")
    axis.set_position((0, 0, 1, 1))
    axis.set_xlim(0, WIDTH_IN)
    axis.set_ylim(height_in, 0)
    axis.set_axis_off()
    return fig, axis


def put(axis: Axes, image: UInt8[np.ndarray, "h w 3"], at: Place, width_in: float) -> None:
    """A picture on a `page`, its upper left corner at (x, y)."""
    (x, y), height_in = at, width_in * image.shape[0] / image.shape[1]
    axis.imshow(
        image, extent=(x, x + width_in, y + height_in, y), aspect="auto", interpolation="auto"
    )


def outline(axis: Axes, mask: Bool[np.ndarray, "h w"], at: Place, width_in: float) -> None:
    """The edge of a mask over the picture `put` at the same place: white on black, seen on both."""
    h, w = mask.shape
    (x, y), scale = at, width_in / w
    across, down = x + scale * (np.arange(w) + 0.5), y + scale * (np.arange(h) + 0.5)
    if mask.any() and not mask.all():
        for colour, width in (("black", 1.6), ("white", 0.8)):
            axis.contour(
                across, down, mask.astype(float), levels=[0.5], colors=colour, linewidths=width
            )


def caption(axis: Axes, text: str, at: Place, **options: object) -> None:
    """Small words on a `page`, their top at y."""
    look = {"fontsize": CAPTION_POINTS, "color": INK, "va": "top", "ha": "left", **options}
    axis.text(*at, text, **look)  # type: ignore[arg-type]


def check_lengths(**counted: int) -> None:
    """Raise `ValueError` unless all of the named arguments have as many entries as the first."""
    first, *others = counted.items()
    for name, count in others:
        if count != first[1]:
            raise ValueError(
                f"{name} has {count} entries, but {first[0]} has {first[1]}; give one for each"
            )
