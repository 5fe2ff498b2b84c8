"""Boxes around true masks as rows and in a sentence."""

from lib.book import scalor as study
from lib.book.rows import ID
from lib.book.scalor.ceiling import SCORES


def test_rows_and_a_sentence(shown_all, empty_ledger):
    study.record_ceiling(empty_ledger, shown_all, "gradient")
    rows = {row.id: row for row in empty_ledger.rows}
    assert len(rows) == 2 * len(SCORES)
    assert all(ID.fullmatch(id) for id in rows)
    full = rows["scalor.masks_gradient.heldout.mota"]
    narrower = rows["scalor.masks_narrower_gradient.heldout.mota"]
    assert full.n == len(shown_all["gradient"].heldout.clips)
    assert 0 < full.value <= 1
    assert narrower.value <= full.value
    said = study.ceiling_sentence(empty_ledger, shown_all, "gradient")
    assert said.startswith("Boxes around the true masks, under true identities, have a MOTA of ")
    assert "with every side 1 px further in they have " in said


def test_an_experiment_that_is_not_there(empty_ledger):
    study.record_ceiling(empty_ledger, {}, "gradient")
    assert not empty_ledger.rows
    assert study.ceiling_sentence(empty_ledger, {}, "hard").endswith("is not part of this run.")
