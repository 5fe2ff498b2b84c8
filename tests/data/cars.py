"""Small data sets as the Sideswipe one is: <uuid>.jpg and a sqlite file in its schema."""

import io
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

SCREENSHOT = (15, 40)  # rows, columns
SMALL = (5, 10)
MODELS = ("octane", "aftershock", "werewolf", "breakout")
SCHEMA = """
CREATE TABLE models(id INTEGER NOT NULL UNIQUE, name TEXT NOT NULL, color TEXT NOT NULL,
  PRIMARY KEY(name, color));
CREATE TABLE hats(id INTEGER NOT NULL UNIQUE, name TEXT NOT NULL, color TEXT NOT NULL,
  PRIMARY KEY(name, color));
CREATE TABLE wheels(id INTEGER NOT NULL UNIQUE, name TEXT NOT NULL, color TEXT NOT NULL,
  PRIMARY KEY(name, color));
CREATE TABLE skins(id INTEGER NOT NULL UNIQUE, name TEXT NOT NULL, color TEXT NOT NULL,
  model INTEGER NOT NULL, PRIMARY KEY(name, color, model));
CREATE TABLE data(uuid TEXT NOT NULL UNIQUE, model INTEGER NOT NULL, team INTEGER NOT NULL,
  primary_color REAL NOT NULL, secondary_color REAL NOT NULL, hat INTEGER NOT NULL,
  skin INTEGER NOT NULL, wheel INTEGER NOT NULL, x_rotation INTEGER NOT NULL,
  y_rotation INTEGER NOT NULL, FOREIGN KEY(hat) REFERENCES hats(id),
  FOREIGN KEY(wheel) REFERENCES wheels(id), FOREIGN KEY(skin) REFERENCES skins(id),
  FOREIGN KEY(model) REFERENCES models(id), PRIMARY KEY(uuid));
"""


def jpeg(rng: np.random.Generator, size=SCREENSHOT) -> bytes:
    """Smooth noise."""
    coarse = rng.integers(0, 256, (4, 6, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize(size[::-1]).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def rows_of(loadouts: int, rotations: int = 10, seed: int = 0) -> list[tuple]:
    """Rows of table `data`, mixed; model of car i is i mod 4, and its hat i."""
    rng = np.random.default_rng(seed)
    rows = [
        (
            str(uuid.UUID(bytes=rng.bytes(16), version=4)),
            *(i % 4, i % 2, i / max(1, loadouts - 1), 0.5, i % 23, 1, (3 * i) % 23, rotation, 0),
        )
        for i in range(loadouts)
        for rotation in range(rotations)
    ]
    return [rows[i] for i in rng.permutation(len(rows))]


def write_database(path: Path, rows: list[tuple], *, models=MODELS, schema=SCHEMA) -> None:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as base, base:
        base.executescript(schema)
        base.executemany("INSERT INTO models VALUES (?, ?, 'grey')", enumerate(models))
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            base.executemany(f"INSERT INTO data VALUES ({marks})", rows)


def write_cars(
    folder: Path, loadouts: int = 4, *, rotations: int = 10, models=MODELS, different: int = 0
) -> list[tuple]:
    """Write a data set and return its rows; `different` images at most, 0 for all different."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = rows_of(loadouts, rotations)
    rng = np.random.default_rng(1)
    pictures = [jpeg(rng) for _ in range(different or len(rows))]
    for i, row in enumerate(rows):
        (folder / f"{row[0]}.jpg").write_bytes(pictures[i % len(pictures)])
    write_database(folder / "dataset.db", rows, models=models)
    return rows
