"""Facts of single trainings, and the sentences that tell them."""

from dataclasses import replace

import numpy as np
import pytest

from lib.book import sideswipe as study
from lib.book.sideswipe import facts
from lib.evaluation.intervals import Estimate
from lib.worlds.garage.loadout import Variant
from tests.book.sideswipe.parts import of

pytestmark = pytest.mark.slow


def test_hashes_of_two_trainings_agree(cars, tmp_path):
    first, again = facts.train_twice(cars, root=tmp_path, seed=3, steps=4)
    other, _ = facts.train_twice(cars, root=tmp_path, seed=4, steps=4)
    assert first == again != other


def test_the_run_made_twice_is_said_to_be_another(judged):
    run = of(judged).trained.run
    said = study.hash_sentence(("a" * 64, "b" * 64), of(judged), "tiny")
    assert f"after {facts.RERUN_STEPS} steps: `{'a' * 16}…`, again: `{'b' * 16}…`" in said
    assert f"another one, of {run.config.steps} steps at preset tiny" in said
    assert run.weights_hash[:16] in said


def test_the_run_with_pixels_in_the_unit_range_says_how_long_it_is(judged, cars, tmp_path):
    options = {"preset": "tiny", "root": tmp_path, "device": "cpu", "share": 0.01, "seed": 0}
    unit = study.unit_range({Variant.FAITHFUL: cars}, **options)
    main = of(judged)
    longer = replace(main.trained.run, config=replace(main.trained.run.config, steps=1234))
    main = replace(main, trained=replace(main.trained, run=longer))
    said = study.range_sentence(unit, main, cars, "tiny")
    assert unit.config.shape.input_scale == 1
    assert said.startswith("At preset tiny ")
    assert "on whole loadouts and for 20 steps, where the others have 1,234: " in said
    assert said.count("\u00a0%") == said.count("%") == 3


def test_training(judged, cars):
    found = study.training_facts(of(judged), {Variant.HARD: cars})
    assert found["loss_end"] == pytest.approx(found["l1_end"] + found["cross_entropy_end"])
    validation = of(judged).trained.splits.validation
    assert found["validation_accuracy"].n == len(validation)
    said = study.training_sentence(found, "tiny")
    assert said.startswith("At preset tiny the loss ends at ")
    assert str(round(found["loss_end"], 1))[:2] in said
    assert said.count("\u00a0%") == said.count("%") == 4


def test_recalls_of_the_classes_that_are_talked_of(judged):
    one = of(judged)
    labels = np.arange(len(one.labels)) % 7 % 3  # class 0 is the most frequent, 3 is absent
    found = study.class_recalls(replace(one, labels=labels))
    right = one.predicted == labels
    assert found["recall_octane"].value == pytest.approx(right[labels == 0].mean())
    assert found["recall_others"].value == pytest.approx(right[labels != 0].mean())
    assert found["recall_octane"] == found["recall_commonest"]
    assert found["recall_rarest"].n == np.bincount(labels).min()
    none = study.class_recalls(replace(one, labels=labels * 0 + 1))
    assert "recall_octane" not in none


def test_leak_has_the_sign_of_what_it_says(ledger):
    for split, value, half in (
        ("random", 0.98, 0.003), ("grouped", 0.97, 0.004), ("unseen_parts", 0.99, 0.0),
    ):  # fmt: skip
        id = f"sideswipe.writeup.{split}.hard.accuracy"
        ledger.record(id, value, low=value - half, high=value + half, n=400)
    found = study.leak(ledger)
    assert set(found) == {"hard_random", "hard_unseen_parts"}
    gain, cost = found["hard_random"], found["hard_unseen_parts"]
    # half widths 3 and 4 make 5
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.01, 0.005, 0.015))
    assert (cost.value, cost.low, cost.high) == pytest.approx((-0.02, -0.024, -0.016))


def test_the_leak_is_told_with_its_interval():
    found = {
        "faithful_random": Estimate(0.0025, -0.0194, 0.0356, 400, 0),
        "hard_random": Estimate(-0.0098, -0.012, -0.007, 400, 0),
        "hard_unseen_rotations": Estimate(0.24, None, None, 400, 0),
    }
    assert study.leak_sentence(found, "tiny") == (
        "At preset tiny splitting by image instead of by loadout gains 0.2 (−1.9 to 3.6) "
        "points on faithful cars and −0.98 (−1.20 to −0.70) points on hard cars; rotations "
        "never seen cost 24 points on hard cars (95\u00a0% intervals in brackets)."
    )
    assert "no two splits" in study.leak_sentence({}, "tiny")


def test_probes(cars, ledger):
    found = study.probe_all({Variant.HARD: cars}, seed=0)
    study.record_probes(ledger, found, seed=0)
    assert {row.id for row in ledger.rows} == {
        "sideswipe.probe_pixels.grouped.hard.accuracy",
        "sideswipe.probe_corners.grouped.hard.accuracy",
    }
    assert study.probe_shares(found)["pixels"]["hard"][0] == found["pixels"]["hard"].value


def test_pictures_of_all_classes(cars):
    shown = study.samples(cars)
    assert list(shown) == study.names(cars)
    assert all(set(by_rotation) == set(range(10)) for by_rotation in shown.values())
    originals, versions, names = study.augmented(cars, count=4, versions=3)
    assert versions.shape == (4, 3, 50, 100, 3)
    assert len(set(names)) == 4
    assert not (versions == originals[:, None]).all()
    assert "240 images, 24 loadouts" in study.cars_line("hard", cars)
    assert study.split_table(cars)["Split"].str.startswith("random").sum() == 1
