"""The recommended classifier, kept for `seeing classify`."""

from collections.abc import Mapping, Sequence

import numpy as np

from lib.book.results import Ledger
from lib.book.sideswipe.experiments import SHARE
from lib.book.sideswipe.judging import WATCHED, Judged, thinned
from lib.book.sideswipe.newcars import FITTED
from lib.book.sideswipe.sizes import grouped_run
from lib.data.garage import Cars
from lib.environment import code_version
from lib.evaluation.car_classifier import (
    BUNDLE,
    CarClassifier,
    Origin,
    build_classifier,
    save_classifier,
)
from lib.evaluation.classification import predict
from lib.evaluation.map_distance import Reading

DATA = "the garage world, whole loadouts held out"
OWN = "cars given by the reader, whole loadouts held out"


def keep_classifier(
    ledger: Ledger, judged: Mapping[str, Sequence[Judged]], cars: Cars, reading: Reading
) -> CarClassifier:
    """The small network with temperature, training maps and limit, in a file of the ledger.

    It was trained on all loadouts but a share `SHARE` for validation and as much for testing.
    """
    one = grouped_run(judged, "small")
    images, trained = cars.images, one.trained
    groups = images.store.groups.astype(np.int64)
    parts = ((trained.splits.train, FITTED), (trained.splits.validation, WATCHED))
    train, known = (
        predict(trained.run.model, images.store, thinned(part, groups, most),
                blocks=[reading.block]).maps[reading.block]
        for part, most in parts
    )  # fmt: skip
    classifier = build_classifier(
        trained.run.model,
        images.class_names,
        train,
        known,
        reading=reading,
        temperature=one.temperature,
        origin=Origin(
            ledger.preset,
            code_version(ledger.root),
            f"{DATA if cars.generated else OWN}: {1 - 2 * SHARE:.0%} of {len(images):,} images",
        ),
        seed=trained.seed,
    )
    path = ledger.path.parent / f"{ledger.preset}-files" / BUNDLE
    save_classifier(path, classifier)
    ledger.keep_file(path)
    return classifier
