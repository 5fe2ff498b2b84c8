import sqlite3
from contextlib import closing

import pytest
from PIL import Image

from lib.data.minerl import read_minerl
from lib.data.summary import describe
from tests.data.footage import noise, truncate, write_gamefactory, write_minerl, write_video


def total_bytes(folder):
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def test_minerl(tmp_path):
    write_minerl(tmp_path, recordings=3, world_seed=4)
    about = describe(tmp_path)
    assert (about.layout, about.recordings, about.groups) == ("minerl", 3, 1)
    assert about.frames == 30 + 31 + 32
    assert about.sizes == ((16, 16),)
    assert about.frame_rate_hz == 20
    assert about.seconds == pytest.approx(93 / 20)
    assert about.bytes == total_bytes(tmp_path)
    assert about.corrupt == {}


def test_gamefactory_with_a_bad_video_and_another_size(tmp_path):
    write_gamefactory(tmp_path)
    folder = tmp_path / "data_2003" / "video"
    truncate(folder / "seed_0_part_1.mp4", 0.5)
    write_video(folder / "seed_5_part_9.mp4", noise(10, 36, 64))
    about = describe(tmp_path)
    assert (about.layout, about.recordings, about.groups) == ("gamefactory", 3, 3)
    assert about.frames == 40 + 50 + 10
    assert about.sizes == ((18, 32), (36, 64))
    assert list(about.corrupt) == ["data_2003/video/seed_0_part_1.mp4"]
    assert describe(tmp_path / "data_2003").frames == about.frames


def test_frame_store(tmp_path):
    write_minerl(tmp_path / "data", recordings=2)
    store = read_minerl(tmp_path / "data", tmp_path / "s", size=(16, 16), progress=False)
    about = describe(tmp_path / "s")
    assert (about.layout, about.recordings, about.groups) == ("frame store", 2, 2)
    assert (about.frames, about.sizes) == (len(store), ((16, 16),))
    assert about.bytes == total_bytes(tmp_path / "s")
    assert about.seconds is None


def test_cars_as_the_original_left_them(tmp_path):
    """Catalogue tables empty, one image without row, one row without image."""
    columns = "model, team, primary_color, secondary_color, hat, skin, wheel, x_rotation"
    with closing(sqlite3.connect(tmp_path / "dataset.example.db")) as file:
        for table in ("models", "hats", "wheels"):
            file.execute(f"CREATE TABLE {table}(id, name, color)")
        file.execute("CREATE TABLE skins(id, name, color, model)")
        file.execute(f"CREATE TABLE data(uuid, {columns}, y_rotation)")
        for number in range(5):
            row = (f"u{number}", 2 * (number > 1), 0, 0.5, 0.0, number > 2, 0, 0, number, 0)
            file.execute("INSERT INTO data VALUES (?,?,?,?,?,?,?,?,?,?)", row)
        file.commit()
    for name in ("u0", "u1", "u2", "u3", "stray"):
        Image.new("RGB", (40, 15)).save(tmp_path / f"{name}.jpg")
    Image.new("RGB", (60, 15)).save(tmp_path / "u1.jpg")
    (tmp_path / "u2.jpg").write_bytes(b"no image")
    about = describe(tmp_path)
    assert (about.layout, about.recordings) == ("sideswipe", 1)
    assert (about.frames, about.groups) == (4, 3)
    assert about.classes == {"model 0": 2, "model 2": 2}
    assert about.sizes == ((15, 40), (15, 60))
    assert about.bytes == total_bytes(tmp_path)
    assert list(about.corrupt.values()) == ["1 (u4)", "1 (stray.jpg)"]


def test_nothing_known(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"MineRL .*GF-Minecraft .*footage make blocks"):
        describe(tmp_path)
