"""The ReLU before the sigmoid: what it forbids, what it silences."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lib.evaluation.darkness import (
    can_be_dark,
    darkest_pixel,
    darkest_with_bias,
    reconstruction_gradient,
    stuck_share,
)
from lib.models.quantiser import QuantiserConfig
from lib.models.vqvae import Vqvae, VqvaeConfig
from lib.models.vqvae_versions import version

FREE = VqvaeConfig(
    (16, 16),
    hidden=8,
    residual=True,
    quantiser=QuantiserConfig(codebook_size=8, embedding_dim=4, reseed_unused=True),
)
CAPPED = replace(FREE, output_relu=True)


@pytest.fixture
def images(generator) -> torch.Tensor:
    return torch.rand(3, 3, 16, 16, generator=generator)


def with_bias(config: VqvaeConfig, bias: float) -> Vqvae:
    """A new model whose last layer gives `bias`, whatever it is fed."""
    torch.manual_seed(0)
    model = Vqvae(config)
    last = [m for m in model.decoder.modules() if isinstance(m, nn.ConvTranspose2d)][-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.tensor([bias, 0.5, 1.0]))
    return model


def test_dark_channels_are_stuck_behind_the_relu(images):
    model = with_bias(CAPPED, -2.0)
    assert darkest_pixel(model, images) == 0.5
    assert stuck_share(model, images) == pytest.approx(1 / 3)


def test_without_it_they_are_dark_and_none_is_stuck(images):
    model = with_bias(FREE, -2.0)
    assert darkest_pixel(model, images) == pytest.approx(float(torch.sigmoid(torch.tensor(-2.0))))
    assert stuck_share(model, images) == 0


def stuck_everywhere() -> Vqvae:
    torch.manual_seed(0)
    model = Vqvae(CAPPED)
    last = [m for m in model.decoder.modules() if isinstance(m, nn.ConvTranspose2d)][-1]
    nn.init.constant_(last.bias, -50.0)
    return model


class TestGradient:
    def test_equals_backward(self, images):
        torch.manual_seed(0)
        model = Vqvae(FREE).eval()
        found = reconstruction_gradient(model, images, beta=0.1)
        for value, which in ((found.reconstruction, "mse"), (found.commitment, "commitment")):
            model.zero_grad()
            result = model(images)
            loss = (
                F.mse_loss(result.image, images)
                if which == "mse"
                else 0.1 * result.quantised.commitment
            )
            loss.backward()
            gradients = torch.cat([p.grad.flatten() for p in model.encoder.parameters()])
            assert value == pytest.approx(float(gradients.norm()), rel=1e-4)
            assert value > 0

    def test_where_all_is_stuck_only_the_commitment_speaks(self, images):
        """So the encoder is pulled to the codes, and by nothing to the images."""
        model = stuck_everywhere()
        assert stuck_share(model, images) == 1.0
        found = reconstruction_gradient(model, images)
        assert found.reconstruction == 0
        assert found.commitment > 0

    def test_beta_scales_the_commitment_alone(self, images):
        torch.manual_seed(0)
        model = Vqvae(FREE)
        one, half = (reconstruction_gradient(model, images, beta=b) for b in (1.0, 0.5))
        assert half.commitment == pytest.approx(one.commitment / 2, rel=1e-5)
        assert half.reconstruction == pytest.approx(one.reconstruction, rel=1e-5)

    def test_nothing_is_left_behind(self, images):
        torch.manual_seed(0)
        model = Vqvae(FREE).train()
        before = {name: value.clone() for name, value in model.state_dict().items()}
        reconstruction_gradient(model, images)
        assert model.training
        assert all(p.grad is None for p in model.parameters())
        for name, value in model.state_dict().items():
            assert torch.equal(value, before[name]), name


class TestCanBeDark:
    def test_the_version_that_left_the_relu_and_the_one_that_took_it_away(self):
        assert not can_be_dark(version("v2.1.4", "tiny").model)
        assert can_be_dark(version("v2.1.5", "tiny").model)
        assert can_be_dark(version("v2.1.4_no_relu", "tiny").model)

    def test_how_dark(self):
        assert darkest_with_bias(CAPPED, -10.0) == 0.5
        assert darkest_with_bias(FREE, -10.0) < 0.01
        assert darkest_with_bias(CAPPED, 10.0) > 0.99
