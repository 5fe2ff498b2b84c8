"""Each idea of SCALOR-2 taken away by itself, trained from several seeds: what it is worth.

Every training is recorded as soon as it is judged, in ``results/scalor/ablation``, and not made
again; two processes may each take other changes or seeds::

    python -m lib.book.scalor.ablation --preset small            # all that is missing
    python -m lib.book.scalor.ablation shadows rivals --seeds 1 2
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lib.book.results import project_root
from lib.book.rows import PRESETS
from lib.book.scalor.experiments import Experiment, find
from lib.book.scalor.footage import Footage, footage_of
from lib.book.scalor.kept import recorded_folder
from lib.book.scalor.outcomes import scaled
from lib.book.scalor.trainings import training
from lib.environment import code_version
from lib.evaluation.following import Reading
from lib.evaluation.scalor import Judging, judge
from lib.files import write_json
from lib.models.scalor import Scalor
from lib.training.scalor import ScalorTraining, train_scalor

WHOLE = "whole"
EXPERIMENT, STUDY = "second_hard", "hard"
SHARE = 0.4  # of the steps that the experiment has: what an idea is worth shows before the end
SEEDS = (0, 1, 2)
METRICS = ("mota", "idf1", "recall", "precision", "duplicates", "psnr_db")
OPACITIES = (0.02, 0.04, 0.08, 0.15, 0.3, 0.5)
"""From which a pixel may be an object's; each model has the one best on clips of its training."""
_CLIPS = 48  # judged, of a split
_ABOUT = ("preset", "seconds", "hardware", "commit", "run")


class Change(NamedTuple):
    """One idea less: in words, and what becomes of the model's settings without it."""

    without: str
    model: Mapping[str, Any]


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
}


@dataclass(frozen=True)
class Ablated:
    """One training with a change: its scores on held-out clips of `METRICS`."""

    change: str
    seed: int
    steps: int
    clips: int
    opacity: float
    scores: Mapping[str, float]
    about: Mapping[str, Any] = field(default_factory=dict)


def changed(config: ScalorTraining, change: str) -> ScalorTraining:
    """SCALOR-2's training without the idea `change`. Raises `ValueError` for an unknown one."""
    if change not in CHANGES:
        raise ValueError(f"change is {change!r}; choose one of {', '.join(CHANGES)}")
    config = replace(config, model=replace(config.model, **CHANGES[change].model))
    if config.model.background == "remembered":
        return config
    study = training(find(STUDY), "small")
    return replace(
        config,
        annealing=replace(config.annealing, background_steps=study.annealing.background_steps),
        background_rate=study.background_rate,
    )


def carry_out_change(
    change: str,
    seed: int,
    preset: str,
    *,
    root: Path,
    device: str = "auto",
    share: float = SHARE,
    progress: bool = True,
) -> Ablated:
    """Train without `change`, or load that run, and judge it on held-out clips.

    Raises `ValueError` for an unknown change.
    """
    config = scaled(changed(training(find(EXPERIMENT), preset), change), share)
    config = replace(config, name=f"ablation_{change}")
    # a model that makes its own background is given clips that know of none
    experiment = find(EXPERIMENT if config.model.background == "remembered" else STUDY)
    footage = footage_of(
        experiment, preset, root=root, parts=("train", "held_out"), progress=progress
    )
    trained = train_scalor(
        config, footage.clips(experiment, preset, seed=seed), footage.digest,
        preset=preset, root=root, seed=seed, device=device, progress=progress,
    )  # fmt: skip
    opacity, scores, clips = _judged(trained.model, experiment, footage, preset, progress)
    about = {
        "preset": preset,
        "seconds": round(trained.seconds, 1),
        "hardware": str(trained.run.environment["hardware"]),
        "commit": code_version(root),
        "run": trained.run.key,
    }
    return Ablated(change, seed, config.steps, clips, opacity, scores, about)


def _judged(
    model: Scalor, experiment: Experiment, footage: Footage, preset: str, progress: bool
) -> tuple[float, dict[str, float], int]:
    """The opacity that is best on training clips, and how held-out clips are scored with it."""
    known = footage.judged(experiment, preset, footage.train)
    tried = {}
    for opacity in OPACITIES:
        judging = Judging(Reading(least_alpha=opacity), _CLIPS, at_once=16)
        found = judge(model, known, judging, masks=False, progress=progress)
        tried[opacity] = found.scores["mota"].value
    best = max(tried, key=lambda opacity: tried[opacity])
    new = footage.judged(experiment, preset, footage.held_out)
    judging = Judging(Reading(least_alpha=best), _CLIPS, at_once=16)
    judged = judge(model, new, judging, masks=False, progress=progress)
    scores = judged.scores
    return best, {name: scores[name].value for name in METRICS}, len(judged.clips)


def ablation_folder(root: Path) -> Path:
    """Where they are recorded."""
    return recorded_folder(root) / "ablation"


def record_change(one: Ablated, root: Path) -> Path:
    """Keep it, in the place of an earlier one."""
    path = _path(root, one.change, one.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    # what was never matched has no score, which JSON cannot say
    scores = {name: value if np.isfinite(value) else None for name, value in one.scores.items()}
    facts = {name: getattr(one, name) for name in ("change", "seed", "steps", "clips", "opacity")}
    write_json(path, {**facts, **one.about, "scores": scores})
    return path


def load_changes(root: Path) -> list[Ablated]:
    """All that are recorded, by change and seed; none where none is.

    Raises `ValueError` for a file of another form.
    """
    found = [_load(path) for path in sorted(ablation_folder(root).glob("*.json"))]
    order = list(CHANGES)
    return sorted(found, key=lambda one: (order.index(one.change), one.seed))


def _load(path: Path) -> Ablated:
    remedy = f"delete {path.name} and run `python -m lib.book.scalor.ablation`"
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        scores = {
            name: float("nan") if held["scores"][name] is None else float(held["scores"][name])
            for name in METRICS
        }
        one = Ablated(
            change=str(held["change"]),
            seed=int(held["seed"]),
            steps=int(held["steps"]),
            clips=int(held["clips"]),
            opacity=float(held["opacity"]),
            scores=scores,
            about={name: held[name] for name in _ABOUT if name in held},
        )
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no recorded ablation ({error!r}): {remedy}") from error
    if one.change not in CHANGES or path.stem != f"{one.change}-{one.seed}":
        raise ValueError(f"{path} is of {one.change!r} from seed {one.seed}: {remedy}")
    return one


def _path(root: Path, change: str, seed: int) -> Path:
    return ablation_folder(root) / f"{change}-{seed}.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out what is not recorded yet."""
    parser = argparse.ArgumentParser(prog="python -m lib.book.scalor.ablation", description=__doc__)
    parser.add_argument("changes", nargs="*", metavar="CHANGE", help=", ".join(CHANGES))
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--force", action="store_true", help="judge again what is recorded")
    given = parser.parse_args(arguments)
    wanted: Iterable[str] = given.changes or CHANGES
    if unknown := [one for one in wanted if one not in CHANGES]:
        parser.error(f"unknown: {', '.join(unknown)}; choose among {', '.join(CHANGES)}")
    root = project_root()
    for seed in given.seeds:
        for change in wanted:
            if not given.force and _path(root, change, seed).is_file():
                continue
            one = carry_out_change(change, seed, given.preset, root=root, device=given.device)
            path = record_change(one, root)
            print(f"{path.relative_to(root)}: MOTA {one.scores['mota']:.3f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
