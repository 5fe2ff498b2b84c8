"""Training SCALOR: batches, its cached run, resuming, bad input."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lib.data.mot.clips import ClipConfig, Clips
from lib.data.mot.discovery import discover_sequences
from lib.models.scalor import Annealing, Scalor, ScalorConfig
from lib.training import scalor as module
from lib.training.scalor import (
    Adversarial,
    Length,
    Perceptual,
    ScalorTraining,
    new_scalor,
    train_scalor,
)
from lib.training.scalor_clips import ClipBatches
from lib.worlds.sprites import SpritesFootage, make_sprites

CLIPS, FRAMES = 6, 4
TINY = ScalorTraining(
    name="test",
    model=ScalorConfig(
        image_px=64, grid=4, glimpse_px=16, what=4, scale=0.26, scale_range=0.1, aspect=1.0,
        aspect_range=0.3, background="field",
    ),
    annealing=Annealing(presence_steps=4, temperature_steps=4, through_time_step=3),
    lengths=(Length(0, 1, 4), Length(2, 2, 2)),
    optimiser="adam",
    learning_rate=1e-3,
    steps=4,
    products="float32",
)  # fmt: skip
REMEMBERING = replace(
    TINY,
    model=replace(
        TINY.model, background="remembered", frame_maps="direct", likelihood="mixture",
        rival_overlap=0.3, shadow=0.5,
    ),
)  # fmt: skip
CUT = ClipConfig(frames=FRAMES, stride=1, size_px=64, window_px=None, windows="centre")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    folder = tmp_path_factory.mktemp("sprites")
    make_sprites(folder, SpritesFootage(clips=CLIPS, frames=FRAMES), workers=1, progress=False)
    return Clips(discover_sequences(folder).sequences, CUT)


def trained(clips: Clips, root: Path, config: ScalorTraining = TINY, **options):
    options = {"preset": "tiny", "root": root, "device": "cpu", "progress": False} | options
    return train_scalor(config, clips, "digest", **options)


def test_batches_are_a_function_of_the_step(clips):
    batches = ClipBatches(TINY, clips, seed=3)
    shapes = [tuple(batches(step).clips.shape) for step in range(4)]
    assert shapes == [(4, 1, 3, 64, 64)] * 2 + [(2, 2, 3, 64, 64)] * 2
    assert torch.equal(batches(3).clips, ClipBatches(TINY, clips, seed=3)(3).clips)
    assert not torch.equal(batches(3).clips, ClipBatches(TINY, clips, seed=4)(3).clips)
    assert batches(3).behind is None


def test_models_that_remember_the_background_are_given_it(clips):
    batch = ClipBatches(REMEMBERING, clips, seed=3)(2)
    assert batch.clips.shape == (2, 2, 3, 64, 64)
    pictures = [clips.behind(number) for number in range(CLIPS)]
    assert batch.behind is not None
    for clip, behind in zip(batch.clips, batch.behind.permute(0, 2, 3, 1).numpy(), strict=True):
        mine = [k for k, one in enumerate(pictures) if np.array_equal(one, behind)]
        shown = clip.permute(0, 2, 3, 1).numpy()
        whole = [clips.clip(k).frames for k in mine]
        assert any((one[i : i + 2] == shown).all() for one in whole for i in range(FRAMES - 1))


def test_every_round_has_every_clip_once(clips):
    config = replace(TINY, lengths=(Length(0, FRAMES, 3),))
    batches = ClipBatches(config, clips, seed=0)
    whole = [clips.clip(number).frames for number in range(CLIPS)]
    for turn in range(2):
        seen = torch.cat([batches(2 * turn + k).clips for k in (0, 1)])
        seen = seen.permute(0, 1, 3, 4, 2).numpy()
        order = [next(i for i, one in enumerate(whole) if np.array_equal(one, x)) for x in seen]
        assert sorted(order) == list(range(CLIPS))


def test_lengths_go_on_where_the_ones_before_stopped(clips):
    """Two steps of four clips, then of two: the first of the latter is the ninth clip."""
    batches = ClipBatches(TINY, clips, seed=0)
    assert batches._taken == {0: 0, 2: 8}


@pytest.mark.parametrize("config", [TINY, REMEMBERING], ids=["learnt", "remembered"])
def test_a_run_is_found_again_and_resumes_to_the_same_bits(clips, tmp_path, monkeypatch, config):
    whole = trained(clips, tmp_path / "whole", config)
    assert len(whole.history) == 4
    assert {"likelihood", "what", "presence", "objects"} <= set(whole.history)
    with monkeypatch.context() as patch:  # an undo would undo this folder's fixtures as well
        patch.setattr(module, "_train", None)  # nothing is trained again
        again = trained(clips, tmp_path / "whole", config)
    monkeypatch.setattr(ScalorTraining, "checkpoint_every", property(lambda _: 1))
    real = module.ScalorStep.__call__

    def breaks(self, model, batch, step):
        if step == 2:
            raise RuntimeError("out of power")
        return real(self, model, batch, step)

    monkeypatch.setattr(module.ScalorStep, "__call__", breaks)
    with pytest.raises(RuntimeError, match="out of power"):
        trained(clips, tmp_path / "parts", config)
    monkeypatch.setattr(module.ScalorStep, "__call__", real)
    parts = trained(clips, tmp_path / "parts", config)
    for other in (again, parts):
        for one, two in zip(
            whole.model.state_dict().values(), other.model.state_dict().values(), strict=True
        ):
            assert torch.equal(one, two)


def test_seeds_start_from_other_weights():
    first, again, other = (new_scalor(TINY, seed).state_dict() for seed in (0, 0, 1))
    name = "discovery.net.where.weight"
    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], other[name])


def test_the_rate_rises_stays_and_falls_once():
    config = replace(TINY, warmup_steps=2, cooling=0.75, cooled=0.1)
    assert [config.rate_at(step) for step in range(4)] == [0.5, 1.0, 1.0, 0.1]
    waiting = replace(config, annealing=replace(config.annealing, background_steps=2), steps=8)
    assert [waiting.rate_at(step) for step in range(4)] == [1.0, 1.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"lengths": ()}, "the first must begin at step 0"),
        ({"lengths": (Length(5, 1, 1),)}, "the first must begin at step 0"),
        ({"lengths": (Length(0, 0, 1),)}, "at least one frame and one clip"),
        ({"steps": 0}, "steps=0: want at least 1"),
        ({"undecided": -0.5}, "undecided=-0.5: want 0 nats or more"),
        ({"learning_rate": 0.0}, "learning_rate=0.0: want a number above 0"),
        ({"cooling": 0.0}, "cooling=0.0: want a share"),
        (
            {
                "annealing": Annealing(background_steps=5),
                "model": replace(TINY.model, background="none"),
            },
            "annealing.background_steps=5: a model with background='none'",
        ),
    ],
)
def test_what_makes_no_sense_is_told(wrong, told):
    with pytest.raises(ValueError, match=told):
        replace(TINY, **wrong)


def test_clips_must_fit_the_model(clips, tmp_path):
    with pytest.raises(ValueError, match="clips have 4 frames, training wants up to 5"):
        trained(clips, tmp_path, replace(TINY, lengths=(Length(0, 5, 1),)))
    large = Clips(clips.sequences, replace(CUT, size_px=32))
    with pytest.raises(ValueError, match="frames of 32 pixels, the model takes 64"):
        trained(large, tmp_path)


def test_divergences_come_to_weigh_one(clips, tmp_path):
    warming = replace(TINY.annealing, kl_warmup_steps=4)
    history = trained(clips, tmp_path, replace(TINY, annealing=warming)).history
    full = history[["likelihood", "presence", "background"]].sum(axis=1)
    kinds = history[["what", "where", "depth"]].sum(axis=1)
    np.testing.assert_allclose(
        history["loss"], full + np.array([0.25, 0.5, 0.75, 1.0]) * kinds, rtol=1e-5
    )


def test_the_backgrounds_network_may_learn_more_slowly():
    config = replace(TINY, background_rate=0.1)
    model = new_scalor(config)
    groups = module._optimiser(config, model).param_groups
    assert [group["lr"] for group in groups] == [1e-3, pytest.approx(1e-4)]
    counted = [sum(value.numel() for value in group["params"]) for group in groups]
    assert counted[1] == sum(value.numel() for value in model.background.parameters()) > 0
    assert sum(counted) == sum(value.numel() for value in model.parameters())
    black = replace(TINY, model=replace(TINY.model, background="none"))
    assert not module._optimiser(black, new_scalor(black)).param_groups[1]["params"]


def test_the_studys_terms_are_trained_logged_and_resumed(clips, tmp_path, monkeypatch):
    both = replace(
        TINY, perceptual=Perceptual(frames=3), adversarial=Adversarial(every=2), name="terms"
    )
    whole = trained(clips, tmp_path / "whole", both)
    columns = whole.history
    assert (columns["perceptual"] > 0).all()
    assert columns["adversarial"].nunique() == 2  # of four steps every second is asked
    without = columns["likelihood"] + columns[
        ["what", "where", "depth", "presence", "background"]
    ].sum(axis=1)
    np.testing.assert_allclose(
        (columns["loss"] - without)[[1, 3]], columns["perceptual"][[1, 3]], rtol=1e-3
    )
    assert (columns["loss"][[0, 2]] > (without + columns["perceptual"])[[0, 2]]).all()
    monkeypatch.setattr(ScalorTraining, "checkpoint_every", property(lambda _: 1))
    real = module.ScalorStep.__call__

    def breaks(self, model, batch, step):
        if step == 3:
            raise RuntimeError("out of power")
        return real(self, model, batch, step)

    with monkeypatch.context() as patch:
        patch.setattr(module.ScalorStep, "__call__", breaks)
        with pytest.raises(RuntimeError, match="out of power"):
            trained(clips, tmp_path / "parts", both)
    parts = trained(clips, tmp_path / "parts", both)
    for one, two in zip(
        whole.model.state_dict().values(), parts.model.state_dict().values(), strict=True
    ):
        assert torch.equal(one, two)


def test_undecided_masks_cost_what_their_pixels_are_undecided(clips, tmp_path):
    alphas = []

    class Watched(Scalor):
        def forward(self, *given, **more):
            result = super().forward(*given, **more)
            alphas.append(result.alpha.detach())
            return result

    config = replace(TINY, undecided=0.25)
    model, batch = Watched(config.model), ClipBatches(config, clips, seed=0)(3)
    torch.manual_seed(0)
    losses = [
        module.ScalorStep(one, torch.Generator().manual_seed(0))(model, batch, 3)
        for one in (TINY, config)
    ]
    alpha = alphas[-1]
    assert torch.equal(alphas[0], alpha)
    assert alpha.max() > 0.1
    per_frame = (4 * alpha * (1 - alpha)).flatten(2).sum(2)
    assert losses[1].parts["undecided"].item() == pytest.approx(0.25 * per_frame.mean().item())
    assert (losses[1].total - losses[0].total).item() == pytest.approx(
        losses[1].parts["undecided"].item(), rel=1e-3
    )
    assert "undecided" not in losses[0].parts
    assert "undecided" in trained(clips, tmp_path, replace(config, steps=1)).history


class TestStart:
    def test_its_weights_are_trained_on_and_stay_as_they_are(self, clips, tmp_path):
        start = new_scalor(TINY, seed=5)
        before = {name: of.clone() for name, of in start.state_dict().items()}
        still = replace(TINY, learning_rate=1e-12, steps=1)
        got = trained(clips, tmp_path, still, start=start)
        for name, of in got.model.state_dict().items():
            assert torch.allclose(of, before[name], atol=1e-9), name
        drawn = new_scalor(TINY, seed=0).state_dict()  # what the seed would have begun with
        assert any(not torch.allclose(of, drawn[name]) for name, of in before.items())
        moved = trained(clips, tmp_path, start=start).model.state_dict()
        assert any(not torch.equal(of, before[name]) for name, of in moved.items())
        assert all(torch.equal(of, before[name]) for name, of in start.state_dict().items())

    def test_another_start_is_another_run(self, clips, tmp_path):
        keys = [
            trained(clips, tmp_path, replace(TINY, steps=1), start=start).run.key
            for start in (None, new_scalor(TINY, 1), new_scalor(TINY, 2), new_scalor(TINY, 1))
        ]
        assert len(set(keys)) == 3
        assert keys[1] == keys[3]

    def test_another_configuration_is_told(self, clips, tmp_path):
        start = new_scalor(REMEMBERING)
        with pytest.raises(ValueError, match=r"start has the configuration .*config.model=start"):
            trained(clips, tmp_path, start=start)
