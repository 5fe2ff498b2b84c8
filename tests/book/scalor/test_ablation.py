"""SCALOR-2 without each of its ideas: what is left out, what is recorded, what is refused."""

from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from lib.book.scalor import ablation, trainings
from lib.book.scalor.ablation import (
    CHANGES,
    Ablated,
    ablation_folder,
    carry_out_change,
    changed,
    load_changes,
    main,
    record_change,
)
from lib.book.scalor.experiments import find
from lib.book.scalor.scored import METRICS
from lib.book.scalor.trainings import training
from lib.evaluation.following import Reading
from tests.book.scalor.small import little_footage

_JUDGED = SimpleNamespace(clips=[0], scores={name: SimpleNamespace(value=0.5) for name in METRICS})
ONE = Ablated(
    "second_hard",
    "shadows",
    1,
    10,
    3,
    dict.fromkeys(METRICS, 0.5),
    {"preset": "small", "run": "r"},
)  # fmt: skip


def test_each_change_leaves_out_one_idea_alone():
    config = training(find("second_hard"), "small")
    model = asdict(config.model)
    for name, change in CHANGES.items():
        without = changed("second_hard", name, "small")
        differs = {key for key, value in asdict(without.model).items() if value != model[key]}
        assert differs == set(change.model), name
        rest = replace(
            without, model=config.model, annealing=config.annealing,
            background_rate=config.background_rate, undecided=config.undecided,
        )  # fmt: skip
        assert without.undecided == change.training.get("undecided", 0.0)
        assert rest == config
        learns = without.model.background != "remembered"
        assert (without.annealing.background_steps > 0) == learns
        assert (without.background_rate != config.background_rate) == learns


def test_unknown_changes_are_told():
    with pytest.raises(ValueError, match="change is 'luck'; choose one of whole, memory"):
        changed("second_hard", "luck", "small")
    with pytest.raises(ValueError, match="experiment is 'hard'; choose one of second_leaves"):
        changed("hard", "whole", "small")
    with pytest.raises(SystemExit):
        main(["luck"])


def test_recorded_ones_come_back_by_change_and_seed(tmp_path):
    assert load_changes(tmp_path) == []
    other = replace(ONE, change="whole", seed=2)
    never = replace(ONE, seed=0, scores=ONE.scores | {"psnr_db": float("nan")})
    elsewhere = replace(ONE, experiment="second_leaves", change="scene")
    for one in (ONE, other, never, elsewhere):
        record_change(one, tmp_path)
    found = load_changes(tmp_path)
    assert [(one.change, one.seed) for one in found] == [
        ("scene", 1), ("whole", 2), ("shadows", 0), ("shadows", 1),
    ]  # fmt: skip
    assert found[3] == ONE
    assert found[2].scores["psnr_db"] != found[2].scores["psnr_db"]


@pytest.mark.parametrize("text", ["{", "[]", '{"change": "shadows"}'])
def test_damaged_ones_are_told(tmp_path, text):
    path = record_change(ONE, tmp_path)
    path.write_text(text)
    with pytest.raises(ValueError, match=r"is no recorded .* delete second_hard-shadows-1.json"):
        load_changes(tmp_path)


def test_one_under_another_name_is_told(tmp_path):
    record_change(ONE, tmp_path).rename(ablation_folder(tmp_path) / "second_hard-rivals-1.json")
    with pytest.raises(ValueError, match=r"is of 'second_hard', 'shadows' from seed 1"):
        load_changes(tmp_path)


@pytest.fixture
def little(monkeypatch):
    """Trainings of seconds."""
    monkeypatch.setattr(ablation, "_CLIPS", 2)
    stages = ((0.0, 1, 4), (0.5, 2, 4))
    monkeypatch.setattr(trainings, "_PEOPLE_STAGES", stages)
    with little_footage():
        yield


@pytest.mark.parametrize(
    ("experiment", "change"),
    [("second_hard", "memory"), ("second_hard", "rivals"), ("second_leaves", "scene")],
)
def test_one_is_trained_judged_and_not_made_again(
    tmp_path, monkeypatch, little, experiment, change
):
    monkeypatch.setattr(ablation, "project_root", lambda: tmp_path)
    command = [change, "--experiment", experiment, "--preset", "tiny", "--seeds", "3"]
    command += ["--device", "cpu"]
    assert main(command) == 0
    (found,) = load_changes(tmp_path)
    assert (found.experiment, found.change, found.seed) == (experiment, change, 3)
    assert found.clips in (1, 2)
    assert found.about["preset"] == "tiny"
    monkeypatch.setattr(ablation, "carry_out_change", None)
    assert main(command) == 0


def test_a_share_of_the_steps_is_made(tmp_path, little):
    one = carry_out_change(
        "second_hard", "whole", 0, "tiny", root=tmp_path, device="cpu", share=2.0, progress=False
    )
    assert one.steps == 10


def test_what_is_only_read_otherwise_is_not_trained_again(tmp_path, monkeypatch, little):
    options = {"root": tmp_path, "device": "cpu", "share": 2.0, "progress": False}
    whole = carry_out_change("second_hard", "whole", 0, "tiny", **options)
    seen = []
    monkeypatch.setattr(ablation, "judge", lambda *given, **_: seen.append(given) or _JUDGED)
    masks = carry_out_change("second_hard", "colours", 0, "tiny", **options)
    assert masks.about["run"] == whole.about["run"]
    assert seen[0][2].reading == Reading(most_ground=None, least_alpha=0.04)
