"""What a frame shows and truly contains, for plaza and sprites alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Int32, UInt8

from lib.worlds.plaza.settings import Background


class Sighting(NamedTuple):
    """One thing in one frame: the whole of it, where it is hidden or cut off as well.

    left, top, width, height: of the box about the unoccluded thing, in pixels from the picture's
    corner; it may reach beyond the picture. visibility: pixels seen, as a share of all the pixels
    of the unoccluded thing, those beyond the picture included.
    """

    id: int
    left: int
    top: int
    width: int
    height: int
    visibility: float


@dataclass(frozen=True)
class Shot:
    """One frame over every background, and its truth.

    mask: the id of what each pixel shows most of, 0 for the background. The visible box of a thing
    is the extent of its mask.
    """

    images: Mapping[Background, UInt8[np.ndarray, "h w 3"]]
    mask: Int32[np.ndarray, "h w"]
    sightings: tuple[Sighting, ...]
