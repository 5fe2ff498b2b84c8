"""The frame store: the chosen frames of a data set as one memory-mapped array.

A store is a folder of three files. `frames.npy` holds uint8 [n, h, w, 3], RGB; `index.npz` holds,
for each frame, int32 numbers of its group (what splits must not share: a world, a recording), its
recording and its frame within the recording; `store.json` names groups and recordings and says
where the frames came from. `store.json` is written last: a folder without it is no finished store.
`lib.data.writer` makes stores.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float32, Int, Int32, UInt8

from lib.files import digest

FORMAT = "seeing-games frames"
VERSION = 1
FRAMES, INDEX, STORE = "frames.npy", "index.npz", "store.json"
INDEX_KEYS = ("group", "recording", "frame")


@dataclass(frozen=True)
class FrameStore:
    """Frames of many recordings, read from disk as they are asked for.

    `groups`, `recordings` and `frame_numbers` have one entry per frame; the first two are
    positions in `group_names` and `recording_names` (paths relative to the source folder).
    """

    folder: Path
    frames: UInt8[np.ndarray, "n h w 3"]  # read-only memory map
    groups: Int32[np.ndarray, " n"]
    recordings: Int32[np.ndarray, " n"]
    frame_numbers: Int32[np.ndarray, " n"]
    group_names: tuple[str, ...]
    recording_names: tuple[str, ...]
    layout: str  # of the source: "minerl", "gamefactory" or "sideswipe"
    settings: Mapping[str, Any]  # of the reader
    source_digest: str  # of names and bytes of the source's files, and of the settings
    skipped: Mapping[str, str]  # recordings left out, and why
    digest: str  # of all frames and their index

    @classmethod
    def open(cls, folder: Path) -> "FrameStore":
        """Open a finished store; looks at headers and sizes, not at every pixel (`verify` does).

        Raises `FileNotFoundError` where there is none, `ValueError` where one is damaged or of
        another format.
        """
        about = read_description(folder)
        frames = _map_frames(folder, about)
        index = _load_index(folder, len(frames))
        recordings = tuple(entry["name"] for entry in about["recordings"])
        names = {"group": about["groups"], "recording": recordings}
        for key, of in names.items():
            if len(frames) and not 0 <= index[key].min() <= index[key].max() < len(of):
                raise _damaged(folder, f"{INDEX} points beyond the {len(of)} {key}s it names")
        return cls(
            folder=folder,
            frames=frames,
            groups=index["group"],
            recordings=index["recording"],
            frame_numbers=index["frame"],
            group_names=tuple(about["groups"]),
            recording_names=recordings,
            layout=about["layout"],
            settings=MappingProxyType(about["settings"]),
            source_digest=about["source_digest"],
            skipped=MappingProxyType(about["skipped"]),
            digest=about["digest"],
        )

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of every frame."""
        return self.frames.shape[1], self.frames.shape[2]

    def batch(
        self, indices: Int[np.ndarray, " b"] | Sequence[int]
    ) -> Float32[np.ndarray, "b c h w"]:
        """The frames at `indices` as a model takes them: float32 in [0, 1], channels first."""
        chosen = self.frames[np.asarray(indices, dtype=np.int64)]
        channels_first = np.ascontiguousarray(chosen.transpose(0, 3, 1, 2))
        return np.divide(channels_first, np.float32(255), dtype=np.float32)

    def verify(self) -> None:
        """Read every byte and raise `ValueError` if the content is not what was written."""
        hashes = []
        for which, part in self._parts():
            content = RecordingHash(self.recording_names[which])
            for position in range(part.start, part.stop):
                content.add(int(self.frame_numbers[position]), self.frames[position])
            hashes.append(content.digest())
        if (got := content_digest(hashes)) != self.digest:
            raise _damaged(self.folder, f"its content has digest {got}, not {self.digest}")

    def _parts(self) -> Iterator[tuple[int, slice]]:
        """Each recording's number and its run of frames; empty recordings included."""
        ends = np.searchsorted(self.recordings, np.arange(len(self.recording_names)), side="right")
        starts = np.concatenate([[0], ends[:-1]])
        for which, (start, end) in enumerate(zip(starts, ends, strict=True)):
            yield which, slice(int(start), int(end))


def read_description(folder: Path) -> dict[str, Any]:
    """The content of `store.json`, checked for format and version."""
    path = folder / STORE
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no finished frame store in {folder} ({STORE} is missing). Make it with "
            "read_minerl, read_gamefactory or read_sideswipe (`seeing run`); an interrupted import "
            "goes on where it stopped"
        )
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(folder, f"{STORE} is no JSON ({error})") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise _damaged(folder, f"{STORE} does not describe a frame store")
    if about.get("version") != VERSION:
        raise _damaged(folder, f"its format is version {about.get('version')}, not {VERSION}")
    wanted = {
        "frames": int,
        "size": list,
        "groups": list,
        "recordings": list,
        "layout": str,
        "settings": dict,
        "source_digest": str,
        "skipped": dict,
        "digest": str,
    }
    lacking = [key for key, kind in wanted.items() if not isinstance(about.get(key), kind)]
    if lacking:
        raise _damaged(folder, f"{STORE} lacks {', '.join(lacking)}")
    return about


class RecordingHash:
    """Digest of one recording's chosen frames and their numbers, frame by frame."""

    def __init__(self, name: str) -> None:
        self._total = hashlib.sha256(name.encode())

    def add(self, number: int, frame: UInt8[np.ndarray, "h w 3"]) -> None:
        """Take in the next frame."""
        self._total.update(number.to_bytes(4, "little"))
        self._total.update(np.ascontiguousarray(frame).data)

    def digest(self) -> str:
        """Digest, as hexadecimal digits, of what has been taken in so far."""
        return self._total.hexdigest()


def content_digest(recordings: Sequence[str]) -> str:
    """Digest of a whole store, from those of its recordings."""
    return digest([FORMAT, *recordings])


def _map_frames(folder: Path, about: dict[str, Any]) -> UInt8[np.ndarray, "n h w 3"]:
    path = folder / FRAMES
    try:
        frames = np.load(path, mmap_mode="r")
    except (ValueError, OSError, EOFError) as error:
        raise _damaged(folder, f"{FRAMES} is missing, cut off or no array ({error})") from error
    wanted = (about["frames"], *about["size"], 3)
    if frames.dtype != np.uint8 or frames.shape != wanted:
        raise _damaged(
            folder,
            f"{FRAMES} is {frames.dtype}{list(frames.shape)}, {STORE} says uint8{list(wanted)}",
        )
    return frames


def _load_index(folder: Path, frames: int) -> dict[str, Int32[np.ndarray, " n"]]:
    try:
        with (folder / INDEX).open("rb") as raw, np.load(raw) as file:
            index = {key: file[key] for key in INDEX_KEYS}
    except Exception as error:  # zipfile, zlib, KeyError, OSError: all mean the same to a reader
        raise _damaged(folder, f"{INDEX} is missing or unreadable ({error})") from error
    for key, values in index.items():
        if values.dtype != np.int32 or values.shape != (frames,):
            raise _damaged(
                folder,
                f"{key} in {INDEX} is {values.dtype}{list(values.shape)}, not int32[{frames}]",
            )
    return index


def _damaged(folder: Path, what: str) -> ValueError:
    return ValueError(
        f"the frame store {folder} is damaged: {what}. Delete the folder and import again"
    )
