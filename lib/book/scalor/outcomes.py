"""Experiments of the SCALOR chapter, carried out: trained, or loaded, and judged on each split."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from lib.book.scalor.experiments import Experiment, clip_config, find
from lib.book.scalor.footage import Footage, footage_of
from lib.book.scalor.trainings import training
from lib.environment import code_version
from lib.evaluation.scalor import Judged, Judging, judge
from lib.evaluation.tracker_file import TrackerInfo, save_tracker
from lib.models.scalor import Scalor
from lib.training.scalor import Length, ScalorTraining, TrainedScalor, train_scalor

Split = Literal["heldout", "train", "unseen_scene"]
SPLITS: tuple[Split, ...] = get_args(Split)
SPLIT_WORDS: dict[Split, str] = {
    "heldout": "held-out videos",
    "train": "training videos, as the study did",
    "unseen_scene": "places never trained on",
}
JUDGED_CLIPS = {"tiny": 48, "small": 96, "full": 192}  # of a split, at most


@dataclass(frozen=True)
class Outcome:
    """An experiment's model, what it was trained on, and how it does on each split there is."""

    experiment: Experiment
    trained: TrainedScalor
    footage: Footage
    judged: dict[Split, Judged]


def carry_out(
    name: str,
    preset: str,
    *,
    root: Path,
    data_dir: Path | str | None = None,
    seed: int = 0,
    device: str = "auto",
    share: float = 1.0,
    progress: bool = True,
    force: bool = False,
) -> Outcome:
    """Train the experiment `name`, or load its run, and judge it.

    Footage without truth is trained on, but judged is nothing. `share` of the steps are made.

    Raises `ValueError` for an unknown experiment or faulty footage.
    """
    experiment = find(name)
    footage = footage_of(
        experiment, preset, root=root, data_dir=data_dir, seed=seed, progress=progress
    )
    trained = train_scalor(
        scaled(training(experiment, preset), share),
        footage.clips(experiment, preset, seed=seed),
        footage.digest,
        preset=preset,
        root=root,
        seed=seed,
        device=device,
        progress=progress,
        force=force,
    )
    judged = judge_splits(trained.model, experiment, footage, preset, progress=progress)
    return Outcome(experiment, trained, footage, judged)


def scaled(config: ScalorTraining, share: float) -> ScalorTraining:
    """The same training with `share` of its steps, all schedules shrunk alike; 1 changes nothing.

    Raises `ValueError` for a share that is not above 0.
    """
    if not share > 0:
        raise ValueError(f"share is {share}; give a number above 0")
    if share == 1:
        return config

    def fewer(steps: int) -> int:
        return max(1, round(share * steps))

    annealing = config.annealing
    return replace(
        config,
        steps=max(5, fewer(config.steps)),
        warmup_steps=round(share * config.warmup_steps),
        lengths=tuple(
            Length(round(share * one.since), one.frames, one.clips) for one in config.lengths
        ),
        annealing=replace(
            annealing,
            temperature_steps=fewer(annealing.temperature_steps),
            presence_steps=fewer(annealing.presence_steps),
            through_time_step=annealing.through_time_step and fewer(annealing.through_time_step),
            opaque_steps=round(share * annealing.opaque_steps),
            background_steps=round(share * annealing.background_steps),
            kl_warmup_steps=round(share * annealing.kl_warmup_steps),
            sigma_since=round(share * annealing.sigma_since),
            sigma_steps=fewer(annealing.sigma_steps),
        ),
    )


def keep_tracker(outcome: Outcome, path: Path, *, preset: str, root: Path) -> None:
    """Write the model for ``seeing track``, with how it was trained."""
    trained, run = outcome.trained, outcome.trained.run
    cut = clip_config(outcome.experiment, preset)
    about = TrackerInfo(
        experiment=outcome.experiment.name,
        preset=preset,
        seed=int(run.config["seed"]),
        stride=cut.stride,
        window_px=cut.window_px,
        run=run.key,
        commit=code_version(root),
    )
    save_tracker(path, trained.model, about)


def judge_splits(
    model: Scalor,
    experiment: Experiment,
    footage: Footage,
    preset: str,
    *,
    clips: int | None = None,
    progress: bool = True,
) -> dict[Split, Judged]:
    """How `model` does on every split of `footage` whose truth is known, on at most `clips`."""
    parts = {"heldout": footage.held_out, "train": footage.train, "unseen_scene": footage.unseen}
    found: dict[Split, Judged] = {}
    for split in SPLITS:
        sequences = parts[split]
        if not sequences or any(one.annotations is None for one in sequences):
            continue
        found[split] = judge(
            model,
            footage.judged(experiment, preset, sequences),
            Judging(clips=clips or JUDGED_CLIPS[preset], at_once=16),
            progress=progress,
            description=f"{experiment.name}, {SPLIT_WORDS[split]}",
        )
    return found
