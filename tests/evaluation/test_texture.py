"""Texture measures against closed forms, Fourier transforms and naive loops."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.evaluation.texture import (
    FIRST_UNUSED_WORLD,
    SKY_VIEWS,
    flat_images,
    flat_patch_texture,
    flat_stays_flat,
    grid_rms,
    sky_images,
    split_texture,
    texture_rms,
)
from lib.worlds.blocks import BlocksFootage
from lib.worlds.blocks.footage import MAX_WORLDS


def stripes(period_px: int, amplitude: float, size: tuple[int, int] = (24, 48)) -> torch.Tensor:
    """One grey image with a cosine along columns, `amplitude` in levels."""
    wave = amplitude / 255 * torch.cos(2 * math.pi * torch.arange(size[1]) / period_px)
    return (0.5 + wave).expand(1, 3, *size).contiguous()


def drawn_image(seed: int) -> torch.Tensor:
    return torch.rand(2, 3, 19, 26, generator=torch.Generator().manual_seed(seed))


class TestSplit:
    @pytest.mark.parametrize("period", [4, 8])
    def test_a_cosine_of_the_grid_is_all_grid(self, period):
        texture = split_texture(stripes(period, 10.0), 8)
        assert float(texture.total) == pytest.approx(10 / math.sqrt(2), rel=1e-5)
        assert float(texture.grid) == pytest.approx(10 / math.sqrt(2), rel=1e-5)
        assert float(texture.rest) == pytest.approx(0, abs=1e-4)

    def test_a_cosine_of_another_period_is_no_grid(self):
        texture = split_texture(stripes(6, 10.0), 8)
        assert float(texture.grid) == pytest.approx(0, abs=1e-4)
        assert float(texture.rest) == pytest.approx(10 / math.sqrt(2), rel=1e-5)

    def test_two_cosines_add_in_squares(self):
        image = stripes(8, 10.0) + stripes(16, 6.0).roll(3, 3) - 0.5
        assert float(grid_rms(image, 8)) == pytest.approx(10 / math.sqrt(2), rel=1e-5)
        assert float(texture_rms(image)) == pytest.approx(math.sqrt((100 + 36) / 2), rel=1e-5)

    def test_equals_the_spectrum(self):
        """By Fourier transform: bins at multiples of 1/4 cycles a pixel, the constant left out."""
        image = drawn_image(1)
        cut = image[..., 1:17, 1:25].double() * 255
        power = torch.fft.fft2(cut).abs().square() / (16 * 24) ** 2
        power[..., 0, 0] = 0
        wanted = power[..., ::4, ::6].sum((-2, -1)).mean(1).sqrt()
        torch.testing.assert_close(grid_rms(image, 4, border_px=1), wanted)
        everything = power.sum((-2, -1)).mean(1).sqrt()
        torch.testing.assert_close(texture_rms(image, border_px=1, period_px=4), everything)

    @given(st.integers(0, 1000), st.integers(1, 8), st.integers(0, 4), st.floats(-0.5, 0.5))
    @settings(max_examples=25, deadline=None)
    def test_laws(self, seed, period, border, constant):
        image = drawn_image(seed)
        texture = split_texture(image, period, border_px=border)
        both = (texture.grid.square() + texture.rest.square()).sqrt()
        torch.testing.assert_close(both, texture.total)
        assert (texture.grid <= texture.total + 1e-9).all()
        moved = split_texture(image.double() + constant, period, border_px=border)
        torch.testing.assert_close(moved.grid, texture.grid, atol=1e-4, rtol=1e-4)
        same = texture_rms(image, border_px=border, period_px=period)
        assert torch.equal(same, texture.total)

    @given(st.integers(1, 8), st.tuples(*[st.floats(0, 1)] * 3))
    @settings(max_examples=20, deadline=None)
    def test_constant_colours_have_none(self, period, colour):
        image = torch.tensor(colour)[None, :, None, None].expand(1, 3, 18, 18)
        texture = split_texture(image, period)
        assert float(texture.total) == pytest.approx(0, abs=1e-9)
        assert float(texture.grid) == pytest.approx(0, abs=1e-9)

    def test_the_border_does_not_count(self):
        image = torch.full((1, 3, 20, 20), 0.5)
        image[..., :3, :] = 1.0
        image[..., -3:] = 0.0
        assert float(texture_rms(image)) > 50
        assert float(texture_rms(image, border_px=3)) == 0

    def test_an_image_without_a_whole_tile_is_refused(self):
        with pytest.raises(ValueError, match=r"16 x 30 pixels; with border_px=5 no tile of 8"):
            grid_rms(torch.zeros(1, 3, 16, 30), 8, border_px=5)
        with pytest.raises(ValueError, match=r"period or patch of 0 pixels"):
            grid_rms(torch.zeros(1, 3, 16, 30), 0)


class TestFlatPatches:
    def test_equals_a_naive_loop(self, generator):
        source = torch.full((2, 3, 20, 25), 0.3)
        source[0, :, 9:, :] = torch.rand(3, 11, 25, generator=generator)
        source += 0.5 / 255 * torch.randn(source.shape, generator=generator)
        image = torch.rand(2, 3, 20, 25, generator=generator)
        squares, counts = [0.0, 0.0], [0, 0]
        for b in range(2):
            for i in range(1, 17, 8):
                for j in range(1, 17, 8):
                    own, painted = (
                        x[b, :, i : i + 8, j : j + 8].double().flatten(1).numpy() * 255
                        for x in (source, image)
                    )
                    if np.sqrt(own.var(1).mean()) < 1.0:
                        squares[b] += painted.var(1).mean()
                        counts[b] += 1
        found = flat_patch_texture(image, source, border_px=1)
        assert found.counts.tolist() == counts
        assert 0 < counts[0] < counts[1]
        np.testing.assert_allclose(found.squares, squares, rtol=1e-6)
        assert found.rms == pytest.approx(math.sqrt(sum(squares) / sum(counts)), rel=1e-6)

    def test_what_is_lost_elsewhere_does_not_spoil_flat_patches(self, generator):
        source = torch.full((1, 3, 8, 16), 0.3)
        source[..., 8:] = torch.rand(1, 3, 8, 8, generator=generator)
        image = source.clone()
        image[..., 8:] = torch.nan
        assert flat_patch_texture(image, source).rms == pytest.approx(0, abs=1e-5)
        image[..., :8] = torch.nan
        assert math.isnan(flat_patch_texture(image, source).rms)

    def test_no_flat_patch_is_not_zero(self, generator):
        noise = torch.rand(2, 3, 16, 16, generator=generator)
        found = flat_patch_texture(noise, noise)
        assert found.counts.tolist() == [0, 0]
        assert math.isnan(found.rms)

    def test_other_shapes_are_refused(self):
        with pytest.raises(ValueError, match=r"image has shape .*source .*its own source"):
            flat_patch_texture(torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 8))


class TestFlatStaysFlat:
    @pytest.fixture
    def source(self, generator) -> torch.Tensor:
        """Sky above, grass below."""
        source = torch.full((1, 3, 32, 64), 0.6)
        source[..., 16:, :] = torch.rand(1, 3, 16, 64, generator=generator)
        return source

    def test_grass_in_the_sky_is_seen(self, source):
        burnt = source.clone()
        burnt[..., 4:10, 20:36] = source[..., 20:26, 20:36]
        assert not flat_stays_flat(burnt, source)

    def test_another_colour_and_blurred_grass_are_not_burn_in(self, source):
        other = source.clone()
        other[..., :16, :] -= 0.2
        other[..., 16:, :] = 0.5
        assert flat_stays_flat(other, source)
        assert flat_stays_flat(source, source)


class TestImages:
    def test_flat_images_are_flat_distinct_and_in_range(self):
        images = flat_images((6, 10), colours_per_channel=2)
        assert images.shape == (8 + 4, 3, 6, 10)
        assert (images == images[..., :1, :1]).all()
        assert len(images[..., 0, 0].unique(dim=0)) == len(images)
        assert set(images[:8, :, 0, 0].unique().tolist()) == {0.25, 0.75}
        assert 0 < images.min() < images.max() < 1
        sky = images[8:, :, 0, 0]
        assert (sky[1::2, 2] > sky[1::2, 0]).all(), "zeniths are more blue than red"

    def test_sky_images_show_sky_of_several_worlds(self):
        sky = sky_images((36, 64), count=2 * SKY_VIEWS + 1, seed=0)
        assert sky.worlds.tolist() == [0] * SKY_VIEWS + [1] * SKY_VIEWS + [2]
        assert sky.images.shape == (9, 3, 36, 64)
        assert sky.images.min() >= 0
        assert sky.images.max() <= 1
        smooth = flat_patch_texture(sky.images, sky.images, patch_px=4, flat_levels=3.0)
        assert smooth.counts.float().mean() > 0.5 * 9 * 16, "sky is smooth for the most part"
        assert (texture_rms(sky.images) > 0).any(), "but it has gradients and clouds"

    def test_skies_are_drawn_from_the_seed(self):
        first, again, other = (sky_images((9, 16), count=3, seed=s).images for s in (0, 0, 1))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)

    def test_no_data_set_has_these_worlds(self):
        with pytest.raises(ValueError, match="seed"):
            BlocksFootage("minerl", seed=FIRST_UNUSED_WORLD // MAX_WORLDS)
        BlocksFootage("minerl", seed=FIRST_UNUSED_WORLD // MAX_WORLDS - 1)

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="colours_per_channel is 0"):
            flat_images((4, 4), 0)
        with pytest.raises(ValueError, match="count is 0 and seed is 3"):
            sky_images((4, 4), count=0, seed=3)
