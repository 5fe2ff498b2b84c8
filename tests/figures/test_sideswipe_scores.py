"""Calibration, splits, sizes, baselines and new cars: values where they belong, legible."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes

from lib.figures import sideswipe_new as new_figures
from lib.figures import sideswipe_scores as figures
from lib.figures import sideswipe_size as size_figures
from tests.figures.apart import legend_words, legible, ticks


@pytest.fixture(autouse=True)
def _agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


def marked(axes: Axes, mark: str, *, filled: bool = True) -> list[tuple[float, float]]:
    """Places of single marks."""
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
        for line in axes.lines
        if line.get_marker() == mark
        and len(line.get_xdata()) == 1
        and (line.get_markerfacecolor() not in ("white", "none")) == filled
    ]


def same(found: list[tuple[float, float]], wanted: list[tuple[float, float]]) -> None:
    np.testing.assert_allclose(sorted(found), sorted(wanted))


def bins(*counts: int, lift: float = 0.0) -> pd.DataFrame:
    edges = np.linspace(0, 1, len(counts) + 1)
    count = np.array(counts)
    middle = np.where(count > 0, (edges[1:] + edges[:-1]) / 2, np.nan)
    columns = {"lower": edges[:-1], "upper": edges[1:], "count": count}
    return pd.DataFrame(columns | {"confidence": middle, "accuracy": middle + lift})


ACCURACIES = st.integers(0, 10**6).map(lambda right: right / 10**6)
"""Of a million images: an error is one image at least, or none."""
ECE = (0.0052, 0.0041, 0.0063)


class TestReliability:
    def test_lines_counts_and_ece(self):
        given = {"before": bins(0, 0, 4, 60, 900, lift=-0.1), "after": bins(0, 0, 9, 55, 900)}
        figure = legible(figures.reliability(given, {"before": ECE, "after": (0.001, None, None)}))
        top, bottom = figure.axes
        diagonal, before, *_ = top.lines
        assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 100]
        np.testing.assert_allclose(before.get_xdata(), [50, 70, 90])
        np.testing.assert_allclose(before.get_ydata(), [40, 60, 80])
        opened = [x for x in top.lines if x.get_markerfacecolor() == "white"]
        assert [list(x.get_xdata()) for x in opened] == [[50.0], [50.0]], "fewer than 10 images"
        assert [bar.get_height() for bar in bottom.patches] == [0, 0, 4, 60, 900, 0, 0, 9, 55, 900]
        assert len({bar.get_hatch() for bar in bottom.patches}) == 2
        spans = sorted(bar.get_bbox().intervalx.tolist() for bar in bottom.patches)
        assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(spans))
        assert legend_words(figure) == [
            "before: ECE 0.52 % (0.41 to 0.63)", "after: ECE 0.10 %",
        ]  # fmt: skip
        assert 30 < top.get_xlim()[0] < 40, "empty bins are cut off"

    def test_one_full_bin(self):
        legible(figures.reliability({"before": bins(*[0] * 14, 5)}, {"before": ECE}))

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match=r"bins is empty"):
            figures.reliability({}, {})
        for found, ece in ((bins(0, 0), {"a": ECE}), (bins(1, 1), {})):
            with pytest.raises(ValueError, match=r"bins\['a'\] lacks \[\], or images, or an entry"):
                figures.reliability({"a": found}, ece)
        with pytest.raises(ValueError, match=r"bins\['a'\] lacks \['count'\]"):
            figures.reliability({"a": bins(1).drop(columns="count")}, {"a": ECE})


FAMILIES = {
    "pruned": {1_405_252: (0.999, 0.998, 0.9995), 9_000: (0.98, 0.97, 0.99), 60_000: None},
    "trained small": {9_412: (0.995, None, None), 900: (0.9, 0.88, 0.92)},
}


class TestFront:
    def test_errors_intervals_reference_and_ring(self):
        chosen = ("trained small", 9412, "small")
        figure = legible(size_figures.front(FAMILIES, recommended=chosen))
        [axes] = figure.axes
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        same(marked(axes, "o"), [(9_000, 2.0), (1_405_252, 0.1)])
        same(marked(axes, "s"), [(900, 10.0), (9_412, 0.5)])
        same(marked(axes, "o", filled=False), [(9_412, 0.5)])  # the ring
        bars = [line.get_ydata() for line in axes.lines if len(set(line.get_xdata())) == 1]
        assert any(np.allclose(sorted(bar), [0.05, 0.2]) for bar in bars if len(bar) == 2)
        levels = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"]
        assert pytest.approx(0.32) in levels
        assert legend_words(figure) == [
            "pruned", "trained small", "write-up: 99.68 % right",
            "recommended: small, 9,412 parameters",
        ]  # fmt: skip
        assert figure.get_supxlabel() == ""

    def test_no_error_at_all_is_on_the_edge_and_said(self):
        figure = legible(
            size_figures.front({"a": {100: (1.0, 0.9995, 1.0)}}, recommended=("a", 100, "best"))
        )
        [axes] = figure.axes
        [(_, y)] = marked(axes, "o")
        assert y == axes.get_ylim()[0]
        assert "no error at all" in figure.get_supxlabel()
        assert marked(axes, "o", filled=False) == [(100, y)]

    @settings(max_examples=8, deadline=None)
    @given(st.lists(ACCURACIES, min_size=1, max_size=5))
    def test_any_accuracies(self, values):
        curve = {
            10 * 4**i: (v, max(0.0, v - 0.01), min(1.0, v + 0.01)) for i, v in enumerate(values)
        }
        [axes] = legible(size_figures.front({"a": curve})).axes
        low, high = axes.get_ylim()
        for _, y in marked(axes, "o"):
            assert low <= y <= high
        assert len(marked(axes, "o")) == len(values)

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match=r"recommended is \('pruned', 5\); families has"):
            size_figures.front(FAMILIES, recommended=("pruned", 5, "x"))
        with pytest.raises(ValueError, match=r"no accuracy to draw, only names \['a'\]"):
            size_figures.front({"a": {}})


def test_learning_curve():
    curves = {"write-up's network": {100: (0.6, 0.5, 0.7), 10_000: (0.99, None, None)}}
    figure = legible(size_figures.learning_curve(curves | {"small": {1000: (0.9, 0.8, 0.95)}}))
    [axes] = figure.axes
    same(marked(axes, "o"), [(100, 40.0), (10_000, 1.0)])
    same(marked(axes, "s"), [(1000, 10.0)])
    assert legend_words(figure) == ["write-up's network", "small"]
    figure = legible(size_figures.learning_curve(curves, reference=0.9968))
    assert legend_words(figure)[-1] == "write-up: 99.68 % right"


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        ((400, 3_200), ["500", "1,000", "2,000"]),
        ((1_000, 5_330, 32_000), ["1,000", "2,000", "5,000", "10,000", "20,000"]),
        ((1_190, 304_700), ["1,000", "5,000", "10,000", "50,000", "100,000"]),
        ((300,), ["100", "200", "500", "1,000"]),
        ((300, 400), ["300", "400"]),
    ],
)
def test_ticks_of_the_learning_curve_are_of_one_kind(counts, wanted):
    curve = {n: (0.9 + i / 50, None, None) for i, n in enumerate(counts)}
    [axes] = legible(size_figures.learning_curve({"small": curve})).axes
    assert [w for w in ticks(axes.xaxis) if w] == wanted
    assert len(axes.xaxis.get_minorticklocs()) == 0


SPLITS = {
    "random": {"faithful": (0.999, 0.998, 0.9995), "hard": (0.99, 0.98, 0.995)},
    "grouped by loadout": {"faithful": (0.99, 0.98, 0.995), "hard": None},
    "unseen rotations": {"hard": (0.7, None, None)},
}


class TestAccuracyBySplit:
    def test_marks_stand_at_their_error_and_read_as_accuracy(self):
        figure = legible(figures.accuracy_by_split(SPLITS))
        [axes] = figure.axes
        found = marked(axes, "o")
        assert sorted(round(x, 9) for x, _ in found) == [0.001, 0.01, 0.01, 0.3]
        assert sorted(round(y) for _, y in found) == [0, 0, 1, 2]
        assert ticks(axes.yaxis) == list(SPLITS)
        assert axes.get_xlim()[0] > axes.get_xlim()[1], "better is at the right"
        said = dict(zip(axes.get_xticks(), ticks(axes.xaxis), strict=True))
        assert said[0.01] == "99"
        assert legend_words(figure) == ["faithful", "hard", "write-up: 99.68 %"]

    def test_recorded_runs_have_other_marks(self):
        figure = legible(figures.accuracy_by_split(SPLITS, recorded={"small": SPLITS, "full": {}}))
        [axes] = figure.axes
        assert len(marked(axes, "o")) == len(marked(axes, "s", filled=False)) == 4
        assert legend_words(figure)[:4] == [
            "faithful, this run", "hard, this run", "faithful, small", "hard, small",
        ]  # fmt: skip
        offsets = {round(y % 1, 3) for _, y in marked(axes, "o") + marked(axes, "s", filled=False)}
        assert len(offsets) == 4, "each series in its own line"

    def test_no_error_at_all(self):
        figure = legible(figures.accuracy_by_split({"random": {"faithful": (1.0, 1.0, 1.0)}}))
        [axes] = figure.axes
        assert marked(axes, "o")[0][0] == axes.get_xlim()[1]
        assert "right edge: no error" in figure.get_supxlabel()

    @settings(max_examples=8, deadline=None)
    @given(ACCURACIES, ACCURACIES)
    def test_any_accuracies(self, one, other):
        scores = {"a": {"faithful": (one, None, None)}, "b": {"faithful": (other, None, None)}}
        [axes] = legible(figures.accuracy_by_split(scores)).axes
        high, low = axes.get_xlim()
        assert [low <= x <= high for x, _ in marked(axes, "o")] == [True, True]

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match=r"scores has no accuracy, only splits \['random'\]"):
            figures.accuracy_by_split({"random": {"faithful": None}})


def test_probe():
    scores = {
        "pixels": {"faithful": (0.99, 0.98, 1.0), "hard": (0.73, 0.7, 0.75)},
        "corner": {"hard": (0.3, None, None), "faithful": None},
    }
    figure = legible(figures.probe(scores, chance=1 / 3))
    [axes] = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [99.0, 73.0, 30.0]
    assert [round(bar.get_y() + bar.get_height() / 2) for bar in axes.patches] == [0, 0, 1]
    assert [bar.get_hatch() or "" for bar in axes.patches] == ["", "////", "////"]
    assert [98.0, 100.0] in [list(line.get_xdata()) for line in axes.lines]
    assert legend_words(figure) == ["faithful", "hard", "chance: 33.3 %"]
    with pytest.raises(ValueError, match="scores is empty"):
        figures.probe({}, chance=0.25)


POOLED = {"MSP": (0.85, 0.8, 0.9), "k-NN": (0.97, 0.96, 0.98), "ViM": None}
BODIES = {"MSP": {"hatchback": (0.8, 0.7, 0.9)}, "k-NN": {"pickup": (0.99, None, None)}}


class TestNovelty:
    def test_scores(self):
        figure = legible(new_figures.novelty_scores(POOLED, BODIES, target=0.95))
        [axes] = figure.axes
        assert [x for x, _ in marked(axes, "D")] == [85.0, 97.0]
        assert marked(axes, "o", filled=False)[0][0] == 80.0
        assert marked(axes, "s", filled=False)[0][0] == 99.0
        assert ticks(axes.yaxis) == list(POOLED)
        assert legend_words(figure) == ["all new cars", "hatchback", "pickup", "95 %"]
        legible(new_figures.novelty_scores({"MSP": (0.5, None, None)}, {}))
        with pytest.raises(ValueError, match=r"pooled has scores \[\], by_body \['MSP'"):
            new_figures.novelty_scores({}, BODIES)

    def test_readings_left_out(self):
        areas = {"block 3": {1: [0.99, 0.999], 5: [0.98, 1.0]}, "block 4": {1: [0.9, 0.95]}}
        figure = legible(new_figures.left_out(areas, chosen=("block 3", 1)))
        [axes] = figure.axes
        assert axes.yaxis_inverted()
        means = [line for line in axes.lines if line.get_linestyle() != "None"]
        # the axis is one of errors, in per cent; a perfect car counts as 99.99 %
        np.testing.assert_allclose(means[0].get_ydata(), [0.55, 1.005])
        np.testing.assert_allclose(means[1].get_ydata(), [7.5])
        ring = next(line for line in axes.lines if line.get_markersize() == 13)
        assert ring.get_ydata()[0] == pytest.approx(0.55)
        assert ticks(axes.xaxis) == ["1", "5"]
        assert legend_words(figure) == ["block 3", "block 4"]
        with pytest.raises(ValueError, match=r"chosen is \('block 9', 1\), areas has"):
            new_figures.left_out(areas, chosen=("block 9", 1))

    @settings(max_examples=6, deadline=None)
    @given(seed=st.integers(0, 99), ties=st.booleans())
    def test_roc_against_counting(self, seed, ties):
        rng = np.random.default_rng(seed)
        known, new = rng.normal(0, 1, 40), rng.normal(1, 1, 30)
        if ties:
            known, new = known.round(), new.round()
        figure = legible(new_figures.novelty_roc({"MSP": known}, {"MSP": new}))
        [axes] = figure.axes
        curve = set(zip(*(np.round(x, 6) for x in axes.lines[0].get_data()), strict=True))
        for limit in np.concatenate([known, new]):
            accepted, taken = 100 * np.mean(known <= limit), 100 * np.mean(new <= limit)
            assert (round(taken, 6), round(accepted, 6)) in curve
        enough = min(limit for limit in known if np.mean(known <= limit) >= 0.95)
        same(marked(axes, "o"), [(100 * np.mean(new <= enough), 100 * np.mean(known <= enough))])

    def test_roc_of_many_scores(self, rng):
        names = ["MSP", "energy", "max logit", "k-NN", "ViM", "Mahalanobis"]
        figure = legible(
            new_figures.novelty_roc(
                {name: rng.normal(0, 1, 100) for name in names},
                {name: rng.normal(9, 1, 100) for name in names},
            )
        )
        assert legend_words(figure) == [f"{name}: 0 %" for name in names]
        with pytest.raises(
            ValueError, match=r"known has scores \['MSP'\], new \['ViM'\]; give the"
        ):
            new_figures.novelty_roc({"MSP": np.ones(1)}, {"ViM": np.ones(1)})
