"""CELU at the speed of ReLU: PyTorch's own computes `expm1` one number at a time on a CPU."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class _Celu(Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor) -> Tensor:
        below = inputs.clamp_max(0).exp_().sub_(1)
        result = torch.maximum(inputs, below, out=below)
        ctx.save_for_backward(result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (result,) = ctx.saved_tensors
        back: Tensor = torch.ops.aten.elu_backward(gradient, 1.0, 1.0, 1.0, True, result)
        return back


def celu(inputs: Tensor) -> Tensor:
    """``max(x, exp(x) - 1)``, to within a rounding of 1 of `torch.nn.functional.celu`.

    It remembers its result for the gradient, which what follows remembers anyway, not its input.
    """
    result: Tensor = _Celu.apply(inputs)
    return result


class Celu(nn.Module):
    """`celu` as a layer."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Of each number."""
        return celu(inputs)
