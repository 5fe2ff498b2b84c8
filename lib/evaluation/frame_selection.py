"""What loss-guided sampling selects: kinds of frames, content, and how strongly it prefers.

`draws` are how often each of `n` frames was drawn in each of `p` equal parts of a training,
`losses` their smoothed losses at the parts' ends, as the sampler logs them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32
from scipy.stats import spearmanr

Draws = Int32[np.ndarray, "p n"]
Losses = Float32[np.ndarray, "p n"]


@dataclass(frozen=True)
class KindSelection:
    """How frames of one kind fare in each of the `p` parts of a training."""

    share: float  # of the frames
    draws: Float[np.ndarray, " p"]  # share of all draws over `share`: 1 is as often as by chance
    loss: Float[np.ndarray, " p"]  # mean smoothed loss at the part's end, relative to all frames'


def by_kind(
    draws: Draws, losses: Losses, members: Mapping[str, Bool[np.ndarray, " _n"]]
) -> dict[str, KindSelection]:
    """Draws and losses of each kind of frame; kinds without a frame are left out.

    `members` says which frames are of a kind. Raises `ValueError` for masks of
    another length.
    """
    found = {}
    share_of_draws = draws / np.maximum(draws.sum(1, keepdims=True), 1)
    loss = losses / losses.mean(1, keepdims=True)
    for kind, which in members.items():
        if len(which) != draws.shape[1]:
            raise ValueError(
                f"members[{kind!r}] has {len(which)} entries for {draws.shape[1]} frames; "
                "give one for each frame that was trained on"
            )
        if which.any():
            share = float(which.mean())
            found[kind] = KindSelection(
                share, share_of_draws[:, which].sum(1) / share, loss[:, which].mean(1)
            )
    return found


def guidance(draws: Draws, losses: Losses) -> float:
    """Draws of the tenth of the frames with the highest losses, over those of the lowest tenth.

    Losses are those at the end of each part, draws those of the next one; 1 means that losses
    guide nothing. NaN for fewer than ten frames or a single part.
    """
    tenth = draws.shape[1] // 10
    if not tenth or len(losses) < 2:
        return float("nan")
    order = np.argsort(losses[:-1], axis=1, kind="stable")
    drawn = np.take_along_axis(draws[1:], order, axis=1)
    low, high = drawn[:, :tenth].sum(), drawn[:, -tenth:].sum()
    return float(high / low) if low else float("nan")


def evenness(draws: Draws) -> float:
    """Frames that would be drawn if all were drawn alike, over those there are: 1 is uniform.

    The exponential of the draws' entropy over the number of frames.
    """
    total = draws.sum(0)
    p = total[total > 0] / total.sum()
    return float(np.exp(-(p * np.log(p)).sum()) / len(total))


def loss_correlations(losses: Losses, shares: Float[np.ndarray, "m c"]) -> Float[np.ndarray, " c"]:
    """Rank correlation of a frame's last loss with its share of each class; NaN where constant.

    Raises `ValueError` unless there is a row of shares for each frame.
    """
    last = losses[-1]
    if len(shares) != len(last):
        raise ValueError(f"shares has {len(shares)} rows for {len(last)} frames; give one each")
    return np.array(
        [
            spearmanr(last, column).statistic if np.ptp(column) and np.ptp(last) else np.nan
            for column in shares.T
        ]
    )
