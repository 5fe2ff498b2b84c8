"""SCALOR-2 beside the study's models and the one that learns nothing."""

import numpy as np
import pytest

from lib.book import scalor as study
from lib.book.scalor import pictures
from lib.book.scalor.experiments import SECOND
from lib.book.scalor.kept import judge_recorded, load_recorded
from lib.book.scalor.trainings import training
from tests.book.scalor.small import little_footage, record_untrained


@pytest.fixture(scope="module")
def second(tmp_path_factory, shown_all):  # whose little footage lasts longer
    """An untrained model of SCALOR-2 on people, judged on two clips."""
    root, names = tmp_path_factory.mktemp("second"), ["second_hard"]
    with little_footage():
        record_untrained(root, names)
        yield {
            name: judge_recorded(one, root=root, clips=2, progress=False)
            for name, one in load_recorded(names, root=root).items()
        }


@pytest.fixture
def told(second, shown_all, recorded_root, empty_ledger):
    """(ledger with all rows, references)"""
    references = study.judge_references(shown_all, root=recorded_root, progress=False)
    study.record_all(empty_ledger, shown_all)
    for one in second.values():
        study.record_shown(empty_ledger, one)
    study.record_references(empty_ledger, references, seed=0)
    return empty_ledger, references


def test_the_footage_that_the_study_failed_on_is_there():
    assert {(one.footage, one.background) for one in SECOND} == {
        ("sprites_textured", "leaves"), ("place", "gradient"), ("place", "hard"),
        ("places", "hard"),
    }  # fmt: skip
    for one in SECOND:
        configs = [training(one, preset).model for preset in ("tiny", "small", "full")]
        assert {config.background for config in configs} == {"remembered"}
        assert {config.likelihood for config in configs} == {"mixture"}
        assert not any(config.appearance_floor for config in configs)


@pytest.mark.parametrize("preset", ["small", "full"])
def test_shadows_fall_on_grounds_alone_and_grounds_are_tight_under_people(preset):
    models = {one.name: training(one, preset).model for one in SECOND}
    assert {name for name, of in models.items() if of.shadow < 1} == {"second_hard", "second_multi"}
    assert {name for name, of in models.items() if of.ground_sigma is None} == {"second_leaves"}


def test_the_picture_shows_what_discovery_sees(second, shown_all):
    figure = study.sight_panels({**shown_all, **second})
    images = [image.get_array() for image in figure.axes[0].images]
    assert len(images) == 6
    one = second["second_hard"]
    clip = pictures.fullest(one.heldout).clip
    np.testing.assert_array_equal(images[0], clip.frames[-1])
    np.testing.assert_array_equal(images[1], clip.behind)
    frame, shaded, differs = (images[k].astype(float) for k in (0, 2, 3))
    assert (shaded <= clip.behind + 0.5).all()
    wanted = np.clip(127.5 + 2.5 * (frame - shaded), 0, 255)
    assert np.abs(differs - wanted).max() < 2.5
    none = study.sight_panels(shown_all)
    assert "not part of it" in none.axes[0].texts[0].get_text()


def test_clips_come_with_what_is_behind_everybody(second):
    for one in second.values():
        assert all(clip.behind is not None for clip in one.heldout.clips)


def test_table_has_three_models_on_each_footage(second, told):
    ledger, references = told
    table = study.second_table(ledger, second, references)
    assert table["Model"].tolist() == ["SCALOR-2", "SCALOR, hard", "MOG2, SORT"]
    assert table["Footage"].tolist() == ["one place, as it is"] * 3
    assert "–" not in table[["MOTA", "IDF1"]].to_numpy()


def test_the_sentence_counts_who_is_ahead(second, told):
    ledger, references = told
    rows = {row.id: row.value for row in ledger.rows}
    mine = rows["scalor.second_hard.heldout.mota"]
    ahead = [mine > rows[f"scalor.{name}.heldout.mota"] for name in ("hard", "classical_hard")]
    said = study.second_sentence(ledger, second, references)
    assert f"other SCALOR here on {ahead[0]:d} of 1 kinds of footage" in said
    assert f"that of MOG2 with SORT on {ahead[1]:d}." in said
    assert "A training takes 100 steps, here 0.17 minutes" in said


def test_without_the_reference_it_is_told(second, told):
    ledger, references = told
    other = {"gradient": references["gradient"]}
    with pytest.raises(ValueError, match="second_hard: no reference on its footage, place with ha"):
        study.second_table(ledger, second, other)


def test_on_footage_of_ones_own(empty_ledger):
    assert study.second_sentence(empty_ledger, {}, {}) == "SCALOR-2 is not part of this run."
    assert "your own footage" in study.second_table(empty_ledger, {}, {}).to_string()
