"""Clusters of pixels: places, colours, shares and frames as they are, legible, mistakes named."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lib.figures import doom_clusters as figures
from tests.figures.apart import legend_words, legible, ticks, titles, words

RED, BLUE, GREY = (255, 0, 0), (0, 0, 255), (64, 64, 64)
NAMES = {"0": RED, "1": BLUE, "noise": GREY}


@pytest.fixture(autouse=True)
def _agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


def drawn(axes: Axes) -> list[tuple[float, ...]]:
    """x, y, red, green, blue of each point, in the order they are drawn in."""
    [points] = axes.collections
    colours = np.round(255 * points.get_facecolors()[:, :3])
    return [tuple(row) for row in np.concatenate([points.get_offsets(), colours], axis=1).tolist()]


def coloured(rng: np.random.Generator, m: int) -> np.ndarray:
    return np.array(list(NAMES.values()), np.uint8)[rng.integers(0, 3, m)]


class TestPixelMap:
    def test_two_panels_of_the_same_pixels(self, rng):
        places = rng.normal(0, 3, (500, 2))
        clusters, truth = coloured(rng, 500), coloured(rng, 500)
        figure = legible(figures.pixel_map(places, clusters, truth, NAMES, {"sky": BLUE}))
        assert titles(figure) == ["coloured by cluster", "coloured by true class"]
        for axes, colours in zip(figure.axes, (clusters, truth), strict=True):
            wanted = [tuple(row) for row in np.concatenate([places, colours], axis=1).tolist()]
            found = drawn(axes)
            assert sorted(found) == sorted(wanted)
            assert found != wanted, "drawn in another order than given"
            [points] = axes.collections
            assert points.get_rasterized()
            assert axes.get_aspect() == 1
            assert not len(axes.get_xticks()) + len(axes.get_yticks())
            legend = axes.get_legend().get_window_extent()
            assert not legend.overlaps(axes.patch.get_window_extent()), "beneath, not on data"
        orders = [[row[:2] for row in drawn(axes)] for axes in figure.axes]
        assert orders[0] == orders[1]
        assert legend_words(figure.axes[0]) == list(NAMES)
        assert legend_words(figure.axes[1]) == ["sky"]
        [swatch] = figure.axes[1].get_legend().legend_handles
        assert swatch.get_color() == (0, 0, 1)

    def test_the_order_is_the_same_each_time(self, rng):
        places, colours = rng.normal(0, 3, (50, 2)), coloured(rng, 50)
        first, second = (
            drawn(figures.pixel_map(places, colours, None, NAMES, {}).axes[0]) for _ in range(2)
        )
        assert first == second

    def test_no_class_hides_another(self, rng):
        colours = np.repeat(np.array([RED, BLUE], np.uint8), 500, axis=0)
        found = drawn(figures.pixel_map(np.zeros((1000, 2)), colours, None, NAMES, {}).axes[0])
        last = [row[2:] for row in found[-100:]]
        assert 20 < last.count(RED) < 80

    def test_one_panel_without_truth(self, rng):
        figure = legible(figures.pixel_map(np.zeros((1, 2)), coloured(rng, 1), None, NAMES, {}))
        assert titles(figure) == ["coloured by cluster"]

    def test_forty_clusters_in_the_legend(self, rng):
        names = {f"cluster {i}": RED for i in range(40)}
        colours = coloured(rng, 30)
        figure = legible(
            figures.pixel_map(rng.normal(size=(30, 2)), colours, colours, names, NAMES)
        )
        assert legend_words(figure.axes[0]) == list(names)
        for axes in figure.axes:
            box, page = axes.get_legend().get_window_extent(), figure.bbox
            assert page.x0 <= box.x0 < box.x1 <= page.x1
            assert page.y0 <= box.y0

    def test_mistakes_are_named(self, rng):
        places, colours = np.zeros((2, 2)), coloured(rng, 2)
        with pytest.raises(ValueError, match="embedding has 0 pixels"):
            figures.pixel_map(places[:0], colours[:0], None, NAMES, {})
        with pytest.raises(ValueError, match="embedding has 2 pixels, 1 of them not finite"):
            figures.pixel_map(np.array([[0, np.inf], [0, 0]]), colours, None, NAMES, {})
        with pytest.raises(ValueError, match="cluster_colours has 1 entries, but embedding has 2"):
            figures.pixel_map(places, colours[:1], None, NAMES, {})
        with pytest.raises(ValueError, match="truth_colours has 1 entries, but embedding has 2"):
            figures.pixel_map(places, colours, colours[:1], NAMES, {})


CLASSES = ["wall", "door", "sky", "hud"]
COUNTS = np.array(
    [[1, 0, 0, 99], [180, 20, 0, 0], [300, 0, 0, 100], [0, 0, 0, 0], [50, 0, 0, 0], [200, 50, 0, 0]]
)
MATCHED = np.array([3, 1, 0, 2, -1, -1])


def frames(axes: Axes) -> list[tuple[float, float]]:
    """Column and row of each framed cell."""
    found = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert all((patch.get_width(), patch.get_height()) == (1, 1) for patch in found)
    return [(patch.get_x() + 0.5, patch.get_y() + 0.5) for patch in found]


class TestClusterMatrix:
    def test_rows_in_order_of_their_class(self):
        figure = legible(figures.cluster_matrix(COUNTS, CLASSES, MATCHED))
        [axes] = figure.axes
        assert ticks(axes.yaxis) == ["2", "1", "0", "4", "noise"]
        assert ticks(axes.xaxis) == ["wall", "door", "hud"], "no pixel of the sky"
        assert frames(axes) == [(0, 0), (1, 1), (2, 2)]
        [mesh] = axes.collections
        share = [[0.75, 0, 0.25], [0.9, 0.1, 0], [0.01, 0, 0.99], [1, 0, 0], [0.8, 0.2, 0]]
        np.testing.assert_allclose(np.asarray(mesh.get_array()), share)
        said = {text.get_position(): text.get_text() for text in axes.texts}
        assert said[0, 0] == "75"
        assert said[2, 2] == "99"
        assert said[0, 2] == "1"
        assert (1, 0) not in said
        right = [text for text in axes.texts if text.get_position()[0] > 2.1]
        of_all = [text.get_text() for text in right if text.get_text().endswith("%")]
        assert of_all == ["40 %", "20 %", "10 %", "5 %", "25 %"]
        assert "of all\npixels" in words(axes)
        assert "Empty clusters left out: 1." in figure.get_supxlabel()
        assert axes.yaxis_inverted()

    def test_words_are_legible_on_their_shade(self):
        [axes] = figures.cluster_matrix(COUNTS, CLASSES, MATCHED).axes
        inks = {text.get_text(): text.get_color() for text in axes.texts}
        assert inks["99"] == "white"
        assert inks["75"] == inks["25"] != "white"

    def test_no_noise_and_nothing_left_out(self):
        counts = np.array([[5, 0], [0, 5], [0, 0]])
        figure = legible(figures.cluster_matrix(counts, ["a", "b"], np.array([1, 0, -1])))
        [axes] = figure.axes
        assert ticks(axes.yaxis) == ["1", "0"]
        assert frames(axes) == [(0, 0), (1, 1)]
        assert "Empty" not in figure.get_supxlabel()

    def test_nothing_but_noise(self):
        [axes] = legible(
            figures.cluster_matrix(np.array([[0, 3]]), ["a", "b"], np.array([-1]))
        ).axes
        assert ticks(axes.yaxis) == ["noise"]
        assert frames(axes) == []

    @pytest.mark.parametrize("clusters", [20, 40])
    def test_many_clusters(self, rng, clusters):
        classes = [f"decoration {i:02d}" for i in range(17)]
        counts = rng.integers(1, 10_000, (clusters + 1, 17))
        matched = np.full(clusters + 1, -1)
        matched[:17] = rng.permutation(17)
        figure = legible(figures.cluster_matrix(counts, classes, matched))
        [axes] = figure.axes
        names = ticks(axes.yaxis)
        assert names[-1] == "noise"
        assert names[:17] == [str(i) for i in np.argsort(matched[:17])]
        assert sorted(map(int, names[:-1])) == list(range(clusters))
        assert frames(axes) == [(i, i) for i in range(17)]
        sizes = {text.get_fontsize() for text in [*axes.texts, *axes.get_yticklabels()]}
        assert min(sizes) >= 6.5
        assert figure.get_figheight() < 9

    @settings(max_examples=8, deadline=None)
    @given(st.data())
    def test_shares_of_all_rows_are_whole(self, data):
        k, c = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
        numbers = st.lists(st.integers(0, 9), min_size=k * c, max_size=k * c)
        counts = np.array(data.draw(numbers.filter(any))).reshape(k, c)
        figure = figures.cluster_matrix(counts, CLASSES[:c] + ["x"] * (c - 4), np.full(k, -1))
        [axes] = legible(figure).axes
        [mesh] = axes.collections
        share = np.asarray(mesh.get_array())
        np.testing.assert_allclose(share.sum(1), 1)
        assert share.shape == (np.count_nonzero(counts.sum(1)), np.count_nonzero(counts.sum(0)))

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="matched has 5 entries, but counts has 6"):
            figures.cluster_matrix(COUNTS, CLASSES, MATCHED[:5])
        with pytest.raises(ValueError, match="classes has 3 names, but counts has 4 columns"):
            figures.cluster_matrix(COUNTS, CLASSES[:3], MATCHED)
        for counts in (0 * COUNTS, -COUNTS):
            with pytest.raises(ValueError, match="counts sum to .*give pixels from 0, at least"):
                figures.cluster_matrix(counts, CLASSES, MATCHED)
        for wrong in ([0, 0, 1, 2, -1, -1], [4, -1, -1, -1, -1, -1], [-2, 0, 1, 2, 3, -1]):
            with pytest.raises(
                ValueError, match="matched is .*classes 0 to 3 at most once, and -1"
            ):
                figures.cluster_matrix(COUNTS, CLASSES, np.array(wrong))
        with pytest.raises(ValueError, match=r"matched is .*noise, the last row, stands for none"):
            figures.cluster_matrix(COUNTS, CLASSES, MATCHED[::-1])


class TestClusterCounts:
    FOUND = (("contrastive", (14, 0.083)), ("k-means", (28, 0.0)), ("PCA", (7, float("nan"))))

    def test_bars_and_their_values(self):
        figure = legible(figures.cluster_counts(dict(self.FOUND)))
        clusters, noise = figure.axes
        assert [bar.get_width() for bar in clusters.patches] == [14, 28, 7]
        np.testing.assert_allclose([bar.get_width() for bar in noise.patches], [8.3, 0, 0])
        for axes in figure.axes:
            middles = [bar.get_y() + bar.get_height() / 2 for bar in axes.patches]
            np.testing.assert_allclose(middles, [0, 1, 2])
            ends = [text.get_window_extent().x0 for text in axes.texts]
            bars = [bar.get_window_extent().x1 for bar in axes.patches]
            assert all(end > bar for end, bar in zip(ends, bars, strict=True)), "beside its bar"
            assert max(text.get_window_extent().x1 for text in axes.texts) < axes.bbox.x1 + 1
        assert words(clusters) == ["14", "28", "7"]
        assert words(noise) == ["8 %", "0 %", "unknown"]
        assert ticks(clusters.yaxis) == [name for name, _ in self.FOUND]
        assert clusters.get_ylim() == noise.get_ylim()
        hatches = {bar.get_hatch() or "" for axes in figure.axes for bar in axes.patches}
        assert len(hatches) == 2

    def test_one_method_that_found_nothing(self):
        legible(figures.cluster_counts({"HDBSCAN": (0, 1.0)}))
        legible(figures.cluster_counts({"HDBSCAN": (0, 0.0)}))

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="found is empty; give at least one method"):
            figures.cluster_counts({})
        for bad in ((-1, 0.0), (3, 8.3), (3, -0.1)):
            with pytest.raises(ValueError, match=r"found\['a'\] is \(.*give a number of clusters"):
                figures.cluster_counts({"a": bad})
