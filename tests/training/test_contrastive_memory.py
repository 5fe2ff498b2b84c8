"""Memory queue and momentum network."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lib.training.memory_queue import MemoryQueue
from lib.training.momentum import MomentumNetwork


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.lists(st.integers(1, 14), max_size=8))
def test_the_queue_keeps_the_newest(size, pushes):
    queue, everything = MemoryQueue(size, 2), []
    for count in pushes:
        start = len(everything)
        keys = torch.arange(start, start + count, dtype=torch.float32)[:, None].repeat(1, 2)
        queue.push(keys)
        everything += keys[:, 0].tolist()
        newest = everything[::-1][:size]
        assert len(queue) == len(newest)
        assert queue.newest_first()[:, 0].tolist() == newest
        assert sorted(queue.keys[:, 1].tolist()) == sorted(newest)


def test_a_restored_queue_goes_on_alike(generator):
    one, two = MemoryQueue(5, 3), MemoryQueue(5, 3)
    one.push(torch.rand(7, 3, generator=generator))
    two.load_state_dict(copy.deepcopy(one.state_dict()))
    more = torch.rand(4, 3, generator=generator)
    one.push(more)
    two.push(more)
    assert torch.equal(one.newest_first(), two.newest_first())


def test_queue_mistakes_are_told():
    with pytest.raises(ValueError, match="size is 0 and features 3"):
        MemoryQueue(0, 3)
    with pytest.raises(ValueError, match="keys have 2 features, this queue holds 3"):
        MemoryQueue(4, 3).push(torch.zeros(1, 2))
    with pytest.raises(ValueError, match=r"the saved queue is \(4, 3\), this one \(5, 3\)"):
        MemoryQueue(5, 3).load_state_dict(MemoryQueue(4, 3).state_dict())


def test_momentum_is_the_closed_form(generator):
    """After n updates: m^n w0 + (1 - m) * sum of m^(n-i) w_i."""
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    slow, m = MomentumNetwork(network, 0.9), 0.9
    history = [copy.deepcopy(list(network.parameters()))]
    for _ in range(5):
        for parameter in network.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)
        slow.update(network)
        history.append(copy.deepcopy(list(network.parameters())))
    for which, found in enumerate(slow.network.parameters()):
        wanted = m**5 * history[0][which]
        for i in range(1, 6):
            wanted = wanted + (1 - m) * m ** (5 - i) * history[i][which]
        torch.testing.assert_close(found.data, wanted.data)


def test_the_slow_network_is_a_copy_without_gradient(generator):
    network = nn.Linear(3, 2)
    slow = MomentumNetwork(network, 0.5)
    before = slow.network.weight.clone()
    with torch.no_grad():
        network.weight.add_(1)
    assert torch.equal(slow.network.weight, before)
    assert not slow(torch.rand(2, 3, generator=generator)).requires_grad
    slow.update(network)
    torch.testing.assert_close(slow.network.weight, before + 0.5)


@pytest.mark.parametrize("momentum", [1.0, -0.1])
def test_impossible_momenta_are_refused(momentum):
    with pytest.raises(ValueError, match=f"momentum is {momentum}"):
        MomentumNetwork(nn.Linear(1, 1), momentum)
