"""Trackers of seconds: models that were never trained, on footage of a few clips."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from lib.book.scalor import footage, outcomes, trainings
from lib.book.scalor.experiments import clip_config, find
from lib.book.scalor.kept import recorded_folder
from lib.book.scalor.trainings import training
from lib.evaluation.tracker_file import TrackerInfo, save_tracker, write_sums
from lib.files import write_json, write_text
from lib.models.scalor import Scalor

PRESET = "tiny"
COLUMNS = ("loss", "likelihood", "what", "where", "presence", "objects", "grad_norm")


@contextmanager
def little_footage() -> Iterator[None]:
    """Footage and trainings of seconds at preset tiny."""
    people = {"frames": 15, "size_px": 64, "people": 2, "view_m": 5.0, "supersample": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(outcomes.JUDGED_CLIPS, PRESET, 2)
        patch.setitem(footage._PEOPLE, PRESET, people)
        patch.setitem(footage._PLACE, PRESET, (1, 5))
        patch.setitem(footage._PLACES, PRESET, (9, 2))
        patch.setitem(footage._SPRITES, PRESET, 10)
        patch.setitem(footage._LEAVES, PRESET, 10)
        patch.setattr(footage, "_LEAVES_FRAMES", 16)
        patch.setitem(trainings._STEPS, PRESET, 5)
        patch.setitem(trainings._LIVE_STEPS, PRESET, 5)
        yield


def log() -> pd.DataFrame:
    """Of a training of a hundred steps."""
    steps = np.arange(1, 101)
    return pd.DataFrame({"step": steps} | dict.fromkeys(COLUMNS, 100.0 / steps))


def record_untrained(root: Path, names: Iterable[str], *, preset: str = PRESET) -> Path:
    """Untrained trackers as if recorded; every cell of theirs proposes something that is seen."""
    folder = recorded_folder(root)
    for name in names:
        one = find(name)
        config = replace(
            training(one, preset).model,
            discovery_presence_bias=6.0,
            alpha_bias=3.0,  # by itself near one half, where a box may or may not be seen
        )
        torch.manual_seed(0)
        cut = clip_config(one, preset)
        about = TrackerInfo(name, preset, 0, cut.stride, cut.window_px, "run", "commit")
        save_tracker(folder / f"{name}.safetensors", Scalor(config), about)
        write_text(folder / f"{name}.csv", log().to_csv(index=False))
        facts = {"steps": 100, "seconds": 10.0, "hardware": "a test"}
        write_json(folder / f"{name}.json", facts)
    write_sums(folder)
    return folder


def write_beside(root: Path) -> None:
    """Measurements beside the original, made up."""
    folder = recorded_folder(root)
    common = {"hardware": "2 CPU cores", "commit": "c"}
    rows = [
        {"id": f"speed.scalor_step_{case}.{what}", "value": value} | common
        for case in ("cap", "15_objects")
        for what, value in (("ours.seconds", 2.0), ("ratio", 3.0), ("memory_ratio", 4.0))
    ]
    write_json(folder / "speed.json", {"official_commit": "a" * 40, "how": "medians", "rows": rows})
    write_json(
        folder / "parity.json",
        common
        | {
            "official_commit": "a" * 40,
            "dtype": "float64",
            "frames": 3,
            "objects": 7,
            "loss_difference": 2e-11,
            "gradient_difference": {"detached": 1e-9, "through_time": 2e-9},
            "tensors": 120,
        },
    )
