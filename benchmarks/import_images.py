"""Importing a folder of screenshots: our frame store beside a plain loop as ImageFolder reads.

    python -m benchmarks.import_images [--images 4000] [--repeats 3] [--folder FOLDER]

Makes that many 400×150 JPEGs (a thousand different ones; the rest are links to them: decoding costs
the same, reading a disk of them for the first time would cost more) and a data base in the
Sideswipe schema, in a temporary folder or in FOLDER, which is kept and gone on with. Measures, in
turns, `read_sideswipe` and a plain loop over the images: torchvision's `default_loader`, resize to
50×100, scaling; then a pass over all frames of the store in random batches, as training reads them.
Prints images per second (best of the repeats) and the peak of resident memory. The write-up's scale
is ``--images 380870 --repeats 1 --plain 20000`` (the loop over a part of them): 5.7 GB of frames.
"""

import argparse
import io
import resource
import shutil
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

from lib.data.recordings import core_count
from lib.data.sideswipe import CarImages, read_sideswipe
from lib.worlds.garage.database import DATABASE, Row, write_database
from lib.worlds.garage.loadout import CLASSES, ROTATIONS, sample_loadouts

DIFFERENT = 1000


def make_folder(folder: Path, images: int) -> None:
    """The data set, or what is missing of it."""
    rng = np.random.default_rng(0)
    pictures = []
    for _ in range(min(images, DIFFERENT)):
        coarse = rng.integers(0, 256, (15, 40, 3), np.uint8)
        picture = np.asarray(Image.fromarray(coarse).resize((400, 150)), np.int16)
        picture = (picture + rng.integers(-12, 13, picture.shape)).clip(0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=75)
        pictures.append(buffer.getvalue())
    loadouts = sample_loadouts(-(-images // ROTATIONS))
    rows = []
    for i in range(images):
        name = str(uuid.UUID(bytes=rng.bytes(16), version=4))
        rows.append(Row(name, loadouts[i // ROTATIONS], i % ROTATIONS))
        path = folder / f"{name}.jpg"
        if not path.exists():
            if i < len(pictures):
                path.write_bytes(pictures[i])
            else:
                path.hardlink_to(folder / f"{rows[i % len(pictures)].uuid}.jpg")
    write_database(folder / DATABASE, rows, CLASSES)


def plain_loop(folder: Path, images: int) -> None:
    """What a data set of single images costs in every epoch, without parallel workers."""
    from torchvision.datasets.folder import default_loader  # late: PyTorch takes 600 MB

    with closing(sqlite3.connect(folder / DATABASE)) as base:
        names = [name for (name,) in base.execute("SELECT uuid FROM data")]
    for name in names[:images]:
        picture = default_loader(str(folder / f"{name}.jpg")).resize((100, 50))
        np.asarray(picture, np.float32).transpose(2, 0, 1) / 255


def one_pass(store: Path) -> None:
    """All frames once, in a random order within blocks, in batches of 32."""
    frames = CarImages.open(store).store
    order = np.random.default_rng(0).permutation(len(frames))
    for start in range(0, len(frames), 32):
        frames.batch(order[start : start + 32])


def rate(images: int, run: Callable[[], None]) -> float:
    """Images per second."""
    start = time.perf_counter()
    run()
    return images / (time.perf_counter() - start)


def peak_mb() -> float:
    """Most memory this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(folder: Path, images: int, plain: int, repeats: int) -> None:
    """Print one line per contestant."""
    source, store = folder / "screenshots", folder / "frames"
    source.mkdir(parents=True, exist_ok=True)
    made = rate(images, lambda: make_folder(source, images))
    print(f"{images:,} images of 400×150 made at {made:,.0f}/s; {core_count()} cores")
    print(f"memory before: {peak_mb():.0f} MB")
    memory = 0.0
    best = {"frame store": 0.0, "plain loop": 0.0, "frames again": 0.0}
    for _ in range(repeats):
        shutil.rmtree(store, ignore_errors=True)
        got = rate(images, lambda: read_sideswipe(source, store, progress=repeats == 1) and None)
        best["frame store"] = max(best["frame store"], got)
        memory = memory or peak_mb()  # of the first time, before PyTorch comes in
        got = rate(plain, lambda: plain_loop(source, plain))
        best["plain loop"] = max(best["plain loop"], got)
        best["frames again"] = max(best["frames again"], rate(images, lambda: one_pass(store)))
    print(f"memory after the import: {memory:.0f} MB")
    print(f"store.json: {(store / 'store.json').stat().st_size / 1e6:.2f} MB; opened in", end=" ")
    print(f"{1000 / rate(1, lambda: CarImages.open(store) and None):.0f} ms")
    for name, got in best.items():
        print(f"{name:13} {got:10,.0f} images/s  {got / best['plain loop']:6.2f} × plain loop")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--plain", type=int, default=0, help="images for the plain loop; 0 for all")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="made if missing, and kept")
    options = parser.parse_args()
    plain = min(options.plain or options.images, options.images)
    if options.folder:
        measure(options.folder, options.images, plain, options.repeats)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.images, plain, options.repeats)


if __name__ == "__main__":
    main()
