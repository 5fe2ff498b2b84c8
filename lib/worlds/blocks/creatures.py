"""Creatures as one frame shows them: from a place and a pose to boxes for the ray-caster."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lib.worlds.blocks.boxes import Boxes
from lib.worlds.blocks.sky import Sky
from lib.worlds.blocks.species import HEIGHTS_BLOCKS, Motion, Species, body_of
from lib.worlds.blocks.world import World

SEEN_BLOCKS = 34.0
"""Farther creatures are not drawn, as in the original game; they are a few pixels there."""
MIN_BLOCKS = 1.3
"""Nearer ones are not drawn either: they would fill the picture."""
_SWING_RAD = 0.65
_GRAZE_RAD = 0.55
_TAIL_RAD = 0.35


@dataclass(frozen=True)
class Creature:
    """One creature at one moment.

    x, y, z: the ground between its feet, in blocks (a fish's middle). yaw_deg: as in
    `view.heading`. stride_rad: phase of its gait, a multiple of π while it stands. grazing: how
    far its head is down, in [0, 1]. scale: 1 is grown up. coat: what its fur is multiplied by.
    """

    species: Species
    x: float
    y: float
    z: float
    yaw_deg: float = 0.0
    stride_rad: float = 0.0
    grazing: float = 0.0
    scale: float = 1.0
    coat: tuple[float, float, float] = (1.0, 1.0, 1.0)


def light_at(world: World, sky: Sky, x: float, y: float, z: float) -> Float[np.ndarray, "3"]:
    """Light (red, green, blue) in the cell of a point, by the formula of the terrain."""
    n, row = world.size, min(max(math.floor(y), 0), world.light.shape[2] - 1)
    packed = int(world.light[math.floor(x) % n, math.floor(z) % n, row])
    lit, torch = ((packed >> 4) / 15.0) ** 1.5, ((packed & 15) / 15.0) ** 1.5
    return np.maximum(sky.ambient + sky.light * lit, np.array([1.0, 0.86, 0.64]) * torch)


def _turned(
    creature: Creature,
) -> tuple[Float[np.ndarray, "p 3"], Float[np.ndarray, "p 3 3"]]:
    """Centres of the parts, and their axes as rows, in the creature's own axes."""
    body = body_of(creature.species)
    swing = _SWING_RAD * math.sin(creature.stride_rad)
    grazing = creature.grazing
    pitch = np.array([0.0, swing, -swing, _GRAZE_RAD * grazing, 0.0, 0.12 * swing])[body.motion]
    cosine, sine = np.cos(pitch), np.sin(pitch)
    turn = np.zeros((len(pitch), 3, 3))
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = cosine
    turn[:, 1, 2], turn[:, 2, 1] = -sine, sine
    tails = body.motion == Motion.TAIL
    wag = _TAIL_RAD * math.sin(2 * creature.stride_rad)
    if wag != 0.0 and tails.any():
        c, s = math.cos(wag), math.sin(wag)
        turn[tails] = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    centre = body.pivot + np.einsum("pij,pj->pi", turn, body.centre - body.pivot)
    heads = body.motion == Motion.HEAD
    centre[heads, 1] -= 0.35 * grazing * body.pivot[heads, 1]
    return centre, turn.transpose(0, 2, 1)


def _in_view(creature: Creature, eye: Float[np.ndarray, "3"], basis: np.ndarray) -> bool:
    """Whether a sphere around it can touch the picture, and it is neither too near nor too far."""
    tall = HEIGHTS_BLOCKS[creature.species] * creature.scale
    dx, dz = creature.x - eye[0], creature.z - eye[2]
    dy = creature.y + tall / 2 - eye[1]
    distance = math.sqrt(dx * dx + dy * dy + dz * dz)
    if not MIN_BLOCKS < distance < SEEN_BLOCKS:
        return False
    ahead = dx * basis[2, 0] + dy * basis[2, 1] + dz * basis[2, 2]
    spread = 1 + float((basis[0] ** 2).sum() + (basis[1] ** 2).sum())
    return bool(ahead > distance / math.sqrt(spread) - 2.0)


def creature_boxes(
    creatures: Sequence[Creature],
    world: World,
    sky: Sky,
    eye: Float[np.ndarray, "3"],
    basis: Float[np.ndarray, "3 3"],
) -> Boxes | None:
    """The boxes of those `creatures` that may be in view, None if there are none.

    `eye` and `basis` as in `raycast.render_rays`; `Boxes.owner` counts the given creatures.
    """
    rows: list[tuple[np.ndarray, ...]] = []
    for number, creature in enumerate(creatures):
        if not _in_view(creature, eye, basis):
            continue
        body = body_of(creature.species)
        yaw = math.radians(creature.yaw_deg)
        c, s = math.cos(yaw), math.sin(yaw)
        own = np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])  # to the world's axes
        place = np.array([creature.x, creature.y, creature.z])
        centre, axes = _turned(creature)
        height = HEIGHTS_BLOCKS[creature.species] * creature.scale
        light = light_at(world, sky, creature.x, creature.y + 0.6 * height, creature.z)
        coat = 1 + body.coat[:, None] * (np.array(creature.coat) - 1)
        rows.append(
            (
                place + creature.scale * centre @ own.T,
                axes @ own.T,
                creature.scale * body.half,
                body.texture,
                light * coat,
                np.full(len(centre), number, np.int64),
            )
        )
    if not rows:
        return None
    return Boxes(
        *(np.ascontiguousarray(np.concatenate(column)) for column in zip(*rows, strict=True))
    )
