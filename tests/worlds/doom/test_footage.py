"""Footage on disk: layout, resuming, the same bytes, splits by map, and what the CLI tells."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from lib.cli import app
from lib.worlds.doom.classes import UNKNOWN, FrameKind, PixelClass
from lib.worlds.doom.footage import DoomFootage, load_settings, make_doom, split_maps
from lib.worlds.doom.settings import ALL_MAPS, DEMO_MAPS, TUNED_ON, iwad_of

SMALL = DoomFootage(seed=5, maps=("E1M2", "MAP02"), frames_per_map=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("doom") / "made"
    report = make_doom(folder, SMALL, workers=2, progress=False)
    assert (report.made, report.kept, report.frames) == (2, 0, 120)
    return folder


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_layout(folder: Path) -> None:
    names = sorted(path.name for path in (folder / "recordings").iterdir())
    assert names == ["00-player-e1m2", "01-player-map02"]
    for name in names:
        recording = folder / "recordings" / name
        with (recording / "frames.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 60
        assert list(rows[0]) == ["frame", "tic", "kind", "map", "x", "y", "angle"]
        files = [f"{int(row['frame']):06d}" for row in rows]
        assert sorted(p.stem for p in (recording / "frames").glob("*.jpg")) == files
        assert sorted(p.stem for p in (recording / "labels").glob("*.png")) == files
        assert {row["kind"] for row in rows} <= set(FrameKind)
        assert {row["map"].lower() for row in rows} == {name.split("-")[2]}
        assert all(row["x"] for row in rows if row["kind"] == "play")
        with Image.open(recording / "frames" / f"{files[30]}.jpg") as frame:
            assert (frame.size, frame.mode) == ((320, 180), "RGB")
            assert frame.layer[0][1:3] == (1, 1)  # chroma at full resolution
        with Image.open(recording / "labels" / f"{files[30]}.png") as labels:
            assert (labels.size, labels.mode) == ((320, 180), "L")
            values = set(np.unique(np.asarray(labels)).tolist())
        assert values <= {*PixelClass, UNKNOWN}
    assert load_settings(folder) == SMALL
    assert not (folder / ".wads").exists()


def test_one_process_resumes_to_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    shutil.rmtree(again / "recordings" / "01-player-map02")
    (again / "playthrough.json").rename(again / ".making.json")
    half = again / "recordings" / ".01-player-map02.1.partial"
    half.mkdir()
    report = make_doom(again, SMALL, workers=1, progress=False)
    assert (report.made, report.kept) == (1, 1)
    assert _bytes(again) == _bytes(folder)
    assert make_doom(again, SMALL, progress=False).made == 0


def test_other_settings_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="holds footage with seed = 5, but now seed = 6"):
        make_doom(folder, DoomFootage(seed=6, maps=SMALL.maps, frames_per_map=60))
    with pytest.raises(ValueError, match="workers must be at least 1, not 0"):
        make_doom(folder, SMALL, workers=0)


def test_a_folder_made_elsewhere_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    with pytest.raises(ValueError, match="was not made here; name another folder"):
        make_doom(tmp_path, SMALL)


def test_damaged_settings_are_told(tmp_path: Path) -> None:
    (tmp_path / "playthrough.json").write_text('{"maps": 3}')
    with pytest.raises(ValueError, match="is damaged .* delete the folder"):
        load_settings(tmp_path)
    assert load_settings(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"maps": ("MAP40",)}, "different maps of Freedoom .* not MAP40"),
        ({"maps": ()}, "not none; choose at least one"),
        ({"maps": ("MAP01", "MAP01")}, "each once"),
        ({"frames_per_map": 5}, "frames_per_map must be from 60 to 100000, not 5"),
        ({"seed": -1}, "seed must be from 0"),
    ],
)
def test_wrong_settings_are_told(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DoomFootage(**wrong)


def test_presets() -> None:
    sizes = {}
    for name in ("tiny", "small", "full"):
        footage = DoomFootage.preset(name, seed=2, demos=False)
        assert footage.seed == 2
        sizes[name] = (len(footage.maps), len(footage.maps) * footage.frames_per_map)
        games = {iwad_of(name) for name in footage.maps}
        assert games == {"freedoom1.wad", "freedoom2.wad"}
    assert sizes == {"tiny": (10, 1_300), "small": (24, 12_000), "full": (68, 99_960)}
    with_demos = DoomFootage.preset("tiny", demos=True)
    assert set(with_demos.filmed_maps) == set(with_demos.maps) | set(DEMO_MAPS)
    with pytest.raises(ValueError, match="preset must be one of tiny, small, full, not 'big'"):
        DoomFootage.preset("big")


@given(st.integers(3, 68), st.integers(0, 1000))
def test_splits_share_no_map_and_lose_none(count: int, seed: int) -> None:
    maps = ALL_MAPS[:count]
    split = split_maps(maps, seed=seed)
    parts = (split.train, split.validation, split.test)
    assert all(parts)
    assert sorted(sum(parts, ())) == sorted(maps)
    assert split == split_maps(maps, seed=seed)


@pytest.mark.parametrize("preset", ["tiny", "small", "full"])
@pytest.mark.parametrize("seed", range(6))
def test_maps_that_settings_were_chosen_on_judge_nothing(preset: str, seed: int) -> None:
    maps = DoomFootage.preset(preset, demos=False).maps
    assert set(TUNED_ON) & set(maps), "else this test says nothing"
    split = split_maps(maps, seed=seed)
    assert not set(TUNED_ON) & set(split.test)
    assert len(split.test) == round(0.3 * len(maps))


def test_split_that_leaves_nothing_is_told() -> None:
    with pytest.raises(ValueError, match="maps must be three or more to split, not 2"):
        split_maps(("MAP01", "MAP02"))
    with pytest.raises(ValueError, match="leave none to learn from"):
        split_maps(ALL_MAPS[:4], validation=0.5, test=0.5)


def test_info_and_sheet(folder: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    told = CliRunner().invoke(app, ["footage", "info", str(folder), "--sheet", str(sheet)])
    assert told.exit_code == 0, told.output
    for text in ("recordings  2", "E1M2, MAP02", "120, 10 a second", "play ", "wall ", "hud "):
        assert text in told.output
    with Image.open(sheet) as picture:
        assert picture.width == 3 * (640 + 4)


def test_unfinished_footage_is_told(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    told = CliRunner().invoke(app, ["footage", "info", str(tmp_path)])
    assert told.exit_code == 1
    assert "no finished Doom footage" in told.output


def test_make_tells_what_it_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DoomFootage, "preset", classmethod(lambda cls, name, seed=0: SMALL))
    told = CliRunner().invoke(app, ["footage", "make", "doom", str(folder), "--seed", "5"])
    assert told.exit_code == 0, told.output
    assert "0 recordings made, 2 kept, 120 frames" in told.output
    wrong = CliRunner().invoke(app, ["footage", "make", "doom", str(folder), "--bodies", "new"])
    assert wrong.exit_code == 1
    assert "only garage has that, not doom" in wrong.output


def test_settings_file_says_world_and_splits(tmp_path: Path, folder: Path) -> None:
    found = json.loads((folder / "playthrough.json").read_text())
    assert found["world"] == "doom"
    assert found["size"] == [180, 320]
    assert found["splits"] is None  # two maps cannot be split in three
