"""Checks of a perceptual term, on stand-ins with closed forms and on the real network."""

import numpy as np
import pytest
import torch
from torch import nn

from lib.data.pretrained import read_lpips_weights
from lib.evaluation.perceptual_checks import (
    blurred,
    lpips_against_contrast,
    perceptual_term_counts,
    sees_full_range,
    toward_grey,
)
from lib.models.perceptual import Lpips, SilentlyMissingLpips


class Squares(nn.Module):
    """Mean squared difference times `scale`; with `tilt`, of red alone."""

    def __init__(self, scale: float = 1.0, *, tilt: bool = False) -> None:
        super().__init__()
        self.scale, self.channels = scale, 1 if tilt else 3

    def forward(self, image: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        difference = (image - reference)[:, : self.channels]
        return self.scale * difference.square().mean((1, 2, 3))


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    return read_lpips_weights("alex")


@pytest.fixture(scope="module")
def right(weights) -> Lpips:
    return Lpips(weights)


@pytest.fixture(scope="module")
def wrong(weights) -> Lpips:
    return Lpips(weights, input_range="[0, 1]")


@pytest.fixture
def images(generator) -> torch.Tensor:
    return torch.rand(2, 3, 32, 36, generator=generator)


class TestPredicates:
    def test_a_missing_term_does_not_count(self, right, wrong):
        assert not perceptual_term_counts(SilentlyMissingLpips())
        assert perceptual_term_counts(right)
        assert perceptual_term_counts(wrong), "its range is wrong, but it is there"

    def test_the_range_is_told_apart(self, right, wrong, weights):
        assert sees_full_range(right, weights)
        assert not sees_full_range(wrong, weights)
        assert not sees_full_range(SilentlyMissingLpips(), weights)


class TestCurves:
    def test_closed_form_of_squares(self, images):
        """Squared error of contrast f: (1 - f)^2 times that of plain grey."""
        ranges = lpips_against_contrast(Squares(), Squares(0.25), images, [1.0, 0.5, 0.0])
        curve = ranges.contrast
        grey = float((images - 0.5).square().mean())
        np.testing.assert_allclose(curve.right, np.array([0, 0.25, 1]) * grey, atol=1e-7)
        np.testing.assert_allclose(curve.wrong, curve.right / 4, atol=1e-7)
        assert np.isnan(curve.lost[0])
        np.testing.assert_allclose(curve.lost[1:], 0.75, rtol=1e-5)
        n = images[0].numel()
        norms = [2 / n * f * float((x - 0.5).norm()) for f in (0.5, 1) for x in images]
        wanted = np.array(norms).reshape(2, 2).mean(1)
        np.testing.assert_allclose(curve.gradient_right[1:], wanted, rtol=1e-4)
        np.testing.assert_allclose(curve.gradient_wrong[1:], wanted / 4, rtol=1e-4)
        np.testing.assert_allclose(curve.gradient_cosine, [0, 1, 1], atol=1e-5)
        assert curve.strengths == (1.0, 0.5, 0.0)

    def test_cosine_of_gradients_that_share_a_third(self, images):
        """Of three like channels, one: 1/sqrt(3)."""
        grey = images[:, :1].expand(-1, 3, -1, -1).contiguous()
        ranges = lpips_against_contrast(Squares(), Squares(tilt=True), grey, [0.5], sigmas=[1.0])
        for curve in (ranges.contrast, ranges.blur):
            np.testing.assert_allclose(curve.gradient_cosine, [3**-0.5], rtol=1e-4)

    def test_a_missing_term_loses_everything(self, images):
        curve = lpips_against_contrast(Squares(), SilentlyMissingLpips(), images, [0.5]).contrast
        assert curve.lost.tolist() == [1.0]
        assert curve.gradient_wrong.tolist() == [0.0]

    def test_the_real_network(self, right, wrong, generator):
        coarse = torch.rand(1, 3, 8, 8, generator=generator)
        images = nn.functional.interpolate(coarse, (64, 64), mode="bilinear")
        ranges = lpips_against_contrast(right, wrong, images, [0.75, 0.25], sigmas=[1.0, 4.0])
        for curve in (ranges.contrast, ranges.blur):
            assert curve.right[0] < curve.right[1], "the worse, the farther"
            assert (curve.right > 0).all()
            assert not np.allclose(curve.right, curve.wrong, rtol=0.01)
            assert (np.abs(curve.gradient_cosine) < 0.999).all()
        for module in (right, wrong):
            assert all(p.grad is None for p in module.parameters())


class TestDegradations:
    def test_blur_keeps_the_mean_and_sums_to_one(self):
        point = torch.zeros(1, 3, 33, 33)
        point[..., 16, 16] = 1.0
        soft = blurred(point, 1.0)
        torch.testing.assert_close(soft.sum((2, 3)), torch.ones(1, 3))
        one = np.exp(-(np.arange(-3, 4) ** 2) / 2)
        one /= one.sum()
        np.testing.assert_allclose(soft[0, 0, 13:20, 13:20], np.outer(one, one), rtol=1e-4)

    def test_mistakes_are_named(self, images):
        with pytest.raises(ValueError, match="factor is 1.5"):
            toward_grey(images, 1.5)
        with pytest.raises(ValueError, match="sigma is 0"):
            blurred(images, 0.0)
