"""The SCALOR chapter's pictures: which clips and numbers are shown; `lib.figures` draws them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from torch import Tensor

from lib.book.results import Ledger
from lib.book.scalor.facts import STUDY_STEPS
from lib.book.scalor.outcomes import Split
from lib.book.scalor.shown import Examples, Shown
from lib.book.scalor.tables import BACKGROUNDS, footage_words, scores_of
from lib.data.mot.clips import Clip
from lib.evaluation.cells import cells_of
from lib.evaluation.following import Followed, follow, pixels_of
from lib.evaluation.scalor_stages import claims_of_each, split_boxes
from lib.figures import scalor_cells, scalor_panels, scalor_schedule, scalor_scores, style
from lib.figures import scalor_training as curves_of
from lib.figures.doom_marks import sheet
from lib.models.scalor import Annealing
from lib.models.scalor.sight import sight

NOT_HERE = "this run is on other footage: experiment {} is not part of it"
METRICS = {"mota": "MOTA, %", "idf1": "IDF1, %", "hota": "HOTA, %", "psnr_db": "PSNR, dB"}
STAGE_METRICS = {
    "first_recall": "found in the first frame, %",
    "followed_share": "boxes that are followed, %",
    "duplicates": "duplicates a true box",
    "rediscoveries": "rediscoveries a track",
}
LAST_STEP = 40_000  # of the picture of schedules
MOST_PANELS = 8
EVERY = 50  # steps from one point of that picture to the next


class Chosen(NamedTuple):
    """A clip to be looked at, with what the model makes of it."""

    clip: Clip
    followed: Followed


def fullest(examples: Examples) -> Chosen:
    """The clip with most true objects, or most boxes where the truth is not known.

    So that nobody picks a clip for how well it came out.
    """
    counts = [
        sum(map(len, clip.truth if clip.truth is not None else followed.boxes))
        for clip, followed in zip(*examples, strict=True)
    ]
    best = int(np.argmax(counts))
    return Chosen(examples.clips[best], examples.followed[best])


def panels(one: Shown, *, split: Split = "heldout") -> Figure:
    """One clip of a split, frame by frame: what is redrawn, discovered, followed."""
    if split not in one.examples:
        return style.message(f"experiment {one.name} has no clips of this kind")
    clip, followed = fullest(one.examples[split])
    few = slice(0, MOST_PANELS)
    discovered, propagated = split_boxes(followed)
    return scalor_panels.panels(
        clip.frames[few],
        followed.reconstruction[few],
        followed.background[few],
        np.clip(followed.alpha[few], 0, 1),
        discovered=discovered[few],
        propagated=propagated[few],
        truth=None if clip.truth is None else clip.truth[few],
    )


def experiment_panels(all_shown: Mapping[str, Shown], name: str) -> Figure:
    """`panels` of an experiment; a note in their place where it is not part of this run."""
    if name not in all_shown:
        return style.message(NOT_HERE.format(name))
    return panels(all_shown[name])


SIGHT = ("frame", "remembered", "in shadow", "what differs", "alpha", "redrawn")


def sight_panels(all_shown: Mapping[str, Shown]) -> Figure:
    """What SCALOR-2 makes of one frame, step by step, a row for each kind of footage.

    Of the fullest held-out clip the last frame; what differs is around grey, as discovery sees it.
    """
    rows = {
        f"{footage_words(one.experiment)}, {BACKGROUNDS[one.experiment.background]}": _sight(one)
        for one in all_shown.values()
        if one.experiment.second
    }
    if not rows:
        return style.message(NOT_HERE.format("of SCALOR-2"))
    return sheet(np.stack(list(rows.values())), list(rows), SIGHT)


def _sight(one: Shown) -> UInt8[np.ndarray, "k h w 3"]:
    clip, followed = fullest(one.heldout)
    assert clip.behind is not None
    seen = sight(
        pixels_of(one.model, clip.frames[None]),
        pixels_of(one.model, clip.behind[None, None])[:, 0],
        one.model.config,
    )
    assert seen.behind is not None
    shaded, differs = (_levels(of[0, -1]) for of in (seen.behind, (1 + seen.whole) / 2))
    alpha = np.rint(255 * np.clip(followed.alpha[-1], 0, 1)).astype(np.uint8)
    return np.stack([
        clip.frames[-1], clip.behind, shaded, differs,
        np.repeat(alpha[..., None], 3, axis=-1), followed.reconstruction[-1],
    ])  # fmt: skip


def _levels(picture: Float[Tensor, "3 h w"]) -> UInt8[np.ndarray, "h w 3"]:
    levels = (picture.clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(1, 2, 0).cpu().numpy()


def curves(runs: Sequence[Shown]) -> Figure:
    """Logs of trainings side by side."""
    if not runs:
        return style.message(NOT_HERE.format("asked for"))
    return curves_of.training_curves({one.experiment.title: one.history for one in runs})


def group_curves(all_shown: Mapping[str, Shown], names: Sequence[str]) -> Figure:
    """`curves` of those of the experiments that are part of this run."""
    return curves([all_shown[name] for name in names if name in all_shown])


def same_clip(all_shown: Mapping[str, Shown], names: Sequence[str]) -> Figure:
    """The same moment of one clip over all backgrounds there are, redrawn by each of `names`.

    Every model is shown every background, also those that it was not trained on.
    """
    there = [all_shown[name] for name in names if name in all_shown]
    if not there:
        return style.message(NOT_HERE.format(" and ".join(names)))
    clips = over_backgrounds(there)
    redrawn: dict[str, dict[str, UInt8[np.ndarray, "h w 3"]]] = {}
    for one in there:
        answers = follow(one.model, np.stack(list(clips.values())))
        redrawn[one.experiment.title] = {
            name: answer.reconstruction[-1] for name, answer in zip(clips, answers, strict=True)
        }
    return scalor_panels.same_clip({name: clip[-1] for name, clip in clips.items()}, redrawn)


def over_backgrounds(all_shown: Sequence[Shown]) -> dict[str, UInt8[np.ndarray, "t h w 3"]]:
    """Frames of the fullest held-out clip of the first, by background, as the others have it."""
    first = fullest(all_shown[0].heldout).clip
    stem = _stem(first)
    found: dict[str, UInt8[np.ndarray, "t h w 3"]] = {}
    for one in all_shown:
        for clip in one.heldout.clips:
            if _stem(clip) == stem and clip.numbers == first.numbers:
                found.setdefault(one.experiment.background, clip.frames)
    return found


def _stem(clip: Clip) -> str:
    """A sequence's name without its background."""
    return clip.sequence.rpartition("-")[0]


def cells(all_shown: Mapping[str, Shown], name: str) -> Figure:
    """What each cell draws in the first frame of the held-out clip with most things found twice.

    In first frames nothing can be rejected, since nothing is followed yet.
    """
    if name not in all_shown:
        return style.message(NOT_HERE.format(name))
    one = all_shown[name]
    pairs = [(clip, clip.truth[0]) for clip in one.heldout.clips if clip.truth]
    if not pairs:
        return style.message("nobody has said who is where in this footage")
    seen = [
        cells_of(one.model, clip.frames[:1], truth, behind=clip.behind) for clip, truth in pairs
    ]
    worst = int(np.argmax([(of.claims > 1).sum() for of in seen]))
    (clip, truth), of = pairs[worst], seen[worst]
    return scalor_cells.glimpses_of_cells(
        clip.frames[0],
        np.clip(of.glimpses, 0, 1),
        np.clip(of.presence, 0, 1),
        of.boxes,
        of.claims,
        truth=truth,
        least_presence=one.model.config.carried_presence,
    )


def claims(all_shown: Mapping[str, Shown]) -> Figure:
    """How many boxes are meant for one true object of held-out clips, by experiment."""
    found = {}
    for one in all_shown.values():
        counts = [claims_of_each(*pair) for pair in zip(*one.heldout, strict=True)]
        if sum(map(len, counts)):
            found[one.experiment.title] = np.concatenate(counts)
    if not found:
        return style.message(NOT_HERE.format("asked for"))
    return scalor_scores.claims_per_object(found, claimants="boxes")


def masks(all_shown: Mapping[str, Shown]) -> Figure:
    """Values of the alpha masks inside the boxes that experiments find in held-out clips."""
    values = {one.experiment.title: inside_boxes(one.heldout) for one in all_shown.values()}
    found = {title: alphas for title, alphas in values.items() if len(alphas)}
    if not found:
        return style.message("no boxes, so there are no masks to look at")
    return scalor_scores.mask_values(found)


def inside_boxes(examples: Examples) -> Float[np.ndarray, " n"]:
    """Alpha of all pixels that lie in some box."""
    parts = [np.zeros(0, np.float32)]
    for followed in examples.followed:
        for boxes, alpha in zip(followed.boxes, followed.alpha, strict=True):
            inside = np.zeros(alpha.shape, bool)
            for left, top, width, height in boxes.boxes:
                rows = slice(int(top), int(np.ceil(top + height)))
                inside[rows, int(left) : int(np.ceil(left + width))] = True
            parts.append(np.clip(alpha[inside], 0, 1))
    return np.concatenate(parts)


def scores(ledger: Ledger, all_shown: Mapping[str, Shown]) -> Figure:
    """Tracking scores and PSNR of all experiments, held out and otherwise."""
    return _scores(ledger, all_shown, METRICS)


def stage_scores(ledger: Ledger, all_shown: Mapping[str, Shown]) -> Figure:
    """What stands behind them: discovery, propagation, duplicates."""
    return _scores(ledger, all_shown, STAGE_METRICS)


def _scores(ledger: Ledger, all_shown: Mapping[str, Shown], metrics: Mapping[str, str]) -> Figure:
    found = scores_of(ledger, all_shown)
    there = {
        name: words for name, words in metrics.items() if any(name in of for of in found.values())
    }
    if not there:
        return style.message(NOT_HERE.format("asked for"))
    return scalor_scores.scores_by_experiment(found, there)


def schedules() -> Figure:
    """The original's schedules, and how far the study's named models went."""
    annealing = Annealing()
    steps = np.arange(1, LAST_STEP + 1, EVERY)
    at = [annealing.at(int(step)) for step in steps]
    assert annealing.through_time_step is not None
    return scalor_schedule.schedules(
        steps,
        np.array([one.temperature for one in at]),
        np.array([one.presence_prior for one in at]),
        [one.through_time for one in at],
        reached=STUDY_STEPS,
        marks={
            f"temperature 0.5: {annealing.temperature_steps:,}": annealing.temperature_steps,
            f"through time: {annealing.through_time_step:,}": annealing.through_time_step,
        },
    )


def samples(all_shown: Mapping[str, Shown], names: Sequence[str]) -> Figure:
    """Frames of a held-out clip of each of these experiments, a row each, as it saw them."""
    there = [all_shown[name] for name in names if name in all_shown]
    if not there:
        return style.message(NOT_HERE.format(" and ".join(names)))
    rows = [fullest(one.heldout).clip.frames[:MOST_PANELS] for one in there]
    fewest = min(map(len, rows))
    fig, axis = style.figure(0.4 + 0.8 * len(rows))
    labels = [one.experiment.title for one in there]
    style.show_rows(axis, np.stack([row[:fewest] for row in rows]), labels)
    return fig
