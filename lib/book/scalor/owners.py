"""Whose a pixel is: boxes around masks alone, from one opacity or another on, and by colour too."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from lib.book.estimates import record
from lib.book.recorded import brief
from lib.book.results import Ledger, Row
from lib.book.scalor.footage import footage_of
from lib.book.scalor.shown import METRICS, Shown
from lib.book.tables import number
from lib.evaluation.following import Reading
from lib.evaluation.intervals import Estimate
from lib.evaluation.scalor import Judged, Judging, judge_as
from lib.evaluation.tracking import gained
from lib.figures import style
from lib.figures.scalor_owners import score_by_opacity

OPACITIES = (0.04, 0.08, 0.15, 0.3, 0.5)
SCORES = {"mota": "MOTA", "idf1": "IDF1", "hota": "HOTA", "fg_ari": "FG-ARI"}
COLOURS = "colours"
STUDY = "study"
NONE = "No experiment of this run has a MOTA above 0, to be read in several ways."


class Owners(NamedTuple):
    """One experiment's held-out clips read in several ways; `best` is the best of `OPACITIES`.

    `gain` is MOTA by colour less that of masks from the best opacity on, which nobody would know
    without the truth.
    """

    title: str
    seed: int
    scores: Mapping[str, Mapping[str, Estimate]]  # way, metric
    best: float
    gain: Estimate


def judge_owners(
    all_shown: Mapping[str, Shown], *, root: Path, progress: bool = True
) -> dict[str, Owners]:
    """Experiments that find something, on the held-out clips that they are judged on.

    Where MOTA is not above 0 most boxes are on nobody, however they are drawn; and sprites have
    hard edges, which the study's SCALOR finds.
    """
    found = {}
    for name, one in all_shown.items():
        mota = one.scores.get("heldout", {}).get("mota")
        if (
            (one.experiment.sprites and not one.experiment.second)
            or mota is None
            or not mota.value > 0
        ):
            continue
        alone = {
            _way(opacity): Reading(least_alpha=opacity, most_ground=None) for opacity in OPACITIES
        }
        ways = {COLOURS: Reading(), STUDY: Reading.study(), **alone}
        about = one.training
        footage = footage_of(
            one.experiment, about.preset, root=root, seed=about.seed, parts=["held_out"],
            most=one.judged["heldout"], progress=progress,
        )  # fmt: skip
        judged = judge_as(
            one.model, footage.judged(one.experiment, about.preset, footage.held_out),
            list(ways.values()), Judging(clips=one.judged["heldout"], at_once=16),
            progress=progress, description=f"{name}, read in {len(ways)} ways",
        )  # fmt: skip
        scores = dict(zip(ways, map(_scores, judged), strict=True))
        counts = {way: each.counts for way, each in zip(ways, judged, strict=True)}
        best = max(OPACITIES, key=lambda opacity: scores[_way(opacity)]["mota"].value)
        gain = replace(gained(counts[_way(best)], counts[COLOURS], "mota"), n=len(judged[0].clips))
        found[name] = Owners(one.experiment.title, one.training.seed, scores, best, gain)
    return found


def record_owners(ledger: Ledger, found: Mapping[str, Owners]) -> None:
    """Rows ``scalor.owners_<way>_<experiment>.heldout.<metric>``, ways being ``mask004`` and so on.

    And ``scalor.owners_gain_<experiment>.heldout.mota``; see `Owners`.
    """
    for name, one in found.items():
        for way, scores in one.scores.items():
            whole = way in (COLOURS, STUDY, _way(one.best))
            for metric, estimate in scores.items() if whole else [("mota", scores["mota"])]:
                record(
                    ledger, _id(way, name, metric), estimate, seeds=[one.seed],
                    better=METRICS[metric],
                )  # fmt: skip
        record(ledger, _id("gain", name, "mota"), one.gain, seeds=[one.seed], better="higher")


def owners_table(ledger: Ledger, found: Mapping[str, Owners]) -> pd.DataFrame:
    """A row an experiment and score: the study's thresholds, the best opacity, colours."""
    rows = {row.id: row for row in ledger.rows}
    lines = [
        {
            "Experiment": one.title,
            "Score": words,
            "Masks, study's thresholds": brief(rows[_id(STUDY, name, metric)]),
            "Masks, best opacity": (
                f"{brief(rows[_id(_way(one.best), name, metric)])} from {one.best:g}"
            ),
            "By colour": brief(rows[_id(COLOURS, name, metric)]),
        }
        for name, one in found.items()
        for metric, words in SCORES.items()
        if metric in one.scores[COLOURS]
    ]
    return pd.DataFrame(lines or [{"": NONE}])


def owners_figure(found: Mapping[str, Owners]) -> Figure:
    """MOTA against the opacity, and by colour."""
    if not found:
        return style.message(NONE)
    scores = {
        one.title: {opacity: one.scores[_way(opacity)]["mota"].value for opacity in OPACITIES}
        for one in found.values()
    }
    colours = {
        one.title: (mota.value, mota.low, mota.high)
        for one in found.values()
        for mota in (one.scores[COLOURS]["mota"],)
    }
    return score_by_opacity(scores, colours, "MOTA, held-out clips")


def owners_sentence(ledger: Ledger, found: Mapping[str, Owners]) -> str:
    """What colours bring beyond the best opacity, and what one opacity for all would cost."""
    if not found:
        return NONE
    rows = {row.id: row for row in ledger.rows}
    more = sum(_low(rows[_id("gain", name, "mota")]) > 0 for name in found)
    best = sorted({one.best for one in found.values()})
    of_each = [
        f"{brief(rows[_id('gain', name, 'mota')])} for {one.title}" for name, one in found.items()
    ]
    spread = (
        f"The best opacity is {best[0]:g} for each of them"
        if len(best) == 1
        else f"The best opacity lies between {best[0]:g} and {best[-1]:g}"
    )
    return (
        f"{spread}, as one knows with the truth at hand. Beyond it, colours add to MOTA "
        f"{'; '.join(of_each)}. The interval is above zero for {number(more)} of "
        f"{number(len(found))}."
    )


def _scores(judged: Judged) -> dict[str, Estimate]:
    scores = judged.scores
    clips = len(judged.clips)
    return {name: replace(scores[name], n=clips) for name in SCORES if name in scores}


def _way(opacity: float) -> str:
    return f"mask{round(100 * opacity):03d}"


def _id(way: str, name: str, metric: str) -> str:
    return f"scalor.owners_{way}_{name}.heldout.{metric}"


def _low(row: Row) -> float:
    return float("nan") if row.low is None else row.low
