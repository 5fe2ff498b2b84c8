"""Do heat maps depend on what was learnt? The sanity check of Adebayo et al. (arXiv 1810.03292).

Layer by layer from the top, weights are replaced by random ones. A map that stays as it was shows
the image's edges or the network's architecture, not what the network has learnt.
"""

import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor, nn

from lib.evaluation.attention import Method, cell_maps
from lib.evaluation.intervals import Estimate, mean_over_groups
from lib.evaluation.reconstruction import evaluation_mode


@dataclass(frozen=True)
class Randomisation:
    """Rank correlation of maps with those of the trained network, layer after layer reset."""

    layers: tuple[str, ...]  # from the top; each is random from its own step on
    correlation: Float64[np.ndarray, "s b"]  # of each image's map, after each step
    between_images: Float64[np.ndarray, " b"]  # with the next image's map, nothing reset: chance

    def over_groups(self, groups: Int[np.ndarray, " b"], *, seed: int = 0) -> list[Estimate]:
        """Mean correlation after each step, with intervals over groups."""
        return [mean_over_groups(row, groups, seed=seed) for row in self.correlation]


@torch.inference_mode(False)
def randomisation_check(
    model: nn.Module,
    images: Float[Tensor, "b 3 h w"],
    *,
    method: Method = "gradcam",
    seed: int = 0,
) -> Randomisation:
    """Reset the layers of a copy of `model` from the top, one more each step, and compare maps.

    Maps always show the class that the trained network predicts. A reset layer gets Glorot-uniform
    weights and zero biases, as the original's began.
    """
    if len(images) < 2:
        raise ValueError(f"images has {len(images)} entries; give two or more to compare maps")
    device = next(model.parameters()).device
    with torch.inference_mode(), evaluation_mode(model):
        classes = model(images.to(device)).argmax(1).cpu().numpy()
    trained = cell_maps(model, images, classes, method=method)
    twin, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    names, rows = [], []
    for name, layer in reversed(_layers(twin)):
        _reset(layer, generator)
        names.append(name)
        rows.append(rank_correlation(trained, cell_maps(twin, images, classes, method=method)))
    return Randomisation(
        layers=tuple(names),
        correlation=np.stack(rows),
        between_images=rank_correlation(trained, np.roll(trained, -1, axis=0)),
    )


def _layers(model: nn.Module) -> list[tuple[str, nn.Conv2d | nn.Linear]]:
    """Layers with weights, from the bottom up."""
    return [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def _reset(layer: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    weight = torch.empty(layer.weight.shape)  # on the CPU, where the generator is
    nn.init.xavier_uniform_(weight, generator=generator)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if layer.bias is not None:
            layer.bias.zero_()


def rank_correlation(
    first: Float[np.ndarray, "b gh gw"], second: Float[np.ndarray, "b gh gw"]
) -> Float64[np.ndarray, " b"]:
    """Spearman's correlation of each pair of maps, equal values sharing their mean rank.

    0 where either map is the same everywhere: it says nothing about the other.
    """
    ranks = []
    for maps in (first, second):
        rank = pd.DataFrame(maps.reshape(len(maps), -1)).rank(axis=1).to_numpy(np.float64)
        ranks.append(rank - rank.mean(1, keepdims=True))
    scale = np.sqrt((ranks[0] ** 2).sum(1) * (ranks[1] ** 2).sum(1))
    together = (ranks[0] * ranks[1]).sum(1)
    return np.divide(together, scale, out=np.zeros(len(first)), where=scale > 0)
