"""Every pixel as a vector: a trunk's feature maps at several scales of the input, on one grid.

A trunk is any callable from images in [0, 1] to feature maps of whatever sizes, all of which cover
the whole image. Maps are resized to a common grid and concatenated. Resizing and projection are
both linear, so a projection is done first, where maps are small: the concatenation, thousands of
numbers a pixel, exists only for the few frames that determine the projection.
"""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from lib.evaluation.segmentation.config import SegmentationConfig

Trunk = Callable[[Tensor], Sequence[Tensor]]
"""Images [b, 3, h, w], float32 in [0, 1], to feature maps [b, d, y, x], each of its own size."""
Device = torch.device | str


def grid_size(frame: tuple[int, int], stride_px: int) -> tuple[int, int]:
    """Rows and columns of the grid over a frame of so many (rows, columns)."""
    return -(-frame[0] // stride_px), -(-frame[1] // stride_px)


def feature_maps(
    features_of: Trunk,
    frames: UInt8[np.ndarray, "b h w 3"],
    config: SegmentationConfig,
    *,
    device: Device = "cpu",
) -> list[Float[Tensor, "b _d _y _x"]]:
    """Maps of the frames at all scales, each in its own size; unit vectors if balanced.

    Raises `ValueError` if the trunk gives nothing, something else than maps, or NaN.
    """
    images = torch.from_numpy(np.ascontiguousarray(frames)).to(device)
    images = images.permute(0, 3, 1, 2).float() / 255
    maps = []
    with torch.inference_mode():
        for scale in config.scales:
            scaled = _scaled(images, scale)
            margin = min(config.margin_px, *(side - 1 for side in scaled.shape[2:]))
            for features in features_of(F.pad(scaled, 4 * [margin], mode="reflect")):
                _check(features, len(frames), scale)
                features = _without(features, margin, (scaled.shape[2], scaled.shape[3]))
                features = features.float()
                maps.append(F.normalize(features, dim=1) if config.balance else features)
    if not maps:
        raise ValueError("features_of gave no feature map; it must give at least one [b, d, y, x]")
    return maps


def on_grid(
    maps: Sequence[Float[Tensor, "b _d _y _x"]], grid: tuple[int, int]
) -> Float[Tensor, "b d y x"]:
    """Maps resized to the grid and concatenated."""
    with torch.inference_mode():
        return torch.cat([_resized(features, grid) for features in maps], dim=1)


def projected(
    maps: Sequence[Float[Tensor, "b _d _y _x"]],
    grid: tuple[int, int],
    mean: Float[Tensor, " d"],
    basis: Float[Tensor, "k d"],
) -> Float[Tensor, "b k y x"]:
    """`basis` times (maps on the grid less `mean`), without making the concatenation.

    Equal to projecting `on_grid(maps, grid)`, since each resizing is a weighted mean.
    """
    widths = [features.shape[1] for features in maps]
    if sum(widths) != len(mean):
        raise ValueError(
            f"the trunk gives {sum(widths)} features a pixel, but the projection was made for "
            f"{len(mean)}; use the trunk and the scales it was made with"
        )
    with torch.inference_mode():
        total = (-(basis @ mean))[None, :, None, None]
        for features, part in zip(maps, basis.split(widths, dim=1), strict=True):
            total = total + _resized(F.conv2d(features, part[:, :, None, None]), grid)
    return total


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` out of `count`, in order."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def evenly(count: int, wanted: int) -> list[int]:
    """At most `wanted` different numbers below `count`, evenly spread, in order."""
    wanted = min(count, wanted)
    return [int((i + 0.5) * count / wanted) for i in range(wanted)]


def check_frames(frames: UInt8[np.ndarray, "n h w 3"]) -> None:
    """Raise `ValueError` if there is no frame, or nothing on it."""
    if 0 in frames.shape:
        raise ValueError(f"frames has shape {frames.shape}; give at least one frame with pixels")


def _scaled(images: Float[Tensor, "b c h w"], scale: float) -> Float[Tensor, "b c y x"]:
    if scale == 1:
        return images
    size = [max(1, round(scale * side)) for side in images.shape[2:]]
    return F.interpolate(images, size, mode="bilinear", antialias=scale < 1)


def _without(
    features: Float[Tensor, "b d h w"], margin: int, size: tuple[int, int]
) -> Float[Tensor, "b d y x"]:
    """The part of a map that shows an image of `size`, without the margin around it."""
    parts = []
    for count, side in zip(features.shape[2:], size, strict=True):
        cells = count / (side + 2 * margin)  # a pixel
        start = round(margin * cells)
        parts.append(slice(start, start + max(1, math.ceil(side * cells - 1e-6))))
    return features[:, :, parts[0], parts[1]]


def _resized(features: Float[Tensor, "b d h w"], grid: tuple[int, int]) -> Float[Tensor, "b d y x"]:
    if features.shape[2:] == grid:
        return features
    if features.shape[2] >= grid[0] and features.shape[3] >= grid[1]:
        return F.adaptive_avg_pool2d(features, grid)  # finer than the grid: every value counts
    return F.interpolate(features, grid, mode="bilinear")


def _check(features: object, count: int, scale: float) -> None:
    if not isinstance(features, Tensor) or features.ndim != 4 or len(features) != count:
        got = list(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(
            f"features_of gave {got} for {count} frames; it must give maps [{count}, d, y, x]"
        )
    if not torch.isfinite(features).all():
        raise ValueError(
            f"features_of gave NaN or infinity at scale {scale}; the network's weights are broken"
        )
