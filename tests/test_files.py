"""Atomic writes, disk space and digests: whatever happens, no file is left half written."""

import errno
import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.files import (
    DiskSpaceError,
    atomic_path,
    digest,
    require_disk_space,
    write_json,
    write_text,
)


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file with content that must survive."""
    path = tmp_path / "numbers.csv"
    path.write_text("old")
    return path


def write_and_fail(path: Path, error: BaseException) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("half of the n")
        raise error


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_finished_block_replaces_the_file(old: Path) -> None:
    with atomic_path(old) as temporary:
        assert temporary.parent == old.parent, "a rename is atomic within one disk only"
        assert temporary.suffix == ".csv", "savers such as NumPy's append a suffix they miss"
        temporary.write_text("new")
        assert old.read_text() == "old", "until the block ends, the old content stays"
    assert old.read_text() == "new"
    assert names(old.parent) == ["numbers.csv"]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "c.txt", "größer")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == "größer".encode()


def test_an_exception_keeps_the_old_file_and_removes_the_new(old: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_and_fail(old, KeyboardInterrupt())
    assert old.read_text() == "old"
    assert names(old.parent) == ["numbers.csv"]


def test_a_leftover_of_a_crash_is_taken_away(old: Path) -> None:
    """The same process number may come again after a restart: its leftover must not live on."""
    leftover = old.with_name(f".{old.stem}.{os.getpid()}.partial{old.suffix}")
    leftover.write_text("a very long line that an earlier process left behind")
    write_text(old, "new")
    assert old.read_text() == "new"
    assert names(old.parent) == ["numbers.csv"]


def test_a_block_that_writes_nothing_is_an_error(old: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(old):
        pass
    assert old.read_text() == "old"


def test_a_full_disk_is_said_and_the_old_file_intact(old: Path) -> None:
    with pytest.raises(DiskSpaceError, match="filled up while writing numbers.csv") as caught:
        write_and_fail(old, OSError(errno.ENOSPC, "No space left on device"))
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(old)
    assert "the previous file is untouched" in str(caught.value)
    assert old.read_text() == "old"
    assert names(old.parent) == ["numbers.csv"]


def test_a_disk_that_fills_up_at_the_flush(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Delayed allocation: the write succeeds, the flush does not."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lib.files.os.fsync", full)
    with pytest.raises(DiskSpaceError, match="Free some space"):
        write_text(old, "new")
    assert old.read_text() == "old"
    assert names(old.parent) == ["numbers.csv"]


def test_other_errors_of_the_disk_stay_what_they_are(old: Path) -> None:
    with pytest.raises(PermissionError):
        write_and_fail(old, PermissionError(errno.EACCES, "Permission denied"))
    error = DiskSpaceError(errno.ENOSPC, "said already")
    with pytest.raises(DiskSpaceError) as caught:
        write_and_fail(old, error)
    assert caught.value is error
    assert old.read_text() == "old"


def test_data_is_flushed_before_the_rename(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str]] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        seen.append((os.pread(descriptor, 9, 0).decode(), old.read_text()))
        fsync(descriptor)

    monkeypatch.setattr("lib.files.os.fsync", noted)
    write_text(old, "new")
    assert seen == [("new", "old")]


def test_json_is_strict_and_readable(old: Path) -> None:
    write_json(old, {"name": "Größe", "sizes": [1, 2.5, None]})
    text = old.read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "Größe", "sizes": [1, 2.5, None]}
    assert "Größe" in text
    assert text.endswith("\n")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(old, {"loss": float("nan")})
    assert old.read_text(encoding="utf-8") == text


def test_too_little_space_is_said_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def usage(folder: Path) -> Usage:
        asked.append(Path(folder))
        return Usage(10**10, 10**10 - 1_500_000_000, 1_500_000_000)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    missing = tmp_path / "not" / "yet"
    require_disk_space(missing, 1_500_000_000, "the footage")
    with pytest.raises(DiskSpaceError) as caught:
        require_disk_space(missing, 2_250_000_000, "the footage")
    message = str(caught.value)
    assert "the footage needs 2.25 GB but 1.50 GB are free" in message
    assert "Free some space or name another folder" in message
    assert caught.value.filename == str(missing)
    assert asked == [tmp_path, tmp_path], "the nearest folder that exists"
    assert not missing.exists()


def test_space_of_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    require_disk_space(Path("new/folder"), 1, "a byte")


def test_digest_heeds_order_and_boundaries(tmp_path: Path) -> None:
    assert digest(["ab", "c"]) != digest(["a", "bc"])
    assert digest(["ab", "c"]) != digest(["c", "ab"])
    assert digest(["ab"]) != digest(["ab", ""])
    assert digest([]) != digest([""])
    file = tmp_path / "x"
    file.write_bytes("ä".encode())
    assert digest(["ä"]) == digest(["ä".encode()]) == digest([file])


def test_digest_stays_the_same_over_versions() -> None:
    """Caches of earlier versions are found by it."""
    assert digest(["Seeing", b"Games"]) == "b50e887d78bd5aab"


PARTS = st.lists(st.text(max_size=4), max_size=4)


@settings(max_examples=100, deadline=None)
@given(PARTS, PARTS)
def test_different_parts_have_different_digests(a: list[str], b: list[str]) -> None:
    assert (digest(a) == digest(b)) == (a == b)
    assert len(digest(a)) == 16
    assert set(digest(a)) <= set("0123456789abcdef")
