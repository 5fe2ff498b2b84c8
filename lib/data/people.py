"""Footage of things that move and are followed: the plaza's people, sprites, or one's own.

The plaza and the sprites are made where nothing is given; MOTChallenge, MOTSynth and Grand Central
are read as they are. `sightings` says what is known of one video, a row for each thing and frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from lib.data.mot.annotations import PEDESTRIAN
from lib.data.mot.discovery import GRAND_CENTRAL_SIZE, discover_sequences
from lib.data.mot.sequences import MotSequence
from lib.data.pictures import SUFFIXES, picture_size
from lib.worlds.plaza import BACKGROUNDS, Background, PlazaFootage, make_plaza
from lib.worlds.sprites import SpritesFootage, make_sprites

World = Literal["plaza", "sprites"]
OWN_FOLDER = "people"
"""Where in a reader's own folder footage of people is looked for."""
SPEED_SECONDS = 0.5
"""Time over which speed is taken: boxes are whole pixels, too coarse from one frame to the next."""
_SIGNS = (
    *("img1", "*/img1", "*/*/img1"),
    *("mot_annotations", "frames/*/rgb", "frames/*.mp4", "MOTSynth_*/*.mp4"),
)


@dataclass(frozen=True)
class People:
    """Videos of one data set; of made ones each clip once.

    `over` has the same clips, in the same order, by background.
    """

    world: str  # "plaza", "sprites", or "people" for the reader's own
    source: Path
    sequences: Sequence[MotSequence]
    generated: bool
    over: dict[str, list[MotSequence]] = field(default_factory=dict)


def prepare_people(
    world: World | str,
    *,
    preset: str,
    root: Path,
    seed: int = 0,
    backgrounds: tuple[str, ...] | None = None,
    progress: bool = True,
    **options: Any,
) -> People:
    """Footage of `world` at `preset`'s amount, made under ``root/data`` where it is missing.

    `backgrounds` are by default all of the plaza, and black for sprites; `options` are those of
    `SpritesFootage.preset` (density, textured).

    Raises `ValueError` for an unknown world, preset, background or option's value.
    """
    if world not in get_args(World):
        raise ValueError(f"world is {world!r}; choose one of {', '.join(get_args(World))}")
    name = [preset, *([f"seed{seed}"] if seed else [])]
    if world == "plaza":
        plaza = PlazaFootage.preset(
            preset, seed=seed, backgrounds=backgrounds or BACKGROUNDS, **options
        )
        kinds = plaza.backgrounds
        source = root / "data" / "plaza" / "-".join([*name, *kinds])
        make_plaza(source, plaza, progress=progress)
    else:
        sprites = SpritesFootage.preset(
            preset, seed=seed, backgrounds=backgrounds or ("black",), **options
        )
        kinds = sprites.backgrounds
        kind = [sprites.density, *(["textured"] if sprites.textured else [])]
        source = root / "data" / "sprites" / "-".join([*name, *kind, *kinds])
        make_sprites(source, sprites, progress=progress)
    over = by_background(discover_sequences(source).sequences)
    return People(world, source, over[kinds[0]], generated=True, over=over)


def own_people(data_dir: Path | str | None) -> People | None:
    """The reader's footage of people in ``data_dir/people``; None where there is none.

    Raises `FileNotFoundError` for a folder without sequences, `ValueError` for faulty ones.
    """
    if data_dir is None or not (source := Path(data_dir).resolve() / OWN_FOLDER).exists():
        return None
    return People(OWN_FOLDER, source, discover_sequences(source).sequences, generated=False)


def is_people(folder: Path) -> bool:
    """Whether `folder` looks like MOTChallenge, MOTSynth or Grand Central; no file is opened but a
    picture's header.
    """
    if not folder.is_dir():
        return False
    if any(next(folder.glob(sign), None) for sign in _SIGNS):
        return True
    # any picture will do, since all are alike: there may be hundreds of thousands to sort
    some = next((path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES), None)
    if some is None or not some.stem.isdigit():
        return False
    return picture_size(some) == GRAND_CENTRAL_SIZE


def by_background(sequences: Sequence[MotSequence]) -> dict[str, list[MotSequence]]:
    """Made sequences by what they are shown over, plainer ones first.

    ``plaza000-001-hard`` is clip 1 of scene 0 over "hard".
    """
    found: dict[str, list[MotSequence]] = {kind: [] for kind in get_args(Background)}
    for one in sequences:
        found[one.name.rpartition("-")[2]].append(one)
    return {kind: clips for kind, clips in found.items() if clips}


def sightings(sequence: MotSequence) -> pd.DataFrame:
    """What is known of a video: a row a thing and frame, by id and then frame.

    Columns: `frame` from 0, `id`, `visibility` in [0, 1], `width` and `height` of the box and
    `speed` a second as shares of the picture's shorter side. Speed is of the box's middle, over
    `SPEED_SECONDS` from this frame on, NaN where the thing is not seen so long. Rows that judge
    nobody (other classes, flags of 0) and things of which nothing is seen are left out; no rows
    where there is no truth.
    """
    known = sequence.annotations
    columns = ["frame", "id", "visibility", "width", "height", "speed"]
    if known is None:
        return pd.DataFrame({name: np.zeros(0) for name in columns})
    rows = known.flags & (known.classes == PEDESTRIAN) & (known.visibility > 0)
    side = min(sequence.size)
    table = pd.DataFrame(
        {
            "frame": known.frames[rows],
            "id": known.ids[rows],
            "visibility": known.visibility[rows],
            "width": known.boxes[rows, 2] / side,
            "height": known.boxes[rows, 3] / side,
            "x": (known.boxes[rows, 0] + known.boxes[rows, 2] / 2) / side,
            "y": (known.boxes[rows, 1] + known.boxes[rows, 3] / 2) / side,
        }
    ).sort_values(["id", "frame"], ignore_index=True)
    lag = max(1, round(SPEED_SECONDS * sequence.frame_rate_hz))
    later = table[["frame", "id", "x", "y"]].assign(frame=table["frame"] - lag)
    both = table.merge(later, how="left", on=["id", "frame"], suffixes=("", "_later"))
    away = np.hypot(both["x_later"] - both["x"], both["y_later"] - both["y"])
    return both.assign(speed=away * sequence.frame_rate_hz / lag)[columns]


def in_view(table: pd.DataFrame, frames: int) -> pd.Series:
    """How many things each of `frames` frames shows, by `sightings`; 0 where nobody is there."""
    return table.groupby("frame").size().reindex(range(frames), fill_value=0)


def track_seconds(table: pd.DataFrame, frame_rate_hz: float) -> pd.Series:
    """Time from each thing's first frame to the end of its last, by id."""
    frames = table.groupby("id")["frame"].agg(["min", "max"])
    return (frames["max"] - frames["min"] + 1) / frame_rate_hz
