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
from lib.files import digest
from lib.worlds.blocks import BlocksFootage, make_footage

Layout = Literal["minerl", "gamefactory"]
LAYOUTS: tuple[Layout, ...] = ("minerl", "gamefactory")

SIZES: dict[Layout, tuple[int, int]] = {"minerl": (64, 64), "gamefactory": (36, 64)}

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

    With `data_dir` None the blocks world makes it under ``root/data/blocks``, other worlds for each
    `seed`; else ``data_dir/<layout>`` is read. Frames come as the write-up took them: MineRL
    without the first 20 frames and every other one, at 64 x 64; GameFactory sampled with gaps of 5
    frames or more, at 36 x 64 (rows, columns) or at `size`; from a `data_dir` with fewer frames
    than the preset asks for, as many as there are.

    Raises:
        ValueError: unknown layout or preset; FileNotFoundError: no footage in `data_dir`.
    """
    if preset not in GAMEFACTORY_FRAMES:
        raise ValueError(f"preset is {preset!r}; choose one of {', '.join(GAMEFACTORY_FRAMES)}")
    if layout not in LAYOUTS:
        raise ValueError(f"layout is {layout!r}; choose one of {', '.join(LAYOUTS)}")
    if data_dir is None:
        source = root / "data" / "blocks" / _with_seed(preset, seed) / layout
        make_footage(source, BlocksFootage.preset(preset, layout, seed=seed), progress=progress)
        store_name = _with_seed(preset, seed)
    else:
        source = Path(data_dir).resolve() / layout
        # two folders may share a name: the path tells them apart
        store_name = f"{source.parent.name}-{digest([source.as_posix()])[:8]}"
    rows, columns = size or SIZES[layout]
    folder = root / "runs" / "frames" / f"{store_name}-{layout}-{rows}x{columns}"
    if layout == "minerl":
        store = read_minerl(source, folder, size=(rows, columns), progress=progress)
    else:
        store = read_gamefactory(
            source,
            folder,
            size=(rows, columns),
            frames=GAMEFACTORY_FRAMES[preset],
            at_most=data_dir is not None,
            seed=seed,
            progress=progress,
        )
    return Footage(layout, source, store, split_groups(store.groups, seed=seed), data_dir is None)


def _with_seed(preset: str, seed: int) -> str:
    """Name of a folder of generated footage."""
    return preset if seed == 0 else f"{preset}-seed{seed}"
