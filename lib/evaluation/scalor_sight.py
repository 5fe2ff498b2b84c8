"""Whether SCALOR's proposals depend on the frame at all, or only on the place of their cell."""

import numpy as np
import torch
from jaxtyping import UInt8

from lib.models.scalor import Scalor
from lib.models.scalor.sight import sight


@torch.no_grad()
def seen_share(model: Scalor, frames: UInt8[np.ndarray, "n h w 3"]) -> float:
    """Share of the variance of proposals' presence that comes from the frames, in [0, 1].

    Of the logits in first frames, over all frames and cells: what differs between frames at one
    cell, over all that differs. 0 is a model that proposes the same whatever it sees.

    Raises `ValueError` for fewer than two frames.
    """
    if len(frames) < 2:
        raise ValueError(f"frames has {len(frames)}: want at least two that differ")
    first = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)[:, None] / 255
    maps, _ = model.encoder(sight(first, None, model.config).whole)
    untracked = first.new_zeros(len(first), 1, *first.shape[3:])
    _, presence, _ = model.discovery.net(maps[:, 0], untracked)
    from_frames = (presence - presence.mean(0)).square().mean()
    return float(from_frames / presence.var(correction=0))
