"""An experiment as the chapter shows it: trained by this run, or a recorded tracker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from lib.book.estimates import Better
from lib.book.scalor.experiments import Experiment
from lib.book.scalor.outcomes import Outcome, Split
from lib.data.mot.clips import Clip, Clips, clip_batch
from lib.evaluation.following import Followed, follow
from lib.evaluation.intervals import Estimate
from lib.evaluation.scalor import Judged
from lib.evaluation.scalor_stages import stages
from lib.models.scalor import Scalor

METRICS: dict[str, Better] = {
    "mota": "higher",
    "moda_loose": "higher",
    "idf1": "higher",
    "hota": "higher",
    "recall": "higher",
    "precision": "higher",
    "first_recall": "higher",
    "followed_share": "higher",
    "duplicates": "lower",
    "claimed_twice": "lower",
    "id_switches": "lower",
    "rediscoveries": "lower",
    "fg_ari": "higher",
    "psnr_db": "higher",
    "boxes": "",
    "mixed": "lower",
}
"""Scores of the ledger; `lib.evaluation.tracking` and `scalor_stages` say what each is."""
SHARES = ("first_recall", "followed_share", "claimed_twice", "mixed")  # in [0, 1]
UNITS = {"psnr_db": "dB"}
KEPT_CLIPS = 24  # of a split whose pictures are kept to be looked at, at most
UNKNOWN: Split = "heldout"  # where clips without truth are kept


class Training(NamedTuple):
    """How a model came about. `recorded`: by an earlier run, whose tracker is kept."""

    preset: str
    seed: int
    steps: int
    seconds: float
    hardware: str
    run: str
    recorded: bool = False


class Examples(NamedTuple):
    """Clips of a split, spread evenly over it, and what the model makes of each."""

    clips: list[Clip]
    followed: list[Followed]


@dataclass(frozen=True)
class Shown:
    """A trained model with its scores and clips on each split.

    Where the truth is not known there are no `scores`, but `examples`, as of held-out clips.
    `judged` is how many clips each split's scores are of; `history` the log of the training.
    """

    experiment: Experiment
    model: Scalor
    history: pd.DataFrame
    training: Training
    scores: Mapping[Split, Mapping[str, Estimate]]
    judged: Mapping[Split, int]
    examples: Mapping[Split, Examples]

    @property
    def name(self) -> str:
        """Of the ledger."""
        return self.experiment.name

    @property
    def heldout(self) -> Examples:
        """Clips that were not trained on. Raises `ValueError` where there are none."""
        if "heldout" not in self.examples:
            raise ValueError(
                f"{self.name} has clips of {', '.join(self.examples) or 'no split'}, none held "
                "out: give footage with more videos, or a longer one"
            )
        return self.examples["heldout"]


def shown(
    experiment: Experiment,
    model: Scalor,
    history: pd.DataFrame,
    training: Training,
    judged: Mapping[Split, Judged],
) -> Shown:
    """`judged` as it is shown: scores of all its clips, pictures of some."""
    return Shown(
        experiment=experiment,
        model=model,
        history=history,
        training=training,
        scores={split: measured(one) for split, one in judged.items()},
        judged={split: len(one.clips) for split, one in judged.items()},
        examples={split: _some(one.clips, one.followed) for split, one in judged.items()},
    )


def shown_outcome(outcome: Outcome, preset: str) -> Shown:
    """An experiment that was carried out."""
    return shown(
        outcome.experiment,
        outcome.trained.model,
        outcome.trained.history,
        training_of(outcome, preset),
        outcome.judged,
    )


def training_of(outcome: Outcome, preset: str) -> Training:
    """How the outcome's model came about."""
    trained, run = outcome.trained, outcome.trained.run
    return Training(
        preset=preset,
        seed=int(run.config["seed"]),
        steps=trained.config.steps,
        seconds=trained.seconds,
        hardware=str(run.environment["hardware"]),
        run=run.key,
    )


def watched(plain: Shown, clips: Clips) -> Shown:
    """`plain` with pictures of `clips`, of which nothing is known: no scores."""
    batch = clip_batch(_spread(len(clips)), clips)
    found = follow(plain.model, batch.frames, behind=batch.behind)
    return replace(plain, examples={UNKNOWN: Examples(batch.clips, found)})


def measured(judged: Judged) -> dict[str, Estimate]:
    """The scores of `METRICS` that there are; `n` counts clips, an interval has finite ends."""
    found = {**judged.scores, **stages(judged)}
    return {
        name: _sound(replace(found[name], n=len(judged.clips)), share=name in SHARES)
        for name in METRICS
        if name in found
    }


def _sound(estimate: Estimate, *, share: bool = False) -> Estimate:
    """Without its interval where some resample had no score; that of a share within [0, 1]."""
    low, high = estimate.low, estimate.high
    if low is None or high is None:
        return estimate
    if not np.isfinite([low, high]).all():
        return replace(estimate, low=None, high=None)
    return replace(estimate, low=max(low, 0.0), high=min(high, 1.0)) if share else estimate


def _some(clips: Sequence[Clip], followed: Sequence[Followed]) -> Examples:
    places = _spread(len(clips))
    return Examples([clips[i] for i in places], [followed[i] for i in places])


def _spread(count: int) -> list[int]:
    """At most `KEPT_CLIPS` of so many, evenly."""
    places: list[int] = (
        np.linspace(0, count - 1, min(KEPT_CLIPS, count)).round().astype(int).tolist()
    )
    return places
