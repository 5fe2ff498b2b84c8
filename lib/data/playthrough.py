"""Playthroughs of a game in time order: the Doom world's, or a reader's own video or frames."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Int, Int8, Int32, Int64, UInt8

from lib.data.doom_footage import (
    KINDS,
    PARTS,
    DoomTruth,
    is_doom_footage,
    open_truth,
    read_doom,
)
from lib.data.doom_footage import LAYOUT as DOOM
from lib.data.following import has_next, next_frames
from lib.data.frame_folder import import_frames, require_pictures
from lib.data.frames import STORE, FrameStore
from lib.data.growing_store import BYTES_PER_INDEX
from lib.data.pictures import list_pictures
from lib.data.splits import Splits, split_groups
from lib.data.stretches import split_stretches
from lib.data.video_import import LAYOUT, estimated_frames, import_video
from lib.files import digest

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".flv", ".m4v", ".ts", ".mpg", ".wmv")
MOST_FRAMES: dict[str, int | None] = {"tiny": 2_400, "small": 24_000, "full": None}
"""Of a reader's own playthrough, from its beginning: 4 and 40 minutes, or all."""
GAP_SECONDS = 10.0
"""Between the parts of a playthrough without maps."""


@dataclass(frozen=True)
class Playthrough:
    """Frames of a playthrough in time order, recording after recording, and what is known of them.

    Frame i of all arrays is frame i of `store`. `labels` to `places` are None for footage that has
    no truth.
    """

    store: FrameStore
    source: Path
    generated: bool  # by the Doom world, rather than given by the reader
    labels: UInt8[np.ndarray, "n h w"] | None = None  # memory map; `PixelClass` or 255
    kinds: Int8[np.ndarray, " n"] | None = None  # positions in `lib.data.doom_footage.KINDS`
    tics: Int32[np.ndarray, " n"] | None = None  # of the game's clock, 35 a second; -1 unknown
    places: Float32[np.ndarray, "n 3"] | None = None  # x, y (map units), angle (degrees), or NaN

    def __len__(self) -> int:
        return len(self.store)

    @property
    def fps(self) -> float:
        """Frames a second, where none was left out."""
        return float(self.store.settings["fps"])

    @property
    def has_maps(self) -> bool:
        """Whether groups are maps; else they are stretches of time."""
        return self.store.layout == DOOM

    @property
    def maps(self) -> np.ndarray:
        """Name of each frame's map, or of its stretch: strings [n]."""
        return np.array(self.store.group_names)[self.store.groups]

    def of_kind(self, kind: str) -> Bool[np.ndarray, " n"]:
        """Which frames are of that `FrameKind`. Raises `ValueError` where kinds are unknown."""
        if self.kinds is None:
            raise ValueError(f"{self.source} does not tell kinds of frames: use all of them")
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; choose one of {', '.join(KINDS)}")
        return self.kinds == [str(known) for known in KINDS].index(kind)

    def has_next(self) -> Bool[np.ndarray, " n"]:
        """Which frames are followed, at most a second later, by one of the same recording."""
        return has_next(self.store)

    def next_frame(self, indices: Int[np.ndarray, " b"]) -> Int64[np.ndarray, " b"]:
        """Index of each frame's next one; of the last of a recording, of itself."""
        return next_frames(self.store)[np.asarray(indices, dtype=np.int64)]

    def split(
        self, *, validation: float = 0.1, test: float = 0.2, seed: int | None = None
    ) -> Splits:
        """Training, validation and test frames: by whole maps, no map in two parts.

        With `seed` None as the footage's own settings say, where they do; else maps are drawn until
        the shares of frames are met. Without maps, by whole stretches of time with `GAP_SECONDS`
        between parts, whose frames are in no part. Raises `ValueError` for fewer than three maps
        or stretches.
        """
        named = self.store.settings.get("splits") if seed is None else None
        if named:
            train, validated, tested = (np.flatnonzero(np.isin(self.maps, named[p])) for p in PARTS)
            return Splits(train, validated, tested)
        groups, drawn = self.store.groups, seed or 0
        if self.has_maps:
            return split_groups(groups, validation=validation, test=test, seed=drawn)
        return split_stretches(
            groups,
            self.store.frame_numbers,
            validation=validation,
            test=test,
            gap=round(GAP_SECONDS * self.fps),
            seed=drawn,
        )


def read_playthrough(
    source: Path,
    store_folder: Path,
    *,
    size: tuple[int, int] = (144, 256),
    fps: float = 10.0,
    most_frames: int | None = None,
    corrupt: Literal["error", "skip"] = "error",
    progress: bool = True,
) -> Playthrough:
    """Read any playthrough: Doom footage, a video, a folder of frames or with one video.

    Its frames go into a frame store in `store_folder` at `size` (rows, columns), or are taken from
    there. `fps` is how many frames a second of a video are kept, and how many a folder of frames
    has; Doom footage has 10. `most_frames` keeps the first ones of a video or folder only. A
    `source` that is a finished frame store is taken as it is, whatever the other arguments.

    Raises `FileNotFoundError` where there is no footage, `ValueError` (and its subclasses
    `CorruptVideoError`, `FaultyImagesError`) for footage that cannot be read, `DiskSpaceError`.
    """
    if (source / STORE).is_file():
        store = FrameStore.open(source)
        return _playthrough(store, source, open_truth(store))
    if source.is_dir() and is_doom_footage(source):
        store, truth = read_doom(source, store_folder, size=size, progress=progress)
        return _playthrough(store, source, truth)
    path = _one_video(source)
    read = import_frames if path.is_dir() else import_video
    store = read(
        path,
        store_folder,
        size=size,
        fps=fps,
        most_frames=most_frames,
        corrupt=corrupt,
        progress=progress,
    )
    return _playthrough(store, source, None)


def estimated_bytes(
    source: Path, *, size: tuple[int, int], fps: float, corrupt: Literal["error", "skip"] = "error"
) -> int:
    """Most bytes of disk that the frame store of a video or a folder of frames takes."""
    path = _one_video(source)
    if path.is_dir():
        frames = len(list_pictures(path))
    else:
        frames = estimated_frames(path, fps=fps, corrupt=corrupt)
    return frames * (size[0] * size[1] * 3 + BYTES_PER_INDEX)


def prepare_playthrough(
    preset: str,
    *,
    root: Path,
    data_dir: Path | str | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Playthrough:
    """A playthrough at `preset`'s amount, at 144 x 256 (rows, columns), ready to train on.

    With `data_dir` None the Doom world films it under ``root/data/doom``, another one for each
    `seed`. Else `data_dir` is read, whatever `read_playthrough` takes; below the full preset only
    its first frames (`MOST_FRAMES`).

    Raises:
        ValueError: unknown preset, or footage that cannot be read. FileNotFoundError: no footage.
    """
    if preset not in MOST_FRAMES:
        raise ValueError(f"preset is {preset!r}; choose one of {', '.join(MOST_FRAMES)}")
    stores = root / "runs" / "frames"
    if data_dir is None:
        from lib.worlds.doom.footage import DoomFootage, make_doom  # late: the engine takes long

        name = f"{preset}-seed{seed}" if seed else preset
        source = root / "data" / "doom" / name
        make_doom(source, DoomFootage.preset(preset, seed=seed), progress=progress)
        made = read_playthrough(source, stores / f"doom-{name}", progress=progress)
        return replace(made, generated=True)
    source = Path(data_dir).resolve()
    # two sources may share a name: the path tells them apart
    store = stores / f"{source.stem}-{preset}-{digest([source.as_posix()])[:8]}"
    return read_playthrough(source, store, most_frames=MOST_FRAMES[preset], progress=progress)


def _playthrough(store: FrameStore, source: Path, truth: DoomTruth | None) -> Playthrough:
    if store.layout not in (DOOM, LAYOUT):
        raise ValueError(
            f"{source} is a frame store of {store.layout} footage, which is no playthrough: give "
            "one made with `seeing footage import`, a video or a folder of frames"
        )
    if truth is None:
        return Playthrough(store, source, generated=False)
    return Playthrough(store, source, False, truth.labels, truth.kinds, truth.tics, truth.places)


def _one_video(source: Path) -> Path:
    """`source`, or the only video in it where it is a folder without frames."""
    if not source.exists():
        raise FileNotFoundError(
            f"there is no {source}: give a video, a folder of frames in time order, or footage "
            "made with `seeing footage make doom`"
        )
    if not source.is_dir() or list_pictures(source):
        return source
    videos = sorted(path for path in source.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES)
    if len(videos) > 1:
        raise ValueError(
            f"{source} holds {len(videos)} videos ({videos[0].name}, {videos[1].name}"
            f"{', …' if len(videos) > 2 else ''}): name one of them, or join them to one"
        )
    if not videos:
        require_pictures(source)
    return videos[0]
