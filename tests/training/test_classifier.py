"""Training the classifier: its penalty, its cached run, what it learns, what it refuses."""

import hashlib
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from lib.data.frames import FrameStore
from lib.data.minerl import read_minerl
from lib.models.classifier import WRITEUP, Classifier, ClassifierShape
from lib.training import classifier as module
from lib.training.augmentation import Augmentation, to_images
from lib.training.classifier import (
    ClassifierConfig,
    ClassifierLosses,
    TrainedClassifier,
    absolute_sum,
    near_zero_share,
    train_classifier,
    weights_hash,
)
from lib.training.labelled import accuracy_of, predict, watched
from lib.training.loop import Losses
from tests.data.footage import write_minerl

SHAPE = ClassifierShape((4, 6), hidden=8, image_size=(16, 16), input_scale=1.0)
TINY = ClassifierConfig(
    name="test", shape=SHAPE, l1=0.001, learning_rate=3e-3, batch_size=8, steps=6,
    augmentation=Augmentation(squares=2),
)  # fmt: skip


@dataclass(frozen=True)
class Images:
    store: FrameStore
    labels: pd.DataFrame


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """62 frames of noise, 16 x 16 pixels, labelled by which quarter is the brightest."""
    folder = tmp_path_factory.mktemp("footage")
    write_minerl(folder / "data", frames=60)
    store = read_minerl(folder / "data", folder / "store", size=(16, 16), progress=False)
    light = store.frames.mean(axis=3).reshape(-1, 2, 8, 2, 8).mean(axis=(2, 4)).reshape(-1, 4)
    return Images(store, pd.DataFrame({"model": light.argmax(1), "team": 0}))


@pytest.fixture
def parts(images: Images) -> tuple[np.ndarray, np.ndarray]:
    everything = np.arange(len(images.store))
    return everything[::2], everything[1::2]


Trains = Callable[..., TrainedClassifier]


@pytest.fixture
def run(images: Images, parts: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Trains:
    def trained(config: ClassifierConfig = TINY, of: Images = images, **options):
        options = {"preset": "tiny", "root": tmp_path, "device": "cpu"} | options
        return train_classifier(config, of, *parts, progress=False, **options)

    return trained


class TestPenalty:
    def test_value_and_gradient_are_those_of_the_plain_expression(self, generator):
        kernels = [torch.randn(5, 3, generator=generator), torch.randn(4, 2, 3, 3)]
        kernels[0][0] = 0
        ours, plain = ([k.clone().requires_grad_() for k in kernels] for _ in range(2))
        a = 3 * absolute_sum(tuple(ours), 0.025)
        b = 3 * 0.025 * sum(k.abs().sum() for k in plain)
        torch.testing.assert_close(a, b)
        a.backward()
        b.backward()
        for x, y in zip(ours, plain, strict=True):
            torch.testing.assert_close(x.grad, y.grad)
            assert bool((x.grad != 0).any())
        assert not ours[0].grad[0].any(), "zero stays where it is"

    def test_no_penalty_has_no_gradient(self):
        assert float(absolute_sum((torch.ones(2, requires_grad=True),), 0.0)) == 0

    def test_losses_by_hand(self, generator):
        model = Classifier(SHAPE, generator=generator)
        images = torch.rand(5, 3, 16, 16, generator=generator)
        labels = torch.tensor([0, 1, 2, 3, 0])
        losses = ClassifierLosses(model.kernels(), 0.025)(model, (images, labels), 0)
        logits = model(images)
        cross_entropy = -torch.log_softmax(logits, 1)[torch.arange(5), labels].mean()
        layers = [layer for layer in model.body if hasattr(layer, "weight")]
        l1 = 0.025 * sum(layer.weight.abs().sum() for layer in layers)
        assert len(layers) == 3, "all but the last layer, biases left out"
        torch.testing.assert_close(losses.parts["cross_entropy"], cross_entropy)
        torch.testing.assert_close(losses.parts["l1"], l1)
        torch.testing.assert_close(losses.total, cross_entropy + l1)
        right = sum(
            int(row.argmax()) == int(label) for row, label in zip(logits, labels, strict=True)
        )
        assert float(losses.parts["accuracy"]) == pytest.approx(right / 5)


class TestConfig:
    def test_the_defaults_are_the_write_ups(self):
        full = ClassifierConfig.preset("full")
        assert full == ClassifierConfig()
        assert full.shape == WRITEUP
        assert (full.l1, full.learning_rate, full.epsilon) == (0.025, 1e-3, 1e-7)
        assert full.steps * full.batch_size == 655_360
        assert full.epoch_steps == 1024

    def test_the_small_net_is_small(self):
        assert ClassifierConfig.preset("small", "small").shape.parameters <= 10_000

    @pytest.mark.parametrize("name", ["writeup", "small"])
    @pytest.mark.parametrize("preset", ["tiny", "small", "full"])
    def test_epochs_are_whole_numbers_of_rows(self, preset, name):
        config = ClassifierConfig.preset(preset, name)
        assert config.steps == 20 * config.epoch_steps
        assert config.epoch_steps % config.log_every == 0
        assert 4 <= config.epoch_steps // config.log_every <= 16

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("big", "writeup"), "preset is 'big'; choose one of tiny, small, full"),
            (("tiny", "large"), "name is 'large'; choose one of writeup, small"),
        ],
    )
    def test_unknown_names_are_refused(self, arguments, told):
        with pytest.raises(ValueError, match=told):
            ClassifierConfig.preset(*arguments)

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"steps": 0}, "steps is 0; give 1 or more"),
            ({"batch_size": 0}, "batch_size is 0; give 1 or more"),
            ({"l1": -1.0}, "l1 is -1.0"),
        ],
    )
    def test_impossible_settings_are_refused(self, wrong, told):
        with pytest.raises(ValueError, match=told):
            replace(TINY, **wrong)


class TestRun:
    def test_a_run_from_end_to_end(self, run, images, parts, tmp_path):
        trained = run(replace(TINY, steps=60))
        assert trained.run.path.parent == tmp_path / "runs" / "sideswipe"
        assert trained.run.path.name.startswith("test-tiny-")
        history = trained.history
        assert list(history.columns) == [
            "epoch", "loss", "cross_entropy", "l1", "accuracy", "step", "validation_accuracy",
            "validation_cross_entropy", "lr",
        ]  # fmt: skip
        assert history["epoch"].tolist() == list(range(1, 21))
        assert history["step"].tolist() == list(range(3, 61, 3))
        np.testing.assert_allclose(history["loss"], history["cross_entropy"] + history["l1"])
        right, loss = accuracy_of(
            trained.model, images.store, images.labels["model"].to_numpy(), parts[1]
        )
        assert history["validation_accuracy"].iloc[-1] == pytest.approx(right)
        assert history["validation_cross_entropy"].iloc[-1] == pytest.approx(loss, rel=1e-5)
        assert not trained.model.training
        assert trained.images_per_second > 0

    def test_epochs_are_means_of_their_rows(self, run):
        trained = run(replace(TINY, steps=60))
        log = pd.read_csv(trained.run.log_csv)
        assert log["step"].tolist() == list(range(1, 61))
        for name in ("cross_entropy", "accuracy", "l1"):
            wanted = [log[name].iloc[i : i + 3].mean() for i in range(0, 60, 3)]
            np.testing.assert_allclose(trained.history[name], wanted)

    def test_a_finished_run_is_loaded(self, run, monkeypatch):
        first = run()

        def refuse(*arguments: object, **_: object) -> None:
            raise AssertionError("a finished run was trained again")

        monkeypatch.setattr(module, "run_training", refuse)
        again = run()
        assert again.weights_hash == first.weights_hash
        pd.testing.assert_frame_equal(again.history, first.history)

    @pytest.mark.parametrize("change", [{"l1": 0.002}, {"augmentation": Augmentation(flip=0.0)}])
    def test_another_configuration_is_another_run(self, run, change):
        assert run().run.key != run(replace(TINY, **change)).run.key

    def test_labels_are_part_of_the_run(self, run, images):
        other = images.labels.assign(model=images.labels["model"].to_numpy()[::-1])
        assert run().run.key != run(of=Images(images.store, other)).run.key

    def test_the_same_seed_gives_the_same_bits(self, run, tmp_path):
        first, again = run(), run(root=tmp_path / "again")
        assert first.run.path != again.run.path
        assert first.weights_hash == again.weights_hash
        assert run(seed=1).weights_hash != first.weights_hash

    @pytest.mark.parametrize("schedule", ["constant", "cosine"])
    def test_a_resumed_run_ends_with_the_same_bits(self, run, monkeypatch, tmp_path, schedule):
        config = replace(TINY, steps=8, schedule=schedule)
        whole = run(config, root=tmp_path / "whole")
        losses = ClassifierLosses.__call__

        def interrupted(self: ClassifierLosses, model, batch, step: int) -> Losses:
            if step == 4:
                signal.raise_signal(signal.SIGINT)
            return losses(self, model, batch, step)

        monkeypatch.setattr(ClassifierLosses, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(config)
        monkeypatch.setattr(ClassifierLosses, "__call__", losses)
        resumed = run(config)
        assert resumed.weights_hash == whole.weights_hash
        pd.testing.assert_frame_equal(resumed.history, whole.history)

    def test_it_learns_a_few_images_by_heart(self, images, tmp_path):
        few = np.concatenate(
            [np.flatnonzero(images.labels["model"] == label)[:2] for label in range(4)]
        )
        plain = replace(
            TINY, steps=150, l1=0.0, augmentation=Augmentation(flip=0.0, jitter=0.0, erase=0.0)
        )
        trained = train_classifier(
            plain, images, few, few, preset="tiny", root=tmp_path, device="cpu", progress=False
        )
        assert trained.history["validation_accuracy"].iloc[-1] == 1
        assert trained.history["cross_entropy"].iloc[-1] < 0.3

    def test_the_penalty_makes_weights_small(self, run):
        free, held = run(replace(TINY, steps=80, l1=0.0)), run(replace(TINY, steps=80, l1=0.05))
        sums = [sum(float(k.detach().abs().sum()) for k in r.model.kernels()) for r in (free, held)]
        assert sums[1] < sums[0] / 2
        assert held.run.metrics["near_zero_share"] > free.run.metrics["near_zero_share"]


class TestRefusals:
    def test_images_of_another_size(self, run):
        with pytest.raises(ValueError, match=r"images are \(16, 16\) pixels .* takes \(50, 100\)"):
            run(ClassifierConfig())

    def test_models_that_are_no_class(self, run, images):
        labels = images.labels.assign(model=4)
        with pytest.raises(ValueError, match="hold 62 images of models other than the first 4"):
            run(of=Images(images.store, labels))

    def test_labels_that_do_not_fit(self, run, images):
        with pytest.raises(ValueError, match="labels has 61 rows and columns model, team for 62"):
            run(of=Images(images.store, images.labels.iloc[1:]))

    def test_no_validation_images(self, images, parts, tmp_path):
        with pytest.raises(ValueError, match="train or validation is empty"):
            train_classifier(
                TINY, images, parts[0], parts[1][:0], preset="tiny", root=tmp_path, device="cpu"
            )


class TestHelpers:
    def test_predictions_are_the_models(self, images, generator):
        model = Classifier(SHAPE, generator=generator).eval()
        indices = np.array([5, 3, 8, 8, 40])
        got = predict(model, images.store, indices, batch_size=2)
        wanted = model(to_images(torch.from_numpy(images.store.frames[indices])))
        torch.testing.assert_close(got, wanted.detach())

    def test_accuracy_against_a_loop(self, images, generator):
        model = Classifier(SHAPE, generator=generator).eval()
        labels, indices = images.labels["model"].to_numpy(), np.arange(3, 30)
        right, loss = accuracy_of(model, images.store, labels, indices)
        logits = predict(model, images.store, indices)
        hits = [int(row.argmax()) == labels[i] for row, i in zip(logits, indices, strict=True)]
        assert right == pytest.approx(sum(hits) / len(hits))
        wanted = F.cross_entropy(logits, torch.from_numpy(labels[indices]))
        assert loss == pytest.approx(float(wanted))

    def test_the_hash_is_of_names_shapes_and_bits(self, generator):
        model = Classifier(SHAPE, generator=generator)
        first = weights_hash(model)
        total = hashlib.sha256()
        for name in sorted(dict(model.named_parameters())):
            values = model.get_parameter(name).detach().numpy()
            total.update(f"{name}{list(values.shape)}".encode() + values.tobytes())
        assert first == total.hexdigest()
        assert weights_hash(model.to(memory_format=torch.channels_last)) == first
        with torch.no_grad():
            value = model.head.bias[0].clone()
            model.head.bias[0] = torch.nextafter(value, torch.tensor(1.0))
        assert weights_hash(model) != first

    def test_near_zero_share(self, generator):
        model = Classifier(SHAPE, generator=generator)
        for kernel in model.kernels():
            torch.nn.init.constant_(kernel, 0.5)
        torch.nn.init.constant_(model.kernels()[2], -1e-4)
        total = 3 * 4 * 9 + 4 * 6 * 9 + 24 * 8
        assert near_zero_share(model) == pytest.approx(24 * 8 / total)

    def test_watched_images_are_spread_evenly(self):
        assert watched(np.arange(100, 200), 5).tolist() == [100, 125, 150, 174, 199]
        assert watched(np.arange(3), 5).tolist() == [0, 1, 2]
