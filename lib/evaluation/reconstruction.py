"""How well images come back through a codebook, and how much of the codebook is in use."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from lib.evaluation.intervals import Estimate, group_sums, mean_over_groups, statistic_over_groups
from lib.models.vqvae import Vqvae

SSIM_WINDOW_PX = 7  # odd; the usual 11 would leave little of a 36-row image uncut


@dataclass(frozen=True)
class FrameScores:
    """Scores of each frame, and how often it uses each code."""

    psnr_db: Float[np.ndarray, " n"]
    ssim: Float[np.ndarray, " n"]
    mse: Float[np.ndarray, " n"]
    sharpness: Float[np.ndarray, " n"]  # of the reconstruction
    reference_sharpness: Float[np.ndarray, " n"]
    code_counts: Int[np.ndarray, "n k"]


def psnr_db(
    image: Float[Tensor, "b 3 h w"], reference: Float[Tensor, "b 3 h w"]
) -> Float[Tensor, " b"]:
    """Peak signal-to-noise ratio of each image in dB, for values in [0, 1]."""
    return peak_signal_noise_ratio(
        image, reference, data_range=1.0, reduction="none", dim=(1, 2, 3)
    )


def ssim(
    image: Float[Tensor, "b 3 h w"], reference: Float[Tensor, "b 3 h w"]
) -> Float[Tensor, " b"]:
    """Structural similarity of each image (Wang et al. 2004), uniform window, values in [0, 1]."""
    scores = structural_similarity_index_measure(
        image,
        reference,
        data_range=1.0,
        gaussian_kernel=False,
        kernel_size=SSIM_WINDOW_PX,
        reduction="none",
    )
    assert isinstance(scores, Tensor)
    return scores


def sharpness(image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, " b"]:
    """Mean absolute difference of neighbouring pixels, over rows and columns."""
    across = (image[..., 1:] - image[..., :-1]).abs().mean((1, 2, 3))
    down = (image[..., 1:, :] - image[..., :-1, :]).abs().mean((1, 2, 3))
    return (across + down) / 2


@torch.inference_mode()
def reconstruct(
    model: Vqvae, images: Float[Tensor, "b 3 h w"]
) -> tuple[Float[Tensor, "b 3 h w"], Int[Tensor, "b gh gw"]]:
    """Images through the codes and back, and the codes; no parameter or buffer changes."""
    training = model.training
    model.eval()
    try:
        result = model(images.to(next(model.parameters()).device))
    finally:
        model.train(training)
    return result.image.float().cpu(), result.quantised.codes.cpu()


def score_frames(model: Vqvae, batches: Iterable[Tensor]) -> FrameScores:
    """Score all frames of `batches` (each [b 3 h w], float in [0, 1]), batch by batch."""
    k = model.config.quantiser.codebook_size
    rows: list[tuple[Tensor, ...]] = []
    for images in batches:
        image, codes = reconstruct(model, images)
        flat = codes.flatten(1)
        counts = torch.zeros(len(flat), k, dtype=torch.long)
        counts.scatter_add_(1, flat, torch.ones_like(flat))
        rows.append(
            (
                psnr_db(image, images),
                ssim(image, images),
                (image - images).square().mean((1, 2, 3)),
                sharpness(image),
                sharpness(images),
                counts,
            )
        )
    return FrameScores(*(torch.cat(column).numpy() for column in zip(*rows, strict=True)))


def perplexity(counts: Float[np.ndarray, " k"]) -> float:
    """Exponential of the entropy of code shares: how many equally used codes would do, 1 to k."""
    shares = counts[counts > 0] / counts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def summarise(
    scores: FrameScores, groups: Int[np.ndarray, " n"], *, seed: int = 0
) -> dict[str, Estimate]:
    """Means with intervals over worlds; perplexity and codes used over the whole set of frames.

    The sharpness ratio is that of the sums over all frames: a ratio for each frame would be ruled
    by those that are almost flat.
    """
    totals, _ = group_sums(scores.code_counts.astype(float), groups)
    means = {
        name: mean_over_groups(getattr(scores, name).astype(float), groups, seed=seed)
        for name in ("psnr_db", "ssim", "mse")
    }
    n = len(groups)
    edges = np.stack([scores.sharpness, scores.reference_sharpness], 1).astype(float)
    edge_totals, _ = group_sums(edges, groups)
    return means | {
        "sharpness_ratio": statistic_over_groups(
            edge_totals, lambda total: float(total[0] / total[1]), n=n, seed=seed
        ),
        "perplexity": statistic_over_groups(totals, perplexity, n=n, seed=seed),
        "codes_used": statistic_over_groups(
            totals, lambda counts: float((counts > 0).sum()), n=n, seed=seed
        ),
    }


def to_pixels(images: Float[Tensor, "b 3 h w"]) -> UInt8[np.ndarray, "b h w 3"]:
    """Images in [0, 1] as bytes for a figure; NaN becomes black, as it does in a saved PNG."""
    safe = torch.nan_to_num(images, nan=0.0).clamp(0, 1)
    return (safe * 255).round().byte().permute(0, 2, 3, 1).numpy()
