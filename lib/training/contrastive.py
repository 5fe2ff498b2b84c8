"""Contrastive training on a playthrough's frames: a cached run that resumes bit for bit."""

import math
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from lib.data.frames import FrameStore
from lib.files import digest
from lib.models.contrastive import ContrastiveNetwork
from lib.training.cache import RunFolder, cached_run
from lib.training.checkpoint import load_weights
from lib.training.contrastive_config import METHODS, ContrastiveConfig
from lib.training.contrastive_loss import effective_rank, spread
from lib.training.contrastive_step import ContrastiveStep, ViewBatches
from lib.training.device import make_fabric, pick_device, pick_precision
from lib.training.logs import CsvLog, TensorBoardLog
from lib.training.loop import fit
from lib.training.loss_sampling import (
    LossSampler,
    SamplingSettings,
    Selection,
    SelectionLog,
    read_selection,
    write_selection,
)
from lib.training.views import crop

__all__ = [
    "METHODS",
    "CollapsedTrainingWarning",
    "ContrastiveConfig",
    "TrainedContrastive",
    "embed",
    "train_contrastive",
    "untrained",
]

COLLAPSED_SPREAD = 0.1
WATCHED_FRAMES = 512
SELECTION = "selection.npz"
UNIFORM = SamplingSettings(uniform=1.0)


class CollapsedTrainingWarning(UserWarning):
    """The network gives all frames nearly the same embedding."""


@dataclass(frozen=True)
class TrainedContrastive:
    """A finished run, its model in evaluation mode on the CPU.

    `history` has columns `step`, `loss`, `info_nce` (and `dense`), `accuracy`, `similarity`,
    `spread` of the batch, `grad_norm`, `lr`. `spread` and `effective_rank` are of frames spread
    over the whole training footage, at the end; below 0.1, `spread` counts as collapsed.
    """

    config: ContrastiveConfig
    model: ContrastiveNetwork
    run: RunFolder
    history: pd.DataFrame
    selection: Selection
    spread: float
    effective_rank: float
    steps_per_second: float
    seconds: float

    @property
    def collapsed(self) -> bool:
        """Whether all embeddings are nearly the same."""
        return self.spread < COLLAPSED_SPREAD


def untrained(config: ContrastiveConfig, seed: int = 0) -> ContrastiveNetwork:
    """The network that training with `seed` starts from, in evaluation mode: a baseline."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ContrastiveNetwork(config.shape).eval()


def train_contrastive(
    config: ContrastiveConfig,
    frames: FrameStore,
    train: Int[np.ndarray, " n"],
    *,
    preset: str,
    root: Path,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
    force: bool = False,
) -> TrainedContrastive:
    """Train `config` on the frames `train` of the store, or load the run if it was done before.

    Recordings are taken to be in time order. The next frame of a frame is looked up in the whole
    store, so a split must not cut through a recording. `preset` only names the run.

    Warns with `CollapsedTrainingWarning` if the embeddings collapsed.

    Raises:
        ValueError: indices outside the store, or fewer frames than a batch has.
        NonFiniteLossError: the loss blew up.
    """
    train = _check_frames(config, frames, train)
    device = pick_device(device)
    if config.precision == "auto":  # settled here, so that the run's key and record name it
        config = replace(config, precision=pick_precision(device))
    run = cached_run(
        root / "runs",
        "doom",
        f"{config.name}-{preset}",
        {"contrastive": config, "seed": seed, "device": device},
        digest([frames.digest, train.astype("<i8").tobytes()]),
        lambda folder: _train(
            config, frames, train, folder, seed=seed, device=device, progress=progress
        ),
        code=[__name__],
        force=force,
    )
    model = ContrastiveNetwork(config.shape)
    load_weights(model, run.path)
    trained = TrainedContrastive(
        config=config,
        model=model.eval(),
        run=run,
        history=pd.read_csv(run.log_csv),
        selection=read_selection(run.path / SELECTION),
        spread=run.metrics["spread"],
        effective_rank=run.metrics["effective_rank"],
        steps_per_second=config.steps / run.metrics["seconds"],
        seconds=run.seconds,
    )
    if trained.collapsed:
        warnings.warn(
            f"{config.name}: the embeddings collapsed: their spread is {trained.spread:.3f}, where "
            f"1 is even and below {COLLAPSED_SPREAD} nearly a point. Lower the learning rate, or "
            "use the queue or larger batches",
            CollapsedTrainingWarning,
            stacklevel=2,
        )
    return trained


def embed(
    model: ContrastiveNetwork,
    frames: FrameStore,
    indices: Int[np.ndarray, " n"],
    *,
    size_px: int,
    batch_size: int = 128,
) -> Float[Tensor, "n d"]:
    """Unit embeddings of the frames' middle: the largest centred square, at `size_px`.

    On the CPU; the model's mode is left as it is.
    """
    device = next(model.parameters()).device
    rows, columns = frames.size
    side = min(rows, columns)
    top, left = (rows - side) / 2, (columns - side) / 2
    box = torch.tensor([top, left, top + side, left + side])
    parts = []
    for start in range(0, len(indices), batch_size):
        images = torch.from_numpy(frames.batch(indices[start : start + batch_size])).to(device)
        planes = images.transpose(0, 1).contiguous()
        views = crop(planes, box.expand(planes.shape[1], 4), size_px).transpose(0, 1)
        with torch.inference_mode():
            parts.append(model(views.contiguous(memory_format=torch.channels_last)).image.cpu())
    return torch.cat(parts)


def _train(
    config: ContrastiveConfig,
    frames: FrameStore,
    train: Int64[np.ndarray, " n"],
    run: RunFolder,
    *,
    seed: int,
    device: str,
    progress: bool,
) -> dict[str, Any]:
    """One run: returns its last numbers, its seconds, and how far the embeddings spread."""
    fabric = make_fabric(device, precision=config.precision)
    # convolutions are faster on images whose channels lie side by side
    model = untrained(config, seed).train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    sampler = LossSampler(len(train), config.sampling if config.loss_sampling else UNIFORM)
    log = SelectionLog(train, config.steps)
    step = ContrastiveStep(config, fabric, model, sampler)
    result = fit(
        model,
        step,
        ViewBatches(config, frames, train, sampler, log, seed=seed, device=fabric.device),
        optimiser,
        fabric=fabric,
        steps=config.steps,
        run_dir=run.path,
        schedule=LambdaLR(optimiser, _Rate(config.steps, config.warmup)),
        stateful={**step.stateful, "sampler": sampler, "selection": log},
        log_every=config.log_every,
        checkpoint_every=config.checkpoint_every,
        loggers=[CsvLog(run.log_csv), TensorBoardLog(run.tensorboard)],
        progress=progress,
        description=config.name,
    )
    write_selection(log.finish(sampler.losses), run.path / SELECTION)
    watched = train[np.linspace(0, len(train) - 1, min(WATCHED_FRAMES, len(train))).astype(int)]
    vectors = embed(model.eval(), frames, watched, size_px=config.views.size_px)
    return {name: float(values[-1]) for name, values in result.history.items()} | {
        "seconds": result.seconds,
        "spread": float(spread(vectors)),
        "effective_rank": effective_rank(vectors),
    }


@dataclass(frozen=True)
class _Rate:
    """Share of the learning rate at a step: a linear warm-up, then half a cosine down to zero."""

    steps: int
    warmup: float

    def __call__(self, step: int) -> float:
        rising = max(1, round(self.warmup * self.steps))
        if step < rising:
            return (step + 1) / rising
        return (1 + math.cos(math.pi * (step - rising) / max(1, self.steps - rising))) / 2


def _check_frames(
    config: ContrastiveConfig, frames: FrameStore, train: Int[np.ndarray, " n"]
) -> Int64[np.ndarray, " m"]:
    """`train`, sorted and each once."""
    train = np.unique(train.astype(np.int64))
    if len(train) < config.batch_size:
        raise ValueError(
            f"train has {len(train)} different frames, too few for a batch of "
            f"{config.batch_size}; give more, or choose a smaller batch_size"
        )
    if train[0] < 0 or train[-1] >= len(frames):
        raise ValueError(
            f"train has indices from {train[0]} to {train[-1]}, the store holds {len(frames)} "
            "frames; give indices of this store"
        )
    return train
