"""Background subtraction and SORT beside the experiments: footage, rows, table, sentence."""

from dataclasses import replace

import pytest

from lib.book import scalor as study
from lib.book.rows import ID


@pytest.fixture(scope="module")
def references(shown_all, recorded_root):
    return study.judge_references(shown_all, root=recorded_root, progress=False)


def test_each_kind_of_footage_is_judged_once_on_the_experiments_clips(references, shown_all):
    assert list(references) == ["sprites_gradient", "gradient", "hard"]
    assert references["hard"].rivals == ("hard",)
    assert references["sprites_gradient"].footage == "sprites, gradient"
    for name, one in references.items():
        assert set(one.scores) == {"heldout"}
        mota = one.scores["heldout"]["mota"]
        assert mota.n == shown_all[name].judged["heldout"]
        assert mota.value <= 1


def test_experiments_on_the_same_footage_are_rivals(shown_all, recorded_root):
    other = replace(shown_all["hard"], experiment=study.find("hard_perceptual"))
    both = {"hard": shown_all["hard"], "hard_perceptual": other}
    [one] = study.judge_references(both, root=recorded_root, progress=False).values()
    assert one.rivals == ("hard", "hard_perceptual")


def test_people_are_found_better_than_by_untrained_models(references, shown_all, empty_ledger):
    study.record_all(empty_ledger, shown_all)
    study.record_references(empty_ledger, references, seed=0)
    rows = {row.id: row for row in empty_ledger.rows}
    assert all(ID.fullmatch(id) for id in rows)
    assert rows["scalor.classical_hard.heldout.mota"].better == "higher"
    table = study.reference_table(empty_ledger, references)
    assert table["Footage"].tolist() == [one.footage for one in references.values()]
    assert table["Best experiment"].tolist() == list(references)
    assert "–" not in table.to_numpy()
    said = study.reference_sentence(empty_ledger, references)
    ahead = [
        name
        for name in references
        if rows[f"scalor.classical_{name}.heldout.mota"].value
        > rows[f"scalor.{name}.heldout.mota"].value
    ]
    assert f"experiment on {len(ahead)} of 3 kinds of footage: " in said
    assert "one place, gradient" in said


def test_without_experiments(empty_ledger):
    assert study.reference_sentence(empty_ledger, {}).startswith("No experiment of this run")
    assert "your own footage" in study.reference_table(empty_ledger, {}).to_string()
