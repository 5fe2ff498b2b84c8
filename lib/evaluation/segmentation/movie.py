"""Sequences to look at: frame, segments and truth side by side, as PNG, GIF or MP4."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image

from lib.files import atomic_path

GAP_PX = 4
Movie = UInt8[np.ndarray, "t h w 3"]


def side_by_side(panels: Sequence[Movie], *, gap_px: int = GAP_PX) -> UInt8[np.ndarray, "t h v 3"]:
    """Movies of one size next to each other, with white between them.

    Raises `ValueError` for no panels, or panels of differing shapes.
    """
    shapes = [panel.shape for panel in panels]
    if len(set(shapes)) != 1:
        raise ValueError(f"panels have shapes {shapes}; give at least one, and all of one shape")
    t, h, _, _ = shapes[0]
    gap = np.full((t, h, gap_px, 3), 255, np.uint8)
    parts = [part for panel in panels for part in (gap, panel)][1:]
    return np.concatenate(parts, axis=2)


def overlaid(frames: Movie, colours: Movie, *, opacity: float = 0.6) -> Movie:
    """Colours laid over frames. Raises `ValueError` for an opacity outside [0, 1]."""
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity={opacity}: want 0 (frames alone) to 1 (colours alone)")
    mixed = (1 - opacity) * frames.astype(np.float32) + opacity * colours
    return mixed.round().astype(np.uint8)


def write_movie(path: Path, movie: Movie, *, frame_rate_hz: int = 10) -> None:
    """Write a movie, atomically, in the format that `path` ends in.

    ``.mp4`` is H.264 with 4:2:0 colour, which every browser plays (odd sides get a white margin of
    a pixel); ``.gif`` repeats for ever, each frame with its own 256 colours; ``.png`` is one frame,
    or a column of several. Raises `ValueError` for another ending, no frames, or a rate below 1.
    """
    writers = {".mp4": _write_mp4, ".gif": _write_gif, ".png": _write_png}
    if path.suffix.lower() not in writers:
        raise ValueError(f"{path.name}: the name must end in one of {', '.join(writers)}")
    if 0 in movie.shape or frame_rate_hz < 1:
        raise ValueError(
            f"movie has shape {movie.shape} at {frame_rate_hz} Hz; give at least one frame with "
            "pixels, and a whole rate of at least 1 Hz"
        )
    with atomic_path(path) as temporary:
        writers[path.suffix.lower()](temporary, movie, frame_rate_hz)


def _write_png(path: Path, movie: Movie, frame_rate_hz: int) -> None:
    t, _, w, _ = movie.shape
    gap = np.full((t, GAP_PX, w, 3), 255, np.uint8)
    column: Shaped[np.ndarray, "t h w 3"] = np.concatenate([movie, gap], axis=1)
    Image.fromarray(column.reshape(-1, w, 3)[:-GAP_PX]).save(path, optimize=True)


def _write_gif(path: Path, movie: Movie, frame_rate_hz: int) -> None:
    frames = [Image.fromarray(frame).quantize(256) for frame in movie]
    centiseconds = max(2, round(100 / frame_rate_hz))  # browsers slow down anything faster
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=10 * centiseconds, loop=0
    )


def _write_mp4(path: Path, movie: Movie, frame_rate_hz: int) -> None:
    odd = [(0, 0), (0, movie.shape[1] % 2), (0, movie.shape[2] % 2), (0, 0)]
    movie = np.pad(movie, odd, constant_values=255)  # 4:2:0 needs even sides
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as file:
        stream = file.add_stream("libx264", rate=Fraction(frame_rate_hz))
        assert isinstance(stream, av.VideoStream)
        stream.options = {"crf": "18", "preset": "veryfast", "movflags": "+faststart"}
        stream.height, stream.width, stream.pix_fmt = *movie.shape[1:3], "yuv420p"
        stream.codec_context.thread_count = 1  # the same file from the same frames
        for picture in movie:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
