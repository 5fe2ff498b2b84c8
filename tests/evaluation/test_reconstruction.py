"""Scores against closed forms and naive loops."""

import math

import numpy as np
import pytest
import torch

from lib.evaluation.reconstruction import (
    perplexity,
    psnr_db,
    reconstruct,
    score_frames,
    sharpness,
    ssim,
    summarise,
    to_pixels,
)
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


def test_summary_holds_every_metric_with_interval(model, generator):
    x = torch.rand(8, 3, 16, 16, generator=generator)
    summary = summarise(score_frames(model, [x]), np.repeat(np.arange(4), 2))
    assert set(summary) == {
        "psnr_db", "ssim", "mse", "sharpness_ratio", "perplexity", "codes_used",
    }  # fmt: skip
    for estimate in summary.values():
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.n == 8


def test_not_a_number_is_drawn_black():
    pixels = to_pixels(torch.tensor([float("nan"), 1.0, 0.5]).view(1, 3, 1, 1))
    assert pixels.shape == (1, 1, 1, 3)
    assert pixels.tolist() == [[[[0, 255, 128]]]]
