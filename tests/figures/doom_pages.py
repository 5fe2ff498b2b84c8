"""What tests of the Doom chapter's pictures share: small frames, classes, where things stand."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from tests.figures.apart import legible
from tests.figures.sideswipe_pages import apart, places, shown

SIZE = (36, 64)
COLOURS = np.array([(0, 114, 178), (230, 159, 0), (0, 158, 115), (64, 64, 64)], np.uint8)
LEGEND = {
    name: tuple(colour)
    for name, colour in zip(("wall", "door", "switch", "no class"), COLOURS.tolist(), strict=True)
}
LONG = "the floor and the ceiling share one texture, so that one cluster holds both of them"


def truths(rng: np.random.Generator, n: int, classes: int = 4) -> np.ndarray:
    return COLOURS[np.arange(n * SIZE[0] * SIZE[1]).reshape(n, *SIZE) % classes]


def moments(n: int) -> list[str]:
    return [f"map{i:02d}, {1.1 * i:.1f} s" for i in range(n)]


def drawn(figure: Figure) -> Axes:
    """The axes of a page on which nothing lies on anything else."""
    [axes] = legible(figure).axes
    apart(axes)
    return axes


def corner(axes: Axes, image: np.ndarray) -> tuple[float, float]:
    """Left and top of the one place where `image` is drawn."""
    [found] = [at for at, seen in zip(places(axes), shown(axes), strict=True)
               if np.array_equal(seen, image)]  # fmt: skip
    return found[0], found[3]


def place_of(axes: Axes, text: str) -> tuple[float, float]:
    [found] = [t.get_position() for t in axes.texts if t.get_text() == text]
    return found


def grid(axes: Axes, images: list[list[np.ndarray]]) -> None:
    """Images stand in rows and columns, in order, unstretched and of one size."""
    corners = np.array([[corner(axes, image) for image in row] for row in images])
    assert (corners[:, :, 0] == corners[:1, :, 0]).all()
    assert np.ptp(corners[:, :, 1], axis=1) == pytest.approx(0)
    assert (np.diff(corners[0, :, 0]) > 0).all()
    assert (np.diff(corners[:, 0, 1]) > 0).all()
    widths = [right - left for left, right, _, _ in places(axes)]
    heights = [bottom - top for _, _, bottom, top in places(axes)]
    assert widths == pytest.approx([widths[0]] * len(widths))
    assert heights == pytest.approx([widths[0] * SIZE[0] / SIZE[1]] * len(widths))


def legend_of(axes: Axes) -> dict[str, str]:
    """Names at the right of patches, with the patches' colours."""
    found = {}
    for patch in axes.patches:
        right, middle = patch.get_x() + patch.get_width(), patch.get_y() + patch.get_height() / 2
        [name] = [t.get_text() for t in axes.texts
                  if t.get_position() == pytest.approx((right + 0.06, middle))]  # fmt: skip
        found[name] = to_hex(patch.get_facecolor())
    return found


def named(*names: str) -> dict[str, str]:
    return {name: to_hex([c / 255 for c in LEGEND[name]]) for name in names}
