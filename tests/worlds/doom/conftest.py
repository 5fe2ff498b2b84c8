"""A short recording, filmed once for all tests."""

from pathlib import Path

import pytest

from lib.worlds.doom.filming import Shot, film_map
from lib.worlds.doom.repaint import label_wad
from lib.worlds.doom.wad import freedoom


@pytest.fixture(scope="session")
def repainted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return label_wad(freedoom("freedoom2.wad"), tmp_path_factory.mktemp("wads"))


@pytest.fixture(scope="session")
def recording(repainted: Path) -> list[Shot]:
    """120 frames of MAP01."""
    return list(film_map(freedoom("freedoom2.wad"), repainted, "MAP01", frames=120, seed=3))
