"""Segments drawn to the edges of the picture: the guided filter (He et al. 2013).

Features are coarse, so that borders between segments are too smooth or a few pixels off. The filter
moves them to edges of brightness nearby (doi 10.1109/TPAMI.2012.213, equations 5, 6 and 8).
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def guided_filter(
    votes: Float[Tensor, "c h w"], guide: Float[Tensor, "h w"], *, radius_px: int, contrast: float
) -> Float[Tensor, "c h w"]:
    """Smooth `votes` where `guide` is even, and keep or restore edges where it has some.

    Within each window of side ``2 radius_px + 1`` votes are a line in the guide's brightness (in
    [0, 1]); a pixel takes the mean of all lines through it. Edges weaker than `contrast` are
    smoothed over. Windows are cut at the border.

    Raises `ValueError` for a radius below 1 or a contrast that is not positive.
    """
    if radius_px < 1 or contrast <= 0:
        raise ValueError(
            f"radius_px={radius_px}, contrast={contrast}: want a radius of at least 1 pixel and a "
            "contrast above 0"
        )
    mean_guide = _window_means(guide[None], radius_px)
    mean_votes = _window_means(votes, radius_px)
    variance = _window_means(guide[None] ** 2, radius_px) - mean_guide**2
    covariance = _window_means(guide * votes, radius_px) - mean_guide * mean_votes
    slope = covariance / (variance + contrast**2)
    offset = mean_votes - slope * mean_guide
    return _window_means(slope, radius_px) * guide + _window_means(offset, radius_px)


def _window_means(x: Float[Tensor, "c h w"], radius_px: int) -> Float[Tensor, "c h w"]:
    side = 2 * radius_px + 1
    rows = F.avg_pool2d(
        x[None], (side, 1), stride=1, padding=(radius_px, 0), count_include_pad=False
    )
    return F.avg_pool2d(rows, (1, side), stride=1, padding=(0, radius_px), count_include_pad=False)[
        0
    ]
