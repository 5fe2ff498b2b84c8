"""One video of people: its frames, and the truth about them where there is one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int32, UInt8
from PIL import Image

from lib.data.images import Fault
from lib.data.mot.annotations import Annotations, SequenceInfo, read_boxes, read_seqinfo
from lib.data.mot.masks import MaskText, looks_like_masks, read_mask_picture
from lib.data.mot.seeking import index_video, read_at
from lib.data.pictures import list_pictures, picture_size
from lib.data.video import probe_video

Layout = Literal["motchallenge", "motsynth", "grand_central", "frames", "video"]
SEQINFO = "seqinfo.ini"
FRAME_RATE_HZ = 25.0
"""Taken where nothing tells it."""


@dataclass(frozen=True)
class MotSequence:
    """Frames in time order, numbered from 0; frame i is `begin` + i of the footage.

    Frames and truth are read when asked for, and only then found to be damaged: `check` asks for
    all of them.
    """

    name: str
    layout: Layout
    source: Path  # the folder of pictures, or the video
    pictures: tuple[str, ...]  # names in time order; none for a video
    frames: int
    size: tuple[int, int]  # rows, columns
    frame_rate_hz: float
    boxes_file: Path | None = None
    masks_file: Path | None = None  # MOTS text, or a folder of MOTS pictures
    first_frame: int | None = None  # number that annotations give the footage's first frame
    begin: int = 0
    left_out: int = 0  # frames of the footage behind the last

    def read(self, numbers: Sequence[int]) -> list[UInt8[np.ndarray, "h w 3"]]:
        """Frames by rising numbers, in RGB at full size.

        Raises `ValueError` for a number beyond the sequence, a frame of another size, or one that
        cannot be read (`CorruptVideoError` in a video).
        """
        if len(numbers) and not 0 <= min(numbers) <= max(numbers) < self.frames:
            raise ValueError(
                f"{self.name} has {self.frames} frames, but frames {min(numbers)} to "
                f"{max(numbers)} are wanted; want 0 to {self.frames - 1}"
            )
        places = [self.begin + number for number in numbers]
        if not self.pictures:
            return read_at(self.source, places)
        return [self._picture(self.pictures[place]) for place in places]

    @cached_property
    def annotations(self) -> Annotations | None:
        """Boxes of everybody, from `gt.txt` or around the masks; None where there is no truth."""
        if self.boxes_file is not None:
            found = read_boxes(
                self.boxes_file, frames=self._footage_frames, first_frame=self.first_frame
            )
        elif self._mask_text is not None:
            found = self._mask_text.boxes()
        else:
            return None
        return found.part(self.begin, self.begin + self.frames)

    @property
    def has_masks(self) -> bool:
        """Whether `mask` may be asked."""
        return self.masks_file is not None

    def mask(self, frame: int) -> Int32[np.ndarray, "h w"]:
        """Object of each pixel: 0 background, `masks.IGNORED`, else an id of MOTS.

        Raises `ValueError` where there are none, or of another size than the frames.
        """
        if self.masks_file is None:
            raise ValueError(f"{self.name} has no masks: ask has_masks before")
        if self._mask_text is not None:
            return self._mask_text.at(self.begin + frame, self.size)
        names = list_pictures(self.masks_file)
        if len(names) <= self.begin + frame:
            raise ValueError(
                f"{self.masks_file} has {len(names)} masks, but that of frame "
                f"{self.begin + frame} is wanted: masks and frames do not belong together"
            )
        return read_mask_picture(self.masks_file / names[self.begin + frame], self.size)

    def part(self, start: int, stop: int) -> "MotSequence":
        """Frames start … stop-1 as a sequence of their own."""
        if not 0 <= start < stop <= self.frames:
            raise ValueError(
                f"start={start}, stop={stop}: want 0 <= start < stop <= {self.frames}, the frames "
                f"of {self.name}"
            )
        behind = self.left_out + self.frames - stop
        return replace(self, frames=stop - start, begin=self.begin + start, left_out=behind)

    def check(self) -> None:
        """Read all truth and all headers of pictures; raise `ValueError` for what is the matter."""
        _ = self.annotations
        for name in self.pictures[self.begin : self.begin + self.frames]:
            self._require_size(name, picture_size(self.source / name))

    @property
    def _footage_frames(self) -> int:
        return self.begin + self.frames + self.left_out

    @cached_property
    def _mask_text(self) -> MaskText | None:
        if self.masks_file is None or self.masks_file.is_dir():
            return None
        return MaskText(self.masks_file, frames=self._footage_frames, first_frame=self.first_frame)

    def _picture(self, name: str) -> UInt8[np.ndarray, "h w 3"]:
        path = self.source / name
        self._require_size(name, picture_size(path))
        try:
            with Image.open(path) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError) as error:
            raise ValueError(f"{path} cannot be read: {error}") from error

    def _require_size(self, name: str, got: tuple[int, int] | Fault) -> None:
        if isinstance(got, Fault):
            raise ValueError(f"{self.source / name} cannot be read: {got.detail or got.kind}")
        if got != self.size:
            raise ValueError(
                f"{self.source / name} is {got[0]}×{got[1]} (rows×columns), but frames of "
                f"{self.name} are {self.size[0]}×{self.size[1]}: want one size for all; shrink or "
                "remove what differs"
            )


def read_pictures(
    folder: Path,
    *,
    name: str,
    layout: Layout,
    annotations: Path | None = None,
    masks: Path | None = None,
    first_frame: int | None = None,
) -> MotSequence:
    """A folder of pictures, with `annotations` a folder of ``gt/gt.txt`` and ``seqinfo.ini``.

    `masks` is a folder of the same form with masks for boxes, or with ``instances/*.png``; pictures
    in ``masks`` beside ``gt`` are taken, too.
    `first_frame` is the number that annotations give the first picture; None takes it from the
    pictures' names in MOTChallenge folders, else 0 or 1 as the annotations have it.

    Raises `FileNotFoundError` without pictures, `ValueError` for gaps in their numbers, other than
    as many as ``seqinfo.ini`` says, or a first one that cannot be read.
    """
    pictures = list_pictures(folder) if folder.is_dir() else []
    if not pictures:
        raise FileNotFoundError(f"no frames in {folder}: want numbered pictures (.jpg, .png)")
    info = read_seqinfo((annotations or folder) / SEQINFO)
    numbers = require_no_gap(folder, pictures, even_steps=layout in ("frames", "grand_central"))
    if layout == "motchallenge":
        _require_count(folder, len(pictures), info)
    if layout == "motchallenge" and first_frame is None and numbers is not None:
        first_frame = numbers[0]
    boxes_file, masks_file = _truth(annotations, masks)
    return MotSequence(
        name=name,
        layout=layout,
        source=folder,
        pictures=tuple(pictures),
        frames=len(pictures),
        size=_size(folder / pictures[0]),
        frame_rate_hz=info.frame_rate_hz or FRAME_RATE_HZ,
        boxes_file=boxes_file,
        masks_file=masks_file,
        first_frame=first_frame,
    )


def read_video(
    path: Path,
    *,
    name: str | None = None,
    layout: Layout = "video",
    annotations: Path | None = None,
    masks: Path | None = None,
    first_frame: int | None = None,
) -> MotSequence:
    """A video as a sequence; arguments as in `read_pictures`.

    Where ``seqinfo.ini`` says fewer frames than the video has, the first ones are taken.

    Raises `FileNotFoundError`, `CorruptVideoError`, or `ValueError` for a video that is too short.
    """
    info = read_seqinfo(annotations / SEQINFO) if annotations else SequenceInfo()
    about, held = probe_video(path), len(index_video(path).stamps)
    if info.frames is not None and info.frames > held:
        raise ValueError(f"{path} holds {held} frames, but {SEQINFO} says {info.frames}")
    boxes_file, masks_file = _truth(annotations, masks)
    return MotSequence(
        name=name or path.stem,
        layout=layout,
        source=path,
        pictures=(),
        frames=info.frames or held,
        size=(about.height, about.width),
        frame_rate_hz=info.frame_rate_hz or about.frame_rate_hz or FRAME_RATE_HZ,
        boxes_file=boxes_file,
        masks_file=masks_file,
        first_frame=first_frame,
    )


def require_no_gap(folder: Path, names: Sequence[str], *, even_steps: bool) -> list[int] | None:
    """Numbers at the ends of pictures' names, None if any has none; raises `ValueError` for gaps.

    With `even_steps` every fifth frame, say, is no gap.
    """
    found = [re.search(r"(\d+)\D*$", Path(name).stem) for name in names]
    numbers = [int(match[1]) for match in found if match]
    if len(numbers) < len(names):
        return None
    steps = np.diff(np.array(numbers, np.int64))
    step = int(steps.min()) if len(steps) and even_steps else 1
    if (bad := np.flatnonzero(steps != max(step, 1))).size:
        before, after = (names[int(bad[0]) + k] for k in (0, 1))
        raise ValueError(
            f"{folder} has a gap in its numbers: {after} follows {before}. Copy the missing "
            "frames, or number those there are without gaps"
        )
    return numbers


def _require_count(folder: Path, count: int, info: SequenceInfo) -> None:
    if info.frames not in (None, count):
        raise ValueError(
            f"{folder} holds {count} pictures, but {SEQINFO} says {info.frames} frames: copy the "
            "missing ones, or mend seqLength"
        )


def _size(picture: Path) -> tuple[int, int]:
    found = picture_size(picture)
    if isinstance(found, Fault):
        raise ValueError(f"{picture} cannot be read: {found.detail or found.kind}")
    return found


def _truth(annotations: Path | None, masks: Path | None) -> tuple[Path | None, Path | None]:
    """Files of boxes and of masks, each None where there is none."""
    boxes_file = masks_file = None
    for folder in filter(None, (annotations, masks)):
        text = folder / "gt" / "gt.txt"
        if text.is_file() and looks_like_masks(text):
            masks_file = masks_file or text
        elif text.is_file():
            boxes_file = boxes_file or text
        for pictures in (folder / "instances", folder / "masks"):
            if masks_file is None and pictures.is_dir():
                masks_file = pictures
    return boxes_file, masks_file
