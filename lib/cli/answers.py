"""What `seeing classify` tells of each picture: rows of CSV and JSON files, and their sum."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from lib.files import atomic_path

Write = Callable[["Answer"], None]
MOST_LINES = 20  # of the table on the console
STUDY_SHAPE = 400 / 150  # columns over rows of the screenshots that the networks learned from
_SHAPE_TOLERANCE = 0.03


@dataclass(frozen=True)
class Answer:
    """What the classifier says of one picture."""

    path: str
    frame: int | None  # of a video
    name: str  # of the class
    probabilities: dict[str, float]  # calibrated, by class
    novelty: float
    unknown: bool
    true_class: str | None
    seen_size: tuple[int, int]  # rows, columns of what was classified, before shrinking

    @property
    def probability(self) -> float:
        """Of the class it says."""
        return self.probabilities[self.name]


def header(class_names: Sequence[str]) -> list[str]:
    """Columns of the CSV file."""
    each = [f"p_{name}" for name in class_names]
    return ["path", "frame", "class", "probability", *each, "novelty", "unknown", "true_class"]


@contextmanager
def csv_file(path: Path, class_names: Sequence[str]) -> Iterator[Write]:
    """Yield a function that writes an answer's row; the file is there once the block is done.

    Numbers have six decimals; `frame` and `true_class` are empty where there is none.
    """
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header(class_names))

        def write(answer: Answer) -> None:
            each = [f"{answer.probabilities[name]:.6f}" for name in class_names]
            writer.writerow(
                [
                    answer.path,
                    "" if answer.frame is None else answer.frame,
                    answer.name,
                    f"{answer.probability:.6f}",
                    *each,
                    f"{answer.novelty:.6f}",
                    "true" if answer.unknown else "false",
                    answer.true_class or "",
                ]
            )

        yield write


@contextmanager
def json_file(path: Path) -> Iterator[Write]:
    """Yield a function that writes an answer's object; the file is one list, an object a line."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write("[")
        between = "\n"

        def write(answer: Answer) -> None:
            nonlocal between
            file.write(between + json.dumps(_as_object(answer), ensure_ascii=False))
            between = ",\n"

        yield write
        file.write("\n]\n")


def _as_object(answer: Answer) -> dict[str, Any]:
    return {
        "path": answer.path,
        "frame": answer.frame,
        "class": answer.name,
        "probability": round(answer.probability, 6),
        "probabilities": {name: round(p, 6) for name, p in answer.probabilities.items()},
        "novelty": round(answer.novelty, 6),
        "unknown": answer.unknown,
        "true_class": answer.true_class,
    }


def same_class(one: str, other: str) -> bool:
    """Whether two names mean one car: the made ones are only *like* the game's, and named so."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return name.casefold().removesuffix("-like")


@dataclass
class Tally:
    """Sums over all answers, and the first few of them."""

    class_names: Sequence[str]
    first: list[Answer] = field(default_factory=list)
    count: int = 0
    unknown: int = 0
    other_shape: int = 0  # pictures not as wide for their height as the study's
    by_class: Counter[str] = field(default_factory=Counter)
    unknown_by_class: Counter[str] = field(default_factory=Counter)
    known: int = 0  # pictures whose true class is one of the classifier's
    right: int = 0
    known_flagged: int = 0
    new: int = 0  # pictures whose true class is another one
    new_flagged: int = 0

    def add(self, answer: Answer) -> None:
        """Count `answer`."""
        if self.count < MOST_LINES:
            self.first.append(answer)
        self.count += 1
        self.unknown += answer.unknown
        self.by_class[answer.name] += 1
        self.unknown_by_class[answer.name] += answer.unknown
        rows, columns = answer.seen_size
        self.other_shape += abs(columns / rows / STUDY_SHAPE - 1) > _SHAPE_TOLERANCE
        true = answer.true_class
        if true is None:
            return
        if any(same_class(true, name) for name in self.class_names):
            self.known += 1
            self.right += same_class(true, answer.name)
            self.known_flagged += answer.unknown
        else:
            self.new += 1
            self.new_flagged += answer.unknown

    def table(self) -> Table:
        """A line a picture if they are few, else a line a class."""
        return self._each() if self.count <= MOST_LINES else self._counts()

    def _each(self) -> Table:
        truths = any(answer.true_class is not None for answer in self.first)
        frames = any(answer.frame is not None for answer in self.first)
        table = Table(box=None)
        table.add_column("picture", overflow="fold")
        for name in (*(["frame"] if frames else []), "class", "probability", "novelty"):
            table.add_column(name, justify="left" if name == "class" else "right", no_wrap=True)
        table.add_column("unknown")
        if truths:
            table.add_column("true class", no_wrap=True)
        for answer in self.first:
            table.add_row(
                escape(answer.path),
                *(["" if answer.frame is None else str(answer.frame)] if frames else []),
                escape(answer.name),
                share(answer.probability),
                f"{answer.novelty:.3f}",
                "[yellow]unknown car[/yellow]" if answer.unknown else "",
                *([escape(answer.true_class or "")] if truths else []),
            )
        return table

    def _counts(self) -> Table:
        table = Table(box=None)
        for name in ("class", "pictures", "share", "of them unknown"):
            table.add_column(name, justify="left" if name == "class" else "right")
        for name in self.class_names:
            count = self.by_class[name]
            flagged = self.unknown_by_class[name]
            table.add_row(escape(name), f"{count:,}", share(count / self.count), f"{flagged:,}")
        table.add_row("all", f"{self.count:,}", "", f"{self.unknown:,}")
        return table

    def truths(self) -> list[str]:
        """Sentences about what is known to be right or wrong; none where nothing is known."""
        lines = []
        if self.known:
            lines.append(
                f"accuracy  {share(self.right / self.known)}: {self.right:,} of {self.known:,} "
                f"pictures of known classes; {self.known_flagged:,} of these were called unknown"
            )
        if self.new:
            lines.append(
                f"new cars  {self.new_flagged:,} of {self.new:,} pictures of other classes were "
                "called unknown"
            )
        return lines


def share(value: float) -> str:
    """A share in per cent; never rounded to a certainty that it is not."""
    if 0.9995 <= value < 1:
        return "> 99.9 %"
    return f"{100 * value:.1f} %"
