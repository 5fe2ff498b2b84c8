"""What the VQ-VAE chapter's experiments on images are fed with, and what they find."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from lib.book.vqvae.examples import example_indices
from lib.data.minecraft import Footage
from lib.evaluation.code_usage import CodeUsage, code_usage
from lib.evaluation.darkness import darkest_pixel
from lib.evaluation.grid import GridPaths, grid_paths
from lib.evaluation.intervals import Estimate, mean_over_groups
from lib.evaluation.reconstruction import psnr_db, reconstruct, to_pixels
from lib.evaluation.texture import flat_images, sky_images
from lib.evaluation.versions import Part, PartScores, image_batches, part_indices
from lib.training.vqvae import TrainedVersion

Pictures = UInt8[np.ndarray, "n _h _w 3"]
PATHS = {
    "whole": "whole model",
    "unquantised": "latents not quantised",
    "one_code": "one code everywhere",
}
SHOWN_COLOURS = (4, 13, 22, 28, 29)  # of `flat_images`: dark, grey and light ones, two blues
SHOWN_SKIES = 3
WET = ("ocean", "beach")


def flat_rows(models: Mapping[str, TrainedVersion], *, seed: int = 0) -> dict[str, Pictures]:
    """Constant colours and skies, and what each model makes of them."""
    size = next(iter(models.values())).model.config.image_size
    colours = flat_images(size)[list(SHOWN_COLOURS)]
    images = torch.cat([colours, sky_images(size, count=SHOWN_SKIES, seed=seed).images])
    rows = {"input": to_pixels(images)}
    for name, one in models.items():
        rows[name] = to_pixels(reconstruct(one.model, images)[0])
    return rows


def grid_by_path(models: Mapping[str, TrainedVersion]) -> dict[str, GridPaths]:
    """Grid on constant colours along three ways through each model."""
    found = {}
    for name, one in models.items():
        config = one.model.config
        period_px = 1 << config.stages
        found[name] = grid_paths(one.model, flat_images(config.image_size), period_px)
    return found


def grid_values(paths: Mapping[str, GridPaths]) -> dict[str, dict[str, float]]:
    """Mean grid energy of each way in 8-bit levels, and mean number of distinct codes."""
    return {
        name: {f"grid_{path}": float(getattr(found, path).grid.mean()) for path in PATHS}
        | {"distinct_codes": float(found.distinct_codes.double().mean())}
        for name, found in paths.items()
    }


def biome_scores(trained: TrainedVersion, footage: Footage, *, seed: int = 0) -> dict[str, Any]:
    """PSNR on held-out frames at the water and elsewhere; empty where biomes are unknown."""
    truth = footage.truth
    if truth is None or "biome" not in truth:
        return {}
    indices = part_indices(footage.splits, "heldout")
    wet = truth["biome"].isin(WET).to_numpy()[indices]
    groups = footage.store.groups[indices]
    psnr = np.concatenate(
        [
            psnr_db(reconstruct(trained.model, images)[0], images).numpy()
            for images in image_batches(footage.store, indices)
        ]
    ).astype(float)
    found: dict[str, Estimate] = {}
    for name, chosen in (("psnr_db_water", wet), ("psnr_db_land", ~wet)):
        if chosen.any():
            found[name] = mean_over_groups(psnr[chosen], groups[chosen], seed=seed)
    return found


def code_usages(
    scores: Mapping[str, Mapping[Part, PartScores]], models: Mapping[str, TrainedVersion]
) -> dict[str, CodeUsage]:
    """How much of each model's codebook the held-out frames use."""
    return {
        name: code_usage(
            scores[name]["heldout"].code_counts,
            cells_per_frame=int(np.prod(one.model.config.grid)),
        )
        for name, one in models.items()
    }


def epochs_of(models: Mapping[str, TrainedVersion]) -> dict[str, pd.DataFrame]:
    """Training logs with a column ``epoch``, fractional, counted as the version counts them."""
    return {
        name: one.history.assign(
            epoch=one.version.continues_at + one.history["step"] / one.steps_per_epoch
        )
        for name, one in models.items()
    }


def latents_stream(
    footage: Footage, trained: TrainedVersion, *, batches: int, seed: int = 0
) -> Iterator[Float[Tensor, "b d gh gw"]]:
    """Latents of `batches` training batches, drawn by `seed`, before quantisation."""
    rng = np.random.default_rng(seed)
    count = min(trained.version.batch_size, len(footage.splits.train))
    for _ in range(batches):
        indices = rng.choice(footage.splits.train, count, replace=False)
        with torch.inference_mode():
            latents = trained.model.latents(torch.from_numpy(footage.store.batch(indices)))
        yield latents.clone()


def two_by_two(
    footage: Footage,
    models: Mapping[tuple[bool, bool], TrainedVersion],
    scores: Mapping[str, Mapping[Part, PartScores]],
    *,
    count: int = 4,
    seed: int = 0,
) -> tuple[Pictures, dict[tuple[bool, bool], Pictures], dict[tuple[bool, bool], dict[str, float]]]:
    """Held-out frames, reconstructions and scores of a 2 x 2 design, as its figure takes them."""
    indices = example_indices(footage, "heldout", count, seed=seed)
    images = torch.from_numpy(footage.store.batch(indices))
    pictures = {cell: to_pixels(reconstruct(m.model, images)[0]) for cell, m in models.items()}
    said = {}
    for cell, one in models.items():
        metrics = scores[one.version.name]["heldout"].metrics
        said[cell] = {name: metrics[name].value for name in ("psnr_db", "lpips")}
        said[cell]["darkest"] = 255 * darkest_pixel(one.model, images)
    return np.asarray(footage.store.frames[indices]), pictures, said


def heldout_images(footage: Footage, count: int, *, seed: int = 0) -> Float[Tensor, "n 3 h w"]:
    """`count` held-out frames, from different worlds where possible, in [0, 1]."""
    indices = example_indices(footage, "heldout", count, seed=seed)
    return torch.from_numpy(footage.store.batch(indices))
