"""Samples, pairs, bands and strata against naive loops."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.data.frames import FrameStore
from lib.data.gamefactory import read_gamefactory
from lib.data.minerl import read_minerl
from lib.data.statistics import (
    day_bands,
    evenly,
    lag_pairs,
    pair_seconds,
    spread,
    stranger_pairs,
)
from tests.data.footage import write_gamefactory, write_minerl

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=40)


@given(count=st.integers(1, 500), most=st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_evenly_spaced_positions(count, most):
    found = evenly(count, most)
    assert len(found) == min(count, most)
    assert found[0] == 0
    assert found[-1] == (count - 1 if most > 1 else 0)
    gaps = np.diff(found)
    assert (gaps > 0).all()
    assert gaps.max(initial=1) - gaps.min(initial=count) <= 1


def test_no_frame_at_all_is_refused():
    with pytest.raises(ValueError, match=r"most = 0: ask for at least one frame"):
        evenly(5, 0)


def test_bands_of_the_day():
    sines = pd.Series([1.0, 0.25, 0.249, 0.0, -0.249, -0.25, -1.0, np.nan], index=range(3, 11))
    bands = day_bands(sines)
    assert bands.tolist()[:-1] == ["day", "day", "dusk", "dusk", "dusk", "night", "night"]
    assert bands.isna().tolist() == [False] * 7 + [True]
    assert bands.index.tolist() == sines.index.tolist()


@given(labels=LABELS, lag=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_pairs_of_one_recording(labels, lag):
    recordings = np.sort(np.array(labels))
    wanted = [
        [i, j]
        for i in range(len(labels))
        for j in range(len(labels))
        if j - i == lag and recordings[i] == recordings[j]
    ]
    found = lag_pairs(recordings, lag)
    assert found.shape == (len(wanted), 2)
    assert found.tolist() == wanted


def test_a_lag_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"lag = 0: a later frame is at least one place on"):
        lag_pairs(np.zeros(4, int), 0)


@given(labels=LABELS.filter(lambda x: len(set(x)) > 1), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_strangers_are_of_different_worlds(labels, seed):
    groups = np.array(labels)
    pairs = stranger_pairs(groups, count=30, seed=seed)
    assert len(pairs) <= 30
    assert (groups[pairs[:, 0]] != groups[pairs[:, 1]]).all()
    np.testing.assert_array_equal(pairs, stranger_pairs(groups, count=30, seed=seed))


def test_strangers_are_as_many_as_asked_for_and_vary_with_the_seed():
    groups = np.arange(40)
    pairs = stranger_pairs(groups, count=200)
    assert len(pairs) == 200
    assert len(np.unique(pairs)) == 40
    assert not np.array_equal(pairs, stranger_pairs(groups, count=200, seed=1))


def test_one_world_has_no_strangers():
    with pytest.raises(ValueError, match=r"groups holds 1 group: .* give more footage"):
        stranger_pairs(np.zeros(9, int), count=3)


@pytest.fixture(scope="module")
def minerl(tmp_path_factory: pytest.TempPathFactory) -> tuple[FrameStore, Path]:
    folder = tmp_path_factory.mktemp("seconds")
    write_minerl(folder / "data", recordings=3)
    store = read_minerl(folder / "data", folder / "store", size=(16, 16), progress=False)
    return store, folder / "data"


class TestSeconds:
    def test_frames_between_over_the_rate(self, minerl):
        store, source = minerl
        for lag in (1, 3):
            pairs = lag_pairs(store.recordings, lag)
            seconds = pair_seconds(store, source, pairs)
            np.testing.assert_allclose(seconds, [2 * lag / 20] * len(pairs))  # every other frame

    def test_irregular_frames(self, tmp_path):
        write_gamefactory(tmp_path / "data")
        options = {"size": (18, 32), "frames": 12, "progress": False}
        store = read_gamefactory(tmp_path / "data", tmp_path / "s", **options)
        pairs = lag_pairs(store.recordings, 1)
        wanted = [(store.frame_numbers[j] - store.frame_numbers[i]) / 20 for i, j in pairs]
        np.testing.assert_allclose(pair_seconds(store, tmp_path / "data", pairs), wanted)
        assert len(set(wanted)) > 1

    def test_a_wrong_folder(self, minerl, tmp_path):
        store, _ = minerl
        with pytest.raises(FileNotFoundError, match=r"does not hold Treechop/player_0"):
            pair_seconds(store, tmp_path, lag_pairs(store.recordings, 1))


class TestSpread:
    def test_the_rare_are_taken_with_the_common(self):
        biome = ["plains"] * 90 + ["snow"] * 8 + ["mesa"] * 2
        band = (["day"] * 9 + ["night"]) * 10
        strata = pd.DataFrame({"biome": biome, "band": band})
        chosen = strata.iloc[spread(strata, 6)]
        assert chosen["biome"].value_counts().to_dict() == {"plains": 2, "snow": 2, "mesa": 2}
        assert set(chosen["band"]) == {"day", "night"}
        assert chosen["biome"].tolist() == sorted(chosen["biome"])

    @given(labels=LABELS, count=st.integers(1, 50), seed=st.integers(0, 5))
    @settings(max_examples=40, deadline=None)
    def test_of_one_column_all_are_taken_equally_often_or_used_up(self, labels, count, seed):
        strata = pd.DataFrame({"x": labels})
        chosen = spread(strata, count, seed=seed)
        assert len(chosen) == min(count, len(labels)) == len(set(chosen.tolist()))
        taken = strata["x"].iloc[chosen].value_counts()
        for label, there in strata["x"].value_counts().items():
            assert taken.get(label, 0) >= min(there, taken.max() - 1)

    def test_unknown_values_are_a_stratum(self):
        strata = pd.DataFrame({"x": ["a"] * 9 + [None]})
        assert strata["x"].iloc[spread(strata, 2)].isna().sum() == 1

    def test_the_seed_decides_among_equals(self):
        strata = pd.DataFrame({"x": ["a"] * 50})
        found = [spread(strata, 5, seed=seed).tolist() for seed in (0, 0, 1)]
        assert found[0] == found[1] != found[2]

    @pytest.mark.parametrize("strata", [pd.DataFrame(), pd.DataFrame({"x": []})])
    def test_nothing_to_choose_from(self, strata):
        with pytest.raises(ValueError, match=r"strata has no rows or no columns"):
            spread(strata, 3)
