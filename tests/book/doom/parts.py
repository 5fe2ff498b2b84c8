"""What tests of the Doom chapter share."""

from lib.book.results import Ledger

CHAPTER = "01-doom-segmentation"
STEPS = 12


def values(ledger: Ledger) -> dict[str, float | None]:
    return {row.id: row.value for row in ledger.rows}
