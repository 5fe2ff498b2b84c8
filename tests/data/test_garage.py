"""The chapter's cars: given or made, read once, new ones apart."""

import io
from functools import cache

import numpy as np
import pytest
from PIL import Image

from lib.data import garage
from lib.data.garage import prepare_cars
from lib.data.sideswipe_tables import LOADOUT
from lib.worlds.garage import settings
from lib.worlds.garage.database import DATABASE, write_database
from lib.worlds.garage.footage import rows_of
from lib.worlds.garage.loadout import CLASSES, NEW_BODIES


@cache
def flat_jpeg(size: tuple[int, int], body: int, rotation: int) -> bytes:
    """A picture that tells body and rotation by its red and green."""
    buffer = io.BytesIO()
    Image.new("RGB", size[::-1], (30 * body, 20 * rotation, 128)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def made(monkeypatch) -> list:
    """Presets of few cars, and flat pictures in place of rendered ones; lists what was made."""
    footages = []

    def make_flat(folder, footage, *, progress):
        folder.mkdir(parents=True, exist_ok=True)
        for row in rows_of(footage):
            picture = flat_jpeg(footage.size, int(row.loadout.body), row.rotation)
            (folder / f"{row.uuid}.jpg").write_bytes(picture)
        write_database(folder / DATABASE, rows_of(footage), footage.bodies)
        footages.append(footage)

    monkeypatch.setattr(garage, "make_garage", make_flat)
    monkeypatch.setattr(settings, "_SCALES", {"tiny": 10, "small": 15, "full": 20})
    return footages


def quiet(root, variant="faithful", **options) -> garage.Cars:
    return prepare_cars(variant, root=root, progress=False, **({"preset": "tiny"} | options))


def test_footage_is_made_and_read(tmp_path, made):
    cars = quiet(tmp_path, "hard", seed=3)
    [footage] = made
    assert (footage.variant, footage.seed, footage.bodies) == ("hard", 3, CLASSES)
    assert cars.generated
    assert cars.source == tmp_path / "data" / "garage" / "tiny-hard-seed3"
    assert cars.images.store.frames.shape == (100, 50, 100, 3)
    assert cars.images.class_names == (
        *("octane-like", "aftershock-like", "werewolf-like", "breakout-like"),
    )
    assert np.bincount(cars.images.store.groups).tolist() == [10] * 10


def test_labels_are_the_worlds_and_belong_to_the_pictures(tmp_path, made):
    images = quiet(tmp_path).images
    rows = list(rows_of(made[0]))
    assert images.labels["uuid"].tolist() == [row.uuid for row in rows]
    assert images.labels["hat"].tolist() == [int(row.loadout.hat) for row in rows]
    assert images.labels["primary_color"].tolist() == [r.loadout.primary_colour for r in rows]
    assert images.labels["x_rotation"].tolist() == [row.rotation for row in rows]
    red, green = (images.store.frames[:, 25, 50, i].astype(int) for i in range(2))
    assert abs(red - 30 * images.classes).max() < 12
    assert abs(green - 20 * images.labels["x_rotation"]).max() < 12


def test_new_cars_are_a_tenth_and_share_nothing_with_the_others(tmp_path, made):
    known, new = quiet(tmp_path, preset="full"), quiet(tmp_path, preset="full", bodies="new")
    assert len(new.images) == len(known.images) // 10 == 20
    assert made[1].bodies == NEW_BODIES
    assert set(new.images.classes) <= {int(body) for body in NEW_BODIES}
    assert set(known.images.classes) == {int(body) for body in CLASSES}
    assert made[0].seed != made[1].seed
    wear = list(LOADOUT[1:])
    worn = [set(x.images.labels[wear].itertuples(index=False)) for x in (known, new)]
    assert not worn[0] & worn[1]
    assert new.source != known.source


def test_presets_variants_and_seeds_do_not_mix(tmp_path):
    sources = {
        quiet(tmp_path, variant, preset=preset, seed=seed, bodies=bodies).images.store.folder
        for variant in ("faithful", "hard")
        for preset in ("tiny", "small")
        for seed in (0, 1)
        for bodies in ("classes", "new")
    }
    assert len(sources) == 16


def test_a_given_folder_is_read_with_the_presets_number_of_cars(tmp_path, made):
    given = quiet(tmp_path / "a", preset="full").source
    made.clear()
    cars = {
        preset: quiet(tmp_path / "b", preset=preset, data_dir=given)
        for preset in ("tiny", "small", "full")
    }
    assert [len(cars[preset].images) for preset in cars] == [100, 150, 200]
    assert not made
    assert not any(c.generated for c in cars.values())
    assert {c.source for c in cars.values()} == {given.resolve()}
    other = quiet(tmp_path / "b", preset="tiny", data_dir=given, seed=1)
    assert set(other.images.labels["uuid"]) != set(cars["tiny"].images.labels["uuid"])


def test_new_cars_of_a_given_folder_lie_apart_in_it(tmp_path):
    given = quiet(tmp_path / "a").source
    with pytest.raises(FileNotFoundError, match="no folder new with cars of unknown models"):
        quiet(tmp_path, data_dir=given, bodies="new")
    quiet(tmp_path / "a", preset="full", bodies="new").source.rename(given / "new")
    new = quiet(tmp_path / "b", data_dir=given, bodies="new")
    assert set(new.images.classes) <= {int(body) for body in NEW_BODIES}
    assert len(quiet(tmp_path / "b", data_dir=given).images) == 100  # `new` is not in the way


def test_wrong_choices_are_named(tmp_path):
    with pytest.raises(ValueError, match="bodies is 'old'; choose one of classes, new"):
        garage._footage("hard", "tiny", 0, "old")
    with pytest.raises(ValueError, match="preset must be one of tiny, small, full, not 'huge'"):
        quiet(tmp_path, preset="huge")
    with pytest.raises(ValueError, match="variant must be one of faithful, hard, not 'easy'"):
        quiet(tmp_path, "easy")
    with pytest.raises(FileNotFoundError, match="no sqlite data base in"):
        quiet(tmp_path, data_dir=tmp_path / "nowhere")
