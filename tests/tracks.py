"""Small videos for trackers, and what is read back of their results and films."""

from pathlib import Path

import av
import numpy as np
from PIL import Image


def moving(frames: int = 13, size=(64, 80), seed: int = 0) -> np.ndarray:
    """Smooth colours that drift."""
    rng = np.random.default_rng(seed)
    rows, columns = size
    coarse = rng.integers(0, 256, (8, 24, 3), np.uint8)
    wide = np.asarray(Image.fromarray(coarse).resize((columns + 3 * frames, rows)))
    return np.stack([wide[:, 3 * k : 3 * k + columns] for k in range(frames)])


def write_pictures(folder: Path, frames: np.ndarray, suffix=".png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number:04d}{suffix}")
    return folder


def lines(path: Path) -> np.ndarray:
    return np.array([[float(x) for x in line.split(",")] for line in path.read_text().split()])


def count_frames(path: Path) -> tuple[int, int, int, float]:
    """Frames, rows, columns and rate of a film."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        frames = list(file.decode(stream))
        return len(frames), frames[0].height, frames[0].width, float(stream.average_rate)
