"""What an experiment's scores are to be measured by: boxes around the true masks."""

from collections.abc import Mapping
from dataclasses import replace

from lib.book.estimates import record
from lib.book.recorded import brief
from lib.book.results import Ledger
from lib.book.scalor.shown import METRICS, Shown
from lib.evaluation.mask_ceiling import judge_masks
from lib.evaluation.tracking import summarise

NARROWER_PX = 1.0
CEILINGS = {"masks": 0.0, "masks_narrower": NARROWER_PX}
SCORES = ("mota", "moda_loose", "idf1", "hota", "recall", "precision")


def record_ceiling(ledger: Ledger, all_shown: Mapping[str, Shown], name: str) -> None:
    """Rows ``scalor.masks_<name>.heldout.<score>``, and of boxes with every side further in.

    Of the held-out clips whose pictures are kept; none where the experiment is not part of a run.
    """
    if name not in all_shown:
        return
    one = all_shown[name]
    for kind, narrower_px in CEILINGS.items():
        counts = judge_masks(one.heldout.clips, narrower_px=narrower_px)
        scores = summarise(counts)
        for score in SCORES:
            record(
                ledger, f"scalor.{kind}_{name}.heldout.{score}",
                replace(scores[score], n=len(counts)), seeds=[one.training.seed],
                better=METRICS[score],
            )  # fmt: skip


def ceiling_sentence(ledger: Ledger, all_shown: Mapping[str, Shown], name: str) -> str:
    """What perfect masks would score where an experiment is judged."""
    if name not in all_shown:
        return f"Experiment `{name}` is not part of this run."
    rows = {row.id: row for row in ledger.rows}
    full, narrower = (brief(rows[f"scalor.{kind}_{name}.heldout.mota"]) for kind in CEILINGS)
    return (
        f"Boxes around the true masks, under true identities, have a MOTA of {full} on these "
        "clips, since true boxes are of whole people and masks of what is seen of them; with every "
        f"side {NARROWER_PX:g} px further in they have {narrower}."
    )
