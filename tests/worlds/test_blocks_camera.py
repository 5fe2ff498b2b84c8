"""Recordings: never inside blocks, rarely facing walls or in the dark, true to their actions."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.worlds.blocks import (
    Action,
    Biome,
    Camera,
    Mode,
    Pose,
    World,
    cast_ray,
    heading,
    make_world,
    move,
    plan_recording,
)
from lib.worlds.blocks.camera import CLIMB_BLOCKS_PER_SECOND, SPEEDS, free_at
from lib.worlds.blocks.kinds import SOLID
from lib.worlds.blocks.recording import Recording, order_biomes

WORLDS = (2, 11)


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [make_world(seed) for seed in WORLDS]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    which=st.integers(0, len(WORLDS) - 1),
    seed=st.integers(0, 10_000),
    mode=st.sampled_from([None, *Mode]),
    biome=st.sampled_from([None, *Biome]),
)
def test_the_eye_is_never_inside_a_block(
    worlds: list[World], which: int, seed: int, mode: Mode | None, biome: Biome | None
) -> None:
    world = worlds[which]
    camera = Camera(world, np.random.default_rng(seed), biome=biome, mode=mode)
    for _ in range(60):
        pose = camera.pose
        assert not SOLID[world.block_at(pose.x, pose.y, pose.z)]
        assert free_at(world, pose.x, pose.y, pose.z, room=0.1)
        camera.step()


def test_start_lies_in_the_wanted_biome_where_the_world_has_it(worlds: list[World]) -> None:
    for world in worlds:
        for biome in world.biomes:
            camera = Camera(world, np.random.default_rng(1), biome=biome, mode=Mode.FLY)
            assert world.biome_at(camera.pose.x, camera.pose.z) is biome


def test_missing_places_fall_back_to_flying(worlds: list[World]) -> None:
    missing = next(b for b in Biome if b not in worlds[0].biomes)
    camera = Camera(worlds[0], np.random.default_rng(0), biome=missing, mode=Mode.SWIM)
    assert camera.mode is Mode.FLY
    camera.step()


def test_recordings_of_a_world_visit_each_biome_before_any_again(worlds: list[World]) -> None:
    for world in worlds:
        assert sorted(order_biomes(world)) == list(world.biomes)


def _slow_move(
    pose: np.ndarray, action: Action, speeds: tuple[float, float, float], rate: float
) -> np.ndarray:
    """(x, z) one frame later, from the two axes of the walker."""
    x, z, yaw = pose
    yaw = math.radians(yaw + action.yaw_delta_deg)
    ahead, right = (
        np.array([-math.sin(yaw), math.cos(yaw)]),
        np.array([-math.cos(yaw), -math.sin(yaw)]),
    )
    way = ahead * (action.forward - action.back) + right * (action.right - action.left)
    if np.linalg.norm(way) > 0:
        way = way / np.linalg.norm(way)
    speed = speeds[1 if action.sprint else (2 if action.sneak else 0)]
    return np.array([x, z]) + way * speed / rate


@pytest.mark.parametrize("mode", Mode)
def test_actions_integrate_to_the_poses(worlds: list[World], mode: Mode) -> None:
    camera = Camera(worlds[0], np.random.default_rng(4), mode=mode, frame_rate_hz=16.0)
    mode, moved = camera.mode, 0.0
    for _ in range(120):
        before = camera.pose
        action = camera.step()
        after = camera.pose
        flat = _slow_move(
            np.array([before.x, before.z, before.yaw_deg]), action, SPEEDS[mode], 16.0
        )
        np.testing.assert_allclose([after.x, after.z], flat, atol=1e-9)
        turn = math.remainder(after.yaw_deg - before.yaw_deg - action.yaw_delta_deg, 360)
        assert turn == pytest.approx(0, abs=1e-9)
        assert after.pitch_deg == pytest.approx(before.pitch_deg + action.pitch_delta_deg)
        if mode in CLIMB_BLOCKS_PER_SECOND:
            climb = (action.jump - action.sneak) * CLIMB_BLOCKS_PER_SECOND[mode] / 16
            assert after.y - before.y == pytest.approx(climb)
        moved += abs(after.x - before.x) + abs(after.z - before.z)
    assert moved > 2


def test_strafing_goes_to_the_right_of_the_heading() -> None:
    pose = Pose(0.0, 0.0, 0.0, 0.0, 0.0)
    assert move(pose, Action(right=True), Mode.WALK, 1.0).x == pytest.approx(-4.317)
    assert move(pose, Action(forward=True), Mode.WALK, 1.0).z == pytest.approx(4.317)


def _sampled(world: World, number: int) -> Recording:
    recording = plan_recording(world, number, frames=120, frame_rate_hz=16.0)
    return replace(recording, moments=recording.moments[::15])


def test_few_frames_are_dark_or_face_a_wall(worlds: list[World]) -> None:
    dark, near, count = 0, 0, 0
    for world in worlds:
        for number in range(6):
            recording = _sampled(world, number)
            for moment, frame in zip(recording.moments, recording.frames((36, 64), 1), strict=True):
                pose = moment.pose
                way = heading(pose.yaw_deg, pose.pitch_deg)
                near += cast_ray(world, pose.eye, way).distance < 1.5
                dark += frame.mean() < 14
                count += 1
    assert dark <= 0.05 * count
    assert near <= 0.08 * count


def test_same_plan_twice_and_a_longer_one_goes_on(worlds: list[World]) -> None:
    short = plan_recording(worlds[0], 1, frames=30, frame_rate_hz=20.0)
    longer = plan_recording(worlds[0], 1, frames=40, frame_rate_hz=20.0)
    other = plan_recording(worlds[0], 2, frames=30, frame_rate_hz=20.0)
    assert short.moments == longer.moments[:30]
    assert short.moments[0] != other.moments[0]


def test_still_frames_stand_still(worlds: list[World]) -> None:
    plan = plan_recording(worlds[0], 0, frames=30, frame_rate_hz=20.0, still_frames=20)
    assert len({moment.pose for moment in plan.moments[:21]}) == 1
    assert plan.moments[21].pose != plan.moments[20].pose
    with pytest.raises(ValueError, match="more than the 20 still ones, not 20"):
        plan_recording(worlds[0], 0, frames=20, frame_rate_hz=20.0, still_frames=20)
