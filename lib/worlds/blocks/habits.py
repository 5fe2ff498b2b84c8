"""What the player's hand and inventory do while the camera walks: hits, and choices of a slot."""

import math

import numpy as np

from lib.worlds.blocks.camera import Mode
from lib.worlds.blocks.hand import SWING_SECONDS, Hand
from lib.worlds.blocks.hud import Hud
from lib.worlds.blocks.items import SLOTS, draw_inventory

BURSTS_PER_SECOND = {Mode.WALK: 0.16, Mode.FLY: 0.05, Mode.CAVE: 0.30, Mode.SWIM: 0.05}
"""How often the player begins to hit something."""
CHOICES_PER_SECOND = 0.16
"""How often another slot is chosen."""
RAISE_SECONDS = 0.25
"""The hand goes down and comes up again with another item."""


class Habits:
    """One player's state, frame by frame; the same generator state gives the same play.

    `step` moves on by a frame; `attack`, `slot`, `hud()` and `hand()` say what that frame has.
    """

    def __init__(self, rng: np.random.Generator, mode: Mode, frame_rate_hz: float) -> None:
        self.rng, self.mode, self.frame_rate_hz = rng, mode, frame_rate_hz
        self.items = draw_inventory(rng)
        self.slot = int(rng.integers(0, 4))
        self.attack = False
        self.hearts = 10.0 if rng.random() < 0.6 else float(rng.integers(5, 20)) / 2
        self.hunger = 10.0 if rng.random() < 0.4 else float(rng.integers(6, 20)) / 2
        self.experience = float(rng.random())
        self._hitting_seconds = 0.0
        self._swing_seconds = math.inf  # since the last swing began
        self._chosen_seconds = math.inf
        self._stride_blocks = 0.0

    def step(self, moved_blocks: float) -> None:
        """The next frame, after the walker moved so far."""
        seconds, rng = 1 / self.frame_rate_hz, self.rng
        dice = rng.random(3)
        hold = float(rng.uniform(0.2, 1.4))
        self._hitting_seconds -= seconds
        if self._hitting_seconds <= 0 and dice[0] < BURSTS_PER_SECOND[self.mode] * seconds:
            self._hitting_seconds = hold
        self.attack = self._hitting_seconds > 0
        self._swing_seconds += seconds
        if self.attack and self._swing_seconds >= SWING_SECONDS:
            self._swing_seconds = 0.0
        self._chosen_seconds += seconds
        if not self.attack and dice[1] < CHOICES_PER_SECOND * seconds:
            way = 1 if dice[2] < 0.65 else -1 if dice[2] < 0.85 else 4
            self.slot = (self.slot + way) % SLOTS
            self._chosen_seconds = 0.0
        if self.mode in (Mode.WALK, Mode.CAVE):
            self._stride_blocks += moved_blocks

    def hud(self) -> Hud:
        """The display; fliers have no health to show."""
        return Hud(
            self.items,
            self.slot,
            self.hearts,
            self.hunger,
            self.experience,
            survival=self.mode is not Mode.FLY,
        )

    def hand(self) -> Hand:
        """What is held and how; the hand comes up with what the slot holds."""
        return Hand(
            item=self.items[self.slot],
            swing=min(self._swing_seconds / SWING_SECONDS, 1.0) % 1.0,
            stride_blocks=self._stride_blocks,
            raised=min(1.0, self._chosen_seconds / RAISE_SECONDS),
        )
