"""Divergences, schedules, configuration and state by themselves."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from lib.models.scalor.config import ScalorConfig
from lib.models.scalor.kl import bernoulli_kl, normal_kl
from lib.models.scalor.latents import capped_logits, gently_capped
from lib.models.scalor.noise import Drawn
from lib.models.scalor.schedules import Annealing
from lib.models.scalor.state import nothing, together


def test_normal_kl_is_torchs(generator):
    mean, prior_mean = torch.randn(2, 50, generator=generator, dtype=torch.float64)
    std, prior_std = 0.05 + torch.rand(2, 50, generator=generator, dtype=torch.float64)
    wanted = kl_divergence(Normal(mean, std), Normal(prior_mean, prior_std))
    torch.testing.assert_close(normal_kl(mean, std, prior_mean, prior_std), wanted)
    torch.testing.assert_close(
        normal_kl(mean, std), kl_divergence(Normal(mean, std), Normal(0.0, 1.0))
    )


def test_bernoulli_kl_is_torchs(generator):
    logits = 4 * torch.randn(50, generator=generator, dtype=torch.float64)
    prior = torch.rand(50, generator=generator, dtype=torch.float64)
    wanted = kl_divergence(Bernoulli(logits=logits), Bernoulli(probs=prior))
    torch.testing.assert_close(bernoulli_kl(logits, prior), wanted)


def test_bernoulli_kl_stays_finite_at_the_ends():
    logits, prior = torch.tensor([-200.0, 200.0]), torch.tensor([1.0, 0.0])
    assert torch.isfinite(bernoulli_kl(logits, prior)).all()


def test_relaxed_presence_follows_its_logits():
    """Sigmoid((logit + logistic noise) / τ) is above one half as often as the logit says."""
    noise = Drawn(torch.Generator().manual_seed(0))
    logits = torch.full((200_000,), 0.7, dtype=torch.float64)
    there = ((logits + noise.logistic("presence", logits)) / 0.5).sigmoid() > 0.5
    assert float(there.double().mean()) == pytest.approx(1 / (1 + math.exp(-0.7)), abs=0.005)


def test_gently_capped_presence_can_still_be_taught():
    raw = torch.tensor([-40.0, -6.0, 0.0, 0.1, 6.0, 40.0], requires_grad=True)
    logits = gently_capped(raw, 4.0)
    assert logits.abs().max() <= 4.0
    assert float(logits[3].detach()) == pytest.approx(0.1, rel=1e-3)
    [gentle] = torch.autograd.grad(logits[4], raw)
    [steep] = torch.autograd.grad(capped_logits(raw)[4], raw)
    assert gentle[4] > 0.1
    assert steep[4] < 1e-3


def test_schedules_are_the_originals():
    annealing = Annealing()
    first = annealing.at(1)
    assert (first.temperature, first.through_time, first.opaque) == (1.0, False, None)
    assert annealing.at(10_001).temperature == pytest.approx(0.5**0.5)
    assert annealing.at(50_000).temperature == pytest.approx(0.5)
    assert annealing.at(250).presence_prior == pytest.approx((0.1 + 1e-3) / 2)
    assert annealing.at(10_000).presence_prior == pytest.approx(1e-3)
    assert not annealing.at(29_999).through_time
    assert annealing.at(30_000).through_time
    assert not Annealing(through_time_step=None).at(10**9).through_time
    falling = Annealing(0.5, 0.5, presence_fall="exponential", presence_steps=100)
    assert falling.at(50).presence_prior == pytest.approx((0.1 * 1e-3) ** 0.5)
    assert falling.at(10_000).presence_prior == pytest.approx(1e-3)
    curriculum = Annealing(opaque_steps=200)
    assert curriculum.at(199).opaque == 0.9
    assert curriculum.at(200).opaque is None
    warming = Annealing(kl_warmup_steps=4)
    assert [warming.at(step).kl_weight for step in (1, 4, 9)] == [0.25, 1.0, 1.0]
    assert Annealing().at(1).kl_weight == 1.0
    narrowing = Annealing(last_sigma_share=0.25, sigma_since=10, sigma_steps=20)
    shares = [narrowing.at(step).sigma_share for step in (1, 10, 20, 30, 999)]
    assert shares == pytest.approx([1, 1, 0.5, 0.25, 0.25])
    assert {Annealing().at(step).sigma_share for step in (1, 10**6)} == {1.0}


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Annealing().at(0), "step=0: steps count from 1"),
        (lambda: Annealing(presence_steps=0), "presence_steps=0: want at least 1"),
        (lambda: Annealing(last_temperature=0.0), "last_temperature=0.0: want a number above 0"),
        (lambda: Annealing(last_sigma_share=0.0), "last_sigma_share=0.0: want a number above 0"),
        (lambda: Annealing(sigma_steps=0), "sigma_steps=0: want at least 1"),
        (lambda: Annealing(first_presence_prior=1.0), "first_presence_prior=1.0: want"),
        (lambda: ScalorConfig(image_px=100), "image_px=100 with grid=8: cells must have"),
        (lambda: ScalorConfig(image_px=128, grid=7), "image_px=128 with grid=7"),
        (lambda: ScalorConfig(glimpse_px=48), r"glimpse_px=48: choose one of \(16, 32, 64\)"),
        (lambda: ScalorConfig(scale_range=0.2), "ranges must be smaller"),
        (lambda: ScalorConfig(max_objects=0), "max_objects=0: want at least 1"),
        (lambda: ScalorConfig(discovery_logit_cap=0.0), "discovery_logit_cap=0.0: want a number"),
        (lambda: ScalorConfig(sigma=0.0), "sigma=0.0: want a number above 0"),
        (lambda: ScalorConfig(image_px=256, grid=16), "image_px=256: this background takes"),
    ],
)
def test_what_makes_no_sense_is_told(make, told):
    with pytest.raises(ValueError, match=told):
        make()


def test_objects_are_chosen_joined_and_counted():
    none = nothing(torch.zeros(1), ScalorConfig(what=3))
    some = none._replace(
        **{
            name: torch.arange(4 * (part.shape[1] if part.ndim > 1 else 1)).view(4, *part.shape[1:])
            for name, part in none._asdict().items()
        }
    )
    some = some._replace(clip=torch.tensor([0, 2, 2, 0]))
    both = together(some.of(torch.tensor([True, False, True, False])), some.of(torch.tensor([3])))
    assert both.identity.tolist() == [0, 2, 3]
    assert both.clip.tolist() == [0, 2, 0]
    assert both.counted(3).tolist() == [2, 0, 1]
    assert both.per_clip(torch.tensor([1.0, 2.0, 4.0]), 3).tolist() == [5.0, 0.0, 2.0]
    assert len(together(none, none).clip) == 0
