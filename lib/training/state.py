"""Everything a training needs to go on exactly where it stopped."""

import json
import logging
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lib.training.checkpoint import checkpoint_path, newest_checkpoint, save_checkpoint
from lib.training.finite import NonFiniteLossError, not_finite_entries
from lib.training.logs import Row

_log = logging.getLogger(__name__)

History = dict[str, list[float | int]]  # columns of equal length, `step` first


@runtime_checkable
class Stateful(Protocol):
    """Anything with a state to be saved: a second optimiser, a queue, a momentum encoder."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Take over a saved state."""


@dataclass
class TrainingState:
    """What changes during training, with its way into a checkpoint and back.

    `step` counts finished steps, `skipped` those without an update. `checkpoint` is the newest one
    written or read. If `guarded`, weights that are not finite are never written.
    """

    fabric: Fabric
    model: nn.Module
    optimiser: Optimizer
    schedule: LRScheduler | None
    stateful: Mapping[str, Any]
    generators: Mapping[str, torch.Generator]
    config: Mapping[str, Any]
    guarded: bool = True
    step: int = 0
    skipped: int = 0
    history: History = field(default_factory=dict)
    checkpoint: Path | None = None

    def __post_init__(self) -> None:
        self._seconds_before, self._started = 0.0, time.perf_counter()
        self.config = as_json(self.config)
        # What is infinite from the start is meant to be, such as the -inf of an attention mask.
        self._masks = frozenset(not_finite_entries(self.model.state_dict()))

    @property
    def seconds(self) -> float:
        """Time spent training, added up over resumptions."""
        return self._seconds_before + time.perf_counter() - self._started

    def resume(self, run_dir: Path, steps: int) -> int | None:
        """Go on from the newest checkpoint in `run_dir`; return its step, None without one."""
        found = newest_checkpoint(self.fabric, run_dir)
        if found is None:
            return None
        path, state = found
        if state["step"] > steps:
            raise ValueError(
                f"steps: got {steps}, but {path.name} in run_dir is further already. "
                "Ask for more steps, or name another folder"
            )
        self.load_state_dict(state, path)
        _log.info("resumed from %s", path.name)
        return self.step

    def save(self, run_dir: Path) -> None:
        """Write a checkpoint, or raise `NonFiniteLossError`. Every process must call it."""
        if self.guarded:
            self._check_weights()
        path = checkpoint_path(run_dir, self.step)
        save_checkpoint(self.fabric, path, self.state_dict())
        self.checkpoint = path

    def _check_weights(self) -> None:
        bad = not_finite_entries(self.model.state_dict())
        bad = {name: value for name, value in bad.items() if name not in self._masks}
        if any(_of_all_processes(self.fabric, bool(bad))):
            raise NonFiniteLossError(
                self.step, bad or {"weights in another process": math.nan}, self.checkpoint
            )

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values. Every process must call it: each has its random numbers."""
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict() if self.schedule else None,
            "precision": self.fabric.strategy.precision.state_dict(),
            "stateful": {name: thing.state_dict() for name, thing in self.stateful.items()},
            "random": _of_all_processes(
                self.fabric, random_state(self.fabric.device, self.generators)
            ),
            "config": self.config,
            "step": self.step,
            "skipped": self.skipped,
            "seconds": self.seconds,
            "history": self.history,
        }

    def load_state_dict(self, state: Mapping[str, Any], path: Path) -> None:
        """Go on from `state`, read from `path`; `ValueError` if it is another configuration's."""
        _check_config(state["config"], self.config, path)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.schedule:
            self.schedule.load_state_dict(state["schedule"])
        self.fabric.strategy.precision.load_state_dict(state["precision"])
        for name, thing in self.stateful.items():
            thing.load_state_dict(state["stateful"][name])
        if self.fabric.global_rank < len(state["random"]):  # else: more processes than before
            restore_random_state(
                state["random"][self.fabric.global_rank], self.fabric.device, self.generators
            )
        self.step, self.skipped = state["step"], state["skipped"]
        self._seconds_before, self._started = state["seconds"], time.perf_counter()
        self.history = state["history"]
        self.checkpoint = path


def append_row(history: History, row: Row) -> None:
    """Add `row` to the columns; a column that a row lacks gets NaN there."""
    length = len(next(iter(history.values()), ()))
    for name in row:
        history.setdefault(name, [math.nan] * length)
    for name, column in history.items():
        column.append(row.get(name, math.nan))


def random_state(device: torch.device, generators: Mapping[str, torch.Generator]) -> dict[str, Any]:
    """State of every source of randomness of this process: Python's, PyTorch's, `generators`."""
    state: dict[str, Any] = {
        "python": random.getstate(),
        "torch": torch.get_rng_state(),
        "generators": {name: generator.get_state() for name, generator in generators.items()},
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def restore_random_state(
    state: Mapping[str, Any], device: torch.device, generators: Mapping[str, torch.Generator]
) -> None:
    """Undo `random_state`; a state from another kind of device leaves that device's as it is."""
    random.setstate(state["python"])
    torch.set_rng_state(state["torch"])
    for name, generator in generators.items():
        generator.set_state(state["generators"][name])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
    elif device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"])


def as_json(config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` as it reads back from JSON, so that it can be compared with a saved one."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(config)))
    except TypeError as error:
        raise ValueError(f"config: wanted what JSON can hold, but {error}") from error
    return plain


def _check_config(saved: Mapping[str, Any], wanted: Mapping[str, Any], path: Path) -> None:
    different = [
        f"{name} = {saved.get(name)!r} there, {wanted.get(name)!r} now"
        for name in sorted({*saved, *wanted})
        if saved.get(name) != wanted.get(name)
    ]
    if different:
        raise ValueError(
            f"run_dir: {path.parent.name} holds a run of another configuration "
            f"({'; '.join(different)}). Name another folder, or delete this one"
        )


def _of_all_processes(fabric: Fabric, value: Any) -> list[Any]:
    if fabric.world_size == 1:
        return [value]
    values: list[Any] = [None] * fabric.world_size
    torch.distributed.all_gather_object(values, value)
    return values
