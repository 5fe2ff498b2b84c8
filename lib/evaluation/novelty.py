"""Scores that tell cars never seen in training from known ones.

Six scores, the higher the newer, as OpenOOD and others report them: three from logits (MSP,
energy, max logit) and three from penultimate features (k-NN, ViM, Mahalanobis). All but the last
are those of ``pytorch_ood``. A seventh looks at the map of an inner block
(`lib.evaluation.map_distance`). None of them sees a new car before it is judged;
`lib.evaluation.novelty_detection` judges.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from pytorch_ood.detector import (
    KNN,
    EnergyBased,
    MaxLogit,
    MaxSoftmax,
    ViM,
)
from sklearn.covariance import EmpiricalCovariance
from torch import Tensor, nn

from lib.evaluation.classification import Predictions, check_logits
from lib.evaluation.map_distance import Reading, fit_gallery

MAP_SCORE = "knn_map"
SCORES = ("msp", "energy", "max_logit", "knn", "vim", "mahalanobis", MAP_SCORE)
NEIGHBOURS = 50  # as Sun et al. 2022 chose for CIFAR-10
MOST_FITTED = 20_000  # training images the scores are fitted on
Features = Float[np.ndarray, "n d"]
Score = Callable[[Predictions], Float64[np.ndarray, " n"]]


@dataclass(frozen=True)
class NoveltyScores:
    """Scores fitted on training images; call it with predictions."""

    by_name: dict[str, Score]

    def __call__(self, predictions: Predictions) -> dict[str, Float64[np.ndarray, " n"]]:
        """Each score of each image; the higher, the less it looks like a known car."""
        return {name: score(predictions) for name, score in self.by_name.items()}


def fit_novelty(
    train: Predictions,
    labels: Int[np.ndarray, " m"],
    head: nn.Linear,
    *,
    reading: Reading | None = None,
    neighbours: int = NEIGHBOURS,
    most: int = MOST_FITTED,
    seed: int = 0,
) -> NoveltyScores:
    """All of `SCORES`, fitted on predictions of training images of known classes.

    `head` is the last linear layer of the model (`classification.last_linear`), which ViM needs.
    `reading` says which map `MAP_SCORE` reads, and `train` and what is scored have to hold it;
    without it that score is left out. Of more than `most` images a random choice is taken: k-NN
    has to keep them all.

    Raises:
        ValueError: labels that do not fit, fewer images than `neighbours`, or a class without any.
    """
    check_logits(train.logits, labels)
    logits, features = train.logits, train.features
    if len(labels) > most:
        chosen = np.sort(np.random.default_rng(seed).choice(len(labels), most, replace=False))
        logits, features, labels = logits[chosen], features[chosen], labels[chosen]
    if not 1 <= neighbours <= len(labels):
        raise ValueError(
            f"neighbours is {neighbours}, but there are {len(labels)} training images to choose "
            f"from; give 1 to {len(labels)}"
        )
    known = torch.from_numpy(labels.astype(np.int64))
    knn = KNN(None, k=neighbours).fit_features(torch.from_numpy(features), known)
    vim = _fit_vim(features, known, head)
    scores: dict[str, Score] = {
        "msp": _on_logits(MaxSoftmax.score),
        "energy": _on_logits(EnergyBased.score),
        "max_logit": _on_logits(MaxLogit.score),
        "knn": _on_features(knn.predict_features),
        "vim": _on_features(vim.predict_features),
        "mahalanobis": _mahalanobis(features, labels, classes=logits.shape[1]),
    }
    if reading is not None:
        block = reading.block
        gallery = fit_gallery(train.maps[block], reading, most=most, seed=seed)
        scores[MAP_SCORE] = lambda predictions: gallery(predictions.maps[block])
    return NoveltyScores(scores)


def _on_logits(score: Callable[[Tensor], Tensor]) -> Score:
    # in float64: in float32 many a probability is exactly 1, and ties cannot be told apart
    return lambda predictions: score(torch.from_numpy(predictions.logits).double()).numpy()


def _on_features(score: Callable[[Tensor], Tensor]) -> Score:
    return lambda predictions: score(torch.from_numpy(predictions.features)).double().numpy()


def _fit_vim(features: Features, labels: Tensor, head: nn.Linear) -> ViM:
    """ViM with half of the dimensions, as its authors take for short features (arXiv 2203.10807).

    Features of a regularised network fill fewer dimensions; then those that hold 99 % of their
    second moment: beyond is rounding error, which ViM would blow up to the size of the logits.
    """
    if head.bias is None or head.weight.shape[1] != features.shape[1]:
        raise ValueError(
            f"head has {list(head.weight.shape)} weights and bias {head.bias is not None}, train "
            f"has {features.shape[1]} features; give the model's last linear layer, with a bias"
        )
    weight, bias = head.weight.detach().cpu().float(), head.bias.detach().cpu().float()
    centred = features.astype(np.float64) + (torch.linalg.pinv(weight) @ bias).double().numpy()
    spread = np.linalg.eigvalsh(centred.T @ centred)[::-1].clip(0)
    enough = int(np.searchsorted(np.cumsum(spread), 0.99 * spread.sum())) + 1
    principal = max(1, min(features.shape[1] // 2, enough))
    return ViM(None, d=principal, w=weight, b=bias).fit_features(torch.from_numpy(features), labels)


def _mahalanobis(features: Features, labels: Int[np.ndarray, " n"], *, classes: int) -> Score:
    """Half the squared distance to the nearest class mean under the shared covariance (Lee 2018).

    In float64 with a pseudo-inverse, as in its authors' code. ``pytorch_ood`` inverts in float32,
    where the nearly singular covariance of a regularised network comes out indefinite.
    """
    if empty := [k for k in range(classes) if not (labels == k).any()]:
        raise ValueError(
            f"classes {empty} have no training image among those fitted on; give some of each"
        )
    x = features.astype(np.float64)
    means = np.stack([x[labels == k].mean(0) for k in range(classes)])
    within = EmpiricalCovariance(assume_centered=True).fit(x - means[labels])

    def score(predictions: Predictions) -> Float64[np.ndarray, " n"]:
        away = predictions.features.astype(np.float64)[:, None] - means
        squares = np.einsum("nkd,de,nke->nk", away, within.precision_, away, optimize=True)
        return squares.min(1) / 2

    return score


def known_limit(known: Float[np.ndarray, " n"], *, accepted: float = 0.95) -> float:
    """The score up to which a car counts as known, so that a share `accepted` of `known` does.

    For the flag "unknown car": fit it on validation images of known cars.
    """
    if not len(known) or not 0 < accepted <= 1:
        raise ValueError(
            f"accepted is {accepted} for {len(known)} scores; give a share in (0, 1] and at least "
            "one score"
        )
    # 1e-9: 0.95 * 20 must not become 19.000000000000004 and then 20
    place = int(np.ceil(accepted * len(known) - 1e-9)) - 1
    return float(np.sort(known)[place])
