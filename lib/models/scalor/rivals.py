"""Proposals of one frame that are meant for the same object: the most present one stays."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

PRESENT = 0.5  # from this presence on a proposal takes its place


@torch.no_grad()
def unrivalled(
    boxes: Float[Tensor, "n 4"], presence: Float[Tensor, " n"], clips: int, most: float
) -> Bool[Tensor, " n"]:
    """Which of the cells' proposals, as many for each clip, no stronger one stands in the way of.

    The most present one comes first; whichever overlaps one that stays by more than `most`, an
    intersection over union, is out (greedy non-maximum suppression). The original compares
    proposals only with what is followed already, so that two cells may find one object.
    """
    cells = len(boxes) // clips
    order = presence.view(clips, cells).argsort(dim=1, descending=True, stable=True)
    strength = presence.view(clips, cells).gather(1, order)
    iou = _overlaps(boxes.view(clips, cells, 4).gather(1, order[:, :, None].expand(-1, -1, 4)))
    near = iou > most
    stays = strength > PRESENT
    out = torch.zeros_like(stays)
    for rank in range(1, cells):
        out[:, rank] = (near[:, rank, :rank] & stays[:, :rank]).any(1)
        stays[:, rank] &= ~out[:, rank]
    return torch.zeros_like(out).scatter(1, order, ~out).flatten()


def _overlaps(boxes: Float[Tensor, "b k 4"]) -> Float[Tensor, "b k k"]:
    """Intersections over unions of boxes (half sides, centre) of each clip."""
    first, last = boxes[..., 2:] - boxes[..., :2], boxes[..., 2:] + boxes[..., :2]
    begin = torch.maximum(first[:, :, None], first[:, None])
    end = torch.minimum(last[:, :, None], last[:, None])
    both = (end - begin).clamp_min(0).prod(-1)
    area = (last - first).prod(-1)
    return both / (area[:, :, None] + area[:, None] - both)
