"""Tiny footage in the original layouts, written by PyAV within the tests."""

import json
from pathlib import Path

import av
import numpy as np
from PIL import Image

LOSSLESS = ("libx264rgb", "rgb24", {"qp": "0", "preset": "ultrafast"})
YUV420 = ("libx264", "yuv420p", {"crf": "1", "preset": "ultrafast"})


def noise(frames: int, height: int = 16, width: int = 16, seed: int = 0) -> np.ndarray:
    """uint8 [frames, height, width, 3]; no two frames alike."""
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3), np.uint8)


def write_video(path: Path, frames: np.ndarray, codec=LOSSLESS, faststart: bool = False) -> Path:
    """Encode frames at 20 Hz; `faststart` puts the index before the pictures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name, pixels, options = codec
    flags = {"movflags": "+faststart"} if faststart else {}
    with av.open(str(path), "w", options=flags) as container:
        stream = container.add_stream(name, rate=20, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixels
        for frame in frames:
            image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")
            container.mux(stream.encode(image.reformat(format=pixels)))
        container.mux(stream.encode())
    return path


def damage_pictures(path: Path) -> None:
    """Overwrite coded pictures in the middle: all headers stay sound, decoding fails."""
    data = bytearray(path.read_bytes())
    start, end = data.index(b"mdat") + 4, data.rindex(b"moov") - 4
    if end < start:
        end = len(data)
    third = (end - start) // 3
    data[start + third : end - third] = b"\xff" * (end - start - 2 * third)
    path.write_bytes(bytes(data))


def truncate(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def write_minerl(
    root: Path, frames: int = 30, recordings: int = 3, environment: str = "Treechop", **metadata
) -> list[np.ndarray]:
    """`recordings` lossless MineRL recordings of 16×16 noise; returns their frames."""
    videos = []
    for k in range(recordings):
        folder = root / environment / f"player_{k}"
        videos.append(noise(frames + k, seed=k))
        write_video(folder / "recording.mp4", videos[-1])
        about = {"success": True, "true_video_frame_count": frames + k, **metadata}
        (folder / "metadata.json").write_text(json.dumps(about))
    return videos


def write_gamefactory(
    root: Path, lengths=(40, 60, 50), sub: str = "data_2003", height: int = 18, width: int = 32
) -> list[np.ndarray]:
    """One lossless clip of noise for each length, two clips a world; returns their frames."""
    videos = []
    for k, length in enumerate(lengths):
        stem = f"seed_{k // 2}_part_{k}"
        videos.append(noise(length, height, width, seed=k))
        write_video(root / sub / "video" / f"{stem}.mp4", videos[-1])
        actions = {
            str(i): {"ws": 0, "time_of_day": i / length, "biome": "desert"} for i in range(length)
        }
        path = root / sub / "metadata" / f"{stem}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"actions": actions}))
    return videos


def write_frames(folder: Path, count=30, size=(36, 64), suffix=".png") -> np.ndarray:
    """A folder of pictures `frame_0` onwards; returns them."""
    folder.mkdir(exist_ok=True)
    frames = noise(count, *size)
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"frame_{i}{suffix}")
    return frames
