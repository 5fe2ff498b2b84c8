"""Facts of training, splits and looks: as rows of the ledger, and in a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lib.book.claims import interval_of
from lib.book.estimates import Better, record
from lib.book.results import Ledger, Row
from lib.book.sideswipe.experiments import (
    SMALL,
    WRITEUP,
    Experiment,
    config_of,
    split_cars,
)
from lib.book.sideswipe.judging import Judged, thinned
from lib.book.sideswipe.looks import Looks, Swaps
from lib.book.sideswipe.tables import per_cent
from lib.book.tables import fixed, interval_decimals, number
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


def training_sentence(facts: Mapping[str, float | Estimate], preset: str) -> str:
    """What the curves end at."""
    f = {name: v.value if isinstance(v, Estimate) else v for name, v in facts.items()}
    return (
        f"At preset {preset} the loss ends at {number(f['loss_end'])}, of which "
        f"{number(f['l1_end'])} is the penalty and {number(f['cross_entropy_end'])} the cross "
        f"entropy. Accuracy on augmented training images ends at "
        f"{per_cent(f['augmented_accuracy'])}, on validation images at "
        f"{per_cent(f['validation_accuracy'])}, and on training images as they are at "
        f"{per_cent(f['plain_accuracy'])}. Of the kernel weights "
        f"{per_cent(f['near_zero_share'])} are below 0.001 in size."
    )


def leak(ledger: Ledger) -> dict[str, Estimate]:
    """Accuracy by image less accuracy by loadout, and by loadout less with new parts, rotations.

    From the rows of the ledger, with the interval that claims about two rows are judged by.
    """
    rows = {row.id: row for row in ledger.rows if row.value is not None}
    found: dict[str, Estimate] = {}
    for variant in Variant:
        right = {
            e.split: rows[f"{e.id}.accuracy"]
            for e in WRITEUP
            if e.variant is variant and f"{e.id}.accuracy" in rows
        }
        for split in ("random", "unseen_parts", "unseen_rotations"):
            if "grouped" in right and split in right:
                more, less = right["grouped"], right[split]
                if split == "random":
                    more, less = less, more
                found[f"{variant}_{split}"] = _difference(more, less)
    return found


def _difference(row: Row, other: Row) -> Estimate:
    assert row.value is not None
    assert other.value is not None
    low, high = interval_of(row, other)
    least = min(row.n or 0, other.n or 0)
    return Estimate(row.value - other.value, low, high, least, 0)


def leak_sentence(found: Mapping[str, Estimate], preset: str) -> str:
    """What splitting by image gains over loadouts, and what new parts and rotations cost."""
    words = {
        "random": "splitting by image instead of by loadout gains {}",
        "unseen_parts": "hats and wheels never seen cost {}",
        "unseen_rotations": "rotations never seen cost {}",
    }
    parts = []
    for split, text in words.items():
        points = [
            f"{_points(found[f'{variant}_{split}'])} on {variant} cars"
            for variant in Variant
            if f"{variant}_{split}" in found
        ]
        if points:
            parts.append(text.format(" and ".join(points)))
    if not parts:
        return f"At preset {preset} there are no two splits to compare."
    return f"At preset {preset} " + "; ".join(parts) + " (95\u00a0% intervals in brackets)."


def _points(difference: Estimate) -> str:
    """A difference of shares in points: ``0.2 (−1.9 to 3.6) points``."""
    value = 100 * difference.value
    if difference.low is None or difference.high is None or not difference.low < difference.high:
        return f"{number(value, 2)} points"
    low, high = 100 * difference.low, 100 * difference.high
    decimals = interval_decimals(low, high)
    return f"{fixed(value, decimals)} ({fixed(low, decimals)} to {fixed(high, decimals)}) points"


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


def looks_sentence(looks: Looks | None, preset: str) -> str:
    """How much of the heat is on the car, in a sentence."""
    if looks is None:
        return "These pictures come without masks: what share of the heat is on the car is unknown."
    whole = looks.attention()
    return (
        f"At preset {preset}, on average {per_cent(whole.heat_inside.value)} of the heat is on the "
        f"car, which takes {per_cent(whole.area_inside.value)} of the picture. In "
        f"{per_cent(off_car(looks).value)} of the pictures the heat avoids the car, and in "
        f"{per_cent(beneath(looks).value)} its hottest place is under it."
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


def range_sentence(unit: TrainedClassifier, main: Judged, cars: Cars, preset: str) -> str:
    """What is left of the network with pixels in [0, 1]; `main` is trained as the others are."""
    facts = range_facts(unit)
    return (
        f"At preset {preset} the write-up's network was also given pixels in [0, 1], on whole "
        f"loadouts and for {number(unit.config.steps)} steps, where the others have "
        f"{number(main.trained.run.config.steps)}: {per_cent(facts['near_zero_share'])} of its "
        f"kernel weights end below 0.001 in size and {per_cent(facts['validation_accuracy'])} of "
        f"the validation images are right, where always naming the most frequent car would make "
        f"about {per_cent(majority(cars))}. So the networks here get what the original's got."
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


def hash_sentence(twice: tuple[str, str], main: Judged, preset: str) -> str:
    """Hashes of two short trainings, and of a run of the chapter, which is another one."""
    run = main.trained.run
    return (
        f"SHA-256 of the weights after {number(RERUN_STEPS)} steps: `{twice[0][:16]}…`, again: "
        f"`{twice[1][:16]}…`. The run on the write-up's split above is another one, of "
        f"{number(run.config.steps)} steps at preset {preset}; its hash is "
        f"`{run.weights_hash[:16]}…`."
    )
