"""One recording: a camera's walk through a world, with its frames and its truth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lib.worlds.blocks.camera import Action, Camera, Mode, Pose
from lib.worlds.blocks.kinds import Biome
from lib.worlds.blocks.sky import DAY_SECONDS, make_sky, sun_elevation
from lib.worlds.blocks.view import render
from lib.worlds.blocks.world import World

# (chance, from, to) of the time of day at the start; see `sky.sun_direction`
DAYTIMES = ((0.68, 0.06, 0.44), (0.09, -0.02, 0.04), (0.09, 0.46, 0.52), (0.14, 0.58, 0.92))
CLOUD_BLOCKS_PER_SECOND = 1.0
# How common each biome is over many worlds, so that rare ones are asked for first.
_RARITY = {
    Biome.OCEAN: 0.6,
    Biome.BEACH: 0.4,
    Biome.PLAINS: 1.2,
    Biome.FOREST: 1.2,
    Biome.BIRCH_FOREST: 1.6,
    Biome.TAIGA: 1.3,
    Biome.SNOW: 1.8,
    Biome.DESERT: 1.8,
    Biome.SAVANNA: 1.1,
    Biome.JUNGLE: 1.5,
    Biome.MESA: 1.5,
    Biome.MOUNTAIN: 0.5,
}


def order_biomes(world: World) -> Sequence[Biome]:
    """The world's biomes in the order in which its recordings visit them, over and over.

    A random order that favours biomes few worlds have, so that a data set is balanced.
    """
    rng = np.random.default_rng([world.seed, 1])
    weight = np.array([_RARITY[biome] for biome in world.biomes])
    # Gumbel noise on log weights: sampling without replacement.
    keys = np.log(weight) + rng.gumbel(size=len(weight))
    return [world.biomes[i] for i in np.argsort(-keys, kind="stable")]


@dataclass(frozen=True)
class Moment:
    """What is true of one video frame. `action` led here from the moment before."""

    pose: Pose
    action: Action
    biome: Biome
    time_of_day: float
    sun_elevation: float
    drift_blocks: float


@dataclass(frozen=True, eq=False)
class Recording:
    """A planned recording: all moments, cheap to make; frames are rendered on demand."""

    world: World
    mode: Mode
    moments: Sequence[Moment]

    def frames(self, size: tuple[int, int], supersample: int) -> Iterator[np.ndarray]:
        """uint8 frames [h, w, 3], one a moment."""
        for moment in self.moments:
            pose = moment.pose
            yield render(
                self.world,
                pose.eye,
                (pose.yaw_deg, pose.pitch_deg),
                make_sky(moment.time_of_day, drift_blocks=moment.drift_blocks),
                size=size,
                supersample=supersample,
            )


def _draw_daytime(rng: np.random.Generator) -> float:
    row = DAYTIMES[int(rng.choice(len(DAYTIMES), p=[row[0] for row in DAYTIMES]))]
    return float(rng.uniform(row[1], row[2]) % 1.0)


def plan_recording(
    world: World, number: int, *, frames: int, frame_rate_hz: float, still_frames: int = 0
) -> Recording:
    """Recording `number` of `world`: `frames` moments, of which the first few may stand still.

    The same world, number, rate and length give the same recording; a longer one goes on.
    """
    if frames <= still_frames:
        raise ValueError(
            f"frames must be more than the {still_frames} still ones, not {frames}; ask for more"
        )
    rng = np.random.default_rng([world.seed, 2, number])
    order = order_biomes(world)
    start_time, drift = _draw_daytime(rng), float(rng.uniform(0, 768))
    biome = order[number % len(order)]
    camera = Camera(world, rng, biome=biome, frame_rate_hz=frame_rate_hz)
    moments = []
    for i in range(frames):
        action = camera.step() if i > still_frames else Action()
        seconds = i / frame_rate_hz
        time_of_day = (start_time + seconds / DAY_SECONDS) % 1.0
        moments.append(
            Moment(
                pose=camera.pose,
                action=action,
                biome=world.biome_at(camera.pose.x, camera.pose.z),
                time_of_day=time_of_day,
                sun_elevation=sun_elevation(time_of_day),
                drift_blocks=drift + CLOUD_BLOCKS_PER_SECOND * seconds,
            )
        )
    return Recording(world=world, mode=camera.mode, moments=moments)
