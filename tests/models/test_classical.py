"""Background subtraction and SORT: squares that move over noise are found and stay themselves."""

import numpy as np
import pytest

from lib.models.classical import (
    ClassicalConfig,
    Linked,
    blobs,
    follow_blobs,
    foreground,
    linked,
)

SIZE = 64


def walk(frames: int = 20, side: int = 8, seed: int = 0) -> np.ndarray:
    """A bright square that goes right and a dark one that goes down, over textured ground."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(90, 150, (SIZE, SIZE, 3))
    video = np.repeat(ground[None], frames, axis=0)
    for t in range(frames):
        video[t, 4 : 4 + side, 2 * t : 2 * t + side] = 240
        video[t, 2 * t + 14 : 2 * t + 14 + side, 50 : 50 + side] = 10
    noise = rng.integers(-2, 3, video.shape)
    return np.clip(video + noise, 0, 255).astype(np.uint8)


def boxes(*lefts: float) -> np.ndarray:
    return np.array([[left, 0, 10, 20] for left in lefts], float).reshape(-1, 4)


def ids(found: list[Linked]) -> list[list[int]]:
    return [one.ids.tolist() for one in found]


def test_what_moves_is_found_where_it_is_and_stays_itself():
    video = walk()
    right, down = set(), set()
    for t, one in enumerate(follow_blobs(video, video)):
        for name, box in zip(one.ids.tolist(), one.boxes, strict=True):
            above = box[1] < 12
            (right if above else down).add(name)
            wanted = [2 * t, 4, 8, 8] if above else [50, 2 * t + 14, 8, 8]
            np.testing.assert_allclose(box, wanted, atol=1.01)
        assert len(one.ids) == 2
    assert len(right) == len(down) == 1
    assert right != down


def test_where_nothing_moves_nothing_is_found():
    video = np.repeat(walk(1), 10, axis=0)
    assert all(len(one.ids) == 0 for one in follow_blobs(video, video))


def test_a_clip_is_judged_by_the_whole_video():
    video = walk()
    whole = foreground(video, video, ClassicalConfig())
    part = foreground(video, video[5:9], ClassicalConfig())
    assert np.array_equal(part, whole[5:9])


def test_gaps_are_closed_and_crumbs_left_out():
    mask = np.zeros((SIZE, SIZE), bool)
    mask[10:20, 10:16] = True
    mask[14] = False  # a gap of one row
    mask[40:43, 40:43] = True  # nine pixels
    config = ClassicalConfig(least_px=16)
    assert blobs(mask, config).tolist() == [[10, 10, 6, 10]]
    assert len(blobs(mask, ClassicalConfig(least_px=9))) == 2
    assert len(blobs(np.zeros((SIZE, SIZE), bool), config)) == 0


def test_the_first_box_of_somebody_has_their_name():
    found = linked([boxes(0, 40), boxes(1, 41), boxes(2), boxes(3, 43, 80)])
    assert ids(found) == [[0, 1], [0, 1], [0], [0, 1, 2]]


def test_who_is_lost_for_long_is_somebody_else():
    config = ClassicalConfig(lost_frames=1)
    found = linked([boxes(0), boxes(0), boxes(), boxes(), boxes(), boxes(0), boxes(0)], config)
    assert ids(found) == [[0], [0], [], [], [], [1], [1]]


def test_whoever_is_seen_once_is_alone_each_time():
    found = linked([boxes(0), boxes(40), boxes(20), boxes()])
    names = [one for frame in ids(found) for one in frame]
    assert len(set(names)) == len(names) == 3


@pytest.mark.parametrize("seed", range(5))
def test_no_name_occurs_twice_in_a_frame(seed):
    rng = np.random.default_rng(seed)
    frames = [
        np.concatenate([rng.uniform(0, 50, (n, 2)), rng.uniform(5, 20, (n, 2))], axis=1)
        for n in rng.integers(0, 8, 30)
    ]
    found = linked(frames)
    for one, given in zip(found, frames, strict=True):
        assert len(set(one.ids.tolist())) == len(one.ids) == len(given)
        assert (one.ids >= 0).all()
        assert np.array_equal(one.boxes, given)


def test_no_frames():
    assert linked([]) == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"least_contrast": 0.0}, "least_contrast=0.0: want a number above 0"),
        ({"least_px": -1}, "least_px=-1"),
        ({"closing_px": 0}, "closing_px=0"),
        ({"lost_frames": -1}, "lost_frames=-1: want 0 or more"),
        ({"background_share": 0.0}, r"background_share=0.0: want a number in \(0, 1\]"),
        ({"least_overlap": 1.5}, r"least_overlap=1.5: want a number in \(0, 1\]"),
    ],
)
def test_settings_that_mean_nothing(settings, told):
    with pytest.raises(ValueError, match=told):
        ClassicalConfig(**settings)


def test_videos_of_another_size():
    video = walk(3)
    with pytest.raises(ValueError, match=r"3 frames of \(64, 64\), frames are of \(32, 32\)"):
        foreground(video, video[:, :32, :32], ClassicalConfig())
    with pytest.raises(ValueError, match="video has 0 frames"):
        foreground(video[:0], video, ClassicalConfig())
