"""A background that is one picture a clip: its code, its divergence, videos in parts, learning."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence

from lib.models.scalor import FINAL, Scalor, ScalorConfig, Silent, State
from lib.models.scalor.background import Background
from lib.models.scalor.background_parts import BackgroundEncoder, ConvolutionalDecoder, SceneDecoder
from lib.models.scalor.background_scene import SCENE_CODE, SceneBackground
from lib.models.scalor.layers import mean_and_std
from lib.models.scalor.state import AveragedScene, PaintedScene
from tests.models.scalor.test_model import EARLY, SMALL, drawn, made, moving

SCENE = replace(SMALL, background="scene")


def background(kind: str = "scene", px: int = 64) -> Background:
    torch.manual_seed(0)
    return Background(replace(SMALL, background=kind, image_px=px, grid=px // 16)).eval()


def seen(clips: int = 2, frames: int = 3, px: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise in which nothing is alike, and what objects cover of it."""
    generator = torch.Generator().manual_seed(3)
    alpha = torch.rand(clips, frames, 1, px, px, generator=generator)
    return torch.rand(clips, frames, 3, px, px, generator=generator), alpha


def grounds(number: int = 3, px: int = 64) -> torch.Tensor:
    """Pictures of soft patches, each of colours of its own."""
    colours = torch.rand(number, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    return F.interpolate(colours, px, mode="bilinear")


def share_missed(kind: str, steps: int) -> tuple[float, float]:
    """Squared error over that of each picture's mean colour, and of all pictures' mean picture.

    As a background learns three pictures that stand still, with nobody before them.
    """
    pictures, behind = grounds(), background(kind).train()
    clips = pictures[:, None].expand(-1, 2, -1, -1, -1)
    alpha, noise = torch.zeros_like(clips[:, :, :1]), drawn()
    optimiser = torch.optim.Adam(behind.parameters(), lr=1e-3)
    for _ in range(steps):
        found, kl, _ = behind(clips, alpha, None, noise)
        loss = (found - clips).square().sum((2, 3, 4)).mean() / (2 * 0.1**2) + kl.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        found, _, _ = behind(clips, alpha, None, Silent())
    error = (found - clips).square().mean()
    colour = (pictures - pictures.mean((2, 3), keepdim=True)).square().mean()
    average = (pictures - pictures.mean(0)).square().mean()
    return float(error / colour), float(error / average)


def in_parts(model: Scalor, clips: torch.Tensor, lengths: list[int]) -> list[tuple]:
    """Background, its divergence and the state after each part, with no noise."""
    state: State | None = None
    found = []
    with torch.no_grad():
        for part in clips.split(lengths, dim=1):
            result = model(part, EARLY, Silent(), state)
            state = result.state.detach()
            found.append((result.background, result.background_kl, state))
    return found


@pytest.mark.parametrize("px", [64, 128])
def test_one_picture_a_clip_with_noise_too(px):
    clips, alpha = seen(px=px)
    with torch.no_grad():
        pictures, kl, _ = background(px=px)(clips, alpha, None, drawn())
    assert pictures.shape == clips.shape
    assert kl.shape == (2, 3)
    assert torch.equal(pictures, pictures[:, :1].expand_as(pictures))
    assert not torch.equal(pictures[0], pictures[1]), "clips have pictures of their own"
    assert float(pictures.min()) > 0
    assert float(pictures.max()) < 1


@pytest.mark.parametrize("px", [64, 128])
def test_the_decoder_is_the_largest(px):
    large, usual = SceneDecoder(px, SCENE_CODE), ConvolutionalDecoder(px, 10)
    count = lambda net: sum(p.numel() for p in net.parameters())  # noqa: E731
    assert count(large) == {64: 2_480_131, 128: 4_735_875}[px]
    assert count(usual) == {64: 868_851, 128: 2_413_555}[px]


def test_the_divergence_is_one_a_clip():
    """By hand: one posterior, of encodings that are averaged, and torch's divergence from N(0, 1).

    With noise: it is about the posterior, not about what is drawn.
    """
    behind, (clips, alpha) = background(), seen(frames=4)
    with torch.no_grad():
        pictures, kl, scene = behind(clips, alpha, None, drawn())
        whole = behind.clipwise
        assert isinstance(whole, SceneBackground)
        assert isinstance(whole.encoder, BackgroundEncoder)
        frames = [
            whole.encoder(torch.cat([clips[:, number], 1 - alpha[:, number]], dim=1))
            for number in range(4)
        ]
        mean, std = mean_and_std(sum(frames) / 4)
        noise = drawn().normal("background", mean)
        wanted = kl_divergence(Normal(mean, std), Normal(0.0, 1.0)).sum(1)
        picture = whole.decoder(mean + std * noise)
    assert mean.shape == (2, SCENE_CODE)
    torch.testing.assert_close(kl.sum(1), wanted)
    assert torch.equal(kl, kl[:, :1].expand(-1, 4)), "each frame has the same share"
    torch.testing.assert_close(pictures[:, 0], picture)
    torch.testing.assert_close(scene.vector, mean + std * noise)
    assert scene.frames.tolist() == [[4], [4]]


def test_the_order_of_frames_means_nothing():
    behind, (clips, alpha) = background(), seen(frames=4)
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        pictures, kl, _ = behind(clips, alpha, None, Silent())
        turned, turned_kl, _ = behind(clips[:, order], alpha[:, order], None, Silent())
        other, _, _ = behind(clips.flip(3), alpha, None, Silent())
    torch.testing.assert_close(turned, pictures)
    torch.testing.assert_close(turned_kl, kl)
    assert not torch.allclose(other, pictures, atol=1e-4), "but what they show does"


@pytest.mark.parametrize("lengths", [[1, 1, 1, 1, 1], [2, 3], [4, 1]])
def test_a_video_in_parts_comes_to_the_same_scene(lengths):
    """The last part has the whole's picture; the parts' divergences sum to the whole's."""
    model, clips = made(SCENE).double(), moving(frames=5).double()
    [(whole, whole_kl, after)] = in_parts(model, clips, [5])
    parts = in_parts(model, clips, lengths)
    pictures, _, last = parts[-1]
    torch.testing.assert_close(pictures[:, -1], whole[:, -1])
    assert isinstance(last.scene, AveragedScene)
    for ours, theirs in zip(last.scene, after.scene, strict=True):
        torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(sum(kl.sum(1) for _, kl, _ in parts), whole_kl.sum(1))
    assert not torch.allclose(parts[0][0][:, 0], whole[:, 0], atol=1e-9), "less was known at first"


def test_states_lose_their_gradient():
    result = made(SCENE)(moving(), EARLY, drawn())
    assert result.state.scene.total.requires_grad
    detached = result.state.detach().scene
    assert isinstance(detached, AveragedScene)
    assert not any(part.requires_grad for part in detached)
    for part, before in zip(detached, result.state.scene, strict=True):
        assert torch.equal(part, before)


def test_the_scene_stays_while_nobody_looks():
    model = made(replace(SCENE, discovery_presence_bias=-50.0))  # nobody is there
    with torch.no_grad():
        result = model(moving(), EARLY, drawn())
        later = model.imagine(result.state, 3, FINAL, drawn(1))
        picture, scene = model.background.imagine(2, result.state.scene, drawn(2))
    torch.testing.assert_close(picture, result.background[:, -1])
    torch.testing.assert_close(later, result.background, atol=1e-5, rtol=0)
    assert scene is result.state.scene, "nothing is learned from it"


def test_a_scene_that_nobody_saw_is_drawn():
    behind, (clips, alpha) = background(), seen()
    with torch.no_grad():
        first, scene = behind.imagine(2, None, drawn())
        again, _ = behind.imagine(2, scene, drawn(1))
        other, _ = behind.imagine(2, None, drawn(2))
        assert first.shape == (2, 3, 64, 64)
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
        fresh, fresh_kl, _ = behind(clips, alpha, None, Silent())
        after, kl, _ = behind(clips, alpha, scene, Silent())
    torch.testing.assert_close(after, fresh)
    torch.testing.assert_close(kl, fresh_kl)


def test_a_state_of_another_kind_is_refused():
    clips, alpha = seen()
    with pytest.raises(AssertionError):
        background()(clips, alpha, PaintedScene(clips[:, 0]), Silent())


def test_products_in_bfloat16_are_nearly_the_same():
    behind, (clips, alpha) = made(SCENE).multiply_in(torch.bfloat16).background, seen()
    behind.load_state_dict(background().state_dict())
    with torch.no_grad():
        exact, exact_kl, _ = background()(clips, alpha, None, Silent())
        near, kl, scene = behind(clips, alpha, None, Silent())
        picture, _ = behind.imagine(2, scene, Silent())
    assert near.dtype == kl.dtype == torch.float32
    assert not torch.equal(near, exact)
    torch.testing.assert_close(near, exact, atol=0.02, rtol=0)
    torch.testing.assert_close(kl, exact_kl, rtol=0.02, atol=0)
    assert torch.equal(picture, near[:, -1])


@pytest.mark.parametrize("likelihood", ["blended", "mixture"])
@pytest.mark.parametrize("kind", ["scene", "inpainted"])
def test_gradients_reach_every_part(kind, likelihood):
    torch.manual_seed(0)
    model = Scalor(replace(SMALL, background=kind, likelihood=likelihood)).train()
    result = model(moving(), EARLY, drawn())
    assert torch.isfinite(result.loss)
    result.loss.backward()
    for name, weight in model.background.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.abs().sum() > 0, name


def test_a_few_scenes_are_learned():
    of_colour, of_average = share_missed("scene", steps=0)
    assert min(of_colour, of_average) > 0.7, "before"
    of_colour, of_average = share_missed("scene", steps=35)
    assert max(of_colour, of_average) < 0.25


def test_sizes_that_have_no_such_network():
    for kind in ("scene", "inpainted"):
        with pytest.raises(ValueError, match="image_px=256: this background takes 64 or 128"):
            ScalorConfig(image_px=256, grid=16, background=kind)
