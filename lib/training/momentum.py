"""The momentum network: a slow average of the trained one makes the keys (He et al. 2020)."""

import copy
from typing import Any

import torch
from torch import nn


class MomentumNetwork(nn.Module):
    """A copy of `network` whose weights follow it: w <- m * w + (1 - m) * its w, once an `update`.

    It is in training mode, as in MoCo: its batch normalisation looks at the batch, and keeps
    statistics of its own. No gradient reaches it. MoCo also shuffles images between GPUs, so that
    a batch's statistics cannot give positives away; here negatives from the same batch share them.
    """

    def __init__(self, network: nn.Module, momentum: float) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(
                f"momentum is {momentum}; give a number from 0 (a plain copy) to below 1"
            )
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False).train()
        self.momentum = momentum

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move one step towards `network`, which is of the same make."""
        slow: list[torch.Tensor] = list(self.network.parameters())
        fast = [parameter.detach() for parameter in network.parameters()]
        torch._foreach_lerp_(slow, fast, 1 - self.momentum)

    @torch.no_grad()
    def forward(self, images: torch.Tensor) -> Any:
        """What the slow network makes of `images`."""
        return self.network(images)
