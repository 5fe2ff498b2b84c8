"""People's bodies: stacks of rings, put about bones in the pose of a stride.

Every part of a body, from foot to hat, is a closed stack of elliptic rings with as many sides.
Where a limb bends, its rings turn gradually, so that clothes bend with it. The pelvis is as high
as the longer-reaching leg lets it, which keeps one foot on the ground and makes people bob.
Axes of a body: x forward, y left, z up, for a height of 1.75 m.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from lib.worlds.plaza.crowd import STRIDE_M, USUAL_PACE, Moment
from lib.worlds.plaza.figure import (
    ARM,
    BACKPACK,
    HAIR,
    HANDBAG,
    HAT,
    HEAD,
    LEG,
    SHOE,
    TORSO,
    topology,
)
from lib.worlds.plaza.people import Cast

MODEL_M = 1.75
_THIGH, _SHANK, _ANKLE, _FOOT = 0.43, 0.42, 0.07, 0.16
_UPPER_ARM, _FOREARM = 0.29, 0.25
_HIP = _THIGH + _SHANK + _ANKLE

Points = Float64[np.ndarray, "n r 3"]
Lengths = Float64[np.ndarray, "n r"]
Sizes = Float64[np.ndarray, "n #r"]
Angles = Float64[np.ndarray, " n"]


class Rings(NamedTuple):
    """Rings of n people: middles, axes along the stack, axes of `depth`, and half axes."""

    middle: Points
    along: Points
    front: Points
    depth: Lengths
    breadth: Lengths


class Surface(NamedTuple):
    """Corners of people's triangles, in m on the plaza, and unit normals outward."""

    vertices: Float64[np.ndarray, "n v 3"]
    normals: Float64[np.ndarray, "n v 3"]


def pose(cast: Cast, moment: Moment, sides: int) -> Surface:
    """People of `cast` (a row for each in `moment`) as they stand."""
    rings = _rings(cast, moment)
    shape = topology(sides)
    across = np.cross(rings.along, rings.front)
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    front = np.cross(across, rings.along)
    front /= np.linalg.norm(front, axis=-1, keepdims=True)
    turn = 2 * np.pi * (np.arange(sides) + 0.5) / sides
    one, two = front * rings.depth[..., None], across * rings.breadth[..., None]
    c, s = np.cos(turn)[:, None], np.sin(turn)[:, None]
    points = rings.middle[:, :, None] + one[:, :, None] * c + two[:, :, None] * s
    around = two[:, :, None] * c - one[:, :, None] * s
    normals = np.cross(around, points[:, shape.after] - points[:, shape.before])
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-12
    people = len(points)
    points = points * (cast.height_m / MODEL_M)[:, None, None, None]
    points, normals = _turned(points, moment.heading), _turned(normals, moment.heading)
    points[..., :2] += moment.place[:, None, None]
    return Surface(points.reshape(people, -1, 3), normals.reshape(people, -1, 3))


def _turned(
    vectors: Float64[np.ndarray, "n r s 3"], heading: Angles
) -> Float64[np.ndarray, "n r s 3"]:
    c, s = np.cos(heading)[:, None, None], np.sin(heading)[:, None, None]
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    return np.stack([c * x - s * y, s * x + c * y, z], axis=-1)


class _Leg(NamedTuple):
    """Angles of one leg, forward positive: thigh, shank, and the foot's toes upward."""

    thigh: Angles
    shank: Angles
    foot: Angles

    @property
    def reach(self) -> Angles:
        """From the hip down to the lowest point of the foot."""
        down = np.maximum(_ANKLE, _ANKLE * np.cos(self.foot) - _FOOT * np.sin(self.foot))
        return _THIGH * np.cos(self.thigh) + _SHANK * np.cos(self.shank) + down


def _leg(moment: Moment, cast: Cast, side: float) -> _Leg:
    """A leg in its stride, whose length fits the pace: feet on the ground do not slide."""
    moving = np.clip(moment.pace / 0.3, 0.0, 1.0)
    pace = np.maximum(moment.pace, 0.2)
    stride = STRIDE_M * np.sqrt(pace / USUAL_PACE) * MODEL_M / cast.height_m
    swing = moving * np.arcsin(np.clip(stride / 4 / (_THIGH + _SHANK), 0.0, 0.6))
    phase = moment.phase + (0.0 if side > 0 else np.pi)
    thigh = swing * np.sin(phase) + 0.05 * moving
    lifted = np.clip(np.cos(phase + 0.35), 0.0, 1.0)  # the leg that swings forward bends
    flexed = moving * (0.06 + 0.85 * lifted**1.5)
    shank = thigh - flexed
    return _Leg(thigh, shank, np.clip(0.75 * shank, -0.7, 0.25))


def _rings(cast: Cast, moment: Moment) -> Rings:
    """All rings of all people, before heading, place and height."""
    legs = {side: _leg(moment, cast, side) for side in (1.0, -1.0)}
    hip = np.maximum(legs[1.0].reach, legs[-1.0].reach)
    rise = hip - _HIP
    spread = np.abs(np.sin(legs[1.0].thigh) - np.sin(legs[-1.0].thigh)) / 2
    twist = -0.5 * (np.sin(legs[1.0].thigh) - np.sin(legs[-1.0].thigh))  # shoulders against legs
    wide = np.interp(TORSO[:, 0], (0.92, 1.07, 1.25, 1.4), (1.0, 0.0, 0.0, -1.0))
    broad = np.where(wide > 0, 1 + wide * (cast.hips[:, None] - 1), 1.0)
    broad = np.where(wide < 0, 1 - wide * (cast.shoulders[:, None] - 1), broad)
    blocks = [
        _upright(TORSO, rise, twist, cast.bulk[:, None], broad * cast.bulk[:, None]),
        _upright(HEAD, rise, twist * 0, np.ones((len(rise), 1))),
        _hair(cast, rise),
        _upright(HAT, rise, twist * 0, cast.hat[:, None]),
        _upright(BACKPACK, rise, twist, cast.backpack[:, None]),
        _handbag(cast, rise),
        _skirt(cast, hip, spread),
    ]
    for side, leg in legs.items():
        blocks += _leg_rings(cast, leg, hip, side)
        blocks.append(_arm_rings(cast, legs[-side], rise, twist, side))
    return Rings(*(np.concatenate(each, axis=1) for each in zip(*blocks, strict=True)))


def _upright(
    table: Float64[np.ndarray, "r 4"],
    rise: Angles,
    twist: Angles,
    size: Sizes,
    broad: Sizes | None = None,
) -> Rings:
    """A stack along z, leaning forward a little, turned more the higher it is."""
    z = table[:, 0] + rise[:, None]
    turn = twist[:, None] * np.clip((table[:, 0] - 0.95) / 0.45, -0.3, 1.0)
    ahead = table[:, 3] + 0.05 * np.maximum(table[:, 0] - 1.0, 0.0)
    middle = np.stack([ahead * np.cos(turn), ahead * np.sin(turn), z], axis=-1)
    along = np.broadcast_to([0.0, 0.0, 1.0], middle.shape)
    front = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=-1)
    breadth = table[:, 2] * (size if broad is None else broad)
    return Rings(middle, along, front, table[:, 1] * size, np.broadcast_to(breadth, z.shape))


def _hair(cast: Cast, rise: Angles) -> Rings:
    """Hair on the head, and down the neck where it is long."""
    rings = _upright(HAIR, rise, rise * 0, np.ones((len(rise), 1)))
    middle, depth = rings.middle.copy(), rings.depth.copy()
    middle[:, 0, 2] -= cast.hair
    middle[:, 1, 2] -= cast.hair * 0.7
    middle[:, :2, 0] -= 0.12 * cast.hair[:, None]
    depth[:, 0] += 0.06 * cast.hair
    return rings._replace(middle=middle, depth=depth)


def _handbag(cast: Cast, rise: Angles) -> Rings:
    """A bag at the hip, on a strap."""
    rings = _upright(HANDBAG, rise, rise * 0, np.abs(cast.handbag)[:, None])
    out = np.where(cast.handbag == 0, 0.0, np.sign(cast.handbag) * (0.15 + 0.08 * cast.bulk))
    middle = rings.middle.copy()
    middle[:, :, 1] = out[:, None]
    return rings._replace(middle=middle)


def _skirt(cast: Cast, hip: Angles, spread: Angles) -> Rings:
    """A skirt or a coat's tail about both legs, wide enough for the step; nothing if it is 0."""
    worn = (cast.skirt > 0)[:, None] * cast.bulk[:, None]
    share = np.array([-0.25, -0.2, 0.2, 0.6, 1.0, 0.98])
    drop = share * cast.skirt[:, None]
    z = hip[:, None] + 0.02 - drop
    flare = np.clip(drop, 0.0, None)
    depth = (0.128 + 0.10 * flare + spread[:, None] * flare) * worn
    breadth = (0.172 + 0.12 * flare) * worn * cast.hips[:, None]
    depth[:, [0, -1]] *= 0.1
    breadth[:, [0, -1]] *= 0.1
    middle = np.stack([0 * z, 0 * z, z], axis=-1)
    along = np.broadcast_to([0.0, 0.0, -1.0], middle.shape)
    front = np.broadcast_to([1.0, 0.0, 0.0], middle.shape)
    return Rings(middle, along, front, depth, breadth)


def _swung(angle: Angles, out: Angles | float = 0.0) -> Float64[np.ndarray, "n 3"]:
    """A direction that hangs down, swung forward by `angle` and outward (to y) by `out`."""
    out = np.broadcast_to(out, angle.shape)
    return np.stack(
        [np.sin(angle) * np.cos(out), np.sin(out), -np.cos(angle) * np.cos(out)], axis=-1
    )


def _limb(
    table: Float64[np.ndarray, "r 4"],
    start: Float64[np.ndarray, "n 3"],
    bones: tuple[Float64[np.ndarray, "n 3"], Float64[np.ndarray, "n 3"]],
    lengths: tuple[float, float],
    size: Sizes,
) -> Rings:
    """A limb of two bones; rings near the joint point half way between both."""
    joint = start + lengths[0] * bones[0]
    second = table[:, 0] == 1
    at = table[:, 1, None]
    first = start[:, None] + at * lengths[0] * bones[0][:, None]
    after = joint[:, None] + at * lengths[1] * bones[1][:, None]
    middle = np.where(second[:, None], after, first)
    bend = np.clip(np.where(second, 0.5 + table[:, 1] * 2, (table[:, 1] - 0.75) * 2), 0.0, 1.0)
    along = bones[0][:, None] * (1 - bend)[:, None] + bones[1][:, None] * bend[:, None]
    along = along / np.linalg.norm(along, axis=-1, keepdims=True)
    front = np.broadcast_to([1.0, 0.0, 0.001], along.shape)
    return Rings(middle, along, front, table[:, 2] * size, table[:, 3] * size)


def _leg_rings(cast: Cast, leg: _Leg, hip: Angles, side: float) -> list[Rings]:
    """A leg and its shoe."""
    start = np.stack([0 * hip, side * 0.088 * cast.hips, hip], axis=-1)
    bones = _swung(leg.thigh), _swung(leg.shank)
    looser = np.where(LEG[:, 0] == 1, cast.loose[:, None], 1.0)
    limb = _limb(LEG, start, bones, (_THIGH, _SHANK), cast.bulk[:, None] * looser)
    ankle = start + _THIGH * bones[0] + _SHANK * bones[1]
    ahead = np.stack([np.cos(leg.foot), 0 * hip, np.sin(leg.foot)], axis=-1)
    up = np.stack([-np.sin(leg.foot), 0 * hip, np.cos(leg.foot)], axis=-1)
    sole = ankle - _ANKLE * up
    height = np.broadcast_to(SHOE[:, 1], (len(hip), len(SHOE)))
    middle = sole[:, None] + SHOE[:, 0, None] * ahead[:, None] + height[..., None] * up[:, None]
    shoe = Rings(
        middle,
        np.broadcast_to(ahead[:, None], middle.shape),
        np.broadcast_to(up[:, None], middle.shape),
        height,
        np.broadcast_to(SHOE[:, 2], height.shape),
    )
    return [limb, shoe]


def _arm_rings(cast: Cast, leg: _Leg, rise: Angles, twist: Angles, side: float) -> Rings:
    """An arm, which swings with the opposite leg `leg`."""
    out = side * 0.175 * cast.shoulders * cast.bulk
    start = np.stack([0.01 - out * np.sin(twist), out * np.cos(twist), 1.405 + rise], axis=-1)
    swing = 0.9 * leg.thigh
    bent = 0.18 + 0.6 * np.clip(swing, 0.0, None)
    bones = _swung(swing, side * 0.14), _swung(swing + bent, side * 0.04)
    return _limb(ARM, start, bones, (_UPPER_ARM, _FOREARM), cast.bulk[:, None])
