"""Writing files so that nothing is lost: atomic replacement, disk space checked beforehand."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class DiskSpaceError(OSError):
    """The disk has too little room for what is about to be written (errno ``ENOSPC``)."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; it replaces `path` only if the block succeeds.

    The temporary file is flushed to disk before it is renamed, so that after a crash `path` holds
    either the old content or the new, never half of one. A full disk is reported as
    `DiskSpaceError`, with `path` as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno == errno.ENOSPC and not isinstance(error, DiskSpaceError):
            raise DiskSpaceError(
                errno.ENOSPC,
                f"the disk filled up while writing {path.name}; the previous file is untouched. "
                "Free some space and run again",
                str(path),
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` in UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented JSON with a final newline, atomically."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def require_disk_space(folder: Path, needed_bytes: int, what: str) -> None:
    """Raise `DiskSpaceError` if the disk of `folder` has less than `needed_bytes` free.

    `what` names the thing to be written, for the message. `folder` need not exist yet.
    """
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    free_bytes = shutil.disk_usage(existing).free
    if free_bytes < needed_bytes:
        raise DiskSpaceError(
            errno.ENOSPC,
            f"{what} needs {needed_bytes / 1e9:.2f} GB but {free_bytes / 1e9:.2f} GB are free. "
            "Free some space or name another folder",
            str(folder),
        )


def digest(parts: Iterable[bytes | str | Path]) -> str:
    """Hash strings, bytes and the contents of files to 16 hexadecimal digits, in order."""
    total = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part
        data = data.encode() if isinstance(data, str) else data
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.hexdigest()[:16]
