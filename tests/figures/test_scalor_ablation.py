"""Seeds of each change: every dot in its row, the mean, what is compared with, gaps, mistakes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lib.figures.scalor_ablation import seeds_by_change
from tests.figures.apart import legend_words, legible

METRICS = {"mota": "MOTA", "duplicates": "duplicates a true box"}
VALUES = {
    "nothing left out": {
        "mota": {0: 0.7, 1: 0.8, 2: 0.75}, "duplicates": {0: 0.0, 1: 0.01, 2: 0.0},
    },
    "no remembered background: one is learnt, as in the study": {
        "mota": {0: -1.3, 2: -0.9}, "duplicates": {0: 0.2, 2: 0.1},
    },
    "never": {"mota": {0: float("nan")}},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _agg() -> None:
    plt.switch_backend("agg")
    plt.close("all")


def test_dots_stand_in_their_rows_and_means_among_them() -> None:
    fig = legible(seeds_by_change(VALUES, METRICS))
    mota = fig.axes[0]
    dots = [
        (line.get_xdata()[0], round(line.get_ydata()[0]))
        for line in mota.lines
        if line.get_marker() not in ("None", "")
    ]
    wanted = [(0.7, 0), (0.8, 0), (0.75, 0), (-1.3, 1), (-0.9, 1)]
    assert sorted(dots) == sorted(wanted)
    strokes = [line for line in mota.lines if np.ptp(line.get_ydata()) == pytest.approx(0.72)]
    assert [line.get_xdata()[0] for line in strokes] == pytest.approx([0.75, -1.1])
    assert [tick.get_text().replace("\n", " ") for tick in mota.get_yticklabels()] == list(VALUES)
    assert legend_words(fig) == ["seed 0", "seed 1", "seed 2", "mean", "mean, nothing left out"]


def test_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match="got 3 changes, 0 metrics, 3 seeds; give at least one"):
        seeds_by_change(VALUES, {})
    with pytest.raises(ValueError, match="got 0 changes"):
        seeds_by_change({}, METRICS)
    with pytest.raises(ValueError, match="got 7 seeds, at most 6"):
        seeds_by_change({"one": {"mota": dict.fromkeys(range(7), 0.5)}}, METRICS)
