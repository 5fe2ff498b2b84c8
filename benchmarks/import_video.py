"""Importing a long video: our frame store beside the plain way, by speed and memory.

    python -m benchmarks.import_video [--seconds 60] [--times 4] [--repeats 2] [--video FILE]

Makes a 1920×1080 H.264 video of 30 frames a second, a camera over textured ground with things that
move before it, or takes a video of yours. Measures, in turns, each in a process of its own:

- `lib.data.video_import`, 10 frames a second at 144×256 into a frame store,
- the plain way: PyAV decodes every frame to RGB, Pillow shrinks every third one, all are kept in a
  list and saved as one array.

Prints frames decoded and stored per second (best of the repeats), also per second of processor time
(which tells more where other work runs beside), and the peak of resident memory. Then both import
the same video `--times` times as long (repeated without encoding anew): ours should need no more
memory for it. Last, what 12 hours would take.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np
from PIL import Image

from lib.data.recordings import core_count
from lib.data.video_import import import_video

SIZE = (144, 256)
ROWS, COLUMNS, RATE, FPS = 1080, 1920, 30, 10.0
LONG_SECONDS = 12 * 3600


def texture(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Noise of several sizes, as walls have it."""
    total = rng.normal(0, 4, (rows, columns, 3)).astype(np.float32)
    for cell, share in ((8, 30), (32, 40), (128, 60)):
        coarse = rng.integers(0, 256, (rows // cell + 1, columns // cell + 1, 3), np.uint8)
        total += (
            np.asarray(Image.fromarray(coarse).resize((columns, rows)), np.float32) / 255 * share
        )
    return np.clip(total, 0, 255).astype(np.uint8)


def make_video(path: Path, seconds: int) -> Path:
    """A camera that wanders over textured ground, four things that move, a bar at the bottom."""
    rng = np.random.default_rng(0)
    ground = texture(rng, ROWS + 600, COLUMNS + 2400)
    things = [texture(rng, 200, 160) for _ in range(4)]
    with av.open(str(path), "w") as container:
        options = {"preset": "veryfast", "crf": "21", "bf": "2", "g": "250"}
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = COLUMNS, ROWS, "yuv420p"
        for i in range(seconds * RATE):
            y, x = int(300 + 250 * np.sin(i / 37)), int(1200 + 1100 * np.sin(i / 60))
            view = ground[y : y + ROWS, x : x + COLUMNS].copy()
            for k, thing in enumerate(things):
                at = int(500 + 200 * np.sin(i / 20 + k)), int(900 + 800 * np.sin(i / 33 + 2 * k))
                view[at[0] : at[0] + 200, at[1] : at[1] + 160] = thing
            view[-120:] = things[0][:1, :1]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(view, "rgb24")))
        container.mux(stream.encode())
    return path


def repeat_video(path: Path, times: int, target: Path) -> Path:
    """The same packets over and over, with rising time stamps."""
    with av.open(str(target), "w") as out:
        copied = None
        for turn in range(times):
            with av.open(str(path)) as container:
                stream = container.streams.video[0]
                copied = copied or out.add_stream_from_template(stream)
                for packet in container.demux(stream):
                    if packet.dts is None:
                        continue
                    packet.pts += turn * stream.duration
                    packet.dts += turn * stream.duration
                    packet.stream = copied
                    out.mux(packet)
    return target


def ours(video: Path, folder: Path) -> int:
    return len(import_video(video, folder / "store", size=SIZE, fps=FPS, progress=False))


def plain(video: Path, folder: Path) -> int:
    kept = []
    with av.open(str(video)) as container:
        step = round(float(container.streams.video[0].average_rate) / FPS)
        for i, frame in enumerate(container.decode(video=0)):
            picture = frame.to_ndarray(format="rgb24")
            if i % step == 0:
                small = Image.fromarray(picture).resize(SIZE[::-1], Image.Resampling.BOX)
                kept.append(np.asarray(small))
    np.save(folder / "frames.npy", np.stack(kept))
    return len(kept)


WAYS = {"frame store": ours, "plain way": plain}


def measure_here(way: str, video: Path) -> None:
    """One import in this process; prints what it took as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        frames = WAYS[way](video, Path(folder))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"frames": frames, "wall": wall, "cpu": cpu, "peak_mb": peak}))


def measure(way: str, video: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.import_video", "--way", way, "--video", str(video)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(video: Path, decoded: int, repeats: int) -> dict[str, dict[str, float]]:
    """Best of each way; prints a line each."""
    best: dict[str, dict[str, float]] = {}
    for _ in range(repeats):
        for way in WAYS:
            got = measure(way, video)
            held = best.setdefault(way, got)
            for key in ("wall", "cpu", "peak_mb"):
                held[key] = min(held[key], got[key])
    for way, got in best.items():
        stored, wall, cpu = got["frames"], got["wall"], got["cpu"]
        print(
            f"{way:12} {decoded / wall:7.0f} {stored / wall:7.0f} {decoded / cpu:9.0f} "
            f"{stored / cpu:9.0f} {got['peak_mb']:8.0f} MB"
        )
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--times", type=int, default=4, help="as long is the second video")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--video", type=Path, help="take this one")
    parser.add_argument("--way", choices=list(WAYS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        measure_here(options.way, options.video)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video = folder / "video.mp4"
        if options.video:
            shutil.copy(options.video, video)
        else:
            make_video(video, options.seconds)
        with av.open(str(video)) as container:
            stream = container.streams.video[0]
            decoded, seconds = stream.frames, float(stream.duration * stream.time_base)
            size = f"{stream.width}×{stream.height}"
        rate = video.stat().st_size * 8e-6 / seconds
        print(
            f"{size}, {decoded} frames in {seconds:.0f} s, {rate:.1f} Mbit/s; {core_count()} cores"
        )
        print(
            f"{'frames/s':12} {'decoded':>7} {'stored':>7} {'dec/cpu-s':>9} {'sto/cpu-s':>9} "
            f"{'memory':>8}"
        )
        best = compare(video, decoded, options.repeats)["frame store"]
        print(f"{options.times} times as long:")
        long_video = repeat_video(video, options.times, folder / "long.mp4")
        compare(long_video, decoded * options.times, 1)
    frames = int(LONG_SECONDS * FPS)
    hours = frames / best["frames"] * best["wall"] / 3600
    quiet = frames / best["frames"] * best["cpu"] / 3600 / core_count()
    disk = frames * SIZE[0] * SIZE[1] * 3 / 1e9
    print(
        f"12 h: {frames:,} frames, {disk:.1f} GB, {hours:.1f} h as measured, {quiet:.1f} h if quiet"
    )


if __name__ == "__main__":
    main()
