"""The chapter's figures of numbers: training, clusters, scores."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Int64, UInt8
from matplotlib.figure import Figure

from lib.book.doom.experiments import BASELINES, MAIN
from lib.book.doom.judging import Judged
from lib.book.doom.looks import Preferred
from lib.book.doom.palette import (
    class_legend,
    class_names,
    cluster_colours,
    cluster_legend,
    true_colours,
)
from lib.book.doom.pictures import NO_LABELS
from lib.book.doom.tables import found_effects, found_scores, part_shares
from lib.book.results import Ledger
from lib.data.playthrough import Playthrough
from lib.data.splits import Splits
from lib.evaluation.segmentation.cluster import cluster_pixels
from lib.evaluation.segmentation.features import evenly, grid_size
from lib.evaluation.segmentation.probe import truth_on_grid
from lib.evaluation.segmentation.summary import class_iou
from lib.figures import doom_clusters, doom_scores, doom_training, style
from lib.training.contrastive import ContrastiveConfig, TrainedContrastive
from lib.training.views import NAMES
from lib.worlds.doom.classes import PixelClass

MOST_NAMES = 20  # clusters in a legend


def shares_figure(played: Playthrough, splits: Splits) -> Figure:
    """Share of each class in the parts of the split."""
    shares = part_shares(played, splits)
    return doom_training.class_shares(shares) if shares else style.message(NO_LABELS)


def history_figure(run: TrainedContrastive) -> Figure:
    """How the main training went."""
    return doom_training.history(run.history, negatives(run.config))


def negatives(config: ContrastiveConfig) -> int:
    """Keys that a query must be told from: of the other images' views, and the queue's."""
    views = len(NAMES) if config.next_frame else len(NAMES) - 1
    queued = config.queue_size if config.queue else 0
    return views * (config.batch_size - 1) + queued


def selection_figure(drawn: Preferred) -> Figure:
    """What kinds of frames the sampler drew in the course of training."""
    kinds = drawn.kinds
    return doom_training.selection(
        {name: one.draws for name, one in kinds.items()},
        {name: one.share for name, one in kinds.items()},
        {name: one.loss for name, one in kinds.items()},
    )


def map_figure(judged: Judged, played: Playthrough, train: Int64[np.ndarray, " n"]) -> Figure:
    """The sample of pixels in two dimensions, coloured by cluster and by truth.

    The map is for the eye: clusters were found in more dimensions.
    """
    segmenter = judged.segmenter
    assert segmenter is not None
    sample = segmenter.sample
    flat = replace(segmenter.config, embedding_dim=2, clustering="kmeans")
    embedding = cluster_pixels(sample.features, flat, seed=judged.seed).embedding
    most = np.where(sample.labels < MOST_NAMES, sample.labels, -1)
    truth = _sample_truth(judged, played, train)
    shown = np.ones(len(embedding), bool) if truth is None else truth < len(PixelClass)
    legend = class_legend()
    present = [] if truth is None else np.unique(truth[shown]).tolist()
    names = class_names()
    return doom_clusters.pixel_map(
        embedding[shown],
        cluster_colours(most)[shown],
        None if truth is None else true_colours(truth)[shown],
        cluster_legend(np.unique(most).tolist()),
        {names[number]: legend[names[number]] for number in present},
    )


def _sample_truth(
    judged: Judged, played: Playthrough, train: Int64[np.ndarray, " n"]
) -> UInt8[np.ndarray, " m"] | None:
    """Class of each pixel of the sample."""
    if played.labels is None or judged.segmenter is None:
        return None
    sample, config = judged.segmenter.sample, judged.segmenter.config
    chosen = train[evenly(len(train), config.fit_frames)]
    grid = grid_size(played.store.size, config.stride_px)
    on_grid = np.zeros((len(chosen), *grid), np.uint8)
    for place in np.unique(sample.frames).tolist():
        on_grid[place] = truth_on_grid(np.asarray(played.labels[chosen[place]]), config.stride_px)
    return on_grid[sample.frames, sample.rows, sample.columns]


def matrix_figure(judged: Judged) -> Figure:
    """Which classes each cluster holds."""
    if not judged.counts:
        return style.message(NO_LABELS)
    counts = np.sum([one.contingency for one in judged.counts], axis=0)
    return doom_clusters.cluster_matrix(counts, class_names(), judged.names)


def scores_figure(ledger: Ledger) -> Figure:
    """mIoU, pixel accuracy and AMI of every method, of this run and of recorded ones."""
    metrics = {"miou": "mIoU", "pixel_accuracy": "pixel accuracy", "ami": "AMI"}
    found = found_scores(ledger, list(metrics))
    live = found.pop(ledger.preset, {})
    if not live:
        return style.message(NO_LABELS)
    return doom_scores.methods(live, found or None, metrics)


def effects_figure(ledger: Ledger) -> Figure:
    """What each ingredient does to the mIoU, of this run and of recorded ones."""
    found = found_effects(ledger)
    live = found.pop(ledger.preset, {})
    if not live:
        return style.message(NO_LABELS)
    return doom_scores.effects(live, found or None, "mIoU")


def class_figure(
    judged: Mapping[str, Sequence[Judged]], played: Playthrough, splits: Splits
) -> Figure:
    """IoU of every class by method."""
    shares = part_shares(played, splits).get("test", {})
    if not shares:
        return style.message(NO_LABELS)
    names = [method.name for method in (MAIN, *BASELINES) if method.name in judged]
    names += [name for name in judged if name == "probe"]
    found = {}
    for name in names:
        one = judged[name][0]
        values = class_iou(one.counts, matching=one.matching)
        found[one.method.words] = {
            c.name.lower(): x for c, x in zip(PixelClass, values, strict=True)
        }
    return doom_scores.class_iou(found, shares)


def counts_figure(judged: Mapping[str, Sequence[Judged]]) -> Figure:
    """Number of clusters and noise share of every method that finds clusters."""
    return doom_clusters.cluster_counts(
        {
            found[0].method.words: (found[0].segmenter.clusters, found[0].noise_share)
            for found in judged.values()
            if found[0].segmenter is not None
        }
    )
