"""Data sets on disk: layouts as the originals', resuming, refusing, same bytes."""

import csv
import json
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lib.files import DiskSpaceError, digest
from lib.worlds.blocks import BIOME_NAMES, BlocksFootage, make_footage
from lib.worlds.blocks.camera import MODE_NAMES, SPEEDS, Mode
from lib.worlds.video import read_video

MINERL = BlocksFootage("minerl", 0, 1, 2, 32, (16, 16), supersample=1)
GAMEFACTORY = BlocksFootage("gamefactory", 3, 2, 2, 20, (16, 24), supersample=1)


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): digest([path]) for path in files}


@pytest.fixture(scope="module")
def minerl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("minerl")
    make_footage(folder, MINERL, workers=1, progress=False)
    return folder


@pytest.fixture(scope="module")
def gamefactory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gamefactory")
    make_footage(folder, GAMEFACTORY, workers=1, progress=False)
    return folder


def test_minerl_layout(minerl: Path) -> None:
    recordings = sorted((minerl / "MineRLBlocks-v0").iterdir())
    assert [r.name for r in recordings] == [
        "v3_blocks_world-000000_rec-00",
        "v3_blocks_world-000000_rec-01",
    ]
    for folder in recordings:
        names = {path.name for path in folder.iterdir()}
        assert names == {"recording.mp4", "metadata.json", "rendered.npz", "truth.npz"}
        meta = json.loads((folder / "metadata.json").read_text())
        frames = read_video(folder / "recording.mp4")
        assert frames.shape == (32, 16, 16, 3)
        assert meta["true_video_frame_count"] == 32
        assert meta["stream_name"] == folder.name
        assert (meta["success"], meta["world_seed"], meta["total_reward"]) == (True, 0, 0.0)
        # As the original's reader does it: states are one more than steps, the rest is skipped.
        steps = meta["duration_steps"]
        assert 32 - (steps + 1) == 20
        assert meta["duration_ms"] == steps * 50
        arrays = np.load(folder / "rendered.npz")
        keys = ("forward", "back", "left", "right", "jump", "sneak", "sprint", "attack")
        assert set(arrays) == {"reward", "action$camera", *(f"action${key}" for key in keys)}
        assert arrays["action$camera"].shape == (steps, 2)
        assert arrays["action$camera"].dtype == np.float32
        assert all(len(arrays[key]) == steps for key in arrays)


def test_minerl_begins_with_a_loading_screen(minerl: Path) -> None:
    for path in minerl.rglob("recording.mp4"):
        level = read_video(path).mean((1, 2, 3))
        assert level[:8].max() == 0
        assert level[8] < level[19] < level[20]


def test_minerl_actions_and_truth_agree(minerl: Path) -> None:
    for folder in (minerl / "MineRLBlocks-v0").iterdir():
        truth, arrays = np.load(folder / "truth.npz"), np.load(folder / "rendered.npz")
        assert all(len(truth[k]) == 32 for k in ("position", "yaw_deg", "pitch_deg", "biome"))
        assert truth["position"].shape == (32, 3)
        assert tuple(truth["biome_names"]) == BIOME_NAMES
        assert ((truth["time_of_day"] >= 0) & (truth["time_of_day"] < 1)).all()
        assert (np.abs(truth["sun_elevation"]) <= 1).all()
        assert truth["mode"].shape == truth["creatures_in_view"].shape == (32,)
        assert set(truth["mode"]) <= set(MODE_NAMES)
        assert (truth["creatures_in_view"] >= 0).all()
        assert ((truth["hotbar"] >= 1) & (truth["hotbar"] <= 9)).all()
        pitch = truth["pitch_deg"][20] + np.cumsum(arrays["action$camera"][:, 0])
        np.testing.assert_allclose(pitch, truth["pitch_deg"][21:], atol=1e-3)
        turned = truth["yaw_deg"][20] + np.cumsum(arrays["action$camera"][:, 1])
        error = (turned - truth["yaw_deg"][21:] + 180) % 360 - 180
        np.testing.assert_allclose(error, 0, atol=1e-3)


def test_gamefactory_layout(gamefactory: Path) -> None:
    root = gamefactory / "data_blocks"
    names = [f"seed_{s}_part_{k}" for s in (300000, 300001) for k in (0, 1)]
    assert sorted(p.stem for p in (root / "video").iterdir()) == names
    assert sorted(p.stem for p in (root / "metadata").iterdir()) == names
    for name in names:
        meta = json.loads((root / "metadata" / f"{name}.json").read_text())
        assert {"biome", "initial_weather", "start_time", "world_seed"} <= set(meta)
        assert list(meta["actions"]) == [str(i) for i in range(20)]
        for action in meta["actions"].values():
            assert action["mode"] == meta["mode"]
            assert action["creatures_in_view"] >= 0
            assert action["attack"] in (0, 1)
            assert 1 <= action["hotbar"] <= 9
        assert len(read_video(root / "video" / f"{name}.mp4")) == 20
    with (root / "annotation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["Original video name"] for row in rows] == [f"{name}.mp4" for name in names]
    assert list(rows[0]) == [
        "Original video name",
        "Start frame index",
        "End frame index",
        "Prompt",
    ]
    assert all((r["Start frame index"], r["End frame index"]) == ("0", "20") for r in rows)


def test_gamefactory_actions_integrate_to_the_poses(gamefactory: Path) -> None:
    for path in (gamefactory / "data_blocks" / "metadata").iterdir():
        meta = json.loads(path.read_text())
        actions = list(meta["actions"].values())
        assert {actions[0][key] for key in ("ws", "ad", "scs", "pitch_delta", "yaw_delta")} == {0}
        plain, sprint, sneak = SPEEDS[Mode[meta["mode"].upper()]]
        (x, _, z), yaw, pitch = actions[0]["pos"], actions[0]["yaw"], actions[0]["pitch"]
        for a in actions[1:]:
            yaw, pitch = yaw + 15 * a["yaw_delta"], pitch + 15 * a["pitch_delta"]
            ahead = {0: 0, 1: 1, 2: -1}[a["ws"]]
            right = {0: 0, 1: -1, 2: 1}[a["ad"]]
            step = {3: sprint, 2: sneak}.get(a["scs"], plain) / 16
            step /= np.hypot(ahead, right) or 1.0
            sine, cosine = np.sin(np.deg2rad(yaw)), np.cos(np.deg2rad(yaw))
            x += step * (-sine * ahead - cosine * right)
            z += step * (cosine * ahead - sine * right)
            np.testing.assert_allclose([x, z], [a["pos"][0], a["pos"][2]], atol=1e-6)
            assert (yaw - a["yaw"] + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)
            assert pitch == pytest.approx(a["pitch"])


def test_several_workers_make_the_same_bytes(gamefactory: Path, tmp_path: Path) -> None:
    report = make_footage(tmp_path, GAMEFACTORY, workers=2, progress=False)
    assert (report.made, report.kept, report.frames) == (4, 0, 80)
    assert _hashes(tmp_path) == _hashes(gamefactory)


def test_only_what_is_missing_or_damaged_is_made_again(minerl: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(minerl, folder)
    before = _hashes(folder)
    assert make_footage(folder, MINERL, workers=1, progress=False).kept == 2
    first, second = sorted((folder / "MineRLBlocks-v0").iterdir())
    kept = (first / "recording.mp4").stat().st_mtime_ns
    video = second / "recording.mp4"
    video.write_bytes(video.read_bytes()[:-100])
    (second / ".recording.1.partial.mp4").write_bytes(b"left by a killed process")
    report = make_footage(folder, MINERL, workers=1, progress=False)
    assert (report.made, report.kept) == (1, 1)
    assert (first / "recording.mp4").stat().st_mtime_ns == kept
    (second / "truth.npz").unlink()
    assert make_footage(folder, MINERL, workers=1, progress=False).made == 1
    assert _hashes(folder) == before


@pytest.mark.parametrize(
    "change", [{"frames": 33}, {"seed": 1}, {"size": (16, 18)}, {"hud": False}]
)
def test_other_settings_are_refused(minerl: Path, change: dict[str, object]) -> None:
    before = _hashes(minerl)
    name = next(iter(change))
    with pytest.raises(ValueError, match=rf"made with {name} = .* name another folder"):
        make_footage(minerl, replace(MINERL, **change), workers=1)  # type: ignore[arg-type]
    assert _hashes(minerl) == before


def test_without_display_and_creatures_the_path_is_the_same(
    gamefactory: Path, tmp_path: Path
) -> None:
    plain = replace(GAMEFACTORY, worlds=1, recordings_per_world=1, hud=False, creatures=False)
    make_footage(tmp_path, plain, workers=1, progress=False)
    (name,) = (p.stem for p in (tmp_path / "data_blocks" / "metadata").iterdir())

    def read(root: Path) -> tuple[dict, np.ndarray]:
        folder = root / "data_blocks"
        meta = json.loads((folder / "metadata" / f"{name}.json").read_text())
        return meta, read_video(folder / "video" / f"{name}.mp4")

    (meta, frames), (full_meta, full_frames) = read(tmp_path), read(gamefactory)
    for key, action in meta["actions"].items():
        assert action.pop("creatures_in_view") == 0
        full_meta["actions"][key].pop("creatures_in_view")
    assert meta == full_meta
    changed = (frames != full_frames).any(-1)
    assert changed[:, -2:, 3:-3].any(0).mean() > 0.5  # the hot bar
    assert changed.any((1, 2)).all()


def test_a_full_disk_is_noticed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10, 10, 1000))
    with pytest.raises(DiskSpaceError, match="blocks footage"):
        make_footage(tmp_path / "new", MINERL, workers=1)
    assert not (tmp_path / "new").exists()


def test_presets_and_seeds() -> None:
    tiny = BlocksFootage.preset("tiny", "minerl")
    assert (tiny.worlds, tiny.recordings_per_world, tiny.frames) == (32, 2, 100)
    assert (tiny.size, tiny.frame_rate_hz) == ((64, 64), 20)
    full = BlocksFootage.preset("full", "gamefactory", seed=2)
    assert full.worlds * full.recordings_per_world * full.frames == 2000 * 2000
    assert (full.size, full.frame_rate_hz, full.seed) == ((72, 128), 16, 2)
    seeds = [set(BlocksFootage.preset("small", "minerl", seed=s).world_seeds) for s in range(5)]
    assert len(set.union(*seeds)) == sum(map(len, seeds)) == 300


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("huge", "minerl"), "preset must be one of tiny, small, full, not 'huge'"),
        (("tiny", "doom"), "layout must be one of minerl, gamefactory, not 'doom'"),
    ],
)
def test_unknown_presets_are_refused(arguments: tuple[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BlocksFootage.preset(*arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": 21}, "frames must be from 22 to"),
        ({"worlds": 0}, "worlds must be from 1 to 100000, not 0"),
        ({"seed": -1}, "seed must be from 0"),
        ({"size": (4, 64)}, "size must be"),
    ],
)
def test_bad_settings_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(MINERL, **change)  # type: ignore[arg-type]


def test_bad_workers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, not 0"):
        make_footage(tmp_path, MINERL, workers=0)
