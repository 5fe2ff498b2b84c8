"""What a classifier makes of a car when one part of it is swapped and nothing else.

The garage world can draw the same car in the same pose with another hat, other wheels, another
sticker or other colours. A network that looks at the body alone would not notice. Each row here is
one pair: the logits of an image, and those of its re-render.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from lib.evaluation.classification import accuracy, check_logits, probabilities
from lib.evaluation.intervals import Estimate, mean_over_groups


@dataclass(frozen=True)
class PairChanges:
    """What a swap does to each of n pairs."""

    change: Float64[np.ndarray, " n"]  # of the true class's probability, in [-1, 1]
    shift: Float64[np.ndarray, " n"]  # total variation distance of both predictions, in [0, 1]
    flipped: Bool[np.ndarray, " n"]  # another class is predicted
    lost: Bool[np.ndarray, " n"]  # right before, wrong after
    gained: Bool[np.ndarray, " n"]  # wrong before, right after


@dataclass(frozen=True)
class PartEffect:
    """Means of `PairChanges` over the pairs in which one part was swapped."""

    change: Estimate
    shift: Estimate
    flipped: Estimate
    lost: Estimate
    gained: Estimate


def pair_changes(
    before: Float[np.ndarray, "n c"],
    after: Float[np.ndarray, "m c2"],
    labels: Int[np.ndarray, " k"],
    *,
    temperature: float = 1.0,
) -> PairChanges:
    """Compare logits of images with those of their re-renders, row by row."""
    if before.shape != after.shape:
        raise ValueError(
            f"before is {list(before.shape)}, after is {list(after.shape)}; give one row of logits "
            "for each image and one for its re-render"
        )
    check_logits(before, labels)
    check_logits(after, labels)
    p, q = (probabilities(logits, temperature=temperature) for logits in (before, after))
    rows = np.arange(len(labels))
    first, second = before.argmax(1), after.argmax(1)
    return PairChanges(
        change=q[rows, labels] - p[rows, labels],
        shift=np.abs(q - p).sum(1) / 2,
        flipped=first != second,
        lost=(first == labels) & (second != labels),
        gained=(first != labels) & (second == labels),
    )


def part_effects(
    changes: PairChanges,
    parts: Sequence[str],
    groups: Int[np.ndarray, " n"],
    *,
    seed: int = 0,
) -> dict[str, PartEffect]:
    """Mean effect of each part, in order of first appearance, with intervals over `groups`.

    `parts` names what was swapped in each pair: "hat", "wheel", or as finely as "hat: fez". Swap
    nothing in some ("none"), with fresh noise if re-renders have it: that is what noise alone does.
    """
    if not len(changes.change) == len(parts) == len(groups):
        raise ValueError(
            f"there are {len(changes.change)} pairs, {len(parts)} parts and {len(groups)} groups; "
            "give one part and one group for each pair"
        )
    names = np.array(parts)
    return {
        part: _effect(changes, names == part, groups, seed=seed) for part in dict.fromkeys(parts)
    }


def _effect(
    changes: PairChanges,
    members: Bool[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    *,
    seed: int,
) -> PartEffect:
    of = groups[members]
    return PartEffect(
        change=mean_over_groups(changes.change[members], of, seed=seed),
        shift=mean_over_groups(changes.shift[members], of, seed=seed),
        flipped=accuracy(changes.flipped[members], of, seed=seed),
        lost=accuracy(changes.lost[members], of, seed=seed),
        gained=accuracy(changes.gained[members], of, seed=seed),
    )
