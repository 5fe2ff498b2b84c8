"""With which probability a pixel shows the ground: Bayes' rule, in plain numbers."""

import math

import pytest
import torch

from lib.models.scalor import FINAL, Scalor, Silent
from lib.models.scalor.likelihood import LEAST, ground_probability, mixture
from tests.evaluation.trackers import REMEMBERING, SMALL, crowded

SHAPE = (2, 3, 1, 4, 5)


def density(value: torch.Tensor, mean: torch.Tensor, sigma: float) -> torch.Tensor:
    scaled = ((value - mean) / sigma).square().sum(2, keepdim=True)
    return torch.exp(-0.5 * scaled) / (sigma * math.sqrt(2 * math.pi)) ** 3


@pytest.fixture
def drawn():
    torch.manual_seed(0)
    clips, behind, colour = (0.4 + 0.1 * torch.rand(2, 3, 3, 4, 5).double() for _ in range(3))
    alpha = torch.rand(SHAPE).double()
    return clips, colour, alpha, behind, torch.rand(SHAPE).double()


@pytest.mark.parametrize("surprise", [0.0, 0.2])
@pytest.mark.parametrize("shaded", [False, True])
def test_it_is_the_ground_s_share_of_the_likelihood(drawn, surprise, shaded):
    clips, colour, alpha, behind, cost = drawn
    options = {"ground_sigma": 0.1, "surprise": surprise, "shadow": cost if shaded else None}
    here = alpha.clamp(LEAST, 1 - LEAST)
    ground = (1 - surprise) * density(clips, behind, 0.1)
    ground = (1 - here) * ground * (torch.exp(-cost) if shaded else 1.0)
    objects, anything = here * density(clips, colour, 0.2), (1 - here) * surprise
    whole = objects + ground + anything
    found = ground_probability(clips, colour * alpha, alpha, behind, 0.2, **options)
    torch.testing.assert_close(found, ground / whole)
    likely = mixture(clips, colour * alpha, alpha, behind, 0.2, **options)
    torch.testing.assert_close(likely, whole.log().flatten(2).sum(2))


def test_a_colour_that_nobody_has_is_not_the_ground_s():
    clips = torch.full((1, 1, 3, 1, 2), 0.5)
    clips[..., 1] = 0.9
    behind, nobody = torch.full_like(clips, 0.5), torch.zeros(1, 1, 1, 1, 2)
    options = {"ground_sigma": 0.03, "surprise": 0.01}
    found = ground_probability(clips, nobody.expand_as(clips), nobody, behind, 0.1, **options)
    usual, strange = found.flatten().tolist()
    assert usual > 0.99
    assert strange < 1e-6


def test_models_say_it_of_clips_with_and_without_a_remembered_background():
    clips = torch.rand(2, 3, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    for config, behind in ((SMALL, None), (REMEMBERING, clips[:, 0])):
        model: Scalor = crowded(config)
        with torch.no_grad():
            result = model(clips, FINAL, Silent(), behind=behind)
        found = model.ground(clips, result, behind)
        assert found.shape == (2, 3, 1, 64, 64)
        assert ((found >= 0) & (found <= 1)).all()
        assert (found[result.alpha < 0.01] > found[result.alpha > 0.9].mean()).float().mean() > 0.5
    same = clips[:, :1].expand(-1, 3, -1, -1, -1)  # nothing ever moves
    with torch.no_grad():
        result = model(same, FINAL, Silent(), behind=clips[:, 0])
    still = model.ground(same, result, clips[:, 0])
    assert (still[result.alpha < 0.3] > 0.5).all()
