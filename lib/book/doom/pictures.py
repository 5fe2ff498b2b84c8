"""The chapter's figures of pictures: footage, views, neighbours, segments, failures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int16, Int64, UInt8
from matplotlib.figure import Figure

from lib.book.doom.judging import Judged, Own
from lib.book.doom.looks import WAYS, FrameNeighbours, Preferred
from lib.book.doom.palette import (
    class_legend,
    class_name,
    cluster_colours,
    named_colours,
    true_colours,
)
from lib.book.doom.stretches import Stretch
from lib.book.tables import number
from lib.data.doom_footage import KINDS
from lib.data.playthrough import Playthrough
from lib.data.splits import Splits
from lib.evaluation.segmentation.movie import overlaid, side_by_side, write_movie
from lib.figures import doom, doom_pictures, style
from lib.training.contrastive import ContrastiveConfig
from lib.training.views import NAMES, draw_views, make_views
from lib.worlds.doom.classes import UNKNOWN

NO_LABELS = "this footage has no labels"
Frames = UInt8[np.ndarray, "n h w 3"]


def footage_figure(played: Playthrough, splits: Splits, *, seed: int = 0) -> Figure:
    """Frames of each kind, with their truth where it is known."""
    rng = np.random.default_rng(seed)
    if played.labels is None or played.kinds is None:
        chosen = np.sort(rng.choice(splits.train, 8, replace=False))
        frames = np.asarray(played.store.frames[chosen])
        return doom_pictures.methods_side_by_side(frames[:4], {"further frames": frames[4:]})
    chosen = _of_each_kind(played, splits.train, rng)
    return doom.frames_with_truth(
        np.asarray(played.store.frames[chosen]),
        true_colours(np.asarray(played.labels[chosen])),
        [f"{_kind(played, frame)}, {played.maps[frame]}" for frame in chosen.tolist()],
        class_legend(),
    )


def _of_each_kind(
    played: Playthrough, frames: Int64[np.ndarray, " n"], rng: np.random.Generator
) -> Int64[np.ndarray, " k"]:
    """Five frames of play, with as many classes as can be had, and one of each other kind."""
    assert played.kinds is not None
    assert played.labels is not None
    chosen: list[int] = []
    for kind in range(len(KINDS)):
        of = rng.permutation(frames[played.kinds[frames] == kind])
        if kind:
            chosen += of[:1].tolist()
            continue
        variety = {f: len(np.unique(played.labels[f])) for f in of[:200].tolist()}
        best = sorted(variety, key=lambda frame: -variety[frame])
        maps = list(dict.fromkeys(played.maps[best].tolist()))[:5]
        chosen += [next(f for f in best if played.maps[f] == name) for name in maps]
    return np.array(chosen, np.int64)


def _kind(played: Playthrough, frame: int) -> str:
    assert played.kinds is not None
    return str(KINDS[played.kinds[frame]])


def views_figure(
    played: Playthrough, splits: Splits, config: ContrastiveConfig, *, count: int = 4, seed: int = 0
) -> Figure:
    """Some frames and the views that training makes of them."""
    followed = splits.train[played.has_next()[splits.train]]
    chosen = np.sort(np.random.default_rng(seed).choice(followed, count, replace=False))
    frames = torch.from_numpy(np.asarray(played.store.frames[chosen]))
    following = torch.from_numpy(np.asarray(played.store.frames[played.next_frame(chosen)]))
    size = played.store.size
    draws = draw_views(config.views, count, size, seed=seed, step=0)
    views = make_views(frames, following, draws, size_px=config.views.size_px)
    shown = views.permute(1, 0, 3, 4, 2).mul(255).round().clamp(0, 255).to(torch.uint8)
    boxes = draws.boxes.transpose(0, 1).numpy()
    return doom.views(frames.numpy(), boxes, shown.contiguous().numpy(), NAMES)


def favourites_figure(played: Playthrough, drawn: Preferred) -> Figure:
    """Frames that the sampler drew most and least often."""

    def said(frames: Int64[np.ndarray, " n"]) -> list[str]:
        if played.kinds is None:
            return ["" for _ in frames]
        return [f"{_kind(played, f)}, {played.maps[f]}" for f in frames.tolist()]

    def times(frames: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        return np.array([drawn.draws[f] for f in frames.tolist()], np.int64)

    return doom.favourites(
        np.asarray(played.store.frames[drawn.most]),
        np.asarray(played.store.frames[drawn.least]),
        times(drawn.most),
        times(drawn.least),
        captions_most=said(drawn.most),
        captions_least=said(drawn.least),
    )


def neighbours_figure(
    played: Playthrough, near: FrameNeighbours, *, count: int = 4, seed: int = 0
) -> Figure:
    """Some held-out frames and what each embedding finds nearest in the training maps."""
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(near.queries), min(count, len(near.queries)), replace=False))
    ways = [name for name in ("contrastive", "untrained", "colour") if name in near.found]
    found = {WAYS[name]: np.asarray(played.store.frames[near.found[name][chosen]]) for name in ways}
    queries = near.queries[chosen]
    captions = [str(played.maps[frame]) for frame in queries.tolist()]
    return doom_pictures.neighbours(np.asarray(played.store.frames[queries]), found, captions)


def methods_figure(judged: Mapping[str, Sequence[Judged]], stretches: Sequence[Stretch]) -> Figure:
    """A frame of each of some held-out maps as every method cuts it."""
    places = sorted(judged["contrastive"][0].labels)[:4]
    middle = {place: len(stretches[place].frames) // 2 for place in places}
    frames = np.stack([stretches[place].frames[middle[place]] for place in places])
    panels: dict[str, Frames] = {}
    scored = bool(judged["contrastive"][0].counts)
    if scored:
        truth = [stretches[place].truth for place in places]
        panels["truth"] = np.stack(
            [
                true_colours(t[middle[p]])
                for t, p in zip(truth, places, strict=True)
                if t is not None
            ]
        )
    for found in judged.values():
        one = found[0]
        cut = [
            named_colours(one.classes(p)[middle[p]])
            if scored
            else cluster_colours(one.labels[p])[middle[p]]
            for p in places
        ]
        panels[one.method.words] = np.stack(cut)
    return doom_pictures.methods_side_by_side(
        frames, panels, legend=class_legend() if scored else None
    )


def sequence_panels(stretch: Stretch, labels: Int16[np.ndarray, "n h w"]) -> dict[str, Frames]:
    """Frame, segments laid over it, segments and, where it is known, the truth."""
    colours = cluster_colours(labels)
    panels = {"frame": stretch.frames, "segments": colours}
    if stretch.truth is not None:
        panels["truth"] = true_colours(stretch.truth)
    else:
        panels["laid over"] = overlaid(stretch.frames, colours)
    return panels


def sequence_figure(stretches: Sequence[Stretch], own: Own, *, moments: int = 4) -> Figure:
    """Moments of one sequence: what remains of the animation on paper."""
    place = _liveliest(stretches, own)
    panels = sequence_panels(stretches[place], own.labels[place])
    chosen = np.linspace(0, len(stretches[place].frames) - 1, moments).astype(int)
    shown = {name: panel[chosen] for name, panel in panels.items()}
    return doom_pictures.segment_strip(shown, [f"frame {i + 1}" for i in chosen.tolist()])


def sequence_movie(path: Path, stretches: Sequence[Stretch], own: Own) -> Path:
    """Write the sequence side by side to `path` (.gif or .mp4) and return it."""
    place = _liveliest(stretches, own)
    panels = sequence_panels(stretches[place], own.labels[place])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_movie(path, side_by_side(list(panels.values())))
    return path


def _liveliest(stretches: Sequence[Stretch], own: Own) -> int:
    """The stretch in which the picture changes most from frame to frame."""

    def change(place: int) -> float:
        frames = stretches[place].frames.astype(np.int16)
        return float(np.abs(np.diff(frames, axis=0)).mean())

    return max(own.labels, key=change)


def failure_figure(judged: Judged, stretches: Sequence[Stretch], *, most: int = 5) -> Figure:
    """The frames, of different maps as far as there are, where most pixels get a wrong class."""
    if not judged.counts:
        return style.message(NO_LABELS)
    found = []
    for place in judged.labels:
        pairs = zip(judged.classes(place), _truth(stretches[place]), strict=True)
        for moment, (said, true) in enumerate(pairs):
            known = true != UNKNOWN
            found.append((float((said == true)[known].mean()), place, moment))
    chosen = _one_a_map(sorted(found), most)
    frames, cut, truths, captions = [], [], [], []
    for right, place, moment in chosen:
        stretch, named = stretches[place], judged.classes(place)[moment]
        worst = _worst(named, _truth(stretch)[moment])
        frames.append(stretch.frames[moment])
        cut.append(named_colours(named))
        truths.append(_true(stretch, moment))
        captions.append(f"{stretch.group}: {number(100 * right, 2)} % right. {worst}")
    return doom_pictures.failures(
        np.stack(frames), np.stack(cut), np.stack(truths), captions, class_legend()
    )


def _truth(stretch: Stretch) -> UInt8[np.ndarray, "n h w"]:
    assert stretch.truth is not None
    return stretch.truth


def _true(stretch: Stretch, moment: int) -> UInt8[np.ndarray, "h w 3"]:
    """The true classes of a frame as colours."""
    return true_colours(_truth(stretch)[moment])


def _one_a_map(found: Sequence[tuple[float, int, int]], most: int) -> list[tuple[float, int, int]]:
    """The worst of each stretch first, then the next ones, none beside one before it."""
    chosen: list[tuple[float, int, int]] = []
    for apart in (10_000, 4):
        for one in found:
            near = any(p == one[1] and abs(m - one[2]) < apart for _, p, m in chosen)
            if not near and len(chosen) < most:
                chosen.append(one)
    return sorted(chosen)


def _worst(named: Int16[np.ndarray, "h w"], true: UInt8[np.ndarray, "h w"]) -> str:
    """The largest confusion of a frame, in words."""
    wrong = (named != true) & (true != UNKNOWN)
    pairs, counts = np.unique(
        np.stack([true[wrong].astype(int), named[wrong].astype(int)]), axis=1, return_counts=True
    )
    was, said = pairs[:, counts.argmax()].tolist()
    share = number(100 * counts.max() / max(1, (true != UNKNOWN).sum()), 2)
    answer = class_name(said) if said >= 0 else "no class"
    return f"Most of it: {class_name(was)} taken for {answer} ({share} % of the frame)."
