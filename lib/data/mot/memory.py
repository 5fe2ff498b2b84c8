"""Decoded frames, remembered while there is room: small footage is decoded only once."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from lib.data.mot.sequences import MotSequence

Frame = UInt8[np.ndarray, "h w 3"]


class FrameMemory:
    """Frames of sequences by their numbers, up to `limit` bytes; what came first stays.

    Threads may share it: at worst they decode a frame twice.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.held = limit, 0
        self._frames: dict[tuple[Path, int], Frame] = {}

    def read(self, sequence: MotSequence, numbers: Sequence[int]) -> list[Frame]:
        """Frames of `sequence`, as its own `read` gives them, not to be written to."""
        keys = {k: (sequence.source, sequence.begin + k) for k in numbers}
        missing = sorted(k for k, key in keys.items() if key not in self._frames)
        new = dict(zip(missing, sequence.read(missing), strict=True)) if missing else {}
        for number, frame in new.items():
            if self.held + frame.nbytes <= self.limit and keys[number] not in self._frames:
                self._frames[keys[number]] = frame
                self.held += frame.nbytes
        return [new[k] if k in new else self._frames[keys[k]] for k in numbers]
