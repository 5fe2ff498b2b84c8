"""What the Sideswipe chapter trains: which network on which split of which cars, at each preset."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Int64

from lib.data.garage import Cars, prepare_cars
from lib.data.sideswipe import CarImages
from lib.data.splits import (
    Splits,
    split_groups,
    split_images,
    split_unseen_parts,
    split_unseen_rotations,
)
from lib.training.classifier import ClassifierConfig, TrainedClassifier, train_classifier
from lib.worlds.garage.loadout import Variant

Split = Literal["random", "grouped", "unseen_parts", "unseen_rotations"]
SPLITS: tuple[Split, ...] = get_args(Split)
SPLIT_WORDS = {
    "random": "each image by chance (the write-up's)",
    "grouped": "whole loadouts",
    "unseen_parts": "hats and wheels never seen",
    "unseen_rotations": "rotations never seen",
}
SHARE = 0.1  # of the images, in validation and in the test part alike


@dataclass(frozen=True)
class Experiment:
    """One network on one split of one variant of the cars."""

    network: str
    split: Split
    variant: Variant

    @property
    def id(self) -> str:
        """The first parts of its rows in the ledger."""
        return f"sideswipe.{self.network}.{self.split}.{self.variant}"


WRITEUP = tuple(Experiment("writeup", split, variant) for variant in Variant for split in SPLITS)
SMALL = (
    Experiment("small", "random", Variant.FAITHFUL),
    *(Experiment("small", "grouped", variant) for variant in Variant),
)
SEEDS = {"tiny": 1, "small": 1, "full": 3}


def all_cars(preset: str, *, root: Path, data_dir: str | None, seed: int) -> dict[Variant, Cars]:
    """Cars of both variants; a reader's own are one data set, which then stands for both."""
    variants = Variant if data_dir is None else (Variant.FAITHFUL,)
    return {
        variant: prepare_cars(variant, preset=preset, root=root, data_dir=data_dir, seed=seed)
        for variant in variants
    }


def split_cars(images: CarImages, split: Split, *, seed: int = 0) -> Splits:
    """The split named `split`; validation and test are a tenth each where the split lets choose.

    Raises `ValueError` for a name that is none of `SPLITS`.
    """
    groups, labels = images.store.groups, images.labels
    if split == "random":
        return split_images(len(groups), validation=SHARE, test=SHARE, seed=seed)
    if split == "grouped":
        return split_groups(groups, validation=SHARE, test=SHARE, seed=seed)
    if split == "unseen_parts":
        parts = {name: labels[name].to_numpy(np.int64) for name in ("wheel", "hat")}
        return split_unseen_parts(groups, parts, held_out_share=SHARE, validation=SHARE, seed=seed)
    if split == "unseen_rotations":
        rotations = labels["x_rotation"].to_numpy(np.int64)
        return split_unseen_rotations(groups, rotations, validation=SHARE, seed=seed)
    raise ValueError(f"split is {split!r}; choose one of {', '.join(SPLITS)}")


def config_of(network: str, preset: str, *, share: float = 1.0) -> ClassifierConfig:
    """How `network` is trained at `preset`; `share` of its steps, for a quick look."""
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; give a number above 0, at most 1")
    config = ClassifierConfig.preset(preset, network)
    return replace(config, steps=max(20, round(share * config.steps)))


@dataclass(frozen=True)
class Trained:
    """One run of an experiment, with the split it was trained on."""

    experiment: Experiment
    seed: int
    splits: Splits
    run: TrainedClassifier


def train_all(
    experiments: Iterable[Experiment],
    cars: Mapping[Variant, Cars],
    *,
    preset: str,
    root: Path,
    seed: int = 0,
    device: str = "auto",
    share: float = 1.0,
) -> dict[str, list[Trained]]:
    """Train each experiment with each of the preset's seeds; by id, those without cars left out."""
    found: dict[str, list[Trained]] = {}
    for experiment in experiments:
        if experiment.variant not in cars:
            continue
        images = cars[experiment.variant].images
        for one in range(seed, seed + SEEDS[preset]):
            splits = split_cars(images, experiment.split, seed=one)
            run = train_classifier(
                config_of(experiment.network, preset, share=share),
                images,
                splits.train,
                splits.validation,
                preset=f"{preset}-{experiment.split}-{experiment.variant}",
                root=root,
                seed=one,
                device=device,
            )
            found.setdefault(experiment.id, []).append(Trained(experiment, one, splits, run))
    return found


def fewer_loadouts(
    train: Int64[np.ndarray, " n"], images: CarImages, loadouts: int, *, seed: int = 0
) -> Int64[np.ndarray, " k"]:
    """The training images of `loadouts` of the loadouts in `train`, chosen by `seed`."""
    groups = images.store.groups[train]
    names = np.unique(groups)
    if not 1 <= loadouts <= len(names):
        raise ValueError(f"loadouts is {loadouts}; give a number from 1 to {len(names)}")
    chosen = np.random.default_rng(seed).permutation(names)[:loadouts]
    kept: Int64[np.ndarray, " k"] = train[np.isin(groups, chosen)]
    return kept
