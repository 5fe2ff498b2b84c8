"""SCALOR-2 on a reader's own videos: the recorded tracker, trained further without labels."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lib.book.scalor.experiments import ADAPT, START, clip_config
from lib.book.scalor.footage import Footage, given_footage
from lib.book.scalor.kept import load_recorded
from lib.book.scalor.outcomes import JUDGED_CLIPS, Split, scaled
from lib.book.scalor.trainings import adaptation
from lib.data.mot.clips import ClipConfig, Clips
from lib.data.mot.sequences import MotSequence
from lib.environment import code_version
from lib.evaluation.scalor import Judged, Judging, judge
from lib.evaluation.tracker_file import Tracker, save_tracker
from lib.models.scalor import Scalor
from lib.training.scalor import TrainedScalor, train_scalor
from lib.worlds.plaza import PlazaFootage


@dataclass(frozen=True)
class Adapted:
    """A tracker that was trained further, and how it did on each split before and does since.

    `start` is the tracker it began as. Where the footage has no truth, nothing is judged.
    """

    start: Tracker
    trained: TrainedScalor
    footage: Footage
    cut: ClipConfig
    before: dict[Split, Judged]
    after: dict[Split, Judged]


def adapt(
    preset: str,
    *,
    root: Path,
    data_dir: Path | str,
    seed: int = 0,
    device: str = "auto",
    share: float = 1.0,
    progress: bool = True,
    force: bool = False,
) -> Adapted:
    """Train the recorded tracker of `START` further, on the videos in `data_dir`.

    Truth is only judged by. Where there is none, nothing has to be held out, and all videos are
    trained on. `share` of the preset's steps are made.

    Raises `FileNotFoundError` where no tracker is recorded, `ValueError` for faulty footage, or too
    little of it.
    """
    footage = given_footage(ADAPT, Path(data_dir), seed=seed, unknown_held_out=False)
    return adapt_to(
        footage, preset, root=root, seed=seed, device=device, share=share,
        progress=progress, force=force,
    )  # fmt: skip


def adapt_to(
    footage: Footage,
    preset: str,
    *,
    root: Path,
    seed: int = 0,
    device: str = "auto",
    share: float = 1.0,
    progress: bool = True,
    force: bool = False,
) -> Adapted:
    """The same with `footage`, of which `train` is trained on and `held_out` judged, too.

    Raises as `adapt`.
    """
    start = load_recorded([START], root=root)[START].tracker
    config = adaptation(start.model.config, preset, made_at=start.info.preset)
    cut = _cut(start, [*footage.train, *footage.held_out])
    trained = train_scalor(
        scaled(config, share), Clips(footage.train, cut, seed=seed), footage.digest,
        preset=preset, root=root, start=start.model, seed=seed, device=device,
        progress=progress, force=force,
    )  # fmt: skip
    before, after = (
        _judged(model, start, footage, cut, preset, words, progress)
        for model, words in ((start.model, "before"), (trained.model, "after"))
    )
    return Adapted(start, trained, footage, cut, before, after)


def save_adapted(adapted: Adapted, path: Path, *, preset: str, root: Path) -> None:
    """Write the tracker for ``seeing track``, with how it was trained further."""
    run = adapted.trained.run
    about = replace(
        adapted.start.info, experiment=ADAPT.name, preset=preset, seed=int(run.config["seed"]),
        stride=adapted.cut.stride, window_px=adapted.cut.window_px, run=run.key,
        commit=code_version(root),
    )  # fmt: skip
    save_tracker(path, adapted.trained.model, about)


def _cut(start: Tracker, sequences: list[MotSequence]) -> ClipConfig:
    """Squares of the frames' whole height, or width; frames as far apart in time as it knows."""
    rate = float(np.median([one.frame_rate_hz for one in sequences]))
    stride = max(1, round(start.info.stride * rate / PlazaFootage().frame_rate_hz))
    return replace(
        clip_config(ADAPT, start.info.preset), size_px=start.model.config.image_px,
        window_px=None, stride=stride,
    )  # fmt: skip


def _judged(
    model: Scalor,
    start: Tracker,
    footage: Footage,
    cut: ClipConfig,
    preset: str,
    words: str,
    progress: bool,
) -> dict[Split, Judged]:
    parts: dict[Split, list[MotSequence]] = {"heldout": footage.held_out, "train": footage.train}
    if not footage.held_out:
        return {}
    judging = Judging(clips=JUDGED_CLIPS[preset], at_once=16)
    return {
        split: judge(
            model, Clips(of, cut.for_judging()), judging, progress=progress,
            description=f"{words}, {split}",
        )
        for split, of in parts.items()
    }  # fmt: skip
