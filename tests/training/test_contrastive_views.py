"""Views: concentric, cropped as PyTorch would, the same for the same step."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.training.views import NAMES, ViewSettings, crop, draw_views, make_views

PLAIN = ViewSettings(size_px=16, jitter=0.0)


def frames_of(generator, count=3, rows=36, columns=64):
    return torch.randint(0, 256, (count, rows, columns, 3), dtype=torch.uint8, generator=generator)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.tuples(st.integers(20, 90), st.integers(20, 90)),
)
def test_crops_are_concentric_nested_and_inside(seed, step, size):
    chosen = ViewSettings(large=(0.4, 1.0))
    boxes = draw_views(chosen, 5, size, seed=seed, step=step).boxes
    centres, sides = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    torch.testing.assert_close(centres, centres[:1].expand_as(centres), atol=1e-3, rtol=0)
    torch.testing.assert_close(sides[..., 0], sides[..., 1], atol=1e-3, rtol=0)
    large, medium, small, following = sides[..., 0]
    torch.testing.assert_close(following, large)
    torch.testing.assert_close(medium, 0.6 * large, atol=1e-3, rtol=0)
    torch.testing.assert_close(small, 0.36 * large, atol=1e-3, rtol=0)
    assert bool((large >= 0.4 * min(size) - 1e-3).all())
    assert bool((boxes[..., :2] >= -1e-3).all())
    assert bool((boxes[..., 2:] <= torch.tensor(size) + 1e-3).all())


@pytest.mark.parametrize("size_px", [8, 20, 33])
def test_crops_are_those_of_pytorch(generator, size_px):
    planes = torch.rand(3, 2, 30, 50, generator=generator)
    boxes = torch.tensor([[3.0, 7, 23, 27], [0, 10, 30, 40]])
    found = crop(planes, boxes, size_px)
    for b, (top, left, bottom, right) in enumerate(boxes.int().tolist()):
        cut = planes[None, :, b, top:bottom, left:right]
        wanted = F.interpolate(
            cut, (size_px, size_px), mode="bilinear", antialias=True, align_corners=False
        )
        torch.testing.assert_close(found[:, b], wanted[0])


def test_crops_between_pixels_shift_a_ramp():
    ramp = torch.arange(40.0).expand(3, 1, 40, 40)
    found = crop(ramp, torch.tensor([[5.0, 8.25, 21.0, 24.25]]), 16)
    torch.testing.assert_close(found[0, 0, 3, 2:-2], torch.arange(10.25, 22.25))


def test_the_fourth_view_is_of_the_next_frame(generator):
    now, following = frames_of(generator), frames_of(generator)
    draws = draw_views(PLAIN, 3, (36, 64), seed=0, step=0)
    views = make_views(now, following, draws, size_px=16)
    swapped = make_views(following, now, draws, size_px=16)
    assert views.shape == (len(NAMES), 3, 3, 16, 16)
    torch.testing.assert_close(views[3], swapped[0])
    torch.testing.assert_close(views[0], swapped[3])
    assert not torch.allclose(views[0], views[3])
    three = make_views(
        now, None, draw_views(PLAIN, 3, (36, 64), seed=0, step=0, next_frame=False), size_px=16
    )
    assert torch.equal(three, views[:3]), "the first three are drawn as if there were four"


def test_views_are_a_function_of_seed_and_step(generator):
    frames = frames_of(generator)

    def made(**where):
        return make_views(
            frames, frames, draw_views(ViewSettings(), 3, (36, 64), **where), size_px=16
        )

    first = made(seed=1, step=2)
    assert torch.equal(first, made(seed=1, step=2))
    assert not torch.equal(first, made(seed=1, step=3))
    assert not torch.equal(first, made(seed=2, step=2))


def test_mirrored_frames_are_mirrored_in_all_views(generator):
    frames = frames_of(generator)
    plain = draw_views(PLAIN, 3, (36, 64), seed=0, step=0)
    always = draw_views(ViewSettings(16, jitter=0.0, flip=1.0), 3, (36, 64), seed=0, step=0)
    a = make_views(frames, frames, plain, size_px=16)
    b = make_views(frames, frames, always, size_px=16)
    torch.testing.assert_close(a.flip(4), b)


def test_colours_of_each_view_change_on_their_own(generator):
    grey = torch.full((2, 36, 64, 3), 100, dtype=torch.uint8)
    views = make_views(
        grey, grey, draw_views(ViewSettings(jitter=1.0), 2, (36, 64), seed=0, step=0), size_px=16
    )
    assert len(views.mean((2, 3, 4)).unique()) == 8
    assert 0 <= float(views.min()) <= float(views.max()) <= 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"size_px": 4}, "size_px is 4; give 8 or more"),
        ({"large": (0.9, 0.5)}, "give two shares, rising"),
        ({"small": 0.7}, "small is 0.7 and medium 0.6"),
        ({"hue": 0.6}, "hue is 0.6; give a number from 0 to 0.5"),
    ],
)
def test_impossible_settings_are_refused(wrong, told):
    with pytest.raises(ValueError, match=told):
        ViewSettings(**wrong)
