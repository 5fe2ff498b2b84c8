"""Scores against closed forms and naive loops."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lib.data.pretrained import read_lpips_weights
from lib.evaluation import reconstruction
from lib.evaluation.reconstruction import (
    detail_sums,
    evaluation_mode,
    perplexity,
    psnr_db,
    reconstruct,
    score_frames,
    sharpness,
    ssim,
    summarise,
    to_pixels,
)
from lib.models.perceptual import Lpips
from lib.models.quantiser import QuantiserConfig
from lib.models.vqvae import Vqvae, VqvaeConfig


@pytest.fixture
def model() -> Vqvae:
    torch.manual_seed(0)
    quantiser = QuantiserConfig(codebook_size=16, embedding_dim=4)
    return Vqvae(VqvaeConfig((16, 16), hidden=8, quantiser=quantiser))


def test_psnr_of_a_constant_error_has_a_closed_form():
    x = torch.full((2, 3, 16, 16), 0.5)
    y = torch.stack([x[0] + 0.1, x[1] - 0.01])
    torch.testing.assert_close(psnr_db(y, x), torch.tensor([20.0, 40.0]), atol=1e-3, rtol=0)


def test_ssim_is_one_for_equal_images_and_falls_with_noise(generator):
    x = torch.rand(2, 3, 36, 64, generator=generator)
    torch.testing.assert_close(ssim(x, x), torch.ones(2))
    noisy = (x + 0.2 * torch.randn(x.shape, generator=generator)).clamp(0, 1)
    assert (ssim(noisy, x) < 0.95).all()


def test_ssim_equals_a_naive_window_loop(generator):
    x = torch.rand(1, 1, 9, 9, generator=generator).expand(1, 3, 9, 9)
    y = (x * 0.7 + 0.1).contiguous()
    total = []
    for i in range(3):
        for j in range(3):
            a, b = x[0, 0, i : i + 7, j : j + 7].double(), y[0, 0, i : i + 7, j : j + 7].double()
            cov = ((a - a.mean()) * (b - b.mean())).mean()
            c1, c2 = 0.01**2, 0.03**2
            total.append(
                (2 * a.mean() * b.mean() + c1)
                * (2 * cov + c2)
                / (a.mean() ** 2 + b.mean() ** 2 + c1)
                / (a.var(unbiased=False) + b.var(unbiased=False) + c2)
            )
    # torchmetrics pads by reflection and crops the border again: the inner windows remain
    assert float(ssim(y, x.contiguous())) == pytest.approx(float(sum(total) / 9), abs=2e-3)


def test_sharpness_of_a_checkerboard_and_of_its_blur():
    board = (torch.arange(8)[:, None] + torch.arange(8)) % 2
    x = board.float().expand(1, 3, 8, 8)
    assert float(sharpness(x)) == 1.0
    assert float(sharpness(torch.full((1, 3, 8, 8), 0.3))) == 0.0


def test_perplexity_bounds():
    assert perplexity(np.array([5.0, 0, 0])) == pytest.approx(1)
    assert perplexity(np.array([5.0, 5, 5])) == pytest.approx(3)
    assert 1 < perplexity(np.array([9.0, 1, 0])) < 2


def test_scoring_changes_no_parameter_buffer_or_mode(model, generator):
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    score_frames(model, [torch.rand(4, 3, 16, 16, generator=generator)])
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_scores_are_per_frame_and_code_counts_add_up(model, generator):
    x = torch.rand(6, 3, 16, 16, generator=generator)
    whole, parts = score_frames(model, [x]), score_frames(model, [x[:4], x[4:]])
    np.testing.assert_allclose(whole.psnr_db, parts.psnr_db, rtol=1e-5)
    assert (whole.code_counts.sum(1) == 16).all()
    image, _ = reconstruct(model, x)
    mse = ((image - x) ** 2).mean((1, 2, 3))
    np.testing.assert_allclose(whole.psnr_db, [-10 * math.log10(m) for m in mse], rtol=1e-4)


METRICS = {
    "psnr_db", "ssim", "mse", "sharpness_ratio", "perplexity", "codes_used", "flat_texture",
    "detail_correlation",
}  # fmt: skip


@pytest.fixture
def half_flat(generator) -> torch.Tensor:
    """Eight images whose left half is one colour."""
    x = torch.rand(8, 3, 16, 16, generator=generator)
    x[..., :8] = 0.4
    return x


def test_summary_holds_every_metric_with_interval(model, half_flat):
    groups = np.repeat(np.arange(4), 2)
    summary = summarise(score_frames(model, [half_flat]), groups)
    assert set(summary) == METRICS
    with_lpips = summarise(score_frames(model, [half_flat], lpips=RedDistance()), groups)
    assert set(with_lpips) == METRICS | {"lpips"}
    for estimate in with_lpips.values():
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.n == 8


class RedDistance(nn.Module):
    """In place of LPIPS, with a weight of its own; wants [0, 1] as that does."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, image: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        assert 0 <= image.min() <= image.max() <= 1
        return self.weight * (image - reference)[:, 0].abs().mean((1, 2))


def test_lpips_is_computed_for_each_frame(model, half_flat):
    scores = score_frames(model, [half_flat[:5], half_flat[5:]], lpips=RedDistance())
    image, _ = reconstruct(model, half_flat)
    wanted = 2 * (image - half_flat)[:, 0].abs().mean((1, 2))
    np.testing.assert_allclose(scores.lpips, wanted, rtol=1e-5)
    assert score_frames(model, [half_flat]).lpips is None


def test_the_published_distance_takes_what_is_scored(generator):
    torch.manual_seed(0)
    quantiser = QuantiserConfig(codebook_size=16, embedding_dim=4)
    model = Vqvae(VqvaeConfig((36, 64), hidden=8, quantiser=quantiser))
    x = torch.rand(2, 3, 36, 64, generator=generator)
    lpips = Lpips(read_lpips_weights("alex"))
    scores = score_frames(model, [x], lpips=lpips)
    np.testing.assert_allclose(scores.lpips, lpips(reconstruct(model, x)[0], x), rtol=1e-4)
    assert (scores.lpips > 0.1).all()


def test_flat_texture_is_over_flat_patches_of_all_frames(model, half_flat, generator):
    """Groups without a flat patch take no part, and do not widen the interval to nothing."""
    busy = torch.rand(2, 3, 16, 16, generator=generator)
    scores = score_frames(model, [torch.cat([half_flat, busy])])
    assert scores.flat_counts.tolist() == [2] * 8 + [0] * 2
    found = summarise(scores, np.repeat(np.arange(5), 2))["flat_texture"]
    image, _ = reconstruct(model, half_flat)
    patches = [255 * image[:, :, i : i + 8, :8].double() for i in (0, 8)]
    squares = torch.stack([p.var((2, 3), correction=0).mean(1) for p in patches])
    assert found.value == pytest.approx(float(squares.mean().sqrt()), rel=1e-4)
    assert (found.n, found.groups) == (8, 4)
    assert found.low <= found.value <= found.high


def test_flat_texture_of_busy_frames_alone_is_not_a_number(model, generator):
    scores = score_frames(model, [torch.rand(4, 3, 16, 16, generator=generator)])
    found = summarise(scores, np.arange(4))["flat_texture"]
    assert np.isnan(found.value)
    assert (found.low, found.high, found.n) == (None, None, 0)


def test_each_module_returns_to_its_own_mode(model):
    model.train()
    model.decoder.eval()
    with evaluation_mode(model):
        assert not any(module.training for module in model.modules())
    assert model.training
    assert model.quantiser.training
    assert not any(module.training for module in model.decoder.modules())


def test_not_a_number_is_drawn_black():
    pixels = to_pixels(torch.tensor([float("nan"), 1.0, 0.5]).view(1, 3, 1, 1))
    assert pixels.shape == (1, 1, 1, 3)
    assert pixels.tolist() == [[[[0, 255, 128]]]]


class TestDetail:
    def correlation(self, image: Tensor, reference: Tensor) -> float:
        product, ours, theirs = detail_sums(image, reference).sum(0).tolist()
        return product / (ours * theirs) ** 0.5

    def test_equals_a_computation_by_hand(self, generator):
        image, reference = torch.rand(2, 2, 3, 6, 7, generator=generator)
        wanted = torch.zeros(2, 3, dtype=torch.float64)
        for b in range(2):
            for c in range(3):
                for i in range(1, 5):
                    for j in range(1, 6):
                        near = np.s_[b, c, i - 1 : i + 2, j - 1 : j + 2]
                        x = float(image[b, c, i, j] - image[near].mean())
                        y = float(reference[b, c, i, j] - reference[near].mean())
                        wanted[b] += torch.tensor([x * y, x * x, y * y], dtype=torch.float64)
        torch.testing.assert_close(detail_sums(image, reference), wanted, rtol=1e-4, atol=1e-6)

    def test_noise_is_sharp_and_has_nothing_to_do_with_the_frame(self, generator):
        reference, noise = torch.rand(2, 4, 3, 32, 32, generator=generator)
        assert abs(self.correlation(noise, reference)) < 0.05
        assert self.correlation(0.5 * reference + 0.2, reference) == pytest.approx(1, abs=1e-5)
        assert self.correlation(1 - reference, reference) == pytest.approx(-1, abs=1e-5)

    def test_no_detail_correlates_with_nothing(self, generator):
        reference = torch.rand(1, 3, 8, 8, generator=generator)
        sums = detail_sums(torch.full_like(reference, 0.5), reference)[0].numpy()
        assert reconstruction._correlation(sums) == pytest.approx(0, abs=1e-3)
