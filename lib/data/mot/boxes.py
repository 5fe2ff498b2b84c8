"""Boxes of one frame, square windows of a frame, and what becomes of boxes in a window.

A box is (left, top, width, height) in pixels; the upper left corner of a frame is (0, 0), so that a
box of a whole frame of 480 rows and 720 columns is (0, 0, 720, 480).

Not everybody in a picture can be asked of a tracker. A person is *ignored* who is hardly visible,
whose box lies mostly outside the window, or whom the annotation itself takes out (its flag is 0, or
the class is no pedestrian): finding such a person is neither right nor wrong. Who does not reach
into the window at all is not there.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

Boxes = Float64[np.ndarray, "n 4"]


@dataclass(frozen=True)
class FrameBoxes:
    """Who is where in one frame; the same id is the same person in all frames of a video.

    `ignored` marks boxes that judge nobody; of predictions it is false everywhere.
    """

    ids: Int64[np.ndarray, " n"]
    boxes: Float64[np.ndarray, "n 4"]
    ignored: Bool[np.ndarray, " n"]

    @classmethod
    def of(cls, ids: object, boxes: object, ignored: object | None = None) -> "FrameBoxes":
        """From anything that makes arrays; checked.

        Raises `ValueError` for unequal lengths, an id that occurs twice, or sizes below 0.
        """
        numbers = np.asarray(ids, dtype=np.int64).reshape(-1)
        places = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        out = np.zeros(len(numbers), bool) if ignored is None else np.asarray(ignored, dtype=bool)
        if not len(numbers) == len(places) == len(out):
            raise ValueError(
                f"ids has {len(numbers)} entries, boxes {len(places)}, ignored {len(out)}; want "
                "one each per person"
            )
        if len(np.unique(numbers)) < len(numbers):
            twice = [int(one) for one in np.unique(numbers) if (numbers == one).sum() > 1]
            raise ValueError(f"ids holds {twice[:4]} more than once in a frame; want each once")
        if not np.isfinite(places).all() or (places[:, 2:] < 0).any():
            raise ValueError("boxes holds a width or height below 0, or NaN; want finite boxes")
        return cls(numbers, places, out)

    @classmethod
    def none(cls) -> "FrameBoxes":
        """Nobody."""
        return cls.of([], np.zeros((0, 4)))

    def __len__(self) -> int:
        return len(self.ids)

    def where(self, chosen: Bool[np.ndarray, " n"]) -> "FrameBoxes":
        """Those chosen."""
        return FrameBoxes(self.ids[chosen], self.boxes[chosen], self.ignored[chosen])


@dataclass(frozen=True)
class Window:
    """A square of a frame, in the frame's own pixels."""

    left: int
    top: int
    side_px: int

    def require_inside(self, size: tuple[int, int], name: str) -> None:
        """Raise `ValueError` unless it lies in a frame of `size` (rows, columns)."""
        rows, columns = size
        fits = self.left + self.side_px <= columns and self.top + self.side_px <= rows
        if self.side_px < 1 or self.left < 0 or self.top < 0 or not fits:
            raise ValueError(
                f"a window of {self.side_px} px at left {self.left}, top {self.top} does not lie "
                f"in frames of {name}, which are {rows}×{columns} (rows×columns): name a smaller "
                "window"
            )


def share_inside(boxes: Boxes, window: Window) -> Float64[np.ndarray, " n"]:
    """Share of each box's area, in [0, 1], that lies in the window; 0 for boxes without area."""
    _, sides = _cut(boxes, window)
    area = boxes[:, 2] * boxes[:, 3]
    return np.where(area > 0, sides.prod(1) / np.where(area > 0, area, 1.0), 0.0)


def in_window(
    boxes: FrameBoxes, window: Window, size_px: int, *, least_inside: float = 0.5
) -> FrameBoxes:
    """`boxes` as they are in the window shrunk to `size_px`, cut off at its border.

    Of whom less than `least_inside` is inside is ignored; who is outside altogether is left out.
    """
    corners, sides = _cut(boxes.boxes, window)
    share = share_inside(boxes.boxes, window)
    origin = np.array([window.left, window.top], float)
    scale = size_px / window.side_px
    moved = np.concatenate([(corners - origin) * scale, sides * scale], axis=1)
    found = FrameBoxes(boxes.ids, moved, boxes.ignored | (share < least_inside))
    return found.where(share > 0)


def _cut(
    boxes: Boxes, window: Window
) -> tuple[Float64[np.ndarray, "n 2"], Float64[np.ndarray, "n 2"]]:
    """Left upper corners and sides of the boxes' parts inside."""
    begin = np.array([window.left, window.top], float)
    end = begin + window.side_px
    first = np.clip(boxes[:, :2], begin, end)
    last = np.clip(boxes[:, :2] + boxes[:, 2:], begin, end)
    return first, last - first
