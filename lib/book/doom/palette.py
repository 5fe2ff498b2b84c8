"""One colour for each class, everywhere in the chapter."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Integer, UInt8

from lib.evaluation.segmentation.cluster import NOISE
from lib.evaluation.segmentation.colours import NOTHING, coloured, palette
from lib.worlds.doom.classes import UNKNOWN, PixelClass

Colour = tuple[int, int, int]
NO_CLASS = "no class"


def class_name(number: int) -> str:
    """A class as figures name it."""
    return PixelClass(number).name.lower()


def class_names() -> list[str]:
    """All classes as figures name them, by number."""
    return [class_name(number) for number in PixelClass]


def class_legend() -> dict[str, Colour]:
    """Colour of every class by name, and of what has none."""
    named = {
        class_name(number): _rgb(colour)
        for number, colour in enumerate(palette(len(PixelClass)).tolist())
    }
    return named | {NO_CLASS: NOTHING}


def cluster_legend(clusters: Iterable[int]) -> dict[str, Colour]:
    """Colour of each cluster by its number, noise last."""
    numbers = sorted(number for number in clusters if number != NOISE)
    colours = palette(max(numbers, default=-1) + 1)
    return {str(number): _rgb(colours[number].tolist()) for number in numbers}


def true_colours(
    labels: Integer[np.ndarray, "*shape"],
) -> UInt8[np.ndarray, "*shape 3"]:
    """Classes as colours; unknown pixels dark grey."""
    return coloured(labels, palette(len(PixelClass)), nothing=UNKNOWN)


def named_colours(
    labels: Integer[np.ndarray, "*shape"],
) -> UInt8[np.ndarray, "*shape 3"]:
    """Segments as the colours of their classes; those without a class dark grey."""
    return coloured(labels, palette(len(PixelClass)))


def cluster_colours(
    labels: Integer[np.ndarray, "*shape"],
) -> UInt8[np.ndarray, "*shape 3"]:
    """Clusters as colours of their own; noise dark grey."""
    return coloured(labels, palette(int(labels.max(initial=NOISE)) + 1))


def _rgb(colour: Iterable[int]) -> Colour:
    red, green, blue = colour
    return int(red), int(green), int(blue)
