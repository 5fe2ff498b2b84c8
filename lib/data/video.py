"""Video files to arrays: probing and streaming decode with PyAV.

Scaling and colour conversion happen in one pass of swscale with area averaging (`_SCALER`), the
right filter for shrinking: every source pixel counts once, so fine texture turns into its mean
instead of into aliasing. With whole factors the result equals the mean of each block to within one
grey level. Area averaging cannot enlarge sensibly, so enlarging is refused.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8

# Full chroma: else pairs of neighbouring columns in the result share their colour. Bit-exact: the
# same pixels on every processor.
_SCALER = (
    Interpolation.AREA
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.BITEXACT
)


class CorruptVideoError(ValueError):
    """A video file that is empty, truncated or cannot be decoded."""

    def __init__(self, path: Path, reason: str, *, further: str = "") -> None:
        super().__init__(
            f"{path} cannot be read: {reason}.{further} Copy or download the file again, delete "
            "it, or leave such files out (corrupt='skip', on the command line --skip-corrupt)"
        )
        self.path = path
        self.reason = reason


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header says; nothing has been decoded.

    `frames` is None where the container does not count them; `seconds` is None where it does not
    know its length either.
    """

    frames: int | None
    height: int
    width: int
    frame_rate_hz: float
    seconds: float | None


def probe_video(path: Path) -> VideoInfo:
    """Read size, rate and length from the header, in about a millisecond.

    Raises `CorruptVideoError` for a file that is empty, is no video or ends before the length its
    own boxes state, and `FileNotFoundError` where there is none.
    """
    with _opened(path) as (container, stream):
        seconds = None
        if stream.duration is not None and stream.time_base is not None:
            seconds = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            seconds = container.duration / av.time_base
        return VideoInfo(
            frames=stream.frames or None,
            height=stream.codec_context.height,
            width=stream.codec_context.width,
            frame_rate_hz=float(stream.average_rate or stream.guessed_rate or 0),
            seconds=seconds,
        )


def count_frames(path: Path) -> int:
    """Frames the file holds: as its header says, else counted packet by packet, undecoded."""
    with _opened(path) as (container, stream):
        return stream.frames or sum(packet.size > 0 for packet in container.demux(stream))


def read_frames(
    path: Path,
    *,
    size: tuple[int, int] | None = None,
    start: int = 0,
    step: int = 1,
    wanted: Sequence[int] | None = None,
    threads: int = 1,
) -> Iterator[tuple[int, UInt8[np.ndarray, "h w 3"]]]:
    """Yield (frame number, RGB frame) in order of presentation, one frame in memory at a time.

    Either every `step`-th frame from `start` on, or exactly the numbers `wanted` (rising). Frames
    nobody wants are decoded, as later ones need them, but neither converted nor scaled; decoding
    stops behind the last wanted one. `size` is (rows, columns), by area averaging; `threads` is
    for the decoder, 0 for one per core.

    Raises `CorruptVideoError` when decoding fails or ends before the container's own count, and
    `ValueError` for numbers beyond it or a size that would enlarge or distort (`require_size`).
    """
    if start < 0 or step < 1 or threads < 0:
        raise ValueError(
            f"start={start}, step={step}, threads={threads}: want start >= 0, step >= 1, "
            "threads >= 0"
        )
    if wanted is not None:
        _require_rising(wanted, alone=start == 0 and step == 1)
    return _decode(path, size, range(start, 2**31, step) if wanted is None else wanted, threads)


def require_size(path: Path, got: tuple[int, int], size: tuple[int, int]) -> None:
    """Raise `ValueError` unless a video of size `got` shrinks to `size` undistorted.

    Both are (rows, columns). The shapes are alike if one side of `size` is what the other asks for,
    to the nearest pixel.
    """
    if min(size) < 1:
        raise ValueError(f"size={size}: want positive (rows, columns)")
    (rows, columns), (wanted_rows, wanted_columns) = got, size
    told = f"{path} is {rows}×{columns} (rows×columns)"
    if rows < wanted_rows or columns < wanted_columns:
        raise ValueError(
            f"{told}, smaller than the wanted {wanted_rows}×{wanted_columns}. "
            "Name a smaller size or take larger footage"
        )
    off_px = min(
        abs(wanted_columns - wanted_rows * columns / rows),
        abs(wanted_rows - wanted_columns * rows / columns),
    )
    if off_px > 0.5:
        raise ValueError(
            f"{told}, of another shape than the wanted {wanted_rows}×{wanted_columns}: frames "
            "would be distorted. Name a size of the same shape, such as "
            f"{wanted_rows}×{round(wanted_rows * columns / rows)}, or crop the footage"
        )


def _require_rising(wanted: Sequence[int], *, alone: bool) -> None:
    if not alone:
        raise ValueError("wanted cannot be combined with start or step: give one or the other")
    numbers = np.asarray(wanted, dtype=np.int64)
    if numbers.size and (numbers[0] < 0 or np.any(np.diff(numbers) <= 0)):
        raise ValueError(
            f"wanted must be rising frame numbers >= 0 without repeats, got {list(wanted)[:8]}…"
        )


def _decode(
    path: Path, size: tuple[int, int] | None, wanted: Sequence[int], threads: int
) -> Iterator[tuple[int, UInt8[np.ndarray, "h w 3"]]]:
    with _opened(path) as (container, stream):
        claimed = stream.frames or None
        full = (stream.codec_context.height, stream.codec_context.width)
        rows, columns = size or full
        require_size(path, full, (rows, columns))
        numbers = iter(wanted)
        following = next(numbers, None)
        if claimed and wanted and not isinstance(wanted, range) and wanted[-1] >= claimed:
            raise ValueError(f"{path} has {claimed} frames, but frame {wanted[-1]} is wanted")
        # By whole frames: when slices of one are decoded in parallel, damage goes unreported.
        stream.codec_context.thread_type = "FRAME"
        stream.codec_context.thread_count = threads
        if following is None:
            return
        scaler = VideoReformatter()
        count = 0
        for frame in container.decode(stream):
            if frame.is_corrupt:
                raise CorruptVideoError(path, f"frame {count} is damaged")
            if count == following:
                image = scaler.reformat(
                    frame, columns, rows, "rgb24", interpolation=_SCALER, threads=1
                )
                yield count, image.to_ndarray()
                following = next(numbers, None)
                if following is None:
                    return
            count += 1
        _require_end(path, count, claimed, None if isinstance(wanted, range) else following)


def _require_end(path: Path, count: int, claimed: int | None, missing: int | None) -> None:
    """The file came to its end after `count` frames: was it the true end?"""
    if claimed is not None and count < claimed:
        raise CorruptVideoError(path, f"it holds {count} frames but claims {claimed}")
    if count == 0:
        raise CorruptVideoError(path, "it holds no frame")
    if missing is not None:
        raise CorruptVideoError(path, f"it ends after {count} frames, before frame {missing}")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video; report everything FFmpeg has against it as `CorruptVideoError`."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no video {path}: check the path")
    _require_whole_boxes(path)
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise CorruptVideoError(path, "it holds no picture stream")
            yield container, container.streams.video[0]
    except av.FFmpegError as error:
        if isinstance(error, PermissionError):
            raise
        raise CorruptVideoError(path, error.strerror or type(error).__name__) from error


def _require_whole_boxes(path: Path) -> None:
    """Raise `CorruptVideoError` if the file is empty or an MP4 whose boxes reach beyond its end.

    An MP4 is a row of boxes, each headed by its length in 4 big-endian bytes and its name in 4
    (ISO/IEC 14496-12, 4.2); length 1 means that 8 bytes of length follow, 0 means "to the end".
    FFmpeg reads a truncated file up to the cut without complaint, so it is checked here.
    """
    end = path.stat().st_size
    if end == 0:
        raise CorruptVideoError(path, "the file is empty")
    names: set[bytes] = set()
    with path.open("rb") as file:
        position = 0
        while position < end:
            file.seek(position)
            header = file.read(16)
            length, name = int.from_bytes(header[:4], "big"), header[4:8]
            if position == 0 and name != b"ftyp":
                return  # another container: FFmpeg judges it alone
            names.add(name)
            length = int.from_bytes(header[8:], "big") if length == 1 else length or end - position
            if length < 8:
                raise CorruptVideoError(path, f"its structure breaks off at byte {position}")
            position += length
    if position > end:
        raise CorruptVideoError(path, f"it is truncated: {position - end} bytes are missing")
    if b"moov" not in names:
        raise CorruptVideoError(path, "it is truncated: its index (moov box) is missing")
