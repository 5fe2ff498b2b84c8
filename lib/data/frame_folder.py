"""A folder of frames in time order, as one recording: the other form a playthrough comes in."""

from collections.abc import Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

from lib.data.ahead import read_ahead
from lib.data.frames import FrameStore
from lib.data.growing_store import (
    GrowingStoreWriter,
    current_store,
    require_corrupt,
    require_store_folder,
)
from lib.data.images import Fault, FaultyImagesError
from lib.data.pictures import list_pictures, picture_size, read_picture
from lib.data.recordings import core_count
from lib.data.stretches import cut_stretches
from lib.data.video import require_size
from lib.data.video_import import LAYOUT
from lib.data.writer import StorePlan
from lib.files import digest
from lib.progress import tqdm

PICTURES_PER_MARK = 500


def import_frames(
    folder: Path,
    store: Path,
    *,
    size: tuple[int, int] = (144, 256),
    fps: float = 10.0,
    most_frames: int | None = None,
    corrupt: Literal["error", "skip"] = "error",
    progress: bool = True,
) -> FrameStore:
    """Import all pictures of `folder`, in the natural order of their names, at `size`.

    They are taken to follow one another `fps` times a second; none is left out for time. The store
    has one recording, the folder; its groups are stretches of it. All pictures must have the size
    of the first that can be read. A finished store made from just these is returned as it is, an
    interrupted import goes on.

    Raises:
        FileNotFoundError: no folder, or none of its files is a picture.
        ValueError: settings out of range, or a size that would enlarge or distort.
        FaultyImagesError: after trying all, some cannot be read or have another size; with
        ``corrupt="skip"`` these are left out, and `skipped` of the store lists them.
        DiskSpaceError: the disk is too small; nothing is written.
    """
    require_corrupt(corrupt)
    names = require_pictures(folder)[:most_frames]
    require_store_folder(store, LAYOUT, [folder.name])
    source_size = _first_size(folder, names)
    require_size(folder, source_size, size)
    plan = _plan(folder, names, size, fps)
    if (found := current_store(store, plan.source_digest, corrupt=corrupt)) is not None:
        return found
    with GrowingStoreWriter(store, plan, folder.name) as writer:
        faults = _write(folder, names, source_size, writer, progress)
        if faults and (corrupt == "error" or not writer.count):
            raise FaultyImagesError(
                folder,
                faults,
                "Mend or remove these and import once more, or leave them out (corrupt='skip', "
                "on the command line --skip-corrupt)",
            )
        stretches = cut_stretches(writer.numbers, fps)
        skipped = {name: ": ".join(filter(None, fault)) for name, fault in faults.items()}
        writer.finish(stretches.names, stretches.of_frame, skipped)
    return FrameStore.open(store)


def require_pictures(folder: Path) -> list[str]:
    """Names of the pictures in `folder`; raises `FileNotFoundError` where there are none."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}: check the path")
    if names := list_pictures(folder):
        return names
    held = sorted(path.name for path in folder.iterdir())
    told = f"only {', '.join(held[:3])}{', …' if len(held) > 3 else ''}" if held else "nothing"
    raise FileNotFoundError(
        f"no frames in {folder}: it holds {told}. Give a video, or a folder of frames (.jpg, .png) "
        "whose names sort in time order"
    )


def _first_size(folder: Path, names: Sequence[str]) -> tuple[int, int]:
    """Rows and columns of the first picture that can be read."""
    faults: dict[str, Fault] = {}
    for name in names:
        size = picture_size(folder / name)
        if not isinstance(size, Fault):
            return size
        faults[name] = size
    raise FaultyImagesError(folder, faults, "No picture is left: check the folder")


def _plan(folder: Path, names: Sequence[str], size: tuple[int, int], fps: float) -> StorePlan:
    if not 0 < fps <= 1000:
        raise ValueError(f"fps={fps}: want frames per second, above 0 and at most 1000")
    listing = [f"{name} {(folder / name).stat().st_size}" for name in names]
    return StorePlan(
        layout=LAYOUT,
        size=size,
        settings={"fps": float(fps)},
        source_digest=digest([LAYOUT, f"frames {size} {float(fps)}", folder.name, *listing]),
        selection_digest="",
        frames=len(names),
    )


def _write(
    folder: Path,
    names: Sequence[str],
    source_size: tuple[int, int],
    writer: GrowingStoreWriter,
    progress: bool,
) -> dict[str, Fault]:
    """Append what is missing; returns what is the matter with pictures that cannot be used."""
    begin = writer.state.get("pictures", 0)
    faults = {name: Fault(*fault) for name, fault in writer.state.get("faults", {}).items()}
    read = partial(read_picture, size=writer.plan.size, source_size=source_size)
    paths = (folder / name for name in islice(names, begin, None))
    with tqdm(total=len(names), initial=begin, unit="frame", disable=not progress) as bar:
        for position, frame in enumerate(read_ahead(read, paths, core_count()), begin):
            if isinstance(frame, Fault):
                faults[names[position]] = frame
            else:
                writer.append(position, frame)
            bar.update()
            if (position + 1) % PICTURES_PER_MARK == 0 or position + 1 == len(names):
                writer.mark({"pictures": position + 1, "faults": faults})
    return faults
