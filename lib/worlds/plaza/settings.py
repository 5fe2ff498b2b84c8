"""Settings of plaza footage, and how settings are kept beside the footage they made."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from lib.files import write_json

Background = Literal["black", "gradient", "hard", "blurred", "leaves"]
"""Of any world; a world's own `BACKGROUNDS` are those that it has."""
BACKGROUNDS: tuple[Background, ...] = ("black", "gradient", "hard", "blurred")
FORMAT_VERSION = 3
"""Raised whenever the same settings come to give other footage."""
SETTINGS_FILE = "footage.json"
MOST_IDS = 999
"""A mask holds class * 1000 + id, so a clip can name no more."""
SECONDS_IN_VIEW = 5.0
"""A person stays at least about so long, which bounds how many a clip shows."""

_SCALES: dict[str, dict[str, Any]] = {
    "tiny": {"scenes": 2, "clips": 8, "frames": 24, "size_px": 64, "people": 4, "view_m": 6.5},
    "small": {"scenes": 8, "clips": 8, "frames": 60, "size_px": 128, "people": 8},
    "full": {"scenes": 16, "clips": 16, "frames": 200, "size_px": 128, "people": 12},
}


@dataclass(frozen=True)
class PlazaFootage:
    """Settings of a data set of pedestrians under a static, steep camera.

    seed: which places and people. scenes: how many places, each with its own ground, camera and
    light. clips: how many a scene, of different people. frames: of a clip. size_px: side of the
    square picture. people: how many are in view at a time, on average over scenes. backgrounds:
    what every clip is shown over, a sequence each; "blurred" is "hard" out of focus. view_m:
    breadth of the ground across the middle of the picture. supersample: samples a pixel and axis.
    shadows: whether people cast any ("black" and "gradient" show none: they are no ground).
    """

    seed: int = 0
    scenes: int = 8
    clips: int = 4
    frames: int = 60
    size_px: int = 128
    people: int = 8
    backgrounds: tuple[Background, ...] = ("hard",)
    view_m: float = 9.0
    frame_rate_hz: int = 10
    supersample: int = 2
    shadows: bool = True

    def __post_init__(self) -> None:
        check_range(self, "seed", 0, 2**31 - 1)
        for name, least, most in (
            ("scenes", 1, 1000),
            ("clips", 1, 1000),
            ("frames", 1, 100_000),
            ("size_px", 16, 2048),
            ("people", 1, 60),
            ("view_m", 4.0, 40.0),
            ("frame_rate_hz", 1, 60),
            ("supersample", 1, 4),
        ):
            check_range(self, name, least, most)
        object.__setattr__(self, "backgrounds", check_backgrounds(self.backgrounds, BACKGROUNDS))
        seen = 2 * self.people * (1 + self.frames / self.frame_rate_hz / SECONDS_IN_VIEW)
        if seen > MOST_IDS:
            raise ValueError(
                f"frames is {self.frames} and people {self.people}: about {seen:.0f} people may "
                f"come into view, but a clip can name {MOST_IDS}; ask for shorter clips, and more"
            )

    @classmethod
    def preset(
        cls, name: str, *, seed: int = 0, backgrounds: tuple[str, ...] = ("hard",)
    ) -> "PlazaFootage":
        """Settings by name.

        "tiny": 2 scenes, 16 clips, 384 frames of 64 pixels a background. "small": 8 scenes,
        64 clips, 3,840 frames of 128 pixels. "full": 16 scenes, 256 clips, 51,200 frames.
        """
        if name not in _SCALES:
            raise ValueError(f"preset must be one of {', '.join(_SCALES)}, not {name!r}")
        chosen = check_backgrounds(backgrounds, BACKGROUNDS)
        return cls(seed=seed, backgrounds=chosen, **_SCALES[name])

    @property
    def sequences(self) -> int:
        """How many sequences the data set has, all backgrounds together."""
        return self.scenes * self.clips * len(self.backgrounds)

    @property
    def pixels_per_m(self) -> float:
        """Scale across the middle of the picture."""
        return self.size_px / self.view_m


def check_range(settings: object, name: str, least: int | float, most: int | float) -> None:
    """Raise `ValueError` unless the setting `name` is from `least` to `most`."""
    value = getattr(settings, name)
    if not least <= value <= most:
        raise ValueError(
            f"{name} must be from {least} to {most}, not {value}; choose one in between"
        )


def check_backgrounds(
    chosen: tuple[str, ...], possible: tuple[Background, ...]
) -> tuple[Background, ...]:
    """`chosen` in the order of `possible`; raises `ValueError` unless it is some of these."""
    if not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= set(possible):
        named = ", ".join(map(repr, chosen)) or "none"
        raise ValueError(
            f"backgrounds must be some of {', '.join(possible)}, each once, not {named}; "
            'for a single one write ("hard",)'
        )
    return tuple(kind for kind in possible if kind in chosen)


def settings_as_json(world: str, settings: Any) -> dict[str, Any]:
    """Settings, a dataclass, and what they are of, as JSON gives them back."""
    kept: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return {"world": world, "format_version": FORMAT_VERSION, **kept}


def read_settings(folder: Path, world: str) -> dict[str, Any] | None:
    """The settings in `folder` without world and version; None where there are none.

    Raises `ValueError` if they are of another world or version.
    """
    path = folder / SETTINGS_FILE
    if not path.exists():
        return None
    found = _read(path)
    kind = found.pop("world", None), found.pop("format_version", None)
    if kind != (world, FORMAT_VERSION):
        raise ValueError(
            f"{path} is of world {kind[0]}, format {kind[1]}, but {world}, format "
            f"{FORMAT_VERSION}, was wanted; make the footage anew in another folder"
        )
    return found


def load_settings(folder: Path) -> PlazaFootage | None:
    """The settings with which `make_plaza` made `folder`, or None if it did not.

    Raises `ValueError` for settings of another world or version, and for damaged ones.
    """
    found = read_settings(folder, "plaza")
    if found is None:
        return None
    try:
        return PlazaFootage(**{**found, "backgrounds": tuple(found["backgrounds"])})
    except (TypeError, KeyError) as error:
        raise ValueError(
            f"{folder / SETTINGS_FILE} lacks settings ({error}); delete the folder {folder}"
        ) from error


def claim_folder(folder: Path, settings: dict[str, Any]) -> None:
    """Write `settings` into `folder`; raises `ValueError` if it holds anything made otherwise."""
    path = folder / SETTINGS_FILE
    if path.exists():
        found = _read(path)
        for name, value in settings.items():
            if found.get(name) != value:
                raise ValueError(
                    f"{folder} holds footage made with {name} = {found.get(name)}, but now "
                    f"{name} = {value} is asked for; name another folder, delete this one, or "
                    f"ask for {found.get(name)} again"
                )
        return
    theirs = next(iter(folder.iterdir()), None) if folder.exists() else None
    if theirs is not None:
        raise ValueError(
            f"{folder} holds {theirs.name} but no {SETTINGS_FILE}, so it was not made here; name "
            "another folder, so that nothing in this one is written over"
        )
    write_json(path, settings)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{path} is not readable as settings; delete the folder {path.parent}")
    return found
