"""The data base beside the pictures, in the original's schema (sqlite 3).

Row k of `data`, counted from 0 in the order of rows (``rowid - 1``), is image number k: number
``10 l + r`` shows loadout l in rotation r. As in the original, `team` 0 is blue, colours are
slider positions in [0, 1], `x_rotation` is 0 to 9 and `y_rotation` always 0.

`skins.id` is unique over the whole table, although every body has stickers of its own. So
`data.skin` is no sticker number: `sticker_of` looks up whose sticker it is, and which. The ids are
the same in every data set, also in one without some of the bodies.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lib.files import atomic_path
from lib.worlds.garage.loadout import CLASSES, STICKERS, WHEELS, Body, Hat, Loadout

DATABASE = "dataset.db"
_SCHEMA = """
CREATE TABLE models(
  id INTEGER NOT NULL UNIQUE, name TEXT NOT NULL, color TEXT NOT NULL, PRIMARY KEY(name, color)
);
CREATE TABLE hats(
  id INTEGER NOT NULL UNIQUE, name TEXT NOT NULL, color TEXT NOT NULL, PRIMARY KEY(name, color)
);
CREATE TABLE wheels(
  id INTEGER NOT NULL UNIQUE, name TEXT NOT NULL, color TEXT NOT NULL, PRIMARY KEY(name, color)
);
CREATE TABLE skins(
  id INTEGER NOT NULL UNIQUE, name TEXT NOT NULL, color TEXT NOT NULL, model INTEGER NOT NULL,
  PRIMARY KEY(name, color, model)
);
CREATE TABLE data(
  uuid TEXT NOT NULL UNIQUE, model INTEGER NOT NULL, team INTEGER NOT NULL,
  primary_color REAL NOT NULL, secondary_color REAL NOT NULL, hat INTEGER NOT NULL,
  skin INTEGER NOT NULL, wheel INTEGER NOT NULL, x_rotation INTEGER NOT NULL,
  y_rotation INTEGER NOT NULL,
  FOREIGN KEY(hat) REFERENCES hats(id), FOREIGN KEY(wheel) REFERENCES wheels(id),
  FOREIGN KEY(skin) REFERENCES skins(id), FOREIGN KEY(model) REFERENCES models(id),
  PRIMARY KEY(uuid)
);
"""
_COLOUR = "default"
"""The catalogue's `color`; what a part is painted in stands in `data`."""
_FIRST_SKIN = {body: sum(STICKERS[other] for other in Body if other < body) for body in Body}


@dataclass(frozen=True)
class Row:
    """One image of a data set: its name without ``.jpg``, and what it shows."""

    uuid: str
    loadout: Loadout
    rotation: int


def skin_id(body: Body, sticker: int) -> int:
    """The number in `skins` of a body's sticker; raises `ValueError` where it has no such one."""
    if not 0 <= sticker < STICKERS[body]:
        raise ValueError(
            f"sticker is {sticker}, but {body.name.lower()} has {STICKERS[body]}; "
            f"choose one from 0 to {STICKERS[body] - 1}"
        )
    return _FIRST_SKIN[body] + sticker


def sticker_of(skin: int) -> tuple[Body, int]:
    """Whose sticker number `skin` of the `skins` table is, and which of that body's."""
    for body in Body:
        if 0 <= skin - _FIRST_SKIN[body] < STICKERS[body]:
            return body, skin - _FIRST_SKIN[body]
    raise ValueError(
        f"skin is {skin}, but the garage's skins are numbered from 0 to "
        f"{sum(STICKERS.values()) - 1}; is this data base another's?"
    )


def body_name(body: Body) -> str:
    """The body as the `models` table calls it: the write-up's four are only like the game's."""
    name = body.name.lower()
    return f"{name}-like" if body in CLASSES else name


def write_database(path: Path, rows: Iterable[Row], bodies: Sequence[Body]) -> None:
    """Write the data base of a data set with cars of `bodies`, atomically.

    The same rows give the same bytes on the same version of sqlite. Raises
    `sqlite3.IntegrityError` for two rows of one name.
    """
    # no journal: until the file has its name, nobody needs what was in it before
    with atomic_path(path) as temporary, closing(sqlite3.connect(temporary)) as file:
        file.execute("PRAGMA page_size = 4096")
        file.execute("PRAGMA journal_mode = OFF")
        file.execute("PRAGMA synchronous = OFF")
        file.executescript(_SCHEMA)
        file.execute("PRAGMA foreign_keys = ON")
        with file:
            _fill_catalogue(file, sorted(bodies))
            file.executemany("INSERT INTO data VALUES (?,?,?,?,?,?,?,?,?,?)", _values(rows))


def _fill_catalogue(file: sqlite3.Connection, bodies: Sequence[Body]) -> None:
    models = [(int(body), body_name(body), _COLOUR) for body in bodies]
    hats = [(int(hat), hat.name.lower().replace("_", " "), _COLOUR) for hat in Hat]
    wheels = [(wheel, f"wheel {wheel}", _COLOUR) for wheel in range(WHEELS)]
    skins = [
        (skin_id(body, number), f"sticker {number}" if number else "plain", _COLOUR, int(body))
        for body in bodies
        for number in range(STICKERS[body])
    ]
    file.executemany("INSERT INTO models VALUES (?,?,?)", models)
    file.executemany("INSERT INTO hats VALUES (?,?,?)", hats)
    file.executemany("INSERT INTO wheels VALUES (?,?,?)", wheels)
    file.executemany("INSERT INTO skins VALUES (?,?,?,?)", skins)


def _values(rows: Iterable[Row]) -> Iterator[tuple[str | int | float, ...]]:
    for row in rows:
        car = row.loadout
        yield (
            row.uuid,
            int(car.body),
            int(car.team),
            car.primary_colour,
            car.secondary_colour,
            int(car.hat),
            skin_id(car.body, car.sticker),
            car.wheel,
            row.rotation,
            0,
        )
