import re
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lib.worlds.doom.classes import PixelClass
from lib.worlds.doom.repaint import label_wad, repaint, repaint_patch
from lib.worlds.doom.truth import label_index, label_palette
from lib.worlds.doom.wad import FREEDOOM, Lump, Wad, WadError, freedoom, read_wad, write_wad
from tests.worlds.doom.pictures import compose, decode_patch, encode_patch, names, textures


@pytest.fixture(scope="module", params=FREEDOOM)
def games(request):
    game = read_wad(freedoom(request.param))
    return game, repaint(game)


@settings(max_examples=30, deadline=None)
@given(
    picture=arrays.arrays(
        np.int64, st.tuples(st.integers(1, 9), st.integers(1, 6)), elements=st.integers(-1, 255)
    )
)
def test_repainting_keeps_every_hole(picture):
    painted = repaint_patch(encode_patch(picture), PixelClass.DOOR, "TEST")
    expected = np.where(picture >= 0, label_index(PixelClass.DOOR), -1)
    np.testing.assert_array_equal(decode_patch(painted), expected)


def test_a_damaged_picture_is_refused():
    patch = encode_patch(np.zeros((4, 2), np.int64))
    for damaged in (b"", patch[:6], patch[:-3]):
        with pytest.raises(WadError, match="picture BAD is damaged: a column runs out of its lump"):
            repaint_patch(damaged, PixelClass.WALL, "BAD")


def test_all_that_decides_what_happens_stays(games):
    game, label = games
    changed = {
        new.name
        for old, new in zip(
            game.lumps, [x for x in label.lumps if not re.match(r"ZZ\d{6}", x.name)], strict=True
        )
        if old.data != new.data and not old.space
    }
    rules = re.compile(r"E\dM\d|MAP\d\d|THINGS|.*DEFS|VERTEXES|SEGS|NODES|SECTORS|DEMO\d|DEHACKED")
    assert not [name for name in changed if rules.fullmatch(name)]
    assert {"PLAYPAL", "COLORMAP", "STBAR", "TITLEPIC"} <= changed


def test_light_and_flashes_are_gone(games):
    _, label = games
    assert label.data("COLORMAP") == bytes(range(256)) * 34
    assert label.data("PLAYPAL") == label_palette().tobytes() * 14


CASES = {
    "BIGDOOR2": {PixelClass.DOOR},
    "SFALL1": {PixelClass.LIQUID},
    "SKY1": {PixelClass.SKY},
    "SW1EXIT": {PixelClass.SWITCH, PixelClass.WALL},
    "SW1SKULL": {PixelClass.SWITCH},
    "STARTAN2": {PixelClass.WALL},
    "MIDGRATE": {PixelClass.WALL},
}


@pytest.mark.parametrize("texture", CASES)
def test_a_texture_keeps_its_shape_and_shows_its_class(games, texture):
    game, label = games
    before = compose(game, texture, {lump.name: lump.data for lump in game.lumps})
    after = compose(label, texture, {lump.name: lump.data for lump in label.lumps})
    np.testing.assert_array_equal(before >= 0, after >= 0)
    assert set(np.unique(after)) - {-1} == {label_index(kind) for kind in CASES[texture]}


def test_a_switch_is_only_where_the_switch_is(games):
    _, label = games
    picture = compose(label, "SW1BRCOM", {lump.name: lump.data for lump in label.lumps})
    switch = picture == label_index(PixelClass.SWITCH)
    assert 0 < switch.mean() < 0.2
    rows, columns = np.nonzero(switch)
    assert (rows.min(), columns.min()) == (72, 48)  # where the texture puts patch SW1S0


def test_every_patch_of_every_texture_is_there(games):
    game, label = games
    have = {lump.name for lump in label.lumps}
    assert set(names(label)) <= have
    assert textures(game).keys() == textures(label).keys()
    assert max(map(len, have)) <= 8


def test_sprites_and_flats_show_their_class(games):
    _, label = games
    lumps = {lump.name: lump.data for lump in label.lumps}
    assert set(lumps["NUKAGE1"]) == {label_index(PixelClass.LIQUID)}
    assert set(lumps["FLOOR4_8"]) == {label_index(PixelClass.FLOOR)}
    for sprite, kind in {
        "POSSA1": PixelClass.MONSTER,
        "POSSL0": PixelClass.CORPSE,
        "SHTGA0": PixelClass.WEAPON,
        "STFST01": PixelClass.HUD,
        "STCFN065": PixelClass.TEXT,
        "TITLEPIC": PixelClass.SCREEN,
    }.items():
        assert set(np.unique(decode_patch(lumps[sprite]))) <= {-1, label_index(kind)}


def small_game():
    patch = encode_patch(np.ones((2, 2), np.int64))
    texture = b"DOOR1".ljust(8, b"\0") + struct.pack("<ihhihhhhhh", 0, 2, 2, 0, 1, 0, 0, 0, 1, 0)
    lumps = [
        Lump("PLAYPAL", bytes(768 * 14)),
        Lump("COLORMAP", bytes(256 * 34)),
        Lump("PNAMES", struct.pack("<i8s", 1, b"WALL00_1")),
        Lump("TEXTURE1", struct.pack("<ii", 1, 8) + texture),
        Lump("P_START", b""),
        Lump("WALL00_1", patch, "patches"),
        Lump("P_END", b""),
    ]
    return Wad("IWAD", tuple(lumps))


def test_a_patch_of_two_classes_is_copied_inside_its_section(tmp_path):
    label = repaint(small_game())
    write_wad(tmp_path / "a.wad", label)
    copy = read_wad(tmp_path / "a.wad").find("ZZ000000")
    assert copy is not None
    assert copy.space == "patches"
    assert names(label) == ["WALL00_1", "ZZ000000"]


def test_a_label_wad_is_made_once_for_each_game(tmp_path):
    iwad = tmp_path / "freedoom2.wad"
    write_wad(iwad, small_game())
    first = label_wad(iwad, tmp_path / "labels")
    made = first.stat().st_mtime_ns
    assert first.name == iwad.name
    assert label_wad(iwad, tmp_path / "labels") == first
    assert first.stat().st_mtime_ns == made
    write_wad(iwad, Wad("IWAD", (*small_game().lumps, Lump("MORE", b"x"))))
    assert label_wad(iwad, tmp_path / "labels") != first


def test_what_is_no_whole_game_is_refused(tmp_path):
    with pytest.raises(WadError, match=r"missing.wad is not a file"):
        label_wad(tmp_path / "missing.wad", tmp_path)
    with pytest.raises(WadError, match="the WAD is a PWAD, not an IWAD; name a whole game's"):
        repaint(Wad("PWAD", small_game().lumps))
    with pytest.raises(WadError, match="the WAD has no lump PNAMES"):
        repaint(Wad("IWAD", ()))
