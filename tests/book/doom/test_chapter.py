"""What the Doom chapter shows: looks, rows, pictures and tables."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from lib.book import doom as study
from lib.book.doom import experiments, facts, judging, tables
from lib.book.doom.experiments import Method
from lib.book.doom.palette import class_legend, cluster_legend
from lib.worlds.doom.classes import PixelClass
from tests.book.doom.footage import LENGTH, MAPS, MENUS
from tests.book.doom.parts import values

pytestmark = pytest.mark.slow


class TestLooks:
    def test_neighbours_come_from_training_maps(self, runs, played, splits, ledger):
        near = study.frame_neighbours(runs[0], played, splits, preset="tiny")
        for found in near.found.values():
            assert np.isin(found, splits.train).all()
        assert np.isin(near.queries, splits.test).all()
        assert set(near.overlap) == {"contrastive", "untrained", "colour", "chance"}
        menu = played.kinds[near.queries] != 0
        assert near.each["colour"][menu] == pytest.approx(1), "menus are all alike"
        drawn = study.preferred(runs[0], played, shown=3)
        study.record_looks(ledger, near, drawn, seed=0)
        rows = values(ledger)
        assert rows["doom.colour.neighbours.overlap"] == near.overlap["colour"].value
        assert rows["doom.sampler.train.guidance"] == pytest.approx(drawn.guidance)
        assert "9 × 16 mean colours" in facts.neighbour_sentence(near)
        assert isinstance(study.neighbours_figure(played, near), Figure)

    def test_what_was_drawn(self, runs, played):
        drawn = study.preferred(runs[0], played, shown=3)
        assert drawn.kinds["menu"].share == pytest.approx(MENUS / LENGTH)
        total = runs[0].selection.draws.sum(0)
        assert max(drawn.draws.values()) == total.max()
        assert min(drawn.draws.values()) == total.min()
        for frames in (drawn.most, drawn.least):
            assert np.abs(np.diff(np.sort(frames))).min() >= 10
        assert "tenth of the frames" in facts.sampler_sentence(drawn)
        assert isinstance(study.favourites_figure(played, drawn), Figure)
        assert isinstance(study.selection_figure(drawn), Figure)

    def test_without_labels(self, runs, own, splits):
        near = study.frame_neighbours(runs[0], own, splits, preset="tiny")
        assert near.overlap == {}
        assert "no labels" in facts.neighbour_sentence(near)
        drawn = study.preferred(runs[0], own, shown=2)
        assert list(drawn.kinds) == ["all frames"]
        assert drawn.correlations == {}
        for figure in (
            study.neighbours_figure(own, near),
            study.favourites_figure(own, drawn),
            study.footage_figure(own, splits),
            study.shares_figure(own, splits),
        ):
            assert isinstance(figure, Figure)


class TestRows:
    def test_scores_and_gains(self, judged, ledger, runs, parts):
        study.record_scores(ledger, judged)
        study.record_gains(ledger, judged)
        study.record_training(ledger, runs, seed=0)
        rows = {row.id: row for row in ledger.rows}
        for name, found in judged.items():
            assert rows[f"doom.{name}.heldout.miou"].value == judging.scores(found)["miou"].value
        gain = rows["doom.contrastive.over_colour_kmeans.miou"]
        assert gain.value == pytest.approx(
            rows["doom.contrastive.heldout.miou"].value
            - rows["doom.colour_kmeans.heldout.miou"].value
        )
        assert gain.low <= gain.value <= gain.high
        assert rows["doom.contrastive.train.spread"].value == runs[0].spread
        assert "doom.probe.heldout.clusters" not in rows
        table = study.score_table(ledger, study.SHARES)
        assert list(table["Method"]) == [found[0].method.words for found in judged.values()]
        looks = study.score_table(ledger, study.LOOKS)
        assert "told the classes: contrastive" not in list(looks["Method"])
        assert isinstance(study.scores_figure(ledger), Figure)

    def test_wobble_is_the_mean_step_of_the_late_loss(self, runs):
        history = runs[0].history.iloc[:4].copy()
        history["info_nce"] = [9.0, 5.0, 2.0, 4.0]
        assert facts.wobble(replace(runs[0], history=history)) == pytest.approx(2 / 3)

    def test_nothing_to_draw_without_scores(self, ledger):
        for figure in (study.scores_figure(ledger), study.effects_figure(ledger)):
            assert "no labels" in figure.axes[0].texts[0].get_text()


class TestPictures:
    def test_all_of_them(self, judged, played, splits, parts, runs):
        figures = [
            study.footage_figure(played, splits),
            study.views_figure(played, splits, runs[0].config, count=2),
            study.shares_figure(played, splits),
            study.history_figure(runs[0]),
            study.map_figure(judged["contrastive"][0], played, splits.train),
            study.methods_figure(judged, parts),
            study.class_figure(judged, played, splits),
            study.matrix_figure(judged["contrastive"][0]),
            study.counts_figure(judged),
            study.failure_figure(judged["contrastive"][0], parts),
        ]
        assert all(isinstance(one, Figure) for one in figures)

    def test_the_worst_frames_are_of_different_maps_first(self, judged, parts):
        figure = study.failure_figure(judged["contrastive"][0], parts, most=2)
        words = " ".join(text.get_text() for text in figure.axes[0].texts).replace("\n", " ")
        assert "04-player-map04:" in words
        assert "05-player-map05:" in words

    def test_colours_have_names(self):
        assert list(class_legend()) == [*(one.name.lower() for one in PixelClass), "no class"]
        assert len(set(class_legend().values())) == len(PixelClass) + 1
        assert list(cluster_legend([2, -1, 0])) == ["0", "2"]


class TestTables:
    def test_parts_of_the_footage(self, played, splits):
        table = study.split_table(played, splits)
        assert list(table["Frames"]) == [3 * LENGTH, LENGTH, 2 * LENGTH]
        assert list(table["Maps"]) == [3, 1, 2]
        line = study.footage_line(played, splits)
        assert line.startswith(f"{MAPS * LENGTH} frames at 10 a second, maps: 3 for train")
        shares = tables.part_shares(played, splits)
        assert sum(shares["test"].values()) == pytest.approx(1)
        assert shares["train"]["screen"] == pytest.approx(MENUS / LENGTH)

    def test_own_footage_has_stretches(self, own, splits):
        own = replace(own, store=replace(own.store, layout="playthrough"))
        assert "Stretches" in study.split_table(own, splits)
        assert "stretches of time" in study.footage_line(own, splits)
        assert tables.part_shares(own, splits) == {}


def test_a_method_names_its_trunk(runs):
    for name in ("untrained", "imagenet", "colour"):
        trunk = experiments.trunk_of(name, runs[0], seed=0)
        assert callable(trunk)
    assert Method("a", "b").trunk == "contrastive"
