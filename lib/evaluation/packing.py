"""Weights in a quarter of their size: large matrices as bytes, everything else as float16.

A matrix is kept as one signed byte a number and one scale a row, its largest number over 127. So a
number is off by at most 1/254 of the largest of its row. What that does to a network differs from
one to the next, so networks that are kept are judged with the weights that were kept.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

SCALE = ":scale"  # after the name of a packed matrix
LEAST_NUMBERS = 4096  # of a matrix that is packed
_STEPS = 127


def pack(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors to be written: int8 with float32 scales of their rows, or float16.

    Raises `ValueError` for weights that float16 cannot hold (beyond 65,504, or not finite), naming
    the first.
    """
    packed: dict[str, Tensor] = {}
    for name, values in weights.items():
        half = _halved(name, values)
        if not _is_large_matrix(values.shape):
            packed[name] = half
            continue
        rows = values.detach().cpu().float().flatten(1)
        scale = rows.abs().amax(1) / _STEPS
        scale[scale == 0] = 1.0  # a row of zeros
        packed[name] = (rows / scale[:, None]).round().to(torch.int8).view_as(half)
        packed[name + SCALE] = scale
    return packed


def unpack(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Float32 weights from what `pack` gave."""
    weights = {}
    for name, values in packed.items():
        if name.endswith(SCALE):
            continue
        weights[name] = values.float()
        if values.dtype == torch.int8:
            scale = packed[name + SCALE]
            weights[name] *= scale.view(-1, *[1] * (values.ndim - 1))
    return weights


def packed_types(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and type, in safetensors' words, of each tensor that `pack` makes of such weights."""
    found: dict[str, tuple[tuple[int, ...], str]] = {}
    for name, shape in shapes.items():
        if _is_large_matrix(shape):
            found |= {name: (shape, "I8"), name + SCALE: (shape[:1], "F32")}
        else:
            found[name] = (shape, "F16")
    return found


def _is_large_matrix(shape: tuple[int, ...]) -> bool:
    return len(shape) > 1 and math.prod(shape) >= LEAST_NUMBERS


def _halved(name: str, values: Tensor) -> Tensor:
    half = values.detach().cpu().to(torch.float16).contiguous()
    if not half.isfinite().all():
        raise ValueError(
            f"weight {name} reaches {float(values.abs().max()):g}; want finite numbers up to "
            f"{torch.finfo(torch.float16).max:g}, the most that float16 holds"
        )
    return half
