"""Swapped parts, maps of attention and failures."""

import numpy as np
import pytest

from lib.book import sideswipe as study
from lib.book.sideswipe import facts, looks
from lib.book.sideswipe.looks import Looks
from lib.evaluation.attention import Attention
from lib.evaluation.randomisation import Randomisation
from tests.book.sideswipe.parts import of

pytestmark = pytest.mark.slow


def hand_made(heat: np.ndarray, masks: np.ndarray) -> Looks:
    n = len(heat)
    check = Randomisation(("head",), np.zeros((1, n)), np.zeros(n))
    numbers = np.arange(n)
    images = np.zeros((*heat.shape, 3), np.uint8)
    return Looks(images, heat.astype(np.float32), masks, numbers * 0, numbers, numbers, check)


def test_swapping_nothing_gives_the_stored_picture_again(judged, cars):
    swaps = study.swap_parts(of(judged), cars, most=6)
    one = of(judged)
    stored = cars.images.store.frames[one.indices[looks.spread(one, 6)]]
    np.testing.assert_array_equal(swaps.images["nothing"], stored)
    for part in ("hat", "wheels", "colours"):
        changed = (swaps.images[part] != stored).any((1, 2, 3))
        assert changed.all(), part
    assert set(swaps.effects()) == {"hat", "wheels", "sticker", "colours"}
    p = swaps.probabilities("nothing")
    assert ((p >= 0) & (p <= 1)).all()


def test_masks_lie_on_the_cars(judged, cars):
    found = study.look(of(judged), cars, most=8, checked=4)
    assert found.heat.shape == found.masks.shape == (8, 50, 100)
    area = found.masks.mean((1, 2))
    assert ((area > 0.08) & (area < 0.6)).all()
    middle = found.masks[:, 25, 40:60]
    assert middle.any(1).all(), "every car stands in the middle"
    assert isinstance(found.attention(), Attention)
    assert {name.split()[0] for name in study.layer_words(5)} == {
        "output", "hidden", "convolution",
    }  # fmt: skip


def test_examples_come_from_all_classes_and_loadouts(judged):
    one = of(judged)
    places = looks.spread(one, 8)
    counts = np.unique(one.labels[places], return_counts=True)[1]
    assert counts.max() - counts.min() <= 1 or len(places) == len(one.labels)


def test_where_the_heat_is():
    masks = np.zeros((3, 10, 10), bool)
    masks[:, 2:6, 3:7] = True
    heat = np.zeros((3, 10, 10))
    heat[0, 4, 4] = 1  # on the car
    heat[1, 8, 4] = 1  # under it
    heat[2, 8, 0] = 1  # beside it
    found = hand_made(heat, masks)
    assert facts.off_car(found).value == pytest.approx(2 / 3)
    assert facts.beneath(found).value == pytest.approx(1 / 3)
    assert study.looks_sentence(found, "small") == (
        "At preset small, on average 33.3\u00a0% of the heat is on the car, which takes "
        "16\u00a0% of the picture. In 66.7\u00a0% of the pictures the heat avoids the car, "
        "and in 33.3\u00a0% its hottest place is under it."
    )


def test_nothing_is_invented_about_a_readers_own_cars(judged, own, ledger):
    assert study.look(of(judged), own, most=4) is None
    assert study.swap_parts(of(judged), own, most=4) is None
    study.record_looks(ledger, None, seed=0)
    study.record_swaps(ledger, None, seed=0)
    assert ledger.rows == []
    assert "without masks" in study.looks_sentence(None, "tiny")
    for figure in (
        study.attention_figure(None, []),
        study.sanity_figure(None, []),
        study.swap_figure(None, []),
        study.effect_figure(None),
        study.new_car_figure(None, None, []),
        study.novelty_figure(None),
        study.roc_figure(None),
    ):
        assert figure.axes[0].texts


def test_failures_stand_beside_training_images(judged, cars):
    one = of(judged)
    found = looks.failures(one, cars.images, most=3, k=2)
    assert found.neighbours.shape == (len(found.images), 2, 50, 100, 3)
    assert not found.same_loadout.any(), "whole loadouts are held out"
    for true, said, probability in found.verdicts:
        assert true != said
        assert 0.25 <= probability <= 1
