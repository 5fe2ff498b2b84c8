"""Heat maps, swapped parts, mistakes and new cars: what is given is drawn, and lies apart."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from lib.figures import sideswipe_looks as looks
from lib.figures import sideswipe_mistakes as mistakes
from tests.figures.apart import legend_words, legible, ticks, words
from tests.figures.sideswipe_pages import CLASSES, apart, pictures, places, shown


@pytest.fixture(autouse=True)
def _agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


def disc(size: tuple[int, int] = (50, 100)) -> np.ndarray:
    y, x = np.indices(size)
    return np.hypot(y - 30, x - 50) < 18


class TestAttentionSheet:
    @pytest.mark.parametrize("n", [1, 5, 8])
    def test_picture_heat_and_outline(self, rng, n):
        images, masks = pictures(rng, n), np.repeat(disc()[None], n, 0)
        heat = rng.random((n, 50, 100))
        names = [CLASSES[i % 4] for i in range(n)]
        [axes] = legible(looks.attention_sheet(images, heat, masks, names)).axes
        apart(axes)
        drawn = shown(axes)
        for i in range(n):
            np.testing.assert_array_equal(drawn[2 * i], images[i])
        assert len(drawn) == 2 * n + 1, "and the scale of heat"
        assert len(axes.collections) == 2 * n, "a black and a white line each"
        inside = [100 * heat[i][masks[i]].sum() / heat[i].sum() for i in range(n)]
        area = 100 * disc().mean()
        assert words(axes)[:n] == [
            f"{name}: {share:.0f} % of the heat, {area:.0f} % of the area on the car"
            for name, share in zip(names, inside, strict=True)
        ]

    def test_the_outline_is_where_the_mask_ends(self, rng):
        [axes] = looks.attention_sheet(
            pictures(rng, 1), rng.random((1, 50, 100)), disc()[None], ["a"]
        ).axes
        left, right, _, top = places(axes)[1]
        path = axes.collections[0].get_paths()[0].vertices
        pixels = (path - [left, top]) / ((right - left) / 100)
        distance = np.hypot(pixels[:, 1] - 30.5, pixels[:, 0] - 50.5)
        assert (abs(distance - 18) < 1).all()

    def test_hot_is_lighter_than_cold_even_in_grey(self, rng):
        heat = np.zeros((1, 50, 100))
        heat[0, :, 50:] = 1
        image = np.full((1, 50, 100, 3), 128, np.uint8)
        [axes] = looks.attention_sheet(image, heat, disc()[None], ["a"]).axes
        warm = shown(axes)[1].astype(float)
        assert (warm[:, :50] == 128).all(), "no heat leaves the picture, in grey"
        assert warm[:, 50:].mean() > 150

    def test_no_heat_and_no_car(self, rng):
        images, heat, masks = pictures(rng, 1), np.zeros((1, 50, 100)), np.zeros((1, 50, 100), bool)
        [axes] = legible(looks.attention_sheet(images, heat, masks, ["octane"])).axes
        assert words(axes)[0] == "octane: no heat, 0 % of the area on the car"
        assert not axes.collections

    def test_longest_words(self, rng):
        images, masks = pictures(rng, 2), np.ones((2, 50, 100), bool)
        sheet = looks.attention_sheet(images, rng.random((2, 50, 100)), masks, ["aftershock"] * 2)
        assert "100 % of the heat, 100 % of" in words(legible(sheet).axes[0])[0]

    def test_mistakes_are_named(self, rng):
        with pytest.raises(ValueError, match="captions has 2 entries, but images has 1"):
            looks.attention_sheet(
                pictures(rng, 1), np.zeros((1, 50, 100)), disc()[None], ["octane", "b"]
            )


SANITY = {"trained": (1.0, None, None), "dense": (0.4, 0.3, 0.5), "conv": (-0.1, -0.2, 0.0)}


class TestAttentionScores:
    def test_shares_and_sanity(self):
        heat = {
            name: (0.5 + i / 10, 0.45 + i / 10, 0.55 + i / 10) for i, name in enumerate(CLASSES)
        }
        area = dict.fromkeys(CLASSES, (0.25, 0.24, 0.26))
        figure = legible(looks.attention_scores(heat, area, SANITY, chance=0.3))
        left, right = figure.axes
        assert ticks(left.yaxis) == CLASSES
        dots = {m: [x.get_xdata()[0] for x in left.lines if x.get_marker() == m] for m in "os"}
        assert dots["o"] == pytest.approx([50, 60, 70, 80])
        assert dots["s"] == [25.0] * 4
        bars = [list(x.get_xdata()) for x in left.lines if x.get_marker() == "None"]
        assert [45.0, 55.00000000000001] in bars
        assert [24.0, 26.0] in bars
        joined, *_ = right.lines
        assert list(joined.get_xdata()) == [1.0, 0.4, -0.1]
        assert list(joined.get_ydata()) == [0, 1, 2]
        assert ticks(right.yaxis) == list(SANITY)
        assert right.get_xlim()[0] < -0.2
        assert legend_words(figure)[-1] == "maps of different pictures"

    def test_one_class_one_layer_and_gaps(self):
        one = {"octane": (0.5, None, None)}
        figure = legible(looks.attention_scores(one, one, {"conv": (0.1, None, None)}))
        assert len(legend_words(figure)) == 2
        lost = SANITY | {"dense": None, "conv": (np.nan, None, None)}
        figure = legible(looks.attention_scores({"octane": None}, one, lost))
        assert [x.get_marker() for x in figure.axes[0].lines] == ["s"]
        assert [x.get_marker() for x in figure.axes[1].lines] == ["None", "D"]

    def test_mistakes_are_named(self):
        one = {"octane": (0.5, None, None)}
        with pytest.raises(ValueError, match=r"heat has \['octane'\], area \[\] .*both shares"):
            looks.attention_scores(one, {}, SANITY)
        with pytest.raises(ValueError, match=r"sanity \[\]; give .*at least one layer"):
            looks.attention_scores(one, one, {})


PARTS = ["original", "other hat", "other wheels", "other sticker", "other colours"]


class TestCounterfactuals:
    @pytest.mark.parametrize(("n", "columns"), [(1, 1), (4, 5)])
    def test_pictures_and_probabilities(self, rng, n, columns):
        parts = PARTS[:columns]
        images = {part: pictures(rng, n, size=(15, 40)) for part in parts}
        shares = {part: np.linspace(0, 1 - i / 5, n) for i, part in enumerate(parts)}
        [axes] = legible(looks.counterfactuals(images, shares, CLASSES[:n])).axes
        apart(axes)
        np.testing.assert_array_equal(shown(axes), np.concatenate(list(images.values())))
        lengths = np.array([patch.get_width() for patch in axes.patches])
        np.testing.assert_allclose(
            lengths[1::2] / lengths[::2], np.concatenate(list(shares.values()))
        )
        assert {*parts, *CLASSES[:n]} <= set(words(axes))
        if n == 4:
            assert words(axes).count("100 %") == 1
            assert words(axes).count("80 %") == 1

    def test_mistakes_are_named(self, rng):
        images, shares = {"original": pictures(rng, 1)}, {"original": np.ones(1)}
        with pytest.raises(
            ValueError, match=r"images has columns \['original'\], prob.* \[\]; give"
        ):
            looks.counterfactuals(images, {}, ["octane"])
        with pytest.raises(
            ValueError, match=r"images\['original'\] has 1 entries, but classes has"
        ):
            looks.counterfactuals(images, shares, CLASSES)

    def test_effect(self):
        flips = {part: (i / 100, i / 200, i / 50) for i, part in enumerate(PARTS)}
        change = {p: (-i / 10, -i / 10 - 0.05, -i / 10 + 0.05) for i, p in enumerate(PARTS)}
        left, right = legible(looks.counterfactual_effect(flips, change)).axes
        assert ticks(left.yaxis) == PARTS
        assert [x.get_xdata()[0] for x in left.lines if x.get_marker() == "o"] == [0, 1, 2, 3, 4]
        assert [x.get_xdata()[0] for x in right.lines if x.get_marker() == "s"] == [
            pytest.approx(-10.0 * i) for i in range(5)
        ]
        legible(looks.counterfactual_effect({"hat": None}, {"hat": (0.0, None, None)}))
        with pytest.raises(ValueError, match=r"flips has parts \['hat'\], change \['wheel'\]"):
            looks.counterfactual_effect({"hat": None}, {"wheel": None})


class TestFailures:
    @pytest.mark.parametrize(("n", "k"), [(1, 1), (6, 5)])
    def test_a_mistake_and_its_neighbours(self, rng, n, k):
        images, near = pictures(rng, n), pictures(rng, n, k)
        verdicts = [("aftershock", "werewolf", 0.9998 - i / 10) for i in range(n)]
        classes = [["aftershock"] * k for _ in range(n)]
        same = np.zeros((n, k), bool)
        same[0, k - 1] = True
        [axes] = legible(mistakes.failures(images, verdicts, near, classes, same)).axes
        apart(axes)
        for row in range(n):
            block = shown(axes)[row * (k + 1) : (row + 1) * (k + 1)]
            np.testing.assert_array_equal(block, [images[row], *near[row]])
        assert words(axes)[2] == "aftershock,\ntaken for\nwerewolf\n(99.98 %)"
        assert words(axes).count("aftershock") == n * k
        frame, legend = (p for p in axes.patches if isinstance(p, Rectangle))
        left, right, bottom, top = places(axes)[k]
        assert frame.get_bbox().bounds == pytest.approx((left, top, right - left, bottom - top))
        assert legend.get_y() > places(axes)[-1][2]
        assert words(axes)[-1] == "same loadout as the mistake, in another rotation"

    def test_a_frame_is_explained_where_there_is_one(self, rng):
        verdict, none = [("octane", "werewolf", 0.9)], np.zeros((1, 2), bool)
        [axes] = legible(
            mistakes.failures(pictures(rng, 1), verdict, pictures(rng, 1, 2), [["a", "b"]], none)
        ).axes
        apart(axes)
        assert not axes.patches
        assert not any("same loadout" in word for word in words(axes))

    def test_none(self, rng):
        figure = mistakes.failures(
            pictures(rng, 0), [], pictures(rng, 0, 3), [], np.zeros((0, 3), bool)
        )
        assert words(legible(figure).axes[0]) == ["No image was classified wrongly."]

    def test_mistakes_are_named(self, rng):
        images, near, same = pictures(rng, 1), pictures(rng, 1, 2), np.zeros((1, 2), bool)
        verdict = [("octane", "breakout", 0.5)]
        with pytest.raises(ValueError, match="verdicts has 0 entries, but images has 1"):
            mistakes.failures(images, [], near, [["a", "b"]], same)
        with pytest.raises(ValueError, match=r"neighbour_classes\[0\] has 1 entries, but neighb"):
            mistakes.failures(images, verdict, near, [["a"]], same)


class TestNewCars:
    @pytest.mark.parametrize(("n", "size"), [(1, (50, 100)), (7, (15, 40))])
    def test_bars_and_flags(self, rng, n, size):
        images, shares = pictures(rng, n, size=size), rng.dirichlet([0.2] * 4, n)
        unknown = np.arange(n) % 2 == 0
        names = ["hatchback"] * n
        [axes] = legible(mistakes.new_cars(images, shares, CLASSES, unknown, names)).axes
        apart(axes)
        np.testing.assert_array_equal(shown(axes), images)
        lengths = np.array([patch.get_width() for patch in axes.patches])
        np.testing.assert_allclose(lengths[1::2] / lengths[::2], shares.ravel())
        flags = [t for t in axes.texts if t.get_text() in ("unknown car", "taken for known")]
        assert [t.get_text() == "unknown car" for t in flags] == unknown.tolist()
        fills = {t.get_text(): to_hex(t.get_bbox_patch().get_facecolor()) for t in flags}
        assert fills["unknown car"] != fills.get("taken for known")

    def test_mistakes_are_named(self, rng):
        images, shares, unknown = pictures(rng, 1), np.ones((1, 3)) / 3, np.ones(1, bool)
        with pytest.raises(ValueError, match="probabilities has 3 columns for 4 classes"):
            mistakes.new_cars(images, shares, CLASSES, unknown, ["pickup"])
        with pytest.raises(ValueError, match="names has 0 entries, but images has 1"):
            mistakes.new_cars(images, shares, CLASSES[:3], unknown, [])
