"""What a player carries: items, their pictures, and the nine slots of a hot bar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float

from lib.worlds.blocks.boxes import NOTHING, Boxes, draw_boxes, empty_layer
from lib.worlds.blocks.kinds import KINDS, Block, Kind
from lib.worlds.blocks.species import to_texture
from lib.worlds.blocks.textures import Cover, Face, make_textures

SLOTS = 9
ICON = 16
Icon = Float[np.ndarray, "16 16 4"]
Colour = tuple[float, float, float]

MATERIALS: Mapping[str, Colour] = {
    "wood": (0.58, 0.44, 0.24),
    "stone": (0.58, 0.58, 0.58),
    "iron": (0.88, 0.88, 0.88),
    "gold": (0.96, 0.84, 0.30),
    "gem": (0.35, 0.86, 0.80),
}
TOOLS = ("pickaxe", "axe", "sword", "shovel")
FOODS: Mapping[str, Colour] = {
    "apple": (0.82, 0.12, 0.12),
    "bread": (0.76, 0.54, 0.24),
    "steak": (0.50, 0.26, 0.16),
}
CARRIED_BLOCKS = (
    Block.DIRT,
    Block.COBBLESTONE,
    Block.PLANKS,
    Block.OAK_LOG,
    Block.SPRUCE_LOG,
    Block.SAND,
    Block.STONE,
    Block.GRASS,
    Block.PUMPKIN,
    Block.CLAY,
    Block.ORANGE_TERRACOTTA,
    Block.TORCH,
)
_GRASS_TINT = np.array([0.50, 0.78, 0.34])


@dataclass(frozen=True)
class Item:
    """One slot's content: a block to place, a tool ("iron pickaxe"), or food; and how many."""

    block: Block | None = None
    tool: str = ""
    food: str = ""
    count: int = 1


def draw_inventory(rng: np.random.Generator) -> tuple[Item | None, ...]:
    """Nine slots as a player some way into the game has them: tools first, then blocks, food."""
    material = list(MATERIALS)[int(rng.integers(len(MATERIALS)))]
    kept = [tool for tool in TOOLS if rng.random() < 0.6]
    slots: list[Item | None] = [Item(tool=f"{material} {tool}") for tool in kept]
    blocks = rng.permutation(CARRIED_BLOCKS)[: rng.integers(1, 5)]
    slots += [Item(block=Block(int(b)), count=int(rng.integers(1, 65))) for b in blocks]
    if rng.random() < 0.6:
        food = list(FOODS)[int(rng.integers(len(FOODS)))]
        slots.append(Item(food=food, count=int(rng.integers(1, 17))))
    slots = (slots + [None] * SLOTS)[:SLOTS]
    if rng.random() < 0.4:
        slots = [slots[i] for i in rng.permutation(SLOTS)]
    return tuple(slots)


def block_texture(block: Block) -> np.ndarray:
    """A block's faces as the texture of a box (`species.to_texture`), grass green."""
    faces = make_textures()[0, block].astype(float)
    tinted = faces[..., 3:] == Cover.TINTED
    faces[..., :3] = faces[..., :3] / 255 * np.where(tinted, 1.2 * _GRASS_TINT, 1)
    top, side, bottom = (
        np.clip(faces[f, ..., :3], 0, 1) for f in (Face.TOP, Face.SIDE, Face.BOTTOM)
    )
    return to_texture([side, side, bottom, top, side, side])


def _line(icon: np.ndarray, places: Sequence[tuple[int, int]], colour: Colour) -> None:
    """Set pixels (row, column); those outside the icon are left out."""
    for row, column in places:
        if 0 <= row < ICON and 0 <= column < ICON:
            icon[row, column] = (*colour, 1.0)


def _shaded(colour: Colour, gain: float) -> Colour:
    red, green, blue = (min(1.0, gain * c) for c in colour)
    return red, green, blue


def _tool_icon(name: str) -> Icon:
    """A tool on its handle, from the lower left to the upper right."""
    material, tool = name.split()
    colour, icon = MATERIALS[material], np.zeros((ICON, ICON, 4))
    dark, wood = _shaded(colour, 0.72), (0.42, 0.30, 0.15)
    if tool == "sword":
        blade = [(11 - k, 4 + k) for k in range(10)]
        _line(icon, [(r, c + 1) for r, c in blade] + [(r - 1, c) for r, c in blade], dark)
        _line(icon, blade, _shaded(colour, 1.1))
        _line(
            icon, [(8, 3), (9, 4), (10, 5), (11, 6), (12, 7), (9, 3), (12, 6)], _shaded(dark, 0.7)
        )
        _line(icon, [(12, 3), (13, 2), (14, 1), (13, 3), (12, 4), (14, 2)], wood)
        return icon
    handle = [(14 - k, 1 + k) for k in range(11)]
    _line(icon, [(r, c + 1) for r, c in handle], _shaded(wood, 0.75))
    _line(icon, handle, wood)
    if tool == "pickaxe":
        arc = [(1, 6), (1, 7), (1, 8), (2, 9), (2, 10), (2, 11), (3, 12), (3, 13), (4, 13)]
        arc += [(5, 13), (6, 14), (7, 14), (8, 14), (9, 14)]
        _line(icon, [(r + 1, c) for r, c in arc] + [(r, c - 1) for r, c in arc], dark)
        _line(icon, arc, colour)
    elif tool == "axe":
        head = [
            (r, c) for r in range(1, 8) for c in range(7, 14) if 8 <= r + c <= 17 and c - r < 10
        ]
        head = [(r, c) for r, c in head if not (r > 5 and c > 10)]
        _line(icon, head, colour)
        _line(icon, [(r, c) for r, c in head if r + c >= 16], dark)
    else:
        head = [
            (r, c) for r in range(1, 6) for c in range(10, 15) if (r, c) not in ((1, 10), (5, 14))
        ]
        _line(icon, head, colour)
        _line(icon, [(r, c) for r, c in head if r - c > -7], dark)
    return icon


def _food_icon(name: str) -> Icon:
    icon = np.zeros((ICON, ICON, 4))
    row, column = np.mgrid[:ICON, :ICON] - 7.5
    if name == "apple":
        inside = (row - 1) ** 2 + column**2 < 28
    elif name == "bread":
        inside = (0.75 * (row + column) ** 2 / 4 + (row - column) ** 2 / 26) < 3.2
    else:
        inside = (row**2 / 1.0 + (column - 0.3 * row) ** 2 / 1.6) < 26
    shade = 1.0 - 0.045 * (row + column)
    icon[inside] = np.dstack([np.clip(np.array(FOODS[name]) * shade[..., None], 0, 1), inside])[
        inside
    ]
    if name == "apple":
        _line(icon, [(1, 8), (2, 8), (3, 7)], (0.35, 0.22, 0.10))
        _line(icon, [(2, 9), (2, 10)], (0.30, 0.62, 0.20))
    return icon


def _cube_icon(block: Block) -> Icon:
    """The block seen from above one corner, nearly without perspective."""
    layer, far = empty_layer(4 * ICON, 4 * ICON), 60.0
    eye = far * np.array([-0.612, 0.5, -0.612])
    ahead = -eye / np.linalg.norm(eye)
    right = np.array([-ahead[2], 0.0, ahead[0]]) / np.hypot(ahead[0], ahead[2])
    up = np.cross(right, ahead) * np.sign(np.cross(right, ahead)[1])
    half = 0.87 / float(np.linalg.norm(eye))
    one = np.zeros(1, np.int64)
    box = Boxes(np.zeros((1, 3)), np.eye(3)[None], np.full((1, 3), 0.5), one, np.ones((1, 3)), one)
    texture = block_texture(block)
    texture[1] = texture[0]
    draw_boxes(layer, box, texture[:, None], eye, np.stack([right * half, up * half, ahead]))
    shown = (layer.distance < NOTHING).astype(float)[..., None]
    picture = np.dstack([layer.colour * shown, shown])
    return picture.reshape(ICON, 4, ICON, 4, 4).mean((1, 3))


@cache
def icon_of(item: Item) -> Icon:
    """The item's picture: colours times opacity, and opacity, in [0, 1]. The count is not in it."""
    if item.block is None:
        icon = _tool_icon(item.tool) if item.tool else _food_icon(item.food)
    elif KINDS[item.block] == Kind.PLANT:
        flat = make_textures()[0, item.block, Face.SIDE].astype(float)
        icon = np.dstack([flat[..., :3] / 255, flat[..., 3] != Cover.HOLE])
        icon[..., :3] *= icon[..., 3:]
    else:
        icon = _cube_icon(item.block)
    icon.setflags(write=False)
    return icon
