"""Which sequences lie in a folder, in whatever layout.

::

    MOTChallenge     <sequence>/img1/000001.jpg, gt/gt.txt, seqinfo.ini
                     (a sequence, a folder of them, or one with train/ and test/)
    MOTSynth         frames/NNN/rgb/0000.jpg or NNN.mp4, also in MOTSynth_1/ and so on,
                     mot_annotations/NNN/gt/gt.txt and seqinfo.ini, mots_annotations/NNN/…
    Grand Central    pictures of 480×720 (rows×columns) named by their numbers alone
    frames, video    any pictures whose names sort in time order; any video; no truth

What the tools of `dvl-tum/motsynth-baselines` call frame 0 is the third of the video, although the
annotations count from its first: their author says so in issue 14. So with pictures that
``to_frames.py`` wrote, give ``first_frame=3``; with the videos, nothing.
"""

from pathlib import Path
from typing import NamedTuple

from lib.data.mot.sequences import SEQINFO, Layout, MotSequence, read_pictures, read_video
from lib.data.pictures import list_pictures, natural_key, picture_size

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v")
GRAND_CENTRAL_SIZE = (480, 720)
IMAGES = "img1"


class Discovered(NamedTuple):
    """What lies in a folder."""

    layout: Layout
    sequences: list[MotSequence]


def discover_sequences(source: Path, *, first_frame: int | None = None) -> Discovered:
    """Find the sequences in `source`, a folder or a video, and say which layout they have.

    `first_frame` is the number that annotations give the first frame, where they count otherwise
    than `sequences.read_pictures` takes them to.

    Raises `FileNotFoundError` where there is nothing of the kind, `ValueError` for sequences that
    cannot be read.
    """
    if source.is_file() and source.suffix.lower() in VIDEO_SUFFIXES:
        return Discovered("video", [read_video(source)])
    if not source.is_dir():
        raise FileNotFoundError(f"there is no {source}: give a folder of sequences, or a video")
    if folders := _motchallenge(source):
        return Discovered("motchallenge", [_sequence(f, source, first_frame) for f in folders])
    if found := _motsynth(source):
        return Discovered("motsynth", [_synthetic(source, one, first_frame) for one in found])
    if pictures := list_pictures(source):
        layout = _layout_of(source, pictures)
        return Discovered(layout, [read_pictures(source, name=source.name, layout=layout)])
    if videos := _videos(source):
        return Discovered("video", [read_video(video) for video in videos])
    held = sorted(path.name for path in source.iterdir())
    raise FileNotFoundError(
        f"no sequence in {source}, which holds {', '.join(held[:4]) or 'nothing'}"
        f"{', …' if len(held) > 4 else ''}: want MOTChallenge folders ({IMAGES}/, gt/gt.txt, "
        f"{SEQINFO}), MOTSynth (frames/NNN/rgb/, mot_annotations/NNN/), pictures named in time "
        "order, or videos"
    )


def _motchallenge(source: Path) -> list[Path]:
    """Folders of sequences, in natural order."""
    found = {
        path.parent for depth in (".", "*", "*/*") for path in source.glob(f"{depth}/{IMAGES}")
    }
    return sorted((one for one in found if (one / IMAGES).is_dir()), key=_key)


def _sequence(folder: Path, root: Path, first_frame: int | None) -> MotSequence:
    name = folder.name if folder == root else folder.relative_to(root).as_posix()
    return read_pictures(
        folder / IMAGES,
        name=name,
        layout="motchallenge",
        annotations=folder,
        first_frame=first_frame,
    )


def _motsynth(source: Path) -> list[Path]:
    """Folders ``NNN/rgb`` and videos ``NNN.mp4``, a folder before a video of the same name."""
    folders = [path.parent for path in source.glob("frames/*/rgb") if path.is_dir()]
    videos = [*source.glob("frames/*.mp4"), *source.glob("MOTSynth_*/*.mp4")]
    if (source / "mot_annotations").is_dir():
        videos += source.glob("*.mp4")
    known = {path.name for path in folders}
    return sorted([*folders, *(video for video in videos if video.stem not in known)], key=_key)


def _synthetic(root: Path, found: Path, first_frame: int | None) -> MotSequence:
    number = found.stem
    boxes, masks = (root / kind / number for kind in ("mot_annotations", "mots_annotations"))
    annotations = boxes if boxes.is_dir() else masks if masks.is_dir() else None
    truth = {"annotations": annotations, "masks": masks if masks.is_dir() else None}
    about = {"name": number, "layout": "motsynth", "first_frame": first_frame}
    if found.is_dir():
        return read_pictures(found / "rgb", **about, **truth)  # type: ignore[arg-type]
    return read_video(found, **about, **truth)  # type: ignore[arg-type]


def _layout_of(folder: Path, pictures: list[str]) -> Layout:
    numbered = all(Path(name).stem.isdigit() for name in pictures)
    alike = picture_size(folder / pictures[0]) == GRAND_CENTRAL_SIZE
    return "grand_central" if numbered and alike else "frames"


def _videos(folder: Path) -> list[Path]:
    found = [path for path in folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES]
    return sorted((path for path in found if not path.name.startswith(".")), key=_key)


def _key(path: Path) -> tuple[object, ...]:
    return natural_key(path.as_posix())
