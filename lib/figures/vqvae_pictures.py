"""Sheets of the VQ-VAE's pictures: flat inputs, the two-by-two design, all versions at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.figures.style import MUTED, WIDTH_IN, figure, show_rows

Pictures = UInt8[np.ndarray, "_n _h _w 3"]
AMPLIFY = 8
LABEL_IN = 0.75  # room left of the pictures for the names of their rows
TITLE_IN = 0.28


@dataclass(frozen=True)
class SheetBlock:
    """Rows of one data set: originals first, then each version's reconstructions of them."""

    title: str
    train: Mapping[str, Pictures]
    heldout: Mapping[str, Pictures]


def version_sheet(blocks: Sequence[SheetBlock]) -> Figure:
    """Originals above each version's reconstructions; training frames left, held-out ones right.

    A block a data set, for versions that see the same frames at the same size; the first row of a
    block holds the originals. All rows of a block need the same number and size of frames.

    Raises:
        ValueError: no block, or rows that do not match.
    """
    if not blocks:
        raise ValueError("blocks is empty; want at least one SheetBlock")
    for block in blocks:
        if list(block.train) != list(block.heldout):
            raise ValueError(
                f"block {block.title!r}: train has rows {list(block.train)}, heldout "
                f"{list(block.heldout)}; want the same versions in the same order"
            )
        for split in (block.train, block.heldout):
            _check_alike(split, f"block {block.title!r}")
    heights = [_rows_height(list(block.train.values()), columns=2) for block in blocks]
    fig, axes = figure(
        sum(heights) + TITLE_IN * (len(blocks) + 1), len(blocks), 2,
        squeeze=False, height_ratios=heights,
    )  # fmt: skip
    fig.set_layout_engine("compressed", h_pad=0.02, w_pad=0.02)
    for i, block in enumerate(blocks):
        parts = ((block.train, "training frames"), (block.heldout, "held-out frames"))
        for axis, (rows, title) in zip(axes[i], parts, strict=True):
            _show(axis, rows, labels=axis is axes[i, 0])
            if i == 0:
                axis.set_title(title, loc="right", fontsize=8, color=MUTED)
        axes[i, 0].set_title(block.title)
    return fig


def flat_inputs(rows: Mapping[str, Pictures]) -> Figure:
    """Inputs without detail, each version's output below, and both with their contrast raised.

    The first of `rows` holds the inputs. Under every row stands the same row with its differences
    from each picture's mean colour times 8, cut to what a screen can show.

    Raises:
        ValueError: no rows, or rows that differ in number or size of pictures.
    """
    _check_alike(rows, "rows")
    fig, axes = figure(
        _rows_height(list(rows.values()), columns=1, repeat=2) + 0.08 * len(rows),
        len(rows), 1, squeeze=False,
    )  # fmt: skip
    fig.set_layout_engine("compressed", h_pad=0.03)
    for axis, (name, pictures) in zip(axes[:, 0], rows.items(), strict=True):
        _show(axis, {name: pictures, f"contrast × {AMPLIFY}": amplified(pictures)})
        axis.get_yticklabels()[1].set_color(MUTED)
    return fig


def amplified(images: UInt8[np.ndarray, "n h w 3"]) -> UInt8[np.ndarray, "n h w 3"]:
    """Differences from each image's mean colour times 8, cut to [0, 255]."""
    mean = images.mean((1, 2), keepdims=True)
    raised = mean + AMPLIFY * (images - mean)
    return np.clip(np.rint(raised), 0, 255).astype(np.uint8)


CELLS = ((True, False), (True, True), (False, False), (False, True))
SCORES = {"psnr_db": "PSNR {:.1f} dB", "lpips": "LPIPS {:.3f}", "darkest": "darkest pixel {:.0f}"}


def two_by_two(
    originals: Pictures,
    pictures: Mapping[tuple[bool, bool], Pictures],
    scores: Mapping[tuple[bool, bool], Mapping[str, float]],
) -> Figure:
    """Reconstructions with and without each of two faults, and with both; originals above.

    Keys are (ReLU before the sigmoid, LPIPS fed the range it wants). Scores are ``psnr_db``,
    ``lpips`` and ``darkest`` (level in [0, 255] of the darkest pixel); absent ones are left out.

    Raises:
        ValueError: a cell of the design is missing, or has not the originals' number and size.
    """
    for argument, given in (("pictures", pictures), ("scores", scores)):
        if missing := [cell for cell in CELLS if cell not in given]:
            raise ValueError(
                f"{argument} lacks {missing}; want all four of (ReLU before the sigmoid, "
                "LPIPS fed the range it wants)"
            )
    for cell in CELLS:
        _check_alike({"originals": originals, str(cell): pictures[cell]}, "pictures")
    strips = _rows_height([originals] * 3, columns=2)
    fig, axes = figure(strips + 3 * 0.42, 3, 2)
    fig.set_layout_engine("compressed", h_pad=0.07, w_pad=0.06)
    for axis, fed in zip(axes[0], ("[0, 1]: wrong", "[−1, 1]: right"), strict=True):
        _show(axis, {"original": originals}, labels=axis is axes[0, 0])
        axis.set_title(f"LPIPS fed {fed}")
    for axis, cell in zip(axes[1:].flat, CELLS, strict=True):
        label = "ReLU before\nthe sigmoid" if cell[0] else "no ReLU"
        _show(axis, {label: pictures[cell]}, labels=not cell[1])
        found = [
            text.format(scores[cell][key]) for key, text in SCORES.items() if key in scores[cell]
        ]
        axis.set_title("    ".join(found), fontsize=7.5)
    return fig


def _show(axis: Axes, rows: Mapping[str, Pictures], *, labels: bool = True) -> None:
    """Rows of pictures, resampled without moiré."""
    show_rows(axis, np.stack(list(rows.values())), list(rows) if labels else [""] * len(rows))
    axis.images[0].set_interpolation("antialiased")


def _rows_height(rows: Sequence[Pictures], *, columns: int, repeat: int = 1) -> float:
    """Inches that `rows` take at text width, in that many columns of blocks."""
    n, h, w, _ = rows[0].shape
    cell_in = (WIDTH_IN - LABEL_IN) / columns / n
    return len(rows) * repeat * cell_in * h / w


def _check_alike(rows: Mapping[str, Pictures], what: str) -> None:
    """All rows hold as many pictures of one size as the first."""
    if not rows:
        raise ValueError(f"{what} is empty; want a row of inputs and a row a version")
    first, *others = rows
    for name in others:
        if rows[name].shape != rows[first].shape:
            raise ValueError(
                f"{what}: row {name!r} has shape {rows[name].shape}, {first!r} has "
                f"{rows[first].shape}; want equal number and size of pictures in every row"
            )
