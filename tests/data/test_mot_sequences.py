"""Sequences in every layout, random access to videos, and what is the matter with others."""

import numpy as np
import pytest
from PIL import Image

from lib.data.mot import seeking
from lib.data.mot.discovery import discover_sequences
from lib.data.mot.parts import split_sequences
from lib.data.mot.seeking import read_at
from lib.data.mot.sequences import require_no_gap
from lib.data.video import CorruptVideoError, read_frames
from tests.data.footage import YUV420, damage_pictures, noise, truncate, write_video
from tests.data.mot import (
    SIZE,
    walkers,
    write_gt,
    write_masks,
    write_motchallenge,
    write_motsynth,
    write_pictures,
)

# --------------------------------------------------------------------------------- layouts


def test_motchallenge(tmp_path):
    """A folder of sequences, one of them within train/, and a sequence itself."""
    frames = write_motchallenge(tmp_path / "train" / "MOT16-10")
    write_motchallenge(tmp_path / "train" / "MOT16-2")
    found = discover_sequences(tmp_path)
    assert found.layout == "motchallenge"
    assert [one.name for one in found.sequences] == ["train/MOT16-2", "train/MOT16-10"]
    alone = discover_sequences(tmp_path / "train" / "MOT16-10").sequences[0]
    assert (alone.name, alone.frames, alone.size) == ("MOT16-10", 12, SIZE)
    assert alone.frame_rate_hz == 20
    np.testing.assert_array_equal(alone.read([0, 4, 11]), frames[[0, 4, 11]])
    assert alone.annotations.at(3).boxes.tolist() == [[4, 4, 4, 8], [20, 10, 6, 10]]
    assert not alone.has_masks
    alone.check()


def test_motchallenge_counts_frames_by_their_names(tmp_path):
    folder = tmp_path / "s"
    write_pictures(folder / "img1", 4, first=301)
    write_gt(folder, [(302, 1, 1, 1, 5, 5, 1)])
    found = discover_sequences(folder).sequences[0]
    assert found.annotations.frames.tolist() == [1]


@pytest.mark.parametrize("video", [False, True])
def test_motsynth(tmp_path, video):
    frames = write_motsynth(tmp_path, "003", video=video)
    write_motsynth(tmp_path, "012", video=video, annotated=False)
    found = discover_sequences(tmp_path)
    assert found.layout == "motsynth"
    assert [one.name for one in found.sequences] == ["003", "012"]
    first, second = found.sequences
    np.testing.assert_array_equal(first.read([2, 7]), frames[[2, 7]])
    assert first.annotations.at(0).ids.tolist() == [1, 2]
    assert first.annotations.visibility.tolist()[:2] == [1.0, 0.5]
    assert second.annotations is None
    assert first.frame_rate_hz == 20


def test_motsynth_counts_from_0_or_1(tmp_path):
    """Its tools disagree; frames that its own script wrote begin with the third of the video."""
    write_motsynth(tmp_path, "000", first=0)
    write_motsynth(tmp_path, "001", first=1)
    for one in discover_sequences(tmp_path).sequences:
        assert one.annotations.at(5).boxes[0, 0] == 6
    late = discover_sequences(tmp_path, first_frame=3).sequences[1]
    assert late.annotations.at(5).boxes[0, 0] == 8


def test_masks_of_motsynth(tmp_path):
    write_motsynth(tmp_path, "000")
    mask = np.zeros(SIZE, bool)
    mask[4:12, 3:7] = True
    write_masks(tmp_path / "mots_annotations" / "000", {(2, 2001): mask})
    found = discover_sequences(tmp_path).sequences[0]
    assert found.has_masks
    assert (found.mask(1) == 2001).sum() == mask.sum()
    assert not found.mask(0).any()
    assert found.part(1, 4).mask(0).any()
    assert len(found.annotations) == 24, "boxes come from their own file"


def test_masks_alone_give_boxes(tmp_path):
    folder = tmp_path / "MOTS20-02"
    write_pictures(folder / "img1", 3)
    mask = np.zeros(SIZE, bool)
    mask[4:12, 3:7] = True
    write_masks(folder, {(2, 2001): mask})
    found = discover_sequences(folder).sequences[0]
    assert found.annotations.at(1).boxes.tolist() == [[3, 4, 4, 8]]
    assert found.annotations.at(1).ids.tolist() == [1]


def test_masks_in_pictures(tmp_path):
    folder = tmp_path / "s"
    write_motchallenge(folder, 3)
    (folder / "instances").mkdir()
    for i in range(2):
        Image.fromarray(np.full(SIZE, 2000 + i, np.uint16)).save(
            folder / "instances" / f"{i:06d}.png"
        )
    found = discover_sequences(folder).sequences[0]
    assert found.mask(1)[0, 0] == 2001
    with pytest.raises(ValueError, match="has 2 masks, but that of frame 2 is wanted"):
        found.mask(2)


def test_grand_central_and_other_frames(tmp_path):
    write_pictures(tmp_path / "g", 2, first=0, digits=1, suffix=".jpg", size=(480, 720))
    assert discover_sequences(tmp_path / "g").layout == "grand_central"
    frames = write_pictures(tmp_path / "f", 11, first=0, digits=1)
    found = discover_sequences(tmp_path / "f")
    assert found.layout == "frames"
    assert found.sequences[0].annotations is None
    np.testing.assert_array_equal(found.sequences[0].read([2, 10]), frames[[2, 10]])
    with pytest.raises(ValueError, match="f has no masks"):
        found.sequences[0].mask(0)


def test_videos(tmp_path):
    frames = noise(7, 16, 16)
    path = write_video(tmp_path / "v" / "b.mp4", frames)
    write_video(tmp_path / "v" / "a.mp4", noise(3))
    found = discover_sequences(tmp_path / "v")
    assert [one.name for one in found.sequences] == ["a", "b"]
    alone = discover_sequences(path)
    assert alone.layout == "video"
    np.testing.assert_array_equal(alone.sequences[0].read([0, 6]), frames[[0, 6]])
    alone.sequences[0].check()


# ------------------------------------------------------------------------------- mistakes


def test_nothing_is_found(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileNotFoundError, match=r"no sequence in .*, which holds notes.txt: want"):
        discover_sequences(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no .*gone"):
        discover_sequences(tmp_path / "gone")
    (tmp_path / "s" / "img1").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="no frames in .*img1"):
        discover_sequences(tmp_path / "s")


def test_missing_frames_are_told(tmp_path):
    write_motchallenge(tmp_path / "s")
    (tmp_path / "s" / "img1" / "000005.png").unlink()
    with pytest.raises(ValueError, match=r"gap in its numbers: 000006.png follows 000004.png"):
        discover_sequences(tmp_path / "s")
    (tmp_path / "s" / "img1" / "000012.png").rename(tmp_path / "s" / "img1" / "000005.png")
    with pytest.raises(ValueError, match="holds 11 pictures, but seqinfo.ini says 12 frames"):
        discover_sequences(tmp_path / "s")


def test_every_fifth_frame_is_no_gap(tmp_path):
    assert require_no_gap(tmp_path, ["a0", "a5", "a10"], even_steps=True) == [0, 5, 10]
    assert require_no_gap(tmp_path, ["a", "b"], even_steps=True) is None
    with pytest.raises(ValueError, match="a11 follows a5"):
        require_no_gap(tmp_path, ["a0", "a5", "a11"], even_steps=True)
    with pytest.raises(ValueError, match="a5 follows a0"):
        require_no_gap(tmp_path, ["a0", "a5"], even_steps=False)


def test_annotations_of_other_frames_are_told(tmp_path):
    write_pictures(tmp_path / "s" / "img1", 5)
    write_gt(tmp_path / "s", walkers(6))
    sequence = discover_sequences(tmp_path / "s").sequences[0]
    with pytest.raises(ValueError, match="line 11: frame 6 is beyond the sequence, whose 5 frames"):
        sequence.check()
    write_motsynth(tmp_path / "m", "000", count=5, video=True)
    write_gt(tmp_path / "n", [], frames=9)
    (tmp_path / "n" / "seqinfo.ini").replace(tmp_path / "m/mot_annotations/000/seqinfo.ini")
    with pytest.raises(ValueError, match="holds 5 frames, but seqinfo.ini says 9"):
        discover_sequences(tmp_path / "m")


def test_frames_of_mixed_size_are_told(tmp_path):
    write_motchallenge(tmp_path / "s")
    Image.new("RGB", (20, 10)).save(tmp_path / "s" / "img1" / "000003.png")
    (tmp_path / "s" / "img1" / "000004.png").write_bytes(b"none")
    sequence = discover_sequences(tmp_path / "s").sequences[0]
    told = r"000003.png is 10×20 \(rows×columns\), but frames of s are 24×36"
    for ask in (sequence.check, lambda: sequence.read([1, 2])):
        with pytest.raises(ValueError, match=told):
            ask()
    with pytest.raises(ValueError, match="000004.png cannot be read: no picture"):
        sequence.read([3])
    with pytest.raises(ValueError, match="s has 12 frames, but frames 3 to 12 are wanted"):
        sequence.read([3, 12])


# -------------------------------------------------------------------------- random access


@pytest.mark.parametrize(
    "options", [{"g": "5"}, {"g": "250"}, {"g": "6", "x264-params": "open-gop=1"}]
)
def test_frames_out_of_the_middle_are_those_of_the_whole(tmp_path, options):
    """With key frames close, far, and with frames before them that need the group before."""
    frames = noise(8, 32, 32).repeat(4, 0)
    codec = (*YUV420[:2], {"crf": "20", "preset": "medium", "bf": "3"} | options)
    path = write_video(tmp_path / "v.mp4", frames, codec=codec)
    whole = dict(read_frames(path))
    for numbers in ([0], [31], [3, 4, 5], [2, 14, 29], [9, 30], list(range(0, 32, 5))):
        np.testing.assert_array_equal(read_at(path, numbers), [whole[k] for k in numbers])
    with pytest.raises(ValueError, match="has 32 frames, but 32 is wanted"):
        read_at(path, [32])


def test_damaged_videos_are_told(tmp_path, monkeypatch):
    path = write_video(tmp_path / "v.mp4", noise(20, 32, 32), codec=YUV420)
    damage_pictures(path)
    with pytest.raises(CorruptVideoError):
        read_at(path, list(range(20)))
    truncate(path, 0.5)
    with pytest.raises(CorruptVideoError, match="truncated"):
        read_at(path, [0])
    path = write_video(tmp_path / "w.mp4", noise(4))
    seeking.index_video(path)
    monkeypatch.setattr(
        seeking, "_index", lambda *_: seeking.VideoIndex(np.arange(9), np.arange(1))
    )
    with pytest.raises(CorruptVideoError, match="is not found"):
        read_at(path, [8])


# ---------------------------------------------------------------------------------- parts


@pytest.fixture
def three(tmp_path):
    for name in ("a", "b", "c"):
        write_motchallenge(tmp_path / name, 10)
    return discover_sequences(tmp_path).sequences


@pytest.mark.parametrize("seed", range(3))
def test_no_video_is_in_both_parts(three, seed):
    parts = split_sequences(three, share=0.34, seed=seed)
    train, held_out = ({one.name for one in part} for part in parts)
    assert len(held_out) == 1
    assert train | held_out == {"a", "b", "c"}
    assert not train & held_out


def test_named_videos_are_held_out(three):
    parts = split_sequences(three, held_out=["b"])
    assert [one.name for one in parts.held_out] == ["b"]
    with pytest.raises(ValueError, match="held_out names d; videos are a, b, c"):
        split_sequences(three, held_out=["d"])
    with pytest.raises(ValueError, match="every video or none"):
        split_sequences(three, held_out=["a", "b", "c"])


def test_the_last_part_of_time(three):
    early, late = (part[0] for part in split_sequences(three[:1], rule="time", share=0.25))
    assert (early.frames, late.frames) == (8, 2)
    np.testing.assert_array_equal(late.read([0, 1]), three[0].read([8, 9]))
    assert early.annotations.frames.max() == 7
    assert late.annotations.at(0).boxes[0, 0] == 9
    again = late.part(1, 2)
    np.testing.assert_array_equal(again.read([0]), three[0].read([9]))
    assert again.annotations.at(0).boxes[0, 0] == 10
    same = split_sequences(three, rule="again")
    assert same.train == same.held_out == three


def test_splits_that_cannot_be(three):
    with pytest.raises(ValueError, match="a is the only video"):
        split_sequences(three[:1])
    with pytest.raises(ValueError, match="rule='chance': choose among 'video', 'time', 'again'"):
        split_sequences(three, rule="chance")
    with pytest.raises(ValueError, match="share=1.0: want more than 0"):
        split_sequences(three, share=1.0)
    with pytest.raises(ValueError, match="of which share=0.01 is none"):
        split_sequences(three, rule="time", share=0.01)
    with pytest.raises(ValueError, match="sequences is empty"):
        split_sequences([])
    with pytest.raises(ValueError, match="start=4, stop=11: want"):
        three[0].part(4, 11)
