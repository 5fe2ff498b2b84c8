"""Tables of the SCALOR chapter: from the model, the experiments, the ledger."""

from dataclasses import replace

import pytest

from lib.book import scalor as study
from lib.book.scalor import tables
from lib.book.scalor.experiments import EXPERIMENTS
from lib.book.tables import to_markdown
from lib.models.scalor import ScalorConfig


def test_parameters_add_up_to_the_originals():
    table = study.parameter_table()
    assert table["Parameters"].iloc[-1] == table["Parameters"].iloc[:-1].sum() == 5_000_002
    small = study.parameter_table(tables.official_model(ScalorConfig(background="none")))
    assert not small["Module"].str.contains("background, decoder").any()


def test_every_experiment_stands_in_its_table_with_what_the_write_up_says():
    table = study.experiment_table().set_index("Experiment")
    assert list(table.index) == [one.name for one in EXPERIMENTS]
    assert table.loc["sprites", "The write-up says"] == "–"
    assert table.loc["blurred_perceptual_gan", "Added to the bound"] == "perceptual, adversarial"
    assert table.loc["no_background_encoder", "Windows"] == "fixed"
    assert table.loc["multi", "Footage"] == "several places"


def test_schedules_name_their_settings_in_full():
    table = study.schedule_table()
    rows = {row[""]: row for row in table.to_dict("records")}
    full = rows["here, `full`: people"]
    assert full["Optimiser"] == "RMSprop, 4 × 10⁻⁵"
    assert full["Temperature, steps"] == "1 to 0.5, 20,000"
    assert full["Gradients through time from"] == "30,000"
    assert rows["the study"]["Steps"] == "8,000 to 13,600, as named"


def test_differences_are_told_of_sizes_that_are():
    table = study.difference_table().set_index("")
    assert table.loc["pixels, cells, glimpse", "Original"] == "128², 8 × 8, 64²"
    assert table.loc["parameters", "Study"] == "5,000,002"


def test_a_row_an_experiment_and_split(shown_all, empty_ledger):
    study.record_all(empty_ledger, shown_all)
    table = study.results_table(empty_ledger, shown_all)
    assert len(table) == 6
    clips = {name: (one.judged["heldout"], one.judged["train"]) for name, one in shown_all.items()}
    names = [
        f"held out ({n})" if i == 0 else f"training ({n})"
        for both in clips.values()
        for i, n in enumerate(both)
    ]
    assert table["Videos (clips)"].tolist() == names
    said = table[table["Experiment"] == "hard"]["The write-up says"].tolist()
    assert said == ["reconstruction fails", ""]
    stages = study.stages_table(empty_ledger, shown_all)
    assert "boxes that are followed" in stages
    for one in (table, stages):
        assert to_markdown(one).count("\n") == 7


def test_a_score_that_was_not_recorded_is_a_dash(shown_all, empty_ledger):
    table = study.results_table(empty_ledger, shown_all)
    assert set(table["MOTA"]) == {"–"}


def test_the_live_model_has_a_column_a_split(shown_all, empty_ledger):
    live = shown_all["sprites_gradient"]
    study.record_live(empty_ledger, live)
    table = study.live_table(empty_ledger, live)
    assert list(table) == ["Score", "held out", "training"]
    assert "PSNR, dB" in table["Score"].tolist()


def test_without_experiments_or_truth_a_table_says_so(shown_all, empty_ledger):
    for table in (
        study.results_table(empty_ledger, {}),
        study.stages_table(empty_ledger, {}),
        study.live_table(empty_ledger, replace(shown_all["gradient"], scores={})),
    ):
        assert "no scores" in to_markdown(table)


def test_scores_for_figures(shown_all, empty_ledger):
    study.record_all(empty_ledger, shown_all)
    found = tables.scores_of(empty_ledger, shown_all)
    one = shown_all["hard"]
    value = found[one.experiment.title]["mota"]["training"][0]
    assert value == pytest.approx(one.scores["train"]["mota"].value)
    assert tables.scores_of(empty_ledger, {}) == {}
