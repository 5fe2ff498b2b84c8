"""``seeing run scalor --experiment``: trains one, tells its scores, refuses what has no sense."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lib.book.scalor import footage, trainings
from lib.cli import app
from lib.evaluation.tracker_file import load_tracker
from lib.worlds.plaza import PlazaFootage, make_plaza
from tests.book.scalor.small import record_untrained

pytestmark = pytest.mark.usefixtures("little")


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A project's root elsewhere, with footage and trainings of seconds."""
    monkeypatch.setattr("lib.book.results.project_root", lambda: tmp_path)
    monkeypatch.setitem(footage._SPRITES, "tiny", 6)
    monkeypatch.setitem(trainings._LIVE_STEPS, "tiny", 5)
    return tmp_path


def test_an_experiment_is_trained_and_its_scores_are_told_and_kept(little):
    command = ["run", "scalor", "--experiment", "sprites_gradient", "--device", "cpu"]
    done = CliRunner().invoke(app, command, env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    for word in ("sprites_gradient", "MOTA", "held-out videos", "training videos", "5 steps"):
        assert word in done.output
    [kept] = little.glob("runs/scalor/*/scores.json")
    scores = json.loads(kept.read_text())
    assert set(scores) == {"heldout", "train"}
    [model] = little.glob("runs/scalor/*/sprites_gradient.safetensors")
    info = load_tracker(model).info
    assert (info.experiment, info.preset, info.stride) == ("sprites_gradient", "tiny", 1)
    assert set(scores["heldout"]["mota"]) == {"value", "low", "high", "n", "groups"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["run", "vqvae", "--experiment", "hard"], "is of the SCALOR chapter"),
        (["run", "scalor", "--experiment", "gan"], "choose one of sprites"),
        (
            ["run", "3", "--experiment", "hard", "-p", "steps=3"],
            "--parameter steps is of the whole",
        ),
        (["run", "3", "--experiment", "hard", "--record"], "leave --experiment out"),
    ],
)
def test_what_makes_no_sense_is_told(options, told):
    done = CliRunner().invoke(app, options)
    assert done.exit_code != 0
    assert told in " ".join(done.output.split())


def test_adapting_asks_for_videos():
    done = CliRunner().invoke(app, ["run", "scalor", "--experiment", "adapt"])
    assert done.exit_code == 1
    assert "--experiment adapt --data-dir street.mp4" in " ".join(done.output.split())


def test_adapting_is_judged_before_and_after_and_leaves_a_tracker(little, monkeypatch, tmp_path):
    monkeypatch.setitem(trainings._ADAPT_STEPS, "tiny", 2)
    record_untrained(little, ["second_multi"])
    own = PlazaFootage(
        scenes=1, clips=2, frames=10, size_px=32, people=2, supersample=1, backgrounds=("hard",)
    )
    make_plaza(tmp_path / "own", own, workers=1, progress=False)
    command = ["run", "scalor", "--experiment", "adapt", "--device", "cpu"]
    command += ["--data-dir", str(tmp_path / "own")]
    done = CliRunner().invoke(app, command, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    for word in ("adapt", "2 steps", "held out, before", "held out, after", "training, after"):
        assert word in done.output
    [kept] = little.glob("runs/scalor/*/scores.json")
    wanted = {f"{split}_{when}" for split in ("heldout", "train") for when in ("before", "after")}
    assert set(json.loads(kept.read_text())) == wanted
    [model] = little.glob("runs/scalor/*/adapt.safetensors")
    assert load_tracker(model).info.experiment == "adapt"
