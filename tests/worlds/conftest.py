"""Fixtures of the worlds' tests."""

from pathlib import Path

import pytest

from tests.worlds.garage_cars import CARS, make


@pytest.fixture(scope="session")
def cars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cars of `garage_cars`, made once; copy the folder before changing it."""
    folder = tmp_path_factory.mktemp("cars")
    report = make(folder)
    assert (report.made, report.kept) == (CARS.images, 0) == (220, 0)
    return folder
