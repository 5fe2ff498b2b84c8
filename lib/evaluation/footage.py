"""What footage looks like, in numbers: balance, light, colour, edges, change over time.

Every number comes with a 95 % interval over whole groups (worlds), since frames of one world
resemble each other. Pixels are read in batches, so memory stays bounded however large the store.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Float32, Int, UInt8

from lib.data.frames import FrameStore
from lib.data.statistics import lag_pairs, pair_seconds
from lib.evaluation.intervals import Estimate, mean_over_groups

LUMINANCE = (0.2126, 0.7152, 0.0722)  # weights of red, green, blue (ITU-R BT.709)
DARK = 0.06  # mean luminance below which a frame shows next to nothing
FLAT = 0.02  # standard deviation of luminance below which a frame is of one tone
EDGE = 0.1  # difference of neighbouring pixels, mean of channels, from which it is an edge
NEAR_IDENTICAL = 0.02  # mean absolute difference of two frames, five of 255 steps
BINS = 32  # of a colour histogram, eight of the 256 values each
LAGS = (1, 2, 3, 5, 8, 13, 21, 34, 55)  # stored places between two frames
MOST_PAIRS = 6_000  # of each lag
BATCH = 128
CHANNELS = ("red", "green", "blue")


@dataclass(frozen=True)
class PixelStatistics:
    """Statistics of each frame; pixel values in [0, 1]."""

    luminance: Float[np.ndarray, " n"]  # mean over the frame
    luminance_std: Float[np.ndarray, " n"]  # standard deviation over the frame
    channels: Float[np.ndarray, "n 3"]  # means of red, green, blue
    histograms: Int[np.ndarray, "n 3 k"]  # pixels in each of `BINS` equal ranges of value
    edge_density: Float[np.ndarray, " n"]  # mean absolute difference of neighbouring pixels
    edge_share: Float[np.ndarray, " n"]  # of pixels, difference above `EDGE`


@dataclass(frozen=True)
class LagChange:
    """Change between frames a number of stored places apart."""

    lag: int
    seconds: float  # mean distance in time
    change: Estimate  # mean absolute difference of pixels in [0, 1]; groups are recordings


def measure_pixels(
    store: FrameStore, indices: Int[np.ndarray, " n"], *, batch: int = BATCH
) -> PixelStatistics:
    """Statistics of the frames at `indices`, read `batch` at a time."""
    if not len(indices):
        raise ValueError("indices is empty: name at least one frame")
    rows = [
        _measure(np.asarray(store.frames[indices[start : start + batch]]))
        for start in range(0, len(indices), batch)
    ]
    return PixelStatistics(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def take(pixels: PixelStatistics, rows: Int[np.ndarray, " m"]) -> PixelStatistics:
    """The statistics of some of the frames."""
    return PixelStatistics(**{name: column[rows] for name, column in vars(pixels).items()})


def _measure(frames: UInt8[np.ndarray, "b h w 3"]) -> tuple[np.ndarray, ...]:
    """Columns of `PixelStatistics` for one batch."""
    images = frames.astype(np.float32) / np.float32(255)
    luminance = (images @ np.array(LUMINANCE, np.float32)).reshape(len(frames), -1)
    return (
        luminance.mean(1).astype(float),
        luminance.std(1).astype(float),
        images.mean((1, 2)).astype(float),
        _histograms(frames),
        *(column.astype(float) for column in edges(images)),
    )


def _histograms(frames: UInt8[np.ndarray, "b h w 3"]) -> Int[np.ndarray, "b 3 k"]:
    b = len(frames)
    values = frames.reshape(b, -1, 3).transpose(0, 2, 1) // (256 // BINS)
    place = values.astype(np.int64) + np.arange(3 * b).reshape(b, 3, 1) * BINS
    return np.bincount(place.ravel(), minlength=3 * b * BINS).reshape(b, 3, BINS)


def edges(
    images: Float32[np.ndarray, "b h w 3"], *, threshold: float = EDGE
) -> tuple[Float32[np.ndarray, " b"], Float32[np.ndarray, " b"]]:
    """Edge density of each image and the share of its pixels on an edge, for values in [0, 1].

    The density is the mean absolute difference of neighbouring pixels, over rows and columns, the
    same as `lib.evaluation.reconstruction.sharpness`. A pixel is on an edge if it differs from its
    right or lower neighbour by more than `threshold`, as a mean over channels; pixels of the last
    row and column, which lack one of the neighbours, are left out.
    """
    right = np.abs(np.diff(images, axis=2)).mean(3)
    down = np.abs(np.diff(images, axis=1)).mean(3)
    density = (right.mean((1, 2)) + down.mean((1, 2))) / 2
    on_edge = np.maximum(right[:, :-1], down[:, :, :-1]) > threshold
    return density, on_edge.mean((1, 2), dtype=np.float32)


def summarise_pixels(
    pixels: PixelStatistics, groups: Int[np.ndarray, " n"], *, seed: int = 0
) -> dict[str, Estimate]:
    """Means over frames, and shares of dark and of flat frames, with intervals over `groups`."""
    columns = {
        "luminance": pixels.luminance,
        "luminance_std": pixels.luminance_std,
        "dark_share": (pixels.luminance < DARK).astype(float),
        "flat_share": (pixels.luminance_std < FLAT).astype(float),
        **{name: pixels.channels[:, k] for k, name in enumerate(CHANNELS)},
        "edge_density": pixels.edge_density,
        "edge_share": pixels.edge_share,
    }
    return {name: mean_over_groups(x, groups, seed=seed) for name, x in columns.items()}


def class_shares(
    labels: pd.Series, groups: Int[np.ndarray, " n"], classes: Sequence[str], *, seed: int = 0
) -> dict[str, Estimate]:
    """Share of each of `classes` among the frames whose label is known, intervals over `groups`.

    Raises ValueError if no label is known, or one is none of `classes`.
    """
    if len(labels) != len(groups):
        raise ValueError(
            f"labels has {len(labels)} entries, groups has {len(groups)}; give one group each"
        )
    known = labels.notna().to_numpy()
    values = labels.to_numpy()[known]
    if not len(values):
        raise ValueError("labels are all unknown: leave this statistic out")
    if odd := sorted(set(values) - set(classes)):
        raise ValueError(f"labels hold {', '.join(map(str, odd))}: add them to classes")
    return {
        name: mean_over_groups((values == name).astype(float), groups[known], seed=seed)
        for name in classes
    }


def frame_change(
    store: FrameStore, pairs: Int[np.ndarray, "p 2"], *, batch: int = BATCH
) -> Float[np.ndarray, " p"]:
    """Mean absolute difference of the two frames of each pair, for values in [0, 1]."""
    changes = [np.zeros(0)]
    for start in range(0, len(pairs), batch):
        first, second = pairs[start : start + batch].T
        difference = store.frames[first].astype(np.int16) - store.frames[second]
        changes.append(np.abs(difference).mean((1, 2, 3)) / 255)
    return np.concatenate(changes)


def change_curve(
    store: FrameStore, source: Path, *, lags: Sequence[int] = LAGS, seed: int = 0
) -> list[LagChange]:
    """Change against distance in time, intervals over recordings; lags with no pair are left out.

    `source` is the folder the store was read from. A lag with very many pairs is represented by
    `MOST_PAIRS` of them, evenly spaced.
    """
    points = []
    for lag in lags:
        pairs = thin(lag_pairs(store.recordings, lag))
        if not len(pairs):
            continue
        change = frame_change(store, pairs)
        recordings = store.recordings[pairs[:, 0]]
        points.append(
            LagChange(
                lag,
                float(pair_seconds(store, source, pairs).mean()),
                mean_over_groups(change, recordings, seed=seed),
            )
        )
    return points


def thin(pairs: Int[np.ndarray, "p 2"], most: int = MOST_PAIRS) -> Int[np.ndarray, "q 2"]:
    """At most `most` of `pairs`, evenly spaced."""
    if len(pairs) <= most:
        return pairs
    return pairs[np.linspace(0, len(pairs) - 1, most).round().astype(np.int64)]


def summarise_change(
    change: Float[np.ndarray, " p"], groups: Int[np.ndarray, " p"], *, seed: int = 0
) -> dict[str, Estimate]:
    """Mean change between stored neighbours and share of near-identical ones, over `groups`."""
    near = (change < NEAR_IDENTICAL).astype(float)
    return {
        "neighbour_change": mean_over_groups(change, groups, seed=seed),
        "near_identical_share": mean_over_groups(near, groups, seed=seed),
    }
