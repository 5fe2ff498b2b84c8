"""Splits of the cars, and what is trained at each preset."""

import numpy as np
import pytest

from lib.book import sideswipe as study
from lib.book.results import project_root
from lib.book.sideswipe import experiments, judging
from lib.training.classifier import STEPS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("split", experiments.SPLITS)
def test_every_split_holds_out_what_it_says(cars, split):
    splits = study.split_cars(cars.images, split, seed=1)
    labels, groups = cars.images.labels, cars.images.store.groups
    train, test = splits.train, splits.test
    assert len(train) + len(splits.validation) + len(test) == len(groups)
    if split == "random":
        assert len(test) == round(0.1 * len(groups))
    elif split == "unseen_rotations":
        rotations = labels["x_rotation"].to_numpy()
        assert not set(rotations[train]) & set(rotations[test])
    else:
        assert not set(groups[train]) & set(groups[test])
    if split == "unseen_parts":
        for part in ("wheel", "hat"):
            held = set(splits.held_out[part])
            assert not set(labels[part].to_numpy()[train]) & held


def test_a_share_of_nothing():
    with pytest.raises(ValueError, match="share is 0.0; give a number above 0"):
        experiments.config_of("writeup", "tiny", share=0.0)


def test_fewer_loadouts_are_whole_ones(cars):
    train = experiments.split_cars(cars.images, "grouped").train
    kept = experiments.fewer_loadouts(train, cars.images, 5)
    groups = cars.images.store.groups
    assert len(kept) == 50
    assert len(np.unique(groups[kept])) == 5
    assert set(kept) <= set(train)
    with pytest.raises(ValueError, match="loadouts is 99; give a number from 1 to"):
        experiments.fewer_loadouts(train, cars.images, 99)


@pytest.mark.parametrize("preset", ["tiny", "small", "full"])
def test_every_preset_has_what_the_chapter_shows(preset):
    ids = [experiment.id for experiment in study.plan(preset)]
    assert len(set(ids)) == len(ids)
    for id in ("writeup.random.faithful", "writeup.grouped.hard", "small.grouped.hard"):
        assert f"sideswipe.{id}" in ids


@pytest.mark.parametrize("preset", ["tiny", "small", "full"])
def test_the_table_of_presets_has_their_steps_and_seeds(preset):
    text = (project_root() / "chapters" / "reproduce.qmd").read_text(encoding="utf-8")
    table = text[: text.index("{#tbl-presets-sideswipe}")].rpartition("| preset |")[2]
    [line] = [line for line in table.splitlines() if line.startswith(f"| `{preset}`")]
    _, _, _, training, scored, seeds, _ = (cell.strip() for cell in line.split("|"))
    assert training.startswith(f"{STEPS[preset]:,} steps")
    assert f"{judging.MOST[preset]:,} at most" in scored
    assert int(seeds) == experiments.SEEDS[preset]
