"""SCALOR as a whole: sizes, composition, identities, state, generation, learning."""

import math
from dataclasses import replace

import pytest
import torch

from lib.models.scalor import FINAL, Annealing, Drawn, Scalor, ScalorConfig, Silent
from lib.models.scalor.compose import bounded
from lib.models.scalor.render import Window, read
from tests.models.scalor.test_render import sampled

SMALL = ScalorConfig(
    image_px=64, grid=4, glimpse_px=16, what=8, scale=0.26, scale_range=0.1, aspect=1.0,
    aspect_range=0.3, background="field", appearance_floor=False, max_objects=10,
)  # fmt: skip
EARLY = Annealing().at(1)


def made(config: ScalorConfig = SMALL, seed: int = 0) -> Scalor:
    torch.manual_seed(seed)
    return Scalor(config).eval()


def moving(clips: int = 2, frames: int = 3, seed: int = 0) -> torch.Tensor:
    """A bright square on grey, moving to the right."""
    generator = torch.Generator().manual_seed(seed)
    video = 0.3 * torch.ones(clips, frames, 3, 64, 64)
    for clip in range(clips):
        top, left = torch.randint(4, 30, (2,), generator=generator).tolist()
        colour = torch.rand(3, generator=generator)[:, None, None]
        for frame in range(frames):
            video[clip, frame, :, top : top + 14, left + 3 * frame : left + 3 * frame + 14] = colour
    return video


def drawn(seed: int = 0) -> Drawn:
    return Drawn(torch.Generator().manual_seed(seed))


def test_the_original_has_five_million_and_two_parameters():
    model = Scalor(ScalorConfig())
    counts = {
        name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()
    }
    assert counts == {
        "encoder": 993_568,
        "glimpses": 756_644,
        "discovery": 177_787,
        "propagation": 459_288,
        "background": 2_612_715,
    }
    assert sum(counts.values()) == 5_000_002


@pytest.mark.parametrize("background", ["full", "broadcast", "field", "constant", "none"])
def test_every_background_gives_pictures_of_its_size(background):
    model = made(replace(SMALL, background=background))
    result = model(moving(), EARLY, drawn())
    assert result.reconstruction.shape == result.background.shape == (2, 3, 3, 64, 64)
    assert (result.background_kl > 0).all() == (background in ("full", "broadcast", "field"))
    assert torch.isfinite(result.loss)


@pytest.mark.parametrize(("image", "grid", "glimpse"), [(64, 8, 32), (128, 4, 16), (128, 8, 64)])
def test_other_sizes(image, grid, glimpse):
    model = made(replace(SMALL, image_px=image, grid=grid, glimpse_px=glimpse))
    result = model(torch.rand(1, 2, 3, image, image), EARLY, drawn())
    assert len(result.objects[0].proposed.clip) == grid**2
    assert result.alpha.shape == (1, 2, 1, image, image)


def test_frames_of_another_size_are_refused():
    with pytest.raises(ValueError, match="clips have 32 x 32 pixels; this model takes 64 x 64"):
        made()(torch.rand(1, 2, 3, 32, 32), EARLY, drawn())
    with pytest.raises(ValueError, match="clips have no frames"):
        made()(torch.rand(1, 0, 3, 64, 64), EARLY, drawn())


def test_the_reconstruction_is_what_a_slow_renderer_draws():
    """Every object on a canvas of its own, weighed, and the background behind."""
    model = made()
    clips = moving(frames=2)
    with torch.no_grad():
        result = model(clips, EARLY, drawn())
    for frame, objects in enumerate(result.objects):
        for clip in range(2):
            weighted, importance = torch.zeros(3, 64, 64), torch.zeros(1, 64, 64)
            alpha = torch.zeros(1, 64, 64)
            for part in filter(None, objects):
                mine = part.of(part.clip == clip)
                with torch.no_grad():
                    decoded = model.glimpses.decode(mine.what)
                for colours, where, depth, there in zip(
                    decoded, mine.where, mine.depth, mine.presence, strict=True
                ):
                    canvas = whole_canvas(
                        torch.cat([colours[3:] * colours[:3], colours[3:]]), where
                    )
                    canvas = canvas * there
                    weight = canvas[3:] * torch.sigmoid(-depth)
                    weighted += canvas[:3] * weight
                    importance += weight
                    alpha += canvas[3:]
            wanted = weighted / (importance + 1e-15)
            wanted = wanted + (1 - bounded(alpha)) * result.background[clip, frame]
            torch.testing.assert_close(
                result.reconstruction[clip, frame], wanted, rtol=0, atol=2e-5
            )


def whole_canvas(glimpse: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """One glimpse on a canvas of 64 pixels: reading the inverse box."""
    sides = 1 / (where[:2] + 1e-9)
    px = glimpse.shape[1]
    padded = torch.nn.functional.pad(glimpse, (64, 64, 64, 64))[None]
    box = torch.cat([sides, -where[2:] * sides])[None] * px / padded.shape[-1]
    everything = Window(256, 256)
    return read(padded, torch.zeros(1, dtype=torch.long), box, 64, everything)[0]


def test_weights_of_overlapping_objects_sum_to_one():
    model = made()
    with torch.no_grad():
        result = model(moving(frames=1), EARLY, drawn())
        layer = model.glimpses.layer(result.objects[0].proposed, (2, 64, 64))
    there = layer.importance > 1e-6
    assert there.any()
    shown = (layer.colour / layer.alpha.clamp_min(1e-9))[there.expand(-1, 3, -1, -1)]
    assert float(shown.min()) >= 0


def test_an_absent_object_is_not_drawn_at_all():
    model = made()
    with torch.no_grad():
        proposed = model(moving(frames=1), EARLY, drawn()).objects[0].proposed
        gone = proposed.presence.clone()
        gone[5] = 0
        without = proposed.of(torch.arange(len(gone)) != 5)
        first = model.glimpses.layer(proposed._replace(presence=gone), (2, 64, 64))
        second = model.glimpses.layer(without, (2, 64, 64))
        nobody = model.glimpses.layer(proposed._replace(presence=0 * gone), (2, 64, 64))
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a, b)
    assert all(float(part.abs().sum()) == 0 for part in nobody)


def test_clips_know_nothing_of_each_other():
    """The order of a batch, and who else is in it, changes nothing (but rounding)."""
    model, clips = made().double(), moving(clips=3).double()
    with torch.no_grad():
        whole = model(clips, EARLY, Silent())
        turned = model(clips.flip(0), EARLY, Silent())
        alone = model(clips[1:2], EARLY, Silent())
    torch.testing.assert_close(turned.reconstruction.flip(0), whole.reconstruction)
    torch.testing.assert_close(alone.reconstruction[0], whole.reconstruction[1])
    torch.testing.assert_close(alone.divergences.what[0], whole.divergences.what[1])


def test_a_video_in_two_parts_is_the_same_video():
    model, clips = made(), moving(frames=5)
    with torch.no_grad():
        whole = model(clips, EARLY, Silent())
        first = model(clips[:, :2], EARLY, Silent())
        second = model(clips[:, 2:], EARLY, Silent(), first.state)
    torch.testing.assert_close(second.reconstruction, whole.reconstruction[:, 2:])
    torch.testing.assert_close(second.background_kl, whole.background_kl[:, 2:])
    assert second.state.frame == whole.state.frame == 5
    assert second.state.objects.identity.tolist() == whole.state.objects.identity.tolist()


class Loud(Silent):
    """Cells that are given: presence is near 1 in these, near 0 elsewhere."""

    def __init__(self, cells: list[list[int]]) -> None:
        self.cells, self.frame = cells, 0

    def logistic(self, name: str, like: torch.Tensor) -> torch.Tensor:
        if name != "presence":
            return torch.full_like(like, 30.0)  # all that is followed stays
        noise = torch.full_like(like, -30.0)
        noise.view(len(like), -1)[:, self.cells[self.frame]] = 30.0
        self.frame += 1
        return noise


def test_identities_are_of_frame_and_cell_and_stay():
    """Bookkeeping by hand: two objects at first, a third one in the second frame."""
    model = made(replace(SMALL, rejected_overlap=1.1))
    with torch.no_grad():
        result = model(moving(clips=1, frames=3), EARLY, Loud([[2, 9], [4], []]))
    seen = [
        (frame.tracked.identity.tolist() if frame.tracked else [])
        + frame.proposed.identity[frame.proposed.presence[:, 0] > 0.7].tolist()
        for frame in result.objects
    ]
    assert seen == [[2, 9], [2, 9, 16 + 4], [2, 9, 16 + 4]]
    assert result.state.objects.identity.tolist() == [2, 9, 20]


def test_objects_that_are_absent_too_long_are_gone():
    class Fading(Loud):
        def logistic(self, name, like):
            noise = super().logistic(name, like)
            return noise if name == "presence" else torch.full_like(like, -30.0)

    model = made()
    with torch.no_grad():
        result = model(moving(clips=1, frames=3), EARLY, Fading([[2], [], []]))
    assert result.objects[1].tracked.presence.tolist() == [[0.0]]
    assert result.objects[2].tracked is None


def test_what_is_explained_already_is_rejected():
    """The same cell twice: where the first object covers it, the second proposal is refused."""
    cells = Loud([[5], [5]])
    twice = made(replace(SMALL, rejected_overlap=1.1))
    once = made(replace(SMALL, rejected_overlap=1e-6))
    for model in (twice, once):
        torch.nn.init.constant_(model.glimpses.decoder.alpha.last.bias, 4.0)  # all of the box
    clips = moving(clips=1, frames=2)
    with torch.no_grad():
        double = twice(clips, EARLY, cells)
        cells.frame = 0
        single = once(clips, EARLY, cells)
    assert len(double.state.objects.clip) == 2
    assert len(single.state.objects.clip) == 1


def test_no_more_objects_than_allowed():
    model = made(replace(SMALL, max_objects=3, rejected_overlap=1.1)).train()
    everywhere = Loud([list(range(16))] * 3)
    with torch.no_grad():
        result = model(moving(frames=3), EARLY, everywhere)
        assert result.state.objects.counted(2).tolist() == [3, 3]
        everywhere.frame = 0
        assert (
            model.eval()(moving(frames=1), EARLY, everywhere).state.objects.counted(2).min() == 16
        )


def test_proposals_are_as_sure_as_their_cap_allows():
    clips = moving(frames=1)
    for cap, most in ((None, 8.8), (4.0, 4.0)):
        model = made(replace(SMALL, discovery_logit_cap=cap, discovery_presence_bias=50.0))
        result = model(clips, EARLY._replace(temperature=1.0), Silent())
        [sure] = result.objects[0].proposed.presence.unique().tolist()
        assert sure == pytest.approx(1 / (1 + math.exp(-most)), rel=1e-5)


def test_the_background_may_learn_alone_first():
    model, clips = made(), moving()
    annealing = Annealing(background_steps=5)
    assert not annealing.at(5).drawn
    assert annealing.at(6) == Annealing().at(1)  # all else is counted from then on
    result = model(clips, annealing.at(5), drawn())
    assert torch.equal(result.reconstruction, result.background)
    assert result.alpha.max() < 1e-6
    result.loss.backward()
    trained = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None}
    assert trained == {"background"}
    assert len(model(clips, annealing.at(6), drawn()).objects[0].proposed.clip)


class TestGlimpsesThatProposalsLearnToDraw:
    def test_without_a_weight_there_is_no_term(self):
        assert made()(moving(), EARLY, drawn()).glimpses is None
        assert Annealing(glimpse_weight=2.0, background_steps=3).at(1).glimpse_weight == 2
        with pytest.raises(ValueError, match="glimpse_weight=-1.0: want 0 or more"):
            Annealing(glimpse_weight=-1.0)

    def test_they_learn_before_they_are_drawn(self):
        model, clips = made(), moving()
        result = model(clips, Annealing(background_steps=5, glimpse_weight=1.0).at(1), drawn())
        assert torch.equal(result.reconstruction, result.background)
        assert float(sum(of.sum() for of in result.divergences)) == 0
        assert len(result.state.objects.clip) == 0
        result.glimpses.sum().backward()
        trained = {
            name
            for name, p in model.named_parameters()
            if p.grad is not None and p.grad.abs().sum() > 0
        }
        assert any(name.startswith("glimpses.encoder") for name in trained)
        assert any(name.startswith("glimpses.decoder.colour") for name in trained)
        assert not any(name.startswith("background") for name in trained)
        assert not any(name.startswith("glimpses.decoder.alpha") for name in trained)

    def test_it_is_the_squared_miss_where_the_background_misses(self):
        model, clips = made(), moving()
        with torch.no_grad():
            early = EARLY._replace(glimpse_weight=1.0, sigma_share=0.7)
            result = model(clips, early, Loud([[3, 9], [], []]))
        px, sigma = SMALL.glimpse_px, 0.7 * SMALL.sigma
        for clip in range(len(clips)):
            by_hand = 0.0
            for frame, weight in enumerate((1, 0.5, 0.5)):  # proposals, then who is followed
                one = result.objects[frame].tracked if frame else result.objects[0].proposed
                one = one.of(one.clip == clip)
                assert len(one.clip)
                for what, box in zip(one.what, one.where, strict=True):
                    seen, behind = (
                        sampled(of[clip, frame][None], box[None], px, inverse=False)[0]
                        for of in (clips, result.background)
                    )
                    colour = model.glimpses.decode(what[None])[0, :3].detach()
                    wrong, surprise = (
                        ((of - seen) ** 2).sum(0) / (2 * sigma**2) for of in (colour, behind)
                    )
                    counts = surprise / (1 + surprise)
                    by_hand += weight * float((counts * wrong).sum())
            assert float(result.glimpses[clip]) == pytest.approx(by_hand, rel=1e-3)


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_the_likelihood_is_of_a_normal_that_may_narrow(share):
    clips = moving(clips=2, frames=2)
    with torch.no_grad():
        result = made()(clips, EARLY._replace(sigma_share=share), drawn())
    sigma = share * SMALL.sigma
    missed = (clips - result.reconstruction).square().flatten(2).sum(2) / (2 * sigma**2)
    by_hand = -missed - clips[0, 0].numel() * math.log(sigma * math.sqrt(2 * math.pi))
    torch.testing.assert_close(result.log_likelihood, by_hand, rtol=1e-5, atol=0.1)


def test_masks_may_be_faint_at_first():
    faint = made(replace(SMALL, alpha_bias=-3.0)).glimpses.decode(torch.randn(50, SMALL.what))[:, 3]
    even = made().glimpses.decode(torch.randn(50, SMALL.what))[:, 3]
    assert float(faint.detach().mean()) < 0.1 < 0.3 < float(even.detach().mean())


def test_gradients_pass_through_time_only_when_they_may():
    model = made()
    # in the second frame the only loss is that of the objects found in the first
    clips = moving(clips=1, frames=2)
    grads = {}
    for through in (False, True):
        model.zero_grad()
        result = model(clips, EARLY._replace(through_time=through), Loud([[5], []]))
        result.divergences.where[:, 1].sum().backward()
        grads[through] = model.discovery.net.where.weight.grad
    assert float(grads[True].abs().sum()) > float(grads[False].abs().sum())


def test_the_background_waits_while_proposals_are_opaque():
    model, clips = made(), moving()
    result = model(clips, EARLY._replace(opaque=0.9), drawn())
    assert (1 - result.alpha).abs().max() < 1e-6  # of all pixels, those without an object too
    torch.testing.assert_close(result.reconstruction, result.foreground)
    result.loss.backward()
    decoder = next(model.background.decoder.parameters())
    assert decoder.grad is None or decoder.grad.abs().max() < 1e-3
    assert model.glimpses.decoder.colour.last.weight.grad.abs().max() > 1e-3


def test_going_on_without_looking():
    model, clips = made(), moving(frames=2)
    with torch.no_grad():
        state = model(clips, EARLY, Loud([[5], []])).state
        first = model.imagine(state, 4, FINAL, drawn(1))
        again = model.imagine(state, 4, FINAL, drawn(1))
        other = model.imagine(state, 4, FINAL, drawn(2))
    assert first.shape == (2, 4, 3, 64, 64)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first.min()) >= 0
    assert float(first.max()) <= 1 + 1e-6


def test_looking_changes_nothing_about_the_model():
    model = made()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        model(moving(), EARLY, drawn())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_terms_add_up_to_the_loss():
    result = made()(moving(), EARLY, drawn())
    assert set(result.terms) == {
        "likelihood", "what", "where", "depth", "presence", "background",
    }  # fmt: skip
    torch.testing.assert_close(result.loss, sum(result.terms.values()))


def test_two_clips_are_learned():
    """Overfitting: the likelihood of two clips rises far above where it starts."""
    torch.manual_seed(0)
    model, clips, noise = Scalor(SMALL).train(), moving(frames=2), drawn()
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    errors = []
    for step in range(1, 61):
        result = model(clips, Annealing(presence_steps=40).at(step), noise)
        optimiser.zero_grad()
        result.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 100.0)
        optimiser.step()
        errors.append(((result.reconstruction - clips) ** 2).mean().item())
    assert errors[-1] < errors[0] / 8
