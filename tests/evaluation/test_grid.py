"""Who paints the grid: models made so that one part alone is at fault."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from lib.evaluation.grid import (
    SKY_COUNT,
    SKY_SEED,
    grid_energy,
    grid_paths,
    interior_border_px,
    pattern_from_one_code,
    uniform_stays_uniform,
)
from lib.evaluation.texture import flat_images, sky_images, split_texture
from lib.models.quantiser import QuantiserConfig
from lib.models.vqvae import Vqvae, VqvaeConfig
from lib.models.vqvae_versions import version

SIZE = (32, 40)
CONFIG = VqvaeConfig(SIZE, hidden=8, quantiser=QuantiserConfig(codebook_size=8, embedding_dim=4))


def untrained(config: VqvaeConfig) -> Vqvae:
    torch.manual_seed(0)
    return Vqvae(config)


class Mean(nn.Module):
    """An encoder without a fault: the mean of each 4 x 4 cell, in three of four features."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        means = nn.functional.avg_pool2d(x, 4)
        return torch.cat([means, torch.zeros_like(means[:, :1])], 1)


class Noisy(Mean):
    """An encoder whose cells of one colour differ by turns, as on a chequerboard."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = super().forward(x)
        rows, columns = z.shape[-2:]
        z[:, 3] += ((torch.arange(rows)[:, None] + torch.arange(columns)) % 2).float()
        return z


class Paint(nn.Module):
    """A decoder that enlarges three features, with `levels` of a line at each cell's first row."""

    def __init__(self, levels: float = 0.0, fourth: float = 0.0) -> None:
        super().__init__()
        self.levels, self.fourth = levels, fourth
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        x = (z[:, :3] + self.fourth * z[:, 3:]).repeat_interleave(4, 2).repeat_interleave(4, 3)
        x[..., ::4, :] += self.levels / 255
        return x


@pytest.fixture
def images() -> torch.Tensor:
    return flat_images(SIZE, 1)[:1]


def made_of(encoder: nn.Module, decoder: nn.Module, images: torch.Tensor) -> Vqvae:
    """Code 0 is the images' colour; code 1 the same with the fourth feature."""
    model = untrained(CONFIG)
    model.encoder, model.decoder = encoder, decoder
    colour = images[0, :, 0, 0]
    model.quantiser.codebook[:2, :3] = colour
    model.quantiser.codebook[:2, 3] = torch.tensor([0.0, 1.0])
    model.quantiser.codebook[2:] = 50.0
    return model


class TestPaths:
    def test_a_decoder_at_fault(self, images):
        paths = grid_paths(made_of(Mean(), Paint(levels=8.0), images), images, 4)
        wanted = 8 * np.sqrt(1 / 4 * 3 / 4)  # lines of one row in four
        for texture in (paths.whole, paths.unquantised, paths.one_code):
            assert float(texture.grid) == pytest.approx(wanted, rel=1e-4)
            assert float(texture.rest) == pytest.approx(0, abs=1e-3)
        assert paths.distinct_codes.tolist() == [1]

    def test_an_encoder_at_fault(self, images):
        """Codes by turns: texture of twice the cell's period, none from one code everywhere."""
        model = made_of(Noisy(), Paint(fourth=10 / 255), images)
        paths = grid_paths(model, images, 4)
        for texture in (paths.whole, paths.unquantised):
            assert float(texture.total) == pytest.approx(5.0, rel=1e-4)
            assert float(texture.grid) == pytest.approx(0, abs=1e-3)
        assert float(paths.one_code.total) == pytest.approx(0, abs=1e-3)
        assert paths.distinct_codes.tolist() == [2]
        assert float(grid_paths(model, images, 8).whole.grid) == pytest.approx(5.0, rel=1e-4)

    def test_nothing_at_fault(self, images):
        paths = grid_paths(made_of(Mean(), Paint(), images), images, 4)
        for texture in (paths.whole, paths.unquantised, paths.one_code):
            assert float(texture.total) == pytest.approx(0, abs=1e-4)

    def test_the_most_frequent_inner_code_is_taken(self, images):
        """Of an image with a strip of another colour, whose strip lies inside."""
        model = made_of(Mean(), Paint(), images)
        model.quantiser.codebook[2, :3] = 0.0
        model.quantiser.codebook[2, 3] = 0.0
        mixed = images.clone()
        mixed[..., 12:16, :] = 0.0
        paths = grid_paths(model, mixed, 4)
        assert paths.distinct_codes.tolist() == [2]
        assert float(paths.one_code.total) == pytest.approx(0, abs=1e-4)
        assert float(paths.whole.total) > 10

    def test_the_model_is_left_as_it_was(self, images):
        quantiser = replace(CONFIG.quantiser, reseed_unused=True)
        model = untrained(replace(CONFIG, quantiser=quantiser)).train()
        before = {name: value.clone() for name, value in model.state_dict().items()}
        grid_paths(model, images, 4)
        grid_energy(model)
        assert all(module.training for module in model.modules())
        for name, value in model.state_dict().items():
            assert torch.equal(value, before[name]), name

    def test_a_border_beyond_the_grid_is_refused(self, images):
        with pytest.raises(ValueError, match="border_cells is 4, the code grid 8 x 10"):
            grid_paths(untrained(CONFIG), images, 4, border_cells=4)


class TestEnergy:
    def test_equals_the_lines_that_are_painted(self, images):
        model = made_of(Mean(), Paint(levels=8.0), images)
        model.quantiser.forward = Straight(model)  # type: ignore[method-assign]
        found = grid_energy(model)
        wanted = 8 * np.sqrt(3 / 16)
        flat, sky = found["grid_energy_flat"], found["grid_energy_sky"]
        assert flat.value == pytest.approx(wanted, rel=1e-3)
        assert (flat.low, flat.high) == (None, None)
        # by hand: cells of one colour lose the skies' own texture, and that is counted, too
        source = 255 * sky_images(SIZE, count=SKY_COUNT, seed=SKY_SEED).images[..., 8:-8, 8:-8]
        error = nn.functional.avg_pool2d(source, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
        error = error - source
        error[..., ::4, :] += 8.0
        tile = torch.stack(
            [error[..., i::4, j::4].mean((2, 3)) for i in range(4) for j in range(4)]
        )
        by_hand = (tile - tile.mean(0)).square().mean((0, 2)).sqrt()
        assert sky.value == pytest.approx(float(by_hand.mean()), rel=1e-3)
        assert sky.low < sky.value < sky.high
        assert (sky.n, sky.groups) == (SKY_COUNT, 16)

    def test_a_lost_model_is_not_averaged_away(self):
        model = untrained(CONFIG)
        model.quantiser.codebook.fill_(torch.nan)
        for estimate in grid_energy(model).values():
            assert np.isnan(estimate.value)
            assert estimate.low is None


class Straight:
    """In place of a quantiser: latents as they are."""

    def __init__(self, model: Vqvae) -> None:
        self.quantise = type(model.quantiser).forward.__get__(model.quantiser)

    def __call__(self, z: torch.Tensor):
        return self.quantise(z)._replace(latents=z)


@pytest.mark.parametrize(
    ("image_size", "stages", "pixels"), [((72, 128), 3, 16), ((72, 128), 2, 8), ((16, 16), 2, 4)]
)
def test_the_border_leaves_at_least_two_cells(image_size, stages, pixels):
    config = VqvaeConfig(image_size, stages=stages)
    assert interior_border_px(config) == pixels
    assert min(image_size) - 2 * pixels >= 2 << stages


class TestUniformStaysUniform:
    @pytest.mark.parametrize("name", ["v1.0", "v2.0.2", "v2.1.4", "v2.1.6"])
    def test_resizing_mends_what_transposed_convolutions_break(self, name):
        broken = version(name, "tiny").model
        assert broken.upsampling == "transposed"
        assert not uniform_stays_uniform(broken)
        assert uniform_stays_uniform(replace(broken, upsampling="resize"))

    def test_the_broken_pattern_is_no_rounding(self):
        assert pattern_from_one_code(version("v2.1.6", "tiny").model) > 0.01

    def test_inner_pixels_are_beyond_the_edge_s_reach(self):
        """Otherwise padding would be taken for a grid, in the deepest decoder there is."""
        deep = replace(version("v2.0.2", "tiny").model, upsampling="resize")
        deep = replace(deep, stages=4, image_size=(80, 128))
        assert pattern_from_one_code(deep, seed=1) < 1e-5

    def test_random_state_is_left_as_it_was(self):
        before = torch.get_rng_state()
        uniform_stays_uniform(CONFIG)
        assert torch.equal(torch.get_rng_state(), before)

    def test_the_pattern_repeats_with_the_cells(self):
        """The grid measure sees the same fault in a picture as the predicate does in a decoder."""
        torch.manual_seed(0)
        model = Vqvae(replace(CONFIG, image_size=(64, 64)))
        with torch.inference_mode():
            picture = model.decode(torch.zeros(1, 16, 16, dtype=torch.long))
        texture = split_texture(picture, 4, border_px=20)
        assert float(texture.grid) == pytest.approx(float(texture.total), rel=1e-3)
        assert float(texture.total) > 0.1
