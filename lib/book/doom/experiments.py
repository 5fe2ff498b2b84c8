"""What the Doom chapter trains and compares: methods, trunks, lengths, seeds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Int64

from lib.data.playthrough import Playthrough, prepare_playthrough
from lib.data.splits import Splits
from lib.evaluation.segmentation.baselines import (
    colour_and_position,
    colour_kmeans,
)
from lib.evaluation.segmentation.config import SegmentationConfig
from lib.evaluation.segmentation.features import Trunk
from lib.evaluation.segmentation.imagenet import ImageNetStages
from lib.models.inference import features_for_inference
from lib.training.contrastive import (
    METHODS,
    ContrastiveConfig,
    TrainedContrastive,
    train_contrastive,
    untrained,
)
from lib.training.device import pick_precision

TrunkName = Literal["contrastive", "untrained", "imagenet", "colour"]
SEEDS = {"tiny": 1, "small": 1, "full": 3}  # of the main training
SHORT = {"tiny": 0.25, "small": 0.15, "full": 1.0}  # of its steps: trainings that are compared
SHORT_SEEDS = {"tiny": 1, "small": 3, "full": 3}


@dataclass(frozen=True)
class Method:
    """One way from frames to segments: whose features, and what is done otherwise with them.

    `probe` is a classifier that is told the classes: no unsupervised method, but their ceiling.
    """

    name: str  # of the ledger
    words: str
    trunk: TrunkName = "contrastive"
    changes: Mapping[str, Any] = field(default_factory=dict)  # of the segmentation's settings
    probe: bool = False

    def config(self, preset: str) -> SegmentationConfig:
        """How it segments."""
        config = SEGMENTATION[preset]
        return replace(colour_kmeans(config) if self.trunk == "colour" else config, **self.changes)


SEGMENTATION = {
    "tiny": replace(SegmentationConfig.preset("tiny"), fit_frames=40),
    "small": SegmentationConfig.preset("small"),
    "full": replace(SegmentationConfig.preset("full"), fit_frames=400),
}
MAIN = Method("contrastive", "contrastive")
BASELINES = (
    Method("colour_kmeans", "colour and place, k-means", "colour"),
    Method("random_resnet34", "the same ResNet-34, random weights", "untrained"),
    Method("imagenet", "EfficientNet-lite0, ImageNet", "imagenet"),
)
PROBES = (
    Method("probe", "told the classes: contrastive", probe=True),
    Method("probe_random", "told the classes: random weights", "untrained", probe=True),
    Method("probe_imagenet", "told the classes: ImageNet", "imagenet", probe=True),
)
WITHOUT = (  # one step of the segmentation changed
    Method("single_scale", "one scale only", changes={"scales": (1.0,)}),
    Method("pca", "PCA instead of UMAP", changes={"reduction": "pca"}),
    Method("kmeans", "k-means instead of HDBSCAN", changes={"clustering": "kmeans"}),
    Method("no_balance", "maps not made equal", changes={"balance": False}),
    Method("clean_up", "with edges followed", changes={"clean_up_px": 4}),
)
COMPARED = {  # trainings, each as long as the first
    "contrastive": "the whole method",
    "no_next_frame": "no next frame",
    "no_queue": "no memory queue",
    "no_momentum": "no momentum network",
    "no_neighbour_batches": "no neighbour batches",
    "no_loss_sampling": "no loss sampling",
    "dense": "with a dense loss",
}
assert set(COMPARED) == set(METHODS)


def playthrough(
    preset: str, *, root: Path, data_dir: str | None, seed: int
) -> tuple[Playthrough, Splits]:
    """The frames, and which of them are trained on; whole maps are held out."""
    played = prepare_playthrough(preset, root=root, data_dir=data_dir, seed=seed)
    return played, played.split()


def train_main(
    played: Playthrough,
    splits: Splits,
    *,
    preset: str,
    root: Path,
    seed: int = 0,
    device: str = "auto",
    share: float = 1.0,
) -> list[TrainedContrastive]:
    """The whole method, one run a seed."""
    return [
        _train("contrastive", played, splits.train, share, preset, root, one, device)
        for one in range(seed, seed + SEEDS[preset])
    ]


def train_compared(
    played: Playthrough,
    splits: Splits,
    *,
    preset: str,
    root: Path,
    seed: int = 0,
    device: str = "auto",
    share: float = 1.0,
) -> dict[str, list[TrainedContrastive]]:
    """The whole method and what is left without each ingredient, equally long; by name."""
    return {
        name: [
            _train(name, played, splits.train, share * SHORT[preset], preset, root, one, device)
            for one in range(seed, seed + SHORT_SEEDS[preset])
        ]
        for name in COMPARED
    }


def config_of(name: str, preset: str, *, share: float = 1.0) -> ContrastiveConfig:
    """How `name` is trained at `preset`; `share` of its steps."""
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; give a number above 0, at most 1")
    config = ContrastiveConfig.preset(preset, name)
    return replace(config, steps=max(20, round(share * config.steps)))


def trunk_of(name: TrunkName, trained: TrainedContrastive, *, seed: int) -> Trunk:
    """The feature maps that a method works on.

    ResNets look in bfloat16 where the processor multiplies it; ImageNet's small network gains
    nothing from that.
    """
    if name in ("contrastive", "untrained"):
        network = trained.model if name == "contrastive" else untrained(trained.config, seed)
        native = pick_precision("cpu") == "bf16-mixed"
        return features_for_inference(network, torch.bfloat16 if native else torch.float32)
    return ImageNetStages() if name == "imagenet" else colour_and_position


def _train(
    name: str,
    played: Playthrough,
    train: Int64[np.ndarray, " n"],
    share: float,
    preset: str,
    root: Path,
    seed: int,
    device: str,
) -> TrainedContrastive:
    return train_contrastive(
        config_of(name, preset, share=share),
        played.store,
        train,
        preset=preset,
        root=root,
        seed=seed,
        device=device,
    )
