"""Boxes of tracked objects on pictures: one id looks alike in figures and in videos.

A box is (left, top, width, height) in pixels; the upper left corner of a frame is (0, 0).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from lib.figures.sideswipe_marks import Place, check_lengths
from lib.figures.style import INK, MUTED, PALETTE, PAPER

PATTERNS: tuple[tuple[float, ...], ...] = ((), (3.0, 2.0), (1.0, 1.5), (5.0, 1.5, 1.0, 1.5))
UNDERS = (PAPER, INK)
LOOKS = len(PALETTE) * len(PATTERNS) * len(UNDERS)  # ids further apart than this may look alike


@dataclass(frozen=True)
class BoxLook:
    """How a box is drawn: a line over a wider one, `under`, which shows at its sides and in gaps.

    `pattern` is the lengths of dashes and gaps in widths of the line; empty is a whole line.
    """

    colour: str
    pattern: tuple[float, ...] = ()
    under: str = PAPER

    @property
    def words(self) -> str:
        """Colour of words on a plate of this look's colour: the one that is easier to read."""
        red, green, blue = (
            x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in to_rgb(self.colour)
        )
        light = 0.2126 * red + 0.7152 * green + 0.0722 * blue  # relative luminance, WCAG 2
        return INK if light > 0.18 else PAPER


TRUTH = BoxLook(PAPER, (1.0, 1.0), INK)
IGNORED = BoxLook(MUTED, (1.0, 1.0), PAPER)  # a true box that judges nobody


def look_of(identity: int) -> BoxLook:
    """The look of a track: six colours, then other dashes, then black instead of white beneath.

    Depends on nothing but the id, so that a track looks alike wherever it is drawn.
    """
    turn, colour = divmod(int(identity), len(PALETTE))
    turn, pattern = divmod(turn, len(PATTERNS))
    return BoxLook(PALETTE[colour], PATTERNS[pattern], UNDERS[turn % len(UNDERS)])


def check_boxes(boxes: Float[np.ndarray, "n 4"], ids: Int[np.ndarray, " _n"] | None) -> None:
    """Raise `ValueError` for boxes that are not finite, or another number of ids."""
    if ids is not None:
        check_lengths(boxes=len(boxes), ids=len(ids))
    if not np.isfinite(boxes).all():
        lost = int((~np.isfinite(boxes)).any(1).sum())
        raise ValueError(f"boxes has {lost} that are not finite of {len(boxes)}; leave them out")


def boxes_on(
    axis: Axes,
    boxes: Float[np.ndarray, "n 4"],
    ids: Int[np.ndarray, " _n"] | None,
    *,
    looks: Sequence[BoxLook] | None = None,
    at: Place = (-0.5, -0.5),
    scale: float = 1.0,
    size: tuple[int, int] | None = None,
    points: float = 1.0,
) -> None:
    """Draw boxes on a picture: each in the look of its id, or of `looks`; true boxes if neither.

    The picture's upper left corner lies at `at`, and a pixel is `scale` wide, in units of the axes:
    the defaults are those of `imshow`. With its `size` (rows, columns) boxes are cut off at its
    border. `points` is the width of lines. Boxes without area are not drawn.

    Raises:
        ValueError: other numbers of ids or looks than boxes, or boxes that are not finite.
    """
    check_boxes(boxes, ids)
    if looks is None:
        looks = [TRUTH] * len(boxes) if ids is None else [look_of(one) for one in ids.tolist()]
    check_lengths(boxes=len(boxes), looks=len(looks))
    seen = np.flatnonzero((boxes[:, 2:] > 0).all(axis=1))
    looks = [looks[i] for i in seen.tolist()]
    if not looks:
        return
    begin = boxes[seen, :2] * scale + np.asarray(at, float)
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)  # in turn around the box
    around = begin[:, None] + corners * (boxes[seen, 2:] * scale)[:, None]
    beneath = PolyCollection(
        around, facecolors="none", edgecolors=[look.under for look in looks],
        linewidths=points * 1.9, joinstyle="miter", zorder=3,
    )  # fmt: skip
    lines = PolyCollection(
        around, facecolors="none", edgecolors=[look.colour for look in looks],
        linestyles=[(0, look.pattern or None) for look in looks],
        linewidths=points, joinstyle="miter", capstyle="butt", zorder=3.1,
    )  # fmt: skip
    for drawn in (beneath, lines):
        axis.add_collection(drawn, autolim=False)
        if size is not None:
            (x, y), (h, w) = at, size
            picture = Rectangle((x, y), w * scale, h * scale, transform=axis.transData)
            drawn.set_clip_path(picture)
