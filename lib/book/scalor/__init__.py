"""What the SCALOR chapter and ``seeing run scalor`` call: experiments, footage, outcomes."""

from lib.book.scalor.experiments import (
    BY_NAME,
    EXPERIMENTS,
    LIVE,
    Experiment,
    clip_config,
    find,
    training,
)
from lib.book.scalor.footage import Footage, footage_of
from lib.book.scalor.outcomes import (
    SPLIT_WORDS,
    SPLITS,
    Outcome,
    Split,
    carry_out,
    judge_splits,
    keep_tracker,
)

__all__ = [
    "BY_NAME",
    "EXPERIMENTS",
    "LIVE",
    "SPLITS",
    "SPLIT_WORDS",
    "Experiment",
    "Footage",
    "Outcome",
    "Split",
    "carry_out",
    "clip_config",
    "find",
    "footage_of",
    "judge_splits",
    "keep_tracker",
    "training",
]
