"""The footage page's pictures of people and sprites: backgrounds, truth, histograms."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure

from lib.book.people import QUANTITIES, MeasuredPeople, most_crowded
from lib.data.mot.masks import IGNORED, MASKS_PEDESTRIAN
from lib.data.mot.sequences import MotSequence
from lib.data.statistics import evenly
from lib.figures import people as figures
from lib.figures import style
from lib.worlds.sprites import SpritesFootage, render_clip

COLUMNS = 6
TRUTH_PX = 192  # width of a picture that boxes and ids are drawn on
KINDS = {  # rows of the picture of sprites: density, whether textured, background
    "sparse": ("sparse", False, "black"),
    "sparse,\ngradient": ("sparse", False, "gradient"),
    "medium": ("medium", False, "black"),
    "dense": ("dense", False, "black"),
    "dense,\ntextured": ("dense", True, "gradient"),
}


def backgrounds(measured: MeasuredPeople) -> Figure:
    """Frames of the most crowded clip over every background."""
    over = measured.people.over
    if not over:
        return style.message("This footage has one background only: its own.")
    clip = most_crowded(measured)
    return figures.clip_rows(
        np.stack([_frames(clips[clip]) for clips in over.values()]), list(over)
    )


def truth(measured: MeasuredPeople, *, background: str | None = None) -> Figure:
    """Frames of the most crowded clip with boxes and ids, and below them whose each pixel is.

    `background` is by default the plainest; raises `ValueError` for one that there is not.
    """
    people = measured.people
    if background is not None and background not in people.over:
        raise ValueError(
            f"background is {background!r}; this footage has {', '.join(people.over) or 'none'}"
        )
    sequences = people.over[background] if background else people.sequences
    sequence = sequences[most_crowded(measured)]
    known = sequence.annotations
    if known is None:
        return style.message("This footage does not say who is where.")
    numbers = _spread(sequence)
    drawn = []
    for number, frame in zip(numbers, sequence.read(numbers), strict=True):
        there = known.at(number)
        drawn.append(figures.draw_tracks(frame, there.boxes, there.ids, width_px=TRUTH_PX))
    rows = {"boxes": np.stack(drawn)}
    if sequence.has_masks:
        rows["pixels"] = np.stack([_mask(sequence, number) for number in numbers])
    return figures.clip_rows(np.stack(list(rows.values())), list(rows))


def sprites(preset: str, *, seed: int = 0, clip: int = 0) -> Figure:
    """Clips of every density, plain and textured, over black and the gradient; made on the spot."""
    rows = []
    for density, textured, background in KINDS.values():
        footage = SpritesFootage.preset(
            preset, seed=seed, density=density, textured=textured, backgrounds=(background,)
        )
        footage = replace(footage, frames=COLUMNS * 3)
        shots = islice(render_clip(footage, clip), 0, None, 3)
        rows.append(np.stack([shot.images[footage.backgrounds[0]] for shot in shots]))
    return figures.clip_rows(np.stack(rows), list(KINDS))


def distributions(all_measured: Sequence[MeasuredPeople]) -> Figure:
    """How many things, how visible, for how long and how fast."""
    if not any(one.metrics for one in all_measured):
        return style.message("This footage does not say who is where.")
    values = {
        heading: {one.name: one.entries[name].to_numpy() for one in all_measured}
        for name, heading in QUANTITIES.items()
    }
    return figures.distributions(values, whole=[QUANTITIES["in_view"]])


def _spread(sequence: MotSequence) -> list[int]:
    """Frames from first to last, evenly spaced."""
    return [int(number) for number in evenly(sequence.frames, COLUMNS)]


def _frames(sequence: MotSequence) -> UInt8[np.ndarray, "c h w 3"]:
    return np.stack(sequence.read(_spread(sequence)))


def _mask(sequence: MotSequence, number: int) -> UInt8[np.ndarray, "h w 3"]:
    """Whose each pixel is, in the colours of the boxes: a mask's values hold a class as well."""
    values = sequence.mask(number)
    own = np.where(values > 0, values - 1000 * MASKS_PEDESTRIAN, values)
    return figures.draw_masks(own, width_px=TRUTH_PX, ignored=IGNORED)
