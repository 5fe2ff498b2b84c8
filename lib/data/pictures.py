"""Pictures of any common format as frames: read, checked, shrunk by area."""

import re
import struct
import threading
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8
from PIL import Image

from lib.data.images import UNREADABLE, WRONG_SIZE, Fault
from lib.data.video_stream import SCALER

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
_UNREADABLE_ERRORS = (
    *(OSError, SyntaxError, ValueError, struct.error),
    Image.DecompressionBombError,
)
_own = threading.local()  # a scaler for each thread


def list_pictures(folder: Path) -> list[str]:
    """Names of the pictures in `folder` in their natural order: frame_9 before frame_10."""
    names = [
        path.name
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    ]
    return sorted(names, key=natural_key)


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sorts names as people do: numbers within them by their value."""
    parts = re.split(r"(\d+)", name)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts], name


def picture_size(path: Path) -> tuple[int, int] | Fault:
    """Rows and columns, from the header; or why there are none."""
    try:
        with path.open("rb") as file, Image.open(file, formats=_FORMATS) as image:
            return image.height, image.width
    except Image.UnidentifiedImageError:
        return Fault(UNREADABLE, "no picture")
    except _UNREADABLE_ERRORS as error:
        return Fault(UNREADABLE, getattr(error, "strerror", None) or str(error))


def read_picture(
    path: Path, size: tuple[int, int], *, source_size: tuple[int, int] | None = None
) -> UInt8[np.ndarray, "h w 3"] | Fault:
    """A picture in RGB, averaged by area to `size` (rows, columns); or why it cannot be.

    `source_size` is the size that it must have in the file, None for any.
    """
    try:
        with path.open("rb") as file, Image.open(file, formats=_FORMATS) as image:
            got = image.height, image.width
            if source_size is not None and got != source_size:
                wanted = f"{source_size[1]}×{source_size[0]}"
                return Fault(WRONG_SIZE, f"{got[1]}×{got[0]} pixels, not {wanted}")
            picture = np.asarray(image.convert("RGB"))
    except Image.UnidentifiedImageError:
        return Fault(UNREADABLE, "no picture")
    except _UNREADABLE_ERRORS as error:
        return Fault(UNREADABLE, getattr(error, "strerror", None) or str(error))
    return scaled(picture, size)


def scaled(
    picture: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]
) -> UInt8[np.ndarray, "rows columns 3"]:
    """`picture` at `size` (rows, columns), as frames of a video are shrunk."""
    if picture.shape[:2] == size:
        return picture
    if not hasattr(_own, "scaler"):
        _own.scaler = VideoReformatter()
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
    rows, columns = size
    image = _own.scaler.reformat(frame, columns, rows, "rgb24", interpolation=SCALER, threads=1)
    return image.to_ndarray()
