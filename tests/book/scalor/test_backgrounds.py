"""Backgrounds compared: means over seeds, how far behind the remembered one, what is told."""

import numpy as np
import pytest

from lib.book import scalor as study
from lib.book.scalor.ablation import Ablated
from lib.book.scalor.scored import METRICS

MOTA = {
    ("second_hard", "whole"): {0: 0.7, 1: 0.8},
    ("second_hard", "scene"): {0: 0.1, 1: 0.3},
    ("second_multi", "whole"): {0: 0.6},
    ("second_multi", "inpainted"): {0: 0.65, 5: 0.65},
    ("second_hard", "rivals"): {0: 0.9},
}


@pytest.fixture
def found() -> list[Ablated]:
    common = dict.fromkeys(METRICS, 0.5)
    return [
        Ablated(*names, seed, 1200, 48, common | {"mota": mota})
        for names, by_seed in MOTA.items()
        for seed, mota in by_seed.items()
    ]


def test_rows_are_means_and_distances_to_the_same_seed(found, empty_ledger):
    study.record_backgrounds(empty_ledger, found)
    rows = {row.id: row for row in empty_ledger.rows}
    scene = rows["scalor.background_scene_second_hard.heldout.mota"]
    assert (scene.value, scene.n, scene.better) == (pytest.approx(0.2), 2, "higher")
    behind = rows["scalor.background_scene_second_hard.behind.mota"]
    assert behind.value == pytest.approx(np.mean([0.6, 0.5]))
    ahead = rows["scalor.background_inpainted_second_multi.behind.mota"]
    assert (ahead.value, list(ahead.seeds)) == (pytest.approx(-0.05), [0])
    assert "scalor.background_whole_second_hard.behind.mota" not in rows
    assert not any("rivals" in id for id in rows)


def test_the_table_has_a_row_a_footage_and_background(found, empty_ledger):
    study.record_backgrounds(empty_ledger, found)
    table = study.backgrounds_table(empty_ledger, found)
    assert list(table["Seeds"]) == [2, 2, 1, 2]
    assert [title.split(",")[0] for title in table["Footage"]] == ["one video"] * 2 + [
        "several videos as they are"
    ] * 2
    assert table["Background"][0].startswith("remembered")


def test_the_sentence_names_the_best_of_each(found):
    said = study.backgrounds_sentence(found)
    assert "remembered (0.75), the next best has 0.20" in said
    assert (
        "a U-Net that paints squares from those around them (0.65), the next best has 0.6" in said
    )
    assert said.endswith("Trainings have 1,200 steps.")
    alone = [one for one in found if one.change == "inpainted"]
    assert "there is only one" in study.backgrounds_sentence(alone)


def test_the_figure_has_a_panel_a_footage(found):
    figure = study.backgrounds_figure(found)
    assert len(figure.axes) == 2
    assert len(figure.axes[0].get_yticks()) == 4


def test_nothing_recorded_is_told(empty_ledger):
    study.record_backgrounds(empty_ledger, [])
    assert "No comparison" in study.backgrounds_sentence([])
    assert len(study.backgrounds_table(empty_ledger, [])) == 1
    with pytest.raises(ValueError, match="give at least one of each"):
        study.backgrounds_figure([])
