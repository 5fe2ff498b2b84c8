"""The chapter's rows of the ledger, and which frames it shows."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from lib.book import vqvae as study
from lib.book.results import Ledger, Row, promote
from lib.book.rows import ID
from lib.evaluation.half_precision import HALF_PRODUCTS, LoudSeries, repairs
from lib.evaluation.intervals import Estimate
from lib.evaluation.versions import PartScores, TrainingFacts
from lib.figures import style
from lib.models.quantiser import QuantiserConfig
from lib.models.vqvae_versions import VARIANTS, VERSIONS, version
from lib.training.vqvae import TrainedVersion

CHAPTER = "04-vqvae-versions"
FACTS = TrainingFacts(
    mse_fall=0.2,
    mse_epoch_2_over_1=0.5,
    perplexity_epoch_2_over_1=1.5,
    mse_last_over_epoch_2=0.4,
    clipped_share=0.1,
    largest_gradient_norm=3.5,
    largest_sum=9.0,
    largest_product=float("inf"),
)


QUANTISER = QuantiserConfig(codebook_size=16, embedding_dim=4)
EVERYWHERE = [name for name in study.METRICS if not name.startswith("grid_energy")]


def part(
    value: float, low: float | None = None, high: float | None = None, *, grid: bool = False
) -> PartScores:
    names = study.METRICS if grid else EVERYWHERE
    return PartScores(dict.fromkeys(names, Estimate(value, low, high, 120, 6)), np.array([3, 0, 1]))


SCORES = {"train": part(24.0, 23.0, 25.5), "heldout": part(22.0, grid=True)}


def row(id: str, value: float | None, low=None, high=None, preset="tiny") -> Row:
    return Row(id, preset, value, low, high, 120, (0,), "", "", "cpu", "c", None, None)


class TestRows:
    def test_scores_of_both_parts(self, ledger, trained):
        study.record_scores(ledger, trained, SCORES, seed=3)
        rows = {row.id: row for row in ledger.rows}
        assert all(ID.fullmatch(id) for id in rows)
        assert rows.keys() == {
            f"vqvae.v1.0.1.{where}.{metric}"
            for where, metrics in (("train", EVERYWHERE), ("heldout", study.METRICS))
            for metric in metrics
        }
        seen = rows["vqvae.v1.0.1.train.psnr_db"]
        assert (seen.value, seen.low, seen.high) == (24.0, 23.0, 25.5)
        assert (seen.n, seen.seeds, seen.unit, seen.better) == (120, (3,), "dB", "higher")
        assert (seen.run, seen.seconds) == ("0123456789abcdef", 41.0)
        unseen = rows["vqvae.v1.0.1.heldout.mse"]
        assert (unseen.value, unseen.low, unseen.high, unseen.better) == (22.0, None, None, "lower")
        assert rows["vqvae.v1.0.1.heldout.finite"].value == 1.0

    def test_a_lost_version(self, ledger, trained):
        lost = {"train": part(24.0, 23.0, 25.5), "heldout": part(float("nan"), grid=True)}
        study.record_scores(ledger, trained, lost, seed=0)
        rows = {row.id: row for row in ledger.rows}
        assert rows["vqvae.v1.0.1.heldout.finite"].value == 0.0
        assert rows["vqvae.v1.0.1.heldout.psnr_db"].value is None
        assert rows["vqvae.v1.0.1.train.finite"].value == 1.0

    def test_footage_without_flat_patches(self, ledger, trained):
        nothing = Estimate(float("nan"), None, None, 0, 0)
        heldout = part(22.0, grid=True)
        heldout.metrics["flat_texture"] = nothing
        study.record_scores(ledger, trained, SCORES | {"heldout": heldout}, seed=0)
        rows = {row.id: row for row in ledger.rows}
        seen = rows["vqvae.v1.0.1.heldout.flat_texture"]
        assert (seen.value, seen.n) == (None, None)

    def test_facts_of_training(self, ledger, trained):
        study.record_facts(ledger, trained, FACTS, seed=0)
        rows = {row.id: row for row in ledger.rows}
        prefix = "vqvae.v1.0.1.train."
        told = {
            field.name for field in fields(TrainingFacts) if getattr(FACTS, field.name) is not None
        }
        assert rows.keys() == {prefix + name for name in told}
        assert rows[f"{prefix}mse_fall"].value == 0.2
        assert rows[f"{prefix}largest_product"].value is None, "infinite"
        assert {row.n for row in rows.values()} == {3}

    def test_overflow(self, ledger):
        series = {
            repair: LoudSeries([True, True, False, True, False, False], 0.25)
            for repair in repairs(QUANTISER)
        }
        headroom = dict(zip(HALF_PRODUCTS, (1e3, 2e4, 30.0), strict=True))
        study.record_overflow(ledger, headroom, series, loud=2, seed=0)
        rows = {row.id: row for row in ledger.rows}
        assert all(ID.fullmatch(id) for id in rows)
        names = {"v1.0", "v1.0_clamped", "v1.0_float32", "v1.0.1"}
        for name in names:
            lost = rows.pop(f"vqvae.{name}.loud.batches_lost")
            assert (lost.value, lost.n) == (3.0, 4), "of the loud batch and those after it"
            assert rows.pop(f"vqvae.{name}.loud.ruined_share").value == 0.25
        values = {id: row.value for id, row in rows.items()}
        assert values == {
            "vqvae.v1.0.float16.headroom_distances": 1e3,
            "vqvae.v1.0.float16.headroom_look_up": 2e4,
            "vqvae.v1.0.float16.headroom_ema_sums": 30.0,
        }

    def test_all_rows_of_a_chapter_survive_the_disk(self, ledger, trained, tmp_path):
        study.record_scores(ledger, trained, SCORES, seed=0)
        study.record_facts(ledger, trained, FACTS, seed=0)
        ledger.save()
        assert Ledger.load(CHAPTER, "tiny", root=tmp_path).rows == ledger.rows

    def test_claims_of_the_book_name_rows_that_are_recorded(self, ledger, trained):
        """A claim about an id that nobody records would never get a verdict."""
        from lib.book.claims import read_claims

        every = TrainingFacts(*map(float, range(len(fields(TrainingFacts)) - 1)), 3)
        for name in VERSIONS | VARIANTS:
            config = version(name, "tiny")
            one = TrainedVersion(config, trained.run, trained.model, trained.history, 2.0, 1.0)
            study.record_scores(ledger, one, SCORES, seed=0)
            study.record_facts(ledger, one, every, seed=0)
        series = dict.fromkeys(repairs(QUANTISER), LoudSeries([True], 0.0))
        headroom = dict.fromkeys(HALF_PRODUCTS, 1.0)
        study.record_overflow(ledger, headroom, series, loud=0, seed=0)
        known = {row.id for row in ledger.rows}
        known |= {f"vqvae.v2.0.3.heldout.psnr_db_{where}" for where in ("water", "land")}
        for fact in ("darkest_pixel", "stuck_share"):
            known |= {f"vqvae.v2.1.{i}.dark.{fact}" for i in range(7)}
        claims = read_claims(Path(__file__).parents[2] / "claims.toml")
        wanted = {c.id for c in claims} | {c.other_id for c in claims if c.other_id}
        assert {id for id in wanted if id.startswith("vqvae.")} <= known

    def test_all_claims_are_shown(self):
        """Each stands in the table of its version's section."""
        from lib.book.claims import read_claims

        claims = read_claims(Path(__file__).parents[2] / "claims.toml")
        sources = {claim.source for claim in claims if claim.chapter == CHAPTER}
        assert sources <= set(VERSIONS)
        assert set(VERSIONS) - sources == {"v2.1.6"} - sources, "no version is left out"

    def test_findings(self, ledger):
        found = {
            "share": 0.25,
            "psnr_db_water": Estimate(20.0, 19.0, 21.0, 30, 3),
            "left out": "text",
        }
        study.record_found(ledger, "v2.0.3.heldout", found, seed=2, n=7)
        rows = {row.id: row for row in ledger.rows}
        assert rows.keys() == {
            f"vqvae.v2.0.3.heldout.{name}" for name in ("share", "psnr_db_water")
        }
        share = rows["vqvae.v2.0.3.heldout.share"]
        psnr = rows["vqvae.v2.0.3.heldout.psnr_db_water"]
        assert (share.value, share.low, share.n, share.seeds) == (0.25, None, 7, (2,))
        assert (psnr.value, psnr.low, psnr.high, psnr.n) == (20.0, 19.0, 21.0, 30)
        assert (psnr.unit, share.unit) == ("dB", "")


class TestExamples:
    @pytest.mark.parametrize("where", ["train", "heldout"])
    @pytest.mark.parametrize("seed", [0, 1])
    def test_they_come_from_different_worlds(self, footage, where, seed):
        part = footage.splits.train if where == "train" else footage.splits.test
        worlds = set(footage.store.groups[part])
        assert len(worlds) >= 2
        chosen = study.example_indices(footage, where, len(worlds), seed=seed)
        assert set(chosen) <= set(part)
        assert set(footage.store.groups[chosen]) == worlds

    def test_more_than_there_are_worlds(self, footage):
        chosen = study.example_indices(footage, "heldout", 7)
        assert len(set(chosen)) == 7
        assert set(chosen) <= set(footage.splits.test)

    def test_the_seed_decides(self, footage):
        drawn = [
            study.example_indices(footage, "train", 4, seed=seed).tolist() for seed in (0, 0, 1)
        ]
        assert drawn[0] == drawn[1] != drawn[2]

    def test_sample_frames_are_frames_of_the_store(self, footage):
        frames = study.sample_frames(footage, 3, seed=1)
        chosen = study.example_indices(footage, "train", 3, seed=1)
        np.testing.assert_array_equal(frames, footage.store.frames[chosen])

    def test_rows_of_a_figure(self, footage, trained):
        rows = study.example_rows(footage, {"v1.0.1": trained}, "heldout", count=3)
        assert list(rows) == ["original", "v1.0.1"]
        assert {images.shape for images in rows.values()} == {(3, 16, 16, 3)}
        chosen = study.example_indices(footage, "heldout", 3)
        with torch.inference_mode():
            image = trained.model(torch.from_numpy(footage.store.batch(chosen))).image
        wanted = (image * 255).round().byte().permute(0, 2, 3, 1).numpy()
        np.testing.assert_array_equal(rows["v1.0.1"], wanted)

    def test_one_frame_on_its_way(self, footage, trained):
        frame, codes, decoded, size = study.one_frame(footage, trained)
        assert (frame.shape, codes.shape, decoded.shape) == ((16, 16, 3), (4, 4), (16, 16, 3))
        assert size == 16
        with torch.inference_mode():
            image = trained.model.decode(torch.from_numpy(codes)[None])
        got = torch.from_numpy(decoded).permute(2, 0, 1)[None] / 255
        torch.testing.assert_close(got, image, atol=1 / 255, rtol=0)

    def test_latents_of_a_batch_as_large_as_the_originals(self, footage, trained):
        before = {name: value.clone() for name, value in trained.model.state_dict().items()}
        latents = study.training_latents(footage, trained, seed=0)
        count = min(64, len(footage.splits.train))
        assert latents.shape == (count, 4, 4, 4)
        assert torch.equal(latents, study.training_latents(footage, trained, seed=0))
        assert not torch.equal(latents, study.training_latents(footage, trained, seed=1))
        assert all(torch.equal(value, before[n]) for n, value in trained.model.state_dict().items())


class TestKeptFigures:
    def test_a_figure_is_kept_and_shown_again(self, ledger, tmp_path):
        ledger.record("vqvae.v1.0.heldout.psnr_db", 24.0)
        figure, axis = style.figure(1.5)
        axis.plot([1, 2])
        assert study.keep(ledger, figure, "scores") is figure
        ledger.save()
        promote(CHAPTER, "tiny", root=tmp_path)
        shown = study.recorded_figure(CHAPTER, "scores", root=tmp_path)
        [panel] = shown.axes
        assert len(panel.images) == 1
        assert "tiny" in panel.get_title(loc="left")

    def test_the_same_figure_has_the_same_bytes(self, ledger):
        """Recorded figures are reviewed like code: no dates, no versions."""
        files = []
        for _ in range(2):
            figure, axis = style.figure(1.5)
            axis.plot([1, 2])
            study.keep(ledger, figure, "scores")
            [path] = ledger.path.parent.rglob("scores.png")
            files.append(path.read_bytes())
        assert files[0] == files[1]
        assert not re.search(rb"Matplotlib|\d{4}-\d\d-\d\d", files[0])

    def test_a_note_where_none_is_recorded(self, tmp_path):
        shown = study.recorded_figure(CHAPTER, "scores", root=tmp_path)
        [text] = shown.axes[0].texts
        assert "no run of 04-vqvae-versions" in text.get_text()
