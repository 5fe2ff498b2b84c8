"""Checkpoints that survive crashes, full disks and damaged files.

A checkpoint is one file, ``checkpoint-00001200.pt`` after 1200 finished steps, that holds tensors
and plain Python values only, so that loading one never runs code.
"""

import errno
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim import Optimizer

from lib.files import atomic_path

KEEP = 2  # the newest may be damaged by a failing disk; the one before it is the way back
_NAME = re.compile(r"checkpoint-(\d{8,})\.pt")


class CorruptCheckpointError(ValueError):
    """A checkpoint file that cannot be read back whole."""


class CorruptCheckpointWarning(UserWarning):
    """A damaged checkpoint was passed over for an older one."""


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where the checkpoint after `step` finished steps lies."""
    return folder / f"checkpoint-{step:08d}.pt"


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in `folder`, newest first; empty where the folder is missing."""
    steps = {
        int(match[1]): path for path in folder.glob("*.pt") if (match := _NAME.fullmatch(path.name))
    }
    return [steps[step] for step in sorted(steps, reverse=True)]


def save_checkpoint(fabric: Fabric, path: Path, state: Mapping[str, Any]) -> None:
    """Write `state` (tensors and plain values) to `path`, then drop all but the newest `KEEP`.

    The first process writes, all wait for it. A full disk raises `lib.files.DiskSpaceError` and
    leaves the older checkpoints as they are: they are dropped only once the new one is complete.
    """
    if fabric.is_global_zero:
        with atomic_path(path) as temporary:
            _write(state, temporary)
        for old in checkpoints(path.parent)[KEEP:]:
            old.unlink()
    fabric.barrier()


def load_checkpoint(fabric: Fabric, path: Path) -> dict[str, Any]:
    """Read the checkpoint at `path`, its tensors on the CPU; every process reads for itself.

    Raises `CorruptCheckpointError` if the file is damaged, be it by a single bit.
    """
    del fabric  # one file for all processes: nothing to ask it, but saving and loading read alike
    return _read(path)


def newest_checkpoint(fabric: Fabric, folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest checkpoint in `folder` that can be read, and its content; None if there is none.

    Damaged ones are passed over with a `CorruptCheckpointWarning`; partial files, left by a
    process that was killed while writing, are deleted. All processes get the same one.
    """
    found: tuple[Path, dict[str, Any]] | None = None
    if fabric.is_global_zero:
        for partial in folder.glob(".checkpoint-*.partial.pt"):
            partial.unlink(missing_ok=True)
        found = _newest_readable(folder)
    if fabric.world_size == 1:
        return found
    name = fabric.broadcast(found[0].name if found else None)
    if name is None:
        return None
    return found or (folder / name, load_checkpoint(fabric, folder / name))


def load_weights(model: nn.Module, folder: Path, *, optimiser: Optimizer | None = None) -> int:
    """Load the newest checkpoint's weights in `folder` into `model`; return its finished steps.

    For looking at a finished run, or for starting another one from it: then the state of its
    `optimiser` may be wanted, too. Raises `FileNotFoundError` where there is no readable one.
    """
    found = _newest_readable(folder)
    if found is None:
        raise FileNotFoundError(
            f"no readable checkpoint-*.pt in {folder.name}: train first, or name another run folder"
        )
    model.load_state_dict(found[1]["model"])
    if optimiser is not None:
        optimiser.load_state_dict(found[1]["optimiser"])
    return int(found[1]["step"])


def _newest_readable(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    for path in checkpoints(folder):
        try:
            return path, _read(path)
        except CorruptCheckpointError as error:
            warnings.warn(
                f"{error}; going back to the one before it, if any",
                CorruptCheckpointWarning,
                stacklevel=3,
            )
    return None


def _write(state: Mapping[str, Any], path: Path) -> None:
    try:
        with path.open("wb") as file:
            torch.save(dict(state), file)
    except RuntimeError as error:
        # PyTorch hides a full disk behind an error about positions in its archive.
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:
                raise OSError(errno.ENOSPC, "no space left on the disk", path.name) from error
            cause = cause.__context__
        raise


def _read(path: Path) -> dict[str, Any]:
    try:
        # torch.load does not look at the archive's checksums: a flipped bit would go unnoticed.
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise CorruptCheckpointError(f"{path.name} is damaged (checksum of {damaged})")
        with path.open("rb") as file:
            state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        return state
    except (zipfile.BadZipFile, pickle.UnpicklingError, EOFError, RuntimeError) as error:
        raise CorruptCheckpointError(f"{path.name} is damaged ({error})") from error
