"""A background that is given: what models are shown of it, shadows, and mixtures with objects."""

from dataclasses import replace

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from lib.models.scalor import Scalor
from lib.models.scalor.likelihood import blended, mixture
from lib.models.scalor.sight import GAIN, light_left, sight
from tests.models.scalor.test_model import EARLY, SMALL, drawn, made, moving

REMEMBERED = replace(
    SMALL, background="remembered", frame_maps="direct", likelihood="mixture", rival_overlap=0.3
)
GROUND = torch.full((2, 3, 64, 64), 0.3)


def test_frames_that_show_nobody_are_explained_without_objects():
    model = made(replace(REMEMBERED, discovery_presence_bias=-20.0))
    clips = GROUND[:, None].expand(-1, 3, -1, -1, -1)
    result = model(clips, EARLY, drawn(), behind=GROUND)
    torch.testing.assert_close(result.background, clips)
    torch.testing.assert_close(result.reconstruction, clips, atol=0.03, rtol=0)
    best = blended(clips, clips, REMEMBERED.sigma)
    torch.testing.assert_close(result.log_likelihood, best, atol=0, rtol=2e-3)
    assert (result.background_kl == 0).all()


def test_what_is_shown():
    clips = moving()
    seen = sight(clips, GROUND, REMEMBERED)
    torch.testing.assert_close(seen.whole, GAIN * (clips - GROUND[:, None]))
    assert seen.glimpses.shape == (2, 3, 6, 64, 64)
    torch.testing.assert_close(seen.glimpses[:, :, :3], clips)
    unchanged = (seen.whole == 0).all(2, keepdim=True).expand(-1, -1, 3, -1, -1)
    torch.testing.assert_close(seen.glimpses[:, :, 3:][unchanged], clips[unchanged])


def test_objects_are_sharper_than_a_blend_wants_them():
    """A black pixel on white, drawn grey at alpha one half: a blend is content, a mixture not."""
    clips, ground = torch.zeros(1, 1, 3, 1, 1), torch.ones(1, 1, 3, 1, 1)
    alpha = torch.tensor(0.5, requires_grad=True)
    here, black = alpha.expand(1, 1, 1, 1, 1), torch.zeros(1, 1, 3, 1, 1)
    mixture(clips, black, here, ground, 0.1).sum().backward()
    assert alpha.grad is not None
    assert alpha.grad > 1, "towards 1, where the object explains the pixel"


def test_a_mixture_is_that_of_torch():
    generator = torch.Generator().manual_seed(0)
    clips, colour, ground = (torch.rand(2, 3, 3, 4, 4, generator=generator) for _ in range(3))
    alpha = 0.1 + 0.8 * torch.rand(2, 3, 1, 4, 4, generator=generator)
    shadow = torch.rand(2, 3, 1, 4, 4, generator=generator)
    weights = torch.cat([alpha, (1 - alpha) * torch.exp(-shadow)], dim=2).movedim(2, -1)
    means = torch.stack([colour, ground]).permute(1, 2, 4, 5, 0, 3)
    pixels = MixtureSameFamily(Categorical(weights), Independent(Normal(means, 0.2), 1))
    scale = weights.sum(-1).log()  # Categorical makes them sum to one
    wanted = (pixels.log_prob(clips.movedim(2, -1)) + scale).sum((2, 3))
    found = mixture(clips, alpha * colour, alpha, ground, 0.2, shadow=shadow)
    torch.testing.assert_close(found, wanted)


def test_ground_is_known_better_than_objects_but_for_surprises():
    clips = torch.tensor([0.5, 0.9]).view(2, 1, 1, 1, 1).expand(2, 1, 3, 1, 1)
    ground, nobody = torch.full((2, 1, 3, 1, 1), 0.5), torch.zeros(2, 1, 1, 1, 1)
    options = {"ground_sigma": 0.05, "surprise": 0.01}
    same, other = mixture(clips, nobody.expand_as(ground), nobody, ground, 0.2, **options)
    best = 3 * Normal(0.0, 0.05).log_prob(torch.tensor(0.0))
    torch.testing.assert_close(same[0], best, atol=0.02, rtol=0)
    torch.testing.assert_close(other[0], torch.tensor(0.01).log(), atol=0.01, rtol=0)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 1.7])
def test_a_mixture_of_one_part_alone_is_finite(alpha):
    clips, ground = torch.zeros(1, 1, 3, 2, 2), torch.ones(1, 1, 3, 2, 2)
    here = torch.full((1, 1, 1, 2, 2), alpha, requires_grad=True)
    found = mixture(clips, 0.5 * torch.ones(1, 1, 3, 2, 2) * here, here, ground, 0.1)
    found.sum().backward()
    assert found.isfinite().all()
    assert here.grad is not None
    assert here.grad.isfinite().all()


def test_shadows_are_ground_with_less_light():
    clips = torch.stack([GROUND * 0.7, GROUND * 0.2, GROUND * 1.5, GROUND], dim=1)
    clips[:, 3, 0] += 0.3  # another colour: no shadow
    light = light_left(clips, GROUND, 0.5)
    means = light.mean((0, 2, 3, 4))
    torch.testing.assert_close(means, torch.tensor([0.7, 0.5, 1.0, 1.0]))
    seen = sight(clips, GROUND, replace(REMEMBERED, shadow=0.5, shadow_cost=4.0))
    torch.testing.assert_close(seen.whole[:, 0], torch.zeros(2, 3, 64, 64))
    assert seen.whole[:, 1:].abs().amax((0, 2, 3, 4)).gt(0.4).all()
    assert seen.shadow is not None
    torch.testing.assert_close(seen.shadow.mean((0, 2, 3, 4)), 4.0 * (1 - means))
    assert (light_left(clips, GROUND, 1.0) == 1).all()
    assert light_left(clips, torch.zeros_like(GROUND), 0.5).isfinite().all(), "black ground"


def test_going_on_without_looking():
    model = made(REMEMBERED)
    with torch.no_grad():
        state = model(moving(), EARLY, drawn(), behind=GROUND).state
        later = model.imagine(state, 2, EARLY, drawn(), behind=GROUND)
    assert later.shape == (2, 2, 3, 64, 64)


def test_videos_in_pieces():
    model, clips = made(replace(REMEMBERED, shadow=0.5)), moving(frames=4)
    quiet = lambda part, state=None: model(part, EARLY, drawn(1), state, GROUND)  # noqa: E731
    with torch.no_grad():
        first = quiet(clips[:, :2])
        assert quiet(clips[:, 2:], first.state).state.frame == 4


def test_what_does_not_fit():
    with pytest.raises(ValueError, match=r"behind: got nothing, wanted \(2, 3, 64, 64\)"):
        made(REMEMBERED)(moving(), EARLY, drawn())
    with pytest.raises(ValueError, match=r"behind: got shape \(1, 3, 64, 64\), wanted \(2, 3"):
        made(REMEMBERED)(moving(), EARLY, drawn(), behind=GROUND[:1])
    with pytest.raises(ValueError, match="makes its background \\(field\\) itself: leave it out"):
        made()(moving(), EARLY, drawn(), behind=GROUND)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"shadow": 0.0}, "shadow=0.0: want a share of the light"),
        ({"shadow": 1.5}, "shadow=1.5: want a share of the light"),
        ({"shadow_cost": -1.0}, "shadow_cost=-1.0: want 0 nats or more"),
        ({"ground_sigma": 0.0}, "ground_sigma=0.0: want a number above 0"),
        ({"surprise": 1.0}, "surprise=1.0: want a probability"),
        ({"rival_overlap": 1.0}, "rival_overlap=1.0: want an intersection over union"),
    ],
)
def test_settings_that_make_no_sense(changed, message):
    with pytest.raises(ValueError, match=message):
        replace(REMEMBERED, **changed)


@pytest.mark.parametrize("layers", ["dense", "convolutions"])
def test_gradients_reach_every_part(layers):
    torch.manual_seed(0)
    model = Scalor(replace(REMEMBERED, glimpse_layers=layers, discovery_presence_bias=3.0)).train()
    model(moving(frames=3), EARLY, drawn(), behind=GROUND).loss.backward()
    without = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert not [name for name in without if not name.startswith("background")]
