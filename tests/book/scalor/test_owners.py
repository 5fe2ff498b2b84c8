"""Whose a pixel is, read in several ways: which experiments, rows, table, figure, sentence."""

from dataclasses import replace

import pytest

from lib.book import scalor as study
from lib.book.scalor import owners
from lib.evaluation.following import Reading, follow
from lib.evaluation.intervals import Estimate
from lib.evaluation.tracking import score_video, summarise


@pytest.fixture(scope="module")
def found(shown_all, recorded_root):
    sound = {name: with_mota(one, 0.5) for name, one in shown_all.items()}
    return study.judge_owners(sound, root=recorded_root, progress=False)


def with_mota(one, value):
    """As if it had this MOTA on clips: untrained models have none above 0."""
    heldout = {**one.scores["heldout"], "mota": Estimate(value, None, None, 2, 1)}
    return replace(one, scores={**one.scores, "heldout": heldout})


def test_the_study_s_toys_and_what_finds_nobody_are_left_out(found, shown_all, recorded_root):
    people = {name for name, one in shown_all.items() if not one.experiment.sprites}
    assert set(found) == people
    assert people < set(shown_all)
    nobody = {name: with_mota(one, 0.0) for name, one in shown_all.items()}
    assert study.judge_owners(nobody, root=recorded_root) == {}


def test_every_way_is_that_reading_of_the_clips(found, shown_all):
    one = shown_all["gradient"]
    for way, reading in (
        ("mask015", Reading(least_alpha=0.15, most_ground=None)),
        ("colours", Reading()),
        ("study", Reading.study()),
    ):
        counts = []
        for clip in one.heldout.clips:
            (seen,) = follow(one.model, clip.frames[None], reading=reading)
            counts.append(score_video(seen.boxes, clip.truth, group=clip.sequence))
        wanted = summarise(counts)
        for metric in ("mota", "idf1"):
            assert found["gradient"].scores[way][metric].value == pytest.approx(
                wanted[metric].value, nan_ok=True
            )


def test_the_best_opacity_is_best_and_colours_are_compared_with_it(found):
    for one in found.values():
        motas = {o: one.scores[f"mask{round(100 * o):03d}"]["mota"].value for o in owners.OPACITIES}
        assert motas[one.best] == max(motas.values())
        assert one.gain.value == pytest.approx(
            one.scores["colours"]["mota"].value - motas[one.best]
        )


def test_rows_table_figure_and_sentence(found, empty_ledger):
    ledger = empty_ledger
    study.record_owners(ledger, found)
    rows = {row.id: row for row in ledger.rows}
    assert "scalor.owners_study_gradient.heldout.idf1" in rows
    assert "scalor.owners_gain_hard.heldout.mota" in rows
    assert sum(".owners_mask" in id and id.endswith("idf1") for id in rows) == len(found)
    table = study.owners_table(ledger, found)
    assert len(table) == sum(len(one.scores["colours"]) for one in found.values())
    assert set(table["Experiment"]) == {one.title for one in found.values()}
    assert len(study.owners_figure(found).axes) == 1
    text = study.owners_sentence(ledger, found)
    assert f"of {len(found)}." in text or "of two." in text
    assert study.owners_sentence(ledger, {}) == owners.NONE
    assert owners.NONE in str(study.owners_table(ledger, {}).iloc[0, 0])
