from pathlib import Path

import numpy as np
import pytest

from lib.worlds.video import read_video, write_video


def _noise(rng: np.random.Generator, count: int = 30) -> np.ndarray:
    return rng.integers(0, 256, (count, 18, 32, 3), dtype=np.uint8)


def test_lossless_video_gives_the_same_pixels_back(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    frames = _noise(rng)
    assert write_video(tmp_path / "a.mp4", frames, frame_rate_hz=16) == 30
    np.testing.assert_array_equal(read_video(tmp_path / "a.mp4"), frames)


def test_same_frames_same_file(tmp_path: Path, rng: np.random.Generator) -> None:
    frames = _noise(rng)
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, iter(frames), frame_rate_hz=20)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_lossy_video_is_close_and_keeps_colour_resolution(tmp_path: Path) -> None:
    stripes = np.zeros((4, 32, 32, 3), np.uint8)
    stripes[:, :, ::2, 0] = stripes[:, :, 1::2, 2] = 255
    write_video(tmp_path / "a.mp4", stripes, frame_rate_hz=20, lossless=False)
    # With colour subsampled, red and blue columns would average to purple.
    error = np.abs(read_video(tmp_path / "a.mp4").astype(int) - stripes)
    assert error.mean() < 12


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "at least one frame"),
        ([np.zeros((8, 8, 3), np.float32)], r"frame 0 is float32 \[8, 8, 3\]"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 6, 3), np.uint8)], "frame 1 has 8 x 6"),
    ],
)
def test_bad_frames_are_refused_and_leave_nothing(
    tmp_path: Path, frames: list[np.ndarray], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_video(tmp_path / "a.mp4", frames, frame_rate_hz=20)
    assert list(tmp_path.iterdir()) == []
