"""Single frames out of the middle of a video, without decoding all that comes before.

The file's packets are listed once, undecoded: their time stamps in order are the frames. A frame is
then found from the last key frame before it.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from jaxtyping import Int64, UInt8

from lib.data.video import CorruptVideoError, probe_video
from lib.data.video_stream import SCALER


class VideoIndex(NamedTuple):
    """Time stamp of each frame, in the stream's own unit, and those of key frames; both rise."""

    stamps: Int64[np.ndarray, " n"]
    keys: Int64[np.ndarray, " k"]


def index_video(path: Path) -> VideoIndex:
    """Where the frames of a video are; kept in memory as long as the file stays as it is.

    Raises `FileNotFoundError`, and `CorruptVideoError` for what is no video, truncated, or does
    not say when its frames are shown.
    """
    probe_video(path)
    about = path.stat()
    return _index(path, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=64)
def _index(path: Path, _size: int, _changed: int) -> VideoIndex:
    stamps, keys = [], []
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            if not packet.size:
                continue
            if packet.pts is None:
                raise CorruptVideoError(path, "a frame has no time stamp")
            stamps.append(packet.pts)
            if packet.is_keyframe:
                keys.append(packet.pts)
    if not stamps:
        raise CorruptVideoError(path, "it holds no frame")
    return VideoIndex(np.sort(np.array(stamps, np.int64)), np.sort(np.array(keys, np.int64)))


def read_at(path: Path, numbers: Sequence[int]) -> list[UInt8[np.ndarray, "h w 3"]]:
    """Frames of rising numbers, as `lib.data.video.read_frames` gives them at full size.

    Raises what `index_video` does, and `ValueError` for a number beyond the video.
    """
    index = index_video(path)
    if len(numbers) and (min(numbers) < 0 or max(numbers) >= len(index.stamps)):
        raise ValueError(f"{path} has {len(index.stamps)} frames, but {max(numbers)} is wanted")
    wanted = [int(index.stamps[number]) for number in numbers]
    found: dict[int, UInt8[np.ndarray, "h w 3"]] = {}
    scaler = VideoReformatter()
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            while missing := [stamp for stamp in wanted if stamp not in found]:
                container.seek(missing[0], stream=stream, backward=True)
                before = len(found)
                for frame in container.decode(stream):
                    if frame.is_corrupt or frame.pts is None:
                        raise CorruptVideoError(path, "a frame is damaged")
                    if frame.pts in missing:
                        found[frame.pts] = _picture(frame, scaler)
                    some = len(found) > before
                    if frame.pts >= missing[-1] or (some and _nearer(index, frame.pts, wanted)):
                        break
                if len(found) == before:
                    raise CorruptVideoError(path, f"frame {numbers[len(found)]} is not found")
    except av.FFmpegError as error:
        raise CorruptVideoError(path, error.strerror or type(error).__name__) from error
    return [found[stamp] for stamp in wanted]


def _picture(frame: av.VideoFrame, scaler: VideoReformatter) -> UInt8[np.ndarray, "h w 3"]:
    size = {"width": frame.width, "height": frame.height}
    image = scaler.reformat(frame, format="rgb24", interpolation=SCALER, threads=1, **size)
    return image.to_ndarray()


def _nearer(index: VideoIndex, stamp: int, wanted: Sequence[int]) -> bool:
    """Whether a key frame lies between here and the next frame wanted, so that a jump is shorter.

    Not to be asked before a jump's first frame: frames shown before their key frame may come first.
    """
    following = next((one for one in wanted if one > stamp), None)
    if following is None:
        return True
    key = index.keys[np.searchsorted(index.keys, following, side="right") - 1]
    return bool(key > stamp)
