"""What adapting is worth: which clips it is judged on, what is recorded, what is told."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lib.book import scalor as study
from lib.book.scalor import __main__ as command
from lib.book.scalor import adapted, trainings
from lib.book.scalor.adapted import Gain, adapted_folder, load_gains, record_gain, unseen_footage
from lib.book.scalor.experiments import START, find
from lib.book.scalor.footage import footage_of
from lib.book.scalor.scored import METRICS
from tests.book.scalor.small import little_footage, record_untrained


def gained(seed: int, before: float, after: float) -> Gain:
    common = dict.fromkeys(METRICS, 0.5)
    scores = {"before": common | {"mota": before}, "after": common | {"mota": after}}
    return Gain(seed, 600, 30, scores, {"seconds": 240.0, "preset": "small"})


@pytest.fixture
def found() -> list[Gain]:
    return [gained(0, 0.5, 0.6), gained(1, 0.5, 0.7), gained(2, 0.5, 0.45)]


def test_held_out_are_the_last_clips_of_places_that_were_never_seen(tmp_path):
    with little_footage():
        mine = unseen_footage("tiny", root=tmp_path, progress=False)
        seen = footage_of(
            find(START), "tiny", root=tmp_path, parts=("train", "held_out"), progress=False
        )
    names = [{one.name for one in of} for of in (mine.train, mine.held_out)]
    assert names[0]
    assert names[1]
    assert not names[0] & names[1]
    places = {name.split("-")[0] for name in names[0] | names[1]}
    assert not places & {one.name.split("-")[0] for one in (*seen.train, *seen.held_out)}
    for place in places:
        assert max(n for n in names[0] if n.startswith(place)) < min(
            n for n in names[1] if n.startswith(place)
        )
    assert mine.digest != seen.digest


def test_recorded_ones_come_back_by_seed(tmp_path, found):
    assert load_gains(tmp_path) == []
    for one in reversed(found):
        record_gain(one, tmp_path)
    assert load_gains(tmp_path) == found


@pytest.mark.parametrize("text", ["{", "[]", '{"seed": 0}'])
def test_damaged_ones_are_told(tmp_path, found, text):
    path = record_gain(found[0], tmp_path)
    path.write_text(text)
    with pytest.raises(ValueError, match=r"0.json is no recorded training .* delete 0.json"):
        load_gains(tmp_path)
    record_gain(found[1], tmp_path).rename(path)
    with pytest.raises(ValueError, match=r"0.json is no .* it is of seed 1"):
        load_gains(tmp_path)


def test_rows_are_means_over_seeds_with_the_gain_of_each(found, empty_ledger):
    study.record_adapted(empty_ledger, found)
    rows = {row.id: row for row in empty_ledger.rows}
    before = rows["scalor.adapt.before.mota"]
    assert (before.value, before.low, before.n) == (0.5, None, 30)
    assert rows["scalor.adapt.after.mota"].value == pytest.approx(np.mean([0.6, 0.7, 0.45]))
    gain = rows["scalor.adapt.gain.mota"]
    assert gain.value == pytest.approx(np.mean([0.1, 0.2, -0.05]))
    assert gain.low is not None
    assert gain.low < 0 < gain.value
    table = study.adapted_table(empty_ledger)
    assert list(table["Tracker"]) == ["as recorded", "adapted", "gain"]
    assert table["MOTA"][0] == "0.500"


def test_the_sentence_counts_seeds_that_gain(found, empty_ledger):
    said = study.adapted_sentence(found)
    assert said.startswith("600 steps (4 minutes) from each of 3 seeds, judged on 30 held-out")
    assert "MOTA rises from 2 of them, by −0.050 to 0.20." in said
    assert len(study.adapted_figure(found).axes[0].get_yticks()) == 2


def test_nothing_recorded_is_told(empty_ledger):
    study.record_adapted(empty_ledger, [])
    assert "No adaptation" in study.adapted_sentence([])
    assert len(study.adapted_table(empty_ledger)) == 1


def test_a_seed_is_adapted_judged_and_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(adapted, "project_root", lambda: tmp_path)
    monkeypatch.setitem(trainings._ADAPT_STEPS, "tiny", 2)
    words = ["adapted", "--preset", "tiny", "--seeds", "3", "--device", "cpu"]
    with little_footage():
        record_untrained(tmp_path, [START])
        assert command.main(words) == 0
        (one,) = load_gains(tmp_path)
        assert (one.seed, one.steps, one.about["preset"]) == (3, 2, "tiny")
        path: Path = adapted_folder(tmp_path) / "3.json"
        record_gain(replace(one, steps=99), tmp_path)
        assert command.main(words) == 0
    assert load_gains(tmp_path)[0].steps == 99
    assert path.is_file()
