"""This run beside recorded ones: rows, verdicts and figures, as every chapter shows them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from lib.book.attached import MOST_BYTES
from lib.book.claims import verdicts_table
from lib.book.results import PRESETS, Ledger, Row, project_root, recorded
from lib.book.tables import MINUS, fixed, interval_decimals, number
from lib.figures import style
from lib.files import atomic_path

DPI = (220, 160, 110)  # of recorded figures: the first for print, the next where it is too large


def runs_of(ledger: Ledger) -> dict[str, list[Row]]:
    """Rows of this run and of recorded runs at other presets, by preset."""
    others = {p: recorded(ledger.chapter, p, root=ledger.root) for p in PRESETS}
    return {ledger.preset: ledger.rows} | {
        preset: rows for preset, rows in others.items() if rows and preset != ledger.preset
    }


def verdicts(ledger: Ledger, *, sources: Sequence[str]) -> pd.DataFrame:
    """Claims of these versions, judged by this run and by the recorded ones."""
    path = ledger.root / "claims.toml"
    return verdicts_table(ledger.chapter, runs_of(ledger), sources=sources, path=path)


def brief(row: Row) -> str:
    """A row without unit and sample size, which stand in the heading: ``24.1 (23.8–24.4)``."""
    if row.value is None:
        return "not finite"
    if row.low is None or row.high is None or row.low == row.high:
        return number(row.value)
    decimals = interval_decimals(row.low, row.high)
    value, low, high = (fixed(x, decimals) for x in (row.value, row.low, row.high))
    dash = " to " if MINUS in low + high else "–"
    return f"{value} ({low}{dash}{high})"


def scaled(row: Row, factor: float) -> Row:
    """`row` in another unit."""

    def times(x: float | None) -> float | None:
        return None if x is None else factor * x

    return replace(row, value=times(row.value), low=times(row.low), high=times(row.high))


def keep(ledger: Ledger, figure: Figure, name: str) -> Figure:
    """Save `figure` as a PNG fit for print beside the ledger and list it there; returns it."""
    path = ledger.path.parent / f"{ledger.preset}-figures" / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        for dpi in DPI:
            figure.savefig(temporary, dpi=dpi, metadata={"Software": None})
            if temporary.stat().st_size <= MOST_BYTES:
                break
    ledger.keep_figure(path)
    return figure


def recorded_figure(chapter: str, name: str, *, root: Path | None = None) -> Figure:
    """Figure `name` of the largest recorded preset; a note in its place where there is none."""
    for preset in reversed(PRESETS):
        path = (root or project_root()) / "results" / chapter / preset / f"{name}.png"
        if path.is_file():
            return style.picture(path.read_bytes(), title=f"preset {preset}")
    return style.message(f"no run of {chapter} with a figure {name!r} is recorded yet")
