"""The floor of a map against naive geometry, ways against naive search, and play itself."""

import heapq
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vizdoom import Button

from lib.worlds.doom.classes import FrameKind, PixelClass
from lib.worlds.doom.engine import BUTTONS, SIZE, VIEW_ROWS, Moment, Seen
from lib.worlds.doom.filming import MOST_RED, MOST_WALL, Shot, redness
from lib.worlds.doom.floorplan import (
    CELL,
    FloorPlan,
    find_ways,
    is_straight,
    make_floorplan,
    way_to,
)
from lib.worlds.doom.labelling import label_play
from lib.worlds.doom.mapdata import BODY, STEP_UP, read_map
from lib.worlds.doom.player import Decision, Player
from lib.worlds.doom.truth import label_index, label_palette
from lib.worlds.doom.wad import WadError
from tests.worlds.doom.maps import ROOM, three_rooms


def _distance(point: tuple[float, float], line: np.ndarray) -> float:
    x1, y1, x2, y2 = line
    t = ((point[0] - x1) * (x2 - x1) + (point[1] - y1) * (y2 - y1)) / (
        (x2 - x1) ** 2 + (y2 - y1) ** 2
    )
    t = min(max(t, 0.0), 1.0)
    return math.dist(point, (x1 + t * (x2 - x1), y1 + t * (y2 - y1)))


def test_cells_lie_in_their_rooms_and_away_from_walls() -> None:
    data = read_map(three_rooms(), "MAP01")
    plan = make_floorplan(data)
    walls = data.ends[data.solid]
    for cell in np.ndindex(plan.cost.shape):
        x, y = plan.middle(cell)
        inside = 0 < x < 3 * ROOM + 64 and 0 < y < ROOM
        clear = min(_distance((x, y), wall) for wall in walls) >= 18
        barrel = math.dist((x, y), (128, 64)) < 16 + 18
        assert np.isfinite(plan.cost[cell]) == (inside and clear and not barrel), (x, y)
        if inside:
            assert plan.door[cell] == (ROOM < x < ROOM + 64)
            assert plan.floor[cell] == (64 if x > 2 * ROOM + 64 else 0)
        assert plan.cell(x, y) == cell


def test_doors_open_and_ledges_lead_down_only() -> None:
    plan = make_floorplan(read_map(three_rooms(), "MAP01"))
    west, middle, east = (plan.cell(x, 128.0) for x in (64.0, 450.0, 750.0))
    from_west, _ = find_ways(plan, west, plan.cost)
    assert np.isfinite(from_west[middle])
    assert not np.isfinite(from_west[east])
    from_east, previous = find_ways(plan, east, plan.cost)
    way = way_to(previous, west)
    assert (way[0], way[-1]) == (east, west)
    assert np.isfinite(from_east[west])
    assert any(plan.door[cell] for cell in way)
    assert not is_straight(plan, west, east)
    assert is_straight(plan, east, west)


def test_a_step_can_be_climbed_and_an_exit_is_not_crossed() -> None:
    step = make_floorplan(read_map(three_rooms(ledge=24), "MAP01"))
    west, east = step.cell(64.0, 128.0), step.cell(750.0, 128.0)
    assert np.isfinite(find_ways(step, west, step.cost)[0][east])
    way_out = make_floorplan(read_map(three_rooms(ledge=24, special=52), "MAP01"))
    assert not np.isfinite(find_ways(way_out, west, way_out.cost)[0][east])


def test_map_counts_secrets_and_leaves_out_things_for_several_players() -> None:
    data = read_map(three_rooms(), "MAP01")
    assert data.secrets == 1
    assert data.things[:, 2].tolist() == [1, 3004, 2035]


def test_an_unknown_map_is_told_with_those_there_are() -> None:
    with pytest.raises(WadError, match="map_name is 'MAP02'; the WAD has MAP01"):
        read_map(three_rooms(), "MAP02")


def _random_plan(seed: int) -> FloorPlan:
    rng = np.random.default_rng(seed)
    shape = (7, 9)
    floor = rng.choice([0, 16, 40], shape).astype(np.float32)
    cost = rng.choice([1, 3, np.inf], shape, p=[0.6, 0.2, 0.2]).astype(np.float32)
    cost[0, 0] = 1
    ceiling = floor + rng.choice([50, 128], shape, p=[0.1, 0.9]).astype(np.float32)
    no, none = np.zeros(shape, bool), np.zeros((0, 2))
    return FloorPlan(0.0, 0.0, floor, ceiling, cost, no, no, none, np.zeros((0, 4)))


def _can_step(plan: FloorPlan, a: tuple[int, int], b: tuple[int, int]) -> bool:
    corners = [(a[0], b[1]), (b[0], a[1])]
    room = min(plan.ceiling[a], plan.ceiling[b]) - max(plan.floor[a], plan.floor[b])
    return bool(
        all(np.isfinite(plan.cost[cell]) for cell in (a, b, *corners))
        and plan.floor[b] - plan.floor[a] <= STEP_UP
        and room >= BODY
    )


def _naive_distances(plan: FloorPlan, start: tuple[int, int]) -> dict[tuple[int, int], float]:
    best, queue = {start: 0.0}, [(0.0, start)]
    while queue:
        far, here = heapq.heappop(queue)
        for to in np.ndindex(plan.cost.shape):
            gap = math.dist(here, to)
            if 0 < gap < 1.5 and _can_step(plan, here, to):
                total = far + gap * float(plan.cost[to])
                if total < best.get(to, math.inf) - 1e-9:
                    best[to] = total
                    heapq.heappush(queue, (total, to))
    return best


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_ways_are_the_shortest(seed: int) -> None:
    plan = _random_plan(seed)
    distance, previous = find_ways(plan, (0, 0), plan.cost)
    naive = _naive_distances(plan, (0, 0))
    for cell in np.ndindex(plan.cost.shape):
        assert distance[cell] == pytest.approx(naive.get(cell, math.inf), rel=1e-6)
        if cell in naive:
            way = way_to(previous, cell)
            assert way[0] == (0, 0)
            assert all(_can_step(plan, a, b) for a, b in pairwise(way))


def _moment(x: float, y: float, angle: float, *seen: Seen) -> Moment:
    picture = np.zeros((*SIZE, 3), np.uint8)
    objects = np.zeros(SIZE, np.uint8)
    return Moment(picture, picture, objects, picture, seen, 0, x, y, angle, 100.0, 0, 0, 0)


def _pressed(decision: Decision) -> dict[Button, float]:
    return dict(zip(BUTTONS, decision.action, strict=True))


def test_player_turns_to_a_monster_and_shoots_when_it_faces_it() -> None:
    plan = make_floorplan(read_map(three_rooms(), "MAP01"))
    foe = Seen("DoomImp", "Monster", 2, 64.0, 228.0, 40)  # due north
    aside = _pressed(Player(plan, seed=0).decide(_moment(64.0, 128.0, 0.0, foe), 3))
    assert aside[Button.TURN_LEFT_RIGHT_DELTA] < 0  # to the left
    assert aside[Button.ATTACK] == 0
    facing = _pressed(Player(plan, seed=0).decide(_moment(64.0, 128.0, 90.0, foe), 3))
    assert facing[Button.ATTACK] == 1
    small = replace(foe, height_px=3)
    far = _pressed(Player(plan, seed=0).decide(_moment(64.0, 128.0, 90.0, small), 3))
    assert far[Button.ATTACK] == 0


def test_player_walks_through_the_map_when_its_moves_are_obeyed() -> None:
    """A point that obeys turns and steps, in place of an engine."""
    plan = make_floorplan(read_map(three_rooms(ledge=0), "MAP01"))
    player, x, y, angle = Player(plan, seed=1), 64.0, 128.0, 0.0
    reached = set()
    for _ in range(120):
        decision = player.decide(_moment(x, y, angle), 3)
        act = _pressed(decision)
        if decision.warp:
            x, y = decision.warp
            continue
        angle -= 3 * act[Button.TURN_LEFT_RIGHT_DELTA]
        forward = act[Button.MOVE_FORWARD_BACKWARD_DELTA]
        side = act[Button.MOVE_LEFT_RIGHT_DELTA]
        a = math.radians(angle)
        nx = x + forward * math.cos(a) + side * math.sin(a)
        ny = y + forward * math.sin(a) - side * math.cos(a)
        if np.isfinite(plan.cost[plan.cell(nx, ny)]):
            x, y = nx, ny
        reached.add(int(x // ROOM))
    assert reached >= {0, 1, 2}


def test_a_trapped_player_is_moved() -> None:
    plan = make_floorplan(read_map(three_rooms(), "MAP01"))
    player = Player(plan, seed=0)
    warps = [player.decide(_moment(64.0, 128.0, 0.0), 3).warp for _ in range(60)]
    asked = [warp for warp in warps if warp]
    assert asked
    assert all(np.isfinite(plan.cost[plan.cell(*warp)]) for warp in asked)
    assert player.warps == len(asked)


def test_labels_take_blended_things_from_objects_and_lettering_from_the_rest() -> None:
    palette = label_palette()
    repainted = np.full((*SIZE, 3), palette[label_index(PixelClass.WALL)], np.uint8)
    repainted[100:VIEW_ROWS] = palette[label_index(PixelClass.FLOOR)]
    repainted[:20] = palette[label_index(PixelClass.FLOOR)]
    repainted[30:40, 50:60] = palette[label_index(PixelClass.MONSTER)]
    repainted[60:70, 50:60] = 1  # blended
    repainted[5:8, :50] = 1  # lettering
    objects = np.zeros(SIZE, np.uint8)
    objects[60:70, 50:60] = 7
    objects[80:90, 50:60] = 8  # a spectre: a shimmer in the colours of what is behind it
    seen = (
        Seen("DoomImpBall", "Explosive", 7, 0.0, 0.0, 10),
        Seen("Spectre", "Monster", 8, 0.0, 0.0, 10),
    )
    moment = replace(_moment(0.0, 0.0, 0.0, *seen), repainted=repainted, objects=objects)
    classes = label_play(moment)
    assert classes is not None
    expected = np.full(SIZE, PixelClass.WALL)
    expected[100:] = PixelClass.FLOOR
    expected[:20] = PixelClass.CEILING
    expected[30:40, 50:60] = PixelClass.MONSTER
    expected[60:70, 50:60] = PixelClass.EFFECT
    expected[80:90, 50:60] = PixelClass.MONSTER
    expected[5:8, :50] = PixelClass.TEXT
    expected[VIEW_ROWS:] = PixelClass.HUD
    np.testing.assert_array_equal(classes, expected)
    assert label_play(replace(moment, repainted=np.full_like(repainted, 1))) is None


def test_real_play_travels_and_shows_more_than_walls(recording: list[Shot]) -> None:
    play = [shot for shot in recording if shot.kind is FrameKind.PLAY]
    assert len(play) > 70
    places = np.array([shot.place for shot in play if shot.place])[:, :2]
    cells = {tuple(cell) for cell in (places // (8 * CELL)).astype(int)}
    assert len(cells) >= 8, "it hardly moved"
    walls = [(shot.classes[:VIEW_ROWS] == PixelClass.WALL).mean() for shot in play]
    assert max(walls) <= MOST_WALL
    assert np.mean(walls) < 0.75
    assert max(redness(shot.picture) for shot in play) <= MOST_RED
    assert min(shot.picture[:VIEW_ROWS].std() for shot in play) > 3, "a blank frame"
    weapon = [(shot.classes == PixelClass.WEAPON).any() for shot in play]
    assert np.mean(weapon) > 0.6


def test_numbers_and_tics_rise_at_ten_frames_a_second(recording: list[Shot]) -> None:
    numbers = [shot.number for shot in recording]
    assert (np.diff(numbers) > 0).all()
    for a, b in pairwise(shot for shot in recording if shot.kind is FrameKind.PLAY):
        assert b.tic > a.tic
        if b.number == a.number + 1:
            assert b.tic - a.tic in (3, 4)
