"""The ledger: every number that a reader may quote is written once, here, and printed from here.

A chapter opens `Ledger(chapter, preset)`, records its numbers and saves them under
``runs/ledger/``. `promote` turns such a run into a recorded one under ``results/``, which is
reviewed like code. `collect` publishes both as one list, ``_book/results.json``.
"""

import json
import math
import os
import re
from collections.abc import Iterable
from dataclasses import asdict
from difflib import get_close_matches
from operator import index
from pathlib import Path
from typing import Any, Literal, SupportsFloat, SupportsIndex

from lib.book.attached import copy_into, remove_left_over, require_attachable, require_sound
from lib.book.rows import PRESETS, Row, as_float, read_rows, require_id, require_preset, spoken
from lib.environment import code_version, describe_environment, describe_hardware
from lib.files import write_json

LIVE_PRESET = "tiny"
"""The preset that the book itself computes; numbers of the others come from recorded runs."""

__all__ = [
    "LIVE_PRESET",
    "PRESETS",
    "Ledger",
    "Row",
    "collect",
    "find",
    "project_root",
    "promote",
    "recorded",
    "spoken",
    "value",
]

_CHAPTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class Ledger:
    """The numbers of one chapter at one preset.

    Recording an id a second time replaces its row, so that a cell may be run again. Nothing is on
    disk until `save`.
    """

    def __init__(
        self, chapter: str, preset: str, *, root: Path | None = None, hardware: str | None = None
    ) -> None:
        """`chapter` is the notebook's name without suffix, `root` the project, by default found.

        `hardware` says in words what the numbers are measured on; by default it is looked up.
        """
        self.chapter = _require_chapter(chapter)
        self.preset = require_preset(preset)
        self.root = root or project_root()
        self.hardware = hardware
        self._rows: dict[str, Row] = {}
        self._kept: dict[str, set[str]] = {"figure": set(), "file": set()}

    @property
    def rows(self) -> list[Row]:
        """All rows, sorted by id."""
        return [self._rows[id] for id in sorted(self._rows)]

    @property
    def path(self) -> Path:
        """Where `save` writes."""
        return live_path(self.root, self.chapter, self.preset)

    def record(
        self,
        id: str,
        value: SupportsFloat | None,
        *,
        low: SupportsFloat | None = None,
        high: SupportsFloat | None = None,
        n: SupportsIndex | None = None,
        seeds: Iterable[SupportsIndex] = (),
        unit: str = "",
        better: Literal["higher", "lower", ""] = "",
        run: str | None = None,
        seconds: SupportsFloat | None = None,
    ) -> Row:
        """Write down one number and return its row; see `Row` for the meaning of each part.

        A value that is not finite is stored as None, without its interval. Raises ValueError for a
        malformed id, an interval that does not hold the value, or one bound without the other.
        """
        low, high = _closed(value, low, high)
        finite = value is not None and math.isfinite(float(value))
        row = Row(
            id=id,
            preset=self.preset,
            value=as_float(value) if finite else None,
            low=as_float(low) if finite else None,
            high=as_float(high) if finite else None,
            n=None if n is None else index(n),
            seeds=tuple(index(seed) for seed in seeds),
            unit=unit,
            better=better,
            hardware=self.hardware or describe_hardware(),
            commit=code_version(self.root),
            run=run,
            seconds=as_float(seconds),
        )
        self._rows[id] = row
        return row

    def keep_figure(self, path: Path) -> None:
        """List a small image, inside the project, to be copied when this run is promoted."""
        self._kept["figure"].add(require_attachable("figure", path, self.root))

    def keep_file(self, path: Path) -> None:
        """List a small ``.npz`` file, inside the project, to be copied as figures are."""
        self._kept["file"].add(require_attachable("file", path, self.root))

    def save(self) -> Path:
        """Write ``runs/ledger/<chapter>/<preset>.json`` atomically and return its path."""
        hardware = self.hardware or describe_hardware()
        environment = describe_environment(code_version(self.root), hardware)
        content = {
            "environment": environment,
            "figures": sorted(self._kept["figure"]),
            "files": sorted(self._kept["file"]),
            "rows": [asdict(row) for row in self.rows],
        }
        write_json(self.path, content)
        return self.path

    @classmethod
    def load(cls, chapter: str, preset: str, *, root: Path | None = None) -> "Ledger":
        """The ledger that `save` wrote. Raises FileNotFoundError if there is none."""
        ledger = cls(chapter, preset, root=root)
        if not ledger.path.is_file():
            raise FileNotFoundError(
                f"no ledger of {chapter} at preset {preset} (looked for {ledger.path}): "
                f"run `seeing run {chapter} --preset {preset}`"
            )
        content = _read(ledger.path)
        ledger._rows = {row.id: row for row in read_rows(ledger.path, content)}
        ledger._kept = {kind: set(content.get(f"{kind}s", [])) for kind in ledger._kept}
        return ledger


def promote(
    chapter: str, preset: str, *, root: Path | None = None, seconds: float | None = None
) -> Path:
    """Make the saved ledger of a run a recorded one and return the path of its ``metrics.json``.

    Rows and the environment (hardware, packages, commit, `seconds` the chapter took, and those of
    its training runs, whenever they were) go to ``results/<chapter>/<preset>/metrics.json``, the
    figures and files that the run kept beside it; those of an earlier recording that are no longer
    kept go. Raises FileNotFoundError without a ledger, ValueError if it is empty or something kept
    is too large for review.
    """
    root = root or project_root()
    ledger = Ledger.load(chapter, preset, root=root)
    if not ledger.rows:
        raise ValueError(f"the ledger of {chapter} at preset {preset} is empty: nothing to record")
    paths = require_sound(chapter, ledger._kept, root)
    target = recorded_path(root, chapter, preset)
    before = _read(target) if target.is_file() else {}
    copy_into(target.parent, paths)
    trained = {row.run: row.seconds for row in ledger.rows if row.run and row.seconds is not None}
    environment = {
        **_read(ledger.path)["environment"],
        "seconds": seconds,
        "training_seconds": sum(trained.values()),
    }
    names = {
        f"{kind}s": [Path(place).name for place in sorted(places)]
        for kind, places in ledger._kept.items()
    }
    rows = [asdict(row) for row in ledger.rows]
    write_json(target, {"environment": environment, **names, "rows": rows})
    earlier = [*before.get("figures", []), *before.get("files", [])]
    remove_left_over(target.parent, earlier, (path.name for path in paths))
    return target


def recorded(chapter: str, preset: str, *, root: Path | None = None) -> list[Row] | None:
    """Rows of the recorded run of `chapter` at `preset`, sorted by id, or None without one."""
    path = recorded_path(root or project_root(), _require_chapter(chapter), require_preset(preset))
    return read_rows(path, _read(path)) if path.is_file() else None


def collect(
    output: Path,
    *,
    root: Path | None = None,
    preset: str = LIVE_PRESET,
    chapters: Iterable[str] | None = None,
) -> list[Row]:
    """Write all rows of the book to `output`, a JSON list sorted by id and preset; return them.

    Live rows are taken at `preset`, the one the pages show, of the named `chapters` (of all if
    None); recorded rows fill in the rest. Raises ValueError if two chapters claim the same number.
    """
    root = root or project_root()
    names = None if chapters is None else set(chapters)
    recorded_rows = _merge(sorted((root / "results").glob("*/*/metrics.json")))
    live = sorted((root / "runs" / "ledger").glob(f"*/{require_preset(preset)}.json"))
    live_rows = _merge(path for path in live if names is None or path.parent.name in names)
    merged = {**recorded_rows, **live_rows}
    rows = [merged[key] for key in sorted(merged)]
    write_json(output, [asdict(row) for row in rows])
    return rows


def find(id: str, preset: str, *, root: Path | None = None) -> Row:
    """The row of `id` at `preset`, whichever chapter recorded it.

    At the book's own preset the live number goes before a recorded one, at the others after it.
    Raises ValueError, naming the nearest ids, if there is none.
    """
    root, id, preset = root or project_root(), require_id(id), require_preset(preset)
    live = sorted((root / "runs" / "ledger").glob(f"*/{preset}.json"))
    kept = sorted((root / "results").glob(f"*/{preset}/metrics.json"))
    known: list[str] = []
    for paths in (live, kept) if preset == LIVE_PRESET else (kept, live):
        rows = _merge(paths)
        if (id, preset) in rows:
            return rows[id, preset]
        known += [other for other, _ in rows]
    near = get_close_matches(id, known, n=3)
    hint = f"nearest: {', '.join(near)}" if near else "run its chapter first"
    raise ValueError(f"the ledger holds no {id} at preset {preset}; {hint}")


def value(id: str, preset: str, *, root: Path | None = None) -> float | None:
    """The value alone of `find`."""
    return find(id, preset, root=root).value


def project_root(start: Path | None = None) -> Path:
    """The folder of the project: `SEEING_ROOT`, else the nearest one upwards from `start`.

    A project holds ``_quarto.yml`` and ``pyproject.toml``; the copy of the former in ``build/``,
    where chapters are executed, is therefore passed over. `start` defaults to the current folder.
    """
    named = os.environ.get("SEEING_ROOT")
    if named and start is None:
        root = Path(named)
        if not root.is_dir():
            raise FileNotFoundError(f"SEEING_ROOT names {named}, which is not a folder: correct it")
        return root.resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "_quarto.yml").is_file() and (folder / "pyproject.toml").is_file():
            return folder
    raise FileNotFoundError(
        f"{here} is not inside the book's project (no folder above it holds both _quarto.yml and "
        "pyproject.toml): change into it, or set SEEING_ROOT to it"
    )


def live_path(root: Path, chapter: str, preset: str) -> Path:
    """Where the ledger of a run lies."""
    return root / "runs" / "ledger" / chapter / f"{preset}.json"


def recorded_path(root: Path, chapter: str, preset: str) -> Path:
    """Where the ledger of a recorded run lies."""
    return root / "results" / chapter / preset / "metrics.json"


def _require_chapter(chapter: str) -> str:
    if not _CHAPTER.fullmatch(chapter):
        raise ValueError(
            f"chapter {chapter!r}: give the notebook's name without folder or suffix, "
            "such as 04-vqvae-versions"
        )
    return chapter


def _closed(
    value: SupportsFloat | None, low: SupportsFloat | None, high: SupportsFloat | None
) -> tuple[SupportsFloat | None, SupportsFloat | None]:
    """Widen an interval that misses its value by rounding only (float32 against float64)."""
    if value is None or low is None or high is None:
        return low, high
    x = float(value)
    slack = 1e-6 * abs(x)
    return (
        x if 0 < float(low) - x <= slack else low,
        x if 0 < x - float(high) <= slack else high,
    )


def _merge(paths: Iterable[Path]) -> dict[tuple[str, str], Row]:
    """Rows of several ledgers of one kind, by id and preset; no two may claim the same."""
    rows: dict[tuple[str, str], Row] = {}
    origin: dict[tuple[str, str], Path] = {}
    for path in paths:
        for row in read_rows(path, _read(path)):
            key = (row.id, row.preset)
            if key in rows:
                raise ValueError(
                    f"{row.id} at preset {row.preset} stands in {origin[key]} and in {path}: "
                    "one chapter only may record a number"
                )
            rows[key], origin[key] = row, path
    return rows


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not valid JSON ({error}): delete it and run again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds no ledger (a JSON object with rows): delete it")
    return content
