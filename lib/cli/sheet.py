"""A contact sheet: one picture of what a folder of footage holds."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from lib.data.frames import STORE, FrameStore
from lib.data.gamefactory import find_gamefactory, is_gamefactory
from lib.data.minerl import find_minerl
from lib.data.video import CorruptVideoError, count_frames, read_frames
from lib.files import atomic_path

Strip = list[UInt8[np.ndarray, "h w 3"]]
THUMB_WIDTH_PX = 192
_GAP_PX = 4


def write_sheet(folder: Path, path: Path, *, rows: int = 6, columns: int = 6) -> Path:
    """Write a contact sheet of the footage in `folder` to `path` (PNG) and return `path`.

    A row is a recording, with frames spread evenly over it; where there are more than `rows`
    recordings, they are spread evenly too. Recordings that cannot be read are left out. Raises
    ValueError if none can.
    """
    strips = [strip for strip in _strips(folder, rows, columns) if strip]
    if not strips:
        raise ValueError(f"no recording in {folder} can be read: there is nothing to show")
    return write_strips(strips, path, columns=columns)


def write_strips(strips: Sequence[Strip], path: Path, *, columns: int) -> Path:
    """Write frames, a row a strip, as one picture to `path` (PNG) and return `path`."""
    h, w, _ = strips[0][0].shape
    height = max(1, round(THUMB_WIDTH_PX * h / w))
    step = (height + _GAP_PX, THUMB_WIDTH_PX + _GAP_PX)
    size = (columns * step[1] - _GAP_PX, len(strips) * step[0] - _GAP_PX)
    sheet = Image.new("RGB", size, "white")
    for row, strip in enumerate(strips):
        for column, frame in enumerate(strip):
            thumb = Image.fromarray(frame).resize((THUMB_WIDTH_PX, height), Image.Resampling.BOX)
            sheet.paste(thumb, (column * step[1], row * step[0]))
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="PNG")
    return path


def _strips(folder: Path, rows: int, columns: int) -> Iterator[Strip]:
    """Frames of up to `rows` recordings, or stretches of a frame store."""
    if (folder / STORE).is_file():
        frames = FrameStore.open(folder).frames
        chosen = spread_over(len(frames), rows * columns)
        for start in range(0, len(chosen), columns):
            yield [np.asarray(frames[i]) for i in chosen[start : start + columns]]
        return
    recordings = find_gamefactory(folder) if is_gamefactory(folder) else find_minerl(folder)
    sound = [recording for recording in recordings if recording.fault is None]
    for i in spread_over(len(sound), rows):
        try:
            video = sound[i].video
            wanted = spread_over(count_frames(video), columns)
            yield [frame for _, frame in read_frames(video, wanted=wanted)]
        except CorruptVideoError:
            continue


def spread_over(count: int, most: int) -> list[int]:
    """Up to `most` rising, distinct numbers spread evenly over ``range(count)``."""
    if count <= most:
        return list(range(count))
    return [int((2 * i + 1) * count / (2 * most)) for i in range(most)]
