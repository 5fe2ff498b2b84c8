"""What the chapter trains and shows: one experiment from scratch, and all of them.

At preset `tiny` all but that one are recorded trackers, judged anew on held-out clips; at `small`
and `full` each is carried out. On a reader's own footage one model is trained, and nothing else.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from lib.book.scalor.experiments import (
    EXPERIMENTS,
    LIVE,
    SECOND,
    clip_config,
    find,
)
from lib.book.scalor.footage import footage_of
from lib.book.scalor.kept import judge_recorded, load_recorded
from lib.book.scalor.outcomes import Outcome, Split, carry_out, scaled
from lib.book.scalor.shown import Shown, shown_outcome, watched
from lib.book.scalor.trainings import training
from lib.data.mot.clips import ClipConfig, Clips
from lib.data.mot.sequences import MotSequence
from lib.evaluation.scalor import Judged, Judging, judge
from lib.training.scalor import train_scalor

JUDGED = 48  # clips of a split that a recorded tracker is judged on
OWN = replace(
    find("multi"), name="own", title="your footage", claim="", perceptual=False, adversarial=False
)
"""What is trained on a reader's own footage: all its videos as they are, nothing added."""


def train_live(
    preset: str,
    *,
    root: Path,
    data_dir: Path | str | None = None,
    seed: int = 0,
    device: str = "auto",
    share: float = 1.0,
    progress: bool = True,
) -> Shown:
    """The experiment that is trained from scratch at every preset; or one on `data_dir`.

    `share` of its steps are made. Raises `ValueError` for faulty footage, or too little of it.
    """
    if data_dir is not None:
        return _own(preset, root, Path(data_dir), seed, device, share, progress)
    outcome = carry_out(
        LIVE, preset, root=root, seed=seed, device=device, share=share, progress=progress
    )
    return shown_outcome(outcome, preset)


def show_all(
    preset: str,
    *,
    root: Path,
    data_dir: Path | str | None = None,
    seed: int = 0,
    device: str = "auto",
    share: float = 1.0,
    progress: bool = True,
    second: bool = False,
) -> dict[str, Shown]:
    """Every experiment by name; none on a reader's own footage, for which none was meant.

    With `second` those of SCALOR-2.

    Raises `FileNotFoundError` at `tiny` where a recorded tracker is missing.
    """
    if data_dir is not None:
        return {}
    names = [one.name for one in (SECOND if second else EXPERIMENTS)]
    if preset == "tiny":
        return {
            name: judge_recorded(one, root=root, clips=JUDGED, progress=progress)
            for name, one in load_recorded(names, root=root).items()
        }
    options: dict[str, Any] = {
        "root": root,
        "seed": seed,
        "device": device,
        "share": share,
        "progress": progress,
    }
    return {name: shown_outcome(carry_out(name, preset, **options), preset) for name in names}


def _own(
    preset: str,
    root: Path,
    data_dir: Path,
    seed: int,
    device: str,
    share: float,
    progress: bool,
) -> Shown:
    footage = footage_of(OWN, preset, root=root, data_dir=data_dir, seed=seed)
    cut, config = own_cut(preset), training(OWN, preset)
    if preset == "tiny":  # the steps of other experiments at tiny are too few to see anything
        share *= training(find(LIVE), preset).steps / config.steps
    trained = train_scalor(
        scaled(config, share), Clips(footage.train, cut, seed=seed), footage.digest,
        preset=preset, root=root, seed=seed, device=device, progress=progress,
    )  # fmt: skip
    judged: dict[Split, Judged] = {}
    parts: dict[Split, list[MotSequence]] = {"heldout": footage.held_out, "train": footage.train}
    held_out = Clips(footage.held_out, cut.for_judging())
    if all(one.annotations is not None for part in parts.values() for one in part):
        for split, sequences in parts.items():
            clips = Clips(sequences, cut.for_judging())
            judged[split] = judge(
                trained.model, clips, Judging(clips=JUDGED), progress=progress,
                description=split,
            )  # fmt: skip
    found = shown_outcome(Outcome(OWN, trained, footage, judged), preset)
    return found if judged else watched(found, held_out)


def own_cut(preset: str) -> ClipConfig:
    """How a reader's footage is cut: squares of the frame's whole height, or width.

    Of MOTSynth's frames that is the study's 1080 pixels. The plaza's own frames are small, so that
    its experiments may cut out pieces at full resolution; of a film that would be a few bricks.
    """
    return replace(clip_config(OWN, preset), window_px=None)
