"""Where a classifier looks: Grad-CAM maps put in their place, and how much of them is on the car.

Maps come from ``pytorch_grad_cam``. Two things are ours. The activations are taken after the ReLU
that follows the convolution, as in the original, where it was part of the Keras layer. And a cell
of the map is drawn where its receptive field is: unpadded convolutions keep away from the border,
so a map stretched over the whole image, as usual, is up to six pixels off at 50 x 100.

Models are copied first: weights, gradients, hooks and modes stay as they are.
"""

import copy
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int
from pytorch_grad_cam import GradCAM, HiResCAM
from pytorch_grad_cam.utils.model_targets import (
    ClassifierOutputTarget,
)
from torch import Tensor, nn

from lib.evaluation.intervals import Estimate, group_sums, mean_over_groups, statistic_over_groups

Method = Literal["gradcam", "hirescam"]
Placement = Literal["fields", "stretched"]
BATCH = 64
PROBES = 8  # images of noise that show where a cell's receptive field is


class _OnCells:
    """Mixed into a method of ``pytorch_grad_cam``: maps of rectified cells, not of pixels."""

    def get_target_width_height(self, _: Tensor) -> None:
        """No size: the package leaves the map as small as it is."""

    def get_cam_image(
        self,
        images: Tensor,
        layer: nn.Module,
        targets: list[Any],
        activations: np.ndarray,
        gradients: np.ndarray,
        smooth: bool = False,
    ) -> np.ndarray:
        """The package's map with negative activations set to 0."""
        above: Any = super()
        rectified = np.maximum(activations, 0)
        cam: np.ndarray = above.get_cam_image(images, layer, targets, rectified, gradients, smooth)
        return cam


class _GradCam(_OnCells, GradCAM):
    """Grad-CAM (Selvaraju et al. 2017): channels weighted by their mean gradient."""


class _HiResCam(_OnCells, HiResCAM):
    """HiResCAM (Draelos and Carin 2020): each cell weighted by its own gradient."""


@dataclass(frozen=True)
class Attention:
    """How much of the heat is on the car, with intervals over loadouts."""

    heat_inside: Estimate  # mean share of a map's heat inside the car's mask
    area_inside: Estimate  # mean share of the image the mask takes: what blind heat would get
    concentration: Estimate  # the former over the latter; 1 is blind, below 1 avoids the car
    pointing: Estimate  # share of maps whose hottest place is on the car
    without_heat: float  # share of maps that are 0 everywhere; the rest is of the others


def last_convolution(model: nn.Module) -> nn.Conv2d:
    """The last convolution of `model`: the one Grad-CAM looks at."""
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    if not layers:
        raise ValueError("model has no nn.Conv2d; Grad-CAM needs a convolutional network")
    return layers[-1]


@torch.inference_mode(False)
@torch.enable_grad()
def cell_maps(
    model: nn.Module,
    images: Float[Tensor, "b 3 h w"],
    classes: Int[np.ndarray, " m"] | None = None,
    *,
    method: Method = "gradcam",
) -> Float32[np.ndarray, "b gh gw"]:
    """Map of each image on the cells of the last convolution, scaled to [0, 1].

    The least cell becomes 0, the greatest 1, as ``pytorch_grad_cam`` does; a map without any heat
    is 0 all over. `classes` says whose evidence is shown; None: the class predicted.
    """
    if method not in ("gradcam", "hirescam"):
        raise ValueError(f"method is {method!r}; choose gradcam or hirescam")
    if not len(images):
        raise ValueError("images is empty; give at least one")
    if classes is not None and len(classes) != len(images):
        raise ValueError(
            f"classes has {len(classes)} entries, images has {len(images)}; give one class each"
        )
    twin = copy.deepcopy(model)
    method_class: Any = _GradCam if method == "gradcam" else _HiResCam
    explain = method_class(twin, [last_convolution(twin)])
    maps = []
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        targets = classes if classes is None else _targets(classes[part])
        maps.append(explain(images[part].detach().clone(), targets))
    explain.activations_and_grads.release()
    return np.concatenate(maps).astype(np.float32).clip(0, 1)


def _targets(classes: Int[np.ndarray, " b"]) -> list[Any]:
    return [ClassifierOutputTarget(int(number)) for number in classes]


@torch.inference_mode(False)
@torch.enable_grad()
def field_centres(
    model: nn.Module, size: tuple[int, int]
) -> tuple[Float64[np.ndarray, " gh"], Float64[np.ndarray, " gw"]]:
    """Row and column, in pixels, that each cell of the last convolution is centred on.

    Found by asking which pixels of noise the first and the last cell have a gradient from, with
    weights that let everything through; cells between them are evenly spaced. Exact without
    padding; with it, a cell at the border counts as centred on the part of its field it has.
    """
    twin = copy.deepcopy(model).eval().requires_grad_(False)
    seeded = torch.Generator().manual_seed(0)
    for layer in twin.modules():
        if isinstance(layer, nn.Conv2d):  # positive, so that no ReLU closes
            layer.weight.copy_(torch.rand(layer.weight.shape, generator=seeded) + 0.1)
            if layer.bias is not None:
                layer.bias.zero_()
    device = next(twin.parameters()).device
    cells: list[Tensor] = []
    last_convolution(twin).register_forward_hook(lambda *io: cells.append(io[2]))
    images = torch.rand(PROBES, 3, *size, generator=seeded).to(device).requires_grad_()
    twin(images)
    rows, columns = cells[0].shape[2:]
    (first,) = torch.autograd.grad(cells[0][..., 0, 0].sum(), images, retain_graph=True)
    (last,) = torch.autograd.grad(cells[0][..., -1, -1].sum(), images)
    ends = [_middle((g != 0).any(0).any(0).cpu().numpy()) for g in (first, last)]
    return (
        np.linspace(ends[0][0], ends[1][0], rows),
        np.linspace(ends[0][1], ends[1][1], columns),
    )


def _middle(seen: Bool[np.ndarray, "h w"]) -> tuple[float, float]:
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    return float(rows[0] + rows[-1]) / 2, float(columns[0] + columns[-1]) / 2


def place(
    maps: Float[np.ndarray, "b gh gw"],
    centres: tuple[Float64[np.ndarray, " gh"], Float64[np.ndarray, " gw"]],
    size: tuple[int, int],
) -> Float32[np.ndarray, "b h w"]:
    """Maps at image size: linear between the `centres` of cells, level beyond the outermost."""
    down, across = (
        np.stack([np.interp(np.arange(n), at, unit) for unit in np.eye(len(at))], 1)
        for n, at in zip(size, centres, strict=True)
    )
    return np.einsum("yi,bij,xj->byx", down, maps, across, optimize=True).astype(np.float32)


def heat_maps(
    model: nn.Module,
    images: Float[Tensor, "b 3 h w"],
    classes: Int[np.ndarray, " m"] | None = None,
    *,
    method: Method = "gradcam",
    placement: Placement = "fields",
) -> Float32[np.ndarray, "b h w"]:
    """`cell_maps` in [0, 1] at image size, each cell where its receptive field is centred.

    ``placement="stretched"`` spreads the cells over the whole image instead, as the original did.
    """
    maps = cell_maps(model, images, classes, method=method)
    size = (images.shape[2], images.shape[3])
    if placement == "fields":
        centres = field_centres(model, size)
    elif placement == "stretched":
        cells = maps.shape[1:]
        centres = tuple(
            (np.arange(k) + 0.5) * n / k - 0.5 for n, k in zip(size, cells, strict=True)
        )
    else:
        raise ValueError(f"placement is {placement!r}; choose fields or stretched")
    return place(maps, centres, size).clip(0, 1)


def heat_inside(
    heat: Float[np.ndarray, "b h w"], masks: Bool[np.ndarray, "b h2 w2"]
) -> Float64[np.ndarray, " b"]:
    """Share of each map's heat that falls on its mask; NaN for a map without heat."""
    _check(heat, masks)
    total = heat.sum((1, 2), dtype=np.float64)
    inside = np.where(masks, heat, 0).sum((1, 2), dtype=np.float64)
    return np.divide(inside, total, out=np.full(len(heat), np.nan), where=total > 0)


def pointing_hits(
    heat: Float[np.ndarray, "b h w"], masks: Bool[np.ndarray, "b h2 w2"]
) -> Float64[np.ndarray, " b"]:
    """Pointing game (Zhang et al. 2016), no tolerance: 1 if a map is hottest on its mask, else 0.

    Among several hottest pixels, the share on the mask. NaN for a map without heat.
    """
    _check(heat, masks)
    hottest = heat == heat.max((1, 2), keepdims=True)
    hits = (hottest & masks).sum((1, 2)) / hottest.sum((1, 2))
    return np.where(heat.max((1, 2)) > 0, hits, np.nan)


def summarise_attention(
    heat: Float[np.ndarray, "b h w"],
    masks: Bool[np.ndarray, "b h2 w2"],
    groups: Int[np.ndarray, " b"],
    *,
    seed: int = 0,
) -> Attention:
    """Heat and pointing against the area of the mask, over the maps that have any heat."""
    inside, hits = heat_inside(heat, masks), pointing_hits(heat, masks)
    some = np.isfinite(inside)
    if not some.any():
        raise ValueError(
            "no map has any heat: either classes names one that nothing speaks for, or the model "
            "is lost"
        )
    inside, hits, of = inside[some], hits[some], groups[some]
    area = masks[some].mean((1, 2))
    totals, _ = group_sums(np.stack([inside, area], 1), of)
    return Attention(
        heat_inside=mean_over_groups(inside, of, seed=seed),
        area_inside=mean_over_groups(area, of, seed=seed),
        concentration=statistic_over_groups(
            totals, lambda total: float(total[0] / total[1]), n=len(of), seed=seed
        ),
        pointing=mean_over_groups(hits, of, seed=seed),
        without_heat=float(1 - some.mean()),
    )


def _check(heat: Float[np.ndarray, "b h w"], masks: Bool[np.ndarray, "b2 h2 w2"]) -> None:
    if heat.shape != masks.shape:
        raise ValueError(
            f"heat is {list(heat.shape)}, masks is {list(masks.shape)}; give one mask of "
            "its size for each map"
        )
    if not len(heat):
        raise ValueError("heat is empty; give at least one map")
    if not masks.any((1, 2)).all():
        raise ValueError(
            f"{int((~masks.any((1, 2))).sum())} of {len(masks)} masks are empty; leave out images "
            "without a car"
        )
