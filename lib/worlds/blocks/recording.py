"""One recording: a camera's walk through a world, with its frames and its truth."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lib.worlds.blocks.camera import Action, Camera, Mode, Pose
from lib.worlds.blocks.creatures import Creature, light_at
from lib.worlds.blocks.habits import Habits
from lib.worlds.blocks.hand import Hand, overlay_hand
from lib.worlds.blocks.herds import Population
from lib.worlds.blocks.hud import Hud, overlay_hud
from lib.worlds.blocks.kinds import Biome
from lib.worlds.blocks.sky import DAY_SECONDS, make_sky, sun_elevation
from lib.worlds.blocks.view import Shot, shoot
from lib.worlds.blocks.world import World

# (chance, from, to) of the time of day at the start; see `sky.sun_direction`
DAYTIMES = ((0.68, 0.06, 0.44), (0.09, -0.02, 0.04), (0.09, 0.46, 0.52), (0.14, 0.58, 0.92))
CLOUD_BLOCKS_PER_SECOND = 1.0
NIGHT_ELEVATION = -0.1
"""Recordings that start with the sun below this have creatures of the night."""
BIOME_WHEEL = (
    Biome.OCEAN,
    Biome.BIRCH_FOREST,
    Biome.SNOW,
    Biome.MESA,
    Biome.FOREST,
    Biome.DESERT,
    Biome.TAIGA,
    Biome.BEACH,
    Biome.JUNGLE,
    Biome.PLAINS,
    Biome.SAVANNA,
    Biome.MOUNTAIN,
)
"""Each world begins two places on from the world before: so all get their turn."""
# How much sooner (in places of the wheel) a biome comes: more where few worlds have it, less where
# recordings get by themselves. Fitted to eight data sets of 32 worlds.
_FAVOUR = {
    Biome.OCEAN: -0.8,
    Biome.BEACH: -4.5,
    Biome.PLAINS: -1.5,
    Biome.FOREST: 2.4,
    Biome.BIRCH_FOREST: 2.5,
    Biome.TAIGA: 1.8,
    Biome.SNOW: 1.0,
    Biome.DESERT: 4.0,
    Biome.SAVANNA: -1.0,
    Biome.JUNGLE: -2.2,
    Biome.MESA: 2.4,
    Biome.MOUNTAIN: -0.5,
}


def order_biomes(world: World) -> Sequence[Biome]:
    """The world's biomes in the order in which its recordings visit them, over and over.

    A turning wheel of biomes, shifted by the world's number, in which those that few worlds have
    come sooner: a data set of some dozens of worlds is balanced.
    """
    count = len(BIOME_WHEEL)
    places = {
        biome: (k - 2 * world.seed) % count - _FAVOUR[biome] for k, biome in enumerate(BIOME_WHEEL)
    }
    return sorted(world.biomes, key=lambda biome: (places[biome], biome))


@dataclass(frozen=True)
class Moment:
    """What is true of one video frame. `action` led here from the moment before.

    seconds: since the recording's start. hand, hud: what the player holds and is shown.
    """

    pose: Pose
    action: Action
    biome: Biome
    time_of_day: float
    sun_elevation: float
    drift_blocks: float
    seconds: float
    hand: Hand
    hud: Hud


@dataclass(frozen=True, eq=False)
class Recording:
    """A planned recording: all moments, cheap to make; frames are rendered on demand."""

    world: World
    mode: Mode
    moments: Sequence[Moment]
    population: Population

    def shots(
        self,
        size: tuple[int, int],
        supersample: int,
        *,
        hud: bool = True,
        creatures: bool = True,
    ) -> Iterator[Shot]:
        """One picture a moment, with what is seen of creatures.

        Without `hud` neither display nor hand is drawn, without `creatures` nobody is about; the
        path and all else stay the same. Creatures hidden by the display count as seen.
        """
        for moment in self.moments:
            pose, sky = moment.pose, make_sky(moment.time_of_day, drift_blocks=moment.drift_blocks)
            about: Sequence[Creature] = ()
            if creatures:
                about = self.population.around(pose.x, pose.z, moment.seconds)
            shot = shoot(
                self.world,
                pose.eye,
                (pose.yaw_deg, pose.pitch_deg),
                sky,
                size=size,
                supersample=supersample,
                creatures=about,
            )
            if hud:
                light = light_at(self.world, sky, pose.x, pose.y, pose.z)
                overlay_hand(shot.image, moment.hand, light, supersample=supersample)
                overlay_hud(shot.image, moment.hud)
            yield shot

    def frames(
        self,
        size: tuple[int, int],
        supersample: int,
        *,
        hud: bool = True,
        creatures: bool = True,
    ) -> Iterator[np.ndarray]:
        """uint8 frames [h, w, 3], one a moment; see `shots`."""
        for shot in self.shots(size, supersample, hud=hud, creatures=creatures):
            yield shot.image


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
    # The first visit to a world's ocean is a dive: by chance alone small data sets might have none.
    mode = Mode.SWIM if number < len(order) and biome is Biome.OCEAN else None
    camera = Camera(world, rng, biome=biome, mode=mode, frame_rate_hz=frame_rate_hz)
    habits = Habits(np.random.default_rng([world.seed, 4, number]), camera.mode, frame_rate_hz)
    moments = []
    for i in range(frames):
        action, before = Action(), camera.pose
        if i > still_frames:
            action = camera.step()
            habits.step(math.hypot(camera.pose.x - before.x, camera.pose.z - before.z))
            action = replace(action, attack=habits.attack)
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
                seconds=seconds,
                hand=habits.hand(),
                hud=habits.hud(),
            )
        )
    night = sun_elevation(start_time) < NIGHT_ELEVATION
    population = Population(world, number, night=night)
    return Recording(world=world, mode=camera.mode, moments=moments, population=population)
