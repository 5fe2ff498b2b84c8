import pytest

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


def test_nothing_known(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"MineRL .*GF-Minecraft .*footage make blocks"):
        describe(tmp_path)
