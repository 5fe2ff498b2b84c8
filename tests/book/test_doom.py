"""The Doom chapter's parts on a small made-up playthrough and barely trained networks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from lib.book import doom as study
from lib.book.doom import experiments, facts, judging, stretches, tables
from lib.book.doom.experiments import Method
from lib.book.doom.judging import Judged
from lib.book.doom.palette import class_legend, cluster_legend
from lib.book.results import Ledger
from lib.book.rows import ID
from lib.data.playthrough import Playthrough
from lib.data.splits import Splits
from lib.evaluation.segmentation.summary import summarise
from lib.training.contrastive import ContrastiveConfig, TrainedContrastive
from lib.training.views import ViewSettings
from lib.worlds.doom.classes import PixelClass
from tests.book.doom_footage import LENGTH, MAPS, MENUS, playthrough
from tests.evaluation.segmentation.pictures import QUICK

pytestmark = pytest.mark.slow
CHAPTER = "01-doom-segmentation"
STEPS = 12


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Everything small: the numbers of this module say nothing.

    Not narrower than 8: with 4 channels and one thread, oneDNN's AVX2 kernel for the weights of
    1 x 1 convolutions writes past their end.
    """
    small = replace(
        ContrastiveConfig.preset("tiny"), width=8, embedding=8, queue_size=32, batch_size=8,
        steps=STEPS, views=ViewSettings(size_px=32),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ContrastiveConfig,
            "preset",
            classmethod(
                lambda _, preset, method="contrastive": replace(
                    small, name=method, **experiments.METHODS[method]
                )
            ),
        )
        patch.setitem(experiments.SEGMENTATION, "tiny", replace(QUICK, fit_frames=8))
        patch.setitem(stretches.LENGTHS, "tiny", (2, 5))
        yield


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Playthrough:
    return playthrough(tmp_path_factory.mktemp("pan"))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Playthrough:
    """Somebody's video: frames, and nothing known of them."""
    return playthrough(tmp_path_factory.mktemp("own"), labelled=False)


@pytest.fixture(scope="module")
def splits(played: Playthrough) -> Splits:
    return played.split()


@pytest.fixture(scope="module")
def runs(
    played: Playthrough, splits: Splits, tmp_path_factory: pytest.TempPathFactory
) -> list[TrainedContrastive]:
    root = tmp_path_factory.mktemp("runs")
    return study.train_main(played, splits, preset="tiny", root=root, device="cpu")


@pytest.fixture(scope="module")
def parts(played: Playthrough, splits: Splits) -> list[stretches.Stretch]:
    return study.held_out_stretches(played, splits.test, "tiny")


@pytest.fixture(scope="module")
def judged(runs, played, splits, parts) -> dict[str, list[Judged]]:
    methods = [study.MAIN, study.BASELINES[0], study.BASELINES[1], study.PROBES[0]]
    return study.judge_all(methods, runs, played, splits.train, parts, preset="tiny")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(CHAPTER, "tiny", root=tmp_path, hardware="a test")


def values(ledger: Ledger) -> dict[str, float | None]:
    return {row.id: row.value for row in ledger.rows}


class TestStretches:
    def test_they_follow_one_another_on_held_out_maps(self, played, splits, parts):
        assert [one.group for one in parts] == ["04-player-map04"] * 2 + ["05-player-map05"] * 2
        for one in parts:
            assert (np.diff(one.indices) == 1).all()
            assert len(set(played.store.recordings[one.indices])) == 1
            assert set(one.indices) <= set(splits.test.tolist())
            assert (one.frames == played.store.frames[one.indices]).all()
            assert (one.truth == played.labels[one.indices]).all()

    def test_gaps_are_not_crossed(self, played, splits):
        numbers = played.store.frame_numbers.copy()
        numbers[splits.test[7] :] += 500
        torn = replace(played, store=replace(played.store, frame_numbers=numbers))
        for one in study.held_out_stretches(torn, splits.test, "tiny"):
            assert (np.diff(numbers[one.indices]) == 1).all()

    def test_too_little_footage(self, played, splits):
        with pytest.raises(ValueError, match="no held-out part of the playthrough has 5 frames"):
            study.held_out_stretches(played, splits.test[:3], "tiny")

    def test_one_of_each_map_is_shown(self, parts):
        assert stretches.first_of_each(parts, 6) == [0, 2]
        assert stretches.first_of_each(parts, 1) == [0]


class TestJudging:
    def test_every_method_is_scored_on_the_same_frames(self, judged, parts):
        frames = sum(len(one.frames) for one in parts)
        for found in judged.values():
            assert sum(one.frames for one in found[0].counts) == frames
            assert set(found[0].labels) == {0, 2}
            found_scores = judging.scores(found)
            assert found_scores["miou"].groups == 2
            assert 0 <= found_scores["miou"].value <= 1

    def test_a_probe_has_its_own_names(self, judged):
        [probe] = judged["probe"]
        assert probe.matching == "named"
        assert probe.segmenter is None
        assert probe.names.tolist() == [*range(len(PixelClass)), -1]
        assert summarise(probe.counts, matching="named")["pixel_accuracy"].value > 0.5

    def test_segments_in_the_classes_of_their_clusters(self, judged, parts):
        [one] = judged["contrastive"]
        named = one.classes(0)
        assert named.shape == parts[0].truth.shape
        right = [
            (one.classes(place) == parts[place].truth)[parts[place].truth != 255].mean()
            for place in one.labels
        ]
        assert max(right) > 0.2
        matched = set(one.names.tolist()) - {-1}
        assert len(matched) == len([n for n in one.names if n >= 0]), "a class was given twice"

    def test_footage_without_labels_is_segmented_all_the_same(self, own, runs, splits, tmp_path):
        parts = study.held_out_stretches(own, splits.test, "tiny")
        found = study.judge_all(
            [study.MAIN, study.PROBES[0]], runs, own, splits.train, parts, preset="tiny"
        )
        assert set(found) == {"contrastive"}, "a probe needs labels"
        assert judging.scores(found["contrastive"]) == {}
        ledger = Ledger(CHAPTER, "tiny", root=tmp_path, hardware="a test")
        study.record_scores(ledger, found)
        study.record_gains(ledger, found)
        assert set(values(ledger)) == {
            "doom.contrastive.heldout.clusters", "doom.contrastive.heldout.noise_share",
        }  # fmt: skip

    def test_a_method_is_judged_once(self, runs, played, splits, parts, judged, monkeypatch):
        """Whatever else is trained, shown or asked: until it, its footage or the truth changes."""

        def no_more(*_, **__):
            raise AssertionError("judged again")

        monkeypatch.setattr(judging, "judge", no_more)
        again = study.judge_all(
            [study.MAIN, study.PROBES[0]], runs, played, splits.train, parts, preset="tiny"
        )
        assert judging.scores(again["contrastive"]) == judging.scores(judged["contrastive"])
        assert judging.scores(again["probe"]) == judging.scores(judged["probe"])
        asked = (played, splits.train, parts)
        others = {
            "another seed": (study.MAIN, *asked, 1),
            "another method": (study.WITHOUT[0], *asked, 0),
            "other frames": (study.MAIN, played, splits.train[:-1], parts, 0),
            "other stretches": (study.MAIN, played, splits.train, parts[1:], 0),
            "another truth": (
                study.PROBES[0], replace(played, labels=255 - played.labels), splits.train, parts, 0
            ),
        }  # fmt: skip
        for method, footage, train, stretches_, seed in others.values():
            with pytest.raises(AssertionError, match="judged again"):
                study.judge_all(
                    [method], runs, footage, train, stretches_, preset="tiny", seed=seed
                )

    def test_each_sequence_by_itself(self, runs, parts, ledger):
        own = study.segment_each(runs[0], parts, QUICK, seed=0)
        assert set(own.labels) == {0, 2}
        assert len(own.counts) == len(own.clusters) == len(own.outcomes) == 2
        study.record_own(ledger, own, seed=0)
        rows = values(ledger)
        assert rows["doom.contrastive.sequence.clusters"] == np.mean(own.clusters)
        wanted = summarise(own.counts, matching="each")["miou"].value
        assert rows["doom.contrastive.sequence.miou"] == pytest.approx(wanted)
        assert "no labels" in study.own_sentence(ledger), "nothing to compare with yet"
        ledger.record("doom.contrastive.heldout.miou", 0.123)
        assert "against 12.3 %" in study.own_sentence(ledger)
        assert isinstance(study.sequence_figure(parts, own), Figure)
        path = study.sequence_movie(ledger.root / "deep" / "a.gif", parts, own)
        assert path.read_bytes()[:6] == b"GIF89a"

    @pytest.mark.parametrize(
        ("trained", "random", "imagenet", "said"),
        [
            (0.30, 0.20, 0.40, "photographs bring them nearer"),
            (0.21, 0.20, 0.40, "do not tell trained features from random ones"),
            (0.40, 0.20, 0.41, "as photographs do"),
            (0.21, 0.20, 0.22, "leave open"),
        ],
    )
    def test_what_a_line_can_read_goes_by_the_intervals(
        self, ledger, trained, random, imagenet, said
    ):
        assert "no labels" in study.ceiling_sentence(ledger)
        values = {"probe": trained, "probe_random": random, "probe_imagenet": imagenet}
        for name, value in values.items():
            ledger.record(f"doom.{name}.heldout.miou", value, low=value - 0.02, high=value + 0.02)
        told = study.ceiling_sentence(ledger)
        assert said in told
        assert f"{100 * trained:.0f} ({100 * trained - 2:.0f}–" in told.replace(".0", "")

    def test_an_effect_is_clear_where_its_interval_leaves_zero_out(self, ledger):
        assert "no labels" in study.effects_sentence(ledger)
        for name, low in (("no_queue", 0.01), ("pca", -0.01), ("kmeans", -0.04)):
            ledger.record(f"doom.effect.{name}.miou", low + 0.015, low=low, high=low + 0.03)
        told = study.effects_sentence(ledger)
        assert "2 of 3 changes" in told
        assert "changes: no memory queue, k-means instead of HDBSCAN." in told


class TestExperiments:
    def test_changes_are_of_the_presets_settings(self):
        scale = next(one for one in study.WITHOUT if one.name == "single_scale")
        assert scale.config("tiny").scales == (1.0,)
        assert scale.config("tiny").fit_pixels == study.SEGMENTATION["tiny"].fit_pixels
        colour = study.BASELINES[0].config("tiny")
        assert (colour.reduction, colour.clustering) == ("none", "kmeans")

    def test_names_are_unique_and_fit_for_the_ledger(self):
        names = [m.name for m in (study.MAIN, *study.BASELINES, *study.PROBES, *study.WITHOUT)]
        names += [name for name in experiments.COMPARED if name != "contrastive"]
        assert len(set(names)) == len(names)
        for name in names:
            assert ID.fullmatch(f"doom.{name}.heldout.miou")

    def test_shares_of_the_steps(self):
        assert study.config_of("dense", "tiny").steps == max(20, STEPS)
        with pytest.raises(ValueError, match="share is 0.0; give a number above 0"):
            study.config_of("dense", "tiny", share=0.0)

    def test_compared_trainings_differ_in_one_thing(self, played, splits, tmp_path, ledger, parts):
        with pytest.MonkeyPatch.context() as patch:
            names = ("contrastive", "no_queue")
            patch.setattr(experiments, "COMPARED", {n: experiments.COMPARED[n] for n in names})
            trained = study.train_compared(
                played, splits, preset="tiny", root=tmp_path, device="cpu"
            )
        assert set(trained) == set(names)
        (base,), (other,) = trained.values()
        assert replace(base.config, name="no_queue", queue=False) == other.config
        study.record_compared(ledger, trained, seed=0)
        short = study.judge_compared(trained, played, splits.train, parts, preset="tiny")
        study.record_scores(ledger, short, split="short")
        study.record_effects(ledger, short, "contrastive")
        rows = values(ledger)
        gone = rows["doom.no_queue.short.miou"] - rows["doom.contrastive.short.miou"]
        assert rows["doom.effect.no_queue.miou"] == pytest.approx(gone)
        assert rows["doom.no_queue.short.effective_rank"] == other.effective_rank
        assert "doom.effect.contrastive.miou" not in rows
        table = study.compared_table(ledger)
        assert list(table["Training"]) == [experiments.COMPARED[name] for name in names]
        assert isinstance(study.effects_figure(ledger), Figure)


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
