"""Trained networks on the test part of their split: predictions, temperature, scores, rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Int64

from lib.book.estimates import Better, record
from lib.book.results import Ledger
from lib.book.sideswipe.experiments import Trained
from lib.data.garage import Cars
from lib.data.sideswipe import CarImages
from lib.evaluation.calibration import Calibration, calibrate
from lib.evaluation.classification import Predictions, predict, summarise
from lib.evaluation.intervals import Estimate
from lib.worlds.garage.loadout import Variant

METRICS: dict[str, Better] = {
    "accuracy": "higher",
    "nll": "lower",
    "ece": "lower",
    "ece_adaptive": "lower",
}
MOST = {"tiny": 2_000, "small": 4_000, "full": 40_000}  # test images scored, at most
WATCHED = 2_048  # validation images that the temperature is fitted on, at most


@dataclass(frozen=True)
class Judged:
    """One run on its test images: what it says of them and how sure it may be."""

    trained: Trained
    indices: Int64[np.ndarray, " n"]  # of the test images that are scored
    labels: Int64[np.ndarray, " n"]
    groups: Int64[np.ndarray, " n"]  # loadouts
    test: Predictions
    validation: Predictions  # of the images the temperature was fitted on
    calibration: Calibration

    @property
    def temperature(self) -> float:
        """What its logits are divided by."""
        return self.calibration.temperature.value

    @property
    def predicted(self) -> Int64[np.ndarray, " n"]:
        """The class it says."""
        return self.test.logits.argmax(1)


def judge_all(
    trained: Mapping[str, Sequence[Trained]], cars: Mapping[Variant, Cars], *, preset: str
) -> dict[str, list[Judged]]:
    """Every run on the test part of its own split."""
    return {
        id: [judge(one, cars[one.experiment.variant].images, most=MOST[preset]) for one in runs]
        for id, runs in trained.items()
    }


def judge(trained: Trained, images: CarImages, *, most: int) -> Judged:
    """One run on at most `most` of its test images; whole loadouts where the split has them."""
    classes = images.classes
    groups = images.store.groups.astype(np.int64)
    validation = thinned(trained.splits.validation, groups, WATCHED)
    indices = thinned(trained.splits.test, groups, most)
    model = trained.run.model
    checked = predict(model, images.store, validation)
    test = predict(model, images.store, indices)
    return Judged(
        trained=trained,
        indices=indices,
        labels=classes[indices],
        groups=groups[indices],
        test=test,
        validation=checked,
        calibration=calibrate(
            (checked.logits, classes[validation]),
            test.logits,
            classes[indices],
            groups[indices],
            seed=trained.seed,
        ),
    )


def thinned(
    indices: Int64[np.ndarray, " n"], groups: Int[np.ndarray, " m"], most: int
) -> Int64[np.ndarray, " k"]:
    """About `most` of `indices` at most: whole loadouts, those first that a fixed draw names."""
    if len(indices) <= most:
        return indices
    names, sizes = np.unique(groups[indices], return_counts=True)
    order = np.random.default_rng(0).permutation(len(names))
    count = max(1, int(np.searchsorted(np.cumsum(sizes[order]), most, side="right")))
    kept: Int64[np.ndarray, " k"] = indices[np.isin(groups[indices], names[order[:count]])]
    return kept


def scores(judged: Sequence[Judged]) -> dict[str, Estimate]:
    """Scores over all seeds together, before (``_unscaled``) and after temperature scaling.

    Runs of different seeds were tested on different loadouts, or on the same ones by another
    network: either way a (seed, loadout) pair is resampled as one.
    """
    labels = np.concatenate([one.labels for one in judged])
    width = 1 + max(int(one.groups.max()) for one in judged)
    groups = np.concatenate([one.groups + i * width for i, one in enumerate(judged)])
    scaled = np.concatenate([one.test.logits / one.temperature for one in judged])
    plain = np.concatenate([one.test.logits for one in judged])
    after = summarise(scaled, labels, groups)
    before = summarise(plain, labels, groups)
    return after | {f"{name}_unscaled": before[name] for name in METRICS if name != "accuracy"}


def record_scores(ledger: Ledger, judged: Mapping[str, Sequence[Judged]]) -> None:
    """Rows ``sideswipe.<network>.<split>.<variant>.<metric>`` of every experiment."""
    for id, runs in judged.items():
        seeds = [one.trained.seed for one in runs]
        first = runs[0].trained.run
        seconds = sum(one.trained.run.seconds for one in runs)
        for name, estimate in scores(runs).items():
            metric = name.removesuffix("_unscaled")
            record(
                ledger, f"{id}.{name}", estimate, seeds=seeds, better=METRICS[metric],
                run=first.run.key, seconds=seconds,
            )  # fmt: skip
        temperature = float(np.mean([one.temperature for one in runs]))
        ledger.record(
            f"{id}.temperature", temperature, seeds=seeds, n=len(runs[0].validation.logits)
        )
        if len(runs) > 1:
            each = [float((one.predicted == one.labels).mean()) for one in runs]
            ledger.record(f"{id}.seed_spread", max(each) - min(each), seeds=seeds)
