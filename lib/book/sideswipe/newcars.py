"""Cars of bodies that no network was trained on: can they be told from known ones?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from lib.book.estimates import Better, record, told
from lib.book.results import Ledger
from lib.book.sideswipe.judging import MOST, WATCHED, Judged, thinned
from lib.book.sideswipe.leaveout import reading_for
from lib.book.sideswipe.sizes import grouped_run
from lib.data.garage import NEW_FOLDER, Cars, prepare_cars
from lib.evaluation.classification import Predictions, last_linear, predict
from lib.evaluation.map_distance import Reading
from lib.evaluation.novelty import MAP_SCORE, SCORES, fit_novelty, known_limit
from lib.evaluation.novelty_detection import Detection, NoveltyReport, report
from lib.worlds.garage.footage import load_settings
from lib.worlds.garage.loadout import Variant

WORDS = {
    "msp": "largest probability",
    "energy": "energy",
    "max_logit": "largest logit",
    "knn": "k-NN distance",
    "vim": "ViM",
    "mahalanobis": "Mahalanobis",
    MAP_SCORE: "k-NN distance of maps",
}
FITTED = 20_000  # training images the scores are fitted on, at most
DETECTION: dict[str, Better] = {"auroc": "higher", "fpr95": "lower", "aupr": "higher"}


@dataclass(frozen=True)
class Novelty:
    """Scores of known test cars and of new ones; higher means newer."""

    known: dict[str, Float64[np.ndarray, " n"]]
    new: dict[str, Float64[np.ndarray, " m"]]
    limits: dict[str, float]  # accept 95 % of validation images of known cars
    reports: dict[str, NoveltyReport]
    predictions: Predictions  # of the new cars
    indices: Int64[np.ndarray, " m"]  # of the new cars in their store
    bodies: dict[str, Bool[np.ndarray, " m"]]
    chosen: str  # the score of the flag, named before any new car was seen

    @property
    def best(self) -> str:
        """The score with the highest AUROC on all new cars: known only afterwards."""
        return max(self.reports, key=lambda name: self.reports[name].together.auroc.value)

    def unknown(self) -> Bool[np.ndarray, " m"]:
        """Which new cars the flag finds, with the score `chosen`."""
        return self.new[self.chosen] > self.limits[self.chosen]


def meet_new_cars(
    judged: Judged,
    cars: Cars,
    new: Cars,
    *,
    reading: Reading,
    most: int,
    chosen: str = MAP_SCORE,
) -> Novelty:
    """Score known test cars and at most `most` new ones with every score of `SCORES`.

    Scores are fitted on training images, limits on validation images; new cars are used for
    nothing but judging. `reading` is the map that is looked at, `chosen` the score of the flag:
    both are named before anything is seen.
    """
    if chosen not in SCORES:
        raise ValueError(f"chosen is {chosen!r}; choose one of {', '.join(SCORES)}")
    model, images = judged.trained.run.model, cars.images
    reading = reading_for(reading, model)
    said = partial(predict, model, blocks=[reading.block])
    known_groups = images.store.groups.astype(np.int64)
    train = thinned(judged.trained.splits.train, known_groups, FITTED)
    validation = thinned(judged.trained.splits.validation, known_groups, WATCHED)
    fitted = fit_novelty(
        said(images.store, train), images.classes[train], last_linear(model),
        reading=reading, seed=judged.trained.seed,
    )  # fmt: skip
    groups = new.images.store.groups.astype(np.int64)
    indices = thinned(np.arange(len(groups)), groups, most)
    predictions = said(new.images.store, indices)
    known_scores = fitted(said(images.store, judged.indices))
    new_scores = fitted(predictions)
    limits = fitted(said(images.store, validation))
    names = new.images.class_names
    classes = new.images.classes[indices]
    bodies = {names[label]: classes == label for label in np.unique(classes)}
    return Novelty(
        known=known_scores,
        new=new_scores,
        limits={name: known_limit(scores) for name, scores in limits.items()},
        reports=report(
            known_scores, new_scores, judged.groups, groups[indices], bodies,
            seed=judged.trained.seed,
        ),
        predictions=replace(predictions, maps={}),
        indices=indices,
        bodies=bodies,
        chosen=chosen,
    )  # fmt: skip


def new_cars(
    preset: str, *, root: Path, data_dir: str | None, seed: int, like: Cars
) -> Cars | None:
    """Cars of new bodies, of the variant of `like`; None where a reader's own folder has none."""
    settings = load_settings(like.source)
    variant = settings.variant if settings is not None else Variant.FAITHFUL
    if data_dir is not None and not (Path(data_dir) / NEW_FOLDER).is_dir():
        return None
    return prepare_cars(
        variant, preset=preset, root=root, data_dir=data_dir, seed=seed, bodies="new"
    )


def meet_all(
    judged: Mapping[str, Sequence[Judged]],
    cars: Cars,
    new: Cars | None,
    reading: Reading,
    *,
    preset: str,
) -> dict[str, Novelty]:
    """Both networks on whole loadouts, each with new cars; nothing where there are none."""
    if new is None:
        return {}
    return {
        network: meet_new_cars(
            grouped_run(judged, network), cars, new, reading=reading, most=MOST[preset]
        )
        for network in ("writeup", "small")
    }


def record_novelty(ledger: Ledger, network: str, found: Novelty, *, seed: int) -> None:
    """Rows ``sideswipe.newcar_<network>.<score>.<auroc|fpr95|aupr>``, and of the best score.

    The write-up's network has the rows ``sideswipe.newcar.<score>.…``.
    """
    study = "newcar" if network == "writeup" else f"newcar_{network}"
    for name, one in found.reports.items():
        _record(ledger, f"sideswipe.{study}.{name}", one.together, seed)
    _record(ledger, f"sideswipe.{study}.best", found.reports[found.best].together, seed)
    flagged = float(found.unknown().mean())
    ledger.record(
        f"sideswipe.{study}.flag.found_share", flagged, n=len(found.indices), seeds=[seed],
        better="higher",
    )  # fmt: skip
    accepted = float((found.known[found.chosen] > found.limits[found.chosen]).mean())
    ledger.record(
        f"sideswipe.{study}.flag.false_share", accepted, n=len(found.known[found.chosen]),
        seeds=[seed], better="lower",
    )  # fmt: skip


def _record(ledger: Ledger, id: str, detection: Detection, seed: int) -> None:
    for name, better in DETECTION.items():
        record(ledger, f"{id}.{name}", getattr(detection, name), seeds=[seed], better=better)


def novelty_table(found: Mapping[str, Novelty]) -> pd.DataFrame:
    """Every score of every network: AUROC and false alarms, best first within a network."""
    lines = []
    for network, novelty in found.items():
        order = sorted(
            novelty.reports, key=lambda name: -novelty.reports[name].together.auroc.value
        )
        for name in order:
            one = novelty.reports[name].together
            lines.append(
                {
                    "Network": network,
                    "Score": WORDS[name],
                    "AUROC, %": told(one.auroc),
                    "FPR95, %": told(one.fpr95),
                    "AUPR, %": told(one.aupr),
                }
            )
    return pd.DataFrame(lines)
