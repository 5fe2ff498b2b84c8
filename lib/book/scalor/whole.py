"""Experiments judged on whole videos: who is followed must stay followed, far beyond one clip."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from lib.book.estimates import record
from lib.book.recorded import brief
from lib.book.results import Ledger, Row
from lib.book.scalor.experiments import clip_config
from lib.book.scalor.footage import footage_of
from lib.book.scalor.shown import METRICS, Shown, measured
from lib.book.tables import number
from lib.evaluation.intervals import Estimate
from lib.evaluation.scalor import Judging, judge

VIDEOS = 8  # of each experiment, at most
SHOWN = {"mota": "MOTA", "idf1": "IDF1"}
PREFIX = "whole_"


class Whole(NamedTuple):
    """Scores of one experiment on whole videos of so many frames; clips have `clip_frames`."""

    title: str
    frames: int
    clip_frames: int
    scores: Mapping[str, Estimate]


def judge_whole(
    all_shown: Mapping[str, Shown], *, root: Path, videos: int = VIDEOS, progress: bool = True
) -> dict[str, Whole]:
    """Experiments on people, on at most so many whole held-out videos.

    Only those whose MOTA on held-out clips is above 0: where there are more mistakes than people,
    nothing is left to be kept. The window is the middle of the frame, as for clips. Sprites'
    are not among them: most of their videos are as long as clips.
    """
    found: dict[str, Whole] = {}
    for name, one in all_shown.items():
        about, experiment = one.training, one.experiment
        clips_mota = one.scores.get("heldout", {}).get("mota")
        if experiment.sprites or clips_mota is None or not clips_mota.value > 0:
            continue
        footage = footage_of(
            experiment, about.preset, root=root, seed=about.seed, parts=["held_out"],
            most=videos, progress=progress,
        )  # fmt: skip
        clips = footage.whole(experiment, about.preset, footage.held_out)
        judged = judge(
            one.model, clips, Judging(clips=videos, at_once=1),
            progress=progress, description=f"{name}, whole videos",
        )  # fmt: skip
        cut = clip_config(experiment, about.preset)
        found[name] = Whole(experiment.title, clips.config.frames, cut.frames, measured(judged))
    return found


def record_whole(ledger: Ledger, whole: Mapping[str, Whole], *, seed: int) -> None:
    """Rows ``scalor.whole_<experiment>.heldout.<metric>``."""
    for name, one in whole.items():
        for metric, estimate in one.scores.items():
            id = f"scalor.{PREFIX}{name}.heldout.{metric}"
            record(ledger, id, estimate, seeds=[seed], better=METRICS[metric])


def whole_table(ledger: Ledger, whole: Mapping[str, Whole]) -> pd.DataFrame:
    """Scores on clips beside those on whole videos, a row an experiment."""
    rows = {row.id: row for row in ledger.rows}
    lines = [
        {"Experiment": one.title}
        | {
            f"{words}, {what}": brief(rows[_id(before + name, metric)])
            for metric, words in SHOWN.items()
            for what, before in (("clips", ""), ("whole", PREFIX))
        }
        for name, one in whole.items()
    ]
    return pd.DataFrame(lines or [{"": "no whole videos: this run is on your own footage"}])


def whole_sentence(ledger: Ledger, whole: Mapping[str, Whole]) -> str:
    """In how many experiments less is right over whole videos than over clips."""
    if not whole:
        return "No experiment of this run has a MOTA above 0, to be judged on whole videos."
    rows = {row.id: row for row in ledger.rows}
    lower = {
        metric: sum(
            _value(rows, PREFIX + name, metric) < _value(rows, name, metric) for name in whole
        )
        for metric in SHOWN
    }
    clip, video = (
        " or ".join(map(str, sorted({getattr(one, of) for one in whole.values()})))
        for of in ("clip_frames", "frames")
    )
    videos = " or ".join(sorted({str(one.scores["mota"].n) for one in whole.values()}))
    return (
        f"Clips have {clip} frames, the videos {video}; {videos} held-out ones are judged whole. "
        f"MOTA on clips is above 0 in {number(len(whole))} of these experiments; over whole videos "
        f"it is lower in {number(lower['mota'])} of them, IDF1 in {number(lower['idf1'])}."
    )


def _id(name: str, metric: str) -> str:
    return f"scalor.{name}.heldout.{metric}"


def _value(rows: Mapping[str, Row], name: str, metric: str) -> float:
    value = rows[_id(name, metric)].value
    assert value is not None
    return value
