"""Proposals that are all but absent: left out, they change nothing but rounding."""

from dataclasses import replace

import pytest
import torch

from lib.models.scalor import Drawn, Scalor, ScalorConfig
from lib.models.scalor.compose import Glimpses
from tests.models.scalor.test_model import EARLY, SMALL, made, moving

THERE = (0, 5, 10)  # of 16 cells


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


def trained(config: ScalorConfig) -> Scalor:
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
def test_unread_proposals_change_nothing_but_rounding(there):
    clips = moving().double()
    found = []
    for faintest in (0.0, 1e-6):
        model = trained(replace(SMALL, faintest_read=faintest))
        result = model(clips, EARLY, Decided(there))
        result.loss.backward()
        assert len(result.state.objects.clip) == 2 * len(there)
        gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        found.append((result, gradients))
    (whole, of_whole), (part, of_part) = found
    assert part.loss.item() == pytest.approx(whole.loss.item(), rel=1e-9)
    torch.testing.assert_close(part.reconstruction, whole.reconstruction, rtol=0, atol=1e-9)
    assert set(of_part) <= set(of_whole)
    for name, gradient in of_whole.items():
        expected = of_part.get(name, torch.zeros_like(gradient))
        assert (gradient - expected).abs().max() <= 1e-7 * gradient.abs().max() + 1e-9, name


def test_only_the_others_are_read(looked):
    model = trained(replace(SMALL, faintest_read=1e-6))
    model(moving().double(), EARLY, Decided(THERE))
    tracked = 2 * len(THERE)
    assert looked == [tracked, tracked, tracked]  # proposed, then followed; nothing new


def test_all_are_read_unless_asked_for_otherwise(looked):
    model = made(SMALL).train()
    model(moving(), EARLY, Decided((), never=-500.0))  # of which float32 leaves a presence of 0
    assert looked == [32, 32, 32]


def test_where_nothing_is_there_nothing_is_read(looked):
    result = trained(replace(SMALL, faintest_read=1e-6))(moving().double(), EARLY, Decided(()))
    assert looked == []
    assert result.alpha.max() <= 1e-9
    assert all((frame.proposed.presence == 0).all() for frame in result.objects)


@pytest.mark.parametrize("name", ["faintest_drawn", "faintest_read"])
@pytest.mark.parametrize("least", [-0.1, 0.7])
def test_presence_that_cannot_be_faint(name, least):
    with pytest.raises(ValueError, match=f"{name}={least}: want 0 or more, less than carried_"):
        ScalorConfig(**{name: least})
