"""The footage page: what is measured, its rows of the ledger, its table and its sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from jaxtyping import Int

from lib.book.results import Ledger, Row
from lib.book.rows import spoken
from lib.book.tables import fixed, interval_decimals, number
from lib.data.minecraft import Footage, Layout
from lib.data.statistics import BANDS, day_bands, evenly, lag_pairs, stranger_pairs
from lib.evaluation import footage as scoring
from lib.evaluation.intervals import Estimate, mean_over_groups
from lib.worlds.blocks.kinds import BIOME_NAMES

SIZES: dict[Layout, tuple[int, int]] = {"minerl": (64, 64), "gamefactory": (72, 128)}
NAMES = {"minerl": "MineRL", "gamefactory": "GF-Minecraft"}
MOST_FRAMES = 20_000  # measured of each data set, evenly spaced
STRANGERS = 2_000  # pairs of frames of two worlds
MODES = ("walk", "fly", "cave", "swim")
CREATURES = ("creatures", "no creatures")
DAY_BINS = 24
METRICS = {  # metric: heading of the table
    "luminance": "mean luminance",
    "luminance_std": "contrast (standard deviation of luminance)",
    "red": "mean red",
    "green": "mean green",
    "blue": "mean blue",
    "dark_share": f"share of dark frames (luminance below {scoring.DARK:g})",
    "flat_share": f"share of flat frames (contrast below {scoring.FLAT:g})",
    "edge_density": "edge density",
    "edge_share": f"share of pixels on an edge (difference above {scoring.EDGE:g})",
    "neighbour_change": "change between stored neighbours",
    "near_identical_share": f"share of neighbours with change below {scoring.NEAR_IDENTICAL:g}",
}

Shares = dict[str, dict[str, Estimate]]  # part, then class


@dataclass(frozen=True)
class MeasuredFootage:
    """All statistics of one data set; parts are ``all``, ``train`` and ``heldout``."""

    footage: Footage
    study: str  # second part of the ids: blocks_minerl, or own_minerl for the reader's footage
    truth: pd.DataFrame | None  # of all stored frames
    indices: Int[np.ndarray, " n"]  # of the frames measured
    parts: Mapping[str, Int[np.ndarray, " _n"]]  # positions in `indices`
    pixels: scoring.PixelStatistics
    metrics: Mapping[str, dict[str, Estimate]]  # part, then metric
    curve: Sequence[scoring.LagChange]
    stranger_change: Estimate
    shares: Mapping[str, Shares] = field(default_factory=dict)  # kind: biome, daytime, mode, …

    @property
    def name(self) -> str:
        """What the data set is called in tables and figures."""
        return NAMES[self.footage.layout]


def measure(footage: Footage, *, seed: int = 0) -> MeasuredFootage:
    """Everything the page tells of a data set, each number with an interval over worlds."""
    store = footage.store
    indices = evenly(len(store), MOST_FRAMES)
    pixels = scoring.measure_pixels(store, indices)
    membership = {"train": footage.splits.train, "heldout": footage.splits.test}
    parts = {"all": np.arange(len(indices))} | {
        part: np.flatnonzero(np.isin(indices, members)) for part, members in membership.items()
    }
    strangers = stranger_pairs(store.groups, count=STRANGERS, seed=seed)
    truth = footage.truth
    return MeasuredFootage(
        footage=footage,
        study=f"{'blocks' if footage.generated else 'own'}_{footage.layout}",
        truth=truth,
        indices=indices,
        parts=parts,
        pixels=pixels,
        metrics=_metrics(footage, indices, parts, pixels, seed=seed),
        curve=scoring.change_curve(store, footage.source, seed=seed),
        stranger_change=mean_over_groups(
            scoring.frame_change(store, strangers), store.groups[strangers[:, 0]], seed=seed
        ),
        shares=_shares(footage, truth, seed=seed),
    )


def _metrics(
    footage: Footage,
    indices: Int[np.ndarray, " n"],
    parts: Mapping[str, Int[np.ndarray, " _n"]],
    pixels: scoring.PixelStatistics,
    *,
    seed: int,
) -> dict[str, dict[str, Estimate]]:
    """Pixel statistics and change between neighbours, for each part."""
    groups = footage.store.groups
    pairs = scoring.thin(lag_pairs(footage.store.recordings, 1))
    change = scoring.frame_change(footage.store, pairs)
    members = {
        "all": np.arange(len(groups)),
        "train": footage.splits.train,
        "heldout": footage.splits.test,
    }
    found = {}
    for part, rows in parts.items():
        found[part] = scoring.summarise_pixels(
            scoring.take(pixels, rows), groups[indices[rows]], seed=seed
        )
        chosen = np.isin(pairs[:, 0], members[part])
        if chosen.any():
            found[part] |= scoring.summarise_change(
                change[chosen], groups[pairs[chosen, 0]], seed=seed
            )
    return found


def labels_of(truth: pd.DataFrame) -> dict[str, tuple[pd.Series, tuple[str, ...]]]:
    """Each kind of label that the truth gives, with its classes in the order of display."""
    found: dict[str, tuple[pd.Series, tuple[str, ...]]] = {}
    if "biome" in truth:
        found["biome"] = truth["biome"], _classes(truth["biome"], BIOME_NAMES)
    if "sun_elevation" in truth:
        found["daytime"] = day_bands(truth["sun_elevation"]), BANDS
    if "mode" in truth:
        found["mode"] = truth["mode"], _classes(truth["mode"], MODES)
    if "creatures_in_view" in truth:
        seen = truth["creatures_in_view"]
        labels = pd.Series(np.where(seen.to_numpy(dtype=float) > 0, *CREATURES), index=seen.index)
        found["creatures"] = labels.where(seen.notna()), CREATURES
    return {kind: one for kind, one in found.items() if one[0].notna().any()}


def _classes(labels: pd.Series, known: Sequence[str]) -> tuple[str, ...]:
    """`known` classes, then others that occur; only those that occur if none is known."""
    seen = sorted(set(labels.dropna()))
    return (*(known if set(seen) & set(known) else ()), *(x for x in seen if x not in known))


def _shares(footage: Footage, truth: pd.DataFrame | None, *, seed: int) -> dict[str, Shares]:
    if truth is None:
        return {}
    parts = {
        "all": np.arange(len(truth)),
        "train": footage.splits.train,
        "heldout": footage.splits.test,
    }
    return {
        kind: {
            part: scoring.class_shares(
                labels.iloc[rows], footage.store.groups[rows], classes, seed=seed
            )
            for part, rows in parts.items()
            if labels.iloc[rows].notna().any()
        }
        for kind, (labels, classes) in labels_of(truth).items()
    }


def record(ledger: Ledger, measured: MeasuredFootage, *, seed: int = 0) -> None:
    """Rows ``footage.<study>.<all|train|heldout>.<metric>`` of one data set."""
    for part, rows in measured.parts.items():
        store = measured.footage.store
        whole = measured.indices[rows]
        counts = {"frames": len(whole), "worlds": len(np.unique(store.groups[whole]))}
        found = {name: Estimate(float(n), None, None, len(whole), 0) for name, n in counts.items()}
        found |= measured.metrics[part]
        for kind, shares in measured.shares.items():
            for label, estimate in shares.get(part, {}).items():
                found[share_metric(kind, label)] = estimate
        if part == "all":
            found["stranger_change"] = measured.stranger_change
        for metric, estimate in found.items():
            ledger.record(
                f"footage.{measured.study}.{part}.{metric}",
                estimate.value,
                low=estimate.low,
                high=estimate.high,
                n=estimate.n,
                seeds=[seed],
            )


def share_metric(kind: str, label: str) -> str:
    """Name of a class's share in the ledger: ``biome_birch_forest_share``."""
    plain = "".join(c if c.isalnum() and c.isascii() else "_" for c in label.lower())
    return f"{kind}_{plain}_share"


def counts(measured: MeasuredFootage) -> str:
    """How much there is, in a line of plain text."""
    store = measured.footage.store
    return (
        f"{measured.footage.layout}: {len(store)} frames of {store.size[1]} × {store.size[0]} "
        f"pixels, {len(np.unique(store.recordings))} recordings, "
        f"{len(np.unique(store.groups))} worlds"
    )


def row(ledger: Ledger, measured: MeasuredFootage, metric: str, part: str = "all") -> Row:
    """One row that `record` wrote; ValueError if there is none."""
    id = f"footage.{measured.study}.{part}.{metric}"
    for one in ledger.rows:
        if one.id == id:
            return one
    raise ValueError(f"the ledger holds no {id}: record the footage first, or ask for another")


def tell(ledger: Ledger, measured: MeasuredFootage, metric: str, part: str = "all") -> str:
    """A number with its interval and sample size, for a sentence; shares in per cent."""
    return spoken(_in_per_cent(row(ledger, measured, metric, part)))


def change_sentence(ledger: Ledger, measured: MeasuredFootage) -> str:
    """How much stored neighbours differ, against frames of two worlds."""
    threshold = scoring.NEAR_IDENTICAL
    return (
        f"**{measured.name}**: stored neighbours differ by "
        f"{tell(ledger, measured, 'neighbour_change')}, frames of two worlds by "
        f"{tell(ledger, measured, 'stranger_change')}. The share of neighbours that differ by less "
        f"than {threshold:g}, {255 * threshold:.0f} of 255 steps, is "
        f"{tell(ledger, measured, 'near_identical_share')}."
    )


def _in_per_cent(one: Row) -> Row:
    if not one.id.endswith("_share"):
        return one
    value, low, high = (None if x is None else 100 * x for x in (one.value, one.low, one.high))
    return replace(one, value=value, low=low, high=high, unit="%")


def table(ledger: Ledger, all_measured: Sequence[MeasuredFootage]) -> pd.DataFrame:
    """All metrics with intervals, a column a data set and part."""
    lines = [
        {"Statistic": heading}
        | {
            f"{one.name}, {words}": _brief(ledger, one, metric, part)
            for one in all_measured
            for part, words in (("train", "training"), ("heldout", "held-out"))
        }
        for metric, heading in ({"frames": "frames", "worlds": "worlds"} | METRICS).items()
    ]
    return pd.DataFrame(lines)


def _brief(ledger: Ledger, measured: MeasuredFootage, metric: str, part: str) -> str:
    """Value and interval without unit and sample size; an en dash where there is none."""
    if metric not in {"frames", "worlds", *measured.metrics[part]}:
        return "–"
    one = row(ledger, measured, metric, part)
    if one.value is None or one.low is None or one.high is None or one.low == one.high:
        return number(one.value)
    decimals = interval_decimals(one.low, one.high)
    value, low, high = (fixed(x, decimals) for x in (one.value, one.low, one.high))
    return f"{value} ({low}–{high})"
