"""The arc of versions and their losses: everything given is drawn, and nothing on anything else."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes

from lib.figures.vqvae_arc import arc
from lib.figures.vqvae_losses import COLLAPSED, commitment_fall, loss_parts
from lib.models.vqvae_versions import VERSIONS
from tests.figures.apart import legend_words, legible, ticks, titles, words

NAMES = list(VERSIONS)
METRICS = {"psnr_db": "PSNR, dB", "codes_used": "codes used"}
CAUSES = {
    "LPIPS not installed": ("v2.0.2", "v2.0.4"),
    "LPIPS fed [0, 1]": ("v2.0.5", "v2.1.4"),
    "ReLU before the sigmoid": ("v2.1.0", "v2.1.4"),
}
BREAKS = {"v1.0": "MineRL 64 × 64", "v2.0": "GameFactory 64 × 36", "v2.0.1": "128 × 72"}
CONTINUES = {v.name: v.continues_from for v in VERSIONS.values() if v.continues_from}


@pytest.fixture(autouse=True)
def _agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


def values(scale: float = 1.0) -> dict:
    return {
        name: {
            "train": (scale * (20 + i), scale * (19 + i), scale * (21.5 + i)),
            "heldout": (scale * (18 + i), scale * (16 + i), scale * (19 + i)),
        }
        for i, name in enumerate(NAMES)
    }


def dots(axes: Axes) -> dict[str, dict[int, float]]:
    """Column to height of the dots, by fill."""
    found: dict[str, dict[int, float]] = {"open": {}, "filled": {}}
    for line in axes.lines:
        if line.get_marker() == "o":
            fill = "open" if line.get_markerfacecolor() == "white" else "filled"
            found[fill][round(line.get_xdata()[0])] = line.get_ydata()[0]
    return found


class TestArc:
    def test_fifteen_versions_with_everything(self):
        given = {"psnr_db": values(), "codes_used": values(10.0)}
        figure = legible(arc(given, CAUSES, metrics=METRICS, breaks=BREAKS, continues=CONTINUES))
        header, *panels = figure.axes
        assert sorted(words(header)) == sorted([*CAUSES, *BREAKS.values()])
        assert ticks(panels[-1].xaxis) == NAMES
        for axes, (metric, label) in zip(panels, METRICS.items(), strict=True):
            assert axes.get_ylabel() == label
            for fill, split in (("open", "train"), ("filled", "heldout")):
                want = {i: given[metric][name][split][0] for i, name in enumerate(NAMES)}
                assert dots(axes)[fill] == want
            bars = {
                tuple(line.get_ydata())
                for line in axes.lines
                if len(line.get_xdata()) == 2 and line.get_xdata()[0] == line.get_xdata()[1]
            }
            for splits in given[metric].values():
                assert {splits["train"][1:], splits["heldout"][1:]} <= bars
        assert legend_words(figure) == ["training frames", "held-out frames", "goes on from"]

    def test_causes_shade_their_versions_in_every_panel(self):
        figure = legible(arc({"psnr_db": values()}, CAUSES, metrics={"psnr_db": "PSNR, dB"}))
        for axes in figure.axes:
            spans = [(p.get_x(), p.get_x() + p.get_width()) for p in axes.patches]
            assert spans == [
                (NAMES.index(first) - 0.5, NAMES.index(last) + 0.5)
                for first, last in CAUSES.values()
            ]
        bars = [(p.get_y(), p.get_y() + p.get_height()) for p in figure.axes[0].patches]
        assert all(a[0] > b[1] for a, b in pairwise(bars)), "each its own row"

    def test_a_version_is_joined_to_the_one_it_goes_on_from(self):
        figure = arc(
            {"psnr_db": values()}, {}, metrics={"psnr_db": "PSNR"}, continues={"v2.0.5": "v2.0.4"}
        )
        joins = [
            line
            for line in figure.axes[1].lines
            if len(line.get_xdata()) == 2 and line.get_xdata()[0] != line.get_xdata()[1]
        ]
        at = NAMES.index("v2.0.5")
        assert [(round(x[0]), round(x[1])) for x in (j.get_xdata() for j in joins)] == [
            (at - 1, at)
        ] * 2
        assert [list(j.get_ydata()) for j in joins] == [
            [20 + at - 1, 20 + at],
            [18 + at - 1, 18 + at],
        ]

    def test_gaps_for_what_is_missing_and_words_for_what_was_lost(self):
        given = values()
        given["v1.0"] = {"train": (np.nan, None, None), "heldout": (np.nan, None, None)}
        given["v1.0.1"] = {"train": None}
        given["v2.0"] = {"heldout": (22.0, None, None)}
        fewer = {name: given[name] for name in NAMES[3:]}
        figure = legible(
            arc(
                {"psnr_db": given, "codes_used": fewer}, CAUSES, metrics=METRICS, breaks=BREAKS,
                continues=CONTINUES | {"v2.0": "v1.0"},
            )
        )  # fmt: skip
        psnr, codes = figure.axes[1:]
        assert words(psnr) == ["not finite", "not finite"]
        assert sorted(dots(psnr)["open"]) == list(range(3, 15))
        assert sorted(dots(psnr)["filled"]) == list(range(2, 15))
        assert sorted(dots(codes)["open"]) == list(range(3, 15))

    def test_a_log_axis_for_what_spans_decades(self):
        wide = values()
        wide["v1.0"]["train"] = (0.01, None, None)
        figure = legible(arc({"a": values(), "b": wide}, {}, metrics={"a": "a", "b": "b"}))
        assert [axes.get_yscale() for axes in figure.axes[1:]] == ["linear", "log"]

    def test_one_version(self):
        one = {"psnr_db": {"v1.0": values()["v1.0"]}}
        legible(
            arc(
                one, {"a cause with a long name": ("v1.0", "v1.0")},
                metrics={"psnr_db": "PSNR"}, breaks={"v1.0": "MineRL"},
            )
        )  # fmt: skip

    @settings(max_examples=5, deadline=None)
    @given(
        places=st.sets(st.integers(0, 14), min_size=2, max_size=4),
        first=st.integers(0, 14),
    )
    def test_labels_are_apart_wherever_they_stand(self, places, first):
        breaks = {NAMES[i]: f"GameFactory 64 × {i}" for i in sorted(places) if i < 11}
        causes = {"a cause longer than its bar": (NAMES[first], NAMES[first])} | CAUSES
        legible(arc({"p": values()}, causes, metrics={"p": "PSNR"}, breaks=breaks))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"causes": {"a": ("v9", "v1.0")}}, "causes names version 'v9'; values has v1.0, "),
            ({"causes": {"a": ("v2.0", "v1.0")}}, "runs backwards; want .first version"),
            ({"breaks": {"v9": "64 × 64"}}, "breaks names version 'v9'"),
            ({"continues": {"v2.0": "v9"}}, "continues names version 'v9'"),
            ({"metrics": {"ssim": "SSIM"}}, "metrics names 'ssim', but values has p only"),
            ({"metrics": {}}, "metrics is empty"),
            ({"values": {"p": {}}}, "values holds no version"),
        ],
    )
    def test_mistakes_are_named(self, change, message):
        given = {"values": {"p": values()}, "causes": {}, "metrics": {"p": "PSNR"}} | change
        with pytest.raises(ValueError, match=message):
            arc(**given)

    def test_a_version_that_is_in_one_metric_only(self):
        given = {"a": values(), "b": {"v9": values()["v1.0"]}}
        with pytest.raises(ValueError, match="'b'.*'v9'.*name it there too, as None"):
            arc(given, {}, metrics={"a": "a", "b": "b"})


COLUMNS = {"mse": "MSE", "lpips": "LPIPS", "commitment": "commitment"}


def log(steps: int, **columns: object) -> pd.DataFrame:
    step = np.arange(1, steps + 1)
    rows = {"step": step, "mse": 0.1 / step, "commitment": 0.02 / step}
    return pd.DataFrame(rows | columns)


class TestLossParts:
    def test_a_panel_a_version_and_a_line_a_part(self):
        logs = {name: log(4 + i, lpips=0.5) for i, name in enumerate(NAMES)}
        figure = legible(loss_parts(logs, COLUMNS))
        assert titles(figure) == NAMES
        for axes, history in zip(figure.axes, logs.values(), strict=True):
            assert len(axes.lines) == 3
            for line, column in zip(axes.lines, COLUMNS, strict=True):
                np.testing.assert_allclose(line.get_xdata(), 100 * history["step"] / len(history))
                np.testing.assert_array_equal(line.get_ydata(), history[column])
        assert len({axes.get_ylim() for axes in figure.axes}) == 1
        assert legend_words(figure) == list(COLUMNS.values())

    def test_zeros_run_along_the_lower_edge_and_say_so(self):
        logs = {"v2.0.1": log(8), "v2.0.2": log(8, lpips=0.0)}
        figure = legible(loss_parts(logs, COLUMNS))
        without, zero = figure.axes
        assert len(without.lines) == 2
        assert words(without) == []
        drawn = zero.lines[1].get_ydata()
        assert len(set(drawn)) == 1
        assert zero.get_ylim()[0] < drawn[0] < 0.02 / 8
        assert words(zero) == ["0"]
        x, y = zero.texts[0].xy
        assert 0 < x < 100
        assert y == drawn[0]

    @pytest.mark.parametrize("lost", [np.nan, np.inf])
    def test_a_lost_run(self, lost):
        history = log(10)
        history.loc[5:, "mse"] = lost
        figure = legible(loss_parts({"v1.0": history}, {"mse": "MSE"}))
        assert np.isfinite(figure.axes[0].lines[0].get_ydata()).sum() == 5

    def test_nothing_but_zeros(self):
        legible(loss_parts({"v1.0": log(3, mse=0.0)}, {"mse": "MSE"}))

    def test_seven_panels_leave_no_empty_frame(self):
        figure = legible(loss_parts({name: log(5) for name in NAMES[:7]}, COLUMNS))
        assert [axes.axison for axes in figure.axes] == [True] * 7 + [False] * 3

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="histories is empty"):
            loss_parts({}, COLUMNS)
        with pytest.raises(ValueError, match="'v1.0'.* no column 'step', only .'mse'"):
            loss_parts({"v1.0": pd.DataFrame({"mse": [1.0]})}, COLUMNS)


class TestCommitmentFall:
    def test_lines_level_and_shares(self):
        logs = {name: log(20, epoch=np.arange(1, 21) / 4) for name in NAMES[8:]}
        figure = legible(commitment_fall(logs, alive={"v2.1.0": 0.021, "v2.1.6": 0.98}))
        [axes] = figure.axes
        *curves, level = axes.lines
        assert set(level.get_ydata()) == {COLLAPSED}
        for line, history in zip(curves, logs.values(), strict=True):
            np.testing.assert_array_equal(line.get_xdata(), history["epoch"])
            np.testing.assert_array_equal(line.get_ydata(), history["commitment"])
        looks = {(line.get_color(), str(line._dash_pattern)) for line in curves}
        assert len(looks) == 7
        said = legend_words(figure)
        assert figure.legends[0].get_title().get_text() == "outputs alive"
        assert said[0] == "v2.1.0: 2 %"
        assert said[1] == "v2.1.1"
        assert said[-1] == "v2.1.6: 98 %"
        assert "change log" in words(axes)[0]

    def test_zeros_and_lost_values(self):
        history = log(20, epoch=np.arange(1, 21) / 4)
        history.loc[5:, "commitment"] = 0.0
        history.loc[18:, "commitment"] = np.nan
        figure = legible(commitment_fall({"v2.1.0": history}))
        drawn = figure.axes[0].lines[0].get_ydata()
        assert (drawn[:18] > 0).all()
        assert np.isnan(drawn[18:]).all()
        assert "0" in words(figure.axes[0])

    def test_mistakes_are_named(self):
        with pytest.raises(ValueError, match="'v2.1.0'.* no column 'epoch'"):
            commitment_fall({"v2.1.0": log(3)})
        with pytest.raises(ValueError, match="alive names 'v9'; histories has v2.1.0"):
            commitment_fall({"v2.1.0": log(3, epoch=1.0)}, alive={"v9": 0.5})
