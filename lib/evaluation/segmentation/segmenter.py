"""From frames to segments: clusters fitted on a sample of pixels, then every pixel labelled.

    result = segment(trunk, frames, config=SegmentationConfig.preset("tiny"), seed=0)
    result.labels  # [n, h, w], -1 where nothing was found

For a long playthrough, `fit_segmenter` once, then `label_frames` over as many frames as there are:
it holds a few frames in memory whatever their number.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Int16, Int64, UInt8
from torch import Tensor

from lib.evaluation.segmentation.cleanup import guided_filter
from lib.evaluation.segmentation.cluster import NOISE, Clusters, cluster_pixels
from lib.evaluation.segmentation.config import SegmentationConfig
from lib.evaluation.segmentation.features import (
    Device,
    Trunk,
    batches,
    check_frames,
    evenly,
    feature_maps,
    grid_size,
    on_grid,
    projected,
)
from lib.evaluation.segmentation.postprocess import Projection, fit_projection
from lib.evaluation.segmentation.transfer import References, make_references, vote

Frames = UInt8[np.ndarray, "n h w 3"]
Outcome = Literal["clusters", "one cluster", "all noise"]
KEPT_BYTES = 256_000_000  # described pixels of the fit, so that they are not described twice


@dataclass(frozen=True)
class Sample:
    """The m pixels that were clustered: cells of the grid over some of the frames."""

    frames: Int64[np.ndarray, " m"]
    rows: Int64[np.ndarray, " m"]
    columns: Int64[np.ndarray, " m"]
    features: Float32[np.ndarray, "m k"]
    labels: Int64[np.ndarray, " m"]
    embedding: Float32[np.ndarray, "m e"]


@dataclass(frozen=True)
class Segmenter:
    """Everything needed to label further frames of the same kind."""

    config: SegmentationConfig
    projection: Projection
    references: References
    sample: Sample
    noise_share: float  # of the sample
    seconds: dict[str, float]

    @property
    def clusters(self) -> int:
        """Number of clusters found."""
        return self.references.clusters

    @property
    def outcome(self) -> Outcome:
        """Whether there are segments at all."""
        return _outcome(self.clusters)


@dataclass(frozen=True)
class Labelled:
    """Segments of n frames: cluster numbers from the largest down, `NOISE` (-1) for none.

    `noise` are the pixels of no cluster, be they filled with the nearest one or not.
    """

    labels: Int16[np.ndarray, "n h w"]
    noise: Bool[np.ndarray, "n h w"]

    @property
    def noise_share(self) -> float:
        """Share of pixels of no cluster, before they were filled."""
        return float(self.noise.mean())


@dataclass(frozen=True)
class Segmentation(Labelled):
    """Segments of a sequence, and how they came about."""

    segmenter: Segmenter
    seconds: dict[str, float] = field(default_factory=dict)  # by part; "total"

    @property
    def clusters(self) -> int:
        """Number of clusters found."""
        return self.segmenter.clusters

    @property
    def outcome(self) -> Outcome:
        """Whether there are segments at all."""
        return self.segmenter.outcome


def segment(
    features_of: Trunk,
    frames: Frames,
    *,
    config: SegmentationConfig,
    seed: int,
    device: Device = "cpu",
) -> Segmentation:
    """Segment a sequence: fit clusters on a sample of its pixels, then label all of them.

    `features_of` takes images [b, 3, h, w] in [0, 1] on `device` and gives feature maps. The same
    seed gives the same segments on one machine. A sequence in which there is one cluster only, or
    noise only, is an `outcome`, not an error.

    Raises `ValueError` for no frames, too few pixels, or a trunk that gives no proper maps.
    """
    started = time.perf_counter()
    segmenter, kept = _fit(features_of, frames, config, seed, device)
    fitted = time.perf_counter()
    parts = list(_label(features_of, frames, segmenter, device, kept))
    ended = time.perf_counter()
    return Segmentation(
        labels=np.concatenate([part.labels for part in parts]),
        noise=np.concatenate([part.noise for part in parts]),
        segmenter=segmenter,
        seconds={**segmenter.seconds, "label": ended - fitted, "total": ended - started},
    )


def fit_segmenter(
    features_of: Trunk,
    frames: Frames,
    *,
    config: SegmentationConfig,
    seed: int,
    device: Device = "cpu",
) -> Segmenter:
    """Find clusters in at most `config.fit_frames` of the frames; see `segment`."""
    return _fit(features_of, frames, config, seed, device)[0]


def label_frames(
    features_of: Trunk, frames: Frames, segmenter: Segmenter, *, device: Device = "cpu"
) -> Iterator[Labelled]:
    """Label frames, some at a time, in order; `frames` may be a memory map of any length."""
    return _label(features_of, frames, segmenter, device, {})


def _outcome(clusters: int) -> Outcome:
    if clusters > 1:
        return "clusters"
    return "one cluster" if clusters else "all noise"


def _fit(
    features_of: Trunk, frames: Frames, config: SegmentationConfig, seed: int, device: Device
) -> tuple[Segmenter, dict[int, Float[Tensor, "k y x"]]]:
    check_frames(frames)
    started = time.perf_counter()
    grid = grid_size((frames.shape[1], frames.shape[2]), config.stride_px)
    rng = np.random.default_rng(seed)
    projection = fit_frames_projection(features_of, frames, config, rng, device)
    describe = describer(features_of, projection, config, device)
    chosen = evenly(len(frames), config.fit_frames)
    room = KEPT_BYTES // (4 * len(projection.basis) * grid[0] * grid[1])
    kept: dict[int, Float[Tensor, "k y x"]] = {}
    places, points = [], []
    for number, cells in zip(chosen, shares(config.fit_pixels, len(chosen)), strict=True):
        described = describe(frames[number : number + 1])[0]
        if len(kept) < room:
            kept[number] = described
        size = grid[0] * grid[1]
        cell = np.sort(rng.choice(size, min(cells, size), replace=False))
        points.append(described.flatten(1).T[torch.from_numpy(cell).to(device)].cpu().numpy())
        places.append(np.stack([np.full_like(cell, number), cell // grid[1], cell % grid[1]]))
    described_at = time.perf_counter()
    features = np.concatenate(points)
    found = cluster_pixels(features, config, seed=seed, device=device)
    segmenter = _assemble(config, projection, np.concatenate(places, 1), features, found, seed=seed)
    segmenter.seconds.update(
        features=described_at - started,
        reduce=found.reduce_seconds,
        cluster=found.cluster_seconds,
    )
    return segmenter, kept


def _assemble(
    config: SegmentationConfig,
    projection: Projection,
    places: Int64[np.ndarray, "3 m"],
    features: Float32[np.ndarray, "m k"],
    found: Clusters,
    *,
    seed: int,
) -> Segmenter:
    return Segmenter(
        config=config,
        projection=projection,
        references=make_references(features, found.labels, most=config.references, seed=seed),
        sample=Sample(
            frames=places[0],
            rows=places[1],
            columns=places[2],
            features=features,
            labels=found.labels,
            embedding=found.embedding,
        ),
        noise_share=found.noise_share,
        seconds={},
    )


def shares(total: int, parts: int) -> list[int]:
    """`total` in `parts` parts as equal as whole numbers allow."""
    return [total * (i + 1) // parts - total * i // parts for i in range(parts)]


def fit_frames_projection(
    features_of: Trunk,
    frames: Frames,
    config: SegmentationConfig,
    rng: np.random.Generator,
    device: Device,
) -> Projection:
    """The projection of a sample of pixels, from at most `config.pca_frames` of the frames."""
    grid = grid_size((frames.shape[1], frames.shape[2]), config.stride_px)
    chosen, size = evenly(len(frames), config.pca_frames), grid[0] * grid[1]
    rows = []
    for number, cells in zip(chosen, shares(config.pca_pixels, len(chosen)), strict=True):
        maps = feature_maps(features_of, frames[number : number + 1], config, device=device)
        cell = torch.from_numpy(rng.choice(size, min(cells, size), replace=False)).to(device)
        rows.append(on_grid(maps, grid)[0].flatten(1)[:, cell].T.cpu().numpy())
    return fit_projection(
        np.concatenate(rows),
        components=config.components,
        whiten=config.whiten,
        l2=config.l2,
        seed=int(rng.integers(2**31)),
    )


def describer(
    features_of: Trunk, projection: Projection, config: SegmentationConfig, device: Device
) -> Callable[[Frames], Float[Tensor, "b k y x"]]:
    """A function from frames to the finished features of each cell of their grid."""
    mean = torch.from_numpy(projection.mean).to(device)
    basis = torch.from_numpy(projection.basis).to(device)

    def describe(frames: Frames) -> Float[Tensor, "b k y x"]:
        maps = feature_maps(features_of, frames, config, device=device)
        grid = grid_size((frames.shape[1], frames.shape[2]), config.stride_px)
        return projection.normalise(projected(maps, grid, mean, basis))

    return describe


def _label(
    features_of: Trunk,
    frames: Frames,
    segmenter: Segmenter,
    device: Device,
    kept: dict[int, Float[Tensor, "k y x"]],
) -> Iterator[Labelled]:
    check_frames(frames)
    config, references = segmenter.config, segmenter.references.to(device)
    describe = describer(features_of, segmenter.projection, config, device)
    for part in batches(len(frames), config.batch_frames):
        numbers = range(part.start, part.stop)
        if all(number in kept for number in numbers):
            described = torch.stack([kept[number] for number in numbers])
        else:
            described = describe(frames[part])
        done = [
            _label_one(cells, frame, references, config)
            for cells, frame in zip(described, frames[part], strict=True)
        ]
        yield Labelled(np.stack([labels for labels, _ in done]), np.stack([n for _, n in done]))


def _label_one(
    cells: Float[Tensor, "k y x"],
    frame: UInt8[np.ndarray, "h w 3"],
    references: References,
    config: SegmentationConfig,
) -> tuple[Int16[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """Votes on the grid, enlarged to the frame; the cluster with most has the pixel."""
    grid = cells.shape[1:]
    shares, noise = vote(cells.flatten(1).T, references, config.votes)
    votes = torch.cat([shares.T, noise[None]]).unflatten(1, grid)
    votes = F.interpolate(votes[None], frame.shape[:2], mode="bilinear")[0]
    if config.clean_up_px:
        guide = torch.from_numpy(np.ascontiguousarray(frame)).to(votes.device).float().mean(2) / 255
        votes = guided_filter(
            votes, guide, radius_px=config.clean_up_px, contrast=config.clean_up_contrast
        )
    nowhere = votes[-1] > 0.5
    if not references.clusters:
        labels = torch.full(frame.shape[:2], NOISE)
    else:
        labels = votes[:-1].argmax(0)
        if not config.fill_noise:
            labels = labels.masked_fill(nowhere, NOISE)
    return labels.cpu().numpy().astype(np.int16), nowhere.cpu().numpy()
