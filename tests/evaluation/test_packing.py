"""Packed weights: how far they are off, and that what is written is what was announced."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.evaluation.packing import LEAST_NUMBERS, SCALE, pack, packed_types, unpack

SHAPES = {"matrix": (64, 64), "kernel": (32, 16, 3, 3), "small": (8, 8), "bias": (5000,), "one": ()}


def weights(seed: int = 0, spread: float = 1.0) -> dict[str, torch.Tensor]:
    noise = torch.Generator().manual_seed(seed)
    return {name: spread * torch.randn(shape, generator=noise) for name, shape in SHAPES.items()}


@given(seed=st.integers(0, 99), spread=st.sampled_from([1e-2, 1.0, 1e3]))
def test_numbers_are_off_by_half_a_step_at_most(seed: int, spread: float) -> None:
    before = weights(seed, spread)
    after = unpack(pack(before))
    assert after.keys() == before.keys()
    for name in ("matrix", "kernel"):
        step = before[name].flatten(1).abs().amax(1, keepdim=True) / 127
        off = (after[name] - before[name]).flatten(1).abs()
        assert (off <= 0.5001 * step).all()
        assert off.max() > 0
    for name in ("small", "bias", "one"):
        assert torch.equal(after[name], before[name].half().float())


def test_types_and_shapes_are_as_announced() -> None:
    words = {torch.float16: "F16", torch.int8: "I8", torch.float32: "F32"}
    packed = pack(weights())
    found = {name: (tuple(one.shape), words[one.dtype]) for name, one in packed.items()}
    assert found == packed_types(SHAPES)
    assert {name for name in found if name.endswith(SCALE)} == {"matrix:scale", "kernel:scale"}


def test_rows_of_zeros_and_rows_far_apart() -> None:
    values = torch.ones(2 + LEAST_NUMBERS // 1024, 1024)
    values[0], values[1] = 0.0, 1e-5
    assert torch.allclose(unpack(pack({"a": values}))["a"], values, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e6])
def test_what_float16_cannot_hold_is_refused(bad: float) -> None:
    values = torch.zeros(100, 100)
    values[3, 4] = bad
    with pytest.raises(ValueError, match="weight a reaches .*; want finite numbers up to 65504"):
        pack({"a": values})
