"""What a car of the garage can be and wear, and which of it a data set holds.

The write-up's classes come out as 25 : 25 : 16.7 : 33.3 %, just as 3 : 3 : 2 : 4 stickers do when
every (body, sticker) pair is equally likely; so those are the numbers of stickers here.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Literal

import numpy as np

ROTATIONS = 10
COLOUR_STEPS = 10
"""Each colour slider stops at 10 places, 0 to 100 %."""


class Body(IntEnum):
    """Car bodies, numbered as in the original; the last four came with a new season."""

    OCTANE = 0
    AFTERSHOCK = 1
    WEREWOLF = 2
    BREAKOUT = 3
    HATCHBACK = 4
    PICKUP = 5
    ROADSTER = 6
    PROTOTYPE = 7


CLASSES = (Body.OCTANE, Body.AFTERSHOCK, Body.WEREWOLF, Body.BREAKOUT)
NEW_BODIES = (Body.HATCHBACK, Body.PICKUP, Body.ROADSTER, Body.PROTOTYPE)
STICKERS: dict[Body, int] = {
    Body.OCTANE: 3,
    Body.AFTERSHOCK: 3,
    Body.WEREWOLF: 2,
    Body.BREAKOUT: 4,
    Body.HATCHBACK: 3,
    Body.PICKUP: 3,
    Body.ROADSTER: 3,
    Body.PROTOTYPE: 3,
}
"""How many stickers a body can wear, plain paint (number 0) included."""


class Team(IntEnum):
    """Blue cars run from green to purple, orange ones from yellow to pink."""

    BLUE = 0
    ORANGE = 1


class Hat(IntEnum):
    """What is on the roof: 23 choices, as in the game."""

    NONE = 0
    TOP_HAT = 1
    PARTY_CONE = 2
    SOMBRERO = 3
    BOOMBOX = 4
    RABBIT_EARS = 5
    HORNED_HELMET = 6
    MOHAWK = 7
    CAP = 8
    BERET = 9
    COWBOY_HAT = 10
    UNICORN_HORN = 11
    CAKE = 12
    ANTLERS = 13
    BEANIE = 14
    FEZ = 15
    WITCH_HAT = 16
    CROWN = 17
    PROPELLER_CAP = 18
    TRAFFIC_CONE = 19
    CHEF_HAT = 20
    BOWLER = 21
    HALO = 22


WHEELS = 23
"""Wheels, numbered from 0; they differ in spokes, hub, tyre profile and colours."""
Shares = Literal["original", "balanced"]


class Variant(StrEnum):
    """`FAITHFUL`: a fixed camera, as captured. `HARD`: position, yaw and scale vary."""

    FAITHFUL = "faithful"
    HARD = "hard"


@dataclass(frozen=True)
class Loadout:
    """One customised car. Colours are slider positions in [0, 1]."""

    body: Body
    team: Team
    primary_colour: float
    secondary_colour: float
    hat: Hat
    sticker: int
    wheel: int

    def __post_init__(self) -> None:
        if not 0 <= self.sticker < STICKERS[self.body]:
            raise ValueError(
                f"sticker is {self.sticker}, but {self.body.name.lower()} has "
                f"{STICKERS[self.body]} (numbered from 0)"
            )
        if not 0 <= self.wheel < WHEELS:
            raise ValueError(f"wheel is {self.wheel}; choose one from 0 to {WHEELS - 1}")
        for name in ("primary_colour", "secondary_colour"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give a number from 0 to 1")


def sample_loadouts(
    count: int,
    *,
    bodies: tuple[Body, ...] = CLASSES,
    shares: Shares = "original",
    seed: int = 0,
) -> list[Loadout]:
    """`count` different loadouts in random order, of `bodies`.

    ``shares="original"`` draws every (body, sticker) pair alike often, which makes the write-up's
    class shares; ``"balanced"`` every body. Either way no pair comes twice more than another.

    Raises:
        ValueError: an unknown share, no bodies, fewer than one loadout, or too many to be found.
    """
    if shares not in ("original", "balanced"):
        raise ValueError(f"shares is {shares!r}; choose original or balanced")
    if count < 1 or not bodies:
        raise ValueError(f"count is {count} and bodies {bodies}; give at least one of each")
    rng = np.random.default_rng([seed, 0x10AD])
    pairs = [(body, sticker) for body in bodies for sticker in range(STICKERS[body])]
    most = len(pairs) * len(Team) * COLOUR_STEPS**2 * len(Hat) * WHEELS // 2
    if count > most:
        raise ValueError(f"count is {count:,}; {most:,} is half of all there are, ask for no more")
    if shares == "balanced":
        rounds = int(np.lcm.reduce([STICKERS[body] for body in bodies]))
        pairs = [pair for pair in pairs for _ in range(rounds // STICKERS[pair[0]])]
    # whole rounds of all pairs, then a part of one: shares come out even
    order = np.concatenate([rng.permutation(len(pairs)) for _ in range(count // len(pairs) + 1)])
    found: dict[Loadout, None] = {}
    for which in order[:count]:
        loadout = _draw(rng, *pairs[which])
        while loadout in found:
            loadout = _draw(rng, *pairs[which])
        found[loadout] = None
    loadouts = list(found)
    return [loadouts[i] for i in rng.permutation(len(loadouts))]


def _draw(rng: np.random.Generator, body: Body, sticker: int) -> Loadout:
    return Loadout(
        body=body,
        team=Team(int(rng.integers(len(Team)))),
        primary_colour=float(rng.integers(COLOUR_STEPS) / (COLOUR_STEPS - 1)),
        secondary_colour=float(rng.integers(COLOUR_STEPS) / (COLOUR_STEPS - 1)),
        hat=Hat(int(rng.integers(len(Hat)))),
        sticker=sticker,
        wheel=int(rng.integers(WHEELS)),
    )
