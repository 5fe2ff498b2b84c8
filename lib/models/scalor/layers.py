"""What all of SCALOR's networks are made of: convolution, CELU, group normalisation."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lib.models.scalor.anew import GroupNorm
from lib.models.scalor.celu import Celu


def conv(before: int, after: int, kernel: int, stride: int = 1, *, groups: int = 8) -> nn.Module:
    """One convolution, its non-linearity and its normalisation; even kernels halve, odd keep."""
    padding = 0 if stride == 1 and kernel % 2 == 0 else (kernel - 1) // 2
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, padding), Celu(), GroupNorm(groups, after)
    )


def enlarge(before: int, after: int, times: int, *, groups: int = 8) -> nn.Module:
    """`times` as large, by sub-pixel convolution (Shi et al. 2016)."""
    return nn.Sequential(
        nn.Conv2d(before, after * times**2, 1),
        nn.PixelShuffle(times),
        Celu(),
        GroupNorm(groups, after),
    )


def perceptron(before: int, hidden: int, after: int) -> nn.Module:
    """Two linear layers with a CELU between."""
    return nn.Sequential(nn.Linear(before, hidden), Celu(), nn.Linear(hidden, after))


def start_at_zero(layer: nn.Module, rows: int) -> None:
    """The first `rows` outputs of a linear layer, or of a stack's last one, are 0 at first."""
    *_, weight, bias = layer.parameters()
    with torch.no_grad():
        weight[:rows] = 0
        bias[:rows] = 0


def mean_and_std(
    raw: Float[Tensor, "n twice *rest"], bias: float = 0.0
) -> tuple[Float[Tensor, "n d *rest"], Float[Tensor, "n d *rest"]]:
    """Mean and softplus of the other half plus `bias`, of the second axis."""
    mean, std = raw.chunk(2, 1)
    return mean, F.softplus(std + bias)


def in_precision(
    network: nn.Module, dtype: torch.dtype, *inputs: Float[Tensor, "..."]
) -> Float[Tensor, "..."]:
    """`network` with its products in `dtype`; what goes in and comes out keeps its own type.

    Only stacks of convolutions are worth it: geometry, divergences and sums stay as they are.
    """
    if dtype == torch.float32:
        result: Tensor = network(*inputs)
        return result
    with torch.autocast(inputs[0].device.type, dtype):
        return network(*inputs).to(inputs[0].dtype)
