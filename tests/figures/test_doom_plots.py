"""Training and scores of the Doom chapter: values where they belong, legible, mistakes named."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from lib.figures import doom_scores as scores
from lib.figures import doom_training as training
from lib.worlds.doom.classes import PixelClass
from tests.figures.apart import legend_words, legible, ticks, titles, words
from tests.figures.test_sideswipe_scores import marked, same


@pytest.fixture(autouse=True)
def _agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


def clear(figure: Figure) -> Figure:
    """A legible figure whose legends lie on no panel."""
    legible(figure)
    for legend in figure.legends:
        for axes in figure.axes:
            box = legend.get_window_extent()
            assert not box.overlaps(axes.get_window_extent()), "a legend lies on data"
    return figure


CLASSES = [kind.name.lower() for kind in PixelClass]
SHARES = {
    "training": {"door": 0.02, "wall": 0.5, "player": 0.0},
    "validation": {"wall": 0.4, "door": 0.001},
    "test": {"wall": 0.6, "door": 0.004, "player": 0.0},
}


class TestClassShares:
    def test_marks_stand_at_their_shares(self):
        figure = clear(training.class_shares(SHARES))
        [axes] = figure.axes
        assert axes.get_xscale() == "log"
        assert ticks(axes.yaxis) == ["wall", "door", "player"], "in order of the first part"
        for mark, wanted in (("o", [50, 2]), ("s", [40, 0.1]), ("^", [60, 0.4])):
            found = marked(axes, mark)
            np.testing.assert_allclose([x for x, _ in found], wanted)
            assert [round(y) for _, y in found] == [0, 1], "none for a class without pixels"
        assert len({y for mark in "os^" for _, y in marked(axes, mark)}) == 6, "no mark on another"
        low, high = axes.get_xlim()
        assert low < 0.1
        assert 60 < high <= 100
        assert legend_words(figure) == ["training", "validation", "test"]
        assert "no pixel of the class" in figure.get_supxlabel()

    def test_no_note_where_nothing_is_missing(self):
        figure = clear(training.class_shares({"training": {"wall": 1.0}}))
        assert figure.get_supxlabel() == ""

    @settings(max_examples=4, deadline=None)
    @given(st.lists(st.floats(1e-6, 1), min_size=2, max_size=2 * len(CLASSES)))
    def test_any_shares(self, values):
        half = len(values) // 2
        shares = {
            "training": dict(zip(CLASSES, values[:half], strict=False)),
            "test": dict(zip(CLASSES, values[half:], strict=False)),
        }
        [axes] = clear(training.class_shares(shares)).axes
        low, high = axes.get_xlim()
        xs = [x for mark in "os" for x, _ in marked(axes, mark)]
        assert len(xs) == sum(map(len, shares.values()))
        assert all(low <= x <= high for x in xs)

    def test_mistakes_are_named(self):
        for bad in (40.0, -0.1, float("nan")):
            with pytest.raises(ValueError, match=r"shares\['test'\]\['sky'\] is .*share in \[0, 1"):
                training.class_shares({"test": {"sky": bad}})
        for empty in ({}, {"test": {"sky": 0.0}}):
            with pytest.raises(ValueError, match="but no share above 0; give at least one"):
                training.class_shares(empty)


def log(rows: int = 200, **columns: object) -> pd.DataFrame:
    step = np.arange(1, rows + 1) * 200
    nats = 3 + 8 * np.exp(-step / 6000)
    table = {"step": step, "loss": nats, "info_nce": nats, "accuracy": 1 - nats / 12}
    table |= {"similarity": 0.8 - nats / 40, "spread": 1 - nats / 20}
    return pd.DataFrame(table | columns)


class TestHistory:
    def test_three_panels_and_the_level_of_chance(self):
        given = log()
        figure = clear(training.history(given, 65_536))
        assert titles(figure) == ["InfoNCE, nats", "right key picked, %", "embeddings"]
        loss, accuracy, embeddings = figure.axes
        line, chance = loss.lines
        np.testing.assert_array_equal(line.get_ydata(), given["info_nce"])
        np.testing.assert_array_equal(line.get_xdata(), given["step"])
        np.testing.assert_allclose(chance.get_ydata(), np.log(65_537))
        assert chance.get_linestyle() == "--"
        assert loss.get_ylim()[1] > np.log(65_537)
        [line] = accuracy.lines
        np.testing.assert_allclose(line.get_ydata(), 100 * given["accuracy"])
        for line, column in zip(embeddings.lines, ("similarity", "spread"), strict=True):
            np.testing.assert_array_equal(line.get_ydata(), given[column])
        assert len({str(line._dash_pattern) for line in embeddings.lines}) == 2
        low, high = embeddings.get_ylim()
        assert low == 0, "collapse is in view"
        assert high > 1
        assert legend_words(figure) == [
            "chance: ln 65,537 = 11.09 nats", "similarity of positive pairs",
            "spread (1 even, 0 collapsed)",
        ]  # fmt: skip

    def test_places_beside_whole_views(self):
        given = log(dense=9.0, dense_accuracy=0.25, loss=7.0)
        figure = clear(training.history(given, 3))
        loss, accuracy, _ = figure.axes
        views, places, total, _ = loss.lines
        np.testing.assert_array_equal(views.get_ydata(), given["info_nce"])
        assert set(places.get_ydata()) == {9.0}
        assert set(total.get_ydata()) == {7.0}
        assert len({str(line._dash_pattern) for line in (views, places, total)}) == 3
        assert set(accuracy.lines[1].get_ydata()) == {25.0}
        assert legend_words(figure)[:3] == ["whole views", "places (dense)", "loss: both, weighted"]

    def test_without_negatives_there_is_no_level(self):
        figure = clear(training.history(log(), None))
        assert len(figure.axes[0].lines) == 1
        assert len(legend_words(figure)) == 2

    def test_opposed_pairs_and_one_row(self):
        embeddings = clear(training.history(log(1, similarity=-0.5), 10)).axes[2]
        assert embeddings.get_ylim()[0] < -0.5

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="log has 200 rows with columns .*want .*spread"):
            training.history(log().drop(columns="info_nce"), 1)
        with pytest.raises(ValueError, match="log has 0 rows"):
            training.history(log().head(0), 1)
        with pytest.raises(ValueError, match="negatives is 0; give a number from 1, or None"):
            training.history(log(), 0)


KINDS = {"play": 0.8, "menu": 0.1, "automap": 0.1}
DRAWS = {
    "play": np.array([1.0, 0.7, 0.5]), "menu": np.array([1.0, 4.0, 6.0]),
    "automap": np.array([1.0, 0.4, 0.0]),
}  # fmt: skip
LOSS = {kind: np.array([1.0, 1.0, ratio]) for kind, ratio in zip(DRAWS, (0.9, 3, 0.4), strict=True)}


class TestSelection:
    def test_draws_over_shares_and_losses(self):
        figure = clear(training.selection(DRAWS, KINDS, LOSS))
        left, right = figure.axes
        assert {left.get_yscale(), right.get_yscale()} == {"log"}
        wanted = ([1, 0.7, 0.5], [1, 4, 6], [1, 0.4, np.nan])
        for line, ratio in zip(left.lines[:3], wanted, strict=True):
            np.testing.assert_allclose(line.get_ydata(), ratio)
            np.testing.assert_allclose(line.get_xdata(), [100 / 6, 50, 500 / 6])
        for line, losses in zip(right.lines[:3], LOSS.values(), strict=True):
            np.testing.assert_allclose(line.get_ydata(), losses)
            np.testing.assert_allclose(line.get_xdata(), [100 / 3, 200 / 3, 100])
        for axes in figure.axes:
            assert {(y, axes.lines[3].get_linestyle()) for y in axes.lines[3].get_ydata()} == {
                (1.0, "--")
            }
            looks = {(line.get_marker(), str(line._dash_pattern)) for line in axes.lines[:3]}
            assert len({mark for mark, _ in looks}) == len({dash for _, dash in looks}) == 3
        low, high = left.get_ylim()
        assert low < 0.4
        assert high > 6
        assert ticks(left.yaxis) == ["0.5", "1", "2", "4"]
        assert legend_words(figure) == [
            "play (80 %)", "menu (10 %)", "automap (10 %)", "1: as in the footage, the mean loss",
        ]  # fmt: skip

    def test_kinds_that_are_not_known(self):
        ones = {"frames": np.ones(20)}
        figure = clear(training.selection(ones, {"frames": 1.0}, ones))
        assert legend_words(figure)[0] == "frames (100 %)"
        assert set(figure.axes[0].lines[0].get_ydata()) == {1.0}

    def test_nothing_drawn_at_all(self):
        nothing = {"frames": np.array([np.nan])}
        clear(training.selection(nothing, {"frames": 1.0}, nothing))

    @settings(max_examples=4, deadline=None)
    @given(st.lists(st.floats(0.001, 1000), min_size=2, max_size=2))
    def test_any_losses_are_in_view(self, ratios):
        losses = {"a": np.array(ratios), "b": np.ones(2)}
        half = {"a": np.ones(2), "b": np.ones(2)}
        right = clear(training.selection(half, {"a": 0.5, "b": 0.5}, losses)).axes[1]
        low, high = right.get_ylim()
        assert low < min([1, *ratios])
        assert high > max([1, *ratios])
        assert 2 <= len(ticks(right.yaxis)) <= 12

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match=r"draws has kinds \['play'.*relative_loss \['play'\]"):
            training.selection(DRAWS, KINDS, {"play": np.ones(3)})
        with pytest.raises(ValueError, match=r"have \[2, 3\] parts; give the same number"):
            training.selection(DRAWS, KINDS, {kind: np.ones(2) for kind in KINDS})
        with pytest.raises(ValueError, match=r"shares are .*8.*; give shares of the footage above"):
            training.selection(DRAWS, dict.fromkeys(KINDS, 8.0), LOSS)
        counts = {kind: 64 * each for kind, each in DRAWS.items()}
        with pytest.raises(ValueError, match="draws times shares add up to 64 in part 0, 1 is"):
            training.selection(counts, KINDS, LOSS)


FOUND = {
    "contrastive": {"miou": (0.25, 0.2, 0.3), "flips": (0.9, 0.8, 1.0)},
    "random network": {"miou": (0.125, None, None)},
}
METRICS = {"miou": "mean IoU", "flips": "label changes per second"}


class TestMethods:
    def test_a_row_a_method_and_a_panel_a_metric(self):
        figure = clear(scores.methods(FOUND, None, METRICS, as_is=["flips"]))
        iou, flips = figure.axes
        same(marked(iou, "o"), [(25.0, 0), (12.5, 1)])
        same(marked(flips, "o"), [(0.9, 0)])
        assert [20.0, 30.0] in [list(line.get_xdata()) for line in iou.lines]
        assert ticks(iou.yaxis) == list(FOUND)
        assert iou.get_ylim() == flips.get_ylim()
        assert [axes.get_xlabel() for axes in figure.axes] == ["mean IoU, %", METRICS["flips"]]
        assert iou.get_xlim()[0] == 0
        assert figure.legends == []

    def test_recorded_runs_are_hollow_and_beside(self):
        recorded = {"full": FOUND | {"ImageNet": {"miou": (0.5, 0.4, 0.6)}}, "small": FOUND}
        figure = clear(scores.methods(FOUND, recorded, {"miou": "mean IoU, %"}))
        [axes] = figure.axes
        assert [x for x, _ in marked(axes, "o")] == [25.0, 12.5]
        assert [x for x, _ in marked(axes, "s", filled=False)] == [25.0, 12.5, 50.0]
        assert [x for x, _ in marked(axes, "^", filled=False)] == [25.0, 12.5]
        assert axes.get_xlabel() == "mean IoU, %"
        assert ticks(axes.yaxis) == [*FOUND, "ImageNet"]
        ys = [marked(axes, "o")[0][1], marked(axes, "s", filled=False)[0][1]]
        assert ys[0] < ys[1], "this run first"
        assert legend_words(figure) == ["this run", "recorded: full", "recorded: small"]

    def test_units(self):
        rate = {"a": {"flips": (2.5, None, None), "ari": (-0.02, -0.05, 0.01)}}
        labels = {"flips": "changes per second", "ari": "adjusted Rand index"}
        flips, ari = clear(scores.methods(rate, None, labels)).axes
        assert marked(flips, "o") == [(2.5, 0)]
        assert flips.get_xlabel() == "changes per second"
        same(marked(ari, "o"), [(-2.0, 0)])
        assert ari.get_xlim()[0] < -5, "what is below 0 is in view"

    def test_three_panels_of_long_labels(self):
        each = dict.fromkeys(("miou", "ami", "boundary"), (0.3, 0.2, 0.4))
        names = ["contrastive", "random network", "ImageNet", "colour and position"]
        labels = {m: f"adjusted mutual information {m}" for m in each}
        figure = clear(scores.methods(dict.fromkeys(names, each), None, labels))
        assert "\n" in figure.axes[0].get_xlabel()
        assert ticks(figure.axes[0].yaxis) == names

    def test_mistakes_are_named(self):
        with pytest.raises(
            ValueError, match=r"metrics has 'ami', but no method of this run \(\['con"
        ):
            scores.methods(FOUND, None, {"ami": "AMI"})
        with pytest.raises(ValueError, match="metrics is empty; give at least one"):
            scores.methods(FOUND, None, {})


EFFECTS = {"next frame": (-0.04, -0.06, -0.02), "queue": (0.01, None, None)}


class TestEffects:
    def test_points_and_the_zero_line(self):
        recorded = {"full": {"queue": (-0.1, -0.12, -0.08), "UMAP": (0.02, 0.01, 0.03)}}
        figure = clear(scores.effects(EFFECTS, recorded, "mean IoU"))
        [axes] = figure.axes
        np.testing.assert_allclose([x for x, _ in marked(axes, "o")], [-4, 1])
        hollow = marked(axes, "s", filled=False)
        np.testing.assert_allclose([x for x, _ in hollow], [-10, 2])
        assert [round(y) for _, y in hollow] == [1, 2]
        assert ticks(axes.yaxis) == ["next frame", "queue", "UMAP"]
        assert [0.0, 0.0] in [list(x.get_xdata()) for x in axes.lines if x.get_linestyle() == "--"]
        bars = [line.get_xdata() for line in axes.lines if len(set(line.get_ydata())) == 1]
        assert any(np.allclose(sorted(bar), [-6, -2]) for bar in bars if len(bar) == 2)
        assert axes.get_xlabel() == (
            "mean IoU: difference in percentage points (negative: worse than the whole)"
        )
        assert legend_words(figure) == ["this run", "recorded: full"]

    def test_zero_is_in_view_of_one_effect(self):
        figure = clear(scores.effects({"queue": (-0.3, -0.32, -0.28)}, None, "mean IoU"))
        low, high = figure.axes[0].get_xlim()
        assert low < -32
        assert high > 0
        assert figure.legends == []

    def test_mistakes_are_named(self):
        nan = float("nan")
        with pytest.raises(ValueError, match=r"found has \['queue'\] .*no known difference"):
            scores.effects({"queue": (nan, None, None)}, None, "mean IoU")
        with pytest.raises(ValueError, match="'queue' of full is -4.0; give a difference of scor"):
            scores.effects(EFFECTS, {"full": {"queue": (-4.0, None, None)}}, "mean IoU")


class TestClassIou:
    def test_classes_by_share_and_a_cell_each(self):
        found = {
            "contrastive": {"door": 0.031, "wall": 0.93, "player": float("nan")},
            "ImageNet": {"wall": 0.4, "door": 0.0},
        }
        figure = clear(scores.class_iou(found, {"door": 0.02, "wall": 0.7, "player": 0.00001}))
        [axes] = figure.axes
        assert ticks(axes.yaxis) == ["wall", "door", "player"]
        assert ticks(axes.xaxis) == list(found)
        cells = {text.get_position(): text.get_text() for text in axes.texts[:6]}
        assert cells == {
            (0, 0): "93", (1, 0): "40", (0, 1): "3", (1, 1): "0", (0, 2): "–", (1, 2): "–",
        }  # fmt: skip
        assert words(axes)[6:] == ["70 %", "2 %", "< 0.01 %", "share of\npixels"]
        [mesh] = axes.collections
        np.testing.assert_allclose(np.asarray(mesh.get_array()), [[0.93, 0.4], [0.031, 0], [0, 0]])
        inks = [text.get_color() for text in axes.texts[:2]]
        assert to_rgb(inks[0]) == (1, 1, 1), "white on dark"
        assert to_rgb(inks[1]) < (0.2, 0.2, 0.2)

    @pytest.mark.parametrize(("count", "gap"), [(1, " "), (5, " "), (12, " "), (8, "_")])
    def test_all_classes_and_many_methods(self, rng, count, gap):
        of_one = dict(zip(CLASSES, rng.uniform(0, 1, 17).tolist(), strict=True))
        names = ["contrastive, k-means", "colour and position", "random network"]
        found = {f"{names[i % 3]} {i}".replace(" ", gap): of_one for i in range(count)}
        [axes] = clear(scores.class_iou(found, dict.fromkeys(CLASSES, 1 / 17))).axes
        assert {label.get_rotation() for label in axes.get_xticklabels()} == {90.0 * (count > 5)}
        assert [" ".join(label.split()) for label in ticks(axes.xaxis)] == list(found)

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match=r"found has methods \[\], shares classes \['wall'\]"):
            scores.class_iou({}, {"wall": 1.0})
        for name, value in (("wall", 40.0), ("wall", -0.1), ("sky", 0.4)):
            with pytest.raises(ValueError, match=rf"found\['a'\]\['{name}'\] is .*give an IoU in"):
                scores.class_iou({"a": {name: value}}, {"wall": 1.0})
        with pytest.raises(ValueError, match=r"shares\['wall'\] is 40.0; give a share in \[0, 1\]"):
            scores.class_iou({"a": {}}, {"wall": 40.0})
