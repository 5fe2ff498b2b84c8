"""Backgrounds in the place of SCALOR-2's, compared: rows, a table, a figure and a sentence."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.book.estimates import record
from lib.book.recorded import brief
from lib.book.results import Ledger
from lib.book.scalor.ablation import BACKGROUNDS, STUDY, WHOLE, Ablated
from lib.book.scalor.experiments import find
from lib.book.scalor.scored import COLUMNS, record_means
from lib.book.tables import number
from lib.evaluation.intervals import mean_over_runs
from lib.figures.scalor_ablation import seeds_by_change

PREFIX = "scalor.background_"
WORDS = {
    WHOLE: "remembered: the median of the video",
    "learnt": "the study's: ten numbers a frame, decoded",
    "scene": "one vector a clip, and a larger decoder",
    "inpainted": "a U-Net that paints squares from those around them",
}
NONE = "No comparison of backgrounds is recorded."


def record_backgrounds(ledger: Ledger, found: Sequence[Ablated]) -> None:
    """Rows ``scalor.background_<which>_<experiment>.heldout.<metric>``, means over seeds.

    And ``….behind.mota``: MOTA with the remembered one, less this one's from the same seed.
    Intervals are Student's, over seeds.
    """
    for experiment, which in _compared(found):
        ones = _of(found, experiment, which)
        name, seeds = f"{PREFIX}{which}_{experiment}", [one.seed for one in ones]
        record_means(ledger, f"{name}.heldout", [one.scores for one in ones], seeds)
        best = {one.seed: one.scores["mota"] for one in _of(found, experiment, WHOLE)}
        behind = {one.seed: best[one.seed] - one.scores["mota"] for one in ones if one.seed in best}
        if which != WHOLE and behind:
            record(
                ledger, f"{name}.behind.mota", mean_over_runs(np.array(list(behind.values()))),
                seeds=list(behind),
            )  # fmt: skip


def backgrounds_table(ledger: Ledger, found: Sequence[Ablated]) -> pd.DataFrame:
    """A row a footage and background: means over seeds with intervals."""
    rows = {row.id: row for row in ledger.rows}
    lines = [
        {
            "Footage": find(STUDY[experiment]).title,
            "Background": WORDS[which],
            "Seeds": len(_of(found, experiment, which)),
            **{
                words: brief(rows[f"{PREFIX}{which}_{experiment}.heldout.{metric}"])
                for metric, words in COLUMNS.items()
            },
        }
        for experiment, which in _compared(found)
    ]
    return pd.DataFrame(lines or [{"": NONE}])


def backgrounds_figure(found: Sequence[Ablated]) -> Figure:
    """MOTA of every seed, a panel a footage. Raises `ValueError` where nothing is recorded."""
    pairs = _compared(found)
    values = {
        WORDS[which]: {
            experiment: {one.seed: one.scores["mota"] for one in _of(found, experiment, which)}
            for experiment in STUDY
        }
        for which in BACKGROUNDS
    }
    panels = {experiment: find(STUDY[experiment]).title for experiment, _ in pairs}
    return seeds_by_change(values, {name: f"MOTA: {title}" for name, title in panels.items()})


def backgrounds_sentence(found: Sequence[Ablated]) -> str:
    """Which background has the highest mean MOTA on each footage, and what the next best has."""
    pairs = _compared(found)
    if not pairs:
        return NONE
    footage = list(dict.fromkeys(experiment for experiment, _ in pairs))
    told = []
    for experiment in footage:
        means = {
            which: float(np.mean([one.scores["mota"] for one in _of(found, experiment, which)]))
            for one, which in pairs
            if one == experiment
        }
        first, *others = sorted(means, key=lambda which: -means[which])
        told.append(
            f"on {find(STUDY[experiment]).title}, {WORDS[first].split(':')[0]} "
            f"({number(means[first], 2)}), the next best has {number(means[others[0]], 2)}"
            if others
            else f"on {find(STUDY[experiment]).title} there is only one"
        )
    steps = sorted({one.steps for e, w in pairs for one in _of(found, e, w)})
    return (
        f"Highest mean MOTA: {'; '.join(told)}. Trainings have "
        f"{' or '.join(map(number, steps))} steps."
    )


def _of(found: Sequence[Ablated], experiment: str, which: str) -> list[Ablated]:
    return [one for one in found if (one.experiment, one.change) == (experiment, which)]


def _compared(found: Sequence[Ablated]) -> list[tuple[str, str]]:
    """Experiments and backgrounds that are recorded, in their order."""
    return [
        (experiment, which)
        for experiment in STUDY
        for which in BACKGROUNDS
        if _of(found, experiment, which)
    ]
