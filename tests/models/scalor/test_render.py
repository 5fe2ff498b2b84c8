"""Reading and drawing boxes equals `grid_sample`, and costs a window only."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.models.scalor.render import (
    SCALE_EPSILON,
    draw,
    drawing_window,
    drawn_at,
    on_canvas,
    read,
    reading_window,
    summed,
)

CANVAS, GLIMPSE = 48, 16


def boxes_of(count: int, generator: torch.Generator) -> torch.Tensor:
    """Boxes of all sizes and shapes, some partly and some wholly outside."""
    sides = 0.06 + 0.3 * torch.rand(count, 2, generator=generator, dtype=torch.float64)
    centres = 2.8 * torch.rand(count, 2, generator=generator, dtype=torch.float64) - 1.4
    return torch.cat([sides, centres], dim=1)


def sampled(images: torch.Tensor, boxes: torch.Tensor, size: int, *, inverse: bool) -> torch.Tensor:
    """What PyTorch's own sampler makes of the same boxes."""
    sides, centres = boxes[:, :2], boxes[:, 2:]
    if inverse:
        sides, centres = 1 / (sides + SCALE_EPSILON), -centres / (sides + SCALE_EPSILON)
    theta = torch.zeros(len(boxes), 2, 3, dtype=boxes.dtype)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = sides[:, 0], sides[:, 1], centres
    grid = F.affine_grid(theta, [len(boxes), images.shape[1], size, size], align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def gradients(made: torch.Tensor, *of: torch.Tensor) -> list[torch.Tensor]:
    weights = torch.linspace(-1, 1, made.numel(), dtype=made.dtype).sin().view(made.shape)
    return list(torch.autograd.grad((made * weights).sum(), of))


def test_reading_is_grid_sample(generator):
    images = torch.rand(2, 3, CANVAS, CANVAS, generator=generator, dtype=torch.float64)
    boxes = boxes_of(60, generator).requires_grad_()
    clip = torch.randint(2, (60,), generator=generator)
    window = reading_window((0.37, 0.37), CANVAS)
    found = read(images.requires_grad_(), clip, boxes, GLIMPSE, window)
    wanted = sampled(images[clip], boxes, GLIMPSE, inverse=False)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
    for ours, theirs in zip(
        gradients(found, boxes, images), gradients(wanted, boxes, images), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_drawing_is_grid_sample(generator):
    glimpses = torch.rand(60, 4, GLIMPSE, GLIMPSE, generator=generator, dtype=torch.float64)
    boxes = boxes_of(60, generator).requires_grad_()
    clip = torch.randint(2, (60,), generator=generator)
    window = drawing_window((0.37, 0.37), GLIMPSE, CANVAS)
    placed = draw(glimpses.requires_grad_(), clip, boxes, (2, CANVAS, CANVAS), window)
    found = summed(placed, (2, CANVAS, CANVAS))
    each = sampled(glimpses, boxes, CANVAS, inverse=True)
    wanted = torch.zeros_like(found).index_add(0, clip, each)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-11)
    for ours, theirs in zip(
        gradients(found, boxes, glimpses), gradients(wanted, boxes, glimpses), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-8)


@given(
    side=st.floats(0.05, 0.6),
    centre=st.floats(-1.3, 1.3),
    glimpse=st.sampled_from([8, 16, 32]),
    canvas=st.sampled_from([32, 48, 64]),
)
@settings(max_examples=60, deadline=None)
def test_windows_are_large_enough(side: float, centre: float, glimpse: int, canvas: int) -> None:
    """All ones drawn into a box add up to what they add up to without a window."""
    box = torch.tensor([[side, side, centre, 0.1]], dtype=torch.float64)
    ones = torch.ones(1, 1, glimpse, glimpse, dtype=torch.float64)
    window = drawing_window((side, side), glimpse, canvas)
    placed = draw(ones, torch.zeros(1, dtype=torch.long), box, (1, canvas, canvas), window)
    whole = sampled(ones, box, canvas, inverse=True)
    found = float(summed(placed, (1, canvas, canvas)).sum())
    assert math.isclose(found, float(whole.sum()), rel_tol=1e-7)


def test_a_glimpse_that_is_drawn_and_read_again_is_the_same(generator):
    """Where the box has at least as many pixels as the glimpse, of which the edge is lost."""
    smooth = torch.rand(1, 1, 4, 4, generator=generator, dtype=torch.float64)
    glimpse = F.interpolate(smooth, 16, mode="bilinear")
    box, clip = torch.tensor([[0.5, 0.5, 0.1, -0.2]]).double(), torch.zeros(1, dtype=torch.long)
    canvas = (1, 128, 128)
    image = summed(draw(glimpse, clip, box, canvas, drawing_window((0.5, 0.5), 16, 128)), canvas)
    again = read(image, clip, box, 16, reading_window((0.5, 0.5), 128))
    inner = (slice(None), slice(None), slice(2, -2), slice(2, -2))
    torch.testing.assert_close(again[inner], glimpse[inner], rtol=0, atol=0.01)


def test_pixels_outside_the_canvas_are_drawn_nowhere():
    box = torch.tensor([[0.2, 0.2, 1.0, 0.0], [0.2, 0.2, 3.0, 0.0]])
    ones, clip = torch.ones(2, 1, 8, 8), torch.tensor([0, 0])
    placed = draw(ones, clip, box, (1, 32, 32), drawing_window((0.2, 0.2), 8, 32))
    there = on_canvas(placed, (1, 32, 32)).flatten(1).any(1)
    assert there.tolist() == [True, False]
    total = summed(placed, (1, 32, 32))
    assert total[..., -1].sum() > 0
    assert total[..., 0].sum() == 0


def test_where_glimpses_will_be_drawn_is_known_beforehand(generator):
    glimpses = torch.rand(40, 1, GLIMPSE, GLIMPSE, generator=generator, dtype=torch.float64)
    boxes, canvas = boxes_of(40, generator), (2, CANVAS, CANVAS)
    clip = torch.randint(2, (40,), generator=generator)
    window = drawing_window((0.37, 0.37), GLIMPSE, CANVAS)
    placed = draw(glimpses, clip, boxes, canvas, window)
    assert torch.equal(placed.places, drawn_at(clip, boxes, GLIMPSE, canvas, window))


@pytest.mark.parametrize("clips", [1, 3])
def test_each_clip_has_its_own_canvas(clips):
    box = torch.tensor([[0.3, 0.3, 0.0, 0.0]]).expand(clips, 4)
    ones = torch.ones(clips, 1, 8, 8) * torch.arange(1, clips + 1)[:, None, None, None]
    placed = draw(
        ones, torch.arange(clips), box, (clips, 32, 32), drawing_window((0.3, 0.3), 8, 32)
    )
    sums = summed(placed, (clips, 32, 32)).sum((1, 2, 3))
    torch.testing.assert_close(sums / sums[0], torch.arange(1.0, clips + 1))
