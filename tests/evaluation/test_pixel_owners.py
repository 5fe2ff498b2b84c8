"""Whose a pixel is: against canvases drawn one object at a time, and by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lib.evaluation.pixel_owners import (
    COVERED,
    FAINTEST,
    GROUND_SIGMA,
    SURPRISE,
    own,
    sure_of_ground,
)
from lib.evaluation.track_masks import boxes_of_masks
from lib.models.scalor import FINAL, Silent
from lib.models.scalor.state import Objects, nothing
from tests.evaluation.trackers import REMEMBERING, SMALL, crowded

PX = SMALL.image_px
OPTIONS = {"least_alpha": 0.5, "least_inside": 0.0, "most_ground": 0.9}


@pytest.fixture(scope="module")
def model():
    return crowded()


@pytest.fixture(scope="module")
def crowd(model) -> Objects:
    """Everybody whom the model proposes in two frames of noise."""
    frames = torch.rand(2, 1, 3, PX, PX, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        objects = model(frames, FINAL, Silent()).objects[0].proposed
    return objects.of(objects.presence[:, 0] > 0.3)


def ground_of(shape: tuple[int, ...], seed: int = 2) -> torch.Tensor:
    """A third of all pixels look strange."""
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) > 0.33).float()


def canvas(mask: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """One mask on the whole canvas, by `grid_sample`."""
    sx, sy, tx, ty = where
    theta = torch.tensor([[1 / sx, 0, -tx / sx], [0, 1 / sy, -ty / sy]])[None]
    grid = F.affine_grid(theta, [1, 1, PX, PX], align_corners=False)
    return F.grid_sample(mask[None, None], grid, align_corners=False)[0, 0]


def enclosed(boxes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """A box grown around chosen pixels."""
    left, top, width, height = boxes
    if not chosen.any() or not width:
        return boxes
    y, x = np.nonzero(chosen)
    right, bottom = max(left + width, x.max() + 1), max(top + height, y.max() + 1)
    left, top = min(left, x.min()), min(top, y.min())
    return np.array([left, top, right - left, bottom - top])


def test_owners_and_boxes_are_those_of_a_renderer_that_draws_one_at_a_time(model, crowd):
    ground = ground_of((2, PX, PX))
    masks = model.glimpses.decode(crowd.what)[:, 3:].detach()
    found = own(model, crowd, masks, ground, **OPTIONS)
    alone = boxes_of_masks(masks[:, 0].numpy(), crowd.where.detach().numpy(), PX)
    grown = 0
    for clip in range(2):
        numbers = (crowd.clip == clip).nonzero()[:, 0].tolist()
        drawn = torch.stack(
            [canvas(masks[k, 0] * crowd.presence[k], crowd.where[k].detach()) for k in numbers]
        )
        weight = drawn * torch.sigmoid(-crowd.depth[numbers])[:, :, None]
        heaviest = weight.argmax(0)
        near = drawn.gather(0, heaviest[None])[0] >= FAINTEST
        strange = near & (ground[clip] <= 0.9)
        somebody = strange | (near & (drawn.sum(0) > COVERED))
        identity = crowd.identity[numbers][heaviest] + 1
        same = found.owners[clip] == torch.where(somebody, identity, 0).numpy()
        assert same.mean() > 0.999  # ties of rounding
        assert 0 < (found.owners[clip] > 0).mean() < 1
        for place, number in enumerate(numbers):
            mine = (strange & (heaviest == place)).numpy()
            wanted = enclosed(alone[number], mine)
            np.testing.assert_allclose(found.boxes[number], wanted, atol=1e-4)
            grown += int(found.boxes[number, 2:].prod() > alone[number, 2:].prod() + 1e-3)
    assert grown > 3


def test_without_colours_boxes_are_those_of_masks(model, crowd):
    masks = model.glimpses.decode(crowd.what)[:, 3:].detach()
    alone = boxes_of_masks(
        masks[:, 0].numpy(), crowd.where.detach().numpy(), PX, least_alpha=0.3, least_inside=0.7
    )
    options = {"least_alpha": 0.3, "least_inside": 0.7}
    strange = torch.zeros(2, PX, PX)
    found = own(model, crowd, masks, strange, most_ground=None, **options)
    np.testing.assert_array_equal(found.boxes, alone)
    plain = own(model, crowd, masks, torch.ones(2, PX, PX), most_ground=0.9, **options)
    np.testing.assert_array_equal(plain.boxes, alone)
    np.testing.assert_array_equal(plain.owners, found.owners)


def one_object(alpha: torch.Tensor, where: list[float]) -> tuple[Objects, torch.Tensor]:
    """An object in the only clip, of presence 1, and its mask."""
    none = nothing(torch.zeros(1, 3, PX, PX), SMALL)
    parts = {
        name: torch.zeros(1, *part.shape[1:], dtype=part.dtype)
        for name, part in none._asdict().items()
    }
    parts |= {"where": torch.tensor([where]), "presence": torch.ones(1, 1)}
    return Objects(**parts), alpha[None, None]


def test_a_faint_mask_is_enough_for_a_strange_pixel_but_not_none(model):
    g = SMALL.glimpse_px
    alpha = torch.zeros(g, g)
    alpha[4:8, 4:12] = 0.9  # head and body
    alpha[8:14, 4:12] = 0.05  # legs that the model hardly expects
    objects, mask = one_object(alpha, [0.25, 0.25, 0.0, 0.0])  # 16 of 64 pixels, in the middle
    ground = torch.ones(1, PX, PX)
    ground[0, 30:36, 28:34] = 0.5  # strange, where legs may be
    ground[0, 0:5, 0:5] = 0.0  # strange, where nobody is
    found = own(model, objects, mask, ground, **OPTIONS)
    left, top, width, height = found.boxes[0]
    assert (left, top, left + width) == (28, 28, 36)
    assert top + height == 36
    rows, columns = np.nonzero(found.owners[0])
    assert (rows.min(), columns.min(), columns.max()) == (28, 28, 35)
    assert (rows.max(), set(columns[rows == 35].tolist())) == (35, set(range(28, 34)))
    surer = own(model, objects, mask, ground, **(OPTIONS | {"most_ground": 0.4}))
    assert surer.boxes[0, 3] == 4


def test_colours_alone_make_no_object(model):
    g = SMALL.glimpse_px
    objects, mask = one_object(torch.full((g, g), 0.3), [0.25, 0.25, 0.0, 0.0])
    found = own(model, objects, mask, torch.zeros(1, PX, PX), **OPTIONS)
    assert (found.boxes[0, 2:] == 0).all()


def test_every_model_is_read_as_sure_of_its_ground():
    model = crowded()
    read = sure_of_ground(model)
    assert (read.config.ground_sigma, read.config.surprise) == (GROUND_SIGMA, SURPRISE)
    assert model.config == SMALL, "the model stays as it was"
    assert all(a is b for a, b in zip(read.parameters(), model.parameters(), strict=True))
    sure = crowded(replace(REMEMBERING, ground_sigma=0.05, surprise=0.1))
    assert sure_of_ground(sure) is sure
    still = torch.full((1, 1, 3, PX, PX), 0.5)
    clips = still.clone()
    clips[..., :32] += 0.15  # of 0.13, the deviation of objects
    with torch.no_grad():
        loose = crowded(replace(REMEMBERING, sigma=0.13, shadow=1.0))
        result = loose(clips, FINAL, Silent(), behind=still[:, 0])
        far = (result.alpha < 0.05) & (clips[:, :, :1] > 0.6)
        own_words = loose.ground(clips, result, still[:, 0])[far]
        as_read = sure_of_ground(loose).ground(clips, result, still[:, 0])[far]
    assert own_words.mean() > 0.5 > as_read.mean()
