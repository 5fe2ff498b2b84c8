"""Two engines in step: one shows the game, the other the same moment as classes of pixels.

The first plays Freedoom as it is, the second a copy whose pictures are repainted by class (see
`lib.worlds.doom.repaint`). ViZDoom (Wydmuch et al. 2018) keeps both in the same state as long as
they get the same seed, commands and actions; `EnginePair` sees to that, and checks the camera.
"""

import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import vizdoom
from jaxtyping import UInt8
from vizdoom import Button, DoomGame, GameState, GameVariable

SIZE = (180, 320)
"""(rows, columns) of frames."""
VIEW_ROWS = 148
"""Rows above the status bar, which keeps its 32 rows."""
HORIZON = VIEW_ROWS // 2

BUTTONS = (
    Button.MOVE_FORWARD_BACKWARD_DELTA,
    Button.MOVE_LEFT_RIGHT_DELTA,
    Button.TURN_LEFT_RIGHT_DELTA,  # degrees to the right, each tic
    Button.SPEED,
    Button.ATTACK,
    Button.USE,
    Button.SELECT_WEAPON1,
    Button.SELECT_WEAPON2,
    Button.SELECT_WEAPON3,
    Button.SELECT_WEAPON4,
    Button.SELECT_WEAPON5,
    Button.SELECT_WEAPON6,
    Button.SELECT_WEAPON7,
)
_VARIABLES = (
    GameVariable.POSITION_X,
    GameVariable.POSITION_Y,
    GameVariable.ANGLE,
    GameVariable.HEALTH,
    GameVariable.KILLCOUNT,
    GameVariable.ITEMCOUNT,
    GameVariable.SECRETCOUNT,
)
_SHOWN = ("hud", "weapon", "effects_sprites", "corpses", "messages")
_SETTINGS = "+am_colorset 1"  # the automap as Doom drew it, on black
_CHEATS = ("buddha", "give weapons", "give ammo", "give keys")
_WAIT_TICS = 4
_SKILL = 1  # half the damage: less of the red that hides the view after a hit


class EngineError(RuntimeError):
    """The two engines no longer show the same moment, or one of them died."""


@dataclass(frozen=True)
class Seen:
    """A thing in view: its name and category in the game, place in map units, and pixels.

    `value` is its number in the picture of objects; `height_px` is that of its box.
    """

    name: str
    category: str
    value: int
    x: float
    y: float
    height_px: int


@dataclass(frozen=True)
class Moment:
    """What both engines show at one tic.

    picture: as played, uint8 RGB. repainted: the same moment in colours of classes. objects: for
    each pixel the `value` of the thing it shows (255: the weapon in hand, 0 and 1: none).
    automap: the map as far as it was seen. Place in map units, angle in degrees, 0 east, 90 north.
    """

    picture: UInt8[np.ndarray, "h w 3"]
    repainted: UInt8[np.ndarray, "h w 3"]
    objects: UInt8[np.ndarray, "h w"]
    automap: UInt8[np.ndarray, "h w 3"]
    seen: tuple[Seen, ...]
    tic: int
    x: float
    y: float
    angle: float
    health: float
    kills: int
    items: int
    secrets: int


class EnginePair:
    """Two engines that play the same map; to be used in a ``with`` block.

    `iwad` and `repainted` are paths of WADs. Raises `EngineError` where an engine dies.
    """

    def __init__(self, iwad: Path, repainted: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="doom-")
        self._shown = _new_game(iwad, shown=True)
        self._classes = _new_game(repainted, shown=False)
        self._games = (self._shown, self._classes)
        # an engine writes its settings where it was started
        with contextlib.chdir(self._folder.name):
            self._all("init")

    def __enter__(self) -> "EnginePair":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for game in self._games:
            game.close()
        self._folder.cleanup()

    @property
    def finished(self) -> bool:
        """Whether the map was left or the player died."""
        return any(game.is_episode_finished() for game in self._games)

    def start(self, map_name: str, seed: int) -> None:
        """Begin `map_name` anew, from `seed`, with all weapons and a player who cannot die."""
        self._all("set_doom_map", map_name)
        self._all("set_seed", seed)
        self._all("new_episode")
        self.command(*_CHEATS)
        self.wait()
        self.command("clear")  # the messages that the cheats left
        self.wait(1)

    def command(self, *commands: str) -> None:
        """Give console commands to both."""
        for command in commands:
            self._all("send_game_command", command)

    def act(self, action: Sequence[float], tics: int) -> None:
        """Hold the buttons of `action` (in the order of `BUTTONS`) for `tics` tics."""
        self._all("make_action", list(action), tics)

    def wait(self, tics: int = _WAIT_TICS) -> None:
        """Let time pass with no button held."""
        self.act([0.0] * len(BUTTONS), tics)

    def look(self) -> Moment:
        """What both show now. Raises `EngineError` if they differ in place or direction."""
        a, b = self._shown.get_state(), self._classes.get_state()
        if a is None or b is None:
            raise EngineError("the map is over: there is nothing to see; start a map first")
        there, here = _variables(a), _variables(b)
        if a.tic != b.tic or there != here:
            raise EngineError(
                f"the engines parted: at tic {a.tic} {there}, at tic {b.tic} {here}. Remove the "
                "repainted WAD, so that it is made anew"
            )
        return _moment(a, b)

    def _all(self, method: str, *arguments: object) -> None:
        try:
            for game in self._games:
                getattr(game, method)(*arguments)
        except (
            vizdoom.ViZDoomErrorException,
            vizdoom.ViZDoomIsNotRunningException,
            vizdoom.ViZDoomUnexpectedExitException,
        ) as error:
            raise EngineError(f"an engine died at {method}{arguments}: {error}") from error


def _new_game(wad: Path, *, shown: bool) -> DoomGame:
    """An engine that is not yet running; `shown` is the one whose pictures are kept."""
    game = DoomGame()
    game.set_doom_game_path(str(wad.resolve()))
    game.set_doom_skill(_SKILL)
    game.set_screen_resolution(vizdoom.ScreenResolution.RES_320X180)
    game.set_screen_format(vizdoom.ScreenFormat.RGB24)
    game.set_window_visible(False)
    game.set_sound_enabled(False)
    game.set_mode(vizdoom.Mode.PLAYER)
    game.set_labels_buffer_enabled(shown)
    game.set_automap_buffer_enabled(shown)
    for what in _SHOWN:
        getattr(game, f"set_render_{what}")(True)
    game.set_render_crosshair(False)
    # what tints or darkens the picture has no place where colours are classes
    game.set_render_particles(False)
    game.set_render_decals(shown)
    game.set_render_screen_flashes(shown)
    game.set_available_buttons(list(BUTTONS))
    game.set_available_game_variables(list(_VARIABLES))
    game.set_episode_timeout(10**7)
    game.add_game_args(_SETTINGS if shown else f"{_SETTINGS} +dimamount 0")
    return game


def _variables(state: GameState) -> list[float]:
    assert state.game_variables is not None
    return [float(value) for value in state.game_variables]


def _moment(a: GameState, b: GameState) -> Moment:
    x, y, angle, health, kills, items, secrets = _variables(a)
    seen = tuple(
        Seen(
            label.object_name,
            label.object_category,
            label.value,
            label.object_position_x,
            label.object_position_y,
            label.height,
        )
        for label in a.labels or ()
    )
    return Moment(
        picture=np.array(a.screen_buffer),
        repainted=np.array(b.screen_buffer),
        objects=np.array(a.labels_buffer),
        automap=np.array(a.automap_buffer),
        seen=seen,
        tic=int(a.tic),
        x=x,
        y=y,
        angle=angle,
        health=health,
        kills=int(kills),
        items=int(items),
        secrets=int(secrets),
    )
