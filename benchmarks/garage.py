"""Speed of the garage world: pictures of 400 × 150 pixels a second, JPEG encoding included.

    python -m benchmarks.garage [--seconds 4] [--processes 2] [--json FILE]

No peer is measured here: none renders without a display and installs as a plain package at a
comparable speed. Instead 1 × 1 samples a pixel stand beside 2 × 2, and a picture's stages beside
each other, in milliseconds of processor time (other work on the machine disturbs it less). The
pictures are of random loadouts in all rotations, hard variant; compilation, meshes and the arena
are made beforehand.
"""

import argparse
import io
import json
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from lib.environment import code_version, describe_hardware
from lib.files import write_json
from lib.worlds.garage.loadout import ROTATIONS, Loadout, Variant, sample_loadouts
from lib.worlds.garage.view import Garage, Pose, jitter

LOADOUTS = 150
QUALITY = 90

Picture = tuple[Loadout, int, Pose]


def make_pictures() -> list[Picture]:
    rng = np.random.default_rng(0)
    loadouts = sample_loadouts(LOADOUTS, seed=7)
    return [(x, k % ROTATIONS, jitter(Variant.HARD, rng)) for k, x in enumerate(loadouts)]


def encode(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def measure(work: Callable[[int], object], seconds: float) -> tuple[float, float]:
    """(calls per second of wall time, milliseconds of processor time a call)."""
    wall, processor = time.perf_counter(), time.process_time()
    for i in count(1):
        work(i)
        if time.perf_counter() - wall > seconds:
            break
    used = time.process_time() - processor
    return i / (time.perf_counter() - wall), 1e3 * used / i


def render_and_encode(supersample: int, seconds: float) -> tuple[float, float]:
    """One process: warmed up with every picture first."""
    garage, pictures = Garage(supersample=supersample), make_pictures()
    for picture in pictures:
        garage.render(*picture, noise_seed=0)
    return measure(lambda i: encode(garage.render(*pictures[i % LOADOUTS], noise_seed=i)), seconds)


def stages(seconds: float) -> dict[str, float]:
    """Milliseconds of processor time of each stage at 2 × 2 samples a pixel."""
    garage, pictures = Garage(), make_pictures()
    images = [garage.render(*picture, noise_seed=0) for picture in pictures]
    work: dict[str, Callable[[int], object]] = {
        "picture": lambda i: garage.render(*pictures[i % LOADOUTS], noise_seed=i),
        "mask": lambda i: garage.mask(*pictures[i % LOADOUTS]),
        "jpeg": lambda i: encode(images[i % LOADOUTS]),
    }
    return {name: measure(call, seconds)[1] for name, call in work.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="each measurement (default 4)")
    parser.add_argument("--processes", type=int, default=2, help="side by side (default 2)")
    parser.add_argument("--json", type=Path, help="write the rows here")
    given = parser.parse_args()
    common = {"hardware": describe_hardware(), "commit": code_version(Path.cwd())}
    rows = []
    for supersample in (2, 1):
        with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
            jobs = [
                pool.submit(render_and_encode, supersample, given.seconds)
                for _ in range(given.processes)
            ]
            results = [job.result() for job in jobs]
        rate, cost = sum(r[0] for r in results), np.mean([r[1] for r in results])
        print(
            f"{supersample} x {supersample} samples a pixel, {given.processes} processes: "
            f"{rate:6.0f} pictures/s; {cost:.2f} ms of processor time a picture"
        )
        name = "rasteriser" if supersample == 2 else "rasteriser_1x1"
        rows.append({"id": f"speed.{name}.ours.images_per_second", "value": rate, **common})
    for stage, cost in stages(given.seconds / 2).items():
        print(f"{stage:8} {cost:5.2f} ms")
    if given.json:
        write_json(given.json, json.loads(json.dumps(rows)))


if __name__ == "__main__":
    main()
