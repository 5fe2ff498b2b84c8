"""The player's own hand in front of the camera: an arm, a block or a tool, bobbing and swinging."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, UInt8

from lib.worlds.blocks.boxes import Boxes, blend_layer, draw_boxes, empty_layer
from lib.worlds.blocks.items import Item, block_texture, icon_of
from lib.worlds.blocks.kinds import KINDS, Kind
from lib.worlds.blocks.species import to_texture
from lib.worlds.blocks.view import FIELD_OF_VIEW_DEG

SWING_SECONDS = 0.3
"""One swing of the hand; it starts again while attack is held."""
_SKIN, _SLEEVE = (0.78, 0.57, 0.44), (0.20, 0.42, 0.50)


@dataclass(frozen=True)
class Hand:
    """How the hand is held.

    item: what is in it, None for the bare hand. swing: how far a swing has come, in [0, 1).
    stride_blocks: how far its owner has walked. raised: in [0, 1], less while it comes up again
    after another slot was chosen.
    """

    item: Item | None = None
    swing: float = 0.0
    stride_blocks: float = 0.0
    raised: float = 1.0


@cache
def _texture_of(item: Item | None) -> UInt8[np.ndarray, "2 t 6 16 16 4"]:
    """What is held as the textures of its boxes."""
    if item is None:
        rng = np.random.default_rng(5)
        skin = np.array(_SKIN) * (1 + 0.04 * (rng.integers(0, 4, (12, 4, 1)) / 1.5 - 1))
        skin[7:] = np.array(_SLEEVE) * (1 + 0.06 * (rng.integers(0, 4, (5, 4, 1)) / 1.5 - 1))
        fist, long = skin[:4], skin
        return to_texture([long, long, fist, fist, long, long])[:, None]
    if item.block is not None and KINDS[item.block] != Kind.PLANT:
        return block_texture(item.block)[:, None]
    icon = icon_of(item)
    texture = np.zeros((2, 1, 6, 16, 16, 4), np.uint8)
    colour = icon[..., :3] / np.maximum(icon[..., 3:], 1e-6)
    texture[..., :3] = np.round(np.clip(colour, 0, 1) * 255)
    texture[..., 3] = np.where(icon[..., 3] > 0.5, 255, 0)
    return texture


def _rotation(pitch_deg: float, yaw_deg: float, roll_deg: float) -> Float[np.ndarray, "3 3"]:
    """Camera axes (right, up, ahead): first roll about ahead, then yaw about up, then pitch."""
    p, y, r = (math.radians(angle) for angle in (pitch_deg, yaw_deg, roll_deg))
    about_ahead = np.array(
        [[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]]
    )
    about_up = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    about_right = np.array(
        [[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]]
    )
    return about_right @ about_up @ about_ahead


def _held(hand: Hand) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(centres [m, 3], rotation, half sizes [3]) of the boxes, before bobbing and swinging."""
    item = hand.item
    if item is None:
        arm = np.array([0.12, 0.42, 0.12])
        return np.array([[0.60, -0.56, 0.92]]), _rotation(52.0, -26.0, 12.0), arm
    if item.block is not None and KINDS[item.block] != Kind.PLANT:
        return np.array([[0.60, -0.53, 0.92]]), _rotation(-4.0, 42.0, 0.0), np.full(3, 0.19)
    turn = _rotation(-8.0, 214.0, 6.0)  # seen from behind: the handle is below right
    layers = np.array([[0.0, 0.0, depth] for depth in (-0.02, 0.0, 0.02)])
    place, size = np.array([0.58, -0.34, 0.92]), 0.34
    if item.food:
        place, size = np.array([0.56, -0.46, 0.92]), 0.20
    return place + layers @ turn.T, turn, np.array([size, size, 0.004])


def _hand_boxes(hand: Hand, light: Float[np.ndarray, "3"], wide: float) -> Boxes:
    """The hand's boxes in camera axes; `wide` is the picture's width over its height."""
    centre, turn, half = _held(hand)
    stroke, back = math.sin(math.sqrt(hand.swing) * math.pi), math.sin(hand.swing * math.pi)
    phase = hand.stride_blocks * math.pi / 1.5
    shift = np.array(
        [
            0.030 * math.sin(phase) - 0.30 * stroke,
            -0.035 * abs(math.cos(phase)) + 0.16 * math.sin(2 * math.pi * math.sqrt(hand.swing)),
            0.10 * back,
        ]
    )
    shift[1] -= 0.5 * (1 - hand.raised)
    strike = _rotation(38.0 * stroke, -22.0 * stroke, 8.0 * stroke)
    middle = centre.mean(0)
    aspect = 0.55 + 0.45 * wide  # farther to the right in a wider picture, yet not at its edge
    placed = middle * np.array([aspect, 1.0, 1.0]) + shift + (centre - middle) @ strike.T
    axes = (strike @ turn).T
    count = len(centre)
    gain = np.array([0.8, 1.0, 0.8])[:count] if count > 1 else np.ones(1)
    return Boxes(
        placed,
        np.ascontiguousarray(np.broadcast_to(axes, (count, 3, 3))),
        np.broadcast_to(half, (count, 3)).copy(),
        np.zeros(count, np.int64),
        gain[:, None] * light,
        np.zeros(count, np.int64),
    )


def overlay_hand(
    image: UInt8[np.ndarray, "h w 3"],
    hand: Hand,
    light: Float[np.ndarray, "3"],
    *,
    supersample: int = 2,
) -> None:
    """Lay the hand, lit by `light` (red, green, blue), over `image`, which changes."""
    rows, columns = image.shape[:2]
    half = math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2)
    basis = np.diag([half * columns / rows, half, 1.0])
    layer = empty_layer(rows * supersample, columns * supersample)
    boxes = _hand_boxes(hand, light, columns / rows)
    draw_boxes(layer, boxes, _texture_of(hand.item), np.zeros(3), basis)
    blend_layer(image, layer, supersample)
