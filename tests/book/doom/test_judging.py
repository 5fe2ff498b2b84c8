"""Stretches, judging, and what is trained and compared."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from lib.book import doom as study
from lib.book.doom import experiments, judging, stretches
from lib.book.results import Ledger
from lib.book.rows import ID
from lib.evaluation.segmentation.summary import summarise
from lib.worlds.doom.classes import PixelClass
from tests.book.doom.parts import CHAPTER, STEPS, values
from tests.evaluation.segmentation.pictures import QUICK

pytestmark = pytest.mark.slow


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
