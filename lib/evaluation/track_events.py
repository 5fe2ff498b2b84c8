"""Two ways in which a tracker fails that the usual scores hide among others.

A *duplicate* is a second box on somebody who is found: one of MOTA's false positives, but for
another reason than a box on nothing. A *rediscovery* is one of the id switches: somebody who was
followed is taken for somebody new.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64
from scipy.optimize import linear_sum_assignment

from lib.data.mot.boxes import FrameBoxes

LEAST_IOU = 0.5
_ROUNDING = float(np.finfo(float).eps)
_KEEP = 1000.0  # outweighs overlaps: whoever was matched in the last frame stays matched


class Events(NamedTuple):
    """How often it happens in a video."""

    duplicates: int
    rediscoveries: int
    id_switches: int


class Matches(NamedTuple):
    """Who is matched with which prediction in a frame, as positions in both."""

    true: Int64[np.ndarray, " m"]
    predicted: Int64[np.ndarray, " m"]
    iou: Float64[np.ndarray, "n k"]


def overlaps(one: FrameBoxes, other: FrameBoxes) -> Float64[np.ndarray, "n k"]:
    """Intersection over union of each box with each; 0 for boxes without area."""
    begin = np.maximum(one.boxes[:, None, :2], other.boxes[None, :, :2])
    ends = [boxes.boxes[:, :2] + boxes.boxes[:, 2:] for boxes in (one, other)]
    end = np.minimum(ends[0][:, None], ends[1][None])
    both = np.maximum(end - begin, 0).prod(2)
    areas = [boxes.boxes[:, 2] * boxes.boxes[:, 3] for boxes in (one, other)]
    either = areas[0][:, None] + areas[1][None] - both
    return np.where(either > 0, both / np.where(either > 0, either, 1.0), 0.0)


def match_frames(predicted: Sequence[FrameBoxes], truth: Sequence[FrameBoxes]) -> list[Matches]:
    """Match people and predictions frame by frame, as MOTA does.

    One to one, at an overlap of `LEAST_IOU` at least: pairs of the frame before first, then the
    largest sum of overlaps. A frame without people or predictions is no frame before.
    """
    before: dict[int, int] = {}
    found = []
    for ours, theirs in zip(predicted, truth, strict=True):
        iou = overlaps(theirs, ours)
        if not iou.size:
            none = np.zeros(0, np.int64)
            found.append(Matches(none, none, iou))
            continue
        last = np.array([before.get(one, -1) for one in theirs.ids.tolist()])
        has_last = np.array([one in before for one in theirs.ids.tolist()])
        stays = (last[:, None] == ours.ids[None]) & has_last[:, None]
        score = np.where(iou >= LEAST_IOU - _ROUNDING, iou + _KEEP * stays, 0.0)
        rows, columns = linear_sum_assignment(-score)
        good = score[rows, columns] > _ROUNDING
        rows, columns = rows[good].astype(np.int64), columns[good].astype(np.int64)
        before = dict(zip(theirs.ids[rows].tolist(), ours.ids[columns].tolist(), strict=True))
        found.append(Matches(rows, columns, iou))
    return found


def count_events(predicted: Sequence[FrameBoxes], truth: Sequence[FrameBoxes]) -> Events:
    """Duplicates and rediscoveries in a video (ignored people must have been taken out).

    A duplicate is a prediction that is matched with nobody and overlaps somebody matched by at
    least `LEAST_IOU`, counted in every frame. A rediscovery is an id switch to an id that has not
    been in the video before.
    """
    duplicates = rediscoveries = switches = 0
    last: dict[int, int] = {}
    seen: set[int] = set()
    for ours, theirs, matches in zip(predicted, truth, match_frames(predicted, truth), strict=True):
        single = np.ones(len(ours), bool)
        single[matches.predicted] = False
        near = matches.iou[matches.true][:, single] >= LEAST_IOU - _ROUNDING
        duplicates += int(near.any(0).sum())
        pairs = zip(
            theirs.ids[matches.true].tolist(), ours.ids[matches.predicted].tolist(), strict=True
        )
        for person, given in pairs:
            if last.get(person, given) != given:
                switches += 1
                rediscoveries += given not in seen
            last[person] = given
        seen.update(ours.ids.tolist())
    return Events(duplicates, rediscoveries, switches)
