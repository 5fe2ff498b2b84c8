"""Garage data sets on disk: the original's layout, resuming, refusing, same bytes, ground truth."""

import shutil
import sqlite3
from collections import namedtuple
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lib.files import DiskSpaceError, digest
from lib.worlds.garage import footage as footage_module
from lib.worlds.garage.database import DATABASE, Row, skin_id, sticker_of, write_database
from lib.worlds.garage.loadout import (
    CLASSES,
    NEW_BODIES,
    ROTATIONS,
    STICKERS,
    WHEELS,
    Body,
    Hat,
    Loadout,
    Team,
    Variant,
)
from lib.worlds.garage.settings import loadouts_of, uuid_of
from lib.worlds.garage.truth import render_shot
from tests.worlds.garage_cars import CAR, CARS, IN_CHUNK, make


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): digest([path]) for path in files}


def _read(folder: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(folder / DATABASE)) as file:
        return file.execute(query).fetchall()


@pytest.fixture
def copied(cars: Path, tmp_path: Path) -> Path:
    return shutil.copytree(cars, tmp_path / "copy")


def test_folder_holds_an_image_per_row(cars: Path) -> None:
    names = [row[0] for row in _read(cars, "SELECT uuid FROM data ORDER BY rowid")]
    images = {path.stem for path in cars.glob("*.jpg")}
    assert set(names) == images
    assert len(names) == CARS.images
    assert {p.name for p in cars.iterdir() if p.suffix != ".jpg"} == {
        "dataset.db",
        "footage.json",
        ".finished",
    }
    for name in names[::37]:
        with Image.open(cars / f"{name}.jpg") as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (80, 30))


def test_schema_is_the_originals(cars: Path) -> None:
    """Columns (name, type, not null, place in the primary key), unique keys, foreign keys."""
    named = [("id", "INTEGER", 1, 0), ("name", "TEXT", 1, 1), ("color", "TEXT", 1, 2)]
    whole = [(name, "INTEGER", 1, 0) for name in ("hat", "skin", "wheel")]
    rotations = [(name, "INTEGER", 1, 0) for name in ("x_rotation", "y_rotation")]
    colours = [(name, "REAL", 1, 0) for name in ("primary_color", "secondary_color")]
    models = [(name, "INTEGER", 1, 0) for name in ("model", "team")]
    wanted = {
        "models": named,
        "hats": named,
        "wheels": named,
        "skins": [*named, ("model", "INTEGER", 1, 3)],
        "data": [("uuid", "TEXT", 1, 1), *models, *colours, *whole, *rotations],
    }
    tables = {name for (name,) in _read(cars, "SELECT name FROM sqlite_master WHERE type='table'")}
    assert tables == set(wanted)
    for table, columns in wanted.items():
        found = _read(cars, f"SELECT name, type, [notnull], pk FROM pragma_table_info('{table}')")
        assert found == columns
        keys = {
            tuple(name for (name,) in _read(cars, f"SELECT name FROM pragma_index_info('{index}')"))
            for (index,) in _read(
                cars, f"SELECT name FROM pragma_index_list('{table}') WHERE [unique]"
            )
        }
        primary = tuple(c[0] for c in sorted(columns, key=lambda c: c[3]) if c[3])
        assert keys == {primary, ("uuid",) if table == "data" else ("id",)}
    links = _read(cars, "SELECT [from], [table], [to] FROM pragma_foreign_key_list('data')")
    parts = ("hat", "wheel", "skin", "model")
    assert set(links) == {(part, f"{part}s", "id") for part in parts}
    assert _read(cars, "PRAGMA foreign_key_check") == []
    assert _read(cars, "PRAGMA integrity_check") == [("ok",)]


def test_catalogue(cars: Path, tmp_path: Path) -> None:
    assert _read(cars, "SELECT id, name FROM models ORDER BY id") == [
        (0, "octane-like"),
        (1, "aftershock-like"),
        (2, "werewolf-like"),
        (3, "breakout-like"),
    ]
    hats = _read(cars, "SELECT id, name FROM hats ORDER BY id")
    assert len(hats) == len(Hat) == 23
    assert hats[:2] == [(0, "none"), (1, "top hat")]
    assert [i for (i,) in _read(cars, "SELECT id FROM wheels ORDER BY id")] == list(range(WHEELS))
    counts = _read(cars, "SELECT model, COUNT(*) FROM skins GROUP BY model ORDER BY model")
    assert counts == [(0, 3), (1, 3), (2, 2), (3, 4)]
    write_database(tmp_path / DATABASE, [], NEW_BODIES)
    assert [n for (n,) in _read(tmp_path, "SELECT name FROM models ORDER BY id")] == [
        "hatchback",
        "pickup",
        "roadster",
        "prototype",
    ]
    assert min(_read(tmp_path, "SELECT id FROM skins")) == (12,)  # 3 + 3 + 2 + 4 come before


def test_rows_say_what_was_rendered_in_order(cars: Path) -> None:
    columns = "model, team, primary_color, secondary_color, hat, skin, wheel, x_rotation"
    rows = _read(cars, f"SELECT rowid, y_rotation, uuid, {columns} FROM data ORDER BY rowid")
    for number, (rowid, y_rotation, name, *row) in enumerate(rows):
        body, sticker = sticker_of(row[5])
        assert body == row[0]
        found = Loadout(
            Body(row[0]), Team(row[1]), row[2], row[3], Hat(row[4]), sticker, wheel=row[6]
        )
        assert (rowid, y_rotation, name) == (number + 1, 0, uuid_of(CARS, number))
        assert found == loadouts_of(CARS)[number // 10]
        assert row[7] == number % 10


@given(st.sampled_from(Body), st.data())
def test_skins_are_numbered_over_all_bodies(body: Body, data: st.DataObject) -> None:
    sticker = data.draw(st.integers(0, STICKERS[body] - 1))
    assert sticker_of(skin_id(body, sticker)) == (body, sticker)


def test_skins_have_no_gaps_and_are_checked() -> None:
    numbers = [skin_id(body, sticker) for body in Body for sticker in range(STICKERS[body])]
    assert numbers == list(range(24))
    with pytest.raises(ValueError, match="sticker is 2, but werewolf has 2; choose .* 0 to 1"):
        skin_id(Body.WEREWOLF, 2)
    for skin in (-1, 24):
        with pytest.raises(ValueError, match=f"skin is {skin}, .* from 0 to 23"):
            sticker_of(skin)


def test_two_rows_of_one_name_leave_the_old_data_base(tmp_path: Path) -> None:
    path = tmp_path / DATABASE
    write_database(path, [Row("a", CAR, 0), Row("b", CAR, 1)], CLASSES)
    before = path.read_bytes()
    with pytest.raises(sqlite3.IntegrityError):
        write_database(path, [Row("a", CAR, 0), Row("a", CAR, 1)], CLASSES)
    with pytest.raises(sqlite3.IntegrityError):
        write_database(path, [Row("a", CAR, 0)], NEW_BODIES)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [DATABASE]


def test_names_are_shaped_as_version_4_and_tell_nothing() -> None:
    settings = replace(CARS, loadouts=300)
    names = [uuid_of(settings, number) for number in range(settings.images)]
    assert all(UUID(name).version == 4 and str(UUID(name)) == name for name in names)
    other = [uuid_of(replace(settings, variant=Variant.FAITHFUL), n) for n in range(3000)]
    assert len({*names, *other}) == 6000
    places = np.argsort(np.argsort(names))  # a name's rank against its number
    assert abs(np.corrcoef(places, np.arange(3000))[0, 1]) < 0.08
    by_rotation = [places[rotation::10].mean() / 3000 for rotation in range(10)]
    assert np.abs(np.array(by_rotation) - 0.5).max() < 0.07


def test_several_workers_make_the_same_bytes(cars: Path, tmp_path: Path) -> None:
    assert make(tmp_path, workers=2).made == CARS.images
    assert _hashes(tmp_path) == _hashes(cars)


def test_only_what_is_missing_or_cut_is_made_again(copied: Path) -> None:
    before = _hashes(copied)
    times = {path.name: path.stat().st_mtime_ns for path in copied.iterdir() if path.is_file()}
    names = [uuid_of(CARS, number) for number in (0, 7, IN_CHUNK + 1)]
    cut, empty, gone = (copied / f"{name}.jpg" for name in names)
    cut.write_bytes(cut.read_bytes()[:-50])
    empty.write_bytes(b"")
    gone.unlink()
    (copied / f".{names[0]}.1.partial.jpg").write_bytes(b"left by a killed process")
    report = make(copied)
    assert (report.made, report.kept) == (3, CARS.images - 3)
    assert _hashes(copied) == before
    now = {path.name: path.stat().st_mtime_ns for path in copied.iterdir() if path.is_file()}
    changed = {name for name in times if now[name] != times[name]}
    assert changed == {cut.name, empty.name, gone.name, "footage.json"}
    assert (make(copied).made, make(copied).kept) == (0, CARS.images)


@pytest.mark.parametrize("marker", ["", "{", '{"bytes": [1, 2]}', "[]", '{"bytes": 3}'])
def test_a_chunk_without_a_sound_marker_is_made_again(copied: Path, marker: str) -> None:
    before = _hashes(copied)
    (copied / ".finished" / "000001.json").write_text(marker)
    assert make(copied).made == 2 * ROTATIONS
    assert _hashes(copied) == before


def test_a_damaged_data_base_is_written_again(copied: Path) -> None:
    before = _hashes(copied)
    path = copied / DATABASE
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert make(copied).made == 0
    assert _hashes(copied) == before
    path.unlink()
    make(copied)
    assert _hashes(copied) == before


def test_an_interrupted_run_goes_on(
    cars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def stop(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == IN_CHUNK + 7:
            raise KeyboardInterrupt
        return render_shot(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(footage_module, "render_shot", stop)
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path)
    assert len(list(tmp_path.glob("*.jpg"))) == IN_CHUNK + 6
    assert not (tmp_path / DATABASE).exists()
    report = make(tmp_path)
    assert (report.made, report.kept) == (CARS.images - IN_CHUNK, IN_CHUNK)
    assert _hashes(tmp_path) == _hashes(cars)


def test_a_disk_that_fills_up_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(DiskSpaceError, match="free some space and run again"):
            make(tmp_path)
    assert list(tmp_path.glob("**/*.jpg")) == []


def test_a_killed_process_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(futures: list) -> list:
        raise BrokenProcessPool("terminated abruptly")

    monkeypatch.setattr(footage_module, "as_completed", killed)
    with pytest.raises(OSError, match="was killed.* are kept: run again with fewer workers than 2"):
        make(tmp_path, workers=2)


def test_a_full_disk_is_noticed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10, 10, 1000))
    with pytest.raises(DiskSpaceError, match=r"garage footage \(220 images\)"):
        make(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_space_asked_for_suffices(cars: Path) -> None:
    largest = max(path.stat().st_size for path in cars.glob("*.jpg"))
    per_image = footage_module.BYTES_PER_PIXEL * 30 * 80 + 4096
    assert largest < per_image  # JPEG's own tables weigh most at this size


@pytest.mark.parametrize(
    "change",
    [
        {"variant": Variant.FAITHFUL},
        {"seed": 1},
        {"loadouts": 23},
        {"bodies": NEW_BODIES},
        {"shares": "balanced"},
        {"size": (30, 82)},
        {"jpeg_quality": 91},
    ],
)
def test_other_settings_are_refused(cars: Path, change: dict[str, object]) -> None:
    before = _hashes(cars)
    name = next(iter(change))
    with pytest.raises(ValueError, match=rf"made with {name} = .* name another folder"):
        make(cars, replace(CARS, **change))  # type: ignore[arg-type]
    assert _hashes(cars) == before


@pytest.mark.parametrize("name", ["theirs.jpg", "dataset.db"])
def test_somebody_elses_images_are_never_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ValueError, match=f"holds {name} but no footage.json.*another folder"):
        make(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [name]
