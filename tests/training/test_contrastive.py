"""Contrastive training as a whole: its switches, its cached run, resuming, learning, collapse."""

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from lib.data.frames import FrameStore
from lib.models.contrastive import ContrastiveNetwork
from lib.training import contrastive as module
from lib.training.contrastive import (
    METHODS,
    CollapsedTrainingWarning,
    ContrastiveConfig,
    TrainedContrastive,
    embed,
    train_contrastive,
    untrained,
)
from lib.training.contrastive_loss import info_nce, spread
from lib.training.contrastive_step import ContrastiveStep, ViewBatches
from lib.training.device import make_fabric
from lib.training.loop import Losses
from lib.training.loss_sampling import LossSampler, SelectionLog
from lib.training.views import ViewSettings, draw_views, make_views
from tests.training.playthrough import pan

TINY = ContrastiveConfig(
    name="test", width=2, embedding=8, views=ViewSettings(size_px=16), queue_size=50,
    momentum_share=0.9, neighbour_span=10, batch_size=4, steps=6, precision="32-true",
)  # fmt: skip
TRAIN = np.arange(40)

Trains = Callable[..., TrainedContrastive]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return pan(tmp_path_factory.mktemp("footage"))


@pytest.fixture
def run(store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trains:
    # a run of six steps is where it began, and that is nearly a point
    monkeypatch.setattr(module, "COLLAPSED_SPREAD", 0.0)

    def trained(config: ContrastiveConfig = TINY, **options) -> TrainedContrastive:
        options = {"preset": "tiny", "root": tmp_path, "device": "cpu"} | options
        return train_contrastive(config, store, TRAIN, progress=False, **options)

    return trained


def bits(model: ContrastiveNetwork) -> list[torch.Tensor]:
    return list(model.state_dict().values())


def same(one: ContrastiveNetwork, two: ContrastiveNetwork) -> bool:
    return all(torch.equal(a, b) for a, b in zip(bits(one), bits(two), strict=True))


def parts_of(config: ContrastiveConfig, store: FrameStore, *, steps: int = 3):
    """The pieces of a training, without the loop."""
    fabric = make_fabric("cpu")
    model = untrained(config).train()
    sampler = LossSampler(len(TRAIN), config.sampling)
    log = SelectionLog(TRAIN, steps)
    step = ContrastiveStep(config, fabric, model, sampler)
    batches = ViewBatches(config, store, TRAIN, sampler, log, seed=0, device=fabric.device)
    return model, step, batches


class TestConfig:
    @pytest.mark.parametrize("preset", ["tiny", "small", "full"])
    @pytest.mark.parametrize("method", METHODS)
    def test_presets_differ_from_the_main_one_by_their_switch(self, preset, method):
        main, other = (ContrastiveConfig.preset(preset, name) for name in ("contrastive", method))
        changed = {k for k in main.__dict__ if getattr(main, k) != getattr(other, k)} - {"name"}
        assert changed == set(METHODS[method])

    def test_the_full_network_is_the_write_ups(self):
        assert ContrastiveConfig.preset("full").shape.channels == (64, 128, 256, 512)

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [(("big",), "preset is 'big'; choose one of tiny"), (("tiny", "x"), "method is 'x'")],
    )
    def test_unknown_names_are_refused(self, arguments, told):
        with pytest.raises(ValueError, match=told):
            ContrastiveConfig.preset(*arguments)

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"batch_size": 1}, "batch_size is 1; give 2 or more"),
            ({"temperature": 0.0}, "temperature is 0.0; give a number above 0"),
            ({"momentum_share": 1.0}, "momentum_share is 1.0"),
        ],
    )
    def test_impossible_settings_are_refused(self, wrong, told):
        with pytest.raises(ValueError, match=told):
            replace(TINY, **wrong)


class TestStep:
    def test_the_loss_by_its_parts(self, store):
        """Two steps by hand: the keys are the slow network's, the queue is the first step's."""
        model, step, batches = parts_of(TINY, store)
        first = batches(0)
        step(model, first, 0)
        slow = untrained(TINY).train()
        keys = slow(first.images.flatten(0, 1)).image.detach()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1)
            for mine, theirs in zip(slow.parameters(), model.parameters(), strict=True):
                mine.copy_(0.9 * mine + 0.1 * theirs)
        second = batches(1)
        losses = step(model, second, 1)
        images = second.images.flatten(0, 1)
        wanted = info_nce(
            model(images).image.unflatten(0, (4, 4)),
            slow(images).image.unflatten(0, (4, 4)),
            keys,
            temperature=0.2,
        )
        torch.testing.assert_close(losses.total, wanted.per_image.mean())
        np.testing.assert_allclose(
            step.sampler._pending[1].numpy(), wanted.per_image.detach().numpy(), rtol=1e-5
        )

    def test_gradients_reach_the_network_and_not_the_slow_one(self, store):
        model, step, batches = parts_of(TINY, store)
        step(model, batches(0), 0).total.backward()
        assert model.trunk.conv1.weight.grad.abs().sum() > 0
        assert all(p.grad is None for p in step.slow.parameters())

    def test_without_momentum_keys_are_the_networks_own(self, store):
        model, step, batches = parts_of(replace(TINY, momentum=False, queue=False), store)
        batch = batches(0)
        vectors = untrained(TINY).train()(batch.images.flatten(0, 1)).image.unflatten(0, (4, 4))
        wanted = info_nce(vectors, vectors, torch.zeros(0, 8), temperature=0.2)
        torch.testing.assert_close(step(model, batch, 0).total, wanted.per_image.mean())
        assert step.stateful == {}

    def test_batches_follow_the_switches(self, store):
        _, _, batches = parts_of(TINY, store)
        batch = batches(0)
        assert batch.images.shape == (4, 4, 3, 16, 16)
        assert np.ptp(batch.drawn) <= 2 * TINY.neighbour_span
        _, _, batches = parts_of(replace(TINY, next_frame=False, neighbour_batches=False), store)
        batch = batches(0)
        assert batch.images.shape[0] == 3
        assert np.ptp(batch.drawn) > 2 * TINY.neighbour_span

    def test_views_are_those_of_the_drawn_frames(self, store):
        _, _, batches = parts_of(TINY, store)
        batch = batches(0)
        frames = torch.from_numpy(store.frames[batch.drawn])
        following = torch.from_numpy(store.frames[np.minimum(batch.drawn + 1, 39)])
        draws = draw_views(TINY.views, 4, (36, 64), seed=0, step=0)
        assert torch.equal(batch.images, make_views(frames, following, draws, size_px=16))

    def test_dense_shares_the_total(self, store):
        model, step, batches = parts_of(replace(TINY, dense=True, dense_weight=0.25), store)
        losses = step(model, batches(0), 0)
        wanted = 0.75 * losses.parts["info_nce"] + 0.25 * losses.parts["dense"]
        torch.testing.assert_close(losses.total, wanted)
        assert set(step.stateful) == {"image_queue", "dense_queue", "momentum"}


class TestRun:
    def test_a_run_from_end_to_end(self, run, tmp_path):
        trained = run()
        assert trained.run.path.parent == tmp_path / "runs" / "doom"
        assert trained.history["step"].tolist() == [1, 2, 3, 4, 5, 6]
        assert {"loss", "info_nce", "accuracy", "similarity", "spread"} <= set(trained.history)
        assert not trained.model.training
        assert trained.selection.draws.sum() == 6 * 4
        assert trained.selection.frames.tolist() == TRAIN.tolist()
        assert trained.steps_per_second > 0

    def test_a_finished_run_is_loaded(self, run, monkeypatch):
        first = run()
        monkeypatch.setattr(module, "_train", None)
        again = run()
        assert same(first.model, again.model)
        pd.testing.assert_frame_equal(again.history, first.history)

    def test_seeds_decide(self, run, tmp_path):
        first = run(replace(TINY, steps=2))
        assert same(first.model, run(replace(TINY, steps=2), root=tmp_path / "again").model)
        assert not same(first.model, run(replace(TINY, steps=2), seed=1).model)

    @pytest.mark.parametrize("method", METHODS)
    def test_a_resumed_run_ends_with_the_same_bits(self, run, monkeypatch, tmp_path, method):
        config = replace(TINY, **METHODS[method])
        whole = run(config, root=tmp_path / "whole")
        call = ContrastiveStep.__call__

        def interrupted(self: ContrastiveStep, model, batch, step: int) -> Losses:
            if step == 2:
                signal.raise_signal(signal.SIGINT)
            return call(self, model, batch, step)

        monkeypatch.setattr(ContrastiveStep, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(config)
        monkeypatch.setattr(ContrastiveStep, "__call__", call)
        resumed = run(config)
        assert same(resumed.model, whole.model)
        pd.testing.assert_frame_equal(resumed.history, whole.history)
        np.testing.assert_array_equal(resumed.selection.draws, whole.selection.draws)
        np.testing.assert_array_equal(resumed.selection.losses, whole.selection.losses)

    def test_too_few_frames_are_refused(self, store, tmp_path):
        options = {"preset": "tiny", "root": tmp_path, "device": "cpu"}
        with pytest.raises(ValueError, match="train has 3 different frames, too few for a batch"):
            train_contrastive(TINY, store, np.array([1, 2, 3, 3]), **options)
        with pytest.raises(ValueError, match="indices from 66 to 70, the store holds 70 frames"):
            train_contrastive(TINY, store, np.arange(66, 71), **options)


class TestLearning:
    def test_it_tells_views_of_unseen_footage_apart(self, tmp_path):
        """Held out: 24 recordings of a frame each. By chance the loss is log(70) = 4.25."""
        store = pan(tmp_path, (20,) * 12 + (1,) * 24, (48, 80), speed=6, seed=3)
        config = replace(
            TINY, width=8, embedding=32, views=ViewSettings(size_px=32, large=(0.6, 0.9)),
            batch_size=12, steps=150, queue_size=96, learning_rate=1e-2, neighbour_span=16,
        )  # fmt: skip
        trained = train_contrastive(
            config, store, np.arange(240), preset="tiny", root=tmp_path, device="cpu",
            progress=False,
        )  # fmt: skip
        unseen = torch.from_numpy(store.frames[240:])
        draws = draw_views(config.views, 24, store.size, seed=9, step=0, next_frame=False)
        views = make_views(unseen, None, draws, size_px=32)

        def judge(model: ContrastiveNetwork) -> tuple[float, float]:
            with torch.no_grad():
                vectors = model(views.flatten(0, 1)).image.unflatten(0, views.shape[:2])
            loss = info_nce(vectors, vectors, torch.zeros(0, 32), temperature=0.2)
            return float(loss.per_image.mean()), float(spread(vectors.flatten(0, 1)))

        (found, wide), (before, narrow) = judge(trained.model), judge(untrained(config))
        assert found < before - 0.3
        assert wide > 2 * narrow
        assert not trained.collapsed

    def test_collapse_is_noticed(self, store, tmp_path):
        """A playthrough whose screen never changes."""
        still = replace(store, frames=np.full_like(store.frames, 90), digest="still")
        with pytest.warns(CollapsedTrainingWarning, match="test: the embeddings collapsed"):
            trained = train_contrastive(
                TINY, still, TRAIN, preset="tiny", root=tmp_path, device="cpu", progress=False
            )
        assert trained.collapsed
        assert trained.run.metrics["spread"] < 1e-3


def test_embeddings_do_not_depend_on_the_batch(store):
    model = untrained(TINY)
    whole = embed(model, store, TRAIN, size_px=16)
    parts = embed(model, store, TRAIN, size_px=16, batch_size=7)
    torch.testing.assert_close(whole, parts)
    assert whole.shape == (40, 8)
