"""Recorded trackers of the SCALOR chapter: kept under ``results/scalor``, loaded, judged again.

Each experiment has four things there: ``<name>.safetensors``, the model; ``<name>.csv``, the log
of its training; ``<name>.json``, how it was trained; and a line of ``SHA256SUMS``. They are written
one experiment at a time::

    python -m lib.book.scalor gradient hard --preset small   # or: --all
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lib.book.rows import PRESETS
from lib.book.scalor.experiments import Experiment, find
from lib.book.scalor.footage import PARTS, Part, footage_of
from lib.book.scalor.outcomes import Outcome, judge_splits, keep_tracker
from lib.book.scalor.shown import Shown, Training, shown, training_of
from lib.evaluation.tracker_file import (
    SUFFIX,
    Tracker,
    check_sums,
    load_tracker,
    write_sums,
)
from lib.files import write_json, write_text

FOLDER = "scalor"  # below results/
REMEDY = "record it with `python -m lib.book.scalor {} --preset small`"
_FACTS = ("steps", "seconds", "hardware")


@dataclass(frozen=True)
class Recorded:
    """A recorded tracker with the log of its training."""

    experiment: Experiment
    tracker: Tracker
    history: pd.DataFrame
    training: Training


def recorded_folder(root: Path) -> Path:
    """Where recorded trackers lie."""
    return root / "results" / FOLDER


def record_tracker(outcome: Outcome, *, preset: str, root: Path) -> Path:
    """Keep an experiment that was carried out, in the place of an earlier recording; its tracker.

    Every file is replaced as a whole, the list of sums last: what was interrupted does not fit the
    list, which is noticed when the tracker is loaded.
    """
    folder, name = recorded_folder(root), outcome.experiment.name
    path = folder / f"{name}{SUFFIX}"
    about = training_of(outcome, preset)
    write_text(path.with_suffix(".csv"), outcome.trained.history.to_csv(index=False))
    write_json(path.with_suffix(".json"), {fact: getattr(about, fact) for fact in _FACTS})
    keep_tracker(outcome, path, preset=preset, root=root)
    write_sums(folder)
    return path


def load_recorded(names: Iterable[str], *, root: Path) -> dict[str, Recorded]:
    """The recorded trackers of these experiments, by name.

    Raises `ValueError` for an unknown experiment, and for files that do not fit their sums, their
    name or each other; `FileNotFoundError` naming every experiment that is not recorded.
    """
    wanted = [find(name) for name in names]
    folder = recorded_folder(root)
    missing = [
        one.name
        for one in wanted
        if not all((folder / f"{one.name}{end}").is_file() for end in (SUFFIX, ".csv", ".json"))
    ]
    if missing:
        raise FileNotFoundError(
            f"{folder} lacks the recorded tracker of {', '.join(missing)}, or what belongs to it: "
            f"{REMEDY.format(' '.join(missing))}"
        )
    check_sums(folder, [f"{one.name}{SUFFIX}" for one in wanted])
    return {one.name: _load(one, folder / f"{one.name}{SUFFIX}") for one in wanted}


def _load(experiment: Experiment, path: Path) -> Recorded:
    tracker, facts = load_tracker(path), _facts(path.with_suffix(".json"))
    info = tracker.info
    if info.experiment != experiment.name or info.preset not in PRESETS:
        raise ValueError(
            f"{path} holds a tracker of {info.experiment} at preset {info.preset}, want "
            f"{experiment.name} at one of {', '.join(PRESETS)}: {REMEDY.format(experiment.name)}"
        )
    return Recorded(
        experiment=experiment,
        tracker=tracker,
        history=_history(path.with_suffix(".csv")),
        training=Training(
            preset=info.preset,
            seed=info.seed,
            steps=int(facts["steps"]),
            seconds=float(facts["seconds"]),
            hardware=str(facts["hardware"]),
            run=info.run,
            recorded=True,
        ),
    )


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON ({error}): {REMEDY.format(path.stem)}") from error
    if not isinstance(facts, dict) or set(facts) != set(_FACTS):
        raise ValueError(
            f"{path} holds {facts!r:.80}, want an object of {', '.join(_FACTS)}: "
            f"{REMEDY.format(path.stem)}"
        )
    return facts


def _history(path: Path) -> pd.DataFrame:
    try:
        log = pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{path} is no log ({error}): {REMEDY.format(path.stem)}") from error
    if not len(log) or not {"step", "loss"} <= set(log):
        raise ValueError(
            f"{path} has {len(log)} rows with columns {', '.join(map(str, log))}; want a log with "
            f"step and loss: {REMEDY.format(path.stem)}"
        )
    return log


def judge_recorded(
    recorded: Recorded,
    *,
    root: Path,
    clips: int,
    parts: Collection[Part] = PARTS,
    progress: bool = True,
) -> Shown:
    """A recorded tracker on at most `clips` clips of each split, of footage as at its preset.

    Of that footage only `parts` are made, if they are missing.
    """
    about = recorded.training
    footage = footage_of(
        recorded.experiment, about.preset, root=root, seed=about.seed, parts=parts,
        most=clips, progress=progress,
    )  # fmt: skip
    model = recorded.tracker.model
    judged = judge_splits(
        model, recorded.experiment, footage, about.preset, clips=clips, progress=progress
    )
    return shown(recorded.experiment, model, recorded.history, about, judged)
