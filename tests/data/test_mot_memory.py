"""Remembered frames: the same as read, decoded once, never more than the limit."""

import numpy as np
import pytest

from lib.data.mot.clips import ClipConfig, Clips
from lib.data.mot.discovery import discover_sequences
from lib.data.mot.memory import FrameMemory
from lib.data.mot.sequences import MotSequence
from lib.worlds.sprites import SpritesFootage, make_sprites

FRAMES = 6


@pytest.fixture(scope="module")
def sequences(tmp_path_factory: pytest.TempPathFactory) -> list[MotSequence]:
    folder = tmp_path_factory.mktemp("sprites")
    make_sprites(folder, SpritesFootage(clips=2, frames=FRAMES), workers=1, progress=False)
    return discover_sequences(folder).sequences


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    seen: list[tuple[str, int]] = []
    real = MotSequence.read

    def read(self, numbers):
        seen.extend((self.name, number) for number in numbers)
        return real(self, numbers)

    monkeypatch.setattr(MotSequence, "read", read)
    return seen


def test_frames_are_decoded_once_in_any_order(sequences, decoded):
    memory = FrameMemory(2**30)
    first = memory.read(sequences[0], [3, 1, 3])
    again = memory.read(sequences[0], [1, 2, 3])
    assert decoded == [(sequences[0].name, k) for k in (1, 3, 2)]
    assert np.array_equal(first[0], first[2])
    assert first[0] is again[2]
    assert first[1] is again[0]
    assert np.array_equal(again[1], sequences[0].read([2])[0])


def test_two_videos_and_parts_of_one_are_not_mistaken(sequences):
    memory = FrameMemory(2**30)
    one, other = (memory.read(each, [0])[0] for each in sequences)
    assert not np.array_equal(one, other)
    part = sequences[0].part(2, FRAMES)
    assert memory.read(part, [0])[0] is memory.read(sequences[0], [2])[0]


def test_no_more_is_remembered_than_there_is_room_for(sequences, decoded):
    size = 64 * 64 * 3
    memory = FrameMemory(2 * size)
    for _ in range(2):
        memory.read(sequences[0], [0, 1, 2])
    assert memory.held == 2 * size
    assert [number for _, number in decoded] == [0, 1, 2, 2]


def test_pixels_are_those_of_the_clip(sequences):
    config = ClipConfig(frames=4, stride=1, size_px=48, window_px=50)
    clips = Clips(sequences, config, seed=4)
    for index in (0, 1, 5):
        whole = clips.clip(index).frames
        assert np.array_equal(clips.pixels(index), whole)
        assert np.array_equal(clips.pixels(index, first=1, frames=2), whole[1:3])
    with pytest.raises(ValueError, match="first=2, frames=3: clips have 4 frames"):
        clips.pixels(0, first=2, frames=3)
