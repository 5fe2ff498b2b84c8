"""Training one version of the VQ-VAE: its loss, its batches, its cached run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lib.data.frames import FrameStore
from lib.data.pretrained import read_lpips_weights
from lib.files import digest
from lib.models.perceptual import Lpips, SilentlyMissingLpips
from lib.models.vqvae import Vqvae
from lib.models.vqvae_version import TOLD, Version, optimiser_steps
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
    steps_per_epoch: float  # of the version's own epochs, however short a preset makes them
    seconds: float


def vqvae_losses(
    model: torch.nn.Module,
    images: Float[Tensor, "b 3 h w"],
    beta: float,
    *,
    lpips: torch.nn.Module | None = None,
    lpips_weight: float = 0.0,
    watch: bool = True,
) -> Losses:
    """Squared error, `lpips_weight` times LPIPS, `beta` times the commitment; images in [0, 1].

    Without weight, LPIPS is computed for the log only, and only if `watch`; else it is given as 0.

    The codebook follows moving averages and has no loss of its own; the studied code added one
    that carries no gradient, which changes the printed loss and nothing else.
    """
    result = model(images)
    quantised, mse = result.quantised, F.mse_loss(result.image, images)
    total = mse + beta * quantised.commitment
    parts = {
        "mse": mse,
        "commitment": quantised.commitment,
        "perplexity": quantised.perplexity,
        "largest_product": quantised.largest_product,
        "largest_sum": quantised.largest_sum,
    }
    if lpips is not None:
        parts["lpips"] = mse.new_zeros(())
        if lpips_weight > 0 or watch:
            with torch.set_grad_enabled(lpips_weight > 0):
                parts["lpips"] = lpips(result.image, images).mean()
        total = total + lpips_weight * parts["lpips"] if lpips_weight > 0 else total
        parts["lpips_weight"] = mse.new_tensor(lpips_weight)
    return Losses(total, parts)


@dataclass(frozen=True)
class VersionLosses:
    """The loss of one version at each step of a run of `steps` steps."""

    version: Version
    steps: int
    lpips: torch.nn.Module | None

    def __call__(self, model: torch.nn.Module, images: Tensor, step: int) -> Losses:
        """Losses of `images` at `step`, counted from 0."""
        weight = 0.0
        if self.version.perceptual is not None:
            weight = self.version.perceptual.weight(self.version.epoch(step, self.steps))
        return vqvae_losses(
            model,
            images,
            self.version.beta,
            lpips=self.lpips,
            lpips_weight=weight,
            watch=step == 0 or (step + 1) % LOG_EVERY == 0 or step + 1 == self.steps,
        )


def perceptual_loss(version: Version) -> torch.nn.Module | None:
    """LPIPS as `version` used it; None where it did not.

    Raises `PretrainedWeightsMissingError` if the weights are not installed.
    """
    if version.perceptual is None:
        return None
    if not version.perceptual.installed:
        return SilentlyMissingLpips()
    return Lpips(read_lpips_weights("alex"), input_range=version.perceptual.input_range)


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
    parent: TrainedVersion | None = None,
    wandb_project: str | None = None,
    progress: bool = True,
    force: bool = False,
) -> TrainedVersion:
    """Train `version` on the frames `train` of `store`, or load the run if it was done before.

    A version that continues another starts from the weights, averages and optimiser of `parent`.
    `share` shortens training to that part of the preset's steps, for a quick look. Beside the CSV
    and TensorBoard logs, `wandb_project` names a Weights & Biases project to log to.

    Raises:
        ValueError: share outside (0, 1], frames of another size than the version's, a `parent`
            that is not the version it continues.
        NonFiniteLossError: the loss blew up, in a version that stops for it.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; give a number above 0, at most 1")
    if version.continues_from != (parent.version.name if parent else None):
        raise ValueError(
            f"parent is {parent.version.name if parent else None}, but {version.name} continues "
            f"{version.continues_from}; train that first and give it as parent"
        )
    if store.size != version.model.image_size:
        raise ValueError(
            f"store holds frames of {store.size} pixels, {version.name} takes "
            f"{version.model.image_size} (rows, columns); read the footage at that size"
        )
    device = pick_device(device)
    steps = max(1, round(share * optimiser_steps(version, preset, len(train))))
    seed += version.seed_shift
    config = {
        "version": plain(version) | dict.fromkeys(TOLD, ""),  # prose decides nothing
        "steps": steps,
        "seed": seed,
        "device": device,
        "parent": parent.run.key if parent else None,
    }
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
            parent=parent,
            steps=steps,
            seed=seed,
            device=device,
            wandb_project=wandb_project,
            progress=progress,
        ),
        code=[__name__],
        force=force,
    )
    model = Vqvae(version.model)
    load_weights(model, run.path)
    return TrainedVersion(
        version=version,
        run=run,
        model=model.eval(),
        history=pd.read_csv(run.log_csv),
        steps_per_epoch=steps / version.own_epochs,
        seconds=run.seconds,
    )


def train_versions(
    versions: Mapping[str, Version],
    preset: str,
    footage: Callable[[Version], tuple[FrameStore, Int[np.ndarray, " n"]]],
    **options: Any,
) -> dict[str, TrainedVersion]:
    """Train all of `versions`, each after the one it continues; `options` as of `train_version`.

    `footage` gives the frames and the training indices of a version.

    Raises `ValueError` if a version continues one that is not among those before it.
    """
    trained: dict[str, TrainedVersion] = {}
    for name, chosen in versions.items():
        source = chosen.continues_from
        if source is not None and source not in trained:
            raise ValueError(
                f"versions: {name} continues {source}, which is not among those before it; add it"
            )
        parent = trained[source] if source else None
        trained[name] = train_version(chosen, preset, *footage(chosen), parent=parent, **options)
    return trained


def _train(
    version: Version,
    store: FrameStore,
    train: Int[np.ndarray, " n"],
    run: RunFolder,
    *,
    parent: TrainedVersion | None,
    steps: int,
    seed: int,
    device: str,
    wandb_project: str | None,
    progress: bool,
) -> dict[str, float]:
    """One run: returns the last logged values and the number of skipped steps."""
    fabric = make_fabric(device, precision="16-mixed" if device == "cuda" else "32-true")
    seed_everything(seed)
    # convolutions are a tenth faster on images whose channels lie side by side
    model = Vqvae(version.model).train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters(), lr=version.learning_rate)
    if parent is not None:
        load_weights(model, parent.run.path, optimiser=optimiser)
    lpips = perceptual_loss(version)

    def load(indices: Int[np.ndarray, " b"]) -> Float[Tensor, "b 3 h w"]:
        images = torch.from_numpy(store.batch(indices))
        return fabric.to_device(images.contiguous(memory_format=torch.channels_last))

    logs: list[Log] = [CsvLog(run.log_csv), TensorBoardLog(run.tensorboard)]
    if wandb_project:
        logs.append(WandbLog(wandb_project, plain(version), run_id=run.path.name))
    result = fit(
        model,
        VersionLosses(version, steps, lpips.to(fabric.device) if lpips is not None else None),
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
