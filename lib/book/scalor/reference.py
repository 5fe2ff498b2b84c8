"""A reference that learns nothing, on the clips that the experiments are judged on."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from lib.book.estimates import record
from lib.book.recorded import brief
from lib.book.results import Ledger, Row
from lib.book.scalor.experiments import Experiment
from lib.book.scalor.footage import Part, footage_of
from lib.book.scalor.outcomes import Split
from lib.book.scalor.shown import METRICS, Shown
from lib.book.scalor.tables import BACKGROUNDS, SPLIT_NAMES, footage_words
from lib.book.tables import number
from lib.evaluation.classical import judge_classical
from lib.evaluation.intervals import Estimate
from lib.evaluation.tracking import summarise

REFERENCE = "classical"
PARTS: dict[Split, Part] = {"heldout": "held_out", "unseen_scene": "unseen"}
SHOWN = {"mota": "MOTA", "idf1": "IDF1"}


class Reference(NamedTuple):
    """Scores of background subtraction and SORT on one kind of footage, of each split.

    `kind` is that of an experiment, footage and background; `rivals` are the experiments that are
    judged on the same clips.
    """

    kind: tuple[str, str]
    footage: str
    rivals: tuple[str, ...]
    scores: Mapping[Split, Mapping[str, Estimate]]


def judge_references(
    all_shown: Mapping[str, Shown], *, root: Path, progress: bool = True
) -> dict[str, Reference]:
    """One for each kind of footage, by the name of the first experiment on it."""
    kinds: dict[tuple[str, str], list[Shown]] = {}
    for one in all_shown.values():
        kinds.setdefault((one.experiment.footage, one.experiment.background), []).append(one)
    return {
        rivals[0].name: Reference(
            kind=kind,
            footage=_words(rivals[0].experiment),
            rivals=tuple(one.name for one in rivals),
            scores=_scores(rivals[0], root, progress),
        )
        for kind, rivals in kinds.items()
    }


def _words(experiment: Experiment) -> str:
    return f"{footage_words(experiment)}, {BACKGROUNDS[experiment.background]}"


def _scores(one: Shown, root: Path, progress: bool) -> dict[Split, dict[str, Estimate]]:
    splits = [split for split in PARTS if split in one.scores]
    about, experiment = one.training, one.experiment
    footage = footage_of(
        experiment, about.preset, root=root, seed=about.seed, progress=progress,
        parts=[PARTS[split] for split in splits], most=max(one.judged.values()),
    )  # fmt: skip
    found: dict[Split, dict[str, Estimate]] = {}
    for split in splits:
        sequences = {"heldout": footage.held_out, "unseen_scene": footage.unseen}[split]
        counts = judge_classical(
            footage.judged(experiment, about.preset, sequences), most=one.judged[split],
            progress=progress, description=f"{experiment.name}, {SPLIT_NAMES[split]}",
        )  # fmt: skip
        scores = summarise(counts)
        found[split] = {
            name: replace(scores[name], n=len(counts)) for name in METRICS if name in scores
        }
    return found


def record_references(ledger: Ledger, references: Mapping[str, Reference], *, seed: int) -> None:
    """Rows ``scalor.classical_<experiment>.<split>.<metric>``."""
    for name, one in references.items():
        for split, scores in one.scores.items():
            for metric, estimate in scores.items():
                id = f"scalor.{REFERENCE}_{name}.{split}.{metric}"
                record(ledger, id, estimate, seeds=[seed], better=METRICS[metric])


def reference_table(ledger: Ledger, references: Mapping[str, Reference]) -> pd.DataFrame:
    """The reference beside the best experiment on the same clips, a row for footage and split."""
    rows = {row.id: row for row in ledger.rows}
    lines = [
        {"Footage": one.footage, "Videos": SPLIT_NAMES[split]}
        | _cells(rows, "MOG2, SORT", f"{REFERENCE}_{name}", split)
        | {"Best experiment": (best := _best(rows, one.rivals, split))}
        | _cells(rows, "its", best, split)
        for name, one in references.items()
        for split in one.scores
    ]
    return pd.DataFrame(lines or [{"": "no scores: this run is on your own footage"}])


def reference_sentence(ledger: Ledger, references: Mapping[str, Reference]) -> str:
    """On how much of the footage the reference is ahead."""
    if not references:
        return "No experiment of this run is judged on held-out videos."
    rows = {row.id: row for row in ledger.rows}
    ahead = [
        one.footage
        for name, one in references.items()
        if _mota(rows, f"{REFERENCE}_{name}", "heldout")
        > _mota(rows, _best(rows, one.rivals, "heldout"), "heldout")
    ]
    which = f": {'; '.join(ahead)}" if ahead else ""
    return (
        f"On held-out videos its MOTA is above that of the best experiment on {number(len(ahead))} "
        f"of {number(len(references))} kinds of footage{which}."
    )


def _best(rows: Mapping[str, Row], rivals: tuple[str, ...], split: Split) -> str:
    return max(rivals, key=lambda name: _mota(rows, name, split))


def _mota(rows: Mapping[str, Row], name: str, split: Split) -> float:
    row = rows.get(f"scalor.{name}.{split}.mota")
    return row.value if row is not None and row.value is not None else float("-inf")


def _cells(rows: Mapping[str, Row], title: str, name: str, split: Split) -> dict[str, str]:
    ids = {words: f"scalor.{name}.{split}.{metric}" for metric, words in SHOWN.items()}
    return {
        f"{title}: {words}": brief(rows[id]) if id in rows else "–" for words, id in ids.items()
    }
