"""The Minecraft chapter's footage, ready to train on: made if none is given, read once, split."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from lib.data.frames import FrameStore
from lib.data.gamefactory import read_gamefactory
from lib.data.minerl import read_minerl
from lib.data.splits import Splits, split_groups
from lib.data.truth import frame_truth
from lib.worlds.blocks import BlocksFootage, make_footage

Layout = Literal["minerl", "gamefactory"]
LAYOUTS: tuple[Layout, ...] = ("minerl", "gamefactory")

# Frames sampled from GameFactory's layout: the write-up's 25.3 thousand at full.
GAMEFACTORY_FRAMES = {"tiny": 1_200, "small": 8_000, "full": 25_300}


@dataclass(frozen=True)
class Footage:
    """Frames of one layout with their split; no world is in two parts."""

    layout: Layout
    source: Path
    store: FrameStore
    splits: Splits
    generated: bool  # by the blocks world, rather than given by the reader

    @property
    def truth(self) -> pd.DataFrame | None:
        """Biome and time of day of each frame, where the source knows them."""
        return frame_truth(self.store, self.source)


def prepare(
    layout: Layout,
    *,
    preset: str,
    root: Path,
    data_dir: Path | str | None = None,
    seed: int = 0,
    size: tuple[int, int] | None = None,
    progress: bool = True,
) -> Footage:
    """Footage of `layout` at `preset`'s amount, split by world with `seed`.

    With `data_dir` None the blocks world makes it under ``root/data/blocks``; else
    ``data_dir/<layout>`` is read. Frames come as the write-up took them: MineRL without the first
    20 frames and every other one, at 64 x 64; GameFactory sampled with gaps of 5 frames or more,
    at 36 x 64 (rows, columns) or at `size`.

    Raises:
        ValueError: unknown layout; FileNotFoundError: no footage in `data_dir`.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout is {layout!r}; choose one of {', '.join(LAYOUTS)}")
    if data_dir is None:
        source = root / "data" / "blocks" / preset / layout
        make_footage(source, BlocksFootage.preset(preset, layout, seed=seed), progress=progress)
    else:
        source = Path(data_dir) / layout
    store = _read(layout, source, root, preset, size, seed, progress)
    return Footage(layout, source, store, split_groups(store.groups, seed=seed), data_dir is None)


def _read(
    layout: Layout,
    source: Path,
    root: Path,
    preset: str,
    size: tuple[int, int] | None,
    seed: int,
    progress: bool,
) -> FrameStore:
    rows, columns = size or ((64, 64) if layout == "minerl" else (36, 64))
    folder = root / "runs" / "frames" / f"{source.parent.name}-{layout}-{rows}x{columns}"
    if layout == "minerl":
        return read_minerl(source, folder, size=(rows, columns), progress=progress)
    return read_gamefactory(
        source,
        folder,
        size=(rows, columns),
        frames=GAMEFACTORY_FRAMES[preset],
        seed=seed,
        progress=progress,
    )
