"""Where a grid on flat colours comes from: the quantiser, the decoder, or both.

A constant image is sent along three paths. If the grid is there without the quantiser, or with one
and the same code in every cell, the decoder paints it; if it is there only with the codes that the
encoder chose, neighbouring cells of one colour got different codes.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lib.evaluation.intervals import Estimate, mean_over_groups
from lib.evaluation.reconstruction import evaluation_mode, reconstruct
from lib.evaluation.texture import (
    SkyImages,
    Texture,
    flat_images,
    grid_rms,
    sky_images,
    split_texture,
)
from lib.models.vqvae import Vqvae, VqvaeConfig, decoder

BORDER_CELLS = 2  # cut off: there zero padding is felt most
SKY_COUNT, SKY_SEED = 64, 0
BATCH = 8
UNIFORM_CELLS, REACH_CELLS = 16, 6  # a decoder's pixel sees fewer cells than this to each side
ROUNDING = 1e-5  # of what comes before the sigmoid, a few tenths in an untrained decoder


@dataclass(frozen=True)
class GridPaths:
    """Texture of each image after three ways through the model, in 8-bit levels."""

    whole: Texture
    unquantised: Texture  # the decoder fed with the encoder's latents
    one_code: Texture  # the decoder fed with the image's most frequent inner code in every cell
    distinct_codes: Int[Tensor, " n"]  # among the inner cells of each image


def interior_border_px(config: VqvaeConfig) -> int:
    """Pixels to cut on each side: `BORDER_CELLS` cells, or fewer where too little would be left."""
    return min(BORDER_CELLS, (min(config.grid) - 1) // 2) << config.stages


def grid_energy(model: Vqvae, *, seed: int = 0) -> dict[str, Estimate]:
    """The grid that `model` prints on constant colours and on skies, in 8-bit levels.

    Means over images of the texture that repeats with the code grid. Of skies it is that of the
    difference to the source, so that their own gradient does not count; the interval is over sky
    worlds, drawn with `seed`. The images are the same for all models of a size.
    """
    config = model.config
    period, border = 1 << config.stages, interior_border_px(config)
    flat, sky = flat_images(config.image_size), _skies(config.image_size)
    on_flat = grid_rms(_through(model, flat), period, border_px=border).numpy()
    error = _through(model, sky.images) - sky.images
    on_sky = grid_rms(error, period, border_px=border).numpy()
    return {
        "grid_energy_flat": Estimate(float(on_flat.mean()), None, None, len(flat), len(flat)),
        "grid_energy_sky": mean_over_groups(on_sky, sky.worlds, seed=seed),
    }


@lru_cache(maxsize=4)
def _skies(size: tuple[int, int]) -> SkyImages:
    """Skies for all models of a size; not to be changed in place."""
    return sky_images(size, count=SKY_COUNT, seed=SKY_SEED)


def _through(model: Vqvae, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    return torch.cat([reconstruct(model, batch)[0] for batch in images.split(BATCH)])


@torch.inference_mode()
def grid_paths(
    model: Vqvae,
    images: Float[Tensor, "n 3 h w"],
    period_px: int,
    *,
    border_cells: int = BORDER_CELLS,
) -> GridPaths:
    """Texture of constant `images`, in [0, 1], along the three ways; nothing in `model` changes.

    `period_px` is what counts as grid, usually the side of a cell. `border_cells` cells are cut
    off on each side of images and codes.
    """
    rows, columns = model.config.grid
    if not 0 <= 2 * border_cells < min(rows, columns):
        raise ValueError(
            f"border_cells is {border_cells}, the code grid {rows} x {columns}; give a number from "
            f"0 to {(min(rows, columns) - 1) // 2}"
        )
    border_px = border_cells << model.config.stages
    inner = np.s_[:, border_cells : rows - border_cells, border_cells : columns - border_cells]
    with evaluation_mode(model):
        latents = model.latents(images.to(next(model.parameters()).device))
        quantised = model.quantiser(latents)
        codes = quantised.codes[inner].flatten(1)
        frequent = codes.mode(1).values[:, None, None].expand(-1, rows, columns)
        pictures = [
            model.decoder(quantised.latents),
            model.decoder(latents),
            model.decode(frequent),
        ]
    whole, unquantised, one_code = (
        split_texture(p.float().cpu(), period_px, border_px=border_px) for p in pictures
    )
    distinct = torch.tensor([len(row.unique()) for row in codes.cpu()])
    return GridPaths(whole, unquantised, one_code, distinct)


@torch.inference_mode()
def pattern_from_one_code(config: VqvaeConfig, *, seed: int = 0) -> float:
    """Largest difference between inner pixels that an untrained decoder makes of one code.

    Within a channel, before the sigmoid (and before a ReLU there, which might hide it). Zero but
    for rounding if the decoder treats all positions alike.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = list(decoder(config))
        code = torch.randn(1, config.quantiser.embedding_dim, 1, 1)
    while isinstance(layers[-1], nn.Sigmoid | nn.ReLU):
        layers.pop()
    painted = nn.Sequential(*layers)(code.repeat(1, 1, UNIFORM_CELLS, UNIFORM_CELLS))
    cut = REACH_CELLS << config.stages
    inner = painted[0, :, cut:-cut, cut:-cut].flatten(1)
    return float((inner.amax(1) - inner.amin(1)).max())


def uniform_stays_uniform(config: VqvaeConfig) -> bool:
    """Whether an untrained decoder turns one code everywhere into one colour, its edges aside."""
    return pattern_from_one_code(config) < ROUNDING
