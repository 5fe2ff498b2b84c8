"""Methods at work on held-out maps: segments, and how far they agree with the truth."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Int16, Int64, UInt8

from lib.book.doom.experiments import MAIN, Method, trunk_of
from lib.book.doom.stretches import Stretch, first_of_each
from lib.book.remembered import remembered
from lib.data.playthrough import Playthrough
from lib.evaluation.intervals import Estimate
from lib.evaluation.segmentation.config import SegmentationConfig
from lib.evaluation.segmentation.features import Trunk, evenly
from lib.evaluation.segmentation.probe import fit_probe, probe_frames
from lib.evaluation.segmentation.scores import matched_classes
from lib.evaluation.segmentation.segmenter import Segmenter, fit_segmenter, label_frames, segment
from lib.evaluation.segmentation.summary import (
    Matching,
    RecordingCounts,
    count_recording,
    mean_over_seeds,
    summarise,
)
from lib.files import digest
from lib.progress import tqdm
from lib.training.cache import plain
from lib.training.contrastive import TrainedContrastive
from lib.worlds.doom.classes import PixelClass

SHOWN = 6  # stretches, of different maps, whose segments are kept for pictures


@dataclass(frozen=True)
class Judged:
    """One method on all stretches, with one seed.

    `counts` are empty for footage without labels. `labels` are the segments of the stretches that
    pictures show, by place. `segmenter` is None for a probe.
    """

    method: Method
    seed: int
    counts: list[RecordingCounts]
    labels: dict[int, Int16[np.ndarray, "n h w"]]
    segmenter: Segmenter | None
    noise_share: float
    frames_per_second: float
    fit_seconds: float

    @property
    def matching(self) -> Matching:
        """How its clusters get their classes."""
        return "named" if self.method.probe else "together"

    @property
    def names(self) -> Int64[np.ndarray, " k"]:
        """Class of each cluster, matched one to one on all stretches; -1 for none (and noise)."""
        if self.method.probe:
            return np.append(np.arange(len(PixelClass)), -1)
        return matched_classes(np.sum([one.contingency for one in self.counts], axis=0))

    def classes(self, place: int) -> Int16[np.ndarray, "n h w"]:
        """Segments of a shown stretch as the classes they were matched with; -1 for none."""
        named: Int16[np.ndarray, "n h w"] = self.names[self.labels[place]].astype(np.int16)
        return named


def judge_all(
    methods: Sequence[Method],
    runs: Sequence[TrainedContrastive],
    played: Playthrough,
    train: Int64[np.ndarray, " n"],
    stretches: Sequence[Stretch],
    *,
    preset: str,
    seed: int = 0,
) -> dict[str, list[Judged]]:
    """Every method, one result a trained network; worked out once, then read from its run's folder.

    Probes are left out where there are no labels.
    """
    usable = [one for one in methods if played.labels is not None or not one.probe]
    footage = _footage(played, train, stretches)
    done: dict[str, list[Judged]] = {}
    for method in tqdm(usable, desc="segmenting", unit="method", leave=False):
        for number, run in enumerate(runs, seed):
            work = partial(judge, method, run, played, train, stretches, preset=preset, seed=number)
            settings = plain([method, method.config(preset), number])
            judged = remembered(
                run.run.path, "judged", work,
                kind=Judged, code=[__name__], given=[json.dumps(settings), footage],
            )  # fmt: skip
            done.setdefault(method.name, []).append(judged)
    return done


def _footage(
    played: Playthrough, train: Int64[np.ndarray, " n"], stretches: Sequence[Stretch]
) -> str:
    """Digest of all that methods are fitted to and judged on."""
    parts: list[str | bytes] = [played.store.digest, train.tobytes()]
    if played.labels is not None:
        parts += [np.ascontiguousarray(played.labels[index]).tobytes() for index in train]
    return digest([*parts, _digest_of(stretches)])


def _digest_of(stretches: Sequence[Stretch]) -> str:
    parts: list[str | bytes] = []
    for one in stretches:
        parts += [one.group, one.indices.tobytes(), one.frames.tobytes()]
        if one.truth is not None:
            parts.append(one.truth.tobytes())
    return digest(parts)


def judge_compared(
    trained: Mapping[str, Sequence[TrainedContrastive]],
    played: Playthrough,
    train: Int64[np.ndarray, " n"],
    stretches: Sequence[Stretch],
    *,
    preset: str,
    seed: int = 0,
) -> dict[str, list[Judged]]:
    """Trainings that differ in one ingredient, all segmented alike; one result a seed."""
    return {
        name: judge_all(
            [replace(MAIN, name=name)], runs, played, train, stretches, preset=preset, seed=seed
        )[name]
        for name, runs in tqdm(trained.items(), desc="ingredients", unit="training", leave=False)
    }


def judge(
    method: Method,
    run: TrainedContrastive,
    played: Playthrough,
    train: Int64[np.ndarray, " n"],
    stretches: Sequence[Stretch],
    *,
    preset: str,
    seed: int,
) -> Judged:
    """Fit `method` on frames of the training maps, then label the stretches.

    No label is used, but for a probe, and none of the stretches' frames.
    """
    trunk = trunk_of(method.trunk, run, seed=seed)
    config, started = method.config(preset), time.perf_counter()
    chosen = train[evenly(len(train), config.fit_frames)]
    frames = np.asarray(played.store.frames[chosen])
    segmenter = None
    if method.probe:
        assert played.labels is not None
        probe = fit_probe(
            trunk, frames, np.asarray(played.labels[chosen]), config=config, seed=seed
        )
    else:
        segmenter = fit_segmenter(trunk, frames, config=config, seed=seed)
    fitted = time.perf_counter()
    counts, kept, noisy = [], {}, []
    shown = set(first_of_each(stretches, SHOWN))
    for place, stretch in enumerate(stretches):
        if segmenter is None:
            labels = np.concatenate(list(probe_frames(trunk, stretch.frames, probe)))
            noise = np.zeros(labels.shape, bool)
        else:
            labels, noise = _labelled(trunk, stretch.frames, segmenter)
        clusters = len(PixelClass) if segmenter is None else segmenter.clusters
        if stretch.truth is not None:
            counts.append(
                count_recording(
                    labels, stretch.truth, group=stretch.group, clusters=clusters, noise=noise
                )
            )
        if place in shown:
            kept[place] = labels
        noisy.append(noise.mean())
    labelled = sum(len(one.frames) for one in stretches)
    return Judged(
        method=method,
        seed=seed,
        counts=counts,
        labels=kept,
        segmenter=segmenter,
        noise_share=float(np.mean(noisy)),
        frames_per_second=labelled / (time.perf_counter() - fitted),
        fit_seconds=fitted - started,
    )


def _labelled(
    trunk: Trunk, frames: UInt8[np.ndarray, "n h w 3"], segmenter: Segmenter
) -> tuple[Int16[np.ndarray, "n h w"], Bool[np.ndarray, "n h w"]]:
    parts = list(label_frames(trunk, frames, segmenter))
    return (
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.noise for part in parts]),
    )


@dataclass(frozen=True)
class Own:
    """Stretches that were each segmented by themselves, as the write-up does."""

    counts: list[RecordingCounts]
    labels: dict[int, Int16[np.ndarray, "n h w"]]  # of one stretch of each map
    clusters: list[int]
    outcomes: Sequence[str]
    seconds: float  # a stretch


def segment_each(
    run: TrainedContrastive, stretches: Sequence[Stretch], config: SegmentationConfig, *, seed: int
) -> Own:
    """Segment one stretch of each map by itself: clusters are fitted on its own frames.

    Done once, then read from the run's folder.
    """
    return remembered(
        run.run.path, "own", lambda: _segment_each(run, stretches, config, seed),
        kind=Own, code=[__name__],
        given=[json.dumps(plain([config, seed])), _digest_of(stretches)],
    )  # fmt: skip


def _segment_each(
    run: TrainedContrastive, stretches: Sequence[Stretch], config: SegmentationConfig, seed: int
) -> Own:
    trunk = trunk_of(MAIN.trunk, run, seed=seed)
    counts, labels, clusters, outcomes, seconds = [], {}, [], [], []
    places = first_of_each(stretches, SHOWN)
    for place in tqdm(places, desc="segmenting sequences", unit="sequence", leave=False):
        stretch = stretches[place]
        done = segment(trunk, stretch.frames, config=config, seed=seed)
        labels[place] = done.labels
        clusters.append(done.clusters)
        outcomes.append(done.outcome)
        seconds.append(done.seconds["total"])
        if stretch.truth is not None:
            counts.append(
                count_recording(
                    done.labels, stretch.truth, group=stretch.group, clusters=done.clusters,
                    noise=done.noise,
                )
            )  # fmt: skip
    return Own(counts, labels, clusters, outcomes, float(np.mean(seconds)))


def scores(judged: Sequence[Judged], *, seed: int = 0) -> dict[str, Estimate]:
    """Scores of a method, seeds averaged, with intervals over maps; empty without labels."""
    if not judged[0].counts:
        return {}
    return mean_over_seeds(
        [summarise(one.counts, matching=one.matching, seed=seed) for one in judged]
    )
