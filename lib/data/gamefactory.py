"""GF-Minecraft (Yu et al. 2025, GameFactory), and blocks-world footage laid out alike.

::

    <root>/data_2003/video/seed_186_part_186.mp4       360×640 clips of 2,000 frames
                     metadata/seed_186_part_186.json   `actions`: an entry per frame
                     annotation.csv                    descriptions in words (not read here)

with `data_269` beside it, or `data_blocks` from `seeing footage make blocks`, whose actions also
hold the truth about each frame.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int64

from lib.data.frames import FrameStore
from lib.data.recordings import ImportJob, ProbedRecording, Recording, run_import
from lib.data.sampling import capacity, sample_with_gap, share_out

LAYOUT = "gamefactory"
_NAME = re.compile(r"seed_(-?\d+)_part_\d+")


def read_gamefactory(
    root: Path,
    store: Path,
    *,
    size: tuple[int, int] = (36, 64),
    frames: int = 25_300,
    min_gap: int = 5,
    seed: int = 0,
    at_most: bool = False,
    corrupt: Literal["error", "skip"] = "error",
    workers: int | None = None,
    progress: bool = True,
) -> FrameStore:
    """Import `frames` frames drawn at random, as the write-up's v2.0 did.

    With `at_most`, fewer are taken where no more fit.

    Frames are drawn uniformly over all videos, two of the same video at least `min_gap` frames
    apart; the same `seed` and files give the same frames. `root` holds `data_*` folders, or is one.
    `size` is (rows, columns), 36×64 for v2.0 and 72×128 for v2.0.1, by area averaging. A
    recording's group is the world seed in its file's name.

    A finished store made from the same files with the same settings is returned as it is; an
    interrupted import goes on after its last finished video. Raises `FileNotFoundError` where
    there is no such footage, `CorruptVideoError` (or skips, see `corrupt`) for unreadable videos,
    `ValueError` for videos of a wrong size or fewer frames than asked for.
    """
    if frames < 1 or min_gap < 1:
        raise ValueError(f"frames={frames}, min_gap={min_gap}: want both at least 1")

    def choose(probed: Sequence[ProbedRecording]) -> list[Int64[np.ndarray, " _"]]:
        lengths = [one.frames for one in probed]
        fitting = sum(capacity(length, min_gap) for length in lengths)
        return _draw(lengths, min(frames, fitting) if at_most else frames, min_gap, seed)

    job = ImportJob(
        LAYOUT,
        find_gamefactory(root),
        store,
        size,
        {"frames": frames, "at_most": at_most, "min_gap": min_gap, "seed": seed},
        corrupt=corrupt,
        workers=workers,
        progress=progress,
        exact=True,
    )
    return run_import(job, choose)


def is_gamefactory(root: Path) -> bool:
    """Whether `root` looks like GF-Minecraft or one of its `data_*` folders."""
    return bool(_videos(root))


def find_gamefactory(root: Path) -> list[Recording]:
    """All videos under `root`, sorted; raises `FileNotFoundError` where there are none."""
    videos = _videos(root)
    if not videos:
        raise FileNotFoundError(
            f"no GF-Minecraft videos in {root}: expected data_*/video/seed_<N>_part_<k>.mp4 with "
            "data_*/metadata/seed_<N>_part_<k>.json, or one such data_* folder. Give the folder of "
            "the data set (archives unpacked), or make such footage with "
            "`seeing footage make blocks`"
        )
    recordings = []
    for video in videos:
        if (match := _NAME.fullmatch(video.stem)) is None:
            raise ValueError(
                f"{video} is not named seed_<N>_part_<k>.mp4, so its world is unknown and a split "
                "could not keep worlds apart. Rename the file or take it away"
            )
        name = video.relative_to(root).as_posix()
        recordings.append(Recording(name, video, f"seed_{match[1]}"))
    return recordings


def _draw(
    lengths: Sequence[int], frames: int, min_gap: int, seed: int
) -> list[Int64[np.ndarray, " _"]]:
    """Numbers of the chosen frames of each video."""
    rng = np.random.default_rng(seed)
    counts = share_out(np.array(lengths, dtype=np.int64), frames, min_gap, rng)
    return [
        sample_with_gap(length, count, min_gap, rng)
        for length, count in zip(lengths, counts.tolist(), strict=True)
    ]


def _videos(root: Path) -> list[Path]:
    """Hidden files are somebody's half-written ones."""
    found = {*root.glob("data_*/video/*.mp4"), *root.glob("video/*.mp4")}
    return sorted(path for path in found if not path.name.startswith("."))
