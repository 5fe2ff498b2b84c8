"""The Sideswipe reader: what it finds in a folder, what it refuses, and the labels it keeps."""

import logging
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from lib.data.frames import FrameStore
from lib.data.images import FaultyImagesError
from lib.data.sideswipe import TABLE, CarImages, find_sideswipe, is_sideswipe, read_sideswipe
from lib.data.sideswipe_tables import LABELS
from tests.data.cars import (
    MODELS,
    SCHEMA,
    SCREENSHOT,
    SMALL,
    jpeg,
    rows_of,
    write_cars,
    write_database,
)


def read(source, store, **options) -> CarImages:
    options = {"size": SMALL, "source_size": SCREENSHOT, "progress": False} | options
    return read_sideswipe(source, store, **options)


@pytest.fixture
def cars(tmp_path):
    """A folder of four cars, and its rows."""
    return tmp_path / "cars", write_cars(tmp_path / "cars")


def test_labels_are_those_of_the_rows_in_their_order(cars, tmp_path):
    source, rows = cars
    images = read(source, tmp_path / "store")
    assert [tuple(row) for row in images.labels.itertuples(index=False)] == [r[:-1] for r in rows]
    assert list(images.labels.columns) == ["uuid", *LABELS]
    assert images.class_names == MODELS
    assert images.store.frame_numbers.tolist() == list(range(40))
    assert images.store.recording_names == ("cars",)
    assert images.store.layout == "sideswipe"
    assert images.classes.tolist() == [row[1] for row in rows]


def test_ten_rotations_of_a_car_are_one_group(cars, tmp_path):
    source, rows = cars
    images = read(source, tmp_path / "store")
    cars_of = {row[1:8] for row in rows}
    assert len(images.store.group_names) == len(cars_of) == find_sideswipe(source).loadouts == 4
    for group in range(4):
        members = [rows[i] for i in np.flatnonzero(images.store.groups == group)]
        assert len({row[1:8] for row in members}) == 1
        assert sorted(row[8] for row in members) == list(range(10))
        assert images.store.group_names[group] == "/".join(map(str, members[0][1:8]))


@pytest.mark.parametrize("changed", range(7))
def test_every_property_of_a_loadout_tells_cars_apart(tmp_path, changed):
    """Two cars alike but for one property, however close its values, are two groups."""
    first = [0, 1, 0.5, 0.25, 3, 1, 4]
    second = list(first)
    second[changed] += 1e-9 if isinstance(first[changed], float) else 1
    rows = [(f"{i}", *loadout, i, 0) for i, loadout in enumerate([first, second, first])]
    rng = np.random.default_rng(0)
    for row in rows:
        (tmp_path / f"{row[0]}.jpg").write_bytes(jpeg(rng))
    write_database(tmp_path / "dataset.db", rows)
    assert read(tmp_path, tmp_path / "store").store.groups.tolist() == [0, 1, 0]


def test_an_empty_catalogue_names_models_by_number(tmp_path):
    write_cars(tmp_path / "cars", 3, rotations=2, models=())
    assert read(tmp_path / "cars", tmp_path / "s").class_names == ("model 0", "model 1", "model 2")


def test_models_of_one_name_are_told_by_their_colour(tmp_path):
    write_cars(tmp_path, 2, rotations=1, models=("octane", "aftershock"))
    with closing(sqlite3.connect(tmp_path / "dataset.db")) as base, base:
        base.execute("UPDATE models SET name = 'octane', color = 'grey ' || id")
    images = read(tmp_path, tmp_path / "store")
    assert images.class_names == ("octane (grey 0)", "octane (grey 1)")


def test_the_data_base_is_only_read(cars, tmp_path):
    source, _ = cars
    base = source / "dataset.db"
    before, listing = base.read_bytes(), sorted(source.iterdir())
    base.chmod(0o444)
    read(source, tmp_path / "store")
    assert base.read_bytes() == before
    assert sorted(source.iterdir()) == listing


def break_all(source, rows) -> dict[str, str]:
    """Break a row or image in each way there is; returns the names and what is said of each."""
    names = [row[0] for row in rows]
    (source / f"{names[0]}.jpg").unlink()
    (source / "stray.jpg").write_bytes(jpeg(np.random.default_rng(5)))
    whole = (source / f"{names[2]}.jpg").read_bytes()
    (source / f"{names[2]}.jpg").write_bytes(whole[:-30])
    (source / f"{names[3]}.jpg").write_bytes(b"")
    (source / f"{names[4]}.jpg").write_bytes(jpeg(np.random.default_rng(6), (40, 15)))
    with closing(sqlite3.connect(source / "dataset.db")) as base, base:
        base.execute("UPDATE data SET model = 9 WHERE uuid = ?", [names[5]])
        base.execute("UPDATE data SET hat = 'fez' WHERE uuid = ?", [names[6]])
        base.execute("UPDATE data SET wheel = 1.5 WHERE uuid = ?", [names[7]])
    return {
        names[0]: "rows have no image",
        "stray.jpg": "images have no row in the data base",
        f"{names[2]}.jpg": "images cannot be decoded: image file is truncated",
        f"{names[3]}.jpg": "images cannot be decoded: no JPEG image",
        f"{names[4]}.jpg": "images have a wrong size: 15×40 pixels, not 40×15",
        names[5]: "rows are of an unknown model: model 9",
        names[6]: "rows hold values that are no numbers, or no uuid: row 6",
        names[7]: "rows hold values that are no numbers, or no uuid: row 7",
    }


def test_faults_of_rows_are_reported_by_kind_count_and_name(cars, tmp_path):
    source, rows = cars
    faulty = break_all(source, rows)
    for name in [row[0] for row in rows[10:15]]:
        (source / f"{name}.jpg").unlink()
    with pytest.raises(FaultyImagesError) as caught:
        read(source, tmp_path / "store")
    message = str(caught.value)
    assert f"6 rows have no image: {rows[0][0]}, {rows[10][0]}, {rows[11][0]}, …" in message
    assert "1 images have no row in the data base: stray.jpg" in message
    assert f"1 rows are of an unknown model: {rows[5][0]} (model 9)" in message
    assert "2 rows hold values that are no numbers" in message
    assert 'corrupt="skip"' in message
    assert not (tmp_path / "store").exists()
    early = {name for name, why in faulty.items() if "decoded" not in why and "size" not in why}
    assert set(caught.value.faults) == early | {row[0] for row in rows[10:15]}


def test_skipping_leaves_out_just_the_faulty_and_records_them(cars, tmp_path, caplog):
    source, rows = cars
    whole = read(source, tmp_path / "whole")
    faulty = break_all(source, rows)
    with caplog.at_level(logging.WARNING):
        images = read(source, tmp_path / "store", corrupt="skip")
    kept = [i for i in range(40) if i not in (0, 2, 3, 4, 5, 6, 7)]
    assert images.store.frame_numbers.tolist() == kept
    assert images.labels["uuid"].tolist() == [rows[i][0] for i in kept]
    np.testing.assert_array_equal(images.store.frames, whole.store.frames[kept])
    pd.testing.assert_frame_equal(images.labels, whole.labels.iloc[kept].reset_index(drop=True))
    assert images.store.skipped.keys() == faulty.keys()
    assert all(images.store.skipped[name].startswith(why) for name, why in faulty.items())
    assert "8 rows and images" in caplog.text
    assert "stray.jpg" in caplog.text
    images.store.verify()


def test_a_row_named_twice_is_left_out_once(tmp_path):
    schema = SCHEMA.replace("uuid TEXT NOT NULL UNIQUE", "uuid TEXT").replace(
        ", PRIMARY KEY(uuid)", ""
    )
    rows = write_cars(tmp_path, 2, rotations=2)
    nameless = (None, *rows[0][1:])
    write_database(tmp_path / "dataset.db", [*rows, rows[1], nameless], schema=schema)
    with pytest.raises(ValueError, match=f"1 rows name an image.*: {rows[1][0]}") as caught:
        read(tmp_path, tmp_path / "store")
    assert set(caught.value.faults) == {rows[1][0], "row 5"}


def test_no_image_left_is_an_error_even_when_skipping(tmp_path):
    for row in write_cars(tmp_path / "cars", 1, rotations=3):
        (tmp_path / "cars" / f"{row[0]}.jpg").write_bytes(b"no image")
    with pytest.raises(
        FaultyImagesError, match=r"3 images cannot be decoded.*\n.*No image is left"
    ):
        read(tmp_path / "cars", tmp_path / "store", corrupt="skip")


def test_foreign_schemas_are_told_apart(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    base = tmp_path / "dataset.db"
    write_database(base, [], schema=SCHEMA.replace("CREATE TABLE hats", "CREATE TABLE caps"))
    with pytest.raises(ValueError, match="another schema.*it lacks table hats"):
        find_sideswipe(tmp_path)
    write_database(base, [], schema=SCHEMA.replace("x_rotation INTEGER", "angle INTEGER"))
    with pytest.raises(ValueError, match="it lacks x_rotation in table data"):
        find_sideswipe(tmp_path)


def test_a_damaged_data_base_is_told(cars):
    source, _ = cars
    base = source / "dataset.db"
    base.write_bytes(base.read_bytes()[:2000])
    with pytest.raises(ValueError, match="cannot be read as a data base.*fetch or make it again"):
        find_sideswipe(source)


def test_no_data_base_or_several(cars, tmp_path):
    source, _ = cars
    assert is_sideswipe(source)
    assert not is_sideswipe(tmp_path / "nowhere")
    (source / "more.sqlite3").write_bytes((source / "dataset.db").read_bytes())
    assert not is_sideswipe(source)
    with pytest.raises(ValueError, match="several sqlite data bases .dataset.db, more.sqlite3"):
        find_sideswipe(source)
    with pytest.raises(FileNotFoundError, match="no sqlite data base in"):
        find_sideswipe(tmp_path / "nowhere")


def test_fewer_cars_come_whole(tmp_path):
    rows = write_cars(tmp_path / "cars", 12, rotations=3)
    three, again = (read(tmp_path / "cars", tmp_path / f"{i}", loadouts=3) for i in range(2))
    other = read(tmp_path / "cars", tmp_path / "other", loadouts=3, seed=1)
    assert np.bincount(three.store.groups).tolist() == [3, 3, 3]
    assert three.digest == again.digest != other.digest
    assert three.labels["uuid"].tolist() == [rows[i][0] for i in three.store.frame_numbers]
    assert len(read(tmp_path / "cars", tmp_path / "all", loadouts=99)) == 36
    with pytest.raises(ValueError, match="loadouts=0: want at least 1"):
        read(tmp_path / "cars", tmp_path / "none", loadouts=0)


def test_a_second_reading_opens_what_is_there(cars, tmp_path, monkeypatch):
    source, _ = cars
    first = read(source, tmp_path / "store")
    monkeypatch.setattr("lib.data.image_store.read_image", None)  # decoding anything would fail
    second = read(source, tmp_path / "store")
    pd.testing.assert_frame_equal(first.labels, second.labels)
    assert first.digest == second.digest == CarImages.open(tmp_path / "store").digest
    for damage in (b"", b"PK\x03\x04"):
        (tmp_path / "store" / TABLE).write_bytes(damage)
        with pytest.raises(ValueError, match="is damaged"):
            CarImages.open(tmp_path / "store")
        assert read(source, tmp_path / "store").digest == first.digest


def test_changed_labels_give_another_digest_and_other_labels(cars, tmp_path):
    source, rows = cars
    first = read(source, tmp_path / "store")
    with closing(sqlite3.connect(source / "dataset.db")) as base, base:
        base.execute("UPDATE data SET hat = 20 WHERE uuid = ?", [rows[3][0]])
    second = read(source, tmp_path / "store")
    assert first.digest != second.digest
    assert second.labels.loc[3, "hat"] == 20
    np.testing.assert_array_equal(first.store.frames, second.store.frames)


def test_labels_of_other_frames_are_refused(cars, tmp_path):
    source, _ = cars
    read(source, tmp_path / "all")
    read(source, tmp_path / "two", loadouts=2)
    (tmp_path / "two" / TABLE).write_bytes((tmp_path / "all" / TABLE).read_bytes())
    with pytest.raises(ValueError, match="belongs to other frames"):
        CarImages.open(tmp_path / "two")
    (tmp_path / "two" / TABLE).unlink()
    with pytest.raises(FileNotFoundError, match="no labels .labels.npz is missing"):
        CarImages.open(tmp_path / "two")
    assert len(FrameStore.open(tmp_path / "two")) == 20


def test_folders_of_others_are_left_alone(cars, tmp_path):
    source, _ = cars
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match="holds something else .thesis.txt"):
        read(source, tmp_path / "full")
    with pytest.raises(ValueError, match="is a file: name a folder"):
        read(source, tmp_path / "full" / "thesis.txt")
    with pytest.raises(ValueError, match="holds something else"):
        read(source, source)


def test_wrong_options_are_named(cars, tmp_path):
    with pytest.raises(ValueError, match="corrupt='maybe'"):
        read(cars[0], tmp_path / "store", corrupt="maybe")
    with pytest.raises(ValueError, match="workers=0"):
        read(cars[0], tmp_path / "store", workers=0)


def test_the_helper_mixes_rows():
    """Else the order of rows in the tests above would prove nothing."""
    assert [row[8] for row in rows_of(2)] != sorted(row[8] for row in rows_of(2))
