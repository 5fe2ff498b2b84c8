"""How people walk: towards a goal, round each other and round what lies in their way.

The social force model (Helbing & Molnár 1995): each person is drawn to their goal at their own pace
and pushed away by others, by those ahead more than by those behind. Three things are added. Who has
a bed ahead aims past its end. Nobody comes nearer to a bed than `KEEP_OFF_M` or to another person
than a body's breadth, since after each step such positions are put right. And some people stop for
a while, or walk in pairs.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from lib.worlds.plaza.scene import KEEP_OFF_M, Bed, Scene, clearances, nearest_points

BODY_M = 0.46
"""Two people's middles are at least so far apart, but for what one step of putting right leaves."""
STRIDE_M = 1.35
"""Two steps at a pace of 1.3 m/s; the stride grows with the root of the pace."""
USUAL_PACE = 1.3

_RELAXATION_S = 0.5
_PUSH, _PUSH_M = 4.0, 0.35  # m/s² at touch, and the distance in which the push fades
_LOOK_AHEAD_M = 4.0
_TURN_PER_S = 4.0  # radians
_STEPS_PER_S = 20
_WARM_UP_S = 3.0


class Moment(NamedTuple):
    """Who is about in one frame, and how each stands.

    who: numbers of people, from 0 in the order they came. heading: angle of the body, 0 along x.
    phase: of the stride, in radians. pace: speed over ground in m/s.
    """

    who: Int64[np.ndarray, " n"]
    place: Float64[np.ndarray, "n 2"]
    heading: Float64[np.ndarray, " n"]
    phase: Float64[np.ndarray, " n"]
    pace: Float64[np.ndarray, " n"]


class _Walker(NamedTuple):
    """One person's row of the crowd's table."""

    place: Float64[np.ndarray, "2"]
    goal: Float64[np.ndarray, "2"]
    wish: float  # pace in m/s
    phase: float
    stop_at: float  # seconds
    go_at: float


class Crowd:
    """People on a scene's stage; those who leave it are replaced by others who enter."""

    def __init__(self, scene: Scene, people: int, rng: np.random.Generator):
        """A crowd of `people` at places at random, already on their way."""
        self.scene, self._rng = scene, rng
        self._wanted = people
        self._clock = 0.0
        self.came = 0
        self.who = np.zeros(0, dtype=np.int64)
        self.place, self.velocity, self.goal = (np.zeros((0, 2)) for _ in range(3))
        self.wish, self.phase, self.heading = (np.zeros(0) for _ in range(3))
        self.stop_at, self.go_at = np.zeros(0), np.zeros(0)
        for _ in range(20 * people):
            if len(self.who) < people:
                self._enter(anywhere=True)
        for _ in range(round(_WARM_UP_S * 10)):
            self.advance(0.1)

    def advance(self, seconds: float) -> None:
        """Let time pass, and newcomers enter."""
        steps = max(1, round(seconds * _STEPS_PER_S))
        for _ in range(steps):
            self._step(seconds / steps)
        for _ in range(3):
            if len(self.who) < self._wanted:
                self._enter(anywhere=False)

    def moment(self) -> Moment:
        """The crowd as it stands now."""
        pace = np.linalg.norm(self.velocity, axis=1)
        return Moment(
            self.who.copy(), self.place.copy(), self.heading.copy(), self.phase.copy(), pace
        )

    def _enter(self, *, anywhere: bool) -> None:
        """Add a person, at times with a companion, where there is room; else nobody."""
        rng, stage = self._rng, self.scene.stage
        lengths = np.array([1.0, 1.0, 0.8, 1.0])
        side = int(rng.choice(4, p=lengths / lengths.sum()))
        other = int(rng.choice([k for k in range(4) if k != side]))
        start = stage.border(side, rng.uniform(0.03, 0.97)) * 0.999
        end = stage.border(other, rng.uniform(0.1, 0.9))
        ahead = (end - start) / np.linalg.norm(end - start)
        if anywhere:
            start = start + (end - start) * rng.uniform(0.0, 0.95)
        stop_at, go_at = math.inf, math.inf
        if rng.random() < 0.15:
            stop_at = self._clock + rng.uniform(0.0, 8.0)
            go_at = stop_at + rng.uniform(2.0, 8.0)
        wish = float(np.clip(rng.normal(USUAL_PACE, 0.2), 0.75, 1.8))
        beyond = end + 2.0 * ahead  # so that everybody leaves over the border
        first = _Walker(start, beyond, wish, rng.uniform(0, 2 * math.pi), stop_at, go_at)
        paired = rng.random() < 0.2
        aside = np.array([-ahead[1], ahead[0]]) * rng.choice([-0.62, 0.62])
        second = first._replace(
            place=start + aside, goal=beyond + aside, phase=rng.uniform(0, 2 * math.pi)
        )
        if self._has_room(start):
            self._add(first, ahead)
            if paired and len(self.who) < self._wanted and self._has_room(second.place, 0.55):
                self._add(second, ahead)

    def _has_room(self, place: Float64[np.ndarray, "2"], apart: float = 0.9) -> bool:
        on_stage = bool(self.scene.stage.contains(place[None])[0])
        off_beds = float(clearances(self.scene.beds, place[None])[0]) > KEEP_OFF_M + 0.1
        nearest = np.linalg.norm(self.place - place, axis=1).min(initial=math.inf)
        return on_stage and off_beds and float(nearest) > apart

    def _add(self, walker: _Walker, ahead: Float64[np.ndarray, "2"]) -> None:
        self.who = np.append(self.who, self.came)
        self.came += 1
        self.place = np.vstack([self.place, walker.place])
        self.velocity = np.vstack([self.velocity, ahead * walker.wish])
        self.goal = np.vstack([self.goal, walker.goal])
        self.heading = np.append(self.heading, math.atan2(ahead[1], ahead[0]))
        for name in ("wish", "phase", "stop_at", "go_at"):
            setattr(self, name, np.append(getattr(self, name), getattr(walker, name)))

    def _step(self, dt: float) -> None:
        if len(self.who) == 0:
            return
        self._clock += dt
        still = (self._clock >= self.stop_at) & (self._clock < self.go_at)
        wish = np.where(still, 0.0, self.wish)
        wanted = wish[:, None] * self._directions()
        force = (wanted - self.velocity) / _RELAXATION_S + self._pushes()
        self.velocity = self.velocity + force * dt
        pace = np.linalg.norm(self.velocity, axis=1)
        most = np.where(still, 0.15, 1.3 * self.wish)
        self.velocity *= np.minimum(1.0, most / (pace + 1e-9))[:, None]
        before = self.place
        self.place = self._put_right(self.place + self.velocity * dt)
        self.velocity = (self.place - before) / dt
        pace = np.linalg.norm(self.velocity, axis=1)
        self._turn(pace, dt)
        stride = STRIDE_M * np.sqrt(np.maximum(pace, 0.2) / USUAL_PACE)
        self.phase = (self.phase + 2 * math.pi * pace / stride * dt) % (2 * math.pi)
        self._keep(self.scene.stage.contains(self.place))

    def _directions(self) -> Float64[np.ndarray, "n 2"]:
        """Unit vectors: to the goal, or past the nearest bed on the way."""
        direct = _unit(self.goal - self.place)
        aim, nearest = self.goal.copy(), np.full(len(self.who), _LOOK_AHEAD_M)
        for bed in self.scene.beds:
            spot, wide = _as_disc(bed, self.place)
            to = spot - self.place
            ahead = (to * direct).sum(1)
            aside = direct[:, 0] * to[:, 1] - direct[:, 1] * to[:, 0]  # positive: lies to the left
            wide = wide + KEEP_OFF_M + 0.15
            blocks = (ahead > 0) & (ahead < nearest) & (np.abs(aside) < wide)
            left = np.stack([-direct[:, 1], direct[:, 0]], axis=1)
            past = spot - np.where(aside > 0, 1.0, -1.0)[:, None] * left * (wide + 0.1)[:, None]
            aim = np.where(blocks[:, None], past, aim)
            nearest = np.where(blocks, ahead, nearest)
        return _unit(aim - self.place)

    def _pushes(self) -> Float64[np.ndarray, "n 2"]:
        """Acceleration away from others and from beds."""
        apart = self.place[:, None] - self.place[None]
        distance = np.linalg.norm(apart, axis=2)
        np.fill_diagonal(distance, 1e9)
        away = apart / np.maximum(distance, 1e-6)[..., None]
        facing = -(away * _unit(self.velocity)[:, None]).sum(2)  # 1: right ahead
        heed = 0.35 + 0.65 * (1 + facing) / 2
        strength = heed * _PUSH * np.exp((0.6 - distance) / _PUSH_M)
        aside = np.stack([away[..., 1], -away[..., 0]], axis=2)  # pass on the right
        total = ((away + 0.3 * aside) * strength[..., None]).sum(1)
        for bed in self.scene.beds:
            off = self.place - nearest_points(bed, self.place)
            room = np.linalg.norm(off, axis=1) - bed.radius - KEEP_OFF_M
            total += _unit(off) * (2.0 * np.exp(-room / 0.2))[:, None]
        return total

    def _put_right(self, place: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"]:
        """Move people apart, then off the beds: the latter holds without exception."""
        apart = place[:, None] - place[None]
        distance = np.linalg.norm(apart, axis=2)
        np.fill_diagonal(distance, 1e9)
        short = np.maximum(0.0, BODY_M - distance) / 2
        place = place + (apart / np.maximum(distance, 1e-6)[..., None] * short[..., None]).sum(1)
        for bed in self.scene.beds:
            middle = nearest_points(bed, place)
            off = place - middle
            least = bed.radius + KEEP_OFF_M
            inside = np.linalg.norm(off, axis=1) < least
            place = np.where(inside[:, None], middle + (least + 1e-9) * _unit(off), place)
        return place

    def _turn(self, pace: Float64[np.ndarray, " n"], dt: float) -> None:
        """Bodies follow the way they go, as fast as a body turns."""
        course = np.arctan2(self.velocity[:, 1], self.velocity[:, 0])
        change = (course - self.heading + math.pi) % (2 * math.pi) - math.pi
        most = _TURN_PER_S * dt * np.clip(pace / 0.4, 0.0, 1.0)
        self.heading = self.heading + np.clip(change, -most, most)

    def _keep(self, kept: np.ndarray) -> None:
        if not kept.all():
            names = ("who", "place", "velocity", "goal", "wish", "phase")
            for name in (*names, "heading", "stop_at", "go_at"):
                setattr(self, name, getattr(self, name)[kept])


def _unit(vectors: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _as_disc(
    bed: Bed, place: Float64[np.ndarray, "n 2"]
) -> tuple[Float64[np.ndarray, "n 2"], Float64[np.ndarray, " n"]]:
    """A disc about the bed, for those who look for a way past it: middle and radius."""
    start, end = np.array(bed.start), np.array(bed.end)
    middle = np.broadcast_to((start + end) / 2, place.shape)
    return middle, np.full(len(place), bed.radius + float(np.linalg.norm(end - start)) / 2)
