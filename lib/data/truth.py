"""What generated footage knows about each of its frames: biome, time of day, mode, creatures.

In MineRL's layout it lies in ``truth.npz`` beside the video: arrays with an entry per frame
(`biome` as numbers into `biome_names`; `mode` may be one name for all frames). In GF-Minecraft's,
it is in the video's metadata, in each frame's entry of `actions`. The original data sets have
none of it.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int32

from lib.data.frames import FrameStore
from lib.data.minerl import VIDEO

COLUMNS = ("biome", "time_of_day", "sun_elevation", "mode", "creatures_in_view")


def frame_truth(store: FrameStore, root: Path) -> pd.DataFrame | None:
    """What is known of each stored frame beside its picture; None if nothing is.

    `root` is the folder the store was read from. Row i belongs to frame i of the store; columns:
    `recording` and `group` (names), `frame` (number within the recording) and whatever the source
    gives of `biome` (name), `time_of_day` in [0, 1), `sun_elevation` in [-1, 1], `mode` ("walk",
    "fly", "cave" or "swim") and `creatures_in_view` (how many are seen). Where only some
    recordings have a truth, the others' rows lack it (NaN). Raises `FileNotFoundError` if `root`
    does not hold the store's recordings, `ValueError` if a truth does not reach as far as its
    recording.
    """
    read = _read_minerl if store.layout == "minerl" else _read_gamefactory
    parts = []
    for which, name in enumerate(store.recording_names):
        video = root / name / VIDEO if store.layout == "minerl" else root / name
        if not video.is_file():
            raise FileNotFoundError(
                f"root={root} does not hold {name}, which the frame store {store.folder} was made "
                "from: give the folder that was imported"
            )
        part = np.flatnonzero(store.recordings == which)
        truth = read(video, store.frame_numbers[part])
        parts.append(pd.DataFrame(truth or {}, index=pd.Index(part)))
    if all(part.columns.empty for part in parts):
        return None
    table = pd.concat(parts).sort_index()
    table.insert(0, "recording", np.array(store.recording_names)[store.recordings])
    table.insert(1, "group", np.array(store.group_names)[store.groups])
    table.insert(2, "frame", store.frame_numbers)
    return table


def _read_minerl(video: Path, numbers: Int32[np.ndarray, " m"]) -> dict[str, Any] | None:
    path = video.with_name("truth.npz")
    if not path.is_file():
        return None
    with np.load(path) as file:
        found = {key: file[key] for key in COLUMNS if key in file}
        names = file.get("biome_names")
    lengths = [len(values) for values in found.values() if values.ndim > 0]
    _require_length(path, min(lengths, default=0), numbers)
    truth = {
        key: values[numbers] if values.ndim > 0 else np.full(len(numbers), values)
        for key, values in found.items()
    }
    if "biome" in truth and names is not None:
        truth["biome"] = names[truth["biome"]]
    return truth


def _read_gamefactory(video: Path, numbers: Int32[np.ndarray, " m"]) -> dict[str, Any] | None:
    path = video.parent.parent / "metadata" / f"{video.stem}.json"
    if not path.is_file():
        return None
    actions = json.loads(path.read_text(encoding="utf-8")).get("actions", {})
    first: dict[str, Any] = next(iter(actions.values()), {})
    keys = [key for key in COLUMNS if key in first]
    if not keys:
        return None
    _require_length(path, len(actions), numbers)
    return {key: [actions[str(number)][key] for number in numbers] for key in keys}


def _require_length(path: Path, length: int, numbers: Int32[np.ndarray, " m"]) -> None:
    if len(numbers) and length <= numbers.max():
        raise ValueError(
            f"{path} describes {length} frames, but frame {numbers.max()} was imported: the truth "
            "belongs to another video. Make the footage again"
        )
