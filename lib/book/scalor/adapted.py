"""What adapting is worth: places that were never trained on, taken as a reader's own footage.

From several seeds, each recorded as soon as it is judged, in ``results/scalor/adapted``::

    python -m lib.book.scalor adapted --preset small
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.book.recorded import brief
from lib.book.results import Ledger, project_root
from lib.book.rows import PRESETS
from lib.book.scalor.adapting import Adapted, adapt_to
from lib.book.scalor.experiments import START, find
from lib.book.scalor.footage import Footage, Part, as_own, footage_of
from lib.book.scalor.kept import recorded_folder
from lib.book.scalor.scored import (
    COLUMNS,
    METRICS,
    Scores,
    about,
    about_of,
    better,
    read_scored,
    record_means,
    scores_for_json,
    scores_of_json,
    unit,
    write_scored,
)
from lib.book.tables import number
from lib.figures.scalor_ablation import seeds_by_change
from lib.files import digest

SEEDS = (0, 1, 2)
WHENS = ("before", "after")
PREFIX = "scalor.adapt"
NONE = "No adaptation is recorded."
DRAWN = {"mota": "MOTA, held out", "recall": "recall, held out"}
WORDS = {"before": "as recorded", "after": "adapted"}


@dataclass(frozen=True)
class Gain:
    """Scores of `METRICS` on held-out clips of new places, before and after adapting to them."""

    seed: int
    steps: int
    clips: int
    scores: Mapping[str, Scores]  # by `WHENS`
    about: Mapping[str, Any] = field(default_factory=dict)


def unseen_footage(preset: str, *, root: Path, progress: bool = True) -> Footage:
    """Places that the recorded tracker never saw; the last clips of each are held out."""
    unseen: tuple[Part, ...] = ("unseen",)
    found = footage_of(find(START), preset, root=root, parts=unseen, progress=progress)
    train, held_out = as_own(found.unseen)
    mark = digest([found.digest, "unseen"])
    return Footage(train, held_out, [], mark, generated=True)


def carry_out_adaptation(
    preset: str,
    seed: int,
    *,
    root: Path,
    device: str = "auto",
    share: float = 1.0,
    progress: bool = True,
) -> Gain:
    """Adapt to unseen places, or load that run, and judge it."""
    footage = unseen_footage(preset, root=root, progress=progress)
    adapted = adapt_to(
        footage, preset, root=root, seed=seed, device=device, share=share, progress=progress
    )
    return gain(adapted, preset, seed, root=root)


def gain(adapted: Adapted, preset: str, seed: int, *, root: Path) -> Gain:
    """What came of an adaptation whose held-out clips were judged."""
    before, after = adapted.before["heldout"], adapted.after["heldout"]
    scores = {
        when: {name: judged.scores[name].value for name in METRICS}
        for when, judged in zip(WHENS, (before, after), strict=True)
    }
    trained = adapted.trained
    return Gain(seed, trained.config.steps, len(after.clips), scores, about(trained, preset, root))


def adapted_folder(root: Path) -> Path:
    """Where they are recorded."""
    return recorded_folder(root) / "adapted"


def record_gain(one: Gain, root: Path) -> Path:
    """Keep it, in the place of an earlier one."""
    scores = {when: scores_for_json(of) for when, of in one.scores.items()}
    facts = {name: getattr(one, name) for name in ("seed", "steps", "clips")}
    path = adapted_folder(root) / f"{one.seed}.json"
    return write_scored(path, {**facts, **one.about, "scores": scores})


def load_gains(root: Path) -> list[Gain]:
    """All that are recorded, by seed; none where none is.

    Raises `ValueError` for a file of another form.
    """
    paths = adapted_folder(root).glob("*.json")
    return sorted((_load(path) for path in paths), key=lambda one: one.seed)


def _load(path: Path) -> Gain:
    def build(held: Mapping[str, Any]) -> Gain:
        one = Gain(
            seed=int(held["seed"]),
            steps=int(held["steps"]),
            clips=int(held["clips"]),
            scores={when: scores_of_json(held["scores"][when]) for when in WHENS},
            about=about_of(held),
        )
        if path.stem != str(one.seed):
            raise ValueError(f"it is of seed {one.seed}")
        return one

    return read_scored(path, "adapted", build)


def record_adapted(ledger: Ledger, found: Sequence[Gain]) -> None:
    """Rows ``scalor.adapt.<before|after|gain>.<metric>``: means over seeds, Student's intervals.

    What is before is the same from every seed, and has none.
    """
    if not found:
        return
    seeds = [one.seed for one in found]
    for metric, value in found[0].scores["before"].items():
        ledger.record(
            f"{PREFIX}.before.{metric}", value, seeds=seeds, n=found[0].clips,
            better=better(metric), unit=unit(metric),
        )  # fmt: skip
    after = [one.scores["after"] for one in found]
    gained = [
        {metric: one.scores["after"][metric] - one.scores["before"][metric] for metric in METRICS}
        for one in found
    ]
    record_means(ledger, f"{PREFIX}.after", after, seeds)
    record_means(ledger, f"{PREFIX}.gain", gained, seeds)


def adapted_table(ledger: Ledger) -> pd.DataFrame:
    """Before and after, means over seeds with intervals."""
    rows = {row.id: row for row in ledger.rows}
    if f"{PREFIX}.before.mota" not in rows:
        return pd.DataFrame([{"": NONE}])
    return pd.DataFrame(
        {
            "Tracker": words,
            **{name: brief(rows[f"{PREFIX}.{when}.{metric}"]) for metric, name in COLUMNS.items()},
        }
        for when, words in (*WORDS.items(), ("gain", "gain"))
    )


def adapted_figure(found: Sequence[Gain]) -> Figure:
    """Every seed before and after. Raises `ValueError` where nothing is recorded."""
    values = {
        words: {metric: {one.seed: one.scores[when][metric] for one in found} for metric in DRAWN}
        for when, words in WORDS.items()
    }
    return seeds_by_change(values, DRAWN)


def adapted_sentence(found: Sequence[Gain]) -> str:
    """How much was trained, and whether every seed gains."""
    if not found:
        return NONE
    gains = [one.scores["after"]["mota"] - one.scores["before"]["mota"] for one in found]
    up = sum(one > 0 for one in gains)
    seconds = [float(one.about["seconds"]) for one in found if "seconds" in one.about]
    took = f" ({number(float(np.mean(seconds)) / 60, 2)} minutes)" if seconds else ""
    return (
        f"{number(found[0].steps)} steps{took} from each of {number(len(found))} seeds, judged on "
        f"{number(found[0].clips)} held-out clips: MOTA rises from {number(up)} of them, by "
        f"{number(min(gains), 2)} to {number(max(gains), 2)}."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out what is not recorded yet."""
    parser = argparse.ArgumentParser(prog="python -m lib.book.scalor adapted", description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--force", action="store_true", help="judge again what is recorded")
    given = parser.parse_args(arguments)
    root = project_root()
    for seed in given.seeds:
        if not given.force and (adapted_folder(root) / f"{seed}.json").is_file():
            continue
        one = carry_out_adaptation(given.preset, seed, root=root, device=given.device)
        path = record_gain(one, root)
        was, became = (one.scores[when]["mota"] for when in WHENS)
        print(f"{path.relative_to(root)}: MOTA {was:.3f}, adapted {became:.3f}", flush=True)
    return 0
