"""Splits by whole groups, by what training must not have seen, and by chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int, Int64


@dataclass(frozen=True)
class Splits:
    """Rising positions of the frames of each part; together they are all frames.

    `held_out` tells, where the test part was chosen by it, which values of which property only
    the test part has: ``{"wheel": (3, 17)}``.
    """

    train: Int64[np.ndarray, " train"]
    validation: Int64[np.ndarray, " validation"]
    test: Int64[np.ndarray, " test"]
    held_out: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


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


def split_images(
    count: int, *, validation: float = 0.1, test: float = 0.1, seed: int = 0
) -> Splits:
    """Split `count` frames one by one, by chance, as the Sideswipe write-up did.

    Shares are rounded to whole frames, training takes the rest: 380,870 frames come to 304,696,
    38,087 and 38,087. Frames of one group land in several parts: see `leaked_share`. Raises
    `ValueError` for shares that do not fit, or leave a part without a frame.
    """
    _require_shares(validation=validation, test=test)
    tested, validated = round(test * count), round(validation * count)
    if min(tested, validated, count - tested - validated) < 1:
        raise ValueError(
            f"count={count} with validation={validation} and test={test} leaves a part without a "
            "frame: give more frames, or other shares"
        )
    order = np.random.default_rng(seed).permutation(count)
    ends = [tested, tested + validated]
    of_test, of_validation, of_train = (np.sort(part) for part in np.split(order, ends))
    return Splits(of_train, of_validation, of_test)


def split_unseen_parts(
    groups: Int[np.ndarray, " n"],
    parts: Mapping[str, Int[np.ndarray, " _"]],
    *,
    held_out: Mapping[str, Sequence[int]] | None = None,
    held_out_share: float = 0.1,
    validation: float = 0.1,
    seed: int = 0,
) -> Splits:
    """Test on every frame that shows a held-out part; no other frame has any of them.

    `parts` maps a kind of part ("wheel", "hat") to its number in each frame. `held_out` names
    those to hold out by kind; None draws `held_out_share` of every kind, at least one each. With
    shares s and t of two equally common kinds, 1 - (1 - s)(1 - t) of all frames are tested. The
    rest is split by whole groups, `validation` being a share of it. `Splits.held_out` tells what
    was held out. Raises `ValueError` for unknown parts, or if none of a kind is left.
    """
    if not parts:
        raise ValueError("parts is empty: give the number of each frame's wheel, hat or the like")
    if not 0 < held_out_share < 1:
        raise ValueError(f"held_out_share={held_out_share}: want a share above 0 and below 1")
    if unknown := sorted(set(held_out or ()) - set(parts)):
        raise ValueError(
            f"held_out names {', '.join(unknown)}, but parts has only {', '.join(parts)}"
        )
    rng = np.random.default_rng([seed, 0xBA27])
    chosen: dict[str, tuple[int, ...]] = {}
    for kind, values in parts.items():
        _require_length(kind, values, groups)
        known = np.unique(values)
        if held_out is None:
            count = max(1, round(held_out_share * len(known)))
            drawn = np.sort(rng.permutation(known)[:count])
        else:
            drawn = np.unique(np.asarray(held_out.get(kind, ()), dtype=np.int64))
        chosen[kind] = _require_some_of(kind, drawn, known)
    shown = [np.isin(values, chosen[kind]) for kind, values in parts.items()]
    return _split_rest(groups, np.logical_or.reduce(shown), chosen, validation, seed)


def split_unseen_rotations(
    groups: Int[np.ndarray, " n"],
    rotations: Int[np.ndarray, " m"],
    *,
    held_out: Sequence[int] | None = None,
    validation: float = 0.1,
    seed: int = 0,
) -> Splits:
    """Test on every frame at a held-out rotation; training and validation have none of these.

    `rotations` holds each frame's; None holds out every other one, from the second on. The rest
    is split by whole groups, `validation` being a share of it. Cars of the training part are
    tested at other rotations: that is the question asked here. `Splits.held_out` tells which
    rotations were held out. Raises `ValueError` for unknown rotations, or if none is left.
    """
    _require_length("rotations", rotations, groups)
    known = np.unique(rotations)
    drawn = known[1::2] if held_out is None else np.unique(np.asarray(held_out, dtype=np.int64))
    chosen = _require_some_of("rotation", drawn, known)
    if not chosen:
        raise ValueError(
            f"no rotation is held out, of {_listed(known)}: name one at least, and leave one"
        )
    tested = np.isin(rotations, chosen)
    return _split_rest(groups, tested, {"rotation": chosen}, validation, seed)


def leaked_share(splits: Splits, groups: Int[np.ndarray, " n"]) -> float:
    """Share of the test frames, in [0, 1], with a sibling of their group in the training part."""
    if not len(splits.test):
        raise ValueError("splits has an empty test part: no share of it can be told")
    return float(np.isin(groups[splits.test], groups[splits.train]).mean())


def _split_rest(
    groups: Int[np.ndarray, " n"],
    tested: Bool[np.ndarray, " n"],
    held_out: Mapping[str, tuple[int, ...]],
    validation: float,
    seed: int,
) -> Splits:
    """Split what is not `tested` into training and validation by whole groups."""
    _require_shares(validation=validation)
    rest = np.flatnonzero(~tested)
    names, group_of, sizes = np.unique(groups[rest], return_inverse=True, return_counts=True)
    if not tested.any() or len(names) < 2:
        raise ValueError(
            f"holding out {_told(held_out)} leaves {len(names)} groups for training and "
            f"validation and {np.count_nonzero(tested)} frames for the test: hold out "
            f"{'less' if tested.any() else 'more'}, or give more footage"
        )
    order = np.random.default_rng(seed).permutation(len(names))
    count = _nearest_count(sizes[order], validation * len(rest), len(order) - 1)
    validated = np.isin(group_of, order[:count])
    return Splits(rest[~validated], rest[validated], np.flatnonzero(tested), held_out=held_out)


def _require_shares(**shares: float) -> None:
    if min(shares.values()) <= 0 or sum(shares.values()) >= 1:
        told = ", ".join(f"{name}={share}" for name, share in shares.items())
        raise ValueError(f"{told}: want shares above 0 whose sum is below 1")


def _require_length(
    name: str, values: Int[np.ndarray, " m"], groups: Int[np.ndarray, " n"]
) -> None:
    if len(values) != len(groups):
        raise ValueError(
            f"{name} has {len(values)} entries, groups has {len(groups)}: want one per frame each"
        )


def _require_some_of(
    kind: str, drawn: Int[np.ndarray, " k"], known: Int[np.ndarray, " m"]
) -> tuple[int, ...]:
    """`drawn` as a tuple, if they are some but not all of the `known`."""
    if unknown := [int(value) for value in drawn if value not in known]:
        raise ValueError(
            f"held_out has {kind} {_listed(unknown)}, which no frame shows; "
            f"choose among {_listed(known)}"
        )
    if len(drawn) == len(known):
        raise ValueError(
            f"held_out has every {kind} there is ({_listed(known)}): leave some to train on"
        )
    return tuple(int(value) for value in drawn)


def _listed(values: Sequence[int] | Int[np.ndarray, " k"]) -> str:
    return ", ".join(str(int(value)) for value in values)


def _told(held_out: Mapping[str, tuple[int, ...]]) -> str:
    return "; ".join(f"{kind} {_listed(values) or 'none'}" for kind, values in held_out.items())


def _nearest_count(sizes: Int[np.ndarray, " k"], wanted: float, most: int) -> int:
    """How many leading groups, from 1 to `most`, come nearest to `wanted` frames."""
    return int(np.argmin(np.abs(np.cumsum(sizes[:most]) - wanted))) + 1
