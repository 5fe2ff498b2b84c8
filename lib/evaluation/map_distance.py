"""How far an image's inner map is from the training images': a novelty score with a place.

The last features of a classifier keep what tells the known classes apart, and little else. The map
of an earlier block still says what is where, so that a new shape stands out. Maps are flattened,
projected on the first principal components of the training maps, brought to unit length, and
compared with their nearest neighbours (as Sun et al. 2022 do with last features).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float16, Float32, Float64
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn

from lib.models.classifier import Classifier

DIMENSIONS = 64
MOST_BYTES = 2**28  # of maps that the components are learnt from
Maps = Float32[np.ndarray, "n f"]


@dataclass(frozen=True, order=True)
class Reading:
    """Which map is read, and which neighbour counts: both from 1."""

    block: int  # a convolution with its pooling and ReLU
    neighbours: int

    def __post_init__(self) -> None:
        if self.block < 1 or self.neighbours < 1:
            raise ValueError(
                f"block is {self.block}, neighbours {self.neighbours}; both count from 1"
            )


def block_ends(model: Classifier) -> list[nn.Module]:
    """The last layer of each block of `model`: the ReLU after its pooling."""
    activations: list[nn.Module] = [layer for layer in model.body if isinstance(layer, nn.ReLU)]
    return activations[: len(model.shape.channels)]


@contextmanager
def maps_of(model: Classifier, blocks: Sequence[int]) -> Iterator[dict[int, Tensor]]:
    """While open, the flattened maps [b, f] of `blocks` at the latest pass through `model`.

    Raises `ValueError` for a block that there is none of.
    """
    ends = block_ends(model)
    if wrong := [block for block in blocks if not 1 <= block <= len(ends)]:
        raise ValueError(f"blocks holds {wrong}; this network has blocks 1 to {len(ends)}")
    seen: dict[int, Tensor] = {}

    def keep(block: int, made: Tensor) -> None:
        seen[block] = made.flatten(1)

    handles = [
        ends[block - 1].register_forward_hook(lambda _, __, made, block=block: keep(block, made))
        for block in blocks
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@dataclass(frozen=True, eq=False)
class MapGallery:
    """Training images' maps, projected and of unit length; call it with maps to be scored."""

    reading: Reading
    mean: Float32[np.ndarray, " f"]
    components: Float32[np.ndarray, "d _f"]
    vectors: Float16[np.ndarray, "g _d"]

    def __post_init__(self) -> None:
        f, d = len(self.mean), len(self.components)
        if self.components.shape[1] != f or self.vectors.shape[1] != d:
            raise ValueError(
                f"mean has {f} numbers, components are {list(self.components.shape)}, vectors "
                f"{list(self.vectors.shape)}; they do not fit together"
            )
        if not all(np.isfinite(a).all() for a in (self.mean, self.components, self.vectors)):
            raise ValueError("mean, components or vectors hold numbers that are not finite")
        if self.reading.neighbours > len(self.vectors):
            raise ValueError(
                f"reading asks for neighbour {self.reading.neighbours} of {len(self.vectors)} "
                "vectors; give more, or a smaller number"
            )

    def __call__(self, maps: Maps) -> Float64[np.ndarray, " n"]:
        """Distance, from 0 to 2, to the neighbour that counts: the higher, the newer."""
        if maps.shape[1] != len(self.mean):
            raise ValueError(
                f"maps have {maps.shape[1]} numbers each, the gallery was made of maps with "
                f"{len(self.mean)}; read the same block of the same network"
            )
        projected = project(maps, self.mean, self.components)
        distances, _ = self._index.kneighbors(projected, self.reading.neighbours)
        return distances[:, -1].astype(np.float64)

    @cached_property
    def _index(self) -> NearestNeighbors:
        # rounding to halves has changed lengths by up to a thousandth: put them right
        return NearestNeighbors(algorithm="brute").fit(unit(self.vectors.astype(np.float32)))


def fit_gallery(
    maps: Maps,
    reading: Reading,
    *,
    most: int,
    dimensions: int = DIMENSIONS,
    seed: int = 0,
) -> MapGallery:
    """A gallery of at most `most` of the training images' `maps`, chosen by `seed`.

    Raises `ValueError` for fewer maps than the reading has neighbours, or a `dimensions` below 1.
    """
    if dimensions < 1 or most < 1 or len(maps) < reading.neighbours:
        raise ValueError(
            f"dimensions is {dimensions}, most {most}, for {len(maps)} maps and neighbour "
            f"{reading.neighbours}; give at least 1, and as many maps as neighbours"
        )
    rng = np.random.default_rng(seed)
    dimensions = min(dimensions, *maps.shape)
    learnt = sample(maps, max(dimensions, MOST_BYTES // (4 * maps.shape[1])), rng)
    with np.errstate(invalid="ignore"):  # maps that never vary have no shares of variance
        pca = PCA(dimensions, svd_solver="randomized", random_state=seed).fit(learnt)
    mean, components = pca.mean_.astype(np.float32), pca.components_.astype(np.float32)
    vectors = project(sample(maps, most, rng), mean, components)
    return MapGallery(reading, mean, components, vectors.astype(np.float16))


def sample(maps: Maps, most: int, rng: np.random.Generator) -> Float32[np.ndarray, "m f"]:
    """At most `most` rows, in their order."""
    if len(maps) <= most:
        return maps
    return maps[np.sort(rng.choice(len(maps), most, replace=False))]


def project(
    maps: Maps, mean: Float32[np.ndarray, " f"], components: Float32[np.ndarray, "d f"]
) -> Float32[np.ndarray, "n d"]:
    """`maps` along `components`, at unit length; a map that is the mean stays zero."""
    return unit((maps - mean) @ components.T)


def unit(rows: Float[np.ndarray, "n d"]) -> Float32[np.ndarray, "n d"]:
    """Rows at length 1; zero stays zero."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.maximum(length, 1e-12)).astype(np.float32)
