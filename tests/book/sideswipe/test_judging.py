"""Scores of runs, alone and pooled over seeds, and the rows they make."""

import numpy as np
import pytest

from lib.book import sideswipe as study
from lib.book.rows import ID
from lib.book.sideswipe import judging
from lib.evaluation.classification import summarise
from tests.book.sideswipe.parts import of

pytestmark = pytest.mark.slow


def test_of_many_test_images_whole_loadouts_are_kept(cars):
    groups = cars.images.store.groups.astype(np.int64)
    kept = judging.thinned(np.arange(len(groups)), groups, 55)
    assert len(kept) == 50
    assert set(np.unique(groups[kept], return_counts=True)[1]) == {10}
    assert judging.thinned(np.arange(7), groups, 55).tolist() == list(range(7))


def test_scores_of_one_run_are_its_own_scaled_by_its_temperature(judged):
    one = of(judged)
    alone = summarise(one.test.logits / one.temperature, one.labels, one.groups)
    pooled = study.scores([one])
    assert pooled["accuracy"] == alone["accuracy"]
    assert pooled["nll"].value == pytest.approx(alone["nll"].value)
    plain = summarise(one.test.logits, one.labels, one.groups)
    assert pooled["ece_unscaled"].value == pytest.approx(plain["ece"].value)


def test_scores_of_two_seeds_are_of_all_their_images(judged):
    one = of(judged)
    both = study.scores([one, one])
    assert both["accuracy"].n == 2 * len(one.labels)
    assert both["accuracy"].value == pytest.approx(study.scores([one])["accuracy"].value)
    assert both["accuracy"].groups == 2 * study.scores([one])["accuracy"].groups


def test_rows(judged, ledger):
    study.record_scores(ledger, judged)
    rows = {row.id: row for row in ledger.rows}
    assert all(ID.fullmatch(id) for id in rows)
    for network in ("writeup", "small"):
        id = f"sideswipe.{network}.grouped.hard"
        for metric in ("accuracy", "nll", "ece", "ece_unscaled", "temperature"):
            assert rows[f"{id}.{metric}"].seeds == (0,)
        assert rows[f"{id}.accuracy"].run
        assert f"{id}.seed_spread" not in rows
    table = study.score_table(ledger)
    assert table["Network"].tolist() == ["writeup", "small"]
    assert set(table["Cars"]) == {"hard"}
    found = study.accuracies(ledger)
    assert found["tiny"]["whole loadouts"]["hard"][0] == (
        rows["sideswipe.writeup.grouped.hard.accuracy"].value
    )
    assert study.recorded_accuracies(ledger) == {}
