"""Classifiers and figures that a run keeps."""

import numpy as np
import pytest
from PIL import Image

from lib.book import recorded
from lib.book import sideswipe as study
from lib.evaluation.car_classifier import load_classifier
from lib.evaluation.map_distance import Reading
from lib.figures import style

pytestmark = pytest.mark.slow


def test_a_kept_classifier_answers(judged, cars, ledger):
    kept = study.keep_classifier(ledger, judged, cars, Reading(3, 1))
    ledger.save()
    [path] = ledger.path.parent.rglob("classifier.npz")
    again = load_classifier(path)
    images = np.asarray(cars.images.store.frames[:5])
    np.testing.assert_array_equal(
        again.classify(images).probabilities, kept.classify(images).probabilities
    )
    assert again.class_names == cars.images.class_names


@pytest.mark.parametrize(("most", "dpi"), [(10**6, 220), (12_000, 160), (1, 110)])
def test_a_kept_figure_is_fit_for_print_unless_it_is_too_large(ledger, monkeypatch, most, dpi):
    monkeypatch.setattr(recorded, "MOST_BYTES", most)
    figure = style.message("a sentence where a picture would be, long enough to weigh something")
    study.keep(ledger, figure, "words")
    [path] = ledger.path.parent.rglob("words.png")
    with Image.open(path) as image:
        assert image.info["dpi"] == pytest.approx((dpi, dpi), abs=0.1)
