"""Rows and sentences of the SCALOR chapter, and what was measured beside the original."""

import json
from dataclasses import replace

import pandas as pd
import pytest
import torch

from lib.book import scalor as study
from lib.book.claims import read_claims
from lib.book.results import project_root
from lib.book.rows import ID
from lib.book.scalor import facts
from lib.book.scalor.ablation import CHANGES
from lib.book.scalor.beside import CASES
from lib.book.scalor.experiments import BY_NAME, EXPERIMENTS
from lib.book.scalor.shown import METRICS, _sound
from lib.evaluation.intervals import Estimate
from lib.evaluation.scalor_stages import stages
from tests.book.scalor.small import write_beside


def values(ledger):
    return {row.id: row.value for row in ledger.rows}


class TestRows:
    def test_of_every_experiment_and_split(self, shown_all, empty_ledger):
        study.record_all(empty_ledger, shown_all)
        rows = {row.id: row for row in empty_ledger.rows}
        assert all(ID.fullmatch(id) for id in rows)
        for name in shown_all:
            for split in ("heldout", "train"):
                row = rows[f"scalor.{name}.{split}.mota"]
                assert (row.run, row.seconds, row.seeds) == ("run", 10.0, (0,))
                assert row.n == shown_all[name].judged[split]
            assert rows[f"scalor.{name}.training.steps"].value == 100
            assert rows[f"scalor.{name}.training.loss_end"].value == 1
        assert rows["scalor.gradient.heldout.psnr_db"].unit == "dB"
        gap = rows["scalor.all.gap.hota"]
        assert gap.n == 3
        assert gap.low < gap.value < gap.high
        assert gap.value == pytest.approx(
            sum(
                rows[f"scalor.{name}.train.hota"].value - rows[f"scalor.{name}.heldout.hota"].value
                for name in shown_all
            )
            / 3
        )

    def test_what_is_trained_live_has_rows_of_its_own(self, shown_all, empty_ledger):
        study.record_live(empty_ledger, shown_all["sprites_gradient"])
        assert all(id.startswith("scalor.live.") for id in values(empty_ledger))
        own = replace(shown_all["gradient"], experiment=study.find("multi"))
        study.record_live(empty_ledger, own)
        assert "scalor.own.heldout.mota" in values(empty_ledger)

    def test_a_score_that_does_not_exist_has_no_value(self, shown_all, empty_ledger):
        one = shown_all["gradient"]
        none = Estimate(float("nan"), None, None, 2, 1)
        lost = replace(one, scores={"heldout": {**one.scores["heldout"], "mixed": none}})
        study.record_all(empty_ledger, {"gradient": lost})
        assert values(empty_ledger)["scalor.gradient.heldout.mixed"] is None

    def test_an_interval_has_ends_or_is_none(self):
        assert _sound(Estimate(0.5, float("nan"), float("nan"), 3, 2)).low is None
        assert _sound(Estimate(0.5, 0.4, 0.6, 3, 2)).high == 0.6
        assert _sound(Estimate(0.5, None, None, 3, 1)).low is None

    def test_sizes_and_schedule(self, empty_ledger):
        study.record_sizes(empty_ledger, seed=0)
        study.record_schedule(empty_ledger, seed=0)
        found = values(empty_ledger)
        assert found["scalor.official.sizes.params"] == 5_000_002
        assert found["scalor.official.schedule.temperature_8000"] == pytest.approx(0.758, abs=1e-3)
        said = study.schedule_sentence(empty_ledger)
        assert "0.758 at step 8,000 and 0.624 at step 13,600" in said

    def test_every_claim_of_the_chapter_names_a_row_that_it_records(self):
        claims = [one for one in read_claims() if one.chapter == "03-scalor-motsynth"]
        assert len(claims) > 25
        known = set(BY_NAME) | {"live", "classical_gradient", "classical_hard"}
        for claim in claims:
            for id in filter(None, (claim.id, claim.other_id)):
                study_name, *rest = id.split(".")
                if study_name == "scalor" and rest[0] in known:
                    assert rest[1] in ("heldout", "train", "unseen_scene"), id
                    assert rest[2] in METRICS, id
                else:
                    assert id in {
                        "scalor.all.gap.hota", "scalor.official.sizes.params",
                        "scalor.sight.recurrent",
                        "scalor.official.parity.loss_difference",
                        "scalor.official.parity.gradient_difference",
                        *(f"scalor.ablation_{change}.worth.mota" for change in CHANGES),
                        *(f"speed.scalor_step_{case}.{what}" for case in CASES
                          for what in ("ratio", "memory_ratio")),
                        "speed.scalor_follow_cap.ours_second.frames_per_s",
                        "scalor.owners_gain_second_hard.heldout.mota", "scalor.adapt.gain.mota",
                    }, id  # fmt: skip
        judged = {one.id.split(".")[1] for one in claims if one.source == "write-up"}
        assert judged == {one.name for one in EXPERIMENTS if one.claim}


class TestSentences:
    def test_kept_lines(self):
        """Those that stand in the notebook."""
        text = (project_root() / "chapters" / "03-scalor-motsynth.ipynb").read_text()
        assert study.sizes_line() in text
        assert study.clips_line() in text
        assert study.clips_line().endswith("36 clips a video, 684 in all")

    def test_of_the_live_model(self, shown_all, empty_ledger):
        live = shown_all["sprites_gradient"]
        study.record_live(empty_ledger, live)
        said = study.live_sentence(empty_ledger, live)
        assert said.startswith("Trained from scratch at preset tiny, for 100 steps, the model of ")
        assert "clips of held-out videos MOTA " in said
        blind = replace(live, scores={})
        assert "nobody has said who is where" in study.live_sentence(empty_ledger, blind)

    def test_of_an_experiment(self, shown_all, empty_ledger):
        study.record_all(empty_ledger, shown_all)
        said = study.experiment_sentence(empty_ledger, shown_all, "gradient")
        assert said.startswith("Preset tiny, seed 0, 100 steps; 95\u00a0% intervals over videos")
        assert "\n- *1 clip of held-out videos:* MOTA " in said
        assert "\n- *2 clips of training videos:* MOTA " in said
        assert "dB" in said
        assert "not part of this run" in study.experiment_sentence(empty_ledger, {}, "gradient")

    def test_of_an_experiment_that_finds_nothing(self, shown_all, empty_ledger):
        one = shown_all["gradient"]
        nothing = {"boxes": 0.0, "followed_share": float("nan"), "first_recall": 0.0}
        scores = {
            metric: Estimate(nothing.get(metric, estimate.value), None, None, 2, 1)
            for metric, estimate in one.scores["heldout"].items()
        }
        empty = {"gradient": replace(one, scores={"heldout": scores})}
        study.record_all(empty_ledger, empty)
        said = study.experiment_sentence(empty_ledger, empty, "gradient")
        assert "0\u00a0% of the objects have a box of their own; no later frame has a box;" in said
        assert "has boxes on held-out videos" in study.twice_sentence(empty_ledger, empty)
        said = study.empty_sentence(empty_ledger, empty)
        assert said.startswith("1 of 1 experiments have no box at all in held-out videos")
        assert "without anybody: one video, gradient background: " in said
        assert said.count(" dB") == 1
        both = {**empty, "hard": replace(one, scores={})}
        assert study.empty_sentence(empty_ledger, both) == said

    def test_of_experiments_that_all_find_something(self, shown_all, empty_ledger):
        study.record_all(empty_ledger, shown_all)
        one = shown_all["gradient"]
        boxes = Estimate(3.0, None, None, 2, 1)
        full = replace(one, scores={"heldout": {**one.scores["heldout"], "boxes": boxes}})
        said = study.empty_sentence(empty_ledger, {"gradient": full})
        assert said == "Every experiment finds something on held-out videos."
        assert "judged on held-out" in study.empty_sentence(empty_ledger, {})

    def test_where_models_come_from(self, shown_all):
        said = study.source_sentence(shown_all, "tiny")
        assert "3 experiments are recorded trackers, trained at preset tiny" in said
        fresh = {
            name: replace(one, training=one.training._replace(recorded=False))
            for name, one in shown_all.items()
        }
        assert "were trained by this run" in study.source_sentence(fresh, "small")
        assert "your own footage" in study.source_sentence({}, "tiny")

    def test_over_all_experiments(self, shown_all, empty_ledger):
        study.record_all(empty_ledger, shown_all)
        said = study.gap_sentence(empty_ledger, shown_all)
        assert "of 3 experiments; the mean difference, with its 95\u00a0% interval" in said
        said = study.twice_sentence(empty_ledger, shown_all)
        assert said.count("\u00a0% (") == 2
        assert "Second boxes that even cover half" in said
        assert "\u00a0% (" in study.mixed_sentence(empty_ledger, shown_all)
        for said in (
            study.gap_sentence(empty_ledger, {}),
            study.twice_sentence(empty_ledger, {}),
            study.mixed_sentence(empty_ledger, {}),
            study.guessing_sentence(empty_ledger, shown_all),
        ):
            assert said.startswith("No experiment of this run")

    def test_of_boxes_that_do_not_fit(self, shown_all, empty_ledger):
        one = shown_all["gradient"]
        scores = one.scores["heldout"]
        loose = replace(scores["mota"], value=0.8, low=0.7, high=0.9)
        some = {"mota": replace(loose, value=0.6, low=0.5), "moda_loose": loose}
        shown = {"gradient": replace(one, scores={"heldout": {**scores, **some}})}
        study.record_all(empty_ledger, shown)
        said = study.fit_sentence(empty_ledger, shown, "gradient")
        assert "From 0.3 on, MODA is 0.80 (0.70–0.90) on held-out videos." in said
        assert "That makes up 50\u00a0% of what MOTA lacks: boxes that stand on somebody" in said
        assert study.fit_sentence(empty_ledger, {}, "hard").endswith("not part of this run.")

    def test_of_boxes_that_all_fit(self, shown_all, empty_ledger):
        one = shown_all["gradient"]
        scores = one.scores["heldout"]
        same = {"moda_loose": scores["mota"]}
        shown = {"gradient": replace(one, scores={"heldout": {**scores, **same}})}
        study.record_all(empty_ledger, shown)
        said = study.fit_sentence(empty_ledger, shown, "gradient")
        assert said.endswith("on held-out videos.")

    def test_of_discriminators(self, shown_all, empty_ledger):
        log = pd.DataFrame({"step": [1, 2, 3], "discriminator": [0.7, 0.5, 0.6]})
        one = replace(
            shown_all["gradient"], experiment=study.find("blurred_perceptual_gan"), history=log
        )
        study.record_all(empty_ledger, {one.name: one})
        said = study.guessing_sentence(empty_ledger, {one.name: one})
        assert said == (
            "In the training with a discriminator its cross entropy lies from first to last "
            "between 0.500 and 0.700 nats; who guesses has ln 2 = 0.693."
        )
        other = replace(one, experiment=study.find("multi"), history=log.assign(discriminator=0.4))
        both = {one.name: one, other.name: other}
        study.record_all(empty_ledger, {other.name: other})
        said = study.guessing_sentence(empty_ledger, both)
        assert "In each of the 2 trainings with a discriminator" in said
        assert "between 0.400 and 0.700" in said

    def test_a_number_that_was_not_recorded(self, empty_ledger):
        with pytest.raises(ValueError, match="holds no scalor.official.schedule"):
            study.schedule_sentence(empty_ledger)
        assert facts.gaps({}) == []


class TestBeside:
    def test_speed_and_parity(self, tmp_path, empty_ledger):
        write_beside(tmp_path)
        speed, parity = study.read_speed(tmp_path), study.read_parity(tmp_path)
        study.record_beside(empty_ledger, speed, parity, seed=0)
        rows = {row.id: row for row in empty_ledger.rows}
        assert rows["speed.scalor_step_cap.ratio"].value == 3
        assert rows["speed.scalor_step_cap.ratio"].hardware == "2 CPU cores"
        assert rows["speed.scalor_step_cap.ours.seconds"].unit == "s"
        assert rows["scalor.official.parity.gradient_difference"].value == 2e-9
        assert empty_ledger.hardware == "a test"
        assert "Measured: medians; the original at" in study.speed_sentence(speed)
        table = study.speed_table(speed)
        assert table["Objects followed"].tolist() == ["45, as many as it may", "15"]
        assert set(table["Measured on"]) == {"2 CPU cores"}
        assert table.iloc[1].tolist()[2:] == ["–", "2", "3", "–", "–", "4"]
        said = study.parity_sentence(parity)
        assert "Over 3 frames in float64, in which 7 objects" in said
        assert "2.0 × 10⁻¹¹" in said
        assert "`aaaaaaaaaa`" in said

    def test_who_reads_every_proposal_has_times_of_its_own(self):
        speed = study.read_speed(project_root())
        table = study.speed_table(speed).set_index("Objects followed")
        seconds = speed.values["speed.scalor_step_15_objects.ours_all_read.seconds"]
        row = table.loc["15, every proposal read"]
        assert float(row["Here, s"]) == pytest.approx(seconds, abs=0.01)
        assert float(row["Original, s"]) / seconds == pytest.approx(
            float(row["Times as fast"]), rel=0.01
        )

    def test_how_fast_they_follow(self, tmp_path, empty_ledger):
        speed = study.read_speed(project_root())
        table = study.follow_table(speed).set_index("Model")
        assert table.index.tolist() == ["the original", "here, its sizes", "SCALOR-2"]
        rate = speed.values["speed.scalor_follow_15_objects.ours_second.frames_per_s"]
        told = float(table.loc["SCALOR-2", "15 objects, frames/s"])
        assert told == pytest.approx(rate, rel=0.01)
        study.record_beside(empty_ledger, speed, study.read_parity(project_root()), seed=0)
        (row,) = (
            row for row in empty_ledger.rows
            if row.id == "speed.scalor_follow_cap.ours_second.frames_per_s"
        )  # fmt: skip
        assert (row.unit, row.better) == ("frames/s", "higher")
        write_beside(tmp_path)
        assert study.follow_table(study.read_speed(tmp_path)).iloc[0, 0] == "nothing was measured"

    def test_nothing_measured_yet(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"speed.json: measure beside the original"):
            study.read_speed(tmp_path)
        with pytest.raises(FileNotFoundError, match=r"parity.json: measure beside"):
            study.read_parity(tmp_path)

    @pytest.mark.parametrize(
        ("name", "change", "told"),
        [
            ("speed", {"rows": [{"id": "speed.scalor_step_cap.ratio"}]}, "want id, value and hard"),
            (
                "speed",
                {"rows": [{"id": "speed.doom.ratio", "value": 1, "hardware": "x"}]},
                "want ids that begin with speed.scalor_step_",
            ),
            (
                "speed",
                {"rows": [{"id": "speed.scalor_step_x.ratio", "value": "2", "hardware": "x"}]},
                "is '2'; want a number",
            ),
            ("parity", {"loss_difference": -1.0}, "loss_difference is -1.0; want a finite number"),
            ("parity", {"gradient_difference": {}}, "want numbers by case"),
            ("parity", None, "holds nothing; want official_commit"),
        ],
    )
    def test_files_of_another_form(self, tmp_path, name, change, told):
        write_beside(tmp_path)
        path = tmp_path / "results" / "scalor" / f"{name}.json"
        held = {} if change is None else json.loads(path.read_text()) | change
        path.write_text(json.dumps(held))
        with pytest.raises(ValueError, match=told):
            {"speed": study.read_speed, "parity": study.read_parity}[name](tmp_path)

    def test_no_json(self, tmp_path):
        write_beside(tmp_path)
        (tmp_path / "results" / "scalor" / "speed.json").write_text("{")
        with pytest.raises(ValueError, match="is no JSON"):
            study.read_speed(tmp_path)


class TestStages:
    def test_scores_are_shares_of_clips(self, shown_all):
        for one in shown_all.values():
            scores = one.scores["heldout"]
            for name in ("first_recall", "followed_share", "claimed_twice"):
                value = scores[name].value
                assert value != value or 0 <= value <= 1
                assert scores[name].n == one.judged["heldout"]

    def test_a_box_on_everything_from_the_start_is_found_and_followed(self, shown_all):
        from lib.evaluation.following import Found
        from lib.evaluation.scalor import Judged
        from lib.evaluation.tracking import score_video

        one = shown_all["sprites_gradient"].heldout

        def perfect(clip, followed, *, late):
            found = [
                Found(
                    truth,
                    (truth.ids > -1) & (t > late),
                    (1.0 + 0.0 * truth.ids).astype("float32"),
                    truth.ids % 16,
                    (0.0 * truth.ids).astype("float32"),
                )
                for t, truth in enumerate(clip.truth)
            ]
            return followed._replace(found=found)

        for late, share in ((0, 1.0), (99, 0.0)):
            followed = [perfect(clip, seen, late=late) for clip, seen in zip(*one, strict=True)]
            counts = [
                score_video(seen.boxes, clip.truth, group=clip.sequence)
                for clip, seen in zip(one.clips, followed, strict=True)
            ]
            found = stages(Judged(one.clips, followed, counts))
            assert found["first_recall"].value == 1
            assert found["followed_share"].value == share
            assert found["claimed_twice"].value == 0


class TestSight:
    def test_of_untrained_models_and_of_the_trained_one(self, shown_all, empty_ledger):
        state = torch.get_rng_state()
        study.record_sight(empty_ledger, shown_all)
        assert torch.equal(torch.get_rng_state(), state)
        rows = {row.id: row for row in empty_ledger.rows}
        assert set(rows) == {f"scalor.sight.{name}" for name in ("recurrent", "direct", "trained")}
        blind, sees = rows["scalor.sight.recurrent"], rows["scalor.sight.direct"]
        assert 0 < blind.low < blind.value < blind.high < 0.02 < sees.low
        assert blind.seeds == (0, 1, 2, 3, 4)
        frames = sum(len(clip.frames) for clip in shown_all["gradient"].heldout.clips)
        assert {row.n for row in rows.values()} == {frames}
        assert "comes from the frame" in study.sight_sentence(empty_ledger)

    def test_of_other_footage_nothing_is_said(self, shown_all, empty_ledger):
        study.record_sight(empty_ledger, {"hard": shown_all["hard"]})
        assert not values(empty_ledger)
        assert study.sight_sentence(empty_ledger).startswith("This run has no people")
