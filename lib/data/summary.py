"""What a folder of footage holds, from headers alone: for `seeing footage info`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from lib.data.frames import STORE, FrameStore
from lib.data.gamefactory import find_gamefactory, is_gamefactory
from lib.data.minerl import find_minerl, is_minerl
from lib.data.recordings import Recording, probe_recordings
from lib.data.sideswipe import find_sideswipe, is_sideswipe


@dataclass(frozen=True)
class FootageSummary:
    """Counts over all readable recordings of a folder."""

    path: Path
    layout: Literal["minerl", "gamefactory", "sideswipe", "frame store"]
    recordings: int
    groups: int  # worlds, where they are known, else recordings; of cars, loadouts
    frames: int
    sizes: tuple[tuple[int, int], ...]  # every (rows, columns) that occurs
    frame_rate_hz: float | None  # None where it varies or, in a frame store, no longer exists
    seconds: float | None
    bytes: int
    corrupt: dict[str, str]  # recordings that cannot be read (in a store: were left out), and why
    classes: dict[str, int] = field(default_factory=dict)  # frames of each car, where it is cars


def describe(path: Path) -> FootageSummary:
    """Summarise the data set or frame store in `path`; reads no picture, so corruption inside a
    video goes unseen.

    Raises `FileNotFoundError` where there is neither, with the layouts that are known.
    """
    if (path / STORE).is_file():
        return _describe_store(FrameStore.open(path))
    if is_minerl(path):
        return _describe_videos(path, "minerl", find_minerl(path))
    if is_gamefactory(path):
        return _describe_videos(path, "gamefactory", find_gamefactory(path))
    if is_sideswipe(path):
        return _describe_cars(path)
    raise FileNotFoundError(
        f"no footage in {path}: expected MineRL (<environment>/<recording>/recording.mp4), "
        "GF-Minecraft (data_*/video/seed_<N>_part_<k>.mp4), Sideswipe (<uuid>.jpg beside one "
        "sqlite file), MOTChallenge (<sequence>/img1/), MOTSynth (frames/, mot_annotations/) or a "
        "frame store. Check the path, or make footage with `seeing footage make blocks`, or "
        "`garage`, `doom`, `plaza`, `sprites`"
    )


def _describe_store(store: FrameStore) -> FootageSummary:
    return FootageSummary(
        path=store.folder,
        layout="frame store",
        recordings=len(store.recording_names),
        groups=len(store.group_names),
        frames=len(store),
        sizes=(store.size,),
        frame_rate_hz=None,
        seconds=None,
        bytes=_bytes(store.folder),
        corrupt=dict(store.skipped),
    )


def _describe_videos(
    path: Path, layout: Literal["minerl", "gamefactory"], recordings: list[Recording]
) -> FootageSummary:
    probed, faults = probe_recordings(recordings)
    rates = {one.info.frame_rate_hz for one in probed}
    lengths = [one.info.seconds for one in probed]
    return FootageSummary(
        path=path,
        layout=layout,
        recordings=len(probed),
        groups=len({one.recording.group for one in probed}),
        frames=sum(one.frames for one in probed),
        sizes=tuple(sorted({(one.info.height, one.info.width) for one in probed})),
        frame_rate_hz=rates.pop() if len(rates) == 1 else None,
        seconds=None if None in lengths else sum(s for s in lengths if s is not None),
        bytes=_bytes(path),
        corrupt=faults,
    )


def _describe_cars(path: Path) -> FootageSummary:
    """Counts from the data base, sizes from a few images: there may be hundreds of thousands."""
    found = find_sideswipe(path)
    rows, names = found.table.rows, found.table.class_names
    counts = np.bincount(rows["model"].to_numpy(), minlength=len(names)).tolist()
    faulty: dict[str, list[str]] = {}
    for name, fault in found.faults.items():
        faulty.setdefault(fault.kind, []).append(name)
    chosen = rows["uuid"].iloc[:: max(1, len(rows) // 8)]
    return FootageSummary(
        path=path,
        layout="sideswipe",
        recordings=1,
        groups=found.loadouts,
        frames=len(rows),
        sizes=_image_sizes(path / f"{uuid}.jpg" for uuid in chosen),
        frame_rate_hz=None,
        seconds=None,
        bytes=_bytes(path),
        corrupt={kind: _some(names) for kind, names in faulty.items()},
        classes={name: count for name, count in zip(names, counts, strict=True) if count},
    )


def _image_sizes(paths: Iterable[Path]) -> tuple[tuple[int, int], ...]:
    """Every (rows, columns) among images that can be read."""
    sizes = set()
    for path in paths:
        try:
            with Image.open(path) as image:
                sizes.add((image.height, image.width))
        except OSError:
            continue
    return tuple(sorted(sizes))


def _some(names: Sequence[str]) -> str:
    """How many there are, and the first few."""
    return f"{len(names):,} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
