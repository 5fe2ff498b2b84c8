"""The chapter's footage: given or made, read once, split so that no world is in two parts."""

import inspect
import shutil
from pathlib import Path

import numpy as np
import pytest

from lib.data import minecraft
from lib.data.minecraft import LAYOUTS, Footage, prepare
from lib.worlds.blocks import BlocksFootage
from tests.data.footage import noise, write_gamefactory, write_minerl, write_video

SIZES = {"minerl": (16, 16), "gamefactory": (18, 32)}


def write_footage(folder: Path) -> Path:
    """Both layouts of the same folder, small; returns it."""
    write_minerl(folder / "minerl", recordings=5)
    write_gamefactory(folder / "gamefactory", lengths=(30,) * 8)
    return folder


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_footage(tmp_path_factory.mktemp("mine"))


@pytest.fixture(autouse=True)
def few_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        minecraft, "GAMEFACTORY_FRAMES", dict.fromkeys(("tiny", "small", "full"), 24)
    )


def quiet(layout, root, data_dir, **options) -> Footage:
    options = {"preset": "tiny", "size": SIZES[layout], "progress": False} | options
    return prepare(layout, root=root, data_dir=data_dir, **options)


def parts(footage: Footage) -> dict[str, np.ndarray]:
    splits = footage.splits
    return {"train": splits.train, "validation": splits.validation, "test": splits.test}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_no_world_is_in_two_parts(given, tmp_path, layout, seed):
    footage = quiet(layout, tmp_path, given, seed=seed)
    frames = np.concatenate(list(parts(footage).values()))
    assert sorted(frames) == list(range(len(footage.store)))
    worlds = [set(footage.store.groups[part]) for part in parts(footage).values()]
    assert all(worlds)
    assert len(set.union(*worlds)) == sum(map(len, worlds))
    assert (footage.layout, footage.generated) == (layout, False)
    assert footage.source == given / layout


def test_the_seed_decides_the_split(given, tmp_path):
    splits = [
        quiet("minerl", tmp_path, given, seed=seed).splits.test.tolist() for seed in (0, 0, 1, 2, 3)
    ]
    assert splits[0] == splits[1]
    assert len(set(map(tuple, splits))) > 1


def test_frames_are_taken_as_the_write_up_took_them(given, tmp_path):
    minerl = quiet("minerl", tmp_path, given).store
    assert minerl.size == (16, 16)
    assert minerl.frame_numbers.min() == 20
    assert set(minerl.frame_numbers % 2) == {0}
    drawn = quiet("gamefactory", tmp_path, given).store
    assert drawn.size == (18, 32)
    assert len(drawn) == 24
    gaps = np.diff(drawn.frame_numbers)[np.diff(drawn.recordings) == 0]
    assert gaps.min() >= 5
    assert drawn.settings["seed"] == 0


@pytest.mark.parametrize(("layout", "size"), [("minerl", (64, 64)), ("gamefactory", (36, 64))])
def test_sizes_by_default(tmp_path, layout, size, monkeypatch):
    """Footage of the original's size, area-averaged."""
    for k in range(3):
        video = noise(26, 2 * size[0], 2 * size[1], seed=k)
        names = {
            "minerl": f"Treechop/player_{k}/recording.mp4",
            "gamefactory": f"data_2003/video/seed_{k}_part_{k}.mp4",
        }
        write_video(tmp_path / "mine" / layout / names[layout], video)
    monkeypatch.setitem(minecraft.GAMEFACTORY_FRAMES, "tiny", 6)
    data_dir = tmp_path / "mine"
    footage = prepare(layout, preset="tiny", root=tmp_path, data_dir=data_dir, progress=False)
    assert footage.store.size == size


@pytest.mark.parametrize("layout", LAYOUTS)
def test_frames_are_read_once(given, tmp_path, layout, monkeypatch):
    first = quiet(layout, tmp_path, given)
    assert first.store.folder.is_relative_to(tmp_path / "runs" / "frames")
    before = {path.name: path.stat().st_mtime_ns for path in first.store.folder.iterdir()}

    def decode(*arguments: object, **options: object) -> None:
        raise AssertionError("the videos were decoded again")

    monkeypatch.setattr("lib.data.recordings.read_frames", decode)
    again = quiet(layout, tmp_path, str(given))
    assert again.store.folder == first.store.folder
    assert again.store.digest == first.store.digest
    after = {path.name: path.stat().st_mtime_ns for path in again.store.folder.iterdir()}
    assert after == before
    np.testing.assert_array_equal(again.store.frames, first.store.frames)


def test_folders_of_one_name_do_not_mix(tmp_path):
    """``~/old/mine`` and ``~/new/mine`` are two data sets."""
    stores = []
    for parent, environment in (("old", "Treechop"), ("new", "Navigate")):
        folder = tmp_path / parent / "mine"
        write_minerl(folder / "minerl", recordings=3, environment=environment)
        stores.append(quiet("minerl", tmp_path, folder).store)
    assert stores[0].folder != stores[1].folder
    assert stores[1].recording_names[0].startswith("Navigate/")


def test_a_relative_folder(given, tmp_path, monkeypatch):
    monkeypatch.chdir(given)
    footage = quiet("minerl", tmp_path, ".")
    assert footage.source == given / "minerl"
    assert footage.store.folder == quiet("minerl", tmp_path, given).store.folder


def test_errors_say_what_to_do(given, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no MineRL recordings in .*minerl"):
        quiet("minerl", tmp_path, tmp_path / "nowhere")
    with pytest.raises(ValueError, match="preset is 'huge'; choose one of tiny, small, full"):
        quiet("gamefactory", tmp_path, given, preset="huge")


@pytest.mark.parametrize("layout", ["doom", "minerl "])
def test_an_unknown_layout(given, tmp_path, layout):
    plain = inspect.unwrap(prepare)  # without the tests' type check, as a reader calls it
    with pytest.raises(ValueError, match="layout is '.*'; choose one of minerl, gamefactory"):
        plain(layout, preset="tiny", root=tmp_path, data_dir=given)
    assert not (tmp_path / "runs").exists()


class TestGenerated:
    """Footage that the blocks world makes; here other, tiny footage is put in its place."""

    @pytest.fixture
    def made(self, given, monkeypatch) -> list[tuple[Path, BlocksFootage]]:
        """Folders and settings that were asked for."""
        asked = []

        def make_footage(folder: Path, config: BlocksFootage, *, progress: bool) -> None:
            asked.append((folder, config))
            if not folder.exists():
                shutil.copytree(given / config.layout, folder)

        monkeypatch.setattr(minecraft, "make_footage", make_footage)
        return asked

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_the_preset_and_the_seed_are_passed_on(self, made, tmp_path, layout):
        footage = quiet(layout, tmp_path, None, preset="small", seed=3)
        [(folder, config)] = made
        assert config == BlocksFootage.preset("small", layout, seed=3)
        assert footage.generated
        assert folder == footage.source
        assert folder.is_relative_to(tmp_path / "data" / "blocks")

    def test_each_seed_and_preset_has_footage_of_its_own(self, made, tmp_path):
        """Else the second seed would be refused: the folder holds footage of the first."""
        footages = [
            quiet("minerl", tmp_path, None, preset=preset, seed=seed)
            for preset in ("tiny", "small")
            for seed in (0, 1)
        ]
        assert len({footage.source for footage in footages}) == 4
        assert len({footage.store.folder for footage in footages}) == 4

    def test_given_and_generated_footage_do_not_mix(self, made, tmp_path):
        """Somebody's own folder may be called tiny, too."""
        own = tmp_path / "tiny"
        write_minerl(own / "minerl", recordings=3, environment="Navigate")
        stores = [quiet("minerl", tmp_path, data_dir).store for data_dir in (None, own)]
        assert stores[0].folder != stores[1].folder

    def test_truth_is_that_of_the_source(self, made, tmp_path):
        truth = quiet("gamefactory", tmp_path, None).truth
        assert truth is not None
        assert set(truth["biome"]) == {"desert"}
        assert len(truth) == 24
        assert quiet("minerl", tmp_path, None).truth is None
