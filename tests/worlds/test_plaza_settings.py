"""Settings of plaza footage: presets, reading back, refusing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.worlds.plaza.settings import (
    PlazaFootage,
    claim_folder,
    load_settings,
    settings_as_json,
)

SETTINGS = PlazaFootage(seed=4, scenes=2, backgrounds=("blurred", "black"))


def test_presets_grow() -> None:
    sizes = [PlazaFootage.preset(name) for name in ("tiny", "small", "full")]
    frames = [one.sequences * one.frames for one in sizes]
    assert frames == [384, 3_840, 51_200]
    with pytest.raises(ValueError, match="preset must be one of tiny, small, full, not 'huge'"):
        PlazaFootage.preset("huge")
    with pytest.raises(ValueError, match="backgrounds must be some of black, .*, not 'pink'"):
        PlazaFootage.preset("tiny", backgrounds=("pink",))


def test_backgrounds_are_put_in_order() -> None:
    assert SETTINGS.backgrounds == ("black", "blurred")
    assert SETTINGS.sequences == 2 * 4 * 2
    assert replace(SETTINGS, backgrounds=("black", "blurred")) == SETTINGS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scenes": 0}, "scenes must be from 1 to 1000, not 0; choose one in between"),
        ({"clips": 1001}, "clips must be from 1 to 1000, not 1001"),
        ({"frames": 0}, "frames must be from 1"),
        ({"size_px": 8}, "size_px must be from 16 to 2048, not 8"),
        ({"people": 0}, "people must be from 1 to 60, not 0"),
        ({"view_m": 1.0}, "view_m must be from 4.0 to 40.0, not 1.0"),
        ({"supersample": 5}, "supersample must be from 1 to 4, not 5"),
        ({"seed": -1}, "seed must be from 0"),
        ({"backgrounds": ()}, "backgrounds must be some of black, .*, not none"),
        ({"backgrounds": ("hard", "hard")}, "each once, not 'hard', 'hard'"),
        ({"frames": 900, "people": 60}, "frames is 900 and people 60: .* name 999; .* shorter"),
    ],
)
def test_bad_settings_are_told(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SETTINGS, **change)


def test_settings_are_read_back(tmp_path: Path) -> None:
    assert load_settings(tmp_path) is None
    claim_folder(tmp_path, settings_as_json("plaza", SETTINGS))
    assert load_settings(tmp_path) == SETTINGS
    claim_folder(tmp_path, settings_as_json("plaza", SETTINGS))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"world": "sprites"}, "world sprites, format 3, but plaza, format 3, was wanted"),
        ({"format_version": 0}, "format 0"),
        ({"colour": "red"}, "lacks settings"),
    ],
)
def test_settings_of_others_are_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "footage.json"
    path.write_text(json.dumps({**settings_as_json("plaza", SETTINGS), **change}))
    with pytest.raises(ValueError, match=message):
        load_settings(tmp_path)
    path.write_text("[")
    with pytest.raises(ValueError, match="not readable as settings"):
        load_settings(tmp_path)


def test_a_folder_made_otherwise_is_refused(tmp_path: Path) -> None:
    claim_folder(tmp_path / "mine", settings_as_json("plaza", SETTINGS))
    other = settings_as_json("plaza", replace(SETTINGS, people=3))
    with pytest.raises(ValueError, match="made with people = 8, but now people = 3 .* folder"):
        claim_folder(tmp_path / "mine", other)
    with pytest.raises(ValueError, match="holds mine but no footage.json.*another folder"):
        claim_folder(tmp_path, other)
