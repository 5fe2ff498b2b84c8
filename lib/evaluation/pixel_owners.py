"""Whose each pixel of a frame is: what an object's mask covers, and what its colour gives away.

A mask is what a model expects of an object, drawn in 16 × 16 pixels from a few numbers, and soft at
its edges. The frame itself says more: a pixel that the ground hardly explains belongs to the object
that is there, though its mask be faint.
"""

from copy import copy
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from lib.evaluation.track_masks import boxes_of_masks
from lib.models.scalor import Scalor
from lib.models.scalor.render import Placed, draw, on_canvas
from lib.models.scalor.state import Objects

COVERED = 0.5  # of all masks together: from there on a pixel is somebody's, whatever its colour
FAINTEST = 2e-3  # of a mask: where it is fainter its object is not
GROUND_SIGMA, SURPRISE = 0.03, 0.01
"""How sure a picture of the ground is, as SCALOR-2 has it where people walk. Other models learn
with a ground as uncertain as objects are; read like that, it would explain too much."""
_NOBODY = -1


def sure_of_ground(model: Scalor) -> Scalor:
    """`model`, weights and all, with a ground no less sure than `GROUND_SIGMA` and `SURPRISE`."""
    if model.config.ground_sigma is not None:
        return model
    other = copy(model)
    other.config = replace(model.config, ground_sigma=GROUND_SIGMA, surprise=SURPRISE)
    return other


class Owned(NamedTuple):
    """`owners`: 1 + identity of each pixel's object, 0 for none. `boxes` are in pixels.

    A box is (left, top, width, height), around an object's mask and the pixels that are its own by
    their colour; of no extent where there is no mask.
    """

    owners: Int64[np.ndarray, "b h w"]
    boxes: Float64[np.ndarray, "n 4"]


def own(
    model: Scalor,
    objects: Objects,
    alpha: Float[Tensor, "n 1 g g"],
    ground: Float[Tensor, "b h w"],
    *,
    least_alpha: float,
    least_inside: float,
    most_ground: float | None,
) -> Owned:
    """Who of `objects` has which pixel of a frame of b clips, and their boxes.

    `alpha` are the masks of their glimpses. `ground` is the probability that a pixel shows what is
    behind all of them (`Scalor.ground`): up to `most_ground` it belongs to the object that weighs
    most there; None leaves colours out. Boxes are drawn around masks from `least_alpha` on, too,
    if at least `least_inside` of the mask's box is inside the frame (`boxes_of_masks`).
    """
    (b, px, _), n = ground.shape, len(objects.clip)
    masks = alpha * objects.presence[:, :, None, None]
    placed = draw(masks, objects.clip, objects.where, (b, px, px), model.glimpses.drawing)
    near = placed.pixels[:, 0]
    room = b * px * px + 1  # the last for what lies outside
    places = placed.places.flatten()
    total = near.new_zeros(room).index_add(0, places, near.flatten())
    winner = _heaviest(near * torch.sigmoid(-objects.depth)[:, :, None], placed, room)
    explained = torch.cat([ground.flatten(), ground.new_ones(1)])
    strange = explained <= (-1.0 if most_ground is None else most_ground)
    numbers = torch.arange(n, device=places.device)[:, None, None]
    here = (winner[placed.places] == numbers) & (near >= FAINTEST) & on_canvas(placed, (b, px, px))
    by_colour = here & strange[placed.places]
    owner = torch.full((room,), _NOBODY, device=places.device)
    covered = here & (total > COVERED)[placed.places]
    mine = by_colour | covered
    owner[placed.places[mine]] = numbers.expand_as(placed.places)[mine]
    identity = torch.cat([objects.identity + 1, objects.identity.new_zeros(1)])
    boxes = boxes_of_masks(
        alpha[:, 0].float().cpu().numpy(), objects.where.float().cpu().numpy(), px,
        least_alpha=least_alpha, least_inside=least_inside,
    )  # fmt: skip
    around = _boxes_of_pixels(by_colour, placed.places, px)
    return Owned(identity[owner[:-1]].view(b, px, px).cpu().numpy(), _enclosing(boxes, around))


def _heaviest(
    weight: Float[Tensor, "n rows columns"], placed: Placed, room: int
) -> Int64[Tensor, " room"]:
    """The number of the object that weighs most at each place; of equals the last."""
    places, flat = placed.places.flatten(), weight.flatten()
    most = flat.new_zeros(room).scatter_reduce(0, places, flat, "amax")
    first = flat == most[places]
    numbers = torch.arange(len(weight), device=places.device)[:, None, None]
    numbers = numbers.expand_as(placed.places).flatten()
    none = torch.full((room,), _NOBODY, device=places.device)
    return none.scatter_reduce(0, places[first], numbers[first], "amax")


def _boxes_of_pixels(
    chosen: Bool[Tensor, "n rows columns"], places: Int64[Tensor, "n rows columns"], px: int
) -> Float64[np.ndarray, "n 4"]:
    """Boxes around chosen pixels, (left, top, right, bottom); NaN where there is none."""
    sides = []
    for at in (places % px, places // px % px):
        low = torch.where(chosen, at, px).amin((1, 2))
        high = torch.where(chosen, at + 1, 0).amax((1, 2))
        sides.append(torch.stack([low, high], 1))
    x, y = (one.double().cpu().numpy() for one in sides)
    edges = np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], 1)
    edges[~chosen.flatten(1).any(1).cpu().numpy()] = np.nan
    return edges


def _enclosing(
    boxes: Float64[np.ndarray, "n 4"], edges: Float64[np.ndarray, "n 4"]
) -> Float64[np.ndarray, "n 4"]:
    """`boxes` of some extent, grown until they hold `edges`."""
    corner = np.fmin(boxes[:, :2], edges[:, :2])
    end = np.fmax(boxes[:, :2] + boxes[:, 2:], edges[:, 2:])
    grown = np.concatenate([corner, end - corner], 1)
    return np.where((boxes[:, 2:] > 0).all(1, keepdims=True), grown, boxes)
