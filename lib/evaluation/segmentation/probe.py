"""A ceiling: what a linear classifier makes of the same features when it is told the classes.

Features are those of `segment`: several scales, one grid, principal components. The classifier is
fitted on labelled frames of training maps and gives labels for others.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float32, Int16, Int64, UInt8
from sklearn.linear_model import LogisticRegression

from lib.evaluation.segmentation.config import SegmentationConfig
from lib.evaluation.segmentation.features import (
    Device,
    Trunk,
    batches,
    check_frames,
    evenly,
    grid_size,
)
from lib.evaluation.segmentation.postprocess import Projection
from lib.evaluation.segmentation.segmenter import describer, fit_frames_projection, shares
from lib.worlds.doom.classes import UNKNOWN

COMPONENTS = 256  # a classifier can use more of them than a distance can
PENALTY = 1.0  # sklearn's C
ITERATIONS = 10_000  # few labelled cells have features that whitening makes steep


@dataclass(frozen=True)
class LinearProbe:
    """Logistic regression on projected features; `names` are the classes it saw, in order."""

    config: SegmentationConfig
    projection: Projection
    weights: Float32[np.ndarray, "c k"]
    bias: Float32[np.ndarray, " c"]
    names: Int64[np.ndarray, " c"]


def probe_config(config: SegmentationConfig) -> SegmentationConfig:
    """`config` with more principal components, whitened: the same scales, grid and sample."""
    return replace(config, components=COMPONENTS, whiten=True, l2=False)


def fit_probe(
    features_of: Trunk,
    frames: UInt8[np.ndarray, "n h w 3"],
    truth: UInt8[np.ndarray, "m y x"],
    *,
    config: SegmentationConfig,
    seed: int,
    device: Device = "cpu",
) -> LinearProbe:
    """Fit on `config.fit_pixels` cells of at most `config.fit_frames` frames of training maps.

    A cell has the class of the pixel at its centre; cells of unknown class are left out. Raises
    `ValueError` for labels that do not fit the frames, and where fewer than two classes are known.
    """
    check_frames(frames)
    if truth.shape != frames.shape[:3]:
        raise ValueError(
            f"truth has shape {truth.shape}, wanted {frames.shape[:3]}; give a label image of the "
            "same size for each frame"
        )
    config = probe_config(config)
    rng = np.random.default_rng(seed)
    projection = fit_frames_projection(features_of, frames, config, rng, device)
    x, y = _cells(features_of, frames, truth, config, (projection, rng, device))
    names = np.unique(y)
    if len(names) < 2:
        raise ValueError(f"truth knows the classes {names.tolist()} only; a probe needs two")
    model = LogisticRegression(C=PENALTY, max_iter=ITERATIONS, tol=1e-3)
    model.fit(x, y)
    weights, bias = model.coef_.astype(np.float32), model.intercept_.astype(np.float32)
    if len(names) == 2:  # one row for two classes
        weights, bias = np.concatenate([-weights, weights]), np.concatenate([-bias, bias])
    return LinearProbe(config, projection, weights, bias, names.astype(np.int64))


def probe_frames(
    features_of: Trunk,
    frames: UInt8[np.ndarray, "n h w 3"],
    probe: LinearProbe,
    *,
    device: Device = "cpu",
) -> Iterator[Int16[np.ndarray, "b h w"]]:
    """Classes of all pixels, some frames at a time, in order; scores enlarged, then compared."""
    check_frames(frames)
    describe = describer(features_of, probe.projection, probe.config, device)
    weights, bias = (torch.from_numpy(x).to(device) for x in (probe.weights, probe.bias))
    names = torch.from_numpy(probe.names).to(device)
    for part in batches(len(frames), probe.config.batch_frames):
        scores = F.conv2d(describe(frames[part]), weights[:, :, None, None], bias)
        for one in scores:  # enlarged one by one: classes x pixels
            large = F.interpolate(one[None], frames.shape[1:3], mode="bilinear")[0]
            yield names[large.argmax(0)].cpu().numpy().astype(np.int16)[None]


def truth_on_grid(truth: UInt8[np.ndarray, "h w"], stride_px: int) -> UInt8[np.ndarray, "y x"]:
    """The class at the centre of each cell of the grid."""
    h, w = truth.shape
    y, x = grid_size((h, w), stride_px)
    rows = ((np.arange(y) + 0.5) * h / y).astype(int)
    columns = ((np.arange(x) + 0.5) * w / x).astype(int)
    return truth[np.ix_(rows, columns)]


def _cells(
    features_of: Trunk,
    frames: UInt8[np.ndarray, "n h w 3"],
    truth: UInt8[np.ndarray, "n h w"],
    config: SegmentationConfig,
    made: tuple[Projection, np.random.Generator, Device],
) -> tuple[Float32[np.ndarray, "m k"], Int64[np.ndarray, " m"]]:
    projection, rng, device = made
    describe = describer(features_of, projection, config, device)
    chosen = evenly(len(frames), config.fit_frames)
    points, classes = [], []
    for number, wanted in zip(chosen, shares(config.fit_pixels, len(chosen)), strict=True):
        names = truth_on_grid(truth[number], config.stride_px).ravel()
        known = np.flatnonzero(names != UNKNOWN)
        cell = rng.choice(known, min(wanted, len(known)), replace=False)
        described = describe(frames[number : number + 1])[0].flatten(1).T
        points.append(described[torch.from_numpy(cell).to(device)].cpu().numpy())
        classes.append(names[cell].astype(np.int64))
    return np.concatenate(points), np.concatenate(classes)
