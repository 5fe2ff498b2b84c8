"""What the footage page measures of people and sprites, records, says and shows."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib.book import people as study
from lib.book import people_pictures as pictures
from lib.book.results import Ledger
from lib.book.rows import ID
from lib.book.tables import to_markdown
from lib.data.mot.discovery import discover_sequences
from lib.data.people import People, by_background, own_people
from lib.worlds.plaza import PlazaFootage, make_plaza
from lib.worlds.plaza import render_clip as render_plaza
from lib.worlds.sprites import SpritesFootage, make_sprites
from tests.data.mot import write_motchallenge, write_pictures

PLAZA = PlazaFootage(
    seed=2, scenes=1, clips=3, frames=8, size_px=32, people=5, backgrounds=("black", "hard")
)
SPRITES = SpritesFootage(clips=3, frames=7, size_px=32, density="medium")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> list[study.MeasuredPeople]:
    """The plaza's and the sprites'."""
    found = []
    for name, make, footage in (
        ("plaza", make_plaza, PLAZA),
        ("sprites", make_sprites, SPRITES),
    ):
        folder = tmp_path_factory.mktemp(name)
        make(folder, footage, workers=1, progress=False)  # type: ignore[operator]
        over = by_background(discover_sequences(folder).sequences)
        made = People(name, folder, over["black"], generated=True, over=over)
        found.append(study.measure(made))
    return found


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> study.MeasuredPeople:
    """Two sequences of the reader's, with boxes and without masks."""
    folder = tmp_path_factory.mktemp("own")
    for name in ("a", "b"):
        write_motchallenge(folder / "people" / name)
    found = own_people(folder)
    assert found is not None
    return study.measure(found)


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> study.MeasuredPeople:
    """Frames without any truth."""
    folder = tmp_path_factory.mktemp("unknown")
    write_pictures(folder / "people", 7)
    found = own_people(folder)
    assert found is not None
    return study.measure(found)


@pytest.fixture
def ledger(tmp_path, measured, own) -> Ledger:
    ledger = Ledger("footage", "tiny", root=tmp_path, hardware="a test")
    for one in (*measured, own):
        study.record(ledger, one, seed=3)
    return ledger


class TestMeasure:
    def test_numbers_are_those_of_the_world(self, measured):
        plaza = measured[0]
        shots = [list(render_plaza(PLAZA, 0, clip)) for clip in range(PLAZA.clips)]
        seen = [
            [[one for one in shot.sightings if one.visibility > 0] for shot in clip]
            for clip in shots
        ]
        every = [one.visibility for clip in seen for shot in clip for one in shot]
        found = {name: estimate.value for name, estimate in plaza.metrics.items()}
        assert found["in_view"] == pytest.approx(np.mean([len(s) for clip in seen for s in clip]))
        assert found["visibility"] == pytest.approx(np.mean(every), abs=1e-5)
        assert found["half_hidden_share"] == pytest.approx(np.mean(np.array(every) < 0.5))
        covered = np.mean([(shot.mask > 0).mean() for clip in shots for shot in clip])
        assert found["covered_share"] == pytest.approx(covered)
        assert plaza.metrics["in_view"].groups == PLAZA.clips
        assert set(found) == set(study.METRICS)

    def test_sprites_are_there_throughout(self, measured):
        sprites = measured[1]
        assert sprites.metrics["track_seconds"].value <= 0.7
        assert 0.16 * 0.9 < sprites.metrics["speed"].value < 0.47 * 1.1
        assert sprites.entries["in_view"].between(1, 9).all()

    def test_what_is_not_known_is_left_out(self, own, unknown):
        assert set(own.metrics) == set(study.METRICS) - {"covered_share"}
        assert own.metrics["visibility"].value == pytest.approx(0.75)
        assert unknown.metrics == {}
        assert study.counts(unknown) == {"clips": 1, "frames": 7, "tracks": 0}

    def test_the_most_crowded_clip(self, measured, unknown):
        plaza = measured[0]
        best = study.most_crowded(plaza)
        sums = plaza.entries["visibility"].groupby(level=0).sum()
        assert best == int(sums.idxmax())
        assert study.most_crowded(unknown) == 0

    def test_folders_are_made_where_missing(self, tmp_path):
        assert study.made_where_missing(None, "minerl") is None
        with pytest.raises(
            FileNotFoundError, match=r"data_dir=.* none of the folders minerl, gamefactory, people"
        ):
            study.made_where_missing(tmp_path, "minerl")
        (tmp_path / "people").mkdir()
        assert study.made_where_missing(tmp_path, "minerl") is None
        (tmp_path / "minerl").mkdir()
        assert study.made_where_missing(str(tmp_path), "minerl") == tmp_path


class TestLedger:
    def test_rows(self, ledger, measured):
        rows = {row.id: row for row in ledger.rows}
        assert all(ID.fullmatch(id) for id in rows)
        assert {id.rpartition(".")[0] for id in rows} == {
            "footage.plaza.all",
            "footage.sprites.all",
            "footage.own_people.all",
        }
        one, wanted = rows["footage.plaza.all.visibility"], measured[0].metrics["visibility"]
        assert (one.value, one.low, one.high) == (wanted.value, wanted.low, wanted.high)
        assert (one.n, one.seeds) == (wanted.n, (3,))
        assert rows["footage.sprites.all.frames"].value == 21
        assert rows["footage.sprites.all.track_seconds"].unit == "s"

    def test_nothing_known_is_recorded_as_counts(self, tmp_path, unknown):
        ledger = Ledger("footage", "tiny", root=tmp_path, hardware="a test")
        study.record(ledger, unknown)
        values = {row.id.rpartition(".")[2]: row.value for row in ledger.rows}
        assert values == {"clips": 1, "frames": 7, "tracks": 0}

    def test_an_unknown_row(self, ledger, measured):
        with pytest.raises(ValueError, match=r"holds no footage.plaza.all.weight: record"):
            study.row(ledger, measured[0], "weight")


class TestWords:
    def test_counts(self, measured, own):
        tracks = study.counts(measured[0])["tracks"]
        assert study.told_counts(measured[0]) == (
            f"plaza: 3 clips over 2 backgrounds, 24 frames of 32 × 32 pixels, {tracks} tracks"
        )
        assert study.told_counts(own) == ("people: 2 clips, 24 frames of 36 × 24 pixels, 4 tracks")

    def test_sentence(self, ledger, measured, unknown):
        sentence = study.sentence(ledger, measured[0])
        assert sentence.startswith("**The plaza**: a frame shows ")
        assert " %" in sentence.split("less than half is seen of")[1]
        assert study.sentence(ledger, unknown) == (
            "**Your footage**: nothing is known of who is where."
        )

    def test_table(self, ledger, measured, own):
        table = study.table(ledger, [*measured, own]).set_index("Statistic")
        assert list(table.columns) == ["the plaza", "sprites", "your footage"]
        assert len(table) == len(study.COUNTS) + len(study.METRICS)
        assert table.loc["share of the pixels that show one", "your footage"] == "–"
        assert "%" in table.loc["share of a thing that is seen", "the plaza"]
        assert "%" not in table.loc["things in a frame", "the plaza"]
        assert table.loc["frames"].tolist() == ["24", "21", "24"]
        assert to_markdown(table, index=True).count("\n") == len(table) + 1


class TestPictures:
    def test_the_same_frames_over_every_background(self, measured):
        figure = pictures.backgrounds(measured[0])
        [axis] = figure.axes
        assert [label.get_text() for label in axis.get_yticklabels()] == ["black", "hard"]
        clip = study.most_crowded(measured[0])
        path = measured[0].people.source / f"plaza000-{clip:03d}-hard" / "img1" / "000008.png"
        with Image.open(path) as last:
            np.testing.assert_array_equal(axis.images[0].get_array()[-32:, -32:], np.asarray(last))

    def test_truth_with_and_without_masks(self, measured, own):
        for one, rows in ((measured[0], ["boxes", "pixels"]), (own, ["boxes"])):
            [axis] = pictures.truth(one).axes
            assert [label.get_text() for label in axis.get_yticklabels()] == rows
        pictures.truth(measured[0], background="hard").canvas.draw()
        with pytest.raises(ValueError, match="background is 'pink'; this footage has black, hard"):
            pictures.truth(measured[0], background="pink")

    def test_boxes_and_pixels_have_the_same_colours(self, measured):
        [axis] = pictures.truth(measured[1]).axes
        sheet = np.asarray(axis.images[0].get_array())
        half = len(sheet) // 2
        above, below = (
            {tuple(colour) for colour in part.reshape(-1, 3).tolist()}
            for part in (sheet[:half], sheet[half:])
        )
        tracks = below - {(24, 24, 24), (255, 255, 255)}
        assert len(tracks) >= 2
        assert tracks <= above

    def test_sprites_of_every_kind(self):
        [axis] = pictures.sprites("tiny").axes
        assert [label.get_text() for label in axis.get_yticklabels()] == list(pictures.KINDS)

    def test_distributions(self, measured, own):
        figure = pictures.distributions([*measured, own])
        assert [axis.get_xlabel() for axis in figure.axes] == list(study.QUANTITIES.values())
        [entries] = figure.legends
        assert [text.get_text() for text in entries.get_texts()] == [
            "the plaza",
            "sprites",
            "your footage",
        ]

    def test_a_sentence_where_nothing_is_known(self, unknown, own):
        for figure, words in (
            (pictures.truth(unknown), "does not say who is where"),
            (pictures.distributions([unknown]), "does not say who is where"),
            (pictures.backgrounds(own), "one background only"),
        ):
            assert words in figure.axes[0].texts[0].get_text()


def test_nothing_is_left_beside_the_footage(measured):
    """Measuring reads; it never writes."""
    names = {path.name for path in Path(measured[0].people.source).iterdir()}
    kinds = {f"plaza000-{clip:03d}-{kind}" for clip in range(3) for kind in ("black", "hard")}
    assert names == kinds | {"footage.json"}
