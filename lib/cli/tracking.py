"""From sequences to tracks: each is followed, written, judged; whoever was done before is kept."""

import json
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from lib.cli.track_files import Renumbered, film, in_frame, results_file
from lib.cli.track_frames import Look, Missed, Seen, look_behind, look_through
from lib.cli.track_scores import count_right
from lib.data.mot.boxes import Window
from lib.data.mot.discovery import VIDEO_SUFFIXES, discover_sequences
from lib.data.mot.sequences import MotSequence
from lib.data.pictures import natural_key
from lib.data.video import CorruptVideoError
from lib.evaluation.following import Reading, follow_video
from lib.evaluation.tracking import VideoCounts
from lib.figures.scalor_overlay import overlay
from lib.files import digest
from lib.models.scalor import Scalor
from lib.progress import tqdm

RECORD = "tracks.jsonl"
"""In the folder of results, a line each: how they were made, so that none is made again."""
AT_ONCE = 10  # frames: they and the model's pictures of them are in memory


@dataclass(frozen=True)
class Order:
    """How sequences are tracked, and where results go."""

    output: Path
    stride: int
    reading: Reading = field(default_factory=Reading)
    window: Window | None = None  # None: the centred square of the frame's shorter side
    most_frames: int | None = None  # of a sequence
    overlay: bool = False
    skip_corrupt: bool = False


@dataclass(frozen=True)
class Target:
    """A sequence, what is looked at, and its files."""

    sequence: MotSequence
    look: Look
    results: Path
    overlay: Path


@dataclass(frozen=True)
class Tracked:
    """A sequence that is done. `counts` is None where there is no truth."""

    target: Target
    frames: int  # seen
    boxes: int
    tracks: int
    missed: Missed
    before: bool  # whether it had been done before
    counts: VideoCounts | None = None


def find_sequences(path: Path, *, skip_corrupt: bool) -> tuple[list[MotSequence], dict[str, str]]:
    """Sequences in `path`, and why videos were left out, by name: only if `skip_corrupt`.

    Raises `FileNotFoundError` or `ValueError` for what is not there or cannot be read.
    """
    if path.is_file() and path.suffix.lower() not in VIDEO_SUFFIXES:
        raise ValueError(
            f"PATH {path} is no video ({', '.join(VIDEO_SUFFIXES)}): name one, a folder of "
            "numbered frames, or a data set"
        )
    try:
        return discover_sequences(path).sequences, {}
    except CorruptVideoError as error:
        if not skip_corrupt or error.path.parent != path or (path / "mot_annotations").is_dir():
            raise
    found: list[MotSequence] = []
    left_out: dict[str, str] = {}
    videos = (one for one in path.iterdir() if one.suffix.lower() in VIDEO_SUFFIXES)
    for video in sorted(videos, key=lambda one: natural_key(one.name)):
        if video.name.startswith("."):
            continue
        try:
            found += discover_sequences(video).sequences
        except CorruptVideoError as error:
            left_out[video.name] = error.reason
    if not found:
        raise ValueError(f"PATH {path}: none of its {len(left_out)} videos can be read")
    return found, left_out


def plan(sequences: Sequence[MotSequence], order: Order, size_px: int) -> list[Target]:
    """What is looked at in each sequence by a model of `size_px`, and the files that come of it.

    Raises `ValueError` for frames or a window that are too small, a window that reaches outside,
    or results that would take the place of each other or of the footage.
    """
    targets = [_target(one, order, size_px) for one in sequences]
    seen: dict[Path, MotSequence] = {}
    for target in targets:
        other = seen.setdefault(target.results, target.sequence)
        if other is not target.sequence:
            raise ValueError(
                f"{other.source.name} and {target.sequence.source.name} would both become "
                f"{target.results.name}: track them one after the other, into two folders"
            )
        source = target.sequence.source.resolve()
        among = not target.sequence.pictures and target.overlay.resolve().parent == source.parent
        if order.overlay and among:
            raise ValueError(
                f"--output {order.output} holds {source.name}: overlays there would replace or "
                "join the footage; name another folder"
            )
    return targets


def track_all(
    targets: Sequence[Target], model: Scalor, order: Order, *, made_by: str, progress: bool = True
) -> Iterator[Tracked]:
    """Track one sequence after the other; each is yielded once its files are written.

    `made_by` stands for the model: files that it made in just this way stay as they are.

    Raises `ValueError` for annotations, pictures or videos that cannot be read, unless they may be
    skipped; then nothing of that sequence is written, and those before it stay.
    """
    total = sum(len(target.look.numbers) for target in targets)
    recorded = _recorded(order.output)
    with tqdm(total=total, unit="frame", disable=not progress or total < 2, leave=False) as bar:
        for target in targets:
            judged = replace(target.sequence)  # keeps its annotations, and goes before the next
            known = judged.annotations is not None  # may fail: before the work, not behind it
            key = _key(target, order, made_by)
            former = recorded.get(target.sequence.name, {})
            done = _done_before(target, order, key, former)
            if done is None:
                done = _track(target, model, order, bar)
                _record(done, order, key, former)
            else:
                bar.update(len(target.look.numbers))
            if known:
                numbers = done.missed.seen(target.look.numbers)
                counts = count_right(target.results, judged, target.look.window, numbers)
                done = replace(done, counts=counts)
            yield done


def _target(sequence: MotSequence, order: Order, size_px: int) -> Target:
    rows, columns = sequence.size
    if order.window is not None:
        window, named = order.window, f"{order.window.left},{order.window.top}"
        try:
            window.require_inside(sequence.size, sequence.name)
        except ValueError as error:
            raise ValueError(f"--window {named},{window.side_px}: {error}") from error
        if window.side_px < size_px:
            raise ValueError(
                f"--window {named},{window.side_px}: this model looks at {size_px} × {size_px} "
                f"pixels, so SIDE must be at least {size_px}"
            )
    else:
        side = min(sequence.size)
        if side < size_px:
            raise ValueError(
                f"frames of {sequence.name} are {rows}×{columns} (rows×columns), but this model "
                f"looks at {size_px} × {size_px}: give larger footage, or a model for smaller one"
            )
        window = Window((columns - side) // 2, (rows - side) // 2, side)
    every = range(0, sequence.frames, order.stride)
    return Target(
        sequence,
        Look(window, every[: order.most_frames], size_px, whole=order.overlay),
        order.output / f"{sequence.name}.txt",
        order.output / f"{sequence.name}.mp4",
    )


def _track(target: Target, model: Scalor, order: Order, bar: "tqdm[Any]") -> Tracked:
    """Follow a sequence and write its files: both, or none."""
    look, missed, renumbered = target.look, Missed(), Renumbered()
    frames = 0
    bar.set_description(target.sequence.name)
    rate_hz = target.sequence.frame_rate_hz / order.stride
    with ExitStack() as stack:
        write = stack.enter_context(results_file(target.results))
        draw = stack.enter_context(
            film(target.overlay, rate_hz) if order.overlay else nullcontext()
        )
        kept: deque[Seen] = deque()  # of the piece that is looked at
        seen = stack.enter_context(
            closing(look_through(target.sequence, look, missed, skip_corrupt=order.skip_corrupt))
        )
        behind = None
        if model.config.background == "remembered":
            behind = look_behind(target.sequence, look, skip_corrupt=order.skip_corrupt)
        pieces = follow_video(
            model, _small(seen, kept), behind=behind, reading=order.reading, at_once=AT_ONCE
        )
        for piece in pieces:
            for found in piece.found:
                one = kept.popleft()
                boxes = renumbered(in_frame(found.boxes, look.window, look.size_px))
                write(one.number, boxes, found.presence)
                if draw is not None and one.whole is not None:
                    draw(overlay(one.whole, boxes.boxes, boxes.ids))
                bar.update()
                frames += 1
        if not frames:
            reasons = "; ".join(list(missed.frames.values())[:1])
            raise ValueError(f"no frame of {target.sequence.name} can be read: {reasons}")
    bar.update(len(look.numbers) - frames)
    return Tracked(target, frames, renumbered.boxes, renumbered.tracks, missed, before=False)


def _small(frames: Iterator[Seen], kept: deque[Seen]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    for one in frames:
        kept.append(one)
        yield one.small


def _key(target: Target, order: Order, made_by: str) -> str:
    """Of all that decides what the results are."""
    sequence, look = target.sequence, target.look
    paths = [sequence.source / name for name in sequence.pictures] or [sequence.source]
    stats = [path.stat() if path.exists() else None for path in paths]
    marks = [f"{one.st_size} {one.st_mtime_ns}" if one else "missing" for one in stats]
    words = [asdict(look.window), repr(look.numbers), look.size_px, asdict(order.reading)]
    return digest([made_by, json.dumps(words), *sequence.pictures, *marks])


def _recorded(folder: Path) -> dict[str, dict[str, Any]]:
    """How sequences in `folder` were done, by name; of two lines the later one counts."""
    if not (folder / RECORD).is_file():
        return {}
    found = {}
    for line in (folder / RECORD).read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            one = json.loads(line)
            found[str(one["name"])] = dict(one)
        except (ValueError, KeyError, TypeError):
            continue  # half a line, of an interrupted run: its sequence is tracked again
    return found


def _done_before(target: Target, order: Order, key: str, former: dict[str, Any]) -> Tracked | None:
    """The sequence as it was done before, if it was in just this way and its files are there."""
    if former.get("key") != key or not target.results.is_file():
        return None
    if former["results"] != digest([target.results]):
        return None
    if order.overlay and not (former["overlay"] and target.overlay.is_file()):
        return None
    left_out = {int(number): reason for number, reason in former["left_out"].items()}
    if left_out and not order.skip_corrupt:
        return None
    return Tracked(
        target,
        frames=former["frames"],
        boxes=former["boxes"],
        tracks=former["tracks"],
        missed=Missed(left_out, former["end"]),
        before=True,
    )


def _record(done: Tracked, order: Order, key: str, former: dict[str, Any]) -> None:
    target = done.target
    if former.get("overlay") and not order.overlay:
        target.overlay.unlink(missing_ok=True)  # ours, of results that are there no longer
    words = {
        "name": target.sequence.name,
        "key": key,
        "results": digest([target.results]),
        "overlay": order.overlay,
        "frames": done.frames,
        "boxes": done.boxes,
        "tracks": done.tracks,
        "left_out": done.missed.frames,
        "end": done.missed.end,
    }
    with (order.output / RECORD).open("a+b") as file:
        size = file.seek(0, 2)
        file.seek(max(size - 1, 0))
        whole = file.read(1) in (b"", b"\n")  # else the last line broke off
        file.write((("" if whole else "\n") + json.dumps(words) + "\n").encode())
