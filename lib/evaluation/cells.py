"""What every cell of SCALOR proposes in a frame: the study's look at objects found twice."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from lib.data.mot.boxes import FrameBoxes
from lib.evaluation.following import pixels_of
from lib.evaluation.scalor import LEAST_CLAIM
from lib.evaluation.track_events import overlaps
from lib.evaluation.track_masks import boxes_of_masks
from lib.models.scalor import FINAL, Scalor, Silent


class Cells(NamedTuple):
    """Proposals of one frame by cell (row, column), rejected ones with presence 0.

    `glimpses` are colours and alpha in [0, 1]; `boxes` (left, top, width, height) in px around the
    masks; `claims` how many cells that are present mean the same true object as this one, itself
    included; 0 where it means none or is not present.
    """

    glimpses: Float32[np.ndarray, "r c g k 4"]
    presence: Float32[np.ndarray, "r c"]
    boxes: Float64[np.ndarray, "r c 4"]
    claims: Int64[np.ndarray, "r c"]


def cells_of(
    model: Scalor,
    frames: UInt8[np.ndarray, "t h w 3"],
    truth: FrameBoxes,
    *,
    behind: UInt8[np.ndarray, "h w 3"] | None = None,
    least_presence: float | None = None,
) -> Cells:
    """Proposals in the last of `frames`, all of which the model follows from the first on.

    `truth` is of the last frame; a cell is present from `least_presence` on, by default the model's
    own `carried_presence`. `behind` is what is behind everybody, for models that remember it.
    """
    config, least = model.config, least_presence
    with torch.no_grad():
        scene = None if behind is None else pixels_of(model, behind[None, None])[:, 0]
        result = model(pixels_of(model, frames[None]), FINAL, Silent(), behind=scene)
        proposed = result.objects[-1].proposed
        decoded = model.glimpses.decode(proposed.what).cpu()
    boxes = boxes_of_masks(decoded[:, 3].numpy(), proposed.where.cpu().numpy(), config.image_px)
    presence = proposed.presence[:, 0].cpu().numpy()
    there = presence > (config.carried_presence if least is None else least)
    side = config.grid
    return Cells(
        glimpses=decoded.permute(0, 2, 3, 1).numpy().reshape(side, side, *decoded.shape[2:], 4),
        presence=presence.reshape(side, side),
        boxes=boxes.reshape(side, side, 4),
        claims=_claims(boxes, there, truth).reshape(side, side),
    )


def _claims(
    boxes: Float64[np.ndarray, "n 4"], there: Bool[np.ndarray, " n"], truth: FrameBoxes
) -> Int64[np.ndarray, " n"]:
    """How many present boxes mean the object that each present one means."""
    counted = np.zeros(len(boxes), np.int64)
    present = np.flatnonzero(there & (boxes[:, 2:] > 0).all(1))
    if not len(present) or not len(truth):
        return counted
    iou = overlaps(truth, FrameBoxes.of(present, boxes[present]))
    meant, sure = iou.argmax(0), iou.max(0) >= LEAST_CLAIM
    many = np.bincount(meant[sure], minlength=len(truth))
    counted[present[sure]] = many[meant[sure]]
    return counted
