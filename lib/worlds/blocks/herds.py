"""Where creatures live and how they wander, as a function of time alone.

Each square of 16 by 16 columns may have a herd, drawn from the seeds of world and recording; a
herd's members walk, stop, graze and turn. Any moment can be asked for by itself, and the same
seeds give the same life.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from lib.worlds.blocks.creatures import SEEN_BLOCKS, Creature
from lib.worlds.blocks.kinds import SEA_LEVEL, SOLID, WET, Biome
from lib.worlds.blocks.species import Species
from lib.worlds.blocks.world import World

SQUARE = 16
"""Blocks a side of a herd's square."""
WANDER_BLOCKS = 12.0
"""Herds this much beyond the view are looked at too, as they may have come nearer."""
_STEP = 0.5  # blocks between two places of a path that are looked at
_STRIDE = {
    Species.CHICKEN: 0.45,
    Species.RABBIT: 0.8,
    Species.FISH: 0.8,
}
_SPEED = {Species.CHICKEN: 0.9, Species.RABBIT: 1.9, Species.ZOMBIE: 0.8, Species.FISH: 1.1}
_PLAIN = (1.0, 1.0, 1.0)
_COATS: Mapping[Species, Sequence[tuple[float, float, float]]] = {
    Species.SHEEP: (_PLAIN, _PLAIN, _PLAIN, (0.42, 0.42, 0.44), (0.50, 0.36, 0.27)),
    Species.RABBIT: (_PLAIN, (0.62, 0.58, 0.60), (1.35, 1.55, 2.0)),
    Species.FISH: (_PLAIN, (0.75, 1.4, 3.2), (0.9, 1.6, 3.6), (1.1, 0.5, 0.7)),
}
_GRASSLAND = (Species.PIG, Species.COW, Species.SHEEP, Species.CHICKEN)
# biome: (chance of a herd in a square, who)
HERDS: Mapping[Biome, tuple[float, Sequence[Species]]] = {
    Biome.OCEAN: (0.25, (Species.FISH,)),
    Biome.BEACH: (0.04, (Species.CHICKEN, Species.PIG)),
    Biome.PLAINS: (0.11, _GRASSLAND),
    Biome.FOREST: (0.16, _GRASSLAND),
    Biome.BIRCH_FOREST: (0.16, _GRASSLAND),
    Biome.TAIGA: (0.15, (Species.SHEEP, Species.RABBIT, Species.COW)),
    Biome.SNOW: (0.10, (Species.RABBIT, Species.SHEEP)),
    Biome.DESERT: (0.09, (Species.RABBIT,)),
    Biome.SAVANNA: (0.11, (Species.COW, Species.SHEEP, Species.CHICKEN)),
    Biome.JUNGLE: (0.17, (Species.CHICKEN, Species.PIG)),
    Biome.MESA: (0.08, (Species.RABBIT,)),
    Biome.MOUNTAIN: (0.12, (Species.SHEEP, Species.COW)),
}
NIGHT_CHANCE = 0.12
"""Of a zombie or two in a square of land at night."""


def _may_walk(
    world: World, x: Float[np.ndarray, " m"], z: Float[np.ndarray, " m"]
) -> tuple[Bool[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """(which places have dry open ground, height of that ground)."""
    n = world.size
    i, k = np.floor(x).astype(np.int64) % n, np.floor(z).astype(np.int64) % n
    ground = world.surface[i, k].astype(np.int64)
    good = (ground >= SEA_LEVEL) & SOLID[world.blocks[i, k, ground]]
    for over in (1, 2):
        good &= ~SOLID[world.blocks[i, k, ground + over]]
        good &= ~WET[world.blocks[i, k, ground + over]]
    for dx, dz in ((0.45, 0.45), (0.45, -0.45), (-0.45, 0.45), (-0.45, -0.45)):
        beside = np.floor(x + dx).astype(np.int64) % n, np.floor(z + dz).astype(np.int64) % n
        good &= ~SOLID[world.blocks[*beside, ground + 2]]
    return good, ground + 1.0


def _may_swim(
    world: World, x: Float[np.ndarray, " m"], z: Float[np.ndarray, " m"], y: float
) -> Bool[np.ndarray, " m"]:
    n, good = world.size, np.ones(len(x), bool)
    for dx, dz in ((0.5, 0.0), (-0.5, 0.0), (0.0, 0.5), (0.0, -0.5)):
        beside = np.floor(x + dx).astype(np.int64) % n, np.floor(z + dz).astype(np.int64) % n
        good &= WET[world.blocks[*beside, math.floor(y)]]
    return good


class Wanderer:
    """One creature's life: a growing list of moments (seconds, x, y, z, yaw, stride, grazing)."""

    def __init__(
        self, world: World, rng: np.random.Generator, species: Species, place: np.ndarray
    ) -> None:
        self.world, self.rng, self.species = world, rng, species
        coats = _COATS.get(species, (_PLAIN,))
        self.coat = coats[int(rng.integers(len(coats)))]
        young = species not in (Species.ZOMBIE, Species.FISH) and rng.random() < 0.12
        self.scale = 0.55 if young else float(rng.uniform(0.94, 1.06))
        self.speed = _SPEED.get(species, 1.15) * float(rng.uniform(0.85, 1.15))
        yaw = float(rng.uniform(-math.pi, math.pi))
        self._rows = [np.array([[-float(rng.uniform(0, 6)), *place, yaw, 0.0, 0.0]])]
        self._table = self._rows[0]

    def at(self, seconds: float) -> Creature:
        """The creature `seconds` after the recording's start."""
        while self._table[-1, 0] <= seconds:
            self._live_on()
        table = self._table
        k = int(np.searchsorted(table[:, 0], seconds, side="right"))
        before, after = table[k - 1].tolist(), table[k].tolist()
        share = (seconds - before[0]) / (after[0] - before[0])
        _, x, y, z, yaw, stride, grazing = (
            a + (b - a) * share for a, b in zip(before, after, strict=True)
        )
        return Creature(
            self.species, x, y, z, math.degrees(yaw), stride, grazing, self.scale, self.coat
        )

    def _path(self, yaw: float) -> Float[np.ndarray, "m 3"]:
        """Places (x, y, z) along a straight way until something is in the way."""
        _, x, y, z, *_ = self._table[-1].tolist()
        steps = _STEP * np.arange(1, int(self.rng.integers(6, 18)))
        xs, zs = x - math.sin(yaw) * steps, z + math.cos(yaw) * steps
        if self.species is Species.FISH:
            good, ys = _may_swim(self.world, xs, zs, y), np.full(len(xs), y)
        else:
            good, ys = _may_walk(self.world, xs, zs)
            good &= np.abs(np.diff(ys, prepend=y)) <= 1
        reach = len(good) if good.all() else int(np.argmin(good))
        clear = max(0, reach - 1) if reach < len(good) else reach
        return np.stack([xs, ys, zs], 1)[:clear]

    def _live_on(self) -> None:
        """Stand a while, perhaps graze, turn, then walk."""
        seconds, x, y, z, yaw, stride, _ = self._table[-1].tolist()
        rng = self.rng
        path, goal = np.zeros((0, 3)), yaw
        for _ in range(4):
            goal = yaw + float(rng.normal(0, 1.3))
            path = self._path(goal)
            if len(path) >= 2:
                break
        fish = self.species is Species.FISH
        pause = float(rng.uniform(0.1, 0.4) if fish else rng.uniform(0.8, 4.0))
        down = float(rng.random() < 0.5) if pause > 1.5 and not fish else 0.0
        stand = (x, y, z)
        rows = [
            (seconds + 0.25 * pause, *stand, yaw, stride, down),
            (seconds + 0.75 * pause, *stand, yaw, stride, down),
            (seconds + pause, *stand, yaw, stride, 0.0),
        ]
        seconds += pause + abs(goal - yaw) / 3.0 + 0.05
        rows.append((seconds, *stand, goal, stride, 0.0))
        if len(path) >= 2:
            length = _STEP * len(path)
            strides = max(1, round(length / _STRIDE.get(self.species, 1.1)))
            for number, place in enumerate(path.tolist(), start=1):
                share = number / len(path)
                gait = stride + 2 * math.pi * strides * share
                rows.append((seconds + share * length / self.speed, *place, goal, gait, 0.0))
        self._rows.append(np.array(rows))
        self._table = np.concatenate(self._rows)


class Population:
    """The creatures of one recording; `night` adds those that come out in the dark."""

    def __init__(self, world: World, number: int, *, night: bool = False) -> None:
        self.world, self.number, self.night = world, number, night
        self._herds: dict[tuple[int, int], list[Wanderer]] = {}
        self._nearby: dict[tuple[int, int], list[Wanderer]] = {}

    def around(self, x: float, z: float, seconds: float) -> list[Creature]:
        """Creatures that may be seen from a column, `seconds` after the recording's start.

        The world repeats; each is given where it is nearest.
        """
        square, n = (math.floor(x / SQUARE), math.floor(z / SQUARE)), self.world.size
        if square not in self._nearby:
            reach = math.ceil((SEEN_BLOCKS + WANDER_BLOCKS) / SQUARE)
            count = n // SQUARE
            span = range(-reach, reach + 1)
            squares = {
                ((square[0] + i) % count, (square[1] + k) % count): None for i in span for k in span
            }
            self._nearby[square] = [w for s in squares for w in self._herd(s)]
        found = []
        for wanderer in self._nearby[square]:
            creature = wanderer.at(seconds)
            dx, dz = math.remainder(creature.x - x, n), math.remainder(creature.z - z, n)
            if dx * dx + dz * dz < SEEN_BLOCKS**2:
                found.append(
                    Creature(
                        creature.species,
                        x + dx,
                        creature.y,
                        z + dz,
                        creature.yaw_deg,
                        creature.stride_rad,
                        creature.grazing,
                        creature.scale,
                        creature.coat,
                    )
                )
        return found

    def _herd(self, square: tuple[int, int]) -> list[Wanderer]:
        if square not in self._herds:
            rng = np.random.default_rng([self.world.seed, 3, self.number, *square])
            x, z = SQUARE * (np.array(square) + rng.random(2))
            biome = self.world.biome_at(x, z)
            chance, kinds = HERDS[biome]
            dice, kind = float(rng.random()), kinds[int(rng.integers(len(kinds)))]
            members = int(rng.integers(2, 5)) + 2 * (kind is Species.FISH)
            if self.night and biome is not Biome.OCEAN and rng.random() < NIGHT_CHANCE:
                dice, kind, members = 0.0, Species.ZOMBIE, int(rng.integers(1, 3))
            count = members if dice < chance else 0
            self._herds[square] = self._settle(rng, kind, x + rng.normal(0, 2.2, count), z)
        return self._herds[square]

    def _settle(
        self, rng: np.random.Generator, species: Species, xs: np.ndarray, z: float
    ) -> list[Wanderer]:
        """The members of a herd that find a place to stand, or to swim, about (xs, z)."""
        zs = z + rng.normal(0, 2.2, len(xs))
        ys = rng.uniform(SEA_LEVEL - 5, SEA_LEVEL + 0.3, len(xs))
        if species is Species.FISH:
            pairs = zip(xs, zs, ys, strict=True)
            good = np.array(
                [_may_swim(self.world, np.array([x]), np.array([z]), y)[0] for x, z, y in pairs],
                bool,
            )
        else:
            good, ys = _may_walk(self.world, xs, zs)
        seeds = rng.integers(0, 2**62, len(xs))
        return [
            Wanderer(
                self.world,
                np.random.default_rng(seeds[i]),
                species,
                np.array([xs[i], ys[i], zs[i]]),
            )
            for i in np.flatnonzero(good)
        ]
