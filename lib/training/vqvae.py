"""Training one version of the VQ-VAE: its loss, its batches, its cached run."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lib.data.frames import FrameStore
from lib.files import digest
from lib.models.vqvae import Vqvae
from lib.models.vqvae_versions import Version, optimiser_steps
from lib.training.cache import RunFolder, cached_run, plain
from lib.training.checkpoint import load_weights
from lib.training.device import make_fabric, pick_device, seed_everything
from lib.training.logs import CsvLog, Log, TensorBoardLog, WandbLog
from lib.training.loop import Losses, fit
from lib.training.sampling import EpochBatches

LOG_EVERY = 5


@dataclass(frozen=True)
class TrainedVersion:
    """A finished run of one version, its model in evaluation mode on the CPU."""

    version: Version
    run: RunFolder
    model: Vqvae
    history: pd.DataFrame  # a row every few steps: losses, perplexity, gradient norm
    steps_per_epoch: int
    seconds: float


def vqvae_losses(model: torch.nn.Module, images: Tensor, beta: float) -> Losses:
    """Mean squared error plus `beta` times the commitment loss, for images in [0, 1].

    The codebook follows moving averages and has no loss of its own; the studied code added one
    that carries no gradient, which changes the printed loss and nothing else.
    """
    result = model(images)
    mse = F.mse_loss(result.image, images)
    quantised = result.quantised
    return Losses(
        total=mse + beta * quantised.commitment,
        parts={
            "mse": mse,
            "commitment": quantised.commitment,
            "perplexity": quantised.perplexity,
            "largest_product": quantised.largest_product,
            "largest_sum": quantised.largest_sum,
        },
    )


def train_version(
    version: Version,
    preset: str,
    store: FrameStore,
    train: Int[np.ndarray, " n"],
    *,
    root: Path,
    seed: int = 0,
    device: str = "auto",
    share: float = 1.0,
    wandb_project: str | None = None,
    progress: bool = True,
    force: bool = False,
) -> TrainedVersion:
    """Train `version` on the frames `train` of `store`, or load the run if it was done before.

    `share` shortens training to that part of the preset's steps, for a quick look. Beside the CSV
    and TensorBoard logs, `wandb_project` names a Weights & Biases project to log to.

    Raises:
        ValueError: share outside (0, 1], frames of another size than the version's.
        NonFiniteLossError: the loss blew up, in a version that stops for it.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; give a number above 0, at most 1")
    if store.size != version.model.image_size:
        raise ValueError(
            f"store holds frames of {store.size} pixels, {version.name} takes "
            f"{version.model.image_size} (rows, columns); read the footage at that size"
        )
    device = pick_device(device)
    steps = max(1, round(share * optimiser_steps(version, preset, len(train))))
    told = {"changed": "", "why": ""}  # prose about a version decides nothing
    config = {"version": plain(version) | told, "steps": steps, "seed": seed, "device": device}
    run = cached_run(
        root / "runs",
        "vqvae",
        f"{version.name}-{preset}",
        config,
        digest([store.digest, train.astype("<i8").tobytes()]),
        lambda folder: _train(
            version,
            store,
            train,
            folder,
            steps=steps,
            seed=seed,
            device=device,
            wandb_project=wandb_project,
            progress=progress,
        ),
        force=force,
    )
    model = Vqvae(version.model)
    load_weights(model, run.path)
    return TrainedVersion(
        version=version,
        run=run,
        model=model.eval(),
        history=pd.read_csv(run.log_csv),
        steps_per_epoch=max(1, len(train) // version.batch_size),
        seconds=run.seconds,
    )


def _train(
    version: Version,
    store: FrameStore,
    train: Int[np.ndarray, " n"],
    run: RunFolder,
    *,
    steps: int,
    seed: int,
    device: str,
    wandb_project: str | None,
    progress: bool,
) -> dict[str, float]:
    """One run: returns the last logged values and the number of skipped steps."""
    fabric = make_fabric(device, precision="16-mixed" if device == "cuda" else "32-true")
    seed_everything(seed)
    model = Vqvae(version.model).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=version.learning_rate)

    def load(indices: Int[np.ndarray, " b"]) -> Float[Tensor, "b 3 h w"]:
        return fabric.to_device(torch.from_numpy(store.batch(indices)))

    logs: list[Log] = [CsvLog(run.log_csv), TensorBoardLog(run.tensorboard)]
    if wandb_project:
        logs.append(WandbLog(wandb_project, plain(version), run_id=run.path.name))
    result = fit(
        model,
        lambda model, images, step: vqvae_losses(model, images, version.beta),
        EpochBatches(train, version.batch_size, seed, load=load),
        optimiser,
        fabric=fabric,
        steps=steps,
        run_dir=run.path,
        clip_norm=version.clip_norm,
        log_every=LOG_EVERY,
        loggers=logs,
        nonfinite=version.nonfinite,
        progress=progress,
        description=version.name,
    )
    return {name: float(values[-1]) for name, values in result.history.items()}
