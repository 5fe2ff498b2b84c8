"""Experiments as the chapter shows them, of untrained models, made once for all tests here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.book.results import Ledger
from lib.book.scalor.kept import judge_recorded, load_recorded
from lib.book.scalor.shown import Shown
from tests.book.scalor.small import PRESET, little_footage, record_untrained

CHAPTER = "03-scalor-motsynth"
NAMES = ("sprites_gradient", "gradient", "hard")


@pytest.fixture(scope="session")
def recorded_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with recorded trackers of three experiments."""
    root = tmp_path_factory.mktemp("project")
    record_untrained(root, NAMES)
    return root


@pytest.fixture(scope="session")
def shown_all(recorded_root: Path) -> Iterator[dict[str, Shown]]:
    """These, judged on two clips of each split."""
    with little_footage():
        yield {
            name: judge_recorded(one, root=recorded_root, clips=2, progress=False)
            for name, one in load_recorded(NAMES, root=recorded_root).items()
        }


@pytest.fixture
def empty_ledger(tmp_path: Path) -> Ledger:
    return Ledger(CHAPTER, PRESET, root=tmp_path, hardware="a test")
