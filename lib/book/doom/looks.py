"""What the embeddings find alike, and what the sampler selects."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from lib.data.doom_footage import KINDS
from lib.data.playthrough import Playthrough
from lib.data.splits import Splits
from lib.evaluation.frame_content import (
    chance_partners,
    class_shares,
    content_overlap,
    nearest_frames,
    small_pictures,
)
from lib.evaluation.frame_selection import (
    KindSelection,
    by_kind,
    evenness,
    guidance,
    loss_correlations,
)
from lib.evaluation.intervals import Estimate, mean_over_groups
from lib.evaluation.segmentation.features import evenly
from lib.training.contrastive import TrainedContrastive, embed, untrained
from lib.worlds.doom.classes import PixelClass

QUERIES = {"tiny": 150, "small": 600, "full": 2_000}  # held-out frames that ask for neighbours
GALLERY = 20_000  # training frames, at most, among which they are looked for
NEAREST = 4
WAYS = {
    "contrastive": "contrastive",
    "untrained": "random weights",
    "colour": "9 × 16 colours",
    "chance": "any frame",
}


@dataclass(frozen=True)
class FrameNeighbours:
    """For held-out frames the nearest training frames, by each of `WAYS` but chance.

    `overlap`, of footage with labels, is how alike a frame and its nearest one are in content,
    with an interval over maps.
    """

    queries: Int64[np.ndarray, " m"]  # in the store
    found: Mapping[str, Int64[np.ndarray, "m k"]]  # in the store
    overlap: Mapping[str, Estimate]
    each: Mapping[str, Float[np.ndarray, " m"]]  # overlap of each query


def frame_neighbours(
    trained: TrainedContrastive,
    played: Playthrough,
    splits: Splits,
    *,
    preset: str,
    seed: int = 0,
) -> FrameNeighbours:
    """Look for the neighbours of frames of held-out maps among the training frames."""
    queries = splits.test[evenly(len(splits.test), QUERIES[preset])]
    gallery = splits.train[evenly(len(splits.train), GALLERY)]
    vectors = {
        name: [_embedded(name, trained, played, part, seed) for part in (queries, gallery)]
        for name in ("contrastive", "untrained", "colour")
    }
    places = {name: nearest_frames(*pair, k=NEAREST) for name, pair in vectors.items()}
    found = {name: gallery[near] for name, near in places.items()}
    if played.labels is None:
        return FrameNeighbours(queries, found, {}, {})
    found["chance"] = gallery[chance_partners(len(queries), len(gallery), seed=seed)][:, None]
    shown = class_shares(played.labels[queries])
    each = {
        name: content_overlap(shown, class_shares(played.labels[near[:, 0]]))
        for name, near in found.items()
    }
    groups = played.store.groups[queries].astype(np.int64)
    overlap = {name: mean_over_groups(x, groups, seed=seed) for name, x in each.items()}
    return FrameNeighbours(queries, found, overlap, each)


def _embedded(
    name: str, trained: TrainedContrastive, played: Playthrough, frames: Int64[np.ndarray, " n"],
    seed: int,
) -> Float[np.ndarray, "n d"]:  # fmt: skip
    if name == "colour":
        return small_pictures(np.asarray(played.store.frames[frames]))
    model = trained.model if name == "contrastive" else untrained(trained.config, seed)
    vectors = embed(model, played.store, frames, size_px=2 * trained.config.views.size_px)
    return vectors.numpy().astype(np.float64)


@dataclass(frozen=True)
class Preferred:
    """What loss-guided sampling drew in a training."""

    kinds: Mapping[str, KindSelection]
    guidance: float  # draws of the tenth with the highest losses over those of the lowest
    evenness: float  # share of the frames that draws alike would be spread over
    correlations: Mapping[str, float]  # of a frame's loss with its share of each class
    most: Int64[np.ndarray, " a"]  # frames in the store, most often drawn first
    least: Int64[np.ndarray, " a"]
    draws: Mapping[int, int]  # of these


def preferred(trained: TrainedContrastive, played: Playthrough, *, shown: int = 5) -> Preferred:
    """Who was drawn, by kind of frame and by content, of one training."""
    selection = trained.selection
    total = selection.draws.sum(0)
    order = np.argsort(-total, kind="stable")
    apart = _apart(selection.frames[order], shown, round(played.fps))
    rare = _apart(selection.frames[order[::-1]], shown, round(played.fps))
    count = dict(zip(selection.frames.tolist(), total.tolist(), strict=True))
    correlations = {}
    if played.labels is not None:
        found = loss_correlations(selection.losses, class_shares(played.labels[selection.frames]))
        names = [one.name.lower() for one in PixelClass]
        correlations = {n: float(x) for n, x in zip(names, found, strict=True) if np.isfinite(x)}
    return Preferred(
        kinds=by_kind(selection.draws, selection.losses, kinds_of(played, selection.frames)),
        guidance=guidance(selection.draws, selection.losses),
        evenness=evenness(selection.draws),
        correlations=correlations,
        most=apart,
        least=rare,
        draws={frame: count[frame] for frame in [*apart.tolist(), *rare.tolist()]},
    )


def kinds_of(
    played: Playthrough, frames: Int64[np.ndarray, " n"]
) -> dict[str, Bool[np.ndarray, " n"]]:
    """Which of `frames` are of each kind; footage that does not tell has one kind."""
    if played.kinds is None:
        return {"all frames": np.ones(len(frames), bool)}
    return {str(kind): played.kinds[frames] == number for number, kind in enumerate(KINDS)}


def _apart(frames: Int64[np.ndarray, " n"], most: int, gap: int) -> Int64[np.ndarray, " a"]:
    """The first of `frames`, none within `gap` of one before it: neighbours look alike."""
    chosen: list[int] = []
    for frame in frames.tolist():
        if all(abs(frame - other) >= gap for other in chosen):
            chosen.append(frame)
        if len(chosen) == most:
            break
    return np.array(chosen, np.int64)
