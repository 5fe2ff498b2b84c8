"""Networks made ready to look at many images: layers folded, products in bfloat16 where asked."""

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lib.models.contrastive import ContrastiveNetwork

Network = TypeVar("Network", bound=nn.Module)


def features_for_inference(
    network: ContrastiveNetwork, dtype: torch.dtype = torch.float32
) -> Callable[[Tensor], Sequence[Tensor]]:
    """A function from images [b, 3, h, w] in [0, 1] to the maps of the four stages, in `dtype`.

    As `ContrastiveNetwork.stage_features` in evaluation mode, from a copy of the network as it is
    now. On CPUs that multiply bfloat16 themselves, that type takes less than half the time; maps
    then differ by some thousandths of their norm.
    """
    frozen = fold_batch_norm(network)
    frozen.trunk.to(dtype).register_forward_pre_hook(lambda _, given: (given[0].to(dtype),))

    def features(images: Float[Tensor, "b 3 h w"]) -> Sequence[Float[Tensor, "b _ _ _"]]:
        with torch.inference_mode():
            return frozen.stage_features(images)

    return features


def fold_batch_norm(network: Network) -> Network:
    """A frozen copy in evaluation mode, each normalisation folded into the convolution before it.

    Before it means: defined just before it in the same module, as in every ResNet.
    """
    folded = copy.deepcopy(network).eval().requires_grad_(False)
    for module in list(folded.modules()):
        named = list(module.named_children())
        for (name, layer), (after, norm) in pairwise(named):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(layer, norm))
                setattr(module, after, nn.Identity())
    return folded
