"""Cars never trained on, and the scores that tell them."""

from typing import NamedTuple

import numpy as np
import pytest

from lib.book import sideswipe as study
from lib.book.sideswipe import experiments, leaveout, newcars
from lib.data.splits import Splits
from lib.evaluation.map_distance import Reading
from lib.models.classifier import Classifier
from lib.training.classifier import NETWORKS, train_classifier
from tests.book.sideswipe.parts import of

pytestmark = pytest.mark.slow


def test_they_are_judged_by_every_score(judged, cars, new, ledger):
    found = newcars.meet_new_cars(of(judged), cars, new, reading=Reading(4, 1), most=60)
    assert set(found.bodies) == {"hatchback", "pickup", "roadster", "prototype"}
    assert sum(of.sum() for of in found.bodies.values()) == len(found.indices) == 60
    study.record_novelty(ledger, "writeup", found, seed=0)
    study.record_novelty(ledger, "small", found, seed=0)
    ids = {row.id for row in ledger.rows}
    for score in newcars.WORDS:
        assert {
            f"sideswipe.newcar.{score}.auroc",
            f"sideswipe.newcar_small.{score}.fpr95",
        } <= ids
    best = found.reports[found.best].together.auroc.value
    assert best == max(one.together.auroc.value for one in found.reports.values())
    table = study.novelty_table({"writeup": found})
    assert len(table) == len(newcars.WORDS)
    with pytest.raises(ValueError, match="chosen is 'luck'; choose one of msp"):
        newcars.meet_new_cars(of(judged), cars, new, reading=Reading(3, 1), most=60, chosen="luck")


class Training(NamedTuple):
    """What one network was given."""

    classes: int
    labels: np.ndarray  # of all images, as it is to say them
    parts: tuple[np.ndarray, np.ndarray]  # images for training, for validation


@pytest.fixture(scope="module")
def left_out(cars, tmp_path_factory) -> tuple[leaveout.LeftOut, list[Training]]:
    """Each car left out once, and the trainings that took."""
    given = []

    def train(config, images, train, validation, **options):
        labels = images.labels["model"].to_numpy()
        given.append(Training(config.shape.classes, labels, (train, validation)))
        return train_classifier(config, images, train, validation, **options)

    root = tmp_path_factory.mktemp("left-out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaveout, "train_classifier", train)
        patch.setattr(experiments, "SHARE", 0.3)  # of 24 loadouts: each class in validation
        found = leaveout.leave_out(cars, preset="tiny", root=root, device="cpu", share=0.02)
    return found, given


def test_the_reading_is_chosen_on_cars_left_out_of_training(cars, left_out, ledger):
    found, _ = left_out
    assert tuple(found.by_car) == cars.images.class_names
    assert all(len(one) == 12 for one in found.by_car.values())
    means = found.means
    assert means[found.best] == max(means.values())
    first = next(iter(means))
    assert means[first] == pytest.approx(np.mean([o[first] for o in found.by_car.values()]))
    study.record_left_out(ledger, found, seed=0)
    rows = {row.id: row.value for row in ledger.rows}
    assert rows["sideswipe.leftout.2_1.auroc"] == pytest.approx(means[Reading(2, 1)])
    assert rows["sideswipe.leftout.chosen.worst_auroc"] <= means[found.best]
    said = study.left_out_sentence(found, "tiny")
    assert said.startswith(f"Chosen at preset tiny: the map of block {found.best.block}")
    assert said.count("\u00a0%") == said.count("%") == 2
    assert len(study.left_out_figure(found).axes[0].get_xticks()) == 4


def test_a_car_left_out_is_never_trained_on(cars, left_out):
    _, given = left_out
    assert len(given) == 4
    for out, (classes, labels, parts) in enumerate(given):
        assert classes == 3
        for part in parts:
            assert (cars.images.classes[part] != out).all()
            pairs = set(zip(cars.images.classes[part], labels[part], strict=True))
            assert sorted(new for _, new in pairs) == sorted({new for _, new in pairs})
            assert {new for _, new in pairs} <= {0, 1, 2}


def test_too_few_cars_to_leave_one_out(cars, tmp_path, monkeypatch):
    monkeypatch.setattr(leaveout, "split_cars", lambda *_, **__: Splits(*[np.arange(0)] * 3))
    options = {"preset": "tiny", "root": tmp_path, "device": "cpu"}
    with pytest.raises(ValueError, match="too few loadouts to leave a class out"):
        leaveout.leave_out(cars, **options)


def test_a_network_with_fewer_blocks_reads_its_last():
    small, large = (Classifier(NETWORKS[name].shape) for name in ("small", "writeup"))
    assert leaveout.reading_for(Reading(4, 5), small) == Reading(4, 5)
    assert leaveout.reading_for(Reading(4, 5), large) == Reading(3, 5)


def test_none_without_pictures_of_any(judged, cars, tmp_path):
    options = {"root": tmp_path, "data_dir": str(tmp_path), "seed": 0, "like": cars}
    assert study.new_cars("tiny", **options) is None
    assert study.meet_all(judged, cars, None, Reading(3, 1), preset="tiny") == {}
