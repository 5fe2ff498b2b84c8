"""Writing videos: lossless by default, since a lossy one is another data set."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from lib.files import atomic_path

_LOSSLESS = ("libx264rgb", "rgb24", {"qp": "0", "preset": "veryfast"})
_LOSSY = ("libx264", "yuv444p", {"crf": "16", "preset": "veryfast"})
_BITEXACT = {"fflags": "+bitexact"}
KEYFRAME_EVERY = 24
"""A key frame now and then, so that a reader can start in the middle."""


def write_video(
    path: Path, frames: Iterable[np.ndarray], *, frame_rate_hz: int, lossless: bool = True
) -> int:
    """Write uint8 frames [h, w, 3] to an mp4 file, atomically; gives their number.

    Lossless is H.264 in RGB, from which the same pixels come back. Otherwise 4:4:4 colour (no
    subsampling) at high quality; h and w must then suit the codec. One thread and no time stamps:
    the same frames give the same file on the same version of ffmpeg.

    Raises `ValueError` for no frames, and for frames of another type or of differing sizes.
    """
    count = 0
    with atomic_path(path) as temporary, av.open(str(temporary), "w", options=_BITEXACT) as file:
        stream: av.VideoStream | None = None
        for picture in frames:
            _check_frame(picture, count, stream)
            if stream is None:
                stream = _add_stream(file, picture.shape, frame_rate_hz, lossless)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            file.mux(stream.encode(frame))
            count += 1
        if stream is None:
            raise ValueError("a video needs at least one frame, but `frames` was empty")
        file.mux(stream.encode())
    return count


def _add_stream(
    file: av.container.OutputContainer,
    shape: tuple[int, ...],
    frame_rate_hz: int,
    lossless: bool,
) -> av.VideoStream:
    codec, pixel_format, options = _LOSSLESS if lossless else _LOSSY
    stream = file.add_stream(codec, rate=Fraction(frame_rate_hz))
    assert isinstance(stream, av.VideoStream)
    stream.options = {**options, "g": str(KEYFRAME_EVERY), "bf": "0"}
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = pixel_format
    stream.codec_context.thread_count = 1  # several would cut frames into slices
    return stream


def _check_frame(picture: np.ndarray, number: int, stream: av.VideoStream | None) -> None:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(
            f"frames must be uint8 [h, w, 3], but frame {number} is {picture.dtype} "
            f"{list(picture.shape)}; convert it first"
        )
    if stream is not None and picture.shape[:2] != (stream.height, stream.width):
        raise ValueError(
            f"all frames must have the size of the first, {stream.height} x {stream.width}, but "
            f"frame {number} has {picture.shape[0]} x {picture.shape[1]}; resize or crop it first"
        )


def read_video(path: Path) -> np.ndarray:
    """All frames of a small video as uint8 [t, h, w, 3], for checks: `lib.data` has the reader."""
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])
