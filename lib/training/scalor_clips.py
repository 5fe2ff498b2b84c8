"""Batches of clips for SCALOR, each a pure function of the step."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from lib.data.ahead import read_ahead
from lib.data.mot.clips import Clips
from lib.training.scalor_config import ScalorTraining


class ClipPixels(NamedTuple):
    """Clips in whole numbers from 0 to 255, and what is behind everybody, where that is wanted."""

    clips: UInt8[Tensor, "b t 3 h w"]
    behind: UInt8[Tensor, "b 3 h w"] | None = None


class ClipBatches:
    """``batches(step)``: the clips of a step, with what is behind them for models that remember it.

    Clips come in rounds, each of which has every clip once, in an order of its own and, where
    windows are drawn, with windows of its own. Where a batch wants fewer frames than a clip has,
    they are a stretch of it that begins anywhere.

    Raises `ValueError` for clips that are shorter than the longest ones wanted.
    """

    def __init__(
        self, config: ScalorTraining, clips: Clips, *, seed: int, workers: int = 2
    ) -> None:
        if clips.config.frames < config.longest:
            raise ValueError(
                f"clips have {clips.config.frames} frames, training wants up to {config.longest}: "
                "cut longer clips, or shorten lengths"
            )
        self.config, self.clips, self.seed, self.workers = config, clips, seed, workers
        self._taken = _taken_before(config)

    def __call__(self, step: int) -> ClipPixels:
        """The batch of `step`, the first of which is 0."""
        length = self.config.length_at(step)
        first = self._taken[length.since] + (step - length.since) * length.clips
        indices = [self._clip(number) for number in range(first, first + length.clips)]
        rng = np.random.default_rng([self.seed, 1, step])
        start = int(rng.integers(0, self.clips.config.frames - length.frames + 1))

        def read(index: int) -> UInt8[np.ndarray, "t h w 3"]:
            return self.clips.pixels(index, first=start, frames=length.frames)

        frames = np.stack(list(read_ahead(read, indices, self.workers)))
        clips = torch.from_numpy(frames).permute(0, 1, 4, 2, 3)
        if self.config.model.background != "remembered":
            return ClipPixels(clips)
        behind = np.stack(list(read_ahead(self.clips.behind, indices, self.workers)))
        return ClipPixels(clips, torch.from_numpy(behind).permute(0, 3, 1, 2))

    def _clip(self, number: int) -> int:
        """The `number`-th clip to be seen, all rounds counted."""
        turn, within = divmod(number, len(self.clips))
        order = np.random.default_rng([self.seed, 0, turn]).permutation(len(self.clips))
        return turn * len(self.clips) + int(order[within])


def _taken_before(config: ScalorTraining) -> dict[int, int]:
    """How many clips were seen before each change of the lengths, by its step."""
    taken, seen = {0: 0}, 0
    for before, after in pairwise(config.lengths):
        seen += (after.since - before.since) * before.clips
        taken[after.since] = seen
    return taken
