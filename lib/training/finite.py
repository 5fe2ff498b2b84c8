"""Guards against losses and weights that are no longer numbers."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


class NonFiniteLossError(ArithmeticError):
    """Training stopped because a loss, the gradient or a weight became infinite or NaN.

    `step` is the number that the study's step function got, which is also how many steps had
    finished; `parts` holds what blew up, by name, with its value; `checkpoint` is the last good
    checkpoint, None before the first.
    """

    def __init__(
        self, step: int, parts: Mapping[str, float | int], checkpoint: Path | None
    ) -> None:
        super().__init__(step, dict(parts), checkpoint)
        self.step, self.parts, self.checkpoint = step, dict(parts), checkpoint

    def __str__(self) -> str:
        blown = ", ".join(f"{name} = {value}" for name, value in self.parts.items())
        way_back = (
            f"the last good checkpoint is {self.checkpoint.name}"
            if self.checkpoint
            else "no checkpoint had been written yet"
        )
        return (
            f"step {self.step}: not finite: {blown}. Nothing was saved since, and {way_back}. "
            f"Lower the learning rate, pass clip_norm, or look at what batches({self.step}) returns"
        )


def not_finite(values: Mapping[str, float | int]) -> dict[str, float | int]:
    """Those of `values` that are infinite or NaN."""
    return {name: value for name, value in values.items() if not math.isfinite(value)}


def not_finite_entries(state: Mapping[str, Any]) -> dict[str, float]:
    """Names of the tensors in a state dict with an infinite or NaN entry, with one such entry.

    One transfer from the device, whatever the number of tensors, if all is well.
    """
    tensors = {
        name: value
        for name, value in state.items()
        if isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex())
    }
    if not tensors:
        return {}
    whole = torch.stack([tensor.isfinite().all() for tensor in tensors.values()]).tolist()
    return {
        name: float(tensor[~tensor.isfinite()].real[0])
        for (name, tensor), fine in zip(tensors.items(), whole, strict=True)
        if not fine
    }
