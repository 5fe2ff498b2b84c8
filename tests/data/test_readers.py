"""Both readers: what they choose, how they resume, skip and refuse."""

import json
import logging

import av
import numpy as np
import pytest

from lib.data import recordings as recordings_module
from lib.data.frames import FrameStore
from lib.data.gamefactory import read_gamefactory
from lib.data.minerl import read_minerl
from lib.data.recordings import ImportJob
from lib.data.video import CorruptVideoError
from tests.data.footage import (
    damage_pictures,
    noise,
    truncate,
    write_gamefactory,
    write_minerl,
    write_video,
)


def minerl(root, store, **options):
    return read_minerl(root, store, **{"size": (16, 16), "progress": False} | options)


def gamefactory(root, store, **options):
    options = {"size": (18, 32), "frames": 12, "progress": False} | options
    return read_gamefactory(root, store, **options)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def video_of(root, k):
    return root / "Treechop" / f"player_{k}" / "recording.mp4"


class TestMinerl:
    @pytest.mark.parametrize("workers", [1, 3])
    def test_first_20_skipped_then_every_other(self, tmp_path, workers):
        videos = write_minerl(tmp_path / "data")
        store = minerl(tmp_path / "data", tmp_path / "store", workers=workers)
        wanted = np.concatenate([video[20::2] for video in videos])
        np.testing.assert_array_equal(store.frames, wanted)
        names = [f"Treechop/player_{k}" for k in range(3)]
        assert list(store.recording_names) == names == list(store.group_names)
        numbers = [list(range(len(video)))[20::2] for video in videos]
        assert store.frame_numbers.tolist() == [n for of_one in numbers for n in of_one]
        assert store.settings["skip_first"] == 20
        store.verify()

    def test_one_environment_or_several(self, tmp_path):
        write_minerl(tmp_path / "data", recordings=1)
        write_minerl(tmp_path / "data", recordings=2, environment="Navigate")
        both = minerl(tmp_path / "data", tmp_path / "both")
        one = minerl(tmp_path / "data" / "Navigate", tmp_path / "one")
        assert [n.split("/")[0] for n in both.recording_names] == ["Navigate"] * 2 + ["Treechop"]
        assert one.recording_names == ("player_0", "player_1")

    def test_recordings_of_a_world_are_one_group(self, tmp_path):
        write_minerl(tmp_path / "data", recordings=2, environment="A", world_seed=7)
        write_minerl(tmp_path / "data", recordings=2, environment="B", world_seed=8)
        store = minerl(tmp_path / "data", tmp_path / "store")
        assert store.group_names == ("world_seed_7", "world_seed_8")
        assert set(zip(store.recordings.tolist(), store.groups.tolist(), strict=True)) == {
            (0, 0), (1, 0), (2, 1), (3, 1),
        }  # fmt: skip

    def test_a_cap_spreads_evenly(self, tmp_path):
        write_minerl(tmp_path / "data", frames=61, recordings=1)
        store = minerl(
            tmp_path / "data",
            tmp_path / "s",
            skip_first=0,
            keep_every=3,
            max_frames_per_recording=5,
        )
        assert store.frame_numbers.tolist() == [0, 15, 30, 45, 60]

    def test_recordings_shorter_than_the_skip(self, tmp_path):
        write_minerl(tmp_path / "data", frames=20, recordings=2)
        store = minerl(tmp_path / "data", tmp_path / "store")
        assert store.recordings.tolist() == [1]  # the second has 21 frames
        with pytest.raises(ValueError, match="no frame was chosen.*'skip_first': 90"):
            minerl(tmp_path / "data", tmp_path / "other", skip_first=90)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"skip_first": -1}, "skip_first=-1"),
            ({"keep_every": 0}, "keep_every=0"),
            ({"max_frames_per_recording": 0}, "max_frames_per_recording=0"),
            ({"workers": 0}, "workers=0"),
            ({"size": (32, 32)}, "recording.mp4 is 16×16 .* smaller than the wanted 32×32"),
            ({"size": (8, 16)}, "recording.mp4 is 16×16 .* another shape than the wanted 8×16"),
        ],
    )
    def test_wrong_arguments(self, tmp_path, options, message):
        write_minerl(tmp_path / "data", recordings=1)
        with pytest.raises(ValueError, match=message):
            minerl(tmp_path / "data", tmp_path / "store", **options)

    def test_missing_footage_says_what_was_expected(self, tmp_path):
        with pytest.raises(FileNotFoundError) as error:
            minerl(tmp_path / "nowhere", tmp_path / "store")
        message = str(error.value)
        assert "<environment>/<recording>/recording.mp4" in message
        assert "seeing footage make blocks" in message

    @pytest.mark.parametrize("fault", ["no video", "metadata"])
    def test_faults_beside_the_video(self, tmp_path, fault):
        write_minerl(tmp_path / "data")
        if fault == "no video":
            video_of(tmp_path / "data", 1).unlink()
        else:
            video_of(tmp_path / "data", 1).with_name("metadata.json").write_text("{")
        with pytest.raises(CorruptVideoError, match=r"player_1.*1 of 3 recordings"):
            minerl(tmp_path / "data", tmp_path / "store")
        store = minerl(tmp_path / "data", tmp_path / "store", corrupt="skip")
        assert list(store.skipped) == ["Treechop/player_1"]


class TestGamefactory:
    @pytest.mark.parametrize("workers", [1, 3])
    def test_sampled_frames_are_the_videos_frames(self, tmp_path, workers):
        videos = write_gamefactory(tmp_path / "data")
        store = gamefactory(tmp_path / "data", tmp_path / "store", workers=workers)
        assert len(store) == 12
        for frame, which, number in zip(
            store.frames, store.recordings, store.frame_numbers, strict=True
        ):
            np.testing.assert_array_equal(frame, videos[which][number])
        for which in range(3):
            assert np.all(np.diff(store.frame_numbers[store.recordings == which]) >= 5)
        assert store.group_names == ("seed_0", "seed_1")
        assert store.recording_names[0] == "data_2003/video/seed_0_part_0.mp4"
        store.verify()

    def test_frames_come_in_proportion_to_length(self, tmp_path):
        write_gamefactory(tmp_path / "data", lengths=(20, 100, 40))
        store = gamefactory(tmp_path / "data", tmp_path / "store", frames=16)
        assert np.bincount(store.recordings).tolist() == [2, 10, 4]

    def test_both_sizes_hold_the_same_frames(self, tmp_path):
        videos = write_gamefactory(tmp_path / "data", lengths=(30, 30), height=72, width=128)
        large = gamefactory(tmp_path / "data", tmp_path / "large", size=(72, 128))
        small = gamefactory(tmp_path / "data", tmp_path / "small", size=(36, 64))
        np.testing.assert_array_equal(large.frame_numbers, small.frame_numbers)
        means = large.frames.reshape(-1, 36, 2, 64, 2, 3).mean((2, 4))
        assert np.abs(means - small.frames).max() <= 1
        np.testing.assert_array_equal(large.frames[0], videos[0][large.frame_numbers[0]])

    def test_the_seed_decides(self, tmp_path):
        write_gamefactory(tmp_path / "data")
        stores = [
            gamefactory(tmp_path / "data", tmp_path / f"{k}", seed=seed)
            for k, seed in enumerate((0, 0, 1))
        ]
        assert stores[0].digest == stores[1].digest != stores[2].digest

    def test_the_whole_or_one_part_of_the_data_set(self, tmp_path):
        write_gamefactory(tmp_path / "data", sub="data_2003")
        write_gamefactory(tmp_path / "data", sub="data_269")
        (tmp_path / "data" / "data_269" / "video" / ".half-written.mp4").write_bytes(b"")
        whole = gamefactory(tmp_path / "data", tmp_path / "whole")
        part = gamefactory(tmp_path / "data" / "data_269", tmp_path / "part")
        assert len(whole.recording_names) == 6
        assert whole.group_names == part.group_names == ("seed_0", "seed_1")
        assert part.recording_names[0] == "video/seed_0_part_0.mp4"

    def test_more_frames_than_fit(self, tmp_path):
        write_gamefactory(tmp_path / "data")
        with pytest.raises(ValueError, match="frames=31 are more than the 30 that fit into 3 vid"):
            gamefactory(tmp_path / "data", tmp_path / "store", frames=31)
        assert len(gamefactory(tmp_path / "data", tmp_path / "store", frames=30)) == 30

    @pytest.mark.parametrize("options", [{"frames": 0}, {"min_gap": 0}])
    def test_wrong_arguments(self, tmp_path, options):
        write_gamefactory(tmp_path / "data", lengths=(10,))
        key, value = next(iter(options.items()))
        with pytest.raises(ValueError, match=f"{key}={value}"):
            gamefactory(tmp_path / "data", tmp_path / "store", **options)

    def test_missing_footage_and_strange_names(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="seed_<N>_part_<k>.mp4.*footage make blocks"):
            gamefactory(tmp_path, tmp_path / "store")
        write_video(tmp_path / "data" / "video" / "holiday.mp4", noise(3))
        with pytest.raises(ValueError, match="holiday.mp4 is not named seed_<N>_part_<k>"):
            gamefactory(tmp_path / "data", tmp_path / "store")

    def test_what_turns_out_corrupt_is_replaced(self, tmp_path, caplog):
        """Frames planned for a video that fails in decoding are drawn from the others instead."""
        write_gamefactory(tmp_path / "data", lengths=(60, 60, 60, 60))
        bad = "data_2003/video/seed_0_part_1.mp4"
        damage_pictures(tmp_path / "data" / bad)
        with pytest.raises(CorruptVideoError, match="seed_0_part_1.mp4.*1 of 4 recordings"):
            gamefactory(tmp_path / "data", tmp_path / "store")
        store = gamefactory(tmp_path / "data", tmp_path / "store", corrupt="skip")
        assert len(store) == 12
        assert bad not in store.recording_names
        assert list(store.skipped) == [bad]
        assert bad in caplog.text


@pytest.fixture
def data(tmp_path):
    write_minerl(tmp_path / "data", frames=60, recordings=4)
    return tmp_path / "data"


class TestCorruption:
    def test_error_names_the_first_and_counts_all(self, data, tmp_path):
        video_of(data, 3).write_bytes(b"")
        truncate(video_of(data, 2), 0.5)
        with pytest.raises(CorruptVideoError) as error:
            minerl(data, tmp_path / "store")
        message = str(error.value)
        assert str(video_of(data, 2)) in message
        assert "2 of 4 recordings" in message
        assert "--skip-corrupt" in message
        assert not (tmp_path / "store").exists()

    @pytest.mark.parametrize("workers", [1, 2])
    def test_damage_found_only_in_decoding_is_counted_too(self, data, tmp_path, workers):
        damage_pictures(video_of(data, 0))
        damage_pictures(video_of(data, 2))
        with pytest.raises(CorruptVideoError, match=r"player_0.*2 of 4 recordings"):
            minerl(data, tmp_path / "store", workers=workers)
        with pytest.raises(FileNotFoundError):
            FrameStore.open(tmp_path / "store")

    @pytest.mark.parametrize("workers", [1, 2])
    def test_skip_reports_and_goes_on(self, data, tmp_path, caplog, workers):
        damage_pictures(video_of(data, 0))
        truncate(video_of(data, 2), 0.5)
        with caplog.at_level(logging.WARNING):
            store = minerl(data, tmp_path / "store", corrupt="skip", workers=workers, skip_first=0)
        np.testing.assert_array_equal(store.frames[:30], noise(61, seed=1)[:60:2])
        store.verify()
        assert "2 of 4 recordings cannot be read" in caplog.text
        assert store.recording_names == ("Treechop/player_1", "Treechop/player_3")
        assert set(store.skipped) == {"Treechop/player_0", "Treechop/player_2"}
        assert "truncated" in store.skipped["Treechop/player_2"]
        saved = json.loads((tmp_path / "store" / "store.json").read_text())
        assert saved["skipped"] == dict(store.skipped)

    def test_error_after_skip_still_is_an_error_until_mended(self, data, tmp_path):
        whole = video_of(data, 1).read_bytes()
        damage_pictures(video_of(data, 1))
        assert len(whole) == len(video_of(data, 1).read_bytes())
        minerl(data, tmp_path / "store", corrupt="skip")
        with pytest.raises(CorruptVideoError):
            minerl(data, tmp_path / "store")
        video_of(data, 1).write_bytes(whole)
        assert len(minerl(data, tmp_path / "store").recording_names) == 4

    def test_there_is_no_third_way(self, tmp_path):
        with pytest.raises(ValueError, match="corrupt='ignore': want 'error' or 'skip'"):
            ImportJob("minerl", [], tmp_path, (4, 4), {}, corrupt="ignore")

    def test_nothing_readable(self, data, tmp_path):
        for k in range(4):
            damage_pictures(video_of(data, k))
        with pytest.raises(CorruptVideoError, match="4 of 4 recordings"):
            minerl(data, tmp_path / "store", corrupt="skip")

    def test_damaged_files_do_not_fool_the_damage_helper(self, data):
        """The helper above leaves headers whole: only decoding can find it."""
        damage_pictures(video_of(data, 0))
        with av.open(str(video_of(data, 0))) as container:
            assert container.streams.video[0].frames == 60


class TestReuse:
    def test_a_finished_store_is_not_made_again(self, data, tmp_path, monkeypatch):
        first = minerl(data, tmp_path / "store")
        monkeypatch.setattr(recordings_module, "probe_recordings", None)
        assert minerl(data, tmp_path / "store").digest == first.digest

    def test_other_settings_or_more_footage_make_it_anew(self, data, tmp_path):
        first = minerl(data, tmp_path / "store")
        fewer = minerl(data, tmp_path / "store", keep_every=4)
        assert len(fewer) < len(first)
        write_minerl(data, frames=60, recordings=1, environment="Zoo")
        assert len(minerl(data, tmp_path / "store").recording_names) == 5

    def test_a_changed_world_makes_it_anew(self, data, tmp_path):
        minerl(data, tmp_path / "store")
        video_of(data, 1).with_name("metadata.json").write_text('{"world_seed": 3}')
        assert "world_seed_3" in minerl(data, tmp_path / "store").group_names

    def test_another_data_set_is_refused(self, data, tmp_path):
        minerl(data, tmp_path / "store")
        write_minerl(tmp_path / "other", environment="Other")
        with pytest.raises(ValueError, match="frames of another data set.*Treechop/player_0"):
            minerl(tmp_path / "other", tmp_path / "store")
        write_gamefactory(tmp_path / "clips")
        with pytest.raises(ValueError, match=r"another data set \(minerl"):
            gamefactory(tmp_path / "clips", tmp_path / "store")
        assert FrameStore.open(tmp_path / "store").layout == "minerl"

    def test_a_folder_of_something_else_is_refused(self, data, tmp_path):
        (tmp_path / "thesis").mkdir()
        (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
        with pytest.raises(ValueError, match="holds other files .chapter.tex"):
            minerl(data, tmp_path / "thesis")
        with pytest.raises(ValueError, match="is a file"):
            minerl(data, tmp_path / "thesis" / "chapter.tex")

    @pytest.mark.parametrize("workers", [1, 2])
    def test_interrupted_imports_go_on(self, data, tmp_path, monkeypatch, workers):
        """Stop in the third video; the rest is then read from there, to the same bytes."""
        read, opened = recordings_module.read_frames, []

        def stop_in_third(path, **options):
            opened.append(path.parent.name)
            for number, frame in read(path, **options):
                if path.parent.name == "player_2" and number > 40:
                    raise KeyboardInterrupt
                yield number, frame

        def watch(path, **options):
            opened.append(path.parent.name)
            return read(path, **options)

        minerl(data, tmp_path / "whole")
        monkeypatch.setattr(recordings_module, "read_frames", stop_in_third)
        with pytest.raises(KeyboardInterrupt):
            minerl(data, tmp_path / "store", workers=workers)
        assert set(opened) >= {"player_0", "player_1", "player_2"}
        opened.clear()
        monkeypatch.setattr(recordings_module, "read_frames", watch)
        minerl(data, tmp_path / "store", workers=workers)
        assert sorted(opened) == ["player_2", "player_3"]
        assert contents(tmp_path / "whole") == contents(tmp_path / "store")

    def test_few_recordings_are_in_memory_at_once(self, tmp_path, monkeypatch):
        """Decoding runs at most workers + 1 recordings ahead of writing."""
        write_minerl(tmp_path / "data", recordings=12, frames=22)
        begun, ahead = [], []
        read, add = recordings_module._read, recordings_module.FrameStoreWriter.add

        def count_begun(*arguments):
            begun.append(arguments)
            return read(*arguments)

        def compare(self, *arguments):
            ahead.append(len(begun) - len(self.finished))
            add(self, *arguments)

        monkeypatch.setattr(recordings_module, "_read", count_begun)
        monkeypatch.setattr(recordings_module.FrameStoreWriter, "add", compare)
        minerl(tmp_path / "data", tmp_path / "store", workers=2)
        assert len(ahead) == 12
        assert max(ahead) <= 3
