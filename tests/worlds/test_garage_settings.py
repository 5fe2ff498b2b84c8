"""Settings of garage footage: presets, reading back, refusing."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from lib.worlds.garage.footage import (
    GarageFootage,
    load_settings,
)
from lib.worlds.garage.loadout import (
    CLASSES,
    NEW_BODIES,
    Body,
    Variant,
)
from lib.worlds.garage.settings import loadouts_of
from tests.worlds.garage_cars import CARS, make


def test_settings_are_read_back(cars: Path, tmp_path: Path) -> None:
    assert load_settings(cars) == CARS
    assert load_settings(tmp_path) is None
    new = replace(CARS, bodies=NEW_BODIES, loadouts=1, shares="balanced")
    make(tmp_path, new)
    assert load_settings(tmp_path) == new


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 0}, "world garage, format 0, but garage, format 1, was wanted"),
        ({"world": "blocks"}, "world blocks, format 1"),
        ({"bodies": ["tank"]}, "lacks settings.*TANK"),
        ({"bodies": None}, "lacks settings"),
        ({"size": 30}, "lacks settings"),
    ],
)
def test_settings_of_others_are_refused(
    cars: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    settings = json.loads((cars / "footage.json").read_text())
    (tmp_path / "footage.json").write_text(json.dumps({**settings, **change}))
    with pytest.raises(ValueError, match=message):
        load_settings(tmp_path)
    (tmp_path / "footage.json").write_text("[")
    with pytest.raises(ValueError, match="not readable as settings"):
        load_settings(tmp_path)


def test_presets() -> None:
    assert [GarageFootage.preset(name).images for name in ("tiny", "small", "full")] == [
        4_000,
        40_000,
        380_870,
    ]
    full = GarageFootage.preset("full", variant="hard", seed=2, bodies=NEW_BODIES[::-1])
    assert (full.variant, full.seed, full.bodies) == (Variant.HARD, 2, NEW_BODIES)
    assert (full.size, full.supersample, full.jpeg_quality) == ((150, 400), 2, 90)
    for shares, wanted in (("original", (100, 100, 67, 133)), ("balanced", (100,) * 4)):
        tiny = GarageFootage.preset("tiny", shares=shares)
        counts = Counter(loadout.body for loadout in loadouts_of(tiny))
        assert all(abs(counts[b] - n) <= 6 for b, n in zip(CLASSES, wanted, strict=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "huge"}, "preset must be one of tiny, small, full, not 'huge'"),
        ({"name": "tiny", "variant": "soft"}, "variant must be one of faithful, hard, not 'soft'"),
        ({"name": "tiny", "shares": "x"}, "shares must be one of original, balanced, not 'x'"),
    ],
)
def test_unknown_presets_are_refused(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GarageFootage.preset(**arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loadouts": 0}, "loadouts must be from 1 to 400000, not 0"),
        ({"loadouts": 100_001, "bodies": (Body.OCTANE,)}, "from 1 to 100000, not 100001"),
        ({"seed": -1}, "seed must be from 0"),
        ({"bodies": ()}, "bodies must be at least one, each once, not none"),
        ({"bodies": (Body.PICKUP,) * 2}, "each once, not pickup, pickup"),
        ({"size": (4, 64)}, "size must be"),
        ({"jpeg_quality": 101}, "jpeg_quality must be from 1 to 100, not 101"),
    ],
)
def test_bad_settings_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(CARS, **change)  # type: ignore[arg-type]


def test_bad_workers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, not 0"):
        make(tmp_path, workers=0)
