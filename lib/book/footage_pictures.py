"""The footage page's figures, made from what was measured.

Figures that need a truth show the data sets that have it; where none has, a sentence says so.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from lib.book.footage import DAY_BINS, MeasuredFootage, labels_of
from lib.data.statistics import BANDS, day_bands, spread
from lib.evaluation.footage import DARK
from lib.evaluation.intervals import Estimate
from lib.figures import footage as figures
from lib.figures import style

PARTS = ("train", "heldout")
KINDS = {"biome": "biome", "mode": "mode of movement", "creatures": "creatures in view"}


def sheet(measured: MeasuredFootage, *, count: int = 24, seed: int = 0) -> Figure:
    """Frames spread over biomes, times of day, modes of movement and worlds, as far as known."""
    store, strata = measured.footage.store, pd.DataFrame()
    if measured.truth is not None:
        labels = labels_of(measured.truth)
        strata = pd.DataFrame(
            {kind: labels[kind][0] for kind in ("biome", "daytime", "mode") if kind in labels}
        )
    titles = list(strata.columns)
    strata = strata.assign(world=store.groups)
    chosen = spread(strata, count, seed=seed)
    words = strata.iloc[chosen][titles].fillna("unknown").astype(str).to_numpy().tolist()
    return figures.contact_sheet(
        np.asarray(store.frames[chosen]), ["\n".join(_lines(line)) for line in words]
    )


def _lines(labels: Sequence[str]) -> list[str]:
    """The biome in one line, everything else in a second."""
    plain = [label.replace("_", " ") for label in labels]
    return [plain[0], ", ".join(plain[1:])] if plain else [""]


def shares(all_measured: Sequence[MeasuredFootage], *kinds: str) -> Figure:
    """Share of frames in each class of `kinds` (``biome``, ``mode``, ``creatures``).

    Where there is one kind only, a dashed line marks the share that all its classes would have if
    they were equally frequent.
    """
    found: dict[str, dict[str, figures.Splits]] = {}
    for one in all_measured:
        rows: dict[str, figures.Splits] = {}
        for kind in kinds:
            parts = one.shares.get(kind, {})
            for label in parts.get("all", {}):
                rows[label.replace("_", " ")] = {
                    part: _plain(parts[part][label]) for part in PARTS if part in parts
                }
        if rows:
            found[one.name] = rows
    if not found:
        return style.message(f"This footage does not say: {', '.join(KINDS[k] for k in kinds)}.")
    uniform = {name: 1 / len(rows) for name, rows in found.items()} if len(kinds) == 1 else None
    return figures.share_dots(found, expected=uniform)


def daytime(all_measured: Sequence[MeasuredFootage]) -> Figure:
    """Frames over the day, by the height of the sun."""
    found = {
        one.name: _day_counts(one.truth)
        for one in all_measured
        if one.truth is not None and {"time_of_day", "sun_elevation"} <= set(one.truth)
    }
    return figures.daytime(found) if found else style.message("This footage tells no time of day.")


def _day_counts(truth: pd.DataFrame) -> dict[str, np.ndarray]:
    bands, hours = day_bands(truth["sun_elevation"]), truth["time_of_day"].astype(float) % 1.0
    return {
        band: np.histogram(hours[bands == band], np.linspace(0, 1, DAY_BINS + 1))[0]
        for band in BANDS
    }


def colour(all_measured: Sequence[MeasuredFootage]) -> Figure:
    """Histograms of the channels, and of the frames' luminance."""
    return figures.colour(
        {one.name: one.pixels.histograms.sum(0) for one in all_measured},
        {one.name: _of_parts(one, "luminance") for one in all_measured},
        dark=DARK,
    )


def edges(all_measured: Sequence[MeasuredFootage]) -> Figure:
    """Histograms of edge density, and of the share of pixels on an edge."""
    return figures.edge_histograms(
        {one.name: _of_parts(one, "edge_density") for one in all_measured},
        {one.name: _of_parts(one, "edge_share") for one in all_measured},
    )


def _of_parts(one: MeasuredFootage, column: str) -> dict[str, Float[np.ndarray, " _n"]]:
    values = getattr(one.pixels, column)
    return {part: values[one.parts[part]] for part in PARTS}


def change(all_measured: Sequence[MeasuredFootage]) -> Figure:
    """Difference of two frames over their distance in time."""
    return figures.change_over_time(
        {one.name: {p.seconds: _plain(p.change) for p in one.curve} for one in all_measured},
        {one.name: one.stranger_change.value for one in all_measured},
    )


def _plain(estimate: Estimate) -> figures.Interval:
    return estimate.value, estimate.low, estimate.high
