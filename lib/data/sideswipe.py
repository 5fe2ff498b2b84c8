"""Reader of the Sideswipe data set: a folder of <uuid>.jpg screenshots and one sqlite file.

Screenshots are decoded once into a frame store of 50 rows and 100 columns, 5.7 GB for the
original's 380,870. A frame's group is its loadout, its number the row of table `data`; the labels
lie beside the frames in `labels.npz`.
"""

import json
import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int64

from lib.data.frames import FRAMES, INDEX, STORE, FrameStore
from lib.data.image_store import import_images
from lib.data.images import Fault, FaultyImagesError, ImageJob, told
from lib.data.sideswipe_tables import (
    LABELS,
    CarTable,
    databases,
    find_database,
    loadouts_of,
    read_table,
)
from lib.data.writer import JOURNAL, PARTIAL
from lib.files import atomic_path, digest

LAYOUT = "sideswipe"
SCREENSHOT_SIZE = (150, 400)
SIZE = (50, 100)
"""Rows and columns the write-up's network takes."""
TABLE = "labels.npz"

NO_IMAGE = "rows have no image"
NO_ROW = "images have no row in the data base"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CarImages:
    """Pictures of cars with what is known of each.

    Row i of `labels` belongs to frame i of `store`; columns: uuid, model, team, primary_color,
    secondary_color, hat, skin, wheel, x_rotation. `class_names` is indexed by model.
    """

    store: FrameStore
    labels: pd.DataFrame
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.store)

    @property
    def classes(self) -> Int64[np.ndarray, " n"]:
        """The model of each frame, as a classifier's target."""
        return self.labels["model"].to_numpy(np.int64)

    @property
    def digest(self) -> str:
        """Digest of all frames and of all that is said of them."""
        columns = [self.labels[name].to_numpy().tobytes() for name in LABELS]
        return digest([self.store.digest, *self.class_names, *columns])

    @classmethod
    def open(cls, folder: Path) -> "CarImages":
        """Open what `read_sideswipe` made in `folder`.

        Raises `FileNotFoundError` where it is not finished, `ValueError` where it is damaged.
        """
        store = FrameStore.open(folder)
        try:
            with (folder / TABLE).open("rb") as raw, np.load(raw) as file:
                held = {name: file[name] for name in ("row", "uuid", "class_names", *LABELS)}
                made_for = str(file["digest"])
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{folder} has frames but no labels ({TABLE} is missing): run read_sideswipe again"
            ) from error
        except Exception as error:  # zipfile, zlib, KeyError: all mean the same to a reader
            raise ValueError(
                f"{folder / TABLE} is damaged ({error}): delete it and run read_sideswipe again"
            ) from error
        if made_for != store.settings.get("labels") or store.layout != LAYOUT:
            raise ValueError(
                f"{folder / TABLE} belongs to other frames than those beside it: run "
                "read_sideswipe again"
            )
        uuids = [uuid.decode() for uuid in held["uuid"].tolist()]
        table = pd.DataFrame({"uuid": uuids, **{name: held[name] for name in LABELS}})
        chosen = np.searchsorted(held["row"], store.frame_numbers)
        labels = table.iloc[chosen].reset_index(drop=True)
        return cls(store, labels, tuple(held["class_names"].tolist()))


@dataclass(frozen=True)
class CarFolder:
    """What a folder holds, before any image is decoded."""

    folder: Path
    table: CarTable  # its rows are those with an image
    image_bytes: dict[str, int]  # size of each image file, by name
    faults: dict[str, Fault]  # of rows and images that have no counterpart or cannot be used

    @property
    def loadouts(self) -> int:
        """How many different cars the usable rows show."""
        return len(loadouts_of(self.table.rows)[1])


def is_sideswipe(folder: Path) -> bool:
    """Whether `folder` looks like the data set: one sqlite file, and an image beside it."""
    return len(databases(folder)) == 1 and next(folder.glob("*.jpg"), None) is not None


def find_sideswipe(folder: Path) -> CarFolder:
    """Match rows and images of `folder` without decoding any.

    Raises `FileNotFoundError` or `ValueError` where there is no such data base.
    """
    table = read_table(find_database(folder))
    with os.scandir(folder) as entries:
        found = {e.name: e.stat().st_size for e in entries if _is_image(e.name)}
    image_bytes = dict(sorted(found.items()))
    names = table.rows["uuid"] + ".jpg"
    has_image = names.isin(found.keys())
    faults = dict(table.faults)
    faults |= {uuid: Fault(NO_IMAGE) for uuid in table.rows["uuid"][~has_image]}
    told_of = {*names, *(f"{uuid}.jpg" for uuid in table.faults)}
    faults |= {name: Fault(NO_ROW) for name in image_bytes if name not in told_of}
    return CarFolder(folder, replace(table, rows=table.rows[has_image]), image_bytes, faults)


def read_sideswipe(
    source: Path,
    store: Path,
    *,
    size: tuple[int, int] = SIZE,
    source_size: tuple[int, int] = SCREENSHOT_SIZE,
    loadouts: int | None = None,
    seed: int = 0,
    corrupt: str = "error",
    workers: int | None = None,
    progress: bool = True,
) -> CarImages:
    """Import the data set in `source` into the frame store `store`, or open it if it is there.

    Args:
        source: folder of <uuid>.jpg and one sqlite file, which is opened read-only.
        store: folder of the frame store: new, empty, or an earlier import of these images.
        size: rows and columns of the stored frames.
        source_size: rows and columns every screenshot must have.
        loadouts: take only so many cars, all rotations of each, drawn with `seed`; None takes all.
        corrupt: "error" raises if any row or image cannot be used; "skip" leaves those out, with
            a warning, and lists them in `CarImages.store.skipped`.
        workers: threads that decode; None for one per core.
        progress: whether a bar is shown.

    Raises:
        FileNotFoundError: no sqlite file in `source`. ValueError: a foreign or damaged data base,
        or a store folder that is not ours. FaultyImagesError (a ValueError): rows without image,
        images without row, unreadable or wrongly sized images, unknown models: counts of each.
    """
    cars = find_sideswipe(source)
    if cars.faults and corrupt == "error":
        raise FaultyImagesError(
            source, cars.faults, 'Mend the data set, or leave these out with corrupt="skip"'
        )
    rows = _choose(cars.table.rows, loadouts, seed)
    table = replace(cars.table, rows=rows)
    groups, group_names = loadouts_of(rows)
    label_digest = _table_digest(table)
    settings: dict[str, object] = {"source_size": list(source_size), "labels": label_digest}
    sizes = [f"{name} {count}" for name, count in cars.image_bytes.items()]
    job = ImageJob(
        layout=LAYOUT,
        folder=source,
        names=(rows["uuid"] + ".jpg").tolist(),
        numbers=rows.index.to_numpy(np.int32),
        groups=groups,
        group_names=group_names,
        store=store,
        source_size=source_size,
        size=size,
        settings=settings,
        source_digest=digest([json.dumps([LAYOUT, size, settings]), *sizes]),
        left_out=cars.faults,
        corrupt=corrupt,
        workers=workers,
        progress=progress,
    )
    _require_own_folder(job)
    _warn_of(import_images(job), source)
    if not _has_labels(store / TABLE, label_digest):
        _write_labels(store / TABLE, table, label_digest)
    return CarImages.open(store)


def _is_image(name: str) -> bool:
    return name.endswith(".jpg") and not name.startswith(".")  # as half-written ones are


def _choose(rows: pd.DataFrame, loadouts: int | None, seed: int) -> pd.DataFrame:
    """All rows of `loadouts` cars drawn by chance; all rows if there are no more."""
    if loadouts is None:
        return rows
    if loadouts < 1:
        raise ValueError(f"loadouts={loadouts}: want at least 1, or None for all")
    groups, names = loadouts_of(rows)
    chosen = np.random.default_rng([seed, 0xCA25]).permutation(len(names))[:loadouts]
    return rows[np.isin(groups, chosen)]


def _table_digest(table: CarTable) -> str:
    columns = [table.rows[name].to_numpy().tobytes() for name in LABELS]
    numbers = table.rows.index.to_numpy(np.int32).tobytes()
    return digest([*table.class_names, *table.rows["uuid"], numbers, *columns])


def _has_labels(path: Path, label_digest: str) -> bool:
    try:
        with path.open("rb") as raw, np.load(raw) as file:
            return str(file["digest"]) == label_digest
    except Exception:  # missing or damaged: it is written anew
        return False


def _write_labels(path: Path, table: CarTable, label_digest: str) -> None:
    """Write the labels of all chosen rows; frames that could not be read have one as well."""
    rows = table.rows
    columns: dict[str, Any] = {name: rows[name].to_numpy() for name in LABELS}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            digest=np.array(label_digest),
            class_names=np.array(table.class_names),
            row=rows.index.to_numpy(np.int32),
            uuid=np.array([uuid.encode() for uuid in rows["uuid"]]),
            **columns,
        )


def _require_own_folder(job: ImageJob) -> None:
    """Raise `ValueError` if the store's folder holds anything but an earlier import like this."""
    folder = job.store
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"store={folder} is a file: name a folder for the frame store")
    ours = {FRAMES, INDEX, STORE, PARTIAL, JOURNAL, TABLE}
    names = {path.name for path in folder.iterdir()}
    foreign = sorted(name for name in names - ours if ".partial" not in name)
    if not foreign and STORE in names:
        foreign = [] if FrameStore.open(folder).layout == job.layout else ["another data set"]
    if foreign:
        raise ValueError(
            f"store={folder} holds something else ({', '.join(foreign[:3])}): name an empty or "
            "new folder for the frame store"
        )


def _warn_of(store: FrameStore, source: Path) -> None:
    if store.skipped:
        faults = {name: Fault(*why.split(": ", 1)) for name, why in store.skipped.items()}
        _log.warning(
            "%d rows and images of %s were left out (%s lists them with reasons):\n%s",
            len(faults), source, store.folder / STORE, told(faults),
        )  # fmt: skip
