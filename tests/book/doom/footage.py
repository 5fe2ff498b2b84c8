"""A little playthrough with a truth, for tests of the Doom chapter: no game is needed."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from lib.data.doom_footage import KINDS
from lib.data.playthrough import Playthrough
from lib.worlds.doom.classes import UNKNOWN, FrameKind, PixelClass
from tests.training.playthrough import pan

MAPS, LENGTH, SIZE = 6, 30, (36, 64)
MENUS = 3  # frames at the end of each map
SHOWN = (PixelClass.WALL, PixelClass.FLOOR, PixelClass.MONSTER, PixelClass.HUD)
TINTS = np.array([[0.9, 0.5, 0.4], [0.4, 0.8, 0.4], [0.5, 0.4, 0.9], [0.8, 0.8, 0.3]])


def playthrough(folder: Path, *, labelled: bool = True) -> Playthrough:
    """Panned walls of which four areas, of different tints, are different classes."""
    store = pan(folder, (LENGTH,) * MAPS, SIZE)
    labels = np.zeros((len(store), *SIZE), np.uint8)
    labels[:, 20:] = SHOWN[1]
    labels[:, 30:] = SHOWN[3]
    for t in range(len(store)):
        labels[t, 8:24, (2 * t) % 40 : (2 * t) % 40 + 16] = SHOWN[2]
    labels[:, 0] = UNKNOWN
    place = np.zeros(256, int)
    place[list(SHOWN)] = range(len(SHOWN))
    frames = (store.frames * TINTS[place[labels]]).astype(np.uint8)
    kinds = np.zeros(len(store), np.int8)
    menu = np.arange(len(store)) % LENGTH >= LENGTH - MENUS
    kinds[menu] = KINDS.index(FrameKind.MENU)
    labels[menu] = PixelClass.SCREEN
    frames[menu] = (20, 10, 60)
    named = {
        part: [store.group_names[i] for i in which]
        for part, which in (("train", (0, 1, 2)), ("validation", (3,)), ("test", (4, 5)))
    }
    store = replace(store, frames=frames, settings={"fps": 10.0, "splits": named})
    if not labelled:
        return Playthrough(store, folder, generated=False)
    return Playthrough(store, folder, True, labels, kinds)
