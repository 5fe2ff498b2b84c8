"""A few dozen generated cars and barely trained networks, for all tests of the chapter's parts."""

from dataclasses import replace
from pathlib import Path

import pytest

from lib.book.results import Ledger
from lib.book.sideswipe import experiments, judging
from lib.book.sideswipe.experiments import Experiment, Trained
from lib.book.sideswipe.judging import Judged
from lib.data.garage import Cars
from lib.data.sideswipe import read_sideswipe
from lib.training.classifier import ClassifierConfig, train_classifier
from lib.worlds.garage.footage import GarageFootage, make_garage
from lib.worlds.garage.loadout import NEW_BODIES, Variant
from tests.data.cars import SCREENSHOT, SMALL, write_cars

CHAPTER = "02-sideswipe-classification"
LOADOUTS = 24


def generated(folder: Path, loadouts: int, **settings) -> Cars:
    footage = GarageFootage(Variant.HARD, loadouts=loadouts, supersample=1, **settings)
    make_garage(folder / "data", footage, workers=1, progress=False)
    images = read_sideswipe(folder / "data", folder / "store", progress=False)
    return Cars(images, folder / "data", generated=True)


@pytest.fixture(scope="session")
def cars(tmp_path_factory: pytest.TempPathFactory) -> Cars:
    return generated(tmp_path_factory.mktemp("garage"), LOADOUTS)


@pytest.fixture(scope="session")
def new(tmp_path_factory: pytest.TempPathFactory) -> Cars:
    return generated(tmp_path_factory.mktemp("new"), 6, seed=9, bodies=NEW_BODIES)


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Cars:
    """Somebody's own screenshots, of which nothing more is known."""
    folder = tmp_path_factory.mktemp("own")
    write_cars(folder / "data", 4)
    images = read_sideswipe(
        folder / "data", folder / "store", size=SMALL, source_size=SCREENSHOT, progress=False
    )
    return Cars(images, folder / "data", generated=False)


def trained(cars: Cars, root: Path, network: str, seed: int = 0) -> Trained:
    splits = experiments.split_cars(cars.images, "grouped", seed=seed)
    config = replace(ClassifierConfig.preset("tiny", network), steps=20)
    run = train_classifier(
        config, cars.images, splits.train, splits.validation,
        preset="test", root=root, seed=seed, device="cpu", progress=False,
    )  # fmt: skip
    return Trained(Experiment(network, "grouped", Variant.HARD), seed, splits, run)


@pytest.fixture(scope="session")
def judged(cars: Cars, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Judged]]:
    root = tmp_path_factory.mktemp("runs")
    runs = [trained(cars, root, network) for network in ("writeup", "small")]
    return {one.experiment.id: [judging.judge(one, cars.images, most=1000)] for one in runs}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(CHAPTER, "tiny", root=tmp_path, hardware="a test")
