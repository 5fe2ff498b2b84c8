"""What the footage page measures, records and shows, with a truth and without."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lib.book import footage as study
from lib.book import footage_pictures as pictures
from lib.book.results import Ledger
from lib.book.rows import ID
from lib.book.tables import to_markdown
from lib.data.minecraft import Footage
from lib.data.minerl import read_minerl
from lib.data.splits import split_groups
from lib.evaluation.footage import change_curve, class_shares
from lib.worlds.blocks.kinds import BIOME_NAMES
from tests.data.footage import write_minerl

WORLDS = 6


def write_truth(data: Path) -> None:
    """Biome, hour, and for the first frames of each recording night and creatures."""
    for k in range(WORLDS):
        n = 50 + k
        np.savez(
            data / "Treechop" / f"player_{k}" / "truth.npz",
            biome=np.full(n, k % 3, np.uint8),
            biome_names=np.array(BIOME_NAMES),
            time_of_day=np.where(np.arange(n) < 30, 0.75, 0.25),
            sun_elevation=np.where(np.arange(n) < 30, -0.9, 0.9),
        )


def make(folder: Path, *, truth: bool, generated: bool) -> Footage:
    write_minerl(folder / "data", frames=50, recordings=WORLDS)
    if truth:
        write_truth(folder / "data")
    store = read_minerl(folder / "data", folder / "store", size=(16, 16), progress=False)
    splits = split_groups(store.groups, test=0.35)
    return Footage("minerl", folder / "data", store, splits, generated=generated)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    return make(tmp_path_factory.mktemp("made"), truth=True, generated=True)


@pytest.fixture(scope="module")
def measured(footage) -> study.MeasuredFootage:
    return study.measure(footage)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> study.MeasuredFootage:
    """Real footage: no truth."""
    return study.measure(make(tmp_path_factory.mktemp("own"), truth=False, generated=False))


@pytest.fixture
def ledger(tmp_path, measured, own) -> Ledger:
    ledger = Ledger("footage", "tiny", root=tmp_path, hardware="a test")
    for one in (measured, own):
        study.record(ledger, one, seed=3)
    return ledger


class TestMeasure:
    def test_parts_are_those_of_the_split(self, footage, measured):
        splits = footage.splits
        assert measured.indices[measured.parts["train"]].tolist() == splits.train.tolist()
        assert measured.indices[measured.parts["heldout"]].tolist() == splits.test.tolist()
        assert len(measured.parts["all"]) == len(footage.store)

    def test_numbers_of_a_part(self, footage, measured):
        frames = footage.store.frames[footage.splits.test] / 255
        found = measured.metrics["heldout"]
        assert found["blue"].value == pytest.approx(frames[..., 2].mean(), abs=1e-5)
        assert found["neighbour_change"].n == len(frames) - found["blue"].groups
        assert {e.groups for e in found.values()} == {
            len(set(footage.store.groups[footage.splits.test]))
        }

    def test_change(self, footage, measured):
        curve = change_curve(footage.store, footage.source)
        assert [(p.lag, p.change.value) for p in measured.curve] == [
            (p.lag, p.change.value) for p in curve
        ]
        everything = measured.metrics["all"]
        assert everything["neighbour_change"].value == pytest.approx(curve[0].change.value)
        # two frames of noise differ alike, whether of one world or of two
        assert measured.stranger_change.value == pytest.approx(curve[0].change.value, abs=0.01)

    def test_shares(self, footage, measured):
        assert set(measured.shares) == {"biome", "daytime"}
        biome = measured.shares["biome"]["heldout"]
        assert list(biome) == list(BIOME_NAMES)
        truth = footage.truth
        assert truth is not None
        seen = truth["biome"].iloc[footage.splits.test]
        assert {b: e.value for b, e in biome.items()} == pytest.approx(
            {b: float(np.mean(seen == b)) for b in BIOME_NAMES}
        )
        dark = measured.shares["daytime"]["all"]["night"]
        assert dark.value == pytest.approx((truth["frame"] < 30).mean())

    def test_many_frames_are_thinned(self, footage, monkeypatch):
        monkeypatch.setattr(study, "MOST_FRAMES", 25)
        few = study.measure(footage)
        assert len(few.indices) == len(few.pixels.luminance) == 25
        assert few.metrics["all"]["blue"].n == 25
        held_out = few.indices[few.parts["heldout"]]
        assert len(held_out) > 0
        assert set(held_out) <= set(footage.splits.test.tolist())


class TestLabels:
    def test_every_kind(self):
        truth = pd.DataFrame(
            {
                "biome": ["snow", "mesa", None],
                "sun_elevation": [0.9, 0.0, -0.9],
                "mode": ["walk", "swim", "glide"],
                "creatures_in_view": [0, 2, np.nan],
            }
        )
        found = study.labels_of(truth)
        assert {kind: labels.dropna().tolist() for kind, (labels, _) in found.items()} == {
            "biome": ["snow", "mesa"],
            "daytime": ["day", "dusk", "night"],
            "mode": ["walk", "swim", "glide"],
            "creatures": ["no creatures", "creatures"],
        }
        assert found["mode"][1] == ("walk", "fly", "cave", "swim", "glide")
        for labels, classes in found.values():
            shares = class_shares(labels, np.arange(3), classes)
            assert sum(e.value for e in shares.values()) == pytest.approx(1)

    def test_names_of_other_games(self):
        [(_, classes)] = study.labels_of(pd.DataFrame({"biome": ["tundra", "bog"]})).values()
        assert classes == ("bog", "tundra")

    def test_what_is_unknown_is_left_out(self):
        assert study.labels_of(pd.DataFrame({"mode": [None, None], "frame": [0, 1]})) == {}


class TestLedger:
    def test_rows(self, ledger, measured):
        rows = {row.id: row for row in ledger.rows}
        assert all(ID.fullmatch(id) for id in rows)
        assert {tuple(id.split(".")[:3]) for id in rows} == {
            ("footage", study, part)
            for study in ("blocks_minerl", "own_minerl")
            for part in ("all", "train", "heldout")
        }
        one = rows["footage.blocks_minerl.train.edge_share"]
        wanted = measured.metrics["train"]["edge_share"]
        assert (one.value, one.low, one.high) == (wanted.value, wanted.low, wanted.high)
        assert (one.n, one.seeds) == (wanted.n, (3,))
        assert rows["footage.blocks_minerl.all.worlds"].value == WORLDS
        assert rows["footage.blocks_minerl.all.frames"].value == len(measured.footage.store)
        assert "footage.blocks_minerl.all.stranger_change" in rows
        assert "footage.blocks_minerl.heldout.daytime_night_share" in rows

    def test_without_a_truth_there_is_everything_but_its_rows(self, ledger):
        names = {
            name: {r.id.split(".", 2)[2] for r in ledger.rows if r.id.split(".")[1] == name}
            for name in ("blocks_minerl", "own_minerl")
        }
        assert names["own_minerl"] < names["blocks_minerl"]
        missing = {id.split(".")[1] for id in names["blocks_minerl"] - names["own_minerl"]}
        assert all(metric.startswith(("biome_", "daytime_")) for metric in missing)

    @pytest.mark.parametrize(
        ("kind", "label", "id"),
        [
            ("biome", "birch_forest", "biome_birch_forest_share"),
            ("biome", "Eaux-Vives é", "biome_eaux_vives___share"),
        ],
    )
    def test_names_of_shares(self, kind, label, id):
        assert study.share_metric(kind, label) == id

    def test_an_unknown_row(self, ledger, measured):
        with pytest.raises(ValueError, match=r"holds no footage.blocks_minerl.all.speed: record"):
            study.row(ledger, measured, "speed")


class TestWords:
    def test_counts(self, measured):
        n = len(measured.footage.store)
        assert study.counts(measured) == (
            f"minerl: {n} frames of 16 × 16 pixels, 6 recordings, 6 worlds"
        )

    def test_counts_name_columns_first(self, measured):
        n = len(measured.footage.store)
        store = replace(measured.footage.store, frames=np.zeros((n, 9, 16, 3), np.uint8))
        wide = replace(measured, footage=replace(measured.footage, store=store))
        assert f"{n} frames of 16 × 9 pixels" in study.counts(wide)

    def test_shares_are_told_in_per_cent(self, ledger, measured):
        told = study.tell(ledger, measured, "daytime_night_share")
        value = 100 * study.row(ledger, measured, "daytime_night_share").value
        assert abs(float(told.split(" %")[0]) - value) < 1
        assert "95 % interval" in told
        assert "%" not in study.tell(ledger, measured, "luminance").split("(")[0]

    def test_sentence(self, ledger, measured):
        sentence = study.change_sentence(ledger, measured)
        assert sentence.startswith("**MineRL**: stored neighbours differ by 0.3")
        assert "less than 0.02, 5 of 255 steps, is 0 %" in sentence

    def test_table(self, ledger, measured, own):
        table = study.table(ledger, [measured, own])
        assert table["Statistic"].tolist()[:2] == ["frames", "worlds"]
        assert len(table) == 2 + len(study.METRICS)
        assert list(table.columns)[1:] == ["MineRL, training", "MineRL, held-out"]
        assert "–" not in table.set_index("Statistic").loc["frames"].tolist()
        assert to_markdown(table).count("\n") == len(table) + 1


class TestPictures:
    def test_sheet_with_and_without_truth(self, measured, own):
        titles = [a.get_title(loc="left") for a in pictures.sheet(measured, count=6).axes]
        assert {title.split("\n")[0] for title in titles} == {
            name.replace("_", " ") for name in BIOME_NAMES[:3]
        }
        assert {title.split("\n")[1] for title in titles} == {"day", "night"}
        assert {a.get_title(loc="left") for a in pictures.sheet(own, count=6).axes} == {""}

    def test_sets_with_a_truth_are_shown(self, measured, own):
        figure = pictures.shares([own, measured], "biome")
        [axis] = figure.axes
        labels = [label.get_text() for label in axis.get_yticklabels()]
        assert labels == [name.replace("_", " ") for name in BIOME_NAMES]
        dashed = [line for line in axis.lines if line.get_linestyle() == "--"]
        assert dashed[0].get_xdata()[0] == pytest.approx(100 / len(BIOME_NAMES))
        assert len(pictures.daytime([own, measured]).axes) == 1

    def test_a_sentence_where_nothing_is_known(self, measured, own):
        for figure, words in (
            (pictures.shares([own], "biome"), "does not say: biome."),
            (pictures.shares([own, measured], "mode", "creatures"), "mode of movement, creatures"),
            (pictures.daytime([own]), "no time of day"),
        ):
            assert words in figure.axes[0].texts[0].get_text()

    def test_pixels_need_no_truth(self, own):
        for picture in (pictures.colour, pictures.edges, pictures.change):
            picture([own]).canvas.draw()

    def test_hours_are_counted_by_band(self, measured):
        counts = pictures._day_counts(measured.truth)
        assert {band: int(c.sum()) for band, c in counts.items()} == {
            "day": int((measured.truth["frame"] >= 30).sum()),
            "dusk": 0,
            "night": int((measured.truth["frame"] < 30).sum()),
        }
        assert (int(counts["day"].argmax()), int(counts["night"].argmax())) == (6, 18)
