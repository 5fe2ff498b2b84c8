"""A barely trained tracker, footage whose truth is known, and a folder to work in."""

from pathlib import Path

import pytest

from lib.evaluation.tracker_file import save_tracker
from lib.worlds.sprites import SpritesFootage, make_sprites
from tests.cli_track.commands import INFO
from tests.evaluation.trackers import crowded


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("models") / "sprites.safetensors"
    save_tracker(path, crowded(), INFO)
    return path


@pytest.fixture(scope="session")
def sprites(tmp_path_factory) -> Path:
    """Two sequences of five frames of 64 × 64, whose truth is known."""
    folder = tmp_path_factory.mktemp("sprites")
    make_sprites(folder, SpritesFootage(clips=2, frames=5), workers=1, progress=False)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path
