"""Proposals that are all but absent: left out, they change next to nothing."""

import math
from dataclasses import replace

import pytest
import torch

from lib.models.scalor import Drawn, Scalor, ScalorConfig
from lib.models.scalor.compose import Glimpses
from lib.models.scalor.discover import REJECTED_PRIOR
from tests.models.scalor.test_model import EARLY, SMALL, made, moving

THERE = (0, 5, 10)  # of 16 cells
LATE = EARLY._replace(presence_prior=1e-3)


class Decided(Drawn):
    """Noise under which cells `there` have an object in the first frame, and none has later."""

    def __init__(self, there: tuple[int, ...], *, never: float = -40.0) -> None:
        super().__init__(torch.Generator().manual_seed(0))
        self.there, self.never, self.frame = there, never, 0

    def logistic(self, name: str, like: torch.Tensor) -> torch.Tensor:
        if name != "presence":
            return torch.full_like(like, 40.0)
        decided = torch.full_like(like, self.never).flatten(1)
        if self.frame == 0:
            decided[:, list(self.there)] = 40.0
        self.frame += 1
        return decided.view_as(like)


def trained(faintest_read: float = 1e-3) -> Scalor:
    """A model that expects objects nowhere: p is about 1e-4 in every cell."""
    config = replace(SMALL, faintest_read=faintest_read, discovery_presence_bias=-8.0)
    return made(config).train().double()


@pytest.fixture
def looked(monkeypatch) -> list[int]:
    """Boxes that each call of the glimpse encoder reads."""
    calls: list[int] = []
    look = Glimpses.look

    def counted(self, images, clip, where):
        calls.append(len(where))
        return look(self, images, clip, where)

    monkeypatch.setattr(Glimpses, "look", counted)
    return calls


@pytest.mark.parametrize("there", [THERE, ()])
def test_unread_proposals_change_next_to_nothing(there):
    clips = moving().double()
    found = []
    for faintest in (0.0, 1e-3):
        model = trained(faintest)
        result = model(clips, LATE, Decided(there))
        result.loss.backward()
        assert len(result.state.objects.clip) == 2 * len(there)
        gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        found.append((result, gradients))
    (whole, of_whole), (part, of_part) = found
    # of each cell that is covered, the presence that was expected of it is another
    p, prior = 2e-4, LATE.presence_prior
    most = 2 * 16 * (p * math.log(prior / REJECTED_PRIOR) - math.log(1 - prior))
    assert part.loss.item() == pytest.approx(whole.loss.item(), abs=most)
    torch.testing.assert_close(part.reconstruction, whole.reconstruction, rtol=0, atol=1e-9)
    largest = max(gradient.abs().max() for gradient in of_whole.values())
    for name, gradient in of_whole.items():
        expected = of_part.get(name, torch.zeros_like(gradient))
        assert (gradient - expected).abs().max() <= 1e-4 * largest, name


def test_what_could_have_been_there_is_read(looked):
    """Else a cell that is covered would not be told to expect nothing."""
    model = made(replace(SMALL, faintest_read=1e-3)).train()
    model(moving(), EARLY, Decided(()))
    assert looked == [32, 32, 32]


def test_only_the_others_are_read(looked):
    model = trained()
    model(moving().double(), EARLY, Decided(THERE))
    tracked = 2 * len(THERE)
    assert looked == [tracked, tracked, tracked]  # proposed, then followed; nothing new


def test_all_are_read_unless_asked_for_otherwise(looked):
    model = made(SMALL).train()
    model(moving(), EARLY, Decided((), never=-500.0))  # of which float32 leaves a presence of 0
    assert looked == [32, 32, 32]


def test_where_nothing_is_there_nothing_is_read(looked):
    result = trained()(moving().double(), EARLY, Decided(()))
    assert looked == []
    assert result.alpha.max() <= 1e-9
    assert all((frame.proposed.presence == 0).all() for frame in result.objects)


@pytest.mark.parametrize("name", ["faintest_drawn", "faintest_read"])
@pytest.mark.parametrize("least", [-0.1, 0.7])
def test_presence_that_cannot_be_faint(name, least):
    with pytest.raises(ValueError, match=f"{name}={least}: want 0 or more, less than carried_"):
        ScalorConfig(**{name: least})
