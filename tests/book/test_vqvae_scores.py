"""Scores kept beside their run, footage by version, and experiments as figures take them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from lib.book import vqvae as study
from lib.book.results import Ledger, promote
from lib.book.vqvae import findings as module_findings
from lib.book.vqvae import scores as module
from lib.book.vqvae.scores import VersionFootage, score_one
from lib.data.minecraft import Footage
from lib.data.minerl import read_minerl
from lib.data.splits import split_groups
from lib.evaluation.intervals import Estimate
from lib.evaluation.perceptual_checks import LpipsRanges, RangeCurve
from lib.evaluation.revival import Revival
from lib.evaluation.versions import PartScores
from lib.figures import vqvae_pictures
from lib.figures.vqvae_pictures import SheetBlock
from lib.models.quantiser import QuantiserConfig
from lib.models.vqvae import Vqvae, VqvaeConfig
from lib.models.vqvae_versions import VERSIONS, version
from lib.training.cache import RunFolder
from lib.training.vqvae import TrainedVersion
from tests.data.footage import write_minerl

SIZE = (16, 16)


class Difference(nn.Module):
    """Stands in for LPIPS."""

    def forward(self, image: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        return (image - reference).abs().mean((1, 2, 3))


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    folder = tmp_path_factory.mktemp("footage")
    write_minerl(folder / "data", frames=40, recordings=6)
    store = read_minerl(folder / "data", folder / "store", size=SIZE, progress=False)
    return Footage(
        "minerl", folder / "data", store, split_groups(store.groups, test=0.35), generated=False
    )


@pytest.fixture
def trained(tmp_path: Path) -> TrainedVersion:
    torch.manual_seed(0)
    quantiser = QuantiserConfig(codebook_size=16, embedding_dim=4)
    config = VqvaeConfig(SIZE, hidden=8, quantiser=quantiser)
    return TrainedVersion(
        version=replace(version("v1.0.1"), model=config, batch_size=4),
        run=RunFolder(tmp_path / "runs" / "v1.0.1-tiny-0123456789abcdef"),
        model=Vqvae(config).eval(),
        history=pd.DataFrame({"step": [5, 10], "commitment": [0.5, 0.1]}),
        steps_per_epoch=2.5,
        seconds=1.0,
    )


class TestKeptScores:
    def score(self, trained, footage, **options):
        return score_one(
            trained, footage, **{"lpips": Difference(), "most": 4, "seed": 0} | options
        )

    def test_they_are_computed_once(self, trained, footage, monkeypatch):
        first = self.score(trained, footage)
        [kept] = trained.run.path.glob("scores-*.json")
        monkeypatch.setattr(module, "score_version", None)
        again = self.score(trained, footage)
        for part, scores in first.items():
            assert again[part].to_plain() == scores.to_plain()
        kept.write_text("{")
        with pytest.raises(TypeError):  # nothing to compute them with
            self.score(trained, footage)

    def test_whatever_decides_them_makes_others(self, trained, footage):
        self.score(trained, footage)
        self.score(trained, footage, seed=1)
        self.score(trained, footage, most=3)
        splits = replace(footage.splits, test=footage.splits.test[:-1])
        self.score(trained, replace(footage, splits=splits))
        assert len(list(trained.run.path.glob("scores-*.json"))) == 4

    def test_all_versions_on_their_own_footage(self, trained, footage):
        sets = VersionFootage({"MineRL 16 × 16": footage})
        found = study.score_all(
            {"v1.0.1": trained}, sets, lpips=Difference(), most=4, progress=False
        )
        assert found["v1.0.1"]["heldout"].metrics["psnr_db"].n == min(4, len(footage.splits.test))
        store, train = sets.frames(trained.version)
        assert store is footage.store
        np.testing.assert_array_equal(train, footage.splits.train)

    def test_no_interval_reaches_beyond_the_codebook(self, trained, footage, monkeypatch):
        reaching = {
            "codes_used": Estimate(64.0, 62.3, 64.3, 8, 4),
            "perplexity": Estimate(1.2, 0.9, 1.4, 8, 4),
            "psnr_db": Estimate(0.5, -0.5, 99.0, 8, 4),
        }
        scores = PartScores(reaching, np.ones(64, int))
        both = {"train": scores, "heldout": scores}
        monkeypatch.setattr(module, "score_version", lambda *args, **options: both)
        for _ in range(2):  # computed, then read back
            found = self.score(trained, footage)["heldout"].metrics
            assert found["codes_used"] == Estimate(64.0, 62.3, 64.0, 8, 4)
            assert found["perplexity"] == Estimate(1.2, 1.0, 1.4, 8, 4)
            assert found["psnr_db"] == reaching["psnr_db"]

    def test_a_single_world_has_no_interval_to_bound(self):
        one = Estimate(16.0, None, None, 8, 1)
        scores = PartScores(dict.fromkeys(module.OF_CODES, one), np.ones(16, int))
        assert module.within_the_codebook(scores).metrics == scores.metrics


def test_footage_is_prepared_once_for_each_layout_and_size(footage, monkeypatch):
    asked = []
    monkeypatch.setattr(
        module, "prepare", lambda layout, size, preset: asked.append((layout, size)) or footage
    )
    found = study.prepare_all(VERSIONS.values(), preset="tiny")
    assert asked == [("minerl", (64, 64)), ("gamefactory", (36, 64)), ("gamefactory", (72, 128))]
    assert list(found) == ["MineRL 64 × 64", "GF-Minecraft 64 × 36", "GF-Minecraft 128 × 72"]
    assert found.of(VERSIONS["v2.1.6"]) is footage


def test_darkness_says_what_a_relu_does(trained, generator):
    images = torch.rand(2, 3, *SIZE, generator=generator)
    facts = study.darkness_facts(trained, images)
    assert facts["darkest_pixel"] < 0.5
    assert facts["gradient_reconstruction"] > 0
    torch.manual_seed(0)
    behind = replace(trained, model=Vqvae(replace(trained.model.config, output_relu=True)).eval())
    broken = study.darkness_facts(behind, images)
    assert broken["darkest_pixel"] == 0.5
    assert broken["stuck_share"] > facts["stuck_share"]


def test_darkness_of_this_run_and_of_recorded_ones(tmp_path):
    facts = dict.fromkeys(
        ("darkest_pixel", "stuck_share", "gradient_reconstruction", "gradient_commitment"), 0.25
    )
    small = Ledger("04-vqvae-versions", "small", root=tmp_path, hardware="a test")
    study.record_found(small, "v2.1.0.dark", facts | {"stuck_share": 0.5}, seed=0)
    small.save()
    promote("04-vqvae-versions", "small", root=tmp_path)
    ledger = Ledger("04-vqvae-versions", "tiny", root=tmp_path, hardware="a test")
    for name in ("v2.1.0", "v2.1.5"):
        study.record_found(ledger, f"{name}.dark", facts, seed=0)
    table = study.darkness_table(ledger, ["v2.1.0", "v2.1.5"])
    assert table["Version"].tolist() == ["v2.1.0", "v2.1.0", "v2.1.5"]
    assert table["Preset"].tolist() == ["tiny", "small", "tiny"]
    assert table["Stuck at 0.5"].tolist() == [0.25, 0.5, 0.25]


def test_ranges_at_half_contrast_and_one_pixel():
    def curve(strengths, right, wrong):
        other = np.arange(len(strengths), dtype=float)
        return RangeCurve(strengths, np.array(right), np.array(wrong), other, other, other / 10)

    ranges = LpipsRanges(
        curve((0.0, 0.5, 1.0), [0.8, 0.4, 0.0], [0.6, 0.1, 0.0]),
        curve((0.5, 1.0), [0.1, 0.2], [0.1, 0.1]),
    )
    assert study.range_facts(ranges) == pytest.approx(
        {"contrast_ratio": 0.25, "contrast_cosine": 0.1, "blur_ratio": 0.5, "blur_cosine": 0.1}
    )
    contrast, blur = study.range_tables(ranges)
    assert contrast.index.tolist() == [0.0, 0.5, 1.0]
    assert contrast.iloc[1].tolist() == [0.4, 0.1]
    assert list(blur.columns) == list(contrast.columns)


def test_lives_of_reseeded_codes():
    life = Revival(
        np.array([4, 2, 0]), np.array([1, 2, 0]), np.array([0.5, 0.2, 0.1]), np.array([3, 3, 4]), 5
    )
    facts = study.revival_facts({"averages stay": life})
    assert facts == {"averages_stay.stayed_share": 0.5, "averages_stay.codes_used": 5.0}
    stayed, moved = study.revival_tables({"averages stay": life})
    assert stayed["averages stay"].tolist() == [0.25, 1.0]
    assert moved["averages stay"].tolist() == [0.5, 0.2, 0.1]
    assert moved.index.tolist() == [1, 2, 3]


def test_values_of_the_arc(trained, footage):
    scores = {"v1.0.1": score_one(trained, footage, lpips=Difference(), most=4, seed=0)}
    values = study.arc_values(scores, ["v1.0.1"])
    estimate = scores["v1.0.1"]["train"].metrics["ssim"]
    assert values["ssim"]["v1.0.1"]["train"] == (estimate.value, estimate.low, estimate.high)
    assert list(values["grid_energy_sky"]["v1.0.1"]) == ["heldout"]


def test_a_sheet_shows_each_version_on_its_footage(trained, footage):
    sets = VersionFootage({"MineRL 16 × 16": footage})
    [block] = study.sheet_blocks({"v1.0.1": trained}, sets, names=["v1.0.1"])
    assert isinstance(block, SheetBlock)
    assert block.title == "MineRL 16 × 16 pixels"
    assert list(block.train) == list(block.heldout) == ["original", "v1.0.1"]


def test_the_sheet_of_all_versions_leaves_room_for_its_caption():
    """A page of A4 has 24.4 cm for text, a little less than the figure's height and caption."""
    shown: dict[str, vqvae_pictures.SheetBlock] = {}
    for name, one in VERSIONS.items():
        rows, columns = one.model.image_size
        pictures = np.zeros((module_findings.FRAMES_A_PART[one.layout], rows, columns, 3), np.uint8)
        block = shown.setdefault(
            f"{one.layout} {rows}", SheetBlock("", {"original": pictures}, {"original": pictures})
        )
        block.train[name] = block.heldout[name] = pictures
    assert vqvae_pictures.version_sheet(list(shown.values())).get_figheight() < 9.0


def test_epochs_are_the_versions_own(trained):
    later = replace(trained, version=replace(trained.version, continues_at=30))
    tables = study.epochs_of({"a": trained, "b": later})
    assert tables["a"]["epoch"].tolist() == [2.0, 4.0]
    assert tables["b"]["epoch"].tolist() == [32.0, 34.0]


def test_grids_flat_inputs_and_streams(trained, footage):
    config = replace(trained.model.config, image_size=(32, 32))
    large = replace(trained, model=Vqvae(config).eval())
    values = study.grid_values(study.grid_by_path({"v1.0.1": large}))
    assert set(values["v1.0.1"]) == {*(f"grid_{path}" for path in study.PATHS), "distinct_codes"}
    rows = study.flat_rows({"v1.0.1": trained})
    assert rows["input"].shape == rows["v1.0.1"].shape
    assert (rows["input"][0] == rows["input"][0][0, 0]).all(), "one colour"
    stream = list(study.latents_stream(footage, trained, batches=3, seed=1))
    assert [z.shape for z in stream] == [(4, 4, 4, 4)] * 3
    assert not torch.equal(stream[0], stream[1])


def test_water_and_land(trained, footage, monkeypatch):
    assert study.biome_scores(trained, footage) == {}, "noise has no biomes"
    count = len(footage.store)
    biomes = np.array(["ocean", "plains"])[np.arange(count) % 2]
    truth = pd.DataFrame({"biome": biomes})
    monkeypatch.setattr(Footage, "truth", property(lambda self: truth))
    found = study.biome_scores(trained, footage)
    assert set(found) == {"psnr_db_water", "psnr_db_land"}
    assert found["psnr_db_water"].n + found["psnr_db_land"].n == len(footage.splits.test)


def test_the_two_by_two_design(trained, footage):
    cells = dict.fromkeys([(a, b) for a in (True, False) for b in (True, False)], trained)
    scores = {"v1.0.1": score_one(trained, footage, lpips=Difference(), most=4, seed=0)}
    originals, pictures, said = study.two_by_two(footage, cells, scores, count=2)
    assert originals.shape == pictures[True, True].shape == (2, *SIZE, 3)
    assert set(said[True, False]) == {"psnr_db", "lpips", "darkest"}
    assert 0 <= said[True, False]["darkest"] <= 255


def test_the_share_of_dark_values(footage):
    train = np.asarray(footage.store.frames)[footage.splits.train]
    assert study.dark_share(footage) == pytest.approx(float((train / 255 < 0.5).mean()))


def test_same_weights_are_the_same_to_the_last_bit(trained):
    twin = replace(trained, model=Vqvae(trained.model.config))
    twin.model.load_state_dict(trained.model.state_dict())
    assert study.same_weights(trained, twin)
    twin.model.quantiser.code_counts[3] += 1e-6
    assert not study.same_weights(trained, twin)


def test_the_arcs_bands_are_what_the_versions_say():
    """The figure's bands are typed once more; here they meet the configurations."""
    having = {
        "LPIPS not installed": lambda v: v.perceptual is not None and not v.perceptual.installed,
        "LPIPS fed [0, 1]": lambda v: (
            v.perceptual is not None
            and v.perceptual.installed
            and v.perceptual.input_range == "[0, 1]"
        ),
        "ReLU before the sigmoid": lambda v: v.model.output_relu,
    }
    assert list(having) == list(study.CAUSES)
    for label, (first, last) in study.CAUSES.items():
        names = [name for name, v in VERSIONS.items() if having[label](v)]
        assert (names[0], names[-1]) == (first, last)
        order = list(VERSIONS)
        assert names == order[order.index(first) : order.index(last) + 1]
    for name, label in study.BREAKS.items():
        rows, columns = VERSIONS[name].model.image_size
        assert label == f"{columns} × {rows}"
