"""SCALOR-2 taken apart: recorded ablations as rows, a table, a figure and a sentence."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.book.estimates import record
from lib.book.recorded import brief
from lib.book.results import Ledger
from lib.book.scalor.ablation import CHANGES, EXPERIMENT, IDEAS, WHOLE, Ablated
from lib.book.scalor.scored import COLUMNS, record_means
from lib.book.tables import number
from lib.evaluation.intervals import mean_over_runs
from lib.figures.scalor_ablation import seeds_by_change

PREFIX = "scalor.ablation_"
TABLE = {metric: words for metric, words in COLUMNS.items() if metric != "psnr_db"}
DRAWN = {"mota": "MOTA, held out", "duplicates": "duplicates a true box"}
NONE = "No ablation of SCALOR-2 is recorded."


def taken_apart(found: Sequence[Ablated]) -> list[Ablated]:
    """Of those recorded: `EXPERIMENT` as it is, and without each of its ideas."""
    return [one for one in found if one.experiment == EXPERIMENT and one.change in (WHOLE, *IDEAS)]


def record_ablation(ledger: Ledger, found: Sequence[Ablated]) -> None:
    """Rows ``scalor.ablation_<change>.heldout.<metric>``, means over seeds.

    ``scalor.ablation_<change>.worth.mota`` is what the idea brings: the mean over seeds of MOTA
    with everything, less that without it from the same seed. Intervals are Student's, over seeds.
    """
    found = taken_apart(found)
    for change in (WHOLE, *IDEAS):
        ones = [one for one in found if one.change == change]
        if not ones:
            continue
        seeds = [one.seed for one in ones]
        scores = [one.scores for one in ones]
        record_means(ledger, f"{PREFIX}{change}.heldout", scores, seeds)
        if change != WHOLE and (worth := _worth(found, change)):
            record(
                ledger, f"{PREFIX}{change}.worth.mota",
                mean_over_runs(np.array(list(worth.values()))), seeds=list(worth), better="higher",
            )  # fmt: skip


def _worth(found: Sequence[Ablated], change: str) -> dict[int, float]:
    """MOTA with everything less MOTA without `change`, by seed, of seeds that have both."""
    by_seed = {(one.change, one.seed): one.scores["mota"] for one in found}
    return {
        seed: by_seed[WHOLE, seed] - mota
        for (name, seed), mota in by_seed.items()
        if name == change and (WHOLE, seed) in by_seed
    }


def ablation_table(ledger: Ledger, found: Sequence[Ablated]) -> pd.DataFrame:
    """A row a change: means over seeds with intervals, and what the idea is worth."""
    found = taken_apart(found)
    rows = {row.id: row for row in ledger.rows}
    lines = []
    for change in (WHOLE, *IDEAS):
        seeds = [one.seed for one in found if one.change == change]
        if not seeds:
            continue
        cells = {
            words: brief(rows[f"{PREFIX}{change}.heldout.{metric}"])
            for metric, words in TABLE.items()
        }
        worth = rows.get(f"{PREFIX}{change}.worth.mota")
        lines.append(
            {"Left out": CHANGES[change].words, "Seeds": len(seeds)}
            | cells
            | {"MOTA that it brings": brief(worth) if worth else "–"}
        )
    return pd.DataFrame(lines or [{"": NONE}])


def ablation_figure(found: Sequence[Ablated]) -> Figure:
    """Every seed of every change. Raises `ValueError` where nothing is recorded."""
    found = taken_apart(found)
    values = {
        CHANGES[change].words: {
            metric: {one.seed: one.scores[metric] for one in found if one.change == change}
            for metric in DRAWN
        }
        for change in (WHOLE, *IDEAS)
        if any(one.change == change for one in found)
    }
    return seeds_by_change(values, DRAWN)


def ablation_sentence(ledger: Ledger, found: Sequence[Ablated]) -> str:
    """Which ideas bring something from every seed, and how long trainings are."""
    found = taken_apart(found)
    if not found:
        return NONE
    rows = {row.id: row for row in ledger.rows}
    shares = {change: _worth(found, change) for change in IDEAS}
    known = {change: worth for change, worth in shares.items() if worth}
    always = [change for change, worth in known.items() if min(worth.values()) > 0]
    sure = [
        change
        for change in known
        if (low := rows[f"{PREFIX}{change}.worth.mota"].low) is not None and low > 0
    ]
    steps = sorted({one.steps for one in found})
    clips = sorted({one.clips for one in found})
    seconds = [cast(float, one.about["seconds"]) for one in found if "seconds" in one.about]
    took = f", {number(float(np.mean(seconds)) / 60, 2)} minutes each" if seconds else ""
    return (
        f"{number(len(found))} trainings of {_either(steps)} steps{took}, judged on "
        f"{_either(clips)} held-out clips. From every seed MOTA is lower without "
        f"{number(len(always))} of the {number(len(known))} ideas"
        f"{': ' + _named(always) if always else ''}; the interval over seeds lies above zero for "
        f"{_named(sure) if sure else 'none'}."
    )


def _either(numbers: Sequence[int]) -> str:
    return " or ".join(map(number, numbers))


def _named(changes: Sequence[str]) -> str:
    return ", ".join(f"*{change.replace('_', ' ')}*" for change in changes)
