"""Augmentation of car images as in the write-up: whole batches at once, every image its own draws.

Flip, then colour jitter, then erased squares. The draws are a pure function of seed and step and
are made on the CPU, so that every device sees the same ones; the pixels are worked on where they
are.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
GREY = (0.2989, 0.587, 0.114)  # ITU-R 601-2 luma, rounded as in torchvision


@dataclass(frozen=True)
class Augmentation:
    """How often and how far. The defaults are the write-up's.

    The first three strengths are factors' distance from 1, at most; `hue` is in turns of the
    colour circle, at most 0.5. An image that is erased gets 1 to `squares` black squares, which
    may overlap.
    """

    flip: float = 0.5  # probability
    jitter: float = 0.5  # probability
    brightness: float = 0.5
    contrast: float = 0.5
    saturation: float = 0.5
    hue: float = 0.5
    erase: float = 0.5  # probability
    squares: int = 16
    square_px: int = 4

    def __post_init__(self) -> None:
        highest = dict.fromkeys(
            ("flip", "jitter", "brightness", "contrast", "saturation", "erase"), 1.0
        )
        for name, top in (highest | {"hue": 0.5}).items():
            if not 0 <= getattr(self, name) <= top:
                raise ValueError(f"{name} is {getattr(self, name)}; give a number from 0 to {top}")
        for name in ("squares", "square_px"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 or more")


@dataclass(frozen=True)
class Draws:
    """What happens to each of `b` images; all on the CPU."""

    flipped: Bool[Tensor, " b"]
    jittered: Bool[Tensor, " b"]
    order: Int64[Tensor, "b 4"]  # BRIGHTNESS, CONTRAST, SATURATION, HUE in the order of use
    factors: Float[Tensor, "b 4"]  # indexed by those names; hue's is a shift in turns
    erased: Bool[Tensor, " b"]
    corners: Int64[Tensor, "b n 2"]  # row and column of each square's upper left pixel


def draw(
    augmentation: Augmentation, count: int, size: tuple[int, int], *, seed: int, step: int
) -> Draws:
    """The draws for `count` images of `size` (rows, columns) at `step`; the same each time.

    Raises `ValueError` where a square does not fit into the image.
    """
    if augmentation.square_px > min(size):
        raise ValueError(
            f"square_px is {augmentation.square_px}, but images are {size[0]} x {size[1]} pixels; "
            "choose smaller squares"
        )
    # PyTorch's generator on the CPU looks at 32 bits of its seed: mix both numbers into them
    mixed = np.random.SeedSequence([seed, step]).generate_state(1)
    generator = torch.Generator().manual_seed(int(mixed[0]))

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    flipped, jittered, erased = uniform(3, count)
    strength = (
        augmentation.brightness,
        augmentation.contrast,
        augmentation.saturation,
        augmentation.hue,
    )
    room = torch.tensor([side - augmentation.square_px + 1 for side in size])
    corners = (uniform(count, augmentation.squares, 2) * room).long()
    squares = 1 + (uniform(count) * augmentation.squares).long()
    # those beyond an image's number fall on its first square
    spare = torch.arange(augmentation.squares) >= squares[:, None]
    corners = torch.where(spare[..., None], corners[:, :1], corners)
    return Draws(
        flipped=flipped < augmentation.flip,
        jittered=jittered < augmentation.jitter,
        order=uniform(count, 4).argsort(dim=1),
        factors=torch.tensor([1.0, 1.0, 1.0, 0.0])
        + torch.tensor(strength) * (2 * uniform(count, 4) - 1),
        erased=erased < augmentation.erase,
        corners=corners,
    )


def augment(
    pixels: UInt8[Tensor, "b h w 3"], augmentation: Augmentation, *, seed: int, step: int
) -> Float[Tensor, "b 3 h w"]:
    """`pixels` as training sees them at `step`: in [0, 1], channels first, channels-last memory."""
    size = (pixels.shape[1], pixels.shape[2])
    draws = draw(augmentation, len(pixels), size, seed=seed, step=step)
    return apply(pixels, draws, square_px=augmentation.square_px)


def apply(
    pixels: UInt8[Tensor, "b h w 3"], draws: Draws, *, square_px: int
) -> Float[Tensor, "b 3 h w"]:
    """`pixels` after `draws`; see `augment`."""
    device = pixels.device
    # a plane each for all red, all green, all blue: long rows of numbers for simple arithmetic
    planes = pixels.permute(3, 0, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
    planes = planes.div_(255)
    there = draws.flipped.nonzero()[:, 0].to(device)
    planes.index_copy_(1, there, planes.index_select(1, there).flip(3))
    chosen = draws.jittered.nonzero()[:, 0]
    if len(chosen):
        there = chosen.to(device)
        coloured = jitter(planes.index_select(1, there), draws.order[chosen], draws.factors[chosen])
        planes.index_copy_(1, there, coloured)
    _erase(planes, draws.erased.nonzero()[:, 0], draws.corners, square_px)
    return planes.transpose(0, 1).contiguous(memory_format=torch.channels_last)


def to_images(pixels: UInt8[Tensor, "b h w 3"]) -> Float[Tensor, "b 3 h w"]:
    """`pixels` as they are, in the form of `augment`: for evaluation."""
    images = pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.channels_last)
    return images.div_(255)


def jitter(
    planes: Float[Tensor, "3 b h w"], order: Int64[Tensor, "b 4"], factors: Float[Tensor, "b 4"]
) -> Float[Tensor, "3 b h w"]:
    """Colour jitter of all images of a batch, each with its own order and factors.

    Brightness, contrast and saturation all blend with something grey, so that one formula serves
    images whose turn it is for any of them. `order` and `factors` are on the CPU; see `Draws`.
    """
    for turn in order.T:
        hue, rest = (turn == HUE).nonzero()[:, 0], (turn != HUE).nonzero()[:, 0]
        factor = factors.gather(1, turn[:, None])[:, 0]
        if not len(hue):
            planes = _blend(planes, turn, factor)
            continue
        here = hue.to(planes.device)
        shifted = shift_hue(planes.index_select(1, here), factor[hue].to(planes.device))
        if len(rest):
            there = rest.to(planes.device)
            blended = _blend(planes.index_select(1, there), turn[rest], factor[rest])
            planes.index_copy_(1, there, blended)
        planes.index_copy_(1, here, shifted)
    return planes


def _blend(
    planes: Float[Tensor, "3 b h w"], turn: Int64[Tensor, " b"], factor: Float[Tensor, " b"]
) -> Float[Tensor, "3 b h w"]:
    """factor * image + (1 - factor) * other, clamped to [0, 1].

    `other` is black for brightness, the mean grey for contrast, the pixel's grey for saturation.
    """
    rest = 1 - factor
    numbers = torch.stack([factor, rest * (turn == SATURATION), rest * (turn == CONTRAST)])
    factor, of_grey, of_mean = numbers.to(planes.device)[:, :, None, None]
    grey = planes[0] * GREY[0]
    grey.add_(planes[1], alpha=GREY[1]).add_(planes[2], alpha=GREY[2])
    other = grey.mean((1, 2), keepdim=True).mul_(of_mean)
    grey = torch.addcmul(other, grey, of_grey)
    return torch.addcmul(grey, planes, factor).clamp_(0, 1)


def shift_hue(
    planes: Float[Tensor, "3 b h w"], turns: Float[Tensor, " b"]
) -> Float[Tensor, "3 b h w"]:
    """Each image with its hues shifted by `turns` of the HSV colour circle.

    The shift leaves a pixel's largest and smallest channel as they are, hence value and
    saturation; only the hue is worked out, and the channels from it directly:
    with the hue in [0, 6), red = low + (high - low) * clamp(|hue - 3| - 1, 0, 1), and likewise
    green with 2 - |hue - 2|, blue with 2 - |hue - 4|.
    """
    red, green, blue = planes
    high = torch.maximum(torch.maximum(red, green), blue)
    low = torch.minimum(torch.minimum(red, green), blue)
    span = high - low
    # grey pixels have no hue: 1 keeps 0 / 0 away, and their span of 0 makes any hue right
    scale = torch.where(span == 0, span.new_ones(()), span)
    hue = torch.where(green == high, 2 + (blue - red) / scale, 4 + (red - green) / scale)
    hue = torch.where(red == high, (green - blue) / scale, hue)
    hue.add_(6 * turns[:, None, None])
    hue.sub_((hue / 6).floor_(), alpha=6)  # remainder_ does the same, slowly
    shifted = torch.empty_like(planes)
    for channel, (peak, sign) in enumerate(((3, 1), (2, -1), (4, -1))):
        weight = (hue - peak).abs_().mul_(sign).sub_(sign if sign > 0 else -2).clamp_(0, 1)
        torch.addcmul(low, weight, span, out=shifted[channel])
    return shifted


def _erase(
    planes: Float[Tensor, "3 b h w"],
    erased: Int64[Tensor, " e"],
    corners: Int64[Tensor, "b n 2"],
    square_px: int,
) -> None:
    """Black out squares of `square_px` pixels in the images `erased`, in place."""
    _, _, rows, columns = planes.shape
    side = torch.arange(square_px)
    row, column = corners[erased, :, :, None].unbind(2)  # e n 1
    lines = (erased[:, None, None] * rows + row + side) * columns  # e n side
    where = (lines[..., None] + (column + side)[:, :, None]).flatten()  # e n side side
    planes.view(3, -1).index_fill_(1, where.to(planes.device), 0)
