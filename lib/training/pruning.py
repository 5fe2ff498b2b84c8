"""Pruning the classifier: channels that L1 left small are taken out, the rest is tuned again.

Channels are ranked by the mean of the absolute weights that hang on them (torch-pruning finds
which go together), over all layers at once: the penalty has put all layers on one scale. What is
left is an ordinary `Classifier` with fewer channels.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch_pruning as tp
from jaxtyping import Int
from torch import nn

from lib.models.classifier import Classifier, ClassifierShape
from lib.training.cache import RunFolder, cached_run
from lib.training.checkpoint import load_weights
from lib.training.classifier import (
    ClassifierConfig,
    Job,
    TrainedClassifier,
    run_training,
    weights_hash,
)
from lib.training.device import pick_device
from lib.training.labelled import LabelledImages, accuracy_of, check_images, data_digest, watched

TARGETS = (700_000, 350_000, 150_000, 50_000, 20_000, 10_000)
ROUNDS = 100  # in how many all channels would be gone: each ranks anew what is left
MOST_PRUNED = 0.97  # of a layer's channels


@dataclass(frozen=True)
class PrunedClassifier:
    """A point of the front: a smaller network and its accuracy on all validation images."""

    config: ClassifierConfig
    model: Classifier
    run: RunFolder
    parameters: int
    accuracy: float
    accuracy_before_tuning: float
    near_zero_share: float  # of kernel weights, after tuning
    weights_hash: str
    seconds: float


def prune(
    trained: TrainedClassifier,
    images: LabelledImages,
    train: Int[np.ndarray, " n"],
    validation: Int[np.ndarray, " m"],
    *,
    root: Path,
    targets: Sequence[int] = TARGETS,
    steps_each: int = 1024,
    learning_rate: float = 1e-3,
    l1: float = 0.0,
    seed: int = 0,
    device: str = "auto",
    validation_images: int = 2_048,
    progress: bool = True,
    force: bool = False,
) -> list[PrunedClassifier]:
    """Prune `trained` to at most each of `targets` parameters, tuning each network apart.

    Tuning is `steps_each` steps on augmented images with a cosine schedule from `learning_rate`,
    without L1 unless told: the penalty has done its work by then. Each network is cut from
    `trained`, not from the one before, because what was tuned without the penalty can no longer
    be ranked across layers: then whole layers but for a channel would go. Each is a cached run.

    Raises:
        ValueError: targets that do not fall, or that the network cannot be pruned to.
    """
    targets = check_targets(trained.model.shape, targets)
    labels = check_images(trained.model.shape, images, train, validation)
    device = pick_device(device)
    pruned: list[PrunedClassifier] = []
    for target in targets:
        smaller = remove_channels(trained.model, target)
        config = replace(
            trained.config,
            name=f"{trained.config.name}-{target}",
            shape=smaller.shape,
            l1=l1,
            learning_rate=learning_rate,
            schedule="cosine",
            steps=steps_each,
        )
        job = Job(config, images.store, labels, train, watched(validation, validation_images))
        run = cached_run(
            root / "runs",
            "sideswipe-pruned",
            config.name,
            {"classifier": config, "seed": seed, "device": device, "parent": trained.run.key,
             "watched": validation_images},
            data_digest(images, labels, train, validation),
            lambda folder, job=job, smaller=smaller: _tune(  # type: ignore[misc]
                job, folder, model=smaller, all_validation=validation, seed=seed, device=device,
                progress=progress,
            ),
            code=[__name__],
            force=force,
        )  # fmt: skip
        pruned.append(_finished(config, run))
    return pruned


def check_targets(shape: ClassifierShape, targets: Sequence[int]) -> tuple[int, ...]:
    """`targets` as a tuple; `ValueError` unless they fall, from below the parameters of `shape`."""
    falling = all(
        after < before for before, after in zip((shape.parameters, *targets), targets, strict=False)
    )
    if not targets or not falling:
        raise ValueError(
            f"targets is {tuple(targets)}; give falling numbers below the network's "
            f"{shape.parameters:,} parameters"
        )
    return tuple(targets)


def remove_channels(model: Classifier, target: int) -> Classifier:
    """A copy of `model` without its least important channels, of at most `target` parameters.

    Raises `ValueError` where `MOST_PRUNED` of each layer's channels are not enough.
    """
    whole = Classifier(model.shape)
    whole.load_state_dict(model.state_dict())
    if model.shape.parameters > target:
        _prune_to(whole, target)
    smaller = Classifier(_shape_of(whole))
    smaller.load_state_dict(whole.state_dict())
    return smaller.eval()


def _prune_to(model: Classifier, target: int) -> None:
    """Take channels out of `model`, in place, round by round until `target` is met."""
    example = torch.zeros(1, 3, *model.shape.image_size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch-pruning's own use of what PyTorch has deprecated
        pruner = tp.pruner.BasePruner(
            model,
            example,
            importance=tp.importance.GroupMagnitudeImportance(p=1, normalizer=None),
            global_pruning=True,
            pruning_ratio=1.0,
            max_pruning_ratio=MOST_PRUNED,
            iterative_steps=ROUNDS,
            ignored_layers=[model.head],  # its channels are the classes
        )
        for _ in range(ROUNDS):
            for group in pruner.step(interactive=True):
                group.prune()
                if sum(p.numel() for p in model.parameters()) <= target:
                    return
    raise ValueError(
        f"targets holds {target}, which a network of {model.shape.parameters:,} parameters cannot "
        f"be pruned to (at most {MOST_PRUNED:.0%} of a layer's channels go); give a larger one"
    )


def _shape_of(model: Classifier) -> ClassifierShape:
    """The shape that `model` has after channels were taken out."""
    convolutions = [layer for layer in model.body if isinstance(layer, nn.Conv2d)]
    hidden = [layer for layer in model.body if isinstance(layer, nn.Linear)]
    return replace(
        model.shape,
        channels=tuple(int(layer.weight.shape[0]) for layer in convolutions),
        hidden=int(hidden[0].weight.shape[0]) if hidden else None,
    )


def _tune(
    job: Job,
    run: RunFolder,
    *,
    model: Classifier,
    all_validation: Int[np.ndarray, " m"],
    seed: int,
    device: str,
    progress: bool,
) -> dict[str, Any]:
    """Tune `model`; its accuracy on all validation images, before and after."""
    before, _ = accuracy_of(model, job.store, job.labels, all_validation)
    metrics = run_training(job, run, model=model, seed=seed, device=device, progress=progress)
    tuned = Classifier(job.config.shape)
    load_weights(tuned, run.path)
    after, loss = accuracy_of(tuned.eval(), job.store, job.labels, all_validation)
    return metrics | {
        "accuracy_before_tuning": before,
        "validation_accuracy": after,
        "validation_cross_entropy": loss,
    }


def _finished(config: ClassifierConfig, run: RunFolder) -> PrunedClassifier:
    model = Classifier(config.shape)
    load_weights(model, run.path)
    metrics = run.metrics
    return PrunedClassifier(
        config=config,
        model=model.eval(),
        run=run,
        parameters=config.shape.parameters,
        accuracy=metrics["validation_accuracy"],
        accuracy_before_tuning=metrics["accuracy_before_tuning"],
        near_zero_share=metrics["near_zero_share"],
        weights_hash=weights_hash(model),
        seconds=run.seconds,
    )
