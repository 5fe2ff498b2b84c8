"""SCALOR's stages apart: does discovery find, does propagation follow, who is found twice."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float64, Int64

from lib.data.mot.boxes import FrameBoxes
from lib.data.mot.clips import Clip
from lib.evaluation.following import Followed
from lib.evaluation.intervals import Estimate, group_sums, statistic_over_groups
from lib.evaluation.scalor import Judged, claimed
from lib.evaluation.track_events import match_frames
from lib.evaluation.tracking import without_ignored

Totals = Float64[np.ndarray, "6"]


def stages(judged: Judged) -> dict[str, Estimate]:
    """Three scores that say which stage fails, with intervals over videos.

    - `first_recall`: share of the true objects of each clip's first frame, where nothing can have
      been followed yet, with a box of their own (at MOTA's overlap of 0.5);
    - `followed_share`: share of the boxes of all later frames whose object was followed from the
      frame before; the others were discovered anew;
    - `claimed_twice`: of the true objects that any box is meant for, the share that two or more
      are (`lib.evaluation.scalor.claims` says when).

    A score that divides by nothing is NaN. Ignored people are taken out as for MOTA.
    """
    rows = np.array([_row(*one) for one in zip(judged.clips, judged.followed, strict=True)])
    groups = np.unique([one.sequence for one in judged.clips], return_inverse=True)[1]
    totals, _ = group_sums(rows, groups)
    return {
        name: statistic_over_groups(totals, _ratio(place), n=len(rows))
        for place, name in enumerate(("first_recall", "followed_share", "claimed_twice"))
    }


def _ratio(place: int) -> Callable[[Float[np.ndarray, " k"]], float]:
    def ratio(totals: Float[np.ndarray, " k"]) -> float:
        over, under = float(totals[2 * place]), float(totals[2 * place + 1])
        return over / under if under else float("nan")

    return ratio


def _row(clip: Clip, followed: Followed) -> Totals:
    """Counts of one clip: what each of the three scores divides, and by what."""
    assert clip.truth is not None
    pairs = [without_ignored(*both) for both in zip(followed.boxes, clip.truth, strict=True)]
    ours, theirs = pairs[0]
    [first] = match_frames([ours], [theirs])
    later = followed.found[1:]
    many = np.concatenate([claimed(truth, found) for found, truth in pairs])
    return np.array(
        [
            len(first.true),
            len(theirs),
            sum(int(one.tracked.sum()) for one in later),
            sum(len(one.boxes) for one in later),
            (many > 1).sum(),
            (many > 0).sum(),
        ],
        np.float64,
    )


def claims_of_each(clip: Clip, followed: Followed) -> Int64[np.ndarray, " n"]:
    """How many boxes are meant for each true object of each frame, ignored ones left out.

    None where the truth is not known.
    """
    pairs = zip(clip.truth, followed.boxes, strict=True) if clip.truth is not None else ()
    counts = [claimed(truth, found)[~truth.ignored] for truth, found in pairs]
    return np.concatenate([np.zeros(0, np.int64), *counts])


def split_boxes(followed: Followed) -> tuple[list[FrameBoxes], list[FrameBoxes]]:
    """Boxes of each frame: those discovered in it, and those followed from the frame before."""
    return (
        [one.boxes.where(~one.tracked) for one in followed.found],
        [one.boxes.where(one.tracked) for one in followed.found],
    )
