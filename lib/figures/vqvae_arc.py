"""The VQ-VAE's versions along one line: scores, with what was broken when."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from lib.figures.style import INK, MUTED, PALETTE, WIDTH_IN, figure

Interval = tuple[float, float | None, float | None]  # value, low, high
Scores = Mapping[str, Mapping[str, Interval | None]]  # version, then train or heldout

BLUE = PALETTE[0]
CAUSE_COLOURS = ("#56B4E9", "#E69F00", "#CC79A7", "#009E73")
SPLITS = {"train": (-0.14, "white"), "heldout": (0.14, BLUE)}  # offset, fill
HEADER_ROW_IN, PANEL_IN = 0.18, 1.0
CHARACTER_IN = 0.062  # of 7.5 point text, on average
LOG_FROM = 30.0  # metrics whose values span a larger factor get a log axis


def arc(
    values: Mapping[str, Scores],
    causes: Mapping[str, tuple[str, str]],
    *,
    metrics: Mapping[str, str],
    breaks: Mapping[str, str] | None = None,
    continues: Mapping[str, str] | None = None,
) -> Figure:
    """All versions from left to right, a panel a metric, with 95 % intervals and shaded causes.

    `values` maps metric, version and ``train`` or ``heldout`` to (value, low, high); what is
    absent or None leaves a gap, what is not finite is said. `metrics` maps metrics to axis labels;
    the versions stand in the order of the metric that has most of them. `causes` maps a label to
    its first and last version, `breaks` the first version on other footage to the footage's label,
    `continues` a version to the one whose weights it started from: those are joined by a line.

    Raises:
        ValueError: a metric without values, or a version that is on no axis.
    """
    breaks, continues = breaks or {}, continues or {}
    versions = _versions(values, metrics)
    places = {name: i for i, name in enumerate(versions)}
    _check_places(places, causes, breaks, continues)
    column_in = (WIDTH_IN - 0.7) / len(versions)
    rows = _break_rows({places[v]: text for v, text in breaks.items()}, column_in)
    fig, header, panels = _page(max(rows, default=-1) + 1 + len(causes), len(metrics))
    for axis, (metric, label) in zip(panels, metrics.items(), strict=True):
        _panel(axis, values[metric], places, continues)
        axis.set_ylabel(label, fontsize=8)
    for row, (name, text) in zip(rows, breaks.items(), strict=True):
        _break(header, panels, places[name], row, text)
    _shade(header, panels, places, causes, column_in)
    panels[-1].set_xticks(range(len(versions)), versions, fontsize=7)
    panels[-1].set_xlim(-0.5, len(versions) - 0.5)
    fig.legend(
        handles=_arc_legend(joined=bool(continues)), loc="outside lower center", ncols=3, fontsize=8
    )
    fig.align_ylabels(panels)
    return fig


def _versions(values: Mapping[str, Scores], metrics: Mapping[str, str]) -> list[str]:
    """The order of versions, and that every metric has values of these only."""
    if not metrics:
        raise ValueError("metrics is empty; name at least one metric and its label")
    for metric in metrics:
        if metric not in values:
            raise ValueError(f"metrics names {metric!r}, but values has {', '.join(values)} only")
    versions = max((list(values[metric]) for metric in metrics), key=len)
    for metric in metrics:
        for name in values[metric]:
            if name not in versions:
                raise ValueError(
                    f"values[{metric!r}] has version {name!r}, which the metric with most "
                    f"versions lacks ({', '.join(versions)}); name it there too, as None"
                )
    if not versions:
        raise ValueError("values holds no version; want at least one")
    return versions


def _check_places(
    places: Mapping[str, int],
    causes: Mapping[str, tuple[str, str]],
    breaks: Mapping[str, str],
    continues: Mapping[str, str],
) -> None:
    """Every version that is spoken of has a place, and no cause ends before it begins."""
    spoken_of = {
        "causes": [name for span in causes.values() for name in span],
        "breaks": list(breaks),
        "continues": [name for pair in continues.items() for name in pair],
    }
    for argument, names in spoken_of.items():
        for name in names:
            if name not in places:
                raise ValueError(
                    f"{argument} names version {name!r}; values has {', '.join(places)}"
                )
    for label, (first, last) in causes.items():
        if places[first] > places[last]:
            raise ValueError(
                f"causes[{label!r}] is ({first!r}, {last!r}), which runs backwards; "
                "want (first version, last version)"
            )


def _page(header_rows: int, panels: int) -> tuple[Figure, Axes, list[Axes]]:
    """A header of that many lines of text, above that many panels."""
    header_in = max(header_rows, 0.1) * HEADER_ROW_IN
    fig, axes = figure(
        0.75 + header_in + PANEL_IN * panels, 1 + panels, 1,
        sharex=True, squeeze=False, height_ratios=[header_in] + [PANEL_IN] * panels,
    )  # fmt: skip
    header = axes[0, 0]
    header.set_ylim(max(header_rows, 1), 0)
    header.axis("off")
    return fig, header, list(axes[1:, 0])


def _break_rows(breaks: Mapping[int, str], column_in: float) -> list[int]:
    """A row for each label: below those left of it that reach over its place."""
    ends: list[tuple[int, float]] = []  # row and end of each label so far, in columns
    for place in sorted(breaks):
        row = 1 + max((row for row, end in ends if end > place - 0.6), default=-1)
        ends.append((row, place - 0.4 + len(breaks[place]) * CHARACTER_IN / column_in))
    rows = dict(zip(sorted(breaks), (row for row, _ in ends), strict=True))
    return [rows[place] for place in breaks]


def _break(header: Axes, panels: Sequence[Axes], place: int, row: int, text: str) -> None:
    """Label of the footage from `place` on, and the line left of it from the label downward."""
    header.text(place - 0.42, row + 0.5, text, fontsize=7.5, color=INK, va="center_baseline")
    if place == 0:
        return
    top = 1 - row / header.get_ylim()[0]
    for axis in (header, *panels):
        axis.axvline(
            place - 0.5, 0, top if axis is header else 1,
            color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)),
        )  # fmt: skip


def _shade(
    header: Axes,
    panels: Sequence[Axes],
    places: Mapping[str, int],
    causes: Mapping[str, tuple[str, str]],
    column_in: float,
) -> None:
    """A labelled bar a cause above the panels, its own row each, and its shade in all panels."""
    rows = header.get_ylim()[0]
    for i, (label, (first, last)) in enumerate(causes.items()):
        colour = CAUSE_COLOURS[i % len(CAUSE_COLOURS)]
        left, right = places[first] - 0.5, places[last] + 0.5
        top = rows - len(causes) + i
        bottom_share, top_share = 1 - (top + 0.92) / rows, 1 - (top + 0.08) / rows
        header.axvspan(left, right, bottom_share, top_share, color=colour, alpha=0.55, linewidth=0)
        for axis in panels:
            axis.axvspan(left, right, color=colour, alpha=0.15, linewidth=0, zorder=0)
        fits = len(label) * CHARACTER_IN <= (right - left) * column_in
        # A label wider than its bar stands beside it, on the side with more room.
        before = left + 0.5 > len(places) - 0.5 - right
        x, align = (left - 0.08, "right") if before else (right + 0.08, "left")
        if fits or len(places) == 1:
            x, align = (left + right) / 2, "center"
        header.text(x, top + 0.5, label, fontsize=7.5, color=INK, ha=align, va="center_baseline")


def _panel(
    axis: Axes, scores: Scores, places: Mapping[str, int], continues: Mapping[str, str]
) -> None:
    """Dots and intervals of one metric."""
    finite = []
    for name, splits in scores.items():
        for split, (offset, fill) in SPLITS.items():
            interval = splits.get(split)
            if interval is None:
                continue
            value, low, high = interval
            x = places[name] + offset
            if not np.isfinite(value):
                axis.text(
                    x, 0.04, "not finite", transform=axis.get_xaxis_transform(),
                    rotation=90, fontsize=6.5, ha="center", va="bottom",
                )  # fmt: skip
                continue
            finite.append(value)
            if low is not None and high is not None:
                axis.plot([x, x], [low, high], color=BLUE, linewidth=1.1, zorder=2)
            axis.plot(x, value, "o", color=BLUE, markerfacecolor=fill, markersize=4.2, zorder=3)
    for name, before in continues.items():
        for split, (offset, _) in SPLITS.items():
            pair = [scores.get(v, {}).get(split) for v in (before, name)]
            ends = [end[0] for end in pair if end is not None and np.isfinite(end[0])]
            if len(ends) == 2:
                xs = [places[before] + offset, places[name] + offset]
                axis.plot(xs, ends, color=INK, linewidth=0.7, zorder=1)
    if finite and min(finite) > 0 and max(finite) > LOG_FROM * min(finite):
        axis.set_yscale("log")
        axis.yaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.5g}"))
    else:
        axis.yaxis.set_major_locator(MaxNLocator(4))
    axis.margins(y=0.12)
    axis.tick_params(axis="x", length=0)


def _arc_legend(*, joined: bool) -> list[Line2D]:
    dots = {"training frames": "white", "held-out frames": BLUE}
    handles = [
        Line2D(
            [], [], linestyle="", marker="o", color=BLUE, markerfacecolor=fill, markersize=4.2,
            label=label,
        )
        for label, fill in dots.items()
    ]  # fmt: skip
    if joined:
        handles.append(Line2D([], [], color=INK, linewidth=0.7, label="goes on from"))
    return handles
