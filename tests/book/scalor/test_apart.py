"""What each idea of SCALOR-2 is worth: means over seeds, paired differences, sentences."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student_t

from lib.book import scalor as study
from lib.book.scalor.ablation import Ablated
from lib.book.scalor.scored import METRICS

MOTA = {
    "whole": {0: 0.7, 1: 0.8, 2: 0.75},
    "memory": {0: -1.0, 1: -1.2, 2: -0.9},
    "shadows": {7: 0.1},
    "rivals": {0: 0.6, 1: 0.85},
}


@pytest.fixture
def found() -> list[Ablated]:
    common = dict.fromkeys(METRICS, 0.5)
    return [
        Ablated("second_hard", change, seed, 1500, 48, common | {"mota": mota}, {"seconds": 300.0})
        for change, by_seed in MOTA.items()
        for seed, mota in by_seed.items()
    ]


def test_rows_are_means_over_seeds_and_differences_of_the_same_seeds(found, empty_ledger):
    study.record_ablation(empty_ledger, found)
    rows = {row.id: row for row in empty_ledger.rows}
    whole = rows["scalor.ablation_whole.heldout.mota"]
    assert (whole.value, whole.n) == (pytest.approx(0.75), 3)
    half = student_t.ppf(0.975, 2) * 0.05 / np.sqrt(3)
    assert whole.low == pytest.approx(0.75 - half)
    worth = rows["scalor.ablation_memory.worth.mota"]
    assert worth.value == pytest.approx(np.mean([1.7, 2.0, 1.65]))
    assert rows["scalor.ablation_rivals.worth.mota"].value == pytest.approx((0.1 - 0.05) / 2)
    assert list(rows["scalor.ablation_rivals.worth.mota"].seeds) == [0, 1]
    # seed 7 has nothing to be compared with
    assert "scalor.ablation_shadows.worth.mota" not in rows
    assert "scalor.ablation_whole.worth.mota" not in rows
    assert rows["scalor.ablation_memory.heldout.duplicates"].better == "lower"


def test_the_table_has_a_row_a_change(found, empty_ledger):
    elsewhere = replace(found[0], experiment="second_multi", seed=9)
    other = replace(found[0], change="scene")
    found = [elsewhere, *found, other]
    study.record_ablation(empty_ledger, found)
    table = study.ablation_table(empty_ledger, found)
    assert list(table["Seeds"]) == [3, 3, 1, 2]
    assert table["MOTA"][0].startswith("0.75 (")
    assert list(table["MOTA that it brings"])[::2] == ["–", "–"]


def test_the_sentence_names_what_always_brings_something(found, empty_ledger):
    study.record_ablation(empty_ledger, found)
    said = study.ablation_sentence(empty_ledger, found)
    assert said.startswith("9 trainings of 1,500 steps, 5 minutes each, judged on 48 held-out")
    assert "lower without 1 of the 2 ideas: *memory*; " in said
    assert said.endswith("lies above zero for *memory*.")
    none = [one for one in found if one.change in ("whole", "rivals")]
    assert "without 0 of the 1 ideas; " in study.ablation_sentence(empty_ledger, none)


def test_nothing_recorded_is_told(empty_ledger):
    study.record_ablation(empty_ledger, [])
    assert "No ablation" in study.ablation_sentence(empty_ledger, [])
    assert len(study.ablation_table(empty_ledger, [])) == 1


def test_a_failed_training_makes_a_mean_without_value(found, empty_ledger):
    broken = replace(found[0], scores=found[0].scores | {"psnr_db": float("nan")})
    study.record_ablation(empty_ledger, [broken, *found[1:]])
    rows = {row.id: row for row in empty_ledger.rows}
    assert rows["scalor.ablation_whole.heldout.psnr_db"].value is None


def test_the_figure_has_every_change(found):
    figure = study.ablation_figure(found)
    assert len(figure.axes[0].get_yticks()) == 4
