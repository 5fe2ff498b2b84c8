"""Augmentation against torchvision, one image at a time, and its laws."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms.v2 import functional as tv

from lib.training.augmentation import (
    BRIGHTNESS,
    CONTRAST,
    HUE,
    SATURATION,
    Augmentation,
    Draws,
    apply,
    augment,
    draw,
    jitter,
    shift_hue,
    to_images,
)

SIZE = (12, 20)
NEVER = Augmentation(flip=0.0, jitter=0.0, erase=0.0)
seeds = st.integers(0, 2**31 - 1)


def pixels_of(seed: int, count: int = 5, size: tuple[int, int] = SIZE) -> Tensor:
    """Noise, with some grey and some saturated pixels, where hue is hard to tell."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (count, *size, 3), dtype=np.uint8)
    pixels[:, 0] = pixels[:, 0, :, :1]  # grey
    pixels[:, 1] = rng.choice([0, 255], pixels[:, 1].shape)  # corners of the colour cube
    return torch.from_numpy(pixels)


def one_by_one(pixels: Tensor, draws: Draws, square_px: int) -> Tensor:
    """What `apply` should do, through torchvision and loops."""
    adjust = {
        BRIGHTNESS: tv.adjust_brightness,
        CONTRAST: tv.adjust_contrast,
        SATURATION: tv.adjust_saturation,
        HUE: tv.adjust_hue,
    }
    done = []
    for i, image in enumerate(to_images(pixels).contiguous()):
        if draws.flipped[i]:
            image = tv.horizontal_flip(image)
        if draws.jittered[i]:
            for what in draws.order[i].tolist():
                image = adjust[what](image, float(draws.factors[i, what]))
        if draws.erased[i]:
            for row, column in draws.corners[i].tolist():
                image = tv.erase(image, row, column, square_px, square_px, image.new_zeros(3, 1, 1))
        done.append(image)
    return torch.stack(done)


class TestAgainstTorchvision:
    @settings(max_examples=25, deadline=None)
    @given(seeds)
    def test_everything_together(self, seed):
        pixels = pixels_of(seed)
        draws = draw(Augmentation(), len(pixels), SIZE, seed=seed, step=3)
        wanted = one_by_one(pixels, draws, 4)
        torch.testing.assert_close(apply(pixels, draws, square_px=4), wanted, atol=2e-5, rtol=0)

    @settings(max_examples=25, deadline=None)
    @given(seeds, st.lists(st.floats(-0.5, 0.5), min_size=5, max_size=5))
    def test_hue(self, seed, turns):
        images = to_images(pixels_of(seed))
        got = shift_hue(images.transpose(0, 1), torch.tensor(turns))
        for i, turn in enumerate(turns):
            torch.testing.assert_close(got[:, i], tv.adjust_hue(images[i], turn), atol=1e-5, rtol=0)

    @pytest.mark.parametrize("first", [BRIGHTNESS, CONTRAST, SATURATION, HUE])
    def test_each_adjustment_alone(self, first):
        images = to_images(pixels_of(0, count=2))
        factors = torch.tensor([[1.0, 1.0, 1.0, 0.0]]).repeat(2, 1)
        factors[:, first] = torch.tensor([-0.4, 0.3]) + (first != HUE)
        order = torch.tensor([first, *(w for w in range(4) if w != first)]).repeat(2, 1)
        got = jitter(images.transpose(0, 1).clone(), order, factors).transpose(0, 1)
        adjust = (tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation, tv.adjust_hue)
        for i in range(2):
            wanted = adjust[first](images[i], float(factors[i, first]))
            torch.testing.assert_close(got[i], wanted, atol=1e-5, rtol=0)
        assert (got - images).abs().max() > 0.05


class TestLaws:
    @settings(max_examples=10, deadline=None)
    @given(seeds)
    def test_hue_keeps_value_and_saturation(self, seed):
        planes = to_images(pixels_of(seed)).transpose(0, 1)
        shifted = shift_hue(planes, torch.linspace(-0.5, 0.5, 5))
        torch.testing.assert_close(shifted.amax(0), planes.amax(0))
        torch.testing.assert_close(shifted.amin(0), planes.amin(0))

    def test_a_whole_turn_of_three_is_none(self):
        planes = to_images(pixels_of(1)).transpose(0, 1)
        third = torch.full((5,), 1 / 3)
        thrice = shift_hue(shift_hue(shift_hue(planes, third), third), third)
        torch.testing.assert_close(thrice, planes, atol=1e-5, rtol=0)

    @settings(max_examples=10, deadline=None)
    @given(seeds, st.integers(0, 1000))
    def test_values_stay_in_range_and_draws_repeat(self, seed, step):
        pixels = pixels_of(seed)
        first = augment(pixels, Augmentation(), seed=seed, step=step)
        assert float(first.min()) >= 0
        assert float(first.max()) <= 1
        assert torch.equal(first, augment(pixels, Augmentation(), seed=seed, step=step))

    def test_seed_and_step_are_different_numbers(self):
        made = [
            draw(Augmentation(), 8, SIZE, seed=seed, step=step).factors
            for seed, step in ((0, 0), (0, 1), (1, 0), (1, 1))
        ]
        for i, a in enumerate(made):
            assert not any(torch.equal(a, b) for b in made[:i])

    def test_nothing_to_do_leaves_the_pixels(self):
        pixels = pixels_of(2)
        got = augment(pixels, NEVER, seed=0, step=0)
        assert torch.equal((got * 255).round().byte().permute(0, 2, 3, 1), pixels)
        assert torch.equal(got, to_images(pixels))
        assert got.is_contiguous(memory_format=torch.channels_last)

    def test_the_pixels_given_are_not_changed(self):
        pixels = pixels_of(3)
        before = pixels.clone()
        augment(pixels, Augmentation(flip=1.0, jitter=1.0, erase=1.0), seed=0, step=0)
        assert torch.equal(pixels, before)

    @settings(max_examples=10, deadline=None)
    @given(seeds, st.integers(1, 6), st.integers(1, 5))
    def test_squares_are_black_and_no_more_than_told(self, seed, squares, side):
        always = Augmentation(flip=0.0, jitter=0.0, erase=1.0, squares=squares, square_px=side)
        white = torch.full((4, *SIZE, 3), 255, dtype=torch.uint8)
        black = 1 - augment(white, always, seed=seed, step=0)
        assert set(black.unique().tolist()) == {0.0, 1.0}
        counts = black[:, 0].sum((1, 2))
        assert float(counts.min()) >= side**2, "a square lies within the image"
        assert float(counts.max()) <= squares * side**2
        assert torch.equal(black[:, 0], black[:, 2])


class TestDraws:
    def test_frequencies_and_ranges(self):
        draws = draw(Augmentation(), 20_000, SIZE, seed=0, step=0)
        for happens in (draws.flipped, draws.jittered, draws.erased):
            assert float(happens.float().mean()) == pytest.approx(0.5, abs=0.015)
        both = (draws.flipped & draws.jittered).float().mean()
        assert float(both) == pytest.approx(0.25, abs=0.015), "independent of each other"
        for what, (low, high) in enumerate([(0.5, 1.5)] * 3 + [(-0.5, 0.5)]):
            values = draws.factors[:, what]
            assert low <= float(values.min()) < low + 0.01
            assert high - 0.01 < float(values.max()) <= high
        _, counts = draws.order.unique(dim=0, return_counts=True)
        assert len(counts) == 24, "every order occurs"
        assert int(counts.min()) > 20_000 / 24 * 0.8
        assert draws.corners[..., 0].unique().tolist() == list(range(SIZE[0] - 3))
        assert draws.corners[..., 1].unique().tolist() == list(range(SIZE[1] - 3))

    def test_the_number_of_squares_is_even_from_one_to_all(self):
        places = draw(Augmentation(squares=4), 8_000, (500, 500), seed=0, step=0).corners
        number = torch.tensor([len(corners.unique(dim=0)) for corners in places])
        shares = torch.bincount(number, minlength=5)[1:] / len(number)
        torch.testing.assert_close(shares, torch.full((4,), 0.25), atol=0.02, rtol=0)

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"flip": 1.5}, "flip is 1.5; give a number from 0 to 1"),
            ({"hue": 0.6}, "hue is 0.6; give a number from 0 to 0.5"),
            ({"squares": 0}, "squares is 0; give 1 or more"),
        ],
    )
    def test_impossible_settings_are_refused(self, wrong, told):
        with pytest.raises(ValueError, match=told):
            Augmentation(**wrong)

    def test_squares_that_do_not_fit_are_refused(self):
        with pytest.raises(ValueError, match="square_px is 13, but images are 12 x 20 pixels"):
            draw(Augmentation(square_px=13), 1, SIZE, seed=0, step=0)
