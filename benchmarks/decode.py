"""Decoding speed: our reader beside PyAV with Pillow, and the ffmpeg program where it is found.

    python -m benchmarks.decode [--videos 8] [--repeats 3]

Two kinds of footage, made on the spot: MineRL's (64×64, every other frame kept) and GameFactory's
(360×640, every 30th frame shrunk to 36×64). Prints source frames per second, best of the repeats;
runs of all contestants alternate, so a busy machine slows all alike.
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import av
import numpy as np
from PIL import Image

from lib.data.recordings import core_count
from lib.data.video import read_frames


def make_video(path: Path, rows: int, columns: int, frames: int, seed: int) -> Path:
    """A camera wandering over smooth noise."""
    rng = np.random.default_rng(seed)
    seeds = Image.fromarray(rng.integers(0, 256, (40, 60, 3), np.uint8))
    scene = np.asarray(seeds.resize((columns * 3, rows * 3)))
    y, x = rows, columns
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=20, options={"preset": "veryfast"})
        stream.height, stream.width, stream.pix_fmt = rows, columns, "yuv420p"
        for _ in range(frames):
            y, x = np.clip(np.add((y, x), rng.integers(-4, 5, 2)), 0, (2 * rows, 2 * columns))
            view = np.ascontiguousarray(scene[y : y + rows, x : x + columns])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(view, "rgb24")))
        container.mux(stream.encode())
    return path


def ours(path: Path, size: tuple[int, int], step: int) -> int:
    return sum(1 for _ in read_frames(path, size=size, step=step))


def pyav_and_pillow(path: Path, size: tuple[int, int], step: int) -> int:
    """The usual way: full RGB frame, then a box filter; threads as PyAV sets them."""
    count = 0
    with av.open(str(path)) as container:
        for i, frame in enumerate(container.decode(video=0)):
            if i % step == 0:
                image = frame.to_image().resize(size[::-1], Image.Resampling.BOX)
                count += np.asarray(image).shape == (*size, 3)
    return count


def ffmpeg(path: Path, size: tuple[int, int], step: int) -> int:
    scale = f"select=not(mod(n\\,{step})),scale={size[1]}:{size[0]}:flags=area+accurate_rnd"
    command = ["ffmpeg", "-v", "error", "-threads", "1", "-i", str(path), "-vf", scale]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    output = subprocess.run(command, check=True, capture_output=True).stdout
    return len(output) // (size[0] * size[1] * 3)


def frames_per_second(
    read: Callable[[Path], int], videos: list[Path], total: int, workers: int
) -> float:
    begin = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        counts = set(pool.map(read, videos))
    seconds = time.perf_counter() - begin
    assert len(counts) == 1, f"readers found different numbers of frames: {counts}"
    return total / seconds


def compare(videos: list[Path], total: int, repeats: int, **options) -> dict:
    """Best rate by (reader, threads)."""
    readers = [ours, pyav_and_pillow] + [ffmpeg] * bool(shutil.which("ffmpeg"))
    best: dict[tuple[str, int], float] = {}
    for _ in range(repeats):
        for workers in sorted({1, core_count()}):
            for read in readers:
                rate = frames_per_second(partial(read, **options), videos, total, workers)
                key = (read.__name__, workers)
                best[key] = max(best.get(key, 0.0), rate)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    kinds = {"MineRL": (64, 64, 2000, (64, 64), 2), "GameFactory": (360, 640, 300, (36, 64), 30)}
    print(f"{'footage':12} {'reader':16} {'threads':>7} {'frames/s':>9}")
    for kind, (rows, columns, frames, size, step) in kinds.items():
        with tempfile.TemporaryDirectory() as folder:
            videos = [
                make_video(Path(folder) / f"{k}.mp4", rows, columns, frames, seed=k)
                for k in range(arguments.videos)
            ]
            total = frames * len(videos)
            best = compare(videos, total, arguments.repeats, size=size, step=step)
        for (name, workers), rate in best.items():
            print(f"{kind:12} {name:16} {workers:7} {rate:9.0f}")


if __name__ == "__main__":
    main()
