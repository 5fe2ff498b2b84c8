"""Batches around one random frame: the rest are its neighbours in time (the write-up's way).

Frames of one scene have much in common that tells nothing about the place shown: telling their
crops apart takes more than the scene's colours. The write-up does not say how near "nearby" is.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Int64


@dataclass(frozen=True)
class Neighbourhoods:
    """For each of `n` frames, the positions `start` to `end` (exclusive) that count as nearby."""

    start: Int64[np.ndarray, " n"]
    end: Int64[np.ndarray, " n"]


def neighbourhoods(recordings: Int[np.ndarray, " n"], span: int) -> Neighbourhoods:
    """Those up to `span` positions before and after each frame, of the same recording.

    `recordings` is each frame's recording, of frames in time order, recording by recording.
    """
    if span < 1:
        raise ValueError(f"span is {span}; give 1 frame or more")
    if len(recordings) and (np.diff(recordings) < 0).any():
        raise ValueError("recordings are not in order; sort the frames by recording and time")
    place = np.arange(len(recordings))
    first = np.searchsorted(recordings, recordings, side="left")
    last = np.searchsorted(recordings, recordings, side="right")
    start, end = np.maximum(first, place - span), np.minimum(last, place + span + 1)
    return Neighbourhoods(start.astype(np.int64), end.astype(np.int64))


def draw_batch(
    probabilities: Float[np.ndarray, " n"],
    nearby: Neighbourhoods | None,
    size: int,
    rng: np.random.Generator,
) -> Int64[np.ndarray, " size"]:
    """Positions of `size` frames, the first drawn by `probabilities`.

    The rest come from its neighbourhood, or from everywhere if `nearby` is None, by the same
    probabilities and each at most once, as long as there are enough of them.
    """
    total = np.cumsum(probabilities)
    first = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
    first = min(first, len(total) - 1)
    low, high = (0, len(total)) if nearby is None else (nearby.start[first], nearby.end[first])
    others = np.concatenate([np.arange(low, first), np.arange(first + 1, high)])
    # the smallest of exponential variates with these rates: drawing one by one, without putting
    # back, in one go (Efraimidis and Spirakis 2006)
    rates = probabilities[others]
    chosen = others[np.argsort(rng.exponential(size=len(others)) / rates)[: size - 1]]
    batch = np.concatenate([[first], chosen])
    if len(batch) < size:  # too short a recording: it repeats
        batch = np.concatenate([batch, rng.choice(batch, size - len(batch))])
    return batch.astype(np.int64)
