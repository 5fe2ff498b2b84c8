"""Writing a frame store recording by recording, so that an interrupted import can go on.

While it is built, a store holds two more files: `frames.partial`, the array so far, and
`journal.jsonl`: a first line that names the plan, then a line per finished recording. A recording
counts only once its frames are on disk and its line is written, so whatever a crash leaves behind
the last full line is cut off and made again. A finished store is replaced only at the very end.
"""

import errno
import io
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from jaxtyping import Int32, UInt8

from lib.data.frames import (
    FORMAT,
    FRAMES,
    INDEX,
    STORE,
    VERSION,
    RecordingHash,
    content_digest,
)
from lib.files import DiskSpaceError, atomic_path, require_disk_space, write_json

if sys.platform != "win32":
    import fcntl

PARTIAL, JOURNAL = "frames.partial", "journal.jsonl"
HEADER_BYTES = 128
"""Of a store's .npy file: room for any number of frames."""


@dataclass(frozen=True)
class StorePlan:
    """What is to be written; an interrupted import goes on only under an equal plan."""

    layout: str
    size: tuple[int, int]  # rows, columns
    settings: dict[str, Any]
    source_digest: str  # of the source's file names and bytes, and of the settings
    selection_digest: str  # of every recording's name and chosen frame numbers
    frames: int  # how many frames there will be at most, for the check of disk space


@dataclass
class _Finished:
    """A line of the journal: one recording written, or left out for `reason`."""

    name: str
    group: str = ""
    numbers: list[int] = field(default_factory=list)
    digest: str = ""
    reason: str | None = None


class FrameStoreWriter:
    """Context manager that appends recordings to a frame store and finishes it on leaving.

    An exception within the block leaves what was written for the next attempt; `finished` then
    tells which recordings need not be read again; those left out are tried again. One frame at a
    time is held in memory.
    """

    def __init__(self, folder: Path, plan: StorePlan) -> None:
        self.folder, self.plan = folder, plan
        self._frame_bytes = plan.size[0] * plan.size[1] * 3
        self._done: dict[str, _Finished] = {}
        self._count = 0  # frames written
        self._frames: IO[bytes]
        self._journal: IO[str]

    @property
    def finished(self) -> frozenset[str]:
        """Names of the recordings that are written or left out."""
        return frozenset(self._done)

    @property
    def skipped(self) -> dict[str, str]:
        """Recordings left out, and why."""
        return {done.name: done.reason for done in self._done.values() if done.reason is not None}

    def __enter__(self) -> "FrameStoreWriter":
        self.folder.mkdir(parents=True, exist_ok=True)
        self._journal = (self.folder / JOURNAL).open("a+", encoding="utf-8")
        try:
            lock_journal(self._journal, self.folder)
            self._resume()
            missing = self.plan.frames - self._count
            require_disk_space(
                self.folder, missing * (self._frame_bytes + 12), f"the frame store {self.folder}"
            )
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            self._close()

    def add(
        self, name: str, group: str, frames: Iterable[tuple[int, UInt8[np.ndarray, "h w 3"]]]
    ) -> None:
        """Append a recording's (frame number, frame) pairs; all of them or, on an error, none."""
        if name in self._done:
            raise ValueError(f"recording {name!r} is already in the store: give each one once")
        done, content = _Finished(name, group), RecordingHash(name)
        start = self._frames.tell()
        try:
            for number, frame in frames:
                if frame.shape != (*self.plan.size, 3):
                    raise ValueError(
                        f"frame {number} of {name} is {list(frame.shape)}, the store holds "
                        f"{[*self.plan.size, 3]}: scale it before"
                    )
                self._frames.write(np.ascontiguousarray(frame).data)
                content.add(number, frame)
                done.numbers.append(number)
            self._frames.flush()
            os.fsync(self._frames.fileno())
        except BaseException as error:
            self._roll_back(start, error)
            raise
        done.digest = content.digest()
        self._note(done)

    def skip(self, name: str, reason: str) -> None:
        """Note that a recording is left out, so that the store can say so."""
        self._note(_Finished(name, reason=reason))

    def _note(self, done: _Finished) -> None:
        self._journal.write(json.dumps(vars(done)) + "\n")
        self._journal.flush()
        self._keep(done)

    def _keep(self, done: _Finished) -> None:
        self._done[done.name] = done
        self._count += len(done.numbers)

    def _roll_back(self, start: int, error: BaseException) -> None:
        """Forget a half-written recording."""
        try:
            self._frames.seek(start)
            self._frames.truncate()
        except OSError:
            pass  # the journal does not know the recording: the next attempt cuts it off
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise disk_full(self.folder) from error

    def _resume(self) -> None:
        """Take over what an earlier attempt under the same plan finished; else start anew."""
        partial, whole = self.folder / PARTIAL, self.folder / FRAMES
        head = journal_head(self.plan)
        lines = whole_lines(self._journal)
        resumes = bool(lines) and lines[0] == head
        renamed = whole.exists() and not (self.folder / STORE).exists()
        if resumes and renamed and not partial.exists():
            whole.rename(partial)  # interrupted between the last steps of `_finish`
        if not resumes or not partial.exists():
            lines = []
            partial.write_bytes(npy_header(0, self.plan.size))
        held = (partial.stat().st_size - HEADER_BYTES) // self._frame_bytes
        for line in lines[1:]:
            done = _Finished(**line)
            if self._count + len(done.numbers) > held:
                break
            if done.reason is None:  # what could not be read may have been mended since
                self._keep(done)
        self._frames = partial.open("rb+")
        self._frames.seek(HEADER_BYTES + self._count * self._frame_bytes)
        self._frames.truncate()
        self._journal.seek(0)
        self._journal.truncate()
        for entry in (head, *map(vars, self._done.values())):
            self._journal.write(json.dumps(entry) + "\n")
        self._journal.flush()

    def _finish(self) -> None:
        written = [done for done in self._done.values() if done.reason is None]
        if not self._count:
            raise ValueError(
                f"no frame was chosen for the store {self.folder}: check the settings "
                f"{self.plan.settings} against the length of the recordings"
            )
        self._frames.seek(0)
        self._frames.write(npy_header(self._count, self.plan.size))
        self._frames.flush()
        os.fsync(self._frames.fileno())
        groups = {name: i for i, name in enumerate(dict.fromkeys(d.group for d in written))}
        lengths = [len(done.numbers) for done in written]
        where = np.repeat(np.arange(len(written), dtype=np.int32), lengths)
        numbers = np.array([n for done in written for n in done.numbers], dtype=np.int32)
        group_of = np.array([groups[done.group] for done in written], dtype=np.int32)
        description = self._description(written, [*groups])
        publish_store(
            self.folder, description, group=group_of[where], recording=where, frame=numbers
        )

    def _description(self, written: list[_Finished], groups: list[str]) -> dict[str, Any]:
        return describe_store(
            self.plan,
            digest=content_digest([done.digest for done in written]),
            groups=groups,
            recordings=[
                {"name": done.name, "group": done.group, "frames": len(done.numbers)}
                for done in written
            ],
            skipped=self.skipped,
        )

    def _close(self) -> None:
        for name in ("_frames", "_journal"):
            if hasattr(self, name):
                getattr(self, name).close()


def describe_store(
    plan: StorePlan,
    *,
    digest: str,
    groups: list[str],
    recordings: list[dict[str, Any]],  # name and number of frames of each, in their order
    skipped: Mapping[str, str],
) -> dict[str, Any]:
    """What a store's `store.json` says."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "digest": digest,
        "frames": sum(recording["frames"] for recording in recordings),
        "size": list(plan.size),
        "layout": plan.layout,
        "settings": plan.settings,
        "source_digest": plan.source_digest,
        "skipped": dict(skipped),
        "groups": groups,
        "recordings": recordings,
    }


def publish_store(
    folder: Path,
    description: dict[str, Any],
    *,
    group: Int32[np.ndarray, " n"],
    recording: Int32[np.ndarray, " n"],
    frame: Int32[np.ndarray, " n"],
) -> None:
    """The last steps of writing: `frames.partial` is whole, header included, and synced."""
    (folder / STORE).unlink(missing_ok=True)
    with atomic_path(folder / INDEX) as temporary, temporary.open("wb") as file:
        np.savez(file, group=group, recording=recording, frame=frame)
    (folder / PARTIAL).replace(folder / FRAMES)
    write_json(folder / STORE, description)
    (folder / JOURNAL).unlink()


def disk_full(folder: Path) -> DiskSpaceError:
    """The error for a disk that filled up during an import into `folder`."""
    return DiskSpaceError(
        errno.ENOSPC,
        "the disk filled up while importing; what is finished is kept. Free some space "
        "and run again",
        str(folder / PARTIAL),
    )


def npy_header(frames: int, size: tuple[int, int]) -> bytes:
    """Head of a .npy file for uint8 [frames, *size, 3], of the same length for any number."""
    head = io.BytesIO()
    about = {"descr": "|u1", "fortran_order": False, "shape": (frames, *size, 3)}
    np.lib.format.write_array_header_1_0(head, about)
    assert head.tell() == HEADER_BYTES, f"header of {head.tell()} bytes for {about}"
    return head.getvalue()


def whole_lines(journal: IO[str]) -> list[dict[str, Any]]:
    """The journal's lines up to the first that is cut off or no JSON object."""
    journal.seek(0)
    lines = []
    for line in journal:
        try:
            value = json.loads(line)
        except ValueError:
            break
        if not line.endswith("\n") or not isinstance(value, dict):
            break
        lines.append(value)
    return lines


def journal_head(plan: StorePlan) -> Any:
    """First line of a journal, as JSON gives it back: it tells whether an attempt can go on."""
    return json.loads(json.dumps({"format": FORMAT, "version": VERSION, "plan": vars(plan)}))


def lock_journal(journal: IO[str], folder: Path) -> None:
    """Two imports into one folder would mix their frames; the lock goes when the file closes."""
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BlockingIOError(
            f"another process is importing into {folder}: wait for it, or name another folder"
        ) from error
