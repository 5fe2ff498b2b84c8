import json
import math
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib import environment
from lib.book.results import (
    Ledger,
    Row,
    collect,
    find,
    project_root,
    promote,
    recorded,
    spoken,
    value,
)
from lib.book.rows import require_id

PSNR = "vqvae.v1.0.1.heldout.psnr_db"
ROW = Row(PSNR, "tiny", 24.1, 23.8, 24.4, 512, (0,), "dB", "higher", "2 CPU cores", "c", None, 1.5)


def filled(root: Path, preset: str = "tiny", psnr_db: float = 24.1) -> Ledger:
    ledger = Ledger("04-vqvae-versions", preset, root=root, hardware="an abacus")
    ledger.record(
        PSNR,
        psnr_db,
        low=psnr_db - 0.3,
        high=psnr_db + 0.3,
        n=512,
        seeds=[0, 1],
        unit="dB",
        better="higher",
    )
    ledger.record("vqvae.v1.0.heldout.finite", False, seconds=3)
    return ledger


def test_a_saved_ledger_is_read_back_as_it_was(tmp_path):
    ledger = filled(tmp_path)
    path = ledger.save()
    assert path == tmp_path / "runs/ledger/04-vqvae-versions/tiny.json"
    again = Ledger.load("04-vqvae-versions", "tiny", root=tmp_path)
    assert again.rows == ledger.rows
    assert [row.id for row in again.rows] == [
        "vqvae.v1.0.1.heldout.psnr_db",
        "vqvae.v1.0.heldout.finite",
    ]
    assert again.rows[1].value == 0.0
    assert again.rows[0].hardware == "an abacus"


def test_the_file_does_not_depend_on_the_order_of_recording(tmp_path):
    texts = []
    for ids in (["a.b.c", "a.b.d"], ["a.b.d", "a.b.c"]):
        ledger = Ledger("x", "tiny", root=tmp_path)
        for id in ids:
            ledger.record(id, 1)
        texts.append(ledger.save().read_text())
    assert texts[0] == texts[1]


def test_recording_again_replaces(tmp_path):
    ledger = filled(tmp_path)
    ledger.record(PSNR, 30.0)
    assert [row.value for row in ledger.rows if row.id == PSNR] == [30.0]
    assert len(ledger.rows) == 2


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None, np.float32("nan")])
def test_what_is_not_finite_is_stored_as_null(tmp_path, bad):
    ledger = Ledger("x", "tiny", root=tmp_path)
    row = ledger.record("a.b.c", bad, low=math.nan, high=math.nan)
    assert (row.value, row.low, row.high) == (None, None, None)
    assert json.loads(ledger.save().read_text())["rows"][0]["value"] is None
    assert spoken(row) == "not finite"


def test_numpy_and_rounding_are_taken(tmp_path):
    row = Ledger("x", "tiny", root=tmp_path).record(
        "a.b.c", 0.1, low=np.float32(0.1), high=np.float32(0.1), n=np.int64(3), seeds=np.arange(2)
    )
    assert row.low == 0.1
    assert row.low <= row.value <= row.high
    assert (row.n, row.seeds) == (3, (0, 1))
    assert type(row.n) is int


@pytest.mark.parametrize(
    "id",
    [
        "vqvae.v2.1.6.heldout.lpips",
        "sideswipe.writeup.grouped.hard.accuracy",
        "speed.scalor_step.ratio",
        "sideswipe.newcar.energy.auroc",
    ],
)
def test_ids_of_the_book_are_accepted(id):
    assert require_id(id) == id


@pytest.mark.parametrize(
    "id",
    [
        "",
        "vqvae",
        "vqvae.psnr",
        "Vqvae.v1.x",
        "vqvae..x",
        "vqvae.v1.x.",
        "a.b-c.d",
        "1.b.c",
        "a.b.c\n",
    ],
)
def test_malformed_ids_are_refused(id):
    with pytest.raises(ValueError, match=r"malformed.*vqvae\.v1\.0\.heldout\.psnr_db"):
        require_id(id)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"value": 1.0, "low": 1.5, "high": 2.0}, r"\[1.5, 2.0\] does not hold the value 1.0"),
        ({"value": 1.0, "low": 0.5}, "give both bounds or none"),
        ({"value": 1.0, "low": 0.5, "high": math.inf}, "high = inf"),
        ({"value": 1.0, "n": 0}, "n = 0"),
    ],
)
def test_rows_that_contradict_themselves_are_refused(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=rf"a\.b\.c: .*{message}"):
        Ledger("x", "tiny", root=tmp_path).record("a.b.c", **arguments)


def test_unknown_presets_and_chapters_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'huge': choose one of tiny, small, full"):
        Ledger("x", "huge", root=tmp_path)
    with pytest.raises(ValueError, match="without folder or suffix"):
        Ledger("../x.ipynb", "tiny", root=tmp_path)


def test_a_promoted_run_is_recorded_with_environment_and_figures(tmp_path):
    ledger = filled(tmp_path, "small")
    picture = tmp_path / "runs" / "samples.png"
    ledger.save()
    picture.write_bytes(b"png")
    ledger.keep_figure(picture)
    ledger.save()
    assert recorded("04-vqvae-versions", "small", root=tmp_path) is None
    path = promote("04-vqvae-versions", "small", root=tmp_path, seconds=12.5)
    assert path == tmp_path / "results/04-vqvae-versions/small/metrics.json"
    assert recorded("04-vqvae-versions", "small", root=tmp_path) == ledger.rows
    content = json.loads(path.read_text())
    assert content["environment"]["seconds"] == 12.5
    assert content["environment"]["hardware"] == "an abacus"
    assert (path.parent / "samples.png").read_bytes() == b"png"
    filled(tmp_path, "small").save()
    promote("04-vqvae-versions", "small", root=tmp_path)
    assert not (path.parent / "samples.png").exists()


def test_a_promoted_run_keeps_its_files(tmp_path):
    ledger = filled(tmp_path, "small")
    kept = tmp_path / "runs" / "classifier.npz"
    kept.parent.mkdir()
    kept.write_bytes(b"weights")
    ledger.keep_file(kept)
    ledger.save()
    assert Ledger.load("04-vqvae-versions", "small", root=tmp_path).rows == ledger.rows
    path = promote("04-vqvae-versions", "small", root=tmp_path)
    assert json.loads(path.read_text())["files"] == ["classifier.npz"]
    assert json.loads(path.read_text())["figures"] == []
    assert (path.parent / "classifier.npz").read_bytes() == b"weights"
    filled(tmp_path, "small").save()
    promote("04-vqvae-versions", "small", root=tmp_path)
    assert [entry.name for entry in path.parent.iterdir()] == ["metrics.json"]


def test_ledgers_from_before_files_were_kept_are_read(tmp_path):
    ledger = filled(tmp_path, "small")
    for path in (ledger.save(), promote("04-vqvae-versions", "small", root=tmp_path)):
        content = json.loads(path.read_text())
        del content["files"]
        path.write_text(json.dumps(content))
    assert Ledger.load("04-vqvae-versions", "small", root=tmp_path).rows == ledger.rows
    assert recorded("04-vqvae-versions", "small", root=tmp_path) == ledger.rows
    path = promote("04-vqvae-versions", "small", root=tmp_path)
    assert json.loads(path.read_text())["files"] == []


def test_what_may_not_be_kept_is_refused(tmp_path):
    ledger = filled(tmp_path / "project", "small")
    (tmp_path / "project").mkdir()
    large, outside = tmp_path / "project" / "large.npz", tmp_path / "outside.npz"
    large.write_bytes(bytes(1_500_001))
    outside.write_bytes(b"")
    for path, message in (
        (large, "file large.npz has 1500 kB, recorded files at most 1500 kB: keep less in it"),
        (outside, "lies outside the project"),
        (large.with_name("gone.npz"), "gone.npz does not exist: save it before it is kept"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            ledger.keep_file(path)
    large.with_suffix(".pt").touch()
    with pytest.raises(ValueError, match="file large.pt: save it as one of .npz"):
        ledger.keep_file(large.with_suffix(".pt"))
    large.write_bytes(bytes(1_500_000))
    ledger.keep_file(large)
    ledger.save()
    large.write_bytes(bytes(1_500_001))
    with pytest.raises(ValueError, match="file large.npz has 1500 kB"):
        promote("04-vqvae-versions", "small", root=tmp_path / "project")
    assert not (tmp_path / "project" / "results").exists()


def test_figures_and_files_of_one_name_are_refused(tmp_path):
    ledger = filled(tmp_path, "small")
    for folder in ("one", "two"):
        path = tmp_path / folder / "same.npz"
        path.parent.mkdir()
        path.touch()
        ledger.keep_file(path)
    ledger.save()
    with pytest.raises(ValueError, match=r"share a name: same\.npz, same\.npz; rename one"):
        promote("04-vqvae-versions", "small", root=tmp_path)


def test_a_recorded_run_says_how_long_its_training_took(tmp_path):
    ledger = Ledger("x", "small", root=tmp_path)
    for metric, run, seconds in (("a", "r1", 40.0), ("b", "r1", 40.0), ("c", "r2", 2.5)):
        ledger.record(f"vqvae.v1.0.{metric}", 1.0, run=run, seconds=seconds)
    ledger.record("vqvae.v1.0.d", 1.0)
    ledger.save()
    path = promote("x", "small", root=tmp_path, seconds=7.0)
    environment = json.loads(path.read_text())["environment"]
    assert (environment["seconds"], environment["training_seconds"]) == (7.0, 42.5)


def test_promoting_refuses_what_is_missing_empty_or_too_large(tmp_path):
    with pytest.raises(FileNotFoundError, match="seeing run x --preset small"):
        promote("x", "small", root=tmp_path)
    ledger = Ledger("x", "small", root=tmp_path)
    ledger.save()
    with pytest.raises(ValueError, match="is empty"):
        promote("x", "small", root=tmp_path)
    picture = tmp_path / "large.png"
    picture.write_bytes(bytes(1_500_001))
    with pytest.raises(ValueError, match="1500 kB"):
        ledger.keep_figure(picture)
    with pytest.raises(ValueError, match="save it as one of"):
        ledger.keep_figure(ledger.path)


def test_collected_rows_are_sorted_live_before_recorded(tmp_path):
    filled(tmp_path, "small", 25.0).save()
    promote("04-vqvae-versions", "small", root=tmp_path)
    filled(tmp_path, "small", 99.0).save()  # run since, not recorded: must not be published
    filled(tmp_path, "tiny", 20.0).save()
    promote("04-vqvae-versions", "tiny", root=tmp_path)
    filled(tmp_path, "tiny", 21.0).save()
    left = Ledger("99-left-over", "tiny", root=tmp_path)
    left.record("a.b.c", 1)
    left.save()
    output = tmp_path / "_book" / "results.json"
    rows = collect(output, root=tmp_path, chapters=["04-vqvae-versions"])
    assert [(row.id, row.preset) for row in rows] == sorted((row.id, row.preset) for row in rows)
    psnr = {row.preset: row.value for row in rows if row.id == PSNR}
    assert psnr == {"tiny": 21.0, "small": 25.0}
    assert not any(row.id == "a.b.c" for row in rows)
    assert json.loads(output.read_text()) == [{**asdict(r), "seeds": list(r.seeds)} for r in rows]
    assert len(collect(output, root=tmp_path)) == len(rows) + 1


def test_two_chapters_may_not_record_the_same_number(tmp_path):
    for chapter in ("one", "two"):
        ledger = Ledger(chapter, "tiny", root=tmp_path)
        ledger.record("a.b.c", 1)
        ledger.save()
    with pytest.raises(ValueError, match=r"a\.b\.c at preset tiny stands in .*one.* and in .*two"):
        collect(tmp_path / "results.json", root=tmp_path)


def test_a_number_is_found_by_its_id(tmp_path):
    filled(tmp_path).save()
    assert value(PSNR, "tiny", root=tmp_path) == 24.1
    filled(tmp_path, "small", 30.0).save()
    assert find(PSNR, "small", root=tmp_path).value == 30.0
    promote("04-vqvae-versions", "small", root=tmp_path)
    filled(tmp_path, "small", 31.0).save()
    assert value(PSNR, "small", root=tmp_path) == 30.0
    with pytest.raises(ValueError, match=re.escape(f"nearest: {PSNR}")):
        value("vqvae.v1.0.1.heldout.psnr", "tiny", root=tmp_path)


def test_damaged_ledgers_are_named(tmp_path):
    path = filled(tmp_path).save()
    content = json.loads(path.read_text())
    content["rows"][0]["extra"] = 1
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"tiny\.json: row vqvae.* lacks or adds extra"):
        value(PSNR, "tiny", root=tmp_path)
    path.write_text('{"rows": [')
    with pytest.raises(ValueError, match="not valid JSON"):
        value(PSNR, "tiny", root=tmp_path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "24.1 dB (95 % interval 23.8–24.4, n = 512)"),
        ({"n": None, "seeds": (0, 1, 2)}, "24.1 dB (95 % interval 23.8–24.4, 3 seeds)"),
        ({"low": None, "high": None, "n": None}, "24.1 dB"),
        (
            {"value": 0.213, "low": 0.207, "high": 0.219, "unit": ""},
            "0.213 (95 % interval 0.207–0.219, n = 512)",
        ),
        (
            {"value": 0.2131, "low": 0.201, "high": 0.225, "unit": "", "n": None},
            "0.213 (95 % interval 0.201–0.225)",
        ),
        (
            {"value": -1.0, "low": -2.0, "high": 0.5, "n": None},
            "−1.0 dB (95 % interval −2.0 to 0.5)",
        ),
        ({"value": 1234567.0, "low": None, "high": None, "unit": "", "n": None}, "1,234,567"),
        (
            {"value": 5123.0, "low": 4000.0, "high": 6000.0, "unit": "/s", "n": None},
            "5,100 /s (95 % interval 4,000–6,000)",
        ),
        ({"value": 3.0, "low": 3.0, "high": 3.0, "unit": "", "n": None}, "3"),
    ],
)
def test_rows_are_spoken_with_the_digits_their_interval_deserves(change, text):
    assert spoken(replace(ROW, **change)) == text


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
@settings(max_examples=100)
def test_spoken_rounding_stays_small_against_the_interval(x, down, up):
    row = replace(ROW, value=x, low=x - down, high=x + up, unit="", n=None)
    text = spoken(row).split(" (")[0].replace("−", "-").replace(",", "")
    assert abs(float(text) - x) <= (down + up) / 2 / 5.9 + 1e-9 * abs(x)


def test_the_project_is_found_from_its_build_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("SEEING_ROOT", raising=False)
    work = tmp_path / "build" / "chapters"
    work.mkdir(parents=True)
    for name in ("_quarto.yml", "pyproject.toml", "build/_quarto.yml"):
        (tmp_path / name).touch()
    assert project_root(work) == tmp_path
    monkeypatch.chdir(work)
    assert project_root() == tmp_path
    monkeypatch.setenv("SEEING_ROOT", str(tmp_path / "build"))
    assert project_root() == tmp_path / "build"
    monkeypatch.setenv("SEEING_ROOT", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match="SEEING_ROOT"):
        project_root()


def test_outside_a_project_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("SEEING_ROOT", raising=False)
    with pytest.raises(FileNotFoundError, match="set SEEING_ROOT"):
        project_root(tmp_path)


def test_the_environment_names_no_folder(tmp_path):
    described = environment.describe_environment(environment.code_version(tmp_path), "2 CPU cores")
    assert described["commit"] == "unknown"
    assert "torch" in described["packages"]
    assert str(Path.home()) not in json.dumps(described)


def test_hardware_is_the_gpu_only_once_it_is_used(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    assert re.fullmatch(r"\d+ CPU cores?", environment.describe_hardware())
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    assert environment.describe_hardware() == "NVIDIA H200"
