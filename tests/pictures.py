"""Pictures as a phone takes them."""

from pathlib import Path

import numpy as np
from PIL import Image


def screenshot(path: Path, seed: int = 0, size=(150, 400), **options) -> np.ndarray:
    """Smooth noise, written as the name says; returns its pixels as a reader sees them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 8, 3), np.uint8)
    Image.fromarray(coarse).resize(size[::-1]).save(path, **options)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
