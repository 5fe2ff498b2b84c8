"""Every picture of both games has a class, and the classes hold against what maps do with them.

`picture_classes.json` is the audit: for each game and section how many pictures are of each class,
and by name all textures but walls, all flats but floors. Look at a picture before changing it.
"""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from lib.worlds.doom.classes import PixelClass
from lib.worlds.doom.texture_classes import (
    DOORS,
    LIQUID_FLATS,
    LIQUID_TEXTURES,
    SKIES,
    SWITCH_PATCHES,
    flat_class,
    graphic_class,
    lump_class,
    patch_class,
    sprite_class,
    texture_class,
)
from lib.worlds.doom.wad import FREEDOOM, Lump, freedoom, read_wad
from tests.worlds.doom.pictures import textures

AUDIT = json.loads((Path(__file__).parent / "picture_classes.json").read_text(encoding="utf-8"))
NO_PICTURE = re.compile(
    r"D_.*|DS.*|DP.*|E\dM\d|MAP\d\d|THINGS|.*DEFS|VERTEXES|SE.*S|SSECTORS|NODES|REJECT|BLOCKMAP"
    r"|PLAYPAL|COLORMAP|GENMIDI|DMXGUSC?|FREEDOOM|DBIGFONT|DEHACKED|ENDOOM|DEMO\d|TEXTURE\d|PNAMES"
)


@pytest.fixture(scope="module", params=FREEDOOM)
def game(request):
    return request.param, read_wad(freedoom(request.param))


def audit(wad):
    """What `picture_classes.json` holds of one game."""
    counts = defaultdict(Counter)
    for lump in wad.lumps:
        kind = lump_class(lump)
        if kind is not None:
            counts[lump.space or "graphics"][kind.name] += 1
    named = defaultdict(set)
    for name in textures(wad):
        counts["textures"][texture_class(name).name] += 1
        named["textures." + texture_class(name).name].add(name)
    for lump in wad.lumps:
        if lump.space == "flats" and lump.data:
            named["flats." + flat_class(lump.name).name].add(lump.name)
    del named["textures.WALL"], named["flats.FLOOR"]
    return {
        "counts": {space: dict(sorted(count.items())) for space, count in sorted(counts.items())},
        "names": {key: sorted(names) for key, names in sorted(named.items())},
    }


def test_the_audit_holds(game):
    name, wad = game
    assert audit(wad) == AUDIT[name]


def test_every_lump_is_a_picture_of_a_class_or_known_to_be_none(game):
    _, wad = game
    rest = {lump.name for lump in wad.lumps if lump.data and lump_class(lump) is None}
    assert not {name for name in rest if not NO_PICTURE.fullmatch(name)}


def test_every_switch_shows_one(game):
    _, wad = game
    for name, (_, _, uses) in textures(wad).items():
        patches = tuple(patch for _, _, patch in uses)
        kinds = {patch_class(patch, name, patches) for patch in patches}
        if texture_class(name) is PixelClass.SWITCH:
            assert PixelClass.SWITCH in kinds, name
        else:
            assert kinds == {texture_class(name)}, name


def test_the_audited_lists_name_pictures_that_exist():
    both = [read_wad(freedoom(name)) for name in FREEDOOM]
    walls = {name for wad in both for name in textures(wad)}
    flats = {lump.name for wad in both for lump in wad.lumps if lump.space == "flats"}
    patches = {lump.name for wad in both for lump in wad.lumps if lump.space == "patches"}
    assert walls >= DOORS | LIQUID_TEXTURES | SKIES
    assert flats >= LIQUID_FLATS
    assert patches >= SWITCH_PATCHES


OPENED_BY_HAND = {1, 26, 27, 28, 31, 32, 33, 34, 117, 118}  # linedef types, Doom Specs chapter 4
LOOK_LIKE_WALLS = {"AQPANL06", "METAL2BD", "SW1CMT"}  # seen on secret doors


LINE = np.dtype([("", "<5i2"), ("right", "<u2"), ("back", "<u2")])  # [0][3] is the type
SIDE = np.dtype([("", "<2i2"), ("names", "3S8"), ("sector", "<u2")])  # above, below, middle


def door_faces(wad):
    """Textures above doors that open by hand, and all uses of each texture: two Counters."""
    faces, uses = Counter(), Counter()
    for i, lump in enumerate(wad.lumps):
        if not re.fullmatch(r"E\dM\d|MAP\d\d", lump.name):
            continue
        parts = {part.name: part.data for part in wad.lumps[i + 1 : i + 11]}
        sides = np.frombuffer(parts["SIDEDEFS"], SIDE)
        lines = np.frombuffer(parts["LINEDEFS"], LINE)
        lines = lines[(lines["right"] != 0xFFFF) & (lines["back"] != 0xFFFF)]
        right, back = sides[lines["right"]], sides[lines["back"]]
        by_hand = np.isin(lines["f0"][:, 3], list(OPENED_BY_HAND))
        doors = np.unique(back["sector"][by_hand])
        uses.update(sides["names"].ravel().tolist())
        for here, there in ((right, back), (back, right)):
            above = np.isin(there["sector"], doors) & ~np.isin(here["sector"], doors)
            faces.update(here["names"][above, 0].tolist())
    return [Counter({k.decode().upper(): n for k, n in c.items()}) for c in (faces, uses)]


def test_what_opens_in_the_maps_is_called_a_door():
    faces, uses = Counter(), Counter()
    for name in FREEDOOM:
        one, all_ = door_faces(read_wad(freedoom(name)))
        faces.update(one)
        uses.update(all_)
    opening = {name for name in faces if faces[name] >= 5 and faces[name] >= 0.5 * uses[name]}
    assert len(opening) >= 10
    assert {name for name in opening if name not in DOORS} == opening & LOOK_LIKE_WALLS
    named = sum(count for name, count in faces.items() if name in DOORS)
    assert named > 0.5 * sum(count for name, count in faces.items() if name != "-")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("POSSA1", PixelClass.MONSTER),
        ("POSSG5", PixelClass.MONSTER),
        ("POSSH0", PixelClass.CORPSE),
        ("VILE[1", PixelClass.MONSTER),
        ("VILEZ0", PixelClass.CORPSE),
        ("SKELL1D1", PixelClass.MONSTER),
        ("PLAYA1", PixelClass.PLAYER),
        ("PLAYN0", PixelClass.CORPSE),
        ("BAR1A0", PixelClass.DECORATION),
        ("BEXPC0", PixelClass.EFFECT),
        ("SHOTA0", PixelClass.ITEM),
        ("SHTGA0", PixelClass.WEAPON),
    ],
)
def test_sprites(name, kind):
    assert sprite_class(name) is kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("STBAR", PixelClass.HUD),
        ("STFST01", PixelClass.HUD),
        ("STCFN065", PixelClass.TEXT),
        ("M_SKULL1", PixelClass.TEXT),
        ("WIMAP0", PixelClass.SCREEN),
        ("WIOSTK", PixelClass.TEXT),
        ("ENDPIC", PixelClass.SCREEN),
        ("DEMO1", None),
        ("ENDOOM", None),
    ],
)
def test_graphics(name, kind):
    assert graphic_class(name) is kind


def test_an_unknown_sprite_is_refused_and_a_marker_is_no_picture():
    with pytest.raises(ValueError, match="'WXYZA1', but no rule gives sprite WXYZ a class; look"):
        sprite_class("WXYZA1")
    assert lump_class(Lump("S_START", b"")) is None
