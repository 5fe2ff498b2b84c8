"""The last run of each chapter against its golden numbers."""

import json
import math

import pytest

from lib.book.results import Ledger
from tests.chapters import CHAPTERS, ROOT, golden
from tests.chapters.golden import differences, golden_content, golden_path, live_values, tolerance


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_run_gives_the_golden_numbers(chapter: str) -> None:
    path = golden_path(chapter)
    if not path.is_file():
        pytest.fail(f"{path.relative_to(ROOT)} is missing: run `make golden` and review it")
    try:
        live = live_values(chapter)
    except FileNotFoundError as error:
        pytest.fail(f"{error}; `make test` runs it")
    found = list(differences(json.loads(path.read_text(encoding="utf-8"))["rows"], live))
    listing = "\n  ".join(found)
    assert not found, (
        f"{len(found)} numbers of {chapter} differ from {path.name}:\n  {listing}\n"
        "If that is meant, run `make golden` and review the diff"
    )


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_golden_tolerances_are_those_of_the_table(chapter: str) -> None:
    path = golden_path(chapter)
    if not path.is_file():
        pytest.fail(f"{path.relative_to(ROOT)} is missing: run `make golden` and review it")
    content = json.loads(path.read_text(encoding="utf-8"))
    assert "make golden" in content["about"]
    for id, row in content["rows"].items():
        assert {name: row[name] for name in row if name != "values"} == tolerance(id), id


class TestComparison:
    """The comparison itself, on made-up numbers."""

    @pytest.mark.parametrize(
        ("id", "wanted"),
        [
            ("vqvae.v1.0.heldout.psnr_db", {"abs": 1.0}),
            ("vqvae.v1.0.heldout.finite", {"abs": 0.0}),
            ("vqvae.v1.0.train.clipped_share", {"abs": 0.05}),
            ("vqvae.v1.0.float16.headroom_ema_sums", {"rel": 0.5}),
            ("vqvae.v1.0.train.mse", {"rel": 0.4}),
            ("footage.blocks_minerl.all.worlds", {"abs": 0.0}),
            ("footage.blocks_minerl.train.neighbour_change", {"rel": 0.05}),
            ("footage.blocks_minerl.heldout.biome_desert_share", {"abs": 0.05}),
            ("footage.plaza.all.in_view", {"rel": 0.05}),
            ("footage.plaza.all.half_hidden_share", {"abs": 0.05}),
            ("vqvae.v1.0.train.mse_fall", {"rel": 0.5}),
            ("vqvae.v1.0.train.perplexity_epoch_2_over_1", {"rel": 0.5}),
        ],
    )
    def test_tolerances(self, id, wanted):
        assert tolerance(id) == wanted

    def test_the_same_numbers_do_not_differ(self):
        values = {"a.b.psnr_db": 1 / 3, "a.b.mse": 2e-7 / 3, "a.b.finite": 1.0, "a.b.ssim": None}
        assert list(differences(golden_content(values)["rows"], values)) == []

    @pytest.mark.parametrize(
        ("id", "wanted", "inside", "outside"),
        [
            ("a.b.psnr_db", 20.0, 20.99, 21.01),
            ("a.b.perplexity", 100.0, 61.0, 59.0),
            ("a.b.finite", 1.0, 1.0, 0.999),
            ("a.b.batches_lost", 0.0, 0.0, 1.0),
            ("a.b.mse", 0.01, 0.0139, 0.0141),
            ("a.b.clipped_share", 0.0, 0.049, 0.051),
            ("a.b.gradient_commitment", 0.02, 0.19, 0.21),
            ("a.b.gradient_commitment", 0.02, 0.0021, 0.0019),
            ("a.b.gradient_commitment", -0.02, -0.19, -0.21),
            ("a.b.gradient_commitment", -0.02, -0.0021, -0.0019),
            ("a.b.gradient_reconstruction", 0.0, 0.0, 1e-9),
        ],
    )
    def test_within_and_beyond(self, id, wanted, inside, outside):
        rows = golden_content({id: wanted})["rows"]
        assert list(differences(rows, {id: inside})) == []
        [remark] = differences(rows, {id: outside})
        assert remark.startswith(f"{id}: got ")

    def test_a_factor_is_told_as_one(self):
        rows = golden_content({"a.b.largest_sum": 10.0})["rows"]
        [remark] = differences(rows, {"a.b.largest_sum": 60.0})
        assert remark == "a.b.largest_sum: got 60, wanted 10 × or ÷ 5"

    def test_between_two_processors_is_within(self, monkeypatch):
        rows = golden_content({"a.b.mse": 1.0, "a.b.psnr_db": 20.0, "a.b.ssim": None})["rows"]
        monkeypatch.setattr(golden, "processor", lambda: "another")
        live = {"a.b.mse": 3.0, "a.b.psnr_db": 25.0, "a.b.ssim": 0.5}
        rows = golden_content(live, rows)["rows"]
        assert len(rows["a.b.mse"]["values"]) == 2
        for mse in (0.61, 2.0, 4.19):
            for ssim in (None, 0.55):
                found = {"a.b.mse": mse, "a.b.psnr_db": 22.0, "a.b.ssim": ssim}
                assert list(differences(rows, found)) == []
        beyond = {"a.b.mse": 4.21, "a.b.psnr_db": 18.9, "a.b.ssim": 0.43}
        assert list(differences(rows, beyond)) == [
            "a.b.mse: got 4.21, wanted 1 to 3 ± 1.2",
            "a.b.psnr_db: got 18.9, wanted 20 to 25 ± 1",
            "a.b.ssim: got 0.43, wanted 0.5 ± 0.06",
        ]

    def test_processors_are_told_apart_by_their_maker(self, tmp_path):
        (tmp_path / "one").write_text("processor\t: 0\nvendor_id\t: GenuineIntel\n")
        (tmp_path / "other").write_text("processor\t: 0\n")
        assert golden._maker(tmp_path / "one") == "Intel"
        assert golden._maker(tmp_path / "other") == golden._maker(tmp_path / "none") != ""
        assert golden.processor().endswith(golden._maker())

    def test_what_moved_here_is_not_kept_of_other_processors(self, monkeypatch):
        here = golden.processor()
        with monkeypatch.context() as patch:
            patch.setattr(golden, "processor", lambda: "another")
            rows = golden_content({"a.b.mse": 1.0, "a.b.ssim": 0.5})["rows"]
        first = golden_content({"a.b.mse": 1.1, "a.b.ssim": 0.6}, rows)["rows"]
        assert first["a.b.mse"]["values"] == {here: 1.1, "another": 1.0}
        second = golden_content({"a.b.mse": 1.1, "a.b.ssim": 0.7}, first)["rows"]
        assert second["a.b.mse"]["values"] == {here: 1.1, "another": 1.0}
        assert second["a.b.ssim"]["values"] == {here: 0.7}

    def test_all_differences_are_listed_at_once(self):
        rows = golden_content({"a.b.gone": 1.0, "a.b.mse": 1.0, "a.b.ssim": 0.5, "a.b.ok": 3.0})
        live = {"a.b.mse": 2.0, "a.b.ssim": None, "a.b.new": 1.0, "a.b.ok": 3.0}
        assert list(differences(rows["rows"], live)) == [
            "a.b.gone: missing in the run",
            "a.b.mse: got 2, wanted 1 ± 0.4",
            "a.b.new: not in the golden file",
            "a.b.ssim: got None, wanted 0.5 (None is not finite)",
        ]

    def test_files_are_written_from_a_run(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(golden, "GOLDEN", tmp_path / "golden")
        assert golden.main(["01-one"], root=tmp_path) == 1
        assert "no ledger of 01-one" in capsys.readouterr().err
        ledger = Ledger("01-one", "tiny", root=tmp_path, hardware="a test")
        ledger.record("one.x.heldout.mse", 0.123456789)
        ledger.record("one.x.train.mse", math.nan)
        ledger.save()
        (tmp_path / "golden").mkdir()
        (tmp_path / "golden" / "00-gone.json").write_text("{}")
        assert golden.main(["01-one"], root=tmp_path) == 0
        [path] = (tmp_path / "golden").iterdir()
        content = json.loads(path.read_text())
        assert content["rows"] == {
            "one.x.heldout.mse": {"values": {golden.processor(): 0.123457}, "rel": 0.4},
            "one.x.train.mse": {"values": {golden.processor(): None}, "rel": 0.4},
        }
        assert list(differences(content["rows"], live_values("01-one", tmp_path))) == []
