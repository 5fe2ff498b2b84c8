"""The display and the hand: in place, readable, true to slot and keys."""

from dataclasses import replace

import numpy as np
import pytest

from lib.worlds.blocks import (
    Block,
    Hand,
    Hud,
    Item,
    Mode,
    make_world,
    overlay_hand,
    overlay_hud,
    plan_recording,
)
from lib.worlds.blocks.habits import Habits
from lib.worlds.blocks.hand import SWING_SECONDS
from lib.worlds.blocks.hud import slot_pixels
from lib.worlds.blocks.items import FOODS, MATERIALS, SLOTS, TOOLS, draw_inventory, icon_of

SIZES = [(72, 128), (64, 64), (36, 64), (144, 256)]
EMPTY = (None,) * SLOTS


def _grey(size: tuple[int, int]) -> np.ndarray:
    return np.full((*size, 3), 110, np.uint8)


@pytest.mark.parametrize("size", SIZES)
def test_the_chosen_slot_is_the_brightest(size: tuple[int, int]) -> None:
    slot_px = slot_pixels(size)
    left = (size[1] - SLOTS * slot_px) // 2
    for slot in range(SLOTS):
        image = _grey(size)
        overlay_hud(image, Hud(EMPTY, slot))
        bar = image[-slot_px:, left : left + SLOTS * slot_px].mean((0, 2))
        means = bar.reshape(SLOTS, slot_px).mean(1)
        assert int(np.argmax(means)) == slot
        assert means[slot] > np.delete(means, slot).max() + 15


@pytest.mark.parametrize("size", SIZES)
def test_only_the_bottom_and_the_middle_are_covered(size: tuple[int, int]) -> None:
    image = _grey(size)
    overlay_hud(image, Hud(EMPTY, 4))
    changed = (image != 110).any(-1)
    slot_px = slot_pixels(size)
    assert changed[-1].sum() == SLOTS * slot_px
    middle = changed.copy()
    middle[-2 * slot_px :] = False
    rows, columns = np.nonzero(middle)
    arm = max(1, round(0.3 * slot_px))
    assert len(rows) == 4 * arm + 1
    assert (np.median(rows), np.median(columns)) == (size[0] // 2, size[1] // 2)


def test_hearts_are_red_haunches_brown_and_fliers_have_neither() -> None:
    full, hurt, flier = _grey((72, 128)), _grey((72, 128)), _grey((72, 128))
    overlay_hud(full, Hud(EMPTY, 0, hearts=10.0))
    overlay_hud(hurt, Hud(EMPTY, 0, hearts=2.0))
    overlay_hud(flier, Hud(EMPTY, 0, survival=False))
    row = 72 - 14 + 1
    left, right = slice(32, 60), slice(69, 95)
    red = full[row : row + 2, left].astype(int)
    assert (red[..., 0] - red[..., 1]).mean() > 80
    assert hurt[row : row + 2, left, 0].mean() < red[..., 0].mean() - 40
    brown = full[row : row + 2, right].astype(int).mean((0, 1))
    assert brown[0] > brown[1] > brown[2]
    assert (flier[row : row + 2] == 110).all()


def test_icons_differ_and_counts_show() -> None:
    items = [Item(tool=f"{m} {t}") for m in MATERIALS for t in TOOLS]
    items += [Item(food=f) for f in FOODS]
    items += [Item(block=b) for b in (Block.DIRT, Block.GRASS, Block.TORCH, Block.PLANKS)]
    icons = [icon_of(item) for item in items]
    for i, icon in enumerate(icons):
        assert 0.05 < icon[..., 3].mean() < 0.95
        assert (icon[..., :3] <= icon[..., 3:] + 1e-6).all()
        assert all(np.abs(icon - other).mean() > 0.01 for other in icons[:i])
    one, many = _grey((72, 128)), _grey((72, 128))
    for image, count in ((one, 1), (many, 64)):
        overlay_hud(image, Hud((Item(block=Block.DIRT, count=count), *EMPTY[1:]), 3))
    assert many[-6:, 32:39].max() > one[-6:, 32:39].max() + 50


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slot": 9}, "slot must be from 0 to 8, not 9"),
        ({"items": (None,)}, "items must be 9, not 1; fill empty slots with None"),
    ],
)
def test_bad_displays_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(Hud(EMPTY, 0), **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "item", [None, Item(block=Block.GRASS), Item(tool="iron pickaxe"), Item(food="apple")]
)
def test_the_hand_is_at_the_lower_right_and_dims_with_the_light(
    size: tuple[int, int], item: Item | None
) -> None:
    bright, dark = _grey(size), _grey(size)
    overlay_hand(bright, Hand(item), np.ones(3))
    overlay_hand(dark, Hand(item), np.full(3, 0.2))
    changed = (bright != 110).any(-1)
    rows, columns = np.nonzero(changed)
    assert 0.004 < changed.mean() < 0.12
    assert rows.mean() > 0.6 * size[0]
    assert columns.mean() > 0.65 * size[1]
    assert dark[changed].mean() < 0.6 * bright[changed].mean()


def test_the_hand_bobs_swings_and_comes_up() -> None:
    def picture(**options: float) -> np.ndarray:
        image = _grey((72, 128))
        overlay_hand(image, Hand(Item(tool="iron pickaxe"), **options), np.ones(3))
        return (image != 110).any(-1)

    rest = picture()
    assert (picture(stride_blocks=0.7) != rest).sum() > 10
    swung = np.nonzero(picture(swing=0.3))[1].mean()
    assert swung < np.nonzero(rest)[1].mean() - 5
    assert picture(raised=0.0).sum() < 0.7 * rest.sum()


def test_swings_go_with_attack_and_slots_change_now_and_then() -> None:
    habits = Habits(np.random.default_rng(3), Mode.WALK, 20.0)
    attacks, swings, slots = [], [], []
    for _ in range(3000):
        habits.step(0.2)
        attacks.append(habits.attack)
        swings.append(habits.hand().swing)
        slots.append(habits.slot)
        assert habits.hand().item == habits.items[habits.slot]
        assert habits.hud().slot == habits.slot
    attack, swing = np.array(attacks), np.array(swings)
    frames = round(SWING_SECONDS * 20)
    recently = np.array([attack[max(0, i - frames) : i + 1].any() for i in range(len(attack))])
    assert not swing[~recently].any()
    assert (swing[attack] > 0).mean() > 0.7
    assert 0.02 < attack.mean() < 0.4
    assert 5 < np.count_nonzero(np.diff(slots)) < 60


def test_recordings_carry_their_own_things() -> None:
    world = make_world(4, size=64)
    plans = [plan_recording(world, k, frames=8, frame_rate_hz=20.0) for k in range(4)]
    assert len({plan.moments[0].hud.items for plan in plans}) == 4
    for plan in plans:
        assert all(m.hud.survival == (plan.mode is not Mode.FLY) for m in plan.moments)
    rng = np.random.default_rng(0)
    assert all(len(draw_inventory(rng)) == SLOTS for _ in range(20))
