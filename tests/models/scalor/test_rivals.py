"""Rivals among the proposals of a frame, against a slow oracle."""

from dataclasses import replace

import pytest
import torch

from lib.models.scalor.rivals import unrivalled
from tests.models.scalor.test_model import EARLY, drawn, made, moving
from tests.models.scalor.test_sight import GROUND, REMEMBERED

CELLS = 16


def overlap(one: list[float], other: list[float]) -> float:
    """Intersection over union of (half width, half height, x, y)."""
    sides = [
        max(0.0, min(a[2 + k] + a[k], b[2 + k] + b[k]) - max(a[2 + k] - a[k], b[2 + k] - b[k]))
        for a, b in [(one, other)]
        for k in (0, 1)
    ]
    both = sides[0] * sides[1]
    return both / (4 * one[0] * one[1] + 4 * other[0] * other[1] - both)


def slowly(boxes: list[list[float]], presence: list[float], most: float) -> list[bool]:
    """One after the other, the most present first; of equals the first."""
    stays: list[int] = []
    out: set[int] = set()
    for k in sorted(range(len(boxes)), key=lambda k: -presence[k]):
        if any(overlap(boxes[k], boxes[j]) > most for j in stays):
            out.add(k)
        elif presence[k] > 0.5:
            stays.append(k)
    return [k not in out for k in range(len(boxes))]


@pytest.mark.parametrize("most", [0.1, 0.3, 0.6])
def test_as_the_oracle_has_it(most):
    generator = torch.Generator().manual_seed(int(10 * most))
    boxes = torch.rand(5 * CELLS, 4, generator=generator)
    boxes[:, :2] = 0.1 + 0.3 * boxes[:, :2]
    presence = torch.rand(5 * CELLS, generator=generator).round(decimals=1)  # with equals
    found = unrivalled(boxes, presence, 5, most)
    for clip in range(5):
        mine = slice(clip * CELLS, (clip + 1) * CELLS)
        wanted = slowly(boxes[mine].tolist(), presence[mine].tolist(), most)
        assert found[mine].tolist() == wanted
    assert 0 < found.sum() < len(found)


def test_who_is_hardly_there_stands_in_nobodys_way():
    boxes = torch.tensor([[0.1, 0.2, 0.0, 0.0]]).repeat(4, 1)
    assert unrivalled(boxes, torch.tensor([0.4, 0.3, 0.2, 0.1]), 1, 0.3).all()
    kept = unrivalled(boxes, torch.tensor([0.4, 0.9, 0.8, 0.1]), 1, 0.3)
    assert kept.tolist() == [False, True, False, False]


def test_a_frame_has_no_two_boxes_in_one_place():
    """An untrained model whose cells propose, and reach, everywhere."""
    config = {"discovery_presence_bias": 3.0, "cell_reach": 2.0}
    counts = []
    for most in (None, 0.3):
        model = made(replace(REMEMBERED, rival_overlap=most, **config))
        with torch.no_grad():
            proposed = model(moving(frames=1), EARLY, drawn(), behind=GROUND).objects[0].proposed
        there = proposed.of(proposed.presence[:, 0] > 0.5)
        pairs = [
            overlap(there.where[i].tolist(), there.where[j].tolist())
            for i in range(len(there.clip))
            for j in range(i)
            if there.clip[i] == there.clip[j]
        ]
        counts.append((len(there.clip), max(pairs, default=0.0)))
    (many, closest), (fewer, apart) = counts
    assert closest > 0.3 >= apart
    assert 0 < fewer < many
