"""The footage page's people and sprites: what is measured, its rows, its table and sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float64

from lib.book import estimates
from lib.book.results import Ledger, Row
from lib.book.rows import spoken
from lib.book.tables import fixed, interval_decimals, number
from lib.data.minecraft import LAYOUTS
from lib.data.mot.sequences import MotSequence
from lib.data.people import OWN_FOLDER, People, in_view, sightings, track_seconds
from lib.data.statistics import evenly
from lib.evaluation.intervals import Estimate, mean_over_groups

NAMES = {"plaza": "the plaza", "sprites": "sprites", OWN_FOLDER: "your footage"}
HALF = 0.5  # visibility below which a thing counts as mostly hidden
MASKED_FRAMES = 24  # of a clip at most, evenly spaced, that covered pixels are counted in
COUNTS = {"clips": "clips", "frames": "frames", "tracks": "tracks"}
METRICS = {  # metric: heading of the table
    "in_view": "things in a frame",
    "covered_share": "share of the pixels that show one",
    "visibility": "share of a thing that is seen",
    "half_hidden_share": "share of things of which less than half is seen",
    "width": "width of a box, of the picture's side",
    "height": "height of a box, of the picture's side",
    "track_seconds": "length of a track, in seconds",
    "speed": "speed, in sides of the picture a second",
}
PER_CENT = ("covered_share", "visibility", "half_hidden_share", "width", "height")
UNITS = dict.fromkeys(METRICS, "") | {"track_seconds": "s"}
QUANTITIES = {  # metric: axis of its histogram
    "in_view": "things in a frame",
    "visibility": "share of a thing that is seen",
    "track_seconds": "length of a track, s",
    "speed": "speed, sides of the picture a second",
}

Values = Float64[np.ndarray, " _n"]


@dataclass(frozen=True)
class MeasuredPeople:
    """All statistics of one data set, each with an interval over clips.

    `entries` has of each quantity everything that is known: a number a frame, box or track.
    """

    people: People
    entries: Mapping[str, pd.Series]  # indexed by the clip's number
    metrics: Mapping[str, Estimate]

    @property
    def name(self) -> str:
        """What the data set is called in tables and figures."""
        return NAMES[self.people.world]


def made_where_missing(data_dir: Path | str | None, layout: str) -> Path | None:
    """``data_dir`` if it holds `layout`, None where that is to be made.

    Raises `FileNotFoundError` for a folder that holds nothing that the page measures.
    """
    if data_dir is None:
        return None
    known = (*LAYOUTS, OWN_FOLDER)
    if not any((Path(data_dir) / name).is_dir() for name in known):
        raise FileNotFoundError(
            f"data_dir={data_dir} has none of the folders {', '.join(known)}: put footage there as "
            "data/README.md shows, or leave data_dir out"
        )
    return Path(data_dir) if (Path(data_dir) / layout).is_dir() else None


def measure(people: People, *, seed: int = 0) -> MeasuredPeople:
    """Everything the page tells of a data set.

    Without truth nothing but counts is known; without masks not what they cover.
    """
    parts: dict[str, list[Values]] = {name: [] for name in METRICS}
    for one in people.sequences:
        for name, values in _entries(one).items():
            parts[name].append(values)
    entries = {name: _joined(columns) for name, columns in parts.items()}
    metrics = {
        name: mean_over_groups(x.to_numpy(), x.index.to_numpy(), seed=seed)
        for name, x in entries.items()
        if len(x)
    }
    return MeasuredPeople(people, entries, metrics)


def _entries(sequence: MotSequence) -> dict[str, Values]:
    """Of each metric all that one video tells."""
    table = sightings(sequence)
    told = sequence.annotations is not None
    return {
        "in_view": in_view(table, sequence.frames).to_numpy(float) if told else np.zeros(0),
        "covered_share": _covered(sequence),
        "half_hidden_share": (table["visibility"] < HALF).to_numpy(float),
        "track_seconds": track_seconds(table, sequence.frame_rate_hz).to_numpy(float),
        "speed": table["speed"].dropna().to_numpy(float),
        **{name: table[name].to_numpy(float) for name in ("visibility", "width", "height")},
    }


def _covered(sequence: MotSequence) -> Values:
    """Share of the pixels that belong to somebody, of some frames of a video with masks."""
    if not sequence.has_masks:
        return np.zeros(0)
    chosen = evenly(sequence.frames, MASKED_FRAMES).tolist()
    return np.array([float((sequence.mask(frame) > 0).mean()) for frame in chosen])


def _joined(columns: Sequence[Values]) -> pd.Series:
    """Entries of all clips, indexed by the clip's number."""
    index = np.repeat(np.arange(len(columns)), [len(column) for column in columns])
    return pd.Series(np.concatenate([np.zeros(0), *columns]), index=index)


def record(ledger: Ledger, measured: MeasuredPeople, *, seed: int = 0) -> None:
    """Rows ``footage.<plaza|sprites|own_people>.all.<metric>`` of one data set."""
    for metric, count in counts(measured).items():
        ledger.record(_id(measured, metric), count, n=count or None, seeds=[seed])
    for metric, estimate in measured.metrics.items():
        estimates.record(ledger, _id(measured, metric), estimate, seeds=[seed], unit=UNITS[metric])


def _id(measured: MeasuredPeople, metric: str) -> str:
    world = measured.people.world
    return f"footage.{world if measured.people.generated else f'own_{world}'}.all.{metric}"


def counts(measured: MeasuredPeople) -> dict[str, int]:
    """How many clips, frames and tracks there are."""
    sequences = measured.people.sequences
    tracks = len(measured.entries["track_seconds"])
    return {
        "clips": len(sequences),
        "frames": sum(one.frames for one in sequences),
        "tracks": tracks,
    }


def most_crowded(measured: MeasuredPeople) -> int:
    """Number of the clip that shows most of most things; 0 where nothing is known."""
    seen = measured.entries["visibility"]
    frames = [one.frames for one in measured.people.sequences]
    totals = np.bincount(seen.index.to_numpy(np.int64), seen.to_numpy(), minlength=len(frames))
    return int((totals / frames).argmax())


def told_counts(measured: MeasuredPeople) -> str:
    """How much there is, in a line of plain text."""
    known, sizes = counts(measured), {one.size for one in measured.people.sequences}
    pixels = ", ".join(f"{columns} × {rows}" for rows, columns in sorted(sizes))
    kinds = list(measured.people.over)
    over = f" over {kinds[0] if len(kinds) == 1 else f'{len(kinds)} backgrounds'}" if kinds else ""
    return (
        f"{measured.people.world}: {known['clips']:,} clips{over}, {known['frames']:,} frames of "
        f"{pixels} pixels, {known['tracks']:,} tracks"
    )


def row(ledger: Ledger, measured: MeasuredPeople, metric: str) -> Row:
    """One row that `record` wrote; ValueError if there is none."""
    id = _id(measured, metric)
    for one in ledger.rows:
        if one.id == id:
            return one
    raise ValueError(f"the ledger holds no {id}: record the footage first, or ask for another")


def sentence(ledger: Ledger, measured: MeasuredPeople) -> str:
    """How crowded a data set is, and how much of what is there is hidden."""
    name = measured.name[0].upper() + measured.name[1:]
    if not {"in_view", "visibility"} <= set(measured.metrics):
        return f"**{name}**: nothing is known of who is where."
    crowd, hidden = (
        spoken(in_per_cent(row(ledger, measured, metric)))
        for metric in ("in_view", "half_hidden_share")
    )
    return (
        f"**{name}**: a frame shows {crowd}; less than half is seen of {hidden} of them, because "
        "others stand before them or because the picture ends."
    )


def table(ledger: Ledger, all_measured: Sequence[MeasuredPeople]) -> pd.DataFrame:
    """All metrics with intervals, a column a data set."""
    lines = [
        {"Statistic": heading} | {one.name: _brief(ledger, one, metric) for one in all_measured}
        for metric, heading in (COUNTS | METRICS).items()
    ]
    return pd.DataFrame(lines)


def _brief(ledger: Ledger, measured: MeasuredPeople, metric: str) -> str:
    """Value and interval without sample size; an en dash where nothing is known."""
    if metric not in {*COUNTS, *measured.metrics}:
        return "–"
    one = in_per_cent(row(ledger, measured, metric))
    unit = f" {one.unit}" if one.unit == "%" else ""
    if one.value is None or one.low is None or one.high is None or one.low == one.high:
        return number(one.value) + unit
    decimals = interval_decimals(one.low, one.high)
    value, low, high = (fixed(x, decimals) for x in (one.value, one.low, one.high))
    return f"{value}{unit} ({low}–{high})"


def in_per_cent(one: Row) -> Row:
    """Shares, of boxes and of the picture's side, in per cent."""
    if one.id.rpartition(".")[2] not in PER_CENT:
        return one
    value, low, high = (None if x is None else 100 * x for x in (one.value, one.low, one.high))
    return replace(one, value=value, low=low, high=high, unit="%")
