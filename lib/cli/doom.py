"""What `seeing footage` tells of Doom footage: recordings, maps, kinds, classes, and a sheet."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import UInt8
from PIL import Image

from lib.data.doom_footage import find_doom
from lib.files import atomic_path
from lib.worlds.doom.classes import UNKNOWN, FrameKind, PixelClass

_COUNTED = 600
"""Label pictures that class shares are counted from, spread evenly over all."""
_ACROSS = 3  # pairs of frame and labels in a row of the sheet
_GAP_PX = 4
COLOURS = np.zeros((256, 3), np.uint8)
"""Colour of each class on the sheet; no class is black."""
COLOURS[: len(PixelClass)] = (
    *((128, 128, 128), (200, 60, 30), (250, 180, 0), (110, 80, 50), (70, 70, 100)),
    *((0, 160, 200), (150, 205, 255), (230, 0, 120), (120, 0, 60), (60, 200, 60)),
    *((20, 110, 40), (255, 130, 190), (255, 255, 0), (160, 90, 220), (60, 60, 60)),
    *((255, 255, 255), (30, 30, 160)),
)


def doom_facts(folder: Path) -> dict[str, str]:
    """What finished Doom footage in `folder` holds, by name; class shares from a sample of frames.

    Raises `FileNotFoundError` for footage that is not finished, `ValueError` for damaged.
    """
    recordings = find_doom(folder)
    table = pd.concat([recording.table for recording in recordings])
    labels = [path for recording in recordings for path in recording.paths("labels", ".png")]
    kinds = Counter(table["kind"])
    maps = sorted({recording.map.upper() for recording in recordings})
    with Image.open(recordings[0].paths("frames", ".jpg")[0]) as first:
        columns, rows = first.size
    return {
        "layout": "doom",
        "recordings": f"{len(recordings):,}",
        "maps": f"{len(maps):,}  ({', '.join(maps)}; a split holds out whole maps)",
        "frames": f"{len(table):,}, 10 a second: {len(table) / 10:,.0f} s",
        "by kind": ", ".join(f"{kind} {kinds[kind]:,}" for kind in FrameKind if kinds[kind]),
        "classes": ", ".join(f"{name} {share:.1%}" for name, share in _shares(labels).items()),
        "size": f"{columns} × {rows} pixels",
        "on disk": f"{sum(p.stat().st_size for p in folder.rglob('*.*g')) / 1e6:,.1f} MB",
    }


def write_doom_sheet(folder: Path, path: Path, *, rows: int = 12) -> Path:
    """Write frames spread over all recordings, each beside its classes in colour, to a PNG."""
    recordings = find_doom(folder)
    pictures = [p for r in recordings for p in r.paths("frames", ".jpg")]
    labels = [p for r in recordings for p in r.paths("labels", ".png")]
    chosen = _spread(len(pictures), rows * _ACROSS)
    pairs = [np.hstack([_read(pictures[i]), COLOURS[_read(labels[i])]]) for i in chosen]
    height, width = (max(pair.shape[axis] for pair in pairs) + _GAP_PX for axis in (0, 1))
    sheet = Image.new("RGB", (width * _ACROSS, height * -(-len(pairs) // _ACROSS)), "white")
    for i, pair in enumerate(pairs):
        sheet.paste(Image.fromarray(pair), (width * (i % _ACROSS), height * (i // _ACROSS)))
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="PNG")
    return path


def _shares(labels: list[Path]) -> dict[str, float]:
    """Share of each class that occurs, the most frequent first."""
    counts = np.zeros(256, np.int64)
    for i in _spread(len(labels), _COUNTED):
        counts += np.bincount(_read(labels[i]).ravel(), minlength=256)
    names = {int(kind): kind.name.lower() for kind in PixelClass} | {UNKNOWN: "unknown"}
    found = sorted(((int(counts[i]), name) for i, name in names.items() if counts[i]), reverse=True)
    return {name: count / counts.sum() for count, name in found}


def _read(path: Path) -> UInt8[np.ndarray, "h w *c"]:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture)
    except (OSError, SyntaxError) as error:
        raise ValueError(
            f"{path} cannot be read ({error}); delete the footage's folder and make it again"
        ) from error


def _spread(count: int, most: int) -> list[int]:
    """Up to `most` rising numbers spread evenly over ``range(count)``."""
    return sorted({int((2 * i + 1) * count / (2 * most)) for i in range(most)})
