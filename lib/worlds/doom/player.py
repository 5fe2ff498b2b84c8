"""A scripted player: travels through a map by planned ways, fights what it meets, opens doors.

It goes to things, switches and places it has not been to, by the shortest way on the map's floor,
a little ahead of which it looks; it turns to monsters in view and shoots while it goes on. Where
no way leads on, it asks to be moved, as a teleporter would, to a part of the map not yet seen.
All it decides rests on what it sees and on one seed.
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from vizdoom import Button

from lib.worlds.doom.engine import BUTTONS, Moment, Seen
from lib.worlds.doom.floorplan import CELL, FloorPlan, find_ways, is_straight, way_to

_AHEAD = (9, 7, 5, 4, 3, 2, 1)  # cells of the way to look ahead, furthest first
_NEAR = 2.5 * CELL  # map units within which a place counts as reached
_MOST_TURN = 42.0  # degrees a frame
_RUN, _WALK = 50.0, 30.0  # of 50; a player who runs makes 58 map units a frame
_STILL = 6.0  # map units: moving less in a frame is standing
_PATIENCE = 3  # frames standing before something is tried
_DOOR_FRAMES = 12  # a door takes a second to open; using it again would shut it
_TRAPPED_FRAMES, _TRAPPED = 24, 4.0 * CELL  # after so long within so little, move elsewhere
_FIGHT_FRAMES = 35
_REST_FRAMES = 30
_OBSTACLE_COST = 60.0  # of cells where it got stuck, in cells of open floor
_BLOCK = 12  # cells a block of the map is wide, by which the player remembers where it was
_AIM_DEGREES = 6.0
_SHOOTING_PX = 10  # height of a monster worth shooting at


@dataclass(frozen=True)
class Decision:
    """What to do in the next frame: values of `BUTTONS`, and perhaps a place to be moved to."""

    action: tuple[float, ...]
    warp: tuple[float, float] | None = None


class Player:
    """Plays one map.

    `plan` is the map's floor; `seed` makes one player unlike another. The state is all here: a
    player and an engine of the same seeds give the same frames.
    """

    def __init__(self, plan: FloorPlan, *, seed: int) -> None:
        self._plan = plan
        self._rng = np.random.default_rng(seed)
        self._cost = plan.cost.copy()
        rows, columns = plan.floor.shape
        self._visits = np.zeros((rows // _BLOCK + 1, columns // _BLOCK + 1), np.int64)
        self._way: tuple[tuple[int, int], ...] = ()
        self._look_at: tuple[float, float] | None = None  # at the end of the way
        self._used: set[int] = set()
        self._trail: deque[tuple[float, float]] = deque(maxlen=_TRAPPED_FRAMES)
        self._standing = self._waiting = self._failed = self._fighting = 0
        self._frame = 0
        self.warps = 0

    @property
    def blocks_seen(self) -> int:
        """How many blocks of the map (12 x 12 cells) it has been in."""
        return int((self._visits > 0).sum())

    def decide(self, now: Moment, tics: int) -> Decision:
        """What to do for the `tics` tics to come."""
        here = self._notice(now)
        trapped = len(self._trail) == _TRAPPED_FRAMES and _extent(self._trail) < _TRAPPED
        warp = self._elsewhere() if trapped else None if self._way else self._set_out(here)
        if warp is not None:
            return Decision((0.0,) * len(BUTTONS), warp)
        use = self._handle_standing()
        target = self._next_place(here, now)
        foe = self._foe(now)
        view = (
            (foe.x, foe.y) if foe else self._look_at if self._waiting and self._look_at else target
        )
        turn = _wrap(math.degrees(math.atan2(view[1] - now.y, view[0] - now.x)) - now.angle)
        buttons = dict.fromkeys(BUTTONS, 0.0)
        buttons[Button.ATTACK] = float(foe is not None and abs(turn) < _AIM_DEGREES)
        if foe is None and not self._waiting:
            turn += 9 * math.sin(self._frame / 11) + self._rng.normal(0, 1)
        pace = self._pace(turn, foe is not None)
        toward = math.atan2(target[1] - now.y, target[0] - now.x) - math.radians(now.angle)
        buttons[Button.MOVE_FORWARD_BACKWARD_DELTA] = round(pace * math.cos(toward), 1)
        buttons[Button.MOVE_LEFT_RIGHT_DELTA] = round(-pace * math.sin(toward), 1)
        turned = float(np.clip(turn, -_MOST_TURN, _MOST_TURN))
        buttons[Button.TURN_LEFT_RIGHT_DELTA] = round(-turned / tics, 2)
        buttons[Button.SPEED] = 1.0
        buttons[Button.USE] = float(use)
        self._choose_weapon(buttons)
        return Decision(tuple(buttons[button] for button in BUTTONS))

    def _notice(self, now: Moment) -> tuple[int, int]:
        """Remember where it is and whether it moves; gives the cell."""
        here = self._plan.cell(now.x, now.y)
        moved = math.dist(self._trail[-1], (now.x, now.y)) if self._trail else _STILL
        self._standing = self._standing + 1 if moved < _STILL else 0
        self._waiting = max(0, self._waiting - 1)
        self._trail.append((now.x, now.y))
        self._visits[here[0] // _BLOCK, here[1] // _BLOCK] += 1
        self._frame += 1
        return here

    def _pace(self, turn: float, fights: bool) -> float:
        """How fast to go: slower round corners and in a fight."""
        if self._waiting:
            return 12.0
        return _WALK if fights or abs(turn) > 35 else _RUN

    def _set_out(self, here: tuple[int, int]) -> tuple[float, float] | None:
        """Find a goal and the way to it; where there is none, a place to be moved to."""
        start = self._plan.nearest_free(here)
        if start is not None:
            distance, previous = find_ways(self._plan, start, self._cost)
            goal = self._choose_goal(distance)
            if goal is not None:
                self._way = way_to(previous, goal)
                return None
        return self._elsewhere()

    def _choose_goal(self, distance: Float[np.ndarray, "r c"]) -> tuple[int, int] | None:
        """A switch not used yet, a thing or a place in a block not seen yet; None if none."""
        self._look_at = None
        switches = [
            (i, self._plan.cell(s[0], s[1]))
            for i, s in enumerate(self._plan.switches)
            if i not in self._used
        ]
        near = [(i, cell) for i, cell in switches if distance[cell] < 120]
        if near and self._rng.random() < 0.4:
            i, cell = near[int(self._rng.integers(len(near)))]
            self._used.add(i)
            self._look_at = (float(self._plan.switches[i, 2]), float(self._plan.switches[i, 3]))
            return cell
        cells = np.argwhere(np.isfinite(distance) & (distance > 8) & (self._cost == 1))
        cells = cells[self._visits[cells[:, 0] // _BLOCK, cells[:, 1] // _BLOCK] == 0]
        things = np.array([self._plan.cell(x, y) for x, y in self._plan.places]).reshape(-1, 2)
        if len(things):
            new = self._visits[things[:, 0] // _BLOCK, things[:, 1] // _BLOCK] == 0
            things = things[new & np.isfinite(distance[things[:, 0], things[:, 1]])]
        choice = things if len(things) and self._rng.random() < 0.7 else cells
        if not len(choice):
            return None
        # the nearer the likelier: whoever plays clears one room before the next
        weight = np.exp(-distance[choice[:, 0], choice[:, 1]] / 60)
        picked = choice[int(self._rng.choice(len(choice), p=weight / weight.sum()))]
        return int(picked[0]), int(picked[1])

    def _elsewhere(self) -> tuple[float, float]:
        """A place to be moved to: beside a thing, in one of the blocks seen least."""
        places = [self._plan.nearest_free(self._plan.cell(x, y)) for x, y in self._plan.places]
        cells = np.array([cell for cell in places if cell]).reshape(-1, 2)
        if not len(cells):
            cells = np.argwhere(np.isfinite(self._plan.cost))
        seen = self._visits[cells[:, 0] // _BLOCK, cells[:, 1] // _BLOCK]
        cells = cells[seen == seen.min()]
        self._cost = self._plan.cost.copy()  # what was in the way there is not here
        self._standing, self._failed, self._waiting, self._way = 0, 0, 0, ()
        self._trail.clear()
        self.warps += 1
        picked = cells[int(self._rng.integers(len(cells)))]
        # counted at once, so that a place from which no way leads is not chosen again and again
        self._visits[picked[0] // _BLOCK, picked[1] // _BLOCK] += 1
        return self._plan.middle((int(picked[0]), int(picked[1])))

    def _handle_standing(self) -> bool:
        """Try what helps against standing still; gives whether to press the use button."""
        if self._standing < _PATIENCE or self._waiting:
            return False
        ahead = self._way[: _AHEAD[0]]
        door = any(self._plan.door[cell] or self._plan.lift[cell] for cell in ahead)
        self._failed += 1
        if self._failed == 1:
            self._waiting = _DOOR_FRAMES if door else 3
            return True
        for cell in ahead[:3]:  # a thing or a low ceiling that the plan does not know
            r, c = cell
            self._cost[r - 1 : r + 2, c - 1 : c + 2] += _OBSTACLE_COST
        self._way, self._failed, self._standing = (), 0, 0
        return True

    def _next_place(self, here: tuple[int, int], now: Moment) -> tuple[float, float]:
        """The place to walk to: as far along the way as one sees, dropping what is behind."""
        if not self._way:
            return now.x + math.cos(math.radians(now.angle)), now.y + math.sin(
                math.radians(now.angle)
            )
        gaps = [math.dist((now.x, now.y), self._plan.middle(cell)) for cell in self._way[:14]]
        self._way = self._way[int(np.argmin(gaps)) :]
        if min(gaps) > 8 * CELL:  # a teleporter, or a fall
            self._way = ()
            return now.x, now.y
        if math.dist((now.x, now.y), self._plan.middle(self._way[-1])) < _NEAR:
            end = self._plan.middle(self._way[-1])
            self._arrive()
            return end
        for ahead in _AHEAD:
            if ahead < len(self._way) and is_straight(self._plan, here, self._way[ahead]):
                return self._plan.middle(self._way[ahead])
        return self._plan.middle(self._way[min(1, len(self._way) - 1)])

    def _arrive(self) -> None:
        """At the end of the way: turn to the switch, if one was the goal, else set out anew."""
        if self._look_at is not None and not self._waiting:
            self._waiting, self._standing = 4, _PATIENCE
            return
        self._way, self._failed = (), 0

    def _foe(self, now: Moment) -> Seen | None:
        """The nearest monster in view that is worth a shot; none while tired of shooting."""
        self._fighting += 1
        if self._fighting <= 0:
            return None
        foes = [s for s in now.seen if s.category == "Monster" and s.height_px >= _SHOOTING_PX]
        if not foes:
            self._fighting = max(0, self._fighting - 2)
            return None
        if self._fighting > _FIGHT_FRAMES:
            self._fighting = -_REST_FRAMES
        return min(foes, key=lambda s: math.dist((s.x, s.y), (now.x, now.y)))

    def _choose_weapon(self, buttons: dict[Button, float]) -> None:
        """Now and then, take another weapon."""
        if self._frame % 40 == 20:
            number = int(self._rng.integers(2, 8))
            buttons[getattr(Button, f"SELECT_WEAPON{number}")] = 1.0


def _extent(trail: Iterable[tuple[float, float]]) -> float:
    """The longer side of the box around some places, in map units."""
    return float(np.ptp(np.array(list(trail)), axis=0).max())


def _wrap(degrees: float) -> float:
    """An angle from -180 to 180."""
    return (degrees + 180) % 360 - 180
