"""Smooth periodic random fields in two and three dimensions."""

import numpy as np
from jaxtyping import Float, Float32


def _upsample(grid: np.ndarray, length: int, axis: int, *, periodic: bool = True) -> np.ndarray:
    """Stretch one axis of `grid` to `length` with smoothstep interpolation."""
    cells = grid.shape[axis]
    position = np.arange(length) * (cells if periodic else cells - 1) / length
    cell = position.astype(int)
    fraction = (position - cell).astype(grid.dtype)
    fraction = fraction * fraction * (3 - 2 * fraction)
    shape = [1] * grid.ndim
    shape[axis] = length
    fraction = fraction.reshape(shape)
    after = (cell + 1) % cells
    return np.take(grid, cell, axis) * (1 - fraction) + np.take(grid, after, axis) * fraction


def noise_2d(
    rng: np.random.Generator, size: int, cells: int, *, octaves: int, persistence: float = 0.5
) -> Float[np.ndarray, "x z"]:
    """Fractal value noise of unit variance on a torus; `cells` per side at the lowest octave."""
    total = np.zeros((size, size))
    for octave in range(octaves):
        count = cells * 2**octave
        if count > size:
            break
        grid = rng.standard_normal((count, count))
        total += persistence**octave * _upsample(_upsample(grid, size, 0), size, 1)
    return total / total.std()


def noise_3d(
    rng: np.random.Generator, shape: tuple[int, int, int], cells: tuple[int, int, int]
) -> Float32[np.ndarray, "x z y"]:
    """One octave of value noise, periodic in x and z."""
    grid = rng.standard_normal(cells).astype(np.float32)
    grid = _upsample(grid, shape[2], 2, periodic=False)
    return _upsample(_upsample(grid, shape[1], 1), shape[0], 0)
