"""Settings of a garage data set, and all that follows from them alone: loadouts and names."""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

from lib.files import write_json
from lib.worlds.garage.loadout import (
    CLASSES,
    ROTATIONS,
    Body,
    Loadout,
    Shares,
    Variant,
    sample_loadouts,
)

FORMAT_VERSION = 1
"""Raised whenever the same settings come to give other pictures."""
SETTINGS_FILE = "footage.json"
MOST_LOADOUTS_PER_BODY = 100_000
"""A sticker comes in 105,800 loadouts and a body has two at least: so drawing stays quick."""

_SCALES = {"tiny": 400, "small": 4_000, "full": 38_087}


@dataclass(frozen=True)
class GarageFootage:
    """Settings of a data set.

    variant: fixed camera, or position, yaw and scale vary. seed: which loadouts and poses.
    loadouts: how many, each seen in ten rotations. bodies: whose cars (kept in the order of
    `Body`). shares: how often each body comes. size: (rows, columns). supersample: samples a
    pixel and axis. jpeg_quality: as Pillow has it.
    """

    variant: Variant
    seed: int = 0
    loadouts: int = _SCALES["tiny"]
    bodies: tuple[Body, ...] = CLASSES
    shares: Shares = "original"
    size: tuple[int, int] = (150, 400)
    supersample: int = 2
    jpeg_quality: int = 90

    def __post_init__(self) -> None:
        if not self.bodies or len(set(self.bodies)) < len(self.bodies):
            named = ", ".join(body.name.lower() for body in self.bodies) or "none"
            raise ValueError(f"bodies must be at least one, each once, not {named}")
        object.__setattr__(self, "bodies", tuple(sorted(self.bodies)))
        _check_shares(self.shares)
        for name, least, most in (
            ("seed", 0, 2**31 - 1),
            ("loadouts", 1, MOST_LOADOUTS_PER_BODY * len(self.bodies)),
            ("supersample", 1, 8),
            ("jpeg_quality", 1, 100),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(
                    f"{name} must be from {least} to {most}, not {value}; choose one in between"
                )
        if len(self.size) != 2 or min(self.size) < 8:
            raise ValueError(f"size must be (rows, columns), each at least 8, not {self.size}")

    @classmethod
    def preset(
        cls,
        name: str,
        *,
        variant: str = "faithful",
        seed: int = 0,
        bodies: tuple[Body, ...] = CLASSES,
        shares: str = "original",
    ) -> "GarageFootage":
        """Settings by name.

        "tiny": 400 loadouts, 4,000 images, 0.1 GB on disk. "small": 4,000 loadouts, 40,000 images,
        1 GB. "full": the write-up's scale, 38,087 loadouts, 380,870 images, 9 GB.
        """
        if name not in _SCALES:
            raise ValueError(f"preset must be one of {', '.join(_SCALES)}, not {name!r}")
        if variant not in tuple(Variant):
            raise ValueError(f"variant must be one of {', '.join(Variant)}, not {variant!r}")
        _check_shares(shares)
        chosen: Shares = "original" if shares == "original" else "balanced"
        return cls(Variant(variant), seed, _SCALES[name], bodies, chosen)

    @property
    def images(self) -> int:
        """How many images the data set has."""
        return self.loadouts * ROTATIONS


def _check_shares(shares: str) -> None:
    if shares not in get_args(Shares):
        raise ValueError(f"shares must be one of {', '.join(get_args(Shares))}, not {shares!r}")


@lru_cache(maxsize=4)
def loadouts_of(footage: GarageFootage) -> tuple[Loadout, ...]:
    """The loadouts of a data set, in order."""
    return tuple(
        sample_loadouts(
            footage.loadouts, bodies=footage.bodies, shares=footage.shares, seed=footage.seed
        )
    )


def uuid_of(footage: GarageFootage, number: int) -> str:
    """The name of image `number`.

    The original named images by the time; these names come from a hash of settings and number,
    shaped as version 4, so that their order tells nothing and no two data sets share a name.
    """
    return str(UUID(bytes=sha256(_key(footage) + str(number).encode()).digest()[:16], version=4))


def load_settings(folder: Path) -> GarageFootage | None:
    """The settings with which `folder` was made, or None if it was not made by `make_garage`.

    Raises `ValueError` if they are those of another world, or of a version that rendered
    differently.
    """
    path = folder / SETTINGS_FILE
    if not path.exists():
        return None
    found = _read_settings(path)
    if (found.get("world"), found.get("format_version")) != ("garage", FORMAT_VERSION):
        raise ValueError(
            f"{path} is of world {found.get('world')}, format {found.get('format_version')}, but "
            f"garage, format {FORMAT_VERSION}, was wanted; make the footage anew with "
            "`seeing footage make garage`"
        )
    try:
        footage = GarageFootage(
            variant=Variant(found["variant"]),
            bodies=tuple(Body[name.upper()] for name in found["bodies"]),
            size=(found["size"][0], found["size"][1]),
            **{name: found[name] for name in ("seed", "loadouts", "shares")},
            **{name: found[name] for name in ("supersample", "jpeg_quality")},
        )
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{path} lacks settings ({error}); delete the folder {folder}") from error
    return footage


def _settings(footage: GarageFootage) -> dict[str, Any]:
    """`footage` and what it is, as JSON gives them back."""
    bodies = [body.name.lower() for body in footage.bodies]
    settings = {"world": "garage", "format_version": FORMAT_VERSION, **asdict(footage)}
    return {**settings, "variant": footage.variant.value, "bodies": bodies, "size": [*footage.size]}


@lru_cache(maxsize=4)
def _key(footage: GarageFootage) -> bytes:
    """What the names of a data set's images begin from."""
    return json.dumps(_settings(footage), sort_keys=True).encode()


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{path} is not readable as settings; delete the folder {path.parent}")
    return found


def save_settings(folder: Path, footage: GarageFootage) -> None:
    """Write the settings where `load_settings` finds them."""
    write_json(folder / SETTINGS_FILE, _settings(footage))


def check_settings(folder: Path, footage: GarageFootage) -> None:
    """Raise `ValueError` if the folder was made with other settings, or not by this."""
    path = folder / SETTINGS_FILE
    if not path.exists():
        theirs = [*folder.glob("*.db"), *folder.glob("*.jpg")]
        if theirs:
            raise ValueError(
                f"{folder} holds {theirs[0].name} but no {SETTINGS_FILE}, so it was not made here; "
                "name another folder, so that nothing in this one is written over"
            )
        return
    found = _read_settings(path)
    for name, value in _settings(footage).items():
        if found.get(name) != value:
            raise ValueError(
                f"{folder} holds footage made with {name} = {found.get(name)}, but now {name} = "
                f"{value} is asked for; name another folder, delete this one, or ask for "
                f"{found.get(name)} again"
            )
