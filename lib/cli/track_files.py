"""Files that `seeing track` writes: results as MOTChallenge has them, films with boxes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import Float32, UInt8

from lib.data.mot.boxes import FrameBoxes, Window
from lib.files import atomic_path

_BITEXACT = {"fflags": "+bitexact"}
WriteFrame = Callable[[int, FrameBoxes, Float32[np.ndarray, " n"]], None]
WritePicture = Callable[[UInt8[np.ndarray, "h w 3"]], None]


class Renumbered:
    """Tracks as 1, 2, 3 … in the order in which they first appear; counts tracks and boxes."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self.boxes = 0

    @property
    def tracks(self) -> int:
        """How many there are."""
        return len(self._numbers)

    def __call__(self, found: FrameBoxes) -> FrameBoxes:
        """The boxes of a frame under their new numbers."""
        self.boxes += len(found)
        numbers = self._numbers
        ids = [numbers.setdefault(one, len(numbers) + 1) for one in found.ids.tolist()]
        return FrameBoxes.of(ids, found.boxes)


def in_frame(found: FrameBoxes, window: Window, size_px: int) -> FrameBoxes:
    """Boxes of a window that was seen at `size_px`, in pixels of the frame it lies in."""
    scale = window.side_px / size_px
    boxes = found.boxes * scale
    boxes[:, :2] += (window.left, window.top)
    return FrameBoxes.of(found.ids, boxes)


@contextmanager
def results_file(path: Path) -> Iterator[WriteFrame]:
    """Yield a function that writes a frame's boxes and presences, under its number from 0 on.

    A line is ``frame,id,left,top,width,height,confidence,-1,-1,-1``; frames and pixels count from
    1, as MOTChallenge has them, and the confidence is the object's presence. The file is there once
    the block is done.
    """
    with atomic_path(path) as temporary, temporary.open("w", encoding="ascii") as file:

        def write(number: int, found: FrameBoxes, presence: Float32[np.ndarray, " n"]) -> None:
            for one, (left, top, width, height), sure in zip(
                found.ids.tolist(), found.boxes.tolist(), presence.tolist(), strict=True
            ):
                place = f"{left + 1:.2f},{top + 1:.2f},{width:.2f},{height:.2f}"
                file.write(f"{number + 1},{one},{place},{sure:.4f},-1,-1,-1\n")

        yield write


@contextmanager
def film(path: Path, frame_rate_hz: float) -> Iterator[WritePicture]:
    """Yield a function that appends a picture to the mp4 `path`; it is there after the block.

    All have the size of the first. Sides that are odd get a line more, since colours are kept for
    pairs of pixels.
    """
    rate = Fraction(frame_rate_hz).limit_denominator(1001)
    with atomic_path(path) as temporary, av.open(str(temporary), "w", options=_BITEXACT) as file:
        stream = file.add_stream("libx264", rate=max(rate, Fraction(1, 1001)))
        assert isinstance(stream, av.VideoStream)
        stream.options = {"crf": "20", "preset": "veryfast", "movflags": "+faststart"}
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1  # the same file from the same frames
        begun = False

        def write(picture: UInt8[np.ndarray, "h w 3"]) -> None:
            nonlocal begun
            odd = [(0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)]
            even = np.pad(picture, odd, mode="edge")
            if not begun:
                stream.height, stream.width = even.shape[:2]
                begun = True
            file.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))

        yield write
        file.mux(stream.encode())
