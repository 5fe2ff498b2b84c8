import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.worlds.doom.wad import (
    FREEDOOM,
    Lump,
    Wad,
    WadError,
    clean_name,
    freedoom,
    padded_name,
    read_wad,
    write_wad,
)

NAMES = st.text("ABCXYZ019-_[", min_size=1, max_size=8).filter(
    lambda name: not name.endswith(("_START", "_END"))
)


@settings(max_examples=20, deadline=None)
@given(lumps=st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=8), kind=st.booleans())
def test_a_wad_reads_back_as_it_was_written(tmp_path_factory, lumps, kind):
    path = tmp_path_factory.mktemp("wad") / "a.wad"
    wad = Wad("IWAD" if kind else "PWAD", tuple(Lump(*lump) for lump in lumps))
    write_wad(path, wad)
    assert read_wad(path) == wad


def test_markers_say_what_lies_between_them(tmp_path):
    names = ["A", "P_START", "P1_START", "B", "P1_END", "P_END", "S_START", "C", "S_END", "D"]
    path = tmp_path / "a.wad"
    write_wad(path, Wad("PWAD", tuple(Lump(name, b"x") for name in names)))
    spaces = {lump.name: lump.space for lump in read_wad(path).lumps}
    assert {name: space for name, space in spaces.items() if space} == {
        "B": "patches",
        "C": "sprites",
    }


def test_of_two_lumps_of_a_name_the_last_counts():
    wad = Wad("IWAD", (Lump("A", b"1"), Lump("A", b"2")))
    assert wad.data("A") == b"2"
    with pytest.raises(WadError, match=r"no lump B; it holds 2 others. Name the WAD of a whole"):
        wad.data("B")


def test_names_are_padded_and_cleaned():
    assert padded_name("E1M1") == b"E1M1\0\0\0\0"
    assert clean_name(b"sky1\0xyz") == "SKY1"
    with pytest.raises(ValueError, match="of 9 characters; a WAD allows 8"):
        padded_name("NINECHARS")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with b'', not IWAD or PWAD"),
        (b"\x89PNG and more", "not IWAD or PWAD; name a WAD file"),
        (struct.pack("<4sii", b"IWAD", 3, 12), "cut short: its directory ends beyond byte 12"),
        (
            struct.pack("<4siiii8s", b"IWAD", 1, 12, 99, 5, b"SKY1"),
            "cut short: lump SKY1 ends beyond byte 28",
        ),
    ],
)
def test_what_is_no_wad_is_refused(tmp_path, content, message):
    path = tmp_path / "bad.wad"
    path.write_bytes(content)
    with pytest.raises(WadError, match=message):
        read_wad(path)


def test_a_missing_wad_is_named():
    with pytest.raises(WadError, match=r"nowhere.wad is not a file; name a WAD"):
        read_wad(Path("nowhere.wad"))
    with pytest.raises(ValueError, match=r"'doom.wad', but Freedoom is one of freedoom1.wad, fr"):
        freedoom("doom.wad")


@pytest.mark.parametrize("name", FREEDOOM)
def test_freedoom_is_a_whole_game(name):
    wad = read_wad(freedoom(name))
    assert wad.kind == "IWAD"
    assert len(wad.data("PLAYPAL")) == 14 * 768
    assert wad.data("FREEDOOM").strip() == b"0.13.0"  # another version needs another audit
