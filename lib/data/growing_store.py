"""Writing a frame store of one long recording, frame by frame, so that an interrupted import can
go on in its middle.

`lib.data.writer` counts a recording once it is whole; one of twelve hours must not be lost at its
end. Here a journal line, a *mark*, follows every few hundred frames: it names the frames since the
mark before and, in `state`, whatever its reader needs to go on behind them. A mark is written once
its frames are on disk, so what a crash leaves behind the last whole mark is cut off and made again.
"""

import errno
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from jaxtyping import Int32, UInt8

from lib.data.frames import FRAMES, INDEX, STORE, FrameStore, RecordingHash, content_digest
from lib.data.writer import (
    HEADER_BYTES,
    JOURNAL,
    PARTIAL,
    StorePlan,
    describe_store,
    disk_full,
    journal_head,
    lock_journal,
    npy_header,
    publish_store,
    whole_lines,
)
from lib.files import require_disk_space

BYTES_PER_INDEX = 12
"""Of a frame in index.npz."""


class GrowingStoreWriter:
    """Context manager that appends frames of one recording; `finish` makes the store of them.

    Leaving the block without `finish` keeps what was marked for the next attempt: `count` frames
    are there then, and `state` is that of the last mark ({} at the very beginning). One frame at a
    time is held in memory.

    Entering raises `DiskSpaceError` where `plan.frames` do not fit, `BlockingIOError` where
    another process is importing into `folder`.
    """

    def __init__(self, folder: Path, plan: StorePlan, recording: str) -> None:
        self.folder, self.plan, self.recording = folder, plan, recording
        self.state: dict[str, Any] = {}
        self._frame_bytes = plan.size[0] * plan.size[1] * 3
        self._content = RecordingHash(recording)
        self._numbers: list[int] = []
        self._marked = 0  # frames that the journal knows
        self._frames: IO[bytes]
        self._journal: IO[str]

    @property
    def count(self) -> int:
        """Frames written so far."""
        return len(self._numbers)

    @property
    def numbers(self) -> Int32[np.ndarray, " n"]:
        """Number of each frame written so far."""
        return np.array(self._numbers, dtype=np.int32)

    def __enter__(self) -> "GrowingStoreWriter":
        self.folder.mkdir(parents=True, exist_ok=True)
        self._journal = (self.folder / JOURNAL).open("a+", encoding="utf-8")
        try:
            lock_journal(self._journal, self.folder)
            self._resume()
            missing = max(0, self.plan.frames - self.count)
            needed = missing * (self._frame_bytes + BYTES_PER_INDEX)
            require_disk_space(self.folder, needed, f"the frame store {self.folder}")
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
        self._close()

    def append(self, number: int, frame: UInt8[np.ndarray, "h w 3"]) -> None:
        """Write the next frame; numbers must rise."""
        assert not self._numbers or number > self._numbers[-1], "frame numbers must rise"
        with self._telling_full_disk():
            self._frames.write(np.ascontiguousarray(frame).data)
        self._content.add(number, frame)
        self._numbers.append(number)

    def mark(self, state: Mapping[str, Any]) -> None:
        """Make sure of all frames so far; a later attempt goes on here, with `state` (JSON)."""
        line = {"numbers": self._numbers[self._marked :], "state": dict(state)}
        with self._telling_full_disk():
            self._frames.flush()
            os.fsync(self._frames.fileno())
            self._journal.write(json.dumps(line) + "\n")
            self._journal.flush()
        self._marked, self.state = self.count, dict(state)

    def last_frame(self) -> UInt8[np.ndarray, "h w 3"]:
        """The last frame written, as it is on disk."""
        self._frames.flush()
        self._frames.seek(-self._frame_bytes, os.SEEK_CUR)
        held = self._frames.read(self._frame_bytes)
        return np.frombuffer(held, np.uint8).reshape(*self.plan.size, 3)

    def finish(
        self,
        groups: Sequence[str],
        group_of: Int32[np.ndarray, " n"],
        skipped: Mapping[str, str],
    ) -> None:
        """Make a finished store of all frames: frame i belongs to ``groups[group_of[i]]``."""
        assert self.count == len(group_of), "one group a frame"
        with self._telling_full_disk():
            self._frames.seek(0)
            self._frames.write(npy_header(self.count, self.plan.size))
            self._frames.flush()
            os.fsync(self._frames.fileno())
        description = describe_store(
            self.plan,
            digest=content_digest([self._content.digest()]),
            groups=list(groups),
            recordings=[{"name": self.recording, "group": "", "frames": self.count}],
            skipped=skipped,
        )
        publish_store(
            self.folder,
            description,
            group=group_of,
            recording=np.zeros(self.count, np.int32),
            frame=self.numbers,
        )

    def _resume(self) -> None:
        """Take over what an earlier attempt marked under the same plan; else start anew."""
        unfinished, whole = self.folder / PARTIAL, self.folder / FRAMES
        head, lines = journal_head(self.plan), whole_lines(self._journal)
        resumes = bool(lines) and lines[0] == head
        renamed = whole.exists() and not (self.folder / STORE).exists()
        if resumes and renamed and not unfinished.exists():
            whole.rename(unfinished)  # interrupted between the last steps of `publish_store`
        if not resumes or not unfinished.exists():
            lines = []
            unfinished.write_bytes(npy_header(0, self.plan.size))
        self._frames = unfinished.open("rb+")
        self._frames.seek(HEADER_BYTES)
        sound = [head]
        for line in lines[1:]:
            if not self._take_over(line["numbers"]):
                break
            self._marked, self.state = self.count, line["state"]
            sound.append(line)
        self._frames.seek(HEADER_BYTES + self.count * self._frame_bytes)
        self._frames.truncate()
        self._journal.seek(0)
        self._journal.truncate()
        self._journal.write("".join(json.dumps(line) + "\n" for line in sound))
        self._journal.flush()

    def _take_over(self, numbers: Sequence[int]) -> bool:
        """Keep the frames of a mark, if all of them are there."""
        here = HEADER_BYTES + self.count * self._frame_bytes
        missing = here + len(numbers) * self._frame_bytes - os.fstat(self._frames.fileno()).st_size
        if missing > 0:
            return False
        for number in numbers:
            held = np.frombuffer(self._frames.read(self._frame_bytes), np.uint8)
            self._content.add(number, held.reshape(*self.plan.size, 3))
            self._numbers.append(number)
        return True

    @contextmanager
    def _telling_full_disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise disk_full(self.folder) from error
            raise

    def _close(self) -> None:
        for name in ("_frames", "_journal"):
            if hasattr(self, name):
                getattr(self, name).close()


def current_store(folder: Path, source_digest: str, *, corrupt: str) -> FrameStore | None:
    """The finished store in `folder`, if it was made from just that source.

    One that had to leave something out will do only where `corrupt` is "skip".
    """
    if not (folder / STORE).is_file():
        return None
    store = FrameStore.open(folder)
    if store.source_digest != source_digest or (store.skipped and corrupt == "error"):
        return None
    return store


def require_store_folder(
    folder: Path, layout: str, recordings: Sequence[str], also: Sequence[str] = ()
) -> None:
    """Raise `ValueError` if `folder` holds anything but a store of these recordings.

    `also` names files of ours that lie beside the store's own. A store of the same layout that
    shares a recording is the same footage, imported with other settings: it may be replaced.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"store={folder} is a file: name a folder for the frame store")
    ours = {FRAMES, INDEX, STORE, PARTIAL, JOURNAL, *also}
    names = {path.name for path in folder.iterdir()}
    if foreign := sorted(name for name in names - ours if ".partial" not in name):
        raise ValueError(
            f"store={folder} holds other files ({', '.join(foreign[:3])}): name an empty or new "
            "folder for the frame store"
        )
    if STORE not in names:
        return
    old = FrameStore.open(folder)
    if old.layout != layout or not set(old.recording_names) & set(recordings):
        raise ValueError(
            f"store={folder} holds frames of other footage ({old.layout}, "
            f"{old.recording_names[0]}): name another folder, or delete that one first"
        )


def require_corrupt(corrupt: str) -> None:
    """Raise `ValueError` unless `corrupt` is "error" or "skip"."""
    if corrupt not in ("error", "skip"):
        raise ValueError(f"corrupt={corrupt!r}: want 'error' or 'skip'")
