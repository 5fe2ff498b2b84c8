"""Which map to read for new cars, learnt without one: each known car plays the new one in turn."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from lib.book.results import Ledger
from lib.book.sideswipe.experiments import config_of, split_cars
from lib.book.sideswipe.judging import WATCHED, thinned
from lib.book.sideswipe.tables import per_cent
from lib.data.frames import FrameStore
from lib.data.garage import Cars
from lib.evaluation.classification import Predictions, predict
from lib.evaluation.map_distance import Reading, fit_gallery
from lib.evaluation.novelty_detection import auroc
from lib.models.classifier import Classifier
from lib.training.classifier import train_classifier

BLOCKS = (2, 3, 4)
NEIGHBOURS = (1, 5, 20, 50)
FITTED = 8_000  # training images in the gallery, at most
SHARE = {"tiny": 0.4, "small": 0.5, "full": 0.5}  # of the recommended network's steps


@dataclass(frozen=True)
class LeftOut:
    """AUROC of each reading, for each known car that was left out of training."""

    by_car: dict[str, dict[Reading, float]]

    @property
    def means(self) -> dict[Reading, float]:
        """The mean of each reading over the cars."""
        every = list(self.by_car.values())
        return {reading: float(np.mean([one[reading] for one in every])) for reading in every[0]}

    @property
    def best(self) -> Reading:
        """The reading with the highest mean."""
        means = self.means
        return max(means, key=lambda reading: means[reading])


@dataclass(frozen=True)
class Relabelled:
    """Images of a store under other numbers of their classes."""

    store: FrameStore
    labels: pd.DataFrame


def leave_out(
    cars: Cars, *, preset: str, root: Path, device: str, share: float = 1.0, seed: int = 0
) -> LeftOut:
    """Train the small network without each class in turn; score that class against the others.

    Training images fit the galleries, validation images of both kinds are scored. No test image
    and no image of a new car is looked at. Classes without validation images are passed over;
    `ValueError` if that leaves none.
    """
    images = cars.images
    splits = split_cars(images, "grouped", seed=seed)
    config = config_of("small", preset, share=share * SHARE[preset])
    config = replace(config, shape=replace(config.shape, classes=config.shape.classes - 1))
    groups = images.store.groups.astype(np.int64)
    found: dict[str, dict[Reading, float]] = {}
    for out, name in enumerate(images.class_names[: config.shape.classes + 1]):
        train, known = (p[images.classes[p] != out] for p in (splits.train, splits.validation))
        unknown = splits.validation[images.classes[splits.validation] == out]
        if not (len(train) and len(known) and len(unknown)):
            continue  # of few loadouts, validation may lack a class
        labels = images.labels.assign(model=np.where(images.classes > out, images.classes - 1,
                                                     images.classes))  # fmt: skip
        model = train_classifier(
            replace(config, name=f"small-without-{out}"),
            Relabelled(images.store, labels), train, known,
            preset=preset, root=root, seed=seed, device=device,
        ).model  # fmt: skip
        parts = (
            thinned(part, groups, most)
            for part, most in ((train, FITTED), (known, WATCHED), (unknown, WATCHED))
        )
        said = [predict(model, images.store, part, blocks=BLOCKS) for part in parts]
        found[name] = dict(_areas(*said, seed=seed))
    if not found:
        raise ValueError("cars hold too few loadouts to leave a class out; give at least 50 or so")
    return LeftOut(found)


def _areas(
    train: Predictions, known: Predictions, unknown: Predictions, *, seed: int
) -> Iterator[tuple[Reading, float]]:
    for block in BLOCKS:
        fitted = fit_gallery(train.maps[block], Reading(block, 1), most=FITTED, seed=seed)
        for neighbours in NEIGHBOURS:
            reading = Reading(block, neighbours)
            gallery = replace(fitted, reading=reading)
            yield reading, auroc(gallery(known.maps[block]), gallery(unknown.maps[block]))


def reading_for(reading: Reading, model: Classifier) -> Reading:
    """`reading`, or its nearest in a network with fewer blocks."""
    return replace(reading, block=min(reading.block, len(model.shape.channels)))


def record_left_out(ledger: Ledger, found: LeftOut, *, seed: int) -> None:
    """Rows ``sideswipe.leftout.<block>_<neighbours>.auroc`` and of the reading that is chosen."""
    for reading, value in found.means.items():
        ledger.record(
            f"sideswipe.leftout.{reading.block}_{reading.neighbours}.auroc", value,
            n=len(found.by_car), seeds=[seed], better="higher",
        )  # fmt: skip
    for name in ("block", "neighbours"):
        ledger.record(f"sideswipe.leftout.chosen.{name}", getattr(found.best, name), seeds=[seed])
    worst = min(one[found.best] for one in found.by_car.values())
    ledger.record("sideswipe.leftout.chosen.worst_auroc", worst, seeds=[seed], better="higher")


def left_out_sentence(found: LeftOut, preset: str) -> str:
    """Which reading is chosen, and how well it does on the cars left out."""
    best = found.best
    values = {name: one[best] for name, one in found.by_car.items()}
    worst = min(values, key=lambda name: values[name])
    nth = "nearest" if best.neighbours == 1 else f"{best.neighbours}th nearest"
    return (
        f"Chosen at preset {preset}: the map of block {best.block}, distance to the {nth} training "
        f"image. Its AUROC on the cars left out is {per_cent(found.means[best])} on average, "
        f"{per_cent(values[worst])} on the hardest one ({worst})."
    )
