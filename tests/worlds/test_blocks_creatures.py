"""Creatures: boxes against a slow ray, hidden by blocks, on the ground, the same each time."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.worlds.blocks import (
    Block,
    Creature,
    Population,
    Species,
    World,
    assemble_world,
    make_sky,
    make_world,
    plan_recording,
    render,
    shoot,
)
from lib.worlds.blocks.boxes import NOTHING, Boxes, draw_boxes, empty_layer
from lib.worlds.blocks.kinds import SOLID, WET
from lib.worlds.blocks.species import BODIES, make_body_textures
from lib.worlds.blocks.view import view_basis

EYE = np.array([8.5, 3.6, 2.5])


def _flat(*walls: tuple[int, int, int], block: Block = Block.STONE) -> World:
    blocks = np.zeros((16, 16, 16), np.uint8)
    blocks[:, :, :2] = Block.GRASS
    for x, z, y in walls:
        blocks[x, z, y] = block
    return assemble_world(0, blocks)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(1)


# -- boxes -------------------------------------------------------------------------------------


def _rotation(rng: np.random.Generator) -> np.ndarray:
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return q


def test_boxes_are_where_points_on_the_ray_first_lie_inside(rng: np.random.Generator) -> None:
    boxes = Boxes(
        rng.uniform((-1, -1, 3), (1, 1, 5), (4, 3)),
        np.stack([_rotation(rng) for _ in range(4)]),
        rng.uniform(0.2, 0.7, (4, 3)),
        np.zeros(4, np.int64),
        np.ones((4, 3)),
        np.arange(4),
    )
    basis, layer = view_basis((0.0, 0.0), (12, 16)), empty_layer(12, 16)
    draw_boxes(layer, boxes, np.full((2, 1, 6, 16, 16, 4), 255, np.uint8), np.zeros(3), basis)
    steps, touched = np.linspace(0, 8, 8001), 0
    for j, i in np.ndindex(12, 16):
        way = basis[2] + (2 * (i + 0.5) / 16 - 1) * basis[0] + (1 - 2 * (j + 0.5) / 12) * basis[1]
        points = steps[:, None] * way / np.linalg.norm(way)
        inside = np.stack(
            [
                (np.abs((points - boxes.centre[k]) @ boxes.axes[k].T) <= boxes.half[k]).all(1)
                for k in range(4)
            ]
        )
        if not inside.any():
            touched += layer.distance[j, i] < NOTHING  # through an edge thinner than a step
            continue
        first = int(np.argmax(inside.any(0)))
        assert layer.distance[j, i] == pytest.approx(steps[first], abs=3e-3)
        assert inside[layer.owner[j, i], first + 1] or inside[layer.owner[j, i], first]
    assert touched <= 1
    assert 20 < (layer.distance < NOTHING).sum() < 12 * 16


def test_nothing_is_drawn_behind_the_eye() -> None:
    one = np.zeros(1, np.int64)
    box = Boxes(
        np.array([[0, 0, -4.0]]), np.eye(3)[None], np.ones((1, 3)), one, np.ones((1, 3)), one
    )
    layer = empty_layer(8, 8)
    draw_boxes(layer, box, make_body_textures(), np.zeros(3), view_basis((0.0, 0.0), (8, 8)))
    assert (layer.distance == NOTHING).all()


# -- in pictures -------------------------------------------------------------------------------


@pytest.mark.parametrize("species", Species)
def test_each_species_shows_where_it_stands_and_nowhere_else(species: Species) -> None:
    world, sky = _flat(), make_sky(0.25)
    creature = Creature(species, 8.5, 2.0 + (species is Species.FISH), 7.5, yaw_deg=60.0)
    shot = shoot(world, EYE, (0.0, 15.0), sky, size=(36, 64), creatures=[creature])
    plain = render(world, EYE, (0.0, 15.0), sky, size=(36, 64))
    changed = (shot.image != plain).any(-1)
    assert shot.creatures_in_view == 1
    assert 8 <= changed.sum() < 600
    assert shot.shown[0] >= changed.sum()
    columns = np.flatnonzero(changed.any(0))
    assert abs(columns.mean() - 31.5) < 6


def test_walls_hide_creatures_and_creatures_hide_walls() -> None:
    creature, sky = Creature(Species.COW, 8.5, 2.0, 8.5, yaw_deg=90.0), make_sky(0.25)
    wall = [(x, 6, y) for x in range(5, 12) for y in range(2, 6)]
    behind = [(x, 11, y) for x in range(5, 12) for y in range(2, 6)]
    hidden, open_, before = (
        shoot(_flat(*cells), EYE, (0.0, 5.0), sky, size=(36, 64), creatures=[creature])
        for cells in (wall, [], behind)
    )
    assert hidden.creatures_in_view == 0
    assert (
        hidden.image.tobytes()
        == render(_flat(*wall), EYE, (0.0, 5.0), sky, size=(36, 64)).tobytes()
    )
    assert before.shown[0] == open_.shown[0] > 100


def test_leaves_hide_only_part_and_the_nearer_creature_wins() -> None:
    sky, leaves = make_sky(0.25), [(x, 6, y) for x in range(5, 12) for y in range(2, 6)]
    near, far = Creature(Species.PIG, 8.5, 2.0, 7.5), Creature(Species.PIG, 8.5, 2.0, 10.5)
    alone = shoot(_flat(), EYE, (0.0, 5.0), sky, size=(36, 64), creatures=[far])
    veiled = shoot(
        _flat(*leaves, block=Block.OAK_LEAVES), EYE, (0.0, 5.0), sky, size=(36, 64), creatures=[far]
    )
    both = shoot(_flat(), EYE, (0.0, 5.0), sky, size=(36, 64), creatures=[far, near])
    assert 0 < veiled.shown[0] < 0.6 * alone.shown[0]
    assert both.shown[0] < alone.shown[0]


def test_light_falls_on_creatures_as_on_the_ground() -> None:
    creature = Creature(Species.SHEEP, 8.5, 2.0, 6.5, yaw_deg=90.0)
    roof = [(x, z, 8) for x in range(16) for z in range(16)]

    def brightness(world: World, time: float) -> float:
        shot = shoot(world, EYE, (0.0, 15.0), make_sky(time), size=(36, 64), creatures=[creature])
        plain = render(world, EYE, (0.0, 15.0), make_sky(time), size=(36, 64))
        return float(shot.image[(shot.image != plain).any(-1)].mean())

    day, night, roofed = brightness(_flat(), 0.25), brightness(_flat(), 0.75), 0.0
    roofed = brightness(_flat(*roof), 0.25)
    assert day > 1.8 * night
    assert day > 1.8 * roofed


# -- wandering ---------------------------------------------------------------------------------


def test_creatures_stay_on_the_ground_and_fish_in_the_water(world: World) -> None:
    population, kinds = Population(world, 0, night=True), set()
    for x, z in ((40.0, 40.0), (200.0, 90.0), (120.0, 200.0), (20.0, 150.0)):
        for seconds in (0.0, 7.3, 31.0):
            for c in population.around(x, z, seconds):
                kinds.add(c.species)
                block = world.block_at(c.x, c.y + 0.5, c.z)
                if c.species is Species.FISH:
                    assert WET[world.block_at(c.x, c.y, c.z)]
                    continue
                assert not SOLID[world.block_at(c.x, c.y + 1.01, c.z)]
                assert not WET[block]
                corners = [(c.x + i, c.z + k) for i in (-0.5, 0, 0.5) for k in (-0.5, 0, 0.5)]
                under = [world.surface[int(i) % 256, int(k) % 256] + 1 for i, k in corners]
                assert np.abs(c.y - np.array(under)).min() <= 1.01
    assert len(kinds) >= 4


@settings(max_examples=15, deadline=None)
@given(seconds=st.floats(0, 60), number=st.integers(0, 3))
def test_any_moment_can_be_asked_for_by_itself(seconds: float, number: int) -> None:
    world = _cached_world()
    fresh, used = Population(world, number), Population(world, number)
    used.around(80.0, 80.0, 70.0)
    found = fresh.around(64.0, 64.0, seconds)
    assert found == used.around(64.0, 64.0, seconds)
    for before, after in zip(found, fresh.around(64.0, 64.0, seconds + 0.05), strict=False):
        if before.species is after.species and before.scale == after.scale:
            assert math.dist((before.x, before.z), (after.x, after.z)) < 0.2


_WORLDS: dict[int, World] = {}


def _cached_world() -> World:
    if 0 not in _WORLDS:
        _WORLDS[0] = make_world(5, size=128)
    return _WORLDS[0]


def test_legs_swing_while_walking_and_hang_straight_while_standing(world: World) -> None:
    population = Population(world, 0)
    wanderers = [w for i in range(16) for k in range(16) for w in population._herd((i, k))]
    walker = next(w for w in wanderers if w.species in (Species.COW, Species.SHEEP, Species.PIG))
    life = [walker.at(t) for t in np.arange(0, 60, 0.1)]
    moved = np.array([math.dist((a.x, a.z), (b.x, b.z)) for a, b in itertools.pairwise(life)])
    swing = np.abs(np.sin([c.stride_rad for c in life[1:]]))
    assert moved.sum() > 5
    assert swing[moved > 0.05].max() > 0.9
    assert swing[(moved == 0) & (np.roll(moved, -1) == 0)].max() < 1e-6


def test_one_meets_creatures_by_day_now_and_then() -> None:
    seen = []
    for seed in range(10):
        place = make_world(seed)
        for number in range(2):
            plan = plan_recording(place, number, frames=61, frame_rate_hz=16.0)
            for moment in plan.moments[::30]:
                if moment.sun_elevation > 0.1:
                    pose = moment.pose
                    about = plan.population.around(pose.x, pose.z, moment.seconds)
                    shot = shoot(
                        place,
                        pose.eye,
                        (pose.yaw_deg, pose.pitch_deg),
                        make_sky(moment.time_of_day),
                        size=(36, 64),
                        creatures=about,
                    )
                    seen.append(shot.creatures_in_view > 0)
    assert 0.12 < np.mean(seen) < 0.5


def test_textures_cover_all_parts() -> None:
    textures = make_body_textures()
    assert textures.shape == (2, sum(map(len, BODIES.values())), 6, 16, 16, 4)
    assert (textures[..., 3] == 255).all()
