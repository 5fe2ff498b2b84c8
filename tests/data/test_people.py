"""Footage of people made and found, and what is counted of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lib.data import people
from lib.data.mot.discovery import discover_sequences
from lib.data.people import (
    by_background,
    in_view,
    is_people,
    own_people,
    prepare_people,
    sightings,
    track_seconds,
)
from lib.worlds.plaza import PlazaFootage, make_plaza, render_clip
from lib.worlds.sprites import SpritesFootage, make_sprites
from tests.data.mot import SIZE, write_gt, write_motchallenge, write_motsynth, write_pictures

PLAZA = PlazaFootage(
    seed=5, scenes=1, clips=2, frames=8, size_px=32, people=5, backgrounds=("black", "hard")
)


@pytest.fixture(scope="module")
def plaza(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plaza")
    make_plaza(folder, PLAZA, workers=1, progress=False)
    return folder


class TestPrepare:
    @pytest.fixture
    def made(self, monkeypatch) -> list[tuple[Path, object]]:
        """Settings that were asked for; clips of a few frames are made instead."""
        calls: list[tuple[Path, object]] = []

        def plaza(folder, footage, *, progress):
            calls.append((folder, footage))
            few = PlazaFootage(
                scenes=1, clips=1, frames=2, size_px=16, people=1, backgrounds=footage.backgrounds
            )
            make_plaza(folder, few, workers=1, progress=False)

        def sprites(folder, footage, *, progress):
            calls.append((folder, footage))
            few = SpritesFootage(clips=2, frames=2, size_px=16, backgrounds=footage.backgrounds)
            make_sprites(folder, few, workers=1, progress=False)

        monkeypatch.setattr(people, "make_plaza", plaza)
        monkeypatch.setattr(people, "make_sprites", sprites)
        return calls

    def test_the_plaza_is_made_over_all_backgrounds(self, made, tmp_path):
        found = prepare_people("plaza", preset="tiny", root=tmp_path, seed=3)
        [(folder, footage)] = made
        assert folder == tmp_path / "data" / "plaza" / "tiny-seed3-black-gradient-hard-blurred"
        kinds = ("black", "gradient", "hard", "blurred")
        assert footage == PlazaFootage.preset("tiny", seed=3, backgrounds=kinds)
        assert found.generated
        assert found.world == "plaza"
        assert tuple(found.over) == kinds
        assert [one.name for one in found.sequences] == ["plaza000-000-black"]

    def test_sprites_are_made_as_asked(self, made, tmp_path):
        found = prepare_people(
            "sprites", preset="small", root=tmp_path, density="dense", textured=True
        )
        [(folder, footage)] = made
        assert folder == tmp_path / "data" / "sprites" / "small-dense-textured-black"
        assert footage == SpritesFootage.preset("small", density="dense", textured=True)
        assert len(found.sequences) == 2

    def test_other_settings_have_other_folders(self, made, tmp_path):
        for options in ({}, {"density": "dense"}, {"backgrounds": ("gradient",)}, {"seed": 1}):
            prepare_people("sprites", preset="tiny", root=tmp_path, **options)
        assert len({folder for folder, _ in made}) == 4

    def test_options_of_sprites_are_none_of_the_plaza(self, made, tmp_path):
        with pytest.raises(TypeError, match="density"):
            prepare_people("plaza", preset="tiny", root=tmp_path, density="dense")
        assert made == []

    @pytest.mark.parametrize(
        ("world", "options", "message"),
        [
            ("square", {}, "world is 'square'; choose one of plaza, sprites"),
            ("plaza", {"preset": "huge"}, "preset must be one of tiny, small, full, not 'huge'"),
            ("sprites", {"backgrounds": ("hard",)}, "backgrounds must be some of black, gradient"),
            ("sprites", {"density": "full"}, "density must be one of sparse"),
        ],
    )
    def test_bad_input_is_named(self, made, tmp_path, world, options, message):
        with pytest.raises(ValueError, match=message):
            prepare_people(world, root=tmp_path, **({"preset": "tiny"} | options))
        assert made == []


class TestFound:
    def test_made_clips_come_by_background(self, plaza):
        over = by_background(discover_sequences(plaza).sequences)
        assert {kind: [one.name for one in clips] for kind, clips in over.items()} == {
            "black": ["plaza000-000-black", "plaza000-001-black"],
            "hard": ["plaza000-000-hard", "plaza000-001-hard"],
        }

    def test_ones_own(self, tmp_path):
        assert own_people(None) is None
        assert own_people(tmp_path) is None
        write_motchallenge(tmp_path / "people" / "street")
        found = own_people(tmp_path)
        assert found is not None
        assert (found.world, found.generated, found.over) == ("people", False, {})
        assert [one.name for one in found.sequences] == ["street"]

    def test_an_empty_folder_of_ones_own_is_told(self, tmp_path):
        (tmp_path / "people").mkdir()
        with pytest.raises(FileNotFoundError, match="no sequence in"):
            own_people(tmp_path)

    def test_layouts_are_told_apart(self, plaza, tmp_path):
        assert is_people(plaza)
        write_motchallenge(tmp_path / "mot" / "train" / "MOT16-02")
        write_motsynth(tmp_path / "synth")
        write_motsynth(tmp_path / "videos", video=True, annotated=False)
        write_pictures(tmp_path / "grand", 2, size=(480, 720))
        write_pictures(tmp_path / "frames", 2)
        (tmp_path / "cars").mkdir()
        Image.new("RGB", (720, 480)).save(tmp_path / "cars" / "0a1b.jpg")
        for name in ("mot", "synth", "videos", "grand"):
            assert is_people(tmp_path / name), name
        for other in ("frames", "cars", "nothing"):
            assert not is_people(tmp_path / other)


class TestSightings:
    def test_everybody_who_is_seen_at_all(self, plaza):
        [first, _] = by_background(discover_sequences(plaza).sequences)["hard"]
        shots = list(render_clip(PLAZA, 0, 0))
        wanted = sorted(
            (one.id, frame, one.visibility, one.width / 32, one.height / 32)
            for frame, shot in enumerate(shots)
            for one in shot.sightings
            if one.visibility > 0
        )
        table = sightings(first)
        rows = table[["id", "frame", "visibility", "width", "height"]].to_numpy()
        np.testing.assert_allclose(rows, wanted, atol=1e-5)
        counts = [sum(one.visibility > 0 for one in shot.sightings) for shot in shots]
        assert in_view(table, len(shots)).tolist() == counts

    @pytest.fixture
    def street(self, tmp_path):
        """20 frames a second: 1 walks 2 px a frame to the right, 2 is there for two frames."""
        write_pictures(tmp_path / "img1", 14)
        rows = [(k + 1, 1, 1 + 2 * k, 5, 4, 8, 1, 1, 1.0) for k in range(14)]
        rows += [(k, 2, 20, 3, 6, 12, 1, 1, 0.25) for k in (3, 4)]
        rows += [(5, 3, 20, 3, 6, 12, 1, 1, 0.0)]  # hidden altogether
        rows += [(5, 4, 20, 3, 6, 12, 0, 1, 1.0), (5, 5, 20, 3, 6, 12, 1, 3, 1.0)]  # unjudged, car
        write_gt(tmp_path, rows, frames=14)
        [found] = discover_sequences(tmp_path).sequences
        return found

    def test_speed_is_taken_over_half_a_second(self, street):
        table = sightings(street)
        known = table["speed"].dropna()
        assert len(known) == 4  # of 14 frames those with one ten frames later
        np.testing.assert_allclose(known, 2 * 20 / min(SIZE))
        assert table.loc[table["id"] == 2, "speed"].isna().all()

    def test_whom_nobody_judges_is_left_out(self, street):
        table = sightings(street)
        assert sorted(set(table["id"])) == [1, 2]
        assert in_view(table, 14).tolist() == [1, 1, 2, 2, *[1] * 10]
        assert track_seconds(table, 20.0).to_dict() == {1: 0.7, 2: 0.1}
        np.testing.assert_allclose(table["height"].max(), 12 / min(SIZE))

    def test_a_gap_in_a_track_is_part_of_it(self):
        table = pd.DataFrame({"id": [7, 7], "frame": [2, 11]})
        assert track_seconds(table, 10.0).to_dict() == {7: 1.0}

    def test_without_truth_there_is_nothing(self, tmp_path):
        write_pictures(tmp_path / "frames", 3)
        [found] = discover_sequences(tmp_path / "frames").sequences
        table = sightings(found)
        assert table.empty
        assert in_view(table, 3).tolist() == [0, 0, 0]
        assert track_seconds(table, 10.0).empty
