"""What every cell proposes: the model's own proposals, and who claims the same object."""

import numpy as np
import pytest
import torch

from lib.data.mot.boxes import FrameBoxes
from lib.evaluation.cells import _claims, cells_of
from lib.evaluation.following import Reading, follow
from lib.models.scalor import Scalor, ScalorConfig

SMALL = ScalorConfig(
    image_px=64, grid=4, glimpse_px=16, what=4, scale=0.26, scale_range=0.1, aspect=1.0,
    aspect_range=0.3, background="field", discovery_presence_bias=3.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def model() -> Scalor:
    torch.manual_seed(5)
    return Scalor(SMALL)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)


def test_cells_are_those_that_following_starts_from(model, frames):
    cells = cells_of(model, frames[:1], FrameBoxes.none())
    assert cells.glimpses.shape == (4, 4, 16, 16, 4)
    masks = Reading(most_ground=None)
    found = follow(model, frames[None, :1], reading=masks)[0].found[0]
    for identity, box in zip(found.boxes.ids, found.boxes.boxes, strict=True):
        row, column = divmod(int(identity), 4)
        assert cells.presence[row, column] > SMALL.carried_presence
        np.testing.assert_allclose(cells.boxes[row, column], box, atol=1e-4)
    assert (cells.claims == 0).all()


def test_later_frames_know_what_is_followed(model, frames):
    """Cells over objects that are followed already are rejected: presence 0."""
    later = cells_of(model, frames, FrameBoxes.none())
    assert (later.presence == 0).sum() > (
        cells_of(model, frames[1:], FrameBoxes.none()).presence == 0
    ).sum()


def test_cells_that_mean_one_object_are_counted_together():
    truth = FrameBoxes.of([1, 2], [[0, 0, 10, 10], [30, 30, 10, 10]])
    near = [[0, 0, 10, 10], [1, 1, 10, 10], [30, 30, 9, 9], [50, 0, 5, 5]]
    boxes = np.array([*near, [0, 1, 10, 10], [0, 0, 0, 0]], dtype=float)
    there = np.array([True, True, True, True, False, True])
    assert _claims(boxes, there, truth).tolist() == [2, 2, 1, 0, 0, 0]
    assert _claims(boxes, np.zeros(6, bool), truth).tolist() == [0] * 6
    assert _claims(boxes, there, FrameBoxes.none()).tolist() == [0] * 6


def test_who_counts_as_present_can_be_said(model, frames):
    found = follow(model, frames[None, :1])[0].found[0].boxes
    one = FrameBoxes.of([1], found.boxes[:1])  # so that a cell means it
    loose = cells_of(model, frames[:1], one, least_presence=0.01)
    strict = cells_of(model, frames[:1], one, least_presence=1.0)  # nobody is more
    assert loose.claims.sum() > strict.claims.sum() == 0
