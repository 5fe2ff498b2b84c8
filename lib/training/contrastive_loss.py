"""Contrastive losses over the views of each image, and what tells whether training collapsed.

InfoNCE (van den Oord et al. 2018): of a query's similarities, that to its positive has to stand
out from those to all negatives. `v` are views, `b` images, `n` places in an image, `m` entries of
the memory queue. All vectors are of unit length.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class ContrastiveLoss:
    """`per_image` is differentiable; `accuracy` and `similarity` are for the log.

    `accuracy` is the share of queries that are nearer to their positive than to any negative,
    `similarity` the mean cosine between query and positive.
    """

    per_image: Float[Tensor, " b"]
    accuracy: Float[Tensor, ""]
    similarity: Float[Tensor, ""]


def info_nce(
    queries: Float[Tensor, "v b d"],
    keys: Float[Tensor, "v b d"],
    queue: Float[Tensor, "m d"],
    *,
    temperature: float,
) -> ContrastiveLoss:
    """InfoNCE of every query with the keys of the image's other views, averaged over the pairs.

    Negatives are the keys of all views of the batch's other images, and `queue`. The positives of
    a query do not compete with each other: each pair has its own quotient.
    """
    _check(queries, temperature)
    against = _negatives(queries[:, :, None], keys, queue, temperature)
    positive = torch.einsum("ubd,wbd->uwb", queries, keys) / temperature
    return _quotients(
        positive[..., None],
        against.total[:, None],
        against.highest[:, None],
        temperature,
    )


def dense_info_nce(
    queries: Float[Tensor, "v b n d"],
    keys: Float[Tensor, "v b n d"],
    query_trunk: Float[Tensor, "v b n c"],
    key_trunk: Float[Tensor, "v b n c"],
    queue: Float[Tensor, "m d"],
    *,
    temperature: float,
) -> ContrastiveLoss:
    """DenseCL's loss (Wang et al. 2021): a query for every place of a view.

    A place's positive in another view of its image is the place whose trunk features are nearest
    to its own. Negatives are the other images' views, each averaged to one vector (`pooled`), and
    `queue`, which holds such vectors.
    """
    _check(queries, temperature)
    against = _negatives(queries, pooled(keys), queue, temperature)
    match = torch.einsum("ubnc,wbkc->uwbnk", query_trunk, key_trunk).argmax(4)
    similarity = torch.einsum("ubnd,wbkd->uwbnk", queries, keys)
    positive = similarity.gather(4, match[..., None])[..., 0] / temperature
    return _quotients(positive, against.total[:, None], against.highest[:, None], temperature)


def pooled(places: Float[Tensor, "*b n d"]) -> Float[Tensor, "*b d"]:
    """The mean over places, as a unit vector."""
    return F.normalize(places.mean(-2), dim=-1)


def spread(vectors: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """How far unit vectors fill their space: 1 where they do evenly, 0 where all are the same.

    The standard deviation of each feature, averaged, times sqrt(d) (Chen and He 2021, figure 2).
    """
    return vectors.std(0, correction=0).mean() * vectors.shape[1] ** 0.5


def effective_rank(vectors: Float[Tensor, "n d"]) -> float:
    """How many directions `vectors` spread over: the exponential of their spectrum's entropy.

    1 where all lie on a line (Garrido et al. 2023, RankMe; there without centring).
    """
    values = torch.linalg.svdvals(vectors.double() - vectors.double().mean(0))
    if not float(values.sum()) > 0:
        return 1.0
    share = values / values.sum()
    return float(torch.special.entr(share).sum().exp())


@dataclass(frozen=True)
class _Negatives:
    """Logits of each query's negatives: log of the sum of exponentials, and the highest."""

    total: Float[Tensor, "v b n"]
    highest: Float[Tensor, "v b n"]


def _negatives(
    queries: Float[Tensor, "v b n d"],
    keys: Float[Tensor, "v b d"],
    queue: Float[Tensor, "m d"],
    temperature: float,
) -> _Negatives:
    images = queries.shape[1]
    own: Bool[Tensor, "b b"] = torch.eye(images, dtype=torch.bool, device=queries.device)
    logits = torch.einsum("ubnd,wjd->ubnwj", queries, keys) / temperature
    logits = logits.masked_fill(own[None, :, None, None, :], -torch.inf).flatten(3)
    logits = torch.cat([logits, queries @ queue.T / temperature], dim=3)
    return _Negatives(logits.logsumexp(3), logits.detach().amax(3))


def _quotients(
    positive: Float[Tensor, "v v b n"],
    negatives: Float[Tensor, "v 1 b n"],
    highest: Float[Tensor, "v 1 b n"],
    temperature: float,
) -> ContrastiveLoss:
    """-log(e^positive / (e^positive + e^negatives)) for all pairs of two different views."""
    views = len(positive)
    pairs = ~torch.eye(views, dtype=torch.bool, device=positive.device)
    losses = F.softplus(negatives - positive)[pairs]  # pairs b n
    found = (positive.detach() > highest)[pairs]
    return ContrastiveLoss(
        per_image=losses.mean((0, 2)),
        accuracy=found.float().mean(),
        similarity=positive.detach()[pairs].mean() * temperature,
    )


def _check(queries: Tensor, temperature: float) -> None:
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}; give a number above 0, such as 0.2")
    if queries.shape[0] < 2 or queries.shape[1] < 2:
        raise ValueError(
            f"queries are {queries.shape[0]} views of {queries.shape[1]} images; a loss that "
            "compares them needs 2 or more of both"
        )
