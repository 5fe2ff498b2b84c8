"""Statistics of footage against loops over pixels, and against the library's other definition."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.data.frames import FrameStore
from lib.data.minerl import read_minerl
from lib.data.statistics import lag_pairs
from lib.evaluation import footage as scoring
from lib.evaluation.reconstruction import sharpness
from tests.data.footage import write_minerl, write_video


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[FrameStore, Path]:
    """Four worlds of noise of 16 x 16 pixels, one of them dark and flat."""
    folder = tmp_path_factory.mktemp("statistics")
    videos = write_minerl(folder / "data", frames=40, recordings=4)
    dark = np.full_like(videos[3], 5)
    write_video(folder / "data" / "Treechop" / "player_3" / "recording.mp4", dark)
    store = read_minerl(folder / "data", folder / "store", size=(16, 16), progress=False)
    return store, folder / "data"


@pytest.fixture(scope="module")
def pixels(made) -> scoring.PixelStatistics:
    return scoring.measure_pixels(made[0], np.arange(len(made[0])), batch=7)


def naive(frame: np.ndarray) -> dict[str, float]:
    """Statistics of one frame by loops, in double precision."""
    x = frame.astype(float) / 255
    h, w, _ = x.shape
    luminance = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in x.reshape(-1, 3)]
    mean = sum(luminance) / len(luminance)
    right = [abs(x[i, j + 1] - x[i, j]).mean() for i, j in product(range(h), range(w - 1))]
    down = [abs(x[i + 1, j] - x[i, j]).mean() for i, j in product(range(h - 1), range(w))]
    on_edge = [
        max(abs(x[i, j + 1] - x[i, j]).mean(), abs(x[i + 1, j] - x[i, j]).mean()) > 0.1
        for i, j in product(range(h - 1), range(w - 1))
    ]
    return {
        "luminance": mean,
        "luminance_std": (sum((y - mean) ** 2 for y in luminance) / len(luminance)) ** 0.5,
        "edge_density": (sum(right) / len(right) + sum(down) / len(down)) / 2,
        "edge_share": sum(on_edge) / len(on_edge),
    }


def test_statistics_of_a_frame(made, pixels):
    for i in (0, 9, len(made[0]) - 1):
        for name, wanted in naive(made[0].frames[i]).items():
            assert getattr(pixels, name)[i] == pytest.approx(wanted, abs=2e-6), name


def test_channels_and_their_histograms(made, pixels):
    store = made[0]
    assert pixels.histograms.shape == (len(store), 3, 32)
    for i, channel in product((0, 13), range(3)):
        values = store.frames[i, :, :, channel].ravel()
        wanted = [sum(8 * k <= int(v) < 8 * k + 8 for v in values) for k in range(32)]
        assert pixels.histograms[i, channel].tolist() == wanted
        assert pixels.channels[i, channel] == pytest.approx(values.mean() / 255, abs=1e-6)


def test_frames_do_not_depend_on_their_batch(made, pixels):
    indices = np.array([3, 33, 1])
    alone = scoring.measure_pixels(made[0], indices, batch=1)
    for name, column in vars(scoring.take(pixels, indices)).items():
        np.testing.assert_allclose(getattr(alone, name), column, rtol=1e-5, err_msg=name)


def test_no_frames(made):
    with pytest.raises(ValueError, match=r"indices is empty: name at least one frame"):
        scoring.measure_pixels(made[0], np.array([], int))


@given(seed=st.integers(0, 99), h=st.integers(2, 9), w=st.integers(2, 9))
@settings(max_examples=25, deadline=None)
def test_edge_density_is_the_sharpness_of_reconstructions(seed, h, w):
    images = np.random.default_rng(seed).random((2, h, w, 3), np.float32)
    density, _ = scoring.edges(images)
    wanted = sharpness(torch.from_numpy(images).permute(0, 3, 1, 2))
    np.testing.assert_allclose(density, wanted.numpy(), rtol=1e-5)


def test_edges_of_a_checkerboard_a_step_and_a_plain():
    board = np.indices((8, 8)).sum(0) % 2
    step = np.tile(np.arange(8) >= 4, (8, 1))
    images = np.stack([board, step, np.zeros((8, 8))]).astype(np.float32)
    density, share = scoring.edges(np.repeat(images[..., None], 3, axis=3))
    np.testing.assert_allclose(density, [1, 1 / 14, 0], atol=1e-6)
    np.testing.assert_allclose(share, [1, 1 / 7, 0], atol=1e-6)


def test_summary_over_worlds(made, pixels):
    groups = made[0].groups
    found = scoring.summarise_pixels(pixels, groups)
    assert found["luminance"].value == pytest.approx(pixels.luminance.mean())
    assert found["green"].value == pytest.approx(made[0].frames[..., 1].mean() / 255, abs=1e-5)
    dark = groups == 3
    assert found["dark_share"].value == pytest.approx(dark.mean())
    assert found["flat_share"].value == pytest.approx(dark.mean())
    assert 0 == found["dark_share"].low < found["dark_share"].high
    assert {(e.n, e.groups) for e in found.values()} == {(len(groups), 4)}


class TestClassShares:
    def test_of_known_labels(self):
        labels = pd.Series(["snow", "mesa", None, "snow", "snow", None])
        found = scoring.class_shares(labels, np.array([0, 0, 0, 1, 1, 2]), ("mesa", "snow", "sea"))
        assert {name: e.value for name, e in found.items()} == {
            "mesa": 0.25,
            "snow": 0.75,
            "sea": 0.0,
        }
        assert {(e.n, e.groups) for e in found.values()} == {(4, 2)}
        assert (found["snow"].low, found["snow"].high) == (0.5, 1.0)

    @given(labels=st.lists(st.sampled_from("abc"), min_size=1, max_size=30))
    @settings(max_examples=30, deadline=None)
    def test_they_add_up_to_one(self, labels):
        found = scoring.class_shares(pd.Series(labels), np.arange(len(labels)) % 3, ("a", "b", "c"))
        assert sum(e.value for e in found.values()) == pytest.approx(1)

    @pytest.mark.parametrize(
        ("labels", "groups", "message"),
        [
            ([None, None], [0, 1], r"labels are all unknown: leave this statistic out"),
            (["a", "b"], [0, 1], r"labels hold b: add them to classes"),
            (["a"], [0, 1], r"labels has 1 entries, groups has 2; give one group each"),
        ],
    )
    def test_errors(self, labels, groups, message):
        with pytest.raises(ValueError, match=message):
            scoring.class_shares(pd.Series(labels, dtype=object), np.array(groups), ("a",))


class TestChange:
    def test_of_each_pair(self, made):
        store = made[0]
        pairs = np.array([[0, 1], [5, 2], [7, 7], [40, 3]])
        wanted = [
            np.mean([abs(int(a) - int(b)) / 255 for a, b in zip(x.ravel(), y.ravel(), strict=True)])
            for x, y in (store.frames[pair] for pair in pairs)
        ]
        for batch in (1, 3, 99):
            np.testing.assert_allclose(scoring.frame_change(store, pairs, batch=batch), wanted)
        assert scoring.frame_change(store, np.zeros((0, 2), int)).shape == (0,)

    def test_curve_over_lags(self, made):
        store, source = made
        curve = scoring.change_curve(store, source, lags=(1, 4, 500))
        assert [point.lag for point in curve] == [1, 4]
        assert [point.seconds for point in curve] == pytest.approx([0.1, 0.4])
        for point in curve:
            pairs = lag_pairs(store.recordings, point.lag)
            wanted = scoring.frame_change(store, pairs).mean()
            assert point.change.value == pytest.approx(wanted)
            assert (point.change.n, point.change.groups) == (len(pairs), 4)
            assert point.change.low < wanted < point.change.high

    def test_thinning_keeps_both_ends_and_the_rest_evenly(self):
        pairs = np.arange(200).reshape(100, 2)
        assert scoring.thin(pairs, 100) is pairs
        few = scoring.thin(pairs, 10)
        assert len(few) == 10
        assert (few[0].tolist(), few[-1].tolist()) == ([0, 1], [198, 199])
        assert set(np.diff(few[:, 0])) == {22}

    def test_summary(self):
        change = np.array([0.01, 0.0199, 0.02, 0.3])
        found = scoring.summarise_change(change, np.array([0, 0, 1, 1]))
        assert found["neighbour_change"].value == pytest.approx(change.mean())
        near = found["near_identical_share"]
        assert (near.value, near.low, near.high, near.n, near.groups) == (0.5, 0.0, 1.0, 4, 2)
