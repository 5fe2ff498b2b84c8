"""Masks in the two formats of MOTS (Voigtlaender et al. 2019, arXiv 1902.03604).

A line of the text format is ``frame id class rows columns mask``, the mask as run lengths in COCO's
compressed writing. A picture of the other format is 16 bit grey, a pixel's value its object. An
object's id is class times 1,000 plus a number of its own (MOTSynth: 2,000 plus the person's id,
which may be 1,000 and more); 0 is background, 10,000 a region to be ignored.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64
from PIL import Image

from lib.data.mot.annotations import CAR, PEDESTRIAN, Annotations, require_within

MASKS_PEDESTRIAN = 2
"""Class of people in MOTS, where 1 is a car."""
IGNORE_REGION = 10_000
IGNORED = -1
"""Value of pixels to be ignored in the masks of this module; 0 is background."""
WANTED = "frame id class rows columns mask"


@dataclass(frozen=True)
class MaskRow:
    """An object's mask in a frame, still in run lengths."""

    object_id: int
    kind: int
    size: tuple[int, int]
    runs: Int64[np.ndarray, " r"]  # off, on, off, … down the columns, one after the other

    @property
    def person(self) -> int:
        """The id that boxes of the same sequence have."""
        return self.object_id - 1000 * self.kind

    @property
    def ignored(self) -> bool:
        """Whether this is a region to be ignored."""
        return self.object_id == IGNORE_REGION


def decode_runs(text: str) -> Int64[np.ndarray, " r"]:
    """Run lengths from COCO's compressed writing.

    A number comes in characters of 5 bits each, low ones first, from "0" on; the sixth bit says
    that more follow, the fifth of the last is the sign. From the third run on they are differences
    to the run before the last.
    """
    runs: list[int] = []
    value, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"{character!r} is no character of a mask")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, shift = 0, 0
    if shift or any(run < 0 for run in runs):
        raise ValueError("the mask is cut off or damaged")
    return np.array(runs, np.int64)


def mask_of(runs: Int64[np.ndarray, " r"], size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """The mask of `size` (rows, columns) that has these runs down its columns."""
    rows, columns = size
    on = np.arange(len(runs)) % 2 == 1
    return np.repeat(on, runs).reshape(columns, rows).T


def box_of(
    runs: Int64[np.ndarray, " r"], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Left, top, width, height of the mask, without painting it; zeros for an empty one."""
    ends = np.cumsum(runs)
    begin, end = ends[:-1:2], ends[1::2]
    begin, end = begin[end > begin], end[end > begin]
    if not len(begin):
        return 0.0, 0.0, 0.0, 0.0
    rows = size[0]
    left, right = int(begin[0]) // rows, int(end[-1] - 1) // rows
    if (begin // rows != (end - 1) // rows).any():  # a run into the next column touches both ends
        top, bottom = 0, rows - 1
    else:
        top, bottom = int((begin % rows).min()), int(((end - 1) % rows).max())
    return float(left), float(top), float(right - left + 1), float(bottom - top + 1)


class MaskText:
    """Masks of a sequence from a text file; painted when asked for."""

    def __init__(self, path: Path, *, frames: int, first_frame: int | None = None) -> None:
        """`first_frame` as in `annotations.read_boxes`; raises what it does, for the same."""
        if not path.is_file():
            raise FileNotFoundError(f"there are no masks {path}: check the path")
        self.path = path
        read = [
            (number, *_row(path, number, line))
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            if line.strip()
        ]
        if first_frame is None:
            first_frame = 0 if any(frame == 0 for _, frame, _ in read) else 1
        lines = np.array([line for line, _, _ in read], np.int64)
        positions = np.array([frame - first_frame for _, frame, _ in read], np.int64)
        require_within(path, positions, lines, frames=frames, first_frame=first_frame)
        self.rows: dict[int, list[MaskRow]] = defaultdict(list)
        for position, (_, _, row) in zip(positions.tolist(), read, strict=True):
            self.rows[position].append(row)

    def at(self, frame: int, size: tuple[int, int]) -> Int32[np.ndarray, "h w"]:
        """Object of each pixel: 0 background, `IGNORED`; of several the last in the file."""
        found = np.zeros(size, np.int32)
        for row in self.rows.get(frame, []):
            require_mask_size(self.path, row.size, size)
            found[mask_of(row.runs, size)] = IGNORED if row.ignored else row.object_id
        return found

    def boxes(self) -> Annotations:
        """Tight boxes of the masks, for sequences that have no others; regions are left out."""
        kept = [
            (frame, row) for frame, rows in sorted(self.rows.items()) if frame >= 0 for row in rows
        ]
        kept = [(frame, row) for frame, row in kept if not row.ignored]
        places = np.array([box_of(row.runs, row.size) for _, row in kept], float).reshape(-1, 4)
        return _annotations(
            self.path,
            np.array([frame for frame, _ in kept], np.int64),
            np.array([row.person for _, row in kept], np.int64),
            places,
            np.array([row.kind for _, row in kept], np.int64),
        )


def read_mask_picture(path: Path, size: tuple[int, int]) -> Int32[np.ndarray, "h w"]:
    """Object of each pixel from a 16 bit picture: 0 background, `IGNORED`.

    Raises `ValueError` for a picture of another kind or size.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no mask {path}: check the path")
    with Image.open(path) as image:
        if image.mode not in ("I;16", "I;16B", "I", "L"):
            raise ValueError(f"{path} is a picture of mode {image.mode}; want 16 bit grey")
        found = np.asarray(image).astype(np.int32)
    require_mask_size(path, (found.shape[0], found.shape[1]), size)
    found[found == IGNORE_REGION] = IGNORED
    return found


def require_mask_size(path: Path, got: tuple[int, int], size: tuple[int, int]) -> None:
    """Raise `ValueError` unless masks are as large as the frames."""
    if got != size:
        raise ValueError(
            f"{path} has masks of {got[0]}×{got[1]} (rows×columns), but frames are "
            f"{size[0]}×{size[1]}: masks and frames do not belong together"
        )


def looks_like_masks(path: Path) -> bool:
    """Whether the first line of a `gt.txt` is one of masks rather than boxes."""
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline()
    return len(first.split()) == 6 and "," not in first.split()[0]


def _row(path: Path, number: int, line: str) -> tuple[int, MaskRow]:
    fields = line.split()
    if len(fields) != 6:
        raise _malformed(path, number, f"it has {len(fields)} parts")
    try:
        frame, object_id, kind, rows, columns = map(int, fields[:5])
        runs = decode_runs(fields[5])
    except ValueError as error:
        raise _malformed(path, number, str(error)) from error
    if runs.sum() != rows * columns:
        raise _malformed(path, number, f"its mask has {runs.sum()} pixels, not {rows}×{columns}")
    return frame, MaskRow(object_id, kind, (rows, columns), runs)


def _malformed(path: Path, number: int, reason: str) -> ValueError:
    return ValueError(f"{path}, line {number}: {reason}; want {WANTED}")


def _annotations(
    path: Path,
    frames: Int64[np.ndarray, " n"],
    ids: Int64[np.ndarray, " n"],
    boxes: Float64[np.ndarray, "n 4"],
    kinds: Int64[np.ndarray, " n"],
) -> Annotations:
    return Annotations(
        frames=frames,
        ids=ids,
        boxes=boxes,
        visibility=np.ones(len(frames)),
        classes=np.where(kinds == MASKS_PEDESTRIAN, PEDESTRIAN, CAR),
        flags=np.ones(len(frames), bool),
        source=path,
    )
