"""What `seeing footage` tells of footage of people and sprites: counts, crowds, and a sheet."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from lib.cli.sheet import THUMB_WIDTH_PX, spread_over, write_strips
from lib.data.mot.discovery import Discovered, discover_sequences
from lib.data.mot.sequences import MotSequence
from lib.data.people import by_background, in_view, sightings, track_seconds
from lib.figures.people import draw_tracks
from lib.worlds import sprites
from lib.worlds.plaza import PlazaFootage, load_settings
from lib.worlds.plaza.settings import SETTINGS_FILE
from lib.worlds.sprites import SpritesFootage

HALF = 0.5
_LAYOUTS = {
    "motchallenge": "MOTChallenge",
    "motsynth": "MOTSynth",
    "grand_central": "Grand Central",
}

Made = PlazaFootage | SpritesFootage


def people_facts(folder: Path) -> dict[str, str]:
    """What the sequences in `folder` hold, by name.

    Raises `FileNotFoundError` where there are none, `ValueError` for damaged ones.
    """
    found, made = discover_sequences(folder), settings_of(folder)
    if made:
        return _made_facts(folder, found, made)
    layout = _LAYOUTS.get(found.layout, found.layout)
    facts = {"layout": layout, "sequences": f"{len(found.sequences):,}"}
    return facts | _facts(folder, found.sequences, found.sequences)


def missing_sequences(folder: Path) -> str | None:
    """A sentence if footage made here is not finished; None otherwise."""
    made = settings_of(folder)
    if made is None:
        return None
    wanted = _clips(made) * len(made.backgrounds)
    there = len(discover_sequences(folder).sequences)
    if there >= wanted:
        return None
    return f"{there:,} of {wanted:,} sequences are made; the same `seeing footage make` goes on"


def settings_of(folder: Path) -> Made | None:
    """Settings of the plaza's or the sprites' footage in `folder`, None if it is neither.

    Raises `ValueError` for damaged settings, and for those of another version.
    """
    path = folder / SETTINGS_FILE
    if not path.is_file():
        return None
    try:
        world = json.loads(path.read_text(encoding="utf-8")).get("world")
    except (ValueError, AttributeError):
        world = "plaza"  # whose reader says what is the matter
    return sprites.load_settings(folder) if world == "sprites" else load_settings(folder)


def write_people_sheet(folder: Path, path: Path, *, rows: int = 6, columns: int = 6) -> Path:
    """Write frames with boxes in the colours of their tracks to a PNG and return `path`.

    A row is a sequence, with frames spread evenly over it; where there are more than `rows`
    sequences, they are spread evenly too. Without boxes frames are shown as they are.
    """
    found = discover_sequences(folder).sequences
    chosen = [found[i] for i in spread_over(len(found), rows)]
    strips = [list(_marked(one, spread_over(one.frames, columns))) for one in chosen]
    return write_strips(strips, path, columns=columns)


def _marked(sequence: MotSequence, numbers: list[int]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Frames by number, as wide as the sheet shows them, with their boxes."""
    known = sequence.annotations
    for number in numbers:
        [frame] = sequence.read([number])
        boxes, ids = np.zeros((0, 4)), np.zeros(0, np.int64)
        if known is not None:
            there = known.at(number)
            there = there.where(~there.ignored)
            boxes, ids = there.boxes, there.ids
        yield draw_tracks(frame, boxes, ids, width_px=THUMB_WIDTH_PX)


def _made_facts(folder: Path, found: Discovered, made: Made) -> dict[str, str]:
    over = by_background(found.sequences)
    clips = max(over.values(), key=len)
    name = "plaza" if isinstance(made, PlazaFootage) else "sprites"
    facts = {
        "layout": f"MOTChallenge, of the {name} world",
        "sequences": f"{len(found.sequences):,}  ({len(clips):,} clips over {', '.join(over)})",
    }
    if isinstance(made, PlazaFootage):
        facts["scenes"] = f"{made.scenes:,}  (a split holds out whole scenes)"
    else:
        facts["sprites"] = f"{made.density}, {'textured' if made.textured else 'plain'}"
    return facts | _facts(folder, found.sequences, clips)


def _facts(folder: Path, sequences: list[MotSequence], clips: list[MotSequence]) -> dict[str, str]:
    """Facts of all `sequences`, and of `clips` who is to be seen in them."""
    sizes = sorted({one.size for one in sequences})
    rates = {one.frame_rate_hz for one in sequences}
    seconds = sum(one.frames / one.frame_rate_hz for one in sequences)
    truth = Counter(_truth(one) for one in sequences)
    total = sum(one.frames for one in sequences)
    rate = f"{rates.pop():g} a second" if len(rates) == 1 else "of several rates"
    return {
        "frames": f"{total:,}, {rate}: {seconds:,.0f} s",
        "size": ", ".join(f"{columns} × {rows}" for rows, columns in sizes) + " pixels",
        "truth": ", ".join(
            what if n == len(sequences) else f"{what} ({n:,})" for what, n in truth.items()
        ),
        **_crowd(clips),
        "on disk": f"{sum(p.stat().st_size for p in folder.rglob('*') if p.is_file()) / 1e6:,.1f}"
        " MB",
    }


def _truth(sequence: MotSequence) -> str:
    if sequence.annotations is None:
        return "none"
    return "boxes and masks" if sequence.has_masks else "boxes"


def _crowd(clips: list[MotSequence]) -> dict[str, str]:
    """Who is to be seen; nothing where nothing is known."""
    known = [one for one in clips if one.annotations is not None]
    if not known:
        return {}
    tables = [sightings(one) for one in known]
    counts = pd.concat([in_view(t, one.frames) for t, one in zip(tables, known, strict=True)])
    lengths = pd.concat(
        [track_seconds(t, one.frame_rate_hz) for t, one in zip(tables, known, strict=True)]
    )
    seen = pd.concat([table["visibility"] for table in tables])
    facts = {"in view": f"{counts.mean():.1f} a frame  ({counts.min()} to {counts.max()})"}
    if len(seen):
        facts["tracks"] = f"{len(lengths):,}, of {lengths.mean():.1f} s on average"
        facts["visible"] = (
            f"{seen.mean():.0%} of a thing on average; of {(seen < HALF).mean():.0%} of the boxes "
            "less than half"
        )
    return facts


def _clips(made: Made) -> int:
    return made.clips * (made.scenes if isinstance(made, PlazaFootage) else 1)
