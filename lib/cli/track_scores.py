"""How well `seeing track` did where the truth is known, and the tables that it prints."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.markup import escape
from rich.table import Table

from lib.data.mot.annotations import Annotations, read_boxes
from lib.data.mot.boxes import FrameBoxes, Window, in_window
from lib.data.mot.clips import LEAST_INSIDE, LEAST_VISIBILITY
from lib.data.mot.sequences import MotSequence
from lib.evaluation.intervals import Estimate
from lib.evaluation.tracking import VideoCounts, score_video, summarise

SCORES = {
    "mota": "MOTA",
    "idf1": "IDF1",
    "hota": "HOTA",
    "duplicates": "duplicates a true box",
}


def read_results(path: Path, sequence: MotSequence) -> Annotations:
    """Boxes of a results file, in pixels from 0. Raises `ValueError` for a damaged one."""
    return read_boxes(path, frames=sequence.frames, first_frame=1)


def count_right(
    results: Path, sequence: MotSequence, window: Window, numbers: Sequence[int]
) -> VideoCounts:
    """Compare a results file with the annotations of `sequence`, in frames by their `numbers`.

    Judged is what lies in the window, under the rules of `lib.data.mot.clips`: who is hardly
    visible, or mostly outside, is ignored.
    """
    truth, found = sequence.annotations, read_results(results, sequence)
    assert truth is not None
    origin = np.array([window.left, window.top, 0, 0], float)
    predicted, wanted = [], []
    for number in numbers:
        mine = found.at(number)
        predicted.append(FrameBoxes.of(mine.ids, mine.boxes - origin))
        theirs = truth.at(number, least_visibility=LEAST_VISIBILITY)
        wanted.append(in_window(theirs, window, window.side_px, least_inside=LEAST_INSIDE))
    return score_video(predicted, wanted, group=sequence.name)


def score_table(counts: Sequence[VideoCounts]) -> Table:
    """Scores of all sequences together; with their 95 % intervals where there are several."""
    scores = summarise(counts)
    table = Table(box=None)
    table.add_column("score", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    several = scores["mota"].groups > 1
    if several:
        table.add_column("95 % interval", justify="right", no_wrap=True)
    for name, title in SCORES.items():
        table.add_row(title, _told(scores[name].value), *([_interval(scores[name])] * several))
    return table


class Row(NamedTuple):
    """One sequence in a table; `before` says whether it had been done before."""

    name: str
    frames: int
    boxes: int
    tracks: int
    before: bool


def sequence_table(rows: Sequence[Row], *, most: int) -> Table:
    """A line a sequence, if there are at most so many, and the sums of several."""
    table = Table(box=None)
    table.add_column("sequence", overflow="fold")
    for name in ("frames", "boxes", "tracks"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for row in rows if len(rows) <= most else ():
        _add(table, row, "[dim]done before[/dim]" if row.before else "")
    if len(rows) > 1:
        before = sum(row.before for row in rows)
        whole = Row(
            f"all {len(rows):,}",
            frames=sum(row.frames for row in rows),
            boxes=sum(row.boxes for row in rows),
            tracks=sum(row.tracks for row in rows),
            before=before > 0,
        )
        _add(table, whole, f"[dim]{before:,} done before[/dim]" if before else "")
    return table


def _add(table: Table, row: Row, note: str) -> None:
    counts = (f"{count:,}" for count in row[1:4])
    table.add_row(escape(row.name), *counts, note)


def _interval(score: Estimate) -> str:
    if score.low is None or score.high is None:
        return "–"
    return f"{_told(score.low)} to {_told(score.high)}"


def _told(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "–"
