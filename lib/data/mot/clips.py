"""Clips: a few frames of a video at even steps, a square window of each, shrunk; truth beside them.

A clip is made of nothing but the seed and its index, so that any order of reading, in any number
of processes, gives the same ones. Indices go on behind the last clip: the next round has the same
pieces of the videos, with windows and starts drawn anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int, Int32, UInt8
from PIL import Image

from lib.data.ahead import read_ahead
from lib.data.mot.behind import behind_sequence
from lib.data.mot.boxes import FrameBoxes, Window, in_window
from lib.data.mot.memory import FrameMemory
from lib.data.mot.sequences import MotSequence

LEAST_VISIBILITY = 0.25
LEAST_INSIDE = 0.5


@dataclass(frozen=True)
class ClipConfig:
    """How clips are cut; as it stands, like the study's: 36 clips of a video of 1,800 frames."""

    frames: int = 10
    stride: int = 5
    size_px: int = 128
    window_px: int | None = 1080  # None: the frame's shorter side
    windows: Literal["random", "centre"] | tuple[tuple[int, int], ...] = "random"  # or (left, top)
    start_every: int | None = None  # frames between clips; None: as many as a clip takes
    jitter: bool = True  # a clip begins up to stride-1 frames later
    least_inside: float = LEAST_INSIDE  # share of a box; whoever is less inside is ignored
    least_visibility: float = LEAST_VISIBILITY
    behind: bool = False  # clips come with what is behind everybody; the camera must not move

    @property
    def span(self) -> int:
        """Frames from a clip's first to its last."""
        return (self.frames - 1) * self.stride + 1

    @property
    def step(self) -> int:
        """Frames from the earliest start of a clip to that of the next."""
        return self.start_every or self.frames * self.stride

    @classmethod
    def grand_central(cls, *, training: bool, rows: int = 480) -> "ClipConfig":
        """As the official SCALOR takes Grand Central: every 8th frame, eight windows of 240 px.

        In training a clip begins at every frame, else they do not overlap.
        """
        return cls(
            stride=8,
            window_px=rows // 2,
            windows=grand_central_windows(rows),
            start_every=1 if training else None,
            jitter=False,
        )

    def for_judging(self) -> "ClipConfig":
        """The same without chance: clips begin at even steps, the window is in the middle."""
        windows = "centre" if self.windows == "random" else self.windows
        return replace(self, jitter=False, windows=windows)


class Clip(NamedTuple):
    """Frames of a clip with the truth about them; lists have an entry per frame."""

    frames: UInt8[np.ndarray, "t h w 3"]
    truth: list[FrameBoxes] | None  # None: nothing is known
    masks: Int32[np.ndarray, "t h w"] | None  # see `MotSequence.mask`
    sequence: str
    numbers: list[int]  # of the frames, in the sequence
    window: Window
    behind: UInt8[np.ndarray, "h w 3"] | None = None  # everybody, where that is asked for


class ClipBatch(NamedTuple):
    """Several clips of one size."""

    frames: UInt8[np.ndarray, "b t h w 3"]
    clips: list[Clip]

    @property
    def behind(self) -> UInt8[np.ndarray, "b h w 3"] | None:
        """What is behind everybody in each clip, where that was asked for."""
        pictures = [one.behind for one in self.clips if one.behind is not None]
        return np.stack(pictures) if pictures else None


class Clips:
    """All clips of some sequences under one seed; `len` is that of one round."""

    def __init__(
        self,
        sequences: Sequence[MotSequence],
        config: ClipConfig,
        *,
        seed: int = 0,
        memory_mib: int = 1024,
    ) -> None:
        """`memory_mib` is how much of the decoded footage `pixels` may remember.

        Raises `ValueError` for no or too short sequences, or windows that do not fit."""
        self.sequences, self.config, self.seed = list(sequences), config, seed
        if not self.sequences:
            raise ValueError("sequences is empty: give at least one")
        if min(config.frames, config.stride, config.size_px, config.step) < 1:
            raise ValueError(f"{config}: want frames, stride, size and steps of at least 1")
        self._memory = FrameMemory(memory_mib * 2**20)
        self._behind: dict[tuple[Path, int, int], UInt8[np.ndarray, "rows columns 3"]] = {}
        self._counts = [self._count(one) for one in self.sequences]
        self._ends = np.cumsum(self._counts)
        for one in self.sequences:
            for window in self._fixed(one) or [self._at(one, 0, 0)]:
                window.require_inside(one.size, one.name)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def clip(self, index: int) -> Clip:
        """Clip number `index`; beyond the last, of a later round."""
        return self._cut(*self._placed(index))

    def pixels(
        self, index: int, *, first: int = 0, frames: int | None = None
    ) -> UInt8[np.ndarray, "t h w 3"]:
        """The clip's pictures alone, or `frames` of them from number `first` on.

        Nothing else is read, and frames of the footage are remembered while there is room.
        """
        sequence, numbers, window = self._placed(index)
        wanted = numbers[first:][:frames]
        if not wanted or len(wanted) < (frames or 1):
            raise ValueError(f"first={first}, frames={frames}: clips have {len(numbers)} frames")
        read = self._memory.read(sequence, wanted)
        return np.stack([shrunk(frame, window, self.config.size_px) for frame in read])

    def behind(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """What the window of the clip sees behind everybody; see `lib.data.mot.behind`.

        It is made of frames of the whole sequence, once, and remembered.
        """
        sequence, _, window = self._placed(index)
        return shrunk(self._behind_all(sequence), window, self.config.size_px)

    def video(self, index: int, *, most: int = 500) -> UInt8[np.ndarray, "v h w 3"]:
        """What the window of the clip sees in its whole sequence, in at most so many frames.

        These are spread evenly over it.
        """
        if most < 1:
            raise ValueError(f"most={most}: want at least one frame")
        sequence, _, window = self._placed(index)
        wanted = np.linspace(0, sequence.frames - 1, min(most, sequence.frames)).round()
        read = sequence.read([int(number) for number in wanted])
        return np.stack([shrunk(frame, window, self.config.size_px) for frame in read])

    def _behind_all(self, sequence: MotSequence) -> UInt8[np.ndarray, "rows columns 3"]:
        # parts of one video have each their own; threads may share it: at worst they find it twice
        key = (sequence.source, sequence.begin, sequence.frames)
        if key not in self._behind:
            self._behind[key] = behind_sequence(sequence)
        return self._behind[key]

    def _placed(self, index: int) -> tuple[MotSequence, list[int], Window]:
        """Where a clip comes from: sequence, numbers of the frames, window."""
        if index < 0:
            raise ValueError(f"index={index}: want 0 or more")
        which = int(np.searchsorted(self._ends, index % len(self), side="right"))
        within = index % len(self) - (int(self._ends[which]) - self._counts[which])
        sequence = self.sequences[which]
        rng = np.random.default_rng([self.seed, index])
        fixed = self._fixed(sequence)
        places = len(fixed) or 1
        start = self._start(sequence, within // places, rng)
        window = fixed[within % places] if fixed else self._drawn(sequence, rng)
        numbers = [start + k * self.config.stride for k in range(self.config.frames)]
        return sequence, numbers, window

    def _count(self, sequence: MotSequence) -> int:
        if sequence.frames < self.config.span:
            raise ValueError(
                f"{sequence.name} has {sequence.frames} frames, but a clip of "
                f"{self.config.frames} at stride {self.config.stride} takes {self.config.span}: "
                "name fewer frames, a smaller stride, or leave the sequence out"
            )
        starts = 1 + (sequence.frames - self.config.span) // self.config.step
        return starts * (len(self._fixed(sequence)) or 1)

    def _start(self, sequence: MotSequence, piece: int, rng: np.random.Generator) -> int:
        earliest = piece * self.config.step
        room = min(self.config.stride - 1, sequence.frames - self.config.span - earliest)
        return earliest + (int(rng.integers(0, room + 1)) if self.config.jitter else 0)

    def _side(self, sequence: MotSequence) -> int:
        return self.config.window_px or min(sequence.size)

    def _at(self, sequence: MotSequence, left: int, top: int) -> Window:
        return Window(left, top, self._side(sequence))

    def _fixed(self, sequence: MotSequence) -> list[Window]:
        """The windows, where they are not drawn."""
        if self.config.windows == "random":
            return []
        if self.config.windows == "centre":
            rows, columns = (edge - self._side(sequence) for edge in sequence.size)
            return [self._at(sequence, columns // 2, rows // 2)]
        return [self._at(sequence, left, top) for left, top in self.config.windows]

    def _drawn(self, sequence: MotSequence, rng: np.random.Generator) -> Window:
        rows, columns = (edge - self._side(sequence) for edge in sequence.size)
        return self._at(sequence, int(rng.integers(0, columns + 1)), int(rng.integers(0, rows + 1)))

    def _cut(self, sequence: MotSequence, numbers: list[int], window: Window) -> Clip:
        size, truth = self.config.size_px, sequence.annotations
        frames = [shrunk(frame, window, size) for frame in sequence.read(numbers)]
        boxes = (
            None
            if truth is None
            else [
                in_window(
                    truth.at(number, least_visibility=self.config.least_visibility),
                    window,
                    size,
                    least_inside=self.config.least_inside,
                )
                for number in numbers
            ]
        )
        masks = None
        if sequence.has_masks:
            masks = np.stack([nearest(sequence.mask(k), window, size) for k in numbers])
        behind = None
        if self.config.behind:
            behind = shrunk(self._behind_all(sequence), window, size)
        return Clip(np.stack(frames), boxes, masks, sequence.name, numbers, window, behind)


def clip_batch(
    indices: Sequence[int] | Int[np.ndarray, " b"], clips: Clips, *, workers: int = 1
) -> ClipBatch:
    """The clips at `indices`, in their order, read by as many threads.

    Raises `ValueError` for no indices, or what cannot be read.
    """
    if not len(indices):
        raise ValueError("indices is empty: give at least one")
    order = [int(index) for index in indices]
    found = (
        list(read_ahead(clips.clip, order, workers))
        if workers > 1
        else [clips.clip(index) for index in order]
    )
    return ClipBatch(np.stack([one.frames for one in found]), found)


def check_size(size_px: int, grid: int) -> None:
    """Raise `ValueError` unless frames of `size_px` can be cut into `grid` × `grid` equal cells."""
    if grid < 1:
        raise ValueError(f"grid={grid}: want at least one cell")
    if size_px < grid or size_px % grid:
        below, above = size_px // grid * grid, -(-max(size_px, 1) // grid) * grid
        raise ValueError(
            f"size_px={size_px} cannot be cut into {grid}×{grid} equal cells: name a multiple of "
            f"{grid}, such as {f'{below} or {above}' if below > 0 else above}"
        )


def grand_central_windows(rows: int = 480) -> tuple[tuple[int, int], ...]:
    """(left, top) of the eight windows of half the frame's height, overlapping by halves."""
    half = rows // 2
    quarter = half // 2
    upper = [(quarter, 0), (quarter + half, 0)]
    return (*upper, *((k * half, half) for k in range(3)), *((k * half, quarter) for k in range(3)))


def shrunk(
    frame: UInt8[np.ndarray, "rows columns 3"], window: Window, size_px: int
) -> UInt8[np.ndarray, "h w 3"]:
    """The window at `size_px`, with a triangle as wide as two new pixels: no aliasing."""
    part = frame[window.top :, window.left :][: window.side_px, : window.side_px]
    if window.side_px == size_px:
        return part
    image = Image.fromarray(np.ascontiguousarray(part))
    return np.asarray(image.resize((size_px, size_px), Image.Resampling.BILINEAR))


def nearest(
    mask: Int32[np.ndarray, "rows columns"], window: Window, size_px: int
) -> Int32[np.ndarray, "h w"]:
    """The window of a mask at `size_px`: of each new pixel, what lies at its centre."""
    inside = ((np.arange(size_px) + 0.5) * window.side_px / size_px).astype(np.int64)
    return mask[(window.top + inside)[:, None], window.left + inside]
