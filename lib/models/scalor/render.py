"""Looking at boxes of an image, and drawing into them: bilinear, separable, window by window.

A box is (half width, half height, centre x, centre y) in canvas units: the image reaches from -1 to
1. Bilinear sampling at pixel centres with zeros outside (`grid_sample` without `align_corners`) is
a product of two matrices, ``out = rows @ image @ columns^T``, whose entries are hat functions of
the distance between a sample and a pixel. Only a small window of the image has entries above zero,
so neither reading nor drawing an object ever touches a whole canvas.

Objects of all clips of a batch lie in one flat list, with the number of their clip beside them.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

SCALE_EPSILON = 1e-9  # the original's, in the inverse transform


class Window(NamedTuple):
    """Rows and columns of a window."""

    rows: int
    columns: int


class Placed(NamedTuple):
    """Windows of n objects and, for each of their pixels, where on the canvas it lies.

    `places` are positions in the flattened canvases of all clips, one after the other; pixels
    outside all have the position after the last.
    """

    pixels: Float[Tensor, "n c rows columns"]
    places: Int64[Tensor, "n rows columns"]


def reading_window(half: tuple[float, float], canvas_px: int) -> Window:
    """Largest window that a box with half sides (down, across) touches when it is read."""
    return Window(*(math.ceil(side * canvas_px) + 3 for side in half))


def drawing_window(half: tuple[float, float], glimpse_px: int, canvas_px: int) -> Window:
    """Largest window that a glimpse in such a box touches when it is drawn."""
    wider = canvas_px * (1 + 1 / glimpse_px)
    return Window(*(math.ceil(side * wider) + 1 for side in half))


def read(
    images: Float[Tensor, "b c h w"],
    clip: Int64[Tensor, " n"],
    boxes: Float[Tensor, "n 4"],
    glimpse_px: int,
    window: Window,
) -> Float[Tensor, "n c g g"]:
    """What is seen in each box, as squares of `glimpse_px`; gradients go to boxes and images."""
    b, c, h, w = images.shape
    rows, top = _reading_axis(boxes[:, 1], boxes[:, 3], glimpse_px, h, window.rows)
    columns, left = _reading_axis(boxes[:, 0], boxes[:, 2], glimpse_px, w, window.columns)
    y, x = _counted(top, window.rows), _counted(left, window.columns)
    rows = rows * ((y >= 0) & (y < h))[:, None].to(rows.dtype)
    columns = columns * ((x >= 0) & (x < w))[:, None].to(columns.dtype)
    places = y.clamp(0, h - 1)[:, :, None] * w + x.clamp(0, w - 1)[:, None]
    places = places + (clip * (h * w))[:, None, None]
    flat = images.permute(0, 2, 3, 1).reshape(b * h * w, c)
    seen = flat.index_select(0, places.flatten()).view(len(boxes), window.rows, -1)
    seen = torch.bmm(rows, seen).view(len(boxes), glimpse_px, window.columns, c)
    seen = seen.permute(0, 3, 1, 2).reshape(len(boxes), c * glimpse_px, window.columns)
    return torch.bmm(seen, columns.mT).view(len(boxes), c, glimpse_px, glimpse_px)


def draw(
    glimpses: Float[Tensor, "n c g g"],
    clip: Int64[Tensor, " n"],
    boxes: Float[Tensor, "n 4"],
    canvas: tuple[int, int, int],
    window: Window,
) -> Placed:
    """Glimpses brought into their boxes on `canvas` (clips, rows, columns)."""
    (n, c, g, _), (_, h, w) = glimpses.shape, canvas
    rows, top = _drawing_axis(boxes[:, 1], boxes[:, 3], g, h, window.rows)
    columns, left = _drawing_axis(boxes[:, 0], boxes[:, 2], g, w, window.columns)
    drawn = torch.bmm(glimpses.reshape(n, c * g, g), columns.mT).view(n, c, g, window.columns)
    drawn = torch.bmm(rows, drawn.transpose(1, 2).reshape(n, g, c * window.columns))
    drawn = drawn.view(n, window.rows, c, window.columns).transpose(1, 2)
    return Placed(drawn, _places(clip, top, left, canvas, window))


def drawn_at(
    clip: Int64[Tensor, " n"],
    boxes: Float[Tensor, "n 4"],
    glimpse_px: int,
    canvas: tuple[int, int, int],
    window: Window,
) -> Int64[Tensor, "n rows columns"]:
    """Where `draw` would put glimpses of `glimpse_px`, without drawing any; see `Placed`."""
    _, h, w = canvas
    top = _first_drawn(boxes[:, 1], boxes[:, 3], glimpse_px, h)
    left = _first_drawn(boxes[:, 0], boxes[:, 2], glimpse_px, w)
    return _places(clip, top, left, canvas, window)


def summed(placed: Placed, canvas: tuple[int, int, int]) -> Float[Tensor, "b c h w"]:
    """All windows added up on their canvases."""
    (b, h, w), c = canvas, placed.pixels.shape[1]
    total = placed.pixels.new_zeros(c, b * h * w + 1)
    pixels = placed.pixels.transpose(0, 1).reshape(c, -1)
    total = total.scatter_add(1, placed.places.flatten().expand(c, -1), pixels)
    return total[:, :-1].view(c, b, h, w).transpose(0, 1)


def on_canvas(placed: Placed, canvas: tuple[int, int, int]) -> Bool[Tensor, "n rows columns"]:
    """Which pixels of the windows lie on the canvas."""
    return placed.places < math.prod(canvas)


def _places(
    clip: Int64[Tensor, " n"],
    top: Int64[Tensor, " n"],
    left: Int64[Tensor, " n"],
    canvas: tuple[int, int, int],
    window: Window,
) -> Int64[Tensor, "n rows columns"]:
    b, h, w = canvas
    y, x = _counted(top, window.rows), _counted(left, window.columns)
    there = ((y >= 0) & (y < h))[:, :, None] & ((x >= 0) & (x < w))[:, None]
    places = (clip * (h * w))[:, None, None] + (y * w)[:, :, None] + x[:, None]
    return places.where(there, b * h * w)


def _counted(first: Int64[Tensor, " n"], count: int) -> Int64[Tensor, "n count"]:
    return first[:, None] + torch.arange(count, device=first.device)


def _hat(
    places: Float[Tensor, "n samples pixels"],
) -> Float[Tensor, "n samples pixels"]:
    return (1 - places.abs()).clamp_min(0)


def _reading_axis(
    half: Float[Tensor, " n"], centre: Float[Tensor, " n"], glimpse: int, canvas: int, window: int
) -> tuple[Float[Tensor, "n glimpse window"], Int64[Tensor, " n"]]:
    """Weights from the pixels of a window to those of the glimpse, and where the window starts."""
    step = torch.arange(glimpse, device=half.device, dtype=half.dtype)
    step = (2 * step + 1) / glimpse - 1
    at = ((half[:, None] * step + centre[:, None] + 1) * canvas - 1) / 2  # in pixels
    first = at[:, 0].detach().floor().long()
    pixels = _counted(first, window).to(half.dtype)
    return _hat(at[:, :, None] - pixels[:, None]), first


def _drawing_axis(
    half: Float[Tensor, " n"], centre: Float[Tensor, " n"], glimpse: int, canvas: int, window: int
) -> tuple[Float[Tensor, "n window glimpse"], Int64[Tensor, " n"]]:
    """Weights from the pixels of the glimpse to those of a window, and where the window starts."""
    first = _first_drawn(half, centre, glimpse, canvas)
    at = (2 * _counted(first, window) + 1).to(half.dtype) / canvas - 1
    at = (at - centre[:, None]) / (half[:, None] + SCALE_EPSILON)
    at = ((at + 1) * glimpse - 1) / 2  # in pixels of the glimpse
    pixels = torch.arange(glimpse, device=half.device, dtype=half.dtype)
    return _hat(at[:, :, None] - pixels), first


def _first_drawn(
    half: Float[Tensor, " n"], centre: Float[Tensor, " n"], glimpse: int, canvas: int
) -> Int64[Tensor, " n"]:
    """The first pixel of the canvas that a glimpse touches."""
    middle = ((centre + 1) * canvas - 1) / 2
    reach = half * (1 + 1 / glimpse) * canvas / 2
    return (middle - reach).detach().floor().long() + 1
