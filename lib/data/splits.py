"""Splits that share no world and no recording."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Int64


@dataclass(frozen=True)
class Splits:
    """Rising positions of the frames of each part; together they are all frames."""

    train: Int64[np.ndarray, " train"]
    validation: Int64[np.ndarray, " validation"]
    test: Int64[np.ndarray, " test"]


def split_groups(
    groups: Int[np.ndarray, " n"], *, validation: float = 0.1, test: float = 0.2, seed: int = 0
) -> Splits:
    """Split frames by whole groups, so that no part has seen another's worlds.

    `groups` holds each frame's group; `validation` and `test` are shares of the frames. Groups in
    random order go to the test part, then to validation, as long as each brings the part nearer
    to its share, so a part is off by at most half a group where there are groups enough; every
    part gets at least one. Raises `ValueError` for fewer than three groups.
    """
    if not (validation > 0 and test > 0 and validation + test < 1):
        raise ValueError(
            f"validation={validation}, test={test}: want shares above 0 whose sum is below 1"
        )
    names, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 3:
        raise ValueError(
            f"groups holds {len(names)} different groups, but training, validation and test need "
            "one each: give footage of at least 3 worlds or recordings"
        )
    order = np.random.default_rng(seed).permutation(len(names))
    parts: list[Int64[np.ndarray, " _"]] = []
    for share, others in ((test, 2), (validation, 1)):
        count = _nearest_count(sizes[order], share * len(groups), len(order) - others)
        parts.append(np.flatnonzero(np.isin(group_of, order[:count])))
        order = order[count:]
    return Splits(np.flatnonzero(np.isin(group_of, order)), validation=parts[1], test=parts[0])


def _nearest_count(sizes: Int[np.ndarray, " k"], wanted: float, most: int) -> int:
    """How many leading groups, from 1 to `most`, come nearest to `wanted` frames."""
    return int(np.argmin(np.abs(np.cumsum(sizes[:most]) - wanted))) + 1
