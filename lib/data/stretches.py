"""Time in a playthrough that has no maps: times written out, stretches, parts kept apart."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int32, Int64

from lib.data.splits import Splits, split_groups

STRETCHES = 20
"""Of a recording: some are tested on as a whole. At twelve hours, one lasts 36 minutes."""


class Stretches(NamedTuple):
    """The stretch of each frame, and the names of all stretches: the times they begin at."""

    names: list[str]
    of_frame: Int32[np.ndarray, " n"]


def clock_time(seconds: float) -> str:
    """``0:12:03.4``: hours, minutes, seconds, as a video player shows them."""
    tenths = max(0, round(seconds * 10))
    minutes, rest = divmod(tenths, 600)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 10:02}.{rest % 10}"


def cut_stretches(numbers: Int32[np.ndarray, " n"], fps: float) -> Stretches:
    """Cut frames, by rising numbers at `fps`, into at most `STRETCHES` stretches of equal time."""
    start, span = int(numbers[0]), int(numbers[-1]) - int(numbers[0]) + 1
    count = min(STRETCHES, len(numbers))
    which, of_frame = np.unique(
        (numbers.astype(np.int64) - start) * count // span, return_inverse=True
    )
    begins = (start + which * span / count) / fps
    names = [f"from {clock_time(seconds)}" for seconds in begins]
    return Stretches(names, of_frame.astype(np.int32))


def split_stretches(
    stretches: Int32[np.ndarray, " n"],
    numbers: Int32[np.ndarray, " n"],
    *,
    validation: float = 0.1,
    test: float = 0.2,
    gap: int = 100,
    seed: int = 0,
) -> Splits:
    """Split one recording by whole stretches, with gaps between the parts.

    Neighbouring frames are nearly alike, so frames nearer than `gap` numbers to one of the test
    part are in no other part, nor frames of the training part nearer than that to one of
    validation. `gap` is at most a quarter of a stretch. Unlike in other splits, these frames
    are in no part at all. Raises `ValueError` for shares that do not fit or fewer than three
    stretches.
    """
    whole = split_groups(stretches, validation=validation, test=test, seed=seed)
    stretch = (int(numbers[-1]) - int(numbers[0]) + 1) // (int(stretches.max()) + 1)
    gap = min(gap, stretch // 4)
    kept = whole.validation[~_near(numbers, whole.validation, whole.test, gap)]
    others = np.sort(np.concatenate([whole.validation, whole.test]))
    train = whole.train[~_near(numbers, whole.train, others, gap)]
    return Splits(train, kept, whole.test)


def _near(
    numbers: Int32[np.ndarray, " n"],
    part: Int64[np.ndarray, " m"],
    others: Int64[np.ndarray, " k"],
    gap: int,
) -> Bool[np.ndarray, " m"]:
    """Which frames of `part` are nearer than `gap` to one of `others`; both are positions."""
    here, there = numbers[part].astype(np.int64), numbers[others].astype(np.int64)
    after = np.searchsorted(there, here)
    right = there[np.minimum(after, len(there) - 1)]
    left = there[np.maximum(after - 1, 0)]
    return np.minimum(np.abs(right - here), np.abs(here - left)) < gap
