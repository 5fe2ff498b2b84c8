"""What every page of pictures is asked: that nothing on it lies on a picture but that picture."""

from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

CLASSES = ["octane", "aftershock", "werewolf", "breakout"]


def pictures(
    rng: np.random.Generator, *shape: int, size: tuple[int, int] = (50, 100)
) -> np.ndarray:
    return rng.integers(0, 255, (*shape, *size, 3), np.uint8)


def shown(axes: Axes) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for image in axes.images]


def places(axes: Axes) -> list[tuple[float, float, float, float]]:
    """Left, right, bottom, top of each picture, in inches from the upper left corner."""
    return [tuple(image.get_extent()) for image in axes.images]


def apart(axes: Axes) -> None:
    """No picture lies on another, nor beside the page, nor do words lie on pictures."""
    boxes = [image.get_window_extent().padded(-0.1) for image in axes.images]
    for box, other in combinations(boxes, 2):
        assert not box.overlaps(other), "a picture lies on a picture"
    page = axes.get_figure().bbox
    for box in boxes:
        assert Bbox.intersection(box, page).bounds == box.bounds, "a picture leaves the page"
        for text in axes.texts:
            words = text.get_window_extent().padded(-1)
            assert not box.overlaps(words), f"{text.get_text()!r} lies on a picture"
