"""Whole data sets of plaza clips."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from lib.worlds.plaza.scene import make_scene
from lib.worlds.plaza.sequences import Clip, SequencesReport, World, make_sequences
from lib.worlds.plaza.settings import PlazaFootage
from lib.worlds.plaza.view import render_clip


def make_plaza(
    folder: Path,
    footage: PlazaFootage,
    *,
    only: Callable[[int, int], bool] | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> SequencesReport:
    """Make the data set `footage` in `folder`, or what is still missing of it.

    The layout is that of `lib.worlds.plaza.sequences`, with sequences named
    ``plaza<scene>-<clip>-<background>``; `footage.json` beside them holds the settings. Sequences
    of one clip show the same people, with the same masks and boxes. `workers` processes run side
    by side, by default one a core; several need the usual `if __name__ == "__main__"` in scripts.
    The same settings give the same bytes, however many workers there are. `only` picks clips by
    the numbers of scene and clip; others can be made later.

    Raises `ValueError` if `folder` holds footage of other settings or anything else,
    `DiskSpaceError` if the disk has too little room.
    """
    clips = [
        Clip(clip_name(scene, clip), (scene, clip))
        for scene in range(footage.scenes)
        for clip in range(footage.clips)
        if only is None or only(scene, clip)
    ]
    return make_sequences(folder, WORLD, footage, clips, workers=workers, progress=progress)


def clip_name(scene: int, clip: int) -> str:
    """A clip's name; a sequence's is followed by its background."""
    return f"plaza{scene:03d}-{clip:03d}"


def _describe(footage: PlazaFootage, scene: int, clip: int) -> dict[str, Any]:
    """Place, clip and camera. matrix takes (x, y, z, 1) in m to (column, row, 1) * depth."""
    place = make_scene(footage, scene)
    return {
        "scene": scene,
        "clip": clip,
        "camera_matrix": place.camera.matrix.tolist(),
        "light": place.light.tolist(),
    }


def _warm_up() -> None:
    small = replace(PlazaFootage(), size_px=16, frames=1, people=1)
    for _ in render_clip(small, 0, 0):
        pass


WORLD = World("plaza", render_clip, _describe, _warm_up)
