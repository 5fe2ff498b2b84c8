"""Dead leaves: a texture with the statistics of photographs, of discs that lie on each other.

Lee, Mumford and Huang (2001), "Occlusion models for natural images": discs of all sizes, of which
those of a radius are as rare as its third power is large, look alike at every scale, and have the
edges, flat parts and power spectrum of natural pictures.
"""

import numpy as np
from jaxtyping import Float32

_LEAST, _MOST = 0.02, 0.4  # radii, shares of the side
_LIGHT, _HUE = (0.05, 0.95), 0.18  # of a leaf; how far its channels may be from each other
_SAMPLES = 4  # a pixel and axis
_LEAVES = 20_000  # enough for any picture; the least leaf alone would cover one four times


def dead_leaves(side: int, rng: np.random.Generator) -> Float32[np.ndarray, "side side 3"]:
    """A square picture of leaves in [0, 1]; what none of them covers is of medium grey."""
    fine = side * _SAMPLES
    at = (np.arange(fine) + 0.5) / fine
    picture = np.full((fine, fine, 3), 0.5, dtype=np.float32)
    bare = np.ones((fine, fine), dtype=bool)
    for _ in range(_LEAVES):  # from the foremost on, since most of what lies below is hidden
        radius = _radius(rng)
        x, y = rng.uniform(-radius, 1 + radius, 2)
        light = rng.uniform(*_LIGHT)
        colour = np.clip(light + rng.uniform(-_HUE, _HUE, 3), 0, 1)
        rows = slice(*np.searchsorted(at, (y - radius, y + radius)))
        columns = slice(*np.searchsorted(at, (x - radius, x + radius)))
        disc = (at[columns] - x) ** 2 + (at[rows, None] - y) ** 2 < radius**2
        seen = disc & bare[rows, columns]
        picture[rows, columns][seen] = colour
        bare[rows, columns] &= ~seen
        if not bare.any():
            break
    return picture.reshape(side, _SAMPLES, side, _SAMPLES, 3).mean((1, 3))


def _radius(rng: np.random.Generator) -> float:
    """Drawn with a density that falls as the third power, by the inverse of its integral."""
    low, high = _LEAST**-2, _MOST**-2
    return float((low - rng.random() * (low - high)) ** -0.5)
