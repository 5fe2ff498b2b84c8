"""SCALOR-2 beside what it is to be better than: the study's models, and one that learns nothing."""

from collections.abc import Mapping

import pandas as pd

from lib.book.recorded import brief
from lib.book.results import Ledger, Row
from lib.book.scalor.outcomes import Split
from lib.book.scalor.reference import REFERENCE, Reference
from lib.book.scalor.shown import Shown
from lib.book.scalor.tables import SPLIT_NAMES
from lib.book.tables import number

SHOWN = {"mota": "MOTA", "idf1": "IDF1", "duplicates": "duplicates"}
JUDGED: tuple[Split, ...] = ("heldout", "unseen_scene")


def second_table(
    ledger: Ledger, second: Mapping[str, Shown], references: Mapping[str, Reference]
) -> pd.DataFrame:
    """Each footage and split: SCALOR-2, the best of the study's models, and MOG2 with SORT."""
    rows = {row.id: row for row in ledger.rows}
    lines = []
    for name, one in second.items():
        first, reference = _reference(one, references)
        for split in (split for split in JUDGED if split in one.scores):
            best = max(reference.rivals, key=lambda rival: _mota(rows, rival, split))
            for title, who in (
                ("SCALOR-2", name),
                (f"SCALOR, {best}", best),
                ("MOG2, SORT", f"{REFERENCE}_{first}"),
            ):
                cells = {
                    words: _cell(rows, f"scalor.{who}.{split}.{metric}")
                    for metric, words in SHOWN.items()
                }
                lines.append(
                    {
                        "Footage": reference.footage,
                        "Videos (clips)": f"{SPLIT_NAMES[split]} ({one.judged[split]})",
                        "Model": title,
                    }
                    | cells
                )
    return pd.DataFrame(lines or [{"": "no scores: this run is on your own footage"}])


def second_sentence(
    ledger: Ledger, second: Mapping[str, Shown], references: Mapping[str, Reference]
) -> str:
    """On how much of the footage SCALOR-2 is ahead of either."""
    if not second:
        return "SCALOR-2 is not part of this run."
    rows = {row.id: row for row in ledger.rows}
    ahead = {"study": 0, "classical": 0}
    for name, one in second.items():
        first, reference = _reference(one, references)
        mine = _mota(rows, name, "heldout")
        ahead["study"] += mine > max(_mota(rows, rival, "heldout") for rival in reference.rivals)
        ahead["classical"] += mine > _mota(rows, f"{REFERENCE}_{first}", "heldout")
    steps = sorted({one.training.steps for one in second.values()})
    minutes = sum(one.training.seconds for one in second.values()) / len(second) / 60
    return (
        f"On held-out videos the MOTA of SCALOR-2 is above that of every other SCALOR here on "
        f"{number(ahead['study'])} of {number(len(second))} kinds of footage, and above that of "
        f"MOG2 with SORT on {number(ahead['classical'])}. A training takes "
        f"{' or '.join(map(number, steps))} steps, here {number(minutes, 2)} minutes on average "
        f"({next(iter(second.values())).training.hardware})."
    )


def _reference(one: Shown, references: Mapping[str, Reference]) -> tuple[str, Reference]:
    """The reference on the same footage, and the name that it goes by."""
    wanted = (one.experiment.footage, one.experiment.background)
    for first, reference in references.items():
        if reference.kind == wanted:
            return first, reference
    raise ValueError(
        f"{one.name}: no reference on its footage, {' with '.join(wanted)}: judge those first"
    )


def _mota(rows: Mapping[str, Row], name: str, split: Split) -> float:
    row = rows.get(f"scalor.{name}.{split}.mota")
    return row.value if row is not None and row.value is not None else float("-inf")


def _cell(rows: Mapping[str, Row], id: str) -> str:
    return brief(rows[id]) if id in rows and rows[id].value is not None else "–"
