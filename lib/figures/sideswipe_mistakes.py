"""Pictures the classifier gets wrong, and cars it has never seen."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lib.figures.sideswipe_marks import (
    MARGIN_IN,
    Place,
    caption,
    check_lengths,
    page,
    per_cent,
    put,
)
from lib.figures.style import INK, MUTED, PALETTE, WIDTH_IN, message

FRAME = PALETTE[1]
ITEMS_A_ROW = 2


def failures(
    images: UInt8[np.ndarray, "n h w 3"],
    verdicts: Sequence[tuple[str, str, float]],
    neighbours: UInt8[np.ndarray, "n k h w 3"],
    neighbour_classes: Sequence[Sequence[str]],
    same_loadout: Bool[np.ndarray, "n k"],
) -> Figure:
    """Mistakes, each beside the training images nearest to it in feature space.

    `verdicts` has the true class, the predicted one and its probability in [0, 1]. Neighbours of
    the same loadout, seen from another side, are framed, and a line below says so.
    """
    n, k, h, w, _ = neighbours.shape
    if not n:
        return message("No image was classified wrongly.")
    check_lengths(images=n, verdicts=len(verdicts), neighbour_classes=len(neighbour_classes))
    left_in, between_in, gap_in, top_in = 0.98, 0.12, 0.05, 0.2
    width = (WIDTH_IN - left_in - between_in - MARGIN_IN) / (k + 1) - gap_in
    height = width * h / w
    step = height + 0.22
    framed = bool(same_loadout.any())
    fig, axis = page(top_in + n * step + (0.2 if framed else 0.0))
    first = left_in + width + gap_in + between_in
    caption(axis, "mistake", (left_in, 0.04), fontsize=8)
    caption(axis, "nearest training images", (first, 0.04), fontsize=8)
    for row, (image, verdict) in enumerate(zip(images, verdicts, strict=True)):
        y = top_in + row * step
        _verdict(axis, verdict, (left_in - 0.07, y + height / 2))
        put(axis, image, (left_in, y), width)
        check_lengths(neighbours=k, **{f"neighbour_classes[{row}]": len(neighbour_classes[row])})
        for column, name in enumerate(neighbour_classes[row]):
            x = first + column * (width + gap_in)
            put(axis, neighbours[row, column], (x, y), width)
            caption(axis, name, (x, y + height + 0.03), fontsize=6.5)
            if same_loadout[row, column]:
                _frame(axis, (x, y), (width, height))
    if framed:
        y = top_in + n * step + 0.02
        _frame(axis, (first, y), (0.2, 0.1))
        caption(axis, "same loadout as the mistake, in another rotation", (first + 0.28, y - 0.01),
                color=MUTED)  # fmt: skip
    return fig


def _verdict(axis: Axes, verdict: tuple[str, str, float], at: Place) -> None:
    truth, prediction, probability = verdict
    caption(
        axis, f"{truth},\ntaken for\n{prediction}\n({per_cent(probability)})", at,
        ha="right", va="center", fontsize=6.5, linespacing=1.15,
    )  # fmt: skip


def _frame(axis: Axes, at: Place, size: tuple[float, float]) -> None:
    axis.add_patch(
        Rectangle(at, *size, fill=False, edgecolor=FRAME, linewidth=2.2, joinstyle="miter")
    )


def new_cars(
    images: UInt8[np.ndarray, "n h w 3"],
    probabilities: Float[np.ndarray, "n c"],
    classes: Sequence[str],
    unknown: Bool[np.ndarray, " n"],
    names: Sequence[str],
) -> Figure:
    """Cars never seen in training, with what the classifier makes of them and the unknown flag.

    `probabilities` in [0, 1] of the known `classes`; `names` says what the cars really are.
    """
    n, h, w, _ = images.shape
    c = len(classes)
    check_lengths(images=n, names=len(names))
    if probabilities.shape[1] != c:
        raise ValueError(
            f"probabilities has {probabilities.shape[1]} columns for {c} classes; give one for each"
        )
    between_in, line_in, bars_in, head_in = 0.2, 0.13, 1.6, 0.19
    item = (WIDTH_IN - 2 * MARGIN_IN - between_in) / ITEMS_A_ROW
    width = item - bars_in - 0.08
    step = head_in + max(width * h / w, c * line_in) + 0.1
    fig, axis = page(0.04 + -(-n // ITEMS_A_ROW) * step)
    for i in range(n):
        x = MARGIN_IN + (i % ITEMS_A_ROW) * (item + between_in)
        y = 0.04 + (i // ITEMS_A_ROW) * step
        caption(axis, names[i], (x, y + 0.01), fontsize=7.5)
        put(axis, images[i], (x, y + head_in), width)
        _flag(axis, (x + item, y + 0.01), unknown=bool(unknown[i]))
        for row in range(c):
            at = (x + width + 0.08, y + head_in + row * line_in)
            _class_bar(axis, at, classes[row], float(probabilities[i, row]))
    return fig


def _flag(axis: Axes, at: Place, *, unknown: bool) -> None:
    look = {"facecolor": FRAME if unknown else "white", "edgecolor": FRAME if unknown else MUTED}
    caption(
        axis, "unknown car" if unknown else "taken for known", at, ha="right", fontsize=6.5,
        color="white" if unknown else MUTED,
        bbox={"boxstyle": "square,pad=0.25", "linewidth": 0.7, **look},
    )  # fmt: skip


def _class_bar(axis: Axes, at: Place, name: str, share: float) -> None:
    """A class's name, a bar of at most 0.45 inches, and the share in figures."""
    x, y = at
    caption(axis, name, (x + 0.68, y + 0.06), ha="right", va="center_baseline", fontsize=6.5)
    for length, colour in ((0.44, "#dfe3e7"), (0.44 * share, INK)):
        axis.add_patch(
            Rectangle((x + 0.72, y + 0.02), length, 0.085, facecolor=colour, linewidth=0)
        )
    caption(axis, per_cent(share), (x + 1.6, y + 0.06), ha="right", va="center_baseline",
            fontsize=6.2)  # fmt: skip
