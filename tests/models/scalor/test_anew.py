"""Normalised maps that are made anew: the same numbers and gradients, and nothing remembered."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lib.models.scalor.anew import GroupNorm, group_norm, norms_anew
from lib.models.scalor.glimpse import GlimpseDecoder


def stack(norm: type[nn.GroupNorm]) -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3), norm(4, 8), nn.Conv2d(8, 8, 1), norm(2, 8), nn.Conv2d(8, 2, 3)]
    net = nn.Sequential(*layers).double()
    for layer in net:  # 1 and 0, as normalisations begin, would hide what is done with them
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
    return net


def gradients(net: nn.Module, inputs: torch.Tensor) -> list[torch.Tensor]:
    result = net(inputs)
    loss = result.square().sum() + result.sum()
    return [result, *torch.autograd.grad(loss, [inputs, *net.parameters()])]


def made_anew(convolution: torch.autograd.graph.Node) -> bool:
    """Whether what the convolution reads is made each time it is asked for."""
    first, second = convolution._saved_input, convolution._saved_input
    assert torch.equal(first, second)
    return first.data_ptr() != second.data_ptr()


def test_numbers_and_gradients_are_those_of_torch(generator):
    inputs = torch.randn(3, 3, 9, 7, generator=generator, dtype=torch.float64, requires_grad=True)
    theirs = gradients(stack(nn.GroupNorm), inputs)
    with norms_anew():
        own = gradients(stack(GroupNorm), inputs)
    outside = gradients(stack(GroupNorm), inputs)
    for a, b, c in zip(theirs, own, outside, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-12, atol=1e-12)
        assert torch.equal(c, a)


def test_what_reads_a_normalised_map_forgets_it(generator):
    maps = torch.randn(2, 8, 5, 5, generator=generator, requires_grad=True)
    norm, conv = GroupNorm(4, 8), nn.Conv2d(8, 2, 3)
    assert not made_anew(conv(norm(maps)).grad_fn)
    with norms_anew():
        result = conv(norm(maps))
    assert made_anew(result.grad_fn)
    torch.testing.assert_close(result.grad_fn._saved_input, norm(maps))


def test_what_is_no_normalised_map_is_remembered(generator):
    """Also where it lies at an address at which a normalised map was."""
    norm, conv = GroupNorm(4, 8), nn.Conv2d(8, 8, 1)
    maps = torch.randn(2, 8, 32, 32, generator=generator)
    with norms_anew():
        gone = norm(maps.requires_grad_())
        address = gone.data_ptr()
        del gone
        others = [torch.rand(2, 8, 32, 32, requires_grad=True) for _ in range(4)]
        results = [conv(other) for other in others]
    reused = [other.data_ptr() == address for other in others]
    for other, result in zip(others, results, strict=True):
        assert torch.equal(result.grad_fn._saved_input, other)
    if not any(reused):
        pytest.skip("this allocator did not use the address again")


def test_views_of_a_normalised_map_are_remembered(generator):
    maps = torch.randn(2, 8, 6, 6, generator=generator, requires_grad=True)
    conv = nn.Conv2d(4, 2, 3)
    with norms_anew():
        part = group_norm(maps, 2, torch.ones(8), torch.zeros(8))[:, :4]
        result = conv(part)
    result.sum().backward()
    other = maps.detach().clone().requires_grad_()
    conv(F.group_norm(other, 2)[:, :4]).sum().backward()
    torch.testing.assert_close(maps.grad, other.grad)


def test_nothing_to_draw_and_no_gradient(generator):
    norm = GroupNorm(4, 8)
    with norms_anew():
        assert norm(torch.zeros(0, 8, 4, 4)).shape == (0, 8, 4, 4)
    maps = torch.randn(1, 8, 4, 4, generator=generator)
    plain = norm(maps)
    with torch.no_grad(), norms_anew():
        assert torch.equal(norm(maps), plain)


def test_under_autocast_it_is_torchs(generator):
    maps = torch.randn(1, 8, 4, 4, generator=generator)
    norm, conv = GroupNorm(4, 8), nn.Conv2d(8, 2, 1)
    with torch.autocast("cpu", torch.bfloat16), norms_anew():
        result = conv(norm(maps.bfloat16()))
    result.float().sum().backward()
    assert result.dtype == torch.bfloat16
    assert norm.weight.grad is not None
    assert norm.weight.grad.isfinite().all()


def test_a_gradient_twice_is_the_same(generator):
    maps = torch.randn(2, 8, 5, 5, generator=generator, requires_grad=True)
    norm, conv = GroupNorm(4, 8), nn.Conv2d(8, 2, 3)
    with norms_anew():
        loss = conv(norm(maps)).square().sum()
    [first] = torch.autograd.grad(loss, maps, retain_graph=True)
    [second] = torch.autograd.grad(loss, maps)
    assert torch.equal(first, second)


def test_the_decoder_remembers_no_normalised_map(generator):
    decoder = GlimpseDecoder(64, 8, deep_heads=True)
    drawn = decoder(torch.randn(2, 8, generator=generator, requires_grad=True))
    heads = drawn.grad_fn.next_functions[0][0]
    assert made_anew(heads)
    wide = heads.next_functions[0][0].next_functions[0][0].next_functions[0][0]
    assert made_anew(wide)
