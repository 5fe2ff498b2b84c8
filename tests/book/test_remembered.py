"""What was worked out once: read back, and made anew where anything differs."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from lib.book.remembered import remembered
from lib.evaluation.intervals import Estimate


class Work:
    """Returns another result each time, and counts."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> list[np.ndarray]:
        self.times += 1
        return [np.arange(3), np.full(2, self.times)]


def ask(folder: Path, work: Work, *, given=("a", b"b"), code="lib.files", name="n") -> int:
    found = remembered(folder, name, work, kind=list, code=[code], given=given)
    return int(found[1][0])


def test_the_second_time_it_is_read(tmp_path: Path) -> None:
    work = Work()
    assert [ask(tmp_path, work) for _ in range(3)] == [1, 1, 1]
    assert work.times == 1
    assert [path.suffix for path in tmp_path.iterdir()] == [".pickle"]


@pytest.mark.parametrize(
    "change", [{"given": ("a", b"c")}, {"code": "lib.progress"}, {"name": "other"}]
)
def test_whatever_differs_is_another(tmp_path: Path, change: dict) -> None:
    work = Work()
    assert ask(tmp_path, work) == 1
    assert ask(tmp_path, work, **change) == 2
    assert ask(tmp_path, work) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"", b"no pickle", pickle.dumps(list(range(99)))[:-5], pickle.dumps({"a": "dictionary"}),
        pickle.dumps(Estimate(0.5, None, None, 1, 1)).replace(b"Estimate", b"Estimat0"),
    ],
    ids=["empty", "text", "cut short", "another kind", "a class that is gone"],
)  # fmt: skip
def test_what_cannot_be_read_is_made_anew(tmp_path: Path, content: bytes) -> None:
    work = Work()
    assert ask(tmp_path, work) == 1
    [path] = tmp_path.iterdir()
    path.write_bytes(content)
    assert ask(tmp_path, work) == 2
    assert ask(tmp_path, work) == 2


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> list[int]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        remembered(tmp_path, "n", fail, kind=list, code=["lib.files"], given=[])
    assert not list(tmp_path.iterdir())
