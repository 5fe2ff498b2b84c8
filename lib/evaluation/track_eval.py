"""TrackEval's metrics on arrays: what they are called with, without files in between."""

import importlib
import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np
from jaxtyping import Int64

from lib.data.mot.boxes import FrameBoxes
from lib.evaluation.track_events import LEAST_IOU, overlaps


def track_eval_metrics() -> list[Any]:
    """CLEAR (MOTA), Identity (IDF1) and HOTA; raises `ModuleNotFoundError` without TrackEval."""
    try:
        # it prints which packages its readers of other data sets lack
        with redirect_stdout(io.StringIO()):
            found = importlib.import_module("trackeval.metrics")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "tracking is scored with TrackEval, which is missing: install the package trackeval",
            name=error.name,
        ) from error
    settings = {"THRESHOLD": LEAST_IOU, "PRINT_CONFIG": False}
    return [found.CLEAR(settings), found.Identity(settings), found.HOTA()]


def track_eval_data(predicted: Sequence[FrameBoxes], truth: Sequence[FrameBoxes]) -> dict[str, Any]:
    """What TrackEval's metrics take: ids from 0 on without gaps, overlaps of each frame."""
    ours, theirs = _renumbered(predicted), _renumbered(truth)
    return {
        "tracker_ids": ours,
        "gt_ids": theirs,
        "similarity_scores": [overlaps(t, p) for t, p in zip(truth, predicted, strict=True)],
        "num_timesteps": len(truth),
        "num_tracker_dets": sum(map(len, ours)),
        "num_gt_dets": sum(map(len, theirs)),
        "num_tracker_ids": len(np.unique(np.concatenate(ours))),
        "num_gt_ids": len(np.unique(np.concatenate(theirs))),
    }


def _renumbered(frames: Sequence[FrameBoxes]) -> list[Int64[np.ndarray, " n"]]:
    known = np.unique(np.concatenate([one.ids for one in frames]))
    return [np.searchsorted(known, one.ids).astype(np.int64) for one in frames]
