"""Training the car classifier: cross entropy and L1, augmented batches, a cached run."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Int64
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from lib.data.frames import FrameStore
from lib.models.classifier import WRITEUP, Classifier, ClassifierShape
from lib.training.augmentation import Augmentation, augment
from lib.training.cache import RunFolder, cached_run
from lib.training.checkpoint import load_weights
from lib.training.device import Precision, make_fabric, pick_device, pick_precision
from lib.training.labelled import (
    LabelledImages,
    Pixels,
    accuracy_of,
    check_images,
    data_digest,
    watched,
)
from lib.training.logs import CsvLog, Row, TensorBoardLog
from lib.training.loop import Losses, fit
from lib.training.sampling import EpochBatches

EPOCHS = 20
MOST_ROWS = 16  # of the log, in an epoch: its numbers are their mean
SMALL = ClassifierShape(channels=(8, 16, 24, 22), hidden=None, pool="mean", input_scale=1.0)

Batch = tuple[Float[Tensor, "b 3 h w"], Int64[Tensor, " b"]]


@dataclass(frozen=True)
class ClassifierConfig:
    """One network and how it is trained. The defaults are the write-up's, at its own length.

    20 epochs of 1,024 steps of 32 images: 655,360 images, as the write-up's learning curve
    counts them, about 23 minutes on its GPU, 99.68 % of its own test images.
    """

    name: str = "writeup"
    shape: ClassifierShape = WRITEUP
    l1: float = 0.025  # weight of the sum of absolute kernel weights
    learning_rate: float = 1e-3  # Adam, as Keras has it by default
    epsilon: float = 1e-7
    schedule: Literal["constant", "cosine"] = "constant"
    batch_size: int = 32
    steps: int = EPOCHS * 1024
    augmentation: Augmentation = field(default_factory=Augmentation)
    precision: Literal["auto"] | Precision = "auto"  # of products; weights are float32

    def __post_init__(self) -> None:
        if self.schedule not in ("constant", "cosine"):
            raise ValueError(f"schedule is {self.schedule!r}; choose constant or cosine")
        for name in ("batch_size", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 or more")
        if self.l1 < 0 or self.learning_rate <= 0:
            raise ValueError(
                f"l1 is {self.l1} and learning_rate {self.learning_rate}; the first must be 0 or "
                "more, the second more than 0"
            )

    @property
    def epoch_steps(self) -> int:
        """Steps of an epoch: a 20th of the run, however long a preset makes it."""
        return max(1, self.steps // EPOCHS)

    @property
    def log_every(self) -> int:
        """Steps from one row of the log to the next: they divide an epoch evenly."""
        steps = self.epoch_steps
        return next(n for n in range(1, steps + 1) if not steps % n and steps // n <= MOST_ROWS)

    @classmethod
    def preset(cls, preset: str, name: str = "writeup") -> "ClassifierConfig":
        """`name` (``writeup`` or ``small``, of at most 10,000 parameters) at the size of `preset`.

        Times are those of the write-up's network on two quiet CPU cores that multiply bfloat16;
        the small one is twice as fast, float32 takes half as long again.

        - ``tiny``, 20 seconds, on 4,000 images: enough to see what is easy and what is hard.
        - ``small``, about three minutes, on 40,000 images.
        - ``full``, the write-up's length, ten minutes: 99.68 % of its own test images.

        Raises `ValueError` for names that there are none of.
        """
        if preset not in STEPS:
            raise ValueError(f"preset is {preset!r}; choose one of {', '.join(STEPS)}")
        if name not in NETWORKS:
            raise ValueError(f"name is {name!r}; choose one of {', '.join(NETWORKS)}")
        network = NETWORKS[name]
        return replace(network, steps=network.steps * STEPS[preset] // STEPS["full"])


NETWORKS = {
    "writeup": ClassifierConfig(),
    "small": ClassifierConfig(
        name="small",
        shape=SMALL,
        l1=0.0,
        learning_rate=3e-3,
        schedule="cosine",
    ),
}
STEPS: dict[str, int] = {"tiny": 600, "small": 6_400, "full": EPOCHS * 1024}


@dataclass(frozen=True)
class TrainedClassifier:
    """A finished run, its model in evaluation mode on the CPU.

    `history` has a row per epoch: `step`, `loss` = `cross_entropy` + `l1`, `accuracy` on augmented
    training images (these are means over logged steps), `validation_cross_entropy` and
    `validation_accuracy` after the epoch.
    """

    config: ClassifierConfig
    model: Classifier
    run: RunFolder
    history: pd.DataFrame
    weights_hash: str
    images_per_second: float  # of training, over the sessions of the run
    seconds: float


class AbsoluteSum(torch.autograd.Function):
    """weight * sum of |w| over `kernels`, its gradient being written down: weight * sign(w).

    The same number and gradient as the plain expression, with a third of the traffic through
    memory; w = 0 has gradient 0 in both.
    """

    @staticmethod
    def forward(ctx: Any, weight: float, *kernels: Tensor) -> Tensor:
        """The penalty."""
        ctx.weight = weight
        ctx.save_for_backward(*kernels)
        return weight * torch.stack([torch.linalg.vector_norm(k, 1) for k in kernels]).sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The penalty's gradient, times the gradient of whatever it is part of."""
        scale = ctx.weight * gradients[0]
        return None, *(kernel.sign().mul_(scale) for kernel in ctx.saved_tensors)


def absolute_sum(kernels: tuple[Tensor, ...], weight: float) -> Float[Tensor, ""]:
    """`weight` times the sum of the absolute values of `kernels`."""
    if weight == 0:
        return kernels[0].new_zeros(())
    total: Tensor = AbsoluteSum.apply(weight, *kernels)
    return total


@dataclass(frozen=True)
class ClassifierLosses:
    """Cross entropy plus L1 of `kernels`; logs both apart, and the accuracy in the batch."""

    kernels: tuple[Tensor, ...]
    l1: float

    def __call__(self, model: nn.Module, batch: Batch, step: int) -> Losses:
        """Losses of a batch of images and labels."""
        images, labels = batch
        logits = model(images)
        cross_entropy = F.cross_entropy(logits, labels)
        l1 = absolute_sum(self.kernels, self.l1)
        accuracy = (logits.detach().argmax(1) == labels).float().mean()
        parts = {"cross_entropy": cross_entropy, "l1": l1, "accuracy": accuracy}
        return Losses(cross_entropy + l1, parts)


def weights_hash(model: nn.Module) -> str:
    """SHA-256 of all parameters, by name: equal exactly if each bit is. 64 hexadecimal digits."""
    total = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        values = parameter.detach().cpu().contiguous().numpy()
        total.update(f"{name}{list(values.shape)}".encode())
        total.update(values.astype("<f4").tobytes())
    return total.hexdigest()


def near_zero_share(model: Classifier, threshold: float = 1e-3) -> float:
    """Share of kernel weights whose absolute value is below `threshold`.

    Adam walks around zero rather than reaching it, by about its learning rate: hence 0.001.
    """
    kernels = model.kernels()
    near = sum(int((kernel.detach().abs() < threshold).sum()) for kernel in kernels)
    return near / sum(kernel.numel() for kernel in kernels)


def train_classifier(
    config: ClassifierConfig,
    images: LabelledImages,
    train: Int[np.ndarray, " n"],
    validation: Int[np.ndarray, " m"],
    *,
    preset: str,
    root: Path,
    seed: int = 0,
    device: str = "auto",
    validation_images: int = 2_048,
    progress: bool = True,
    force: bool = False,
) -> TrainedClassifier:
    """Train `config` on the images `train`, or load the run if it was done before.

    After every epoch at most `validation_images` of `validation`, evenly spread over it, are
    classified, for the history alone. `preset` only names the run: `config` says how long it is.

    Raises:
        ValueError: images of another size than the network's, a model in `train` or `validation`
            that is no class, labels that do not fit the images, too few images for a batch.
        NonFiniteLossError: the loss blew up.
    """
    labels = check_images(config.shape, images, train, validation)
    device = pick_device(device)
    if config.precision == "auto":  # settled here, so that the run's key and record name it
        config = replace(config, precision=pick_precision(device))
    run = cached_run(
        root / "runs",
        "sideswipe",
        f"{config.name}-{preset}",
        {"classifier": config, "seed": seed, "device": device, "watched": validation_images},
        data_digest(images, labels, train, validation),
        lambda folder: run_training(
            Job(config, images.store, labels, train, watched(validation, validation_images)),
            folder,
            model=Classifier(config.shape, generator=torch.Generator().manual_seed(seed)),
            seed=seed,
            device=device,
            progress=progress,
        ),
        code=[__name__],
        force=force,
    )
    model = Classifier(config.shape)
    load_weights(model, run.path)
    return TrainedClassifier(
        config=config,
        model=model.eval(),
        run=run,
        history=read_history(run.log_csv, config.epoch_steps),
        weights_hash=weights_hash(model),
        images_per_second=config.steps * config.batch_size / run.metrics["seconds"],
        seconds=run.seconds,
    )


@dataclass(frozen=True)
class Job:
    """What a training works on."""

    config: ClassifierConfig
    store: FrameStore
    labels: Int64[np.ndarray, " n"]
    train: Int[np.ndarray, " t"]
    validation: Int[np.ndarray, " v"]


def run_training(
    job: Job, run: RunFolder, *, model: Classifier, seed: int, device: str, progress: bool
) -> dict[str, Any]:
    """One run: returns its last numbers, the share of small weights and the seconds of training."""
    config = job.config
    fabric = make_fabric(device, precision=config.precision)
    # convolutions and pooling are faster on images whose channels lie side by side
    model = model.train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(
        model.parameters(), lr=config.learning_rate, eps=config.epsilon, fused=True
    )
    schedule: LRScheduler | None = None
    if config.schedule == "cosine":
        schedule = CosineAnnealingLR(optimiser, config.steps)

    def watch(step: int, row: Row) -> Row | None:
        if step != config.steps and step % config.epoch_steps:
            return None
        right, loss = accuracy_of(model, job.store, job.labels, job.validation)
        return {"validation_accuracy": right, "validation_cross_entropy": loss}

    result = fit(
        model,
        ClassifierLosses(model.kernels(), config.l1),
        make_batches(job, fabric.device, seed),
        optimiser,
        fabric=fabric,
        steps=config.steps,
        run_dir=run.path,
        schedule=schedule,
        log_every=config.log_every,
        loggers=[CsvLog(run.log_csv), TensorBoardLog(run.tensorboard)],
        on_log=watch,
        progress=progress,
        description=config.name,
    )
    last = {name: float(values[-1]) for name, values in result.history.items()}
    return last | {"seconds": result.seconds, "near_zero_share": near_zero_share(model)}


def make_batches(job: Job, device: torch.device, seed: int) -> Callable[[int], Batch]:
    """Augmented batches on `device`, each a pure function of `seed` and its step."""
    pixels = Pixels(job.store, device)
    indices = EpochBatches(job.train, job.config.batch_size, seed, load=lambda chosen: chosen)

    def batch(step: int) -> Batch:
        chosen = indices(step)
        images = augment(pixels(chosen), job.config.augmentation, seed=seed, step=step)
        return images, torch.from_numpy(job.labels[chosen]).to(device)

    return batch


def read_history(log_csv: Path, epoch_steps: int) -> pd.DataFrame:
    """A row per epoch from the log's rows; see `TrainedClassifier`."""
    log = pd.read_csv(log_csv)
    epoch = (log["step"] - 1) // epoch_steps + 1
    means = ["loss", "cross_entropy", "l1", "accuracy"]
    ends = ["step", "validation_accuracy", "validation_cross_entropy", "lr"]
    grouped = log.groupby(epoch.rename("epoch"))
    return pd.concat([grouped[means].mean(), grouped[ends].last()], axis=1).reset_index()
