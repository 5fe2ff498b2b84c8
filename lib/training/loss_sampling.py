"""Loss-guided sampling: frames with a higher loss are drawn more often, in proportion.

The write-up says just that. Loss-proportional sampling rewards noise as well as difficulty, and
losses change as training goes on, so here a frame's loss is relative to the running mean of all,
smoothed over its visits, capped, and mixed with uniform sampling; and what is drawn is logged.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int, Int32, Int64
from torch import Tensor

from lib.files import atomic_path

MEAN_SMOOTHING = 0.98  # of the running mean of all losses: about the last fifty batches


@dataclass(frozen=True)
class SamplingSettings:
    """How losses become probabilities.

    `smoothing` is the share of its old loss that a frame keeps at a visit. No frame counts for
    more than `cap` times the mean. The share `uniform` of all draws looks at no loss, so that
    every frame is met again.
    """

    smoothing: float = 0.5
    cap: float = 4.0
    uniform: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise ValueError(f"smoothing is {self.smoothing}; give a number from 0 to below 1")
        if self.cap < 1:
            raise ValueError(f"cap is {self.cap}; give 1 (all alike) or more")
        if not 0 <= self.uniform <= 1:
            raise ValueError(f"uniform is {self.uniform}; give a share from 0 to 1")


class LossSampler:
    """Smoothed losses of `count` frames, and the probabilities that follow from them.

    A frame that was not met yet counts as average: its relative loss is 1.
    """

    def __init__(self, count: int, settings: SamplingSettings) -> None:
        if count < 1:
            raise ValueError(f"count is {count}; give at least one frame to draw from")
        self.settings = settings
        self._losses = np.ones(count)
        self._mean: float | None = None
        self._pending: tuple[Int64[np.ndarray, " b"], Tensor] | None = None

    @property
    def losses(self) -> Float64[np.ndarray, " n"]:
        """Smoothed loss of each frame, relative to the mean; a copy."""
        self._settle()
        return self._losses.copy()

    def note(self, frames: Int[np.ndarray, " b"], losses: Float[Tensor, " b"]) -> None:
        """Take in the losses of a batch; read from their device when they are next needed."""
        self._settle()
        self._pending = frames.astype(np.int64), losses.detach()

    def probabilities(self) -> Float64[np.ndarray, " n"]:
        """The chance of each frame to be drawn first; they sum to 1."""
        self._settle()
        count = len(self._losses)
        if self.settings.uniform == 1:
            return np.full(count, 1 / count)
        weights = np.minimum(self._losses, self.settings.cap * self._losses.mean())
        guided = weights / weights.sum()
        return self.settings.uniform / count + (1 - self.settings.uniform) * guided

    def _settle(self) -> None:
        if self._pending is None:
            return
        frames, values = self._pending[0], self._pending[1].double().cpu().numpy()
        self._pending = None
        batch_mean = float(values.mean())
        old = batch_mean if self._mean is None else self._mean
        self._mean = MEAN_SMOOTHING * old + (1 - MEAN_SMOOTHING) * batch_mean
        different, which, times = np.unique(frames, return_inverse=True, return_counts=True)
        # floored: a loss of zero would have a frame never drawn again where uniform is 0
        relative = np.maximum(values / max(self._mean, 1e-12), 1e-3)
        seen = np.bincount(which, relative) / times
        kept = self.settings.smoothing
        self._losses[different] = kept * self._losses[different] + (1 - kept) * seen

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values."""
        self._settle()
        return {"losses": torch.from_numpy(self._losses.copy()), "mean": self._mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved state of as many frames."""
        if len(state["losses"]) != len(self._losses):
            raise ValueError(
                f"the saved sampler has {len(state['losses'])} frames, this one "
                f"{len(self._losses)}; train on the frames it was saved with"
            )
        self._losses = state["losses"].numpy().copy()
        self._mean, self._pending = state["mean"], None


@dataclass(frozen=True)
class Selection:
    """What was drawn in each of `p` equal parts of a training, and the losses at their ends.

    `frames` are indices in the frame store; `losses` are smoothed and relative to the mean.
    """

    frames: Int64[np.ndarray, " n"]
    draws: Int32[np.ndarray, "p n"]
    losses: Float32[np.ndarray, "p n"]


class SelectionLog:
    """Counts what is drawn, in `parts` equal parts of a training of `steps` steps."""

    def __init__(self, frames: Int64[np.ndarray, " n"], steps: int, *, parts: int = 20) -> None:
        self.steps, self.parts = steps, min(parts, steps)
        self._frames = frames
        self._draws = np.zeros((self.parts, len(frames)), np.int32)
        self._losses = np.zeros((self.parts, len(frames)), np.float32)

    def record(
        self, step: int, drawn: Int64[np.ndarray, " b"], losses: Float64[np.ndarray, " n"]
    ) -> None:
        """Note what `step` (from 0) draws, and the losses of all frames before it."""
        part = self._part(step)
        np.add.at(self._draws[part], drawn, 1)
        if part and self._part(step - 1) < part:
            self._losses[part - 1] = losses

    def finish(self, losses: Float64[np.ndarray, " n"]) -> Selection:
        """All that was noted, with the losses after the last step."""
        self._losses[-1] = losses
        return Selection(self._frames, self._draws.copy(), self._losses.copy())

    def _part(self, step: int) -> int:
        return step * self.parts // self.steps

    def state_dict(self) -> dict[str, Any]:
        """Tensors."""
        return {
            "draws": torch.from_numpy(self._draws.copy()),
            "losses": torch.from_numpy(self._losses.copy()),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved state of the same training."""
        self._draws = state["draws"].numpy().copy()
        self._losses = state["losses"].numpy().copy()


def write_selection(selection: Selection, path: Path) -> None:
    """Write `selection` to `path` (``.npz``), atomically."""
    with atomic_path(path) as temporary:
        np.savez_compressed(
            temporary, frames=selection.frames, draws=selection.draws, losses=selection.losses
        )


def read_selection(path: Path) -> Selection:
    """Read what `write_selection` wrote."""
    with path.open("rb") as raw, np.load(raw) as file:
        return Selection(file["frames"], file["draws"], file["losses"])
