"""Frames of a sequence as a tracker takes them: a window, in order, read ahead."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple, TypeVar, cast

import numpy as np
from jaxtyping import UInt8

from lib.data.ahead import read_ahead
from lib.data.mot.behind import MOST_FRAMES, behind_all
from lib.data.mot.boxes import Window
from lib.data.mot.clips import shrunk
from lib.data.mot.sequences import MotSequence
from lib.data.recordings import core_count
from lib.data.video import CorruptVideoError, read_frames

MOST_THREADS = 4
"""Of reading pictures: each may keep four of them, and in full HD one takes 6 MB."""
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Look:
    """What a tracker sees of a sequence: the window, at `size_px`, of frames by their numbers.

    `whole` says whether frames are wanted at their own size, too.
    """

    window: Window
    numbers: Sequence[int]  # rising
    size_px: int
    whole: bool = False


class Seen(NamedTuple):
    """One frame; `number` counts from 0, all of the sequence."""

    number: int
    small: UInt8[np.ndarray, "h w 3"]
    whole: UInt8[np.ndarray, "rows columns 3"] | None


@dataclass
class Missed:
    """Frames that could not be read, and why; from `end` on none could."""

    frames: dict[int, str] = field(default_factory=dict)
    end: int | None = None

    def seen(self, numbers: Sequence[int]) -> list[int]:
        """The others of `numbers`."""
        before = [one for one in numbers if self.end is None or one < self.end]
        return [number for number in before if number not in self.frames]


def look_through(
    sequence: MotSequence, look: Look, missed: Missed, *, skip_corrupt: bool = False
) -> Generator[Seen, None, None]:
    """Frames of `look` in time order; a few are read ahead, so memory does not grow.

    With `skip_corrupt` a picture that cannot be read is left out, and a video ends where it is
    damaged; either is added to `missed`. Else it raises `ValueError`.
    """
    read = _of_pictures if sequence.pictures else _of_video
    for number, found in read(sequence, look):
        if isinstance(found, Seen):
            yield found
            continue
        if not skip_corrupt:
            raise found
        missed.frames[number] = str(found)
        if not sequence.pictures:
            missed.end = number
            return


def look_behind(
    sequence: MotSequence, look: Look, *, skip_corrupt: bool = False
) -> UInt8[np.ndarray, "h w 3"]:
    """What is behind everybody in the window, from some of the frames of `look`.

    They are spread evenly over it. Raises `ValueError` for a frame that cannot be read, with
    `skip_corrupt` only where there is none that can.
    """
    places = np.linspace(0, len(look.numbers) - 1, min(MOST_FRAMES, len(look.numbers)))
    numbers = tuple(look.numbers[int(place)] for place in places.round())
    missed = Missed()
    some = replace(look, numbers=numbers, whole=False)
    with closing(look_through(sequence, some, missed, skip_corrupt=skip_corrupt)) as frames:
        found = [frame.small for frame in frames]
    if not found:
        reasons = "; ".join(list(missed.frames.values())[:1])
        raise ValueError(f"no frame of {sequence.name} can be read: {reasons}")
    return behind_all(found)


def _of_pictures(sequence: MotSequence, look: Look) -> Iterator[tuple[int, Seen | ValueError]]:
    def read(number: int) -> tuple[int, Seen | ValueError]:
        try:
            return number, _seen(number, sequence.read([number])[0], look)
        except (ValueError, OSError) as error:
            return number, ValueError(
                f"frame {number + 1} of {sequence.name}: {error}. Mend it, or leave such frames "
                "out with --skip-corrupt"
            )

    workers = min(core_count(), MOST_THREADS)
    with closing(_ahead(read, iter(look.numbers), workers)) as frames:
        yield from frames


def _of_video(sequence: MotSequence, look: Look) -> Iterator[tuple[int, Seen | ValueError]]:
    """Decoded from the first frame on, in one go: seeking would decode most frames again."""
    places = [sequence.begin + number for number in look.numbers]
    # one of FFmpeg's threads a core, one of ours that shrinks what they decode
    with closing(cast(Generator, read_frames(sequence.source, wanted=places, threads=0))) as frames:
        read = partial(_next, frames, sequence, look)
        with closing(_ahead(read, iter(look.numbers), 1)) as ahead:
            yield from ahead


def _next(
    frames: Iterator[tuple[int, UInt8[np.ndarray, "h w 3"]]],
    sequence: MotSequence,
    look: Look,
    number: int,
) -> tuple[int, Seen | ValueError]:
    try:
        found = next(frames, None)
    except CorruptVideoError as error:
        return number, error
    if found is None:
        return number, CorruptVideoError(sequence.source, f"it ends before frame {number + 1}")
    return number, _seen(number, found[1], look)


def _seen(number: int, frame: UInt8[np.ndarray, "h w 3"], look: Look) -> Seen:
    small = shrunk(frame, look.window, look.size_px)
    # a view of the window would keep all of the frame
    return Seen(number, np.array(small), frame if look.whole else None)


def _ahead(
    read: Callable[[_Item], _Result], items: Iterator[_Item], workers: int
) -> Generator[_Result, None, None]:
    """`read_ahead`, of which it is known that it can be closed before its end."""
    return cast(Generator[_Result, None, None], read_ahead(read, items, workers))
