"""Facts of training, splits and looks: as rows of the ledger, and in a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lib.book.estimates import Better, record
from lib.book.results import Ledger
from lib.book.sideswipe.experiments import (
    SMALL,
    WRITEUP,
    Experiment,
    config_of,
    split_cars,
)
from lib.book.sideswipe.judging import Judged, thinned
from lib.book.sideswipe.looks import Looks, Swaps
from lib.book.tables import number
from lib.data.garage import Cars
from lib.evaluation.attention import heat_inside
from lib.evaluation.classification import accuracy, predict
from lib.evaluation.intervals import Estimate
from lib.evaluation.probes import REGIONS, linear_probe
from lib.models.classifier import Classifier
from lib.training.classifier import TrainedClassifier, near_zero_share, train_classifier
from lib.worlds.garage.loadout import Body, Variant

PROBED = 3_000  # training images of a linear probe, at most
RERUN_STEPS = 40


def plan(preset: str) -> tuple[Experiment, ...]:
    """What the chapter trains; at tiny the splits that tell most."""
    if preset != "tiny":
        return WRITEUP + SMALL
    return (
        Experiment("writeup", "random", Variant.FAITHFUL),
        Experiment("writeup", "grouped", Variant.FAITHFUL),
        Experiment("writeup", "grouped", Variant.HARD),
        Experiment("writeup", "unseen_rotations", Variant.HARD),
        Experiment("small", "grouped", Variant.FAITHFUL),
        Experiment("small", "grouped", Variant.HARD),
    )


def main_runs(judged: Mapping[str, Sequence[Judged]]) -> tuple[Judged, Judged]:
    """The write-up's network on the write-up's own split, and on whole loadouts of hard cars.

    Of a reader's own cars there is one variant only, which then serves for both.
    """
    variants = [Variant.HARD, Variant.FAITHFUL]
    hardest = next(
        judged[id][0]
        for id in (Experiment("writeup", "grouped", variant).id for variant in variants)
        if id in judged
    )
    return judged[Experiment("writeup", "random", Variant.FAITHFUL).id][0], hardest


def writeup_network() -> Classifier:
    """An untrained network of the write-up's shape."""
    return Classifier(config_of("writeup", "full").shape)


def record_facts(
    ledger: Ledger, where: str, facts: Mapping[str, float | Estimate], *, seed: int
) -> None:
    """Rows ``sideswipe.<where>.<fact>``."""
    for name, value in facts.items():
        if isinstance(value, Estimate):
            record(ledger, f"sideswipe.{where}.{name}", value, seeds=[seed])
        else:
            ledger.record(f"sideswipe.{where}.{name}", value, seeds=[seed])


def training_facts(judged: Judged, cars: Mapping[Variant, Cars]) -> dict[str, float | Estimate]:
    """How training ended; the gap on training images without augmentation; small weights."""
    trained = judged.trained
    images = cars[trained.experiment.variant].images
    groups = images.store.groups.astype(np.int64)
    last = trained.run.history.iloc[-1]
    seen = thinned(trained.splits.train, groups, len(judged.indices))
    checked = thinned(trained.splits.validation, groups, len(judged.indices))
    right = {
        name: predict(trained.run.model, images.store, indices).logits.argmax(1)
        == images.classes[indices]
        for name, indices in {"plain": seen, "validation": checked}.items()
    }
    plain = accuracy(right["plain"], groups[seen], seed=trained.seed)
    validation = accuracy(right["validation"], groups[checked], seed=trained.seed)
    return {
        "loss_end": float(last["loss"]),
        "l1_end": float(last["l1"]),
        "cross_entropy_end": float(last["cross_entropy"]),
        "augmented_accuracy": float(last["accuracy"]),
        "plain_accuracy": plain,
        "validation_accuracy": validation,
        "near_zero_share": near_zero_share(trained.run.model),
        "images_per_second": trained.run.images_per_second,
    }


def training_sentence(facts: Mapping[str, float | Estimate]) -> str:
    """What the curves end at."""
    f = {name: v.value if isinstance(v, Estimate) else v for name, v in facts.items()}
    return (
        f"The loss ends at {number(f['loss_end'])}, of which {number(f['l1_end'])} is the penalty "
        f"and {number(f['cross_entropy_end'])} the cross entropy. Accuracy on augmented training "
        f"images ends at {number(100 * f['augmented_accuracy'])} %, on validation images at "
        f"{number(100 * f['validation_accuracy'])} %, and on training images as they are at "
        f"{number(100 * f['plain_accuracy'])} %. Of the kernel weights "
        f"{number(100 * f['near_zero_share'])} % are below 0.001 in size."
    )


def leak(judged: Mapping[str, Sequence[Judged]]) -> dict[str, float]:
    """Accuracy by image less accuracy by loadout, and by loadout less with new parts, rotations."""
    found: dict[str, float] = {}
    for variant in Variant:
        right = {
            e.split: float(np.mean([(j.predicted == j.labels).mean() for j in judged[e.id]]))
            for e in WRITEUP
            if e.variant is variant and e.id in judged
        }
        for split in ("random", "unseen_parts", "unseen_rotations"):
            if "grouped" in right and split in right:
                sign = -1 if split == "random" else 1
                found[f"{variant}_{split}"] = sign * (right["grouped"] - right[split])
    return found


def leak_sentence(found: Mapping[str, float]) -> str:
    """What splitting by image gains over loadouts, and what new parts and rotations cost."""
    told = {
        "random": "Splitting by image instead of by loadout gains {} points",
        "unseen_parts": "hats and wheels never seen cost {} points",
        "unseen_rotations": "rotations never seen cost {} points",
    }
    parts = []
    for split, text in told.items():
        points = {
            f"on {variant} cars": number(100 * found[f"{variant}_{split}"], 2)
            for variant in Variant
            if f"{variant}_{split}" in found
        }
        if points:
            (first, value), *rest = points.items()
            others = "".join(f" and {more} {where}" for where, more in rest)
            parts.append(f"{text.format(value)} {first}{others}")
    return "; ".join(parts).capitalize() + "."


def probe_all(cars: Mapping[Variant, Cars], *, seed: int) -> dict[str, dict[str, Estimate]]:
    """Logistic regression on each region of `REGIONS`, by region and variant."""
    found: dict[str, dict[str, Estimate]] = {region: {} for region in REGIONS}
    for variant, one in cars.items():
        images = one.images
        groups = images.store.groups.astype(np.int64)
        splits = split_cars(images, "grouped", seed=seed)
        parts = [thinned(part, groups, PROBED) for part in (splits.train, splits.test)]
        pairs = [(np.asarray(images.store.frames[part]), images.classes[part]) for part in parts]
        for region in REGIONS:
            right = linear_probe(pairs[0], pairs[1], region)
            found[region][variant] = accuracy(right, groups[parts[1]], seed=seed)
    return found


def record_probes(
    ledger: Ledger, found: Mapping[str, Mapping[str, Estimate]], *, seed: int
) -> None:
    """Rows ``sideswipe.probe_<region>.grouped.<variant>.accuracy``."""
    for region, by_variant in found.items():
        for variant, estimate in by_variant.items():
            id = f"sideswipe.probe_{region.split()[-1]}.grouped.{variant}.accuracy"
            record(ledger, id, estimate, seeds=[seed])


def majority(cars: Cars) -> float:
    """Share of the most frequent class."""
    classes = cars.images.classes
    return float(np.bincount(classes).max() / len(classes))


def record_looks(ledger: Ledger, looks: Looks | None, *, seed: int) -> None:
    """Rows ``sideswipe.writeup.heat.<…>``: on the car, off it, beneath it, and the check."""
    if looks is None:
        return
    whole = looks.attention()
    facts: dict[str, float | Estimate] = {
        "inside": whole.heat_inside,
        "area": whole.area_inside,
        "concentration": whole.concentration,
        "pointing": whole.pointing,
        "off_car_share": off_car(looks),
        "beneath_share": beneath(looks),
        "check_first_layer": looks.check.over_groups(looks.groups[: _checked(looks)])[0],
        "check_chance": float(looks.check.between_images.mean()),
    }
    record_facts(ledger, "writeup.heat", facts, seed=seed)


def off_car(looks: Looks) -> Estimate:
    """Share of the images with less heat on the car than heat without aim would have there."""
    avoids = heat_inside(looks.heat, looks.masks) < looks.masks.mean((1, 2))
    return accuracy(avoids, looks.groups)


def beneath(looks: Looks) -> Estimate:
    """Share of the images whose hottest pixel is under the car: below it, in its columns."""
    found = []
    for heat, mask in zip(looks.heat, looks.masks, strict=True):
        row, column = np.unravel_index(int(heat.argmax()), heat.shape)
        rows = np.flatnonzero(mask[:, column])
        found.append(bool(len(rows)) and bool(row > rows[-1]))
    return accuracy(np.array(found), looks.groups)


def _checked(looks: Looks) -> int:
    return int(looks.check.correlation.shape[1])


def looks_sentence(looks: Looks | None) -> str:
    """How much of the heat is on the car, in a sentence."""
    if looks is None:
        return "These pictures come without masks: what share of the heat is on the car is unknown."
    whole = looks.attention()
    return (
        f"On average {number(100 * whole.heat_inside.value)} % of the heat is on the car, which "
        f"takes {number(100 * whole.area_inside.value)} % of the picture. In "
        f"{number(100 * off_car(looks).value)} % of the pictures the heat avoids the car, and in "
        f"{number(100 * beneath(looks).value)} % its hottest place is under it."
    )


def record_swaps(ledger: Ledger, swaps: Swaps | None, *, seed: int) -> None:
    """Rows ``sideswipe.writeup.swap_<part>.<flipped|change>``."""
    if swaps is None:
        return
    better: Better = "lower"
    for part, effect in swaps.effects().items():
        id = f"sideswipe.writeup.swap_{part}"
        record(ledger, f"{id}.flipped", effect.flipped, seeds=[seed], better=better)
        record(ledger, f"{id}.change", effect.change, seeds=[seed])


def class_recalls(judged: Judged) -> dict[str, Estimate]:
    """Recall of the octane and of all others, of the rarest class and of the most frequent one.

    Of classes among the test images, that is; what none of them shows is left out.
    """
    right = judged.predicted == judged.labels
    octane = judged.labels == Body.OCTANE
    present, sizes = np.unique(judged.labels, return_counts=True)
    members = {
        "recall_octane": octane,
        "recall_others": ~octane,
        "recall_rarest": judged.labels == present[sizes.argmin()],
        "recall_commonest": judged.labels == present[sizes.argmax()],
    }
    return {
        name: accuracy(right[of], judged.groups[of], seed=judged.trained.seed)
        for name, of in members.items()
        if of.any()
    }


def unit_range(
    cars: Mapping[Variant, Cars], *, preset: str, root: Path, device: str, share: float, seed: int
) -> TrainedClassifier:
    """The write-up's network, its pixels scaled to [0, 1], for a sixth of the training."""
    images = cars[Variant.FAITHFUL].images
    splits = split_cars(images, "grouped", seed=seed)
    config = config_of("writeup", preset, share=share)
    scaled = replace(
        config,
        name="unit-range",
        shape=replace(config.shape, input_scale=1.0),
        steps=max(20, config.steps // 6),
    )
    return train_classifier(
        scaled, images, splits.train, splits.validation,
        preset=preset, root=root, seed=seed, device=device,
    )  # fmt: skip


def range_facts(unit: TrainedClassifier) -> dict[str, float]:
    """How that ends."""
    last = unit.history.iloc[-1]
    return {
        "validation_accuracy": float(last["validation_accuracy"]),
        "cross_entropy_end": float(last["cross_entropy"]),
        "near_zero_share": near_zero_share(unit.model),
    }


def range_sentence(unit: TrainedClassifier, cars: Cars) -> str:
    """What is left of the network with pixels in [0, 1]."""
    facts = range_facts(unit)
    return (
        f"With pixels in [0, 1] and all else alike, {number(100 * facts['near_zero_share'])} % of "
        f"the kernel weights end below 0.001 and {number(100 * facts['validation_accuracy'])} % of "
        f"the validation images are right, where always naming the most frequent car would make "
        f"about {number(100 * majority(cars))} %. So the networks here get what the original's got."
    )


def train_twice(cars: Cars, *, root: Path, seed: int, steps: int = RERUN_STEPS) -> tuple[str, str]:
    """Hashes of the weights of two short trainings from the same seed, on the CPU."""
    splits = split_cars(cars.images, "grouped", seed=seed)
    config = replace(config_of("writeup", "tiny"), name="rerun", steps=steps)
    hashes = [
        train_classifier(
            config, cars.images, splits.train, splits.validation[:64],
            preset="rerun", root=root, seed=seed, device="cpu", progress=False, force=True,
        ).weights_hash
        for _ in range(2)
    ]  # fmt: skip
    return hashes[0], hashes[1]
