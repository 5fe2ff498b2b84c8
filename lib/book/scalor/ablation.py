"""SCALOR-2 changed in one thing: each idea taken away, or another background in the place of its.

Trainings are short, and from several seeds. Every one is recorded as soon as it is judged, in
``results/scalor/ablation``, and not made again; two processes may each take other changes or
seeds::

    python -m lib.book.scalor ablation --preset small            # all that is missing
    python -m lib.book.scalor ablation shadows rivals --seeds 1 2
    python -m lib.book.scalor ablation --experiment second_multi # backgrounds on several places
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from lib.book.results import project_root
from lib.book.rows import PRESETS
from lib.book.scalor.experiments import find
from lib.book.scalor.footage import footage_of
from lib.book.scalor.kept import recorded_folder
from lib.book.scalor.outcomes import scaled
from lib.book.scalor.scored import (
    METRICS,
    Scores,
    about,
    about_of,
    read_scored,
    scores_for_json,
    scores_of_json,
    write_scored,
)
from lib.book.scalor.trainings import training
from lib.evaluation.following import Reading
from lib.evaluation.scalor import Judging, judge
from lib.training.scalor import ScalorTraining, train_scalor

WHOLE = "whole"
EXPERIMENT = "second_hard"  # from which ideas are taken away
STUDY = {"second_leaves": "leaves", "second_hard": "hard", "second_multi": "initial"}
"""The study's experiment on the footage of each that may be changed."""
SHARE = 0.4  # of the steps that the experiment has: what an idea is worth shows before the end
SEEDS = (0, 1, 2)
_CLIPS = 48  # judged, of a split
_FACTS = ("experiment", "change", "seed", "steps", "clips")


class Change(NamedTuple):
    """In words, and what becomes of the model's settings, its training's, and how it is read."""

    words: str
    model: Mapping[str, Any]
    training: Mapping[str, Any] = {}
    reading: Mapping[str, Any] = {}

    @property
    def trained(self) -> bool:
        """Whether it takes a training of its own."""
        return bool(self.model or self.training)


UNDECIDED = 0.5  # nats a pixel; the ground's surprise costs some five
_LEARNT: dict[str, Any] = {"shadow": 1.0, "ground_sigma": None, "surprise": 0.0}
"""What is learnt is not known better than objects are, while it is being learnt least of all."""
CHANGES: dict[str, Change] = {
    WHOLE: Change("nothing left out", {}),
    "memory": Change(
        "no remembered background: one is learnt, as in the study",
        {"background": "full", "shadow": 1.0},
    ),
    "mixture": Change(
        "no mixture: the likelihood of the blended picture",
        {"likelihood": "blended", "ground_sigma": None, "surprise": 0.0},
    ),
    "tight_ground": Change(
        "no tight ground: as uncertain as objects are", {"ground_sigma": None, "surprise": 0.0}
    ),
    "shadows": Change("no shadows", {"shadow": 1.0}),
    "rivals": Change("no rivals: cells may find the same person", {"rival_overlap": None}),
    "colours": Change(  # the opacity was best for clips of the training
        "no colours: boxes around masks alone, from an opacity of 0.04 on",
        {},
        reading={"most_ground": None, "least_alpha": 0.04},
    ),
    "decided": Change("undecided masks cost something besides", {}, {"undecided": UNDECIDED}),
    "learnt": Change(
        "the study's background, and a ground as uncertain as objects",
        {"background": "full"} | _LEARNT,
    ),
    "scene": Change(
        "one vector a clip is decoded, and a ground as uncertain as objects",
        {"background": "scene"} | _LEARNT,
    ),
    "inpainted": Change(
        "squares are painted from those around, and a ground as uncertain as objects",
        {"background": "inpainted"} | _LEARNT,
    ),
}
IDEAS = ("memory", "mixture", "tight_ground", "shadows", "rivals", "colours")
BACKGROUNDS = (WHOLE, "learnt", "scene", "inpainted")


@dataclass(frozen=True)
class Ablated:
    """One training of `experiment` with a change: its scores on held-out clips of `METRICS`."""

    experiment: str
    change: str
    seed: int
    steps: int
    clips: int
    scores: Scores
    about: Mapping[str, Any] = field(default_factory=dict)


def changed(experiment: str, change: str, preset: str) -> ScalorTraining:
    """How SCALOR-2's `experiment` is trained with `change`.

    Raises `ValueError` for an unknown one of either.
    """
    for name, given, known in (
        ("experiment", experiment, STUDY), ("change", change, CHANGES),
    ):  # fmt: skip
        if given not in known:
            raise ValueError(f"{name} is {given!r}; choose one of {', '.join(known)}")
    config = training(find(experiment), preset)
    asked = CHANGES[change]
    config = replace(config, model=replace(config.model, **asked.model), **asked.training)
    if config.model.background == "remembered":
        return config
    study = training(find(STUDY[experiment]), preset)
    return replace(
        config,
        annealing=replace(config.annealing, background_steps=study.annealing.background_steps),
        background_rate=study.background_rate,
    )


def carry_out_change(
    experiment: str,
    change: str,
    seed: int,
    preset: str,
    *,
    root: Path,
    device: str = "auto",
    share: float = SHARE,
    progress: bool = True,
) -> Ablated:
    """Train `experiment` with `change`, or load that run, and judge it on held-out clips.

    Raises `ValueError` for an unknown one of either.
    """
    config = scaled(changed(experiment, change, preset), share)
    as_trained = change if CHANGES[change].trained else WHOLE
    config = replace(config, name="_".join((experiment, as_trained)))
    # a model that makes its own background is given clips that know of none
    shown = find(experiment if config.model.background == "remembered" else STUDY[experiment])
    footage = footage_of(shown, preset, root=root, parts=("train", "held_out"), progress=progress)
    trained = train_scalor(
        config, footage.clips(shown, preset, seed=seed), footage.digest,
        preset=preset, root=root, seed=seed, device=device, progress=progress,
    )  # fmt: skip
    new = footage.judged(shown, preset, footage.held_out)
    judging = Judging(Reading(**CHANGES[change].reading), _CLIPS, at_once=16)
    judged = judge(trained.model, new, judging, masks=False, progress=progress)
    return Ablated(
        experiment, change, seed, config.steps, len(judged.clips),
        {name: judged.scores[name].value for name in METRICS}, about(trained, preset, root),
    )  # fmt: skip


def ablation_folder(root: Path) -> Path:
    """Where they are recorded."""
    return recorded_folder(root) / "ablation"


def record_change(one: Ablated, root: Path) -> Path:
    """Keep it, in the place of an earlier one."""
    path = _path(root, one.experiment, one.change, one.seed)
    facts = {name: getattr(one, name) for name in _FACTS}
    return write_scored(path, {**facts, **one.about, "scores": scores_for_json(one.scores)})


def load_changes(root: Path) -> list[Ablated]:
    """All that are recorded, by experiment, change and seed; none where none is.

    Raises `ValueError` for a file of another form.
    """
    found = [_load(path) for path in sorted(ablation_folder(root).glob("*.json"))]
    places, order = list(STUDY), list(CHANGES)
    return sorted(
        found,
        key=lambda one: (places.index(one.experiment), order.index(one.change), one.seed),
    )


def _load(path: Path) -> Ablated:
    def build(held: Mapping[str, Any]) -> Ablated:
        one = Ablated(
            experiment=str(held["experiment"]),
            change=str(held["change"]),
            seed=int(held["seed"]),
            steps=int(held["steps"]),
            clips=int(held["clips"]),
            scores=scores_of_json(held["scores"]),
            about=about_of(held),
        )
        known = one.experiment in STUDY and one.change in CHANGES
        if not known or path.name != _path(Path(), one.experiment, one.change, one.seed).name:
            raise ValueError(f"it is of {one.experiment!r}, {one.change!r} from seed {one.seed}")
        return one

    return read_scored(path, "ablation", build)


def _path(root: Path, experiment: str, change: str, seed: int) -> Path:
    return ablation_folder(root) / f"{experiment}-{change}-{seed}.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out what is not recorded yet."""
    parser = argparse.ArgumentParser(prog="python -m lib.book.scalor ablation", description=__doc__)
    parser.add_argument("changes", nargs="*", metavar="CHANGE", help=", ".join(CHANGES))
    parser.add_argument("--experiment", choices=tuple(STUDY), default=EXPERIMENT)
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--force", action="store_true", help="judge again what is recorded")
    given = parser.parse_args(arguments)
    every = CHANGES if given.experiment == EXPERIMENT else BACKGROUNDS
    wanted: Iterable[str] = given.changes or every
    if unknown := [one for one in wanted if one not in CHANGES]:
        parser.error(f"unknown: {', '.join(unknown)}; choose among {', '.join(CHANGES)}")
    root = project_root()
    for seed in given.seeds:
        for change in wanted:
            if not given.force and _path(root, given.experiment, change, seed).is_file():
                continue
            one = carry_out_change(
                given.experiment, change, seed, given.preset, root=root, device=given.device
            )
            path = record_change(one, root)
            print(f"{path.relative_to(root)}: MOTA {one.scores['mota']:.3f}", flush=True)
    return 0
