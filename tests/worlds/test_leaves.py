"""Dead leaves: covered, without a preferred size, with the spectrum of photographs."""

import numpy as np

from lib.worlds.leaves import _LEAST, _MOST, _radius, dead_leaves


def _picture(seed: int = 0, side: int = 64) -> np.ndarray:
    return dead_leaves(side, np.random.default_rng(seed))


def test_the_same_generator_gives_the_same_picture_and_another_another() -> None:
    np.testing.assert_array_equal(_picture(), _picture())
    assert (_picture() != _picture(1)).mean() > 0.9
    assert _picture().shape == (64, 64, 3)
    assert _picture().dtype == np.float32


def test_colours_are_of_many_lights_and_little_hue() -> None:
    pictures = np.stack([_picture(seed) for seed in range(6)])
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    light = pictures.mean(-1)
    assert np.quantile(light, 0.1) < 0.3 < 0.7 < np.quantile(light, 0.9)
    assert np.ptp(pictures, axis=-1).max() <= 0.36 + 1e-6


def test_radii_are_as_rare_as_their_third_power_is_large() -> None:
    rng = np.random.default_rng(0)
    radii = np.array([_radius(rng) for _ in range(20_000)])
    assert radii.min() >= _LEAST
    assert radii.max() <= _MOST
    # of a density r^-3 the share above r is (r^-2 - most^-2) / (least^-2 - most^-2)
    for r in (0.03, 0.06, 0.12):
        share = (r**-2 - _MOST**-2) / (_LEAST**-2 - _MOST**-2)
        assert abs((radii > r).mean() - share) < 4 * np.sqrt(share / 20_000)


def test_the_power_spectrum_falls_as_that_of_photographs() -> None:
    power = np.zeros((128, 128))
    for seed in range(8):
        light = _picture(seed, 128).mean(-1)
        power += np.abs(np.fft.fft2(light - light.mean())) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128)))
    within = (frequency > 0.03) & (frequency < 0.3)
    slope = np.polyfit(np.log(frequency[within]), np.log(power[within]), 1)[0]
    assert -3.0 < slope < -1.6  # white noise: 0; Field (1987): about -2
