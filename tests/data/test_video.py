import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.data.video import CorruptVideoError, count_frames, probe_video, read_frames
from tests.data.footage import YUV420, damage_pictures, noise, truncate, write_video


def frames_of(path, **options):
    return dict(read_frames(path, **options))


def block_mean(frames, factor):
    """[n, h, w, 3] averaged over factor × factor blocks, in float."""
    n, h, w, _ = frames.shape
    return frames.reshape(n, h // factor, factor, w // factor, factor, 3).mean((2, 4))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    frames = noise(23, 24, 40)
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", frames), frames


def test_probe_reads_the_header(clip):
    info = probe_video(clip[0])
    assert (info.frames, info.height, info.width) == (23, 24, 40)
    assert info.frame_rate_hz == 20
    assert info.seconds == pytest.approx(23 / 20)


def test_count_frames_without_a_count_in_the_header(tmp_path):
    path = write_video(tmp_path / "clip.mkv", noise(7))
    assert probe_video(path).frames is None
    assert count_frames(path) == 7
    assert len(frames_of(path)) == 7


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_lossless_frames_come_back_exactly(clip, threads):
    path, frames = clip
    got = frames_of(path, threads=threads)
    assert list(got) == list(range(23))
    np.testing.assert_array_equal(np.stack(list(got.values())), frames)


@given(start=st.integers(0, 30), step=st.integers(1, 9))
@settings(max_examples=15, deadline=None)
def test_start_and_step_are_a_slice(clip, start, step):
    path, frames = clip
    got = frames_of(path, start=start, step=step)
    assert list(got) == list(range(23))[start::step]
    for number, frame in got.items():
        np.testing.assert_array_equal(frame, frames[number])


@given(wanted=st.sets(st.integers(0, 22)))
@settings(max_examples=15, deadline=None)
def test_wanted_frames_are_just_those(clip, wanted):
    path, frames = clip
    got = frames_of(path, wanted=sorted(wanted))
    assert list(got) == sorted(wanted)
    for number, frame in got.items():
        np.testing.assert_array_equal(frame, frames[number])


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_shrinking_is_the_mean_of_blocks(clip, factor):
    path, frames = clip
    got = np.stack(list(frames_of(path, size=(24 // factor, 40 // factor)).values()))
    assert np.abs(got - block_mean(frames, factor)).max() <= 1


def test_shrinking_by_a_broken_factor_weighs_by_area(tmp_path):
    """3 columns to 2: outer columns count twice as much as the shared middle one."""
    row = np.array([0, 120, 240] * 8, np.uint8)  # period 3
    frames = np.broadcast_to(row[None, None, :, None], (2, 24, 24, 3))
    got = frames_of(write_video(tmp_path / "c.mp4", frames), size=(16, 16))[0]
    interior = got[4:12, 4:12, 0].astype(float)
    np.testing.assert_allclose(interior[:, 0::2], 40, atol=12)
    np.testing.assert_allclose(interior[:, 1::2], 200, atol=12)


@pytest.mark.parametrize("size", [(36, 64), (18, 32), (12, 21), (9, 16)])
def test_constant_and_checkerboard_shrink_to_their_mean(tmp_path, size):
    grid = np.indices((72, 128)).sum(0) % 2
    checkers = np.where(grid[..., None], [200, 100, 40], [100, 20, 0])
    constant = np.broadcast_to([90, 160, 33], (72, 128, 3))
    path = write_video(tmp_path / "c.mp4", np.stack([constant, checkers]).astype(np.uint8))
    got = frames_of(path, size=size)
    assert np.abs(got[0].astype(int) - [90, 160, 33]).max() <= 1
    tolerance = 1 if 72 % size[0] == 0 == 128 % size[1] else 10
    assert np.abs(got[1] - np.array([150, 60, 20])).max() <= tolerance


def test_chroma_subsampled_video_keeps_its_colours(tmp_path):
    """Flat colours survive 4:2:0; a shift of range or matrix would be off by far more than 4."""
    colours = np.array([[250, 5, 5], [5, 250, 5], [5, 5, 250], [128, 128, 128], [255, 255, 255]])
    frames = np.broadcast_to(colours[:, None, None], (5, 32, 48, 3)).astype(np.uint8)
    path = write_video(tmp_path / "y.mp4", frames, YUV420)
    for size in (None, (16, 24), (8, 12)):
        for number, frame in read_frames(path, size=size):
            assert np.abs(frame.astype(int) - colours[number]).max() <= 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (48, 80)}, r"clip.mp4 is 24×40 .* smaller than the wanted 48×80"),
        ({"size": (12, 12)}, r"clip.mp4 is 24×40 .* another shape than the wanted 12×12.*12×20"),
        ({"size": (0, 4)}, "want positive"),
        ({"start": -1}, "start=-1"),
        ({"step": 0}, "step=0"),
        ({"threads": -1}, "threads=-1"),
        ({"wanted": [3, 3]}, "rising"),
        ({"wanted": [-1, 3]}, "rising"),
        ({"wanted": [1], "step": 2}, "one or the other"),
        ({"wanted": [2, 23]}, "has 23 frames, but frame 23 is wanted"),
    ],
)
def test_wrong_arguments_are_named(clip, options, message):
    with pytest.raises(ValueError, match=message):
        frames_of(clip[0], **options)


def corrupt(path, how):
    frames = noise(40, 32, 48)
    write_video(path, frames, YUV420, faststart=how == "cut behind the index")
    if how == "empty":
        path.write_bytes(b"")
    elif how == "no video":
        path.write_bytes(b"these are not the frames you are looking for" * 30)
    elif how == "damaged inside":
        damage_pictures(path)
    else:
        truncate(path, 0.6)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("empty", "the file is empty"),
        ("no video", "Invalid data"),
        ("cut before the index", "truncated"),
        ("cut behind the index", "truncated: [0-9]+ bytes are missing"),
    ],
)
def test_corrupt_files_show_in_their_header(tmp_path, how, reason):
    path = tmp_path / "bad.mp4"
    corrupt(path, how)
    for read in (probe_video, count_frames, frames_of):
        with pytest.raises(CorruptVideoError, match=reason) as error:
            read(path)
        assert str(path) in str(error.value)
        assert "--skip-corrupt" in str(error.value)
        assert error.value.path == path


def test_damage_inside_shows_in_decoding(tmp_path):
    path = tmp_path / "bad.mp4"
    corrupt(path, "damaged inside")
    assert probe_video(path).frames == 40
    with pytest.raises(CorruptVideoError, match="bad.mp4"):
        frames_of(path)


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_damage_that_the_decoder_mends_is_reported(tmp_path, threads):
    """A few flipped bytes: the decoder fills in from earlier frames, and would go on in silence."""
    scene = noise(1, 64, 160)[0].repeat(4, 0).repeat(4, 1)
    frames = np.stack([scene[i : i + 128, 2 * i : 2 * i + 192] for i in range(40)])
    path = write_video(tmp_path / "bad.mp4", frames, YUV420)
    data = bytearray(path.read_bytes())
    start, end = data.index(b"mdat") + 4, data.rindex(b"moov") - 4
    for position in range(start + (end - start) // 3, end, (end - start) // 8):
        data[position] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptVideoError):
        frames_of(path, threads=threads)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p"])
def test_neighbouring_columns_keep_their_own_colour(tmp_path, pixels):
    """Red and blue stripes, shrunk until each is one column, must not mix to purple."""
    columns = np.where((np.arange(16) % 2)[:, None], [230, 20, 20], [20, 20, 230])
    frames = np.broadcast_to(columns.repeat(8, 0), (2, 64, 128, 3)).astype(np.uint8)
    codec = ("libx264", pixels, {"qp": "0", "preset": "ultrafast"})
    got = frames_of(write_video(tmp_path / "c.mp4", frames, codec), size=(8, 16))[0]
    assert np.abs(got.astype(int) - columns).max() <= (20 if pixels == "yuv420p" else 3)


def test_fewer_frames_than_claimed(tmp_path):
    """An index that counts more frames than it lists: `stsz` says 20, the pictures end at 19."""
    path = write_video(tmp_path / "bad.mp4", noise(20))
    data = bytearray(path.read_bytes())
    at = data.index(b"stsz") + 4 + 8 + 4 + 4 * 19  # the last entry of the table of sizes
    data[at : at + 4] = (0).to_bytes(4, "big")
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptVideoError, match=r"holds 19 frames but claims 20"):
        frames_of(path)


def test_missing_file_and_sound_only(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.mp4"):
        probe_video(tmp_path / "nothing.mp4")
    import av

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(CorruptVideoError, match="no picture stream"):
        probe_video(path)


def test_decoding_streams(tmp_path):
    """Only a few frames live at once: the first comes before a damaged later part is reached."""
    path = tmp_path / "bad.mp4"
    corrupt(path, "damaged inside")
    number, _ = next(iter(read_frames(path)))
    assert number == 0
