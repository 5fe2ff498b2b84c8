"""SCALOR's trainings and scores: values where they belong, legible, mistakes named."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from lib.figures import scalor_scores as scores
from lib.figures import scalor_training as training
from lib.figures.style import MUTED
from tests.figures.apart import legend_words, legible, ticks, titles, words
from tests.figures.test_doom_plots import clear
from tests.figures.test_sideswipe_scores import marked, same


@pytest.fixture(autouse=True)
def _agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


def log(rows: int = 100, steps: int = 40_000, **columns: object) -> pd.DataFrame:
    step = np.linspace(steps / rows, steps, rows).astype(int)
    fall = np.exp(-8 * step / steps)
    table = {
        "step": step, "loss": -6e4 + 9e4 * fall, "likelihood": -6.1e4 + 9e4 * fall,
        "what": 60 - 20 * fall, "where": 20 + fall, "depth": 0.3 + fall,
        "presence": 800 * fall + 2, "background": 12 + fall, "objects": 12 + 30 * fall,
        "grad_norm": 1e4 * fall + 1,
    }  # fmt: skip
    return pd.DataFrame(table | columns)


CHANGES = [(20_000, "τ at 0.5"), (500, "prior at 0.001"), (1000, "pairs"), (90_000, "never")]


class TestTrainingCurves:
    def test_a_panel_a_column_and_a_line_a_run(self):
        runs = {"plain": log(), "with perceptual loss": log(steps=13_600, perceptual=0.5)}
        figure = clear(training.training_curves(runs))
        shown = [axes for axes in figure.axes if axes.axison]
        names = [title.removesuffix(" *") for title in titles(figure)[: len(shown)]]
        assert names == [training.PANELS[c] for c in training.PANELS if c != "adversarial"]
        loss, *_, perceptual = shown
        raw = [line for line in loss.lines if line.get_alpha()]
        for line, run in zip(raw, runs.values(), strict=True):
            np.testing.assert_array_equal(line.get_xdata(), run["step"])
            np.testing.assert_array_equal(line.get_ydata(), run["loss"])
        assert len(perceptual.lines) == 2, "one run"
        assert [len(words(axes)) for axes in shown] == [0, 0, 2, 0, 0, 2, 0, 0, 2, 0]
        assert set(words(shown[2])) == {"plain", "with perceptual loss"}
        assert figure.legends == []

    def test_a_term_that_no_model_has_is_left_out(self):
        without = {"one": log(background=0.0), "other": log(background=0.0)}
        figure = clear(training.training_curves(without))
        assert "KL of background, nats" in training.PANELS.values()
        shown = [title.removesuffix(" *") for title in titles(figure)]
        assert "KL of background, nats" not in shown
        some = {"one": log(background=0.0), "other": log()}
        shown = titles(clear(training.training_curves(some)))
        assert any(title.startswith("KL of background") for title in shown)

    def test_axes_fit_their_values(self):
        figure = clear(training.training_curves({"plain": log()}))
        by_title = {axes.get_title(loc="left").removesuffix(" *"): axes for axes in figure.axes}
        assert by_title["KL of presence, nats"].get_yscale() == "log"
        low, high = by_title["loss, nats a frame"].get_ylim()
        assert low < -6e4
        assert high < 0, "the first steps would hide the others"
        assert "some of the first steps lie outside" in figure.get_supxlabel()
        assert by_title["KL of what, nats"].get_ylim()[1] > 60

    def test_changes_are_marked_and_explained(self):
        figure = clear(training.training_curves({"plain": log()}, changes=CHANGES))
        for axes in figure.axes:
            upright = [line.get_xdata()[0] for line in axes.lines if line.get_color() == MUTED]
            assert upright == [500, 1000, 20_000]
            assert words(axes)[:3] == ["a", "b", "c"]
        note = figure.get_supxlabel().replace("\n", " ")
        assert note.startswith("a: step 500, prior at 0.001; b: step 1,000, pairs; c: step 20,000")
        assert "never" not in note

    def test_many_runs_have_a_legend(self):
        runs = {f"run number {i}, with a long name": log() for i in range(7)}
        figure = clear(training.training_curves(runs, changes=CHANGES))
        assert legend_words(figure) == list(runs)

    def test_gaps_and_constants(self):
        given = log(what=3.0, depth=0.0, where=np.nan, objects=np.inf)
        given.loc[::2, "loss"] = np.nan
        clear(training.training_curves({"plain": given}))

    def test_a_single_row_and_a_single_column(self):
        figure = clear(training.training_curves({"tiny": log(1, 1)[["step", "loss"]]}))
        assert len(figure.axes) == 1
        assert words(figure.axes[0]) == ["tiny"]

    @given(st.lists(st.floats(0, 1), max_size=6), st.floats(0.01, 0.16))
    def test_spread_keeps_order_and_distance(self, wanted, gap):
        wanted = np.array(wanted)
        found = training.spread(wanted, gap)
        order = np.argsort(wanted, kind="stable")
        assert (np.diff(found[order]) >= gap - 1e-9).all()
        assert (found <= 1 + 1e-9).all()
        far = np.diff(np.sort(wanted)).min(initial=1) >= gap
        if far:
            np.testing.assert_allclose(found, wanted, atol=1e-9)

    @pytest.mark.parametrize(
        ("value", "word"),
        [(0, "0"), (-20_000, "−20k"), (1.5e6, "1.5M"), (0.002, "0.002"), (2e9, "2G")],
    )
    def test_short_ticks(self, value, word):
        assert training._short(value) == word

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="runs is empty; give the log of at least one"):
            training.training_curves({})
        for bad in (log()[:0], log().drop(columns="step"), log()[["step"]]):
            with pytest.raises(ValueError, match=r"runs\['a'\] has \d+ rows with columns .*want"):
                training.training_curves({"a": bad})
        many = [(i, "x") for i in range(27)]
        with pytest.raises(ValueError, match="changes has 27 entries; give 26 at most"):
            training.training_curves({"a": log()}, changes=many)


METRICS = {"mota": "MOTA, %", "duplicates": "duplicates per object"}
FOUND = {
    "gradient": {
        "mota": {"held-out": (0.8, 0.75, 0.85), "training": (0.9, None, None)},
        "duplicates": {"held-out": (0.1, 0.05, 0.2)},
    },
    "hard": {"mota": {"held-out": (-5.12, -6.0, -4.0), "training": (-0.5, -1.5, 0.1)}},
}


class TestScoresByExperiment:
    def test_marks_stand_at_their_values(self):
        references = {"mota": (0.453, "Tracktor")}
        figure = clear(scores.scores_by_experiment(FOUND, METRICS, references=references))
        mota, duplicates = figure.axes
        assert ticks(mota.yaxis) == ["gradient", "hard"]
        same([(x, round(y)) for x, y in marked(mota, "o")], [(80, 0)])
        same([(x, round(y)) for x, y in marked(mota, "s", filled=False)], [(90, 0), (-50, 1)])
        same([(x, round(y)) for x, y in marked(duplicates, "o")], [(0.1, 0)])
        assert [75.0, 85.0] in [list(line.get_xdata()) for line in mota.lines]
        [reference] = [line for line in mota.lines if line.get_linestyle() == "--"]
        np.testing.assert_allclose(reference.get_xdata(), 45.3)
        assert legend_words(figure) == ["held-out", "training", "Tracktor"]
        assert duplicates.get_xlim()[0] == 0

    def test_what_is_far_below_zero_is_a_number_at_the_edge(self):
        mota = clear(scores.scores_by_experiment(FOUND, METRICS)).axes[0]
        [(x, y)] = marked(mota, "<")
        low, _ = mota.get_xlim()
        assert low < x < -100
        assert round(y) == 1
        assert words(mota) == ["−512"]

    def test_many_metrics_and_long_names(self):
        names = [f"perceptual and adversarial loss, background number {i}" for i in range(8)]
        metrics = {f"m{i}": f"metric number {i}, per object" for i in range(8)}
        of_one = {m: {"held-out": (3.0, 2.0, 4.0), "training": (2.5, 2.0, 3.0)} for m in metrics}
        figure = clear(scores.scores_by_experiment(dict.fromkeys(names, of_one), metrics))
        assert len(figure.axes) == 8

    @settings(max_examples=5, deadline=None)
    @given(st.lists(st.floats(-20, 1), min_size=1, max_size=8))
    def test_any_share(self, values):
        found = {f"e{i}": {"mota": {"held-out": (v, v - 0.1, v)}} for i, v in enumerate(values)}
        [axes] = clear(scores.scores_by_experiment(found, {"mota": "MOTA, %"})).axes
        assert len(marked(axes, "o")) + len(marked(axes, "<")) == len(values)
        low, high = axes.get_xlim()
        assert all(low <= x <= high for x, _ in marked(axes, "o"))

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="metrics is empty; give at least one"):
            scores.scores_by_experiment(FOUND, {})
        with pytest.raises(ValueError, match=r"metrics has 'hota', but no experiment of scores"):
            scores.scores_by_experiment(FOUND, {"hota": "HOTA, %"})
        with pytest.raises(ValueError, match=r"references has 'hota'; metrics has only \['mota"):
            scores.scores_by_experiment(FOUND, METRICS, references={"hota": (0.5, "x")})


def panel_titles(figure: Figure) -> list[str]:
    return [title for title in titles(figure) if title]


class TestClaims:
    def test_bars_are_shares(self):
        claims = {"a": np.array([0, 1, 1, 2, 3, 7, 1, 1]), "b": np.array([1, 1])}
        figure = legible(scores.claims_per_object(claims, claimants="tracks"))
        first, second = figure.axes
        heights = [patch.get_height() for patch in first.patches]
        np.testing.assert_allclose(heights, [12.5, 50, 12.5, 25])
        assert words(first) == ["12 %", "50 %", "12 %", "25 %"]
        assert words(second) == ["0", "100 %", "0", "0"]
        assert panel_titles(figure) == ["a\n8 objects", "b\n2 objects"]
        assert figure.get_supxlabel() == "tracks that claim one object"

    @pytest.mark.parametrize("count", [1, 4, 5, 9])
    def test_many_experiments(self, rng, count):
        names = [f"perceptual and adversarial loss {i}" for i in range(count)]
        figure = legible(
            scores.claims_per_object({name: rng.integers(0, 4, 500) for name in names})
        )
        assert len(panel_titles(figure)) == count

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="claims is empty; give at least one experiment"):
            scores.claims_per_object({})
        with pytest.raises(ValueError, match=r"claims\['a'\] has 0 counts, the least 0; want"):
            scores.claims_per_object({"a": np.zeros(0, int)})
        with pytest.raises(ValueError, match=r"claims\['a'\] has 1 counts, the least -1; want"):
            scores.claims_per_object({"a": np.array([-1])})


class TestMaskValues:
    def test_shares_and_the_middle(self):
        alphas = {"a": np.array([0.0, 0.01, 0.5, 1.0]), "b": np.array([0.41])}
        figure = legible(scores.mask_values(alphas))
        first, second = figure.axes
        [stairs] = [p for p in first.patches if hasattr(p, "get_data")]
        values = stairs.get_data().values
        np.testing.assert_allclose(values[[0, 10, 19]], [50, 25, 25])
        assert values.sum() == pytest.approx(100)
        assert panel_titles(figure) == ["a\n25 % in 0.4 to 0.6", "b\n100 % in 0.4 to 0.6"]
        assert first.get_ylim()[0] < 25
        assert second.get_yscale() == "log"

    @pytest.mark.parametrize("count", [1, 3, 7])
    def test_many_experiments(self, rng, count):
        alphas = {
            f"perceptual and adversarial loss {i}": rng.beta(0.05, 0.05, 30_000)
            for i in range(count)
        }
        figure = legible(scores.mask_values(alphas))
        assert len(panel_titles(figure)) == count

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="alphas is empty; give at least one experiment"):
            scores.mask_values({})
        with pytest.raises(ValueError, match=r"alphas\['a'\] has 0 values"):
            scores.mask_values({"a": np.zeros(0)})
        for bad in (1.2, -0.1, np.nan):
            with pytest.raises(ValueError, match=r"alphas\['a'\] has 2 values, 1 of them not in"):
                scores.mask_values({"a": np.array([0.5, bad])})
