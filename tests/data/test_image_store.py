"""Single images into a frame store: pixels, resuming, memory and cost."""

import errno
import io
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lib.data import image_store
from lib.data.frames import FRAMES, STORE, FrameStore
from lib.data.image_store import import_images
from lib.data.images import Fault, FaultyImagesError, ImageJob, read_image, told
from lib.data.writer import JOURNAL, PARTIAL
from lib.files import DiskSpaceError
from tests.data.cars import SCREENSHOT, SMALL, jpeg


def job_of(folder, store, names, **options) -> ImageJob:
    count = len(names)
    defaults = {
        "layout": "sideswipe",
        "folder": folder,
        "names": names,
        "numbers": np.arange(count, dtype=np.int32) * 2,
        "groups": np.arange(count, dtype=np.int32) // 3,
        "group_names": [f"car {i}" for i in range(count // 3 + 1)],
        "store": store,
        "source_size": SCREENSHOT,
        "size": SMALL,
        "settings": {},
        "source_digest": "abc",
        "progress": False,
    }
    return ImageJob(**(defaults | options))


def write_images(folder, count: int, different: int = 0) -> list[str]:
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(2)
    pictures = [jpeg(rng) for _ in range(different or count)]
    for i in range(count):
        (folder / f"{i:05d}.jpg").write_bytes(pictures[i % len(pictures)])
    return [f"{i:05d}.jpg" for i in range(count)]


@pytest.fixture
def parts_of_four(monkeypatch):
    monkeypatch.setattr(image_store, "PART_IMAGES", 4)


def test_a_pixel_is_the_mean_of_its_block(tmp_path):
    [name] = write_images(tmp_path, 1)
    decoded = np.asarray(Image.open(tmp_path / name)).astype(float)
    blocks = decoded.reshape(5, 3, 10, 4, 3).mean(axis=(1, 3))
    got = read_image(tmp_path / name, source_size=SCREENSHOT, size=SMALL)
    assert got.dtype == np.uint8
    np.testing.assert_allclose(got, blocks, atol=0.51)
    assert np.ptp(blocks) > 50  # the picture is not flat


def test_other_ratios_count_pixels_by_their_centre(tmp_path):
    """The box filter at 40 to 16 columns: a pixel belongs where its centre lies."""
    [name] = write_images(tmp_path, 1)
    decoded = np.asarray(Image.open(tmp_path / name)).astype(float)
    rows = decoded.reshape(5, 3, 40, 3).mean(axis=1)
    offsets = (np.arange(40) + 0.5)[None] / 2.5 - (np.arange(16) + 0.5)[:, None]
    inside = (offsets > -0.5) & (offsets <= 0.5)
    wanted = np.stack([rows[:, belongs].mean(axis=1) for belongs in inside], axis=1)
    got = read_image(tmp_path / name, source_size=SCREENSHOT, size=(5, 16))
    np.testing.assert_allclose(got, wanted, atol=1.01)  # rounded once an axis


def test_grey_jpegs_come_out_in_three_channels(tmp_path):
    picture = Image.fromarray(np.arange(600, dtype=np.uint16).reshape(15, 40).astype(np.uint8))
    picture.save(tmp_path / "grey.jpg")
    got = read_image(tmp_path / "grey.jpg", source_size=SCREENSHOT, size=SMALL)
    assert got.shape == (5, 10, 3)
    np.testing.assert_array_equal(got[..., 0], got[..., 2])


def test_another_format_in_a_jpegs_name_is_a_fault(tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 15)).save(buffer, "PNG")
    (tmp_path / "a.jpg").write_bytes(buffer.getvalue())
    got = read_image(tmp_path / "a.jpg", source_size=SCREENSHOT, size=SMALL)
    assert got == Fault("images cannot be decoded", "no JPEG image")
    missing = read_image(tmp_path / "b.jpg", source_size=SCREENSHOT, size=SMALL)
    assert missing == Fault("images cannot be decoded", "No such file or directory")


@pytest.mark.parametrize("workers", [1, 3])
def test_frames_come_in_order_whatever_the_workers(tmp_path, parts_of_four, workers):
    names = write_images(tmp_path / "in", 10)
    store = import_images(job_of(tmp_path / "in", tmp_path / "out", names, workers=workers))
    for i, name in enumerate(names):
        one = read_image(tmp_path / "in" / name, source_size=SCREENSHOT, size=SMALL)
        np.testing.assert_array_equal(store.frames[i], one)
    assert store.frame_numbers.tolist() == [2 * i for i in range(10)]
    assert store.groups.tolist() == [i // 3 for i in range(10)]
    assert store.group_names == ("car 0", "car 1", "car 2", "car 3")
    store.verify()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {FRAMES, STORE, "index.npz"}


class CrashError(Exception):
    """Stands in for a crash."""


@pytest.mark.parametrize("parts_before", [0, 1, 2])
def test_an_interrupted_import_goes_on(tmp_path, parts_of_four, monkeypatch, parts_before):
    names = write_images(tmp_path / "in", 11)
    straight = import_images(job_of(tmp_path / "in", tmp_path / "straight", names))
    job = job_of(tmp_path / "in", tmp_path / "out", names, workers=1)

    def crash(path, **sizes):
        if int(path.stem) >= 4 * parts_before:
            raise CrashError
        return read_image(path, **sizes)

    monkeypatch.setattr(image_store, "read_image", crash)
    with pytest.raises(CrashError):
        import_images(job)
    assert not (tmp_path / "out" / STORE).exists()
    read = []

    def note(path, **sizes):
        read.append(path.name)
        return read_image(path, **sizes)

    monkeypatch.setattr(image_store, "read_image", note)
    resumed = import_images(job)
    assert sorted(read) == names[4 * parts_before :]
    assert resumed.digest == straight.digest
    np.testing.assert_array_equal(resumed.frames, straight.frames)


def leave_unfinished(job, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(image_store.ImageStoreWriter, "finish", crash_at_finish)
        with pytest.raises(CrashError):
            import_images(job)


def crash_at_finish(writer):
    raise CrashError


@pytest.mark.parametrize(
    ("cut", "kept"), [("journal", 4), ("frames", 4), ("all frames", 0), ("other plan", 0)]
)
def test_what_a_crash_left_half_written_is_made_again(
    tmp_path, parts_of_four, monkeypatch, cut, kept
):
    names = write_images(tmp_path / "in", 8)
    job = job_of(tmp_path / "in", tmp_path / "out", names, workers=1)
    straight = import_images(replace(job, store=tmp_path / "straight"))
    leave_unfinished(job, monkeypatch)
    partial, journal = tmp_path / "out" / PARTIAL, tmp_path / "out" / JOURNAL
    if cut == "journal":
        journal.write_bytes(journal.read_bytes()[:-5])
    elif cut == "frames":
        partial.write_bytes(partial.read_bytes()[:-5])
    elif cut == "all frames":
        partial.unlink()
    else:
        job = replace(job, source_digest="another")
    read = []

    def note(path, **sizes):
        read.append(path.name)
        return read_image(path, **sizes)

    monkeypatch.setattr(image_store, "read_image", note)
    resumed = import_images(job)
    assert read == names[kept:]
    assert resumed.digest == straight.digest
    resumed.verify()


def test_faults_are_all_told_and_the_rest_is_kept(tmp_path, parts_of_four, monkeypatch):
    names = write_images(tmp_path / "in", 12)
    good = (tmp_path / "in" / names[5]).read_bytes()
    for which in (1, 5, 9):
        (tmp_path / "in" / names[which]).write_bytes(good[:100])
    job = job_of(tmp_path / "in", tmp_path / "out", names)
    with pytest.raises(FaultyImagesError, match=r"3 images cannot be decoded: 00001.jpg"):
        import_images(job)
    read = []

    def note(path, **sizes):
        read.append(path.name)
        return read_image(path, **sizes)

    monkeypatch.setattr(image_store, "read_image", note)
    with pytest.raises(FaultyImagesError, match="3 images cannot"):
        import_images(job)
    assert read == [names[i] for i in (1, 5, 9)]  # nothing else is decoded again
    (tmp_path / "in" / names[5]).write_bytes(good)
    store = import_images(replace(job, corrupt="skip"))
    assert store.frame_numbers.tolist() == [2 * i for i in range(12) if i not in (1, 9)]
    assert set(store.skipped) == {names[1], names[9]}
    store.verify()
    for which in (1, 9):
        (tmp_path / "in" / names[which]).write_bytes(good)
    assert len(import_images(replace(job, corrupt="skip"))) == 10  # finished, as it was asked for
    assert len(import_images(job)) == 12  # but not when errors matter


def test_a_group_without_frames_is_not_named(tmp_path):
    names = write_images(tmp_path / "in", 9)
    for which in (3, 4, 5):
        (tmp_path / "in" / names[which]).write_bytes(b"")
    store = import_images(job_of(tmp_path / "in", tmp_path / "out", names, corrupt="skip"))
    assert store.group_names == ("car 0", "car 2")
    assert store.groups.tolist() == [0, 0, 0, 1, 1, 1]


def test_room_is_asked_for_before_anything_is_decoded(tmp_path, monkeypatch):
    names = write_images(tmp_path / "in", 3)
    job = job_of(tmp_path / "in", tmp_path / "out", names, size=(10**5, 10**5))
    monkeypatch.setattr(image_store, "read_image", None)
    with pytest.raises(DiskSpaceError, match="the frame store .* needs 90.00 GB"):
        import_images(replace(job, numbers=job.numbers))


def test_a_disk_that_fills_up_is_told_and_the_rest_goes_on(tmp_path, parts_of_four, monkeypatch):
    names = write_images(tmp_path / "in", 8)
    job = job_of(tmp_path / "in", tmp_path / "out", names)
    straight = import_images(replace(job, store=tmp_path / "straight"))
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(image_store.os, "fsync", full)
        with pytest.raises(DiskSpaceError, match="what is finished is kept"):
            import_images(job)
    assert import_images(job).digest == straight.digest


def test_two_imports_into_one_folder_are_refused(tmp_path):
    names = write_images(tmp_path / "in", 2)
    job = job_of(tmp_path / "in", tmp_path / "out", names)
    with (
        image_store.ImageStoreWriter(job),
        pytest.raises(BlockingIOError, match="another process is importing"),
    ):
        import_images(job)


def test_kinds_of_faults_are_counted_apart():
    faults = {f"{i}": Fault("rows have no image") for i in range(1200)} | {"x": Fault("odd", "why")}
    assert told(faults) == "1,200 rows have no image: 0, 1, 2, …\n1 odd: x (why)"


def measure(tmp_path, count: int, monkeypatch) -> tuple[int, float]:
    """Peak of memory in bytes and seconds of processor time to import `count` images."""
    names = write_images(tmp_path / f"in{count}", count, different=8)
    job = job_of(tmp_path / f"in{count}", tmp_path / f"out{count}", names, size=(60, 80), workers=2)
    tracemalloc.start()
    started = time.process_time()
    store = import_images(job)
    seconds, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(store) == count
    return peak, seconds


def test_memory_is_bounded_and_cost_linear(tmp_path, monkeypatch):
    """Four times the images: as good as the same memory, and about four times the time.

    The larger store has 29 MB of frames, of which three parts of 32 at most are held.
    """
    monkeypatch.setattr(image_store, "PART_IMAGES", 32)
    measure(tmp_path, 40, monkeypatch)  # what is loaded on first use does not count
    small_peak, small_seconds = measure(tmp_path, 500, monkeypatch)
    large_peak, large_seconds = measure(tmp_path, 2000, monkeypatch)
    frames = FrameStore.open(tmp_path / "out2000").frames.nbytes
    assert large_peak < frames / 5
    assert large_peak - small_peak < 1500 * 1000  # names and numbers, no pictures
    assert large_seconds < 2 * 4 * small_seconds
