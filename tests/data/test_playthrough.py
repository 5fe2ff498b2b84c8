"""Playthroughs: Doom footage with its truth, a reader's own video or frames."""

import json
import sys
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from lib.data import doom_footage
from lib.data.doom_footage import KINDS, LABELS, TRUTH
from lib.data.following import has_next
from lib.data.frames import FRAMES, INDEX, STORE
from lib.data.pictures import read_picture
from lib.data.playthrough import (
    MOST_FRAMES,
    estimated_bytes,
    prepare_playthrough,
    read_playthrough,
)
from lib.worlds.doom.classes import UNKNOWN, FrameKind, PixelClass
from tests.data.footage import noise, write_frames, write_video

SIZE = (18, 32)
LENGTHS = {
    "00-demo-e1m6": 5,
    "01-demo-e1m6": 4,
    "02-player-map03": 7,
    "03-player-map07": 6,
}


def write_doom(root, lengths=LENGTHS, size=(36, 64)):
    """Footage in the Doom world's layout; returns each recording's label pictures."""
    labels = {}
    for k, (name, count) in enumerate(lengths.items()):
        folder = root / "recordings" / name
        for part in ("frames", "labels"):
            (folder / part).mkdir(parents=True)
        rng = np.random.default_rng(k)
        labels[name] = rng.choice([*PixelClass, UNKNOWN], (count, *size)).astype(np.uint8)
        lines = ["frame,tic,kind,map,x,y,angle"]
        for i in range(count):
            coarse = Image.fromarray(rng.integers(0, 256, (4, 6, 3), np.uint8))
            coarse.resize(size[::-1]).save(folder / "frames" / f"{i:06d}.jpg", quality=90)
            Image.fromarray(labels[name][i]).save(folder / "labels" / f"{i:06d}.png")
            kind, place = ("menu", ",,") if i == 2 else ("play", f"{i}.5,-{k},90")
            lines.append(f"{i},{int(3.5 * i)},{kind},{name[-5:]},{place}")
        (folder / "frames.csv").write_text("\n".join(lines) + "\n")
    (root / "playthrough.json").write_text(json.dumps({"seed": 0}))
    return labels


def read(source, store, **options):
    return read_playthrough(source, store, **({"size": SIZE, "progress": False} | options))


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    """(folder, labels by recording)"""
    root = tmp_path_factory.mktemp("footage") / "doom"
    return root, write_doom(root)


@pytest.fixture
def doom(footage, tmp_path):
    return read(footage[0], tmp_path / "s")


# --------------------------------------------------------------------------- Doom footage


def test_frames_come_in_time_order_with_maps_as_groups(footage, doom):
    store = doom.store
    assert len(doom) == sum(LENGTHS.values())
    assert store.recording_names == tuple(LENGTHS)
    assert store.group_names == ("e1m6", "map03", "map07")
    assert doom.maps.tolist() == ["e1m6"] * 9 + ["map03"] * 7 + ["map07"] * 6
    assert store.frame_numbers.tolist() == [i for n in LENGTHS.values() for i in range(n)]
    path = footage[0] / "recordings" / "02-player-map03" / "frames" / "000003.jpg"
    decoded = np.asarray(Image.open(path)).astype(float)
    mean = decoded.reshape(18, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(store.frames[9 + 3] - mean).max() <= 1
    assert doom.fps == 10
    store.verify()


def test_labels_are_the_nearest_pixels(footage, doom):
    assert isinstance(doom.labels, np.memmap)
    full = np.concatenate(list(footage[1].values()))
    np.testing.assert_array_equal(doom.labels, full[:, 1::2, 1::2])
    assert doom.labels.flags.writeable is False


def test_broken_ratios_take_the_pixel_at_the_centre(footage, tmp_path):
    """Rows and columns 36×64 to 27×48; at its own centre each pixel is nearest."""
    labels = read(footage[0], tmp_path / "s", size=(27, 48)).labels
    rows, columns = (((np.arange(n) + 0.5) * 4 / 3 + 1e-9).astype(int) for n in (27, 48))
    full = np.concatenate(list(footage[1].values()))
    np.testing.assert_array_equal(labels, full[:, rows[:, None], columns])


def test_kinds_tics_and_places(doom):
    starts = np.cumsum([0, 5, 4, 7])
    assert np.flatnonzero(doom.of_kind("menu")).tolist() == (starts + 2).tolist()
    assert doom.of_kind(FrameKind.PLAY).sum() == len(doom) - 4
    assert doom.tics[5:9].tolist() == [0, 3, 7, 10]
    np.testing.assert_allclose(doom.places[6], [1.5, -1, 90])
    assert np.isnan(doom.places[starts + 2]).all()
    assert np.isfinite(doom.places[starts]).all()
    with pytest.raises(ValueError, match="kind is 'fight'; choose one of play, menu"):
        doom.of_kind("fight")
    assert len(KINDS) == len(FrameKind)


def test_the_next_frame_is_of_the_same_recording(doom):
    everything = np.arange(len(doom))
    last = np.cumsum(list(LENGTHS.values())) - 1
    following = doom.next_frame(everything)
    assert np.flatnonzero(following == everything).tolist() == last.tolist()
    others = np.setdiff1d(everything, last)
    np.testing.assert_array_equal(following[others], others + 1)
    assert not doom.has_next()[last].any()


@pytest.mark.parametrize("seed", range(4))
def test_no_map_is_in_two_parts(doom, seed):
    splits = doom.split(validation=0.3, test=0.3, seed=seed)
    parts = [set(doom.maps[part]) for part in (splits.train, splits.validation, splits.test)]
    assert all(parts)
    assert sum(map(len, parts)) == len(set.union(*parts)) == 3
    together = np.concatenate([splits.train, splits.validation, splits.test])
    np.testing.assert_array_equal(np.sort(together), np.arange(len(doom)))


def test_the_footage_may_say_how_it_is_split(tmp_path):
    names = {"00-player-map01": 2, "01-player-map02": 3, "02-player-map03": 4}
    write_doom(tmp_path / "d", names)
    splits = {"train": ["MAP03"], "validation": ["MAP01"], "test": ["MAP02"]}
    (tmp_path / "d" / "playthrough.json").write_text(json.dumps({"splits": splits}))
    found = read(tmp_path / "d", tmp_path / "s")
    own = found.split()
    assert [own.train.tolist(), own.validation.tolist(), own.test.tolist()] == [
        [5, 6, 7, 8],
        [0, 1],
        [2, 3, 4],
    ]
    drawn = {tuple(found.maps[found.split(seed=seed).test]) for seed in range(6)}
    assert len(drawn) > 1
    splits["train"] = ["MAP09"]
    (tmp_path / "d" / "playthrough.json").write_text(json.dumps({"splits": splits}))
    with pytest.raises(ValueError, match="splits other maps than the 3"):
        read(tmp_path / "d", tmp_path / "s")
    (tmp_path / "d" / "playthrough.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"playthrough\.json is damaged"):
        read(tmp_path / "d", tmp_path / "s")


def test_what_is_read_is_not_read_again(footage, doom, tmp_path, monkeypatch):
    names = {path.name for path in (tmp_path / "s").iterdir()}
    assert names == {FRAMES, INDEX, STORE, LABELS, TRUTH}
    monkeypatch.setattr(doom_footage, "read_ahead", None)
    again = read(footage[0], tmp_path / "s")
    assert again.store.digest == doom.store.digest
    np.testing.assert_array_equal(again.labels, doom.labels)
    as_store = read(tmp_path / "s", tmp_path / "unused")  # a store is a source, too
    np.testing.assert_array_equal(as_store.labels, doom.labels)
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize("lost", [LABELS, TRUTH])
def test_lost_truth_is_read_again(footage, doom, tmp_path, lost):
    (tmp_path / "s" / lost).unlink()
    assert not read(tmp_path / "s", tmp_path / "unused").labels
    again = read(footage[0], tmp_path / "s")
    np.testing.assert_array_equal(again.labels, doom.labels)
    np.testing.assert_array_equal(again.places, doom.places)


def test_an_interrupted_reading_goes_on(footage, doom, tmp_path, monkeypatch):
    read_in = []

    def crash(path, size):
        if path.parts[-3].startswith("02"):
            raise KeyboardInterrupt
        return read_picture(path, size)

    def note(path, size):
        read_in.append(path.parts[-3])
        return read_picture(path, size)

    with monkeypatch.context() as patch:
        patch.setattr(doom_footage, "read_picture", crash)
        with pytest.raises(KeyboardInterrupt):
            read(footage[0], tmp_path / "t")
    monkeypatch.setattr(doom_footage, "read_picture", note)
    again = read(footage[0], tmp_path / "t")
    assert set(read_in) == {"02-player-map03", "03-player-map07"}
    assert again.store.digest == doom.store.digest
    np.testing.assert_array_equal(again.labels, doom.labels)


def test_other_footage_in_the_store_is_not_mixed(footage, doom, tmp_path):
    other = tmp_path / "other"
    write_doom(other, {"00-player-map30": 3})
    with pytest.raises(ValueError, match="holds frames of other footage"):
        read(other, tmp_path / "s")


def spoil(root, what):
    folder = root / "recordings" / "00-player-map01"
    table = folder / "frames.csv"
    if what == "unfinished":
        (root / "playthrough.json").unlink()
    elif what == "column":
        table.write_text(table.read_text().replace("tic", "tick"))
    elif what == "kind":
        table.write_text(table.read_text().replace("play", "fight"))
    elif what == "no table":
        table.unlink()
    elif what == "label":
        Image.fromarray(np.full((36, 64), 77, np.uint8)).save(folder / "labels" / "000001.png")
    elif what == "colour label":
        Image.new("RGB", (64, 36)).save(folder / "labels" / "000001.png")
    elif what == "no label":
        (folder / "labels" / "000001.png").unlink()
    else:
        path = folder / "frames" / "000001.jpg"
        path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("unfinished", r"no finished Doom footage \(playthrough\.json is missing\)"),
        ("column", "frames.csv lacks tic; want columns frame,tic"),
        ("kind", "has kind 'fight'; want one of play, menu"),
        ("no table", "frames.csv is missing"),
        ("label", r"unknown class: 000001\.png \(77\)"),
        ("colour label", r"000001\.png \(mode RGB, not 8-bit grey\)"),
        ("no label", r"000001\.png \(.*No such file"),
        ("cut frame", r"1 images cannot be decoded: 000001\.jpg"),
    ],
)
def test_damaged_footage_is_told(tmp_path, what, message):
    write_doom(tmp_path / "d", {"00-player-map01": 3})
    spoil(tmp_path / "d", what)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read(tmp_path / "d", tmp_path / "s")


# ----------------------------------------------------------------- videos, stretches, splits


def test_a_folder_with_one_video_is_that_video(tmp_path):
    frames = noise(40, *SIZE)
    write_video(tmp_path / "f" / "play.mp4", frames)  # at 20 Hz
    found = read(tmp_path / "f", tmp_path / "s")
    np.testing.assert_array_equal(found.store.frames, frames[::2])
    assert found.store.recording_names == ("play.mp4",)
    assert not found.has_maps
    most = estimated_bytes(tmp_path / "f", size=SIZE, fps=10.0)
    assert 20 <= most / (18 * 32 * 3 + 12) <= 22


def test_frames_far_apart_do_not_follow_one_another(tmp_path):
    """Where pictures were left out for more than a second."""
    write_frames(tmp_path / "f", 40, size=SIZE)
    for i in range(10, 22):
        (tmp_path / "f" / f"frame_{i}.png").write_bytes(b"none")
    found = read(tmp_path / "f", tmp_path / "s", corrupt="skip")
    assert np.flatnonzero(~found.has_next()).tolist() == [9, 27]
    assert found.next_frame(np.array([8, 9, 10])).tolist() == [9, 9, 11]
    timeless = replace(found.store, settings={})
    assert np.flatnonzero(~has_next(timeless)).tolist() == [27], "without a clock, order alone"


def test_too_little_for_a_split(tmp_path):
    write_frames(tmp_path / "f", 2, size=SIZE)
    with pytest.raises(ValueError, match="2 different groups"):
        read(tmp_path / "f", tmp_path / "s").split()


# ------------------------------------------------------------------------------- prepare


@dataclass(frozen=True)
class FakeFootage:
    name: str
    seed: int

    @classmethod
    def preset(cls, preset, *, seed=0):
        return cls(preset, seed)


@pytest.fixture
def fake_world(monkeypatch):
    """A Doom world that films three tiny maps."""
    made = []
    module = ModuleType("lib.worlds.doom.footage")

    def make_doom(folder, footage, *, workers=None, progress=True):
        if not folder.exists():
            write_doom(folder, {"00-player-map01": 2, "01-player-map02": 2, "02-demo-map03": 3})
        made.append((folder, footage))

    module.DoomFootage, module.make_doom = FakeFootage, make_doom
    monkeypatch.setitem(sys.modules, "lib.worlds.doom.footage", module)
    return made


def test_without_a_playthrough_one_is_filmed(fake_world, tmp_path):
    found = prepare_playthrough("tiny", root=tmp_path, seed=3, progress=False)
    assert found.generated
    assert found.store.size == (144, 256)
    assert found.labels.shape == (7, 144, 256)
    assert fake_world == [(tmp_path / "data/doom/tiny-seed3", FakeFootage("tiny", 3))]
    assert found.store.folder == tmp_path / "runs/frames/doom-tiny-seed3"
    prepare_playthrough("tiny", root=tmp_path, progress=False)
    assert fake_world[1] == (tmp_path / "data/doom/tiny", FakeFootage("tiny", 0))


def test_a_readers_own_playthrough(fake_world, tmp_path, monkeypatch):
    write_frames(tmp_path / "mine", 8, size=(144, 256))
    monkeypatch.setitem(MOST_FRAMES, "tiny", 5)
    tiny = prepare_playthrough("tiny", root=tmp_path, data_dir=tmp_path / "mine", progress=False)
    full = prepare_playthrough(
        "full", root=tmp_path, data_dir=str(tmp_path / "mine"), progress=False
    )
    assert (len(tiny), len(full)) == (5, 8)
    assert not tiny.generated
    assert tiny.store.folder.parent == tmp_path / "runs/frames"
    assert tiny.store.folder != full.store.folder
    assert not fake_world
    with pytest.raises(ValueError, match="preset is 'huge'; choose one of tiny, small, full"):
        prepare_playthrough("huge", root=tmp_path)


def test_a_store_of_other_footage_is_no_playthrough(tmp_path):
    from lib.data.minerl import read_minerl
    from tests.data.footage import write_minerl

    write_minerl(tmp_path / "m")
    read_minerl(tmp_path / "m", tmp_path / "s", size=(16, 16), progress=False)
    with pytest.raises(ValueError, match="frame store of minerl footage, which is no playthrough"):
        read(tmp_path / "s", tmp_path / "t")
