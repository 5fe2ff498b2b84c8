"""The classifier's layers as the write-up prints them, its start, and what it refuses."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.models.classifier import WRITEUP, Classifier, ClassifierShape, Layer, layer_table


@pytest.fixture
def model(generator) -> Classifier:
    return Classifier(WRITEUP, generator=generator)


def plain(model: Classifier, images: torch.Tensor) -> torch.Tensor:
    """The write-up's listing, written out: ReLU before pooling."""
    convolutions = [layer for layer in model.body if isinstance(layer, torch.nn.Conv2d)]
    dense = [layer for layer in model.body if isinstance(layer, torch.nn.Linear)]
    images = images * model.shape.input_scale
    for layer in convolutions:
        images = F.max_pool2d(F.relu(F.conv2d(images, layer.weight, layer.bias)), 2)
    images = images.mean((2, 3)) if model.shape.pool == "mean" else images.flatten(1)
    for layer in dense:
        images = F.relu(layer(images))
    return images


class TestShape:
    def test_the_layer_table_is_the_write_ups(self, model):
        assert layer_table(model) == [
            Layer("Conv2D", (48, 98, 32), 896),
            Layer("MaxPooling2D", (24, 49, 32), 0),
            Layer("Conv2D", (22, 47, 64), 18_496),
            Layer("MaxPooling2D", (11, 23, 64), 0),
            Layer("Conv2D", (9, 21, 128), 73_856),
            Layer("MaxPooling2D", (4, 10, 128), 0),
            Layer("Flatten", (5120,), 0),
            Layer("Dense", (256,), 1_310_976),
            Layer("Dense", (4,), 1_028),
        ]
        assert WRITEUP.parameters == 1_405_252

    def test_global_pooling_in_the_table(self):
        shape = ClassifierShape((4, 6), hidden=None, pool="mean", image_size=(20, 30))
        assert [(row.kind, row.output) for row in layer_table(Classifier(shape))][-2:] == [
            ("GlobalAveragePooling2D", (6,)),
            ("Dense", (4,)),
        ]

    @settings(max_examples=20, deadline=None)
    @given(
        st.lists(st.integers(1, 5), min_size=1, max_size=3),
        st.one_of(st.none(), st.integers(1, 5)),
        st.sampled_from(["flatten", "mean"]),
        st.tuples(st.integers(22, 30), st.integers(22, 30)),
    )
    def test_counts_are_those_of_the_layers(self, channels, hidden, pool, size):
        shape = ClassifierShape(tuple(channels), hidden, 3, pool, size)
        model = Classifier(shape)
        assert shape.parameters == sum(p.numel() for p in model.parameters())
        images = torch.zeros(2, 3, *size)
        assert model.features(images).shape == (2, shape.features)
        assert model(images).shape == (2, 3)

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"channels": ()}, r"channels is \(\); give numbers of 1 or more"),
            ({"channels": (4, 0)}, r"channels is \(4, 0\)"),
            ({"hidden": 0}, "hidden is 0; give numbers of 1 or more"),
            ({"classes": 1}, "classes is 1; give 2 or more"),
            ({"channels": (4,) * 5}, "5 convolutions, which leave nothing of 50 x 100 pixels"),
        ],
    )
    def test_impossible_shapes_are_refused(self, wrong, told):
        with pytest.raises(ValueError, match=told):
            ClassifierShape(**wrong)


class TestModel:
    @pytest.mark.parametrize("pool", ["flatten", "mean"])
    @pytest.mark.parametrize(("hidden", "scale"), [(None, 1.0), (8, 255.0)])
    def test_it_computes_what_the_listing_does(self, generator, pool, hidden, scale):
        shape = ClassifierShape((4, 6), hidden, 4, pool, (21, 30), scale)
        model = Classifier(shape, generator=generator)
        for layer in model.modules():
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.normal_(layer.bias, generator=generator)
        images = torch.rand(3, 3, 21, 30, generator=generator)
        torch.testing.assert_close(model.features(images), plain(model, images))
        torch.testing.assert_close(model(images), model.head(plain(model, images)))

    def test_weights_start_as_in_keras(self, model):
        """Uniform up to sqrt(6 / (fan in + fan out)), where fans count the kernel's pixels."""
        fans = [(27, 288), (288, 576), (576, 1152), (5120, 256), (256, 4)]
        weights = [w.detach() for w in (*model.kernels(), model.head.weight)]
        for weight, (fan_in, fan_out) in zip(weights, fans, strict=True):
            limit = math.sqrt(6 / (fan_in + fan_out))
            assert float(weight.abs().max()) <= limit
            assert float(weight.abs().max()) > 0.95 * limit
            assert float(weight.abs().mean()) == pytest.approx(limit / 2, rel=0.08)
        assert all(not p.any() for name, p in model.named_parameters() if name.endswith("bias"))

    def test_the_generator_alone_decides(self):
        a, b, c = (
            Classifier(WRITEUP, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)
        )
        for x, y, z in zip(a.kernels(), b.kernels(), c.kernels(), strict=True):
            assert torch.equal(x, y)
            assert not torch.equal(x, z)

    def test_kernels_are_all_but_the_last_layers(self, model):
        assert sum(k.numel() for k in model.kernels()) == 1_405_252 - 1_028 - (32 + 64 + 128 + 256)

    def test_the_last_convolution(self, model):
        assert model.last_convolution.weight.shape == (128, 64, 3, 3)

    def test_images_of_another_size_are_refused(self, model):
        with pytest.raises(ValueError, match=r"images are \(150, 400\) pixels .* \(50, 100\)"):
            model(torch.zeros(1, 3, 150, 400))
