"""What SCALOR finds: against the model's own objects and a renderer that goes pixel by pixel."""

import numpy as np
import pytest
import torch

from lib.evaluation.following import Found, Reading, follow, follow_video
from lib.models.scalor import FINAL, Scalor, ScalorConfig, Silent
from tests.evaluation.trackers import REMEMBERING, crowded

SMALL = ScalorConfig(
    image_px=64, grid=4, glimpse_px=16, what=4, scale=0.26, scale_range=0.1, aspect=1.0,
    aspect_range=0.3, background="field", discovery_presence_bias=3.0, max_objects=None,
    propagation_presence_bias=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def model() -> Scalor:
    """Untrained, with cells that see an object everywhere: crowded frames."""
    torch.manual_seed(5)
    model = Scalor(SMALL)
    with torch.no_grad():  # masks that reach over half, so that pixels have owners
        model.glimpses.decoder.alpha.last.weight.mul_(4)
        model.glimpses.decoder.alpha.last.bias.fill_(1.0)
    return model


@pytest.fixture(scope="module")
def clips() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 3, 64, 64, 3), dtype=np.uint8)


def pixels(clips: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(clips).permute(0, 1, 4, 2, 3).float() / 255


def test_pictures_are_those_of_the_model(model, clips):
    with torch.no_grad():
        result = model.eval()(pixels(clips), FINAL, Silent())
    for number, one in enumerate(follow(model, clips)):
        shown = one.reconstruction.astype(float) / 255
        np.testing.assert_allclose(
            shown, result.reconstruction[number].permute(0, 2, 3, 1).clamp(0, 1), atol=1 / 509
        )
        error = (result.reconstruction[number] - pixels(clips)[number]).square().mean((1, 2, 3))
        np.testing.assert_allclose(one.squared_error, error, rtol=1e-5)


def test_everybody_who_is_there_is_found_once(model, clips):
    with torch.no_grad():
        result = model.eval()(pixels(clips), FINAL, Silent())
    for number, one in enumerate(follow(model, clips)):
        for found, frame in zip(one.found, result.objects, strict=True):
            present: dict[int, float] = {}
            for part, least in ((frame.tracked, 0.5), (frame.proposed, SMALL.carried_presence)):
                if part is not None:
                    there = (part.clip == number) & (part.presence[:, 0] > least)
                    sure = part.presence[there, 0].tolist()
                    present |= dict(zip(part.identity[there].tolist(), sure, strict=True))
            ids = found.boxes.ids.tolist()
            assert set(ids) <= set(present)
            missing = set(present) - set(ids)  # those without a pixel of half alpha
            assert len(missing) <= 0.2 * len(present)
            assert found.presence.tolist() == [present[one] for one in ids]
            assert np.array_equal(found.cells, found.boxes.ids % SMALL.cells)
            assert ((found.mixed >= 0) & (found.mixed <= 1)).all()
    first, last = one.found[0], one.found[-1]
    assert not first.tracked.any()
    assert last.tracked.any()


def test_pixels_are_owned_as_the_reading_says(model, clips):
    by_colour, masks = (
        follow(model, clips, reading=one) for one in (Reading(), Reading(most_ground=None))
    )
    for usual, alone in zip(by_colour, masks, strict=True):
        assert ((usual.owners > 0) | (alone.owners == 0)).all()
        assert (usual.owners > 0).sum() > (alone.owners > 0).sum() > 0
        mine = alone.owners > 0
        assert np.array_equal(usual.owners[mine], alone.owners[mine])


def test_boxes_by_colour_hold_those_of_masks(model, clips):
    for usual, alone in zip(
        follow(model, clips), follow(model, clips, reading=Reading(most_ground=None)), strict=True
    ):
        for more, less in zip(usual.boxes, alone.boxes, strict=True):
            assert np.array_equal(more.ids, less.ids)
            assert (more.boxes[:, :2] <= less.boxes[:, :2] + 1e-6).all()
            end, least = (one.boxes[:, :2] + one.boxes[:, 2:] for one in (more, less))
            assert (end >= least - 1e-6).all()


def test_a_remembered_background_goes_with_every_piece(clips):
    model, video = crowded(REMEMBERING), np.concatenate([clips[0], clips[1]])
    behind = clips[1, 2]
    whole = follow(model, video[None], behind=behind[None])[0]
    pieces = list(follow_video(model, iter(video), behind=behind, at_once=4))
    for one, other in zip([f for p in pieces for f in p.found], whole.found, strict=True):
        assert np.array_equal(one.boxes.ids, other.boxes.ids)
        np.testing.assert_allclose(one.boxes.boxes, other.boxes.boxes, atol=1e-4)
    assert sum(len(one.boxes) for one in whole.found) > 0
    with pytest.raises(ValueError, match="behind: got nothing"):
        follow(model, video[None])


def test_a_video_in_pieces_is_followed_as_in_one(model, clips):
    video = np.concatenate([clips[0], clips[1]])
    whole = follow(model, video[None])[0]
    pieces = list(follow_video(model, iter(video), at_once=4))
    assert [len(one.found) for one in pieces] == [4, 2]
    assert np.array_equal(np.concatenate([one.owners for one in pieces]), whole.owners)
    for one, other in zip([f for p in pieces for f in p.found], whole.found, strict=True):
        assert np.array_equal(one.boxes.ids, other.boxes.ids)
        np.testing.assert_allclose(one.boxes.boxes, other.boxes.boxes, atol=1e-4)


def test_stricter_readings_find_fewer(model, clips):
    loose = follow(model, clips, reading=Reading(least_presence=0.05))
    strict = follow(model, clips, reading=Reading(least_presence=0.99))

    def followed_objects(found: list[Found]) -> int:
        return sum(int(one.tracked.sum()) for one in found)

    assert sum(followed_objects(one.found) for one in loose) > sum(
        followed_objects(one.found) for one in strict
    )
    wide = follow(model, clips, reading=Reading.study())
    masks = Reading(least_presence=0.7, least_alpha=0.9, most_ground=None)
    tight = follow(model, clips, reading=masks)
    area = [sum(f.boxes.boxes[:, 2:].prod(1).sum() for f in one[0].found) for one in (wide, tight)]
    assert area[0] > area[1]


def test_who_is_mostly_outside_the_frame_has_no_box(model, clips):
    def boxes(least: float) -> list[set[tuple[float, ...]]]:
        found = follow(model, clips, reading=Reading(least_inside=least))
        return [{tuple(box) for box in f.boxes.boxes} for one in found for f in one.found]

    every, inside = boxes(0.0), boxes(0.95)
    assert all(few <= many for few, many in zip(inside, every, strict=True))
    cut = [box for many, few in zip(every, inside, strict=True) for box in many - few]
    assert cut
    for left, top, width, height in cut:
        assert min(left, top, 64 - left - width, 64 - top - height) == 0  # at the border


def test_bad_thresholds_and_frames_are_told(model, clips):
    with pytest.raises(ValueError, match="least_inside=1.0: want a share, 0 or more, below 1"):
        Reading(least_inside=1.0)
    with pytest.raises(ValueError, match="least_alpha=1.0: want a number between 0 and 1"):
        Reading(least_alpha=1.0)
    with pytest.raises(ValueError, match="most_ground=0.0: want a number between 0 and 1"):
        Reading(most_ground=0.0)
    with pytest.raises(ValueError, match="this model takes 64 x 64"):
        follow(model, clips[:, :, :32])
    with pytest.raises(ValueError, match="at_once=0"):
        list(follow_video(model, iter(clips[0]), at_once=0))
