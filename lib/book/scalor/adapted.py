"""What adapting is worth: places that were never trained on, taken as a reader's own footage.

From several seeds, each recorded as soon as it is judged, in ``results/scalor/adapted``::

    python -m lib.book.scalor adapted --preset small
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.book.estimates import Better, record
from lib.book.recorded import brief
from lib.book.results import Ledger, project_root
from lib.book.rows import PRESETS
from lib.book.scalor.ablation import METRICS, kept_scores, loaded_scores
from lib.book.scalor.adapting import Adapted, adapt_to
from lib.book.scalor.experiments import START, find
from lib.book.scalor.footage import Footage, Part, as_own, footage_of
from lib.book.scalor.kept import recorded_folder
from lib.book.tables import number
from lib.environment import code_version
from lib.evaluation.intervals import mean_over_runs
from lib.figures.scalor_ablation import seeds_by_change
from lib.files import digest, write_json

SEEDS = (0, 1, 2)
WHENS = ("before", "after")
PREFIX = "scalor.adapt"
NONE = "No adaptation is recorded."
TABLE = {
    "mota": "MOTA", "idf1": "IDF1", "recall": "recall", "precision": "precision",
    "duplicates": "duplicates a true box", "psnr_db": "PSNR, dB",
}  # fmt: skip
DRAWN = {"mota": "MOTA, held out", "recall": "recall, held out"}
WORDS = {"before": "as recorded", "after": "adapted"}
_ABOUT = ("preset", "seconds", "hardware", "commit", "run")


@dataclass(frozen=True)
class Gain:
    """Scores of `METRICS` on held-out clips of new places, before and after adapting to them."""

    seed: int
    steps: int
    clips: int
    scores: Mapping[str, Mapping[str, float]]  # by `WHENS`
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
    about = {
        "preset": preset,
        "seconds": round(trained.seconds, 1),
        "hardware": str(trained.run.environment["hardware"]),
        "commit": code_version(root),
        "run": trained.run.key,
    }
    return Gain(seed, trained.config.steps, len(after.clips), scores, about)


def adapted_folder(root: Path) -> Path:
    """Where they are recorded."""
    return recorded_folder(root) / "adapted"


def record_gain(one: Gain, root: Path) -> Path:
    """Keep it, in the place of an earlier one."""
    path = adapted_folder(root) / f"{one.seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    scores = {when: kept_scores(of) for when, of in one.scores.items()}
    facts = {name: getattr(one, name) for name in ("seed", "steps", "clips")}
    write_json(path, {**facts, **one.about, "scores": scores})
    return path


def load_gains(root: Path) -> list[Gain]:
    """All that are recorded, by seed; none where none is.

    Raises `ValueError` for a file of another form.
    """
    paths = adapted_folder(root).glob("*.json")
    return sorted((_load(path) for path in paths), key=lambda one: one.seed)


def _load(path: Path) -> Gain:
    remedy = f"delete {path.name} and run `python -m lib.book.scalor adapted`"
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        one = Gain(
            seed=int(held["seed"]),
            steps=int(held["steps"]),
            clips=int(held["clips"]),
            scores={when: loaded_scores(held["scores"][when]) for when in WHENS},
            about={name: held[name] for name in _ABOUT if name in held},
        )
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no recorded adaptation ({error!r}): {remedy}") from error
    if path.stem != str(one.seed):
        raise ValueError(f"{path} is of seed {one.seed}: {remedy}")
    return one


def record_adapted(ledger: Ledger, found: Sequence[Gain]) -> None:
    """Rows ``scalor.adapt.<before|after|gain>.<metric>``: means over seeds, Student's intervals.

    What is before is the same from every seed, and has none.
    """
    seeds = [one.seed for one in found]
    for metric in METRICS if found else ():
        better: Better = "lower" if metric == "duplicates" else "higher"
        unit = "dB" if metric == "psnr_db" else ""
        values = {when: np.array([one.scores[when][metric] for one in found]) for when in WHENS}
        ledger.record(
            f"{PREFIX}.before.{metric}", float(values["before"].mean()), seeds=seeds,
            n=found[0].clips, better=better, unit=unit,
        )  # fmt: skip
        for what, of in (("after", values["after"]), ("gain", values["after"] - values["before"])):
            estimate = mean_over_runs(of)
            record(
                ledger, f"{PREFIX}.{what}.{metric}", estimate, seeds=seeds, better=better, unit=unit
            )


def adapted_table(ledger: Ledger) -> pd.DataFrame:
    """Before and after, means over seeds with intervals."""
    rows = {row.id: row for row in ledger.rows}
    if f"{PREFIX}.before.mota" not in rows:
        return pd.DataFrame([{"": NONE}])
    return pd.DataFrame(
        {
            "Tracker": words,
            **{name: brief(rows[f"{PREFIX}.{when}.{metric}"]) for metric, name in TABLE.items()},
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
