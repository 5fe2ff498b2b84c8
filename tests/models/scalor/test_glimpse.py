"""Dense layers for small glimpses."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from lib.models.scalor import Scalor, ScalorConfig
from lib.models.scalor.glimpse import DenseGlimpseDecoder, DenseGlimpseEncoder
from tests.models.scalor.test_model import EARLY, SMALL, drawn, made, moving

DENSE = replace(SMALL, glimpse_layers="dense")


def test_a_model_with_them_is_a_model():
    torch.manual_seed(0)
    model = Scalor(DENSE)
    result = model(moving(), EARLY, drawn())
    assert result.reconstruction.shape == (2, 3, 3, 64, 64)
    result.loss.backward()
    for name, weights in model.glimpses.named_parameters():
        assert weights.grad is not None, name
        assert torch.isfinite(weights.grad).all(), name
        assert weights.grad.abs().max() > 0, name


def test_masks_may_be_faint_at_first():
    faint = made(replace(DENSE, alpha_bias=-3.0)).glimpses.decode(torch.randn(50, SMALL.what))
    faint = faint.detach()
    assert faint.shape == (50, 4, 16, 16)
    assert ((faint > 0) & (faint < 1)).all()
    assert float(faint[:, 3].mean()) < 0.1 < 0.3 < float(faint[:, :3].mean())


def test_they_learn_to_say_and_draw_what_is_there():
    torch.manual_seed(0)
    seen = F.interpolate(torch.rand(64, 3, 4, 4), scale_factor=4, mode="bilinear")
    encoder, decoder = DenseGlimpseEncoder(16, 32), DenseGlimpseDecoder(16, 32)
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=3e-3)

    def missed() -> torch.Tensor:
        return (decoder(encoder(seen).chunk(2, 1)[0])[:, :3] - seen).square().mean()

    before = float(missed().detach())
    for _ in range(200):
        optimiser.zero_grad()
        missed().backward()
        optimiser.step()
    assert float(missed().detach()) < before / 10


def test_large_glimpses_are_refused():
    with pytest.raises(ValueError, match="'dense' with glimpse_px=64: dense layers take glimpses"):
        ScalorConfig(glimpse_layers="dense")
