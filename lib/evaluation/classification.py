"""How often a classifier is right, which classes it confuses, and whether its confidence is earned.

Logits and labels come in as arrays; `predict` makes the logits. Classes are numbered from 0.
Intervals are over loadouts: the ten rotations of one car are no ten independent images.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int, Int64, Shaped
from torch import Tensor, nn

from lib.evaluation.intervals import (
    Estimate,
    group_sums,
    mean_over_groups,
    statistic_over_groups,
)
from lib.evaluation.map_distance import maps_of
from lib.evaluation.reconstruction import evaluation_mode
from lib.models.classifier import Classifier

BINS = 15  # as Guo et al. 2017 and most who followed
BATCH = 256


@runtime_checkable
class ImageSource(Protocol):
    """Anything that hands out images by their numbers, such as a `FrameStore`."""

    def batch(
        self, indices: Int[np.ndarray, " b"] | Sequence[int]
    ) -> Float32[np.ndarray, "b c h w"]:
        """The images at `indices`, in [0, 1]."""
        ...


@dataclass(frozen=True)
class Predictions:
    """What a classifier says of n images, and the vectors it says it from."""

    logits: Float32[np.ndarray, "n c"]
    features: Float32[np.ndarray, "n d"]  # input of the last linear layer
    maps: Mapping[int, Float32[np.ndarray, "n _f"]] = field(default_factory=dict)  # by block


@dataclass(frozen=True)
class Confusion:
    """Truth in rows, prediction in columns. NaN where a class is absent (from a row or column)."""

    counts: Int64[np.ndarray, "c c"]
    shares: Float64[np.ndarray, "c c"]  # of each row: what becomes of a class
    recall: Float64[np.ndarray, " c"]
    precision: Float64[np.ndarray, " c"]
    class_shares: Float64[np.ndarray, " c"]  # of the images; sum to one
    accuracy: float


@dataclass(frozen=True)
class ReliabilityBins:
    """Images sorted into bins (lower, upper] of confidence; means are NaN in empty bins."""

    lower: Float64[np.ndarray, " k"]
    upper: Float64[np.ndarray, " k"]
    count: Int64[np.ndarray, " k"]
    confidence: Float64[np.ndarray, " k"]  # mean
    accuracy: Float64[np.ndarray, " k"]  # mean


def last_linear(model: nn.Module) -> nn.Linear:
    """The last linear layer of `model`, which makes the logits."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise ValueError("model has no nn.Linear; give a classifier that ends in one")
    return layers[-1]


@contextmanager
def _inputs_and_outputs(layer: nn.Module) -> Iterator[list[tuple[Tensor, Tensor]]]:
    seen: list[tuple[Tensor, Tensor]] = []
    handle = layer.register_forward_hook(lambda _, given, made: seen.append((given[0], made)))
    try:
        yield seen
    finally:
        handle.remove()


@torch.inference_mode()
def predict(
    model: nn.Module,
    store: ImageSource,
    indices: Int[np.ndarray, " n"],
    batch: int = BATCH,
    *,
    blocks: Sequence[int] = (),
) -> Predictions:
    """Logits and penultimate features of the images at `indices`, in one pass, where `model` is.

    Of a `Classifier` also the flattened maps of `blocks`, counted from 1. Each module is in
    evaluation mode meanwhile and in its own mode afterwards.

    Raises:
        ValueError: no images, a batch below 1, a block that there is none of, or the last linear
            layer does not make the logits.
    """
    if batch < 1 or not len(indices):
        raise ValueError(f"batch is {batch} for {len(indices)} indices; give at least one of each")
    device = next(model.parameters()).device
    rows: list[list[Tensor]] = []
    reading: AbstractContextManager[dict[int, Tensor]] = nullcontext({})
    if isinstance(model, Classifier):
        reading = maps_of(model, blocks)
    elif blocks:
        raise ValueError(f"blocks is {tuple(blocks)}, but only a Classifier has any; leave it out")
    with evaluation_mode(model), _inputs_and_outputs(last_linear(model)) as seen, reading as maps:
        for start in range(0, len(indices), batch):
            seen.clear()
            images = torch.from_numpy(store.batch(indices[start : start + batch])).to(device)
            logits = model(images)
            if len(seen) != 1 or not torch.equal(seen[0][1], logits):
                raise ValueError(
                    "the output of model is not that of its last nn.Linear; register the layer "
                    "that makes the logits last, and return what it gives"
                )
            found = (logits, seen[0][0], *(maps[block] for block in blocks))
            rows.append([value.float().cpu() for value in found])
    logits, features, *read = (torch.cat(column).numpy() for column in zip(*rows, strict=True))
    return Predictions(logits, features, dict(zip(blocks, read, strict=True)))


def check_logits(logits: Float[np.ndarray, "n c"], labels: Int[np.ndarray, " m"]) -> None:
    """Raise `ValueError` unless there is one label in range for each row of finite logits."""
    if not len(logits) or len(logits) != len(labels):
        raise ValueError(
            f"logits has {len(logits)} rows, labels has {len(labels)}; give one label for each of "
            "at least one row"
        )
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(
            f"labels run from {labels.min()} to {labels.max()}, but logits has "
            f"{logits.shape[1]} columns; give labels from 0 to {logits.shape[1] - 1}"
        )
    if lost := int((~np.isfinite(logits)).any(1).sum()):
        raise ValueError(
            f"logits has {lost} of {len(logits)} rows that are not finite: the model is lost. "
            "Train it again with a lower learning rate"
        )


def log_probabilities(
    logits: Float[np.ndarray, "n c"], *, temperature: float = 1.0
) -> Float64[np.ndarray, "n c"]:
    """Logarithm of the softmax of ``logits / temperature``, in float64."""
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature is {temperature}; give a positive number")
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(1, keepdims=True)
    log_p: Float64[np.ndarray, "n c"] = scaled - np.log(np.exp(scaled).sum(1, keepdims=True))
    return log_p


def probabilities(
    logits: Float[np.ndarray, "n c"], *, temperature: float = 1.0
) -> Float64[np.ndarray, "n c"]:
    """Softmax of ``logits / temperature``, in float64; rows sum to one."""
    p: Float64[np.ndarray, "n c"] = np.exp(log_probabilities(logits, temperature=temperature))
    return p


def confusion(
    labels: Int[np.ndarray, " n"], predicted: Int[np.ndarray, " m"], *, classes: int
) -> Confusion:
    """Counts of each (truth, prediction) with the margins of a confusion matrix."""
    if not len(labels) or len(labels) != len(predicted):
        raise ValueError(
            f"labels has {len(labels)} entries, predicted has {len(predicted)}; give as many of "
            "each, at least one"
        )
    for name, values in (("labels", labels), ("predicted", predicted)):
        if values.min() < 0 or values.max() >= classes:
            raise ValueError(
                f"{name} runs from {values.min()} to {values.max()}; with {classes} classes give "
                f"numbers from 0 to {classes - 1}"
            )
    flat = np.bincount(labels.astype(np.int64) * classes + predicted, minlength=classes**2)
    counts = flat.reshape(classes, classes)
    return Confusion(
        counts=counts,
        shares=_ratio(counts, counts.sum(1, keepdims=True)),
        recall=_ratio(counts.diagonal(), counts.sum(1)),
        precision=_ratio(counts.diagonal(), counts.sum(0)),
        class_shares=counts.sum(1) / counts.sum(),
        accuracy=float(counts.trace() / counts.sum()),
    )


def accuracy(
    right: Bool[np.ndarray, " n"], groups: Int[np.ndarray, " m"], *, seed: int = 0
) -> Estimate:
    """Share of images that are `right`, with an interval over groups.

    Without any error a bootstrap cannot but say [1, 1]. Then the lower bound is that of Clopper
    and Pearson (1934) for as many loadouts, none of which has an error: ``0.025 ** (1 / groups)``.
    It is the same, mirrored, where everything is wrong.
    """
    estimate = mean_over_groups(right.astype(np.float64), groups, seed=seed)
    if estimate.low is None or 0 < estimate.value < 1:
        return estimate
    bound = 0.025 ** (1 / estimate.groups)
    if estimate.value == 1:
        return replace(estimate, low=bound)
    return replace(estimate, high=1 - bound)


def recalls(
    labels: Int[np.ndarray, " n"],
    predicted: Int[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    *,
    classes: int,
    seed: int = 0,
) -> list[Estimate]:
    """Recall of each class with an interval over its groups; NaN for a class without images."""
    nothing = Estimate(float("nan"), None, None, 0, 0)
    members = [labels == number for number in range(classes)]
    return [
        accuracy(predicted[m] == labels[m], groups[m], seed=seed) if m.any() else nothing
        for m in members
    ]


def negative_log_likelihood(
    logits: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, " m"],
    *,
    temperature: float = 1.0,
) -> Float64[np.ndarray, " n"]:
    """Minus the logarithm of the probability of each true class, in nats."""
    check_logits(logits, labels)
    log_p = log_probabilities(logits, temperature=temperature)
    nll: Float64[np.ndarray, " n"] = -log_p[np.arange(len(labels)), labels] + 0.0  # not -0.0
    return nll


def confidence_and_hits(
    logits: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, " m"],
    *,
    temperature: float = 1.0,
) -> tuple[Float64[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Probability of each predicted class, and whether that class is the true one."""
    check_logits(logits, labels)
    # of the logits: a high temperature could round two of the probabilities to the same number
    return probabilities(logits, temperature=temperature).max(1), logits.argmax(1) == labels


def bin_edges(
    confidence: Float[np.ndarray, " n"], *, bins: int = BINS, adaptive: bool = False
) -> Float64[np.ndarray, " k"]:
    """Edges of `bins` bins: of equal width on [0, 1], or (`adaptive`) with equally many images.

    Adaptive edges are quantiles (Nguyen and O'Connor 2015). Equal quantiles are merged, so that
    equal confidences never part and the order of images does not matter.
    """
    if bins < 1 or not len(confidence):
        raise ValueError(f"{bins} bins of {len(confidence)} images; give at least one of each")
    if not ((confidence >= 0) & (confidence <= 1 + 1e-9)).all():
        raise ValueError("confidence has values outside [0, 1]; give probabilities, not logits")
    if not adaptive:
        return np.linspace(0, 1, bins + 1)
    edges = np.unique(np.quantile(confidence.astype(np.float64), np.linspace(0, 1, bins + 1)))
    return edges if len(edges) > 1 else np.array([0.0, edges[0] or 1.0])


def reliability_bins(
    confidence: Float[np.ndarray, " n"],
    right: Bool[np.ndarray, " m"],
    *,
    bins: int = BINS,
    adaptive: bool = False,
) -> ReliabilityBins:
    """Confidence against accuracy, bin by bin, for a reliability diagram; see `bin_edges`."""
    if len(confidence) != len(right):
        raise ValueError(
            f"confidence has {len(confidence)} entries, right has {len(right)}; give one each"
        )
    edges = bin_edges(confidence, bins=bins, adaptive=adaptive)
    everything = np.zeros(len(right), dtype=np.int64)
    totals = calibration_totals(confidence, right, everything, edges)
    count, confident, hits = totals.reshape(3, -1)
    return ReliabilityBins(
        lower=edges[:-1],
        upper=edges[1:],
        count=count.astype(np.int64),
        confidence=_ratio(confident, count),
        accuracy=_ratio(hits, count),
    )


def expected_calibration_error(bins: ReliabilityBins) -> float:
    """Mean distance of accuracy from confidence over bins, weighted by images (Guo et al. 2017)."""
    gap = np.nan_to_num(np.abs(bins.accuracy - bins.confidence))
    return float((gap * bins.count).sum() / bins.count.sum())


def calibration_error(
    confidence: Float[np.ndarray, " n"],
    right: Bool[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    *,
    bins: int = BINS,
    adaptive: bool = False,
    seed: int = 0,
) -> Estimate:
    """Expected calibration error with an interval over groups; adaptive edges stay as they are.

    The error cannot be negative, so noise alone makes it positive: compare it with its interval.
    """
    edges = bin_edges(confidence, bins=bins, adaptive=adaptive)
    totals = calibration_totals(confidence, right, groups, edges)
    estimate = statistic_over_groups(totals, calibration_gap, n=len(right), seed=seed)
    if estimate.low is None:
        return estimate
    return replace(estimate, low=max(estimate.low, 0.0))


def calibration_totals(
    confidence: Float[np.ndarray, " n"],
    right: Bool[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    edges: Float64[np.ndarray, " e"],
) -> Float64[np.ndarray, "g k"]:
    """What each group adds to count, confidence and hits of each bin, for `calibration_gap`."""
    places, rows = _bins_of(confidence, edges), np.stack([np.ones(len(right)), confidence, right])
    flat = np.zeros((len(right), 3, len(edges) - 1))
    np.put_along_axis(flat, places[:, None, None], rows.T[:, :, None], axis=2)
    return group_sums(flat.reshape(len(right), -1), groups)[0]


def calibration_gap(total: Float[np.ndarray, " k"]) -> float:
    """Expected calibration error of summed `calibration_totals`."""
    count, confident, hits = total.reshape(3, -1)
    return float(np.abs(hits - confident).sum() / count.sum())


def summarise(
    logits: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    *,
    temperature: float = 1.0,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Accuracy, NLL (nats) and both calibration errors, as shares, with intervals over groups."""
    confidence, right = confidence_and_hits(logits, labels, temperature=temperature)
    nll = negative_log_likelihood(logits, labels, temperature=temperature)
    return {
        "accuracy": accuracy(right, groups, seed=seed),
        "nll": mean_over_groups(nll, groups, seed=seed),
        "ece": calibration_error(confidence, right, groups, seed=seed),
        "ece_adaptive": calibration_error(confidence, right, groups, adaptive=True, seed=seed),
    }


def _bins_of(
    confidence: Float[np.ndarray, " n"], edges: Float64[np.ndarray, " e"]
) -> Int64[np.ndarray, " n"]:
    places = np.searchsorted(edges, confidence, side="left") - 1
    return np.clip(places, 0, len(edges) - 2)


def _ratio(
    part: Shaped[np.ndarray, "*s"], whole: Shaped[np.ndarray, "*w"]
) -> Float64[np.ndarray, "*s"]:
    """`part` over `whole`, NaN where there is nothing to share."""
    return np.divide(
        part, whole, out=np.full(part.shape, np.nan), where=np.broadcast_to(whole > 0, part.shape)
    )
