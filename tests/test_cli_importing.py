"""``seeing footage import``."""

import numpy as np
import pytest
from typer.testing import CliRunner

from lib.cli import app
from lib.data.frames import FrameStore
from tests.data.footage import noise, truncate, write_video


def call(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result, " ".join(result.output.split())


def test_a_video_becomes_a_frame_store(tmp_path, monkeypatch):
    frames = noise(20, 18, 32)
    write_video(tmp_path / "play.mp4", frames)  # at 20 Hz
    monkeypatch.chdir(tmp_path)
    result, text = call("footage", "import", "play.mp4", "--size", "9x16", "--fps", 5)
    assert result.exit_code == 0, text
    assert "at most 0.00 GB in data/play" in text
    assert "5 frames of 9×16" in text
    assert "seeing footage info data/play" in text
    store = FrameStore.open(tmp_path / "data" / "play")
    mean = frames[::4].reshape(5, 9, 2, 16, 2, 3).mean((2, 4))
    assert np.abs(store.frames - mean).max() <= 1
    result, text = call("footage", "info", "data/play")
    assert result.exit_code == 0, text
    result, text = call("footage", "import", "data/play", "elsewhere")
    assert result.exit_code == 1
    assert "data/play is imported already" in text


def test_what_is_left_out_is_told(tmp_path):
    path = write_video(tmp_path / "play.mp4", noise(40, 18, 32), faststart=True)
    truncate(path, 0.5)
    options = ("footage", "import", path, tmp_path / "s", "--size", "9x16")
    result, text = call(*options)
    assert result.exit_code == 1
    assert "play.mp4 cannot be read: it is truncated" in text
    assert "--skip-corrupt" in text
    result, text = call(*options, "--skip-corrupt")
    assert result.exit_code == 0, text
    assert "left out from 0:00:0" in text


@pytest.mark.parametrize("size", ["144", "0x16", "ax9", "16:9"])
def test_a_size_that_is_none(tmp_path, size):
    result, text = call("footage", "import", tmp_path / "play.mp4", "--size", size)
    assert result.exit_code == 1
    assert f"--size {size}: write rows x columns, such as 144x256" in text


def test_help_shows_examples_and_a_missing_video_is_told(tmp_path):
    result, text = call("footage", "import", "--help")
    assert result.exit_code == 0
    assert "seeing footage import doom.mp4" in text.split("Examples")[1]
    result, text = call("footage", "import", tmp_path / "gone.mp4")
    assert result.exit_code == 1
    assert "gone.mp4: give a video, a folder of frames" in text
