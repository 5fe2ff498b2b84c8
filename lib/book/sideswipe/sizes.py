"""How small a network and how few images are enough."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lib.book.estimates import record, told
from lib.book.results import Ledger
from lib.book.sideswipe.experiments import Experiment, Trained, config_of, fewer_loadouts
from lib.book.sideswipe.judging import Judged
from lib.book.tables import number
from lib.data.garage import Cars
from lib.evaluation.classification import accuracy, predict
from lib.evaluation.intervals import Estimate
from lib.models.classifier import Classifier, ClassifierShape
from lib.training.classifier import ClassifierConfig, train_classifier
from lib.training.pruning import TARGETS, prune
from lib.worlds.garage.loadout import Variant

ENOUGH = 10_000  # parameters: the network the book recommends has no more
FAMILY = {  # smaller and larger sisters of the recommended network, convolutions only
    "narrowest": (4, 8, 12, 12),
    "narrow": (6, 12, 18, 18),
    "wide": (16, 32, 48, 48),
}
TRAINED = {"tiny": ("narrowest",), "small": tuple(FAMILY), "full": tuple(FAMILY)}
TUNING = {"tiny": 100, "small": 1_024, "full": 5_120}  # steps after each pruning
PRUNED = {"tiny": (50_000, 10_000), "small": TARGETS, "full": TARGETS}
LEAST = 4  # loadouts: fewer do not fill a batch
FRACTIONS = {"tiny": (8,), "small": (32, 6), "full": (256, 64, 16, 4)}  # one loadout in n


@dataclass(frozen=True)
class Point:
    """A network on the test part: how large, how often right."""

    parameters: int
    images: int  # it was trained on
    accuracy: Estimate
    target: int | None = None  # parameters it was pruned towards; it may have a few less


def prune_all(
    judged: Judged, cars: Cars, *, preset: str, root: Path, device: str, share: float = 1.0
) -> list[Point]:
    """The network of `judged` pruned step by step; each point is judged on the same test images."""
    trained = judged.trained
    networks = prune(
        trained.run, cars.images, trained.splits.train, trained.splits.validation,
        root=root, targets=PRUNED[preset], steps_each=max(10, round(share * TUNING[preset])),
        seed=trained.seed, device=device,
    )  # fmt: skip
    images = len(trained.splits.train)
    return [
        replace(_point(one.model, one.parameters, images, judged, cars), target=target)
        for one, target in zip(networks, PRUNED[preset], strict=True)
    ]


def train_family(
    judged: Judged, cars: Cars, *, preset: str, root: Path, device: str, share: float = 1.0
) -> list[Point]:
    """Networks like that of `judged`, wider and narrower, trained from scratch on its images."""
    points = [as_point(judged)]
    for name in TRAINED[preset]:
        config = config_of("small", preset, share=share)
        shape = replace(config.shape, channels=FAMILY[name])
        model = _train(replace(config, name=name, shape=shape), judged.trained, cars, preset,
                       root, device)  # fmt: skip
        images = len(judged.trained.splits.train)
        points.append(_point(model, shape.parameters, images, judged, cars))
    return sorted(points, key=lambda point: point.parameters)


def train_on_fewer(
    judged: Judged, cars: Cars, *, preset: str, root: Path, device: str, share: float = 1.0
) -> list[Point]:
    """The network of `judged` trained as long on fewer loadouts; judged on the same test images."""
    points = [as_point(judged)]
    trained = judged.trained
    loadouts = len(np.unique(cars.images.store.groups[trained.splits.train]))
    for fraction in FRACTIONS[preset]:
        train = fewer_loadouts(
            trained.splits.train, cars.images, max(LEAST, loadouts // fraction), seed=trained.seed
        )
        splits = replace(trained.splits, train=train)
        config = config_of(trained.experiment.network, preset, share=share)
        named = replace(config, name=f"{config.name}-1in{fraction}")
        model = _train(named, replace(trained, splits=splits), cars, preset, root, device)
        points.append(_point(model, named.shape.parameters, len(train), judged, cars))
    return sorted(points, key=lambda point: point.images)


def _train(
    config: ClassifierConfig, like: Trained, cars: Cars, preset: str, root: Path, device: str
) -> Classifier:
    """Train `config` on the images, with the seed and under the label of another run."""
    variant = like.experiment.variant
    return train_classifier(
        config, cars.images, like.splits.train, like.splits.validation,
        preset=f"{preset}-{variant}", root=root, seed=like.seed, device=device,
    ).model  # fmt: skip


def as_point(judged: Judged) -> Point:
    """A network that was judged already."""
    shape: ClassifierShape = judged.trained.run.config.shape
    return Point(
        shape.parameters,
        len(judged.trained.splits.train),
        accuracy(judged.predicted == judged.labels, judged.groups, seed=judged.trained.seed),
    )


def _point(model: Classifier, parameters: int, images: int, judged: Judged, cars: Cars) -> Point:
    said = predict(model, cars.images.store, judged.indices).logits.argmax(1)
    right = said == judged.labels
    return Point(parameters, images, accuracy(right, judged.groups, seed=judged.trained.seed))


def all_sizes(
    judged: Mapping[str, Sequence[Judged]], cars: Cars, **options: Any
) -> dict[str, list[Point]]:
    """The write-up's network pruned, and small ones trained from scratch; all judged alike."""
    large, small = grouped_run(judged, "writeup"), grouped_run(judged, "small")
    return {
        "pruned": [*prune_all(large, cars, **options), as_point(large)],
        "from scratch": train_family(small, cars, **options),
    }


def learning_curve(
    judged: Mapping[str, Sequence[Judged]], cars: Cars, *, preset: str, **options: Any
) -> dict[str, list[Point]]:
    """Both networks on fewer training images; at tiny the small one alone, which is faster."""
    networks = ("small",) if preset == "tiny" else ("writeup", "small")
    return {
        network: train_on_fewer(grouped_run(judged, network), cars, preset=preset, **options)
        for network in networks
    }


def grouped_run(judged: Mapping[str, Sequence[Judged]], network: str) -> Judged:
    """A network on whole loadouts of hard cars; of a reader's own, which have no variants, those.

    Its first seed stands for all: pruning and the like are done once.
    """
    variants = (Variant.HARD, Variant.FAITHFUL)
    ids = [Experiment(network, "grouped", variant).id for variant in variants]
    return next(judged[id][0] for id in ids if id in judged)


def record_sizes(ledger: Ledger, families: Mapping[str, Sequence[Point]], *, seed: int) -> None:
    """Rows of every network of every family, and of the recommended one."""
    for family, points in families.items():
        record_points(ledger, family.replace(" ", "_"), points, seed=seed)
    best = recommended(families)
    record(
        ledger, "sideswipe.small_enough.grouped.accuracy", best.accuracy, seeds=[seed],
        better="higher",
    )  # fmt: skip
    ledger.record("sideswipe.small_enough.grouped.params", best.parameters, seeds=[seed])


def recommended(families: Mapping[str, Sequence[Point]]) -> Point:
    """The largest network from scratch with at most `ENOUGH` parameters.

    Chosen by its size: by its accuracy on test images it would look better than it is.
    """
    few = [point for point in families["from scratch"] if point.parameters <= ENOUGH]
    return max(few, key=lambda point: point.parameters)


def record_curve(ledger: Ledger, curve: Mapping[str, Sequence[Point]], *, seed: int) -> None:
    """Rows ``sideswipe.<network>_on_<images>.grouped.accuracy``."""
    for network, points in curve.items():
        record_points(ledger, f"{network}_on", points, seed=seed, by="images")


def size_sentence(families: Mapping[str, Sequence[Point]], preset: str) -> str:
    """The write-up's network beside the recommended one."""
    whole = max((p for points in families.values() for p in points), key=lambda p: p.parameters)
    best = recommended(families)
    return (
        f"At preset {preset} the recommended network, of {number(best.parameters)} parameters, has "
        f"{told(best.accuracy)}\u00a0% of the test images right; the write-up's, of "
        f"{number(whole.parameters)}, {told(whole.accuracy)}\u00a0%. That is "
        f"{number(whole.parameters / best.parameters, 2)} times fewer parameters."
    )


def record_points(
    ledger: Ledger, name: str, points: Sequence[Point], *, seed: int, by: str = "parameters"
) -> None:
    """Rows ``sideswipe.<name>_<parameters or images>.grouped.<accuracy|params>``.

    Pruned networks go by what they were pruned towards, which is the same in every run.
    """
    for point in points:
        id = f"sideswipe.{name}_{point.target or getattr(point, by)}.grouped"
        record(ledger, f"{id}.accuracy", point.accuracy, seeds=[seed], better="higher")
        ledger.record(f"{id}.params", point.parameters, seeds=[seed], better="lower")
