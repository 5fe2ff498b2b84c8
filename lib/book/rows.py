"""One number of the ledger: what a row holds, what it may not hold, how it is said."""

import math
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, SupportsFloat

from lib.book.tables import MINUS, fixed, interval_decimals, number

PRESETS = ("tiny", "small", "full")
ID = re.compile(r"[a-z][a-z0-9]*(\.[a-z0-9_]+){2,}")
"""``study.configuration.split.metric``: at least three parts of lower-case letters, digits and
underscores, with dots between them. A version keeps its dots: ``vqvae.v1.0.1.heldout.psnr_db``."""


@dataclass(frozen=True)
class Row:
    """One number of the ledger.

    `low` and `high` are a 95 % interval, or both None. `value` is None where the measurement was
    not a finite number, for instance because training diverged: JSON knows no NaN. `n` counts what
    was measured, `seeds` are the seeds averaged over, `better` says which direction is good,
    `run` is the hash of the training run, `seconds` its duration.
    """

    id: str
    preset: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    seeds: tuple[int, ...]
    unit: str
    better: Literal["higher", "lower", ""]
    hardware: str
    commit: str
    run: str | None
    seconds: float | None

    def __post_init__(self) -> None:
        require_id(self.id)
        require_preset(self.preset)
        if self.better not in ("higher", "lower", ""):
            raise ValueError(f"{self.id}: better = {self.better!r}; use 'higher', 'lower' or ''")
        if self.n is not None and self.n < 1:
            raise ValueError(f"{self.id}: n = {self.n}; count at least one sample, or leave n out")
        _require_interval(self)


def spoken(row: Row) -> str:
    """A row as a reader would say it: ``24.1 dB (95 % interval 23.8–24.4, n = 512)``.

    The interval decides how many digits are worth printing; without one there are three.
    """
    unit = f" {row.unit}" if row.unit else ""
    remarks = []
    if row.value is None:
        text, unit = "not finite", ""
    elif row.low is not None and row.high is not None and row.low < row.high:
        decimals = interval_decimals(row.low, row.high)
        text, low, high = (fixed(x, decimals) for x in (row.value, row.low, row.high))
        dash = " to " if MINUS in low + high else "–"
        remarks.append(f"95 % interval {low}{dash}{high}")
    else:
        text = number(row.value)
    if row.n is not None:
        remarks.append(f"n = {number(row.n)}")
    if len(row.seeds) > 1:
        remarks.append(f"{len(row.seeds)} seeds")
    return f"{text}{unit}" + (f" ({', '.join(remarks)})" if remarks else "")


def require_id(id: str) -> str:
    """`id` itself, or ValueError if it is not of the form `ID`."""
    if not ID.fullmatch(id):
        raise ValueError(
            f"id {id!r} is malformed: write study.configuration.split.metric, at least three parts "
            "of lower-case letters, digits and underscores with dots between them, "
            "such as vqvae.v1.0.heldout.psnr_db"
        )
    return id


def require_preset(preset: str) -> str:
    """`preset` itself, or ValueError listing the presets."""
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}: choose one of {', '.join(PRESETS)}")
    return preset


def read_rows(path: Path, content: dict[str, Any]) -> list[Row]:
    """Rows of a ledger file with this content, sorted; ValueError names `path` if one is odd."""
    names = {field.name for field in fields(Row)}
    rows = []
    for entry in content.get("rows", []):
        if set(entry) != names:
            odd = ", ".join(sorted(set(entry) ^ names))
            raise ValueError(f"{path}: row {entry.get('id', '?')} lacks or adds {odd}")
        for name in ("value", "low", "high", "seconds"):
            entry[name] = as_float(entry[name])
        rows.append(Row(**{**entry, "seeds": tuple(entry["seeds"])}))
    return sorted(rows, key=lambda row: (row.id, row.preset))


def as_float(x: SupportsFloat | None) -> float | None:
    """`x` as a Python float, None staying None."""
    return None if x is None else float(x)


def _require_interval(row: Row) -> None:
    numbers = {"value": row.value, "low": row.low, "high": row.high}
    for name, x in numbers.items():
        if x is not None and not math.isfinite(x):
            raise ValueError(f"{row.id}: {name} = {x}; store what is not finite as None")
    if (row.low is None) != (row.high is None):
        raise ValueError(f"{row.id}: low = {row.low}, high = {row.high}; give both bounds or none")
    if row.low is None or row.high is None:
        return
    if row.value is None or not row.low <= row.value <= row.high:
        raise ValueError(
            f"{row.id}: the interval [{row.low}, {row.high}] does not hold the value {row.value}; "
            "check the bootstrap, and that all three have the same unit"
        )
