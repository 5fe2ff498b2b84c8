"""Texture where there should be none: on flat colours, on skies, on flat patches of frames.

All results are in 8-bit levels (0 to 255), root mean square over pixels and channels with each
channel's mean removed. Images are cut by a border beforehand: zero padding makes the outermost
cells differ from the rest in any convolutional model, which is another fault than a grid.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lib.worlds.blocks.footage import MAX_WORLDS
from lib.worlds.blocks.kinds import SEA_LEVEL
from lib.worlds.blocks.sky import make_sky
from lib.worlds.blocks.view import FIELD_OF_VIEW_DEG, render
from lib.worlds.blocks.world import World, assemble_world, make_world

LEVELS = 255.0
# Data set seeds end at 90,000 and each owns MAX_WORLDS numbers: from here on no data set has any.
FIRST_UNUSED_WORLD = 90_001 * MAX_WORLDS
SKY_WORLD_BLOCKS = 32  # a side: nothing but its clouds is seen, and those do not depend on it
SKY_VIEWS = 4  # a world
SKY_TIMES = (0.03, 0.10, 0.25, 0.46)  # of day, 0 sunrise and 0.5 sunset: low, rising, high sun
PAINTED_LEVELS = 2.0  # texture above this on flat patches counts as painted


@dataclass(frozen=True)
class SkyImages:
    """Pictures of nothing but sky, float in [0, 1], and the world (from 0) each comes from."""

    images: Float[Tensor, "n 3 h w"]
    worlds: Int[np.ndarray, " n"]


@dataclass(frozen=True)
class Texture:
    """Texture of each image in levels: all of it, what repeats with a grid, and what does not.

    ``total ** 2 == grid ** 2 + rest ** 2`` (Parseval).
    """

    total: Float[Tensor, " b"]
    grid: Float[Tensor, " b"]
    rest: Float[Tensor, " b"]


@dataclass(frozen=True)
class FlatPatches:
    """Texture on the flat patches of each frame, as sums that add over frames.

    squares: sum over flat patches of the mean squared deviation, in levels squared. counts: flat
    patches of each frame; 0 in a frame without any.
    """

    squares: Float[Tensor, " b"]
    counts: Int[Tensor, " b"]

    @property
    def rms(self) -> float:
        """Texture over all flat patches of all frames, in levels; NaN if there is no such patch."""
        count = int(self.counts.sum())
        return math.sqrt(float(self.squares.sum()) / count) if count else math.nan


def flat_images(size: tuple[int, int], colours_per_channel: int = 3) -> Float[Tensor, "n 3 h w"]:
    """Images of one colour each, in [0, 1]: a grid over the RGB cube, then colours of skies.

    `size` is (rows, columns). The grid takes the centres of equal cells, for a cube's faces hold
    colours that no footage has. The skies are horizon and zenith at dawn and at noon.
    """
    if colours_per_channel < 1:
        raise ValueError(
            f"colours_per_channel is {colours_per_channel}; give a whole number from 1, such as 3"
        )
    values = (torch.arange(colours_per_channel) + 0.5) / colours_per_channel
    skies = [make_sky(time) for time in (0.03, 0.25)]
    blues = np.stack([colour for sky in skies for colour in (sky.horizon, sky.zenith)])
    colours = torch.cat([torch.cartesian_prod(values, values, values), torch.from_numpy(blues)])
    return colours.float()[:, :, None, None].repeat(1, 1, *size)


def sky_images(size: tuple[int, int], *, count: int, seed: int) -> SkyImages:
    """`count` pictures of sky: its gradient, the sun's glow and clouds, at several times of day.

    `size` is (rows, columns). The worlds, one for every `SKY_VIEWS` pictures, are of no data set
    and have lost their ground. Even the lowest row looks up.
    """
    if count < 1 or not 0 <= seed < MAX_WORLDS:
        raise ValueError(
            f"count is {count} and seed is {seed}; give at least one picture and a seed from 0 "
            f"to {MAX_WORLDS - 1}"
        )
    rng = np.random.default_rng([seed, 3])
    worlds = np.arange(count) // SKY_VIEWS
    steepest, flattest = 80.0, FIELD_OF_VIEW_DEG / 2 + 1
    pictures = []
    for number in range(worlds[-1] + 1):
        world = _without_ground(FIRST_UNUSED_WORLD + seed * MAX_WORLDS + number)
        for view in range(np.count_nonzero(worlds == number)):
            sky = make_sky(SKY_TIMES[view], drift_blocks=float(rng.uniform(0, 768)))
            angles = (float(rng.uniform(0, 360)), -float(rng.uniform(flattest, steepest)))
            eye = np.array([0.5, SEA_LEVEL + 6.0, 0.5])
            pictures.append(render(world, eye, angles, sky, size=size))
    images = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / LEVELS
    return SkyImages(images.contiguous(), worlds)


def _without_ground(number: int) -> World:
    """The clouds of world `number` over nothing: no tree or hill gets into the picture."""
    world = make_world(number, size=SKY_WORLD_BLOCKS)
    return assemble_world(number, np.zeros_like(world.blocks), clouds=world.clouds)


def split_texture(
    image: Float[Tensor, "b c h w"], period_px: int, *, border_px: int = 0
) -> Texture:
    """Texture of images (or of differences of images), split by what repeats every `period_px`.

    The part that repeats is the one at frequencies that are multiples of 1 / `period_px` cycles a
    pixel along rows and columns alike, not both zero. It is the average over all tiles of
    `period_px` x `period_px` pixels, so no Fourier transform is needed. After the border the image
    is cut to whole tiles.
    """
    levels = _cut(image, period_px, border_px).double() * LEVELS
    deviation = levels - levels.mean((2, 3), keepdim=True)
    tile = _tiles(deviation, period_px).mean((2, 4), keepdim=True)
    rest = _tiles(deviation, period_px) - tile
    return Texture(
        total=deviation.square().mean((1, 2, 3)).sqrt(),
        grid=tile.square().flatten(1).mean(1).sqrt(),
        rest=rest.square().flatten(1).mean(1).sqrt(),
    )


def texture_rms(
    image: Float[Tensor, "b c h w"], *, border_px: int = 0, period_px: int = 1
) -> Float[Tensor, " b"]:
    """Texture of each image in levels; `period_px` cuts as `grid_rms` does, to compare the two."""
    return split_texture(image, period_px, border_px=border_px).total


def grid_rms(
    image: Float[Tensor, "b c h w"], period_px: int, *, border_px: int = 0
) -> Float[Tensor, " b"]:
    """The part of each image's texture that repeats every `period_px` pixels, in levels."""
    return split_texture(image, period_px, border_px=border_px).grid


def flat_patch_texture(
    image: Float[Tensor, "b c h w"],
    source: Float[Tensor, "_b _c _h _w"],  # its shape is checked below, with a remedy
    *,
    patch_px: int = 8,
    flat_levels: float = 1.0,
    border_px: int = 0,
) -> FlatPatches:
    """Texture of `image` on those square patches where `source` itself has next to none.

    `image` is a reconstruction of `source`, both in [0, 1]. A patch is flat if its source has a
    standard deviation below `flat_levels` 8-bit levels.
    """
    if image.shape != source.shape:
        raise ValueError(
            f"image has shape {tuple(image.shape)}, source {tuple(source.shape)}; "
            "give each image beside its own source"
        )
    squares, own = (_patch_squares(x, patch_px, border_px) for x in (image, source))
    flat = own < flat_levels**2
    # not a product with the mask, by which a NaN outside all flat patches would spoil the sum
    kept = torch.where(flat, squares, torch.zeros_like(squares))
    return FlatPatches(kept.sum(1), flat.sum(1))


def flat_stays_flat(
    reconstruction: Float[Tensor, "b c h w"], source: Float[Tensor, "b c h w"]
) -> bool:
    """Whether nothing is painted where the source is flat: no grass in the sky, no burn-in."""
    return flat_patch_texture(reconstruction, source).rms < PAINTED_LEVELS


def _patch_squares(
    image: Float[Tensor, "b c h w"], patch_px: int, border_px: int
) -> Float[Tensor, "b n"]:
    """Mean squared deviation from the channel's mean in each patch, in levels squared."""
    patches = _tiles(_cut(image, patch_px, border_px).double() * LEVELS, patch_px)
    return patches.var((3, 5), correction=0).mean(1).flatten(1)


def _tiles(image: Float[Tensor, "b c h w"], side: int) -> Float[Tensor, "b c th p tw p"]:
    b, c, h, w = image.shape
    return image.reshape(b, c, h // side, side, w // side, side)


def _cut(image: Float[Tensor, "b c h w"], side: int, border_px: int) -> Float[Tensor, "b c _h _w"]:
    """`image` without its border, cut to whole tiles of `side` pixels from the upper left."""
    if side < 1 or border_px < 0:
        raise ValueError(
            f"period or patch of {side} pixels with a border of {border_px}; give a size from 1 "
            "and a border from 0"
        )
    rows, columns = ((n - 2 * border_px) // side * side for n in image.shape[-2:])
    if rows < 1 or columns < 1:
        raise ValueError(
            f"image has {image.shape[-2]} x {image.shape[-1]} pixels; with border_px={border_px} "
            f"no tile of {side} pixels is left: give larger images or a smaller border"
        )
    return image[..., border_px : border_px + rows, border_px : border_px + columns]
