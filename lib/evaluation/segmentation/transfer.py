"""Labels for pixels outside the sample: the nearest pixels of the sample vote."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor

from lib.evaluation.segmentation.cluster import NOISE, nearest


@dataclass(frozen=True)
class References:
    """Pixels whose cluster is known. Those that were noise also have the nearest cluster's."""

    features: Float[Tensor, "r k"]
    labels: Int64[Tensor, " r"]
    noise: Bool[Tensor, " r"]
    clusters: int

    def to(self, device: torch.device | str) -> "References":
        """The same on another device."""
        return replace(
            self,
            features=self.features.to(device),
            labels=self.labels.to(device),
            noise=self.noise.to(device),
        )


def make_references(
    features: Float32[np.ndarray, "m k"], labels: Int64[np.ndarray, " m"], *, most: int, seed: int
) -> References:
    """At most `most` pixels of a clustered sample, drawn evenly, noise attached to clusters.

    Where all is noise there are no clusters, and every label stays `NOISE`.
    """
    clusters = int(labels.max(initial=NOISE)) + 1
    drawn = np.arange(len(features))
    if len(drawn) > most:
        drawn = np.sort(np.random.default_rng(seed).choice(drawn, most, replace=False))
    points, names = torch.from_numpy(features[drawn]), torch.from_numpy(labels[drawn])
    noise = names == NOISE
    if not noise.all() and noise.any():
        _, places = nearest(points[noise], points[~noise], 1)
        names = names.clone()
        names[noise] = names[~noise][places[:, 0]]
    return References(points, names, noise, clusters)


def vote(
    queries: Float[Tensor, "q k"], references: References, votes: int
) -> tuple[Float[Tensor, "q c"], Float[Tensor, " q"]]:
    """Share of the nearest `votes` references in each cluster, and the share that was noise.

    A reference counts the more the nearer it is: 1 / (1 + d²/m²), m being the distance of the
    farthest of them.
    """
    k = min(votes, len(references.labels))
    distances, places = nearest(queries, references.features, k)
    weights = 1 / (1 + (distances / distances[:, -1:].clamp_min(1e-6)) ** 2)
    weights = weights / weights.sum(1, keepdim=True)
    noise = (weights * references.noise[places]).sum(1)
    shares = queries.new_zeros(len(queries), references.clusters)
    if references.clusters:
        shares.scatter_add_(1, references.labels[places].clamp_min(0), weights)
    return shares, noise
