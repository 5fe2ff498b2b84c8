"""The picture stream of a video as it is: opened, decoded past damage, shrunk, measured."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8

from lib.data.recordings import core_count
from lib.data.stretches import clock_time
from lib.data.video import CorruptVideoError, require_size

MOST_THREADS = 8
"""Of the decoder, since each holds some frames of the video's own size."""
# As in `lib.data.video`: area averaging, full chroma, the same pixels on every processor.
SCALER = (
    Interpolation.AREA
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.BITEXACT
)


class DamagedVideoError(CorruptVideoError):
    """A video that can be read in part: up to `seconds`, and perhaps again behind that."""

    def __init__(self, path: Path, seconds: float, reason: str) -> None:
        ValueError.__init__(
            self,
            f"{path} is damaged at {clock_time(seconds)}: {reason}. Copy or download the file "
            "again, or import what is sound of it (corrupt='skip', on the command line "
            "--skip-corrupt); what was imported so far is kept",
        )
        self.path, self.reason, self.seconds = path, reason, seconds


def open_stream(video: Path, stack: ExitStack) -> tuple[InputContainer, VideoStream]:
    """Open a video until `stack` closes, with a decoder thread a core.

    Raises `FileNotFoundError` where there is none, `CorruptVideoError` for what is no video.
    """
    if not video.is_file():
        raise FileNotFoundError(f"there is no video {video}: check the path")
    try:
        container = stack.enter_context(av.open(str(video)))
    except av.FFmpegError as error:
        if isinstance(error, PermissionError):
            raise
        raise CorruptVideoError(video, error.strerror or type(error).__name__) from error
    if not container.streams.video:
        raise CorruptVideoError(video, "it holds no picture stream")
    stream = container.streams.video[0]
    # By whole frames: when slices of one are decoded in parallel, damage goes unreported.
    stream.codec_context.thread_type = "FRAME"
    stream.codec_context.thread_count = min(core_count(), MOST_THREADS)
    return container, stream


def decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame | str]:
    """Frames in order of presentation; in place of what cannot be decoded, the reason."""
    try:
        for packet in container.demux(stream):
            try:
                frames = stream.decode(packet)
            except av.error.InvalidDataError as error:
                yield error.strerror or "it cannot be decoded"
                continue
            for frame in frames:
                yield "a frame is incomplete" if frame.is_corrupt else frame
    except av.FFmpegError as error:
        yield error.strerror or type(error).__name__


def scanned_seconds(container: InputContainer, stream: VideoStream) -> float:
    """Length by the time stamps of all packets, undecoded: for files that do not state it."""
    stamps: list[int] = []
    packets = 0
    try:
        for packet in container.demux(stream):
            packets += packet.size > 0
            if packet.pts is not None:
                end = packet.pts + (packet.duration or 0)
                stamps = [min([packet.pts, *stamps]), max([end, *stamps])]
    except av.FFmpegError:
        pass  # decoding comes to the same place, and tells it
    by_count = packets / float(stream.average_rate or stream.guessed_rate or 25)
    by_stamps = float((stamps[1] - stamps[0]) * (stream.time_base or 0)) if stamps else 0.0
    return max(by_count, by_stamps)


class Shrinker:
    """Shrinks frames of one video to RGB at `size` (rows, columns), in one step of libswscale."""

    def __init__(self, video: Path, size: tuple[int, int]) -> None:
        self._video, self._size = video, size
        self._checked: tuple[int, int] | None = None
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> UInt8[np.ndarray, "h w 3"]:
        """Raises `ValueError` if the frame would be enlarged or distorted: sizes may change."""
        if (frame.height, frame.width) != self._checked:
            require_size(self._video, (frame.height, frame.width), self._size)
            self._checked = frame.height, frame.width
        rows, columns = self._size
        image = self._reformatter.reformat(
            frame, columns, rows, "rgb24", interpolation=SCALER, threads=1
        )
        return image.to_ndarray()
