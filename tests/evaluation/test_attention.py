"""Heat maps against autograd by hand; places against receptive fields; what must stay the same."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lib.evaluation.attention import (
    cell_maps,
    field_centres,
    heat_inside,
    heat_maps,
    last_convolution,
    place,
    pointing_hits,
    summarise_attention,
)
from lib.evaluation.randomisation import randomisation_check
from lib.models.classifier import WRITEUP, Classifier, ClassifierShape

SMALL = ClassifierShape(channels=(5, 6), hidden=7, classes=3, image_size=(20, 26))


@pytest.fixture
def model(generator):
    return Classifier(SMALL, generator=generator)


@pytest.fixture
def images(generator):
    return torch.rand(4, 3, 20, 26, generator=generator)


def map_by_hand(model, image, number, *, per_cell):
    """Grad-CAM or HiResCAM of one image, from their papers, with autograd."""
    cells = []
    handle = model.last_convolution.register_forward_hook(lambda *io: cells.append(io[2]))
    logit = model(image[None])[0, number]
    handle.remove()
    (gradient,) = torch.autograd.grad(logit, cells[0])
    weight = gradient if per_cell else gradient.mean((2, 3), keepdim=True)
    heat = (weight * cells[0].relu()).sum(1)[0].relu().detach().numpy()
    heat = heat - heat.min()
    return heat / max(heat.max(), 1e-7)


class TestMaps:
    @pytest.mark.parametrize("method", ["gradcam", "hirescam"])
    def test_equal_autograd_by_hand(self, model, images, method):
        classes = np.array([2, 0, 1, 1])
        got = cell_maps(model, images, classes, method=method)
        for heat, image, number in zip(got, images, classes, strict=True):
            wanted = map_by_hand(model, image, number, per_cell=method == "hirescam")
            np.testing.assert_allclose(heat, wanted, atol=1e-3)

    def test_without_classes_the_one_predicted_is_shown(self, model, images):
        predicted = model(images).argmax(1).numpy()
        np.testing.assert_array_equal(cell_maps(model, images), cell_maps(model, images, predicted))

    def test_the_model_is_left_as_it_was(self, model, images):
        model.train()
        model.body[0].eval()
        model(images).sum().backward()
        before = [(p.detach().clone(), p.grad.clone()) for p in model.parameters()]
        with torch.inference_mode():
            heat_maps(model, images)
            randomisation_check(model, images)
        for p, (value, gradient) in zip(model.parameters(), before, strict=True):
            assert torch.equal(p, value)
            assert torch.equal(p.grad, gradient)
            assert p.requires_grad
        assert model.training
        assert not model.body[0].training
        assert not any(module._forward_hooks for module in model.modules())

    @pytest.mark.parametrize("placement", ["fields", "stretched"])
    def test_heat_is_of_image_size_and_in_range(self, model, images, placement):
        heat = heat_maps(model, images, placement=placement)
        assert heat.shape == (4, 20, 26)
        assert heat.dtype == np.float32
        assert 0 <= heat.min() < 0.2 < 0.8 < heat.max() <= 1

    def test_mistakes_are_named(self, model, images):
        with pytest.raises(ValueError, match="classes has 1 entries, images has 4"):
            cell_maps(model, images, np.array([0]))
        with pytest.raises(ValueError, match="images is empty"):
            cell_maps(model, images[:0])
        with pytest.raises(ValueError, match="model has no nn.Conv2d"):
            last_convolution(nn.Linear(2, 2))


class TestPlacement:
    def test_the_write_ups_cells(self):
        """Fields of 18 pixels, 4 apart: from 0..17 to 32..49, and from 0..17 to 80..97."""
        rows, columns = field_centres(Classifier(WRITEUP), (50, 100))
        np.testing.assert_allclose(rows, 8.5 + 4 * np.arange(9))
        np.testing.assert_allclose(columns, 8.5 + 4 * np.arange(21))

    def test_weights_do_not_matter(self, model):
        wanted = field_centres(model, (20, 26))
        with torch.no_grad():
            for p in model.parameters():
                p.zero_()
        for got, want in zip(field_centres(model, (20, 26)), wanted, strict=True):
            np.testing.assert_array_equal(got, want)

    def test_stretching_is_off_towards_the_border(self):
        """The first of 9 cells of the write-up, stretched, is 6 pixels too far up."""
        rows, _ = field_centres(Classifier(WRITEUP), (50, 100))
        assert rows[0] - ((0 + 0.5) * 50 / 9 - 0.5) == pytest.approx(6.2, abs=0.05)

    def test_values_stand_at_their_centres_and_are_linear_between(self):
        heat = place(
            np.array([[[0.0, 4.0], [2.0, 6.0]]]), (np.array([1.0, 3]), np.array([2.0, 6])), (5, 9)
        )[0]
        assert heat[1, 2] == 0
        assert heat[1, 6] == 4
        assert heat[3, 2] == 2
        assert heat[2, 4] == 3
        assert heat[0, 0] == 0
        assert heat[4, 8] == 6

    @settings(max_examples=20, deadline=None)
    @given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3))
    def test_stretched_equals_torch(self, rows, columns, times):
        """Bilinear interpolation with corners not aligned."""
        maps = np.random.default_rng(rows).random((2, rows, columns), dtype=np.float32)
        size = (rows * times, columns * times + 1)
        centres = tuple(
            (np.arange(k) + 0.5) * n / k - 0.5 for n, k in zip(size, maps.shape[1:], strict=True)
        )
        wanted = F.interpolate(torch.from_numpy(maps)[None], size, mode="bilinear")[0]
        np.testing.assert_allclose(place(maps, centres, size), wanted, atol=1e-5)


def some_heat(seed, n=6):
    rng = np.random.default_rng(seed)
    masks = np.zeros((n, 5, 8), bool)
    masks[:, 1:4, 2:6] = True
    return rng.random((n, 5, 8)), masks


class TestOnTheCar:
    def test_equal_loops(self):
        heat, masks = some_heat(0)
        for i, (share, hit) in enumerate(
            zip(heat_inside(heat, masks), pointing_hits(heat, masks), strict=True)
        ):
            cells = [(y, x) for y in range(5) for x in range(8)]
            inside = sum(heat[i, y, x] for y, x in cells if masks[i, y, x])
            assert share == pytest.approx(inside / heat[i].sum())
            assert hit == masks[i][max(cells, key=lambda at, i=i: heat[i][at])]

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 99), st.floats(0.01, 50.0))
    def test_inside_and_outside_are_all_whatever_the_scale(self, seed, scale):
        heat, masks = some_heat(seed)
        for measure in (heat_inside, pointing_hits):
            np.testing.assert_allclose(measure(heat, masks) + measure(heat, ~masks), 1)
            np.testing.assert_allclose(measure(heat * scale, masks), measure(heat, masks))

    def test_blind_heat_has_its_area(self):
        _, masks = some_heat(0)
        got = summarise_attention(np.ones(masks.shape), masks, np.arange(6))
        for estimate in (got.heat_inside, got.area_inside, got.pointing):
            assert estimate.value == pytest.approx(12 / 40)
        assert got.concentration.value == pytest.approx(1)

    def test_maps_without_heat_are_counted_and_left_out(self):
        heat, masks = some_heat(1)
        heat[2] = 0
        assert np.isnan(heat_inside(heat, masks)[2])
        assert np.isnan(pointing_hits(heat, masks)[2])
        got = summarise_attention(heat, masks, np.arange(6) // 2)
        rest = np.arange(6) != 2
        assert got.without_heat == pytest.approx(1 / 6)
        assert got.heat_inside.value == pytest.approx(heat_inside(heat[rest], masks[rest]).mean())
        assert got.concentration.value == pytest.approx(got.heat_inside.value / 0.3)
        assert got.heat_inside.low < got.heat_inside.value < got.heat_inside.high

    def test_mistakes_are_named(self):
        heat, masks = some_heat(0)
        with pytest.raises(ValueError, match="heat is \\[6, 5, 8\\], masks is \\[6, 5, 7\\]"):
            heat_inside(heat, masks[..., :7])
        masks[3] = False
        with pytest.raises(ValueError, match="1 of 6 masks are empty"):
            pointing_hits(heat, masks)
        with pytest.raises(ValueError, match="heat is empty"):
            pointing_hits(heat[:0], masks[:0])
        with pytest.raises(ValueError, match="no map has any heat"):
            summarise_attention(heat * 0, some_heat(0)[1], np.arange(6))
