"""How well a SCALOR finds, follows and redraws what moves in clips: rows of the book's table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from lib.data.mot.boxes import FrameBoxes
from lib.data.mot.clips import Clip, Clips, clip_batch
from lib.evaluation.following import Followed, Reading, follow_as
from lib.evaluation.intervals import Estimate, group_sums, statistic_over_groups
from lib.evaluation.track_events import overlaps
from lib.evaluation.track_masks import fg_ari
from lib.evaluation.tracking import VideoCounts, score_video, summarise
from lib.models.scalor import Scalor
from lib.progress import tqdm

LEAST_CLAIM = 0.3  # of intersection over union: the box is meant for this object


class Judged(NamedTuple):
    """Some clips with the truth, what the model made of them, and the counts of each."""

    clips: list[Clip]
    followed: list[Followed]
    counts: list[VideoCounts]

    @property
    def scores(self) -> dict[str, Estimate]:
        """Of `summarise`, and `psnr_db`, `boxes` (a frame) and `mixed` (share of masks' pixels).

        Intervals are over videos: clips of one video resemble each other.
        """
        scores = summarise(self.counts)
        groups = np.array([one.sequence for one in self.clips])
        rows = np.array([_row(one) for one in self.followed])
        totals, _ = group_sums(rows, np.unique(groups, return_inverse=True)[1])
        frames = int(rows[:, 0].sum())
        for name, score in (("psnr_db", _psnr_db), ("boxes", _boxes), ("mixed", _mixed)):
            scores[name] = statistic_over_groups(totals, score, n=frames)
        return scores


@dataclass(frozen=True)
class Judging:
    """What is judged: how the thresholds are set, on how many clips, how many at a time."""

    reading: Reading = field(default_factory=Reading)
    clips: int | None = None  # None: all of a round; else as many, spread evenly over it
    at_once: int = 8

    def __post_init__(self) -> None:
        for name in ("clips", "at_once"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}={value}: want at least 1")


def judge(
    model: Scalor,
    clips: Clips,
    judging: Judging | None = None,
    *,
    masks: bool = True,
    progress: bool = True,
    description: str = "",
) -> Judged:
    """Follow objects through `clips` from the first frame of each, and count what is right.

    `masks` says whether the clips' masks are read too, for the score that groups pixels.

    Raises `ValueError` for clips without truth, or frames of another size than the model's.
    """
    judging = judging or Judging()
    return judge_as(
        model, clips, [judging.reading], judging,
        masks=masks, progress=progress, description=description,
    )[0]  # fmt: skip


def judge_as(
    model: Scalor,
    clips: Clips,
    readings: Sequence[Reading],
    judging: Judging | None = None,
    *,
    masks: bool = True,
    progress: bool = True,
    description: str = "",
) -> list[Judged]:
    """`judge` under each of `readings`, in the place of that of `judging`; the model looks once."""
    judging = judging or Judging()
    if any(one.annotations is None for one in clips.sequences):
        named = next(one.name for one in clips.sequences if one.annotations is None)
        raise ValueError(
            f"{named} has no annotations, so nothing can be judged: give gt/gt.txt beside the "
            "frames, or use follow() to see what the model finds"
        )
    wanted = min(judging.clips or len(clips), len(clips))
    indices = np.linspace(0, len(clips) - 1, wanted).round().astype(int).tolist()
    found: list[Clip] = []
    followed: list[list[Followed]] = [[] for _ in readings]
    starts = range(0, wanted, judging.at_once)
    for start in tqdm(starts, disable=not progress, desc=description or None, leave=False):
        batch = clip_batch(indices[start : start + judging.at_once], clips)
        found += batch.clips
        seen = follow_as(model, batch.frames, readings, behind=batch.behind)
        for many, few in zip(followed, seen, strict=True):
            many += few
    return [
        Judged(
            found, one, [_counts(*pair, masks=masks) for pair in zip(found, one, strict=True)]
        )
        for one in followed
    ]  # fmt: skip


def _counts(clip: Clip, followed: Followed, *, masks: bool) -> VideoCounts:
    assert clip.truth is not None
    index = None
    if masks and clip.masks is not None:
        index = fg_ari(followed.owners.astype(np.int64), clip.masks.astype(np.int64))
        index = index if np.isfinite(index) else None
    return score_video(followed.boxes, clip.truth, group=clip.sequence, fg_ari=index)


def claims(judged: Judged) -> Float64[np.ndarray, "4"]:
    """Share of true objects on which 0, 1, 2, or more boxes of a frame lie.

    A box is meant for the object that it overlaps most, from an intersection over union of 0.3 on:
    two boxes of half an object each claim it twice.
    """
    counted = np.zeros(4)
    for clip, followed in zip(judged.clips, judged.followed, strict=True):
        for truth, found in zip(clip.truth or [], followed.boxes, strict=True):
            many = claimed(truth, found)
            counted += np.bincount(np.minimum(many[~truth.ignored], 3), minlength=4)
    return counted / max(counted.sum(), 1.0)


def claimed(truth: FrameBoxes, found: FrameBoxes) -> Int64[np.ndarray, " n"]:
    """How many boxes of `found` are meant for each object of `truth`."""
    if not len(truth) or not len(found):
        return np.zeros(len(truth), np.int64)
    iou = overlaps(truth, found)
    meant = iou.argmax(0)[iou.max(0) >= LEAST_CLAIM]
    return np.bincount(meant, minlength=len(truth))


def _row(followed: Followed) -> Float64[np.ndarray, "4"]:
    """Sums over frames: frames, squared error, boxes, their mixed shares."""
    mixed = sum(float(one.mixed.sum()) for one in followed.found)
    boxes = sum(len(one.boxes) for one in followed.found)
    return np.array([len(followed.found), followed.squared_error.sum(), boxes, mixed], np.float64)


def _psnr_db(totals: Float64[np.ndarray, "4"]) -> float:
    return float(-10 * np.log10(max(totals[1] / totals[0], 1e-12)))


def _boxes(totals: Float64[np.ndarray, "4"]) -> float:
    return float(totals[2] / totals[0])


def _mixed(totals: Float64[np.ndarray, "4"]) -> float:
    return float(totals[3] / totals[2]) if totals[2] else float("nan")
