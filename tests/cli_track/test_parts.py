"""``seeing track``: its results, films and frames, each by itself."""

import av
import numpy as np
import pytest

from lib.cli import track
from lib.cli.track_files import Renumbered, film, in_frame, results_file
from lib.cli.track_frames import Look, Missed, look_through
from lib.data.mot.boxes import FrameBoxes, Window
from lib.data.mot.discovery import discover_sequences
from lib.data.mot.sequences import MotSequence
from tests.data.footage import write_video
from tests.tracks import count_frames, moving, write_pictures


class TestParts:
    def test_boxes_go_back_to_the_frame(self):
        found = FrameBoxes.of([7], [[16.0, 8.0, 32.0, 56.0]])
        [box] = in_frame(found, Window(100, 30, 128), 64).boxes
        assert box.tolist() == [132, 46, 64, 112]
        assert found.boxes.tolist() == [[16, 8, 32, 56]]

    def test_long_identities_become_short_ones(self):
        short = Renumbered()
        ids = [2**40 + 5, 3], [3, 2**50], []
        found = [short(FrameBoxes.of(one, np.ones((len(one), 4)))).ids.tolist() for one in ids]
        assert found == [[1, 2], [2, 3], []]
        assert (short.tracks, short.boxes) == (3, 4)

    def test_lines_count_from_one(self, tmp_path):
        with results_file(tmp_path / "a.txt") as write:
            write(0, FrameBoxes.of([1], [[0, 0, 10, 20.126]]), np.array([0.75], np.float32))
        text = (tmp_path / "a.txt").read_text()
        assert text == "1,1,1.00,1.00,10.00,20.13,0.7500,-1,-1,-1\n"

    def test_films_of_odd_sizes_show_the_pictures(self, tmp_path):
        frames = moving(3, size=(65, 81))
        with film(tmp_path / "a.mp4", 30000 / 1001) as write:
            for frame in frames:
                write(frame)
        assert count_frames(tmp_path / "a.mp4")[:3] == (3, 66, 82)
        with av.open(str(tmp_path / "a.mp4")) as file:
            first = next(file.decode(video=0)).to_ndarray(format="rgb24")
        assert np.abs(first[:65, :81].astype(int) - frames[0]).mean() < 12

    def test_a_failing_film_leaves_nothing(self, tmp_path):
        def broken() -> None:
            with film(tmp_path / "a.mp4", 25.0) as write:
                write(moving(1)[0])
                raise OSError("enough")

        with pytest.raises(OSError, match="enough"):
            broken()
        assert list(tmp_path.iterdir()) == []

    def test_frames_are_those_of_the_sequence_and_few_are_read_ahead(self, here, monkeypatch):
        frames = moving(60)
        video = write_video(here / "a.mp4", frames)
        folder = write_pictures(here / "p", frames)
        for path in (video, folder):
            [sequence] = discover_sequences(path).sequences
            part = sequence.part(5, 60)
            look = Look(Window(8, 0, 64), range(0, 55, 4), 64, whole=True)
            seen = list(look_through(part, look, Missed()))
            assert [one.number for one in seen] == list(look.numbers)
            for one in seen:
                np.testing.assert_array_equal(one.whole, frames[5 + one.number])
                np.testing.assert_array_equal(one.small, frames[5 + one.number, :, 8:72])
        read: list[int] = []
        original = MotSequence.read

        def counting(self, numbers):
            read.extend(numbers)
            return original(self, numbers)

        monkeypatch.setattr(MotSequence, "read", counting)
        monkeypatch.setattr("lib.cli.track_frames.core_count", lambda: 2)
        look = Look(Window(0, 0, 64), range(60), 64)
        with_few = look_through(sequence, look, Missed())
        for _ in range(5):
            next(with_few)
        with_few.close()
        assert len(read) <= 5 + 4 * 2 + 1

    @pytest.mark.parametrize(
        ("stride", "words"),
        [(1, ""), (2, "2nd "), (3, "3rd "), (11, "11th "), (22, "22nd "), (112, "112th ")],
    )
    def test_ordinals(self, stride, words):
        assert track._nth(stride) == words
