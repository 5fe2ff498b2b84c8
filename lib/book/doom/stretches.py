"""Stretches of consecutive frames on held-out maps: what segments are made and judged on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from lib.data.playthrough import Playthrough

LENGTHS = {"tiny": (1, 12), "small": (2, 12), "full": (8, 24)}  # stretches a map, frames each


@dataclass(frozen=True)
class Stretch:
    """Frames that follow one another in one recording."""

    group: str  # the map
    indices: Int64[np.ndarray, " n"]
    frames: UInt8[np.ndarray, "n h w 3"]
    truth: UInt8[np.ndarray, "n h w"] | None  # None for footage without labels


def held_out_stretches(
    played: Playthrough, indices: Int64[np.ndarray, " n"], preset: str
) -> list[Stretch]:
    """`LENGTHS` of the frames in `indices`, evenly spread over each map that has as many.

    Raises `ValueError` where no map has enough frames in a row.
    """
    count, length = LENGTHS[preset]
    followed = played.has_next()
    found: list[Stretch] = []
    for name in dict.fromkeys(played.maps[indices].tolist()):
        of = indices[played.maps[indices] == name]
        starts = _starts(of, followed, length)
        if not len(starts):
            continue
        chosen = starts[np.linspace(0, len(starts) - 1, 2 * count + 1).astype(int)[1::2]]
        found += [
            _stretch(played, name, np.arange(start, start + length))
            for start in dict.fromkeys(chosen.tolist())
        ]
    if not found:
        raise ValueError(
            f"no held-out part of the playthrough has {length} frames in a row: give longer footage"
        )
    return found


def first_of_each(stretches: Sequence[Stretch], most: int) -> list[int]:
    """Places of one stretch of each of at most `most` maps."""
    groups = [one.group for one in stretches]
    return [groups.index(name) for name in dict.fromkeys(groups)][:most]


def _starts(
    indices: Int64[np.ndarray, " n"], followed: Bool[np.ndarray, " f"], length: int
) -> Int64[np.ndarray, " m"]:
    """Members of `indices` from which on `length` frames follow one another, all among them."""
    member = np.zeros(len(followed) + 1, bool)
    member[indices] = True
    joined = followed & member[:-1] & member[1:]
    ends = np.cumsum(np.append(0, ~joined))  # the same number from a frame to all that follow it
    last = np.minimum(indices + length - 1, len(followed) - 1)
    fits = (indices + length <= len(followed)) & (ends[indices] == ends[last])
    starts: Int64[np.ndarray, " m"] = indices[fits]
    return starts


def _stretch(played: Playthrough, name: str, indices: Int64[np.ndarray, " n"]) -> Stretch:
    truth = None if played.labels is None else np.asarray(played.labels[indices])
    return Stretch(name, indices, np.asarray(played.store.frames[indices]), truth)
