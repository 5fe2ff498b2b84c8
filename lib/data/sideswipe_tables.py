"""The data base of the Sideswipe data set: one sqlite file beside the images, never written to.

Tables `models`, `hats`, `wheels` (id, name, color) and `skins` (id, name, color, model) are
catalogues and may be empty, as in the original's own example; `data` has a row per image, named by
its uuid.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.images import Fault

LABELS: dict[str, type[np.generic]] = {
    "model": np.int32,
    "team": np.int32,  # 0 blue, 1 orange
    "primary_color": np.float64,  # place of the slider
    "secondary_color": np.float64,
    "hat": np.int32,
    "skin": np.int32,
    "wheel": np.int32,
    "x_rotation": np.int32,
}
"""What is told of each image, in this order, after its uuid."""
LOADOUT = ("model", "team", "primary_color", "secondary_color", "hat", "skin", "wheel")
"""What makes a car what it is: images equal in these are rotations of one car."""
MOST_CLASSES = 1000
"""A model number beyond is taken for a slip."""

_CATALOGUE = ("id", "name", "color")
_SCHEMA = {
    "models": _CATALOGUE,
    "hats": _CATALOGUE,
    "wheels": _CATALOGUE,
    "skins": (*_CATALOGUE, "model"),
    "data": ("uuid", *LABELS, "y_rotation"),
}
_MAGIC = b"SQLite format 3\0"

BAD_VALUE = "rows hold values that are no numbers, or no uuid"
TWICE = "rows name an image that another row names already"
UNKNOWN_MODEL = "rows are of an unknown model"


@dataclass(frozen=True)
class CarTable:
    """The usable rows of `data`, in its order, and what is the matter with the others.

    `rows` has columns uuid and those of `LABELS`; its index is the row's number, from 0.
    `class_names` has a name for each model number up to the highest that occurs.
    """

    rows: pd.DataFrame
    class_names: tuple[str, ...]
    faults: dict[str, Fault]


def find_database(folder: Path) -> Path:
    """The one sqlite file of `folder`, told by its first bytes, not its name.

    Raises `FileNotFoundError` where there is none, `ValueError` where there are several.
    """
    found = databases(folder)
    if not found:
        raise FileNotFoundError(
            f"there is no sqlite data base in {folder}: want a folder of <uuid>.jpg images and one "
            "sqlite file that describes them, as the Sideswipe data set is"
        )
    if len(found) > 1:
        raise ValueError(
            f"{folder} holds several sqlite data bases ({', '.join(p.name for p in found)}): keep "
            "only the one that describes the images there"
        )
    return found[0]


def databases(folder: Path) -> list[Path]:
    """All sqlite files directly in `folder`, sorted by name."""
    if not folder.is_dir():
        return []
    others = (p for p in folder.iterdir() if p.suffix not in (".jpg", ".json") and p.is_file())
    return sorted(path for path in others if _starts_as_sqlite(path))


def read_table(database: Path) -> CarTable:
    """Read and check the rows of `data`; opens the file read-only.

    Raises `ValueError` if it is no sqlite file, damaged, or of another schema.
    """
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as base:
            _require_schema(base, database)
            columns = ", ".join(("uuid", *LABELS))
            raw = pd.read_sql_query(f"SELECT {columns} FROM data ORDER BY rowid", base)
            models = base.execute("SELECT id, name, color FROM models ORDER BY id").fetchall()
    except (sqlite3.Error, pd.errors.DatabaseError) as error:
        raise ValueError(
            f"{database} cannot be read as a data base ({error}): fetch or make it again"
        ) from error
    rows, faults = _checked(raw)
    names = _model_names(models)
    known = rows["model"].isin(list(names)) if names else rows["model"].between(0, MOST_CLASSES)
    for uuid, model in rows.loc[~known, ["uuid", "model"]].itertuples(index=False):
        faults[uuid] = Fault(UNKNOWN_MODEL, f"model {model}")
    rows = rows[known]
    classes = int(rows["model"].max()) + 1 if len(rows) else 0
    named = tuple(names.get(model, f"model {model}") for model in range(classes))
    return CarTable(rows, named, faults)


def loadouts_of(rows: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Each row's loadout as a number, in the order they first occur, and each loadout's name."""
    grouped = rows.groupby(list(LOADOUT), sort=False)
    first = rows[~rows.duplicated(list(LOADOUT))]
    names = ["/".join(map(str, loadout)) for loadout in first[[*LOADOUT]].itertuples(index=False)]
    return grouped.ngroup().to_numpy(np.int32), names


def _starts_as_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _require_schema(base: sqlite3.Connection, database: Path) -> None:
    lacking = []
    for table, wanted in _SCHEMA.items():
        held = {row[1] for row in base.execute(f"PRAGMA table_info({table})")}
        if not held:
            lacking.append(f"table {table}")
        elif missing := [column for column in wanted if column not in held]:
            lacking.append(f"{', '.join(missing)} in table {table}")
    if lacking:
        raise ValueError(
            f"{database} has another schema than the Sideswipe data set: it lacks "
            f"{'; '.join(lacking)}. Give the folder of that data set, or one made by "
            "`seeing footage make garage`"
        )


def _checked(raw: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Fault]]:
    """Rows whose values are of the right kind, in the right types; the others' faults."""
    rows = pd.DataFrame({"uuid": raw["uuid"]})
    named = raw["uuid"].map(lambda uuid: isinstance(uuid, str) and uuid != "").to_numpy(bool)
    sound = named.copy()
    for name, kind in LABELS.items():
        values = pd.to_numeric(raw[name], errors="coerce").to_numpy(np.float64)
        fits = np.isfinite(values)
        if kind is np.int32:
            fits &= (values == np.round(values)) & (np.abs(values) < 2**31)
        sound &= fits
        rows[name] = np.where(fits, values, 0).astype(kind)
    faults = {
        raw["uuid"][number] if named[number] else f"row {number}": Fault(BAD_VALUE, f"row {number}")
        for number in np.flatnonzero(~sound)
    }
    rows = rows[sound]
    twice = rows["uuid"].duplicated()
    faults |= {uuid: Fault(TWICE) for uuid in rows["uuid"][twice]}
    return rows[~twice], faults


def _model_names(models: list[tuple[int, str, str]]) -> dict[int, str]:
    """Names by number; the colour is added where it alone tells two models apart."""
    names = [name for _, name, _ in models]
    return {
        number: name if names.count(name) == 1 else f"{name} ({color})"
        for number, name, color in models
    }
