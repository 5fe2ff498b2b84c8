"""Pruning takes out what does nothing, meets its targets, and runs once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lib.models.classifier import Classifier, ClassifierShape
from lib.training import pruning as module
from lib.training.classifier import TrainedClassifier, train_classifier
from lib.training.labelled import accuracy_of
from lib.training.pruning import check_targets, prune, remove_channels
from tests.training.test_classifier import TINY, Images, images, parts  # noqa: F401

SHAPE = ClassifierShape((4, 6), hidden=8, image_size=(16, 16))
PARAMETERS = 4 * 28 + 6 * 37 + 8 * 25 + 4 * 9
TARGETS = (PARAMETERS - 100, PARAMETERS // 2)


def silence(model: Classifier, convolution: int, channels: list[int]) -> None:
    """Take all weight from these channels of a convolution, and from what reads them."""
    kinds = torch.nn.Conv2d | torch.nn.Linear
    layers = [layer for layer in model.body if isinstance(layer, kinds)]
    before, after = layers[convolution : convolution + 2]
    with torch.no_grad():
        before.weight[channels] = 0
        before.bias[channels] = 0
        # of a flattened map, each channel has several columns
        after.weight.view(len(after.weight), len(before.weight), -1)[:, channels] = 0


class TestRemoval:
    @pytest.fixture
    def model(self, generator) -> Classifier:
        return Classifier(SHAPE, generator=generator)

    @pytest.mark.parametrize(
        ("convolution", "channels", "left"), [(0, [1, 2], (2, 6)), (1, [0, 5], (4, 4))]
    )
    def test_silent_channels_go_first_and_nothing_changes(
        self, model, generator, convolution, channels, left
    ):
        silence(model, convolution, channels)
        shape = replace(SHAPE, channels=left)
        smaller = remove_channels(model, shape.parameters)
        assert smaller.shape == shape
        noise = torch.rand(3, 3, 16, 16, generator=generator)
        torch.testing.assert_close(smaller(noise), model(noise))
        kept = [c for c in range(SHAPE.channels[convolution]) if c not in channels]
        for before, after in zip(model.kernels(), smaller.kernels(), strict=True):
            if before.shape[0] != after.shape[0]:
                assert torch.equal(before[kept], after), "and the others are as they were"

    def test_the_target_is_met_and_the_model_given_stays(self, model):
        before = {name: value.clone() for name, value in model.state_dict().items()}
        for target in (500, 300, 150):
            smaller = remove_channels(model, target)
            counted = sum(p.numel() for p in smaller.parameters())
            assert counted == smaller.shape.parameters <= target
            assert smaller.head.weight.shape[0] == 4, "classes are not pruned"
        for name, value in model.state_dict().items():
            assert torch.equal(value, before[name]), name

    def test_a_target_above_the_size_changes_nothing(self, model, generator):
        noise = torch.rand(2, 3, 16, 16, generator=generator)
        assert torch.equal(remove_channels(model, 10_000)(noise), model(noise))

    def test_global_pooling_and_no_hidden_layer(self, generator):
        shape = ClassifierShape((6, 6), None, pool="mean", image_size=(16, 16), input_scale=1.0)
        smaller = remove_channels(Classifier(shape, generator=generator), 300)
        assert smaller.shape.parameters <= 300
        assert smaller.shape.hidden is None

    def test_a_target_out_of_reach_is_refused(self, model):
        with pytest.raises(ValueError, match=f"targets holds 10, which a network of {PARAMETERS}"):
            remove_channels(model, 10)


@pytest.mark.parametrize("targets", [(), (PARAMETERS,), (200, 200), (200, 300)])
def test_targets_must_fall(targets):
    with pytest.raises(ValueError, match=rf"targets is .* below the network's {PARAMETERS}"):
        check_targets(SHAPE, targets)


class TestPrune:
    @pytest.fixture
    def trained(self, images: Images, parts, tmp_path: Path) -> TrainedClassifier:  # noqa: F811
        return train_classifier(
            TINY, images, *parts, preset="tiny", root=tmp_path, device="cpu", progress=False
        )

    def test_a_front_from_end_to_end(self, trained, images, parts, tmp_path, monkeypatch):  # noqa: F811
        options = {"root": tmp_path, "targets": TARGETS, "steps_each": 5, "device": "cpu"}
        front = prune(trained, images, *parts, progress=False, **options)
        labels = images.labels["model"].to_numpy()
        for point, target in zip(front, TARGETS, strict=True):
            assert point.parameters == sum(p.numel() for p in point.model.parameters()) <= target
            right, _ = accuracy_of(point.model, images.store, labels, np.asarray(parts[1]))
            assert point.accuracy == right
            assert 0 <= point.accuracy_before_tuning <= 1
            assert point.config.l1 == 0
            assert point.run.path.parent.name == "sideswipe-pruned"
        assert len({point.weights_hash for point in front}) == 2

        def refuse(*arguments: object, **_: object) -> None:
            raise AssertionError("a finished run was trained again")

        monkeypatch.setattr(module, "run_training", refuse)
        again = prune(trained, images, *parts, progress=False, **options)
        assert [p.weights_hash for p in again] == [p.weights_hash for p in front]

    def test_tuning_helps(self, trained, images, parts, tmp_path):  # noqa: F811
        """On the very images it is tuned on, more steps end with a lower loss."""
        labels = images.labels["model"].to_numpy()
        losses = []
        for steps in (1, 150):
            (point,) = prune(
                trained, images, parts[0], parts[0], root=tmp_path, targets=TARGETS[1:],
                steps_each=steps, learning_rate=1e-2, device="cpu", progress=False,
            )  # fmt: skip
            losses.append(accuracy_of(point.model, images.store, labels, parts[0])[1])
        assert losses[1] < 0.95 * losses[0]
