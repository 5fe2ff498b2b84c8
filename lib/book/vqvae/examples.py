"""Frames that the VQ-VAE chapter shows, and the figures it keeps."""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from lib.data.minecraft import Footage
from lib.evaluation.reconstruction import reconstruct, to_pixels
from lib.evaluation.versions import Part, part_indices
from lib.models.vqvae_versions import VERSIONS
from lib.training.vqvae import TrainedVersion


def example_indices(footage: Footage, part: Part, count: int, *, seed: int = 0) -> np.ndarray:
    """`count` frames of a part from different worlds where possible, chosen by `seed`."""
    rng = np.random.default_rng(seed)
    indices = rng.permutation(part_indices(footage.splits, part, most=100_000))
    _, first = np.unique(footage.store.groups[indices], return_index=True)
    spread = np.concatenate([np.sort(first), np.setdiff1d(np.arange(len(indices)), first)])
    return indices[spread[:count]]


def sample_frames(footage: Footage, count: int, *, seed: int = 0) -> UInt8[np.ndarray, "n h w 3"]:
    """`count` training frames, from different worlds where possible."""
    return np.asarray(footage.store.frames[example_indices(footage, "train", count, seed=seed)])


def one_frame(
    footage: Footage, trained: TrainedVersion, *, seed: int = 0
) -> tuple[UInt8[np.ndarray, "h w 3"], Int[np.ndarray, "gh gw"], UInt8[np.ndarray, "h w 3"], int]:
    """A held-out frame, its codes, what is decoded from them, and the size of the codebook."""
    indices = example_indices(footage, "heldout", 1, seed=seed)
    image, codes = reconstruct(trained.model, torch.from_numpy(footage.store.batch(indices)))
    return (
        np.asarray(footage.store.frames[indices[0]]),
        codes[0].numpy(),
        to_pixels(image)[0],
        trained.model.config.quantiser.codebook_size,
    )


def example_rows(
    footage: Footage,
    models: Mapping[str, TrainedVersion],
    part: Part,
    *,
    count: int = 6,
    seed: int = 0,
) -> dict[str, UInt8[np.ndarray, "n h w 3"]]:
    """Frames of a part and what each version makes of them, as rows of a figure."""
    indices = example_indices(footage, part, count, seed=seed)
    rows = {"original": np.asarray(footage.store.frames[indices])}
    images = torch.from_numpy(footage.store.batch(indices))
    for name, trained in models.items():
        rows[name] = to_pixels(reconstruct(trained.model, images)[0])
    return rows


def training_latents(
    footage: Footage, trained: TrainedVersion, *, seed: int = 0
) -> Float[Tensor, "b d h w"]:
    """Latents of one batch of training frames, as large as the original's training batch."""
    rng = np.random.default_rng(seed)
    wanted = VERSIONS.get(trained.version.name, trained.version).batch_size
    count = min(wanted, len(footage.splits.train))
    indices = rng.choice(footage.splits.train, count, replace=False)
    with torch.inference_mode():
        return trained.model.latents(torch.from_numpy(footage.store.batch(indices))).clone()
