"""LPIPS against published distances and a naive version; its errors; the studied code's faults."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import nn

from lib.data.pretrained import read_lpips_weights
from lib.models.perceptual import SMALLEST_PX, Lpips, SilentlyMissingLpips

EXAMPLES = Path(__file__).parents[1] / "data" / "lpips"
NETS = ("alex", "vgg")
SHIFT = torch.tensor([-0.030, -0.088, -0.188]).view(3, 1, 1)
SCALE = torch.tensor([0.458, 0.448, 0.450]).view(3, 1, 1)


def example(name):
    pixels = np.array(Image.open(EXAMPLES / f"{name}.png").convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="module")
def weights():
    return {net: read_lpips_weights(net) for net in NETS}


@pytest.fixture(scope="module")
def modules(weights):
    return {net: Lpips(weights[net], net=net) for net in NETS}


@pytest.fixture(scope="module")
def alex(modules):
    return modules["alex"]


def images(seed, *shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def naive_features(weights, pixels, net):
    """Activations that are compared, layer by layer, straight from the papers' architectures."""
    if net == "alex":  # (stride, padding, pooled before); compared after every convolution
        layers = [(4, 2, False), (1, 2, True), (1, 1, True), (1, 1, False), (1, 1, False)]
        compared = range(5)
        size, step = 3, 2
    else:
        pooled = {2, 4, 7, 10}
        layers = [(1, 1, number in pooled) for number in range(13)]
        compared = (1, 3, 6, 9, 12)
        size, step = 2, 2
    kernels = [value for name, value in weights.items() if name.startswith("net.")]
    pairs = list(zip(kernels[::2], kernels[1::2], strict=True))
    features = []
    for number, (stride, padding, pool) in enumerate(layers):
        if pool:
            pixels = F.max_pool2d(pixels, size, step)
        pixels = F.relu(F.conv2d(pixels, *pairs[number], stride=stride, padding=padding))
        if number in compared:
            features.append(pixels)
    return features


def naive_distance(weights, image, reference, net):
    """Equation 1 of Zhang et al. 2018 for one image (c h w) in [-1, 1], position by position."""
    one, other = (
        naive_features(weights, ((x - SHIFT) / SCALE)[None], net) for x in (image, reference)
    )
    total = 0.0
    for layer, (a, b) in enumerate(zip(one, other, strict=True)):
        head = weights[f"lin{layer}.model.1.weight"].flatten()
        rows, columns = a.shape[-2:]
        for y in range(rows):
            for x in range(columns):
                u, v = a[0, :, y, x], b[0, :, y, x]
                difference = u / u.norm() - v / v.norm()
                total += float((head * difference**2).sum()) / (rows * columns)
    return total


class TestDistance:
    @pytest.mark.parametrize(("name", "published"), [("ex_p0", 0.722), ("ex_p1", 0.138)])
    def test_published_examples(self, alex, name, published):
        """What the authors' `lpips_2imgs.py` prints, with the weights they download."""
        distance = alex(example("ex_ref"), example(name)).item()
        assert round(distance, 3) == published

    @pytest.mark.parametrize("net", NETS)
    def test_naive_version(self, weights, modules, net):
        a, b = images(0, 2, 3, 40, 33), images(1, 2, 3, 40, 33)
        wanted = [
            naive_distance(weights[net], 2 * x - 1, 2 * y - 1, net)
            for x, y in zip(a, b, strict=True)
        ]
        torch.testing.assert_close(modules[net](a, b), torch.tensor(wanted), atol=1e-5, rtol=1e-4)

    @settings(max_examples=8, deadline=None)
    @given(seed=st.integers(0, 999), rows=st.integers(31, 48), columns=st.integers(31, 48))
    def test_symmetric_zero_for_equals_and_image_by_image(self, alex, seed, rows, columns):
        a, b = images(seed, 2, 2, 3, rows, columns)
        distance = alex(a, b)
        assert (distance > 0).all()
        torch.testing.assert_close(distance, alex(b, a))
        assert (alex(a, a) == 0).all()
        torch.testing.assert_close(distance[1:], alex(a[1:], b[1:]), atol=1e-5, rtol=1e-4)

    def test_blur_has_the_scale_that_only_pretrained_weights_give(self, weights, alex):
        """Growth with blur proves nothing, for random weights show it, too; the scale does."""
        reference = example("ex_ref")
        blurred = [
            torch.from_numpy(gaussian_filter(reference.numpy(), (0, 0, sigma, sigma)))
            for sigma in (1, 2, 4)
        ]
        torch.manual_seed(0)
        trunk = {
            name: nn.init.kaiming_uniform_(value.clone(), math.sqrt(5))
            if value.ndim == 4
            else 0 * value
            for name, value in weights["alex"].items()
            if name.startswith("net.")
        }
        without = Lpips(weights["alex"] | trunk)
        pretrained = [alex(image, reference).item() for image in blurred]
        at_random = [without(image, reference).item() for image in blurred]
        assert pretrained == sorted(pretrained)
        assert at_random == sorted(at_random)
        assert pretrained[-1] == pytest.approx(0.80, abs=0.01)
        assert at_random[-1] < 0.1


class TestFrozen:
    def test_training_mode_and_gradients_do_not_reach_it(self, weights):
        module = Lpips(weights["alex"])
        holder = nn.Sequential(module).train()
        assert not any(part.training for part in module.modules())
        assert not any(parameter.requires_grad for parameter in holder.parameters())
        a, b = images(0, 2, 1, 3, 32, 32)
        assert torch.equal(module(a, b), module(a, b))  # dropout would differ

    def test_gradient_reaches_the_image_and_points_downhill(self, alex):
        image, reference = images(0, 2, 2, 3, 32, 32)
        image = (0.2 + 0.6 * image).requires_grad_()
        before = alex(image, reference)
        [gradient] = torch.autograd.grad(before.sum(), image)
        assert gradient.isfinite().all()
        step = 0.05 * gradient / gradient.abs().amax()
        assert (alex(image.detach() - step, reference) < before).all()

    @pytest.mark.parametrize("net", NETS)
    @pytest.mark.parametrize("shade", [0.0, 0.5, 1.0])
    def test_gradient_of_flat_and_of_equal_images_is_finite(self, modules, net, shade):
        flat = torch.full((1, 3, 32, 32), shade, requires_grad=True)
        for reference in (images(0, 1, 3, 32, 32), flat.detach()):
            [gradient] = torch.autograd.grad(modules[net](flat, reference).sum(), flat)
            assert gradient.isfinite().all()

    def test_building_it_leaves_the_random_state_alone(self, weights):
        state = torch.get_rng_state()
        Lpips(weights["alex"])
        assert torch.equal(torch.get_rng_state(), state)

    def test_autocast_does_not_change_the_distance(self, alex):
        a, b = images(0, 2, 1, 3, 32, 32)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            distance = alex(a, b)
        assert distance.dtype == torch.float32
        assert torch.equal(distance, alex(a, b))


class TestInputRange:
    def test_images_that_are_not_mapped(self, weights, alex):
        """x handed over as it is equals (x + 1) / 2 mapped: half the contrast, brighter."""
        wrong = Lpips(weights["alex"], input_range="[0, 1]")
        a, b = example("ex_ref"), example("ex_p0")
        torch.testing.assert_close(wrong(a, b), alex((a + 1) / 2, (b + 1) / 2))
        assert abs(wrong(a, b) - alex(a, b)).item() > 1e-3

    def test_unknown(self, weights):
        with pytest.raises(ValueError, match=r"input_range is '0-255'; choose among '\[-1, 1\]'"):
            Lpips.__init__.__wrapped__(Lpips.__new__(Lpips), weights["alex"], input_range="0-255")


class TestErrors:
    @pytest.mark.parametrize("net", NETS)
    def test_the_smallest_size(self, modules, net):
        least = SMALLEST_PX[net]
        for shape in ((least, 40), (40, least)):
            assert modules[net](images(0, 1, 3, *shape), images(1, 1, 3, *shape)).item() > 0
        for shape in ((least - 1, 40), (40, least - 1)):
            size = f"{shape[0]}x{shape[1]} pixels, but net='{net}' needs at least {least} rows"
            with pytest.raises(ValueError, match=size):
                modules[net](images(0, 1, 3, *shape), images(1, 1, 3, *shape))
            with pytest.raises(RuntimeError):  # so the limit is the network's, not ours
                modules[net].distance(images(0, 1, 3, *shape), images(1, 1, 3, *shape))

    @pytest.mark.parametrize(
        ("scale", "shift", "values"), [(255, 0, "0 to 255"), (2, -1, "-1 to 1")]
    )
    @pytest.mark.parametrize("name", ["image", "reference"])
    def test_range(self, alex, name, scale, shift, values):
        pair = {"image": images(0, 1, 3, 32, 32), "reference": images(1, 1, 3, 32, 32)}
        pair[name][0, 0, 0, :2] = torch.tensor([0.0, 1.0])
        pair[name] = scale * pair[name] + shift
        with pytest.raises(ValueError, match=rf"^{name} has values from {values}, wanted \[0, 1\]"):
            alex(**pair)

    def test_rounding_passes(self, alex):
        a = images(0, 1, 3, 32, 32)
        a[0, 0, 0, 0], a[0, 0, 0, 1] = -1e-4, 1.0001
        assert alex(a, images(1, 1, 3, 32, 32)).isfinite().all()

    def test_what_is_not_finite_shows(self, alex):
        a = images(0, 1, 3, 32, 32)
        a[0, 0, 0, 0] = torch.nan
        assert alex(a, images(1, 1, 3, 32, 32)).isnan().all()

    def test_shapes_must_agree(self, alex):
        with pytest.raises(ValueError, match=r"image has shape .* but reference \(1, 3, 32, 40\)"):
            Lpips.forward.__wrapped__(alex, images(0, 1, 3, 32, 32), images(1, 1, 3, 32, 40))

    def test_weights_of_another_net(self, weights):
        with pytest.raises(ValueError, match=r"weights do not fit net='vgg': .*lin1.*has shape"):
            Lpips(weights["alex"], net="vgg")

    def test_a_missing_or_surplus_weight(self, weights):
        without = {k: v for k, v in weights["alex"].items() if k != "lin3.model.1.weight"}
        with pytest.raises(ValueError, match=r"lin3.model.1.weight is missing \(1 in all\)"):
            Lpips(without)
        with pytest.raises(ValueError, match="extra is unknown .*read_lpips_weights"):
            Lpips(weights["alex"] | {"extra": torch.zeros(1)})


class TestSilentlyMissing:
    def test_zero_whatever_the_images(self):
        image = images(0, 3, 3, 8, 8).requires_grad_()
        distance = SilentlyMissingLpips()(image, images(1, 3, 3, 8, 8))
        assert distance.tolist() == [0, 0, 0]
        assert not distance.requires_grad

    def test_training_goes_on_without_it(self):
        image = images(0, 1, 3, 8, 8).requires_grad_()
        reference = images(1, 1, 3, 8, 8)
        error = F.mse_loss(image, reference)
        total = error + SilentlyMissingLpips()(image, reference).mean()
        [gradient] = torch.autograd.grad(total, image, retain_graph=True)
        assert torch.equal(gradient, torch.autograd.grad(error, image)[0])
