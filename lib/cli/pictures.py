"""Pictures to classify: found in files, folders, videos and data sets, read one after another."""

import struct
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from lib.data.images import UNREADABLE, WRONG_SIZE, Fault, shrunk
from lib.data.recordings import core_count
from lib.data.sideswipe import find_sideswipe, is_sideswipe
from lib.data.video import CorruptVideoError, probe_video, read_frames

IMAGES = (".jpg", ".jpeg", ".png", ".webp")
VIDEOS = (".mp4", ".mkv", ".webm", ".mov", ".avi")
UNREADABLE_VIDEOS = "videos cannot be decoded to their end"
_FORMATS = ["JPEG", "PNG", "WEBP"]


class Crop(NamedTuple):
    """A part of a picture, in pixels from its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> "Crop":
        """The crop that ``x,y,width,height`` means."""
        parts = text.split(",")
        if len(parts) == 4 and all(part.strip().isdecimal() for part in parts):
            crop = cls(*(int(part) for part in parts))
            if crop.width and crop.height:
                return crop
        raise ValueError(
            f"--crop {text}: write x,y,width,height in whole pixels, such as --crop 56,40,400,150"
        )

    def fits(self, rows: int, columns: int) -> bool:
        """Whether it lies inside a picture of this size."""
        return self.y + self.height <= rows and self.x + self.width <= columns

    def of(self, picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
        """The part of `picture`."""
        return picture[self.y : self.y + self.height, self.x : self.x + self.width]


class Source(NamedTuple):
    """A file of one picture or of many; there may be hundreds of thousands, so it is light."""

    folder: Path
    name: str  # below `folder`
    true_class: str | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / self.name

    @property
    def video(self) -> bool:
        """Whether it holds frames."""
        return self.name.lower().endswith(VIDEOS)


@dataclass(frozen=True)
class Order:
    """How pictures are read."""

    size: tuple[int, int]  # rows, columns of what the classifier sees
    crop: Crop | None = None
    frames_per_second: float = 2.0  # of videos
    whole: bool = False  # whether pictures are wanted at their own size, too


@dataclass(frozen=True)
class Picture:
    """A picture as the classifier sees it, and as it is if that was ordered."""

    source: Source
    frame: int | None  # of a video
    shrunk: UInt8[np.ndarray, "h w 3"]
    seen_size: tuple[int, int]  # rows, columns of the part that was shrunk
    whole: UInt8[np.ndarray, "h2 w2 3"] | None = None


@dataclass(frozen=True)
class Unreadable:
    """A source that could not be read, or not to its end."""

    source: Source
    fault: Fault


def find_sources(paths: Iterable[Path]) -> tuple[list[Source], dict[str, Fault]]:
    """Sources in `paths`, each once: in the order of `paths`, within a folder sorted by name.

    Also returns, by path, what is the matter with entries of Sideswipe data sets that cannot be
    used. Raises `FileNotFoundError` for a path that is missing or a folder without pictures,
    `ValueError` for a file of another kind.
    """
    found: dict[str, Source] = {}
    faults: dict[str, Fault] = {}
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist: check the path")
        if path.is_dir():
            sources, broken = _of_folder(path)
            faults |= {str(path / name): fault for name, fault in broken.items()}
            if not sources and not broken:
                raise FileNotFoundError(
                    f"{path} holds no picture and no video ({', '.join((*IMAGES, *VIDEOS))}): "
                    "name another folder"
                )
        elif path.name.lower().endswith((*IMAGES, *VIDEOS)):
            sources = [Source(path.parent, path.name)]
        else:
            raise ValueError(
                f"{path} is neither a picture ({', '.join(IMAGES)}) nor a video "
                f"({', '.join(VIDEOS)}): convert it, or leave it out"
            )
        for source in sources:
            found.setdefault(str(source.path.absolute()), source)
    return list(found.values()), faults


def _of_folder(folder: Path) -> tuple[list[Source], dict[str, Fault]]:
    """A Sideswipe data set, whose classes are known, or all pictures and videos below `folder`."""
    if is_sideswipe(folder):
        cars = find_sideswipe(folder)
        rows, names = cars.table.rows, cars.table.class_names
        labelled = zip(rows["uuid"], rows["model"], strict=True)
        return [
            Source(folder, f"{uuid}.jpg", names[model]) for uuid, model in labelled
        ], cars.faults
    below = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    shown = (path for path in below if not any(part.startswith(".") for part in path.parts))
    pictures = (path for path in shown if path.name.lower().endswith((*IMAGES, *VIDEOS)))
    return [Source(folder, path.as_posix()) for path in sorted(pictures)], {}


def expected(source: Source, order: Order) -> int:
    """About how many pictures `source` holds, for a progress bar."""
    if not source.video:
        return 1
    try:
        info = probe_video(source.path)
    except (CorruptVideoError, OSError):
        return 1
    frames = info.frames or round((info.seconds or 0) * info.frame_rate_hz)
    return -(-frames // _step(info.frame_rate_hz, order))


def read_pictures(sources: Iterable[Source], order: Order) -> Iterator[Picture | Unreadable]:
    """All pictures of `sources` in order; a few ahead are decoded by threads.

    A damaged video gives the frames before its damage, then `Unreadable`.
    """
    for is_video, group in groupby(sources, key=lambda source: source.video):
        if is_video:
            for source in group:
                yield from _read_video(source, order)
        else:
            yield from _read_images(group, order)


def _read_images(sources: Iterable[Source], order: Order) -> Iterator[Picture | Unreadable]:
    workers = core_count()
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[Picture | Unreadable]] = deque()
    try:
        for source in sources:
            waiting.append(pool.submit(_read_image, source, order))
            # few where whole pictures are kept: screenshots of a phone have 10 MB each
            if len(waiting) > (2 if order.whole else 16) * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _read_image(source: Source, order: Order) -> Picture | Unreadable:
    try:
        with source.path.open("rb") as file, Image.open(file, formats=_FORMATS) as image:
            upright = ImageOps.exif_transpose(image)
            return _picture(source, None, np.asarray(upright.convert("RGB")), order)
    except Image.UnidentifiedImageError:
        fault = Fault(UNREADABLE, "no JPEG, PNG or WebP image")
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        fault = Fault(UNREADABLE, getattr(error, "strerror", None) or str(error))
    return Unreadable(source, fault)


def _read_video(source: Source, order: Order) -> Iterator[Picture | Unreadable]:
    try:
        step = _step(probe_video(source.path).frame_rate_hz, order)
        for number, frame in read_frames(source.path, step=step, threads=0):
            picture = _picture(source, number, frame, order)
            yield picture
            if isinstance(picture, Unreadable):
                return
    except CorruptVideoError as error:
        yield Unreadable(source, Fault(UNREADABLE_VIDEOS, error.reason))
    except OSError as error:
        yield Unreadable(source, Fault(UNREADABLE_VIDEOS, error.strerror or str(error)))


def _step(frame_rate_hz: float, order: Order) -> int:
    """Every how many frames one is taken."""
    return max(1, round(frame_rate_hz / order.frames_per_second))


def _picture(
    source: Source, frame: int | None, whole: UInt8[np.ndarray, "h w 3"], order: Order
) -> Picture | Unreadable:
    rows, columns, _ = whole.shape
    if order.crop is not None and not order.crop.fits(rows, columns):
        wanted = f"{columns}×{rows} pixels: too small for --crop {','.join(map(str, order.crop))}"
        return Unreadable(source, Fault(WRONG_SIZE, wanted))
    seen = whole if order.crop is None else order.crop.of(whole)
    small = shrunk(np.ascontiguousarray(seen), order.size)
    return Picture(source, frame, small, seen.shape[:2], whole if order.whole else None)
