import json

import numpy as np
import pytest

from lib.data.gamefactory import read_gamefactory
from lib.data.minerl import read_minerl
from lib.data.truth import frame_truth
from tests.data.footage import write_gamefactory, write_minerl

NAMES = np.array(["ocean", "desert", "snow"])


def minerl_with_truth(root, recordings):
    write_minerl(root, recordings=2)
    truths = []
    for k in recordings:
        rng = np.random.default_rng(k)
        truth = {
            "biome": rng.integers(0, 3, 30 + k).astype(np.uint8),
            "time_of_day": rng.random(30 + k),
            "sun_elevation": rng.random(30 + k),
            "mode": np.array("swim") if k else np.full(30, "walk"),
            "creatures_in_view": rng.integers(0, 5, 30 + k),
            "position": rng.random((30 + k, 3)),
        }
        truths.append(truth)
        np.savez(root / "Treechop" / f"player_{k}" / "truth.npz", biome_names=NAMES, **truth)
    return truths


def test_minerl_truth_is_that_of_the_stored_frames(tmp_path):
    truths = minerl_with_truth(tmp_path / "data", (0, 1))
    store = read_minerl(tmp_path / "data", tmp_path / "s", size=(16, 16), progress=False)
    table = frame_truth(store, tmp_path / "data")
    columns = ["recording", "group", "frame", "biome", "time_of_day", "sun_elevation"]
    assert list(table.columns) == [*columns, "mode", "creatures_in_view"]
    assert len(table) == len(store)
    for i, row in table.iterrows():
        truth = truths[store.recordings[i]]
        number = store.frame_numbers[i]
        assert row["recording"] == store.recording_names[store.recordings[i]]
        assert row["frame"] == number
        assert row["biome"] == NAMES[truth["biome"][number]]
        assert row["time_of_day"] == truth["time_of_day"][number]
        assert row["mode"] == ("walk", "swim")[store.recordings[i]]
        assert row["creatures_in_view"] == truth["creatures_in_view"][number]


def test_gamefactory_truth(tmp_path):
    write_gamefactory(tmp_path / "data")
    options = {"size": (18, 32), "frames": 9, "progress": False}
    store = read_gamefactory(tmp_path / "data", tmp_path / "s", **options)
    table = frame_truth(store, tmp_path / "data")
    lengths = np.array([40, 60, 50])[store.recordings]
    np.testing.assert_allclose(table["time_of_day"], store.frame_numbers / lengths)
    assert set(table["biome"]) == {"desert"}
    assert set(table["group"]) == {"seed_0", "seed_1"}
    assert "sun_elevation" not in table


def test_truth_of_some_recordings_or_none(tmp_path):
    minerl_with_truth(tmp_path / "data", (1,))
    store = read_minerl(tmp_path / "data", tmp_path / "s", size=(16, 16), progress=False)
    table = frame_truth(store, tmp_path / "data")
    assert table["biome"].isna().tolist() == (store.recordings == 0).tolist()
    (tmp_path / "data" / "Treechop" / "player_1" / "truth.npz").unlink()
    assert frame_truth(store, tmp_path / "data") is None


def test_real_gamefactory_has_no_truth(tmp_path):
    write_gamefactory(tmp_path / "data", lengths=(40,))
    path = tmp_path / "data" / "data_2003" / "metadata" / "seed_0_part_0.json"
    path.write_text(json.dumps({"actions": {str(i): {"ws": 0} for i in range(40)}}))
    options = {"size": (18, 32), "frames": 4, "progress": False}
    store = read_gamefactory(tmp_path / "data", tmp_path / "s", **options)
    assert frame_truth(store, tmp_path / "data") is None
    path.unlink()
    assert frame_truth(store, tmp_path / "data") is None


def test_wrong_root_and_wrong_truth(tmp_path):
    minerl_with_truth(tmp_path / "data", (0, 1))
    store = read_minerl(tmp_path / "data", tmp_path / "s", size=(16, 16), progress=False)
    with pytest.raises(FileNotFoundError, match="does not hold Treechop/player_0"):
        frame_truth(store, tmp_path)
    np.savez(tmp_path / "data" / "Treechop" / "player_1" / "truth.npz", time_of_day=np.zeros(7))
    with pytest.raises(ValueError, match=r"describes 7 frames, but frame 30 was imported"):
        frame_truth(store, tmp_path / "data")
