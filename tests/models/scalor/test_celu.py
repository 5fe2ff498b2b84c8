"""CELU: the same numbers and gradients as PyTorch's own."""

import torch
import torch.nn.functional as F

from lib.models.scalor.celu import Celu, celu


def test_numbers_and_gradients_are_those_of_torch(generator):
    inputs = torch.randn(4, 5, generator=generator, dtype=torch.float64) * 3
    inputs[0, 0] = 0
    own, theirs = (inputs.clone().requires_grad_() for _ in range(2))
    a, b = celu(own), F.celu(theirs)
    torch.testing.assert_close(a, b, rtol=0, atol=1e-15)
    weights = torch.randn(4, 5, generator=generator, dtype=torch.float64)
    (a * weights).sum().backward()
    (b * weights).sum().backward()
    torch.testing.assert_close(own.grad, theirs.grad, rtol=0, atol=1e-14)


def test_gradients_are_those_of_small_differences(generator):
    inputs = torch.randn(7, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Celu(), (inputs,))


def test_inputs_are_left_alone_and_far_below_is_minus_one():
    inputs = torch.tensor([-1e30, -2.0, 0.0, 2.0])
    before = inputs.clone()
    torch.testing.assert_close(celu(inputs), F.celu(inputs))
    assert torch.equal(inputs, before)
