"""Trainings of which scores alone are kept: as JSON, and as means over seeds in the ledger."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lib.book.estimates import Better, record
from lib.book.results import Ledger
from lib.environment import code_version
from lib.evaluation.intervals import mean_over_runs
from lib.files import write_json
from lib.training.scalor import TrainedScalor

METRICS = ("mota", "idf1", "recall", "precision", "duplicates", "psnr_db")
COLUMNS = {
    "mota": "MOTA", "idf1": "IDF1", "recall": "recall", "precision": "precision",
    "duplicates": "duplicates a true box", "psnr_db": "PSNR, dB",
}  # fmt: skip
_ABOUT = ("preset", "seconds", "hardware", "commit", "run")
Scores = Mapping[str, float]  # of `METRICS`; NaN for one that does not exist
_Training = TypeVar("_Training")


def about(trained: TrainedScalor, preset: str, root: Path) -> dict[str, Any]:
    """How a training was made: preset, seconds, hardware, commit and run."""
    return {
        "preset": preset,
        "seconds": round(trained.seconds, 1),
        "hardware": str(trained.run.environment["hardware"]),
        "commit": code_version(root),
        "run": trained.run.key,
    }


def about_of(held: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a file, as far as it says."""
    return {name: held[name] for name in _ABOUT if name in held}


def scores_for_json(scores: Scores) -> dict[str, float | None]:
    """Scores for JSON, which cannot say that something never matched has none."""
    return {name: value if np.isfinite(value) else None for name, value in scores.items()}


def scores_of_json(held: Mapping[str, Any]) -> dict[str, float]:
    """Those of `METRICS` again. Raises `KeyError` for one that is missing."""
    return {name: float("nan") if held[name] is None else float(held[name]) for name in METRICS}


def write_scored(path: Path, facts: Mapping[str, Any]) -> Path:
    """Keep one training, in the place of an earlier one; returns `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, dict(facts))
    return path


def read_scored(
    path: Path, command: str, build: Callable[[Mapping[str, Any]], _Training]
) -> _Training:
    """What `build` makes of the file, which ``python -m lib.book.scalor <command>`` wrote.

    Raises `ValueError` for a file of another form, saying what to do.
    """
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(held, dict):
            raise TypeError(f"it holds a {type(held).__name__}, not an object")
        return build(held)
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is no recorded training ({type(error).__name__}: {error}): "
            f"delete {path.name} and run `python -m lib.book.scalor {command}`"
        ) from error


def record_means(
    ledger: Ledger, prefix: str, scores: Sequence[Scores], seeds: Sequence[int]
) -> None:
    """Rows ``<prefix>.<metric>``: means over seeds, with Student's intervals."""
    for metric in METRICS:
        record(
            ledger, f"{prefix}.{metric}", mean_over_runs(np.array([one[metric] for one in scores])),
            seeds=seeds, better=better(metric), unit=unit(metric),
        )  # fmt: skip


def better(metric: str) -> Better:
    """Which way a metric of `METRICS` improves."""
    return "lower" if metric == "duplicates" else "higher"


def unit(metric: str) -> str:
    """Unit of a metric of `METRICS`, if it has one."""
    return "dB" if metric == "psnr_db" else ""
