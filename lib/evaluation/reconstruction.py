"""How well images come back through a codebook, and how much of the codebook is in use."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from lib.evaluation.intervals import Estimate, group_sums, mean_over_groups, statistic_over_groups
from lib.evaluation.texture import flat_patch_texture
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
    flat_squares: Float[np.ndarray, " n"]  # see `texture.FlatPatches`
    flat_counts: Int[np.ndarray, " n"]
    detail: Float[np.ndarray, "n 3"]  # see `detail_sums`
    lpips: Float[np.ndarray, " n"] | None = None  # None if no distance was given


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


def detail_sums(
    image: Float[Tensor, "b 3 h w"], reference: Float[Tensor, "b 3 h w"]
) -> Float[Tensor, "b 3"]:
    """Sums over each image for the correlation of its fine detail with the reference's.

    Detail is what a 3 x 3 mean takes away, borders left out. The columns: product of both, square
    of the image's, square of the reference's; they add over frames.
    """
    ours, theirs = (
        (x[..., 1:-1, 1:-1] - F.avg_pool2d(x, 3, stride=1)).double().flatten(1)
        for x in (image, reference)
    )
    return torch.stack([(ours * theirs).sum(1), ours.square().sum(1), theirs.square().sum(1)], 1)


def _correlation(sums: Float[np.ndarray, "3"]) -> float:
    """Correlation from summed products and squares; 0 where an image has no detail at all."""
    scale = np.sqrt(sums[1] * sums[2])
    return float(sums[0] / scale) if scale > 0 else 0.0


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """`model` in evaluation mode; afterwards each of its modules is in the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@torch.inference_mode()
def reconstruct(
    model: Vqvae, images: Float[Tensor, "b 3 h w"]
) -> tuple[Float[Tensor, "b 3 h w"], Int[Tensor, "b gh gw"]]:
    """Images through the codes and back, and the codes; no parameter or buffer changes."""
    with evaluation_mode(model):
        result = model(images.to(next(model.parameters()).device))
    return result.image.float().cpu(), result.quantised.codes.cpu()


def score_frames(
    model: Vqvae, batches: Iterable[Tensor], *, lpips: nn.Module | None = None
) -> FrameScores:
    """Score all frames of `batches` (each [b 3 h w], float in [0, 1]), batch by batch.

    `lpips` gives the distance of each image to its reference, [b], both in [0, 1] (see
    `lib.models.perceptual.Lpips`); to be comparable it must be the same, with the right input
    range, for every model, whatever the model was trained with.
    """
    k = model.config.quantiser.codebook_size
    rows: list[tuple[Tensor, ...]] = []
    for images in batches:
        image, codes = reconstruct(model, images)
        flat = flat_patch_texture(image, images)
        row = (
            psnr_db(image, images),
            ssim(image, images),
            (image - images).square().mean((1, 2, 3)),
            sharpness(image),
            sharpness(images),
            _count_codes(codes, k),
            flat.squares,
            flat.counts,
            detail_sums(image, images),
        )
        rows.append(row if lpips is None else (*row, perceptual_distance(lpips, image, images)))
    return FrameScores(*(torch.cat(column).numpy() for column in zip(*rows, strict=True)))


@torch.no_grad()
def perceptual_distance(
    lpips: nn.Module, image: Float[Tensor, "b 3 h w"], reference: Float[Tensor, "b 3 h w"]
) -> Float[Tensor, " b"]:
    """`lpips` between images in [0, 1], computed where its weights are."""
    weight = next(lpips.parameters(), image)
    distance: Tensor = lpips(image.to(weight.device), reference.to(weight.device))
    return distance.float().cpu()


def _count_codes(codes: Int[Tensor, "b gh gw"], k: int) -> Int[Tensor, "b k"]:
    flat = codes.flatten(1)
    counts = torch.zeros(len(flat), k, dtype=torch.long)
    return counts.scatter_add_(1, flat, torch.ones_like(flat))


def perplexity(counts: Float[np.ndarray, " k"]) -> float:
    """Exponential of the entropy of code shares: how many equally used codes would do, 1 to k."""
    shares = counts[counts > 0] / counts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def summarise(
    scores: FrameScores, groups: Int[np.ndarray, " n"], *, seed: int = 0
) -> dict[str, Estimate]:
    """Means with intervals over worlds; perplexity and codes used over the whole set of frames.

    LPIPS is among them if it was computed. The sharpness ratio and the correlation of details are
    those of the sums over all frames: taken for each frame they would be ruled by those that are
    almost flat.
    """
    totals, _ = group_sums(scores.code_counts.astype(float), groups)
    names = ["psnr_db", "ssim", "mse"] + (["lpips"] if scores.lpips is not None else [])
    means = {
        name: mean_over_groups(getattr(scores, name).astype(float), groups, seed=seed)
        for name in names
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
        "detail_correlation": statistic_over_groups(
            group_sums(scores.detail, groups)[0], _correlation, n=n, seed=seed
        ),
        "flat_texture": _flat_texture(scores, groups, seed=seed),
    }


def _flat_texture(scores: FrameScores, groups: Int[np.ndarray, " n"], *, seed: int) -> Estimate:
    """Texture where frames are flat, in 8-bit levels; frames without flat patches say nothing.

    NaN without an interval if no frame has any.
    """
    some = scores.flat_counts > 0
    if not some.any():
        return Estimate(float("nan"), None, None, 0, 0)
    both = np.stack([scores.flat_squares, scores.flat_counts], 1).astype(float)[some]
    totals, _ = group_sums(both, groups[some])
    return statistic_over_groups(
        totals, lambda total: float(np.sqrt(total[0] / total[1])), n=int(some.sum()), seed=seed
    )


def to_pixels(images: Float[Tensor, "b 3 h w"]) -> UInt8[np.ndarray, "b h w 3"]:
    """Images in [0, 1] as bytes for a figure; NaN becomes black, as it does in a saved PNG."""
    safe = torch.nan_to_num(images, nan=0.0).clamp(0, 1)
    return (safe * 255).round().byte().permute(0, 2, 3, 1).numpy()
