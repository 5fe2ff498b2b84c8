"""Clusters in a sample of pixels: UMAP, then HDBSCAN, or the plainer PCA and k-means.

McInnes et al. 2018 (UMAP, arXiv 1802.03426); Campello et al. 2013 (HDBSCAN,
doi 10.1007/978-3-642-37456-2_14). Neighbours are searched exactly, so that the outcome depends on
the seed alone and nothing but UMAP's own layout has to be compiled.
"""

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int32, Int64
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from lib.evaluation.segmentation.config import SegmentationConfig
from lib.evaluation.segmentation.features import Device, batches

NOISE = -1
CHUNK = 64  # distances of which only the least is looked at first
BLOCK_CELLS = 1_000_000  # distances at once: 4 MB, which a processor's cache holds
GPU_BLOCK_CELLS = 64_000_000


@dataclass(frozen=True)
class Clusters:
    """Clusters of m pixels, numbered from the largest down; `NOISE` belongs to none."""

    labels: Int64[np.ndarray, " m"]
    embedding: Float32[np.ndarray, "m e"]
    reduce_seconds: float
    cluster_seconds: float

    @property
    def count(self) -> int:
        """Clusters, noise not counted."""
        return int(self.labels.max(initial=NOISE)) + 1

    @property
    def noise_share(self) -> float:
        """Share of pixels in no cluster."""
        return float((self.labels == NOISE).mean())


def cluster_pixels(
    features: Float32[np.ndarray, "m k"],
    config: SegmentationConfig,
    *,
    seed: int,
    device: Device = "cpu",
) -> Clusters:
    """Cluster a sample of pixels; `device` searches neighbours, all else is the CPU's.

    Pixels that are all alike are one cluster; HDBSCAN may find nothing but noise. Both are
    outcomes, not errors. Raises `ValueError` for fewer pixels than neighbours.
    """
    if len(features) <= config.neighbours:
        raise ValueError(
            f"{len(features)} pixels are too few for neighbours={config.neighbours}; take more "
            "frames, a larger fit_pixels or a smaller stride_px"
        )
    started = time.perf_counter()
    if np.ptp(features, axis=0).max() < 1e-6:
        flat = np.zeros((len(features), config.embedding_dim), np.float32)
        return Clusters(np.zeros(len(features), np.int64), flat, 0.0, 0.0)
    embedding = _reduce(features, config, seed, device)
    reduced = time.perf_counter()
    labels = _kmeans if config.clustering == "kmeans" else _hdbscan
    return Clusters(
        labels=by_size(labels(embedding, config, seed)),
        embedding=embedding,
        reduce_seconds=reduced - started,
        cluster_seconds=time.perf_counter() - reduced,
    )


def by_size(labels: Int64[np.ndarray, " m"]) -> Int64[np.ndarray, " m"]:
    """The same clusters numbered from the largest down, without gaps; noise stays noise."""
    names, place, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    order = np.argsort(-np.where(names == NOISE, 0, sizes), kind="stable")
    order = order[names[order] != NOISE]
    renamed = np.full(len(names), NOISE)
    renamed[order] = np.arange(len(order))
    return renamed[place]


def nearest(
    queries: Float[torch.Tensor, "q d"], references: Float[torch.Tensor, "r d"], k: int
) -> tuple[Float[torch.Tensor, "q k"], Int64[torch.Tensor, "q k"]]:
    """Euclidean distances [q, k] and places [q, k] of the nearest references, nearest first."""
    squares = (references**2).sum(1)
    distances, places = [], []
    cells = BLOCK_CELLS if queries.device.type == "cpu" else GPU_BLOCK_CELLS
    for part in batches(len(queries), max(1, cells // len(references))):
        some = queries[part]
        # |q - r|² less |q|², which moves no order within a row
        near, where = smallest(torch.addmm(squares, some, references.T, alpha=-2), k)
        distances.append((near + (some**2).sum(1, keepdim=True)).clamp_min(0).sqrt())
        places.append(where)
    return torch.cat(distances), torch.cat(places)


def smallest(
    values: Float[torch.Tensor, "q r"], k: int
) -> tuple[Float[torch.Tensor, "q k"], Int64[torch.Tensor, "q k"]]:
    """The k smallest of each row and where they stand, smallest first; exact.

    They stand in the k chunks with the smallest minima, so that only those have to be sorted: some
    ten times faster than a sort of whole rows.
    """
    q, r = values.shape
    if r <= 2 * k * CHUNK:
        return torch.topk(values, k, dim=1, largest=False)
    values = torch.nn.functional.pad(values, (0, -r % CHUNK), value=float("inf"))
    chunks = values.view(q, -1, CHUNK)
    best = chunks.amin(2).topk(k, 1, largest=False).indices
    few = chunks.gather(1, best[:, :, None].expand(q, k, CHUNK)).flatten(1)
    near, place = few.topk(k, 1, largest=False)
    return near, CHUNK * best.gather(1, place // CHUNK) + place % CHUNK


def _reduce(
    features: Float32[np.ndarray, "m k"], config: SegmentationConfig, seed: int, device: Device
) -> Float32[np.ndarray, "m e"]:
    if config.reduction == "none":
        return features
    if config.reduction == "pca":
        kept = min(config.embedding_dim, features.shape[1])
        reduced: Float32[np.ndarray, "m e"] = PCA(kept, random_state=seed).fit_transform(features)
        return reduced
    return _umap(features, config, seed, device)


def _umap(
    features: Float32[np.ndarray, "m k"], config: SegmentationConfig, seed: int, device: Device
) -> Float32[np.ndarray, "m e"]:
    with warnings.catch_warnings():  # its part for TensorFlow is not used
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap import UMAP  # type: ignore[import-untyped]  # here, for it takes seconds

    neighbours = _neighbour_graph(features, config.neighbours, device)
    start = PCA(min(config.embedding_dim, features.shape[1]), random_state=seed)
    reducer = UMAP(
        n_neighbors=config.neighbours,
        n_components=config.embedding_dim,
        n_epochs=config.epochs,
        min_dist=config.min_distance,
        init=_start(start.fit_transform(features), config.embedding_dim, seed),
        random_state=seed,
        n_jobs=1,  # several threads would make the result depend on their timing
        precomputed_knn=neighbours,
        force_approximation_algorithm=True,  # else neighbours of small samples are searched again
    )
    threads = torch.get_num_threads()
    with warnings.catch_warnings():  # new pixels are compared with the sample, not embedded
        warnings.filterwarnings("ignore", "precomputed_knn", UserWarning)
        embedding = np.asarray(reducer.fit_transform(features), np.float32)
    # Numba has set OpenMP's threads for the whole process: torch would go on with another number,
    # and another number rounds differently.
    torch.set_num_threads(threads)
    return embedding


def _neighbour_graph(
    features: Float32[np.ndarray, "m k"], k: int, device: Device
) -> tuple[Int32[np.ndarray, "m n"], Float32[np.ndarray, "m n"]]:
    """Each pixel's nearest, itself first, as UMAP wants them."""
    points = torch.from_numpy(features).to(device)
    distances, places = nearest(points, points, k)
    # A twin at distance 0 may have come first: itself must.
    own = torch.arange(len(points), device=places.device)
    stray = (places == own[:, None]).int()
    found = torch.where(stray.any(1), stray.argmax(1), k - 1)
    places.scatter_(1, found[:, None], places[:, :1].clone())
    places[:, 0], distances[:, 0] = own, 0
    return places.cpu().numpy().astype(np.int32), distances.cpu().numpy()


def _start(
    components: Float32[np.ndarray, "m e"], dim: int, seed: int
) -> Float32[np.ndarray, "m d"]:
    """Principal components within ±10, with a little noise to part twins."""
    wide = np.zeros((len(components), dim), np.float32)
    wide[:, : components.shape[1]] = 10 * components / np.abs(components).max()
    noise = np.random.default_rng(seed).normal(scale=1e-2, size=wide.shape)
    return wide + noise.astype(np.float32)


def _hdbscan(
    embedding: Float32[np.ndarray, "m e"], config: SegmentationConfig, seed: int
) -> Int64[np.ndarray, " m"]:
    from hdbscan import HDBSCAN  # type: ignore[import-untyped]

    share = config.min_cluster_pixels / config.fit_pixels
    model: Any = HDBSCAN(
        min_cluster_size=max(2, round(share * len(embedding))),
        min_samples=min(config.min_samples, len(embedding) - 1),
        cluster_selection_method=config.selection,
        core_dist_n_jobs=1,
    )
    return np.asarray(model.fit_predict(embedding.astype(np.float64)), np.int64)


def _kmeans(
    embedding: Float32[np.ndarray, "m e"], config: SegmentationConfig, seed: int
) -> Int64[np.ndarray, " m"]:
    distinct = len(np.unique(embedding, axis=0))
    model = KMeans(min(config.clusters, distinct), n_init=4, random_state=seed)
    return np.asarray(model.fit_predict(embedding), np.int64)
