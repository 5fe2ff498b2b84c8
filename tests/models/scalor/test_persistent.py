"""Followed objects that start, and are expected, to be as they were."""

from dataclasses import replace

import torch

from lib.models.scalor import Scalor
from tests.models.scalor.test_model import EARLY, SMALL, Loud, made, moving


class Steady(Loud):
    """All cells propose in the first frame only."""

    def __init__(self) -> None:
        super().__init__([list(range(16)), []])


def test_persistent_objects_start_as_they_were():
    still = moving(frames=1).repeat(1, 2, 1, 1, 1)

    def unlike(model: Scalor) -> tuple[float, float, float]:
        """How far objects of the second frame are from those of the first."""
        first, second = (frame for frame in model(still, EARLY, Steady()).objects)
        old, new = first.proposed, second.tracked
        assert len(new.clip) == len(old.clip)
        sides, depth = (new.where - old.where)[:, :2], new.depth - old.depth
        read, _ = model.glimpses.look(still[:, 1], new.clip, new.where)
        return tuple(part.abs().max().item() for part in (sides, depth, new.what - read))

    persistent = unlike(made(replace(SMALL, persistent=True)))
    assert persistent[0] < 1e-6
    assert persistent[1] < 1e-6
    assert all(a < b / 2 for a, b in zip(persistent, unlike(made()), strict=True))


def test_persistent_objects_are_expected_to_be_as_they_were():
    model = made(replace(SMALL, persistent=True))
    objects = model(moving(frames=1), EARLY, Steady()).state.objects
    expected = model.propagation.expecting(objects)
    assert torch.equal(expected.what[0], objects.what)
    assert torch.equal(expected.depth[0], objects.depth)
    assert torch.equal(expected.where[0], objects.shift)
    assert (objects.shift[:, :2] != 0).all()
    assert (objects.shift[:, 2:] == 0).all()
    fresh = made().propagation.expecting(objects)
    assert not torch.allclose(fresh.what[0], objects.what, atol=0.1)
