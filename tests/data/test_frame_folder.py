"""A folder of pictures as a playthrough: order, sizes, interruptions."""

import numpy as np
import pytest
from PIL import Image

from lib.data import frame_folder
from lib.data.frame_folder import import_frames
from lib.data.frames import FRAMES, STORE
from lib.data.growing_store import require_corrupt
from lib.data.images import FaultyImagesError
from lib.data.pictures import natural_key, read_picture, scaled
from lib.data.playthrough import (
    read_playthrough,
)
from tests.data.footage import write_frames

SIZE = (18, 32)


def read(source, store, **options):
    return read_playthrough(source, store, **({"size": SIZE, "progress": False} | options))


@pytest.mark.parametrize("suffix", [".png", ".webp", ".bmp"])
def test_frames_of_a_folder_come_in_natural_order(tmp_path, suffix):
    frames = write_frames(tmp_path / "f", 12, size=SIZE, suffix=suffix)
    (tmp_path / "f" / "notes.txt").touch()
    found = read(tmp_path / "f", tmp_path / "s")
    if suffix != ".webp":  # lossy
        np.testing.assert_array_equal(found.store.frames, frames)
    assert found.store.frame_numbers.tolist() == list(range(12))
    assert found.labels is None
    assert found.kinds is None
    with pytest.raises(ValueError, match="does not tell kinds"):
        found.of_kind("play")


def test_frames_of_a_folder_are_shrunk_by_area(tmp_path):
    frames = write_frames(tmp_path / "f", 3)
    got = read(tmp_path / "f", tmp_path / "s").store.frames
    assert np.abs(got - frames.reshape(3, 18, 2, 32, 2, 3).mean((2, 4))).max() <= 1
    np.testing.assert_array_equal(got[0], scaled(frames[0], SIZE))


def test_names_sort_as_people_sort():
    names = ["b2.png", "b10.png", "a.png", "b2a.png", "10.png", "9.png", "b02.png"]
    wanted = ["9.png", "10.png", "a.png", "b02.png", "b2.png", "b2a.png", "b10.png"]
    assert sorted(names, key=natural_key)[2:] == wanted[2:]
    assert sorted(names, key=natural_key)[:2] == wanted[:2]


def test_frames_of_mixed_size_are_counted_and_can_be_left_out(tmp_path):
    frames = write_frames(tmp_path / "f", 9)
    for i in (3, 7):
        Image.new("RGB", (64, 40)).save(tmp_path / "f" / f"frame_{i}.png")
    (tmp_path / "f" / "frame_5.png").write_bytes(b"none")
    with pytest.raises(FaultyImagesError) as raised:
        read(tmp_path / "f", tmp_path / "s")
    told = str(raised.value)
    assert "2 images have a wrong size: frame_3.png (64×40 pixels, not 64×36)" in told
    assert "1 images cannot be decoded: frame_5.png" in told
    assert "--skip-corrupt" in told
    found = read(tmp_path / "f", tmp_path / "s", corrupt="skip")
    assert found.store.frame_numbers.tolist() == [0, 1, 2, 4, 6, 8]
    assert set(found.store.skipped) == {"frame_3.png", "frame_5.png", "frame_7.png"}
    np.testing.assert_array_equal(found.store.frames[4], scaled(frames[6], SIZE))


def test_an_interrupted_folder_goes_on_to_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(frame_folder, "PICTURES_PER_MARK", 4)
    write_frames(tmp_path / "f", 30)
    (tmp_path / "f" / "frame_2.png").write_bytes(b"none")
    options = {"size": SIZE, "corrupt": "skip", "progress": False}
    straight = import_frames(tmp_path / "f", tmp_path / "straight", **options)
    seen = []

    def crash(path, size, **sizes):
        if path.stem == "frame_22":
            raise KeyboardInterrupt
        return read_picture(path, size, **sizes)

    def note(path, size, **sizes):
        seen.append(path.name)
        return read_picture(path, size, **sizes)

    with monkeypatch.context() as patch:
        patch.setattr(frame_folder, "read_picture", crash)
        with pytest.raises(KeyboardInterrupt):
            import_frames(tmp_path / "f", tmp_path / "s", **options)
    monkeypatch.setattr(frame_folder, "read_picture", note)
    store = import_frames(tmp_path / "f", tmp_path / "s", **options)
    assert sorted(seen, key=natural_key) == [f"frame_{i}.png" for i in range(20, 30)]
    for name in (FRAMES, STORE):
        assert (tmp_path / "s" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()
    assert store.skipped == straight.skipped


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ([], r"no frames in .*: it holds nothing\. Give a video, or a folder of frames"),
        (["a.txt", "b.txt"], "it holds only a.txt, b.txt"),
        (["a.mp4", "b.mkv"], r"holds 2 videos \(a\.mp4, b\.mkv\): name one"),
    ],
)
def test_folders_without_a_playthrough(tmp_path, held, message):
    (tmp_path / "f").mkdir()
    for name in held:
        (tmp_path / "f" / name).touch()
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read(tmp_path / "f", tmp_path / "s")
    with pytest.raises(FileNotFoundError, match="there is no .*gone"):
        read(tmp_path / "gone", tmp_path / "s")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (72, 128)}, "smaller than the wanted 72×128"),
        ({"size": (18, 24)}, "of another shape"),
        ({"fps": 0.0}, "fps=0.0: want frames per second"),
    ],
)
def test_settings_of_a_folder_are_checked(tmp_path, options, message):
    write_frames(tmp_path / "f", 2)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "f", tmp_path / "s", **options)


def test_corrupt_is_error_or_skip():
    with pytest.raises(ValueError, match="corrupt='ignore': want 'error' or 'skip'"):
        require_corrupt("ignore")
