"""Figures of the VQ-VAE chapter: footage, codes, training, reconstructions, overflow."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, Rectangle

from lib.figures.style import INK, MUTED, colours, figure, note, show_rows

FLOAT16_MAX = 65_504.0
Interval = tuple[float, float | None, float | None]  # value, low, high


def footage_sheet(frames: Mapping[str, UInt8[np.ndarray, "n _h _w 3"]], *, rows: int = 2) -> Figure:
    """Frames of each data set, in `rows` rows below each other."""
    heights = [rows * x.shape[1] / (x.shape[0] // rows * x.shape[2]) for x in frames.values()]
    fig, axes = figure(
        0.3 * len(frames) + 6.3 * sum(heights), len(frames), 1, height_ratios=heights, squeeze=False
    )
    for axis, (name, images) in zip(axes[:, 0], frames.items(), strict=True):
        n, h, w, _ = images.shape
        grid = images[: n // rows * rows].reshape(rows, n // rows, h, w, 3)
        show_rows(axis, grid, [""] * rows)
        axis.set_title(name)
    return fig


def method_picture(
    image: UInt8[np.ndarray, "h w 3"],
    codes: Int[np.ndarray, "gh gw"],
    reconstruction: UInt8[np.ndarray, "h w 3"],
    codebook_size: int,
) -> Figure:
    """One frame on its way: pixels, the grid of code indices, pixels again."""
    fig, axes = figure(2.5, 1, 3)
    rank = np.argsort(np.random.default_rng(3).permutation(codebook_size))
    panels = (
        (image, f"frame, {image.shape[1]} × {image.shape[0]} pixels"),
        (rank[codes], f"{codes.shape[1]} × {codes.shape[0]} codes out of {codebook_size}"),
        (reconstruction, "decoded from the codes alone"),
    )
    for axis, (panel, title) in zip(axes, panels, strict=True):
        axis.imshow(panel, cmap="turbo", interpolation="nearest")
        axis.set_title(title)
        axis.set_axis_off()
    for left, right, text in ((0, 1, "encode,\nquantise"), (1, 2, "decode")):
        fig.add_artist(
            ConnectionPatch(
                (1.02, 0.5),
                (-0.02, 0.5),
                "axes fraction",
                "axes fraction",
                axesA=axes[left],
                axesB=axes[right],
                arrowstyle="-|>",
                mutation_scale=12,
                color=INK,
            )
        )
        axes[left].text(
            1.2, 0.46, text, transform=axes[left].transAxes, ha="center", va="top",
            fontsize=7.5, color=MUTED,
        )  # fmt: skip
    return fig


def training_curves(histories: Mapping[str, pd.DataFrame], columns: Mapping[str, str]) -> Figure:
    """One panel a column of the training log, one line a version; `columns` maps to axis labels."""
    fig, axes = figure(2.3, 1, len(columns))
    for axis, (column, label) in zip(np.atleast_1d(axes), columns.items(), strict=True):
        for name, colour in colours(list(histories)).items():
            history = histories[name]
            axis.plot(history["step"], history[column], color=colour, label=name)
        axis.set_title(label)
        axis.set_xlabel("optimiser step")
        if column != "perplexity":
            axis.set_yscale("log")
    _legend_above(fig, np.atleast_1d(axes)[0])
    return fig


def _legend_above(fig: Figure, axis: Axes) -> None:
    """One legend for all panels, above them, where it covers no line."""
    handles, labels = axis.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=len(labels))


def reconstruction_grid(
    seen: Mapping[str, UInt8[np.ndarray, "n h w 3"]],
    unseen: Mapping[str, UInt8[np.ndarray, "n h w 3"]],
) -> Figure:
    """Originals above reconstructions, frames of training worlds left, of held-out worlds right."""
    first = next(iter(seen.values()))
    columns, h, w, _ = first.shape
    labels = list(seen)
    fig, axes = figure(0.45 + 3.05 * len(labels) * h / (columns * w), 1, 2, width_ratios=[1.0, 1.0])
    for axis, rows, title in zip(
        axes, (seen, unseen), ("training worlds", "held-out worlds"), strict=True
    ):
        show_rows(
            axis, np.stack(list(rows.values())), labels if axis is axes[0] else [""] * len(labels)
        )
        axis.set_title(title)
    return fig


def float16_growth(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Largest product and sum of the quantiser over training, against the end of float16."""
    fig, axes = figure(2.5, 1, 2, sharey=True)
    panels = {
        "largest_sum": "sums of latents per code",
        "largest_product": "latents times codebook",
    }
    for axis, (column, title) in zip(axes, panels.items(), strict=True):
        for name, colour in colours(list(histories)).items():
            axis.plot(histories[name]["step"], histories[name][column], color=colour, label=name)
        axis.axhline(FLOAT16_MAX, color=INK, linewidth=1, linestyle="--")
        axis.set_yscale("log")
        axis.set_title(title)
        axis.set_xlabel("optimiser step")
    axes[0].set_ylabel("largest magnitude in a batch")
    axes[0].annotate(
        "float16 ends at 65,504", (0, FLOAT16_MAX), (4, -4), va="top",
        xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=7.5, color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},  # no gridline through it
    )  # fmt: skip
    axes[0].set_ylim(top=max(FLOAT16_MAX * 4, axes[0].get_ylim()[1]))
    _legend_above(fig, axes[1])
    return fig


OUTCOME_LOOK = {  # outcome: fill, ink, mark; told apart without colour by the mark
    "as in float32": ("#0072B2", "white", ""),
    "worse codes chosen": ("#E69F00", "black", "codes"),
    "this loss infinite": ("#D55E00", "white", "loss"),
    "all later losses infinite": ("#1f2328", "white", "all"),
}


def outcome_strip(outcomes: Mapping[str, Sequence[str]], factors: Sequence[float]) -> Figure:
    """Outcome of one loud batch for each product in float16 alone, over its loudness.

    The legend names the outcomes that occur.
    """
    occurring = {str(name) for found in outcomes.values() for name in found}
    fig, axis = figure(0.95 + 0.34 * len(outcomes))
    for row, found in enumerate(outcomes.values()):
        for i, name in enumerate(found):
            fill, ink, mark = OUTCOME_LOOK[str(name)]
            axis.add_patch(Rectangle((i - 0.48, row - 0.42), 0.96, 0.84, color=fill, linewidth=0))
            axis.text(i, row, mark, ha="center", va="center", fontsize=7.5, color=ink)
    axis.set_xticks(
        range(len(factors)),
        [f"{factor:,.3g}" if factor < 100 else f"{factor:,.0f}" for factor in factors],
    )
    axis.set_yticks(range(len(outcomes)), list(outcomes))
    axis.set_xlim(-0.6, len(factors) - 0.4)
    axis.set_ylim(len(outcomes) - 0.5, -0.5)
    axis.set_xlabel("latents of one batch, times")
    _bare(axis)
    handles = [
        Rectangle((0, 0), 1, 1, color=fill, label=name)
        for name, (fill, _, _) in OUTCOME_LOOK.items()
        if name in occurring
    ]
    fig.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=7.5)
    return fig


def _bare(axis: Axes) -> None:
    """No grid, ticks or frame."""
    axis.grid(visible=False)
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)


def poisoning_strip(losses: Mapping[str, Sequence[bool]], *, loud: int) -> Figure:
    """Which batches of a series have a finite loss, for each variant; `loud` is the loud one."""
    fig, axis = figure(0.55 + 0.36 * len(losses))
    good, bad = "#0072B2", "#D55E00"
    for row, (_, finite) in enumerate(losses.items()):
        for i, fine in enumerate(finite):
            axis.text(
                i, row, "finite" if fine else "lost",
                ha="center", va="center", fontsize=8, color="white",
                bbox={"boxstyle": "square,pad=0.45", "color": good if fine else bad},
            )  # fmt: skip
    batches = len(next(iter(losses.values())))
    labels = [f"{i + 1}\n(loud)" if i == loud else str(i + 1) for i in range(batches)]
    axis.set_xticks(range(batches), labels)
    axis.set_yticks(range(len(losses)), list(losses))
    axis.set_xlim(-0.6, batches - 0.4)
    axis.set_ylim(len(losses) - 0.5, -0.5)
    axis.set_xlabel("training batch")
    _bare(axis)
    return fig


def score_dots(
    scores: Mapping[str, Mapping[str, Mapping[str, Interval]]], metrics: Mapping[str, str]
) -> Figure:
    """Scores with 95 % intervals: a panel a metric, a row a version, seen and unseen worlds.

    `scores` maps version, then ``train`` or ``heldout``, then metric to (value, low, high).
    """
    fig, axes = figure(0.95 + 0.42 * len(scores), 1, len(metrics), sharey=True)
    look = {
        "train": ("o", "white", "training worlds"),
        "heldout": ("o", "#0072B2", "held-out worlds"),
    }
    for axis, (metric, title) in zip(np.atleast_1d(axes), metrics.items(), strict=True):
        for row, splits in enumerate(scores.values()):
            for split, offset in (("train", -0.12), ("heldout", 0.12)):
                value, low, high = splits[split][metric]
                if not np.isfinite(value):
                    axis.text(
                        0.5,
                        row + offset,
                        "not finite",
                        transform=axis.get_yaxis_transform(),
                        fontsize=7,
                    )
                    continue
                marker, fill, label = look[split]
                if low is not None and high is not None:
                    axis.plot([low, high], [row + offset] * 2, color="#0072B2", linewidth=1.2)
                axis.plot(
                    value, row + offset, marker, color="#0072B2", markerfacecolor=fill,
                    markersize=5.5, label=label,
                )  # fmt: skip
        axis.set_title(title)
        axis.grid(axis="x")
        axis.margins(x=0.1)
    first = np.atleast_1d(axes)[0]
    first.set_yticks(range(len(scores)), list(scores))
    first.set_ylim(len(scores) - 0.5, -0.5)
    last = np.atleast_1d(axes)[-1]
    handles, labels = last.get_legend_handles_labels()
    if handles:  # one entry a split, whichever version has a finite score
        entries = dict(zip(labels, handles, strict=True))
        fig.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=2)
    return fig


def code_ranks(counts: Mapping[str, Int[np.ndarray, " k"]]) -> Figure:
    """Share of grid cells given to each code, most used first."""
    fig, axis = figure(2.3)
    total = 0
    for name, colour in colours(list(counts)).items():
        share = np.sort(counts[name])[::-1] / counts[name].sum()
        used = share[share > 0]
        axis.plot(
            np.arange(1, len(used) + 1),
            used,
            color=colour,
            label=f"{name}: {len(used)} of {len(share)}",
        )
        total = max(total, len(share))
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("code, most used first")
    axis.set_ylabel("share of grid cells")
    axis.legend(title="codes used", title_fontsize=8, loc="lower left")
    note(fig, "held-out worlds")
    return fig
