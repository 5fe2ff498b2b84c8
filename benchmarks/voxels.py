"""Speed of the blocks world on one core: frames per second of rendering and of writing mp4.

    python benchmarks/voxels.py [--seconds 5] [--json FILE]

No peer is measured: no other headless renderer of block worlds with its own textures was found
that installs from packages and runs without a display. Each figure counts frames per second of
processor time of one thread, so that other work on the machine disturbs it little; frames per
second of wall time stand beside it. World making, compilation and the first frame are left out.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np

from lib.environment import code_version, describe_hardware
from lib.files import write_json
from lib.worlds.blocks import make_world, plan_recording, render
from lib.worlds.blocks.sky import make_sky
from lib.worlds.video import write_video

WORLDS, RECORDINGS, FRAMES = 4, 6, 40
# name in the ledger: (title, (rows, columns), rays a pixel and axis)
CASES = {
    "voxels": ("128 x 72, 2 x 2 rays a pixel", (72, 128), 2),
    "voxels_1x1": ("128 x 72, 1 ray a pixel", (72, 128), 1),
    "voxels_64": ("64 x 64, 2 x 2 rays a pixel", (64, 64), 2),
}


def measure(work: Callable[[int], int], seconds: float) -> tuple[float, float, int]:
    """(frames per processor second, frames per wall second, frames) of calling `work` repeatedly.

    `work` gets the number of the call and gives the frames it made.
    """
    work(0)
    wall, processor, frames = time.perf_counter(), time.process_time(), 0
    for i in count(1):
        frames += work(i)
        if time.perf_counter() - wall > seconds:
            break
    used = time.process_time() - processor
    return frames / used, frames / (time.perf_counter() - wall), frames


def make_views() -> list[tuple]:
    """(world, moment) of varied recordings, in an order that jumps between them."""
    worlds = [make_world(seed) for seed in range(WORLDS)]
    plans = [
        plan_recording(world, k, frames=FRAMES, frame_rate_hz=16.0)
        for k in range(RECORDINGS)
        for world in worlds
    ]
    return [(plan.world, plan.moments[i]) for i in range(0, FRAMES, 4) for plan in plans]


def row(what: str, value: float, frames: int) -> dict[str, object]:
    """A row of the ledger."""
    return {
        "id": f"speed.{what}.ours.frames_per_second",
        "preset": "tiny",
        "value": round(value, 1),
        "low": None,
        "high": None,
        "n": frames,
        "seeds": list(range(WORLDS)),
        "unit": "frames/s",
        "better": "higher",
        "hardware": f"1 core of {describe_hardware()}",
        "commit": code_version(Path(__file__).parents[1]),
        "run": None,
        "seconds": round(frames / value, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="per figure")
    parser.add_argument("--json", type=Path, help="also write rows of the ledger to this file")
    arguments = parser.parse_args()
    views, rows = make_views(), []

    def draw(i: int, size: tuple[int, int], supersample: int) -> np.ndarray:
        world, moment = views[i % len(views)]
        pose, sky = moment.pose, make_sky(moment.time_of_day)
        angles = (pose.yaw_deg, pose.pitch_deg)
        return render(world, pose.eye, angles, sky, size=size, supersample=supersample)

    print(f"{'':36} per processor second   per second")
    for what, (title, size, supersample) in CASES.items():
        speed, wall, frames = measure(
            lambda i, s=size, n=supersample: len(draw(i, s, n)[None]), arguments.seconds
        )
        print(f"render {title:29} {speed:20.1f} {wall:12.1f}")
        rows.append(row(what, speed, frames))
    pictures = np.stack([draw(i, (72, 128), 2) for i in range(120)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mp4"
        speed, wall, frames = measure(
            lambda _: write_video(path, pictures, frame_rate_hz=16), arguments.seconds
        )
    print(f"{'write mp4, 128 x 72, lossless':36} {speed:20.1f} {wall:12.1f}")
    rows.append(row("voxels_mp4", speed, frames))
    if arguments.json:
        write_json(arguments.json, rows)
        print(json.dumps([r["id"] for r in rows]))


if __name__ == "__main__":
    main()
