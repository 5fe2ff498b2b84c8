"""The chapter's tables: scores, verdicts, sizes, footage."""

import numpy as np
import pandas as pd
import pytest

from lib.book import vqvae as study
from lib.book.results import Ledger, Row, promote
from lib.book.tables import to_markdown
from lib.evaluation.intervals import Estimate
from lib.evaluation.versions import PartScores
from lib.models.vqvae_versions import VERSIONS, version

CHAPTER = "04-vqvae-versions"


def row(id: str, value: float | None, low=None, high=None, preset="tiny") -> Row:
    return Row(id, preset, value, low, high, 120, (0,), "", "", "cpu", "c", None, None)


class TestScoreTable:
    def table(self, *rows: Row, where="heldout") -> pd.DataFrame:
        return study.score_table(list(rows), part=where, preset="tiny").set_index("Version")

    @pytest.mark.parametrize(
        ("value", "low", "high", "text"),
        [
            (24.123, 23.81, 24.42, "24.1 (23.8–24.4)"),
            (24.123, None, None, "24.1"),
            (0.71234, 0.70119, 0.72301, "0.712 (0.701–0.723)"),
            (512.0, 512.0, 512.0, "512"),
            (1234.0, 1200.0, 1301.0, "1,230 (1,200–1,300)"),
            (None, None, None, "not finite"),
            (0.0, None, None, "0"),
        ],
    )
    def test_a_cell(self, value, low, high, text):
        table = self.table(row("vqvae.v1.0.heldout.ssim", value, low, high))
        assert table.loc["v1.0", "SSIM"] == text

    @pytest.mark.parametrize(
        ("value", "low", "high", "text"),
        [
            (59.0, 59.0, 59.0095, "59"),
            (125.0, 121.7135, 125.7135, "125 (122–126)"),
            (64.0, 62.258, 64.0, "64 (62–64)"),
            (1234.0, 1200.0, 1301.0, "1,230 (1,200–1,300)"),
            (61.0, 61.0, 61.0, "61"),
            (128.0, None, None, "128"),
            (None, None, None, "not finite"),
        ],
    )
    def test_counts_are_whole_numbers(self, value, low, high, text):
        rows = [row("vqvae.v1.0.heldout.codes_used", value, low, high)]
        table = study.score_table(rows, part="heldout", preset="tiny", metrics=study.CODES)
        assert table["codes used"].tolist() == [text]

    def test_a_line_a_version_in_their_order(self):
        table = self.table(
            row("vqvae.v2.0.heldout.psnr_db", 25.0),
            row("vqvae.v1.0.1.heldout.psnr_db", 24.0),
            row("vqvae.v1.0.heldout.psnr_db", 23.0),
            row("vqvae.v1.0.heldout.ssim", 0.5),
        )
        assert list(table.index) == ["v1.0", "v1.0.1", "v2.0"]
        assert table["PSNR, dB"].tolist() == ["23", "24", "25"]
        assert table["SSIM"].tolist() == ["0.500", "–", "–"]
        assert list(table.columns) == [
            "Preset", "PSNR, dB", "SSIM", "LPIPS", "sharpness ratio", "detail correlation",
        ]  # fmt: skip
        assert set(table["Preset"]) == {"tiny"}

    def test_other_rows_stay_out(self):
        table = self.table(
            row("vqvae.v1.0.heldout.psnr_db", 23.0),
            row("vqvae.v1.0.train.psnr_db", 33.0),
            row("vqvae.v1.0.train.mse_fall", 0.1),
            row("vqvae.v1.0_clamped.loud.batches_lost", 4.0),
            row("vqvae.v1.0.float16.headroom_ema_sums", 4.0),
        )
        assert table["PSNR, dB"].to_dict() == {"v1.0": "23"}
        assert "33" not in to_markdown(table)

    def test_recorded_presets_follow_this_run(self, ledger, trained, tmp_path):
        for preset, value in (("small", 26.0), ("full", 28.0), ("tiny", 99.0)):
            kept = Ledger(CHAPTER, preset, root=tmp_path, hardware="a test")
            kept.record("vqvae.v1.0.heldout.psnr_db", value)
            kept.save()
            promote(CHAPTER, preset, root=tmp_path)
        ledger.record("vqvae.v2.0.heldout.psnr_db", 25.0)
        ledger.record("vqvae.v1.0.heldout.psnr_db", 24.0)
        table = study.score_tables(ledger, part="heldout")
        assert table["Preset"].tolist() == ["tiny", "small", "full", "tiny"]
        assert table["PSNR, dB"].tolist() == ["24", "26", "28", "25"], (
            "this run's own, not a recorded one, version by version"
        )
        to_markdown(table)

    def test_without_recorded_runs(self, ledger):
        ledger.record("vqvae.v1.0.heldout.psnr_db", 24.0)
        assert study.score_tables(ledger, part="heldout")["Preset"].tolist() == ["tiny"]


class TestVerdicts:
    CLAIMS = (
        '[[claim]]\nname = "good"\nchapter = "04-vqvae-versions"\nsource = "v1.0"\n'
        'text = "It is good."\nid = "vqvae.v1.0.heldout.psnr_db"\ncompare = ">"\nvalue = 25.0\n'
    )

    def test_this_run_and_recorded_ones_judge(self, ledger, tmp_path):
        (tmp_path / "claims.toml").write_text(self.CLAIMS)
        ledger.record("vqvae.v1.0.heldout.psnr_db", 24.0)
        assert list(study.verdicts(ledger, sources=["v1.0"])) == ["Source", "Claim", "at tiny"]
        kept = Ledger(CHAPTER, "small", root=tmp_path, hardware="a test")
        kept.record("vqvae.v1.0.heldout.psnr_db", 26.0)
        kept.save()
        promote(CHAPTER, "small", root=tmp_path)
        [line] = study.verdicts(ledger, sources=["v1.0"]).to_dict("records")
        assert line["at tiny"].endswith("24: refuted")
        assert line["at small"].endswith("26: confirmed")
        with pytest.raises(ValueError, match="no claim on '04-vqvae-versions' has a source among"):
            study.verdicts(ledger, sources=["v9"])


class TestTables:
    @pytest.mark.parametrize("preset", ["tiny", "full"])
    def test_versions(self, preset):
        versions = {name: version(name, preset) for name in VERSIONS}
        table = study.size_table(versions).set_index("Version")
        assert list(table.index) == list(VERSIONS)
        assert table.loc["v1.0", "Pixels"] == "64 × 64"
        assert table.loc["v1.0", "Code grid"] == "16 × 16"
        assert table.loc["v2.0", "Pixels"] == "64 × 36", "columns first, as people say it"
        assert table.loc["v2.0", "Code grid"] == "16 × 9"
        codes = {"tiny": (512, 48), "full": (4096, 384)}[preset]
        assert (table.loc["v2.0", "Codes"], table.loc["v2.0", "Features"]) == codes
        assert table.loc["v2.0.2", "Epochs"] == "21 to 40"
        assert table.loc["v2.0", "LPIPS weight"] == "–"
        assert table.loc["v2.0.2", "LPIPS weight"] == "1, missing"
        assert table.loc["v2.1.1", "LPIPS weight"] == "0 to 0.0150"

    def test_story(self):
        table = study.version_table(VERSIONS).set_index("Version")
        for column in ("Changed", "Before it"):
            assert table[column].str.len().min() > 10
        assert table.loc["v2.0.2", "In the code"].endswith("(2fdba8c)")

    def test_footage(self, footage):
        table = study.footage_table({"minerl": footage})
        [line] = table.to_dict("records")
        assert (line["Layout"], line["Source"], line["Worlds"]) == ("minerl", "given", 6)
        frames = [line[f"{name} frames"] for name in ("Training", "Validation", "Held-out")]
        assert sum(frames) == len(footage.store)
        assert min(frames) > 0

    def test_intervals_for_figures(self):
        estimates = {
            "train": Estimate(24.0, 23.0, 25.5, 120, 6),
            "heldout": Estimate(22.0, None, None, 120, 6),
        }
        scores = {
            part: PartScores({"ssim": one}, np.array([3, 0, 1])) for part, one in estimates.items()
        }
        plain = study.intervals({"v1.0": scores})
        assert plain["v1.0"]["train"]["ssim"] == (24.0, 23.0, 25.5)
        assert plain["v1.0"]["heldout"]["ssim"] == (22.0, None, None)
