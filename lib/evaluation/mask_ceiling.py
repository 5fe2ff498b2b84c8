"""What MOTA is left to whoever segments perfectly: boxes around the true masks."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int32
from scipy.ndimage import find_objects

from lib.data.mot.boxes import FrameBoxes
from lib.data.mot.clips import Clip
from lib.data.mot.masks import MASKS_PEDESTRIAN
from lib.evaluation.tracking import VideoCounts, score_video


def judge_masks(clips: Sequence[Clip], *, narrower_px: float = 0.0) -> list[VideoCounts]:
    """Counts of boxes around each person's visible pixels, under the true identity, a clip each.

    Of people who count. True boxes are of whole people, masks of what is seen of them, so that even
    these are not perfect. With `narrower_px` every side of a box lies so much further in: what a
    mask costs that is a little too small.

    Raises `ValueError` for clips without truth or masks, or a number below 0.
    """
    if narrower_px < 0:
        raise ValueError(f"narrower_px={narrower_px}: want 0 or more")
    counts = []
    for clip in clips:
        if clip.truth is None or clip.masks is None:
            raise ValueError(f"{clip.sequence} has no boxes or no masks: give footage with both")
        found = [
            _around(mask, truth, narrower_px)
            for mask, truth in zip(clip.masks, clip.truth, strict=True)
        ]
        counts.append(score_video(found, clip.truth, group=clip.sequence))
    return counts


def _around(mask: Int32[np.ndarray, "h w"], truth: FrameBoxes, narrower_px: float) -> FrameBoxes:
    counting = set(truth.ids[~truth.ignored].tolist())
    ids, boxes = [], []
    # Masks name people by class and number
    for name, place in enumerate(
        find_objects(np.maximum(mask - 1000 * MASKS_PEDESTRIAN, 0)), start=1
    ):
        if place is None or name not in counting:
            continue
        (top, bottom), (left, right) = ((side.start, side.stop) for side in place)
        width, height = (max(0.0, edge - 2 * narrower_px) for edge in (right - left, bottom - top))
        ids.append(name)
        boxes.append((left + narrower_px, top + narrower_px, width, height))
    return FrameBoxes.of(ids, np.array(boxes).reshape(-1, 4))
