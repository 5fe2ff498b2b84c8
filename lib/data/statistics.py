"""Which frames and pairs of frames to look at: samples, pairs in time, strata, bands of the day."""

from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped

from lib.data.frames import FrameStore
from lib.data.minerl import VIDEO
from lib.data.video import probe_video

BANDS = ("day", "dusk", "night")
DUSK = 0.25  # |sine of the sun's elevation| below which it is dawn or dusk, 14.5°


def evenly(count: int, most: int) -> Int[np.ndarray, " m"]:
    """Positions of at most `most` out of `count` entries, evenly spaced from first to last."""
    if most < 1:
        raise ValueError(f"most = {most}: ask for at least one frame")
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def day_bands(sun_elevation: pd.Series) -> pd.Series:
    """``day``, ``dusk`` (or dawn) or ``night`` by the sine of the sun's elevation, in [-1, 1].

    Where the elevation is unknown (NaN), so is the band.
    """
    above = sun_elevation.to_numpy(dtype=float)
    bands = np.select([above >= DUSK, above > -DUSK, above <= -DUSK], BANDS, default="")
    return pd.Series(bands, index=sun_elevation.index).where(sun_elevation.notna())


def lag_pairs(recordings: Int[np.ndarray, " n"], lag: int) -> Int[np.ndarray, "p 2"]:
    """Positions of all two frames of one recording that are stored `lag` places apart.

    `recordings` says which recording each stored frame is of; frames of one stand together, in the
    order of time. Rows are (earlier, later); there may be none.
    """
    if lag < 1:
        raise ValueError(f"lag = {lag}: a later frame is at least one place on")
    first = np.arange(max(0, len(recordings) - lag))
    first = first[recordings[first] == recordings[first + lag]]
    return np.stack([first, first + lag], axis=1)


def stranger_pairs(
    groups: Int[np.ndarray, " n"], *, count: int, seed: int = 0
) -> Int[np.ndarray, "p 2"]:
    """About `count` random pairs of frames from two different groups (worlds).

    Raises ValueError if there is only one group.
    """
    if len(np.unique(groups)) < 2:
        raise ValueError(
            f"groups holds {len(np.unique(groups))} group: frames of different worlds need two; "
            "give more footage"
        )
    rng = np.random.default_rng(seed)
    pairs = rng.integers(0, len(groups), (2 * count, 2))
    return pairs[groups[pairs[:, 0]] != groups[pairs[:, 1]]][:count]


def pair_seconds(
    store: FrameStore, source: Path, pairs: Int[np.ndarray, "p 2"]
) -> Float[np.ndarray, " p"]:
    """Time between two frames of a recording; `source` is the folder the store was read from.

    The rate of each recording is read from the header of its video.
    """
    first, second = pairs.T
    which, place = np.unique(store.recordings[first], return_inverse=True)
    rates = np.array([_rate_hz(store, source, store.recording_names[i]) for i in which])
    return (store.frame_numbers[second] - store.frame_numbers[first]) / rates[place]


def _rate_hz(store: FrameStore, source: Path, name: str) -> float:
    video = source / name / VIDEO if store.layout == "minerl" else source / name
    if not video.is_file():
        raise FileNotFoundError(
            f"source={source} does not hold {name}, which the frame store {store.folder} was made "
            "from: give the folder that was imported"
        )
    return probe_video(video).frame_rate_hz


def spread(strata: pd.DataFrame, count: int, *, seed: int = 0) -> Int[np.ndarray, " c"]:
    """Up to `count` positions whose strata (columns, such as biome and band) are all represented.

    One after the other, always a row whose values have been taken least often; ties are broken at
    random. Unknown values (NaN) are a stratum of their own. Positions are sorted by the columns.
    """
    if strata.columns.empty or strata.empty:
        raise ValueError("strata has no rows or no columns: give at least one of each")
    codes = np.stack([pd.factorize(strata[name], use_na_sentinel=False)[0] for name in strata], 1)
    tie = np.random.default_rng(seed).random(len(codes))
    taken = [np.zeros(codes[:, k].max() + 1) for k in range(codes.shape[1])]
    chosen: list[int] = []
    free: Bool[np.ndarray, " n"] = np.ones(len(codes), dtype=bool)
    for _ in range(min(count, len(codes))):
        burden = np.sum([t[codes[:, k]] * len(t) for k, t in enumerate(taken)], axis=0)
        best = int(np.argmin(np.where(free, burden + tie / 2, np.inf)))
        for k, t in enumerate(taken):
            t[codes[best, k]] += 1
        free[best] = False
        chosen.append(best)
    return _sorted_by(strata, np.array(chosen, dtype=np.int64))


def _sorted_by(strata: pd.DataFrame, rows: Int[np.ndarray, " c"]) -> Shaped[np.ndarray, " c"]:
    table = strata.iloc[rows].astype(str).reset_index(drop=True)
    return rows[table.sort_values(list(table.columns), kind="stable").index.to_numpy()]
