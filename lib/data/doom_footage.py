"""Doom footage as `lib.worlds.doom` films it: frames, the class of every pixel, place and time.

::

    <root>/playthrough.json                 settings, written last
    <root>/recordings/<nn>-<source>-<map>/  source "demo" or "player"
               frames/000000.jpg            by tenths of a second of the game's time
               labels/000000.png            a `PixelClass` for each pixel, or 255
               frames.csv                   frame, tic, kind, map, x, y, angle

Beside the frame store of these, `labels.npy` holds the labels at the store's size and `truth.npz`
the rest. All frames of a map are one group.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float32, Int8, Int32, UInt8
from PIL import Image

from lib.data.ahead import read_ahead
from lib.data.frames import FrameStore
from lib.data.growing_store import current_store, require_store_folder
from lib.data.images import UNREADABLE, Fault, FaultyImagesError
from lib.data.pictures import read_picture
from lib.data.recordings import core_count
from lib.data.writer import FrameStoreWriter, StorePlan
from lib.files import atomic_path, digest, require_disk_space
from lib.progress import tqdm
from lib.worlds.doom.classes import UNKNOWN, FrameKind, PixelClass

LAYOUT = "doom"
SETTINGS, RECORDINGS = "playthrough.json", "recordings"
LABELS, TRUTH = "labels.npy", "truth.npz"
KINDS = tuple(FrameKind)
PARTS = ("train", "validation", "test")
FPS = 10.0
_COLUMNS = ("frame", "tic", "kind", "map", "x", "y", "angle")
_LABEL_VALUES = np.zeros(256, dtype=bool)
_LABEL_VALUES[[*PixelClass, UNKNOWN]] = True


@dataclass(frozen=True)
class DoomTruth:
    """What is known of each frame of a store, row by row."""

    labels: UInt8[np.ndarray, "n h w"]  # read-only memory map; `PixelClass` or 255
    kinds: Int8[np.ndarray, " n"]  # positions in `KINDS`
    tics: Int32[np.ndarray, " n"]  # of the game's clock, 35 a second
    places: Float32[np.ndarray, "n 3"]  # x, y (map units) and angle (degrees); NaN where unknown


@dataclass(frozen=True)
class _Recording:
    folder: Path
    table: pd.DataFrame  # frames.csv

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def map(self) -> str:
        return self.name.split("-", 2)[2]

    def paths(self, kind: str, suffix: str) -> list[Path]:
        """Files of all frames, in order."""
        return [self.folder / kind / f"{n:06d}{suffix}" for n in self.table["frame"].tolist()]


def is_doom_footage(root: Path) -> bool:
    """Whether `root` looks like Doom footage, finished or not."""
    return (root / SETTINGS).is_file() or (root / RECORDINGS).is_dir()


def read_doom(
    root: Path, store: Path, *, size: tuple[int, int] = (144, 256), progress: bool = True
) -> tuple[FrameStore, DoomTruth]:
    """Frame store and truth of the footage in `root`, both at `size` (rows, columns).

    Frames are averaged by area, labels taken from the nearest pixel. What is finished is taken
    as it is, and an interrupted import goes on after its last finished recording.

    Raises:
        FileNotFoundError: there is no finished footage in `root`. ValueError: it is damaged.
        DiskSpaceError: the disk is too small.
    """
    recordings = find_doom(root)
    require_store_folder(store, LAYOUT, [r.name for r in recordings], also=(LABELS, TRUTH))
    plan = _plan(root, recordings, size)
    frames = current_store(store, plan.source_digest, corrupt="error")
    if frames is None:
        needed = plan.frames * size[0] * size[1] * 4
        require_disk_space(store, needed, f"the frame store {store} with labels")
        frames = _write_frames(recordings, store, plan, progress)
    if (truth := open_truth(frames)) is None:
        _write_truth(recordings, frames, progress)
        truth = open_truth(frames)
    assert truth is not None
    return frames, truth


def find_doom(root: Path) -> list[_Recording]:
    """All recordings under `root` with their tables, sorted by name."""
    if not (root / SETTINGS).is_file():
        raise FileNotFoundError(
            f"{root} holds no finished Doom footage ({SETTINGS} is missing): run the command that "
            f"makes it once more, it goes on where it stopped (`seeing footage make doom {root}`)"
        )
    folders = sorted(path for path in (root / RECORDINGS).glob("[!.]*-*-*") if path.is_dir())
    if not folders:
        raise FileNotFoundError(
            f"no recordings in {root / RECORDINGS}: expected folders such as 03-player-map07. "
            f"Delete {root} and make the footage again"
        )
    return [_Recording(folder, _read_table(folder / "frames.csv")) for folder in folders]


def open_truth(store: FrameStore) -> DoomTruth | None:
    """What lies beside a frame store, None if nothing does or it belongs to other frames."""
    path = store.folder / TRUTH
    if not path.is_file() or not (store.folder / LABELS).is_file():
        return None
    with np.load(path) as file:
        held = {key: file[key] for key in file.files}
    labels = np.load(store.folder / LABELS, mmap_mode="r")
    if str(held["store"]) != store.digest or labels.shape != (len(store), *store.size):
        return None
    return DoomTruth(labels, held["kinds"], held["tics"], held["places"])


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ValueError(f"{path} is missing: delete the footage's folder and make it again")
    table = pd.read_csv(path, dtype={"kind": str, "map": str})
    if lacking := [name for name in _COLUMNS if name not in table]:
        raise ValueError(f"{path} lacks {', '.join(lacking)}; want columns {','.join(_COLUMNS)}")
    if unknown := sorted(set(table["kind"].astype(str)) - set(KINDS)):
        raise ValueError(f"{path} has kind {unknown[0]!r}; want one of {', '.join(KINDS)}")
    numbers = table["frame"].to_numpy()
    if not len(numbers) or (np.diff(numbers) <= 0).any():
        raise ValueError(f"{path}: want one row a frame, with rising numbers")
    return table


def _plan(root: Path, recordings: list[_Recording], size: tuple[int, int]) -> StorePlan:
    tables = [part for r in recordings for part in (r.name, r.folder / "frames.csv")]
    return StorePlan(
        layout=LAYOUT,
        size=size,
        settings={"fps": FPS, "splits": _splits(root / SETTINGS, {r.map for r in recordings})},
        source_digest=digest([LAYOUT, str(size), root / SETTINGS, *tables]),
        selection_digest="",
        frames=sum(len(recording.table) for recording in recordings),
    )


def _splits(path: Path, maps: set[str]) -> dict[str, list[str]] | None:
    """Which maps the footage's settings want in each part; None where they do not say."""
    try:
        splits = json.loads(path.read_text(encoding="utf-8")).get("splits")
        named = (
            {part: [name.lower() for name in splits[part]] for part in PARTS} if splits else None
        )
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}): make the footage again") from error
    if named is not None and sorted(name for part in PARTS for name in named[part]) != sorted(maps):
        raise ValueError(
            f"{path} splits other maps than the {len(maps)} there are recordings of: delete the "
            "folder and make the footage again"
        )
    return named


def _write_frames(
    recordings: list[_Recording], store: Path, plan: StorePlan, progress: bool
) -> FrameStore:
    with (
        FrameStoreWriter(store, plan) as writer,
        tqdm(total=plan.frames, unit="frame", disable=not progress) as bar,
    ):
        for recording in recordings:
            if recording.name not in writer.finished:
                writer.add(recording.name, recording.map, _frames(recording, plan.size))
            bar.update(len(recording.table))
    return FrameStore.open(store)


def _frames(
    recording: _Recording, size: tuple[int, int]
) -> Iterator[tuple[int, UInt8[np.ndarray, "h w 3"]]]:
    paths = recording.paths("frames", ".jpg")
    read = partial(read_picture, size=size)
    for path, frame in zip(paths, read_ahead(read, paths, core_count()), strict=True):
        if isinstance(frame, Fault):
            raise _damaged(path, frame)
        yield int(path.stem), frame


def _write_truth(recordings: list[_Recording], store: FrameStore, progress: bool) -> None:
    """Write labels, then all else: `truth.npz` says that the labels are whole."""
    paths = [path for recording in recordings for path in recording.paths("labels", ".png")]
    (store.folder / TRUTH).unlink(missing_ok=True)
    read = partial(_read_labels, size=store.size)
    with atomic_path(store.folder / LABELS) as temporary:
        shape = (len(store), *store.size)
        labels = np.lib.format.open_memmap(temporary, "w+", dtype=np.uint8, shape=shape)
        results = read_ahead(read, paths, core_count())
        with tqdm(results, total=len(paths), unit="label", disable=not progress) as bar:
            for i, picture in enumerate(bar):
                labels[i] = picture
        labels.flush()
        del labels
    table = pd.concat([recording.table for recording in recordings])
    places = table[["x", "y", "angle"]].to_numpy(dtype=np.float32, na_value=np.nan)
    with atomic_path(store.folder / TRUTH) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            store=store.digest,
            kinds=np.array([KINDS.index(FrameKind(kind)) for kind in table["kind"]], np.int8),
            tics=table["tic"].fillna(-1).to_numpy(dtype=np.int32),
            places=places,
        )


def _read_labels(path: Path, size: tuple[int, int]) -> UInt8[np.ndarray, "h w"]:
    """A label picture at `size`, each pixel the nearest one's class."""
    try:
        with path.open("rb") as file, Image.open(file, formats=["PNG"]) as image:
            if image.mode != "L":
                raise _damaged(path, Fault(UNREADABLE, f"mode {image.mode}, not 8-bit grey"))
            labels = nearest(np.asarray(image), size)
    except (OSError, SyntaxError) as error:
        raise _damaged(path, Fault(UNREADABLE, str(error))) from error
    if not _LABEL_VALUES[labels].all():
        value = int(labels[~_LABEL_VALUES[labels]][0])
        raise _damaged(path, Fault("label pictures have an unknown class", str(value)))
    return labels


def nearest(
    labels: UInt8[np.ndarray, "h w"], size: tuple[int, int]
) -> UInt8[np.ndarray, "rows columns"]:
    """`labels` at `size`: each pixel is the one that holds its centre, the later one on an edge."""
    rows, columns = (
        (2 * np.arange(wanted) + 1) * held // (2 * wanted)
        for held, wanted in zip(labels.shape, size, strict=True)
    )
    return labels[rows[:, None], columns]


def _damaged(path: Path, fault: Fault) -> FaultyImagesError:
    remedy = "Delete the footage's folder and make it again"
    return FaultyImagesError(path.parent, {path.name: fault}, remedy)
