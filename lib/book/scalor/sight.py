"""How much proposals know of a frame: before a model has learnt anything, and afterwards."""

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

import numpy as np
import torch
from jaxtyping import UInt8

from lib.book.estimates import record
from lib.book.results import Ledger
from lib.book.scalor.experiments import find
from lib.book.scalor.shown import Shown
from lib.book.scalor.trainings import training
from lib.book.tables import number
from lib.evaluation.intervals import Estimate
from lib.evaluation.scalor_sight import seen_share
from lib.models.scalor import Scalor
from lib.models.scalor.config import FrameMaps

LOOKED_AT = "gradient"  # where people stand out least in the first layer: most of it is ground
SEEDS = tuple(range(5))


def record_sight(ledger: Ledger, all_shown: Mapping[str, Shown]) -> None:
    """Rows ``scalor.sight.<maps>``: untrained models, the mean and range over seeds.

    And ``scalor.sight.trained``, of the model as it was trained. Frames are those of held-out clips
    of `LOOKED_AT`; without it there are no rows.
    """
    if LOOKED_AT not in all_shown:
        return
    one = all_shown[LOOKED_AT]
    frames = np.concatenate([clip.frames for clip in one.heldout.clips])
    for maps in get_args(FrameMaps):
        found = _untrained(maps, one.training.preset, frames)
        estimate = Estimate(float(np.mean(found)), min(found), max(found), len(frames), len(SEEDS))
        record(ledger, f"scalor.sight.{maps}", estimate, seeds=SEEDS)
    ledger.record(
        "scalor.sight.trained", seen_share(one.model, frames), n=len(frames),
        seeds=[one.training.seed], run=one.training.run,
    )  # fmt: skip


def _untrained(maps: FrameMaps, preset: str, frames: UInt8[np.ndarray, "n h w 3"]) -> list[float]:
    config = replace(training(find(LOOKED_AT), preset).model, frame_maps=maps)
    found = []
    with torch.random.fork_rng(devices=[]):
        for seed in SEEDS:
            torch.manual_seed(seed)
            found.append(seen_share(Scalor(config).eval(), frames))
    return found


def sight_sentence(ledger: Ledger) -> str:
    """What untrained and trained proposals depend on."""
    rows = {row.id.rpartition(".")[2]: row for row in ledger.rows if ".sight." in row.id}
    if not rows:
        return "This run has no people over a gradient, on which it could be shown."
    told = {
        maps: f"{_percent(rows[maps].value)}\u00a0% "
        f"({_percent(rows[maps].low)} to {_percent(rows[maps].high)})"
        for maps in get_args(FrameMaps)
    }
    return (
        f"Of what the presence of proposals varies by, {told['recurrent']} comes from the frame in "
        f"networks of the small size that have learnt nothing, over {number(len(SEEDS))} seeds; "
        "the rest is the place of the cell. With maps of the frame beside those of the LSTMs it is "
        f"{told['direct']}, and after training {_percent(rows['trained'].value)}\u00a0%."
    )


def _percent(share: float | None) -> str:
    return "no number" if share is None else number(100 * share, 2)
