"""Plaza data sets on disk: MOTChallenge's layout, same bytes, resuming, refusing."""

import json
import pickle
import shutil
from collections import namedtuple
from configparser import ConfigParser
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib.data.mot.discovery import discover_sequences
from lib.files import DiskSpaceError, digest
from lib.worlds import sprites
from lib.worlds.plaza import footage as footage_module
from lib.worlds.plaza import sequences
from lib.worlds.plaza.footage import make_plaza
from lib.worlds.plaza.sequences import SequencesReport, mask_values, write_clip
from lib.worlds.plaza.settings import PlazaFootage, load_settings
from lib.worlds.plaza.truth import Shot
from lib.worlds.plaza.view import render_clip

FOOTAGE = PlazaFootage(
    seed=5,
    scenes=2,
    clips=1,
    frames=3,
    size_px=24,
    people=6,
    backgrounds=("black", "hard"),
    view_m=6.0,
)
NAMES = [f"plaza{scene:03d}-000-{kind}" for scene in (0, 1) for kind in ("black", "hard")]


def make(folder: Path, footage: PlazaFootage = FOOTAGE) -> SequencesReport:
    return make_plaza(folder, footage, workers=1, progress=False)


@pytest.fixture(scope="module")
def plaza(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plaza")
    report = make(folder)
    assert (report.made, report.kept, report.frames) == (4, 0, 12)
    return folder


@pytest.fixture
def copied(plaza: Path, tmp_path: Path) -> Path:
    return shutil.copytree(plaza, tmp_path / "copy")


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): digest([path]) for path in files}


def _picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_sequence_has_motchallenges_layout(plaza: Path) -> None:
    assert sorted(path.name for path in plaza.iterdir()) == ["footage.json", *NAMES]
    assert load_settings(plaza) == FOOTAGE
    for name in NAMES:
        files = {str(p.relative_to(plaza / name)) for p in (plaza / name).rglob("*.*")}
        frames = {f"{part}/{k:06d}.png" for part in ("img1", "masks") for k in (1, 2, 3)}
        assert files == {"gt/gt.txt", "metadata.json", "seqinfo.ini", *frames}
        info = ConfigParser()
        info.read(plaza / name / "seqinfo.ini")
        assert dict(info["Sequence"]) == {
            "name": name,
            "imdir": "img1",
            "framerate": "10",
            "seqlength": "3",
            "imwidth": "24",
            "imheight": "24",
            "imext": ".png",
        }
        told = json.loads((plaza / name / "metadata.json").read_text())
        assert name == f"plaza{told['scene']:03d}-{told['clip']:03d}-{told['background']}"
        assert told["settings"]["seed"] == 5
        assert np.shape(told["camera_matrix"]) == (3, 4)


@pytest.mark.parametrize("scene", [0, 1])
def test_files_hold_what_was_rendered(plaza: Path, scene: int) -> None:
    shots = list(render_clip(FOOTAGE, scene, 0))
    for kind in ("black", "hard"):
        folder = plaza / f"plaza{scene:03d}-000-{kind}"
        table = np.loadtxt(folder / "gt" / "gt.txt", delimiter=",", ndmin=2)
        assert table.shape == (sum(len(shot.sightings) for shot in shots), 9)
        assert (table[:, 6:8] == 1).all()
        for number, shot in enumerate(shots, 1):
            name = f"{number:06d}.png"
            np.testing.assert_array_equal(_picture(folder / "img1" / name), shot.images[kind])
            mask = _picture(folder / "masks" / name)
            np.testing.assert_array_equal(mask % 1000, shot.mask)
            assert set(np.unique(mask // 1000)) <= {0, 2}
            rows = table[table[:, 0] == number]
            counted_from_1 = [
                (s.id, s.left + 1, s.top + 1, s.width, s.height) for s in shot.sightings
            ]
            np.testing.assert_array_equal(rows[:, 1:6], counted_from_1)
            np.testing.assert_allclose(
                rows[:, 8], [s.visibility for s in shot.sightings], atol=1e-5
            )


def test_the_reader_of_the_benchmark_finds_boxes_and_masks_where_they_were(plaza: Path) -> None:
    shots = list(render_clip(FOOTAGE, 1, 0))
    [sequence] = [one for one in discover_sequences(plaza).sequences if one.name == NAMES[3]]
    assert sequence.annotations is not None
    for number, shot in enumerate(shots):
        read = sequence.annotations.at(number)
        assert read.ids.tolist() == [one.id for one in shot.sightings]
        np.testing.assert_array_equal(read.boxes, [one[1:5] for one in shot.sightings])
        np.testing.assert_array_equal(sequence.mask(number) % 1000, shot.mask)


def test_the_same_settings_give_the_same_bytes(plaza: Path, tmp_path: Path) -> None:
    make(tmp_path)
    assert _hashes(tmp_path) == _hashes(plaza)


def test_only_what_is_missing_or_damaged_is_made_again(copied: Path) -> None:
    before = _hashes(copied)
    times = {name: (copied / name).stat().st_mtime_ns for name in NAMES}
    assert (make(copied).made, make(copied).kept) == (0, 4)
    (copied / NAMES[0] / "img1" / "000002.png").unlink()
    shutil.rmtree(copied / NAMES[3])
    (copied / ".plaza000-000-black.1.partial").mkdir()
    report = make(copied)
    assert (report.made, report.kept) == (2, 2)
    assert _hashes(copied) == before
    kept = {name for name in NAMES if (copied / name).stat().st_mtime_ns == times[name]}
    assert kept == {NAMES[1], NAMES[2]}


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"files": 8, "bytes": 1}'])
def test_a_sequence_without_sound_metadata_is_made_again(copied: Path, damage: str) -> None:
    before = _hashes(copied)
    (copied / NAMES[2] / "metadata.json").write_text(damage)
    assert make(copied).made == 1
    assert _hashes(copied) == before


def test_an_interrupted_run_leaves_whole_sequences_and_goes_on(
    plaza: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(footage: PlazaFootage, scene: int, clip: int):
        for number, shot in enumerate(render_clip(footage, scene, clip)):
            if (scene, number) == (1, 2):
                raise KeyboardInterrupt
            yield shot

    with monkeypatch.context() as patch:
        patch.setattr(footage_module, "WORLD", footage_module.WORLD._replace(render=stop))
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["footage.json", *NAMES[:2]]
    report = make(tmp_path)
    assert (report.made, report.kept) == (2, 2)
    assert _hashes(tmp_path) == _hashes(plaza)


def test_other_settings_are_refused(copied: Path) -> None:
    before = _hashes(copied)
    with pytest.raises(ValueError, match="made with people = 6, but now people = 7"):
        make(copied, replace(FOOTAGE, people=7))
    assert _hashes(copied) == before
    with pytest.raises(ValueError, match="workers must be at least 1, not 0"):
        make_plaza(copied, FOOTAGE, workers=0)


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: usage(10, 10, 1000))
        with pytest.raises(DiskSpaceError, match=r"plaza footage \(4 sequences\)"):
            make(tmp_path / "new")
    assert not (tmp_path / "new").exists()

    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(DiskSpaceError, match="finished sequences are kept"):
            make(tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["footage.json"]


def test_more_things_than_masks_can_name_are_refused(tmp_path: Path) -> None:
    mask = np.full((4, 4), 1000, dtype=np.int32)
    shot = Shot({"black": np.zeros((4, 4, 3), dtype=np.uint8)}, mask, ())
    with pytest.raises(ValueError, match="shows 1000 things, but masks tell 999 apart"):
        mask_values(shot)
    with pytest.raises(ValueError, match="fewer frames"):
        write_clip(tmp_path, "x", [shot], backgrounds=("black",), frame_rate_hz=10, metadata={})
    assert list(tmp_path.iterdir()) == []
    mask -= 1
    assert sequences.mask_values(shot).max() == 2999


def test_other_processes_can_be_told_what_to_render() -> None:
    for world in (footage_module.WORLD, sprites.WORLD):
        assert pickle.loads(pickle.dumps(world)) == world
    assert pickle.loads(pickle.dumps(FOOTAGE)) == FOOTAGE


@pytest.mark.slow
def test_several_workers_make_the_same_bytes(plaza: Path, tmp_path: Path) -> None:
    make_plaza(tmp_path, FOOTAGE, workers=2, progress=False)
    assert _hashes(tmp_path) == _hashes(plaza)
