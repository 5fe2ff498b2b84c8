"""One recording: a scripted player in a map, with the screens a playthrough has in between."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int16, UInt8

from lib.worlds.doom.classes import FrameKind, PixelClass
from lib.worlds.doom.engine import VIEW_ROWS, EnginePair, Moment
from lib.worlds.doom.floorplan import FloorPlan, make_floorplan
from lib.worlds.doom.labelling import label_play
from lib.worlds.doom.mapdata import COUNTED_ITEMS, MONSTERS, MapData, maps_of, read_map
from lib.worlds.doom.player import Player
from lib.worlds.doom.screens import (
    MENUS,
    MapResult,
    Screen,
    ScreenPainter,
    show_automap,
    show_menu,
)
from lib.worlds.doom.wad import read_wad

MOST_WALL = 0.9
"""Share of walls in the view above which a frame is left out: it shows nothing."""
MOST_REPEATS = 3
MOST_RED = 90.0
"""By how much the status bar may be redder than green, of 255: a hit tints all the picture."""
_SAME = 1.5  # mean difference of two frames, of 255, below which they repeat one another
_ATTEMPTS = 4  # frames played for one to be kept, at most
_EVENT_EVERY = 140  # frames of play between a menu or the automap and the next
_NEEDY, _HEALTH, _SUPPLY = 60, "give health", "give ammo"
_SUPPLY_EVERY = 150
_TITLE, _MENU, _AUTOMAP, _END, _ENTERING = (3, 6), (3, 6), (5, 12), (10, 15), (3, 5)  # frames


@dataclass(frozen=True)
class Shot:
    """One frame of a recording.

    number: when, in tenths of a second since the recording began; numbers left out were dropped.
    picture: RGB. classes: `PixelClass` of every pixel, or `UNKNOWN`. tic: of the map's clock, -1
    where none runs. Place in map units and angle in degrees, None where nobody stands anywhere.
    """

    number: int
    picture: UInt8[np.ndarray, "h w 3"]
    classes: UInt8[np.ndarray, "h w"]
    kind: FrameKind
    tic: int
    place: tuple[float, float, float] | None


def film_map(
    iwad: Path, repainted: Path, map_name: str, *, frames: int, seed: int
) -> Iterator[Shot]:
    """Play a map and give `frames` frames in time order.

    Title and menu first, then play, interrupted by menus and the automap; at the end, and
    whenever the map is left, the score. Fewer frames come only from a map in which the player sees
    nothing but walls. The same arguments give the same frames.
    """
    wad = read_wad(iwad)
    data = read_map(wad, map_name)
    names = maps_of(wad)
    following = names[names.index(map_name) + 1] if map_name != names[-1] else None
    with EnginePair(iwad, repainted) as engines:
        film = _Film(engines, ScreenPainter(wad), data, (map_name, following), seed)
        for count, shot in enumerate(film.run(frames), 1):
            yield shot
            if count == frames:
                return


def redness(picture: UInt8[np.ndarray, "h w 3"]) -> float:
    """How much redder than green the status bar is, on average."""
    red, green, _ = picture[VIEW_ROWS:].reshape(-1, 3).mean(axis=0)
    return float(red - green)


class _Film:
    """A recording in the making."""

    def __init__(
        self,
        engines: EnginePair,
        painter: ScreenPainter,
        data: MapData,
        names: tuple[str, str | None],
        seed: int,
    ) -> None:
        self._engines, self._painter, self._data, self._names = engines, painter, data, names
        self._plan: FloorPlan = make_floorplan(data)
        self._rng = np.random.default_rng(seed)
        self._seed = seed
        self._number = 0
        self._repeats = 0
        self._last: Int16[np.ndarray, "h w 3"] | None = None
        self._now: Moment | None = None  # the latest moment of play

    def run(self, frames: int) -> Iterator[Shot]:
        """Everything in time order: `frames` or a few more; fewer where nothing is seen."""
        self._engines.start(self._names[0], self._seed)
        player = Player(self._plan, seed=self._seed)
        yield from self._screens(self._painter.title() for _ in range(self._some(_TITLE)))
        yield from self._screens(show_menu(self._engines, MENUS[0], self._some(_MENU)))
        ending = frames - _END[1] - _ENTERING[1]
        kept, next_event = self._number, self._number + _EVENT_EVERY // 2
        for played in range(_ATTEMPTS * frames):
            if self._engines.finished:
                yield from self._end()
                self._engines.start(self._names[0], self._seed + played)
                player = Player(self._plan, seed=self._seed + played)
            shot = self._play(player, played)
            if shot is not None:
                kept += 1
                yield shot
            if kept >= ending:
                break
            if self._number >= next_event and not self._engines.finished:
                next_event = self._number + _EVENT_EVERY
                for screen in self._event(player):
                    kept += 1
                    yield screen
        yield from self._end()
        # the announcement stays until the recording is full
        last = self._painter.entering(self._names[1] or self._names[0])
        yield from self._screens([last] * (_END[1] + _ENTERING[1]))

    def _some(self, limits: tuple[int, int]) -> int:
        return int(self._rng.integers(*limits))

    def _screens(self, screens: "Iterator[Screen] | list[Screen]") -> Iterator[Shot]:
        """Screens as frames, each a tenth of a second."""
        for screen in screens:
            yield self._shot(screen)
            self._number += 1

    def _shot(self, screen: Screen) -> Shot:
        """A screen as the frame of now; it has a place where the game goes on behind it."""
        if self._now is None or screen.kind is FrameKind.INTERMISSION:
            return Shot(self._number, screen.picture, screen.classes, screen.kind, -1, None)
        place = (self._now.x, self._now.y, self._now.angle)
        tic = self._now.tic
        return Shot(self._number, screen.picture, screen.classes, screen.kind, tic, place)

    def _play(self, player: Player, played: int) -> Shot | None:
        """Play a tenth of a second; the frame it began with, None if that is not worth keeping."""
        now = self._now = self._engines.look()
        classes = label_play(now)
        number, keep = self._number, classes is not None and self._is_worth(now, classes)
        if now.health < _NEEDY:
            self._engines.command(_HEALTH)
        if played % _SUPPLY_EVERY == _SUPPLY_EVERY - 1:
            self._engines.command(_SUPPLY)
        self._step(player)
        if not keep or classes is None:
            return None
        place = (now.x, now.y, now.angle)
        return Shot(number, now.picture, classes, FrameKind.PLAY, now.tic, place)

    def _step(self, player: Player) -> None:
        assert self._now is not None
        tics = 3 + self._number % 2  # 3.5 on average
        decision = player.decide(self._now, tics)
        if decision.warp is not None:
            x, y = decision.warp
            self._engines.command(f"warp {x:.1f} {y:.1f}")
        self._engines.act(decision.action, tics)
        self._number += 1

    def _is_worth(self, now: Moment, classes: UInt8[np.ndarray, "h w"]) -> bool:
        """Whether a frame shows more than a wall, and more than the frames before it."""
        view = now.picture[:VIEW_ROWS:4, ::4].astype(np.int16)
        same = self._last is not None and np.abs(view - self._last).mean() < _SAME
        self._repeats = self._repeats + 1 if same else 0
        self._last = view
        wall = float((classes[:VIEW_ROWS] == PixelClass.WALL).mean())
        fresh = self._repeats < MOST_REPEATS
        return fresh and wall <= MOST_WALL and redness(now.picture) <= MOST_RED

    def _event(self, player: Player) -> Iterator[Shot]:
        """A menu or the automap, while the player walks on."""
        if self._rng.random() < 0.5:
            menu = MENUS[int(self._rng.integers(len(MENUS)))]
            yield from self._screens(show_menu(self._engines, menu, self._some(_MENU)))
            return
        for _ in range(self._some(_AUTOMAP)):
            if self._engines.finished:
                return
            now = self._now = self._engines.look()
            if redness(now.picture) <= MOST_RED:
                yield self._shot(show_automap(now))
            self._step(player)

    def _end(self) -> Iterator[Shot]:
        """The score, then what comes next."""
        result = self._result()
        count = self._some(_END)
        yield from self._screens(
            self._painter.end_of_map(result, frame=frame) for frame in range(count)
        )
        entering = self._painter.entering(self._names[1] or self._names[0])
        yield from self._screens([entering] * self._some(_ENTERING))

    def _result(self) -> MapResult:
        now = self._now
        kinds = self._data.things[:, 2]
        totals = (
            int(np.isin(kinds, MONSTERS).sum()),
            int(np.isin(kinds, COUNTED_ITEMS).sum()),
            self._data.secrets,
        )
        counts = (now.kills, now.items, now.secrets) if now else (0, 0, 0)
        kills, items, secrets = (
            min(100, 100 * count // total) if total else 100
            for count, total in zip(counts, totals, strict=True)
        )
        return MapResult(*self._names, kills, items, secrets, now.tic if now else 0)
