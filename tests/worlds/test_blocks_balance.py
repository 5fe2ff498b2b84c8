"""What a data set holds: every biome, dives, light in caves and at night, no walls in the face."""

import math
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest

from lib.worlds.blocks import (
    Biome,
    BlocksFootage,
    Mode,
    Pose,
    Recording,
    World,
    cast_ray,
    heading,
    make_world,
    plan_recording,
)
from lib.worlds.blocks.footage import LAYOUTS

FRAMES = 60
LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Sample:
    """A data set's plans, and of every 24th of their frames: luminance, what is near."""

    plans: list[Recording]
    luminance: np.ndarray
    near: np.ndarray
    modes: np.ndarray


def _near_share(world: World, pose: Pose) -> float:
    """Share of a grid of rays over the picture that end within a block and a half."""
    yaw, pitch = math.radians(pose.yaw_deg), math.radians(pose.pitch_deg)
    right = np.array([-math.cos(yaw), 0.0, -math.sin(yaw)])
    ahead = heading(pose.yaw_deg, pose.pitch_deg)
    up = np.array(
        [-math.sin(yaw) * math.sin(pitch), math.cos(pitch), math.cos(yaw) * math.sin(pitch)]
    )
    hits = []
    for u in np.linspace(-1.1, 1.1, 6):
        for v in np.linspace(-0.6, 0.6, 4):
            way = ahead + u * right + v * up
            hit = cast_ray(world, pose.eye, way / np.linalg.norm(way), view_blocks=3.0)
            hits.append(hit.block != 0 and hit.distance < 1.5)
    return float(np.mean(hits))


def _sample(preset: str, layout: str, worlds: int) -> Sample:
    config = BlocksFootage.preset(preset, layout)
    rate = float(config.frame_rate_hz)
    plans, luminance, near, modes = [], [], [], []
    for seed in config.world_seeds[:worlds]:
        world = make_world(seed)
        for number in range(config.recordings_per_world):
            plan = plan_recording(world, number, frames=FRAMES, frame_rate_hz=rate)
            plans.append(plan)
            some = replace(plan, moments=plan.moments[number % 4 + 10 :: 24])
            for moment, frame in zip(
                some.moments, some.frames((18, 32), 1, hud=False), strict=True
            ):
                luminance.append(float((frame @ LUMA).mean()) / 255)
                near.append(_near_share(world, moment.pose))
                modes.append(plan.mode)
    return Sample(plans, np.array(luminance), np.array(near), np.array(modes))


@pytest.fixture(scope="module", params=[("tiny", 24), ("small", 10)], ids=["tiny", "small"])
def sample(request: pytest.FixtureRequest) -> Sample:
    return _sample(request.param[0], "gamefactory", request.param[1])


def test_dark_frames_are_rare_and_night_still_is_night(sample: Sample) -> None:
    assert (sample.luminance < 0.06).mean() < 0.01
    caves = sample.luminance[sample.modes == Mode.CAVE]
    assert np.median(caves) < 0.4 * np.median(sample.luminance[sample.modes == Mode.WALK])


def test_walls_rarely_fill_the_picture(sample: Sample) -> None:
    assert (sample.near > 0.8).mean() < 0.01


def test_each_tiny_data_set_has_dives_and_balanced_biomes() -> None:
    modes: dict[str, Counter[Mode]] = {layout: Counter() for layout in LAYOUTS}
    frames: dict[str, Counter[Biome]] = {layout: Counter() for layout in LAYOUTS}
    for seed in BlocksFootage.preset("tiny", "minerl").world_seeds:
        world = make_world(seed)
        for layout in LAYOUTS:
            config = BlocksFootage.preset("tiny", layout)
            rate = float(config.frame_rate_hz)
            for number in range(config.recordings_per_world):
                plan = plan_recording(world, number, frames=FRAMES, frame_rate_hz=rate)
                modes[layout][plan.mode] += 1
                frames[layout].update(moment.biome for moment in plan.moments)
    for layout in LAYOUTS:
        assert all(modes[layout][mode] >= 1 for mode in Mode)
        land = [frames[layout][biome] for biome in Biome if biome is not Biome.OCEAN]
        assert max(land) <= 4 * min(land)
        assert 0.03 < frames[layout][Biome.OCEAN] / sum(frames[layout].values()) < 0.25
