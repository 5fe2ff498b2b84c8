"""A walker with a camera: where recordings start, how they move, what keys they press.

The motion has no inertia: a frame's action moves the pose at once, so that actions and poses
agree exactly (`move`). Only the height of a walker follows the ground instead of a key.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from lib.worlds.blocks.kinds import SEA_LEVEL, SOLID, WET, Biome
from lib.worlds.blocks.view import cast_ray, heading, in_water
from lib.worlds.blocks.world import World

EYE_HEIGHT = 1.62
"""Of a walker's eye over the ground, in blocks."""
ROOM = 0.32
"""Free space kept around the eye on every side, in blocks."""
MAX_DROP = 3
NEAR_BLOCKS = 4.0
"""Closer than this ahead, a walker looks for another way."""
STOP_BLOCKS = 2.2
"""Closer than this, one turns on the spot, so that no wall fills the picture."""
FAR_BLOCKS = 32.0
ELSEWHERE = 0.35
"""Weight of a direction in which another biome lies, for each of two places ahead."""
COMPASS_DEG = np.arange(16) * 22.5
MAX_TURN_DEG_PER_SECOND = 130.0


class Mode(IntEnum):
    """How a recording moves."""

    WALK = 0
    FLY = 1
    CAVE = 2
    SWIM = 3


MODE_NAMES = tuple(mode.name.lower() for mode in Mode)
MODE_CHANCES = {Mode.WALK: 0.62, Mode.FLY: 0.25, Mode.CAVE: 0.13}
OCEAN_MODE_CHANCES = {Mode.WALK: 0.15, Mode.FLY: 0.50, Mode.SWIM: 0.35}
# blocks per second: (plain, sprinting, sneaking); walking speeds are the original game's
SPEEDS = {
    Mode.WALK: (4.317, 5.612, 1.295),
    Mode.CAVE: (4.317, 5.612, 1.295),
    Mode.FLY: (6.0, 10.0, 6.0),
    Mode.SWIM: (2.2, 3.6, 2.2),
}
CLIMB_BLOCKS_PER_SECOND = {Mode.FLY: 4.0, Mode.SWIM: 1.6}
"""Up while jumping, down while sneaking; walkers follow the ground."""


@dataclass(frozen=True)
class Pose:
    """Position of the eye in blocks; angles in degrees (see `view.heading`)."""

    x: float
    y: float
    z: float
    yaw_deg: float
    pitch_deg: float

    @property
    def eye(self) -> np.ndarray:
        """(x, y, z)."""
        return np.array([self.x, self.y, self.z])


@dataclass(frozen=True)
class Action:
    """Keys held during one frame and how far the mouse turned the view."""

    forward: bool = False
    back: bool = False
    left: bool = False
    right: bool = False
    jump: bool = False
    sneak: bool = False
    sprint: bool = False
    attack: bool = False
    pitch_delta_deg: float = 0.0
    yaw_delta_deg: float = 0.0


def move(pose: Pose, action: Action, mode: Mode, frame_rate_hz: float) -> Pose:
    """The pose one frame later: first the view turns, then the keys move along the new yaw.

    Jump and sneak move swimmers and fliers up and down. For walkers y stays: it follows the ground.
    """
    yaw = math.remainder(pose.yaw_deg + action.yaw_delta_deg, 360.0)
    pitch = pose.pitch_deg + action.pitch_delta_deg
    ahead, aside = int(action.forward) - int(action.back), int(action.right) - int(action.left)
    plain, sprinting, sneaking = SPEEDS[mode]
    speed = sprinting if action.sprint else (sneaking if action.sneak else plain)
    step = speed / frame_rate_hz / (math.sqrt(2) if ahead and aside else 1.0)
    sine, cosine = math.sin(math.radians(yaw)), math.cos(math.radians(yaw))
    climb = CLIMB_BLOCKS_PER_SECOND.get(mode, 0.0) / frame_rate_hz
    return Pose(
        x=pose.x + step * (-sine * ahead - cosine * aside),
        y=pose.y + climb * (int(action.jump) - int(action.sneak)),
        z=pose.z + step * (cosine * ahead - sine * aside),
        yaw_deg=yaw,
        pitch_deg=pitch,
    )


def free_at(world: World, x: float, y: float, z: float, *, room: float = ROOM) -> bool:
    """Whether a small box around a point touches no solid block and no leaves."""
    top = world.blocks.shape[2] - 1
    if not y - room >= 1 or y + room >= top:
        return False
    for px in (x - room, x + room):
        for pz in (z - room, z + room):
            column = world.blocks[math.floor(px) % world.size, math.floor(pz) % world.size]
            rows = column[math.floor(y - room) : math.floor(y + room) + 1]
            if SOLID[rows].any():
                return False
    return True


def _feet_at(world: World, x: float, z: float, feet: int) -> int | None:
    """Height of the feet after a step to column (x, z), None where a walker cannot go.

    At most one block up and `MAX_DROP` down; water carries at its surface.
    """
    column = world.blocks[math.floor(x) % world.size, math.floor(z) % world.size]
    for level in range(feet + 1, feet - MAX_DROP - 1, -1):
        if level < 2 or level + 2 >= len(column):
            return None
        body, below = column[level : level + 2], column[level - 1]
        if SOLID[body].any():
            if level > feet:
                continue  # too low to step up, perhaps high enough to go on level
            return None
        if SOLID[below] or (level == SEA_LEVEL and WET[below]):
            return level
    return None


class Camera:
    """One recording's walker. `pose` is what the next frame shows; `step` moves on.

    `biome` and `mode` ask for a place and a way to move; where the world has no such place, the
    nearest sensible one is taken (`mode` and the biome under `pose` say which). The eye is never
    inside a solid block or leaves. The same world, generator state and arguments give the same
    recording.
    """

    def __init__(
        self,
        world: World,
        rng: np.random.Generator,
        *,
        biome: Biome | None = None,
        mode: Mode | None = None,
        frame_rate_hz: float = 20.0,
    ) -> None:
        self.world, self.rng, self.frame_rate_hz = world, rng, frame_rate_hz
        wanted = biome if biome is not None else Biome(int(rng.choice(world.biome.ravel())))
        self.biome = wanted
        self.mode = mode if mode is not None else self._draw_mode(wanted)
        self.pose = self._find_start(wanted)
        self._feet = math.floor(self.pose.y - EYE_HEIGHT + 1e-6)
        self._goal_deg = self.pose.yaw_deg
        self._patience_seconds = 0.0
        self._sway = np.zeros(2)
        self._cruise_blocks = float(rng.uniform(5, 18))
        self._look_deg = {Mode.WALK: 4.0, Mode.FLY: 17.0, Mode.CAVE: 5.0, Mode.SWIM: 8.0}[self.mode]
        self._look_deg += float(rng.normal(0, 4))
        self._hurry = bool(rng.random() < 0.35)

    # -- the start ---------------------------------------------------------------------------

    def _draw_mode(self, biome: Biome) -> Mode:
        chances = OCEAN_MODE_CHANCES if biome is Biome.OCEAN else MODE_CHANCES
        return list(chances)[int(self.rng.choice(len(chances), p=list(chances.values())))]

    def _candidates(self, biome: Biome) -> Sequence[tuple[float, float, float]]:
        """Some random places where an eye of this mode could start, in `biome` where possible."""
        world, rng = self.world, self.rng
        if self.mode is Mode.CAVE:
            picks = rng.permutation(len(world.torches))[:60]
            return [
                (float(x) + 0.5, y + EYE_HEIGHT, float(z) + 0.5) for x, z, y in world.torches[picks]
            ]
        columns = np.argwhere(world.biome == biome)
        found = []
        for x, z in columns[rng.permutation(len(columns))[:80]]:
            ground = max(int(world.surface[x, z]), SEA_LEVEL) + 1
            if self.mode is Mode.FLY:
                ground += int(rng.integers(4, 16))
            elif self.mode is Mode.SWIM:
                depth = SEA_LEVEL - int(world.surface[x, z])
                if depth < 4:
                    continue
                ground = int(world.surface[x, z]) + int(rng.integers(1, depth - 1))
            elif int(world.surface[x, z]) < SEA_LEVEL:
                ground = SEA_LEVEL
            found.append((x + 0.5, ground + EYE_HEIGHT, z + 0.5))
        return found

    def _find_start(self, biome: Biome) -> Pose:
        """The most open of a dozen usable places, looking along one of its open directions."""
        best: tuple[float, tuple[float, float, float], np.ndarray] | None = None
        tried = 0
        for place in self._candidates(biome):
            x, y, z = place
            if not free_at(self.world, x, y, z) or not free_at(self.world, x, y - 1, z, room=0.1):
                continue
            if (self.mode is Mode.SWIM) != in_water(self.world, np.array(place)):
                continue
            views = self._openness(Pose(x, y, z, 0.0, 0.0))
            score = float(np.sort(views)[-8:].mean())
            if best is None or score > best[0]:
                best = score, place, views
            tried += 1
            if tried == 12 and best[0] > NEAR_BLOCKS:
                break
        if best is None:
            return self._fall_back(biome)
        _, (x, y, z), views = best
        open_ways = np.argsort(-views, kind="stable")[:5]
        yaw = float(COMPASS_DEG[self.rng.choice(open_ways)])
        return Pose(x, y, z, math.remainder(yaw, 360.0), 5.0)

    def _fall_back(self, biome: Biome) -> Pose:
        """No usable place: fly there instead, and at last high above the middle of the world."""
        if self.mode is not Mode.FLY:
            self.mode = Mode.FLY
            return self._find_start(biome)
        top = self.world.blocks.shape[2] - 3.0
        return Pose(0.5, top, 0.5, 0.0, 15.0)

    # -- moving ------------------------------------------------------------------------------

    def _openness(self, pose: Pose) -> np.ndarray:
        """How far one sees in each direction of the compass: the worse of level and slightly up."""
        reach = np.empty(len(COMPASS_DEG))
        for i, yaw in enumerate(COMPASS_DEG):
            level = cast_ray(self.world, pose.eye, heading(yaw, 0.0), view_blocks=FAR_BLOCKS)
            raised = cast_ray(self.world, pose.eye, heading(yaw, -14.0), view_blocks=FAR_BLOCKS)
            reach[i] = 0.5 * (level.distance + raised.distance)
        return reach

    def _follow_ground(self, pose: Pose) -> Pose | None:
        """`pose` with a walker's height on the ground there; None where the walker cannot go."""
        feet = _feet_at(self.world, pose.x, pose.z, self._feet)
        if feet is None:
            return None
        target = feet + EYE_HEIGHT
        low, high = min(pose.y, target), max(pose.y, target)
        height = low
        while height < high + 0.5:
            if not free_at(self.world, pose.x, min(height, high), pose.z):
                return None
            height += 0.5
        share = 1 - 0.02 ** (4.0 / self.frame_rate_hz)  # settles within a quarter of a second
        return replace(pose, y=pose.y + share * (target - pose.y))

    def _try(self, action: Action) -> Pose | None:
        """Where `action` leads, None if something is in the way."""
        pose = move(self.pose, action, self.mode, self.frame_rate_hz)
        if self.mode in (Mode.WALK, Mode.CAVE):
            return self._follow_ground(pose)
        if not free_at(self.world, pose.x, pose.y, pose.z):
            return None
        if self.mode is Mode.SWIM and not in_water(self.world, replace(pose, y=pose.y + ROOM).eye):
            return None
        return pose

    def _choose_goal(self) -> None:
        """Turn towards one of the more open directions, rather ahead and in the wanted biome."""
        views = np.minimum(self._openness(self.pose), FAR_BLOCKS)
        turn = np.abs([math.remainder(d - self.pose.yaw_deg, 360.0) for d in COMPASS_DEG])
        weight = views**2 * np.exp(-turn / 70.0) + 1e-9
        for i, yaw in enumerate(COMPASS_DEG):
            ahead = Action(forward=True, yaw_delta_deg=yaw - self.pose.yaw_deg)
            if self._try(ahead) is None:
                weight[i] *= 0.02
            way = heading(yaw, 0.0)
            for blocks in (6.0, 14.0):
                x, z = self.pose.x + blocks * way[0], self.pose.z + blocks * way[2]
                if self.world.biome_at(x, z) is not self.biome:
                    weight[i] *= ELSEWHERE
        self._goal_deg = float(COMPASS_DEG[self.rng.choice(len(weight), p=weight / weight.sum())])
        self._patience_seconds = float(self.rng.uniform(1.5, 4.0))

    def _turn(self, ahead_blocks: float) -> tuple[float, float]:
        """(yaw, pitch) to turn this frame, in degrees: towards the goal, with a human's sway."""
        scale = 20.0 / self.frame_rate_hz
        self._sway = 0.85**scale * self._sway + self.rng.normal(0, (0.35, 0.18), 2) * scale
        limit = MAX_TURN_DEG_PER_SECOND / self.frame_rate_hz
        hurry = 0.20 if ahead_blocks < NEAR_BLOCKS else 0.09
        error = math.remainder(self._goal_deg - self.pose.yaw_deg, 360.0)
        yaw = float(np.clip(hurry * scale * error, -limit, limit) + self._sway[0])
        pitch = 0.05 * scale * (self._look_deg - self.pose.pitch_deg) + float(self._sway[1])
        pitch = float(np.clip(self.pose.pitch_deg + pitch, -50, 70)) - self.pose.pitch_deg
        # float32 is how angles are stored: what is written is what was done.
        return float(np.float32(yaw)), float(np.float32(pitch))

    def _climb(self) -> tuple[bool, bool]:
        """(jump, sneak) of fliers and swimmers: keep a height over what lies ahead."""
        if self.mode not in CLIMB_BLOCKS_PER_SECOND:
            return False, False
        world, pose = self.world, self.pose
        way = heading(pose.yaw_deg, 0.0)
        steps = range(0, 13, 4) if self.mode is Mode.FLY else range(0, 3)
        ground = max(
            int(
                world.surface[
                    math.floor(pose.x + k * way[0]) % world.size,
                    math.floor(pose.z + k * way[2]) % world.size,
                ]
            )
            for k in steps
        )
        if self.mode is Mode.SWIM:
            low, high = ground + 2.0, float(SEA_LEVEL) - 0.6
            return pose.y < low and pose.y < high, pose.y > high
        target = max(ground, SEA_LEVEL) + self._cruise_blocks
        return pose.y < target - 1.0, pose.y > target + 2.5

    def step(self) -> Action:
        """Move on by one frame; gives the action that did it."""
        pose = self.pose
        ahead = cast_ray(
            self.world, pose.eye, heading(pose.yaw_deg, 0.0), view_blocks=FAR_BLOCKS
        ).distance
        self._patience_seconds -= 1 / self.frame_rate_hz
        off_goal = abs(math.remainder(self._goal_deg - pose.yaw_deg, 360.0))
        if self._patience_seconds < 0 or (ahead < NEAR_BLOCKS and off_goal < 12):
            self._choose_goal()
        yaw, pitch = self._turn(ahead)
        jump, sneak = self._climb()
        look = Action(pitch_delta_deg=pitch, yaw_delta_deg=yaw)
        slow = self.mode is Mode.CAVE
        sprint = self._hurry and ahead > 2 * NEAR_BLOCKS and not (slow or jump or sneak)
        tries = [replace(look, jump=self.mode is Mode.FLY), look]
        if ahead > STOP_BLOCKS:
            tries = [
                replace(look, forward=True, sprint=sprint, jump=jump, sneak=sneak or slow),
                replace(look, forward=True, left=True, sneak=slow),
                replace(look, forward=True, right=True, sneak=slow),
                *tries,
            ]
        for action in tries:
            moved = self._try(action)
            if moved is not None:
                break
        else:  # not even turning on the spot fits, as the eye is still settling: stand still
            action, moved = look, move(pose, look, self.mode, self.frame_rate_hz)
        if self.mode in (Mode.WALK, Mode.CAVE):
            feet = _feet_at(self.world, moved.x, moved.z, self._feet)
            if feet is not None:
                action = replace(action, jump=feet > self._feet)
                self._feet = feet
        self.pose = moved
        return action
