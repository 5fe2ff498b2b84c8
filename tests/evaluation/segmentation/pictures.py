"""A small sequence with a truth, and a trunk that needs no network."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lib.evaluation.segmentation.config import SegmentationConfig

SIZE = (36, 64)
COLOURS = np.array([[200, 40, 40], [40, 160, 60], [60, 60, 200]])

QUICK = SegmentationConfig(
    scales=(0.5, 1.0),
    components=8,
    pca_frames=2,
    pca_pixels=400,
    fit_pixels=600,
    embedding_dim=2,
    neighbours=12,
    epochs=30,
    min_cluster_share=0.05,
    min_samples=5,
    clusters=3,
    selection="eom",
    margin_px=0,
    batch_frames=2,
)


def moving_blocks(count: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Frames [n, 36, 64, 3] of three areas, one of which moves, and their classes."""
    rng = np.random.default_rng(0)
    truth = np.zeros((count, *SIZE), np.uint8)
    truth[:, 18:] = 1
    for t in range(count):
        truth[t, 8:28, 10 + 3 * t : 34 + 3 * t] = 2
    frames = COLOURS[truth] + rng.normal(0, 6, (*truth.shape, 3))
    return frames.clip(0, 255).astype(np.uint8), truth


def two_maps(images: Tensor) -> list[Tensor]:
    """Brightness and colour, at half and at a quarter of the size."""
    colour = torch.cat([images, images.flip(1) * images], dim=1)
    return [F.avg_pool2d(colour, 2), F.avg_pool2d(colour**2 - 0.3, 4)]
