"""What a camera that does not move sees behind everybody: the median of its frames.

Where more than half of the frames show the ground, the median shows it, whoever walks by. Whoever
stands still for longer than that becomes part of it (as in every method that remembers a
background; McFarlane and Schofield 1995).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from lib.data.mot.sequences import MotSequence

MOST_FRAMES = 61
"""An odd number, so that the median of so many is one of their own values."""
_ROWS = 128  # of frames whose median is taken at once: sorting all of full HD would take gigabytes


def behind_all(frames: Sequence[UInt8[np.ndarray, "h w 3"]]) -> UInt8[np.ndarray, "h w 3"]:
    """The median of each value over time; of an even number of frames the lower one.

    Raises `ValueError` for no frames.
    """
    if not len(frames):
        raise ValueError("frames is empty: give at least one")
    height, middle = frames[0].shape[0], (len(frames) - 1) // 2
    bands = []
    for top in range(0, height, _ROWS):
        values = np.stack([frame[top : top + _ROWS] for frame in frames])
        bands.append(np.partition(values, middle, axis=0)[middle])
    return np.concatenate(bands)


def behind_sequence(
    sequence: MotSequence, *, most: int = MOST_FRAMES
) -> UInt8[np.ndarray, "h w 3"]:
    """What is behind everybody in `sequence`, from at most so many frames, spread evenly over it.

    Raises `ValueError` for ``most`` below 1, or frames that cannot be read.
    """
    if most < 1:
        raise ValueError(f"most={most}: want at least one frame")
    places = np.linspace(0, sequence.frames - 1, min(most, sequence.frames)).round()
    return behind_all(sequence.read([int(place) for place in places]))
