"""A small stand-in for a playthrough: a camera that pans over walls of coloured squares."""

from pathlib import Path

import numpy as np
from PIL import Image

from lib.data.frames import FrameStore


def panorama(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """uint8 [height, width, 3]: squares of 12 pixels, each of one colour, with a fine grain."""
    coarse = rng.integers(0, 256, (-(-height // 12), width // 12, 3), np.uint8)
    image = np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.NEAREST))
    return (image * (0.75 + 0.25 * rng.random((height, width, 1)))).astype(np.uint8)


def pan(
    folder: Path,
    lengths: tuple[int, ...] = (40, 30),
    size: tuple[int, int] = (36, 64),
    *,
    speed: int = 2,
    seed: int = 0,
) -> FrameStore:
    """A store with one recording for each length, each a group; `speed` pixels a frame."""
    rng = np.random.default_rng(seed)
    frames, recordings, numbers = [], [], []
    for which, length in enumerate(lengths):
        wall = panorama(rng, size[0], size[1] + speed * length)
        frames += [wall[:, speed * t : speed * t + size[1]] for t in range(length)]
        recordings += [which] * length
        numbers += range(length)
    names = tuple(f"{which:02d}-player-map{which:02d}" for which in range(len(lengths)))
    index = np.array(recordings, np.int32)
    return FrameStore(
        folder=folder,
        frames=np.stack(frames),
        groups=index,
        recordings=index,
        frame_numbers=np.array(numbers, np.int32),
        group_names=names,
        recording_names=names,
        layout="doom",
        settings={},
        source_digest="",
        skipped={},
        digest=f"pan-{lengths}-{size}-{seed}-{speed}",
    )
