"""MineRL: human Minecraft recordings (Guss et al. 2019), and blocks-world footage laid out alike.

::

    <root>/<environment>/<recording>/recording.mp4   64×64 video
                                     metadata.json   success, duration, true_video_frame_count, …
                                     rendered.npz    actions and rewards (not read here)

Footage from `seeing footage make blocks` adds `world_seed` to the metadata and `truth.npz`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Int64

from lib.data.frames import FrameStore
from lib.data.recordings import ImportJob, ProbedRecording, Recording, run_import

LAYOUT = "minerl"
VIDEO, METADATA = "recording.mp4", "metadata.json"


def read_minerl(
    root: Path,
    store: Path,
    *,
    size: tuple[int, int] = (64, 64),
    skip_first: int = 20,
    keep_every: int = 2,
    max_frames_per_recording: int | None = None,
    corrupt: Literal["error", "skip"] = "error",
    workers: int | None = None,
    progress: bool = True,
) -> FrameStore:
    """Import MineRL recordings as the write-up's v1.0 did: first 20 frames skipped, then every 2nd.

    `root` holds environment folders, or is one. `size` is (rows, columns); larger videos are shrunk
    by area averaging. `max_frames_per_recording` keeps that many, spread evenly. A recording's
    group is its world seed where the metadata has one, else the recording.

    A finished store made from the same files with the same settings is returned as it is; an
    interrupted import goes on after its last finished recording. Raises `FileNotFoundError` where
    there is no such footage, `CorruptVideoError` (or skips, see `corrupt`) for unreadable videos,
    `ValueError` for videos of a wrong size.
    """
    cap = max_frames_per_recording
    if skip_first < 0 or keep_every < 1 or (cap is not None and cap < 1):
        raise ValueError(
            f"skip_first={skip_first}, keep_every={keep_every}, max_frames_per_recording={cap}: "
            "want skip_first >= 0, keep_every >= 1, max_frames_per_recording >= 1 or None"
        )

    def choose(probed: Sequence[ProbedRecording]) -> list[Int64[np.ndarray, " _"]]:
        return [_spread(np.arange(skip_first, one.frames, keep_every), cap) for one in probed]

    job = ImportJob(
        LAYOUT,
        find_minerl(root),
        store,
        size,
        {"skip_first": skip_first, "keep_every": keep_every, "max_frames_per_recording": cap},
        corrupt,
        workers,
        progress,
    )
    return run_import(job, choose)


def is_minerl(root: Path) -> bool:
    """Whether `root` looks like MineRL's environment folders, or one of them."""
    return bool(_folders(root))


def find_minerl(root: Path) -> list[Recording]:
    """All recordings under `root`, sorted; raises `FileNotFoundError` where there are none."""
    folders = _folders(root)
    if not folders:
        raise FileNotFoundError(
            f"no MineRL recordings in {root}: expected <environment>/<recording>/{VIDEO} with "
            f"{METADATA} beside it, or one environment's folder. Give the folder of the data set, "
            "or make such footage with `seeing footage make blocks`"
        )
    return [_recording(root, folder) for folder in folders]


def _folders(root: Path) -> list[Path]:
    """Folders with a video, or with metadata that promise one, one or two levels down."""
    found = {
        path.parent
        for depth in ("*", "*/*")
        for name in (VIDEO, METADATA)
        for path in root.glob(f"{depth}/{name}")
    }
    return sorted(found)


def _recording(root: Path, folder: Path) -> Recording:
    name = folder.relative_to(root).as_posix()
    video = folder / VIDEO
    if not video.is_file():
        return Recording(name, video, name, fault="the recording has no video")
    try:
        metadata = _read_metadata(folder / METADATA)
    except ValueError as error:
        return Recording(name, video, name, fault=f"its {METADATA} is no JSON object ({error})")
    seed = metadata.get("world_seed")
    return Recording(name, video, name if seed is None else f"world_seed_{seed}")


def _read_metadata(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    metadata = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(metadata, dict):
        raise ValueError(f"got {type(metadata).__name__}")
    return metadata


def _spread(numbers: Int64[np.ndarray, " _"], most: int | None) -> Int64[np.ndarray, " _"]:
    """At most `most` of `numbers`, evenly spread from the first to the last."""
    if most is None or len(numbers) <= most:
        return numbers
    return numbers[np.linspace(0, len(numbers) - 1, most).round().astype(np.int64)]
