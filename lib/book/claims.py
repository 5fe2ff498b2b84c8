"""Claims and their verdicts: what a write-up says, held against what the ledger measured.

Claims are the ``[[claim]]`` tables of ``claims.toml``::

    [[claim]]
    name = "v1.0.1-beats-v1.0"            # unique
    chapter = "04-vqvae-versions"
    source = "write-up, v1.0.1"
    text = "Gradient clipping stabilises training."
    id = "vqvae.v1.0.1.heldout.psnr_db"   # the row that is measured
    other_id = "vqvae.v1.0.heldout.psnr_db"  # optional: compare the difference, this minus other
    compare = ">"                         # <, <=, >, >=, == or between
    value = 0.0                           # a number; for between a pair; 0 if other_id is given
    tolerance = 0.0                       # optional: widens what satisfies the comparison
    min_preset = "small"                  # optional: below it the claim cannot be told
    quantity = "held-out PSNR"            # optional: what the number is, in words, for the table
    note = ""                             # optional
"""

import math
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from lib.book.results import PRESETS, Row, project_root, spoken
from lib.book.rows import require_id, require_preset
from lib.book.tables import number

COMPARISONS = ("<", "<=", ">", ">=", "==", "between")
SIGNS = {"<=": "≤", ">=": "≥", "==": "="}
_REQUIRED = ("name", "chapter", "source", "text", "id", "compare")


@dataclass(frozen=True)
class Claim:
    """One claim; the module's docstring explains the fields.

    A claim with `other_id` is about the difference `id` minus `other_id`, in the metric's unit;
    `value` is then the margin. For ``between``, `value` is the pair of bounds, both included.
    """

    name: str
    chapter: str
    source: str
    text: str
    id: str
    compare: str
    value: float | tuple[float, float] = 0.0
    tolerance: float = 0.0
    other_id: str | None = None
    min_preset: str = "tiny"
    quantity: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        require_id(self.id)
        if self.other_id is not None:
            require_id(self.other_id)
        require_preset(self.min_preset)
        if self.compare not in COMPARISONS:
            known = ", ".join(COMPARISONS)
            raise ValueError(f"compare = {self.compare!r}: choose one of {known}")
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise ValueError(f"tolerance = {self.tolerance}: give a number from 0 up")
        bounds = self.value if isinstance(self.value, tuple) else (self.value,)
        if (self.compare == "between") != (len(bounds) == 2):
            raise ValueError(
                f"value = {self.value!r} with compare = {self.compare!r}: "
                "between takes a pair [lowest, highest], the others one number"
            )
        if not all(math.isfinite(bound) for bound in bounds) or list(bounds) != sorted(bounds):
            raise ValueError(f"value = {self.value!r}: give finite numbers, the lower one first")


@dataclass(frozen=True)
class Verdict:
    """What the ledger says about a claim, and why."""

    outcome: Literal["confirmed", "refuted", "cannot tell"]
    reason: str


@dataclass(frozen=True)
class Satisfied:
    """The set of numbers that satisfies a comparison: an interval, each end in it or not."""

    low: float = field(default=-math.inf)
    high: float = field(default=math.inf)
    closed: bool = True

    def holds(self, x: float) -> bool:
        """Whether `x` satisfies the comparison."""
        return self.low <= x <= self.high if self.closed else self.low < x < self.high

    def misses(self, low: float, high: float) -> bool:
        """Whether no number of [`low`, `high`] satisfies the comparison."""
        if self.closed:
            return high < self.low or low > self.high
        return high <= self.low or low >= self.high


def read_claims(path: Path | None = None) -> list[Claim]:
    """All claims of `path` (by default the project's ``claims.toml``), in the file's order.

    Raises FileNotFoundError if it is missing, ValueError naming the claim if one is malformed.
    """
    path = path or project_root() / "claims.toml"
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: the claims of the write-ups belong there")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name} is not valid TOML: {error}") from error
    if odd := set(content) - {"claim"}:
        raise ValueError(f"{path.name}: unknown key {', '.join(sorted(odd))}; write [[claim]]")
    claims: list[Claim] = []
    for place, table in enumerate(content.get("claim", []), start=1):
        name = str(table.get("name", f"number {place}"))
        try:
            claims.append(_claim(table))
        except ValueError as error:
            raise ValueError(f"{path.name}, claim {name}: {error}") from error
        if any(claim.name == name for claim in claims[:-1]):
            raise ValueError(f"{path.name}, claim {name}: the name is taken; choose another")
    return claims


def verdict(claim: Claim, rows: Iterable[Row], preset: str) -> Verdict:
    """Judge `claim` by the rows measured at `preset`.

    Confirmed only if the whole 95 % interval satisfies the comparison, refuted only if none of it
    does, else the claim cannot be told. A row without an interval is judged by its value alone.
    The interval of a difference is that of Zou & Donner (2008), "Construction of confidence limits
    about effect measures", which takes the two for independent: on shared held-out data, where
    errors go together, it is cautious.
    """
    if _too_small(claim, preset):
        return Verdict(
            "cannot tell", f"needs preset {claim.min_preset} or larger, this is {preset}"
        )
    measured = {row.id: row for row in rows if row.preset == preset}
    wanted = [claim.id] if claim.other_id is None else [claim.id, claim.other_id]
    for id in wanted:
        if id not in measured:
            return Verdict("cannot tell", f"{id} was not measured at preset {preset}")
        if measured[id].value is None:
            return Verdict("cannot tell", f"{id} is not a finite number")
    low, high = interval_of(*(measured[id] for id in wanted))
    satisfied = satisfied_by(claim)
    wish = _wish(claim)
    if satisfied.holds(low) and satisfied.holds(high):
        return Verdict("confirmed", f"{_range(low, high)} is {wish}")
    if satisfied.misses(low, high):
        return Verdict("refuted", f"{_range(low, high)} is not {wish}")
    return Verdict("cannot tell", f"the interval {_range(low, high)} is only in part {wish}")


def satisfied_by(claim: Claim) -> Satisfied:
    """The numbers that satisfy the comparison of `claim`, its tolerance included."""
    slack = claim.tolerance
    if isinstance(claim.value, tuple):
        return Satisfied(claim.value[0] - slack, claim.value[1] + slack)
    if claim.compare == "==":
        return Satisfied(claim.value - slack, claim.value + slack)
    closed = claim.compare in ("<=", ">=")
    if claim.compare.startswith("<"):
        return Satisfied(high=claim.value + slack, closed=closed)
    return Satisfied(low=claim.value - slack, closed=closed)


def verdicts_table(
    chapter: str,
    runs: Mapping[str, Iterable[Row]],
    *,
    sources: Collection[str] | None = None,
    path: Path | None = None,
) -> pd.DataFrame:
    """Claims on `chapter` judged by several runs beside each other; for `tables.show`.

    `runs` maps presets to rows; `sources`, if given, picks the claims of these sources. Columns:
    Source, Claim (with the number it is judged by and what that must be), and for each preset what
    was measured and the verdict. Raises ValueError if there is no such claim.
    """
    claims = [
        claim
        for claim in read_claims(path)
        if claim.chapter == chapter and (sources is None or claim.source in sources)
    ]
    if not claims:
        raise ValueError(
            f"sources: no claim on {chapter!r} has a source among {sources}; look into claims.toml"
        )
    measured = {preset: list(rows) for preset, rows in runs.items()}
    return pd.DataFrame(
        {
            "Source": claim.source,
            "Claim": f"{claim.text} ({_compared(claim)})",
        }
        | {
            f"at {preset}": f"{_measured(claim, rows, preset)}: {_outcome(claim, rows, preset)}"
            for preset, rows in measured.items()
        }
        for claim in claims
    )


def interval_of(row: Row, other: Row | None = None) -> tuple[float, float]:
    """The 95 % interval of a row, or of its difference from another (see `verdict`).

    Both have a value; a row without an interval stands for its value alone.
    """
    low, x, high = _bounds(row)
    if other is None:
        return low, high
    other_low, y, other_high = _bounds(other)
    down = math.hypot(x - low, other_high - y)
    up = math.hypot(high - x, y - other_low)
    return x - y - down, x - y + up


def _claim(table: dict[str, Any]) -> Claim:
    known = [entry.name for entry in fields(Claim)]
    if unknown := sorted(set(table) - set(known)):
        raise ValueError(f"unknown key {', '.join(unknown)}; known are {', '.join(known)}")
    if missing := [key for key in _REQUIRED if key not in table]:
        raise ValueError(f"lacks {', '.join(missing)}")
    if "value" not in table and "other_id" not in table:
        raise ValueError("lacks value (or other_id, to compare with another row)")
    arguments = {key: _typed(key, entry) for key, entry in table.items()}
    return Claim(**arguments)


def _typed(key: str, entry: Any) -> Any:
    """The entry of a TOML table with the type that `Claim` has for it."""
    if key == "value" and isinstance(entry, list):
        if len(entry) != 2:
            raise ValueError(f"value = {entry}: a pair is [lowest, highest]")
        return tuple(_typed("each bound", bound) for bound in entry)
    if key in ("value", "tolerance", "each bound"):
        if isinstance(entry, bool) or not isinstance(entry, int | float):
            raise ValueError(f"{key} = {entry!r}: give a number")
        return float(entry)
    if not isinstance(entry, str):
        raise ValueError(f"{key} = {entry!r}: give a text in quotation marks")
    return entry


def _bounds(row: Row) -> tuple[float, float, float]:
    """Low, value and high of a row that has a value; all the same without an interval."""
    assert row.value is not None
    if row.low is None or row.high is None:
        return row.value, row.value, row.value
    return row.low, row.value, row.high


def _too_small(claim: Claim, preset: str) -> bool:
    """Whether runs at `preset` are too small to tell."""
    return PRESETS.index(require_preset(preset)) < PRESETS.index(claim.min_preset)


def _outcome(claim: Claim, rows: Iterable[Row], preset: str) -> str:
    """The verdict, and from which preset on there can be another one."""
    limit = f" below preset {claim.min_preset}" if _too_small(claim, preset) else ""
    return verdict(claim, rows, preset).outcome + limit


def _compared(claim: Claim) -> str:
    """What is measured and what it must be: ``accuracy: ≥ 0.9``, ``difference > 0``."""
    wish = _wish(claim) if claim.other_id is None else f"difference {_wish(claim)}"
    return f"{claim.quantity}: {wish}" if claim.quantity else wish


def _measured(claim: Claim, rows: Iterable[Row], preset: str) -> str:
    measured = {row.id: row for row in rows if row.preset == preset}
    wanted = [claim.id] if claim.other_id is None else [claim.id, claim.other_id]
    parts = [spoken(measured[id]) if id in measured else "not measured" for id in wanted]
    return " against ".join(parts)


def _range(low: float, high: float) -> str:
    return number(low) if low == high else f"[{number(low)}, {number(high)}]"


def _wish(claim: Claim) -> str:
    """The comparison in words and signs, as it follows "is"."""
    slack = f" ± {_exact(claim.tolerance)}" if claim.tolerance else ""
    if isinstance(claim.value, tuple):
        low, high = claim.value
        return f"between {_exact(low)} and {_exact(high)}{slack}"
    return f"{SIGNS.get(claim.compare, claim.compare)} {_exact(claim.value)}{slack}"


def _exact(bound: float) -> str:
    """`bound` with all its digits: a threshold is given, not measured."""
    return number(bound, max(1, len(Decimal(str(bound)).normalize().as_tuple().digits)))
