"""Training and held-out parts of a set of sequences."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lib.data.mot.sequences import MotSequence

RULES = ("video", "time", "again")


class Parts(NamedTuple):
    """Sequences to train on, and to judge on."""

    train: list[MotSequence]
    held_out: list[MotSequence]


def split_sequences(
    sequences: Sequence[MotSequence],
    *,
    rule: str = "video",
    share: float = 0.1,
    held_out: Sequence[str] | None = None,
    seed: int = 0,
) -> Parts:
    """Split by whole videos, or as `rule` says.

    "video" holds out `share` of the videos, drawn by `seed`, at least one; or those whose names
    `held_out` gives. "time" holds out the last `share` of each video's frames, as the official
    SCALOR does with its only one: frames at the seam are nearly alike. "again" judges on the
    training videos, as the study did: such numbers tell nothing about other videos.

    Raises `ValueError` for an unknown rule or name, a share out of (0, 1), or too few videos or
    frames.
    """
    if rule not in RULES:
        raise ValueError(f"rule={rule!r}: choose among {', '.join(map(repr, RULES))}")
    if not sequences:
        raise ValueError("sequences is empty: give at least one")
    if not 0 < share < 1:
        raise ValueError(f"share={share}: want more than 0 and less than 1")
    if rule == "again":
        return Parts(list(sequences), list(sequences))
    if rule == "time":
        cuts = [_cut(one, share) for one in sequences]
        return Parts([early for early, _ in cuts], [late for _, late in cuts])
    return _by_video(sequences, share, held_out, seed)


def _cut(sequence: MotSequence, share: float) -> tuple[MotSequence, MotSequence]:
    last = int(sequence.frames * share)
    if last < 1:
        raise ValueError(
            f"{sequence.name} has {sequence.frames} frames, of which share={share} is none: give a "
            "larger share or a longer video"
        )
    seam = sequence.frames - last
    return sequence.part(0, seam), sequence.part(seam, sequence.frames)


def _by_video(
    sequences: Sequence[MotSequence], share: float, held_out: Sequence[str] | None, seed: int
) -> Parts:
    names = [one.name for one in sequences]
    if len(names) < 2:
        raise ValueError(
            f"{names[0]} is the only video, so that none can be held out: give more, or rule='time'"
        )
    if held_out is None:
        count = min(max(1, round(share * len(names))), len(names) - 1)
        drawn = np.random.default_rng([seed, 0x5C41]).permutation(len(names))[:count]
        held_out = [names[k] for k in drawn]
    if unknown := sorted(set(held_out) - set(names)):
        raise ValueError(f"held_out names {', '.join(unknown)}; videos are {', '.join(names[:8])}")
    parts = Parts(
        [one for one in sequences if one.name not in held_out],
        [one for one in sequences if one.name in held_out],
    )
    if not parts.train or not parts.held_out:
        raise ValueError("held_out is every video or none: name some, and leave some to train on")
    return parts
