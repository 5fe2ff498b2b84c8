"""Which frame of a playthrough comes next."""

import numpy as np
from jaxtyping import Bool, Int64

from lib.data.frames import FrameStore

NEXT_WITHIN_SECONDS = 1.0
"""Frames further apart in time do not follow one another: something was left out between."""


def has_next(store: FrameStore) -> Bool[np.ndarray, " n"]:
    """Which frames are followed, at most a second later, by one of the same recording.

    In a store that does not tell its frames a second, any later frame of the recording counts.
    """
    same = np.diff(store.recordings) == 0
    if fps := store.settings.get("fps"):
        same &= np.diff(store.frame_numbers) <= max(1.0, NEXT_WITHIN_SECONDS * float(fps))
    return np.append(same, np.zeros(min(1, len(store)), dtype=bool))


def next_frames(store: FrameStore) -> Int64[np.ndarray, " n"]:
    """For each frame the position of its next one, or its own where there is none."""
    return np.arange(len(store), dtype=np.int64) + has_next(store)
