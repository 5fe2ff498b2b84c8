import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib import files
from lib.data import writer as writer_module
from lib.data.frames import INDEX_KEYS, FrameStore
from lib.data.writer import JOURNAL, PARTIAL, FrameStoreWriter, StorePlan
from lib.files import DiskSpaceError
from tests.data.footage import noise

SIZE = (6, 8)
RECORDINGS = {"a": (5, "world 0"), "b": (0, "world 1"), "c": (3, "world 0"), "d": (4, "world 2")}


def plan(**changes):
    values = {
        "layout": "minerl",
        "size": SIZE,
        "settings": {"keep_every": 2},
        "source_digest": "source",
        "selection_digest": "selection",
        "frames": 12,
    }
    return StorePlan(**values | changes)


def pixels(name):
    return noise(RECORDINGS[name][0], *SIZE, seed=ord(name))


def numbered(name):
    return [(3 * i + 1, frame) for i, frame in enumerate(pixels(name))]


def build(folder, names="abcd", **changes):
    with FrameStoreWriter(folder, plan(**changes)) as writer:
        for name in names:
            if name not in writer.finished:
                writer.add(name, RECORDINGS[name][1], numbered(name))
    return FrameStore.open(folder)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class InterruptionError(Exception):
    pass


def build_and_stop(folder, names, stop=None, after=0, **changes):
    """Be interrupted behind recording `names[-1]`, or behind frame `after` of recording `stop`."""
    with FrameStoreWriter(folder, plan(**changes)) as writer:
        for name in names:
            if name not in writer.finished:
                frames = interrupted(name, after) if name == stop else numbered(name)
                writer.add(name, RECORDINGS[name][1], frames)
        raise InterruptionError


def interrupted(name, after):
    for i, pair in enumerate(numbered(name)):
        if i == after:
            raise InterruptionError
        yield pair


def test_round_trip(tmp_path):
    store = build(tmp_path / "store")
    wanted = np.concatenate([pixels(name) for name in "abcd"])
    np.testing.assert_array_equal(store.frames, wanted)
    assert len(store) == 12
    assert store.size == SIZE
    assert isinstance(store.frames, np.memmap)
    assert not store.frames.flags.writeable
    assert store.group_names == ("world 0", "world 1", "world 2")
    assert store.recording_names == ("a", "b", "c", "d")
    assert store.groups.tolist() == [0] * 5 + [0] * 3 + [2] * 4
    assert store.recordings.tolist() == [0] * 5 + [2] * 3 + [3] * 4
    assert store.frame_numbers.tolist() == [1, 4, 7, 10, 13, 1, 4, 7, 1, 4, 7, 10]
    assert store.settings == {"keep_every": 2}
    assert {p.name for p in store.folder.iterdir()} == {"frames.npy", "index.npz", "store.json"}
    store.verify()


def test_batch_is_what_models_take(tmp_path):
    store = build(tmp_path / "store")
    for indices in ([11, 0, 0], np.array([3]), []):
        batch = store.batch(indices)
        assert batch.dtype == np.float32
        assert batch.shape == (len(indices), 3, *SIZE)
        assert batch.flags.c_contiguous
        for image, index in zip(batch, indices, strict=True):
            for c in range(3):
                np.testing.assert_allclose(image[c], store.frames[index][:, :, c] / 255, rtol=1e-6)
    with pytest.raises(IndexError):
        store.batch([12])


@given(stops=st.lists(st.tuples(st.sampled_from("acd"), st.integers(0, 3)), max_size=4))
@settings(max_examples=25, deadline=None)
def test_interrupted_builds_go_on_to_the_same_bytes(tmp_path_factory, stops):
    folder = tmp_path_factory.mktemp("stores")
    for stop, after in stops:
        with pytest.raises(InterruptionError):
            build_and_stop(folder / "b", "abcd", stop, after)
        assert not (folder / "b" / "store.json").exists()
    build(folder / "a")
    build(folder / "b")
    assert contents(folder / "a") == contents(folder / "b")


@given(cut=st.integers(-3000, 700), journal_cut=st.integers(0, 300))
@settings(max_examples=25, deadline=None)
def test_a_crash_may_lose_the_end_of_any_file(tmp_path_factory, cut, journal_cut):
    """Whatever the file system kept, half a recording more included, the end is the same."""
    folder = tmp_path_factory.mktemp("stores")
    with pytest.raises(InterruptionError):
        build_and_stop(folder / "b", "abc")
    for name, lost in ((PARTIAL, cut), (JOURNAL, journal_cut)):
        path = folder / "b" / name
        data = path.read_bytes()
        path.write_bytes(data[: max(0, len(data) - lost)] + b"x" * -min(lost, 0))
    build(folder / "a")
    build(folder / "b")
    assert contents(folder / "a") == contents(folder / "b")


@pytest.mark.parametrize("step", ["write_json", "atomic_path"])
def test_interrupted_while_finishing(tmp_path, monkeypatch, step):
    def stop(*_):
        raise InterruptionError

    build(tmp_path / "a")
    build(tmp_path / "b", "dcba", source_digest="old")  # as large, but other content
    with monkeypatch.context() as patch:
        patch.setattr(writer_module, step, stop)
        with pytest.raises(InterruptionError):
            build(tmp_path / "b")
    with pytest.raises(FileNotFoundError):
        FrameStore.open(tmp_path / "b")
    with FrameStoreWriter(tmp_path / "b", plan()) as writer:
        assert writer.finished == {*"abcd"}
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_another_plan_starts_anew(tmp_path):
    with pytest.raises(InterruptionError):
        build_and_stop(tmp_path, "a")
    with FrameStoreWriter(tmp_path, plan(selection_digest="other")) as writer:
        assert writer.finished == frozenset()
        writer.add("c", "world 0", numbered("c"))
    assert FrameStore.open(tmp_path).recording_names == ("c",)


def test_a_finished_store_stays_until_the_new_one_is_whole(tmp_path):
    old = build(tmp_path, "a")
    with pytest.raises(InterruptionError):
        build_and_stop(tmp_path, "d", source_digest="x")
    assert FrameStore.open(tmp_path).digest == old.digest
    assert build(tmp_path, "d", source_digest="x").recording_names == ("d",)


def test_one_frame_at_a_time(tmp_path):
    """The writer asks for a frame only when it is rid of the one before."""
    written = []

    def frames():
        for i in range(50):
            size = (tmp_path / PARTIAL).stat().st_size
            written.append(size)
            yield i, np.zeros((64, 64, 3), np.uint8)

    with FrameStoreWriter(tmp_path, plan(size=(64, 64))) as writer:
        writer.add("a", "a", frames())
    lag = 128 + np.arange(50) * 64 * 64 * 3 - np.array(written)
    assert lag.max() <= 2 * 64 * 64 * 3


def test_skipped_recordings_are_told_and_tried_again(tmp_path):
    def skip_and_stop():
        with FrameStoreWriter(tmp_path, plan()) as writer:
            writer.skip("a", "truncated")
            assert writer.skipped == {"a": "truncated"}
            raise InterruptionError

    with pytest.raises(InterruptionError):
        skip_and_stop()
    with FrameStoreWriter(tmp_path, plan()) as writer:
        assert writer.skipped == {}
        writer.skip("a", "still truncated")
        writer.add("c", "world 0", numbered("c"))
    assert FrameStore.open(tmp_path).skipped == {"a": "still truncated"}


def test_content_decides_the_digest(tmp_path):
    digests = {build(tmp_path / names, names).digest for names in ("abcd", "acd", "dcba", "a")}
    assert len(digests) == 4
    assert build(tmp_path / "again").digest in digests
    with FrameStoreWriter(tmp_path / "numbers", plan()) as writer:
        writer.add("a", "world 0", [(2 * number, frame) for number, frame in numbered("a")])
    assert FrameStore.open(tmp_path / "numbers").digest not in digests


def test_two_writers_at_once(tmp_path):
    with FrameStoreWriter(tmp_path, plan()) as writer:
        writer.add("a", "world 0", numbered("a"))
        with pytest.raises(BlockingIOError, match="another process is importing"):
            build(tmp_path)
    assert len(FrameStore.open(tmp_path)) == 5


def test_a_full_disk_is_noticed_beforehand(tmp_path, monkeypatch):
    usage = files.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DiskSpaceError, match="GB are free"):
        build(tmp_path)


@pytest.mark.parametrize(
    ("name", "frames", "message"),
    [
        ("a", numbered("a"), "'a' is already in the store"),
        ("x", [(0, np.zeros((6, 6, 3), np.uint8))], r"frame 0 of x is \[6, 6, 3\].*\[6, 8, 3\]"),
    ],
)
def test_wrong_recordings(tmp_path, name, frames, message):
    with FrameStoreWriter(tmp_path, plan()) as writer:
        writer.add("a", "world 0", numbered("a"))
        with pytest.raises(ValueError, match=message):
            writer.add(name, "world 0", frames)
    assert len(FrameStore.open(tmp_path)) == 5


def test_no_frames_at_all(tmp_path):
    with pytest.raises(ValueError, match="no frame was chosen.*keep_every"):
        build(tmp_path, "b")


def edit_description(folder, **changes):
    path = folder / "store.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def cut(path, by):
    path.write_bytes(path.read_bytes()[:-by])


DAMAGE = {
    "frames gone": (lambda f: (f / "frames.npy").unlink(), "frames.npy is missing"),
    "frames cut": (lambda f: cut(f / "frames.npy", 10), "frames.npy is missing, cut off"),
    "frames of a wrong size": (
        lambda f: np.save(f / "frames.npy", np.zeros((12, 6, 6, 3), np.uint8)),
        r"frames.npy is uint8\[12, 6, 6, 3\].*says uint8\[12, 6, 8, 3\]",
    ),
    "frames of a wrong type": (
        lambda f: np.save(f / "frames.npy", np.zeros((12, 6, 8, 3), np.float32)),
        "is float32",
    ),
    "pickled frames": (
        lambda f: np.save(f / "frames.npy", np.array([{}], object), allow_pickle=True),
        "no array",
    ),
    "index gone": (lambda f: (f / "index.npz").unlink(), "index.npz is missing"),
    "index cut": (lambda f: cut(f / "index.npz", 30), "index.npz is missing or unreadable"),
    "index too short": (
        lambda f: np.savez(f / "index.npz", **dict.fromkeys(INDEX_KEYS, np.zeros(3, np.int32))),
        r"group in index.npz is int32\[3\], not int32\[12\]",
    ),
    "index beyond the names": (lambda f: edit_description(f, groups=["one"]), "beyond the 1"),
    "description cut": (lambda f: cut(f / "store.json", 9), "store.json is no JSON"),
    "other description": (lambda f: (f / "store.json").write_text("{}"), "does not desc"),
    "a later version": (lambda f: edit_description(f, version=2), "version 2, not 1"),
    "description incomplete": (lambda f: edit_description(f, digest=None), "lacks digest"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_stores_are_refused(tmp_path, kind):
    build(tmp_path)
    do, message = DAMAGE[kind]
    do(tmp_path)
    with pytest.raises(ValueError, match=message) as error:
        FrameStore.open(tmp_path)
    assert "Delete the folder and import again" in str(error.value)


def test_missing_store(tmp_path):
    with pytest.raises(FileNotFoundError, match="no finished frame store in.*read_minerl"):
        FrameStore.open(tmp_path / "nowhere")


def test_verify_finds_a_single_changed_pixel(tmp_path):
    build(tmp_path)
    path = tmp_path / "frames.npy"
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ValueError, match="content has digest"):
        FrameStore.open(tmp_path).verify()
