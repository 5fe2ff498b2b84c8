"""Annotations in the format of MOTChallenge: `gt/gt.txt` and `seqinfo.ini`.

A line of `gt.txt` is a person in a frame (Milan et al. 2016, arXiv 1603.00831), in one of the forms
::

    frame,id,left,top,width,height,flag
    frame,id,left,top,width,height,flag,class,visibility          MOT16 and later
    frame,id,left,top,width,height,flag,x,y,z                     MOT15: places in the world
    frame,id,left,top,width,height,flag,class,visibility,x,y,z    MOTSynth

A flag of 0 takes the line out of any judgement. Class 1 is a pedestrian. Visibility is a share of
the box in MOT16 and of the key points in MOTSynth; where there is none it is 1. Pixels are counted
from 1 in the file, from 0 here. MOTSynth's tools disagree on whether its frames count from 0 or
from 1; a line with frame 0 settles it (see `read_boxes`).
"""

import configparser
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64

from lib.data.mot.boxes import FrameBoxes

PEDESTRIAN, CAR = 1, 3
FORMS = (7, 9, 10, 12)
WANTED = "frame,id,left,top,width,height,flag[,class,visibility][,x,y,z]"


@dataclass(frozen=True)
class Annotations:
    """People of a sequence, a row for each and frame, sorted by frame and id.

    `frames` counts from 0, the first frame of the sequence.
    """

    frames: Int64[np.ndarray, " n"]
    ids: Int64[np.ndarray, " n"]
    boxes: Float64[np.ndarray, "n 4"]  # left, top, width, height in px; first pixel is 0
    visibility: Float64[np.ndarray, " n"]  # in [0, 1]
    classes: Int64[np.ndarray, " n"]
    flags: Bool[np.ndarray, " n"]  # whether the file wants it judged
    source: Path

    def __len__(self) -> int:
        return len(self.frames)

    def at(self, frame: int, *, least_visibility: float = 0.0) -> FrameBoxes:
        """Everybody in a frame; ignored are the less visible, other classes and flags of 0."""
        start, stop = np.searchsorted(self.frames, [frame, frame + 1])
        rows = slice(int(start), int(stop))
        return FrameBoxes(self.ids[rows], self.boxes[rows], ~self._judged(least_visibility)[rows])

    def part(self, start: int, stop: int) -> "Annotations":
        """Those of frames start … stop-1, counted from `start`."""
        chosen = (self.frames >= start) & (self.frames < stop)
        return self._rows(chosen, start)

    def _judged(self, least_visibility: float) -> Bool[np.ndarray, " n"]:
        return self._pedestrians & (self.visibility >= least_visibility)

    @cached_property
    def _pedestrians(self) -> Bool[np.ndarray, " n"]:
        return self.flags & (self.classes == PEDESTRIAN)

    def _rows(self, chosen: Bool[np.ndarray, " n"], start: int) -> "Annotations":
        return replace(
            self,
            frames=self.frames[chosen] - start,
            ids=self.ids[chosen],
            boxes=self.boxes[chosen],
            visibility=self.visibility[chosen],
            classes=self.classes[chosen],
            flags=self.flags[chosen],
        )


def read_boxes(path: Path, *, frames: int, first_frame: int | None = None) -> Annotations:
    """Read `gt.txt` of a sequence of `frames` frames.

    `first_frame` is the number that the file gives the first one; None takes 0 if any line has
    frame 0, else 1. Lines before it are left out.

    Raises `FileNotFoundError`, or `ValueError` for a line that cannot be read (which, and what was
    wanted), a person twice in a frame, or a frame beyond the sequence.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there are no annotations {path}: check the path")
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = [(k, line) for k, line in enumerate(text.splitlines(), 1) if line.strip()]
    rows = [_row(path, number, line) for number, line in lines]
    table = np.array(rows, dtype=np.float64).reshape(-1, 9)
    if first_frame is None:
        first_frame = 0 if len(table) and table[:, 0].min() == 0 else 1
    positions = table[:, 0].astype(np.int64) - first_frame
    numbers = np.array([number for number, _ in lines], np.int64)
    require_within(path, positions, numbers, frames=frames, first_frame=first_frame)
    order = np.lexsort((table[:, 1], positions))
    order = order[positions[order] >= 0]
    table, positions, numbers = table[order], positions[order], numbers[order]
    _require_once(path, positions, table[:, 1], numbers)
    places = table[:, 2:6].copy()
    places[:, :2] -= 1  # to pixels from 0
    return Annotations(
        frames=positions,
        ids=table[:, 1].astype(np.int64),
        boxes=places,
        visibility=table[:, 8],
        classes=table[:, 7].astype(np.int64),
        flags=table[:, 6] != 0,
        source=path,
    )


def require_within(
    path: Path,
    positions: Int64[np.ndarray, " n"],
    lines: Int64[np.ndarray, " n"],
    *,
    frames: int,
    first_frame: int,
) -> None:
    """Raise `ValueError` if a line is of a frame behind the last."""
    if (beyond := positions >= frames).any():
        k = int(np.argmax(beyond))
        raise ValueError(
            f"{path}, line {lines[k]}: frame {positions[k] + first_frame} is beyond the sequence, "
            f"whose {frames} frames are numbers {first_frame} to {first_frame + frames - 1}. "
            "Annotations and frames do not belong together, or the first frame has another number "
            "(first_frame=…)"
        )


@dataclass(frozen=True)
class SequenceInfo:
    """What `seqinfo.ini` says; None where it is silent."""

    name: str | None = None
    frames: int | None = None
    size: tuple[int, int] | None = None  # rows, columns
    frame_rate_hz: float | None = None
    image_folder: str | None = None


def read_seqinfo(path: Path) -> SequenceInfo:
    """Read `seqinfo.ini`; without one nothing is known.

    Raises `ValueError` for a file without a section [Sequence], or with words for numbers.
    """
    if not path.is_file():
        return SequenceInfo()
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
        values = parser["Sequence"]
    except (configparser.Error, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: want a section [Sequence] ({error})") from error
    frames, rows, columns, rate = (
        _number(path, key, values.get(key))
        for key in ("seqLength", "imHeight", "imWidth", "frameRate")
    )
    return SequenceInfo(
        name=values.get("name"),
        frames=None if frames is None else round(frames),
        size=None if rows is None or columns is None else (round(rows), round(columns)),
        frame_rate_hz=rate,
        image_folder=values.get("imDir"),
    )


def _number(path: Path, key: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"{path}: {key} is {text!r}; want a number above 0")
    return number


def _row(path: Path, number: int, line: str) -> tuple[float, ...]:
    """Frame, id, box, flag, class, visibility."""
    fields = line.strip().rstrip(",").split(",")
    try:
        values = [float(field) for field in fields]
    except ValueError:
        raise _malformed(path, number, f"{line.strip()[:60]!r} is not all numbers") from None
    if len(values) not in FORMS:
        raise _malformed(path, number, f"it has {len(values)} columns")
    frame, person, left, top, width, height, flag = values[:7]
    if not np.isfinite(values[:7]).all() or frame != int(frame) or person != int(person):
        raise _malformed(path, number, f"frame {frame:g} or id {person:g} is no whole number")
    if frame < 0 or width < 0 or height < 0:
        raise _malformed(path, number, "frame, width or height is below 0")
    kind, visibility = values[7:9] if len(values) in (9, 12) else (float(PEDESTRIAN), 1.0)
    return frame, person, left, top, width, height, flag, kind, visibility


def _malformed(path: Path, number: int, reason: str) -> ValueError:
    return ValueError(f"{path}, line {number}: {reason}; want {WANTED}")


def _require_once(
    path: Path,
    frames: Int64[np.ndarray, " n"],
    ids: Float64[np.ndarray, " n"],
    lines: Int64[np.ndarray, " n"],
) -> None:
    same = (np.diff(frames) == 0) & (np.diff(ids) == 0)
    if same.any():
        k = int(np.argmax(same)) + 1
        raise ValueError(
            f"{path}, line {lines[k]}: id {int(ids[k])} is in this frame already (line "
            f"{lines[k - 1]}); want each person once a frame"
        )
