"""One look for all figures: fonts, a colour-blind-safe palette, one text width."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STYLE = Path(__file__).with_name("book.mplstyle")
WIDTH_IN = 6.6  # the text width of the PDF; the site scales
INK, MUTED, PAPER = "#1f2328", "#6a737d", "#ffffff"
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito 2008


def use_book_style() -> None:
    """Apply the book's style to all figures made from now on."""
    mpl.style.use(STYLE)


def figure(height_in: float, rows: int = 1, columns: int = 1, **options: object) -> tuple:
    """A figure of text width, `height_in` inches high, with its grid of axes."""
    use_book_style()
    figure, axes = plt.subplots(
        rows, columns, figsize=(WIDTH_IN, height_in), layout="constrained", **options
    )  # type: ignore[call-overload]
    plt.close(figure)  # returned, not shown twice by the notebook
    return figure, axes


def colours(names: Sequence[str]) -> dict[str, str]:
    """A fixed colour for each name, in order."""
    return {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(names)}


def montage(
    images: UInt8[np.ndarray, "r c h w 3"], *, gap_px: int = 2
) -> UInt8[np.ndarray, "height width 3"]:
    """Rows and columns of images as one, on white."""
    r, c, h, w, _ = images.shape
    sheet = np.full((r * (h + gap_px) - gap_px, c * (w + gap_px) - gap_px, 3), 255, np.uint8)
    for i in range(r):
        for j in range(c):
            y, x = i * (h + gap_px), j * (w + gap_px)
            sheet[y : y + h, x : x + w] = images[i, j]
    return sheet


def show_rows(
    axes: Axes, images: UInt8[np.ndarray, "r c h w 3"], labels: Sequence[str], *, gap_px: int = 2
) -> None:
    """Draw rows of images with a label left of each row."""
    axes.imshow(montage(images, gap_px=gap_px), interpolation="nearest")
    step = images.shape[2] + gap_px
    axes.set_yticks([i * step + images.shape[2] / 2 for i in range(len(labels))], labels)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def note(figure: Figure, text: str) -> None:
    """A small grey line under a figure, for sample sizes and sources."""
    figure.supxlabel(text, fontsize=7.5, color=MUTED, x=0.01, ha="left")


def picture(png: bytes, *, title: str = "") -> Figure:
    """A stored picture at text width."""
    pixels = plt.imread(BytesIO(png), format="png")
    fig, axes = figure(0.2 + WIDTH_IN * pixels.shape[0] / pixels.shape[1])
    axes.imshow(pixels, interpolation="antialiased")
    axes.set_title(title)
    axes.set_axis_off()
    return fig


def message(text: str) -> Figure:
    """A sentence where a picture would be."""
    fig, axes = figure(0.8)
    axes.text(0.5, 0.5, text, ha="center", va="center", color=MUTED)
    axes.set_axis_off()
    return fig
