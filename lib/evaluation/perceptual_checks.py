"""Does a perceptual term count at all, and does it see images in the range it was trained for?

LPIPS wants images in [-1, 1]. Fed with [0, 1] it sees half the contrast, on a brighter ground.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.transforms.functional import gaussian_blur  # type: ignore[import-untyped]

from lib.models.perceptual import Lpips, Net

GREY = 0.5
TEST_PX = 64


@dataclass(frozen=True)
class RangeCurve:
    """Mean distance of degraded images to themselves, and its gradient, under two input ranges.

    One entry a strength. Norms are of the gradient of one image's distance with respect to that
    image, in [0, 1], averaged over images; so are the cosines between the two ranges' gradients.
    """

    strengths: tuple[float, ...]
    right: Float[np.ndarray, " s"]
    wrong: Float[np.ndarray, " s"]
    gradient_right: Float[np.ndarray, " s"]
    gradient_wrong: Float[np.ndarray, " s"]
    gradient_cosine: Float[np.ndarray, " s"]

    @property
    def lost(self) -> Float[np.ndarray, " s"]:
        """Share of the penalty that the wrong range takes away; NaN where there is no penalty."""
        lost = np.full(len(self.right), np.nan)
        np.divide(self.right - self.wrong, self.right, out=lost, where=self.right > 0)
        return lost


@dataclass(frozen=True)
class LpipsRanges:
    """What both ranges say about grey images and about blurred ones."""

    contrast: RangeCurve  # strength 1: the image itself, 0: plain grey
    blur: RangeCurve  # strength: sigma in pixels


def perceptual_term_counts(module: nn.Module) -> bool:
    """Whether two different images are at a distance above zero."""
    return bool((_distance_gradient(module, *_two_images())[0] > 0).all())


def sees_full_range(module: nn.Module, weights: Mapping[str, Tensor], *, net: Net = "alex") -> bool:
    """Whether `module`, given [0, 1], measures as the reference network does on [-1, 1]."""
    return torch.allclose(module(*_two_images()), _reference(weights, net), rtol=1e-4)


@torch.no_grad()
def _reference(weights: Mapping[str, Tensor], net: Net) -> Float[Tensor, " b"]:
    image, reference = _two_images()
    distance: Tensor = Lpips(weights, net=net).distance(2 * image - 1, 2 * reference - 1)
    return distance.flatten()


def _two_images() -> tuple[Float[Tensor, "1 3 h w"], Float[Tensor, "1 3 h w"]]:
    """Broad coloured stripes, and the same with half the contrast; both in [0, 1]."""
    place = torch.arange(TEST_PX)
    rows, columns = (place // 8 % 2).float(), (place // 16 % 2).float()
    red, green = rows[:, None].expand(TEST_PX, TEST_PX), columns.expand(TEST_PX, TEST_PX)
    image = torch.stack([red, green, 1 - red])[None]
    return toward_grey(image, 0.5), image


def toward_grey(images: Float[Tensor, "b 3 h w"], factor: float) -> Float[Tensor, "b 3 h w"]:
    """`images` with their contrast against middle grey multiplied by `factor`, from 0 to 1."""
    if not 0 <= factor <= 1:
        raise ValueError(
            f"factor is {factor}; give one from 0 (plain grey) to 1 (the image itself): beyond, "
            "pixels would leave [0, 1]"
        )
    return GREY + factor * (images - GREY)


def blurred(images: Float[Tensor, "b 3 h w"], sigma: float) -> Float[Tensor, "b 3 h w"]:
    """`images` under a Gaussian of `sigma` pixels, cut off beyond three sigma."""
    if not sigma > 0:
        raise ValueError(f"sigma is {sigma}; give a width in pixels above 0")
    side = 2 * int(np.ceil(3 * sigma)) + 1
    return gaussian_blur(images, [side, side], [sigma, sigma]).clamp(0, 1)


def lpips_against_contrast(
    lpips_right: nn.Module,
    lpips_wrong: nn.Module,
    images: Float[Tensor, "b 3 h w"],
    factors: Sequence[float],
    *,
    sigmas: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
) -> LpipsRanges:
    """How both ranges punish greyness (`factors`, see `toward_grey`) and blur (`sigmas`, pixels).

    `images` are in [0, 1]; both modules take [0, 1] and do with it what they do.
    """
    grey = [toward_grey(images, factor) for factor in factors]
    soft = [blurred(images, sigma) for sigma in sigmas]
    return LpipsRanges(
        contrast=_curve(lpips_right, lpips_wrong, images, factors, grey),
        blur=_curve(lpips_right, lpips_wrong, images, sigmas, soft),
    )


def _curve(
    right: nn.Module,
    wrong: nn.Module,
    images: Float[Tensor, "b 3 h w"],
    strengths: Sequence[float],
    degraded: Sequence[Float[Tensor, "b 3 h w"]],
) -> RangeCurve:
    rows = []
    for image in degraded:
        d_right, g_right = _distance_gradient(right, image, images)
        d_wrong, g_wrong = _distance_gradient(wrong, image, images)
        cosine = F.cosine_similarity(g_right, g_wrong)
        rows.append([d_right, d_wrong, g_right.norm(dim=1), g_wrong.norm(dim=1), cosine])
    means = np.array([[float(x.double().mean()) for x in row] for row in rows]).reshape(-1, 5)
    return RangeCurve(tuple(map(float, strengths)), *means.T)


def _distance_gradient(
    module: nn.Module, image: Float[Tensor, "b 3 h w"], reference: Float[Tensor, "b 3 h w"]
) -> tuple[Float[Tensor, " b"], Float[Tensor, "b n"]]:
    """Distance of each image, and its gradient with respect to that image (zero if none)."""
    image = image.detach().clone().requires_grad_()
    with torch.enable_grad():
        distance: Tensor = module(image, reference)
    if not distance.requires_grad:
        return distance, torch.zeros_like(image).flatten(1)
    (gradient,) = torch.autograd.grad(distance.sum(), image)
    return distance.detach(), gradient.flatten(1)
