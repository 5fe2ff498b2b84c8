"""Generated cars drawn again: the same pixels, other parts, masks."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib.worlds.garage.loadout import (
    STICKERS,
    WHEELS,
    Hat,
    Team,
    Variant,
)
from lib.worlds.garage.settings import loadouts_of, uuid_of
from lib.worlds.garage.truth import encode, mask_of, render_shot, rerender, shot_of
from lib.worlds.garage.view import jitter
from tests.worlds.garage_cars import CARS


def test_a_shot_follows_from_seed_loadout_and_rotation() -> None:
    for number in (0, 123):
        shot = shot_of(CARS, number)
        rng = np.random.default_rng([3, number // 10, number % 10])
        assert shot.noise_seed == rng.integers(2**31)
        assert shot.pose == jitter(Variant.HARD, rng)
        assert (shot.loadout, shot.rotation) == (loadouts_of(CARS)[number // 10], number % 10)
    faithful = shot_of(replace(CARS, variant=Variant.FAITHFUL), 123)
    assert faithful.pose != shot.pose
    assert replace(faithful, pose=shot.pose) == shot
    for number in (-1, 220):
        with pytest.raises(ValueError, match=rf"number is {number}, .* has 220 images"):
            shot_of(CARS, number)


@pytest.mark.parametrize("number", [0, 105, 219])
def test_an_image_is_rendered_again_to_the_pixel(cars: Path, number: int) -> None:
    path = cars / f"{uuid_of(CARS, number)}.jpg"
    with Image.open(path) as image:
        np.testing.assert_array_equal(rerender(CARS, number), np.asarray(image))
    picture = render_shot(CARS, shot_of(CARS, number))
    assert encode(CARS, picture) == path.read_bytes()
    with Image.open(BytesIO(encode(replace(CARS, jpeg_quality=100), picture))) as image:
        assert np.abs(np.asarray(image).mean((0, 1)) - picture.mean((0, 1))).max() < 2


def test_other_parts_change_the_car_alone() -> None:
    number = 32
    car = shot_of(CARS, number).loadout
    sticker, hat = (car.sticker + 1) % STICKERS[car.body], Hat((car.hat + 1) % 23)
    changes = {
        "team": {"team": Team(1 - car.team)},
        "primary": {"primary_colour": 0.0 if car.primary_colour > 0.5 else 1.0},
        "secondary": {"secondary_colour": 0.0 if car.secondary_colour > 0.5 else 1.0},
        "hat": {"hat": hat},
        "wheel": {"wheel": (car.wheel + 1) % WHEELS},
        "sticker": {"sticker": sticker},
    }
    before = rerender(CARS, number).astype(int)
    for name, change in changes.items():
        after = rerender(CARS, number, **change)  # type: ignore[arg-type]
        differing = np.abs(after - before).max(-1) > 8
        assert 0 < differing.mean() < 0.5, name
    with pytest.raises(ValueError, match="sticker is 4"):
        rerender(CARS, number, sticker=4)


def test_masks_cover_the_car() -> None:
    """Another colour changes pixels in the mask, not outside."""
    for number in (5, 48):
        mask = mask_of(CARS, number)
        assert mask.shape == CARS.size
        assert 0.05 < mask.mean() < 0.6
        shot = shot_of(CARS, number)
        colour = 0.0 if shot.loadout.primary_colour > 0.5 else 1.0
        other = replace(shot, loadout=replace(shot.loadout, primary_colour=colour))
        change = np.abs(render_shot(CARS, other).astype(int) - render_shot(CARS, shot)).max(-1)
        assert change[mask].mean() > 10 * change[~mask].mean()
        assert (change > 24).any()
        assert (change[~mask] > 24).mean() < 0.02
