"""Settings of Doom footage, and all that follows from them alone: recordings and splits."""

import importlib.util
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lib.worlds.doom.engine import SIZE

FORMAT_VERSION = 1
"""Raised whenever the same settings come to give other frames."""

EPISODES = tuple(f"E{episode}M{number}" for episode in range(1, 5) for number in range(1, 10))
LEVELS = tuple(f"MAP{number:02d}" for number in range(1, 33))
ALL_MAPS = (*EPISODES, *LEVELS)
"""The maps of Freedoom: phase 1 has episodes, phase 2 levels."""
DEMO_MAPS = ("E1M6", "E2M4", "E3M9", "E4M6", "MAP03", "MAP10", "MAP22", "MAP23")
"""Maps of the recorded games that Freedoom comes with."""
_TINY = (
    *("E1M1", "E1M7", "E2M3", "E3M2", "E4M1"),
    *("MAP01", "MAP07", "MAP11", "MAP15", "MAP20"),
)
_SMALL = (
    *("E1M1", "E1M4", "E1M7", "E2M1", "E2M3", "E2M6", "E3M2", "E3M4", "E3M7", "E4M1", "E4M3"),
    *("E4M5", "MAP01", "MAP02", "MAP05", "MAP07", "MAP09", "MAP11", "MAP13", "MAP15", "MAP18"),
    *("MAP20", "MAP26", "MAP29"),
)
_PRESETS = {
    "tiny": (_TINY, 130),
    "small": (_SMALL, 500),
    "full": (ALL_MAPS, 1_470),
}
TUNED_ON = ("E2M3", "MAP13")
"""Maps that settings of the chapter's method were chosen on: never test maps, at any preset."""
FEWEST_FRAMES = 60
"""Of a recording: screens alone take some thirty."""


@dataclass(frozen=True)
class DoomFootage:
    """Settings of a playthrough.

    seed: how the player plays. maps: which, each one recording. frames_per_map: at 10 a second of
    the game, screens included. demos: whether the recorded games are played as well, which needs
    the package cydoomgeneric. jpeg_quality: as Pillow has it.
    """

    seed: int = 0
    maps: tuple[str, ...] = _PRESETS["tiny"][0]
    frames_per_map: int = _PRESETS["tiny"][1]
    demos: bool = False
    jpeg_quality: int = 90

    def __post_init__(self) -> None:
        unknown = [name for name in self.maps if name not in ALL_MAPS]
        if unknown or not self.maps or len(set(self.maps)) < len(self.maps):
            raise ValueError(
                f"maps must be different maps of Freedoom (E1M1 … E4M9, MAP01 … MAP32), not "
                f"{', '.join(unknown or self.maps) or 'none'}; choose at least one, each once"
            )
        for name, least, most in (
            ("seed", 0, 2**31 - 1),
            ("frames_per_map", FEWEST_FRAMES, 100_000),
            ("jpeg_quality", 1, 100),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(
                    f"{name} must be from {least} to {most}, not {value}; choose one in between"
                )

    @classmethod
    def preset(cls, preset: str, seed: int = 0, *, demos: bool | None = None) -> "DoomFootage":
        """Settings by name.

        "tiny": 1,300 frames of 10 maps, under a minute on two cores, 30 MB. "small": 12,000 frames
        of 24 maps, 0.3 GB. "full": 100,000 frames of all 68 maps, 3 GB, half an hour; with
        demos, by default where cydoomgeneric is installed, 23,000 more.
        """
        if preset not in _PRESETS:
            raise ValueError(f"preset must be one of {', '.join(_PRESETS)}, not {preset!r}")
        maps, frames = _PRESETS[preset]
        if demos is None:
            demos = preset == "full" and importlib.util.find_spec("cydoomgeneric") is not None
        return cls(seed, maps, frames, demos)

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns) of the scripted player's frames."""
        return SIZE

    @property
    def filmed_maps(self) -> tuple[str, ...]:
        """All maps in the footage, those of demos included."""
        extra = (name for name in DEMO_MAPS if self.demos and name not in self.maps)
        return (*self.maps, *extra)

    def to_json(self) -> dict[str, Any]:
        """Settings as JSON gives them back."""
        known = {**asdict(self), "maps": list(self.maps), "size": list(self.size)}
        return {"world": "doom", "format_version": FORMAT_VERSION, **known}


def iwad_of(map_name: str) -> str:
    """The file name of the game a map is in."""
    return "freedoom2.wad" if map_name in LEVELS else "freedoom1.wad"


@dataclass(frozen=True)
class MapSplit:
    """Maps to learn from, to choose settings by, and to be judged on: no map in two of them."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


def split_maps(
    maps: Sequence[str], *, validation: float = 0.1, test: float = 0.3, seed: int = 0
) -> MapSplit:
    """Split maps at random into shares, at least one map each; in the given order within a part.

    Intervals are over test maps, of which there should be three or more. Those of `TUNED_ON` are
    validation maps first, and training maps where there are too many of them.

    Raises `ValueError` for fewer than three maps and for shares that leave nothing to learn from.
    """
    if len(maps) < 3:
        raise ValueError(f"maps must be three or more to split, not {len(maps)}; film more")
    held = max(1, round(validation * len(maps))), max(1, round(test * len(maps)))
    if min(validation, test) < 0 or sum(held) >= len(maps):
        raise ValueError(
            f"validation = {validation} and test = {test} of {len(maps)} maps leave none to learn "
            "from; choose shares that sum to less than 1"
        )
    order = np.random.default_rng(seed).permutation(len(maps)).tolist()
    known = [i for i in order if maps[i] in TUNED_ON]
    fresh = [i for i in order if maps[i] not in TUNED_ON]
    validated = (known + fresh)[: held[0]]
    tested = [i for i in fresh if i not in validated][: held[1]]
    trained = set(order) - {*validated, *tested}
    parts = validated, tested, trained
    val, test_maps, train = (tuple(maps[i] for i in sorted(part)) for part in parts)
    return MapSplit(train, val, test_maps)
