"""Single images of a folder, as an order for a frame store; reading one, and what may be wrong."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int32, UInt8
from PIL import Image

from lib.data.writer import StorePlan
from lib.files import digest


class Fault(NamedTuple):
    """Why an entry of a data set cannot be used."""

    kind: str  # what is the matter, so that "3 " before it makes a sentence
    detail: str = ""


UNREADABLE = "images cannot be decoded"
WRONG_SIZE = "images have a wrong size"


class FaultyImagesError(ValueError):
    """Some entries of a data set cannot be used: counts of each kind, and a few names.

    `faults` holds all of them by name.
    """

    def __init__(self, folder: Path, faults: Mapping[str, Fault], remedy: str) -> None:
        self.faults = dict(faults)
        super().__init__(f"{folder} has faults.\n{told(faults)}\n{remedy}")


def told(faults: Mapping[str, Fault], most: int = 3) -> str:
    """Count and the first `most` names of each kind of fault, a line each."""
    kinds: dict[str, list[str]] = {}
    for name, (kind, detail) in faults.items():
        kinds.setdefault(kind, []).append(f"{name} ({detail})" if detail else name)
    return "\n".join(
        f"{len(names):,} {kind}: {', '.join(names[:most])}{', …' if len(names) > most else ''}"
        for kind, names in kinds.items()
    )


@dataclass(frozen=True)
class ImageJob:
    """An order: these images of `folder`, in this order and size, into that store.

    Image i becomes the frame with number `numbers[i]` of group `group_names[groups[i]]`.
    """

    layout: str
    folder: Path
    names: Sequence[str]  # of the files
    numbers: Int32[np.ndarray, " n"]
    groups: Int32[np.ndarray, " n"]
    group_names: Sequence[str]
    store: Path
    source_size: tuple[int, int]  # rows, columns that every image must have
    size: tuple[int, int]  # of the stored frames
    settings: dict[str, object]
    source_digest: str
    left_out: Mapping[str, Fault] = field(default_factory=dict)  # found faulty beforehand
    corrupt: str = "error"  # or "skip"
    workers: int | None = None  # threads; None for one per core. Decoding releases the GIL
    progress: bool = True

    def __post_init__(self) -> None:
        if self.corrupt not in ("error", "skip"):
            raise ValueError(f"corrupt={self.corrupt!r}: want 'error' or 'skip'")
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers={self.workers}: want at least 1, or None for one per core")

    @property
    def plan(self) -> StorePlan:
        """What the journal names, to go on only with the same images."""
        numbers, groups = (x.astype("<i4").tobytes() for x in (self.numbers, self.groups))
        return StorePlan(
            layout=self.layout,
            size=self.size,
            settings=self.settings,
            source_digest=self.source_digest,
            selection_digest=digest([*self.names, numbers, groups]),
            frames=len(self.names),
        )


def read_image(
    path: Path, *, source_size: tuple[int, int], size: tuple[int, int]
) -> UInt8[np.ndarray, "h w 3"] | Fault:
    """A JPEG in RGB, shrunk with a box filter to `size` (rows, columns); or why it cannot be.

    Where `source_size` is a multiple of `size`, each value is the rounded mean of a block of
    pixels. All pixels are decoded: JPEG's own halving would be a third faster, but is no such mean.
    """
    try:
        with path.open("rb") as file, Image.open(file, formats=["JPEG"]) as image:
            if (got := (image.height, image.width)) != source_size:
                wanted = f"{source_size[1]}×{source_size[0]}"
                return Fault(WRONG_SIZE, f"{got[1]}×{got[0]} pixels, not {wanted}")
            return _shrunk(image.convert("RGB"), size)
    except Image.UnidentifiedImageError:
        return Fault(UNREADABLE, "no JPEG image")
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        return Fault(UNREADABLE, getattr(error, "strerror", None) or str(error))


def shrunk(
    picture: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]
) -> UInt8[np.ndarray, "rows columns 3"]:
    """`picture` at `size` (rows, columns), as `read_image` shrinks what it reads."""
    return _shrunk(Image.fromarray(picture), size)


def _shrunk(image: Image.Image, size: tuple[int, int]) -> UInt8[np.ndarray, "rows columns 3"]:
    rows, columns = image.height / size[0], image.width / size[1]
    if rows.is_integer() and columns.is_integer():  # rounded once, not once an axis
        return np.asarray(image.reduce((int(columns), int(rows))))
    return np.asarray(image.resize(size[::-1], Image.Resampling.BOX))
