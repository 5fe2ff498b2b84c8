"""Screens: pictures decoded by hand, lettering against what differs, the engine's menus."""

import struct
from itertools import pairwise

import numpy as np
import pytest

from lib.worlds.doom.classes import FrameKind, PixelClass
from lib.worlds.doom.engine import SIZE, VIEW_ROWS, EnginePair
from lib.worlds.doom.filming import Shot
from lib.worlds.doom.labelling import label_play
from lib.worlds.doom.screens import (
    MapResult,
    ScreenPainter,
    decode_picture,
    show_automap,
    show_menu,
)
from lib.worlds.doom.wad import Lump, Wad, WadError, freedoom, read_wad


@pytest.fixture(scope="module")
def painter() -> ScreenPainter:
    return ScreenPainter(read_wad(freedoom("freedoom2.wad")))


def test_a_picture_is_decoded_post_by_post() -> None:
    first = bytes([1, 2, 0, 7, 8, 0, 255])  # rows 1 and 2
    second = bytes([0, 1, 0, 9, 0, 3, 1, 0, 5, 0, 255])  # rows 0 and 3
    data = struct.pack("<HHhh", 2, 4, 0, 0) + struct.pack("<II", 16, 16 + len(first))
    pixels, opaque = decode_picture(data + first + second)
    np.testing.assert_array_equal(pixels, [[0, 9], [7, 0], [8, 0], [0, 5]])
    np.testing.assert_array_equal(opaque, pixels > 0)


def test_what_is_no_picture_is_told() -> None:
    with pytest.raises(WadError, match="not a picture in Doom's format"):
        decode_picture(struct.pack("<HHhh", 9, 9, 0, 0))
    with pytest.raises(WadError, match="no palette"):
        ScreenPainter(Wad("PWAD", (Lump("MAP01", b""),)))


def test_the_title_is_a_picture_between_bars(painter: ScreenPainter) -> None:
    title = painter.title()
    assert title.kind is FrameKind.MENU
    assert (title.classes == PixelClass.SCREEN).all()
    assert title.picture[:, :40].max() == title.picture[:, -40:].max() == 0
    assert title.picture[:, 40:-40].std() > 20


def test_lettering_of_the_score_is_what_differs_from_the_bare_picture(
    painter: ScreenPainter,
) -> None:
    result = MapResult("MAP03", "MAP04", 40, 0, 100, tics=35 * 754)
    bare = painter._fit(painter._background("INTERPIC"), FrameKind.INTERMISSION)
    score = painter.end_of_map(result, frame=30)
    text = score.classes == PixelClass.TEXT
    differs = (score.picture != bare.picture).any(axis=2)
    assert not (differs & ~text).any()
    assert (differs & text).sum() > 0.9 * text.sum()  # a letter may have the ground's colour
    assert (score.classes[~text] == PixelClass.SCREEN).all()


def test_numbers_count_up_one_after_another(painter: ScreenPainter) -> None:
    result = MapResult("E2M4", None, 100, 50, 0, tics=0)
    one = ScreenPainter(read_wad(freedoom("freedoom1.wad")))
    shown = [one.end_of_map(result, frame=frame) for frame in range(14)]
    inked = [(screen.classes == PixelClass.TEXT).sum() for screen in shown]
    assert inked[-1] > inked[0]
    np.testing.assert_array_equal(shown[-1].picture, shown[-2].picture)
    changed = [(a.picture != b.picture).any() for a, b in pairwise(shown)]
    assert sum(changed) >= 5


def test_engine_menus_leave_the_classes_behind_them(repainted) -> None:
    with EnginePair(freedoom("freedoom2.wad"), repainted) as engines:
        engines.start("MAP01", 1)
        before = engines.look()
        play = label_play(before)
        main, *_ = show_menu(engines, "menu_main", 2)
        (page,) = show_menu(engines, "menu_help", 1)
        after = engines.look()
        with pytest.raises(ValueError, match="command is 'menu_quit'; choose one of menu_main"):
            next(show_menu(engines, "menu_quit", 1))
        automap = show_automap(after)
    text = main.classes == PixelClass.TEXT
    assert 0.02 < text.mean() < 0.3
    np.testing.assert_array_equal(main.classes[~text], play[~text])
    assert np.abs(main.picture[text].astype(int) - before.picture[text]).mean() > 20
    assert (page.classes == PixelClass.SCREEN).all()
    assert page.picture.std() > 10
    # the game stood still but for the tics between menus
    assert after.tic - before.tic <= 4
    assert (automap.classes[VIEW_ROWS:] == PixelClass.HUD).all()
    assert (automap.classes[:VIEW_ROWS] == PixelClass.SCREEN).all()
    np.testing.assert_array_equal(automap.picture[VIEW_ROWS:], after.picture[VIEW_ROWS:])


def test_a_recording_begins_with_the_title_and_ends_with_the_score(recording: list[Shot]) -> None:
    kinds = [shot.kind for shot in recording]
    assert kinds[0] is FrameKind.MENU
    assert kinds[-1] is FrameKind.INTERMISSION
    assert recording[0].place is None
    assert recording[-1].tic == -1
    assert {shot.picture.shape for shot in recording} == {(*SIZE, 3)}
    assert kinds.index(FrameKind.PLAY) < 15
