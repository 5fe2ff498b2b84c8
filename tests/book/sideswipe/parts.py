"""What several tests of the chapter take from its judged runs."""

from lib.book.sideswipe import sizes
from lib.book.sideswipe.judging import Judged


def of(judged: dict[str, list[Judged]], network: str = "writeup") -> Judged:
    return sizes.grouped_run(judged, network)
