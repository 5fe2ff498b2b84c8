"""Videos into frame stores: time stamps, resuming, damage, memory."""

import collections
import shutil
import weakref

import av
import numpy as np
import pytest

from lib.data import video_import
from lib.data.frames import FRAMES, STORE
from lib.data.video import CorruptVideoError
from lib.data.video_import import estimated_frames
from lib.data.video_sampler import Sampler
from lib.data.video_stream import DamagedVideoError, Shrinker
from lib.data.writer import JOURNAL, PARTIAL
from lib.files import DiskSpaceError
from tests.data.footage import noise, truncate, write_video
from tests.data.stamped import SIZE, imported, steady, write_stamped


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """4 s at 20 Hz with a key frame every 5; (path, frames)."""
    frames = noise(80, *SIZE)
    return write_stamped(tmp_path_factory.mktemp("clip") / "c.mp4", frames, steady(80)), frames


def test_groups_are_stretches_of_time(clip, tmp_path):
    store = imported(clip[0], tmp_path / "s")
    assert len(store) == 40
    np.testing.assert_array_equal(store.groups, np.arange(40) // 2)
    assert store.group_names[:3] == ("from 0:00:00.0", "from 0:00:00.2", "from 0:00:00.4")


def test_only_the_first_frames(clip, tmp_path):
    store = imported(clip[0], tmp_path / "s", most_frames=7)
    np.testing.assert_array_equal(store.frames, clip[1][:14:2])


# ------------------------------------------------------------------------------- resuming


class CrashError(Exception):
    """Stands in for a crash."""


def crash_after(monkeypatch, count, error):
    """Let the shrinker fail at its frame number `count`."""
    calls = iter(range(10**6))
    shrink = Shrinker.__call__

    def failing(self, frame):
        if next(calls) == count:
            raise error
        return shrink(self, frame)

    monkeypatch.setattr(Shrinker, "__call__", failing)


@pytest.mark.parametrize("seeks", [True, False])
@pytest.mark.parametrize(("error", "kept"), [(CrashError, 12), (KeyboardInterrupt, 14)])
def test_an_interrupted_import_goes_on_to_the_same_bytes(
    clip, tmp_path, monkeypatch, seeks, error, kept
):
    monkeypatch.setattr(video_import, "FRAMES_PER_MARK", 4)
    imported(clip[0], tmp_path / "straight")
    with monkeypatch.context() as patch:
        crash_after(patch, 14, error)
        with pytest.raises(error):
            imported(clip[0], tmp_path / "s")
    assert not (tmp_path / "s" / STORE).exists()
    shrunk = []
    shrink = Shrinker.__call__
    monkeypatch.setattr(Shrinker, "__call__", lambda s, f: shrunk.append(f.pts) or shrink(s, f))
    if not seeks:
        monkeypatch.setattr(Sampler, "go_on", lambda *_: False)
    imported(clip[0], tmp_path / "s")
    assert len(shrunk) == 40 - kept + seeks  # and the one that proves the place
    for name in (FRAMES, STORE):
        straight = (tmp_path / "straight" / name).read_bytes()
        assert (tmp_path / "s" / name).read_bytes() == straight
    assert {p.name for p in (tmp_path / "s").iterdir()} == {FRAMES, STORE, "index.npz"}


def test_a_seek_decodes_no_more_than_needed(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(video_import, "FRAMES_PER_MARK", 4)
    with monkeypatch.context() as patch:
        crash_after(patch, 30, CrashError)
        with pytest.raises(CrashError):
            imported(clip[0], tmp_path / "s")
    passed = []
    monkeypatch.setattr(Sampler, "pass_over", lambda *_: passed.append(1))
    store = imported(clip[0], tmp_path / "s")
    assert not passed
    np.testing.assert_array_equal(store.frames, clip[1][::2])


@pytest.mark.parametrize("cut", ["journal", "frames", "other settings"])
def test_what_a_crash_left_half_written_is_made_again(clip, tmp_path, monkeypatch, cut):
    monkeypatch.setattr(video_import, "FRAMES_PER_MARK", 4)
    straight = imported(clip[0], tmp_path / "straight", fps=5.0)
    with monkeypatch.context() as patch:
        crash_after(patch, 14, CrashError)
        with pytest.raises(CrashError):
            imported(clip[0], tmp_path / "s", fps=10.0 if cut == "other settings" else 5.0)
    journal, partial = tmp_path / "s" / JOURNAL, tmp_path / "s" / PARTIAL
    if cut == "journal":
        journal.write_bytes(journal.read_bytes()[:-3])
    elif cut == "frames":
        partial.write_bytes(partial.read_bytes()[:-2000])
    store = imported(clip[0], tmp_path / "s", fps=5.0)
    assert store.digest == straight.digest
    store.verify()


def test_another_place_than_the_last_frame_is_not_trusted(clip, tmp_path, monkeypatch):
    """Should seeking lead elsewhere, or pixels differ there, all is decoded once more."""
    with monkeypatch.context() as patch:
        crash_after(patch, 14, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            imported(clip[0], tmp_path / "s")
    partial = tmp_path / "s" / PARTIAL
    data = bytearray(partial.read_bytes())
    data[-1] ^= 1
    partial.write_bytes(bytes(data))
    passed = []
    pass_over = Sampler.pass_over
    monkeypatch.setattr(Sampler, "pass_over", lambda *a: passed.append(1) or pass_over(*a))
    assert len(imported(clip[0], tmp_path / "s")) == 40
    assert passed


def test_a_finished_store_is_taken_as_it_is(clip, tmp_path, monkeypatch):
    first = imported(clip[0], tmp_path / "s")
    with monkeypatch.context() as patch:
        patch.setattr(video_import, "Sampler", None)
        assert imported(clip[0], tmp_path / "s").digest == first.digest
    assert len(imported(clip[0], tmp_path / "s", fps=5.0)) == 20  # other settings: made anew


# --------------------------------------------------------------------------------- damage


@pytest.fixture
def damaged(clip, tmp_path):
    """The clip with two key frames' data overwritten a third of the way in."""
    path = tmp_path / "bad.mp4"
    shutil.copy(clip[0], path)
    with av.open(str(path)) as container:
        at = [(p.pos, p.size) for p in container.demux(video=0) if p.size][25]
    data = bytearray(path.read_bytes())
    data[at[0] + 8 : at[0] + at[1]] = b"\xff" * (at[1] - 8)
    path.write_bytes(bytes(data))
    return path


def test_damage_is_told_with_its_time(damaged, tmp_path):
    with pytest.raises(DamagedVideoError, match=r"bad\.mp4 is damaged at 0:00:01\.2: .*--skip"):
        imported(damaged, tmp_path / "s")
    assert not (tmp_path / "s" / STORE).exists()


def test_damage_is_left_out_on_request_and_nothing_smeared_is_kept(clip, damaged, tmp_path):
    with pytest.raises(DamagedVideoError):
        imported(damaged, tmp_path / "s")
    store = imported(damaged, tmp_path / "s", corrupt="skip")  # goes on behind the sound part
    [(place, reason)] = store.skipped.items()
    assert place == "from 0:00:01.2 to 0:00:01.5"
    assert reason
    wanted = [n for n in range(40) if n not in (13, 14)]  # frames 25 to 29 hang together
    assert store.frame_numbers.tolist() == wanted
    np.testing.assert_array_equal(store.frames, clip[1][[2 * n for n in wanted]])
    straight = imported(damaged, tmp_path / "straight", corrupt="skip")
    assert straight.digest == store.digest
    assert len(imported(damaged, tmp_path / "s", corrupt="skip")) == 38
    with pytest.raises(DamagedVideoError):
        imported(damaged, tmp_path / "s")  # but not where errors matter


@pytest.mark.parametrize("kind", ["mkv", "mp4 with its index in front"])
def test_a_truncated_video(clip, tmp_path, kind):
    frames = clip[1]
    path = tmp_path / ("v.mkv" if kind == "mkv" else "v.mp4")
    if kind == "mkv":
        write_stamped(path, frames, steady(80))
    else:
        write_video(path, frames, faststart=True)
    truncate(path, 0.3)
    error = DamagedVideoError if kind == "mkv" else CorruptVideoError
    with pytest.raises(error, match=r"ends there, but should last|truncated: \d+ bytes|damaged"):
        imported(path, tmp_path / "s")
    store = imported(path, tmp_path / "s", corrupt="skip")
    assert 5 <= len(store) <= 20
    np.testing.assert_array_equal(store.frames, frames[: 2 * len(store) : 2])
    assert any(place.endswith("to the end") for place in store.skipped)


@pytest.mark.parametrize("corrupt", ["error", "skip"])
@pytest.mark.parametrize("kind", ["text", "empty", "no index", "sound"])
def test_what_is_no_video_is_refused(clip, tmp_path, kind, corrupt):
    path = tmp_path / "v.mp4"
    if kind == "no index":
        shutil.copy(clip[0], path)
        truncate(path, 0.5)
    elif kind == "sound":
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=8000)
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            sound.sample_rate = 8000
            container.mux(stream.encode(sound))
            container.mux(stream.encode())
    else:
        path.write_bytes(b"no video" * 100 if kind == "text" else b"")
    with pytest.raises(CorruptVideoError, match=r"v\.mp4"):
        imported(path, tmp_path / "s", corrupt=corrupt)
    assert not (tmp_path / "s").exists()


# --------------------------------------------------------------------------- disk, memory


def test_the_disk_is_checked_before_anything_is_written(clip, tmp_path, monkeypatch):
    usage = collections.namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(40 * 16 * 16 * 3))
    with pytest.raises(DiskSpaceError, match=r"frame store .* needs 0\.00 GB"):
        imported(clip[0], tmp_path / "s")
    assert not (tmp_path / "s" / FRAMES).exists()


def test_the_estimate_bounds_the_frames(clip, tmp_path):
    assert estimated_frames(clip[0], fps=10.0) in (41, 42)
    assert estimated_frames(clip[0], fps=5.0) in (21, 22)
    path = tmp_path / "v.ts"  # states no length: packets are counted
    write_stamped(path, noise(40, 32, 32), steady(40), lossless=False)
    assert 20 <= estimated_frames(path) <= 23


def test_few_frames_are_in_memory_however_long_the_video(tmp_path, monkeypatch):
    """Of 400 frames kept, at most three are alive at any time."""
    path = write_stamped(tmp_path / "v.mp4", noise(400, *SIZE), steady(400, rate=10))
    alive: set[int] = set()
    most = []
    shrink = Shrinker.__call__

    def counting(self, frame):
        picture = shrink(self, frame)
        key = len(most)
        alive.add(key)
        weakref.finalize(picture, alive.discard, key)
        most.append(len(alive))
        return picture

    monkeypatch.setattr(Shrinker, "__call__", counting)
    assert len(imported(path, tmp_path / "s")) == 400
    assert len(most) == 400
    assert max(most) <= 3


# ------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fps": 0.0}, "fps=0.0: want frames per second"),
        ({"size": (0, 16)}, r"size=\(0, 16\): want positive"),
        ({"size": (8, 16)}, "of another shape than the wanted 8×16"),
        ({"size": (32, 32)}, "smaller than the wanted 32×32"),
        ({"most_frames": 0}, "most_frames=0: want at least 1"),
    ],
)
def test_settings_are_checked(clip, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        imported(clip[0], tmp_path / "s", **options)
    assert not (tmp_path / "s").exists()


def test_other_folders_are_left_alone(clip, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(ValueError, match=r"holds other files \(thesis\.txt\)"):
        imported(clip[0], tmp_path / "mine")
    other = write_stamped(tmp_path / "other.mp4", noise(8, *SIZE), steady(8))
    imported(clip[0], tmp_path / "s")
    with pytest.raises(ValueError, match=r"frames of other footage \(playthrough, c\.mp4\)"):
        imported(other, tmp_path / "s")
    with pytest.raises(FileNotFoundError, match=r"gone\.mp4"):
        imported(tmp_path / "gone.mp4", tmp_path / "t")
