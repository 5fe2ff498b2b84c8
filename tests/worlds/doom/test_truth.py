import itertools

import numpy as np
import pytest

from lib.worlds.doom.classes import UNKNOWN, PixelClass
from lib.worlds.doom.truth import classes_of, label_index, label_palette, screen_classes_of


def painted(indices):
    return label_palette()[np.asarray(indices)]


def test_every_class_survives_being_painted_whatever_the_engine_rounds():
    picture = painted([[label_index(kind) for kind in PixelClass]])
    for shift in (0, 1):  # Doom's table of gamma adds 1 to dark colours
        classes = classes_of(picture + np.uint8(shift), horizon=0)
        assert classes.tolist() == [[int(kind) for kind in PixelClass]]


def test_all_other_colours_of_the_palette_are_unknown():
    others = [i for i in range(256) if i not in {label_index(kind) for kind in PixelClass}]
    assert (classes_of(painted([others]), horizon=0) == UNKNOWN).all()


def test_blending_two_classes_hardly_ever_makes_a_third():
    palette = label_palette().astype(float)
    colours = palette[[label_index(kind) for kind in PixelClass]]
    wrong = total = 0
    for (i, over), (j, under) in itertools.permutations(enumerate(colours), 2):
        for opacity in (0.25, 0.4, 0.5, 0.6, 0.75):
            blend = opacity * over + (1 - opacity) * under
            nearest = int(((palette - blend) ** 2).sum(1).argmin())  # as engines of 256 colours do
            wrong += nearest not in (0, i + 1, j + 1) and nearest <= len(PixelClass)
            total += 1
    assert wrong / total < 0.03


def test_flats_are_parted_at_the_horizon_and_the_status_bar_is_hud():
    floor, wall = label_index(PixelClass.FLOOR), label_index(PixelClass.WALL)
    classes = classes_of(painted([[floor, wall]] * 6), horizon=2, view_height=5)
    ceiling = [PixelClass.CEILING, PixelClass.WALL]
    ground = [PixelClass.FLOOR, PixelClass.WALL]
    assert classes.tolist() == [ceiling] * 2 + [ground] * 3 + [[PixelClass.HUD] * 2]


def test_pictures_that_fill_the_screen_are_screen_but_for_text_and_hud():
    kinds = [PixelClass.FLOOR, PixelClass.TEXT, PixelClass.MONSTER, PixelClass.HUD]
    picture = painted([[label_index(kind) for kind in kinds] + [0]] * 2)
    screen, text, hud = PixelClass.SCREEN, PixelClass.TEXT, PixelClass.HUD
    expected = [[screen, text, screen, hud, screen], [hud] * 5]
    assert screen_classes_of(picture, view_height=1).tolist() == expected


@pytest.mark.parametrize("rows", [{"horizon": -1}, {"horizon": 5}])
def test_a_row_outside_the_picture_is_refused(rows):
    with pytest.raises(ValueError, match=r"horizon is -?\d, but the picture has 4 rows; give one"):
        classes_of(painted([[0, 0]] * 4), **rows)
    with pytest.raises(ValueError, match="view_height is 9, but the picture has 4 rows"):
        classes_of(painted([[0, 0]] * 4), horizon=2, view_height=9)
