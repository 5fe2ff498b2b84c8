"""What is wrong with a book: faults, collected and reported all at once."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """One thing an author has to mend.

    Attributes:
        file: The source, relative to the project (``chapters/01-doom.ipynb``).
        label: The label, key, link or image at fault; may be empty.
        message: What is wrong and what to do.
    """

    file: str
    label: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.label + ' ' if self.label else ''}{self.message}"


class BookError(ValueError):
    """The book cannot be built; the message lists every fault with its file and label."""

    def __init__(self, message: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(message)
        self.faults = faults


def raise_faults(faults: Iterable[Fault]) -> None:
    """Raise `BookError` naming all of `faults`, each once, in order of file; nothing if none."""
    found = tuple(sorted(set(faults)))
    if found:
        count = "1 fault" if len(found) == 1 else f"{len(found)} faults"
        lines = "\n".join(f"  {fault}" for fault in found)
        raise BookError(f"the book has {count}:\n{lines}", found)
