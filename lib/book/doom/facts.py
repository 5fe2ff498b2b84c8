"""Numbers of the Doom chapter as rows of the ledger, and as sentences."""

from collections.abc import Mapping, Sequence

import numpy as np

from lib.book.doom.judging import Judged, Own, scores
from lib.book.doom.looks import FrameNeighbours, Preferred
from lib.book.doom.tables import found_effects
from lib.book.estimates import Better, record, told
from lib.book.recorded import brief, runs_of, scaled
from lib.book.results import Ledger, Row
from lib.book.tables import number
from lib.evaluation.intervals import Estimate, mean_over_runs
from lib.evaluation.segmentation.summary import paired_gain, summarise
from lib.training.contrastive import TrainedContrastive

BETTER: dict[str, Better] = {
    "miou": "higher",
    "pixel_accuracy": "higher",
    "many_to_one_miou": "higher",
    "many_to_one_pixel_accuracy": "higher",
    "ami": "higher",
    "ari": "higher",
    "boundary_f": "higher",
    "noise_share": "lower",
    "flips_per_second": "lower",
    "true_flips_per_second": "",
}
GAINS = ("colour_kmeans", "random_resnet34", "imagenet")


def record_scores(
    ledger: Ledger, judged: Mapping[str, Sequence[Judged]], *, split: str = "heldout"
) -> None:
    """Rows ``doom.<method>.<split>.<metric>``, clusters and speeds of every method."""
    for name, found in judged.items():
        seeds = [one.seed for one in found]
        for metric, estimate in scores(found).items():
            record(
                ledger, f"doom.{name}.{split}.{metric}", estimate, seeds=seeds,
                better=BETTER[metric],
            )  # fmt: skip
        counts = [one.segmenter.clusters for one in found if one.segmenter is not None]
        if counts:
            ledger.record(f"doom.{name}.{split}.clusters", float(np.mean(counts)), seeds=seeds)
        if not found[0].counts:
            noise = float(np.mean([one.noise_share for one in found]))
            ledger.record(f"doom.{name}.{split}.noise_share", noise, seeds=seeds, better="lower")


def record_speeds(ledger: Ledger, judged: Judged, run: TrainedContrastive, own: Own) -> None:
    """Rows of how long training, fitting and labelling took here."""
    name = judged.method.name
    speeds: dict[str, tuple[float, Better]] = {
        "fit_seconds": (judged.fit_seconds, "lower"),
        "frames_per_second": (judged.frames_per_second, "higher"),
        "sequence_seconds": (own.seconds, "lower"),
        "steps_per_second": (run.steps_per_second, "higher"),
    }
    for metric, (value, better) in speeds.items():
        ledger.record(f"doom.{name}.speed.{metric}", value, seeds=[judged.seed], better=better)


def record_training(ledger: Ledger, runs: Sequence[TrainedContrastive], *, seed: int) -> None:
    """Rows of how the main training ended."""
    seeds = [seed + i for i in range(len(runs))]
    last = [run.history.iloc[-max(1, len(run.history) // 10) :] for run in runs]
    found = {  # batches differ much, so of the last tenth of the log
        "info_nce": np.mean([rows["info_nce"].mean() for rows in last]),
        "accuracy": np.mean([rows["accuracy"].mean() for rows in last]),
        "spread": np.mean([run.spread for run in runs]),
        "effective_rank": np.mean([run.effective_rank for run in runs]),
    }
    for metric, value in found.items():
        ledger.record(
            f"doom.contrastive.train.{metric}", value, seeds=seeds, run=runs[0].run.key,
            seconds=sum(run.seconds for run in runs),
        )  # fmt: skip


def record_compared(
    ledger: Ledger, trained: Mapping[str, Sequence[TrainedContrastive]], *, seed: int
) -> None:
    """Rows of what each ingredient does to the embeddings and to training itself."""
    for name, runs in trained.items():
        seeds = [seed + i for i in range(len(runs))]
        for metric, values in {
            "spread": [run.spread for run in runs],
            "effective_rank": [run.effective_rank for run in runs],
            "wobble": [wobble(run) for run in runs],
        }.items():
            record(
                ledger, f"doom.{name}.short.{metric}", mean_over_runs(np.array(values)),
                seeds=seeds, run=runs[0].run.key, seconds=sum(run.seconds for run in runs),
            )  # fmt: skip


def wobble(run: TrainedContrastive) -> float:
    """How far InfoNCE moves from one row of the log to the next in the last half, over its mean."""
    values = run.history["info_nce"].to_numpy()
    late = values[len(values) // 2 :]
    return float(np.abs(np.diff(late)).mean() / late.mean()) if len(late) > 1 else float("nan")


def record_gains(ledger: Ledger, judged: Mapping[str, Sequence[Judged]]) -> None:
    """Rows ``doom.contrastive.over_<baseline>.miou``: paired differences on the same maps."""
    for name in GAINS:
        if name in judged and judged[name][0].counts:
            gained = gain(judged["contrastive"], judged[name])
            seeds = [one.seed for one in judged["contrastive"]]
            record(
                ledger, f"doom.contrastive.over_{name}.miou", gained, seeds=seeds, better="higher"
            )


def gain(ours: Sequence[Judged], theirs: Sequence[Judged]) -> Estimate:
    """mIoU of `ours` less that of `theirs`, with an interval over maps."""
    return paired_gain(
        [one.counts for one in ours],
        [one.counts for one in theirs],
        matching=(ours[0].matching, theirs[0].matching),
    )


def record_effects(ledger: Ledger, judged: Mapping[str, Sequence[Judged]], base: str) -> None:
    """Rows ``doom.effect.<change>.miou``: what all others do to the mIoU of `base`."""
    if not judged[base][0].counts:
        return
    for name, found in judged.items():
        if name != base:
            seeds = [one.seed for one in found]
            record(ledger, f"doom.effect.{name}.miou", gain(found, judged[base]), seeds=seeds)


def record_own(ledger: Ledger, own: Own, *, seed: int) -> None:
    """Rows of sequences segmented by themselves."""
    ledger.record("doom.contrastive.sequence.clusters", float(np.mean(own.clusters)), seeds=[seed])
    if own.counts:
        for metric, estimate in summarise(own.counts, matching="each").items():
            record(
                ledger, f"doom.contrastive.sequence.{metric}", estimate, seeds=[seed],
                better=BETTER[metric],
            )  # fmt: skip


def record_looks(ledger: Ledger, near: FrameNeighbours, drawn: Preferred, *, seed: int) -> None:
    """Rows of neighbours and of the sampler's preferences."""
    for name, estimate in near.overlap.items():
        record(ledger, f"doom.{name}.neighbours.overlap", estimate, seeds=[seed], better="higher")
    sampler = {"guidance": drawn.guidance, "evenness": drawn.evenness}
    for kind, one in drawn.kinds.items():
        sampler[f"{kind.replace(' ', '_')}_draws"] = float(one.draws[-1])
    for metric, value in sampler.items():
        ledger.record(f"doom.sampler.train.{metric}", value, seeds=[seed])


def neighbour_sentence(near: FrameNeighbours) -> str:
    """How alike nearest frames are in content."""
    if not near.overlap:
        return (
            "This footage has no labels, so that the likeness of neighbours is for the eye alone."
        )
    parts = {name: told(one) for name, one in near.overlap.items()}
    return (
        f"The nearest training frame shares {parts['contrastive']} % of its content with the "
        f"held-out frame, by pixels of each class. By the same network with random weights it "
        f"is {parts['untrained']} %, by 9 × 16 mean colours {parts['colour']} %, and with any "
        f"frame {parts['chance']} %."
    )


def sampler_sentence(drawn: Preferred) -> str:
    """What the losses prefer."""
    text = (
        f"The tenth of the frames with the highest losses is drawn {number(drawn.guidance, 2)} "
        "times as often as that with the lowest; draws that were all alike would be spread over "
        f"{number(100 * drawn.evenness, 2)} % of the frames."
    )
    if len(drawn.correlations) > 1:
        order = sorted(drawn.correlations, key=lambda name: drawn.correlations[name])
        rising = [name for name in order[:-4:-1] if drawn.correlations[name] > 0]
        falling = [name for name in order[:3] if drawn.correlations[name] < 0]
        text += (
            f" A frame's loss rises most with its share of {_names(rising, drawn)}; it falls "
            f"most with that of {_names(falling, drawn)} (rank correlations)."
        )
    return text


def own_sentence(ledger: Ledger) -> str:
    """Sequences clustered by themselves beside clusters that were carried to new maps."""
    rows = {row.id: row for row in ledger.rows}
    own, carried = (rows.get(f"doom.contrastive.{way}.miou") for way in ("sequence", "heldout"))
    if own is None or carried is None:
        return "This footage has no labels to judge these segments by."
    return (
        f"At preset {ledger.preset} sequences clustered by themselves reach an mIoU of "
        f"{brief(scaled(own, 100.0))} %, against {brief(scaled(carried, 100.0))} % of clusters "
        "that were found on other maps: the first is the easier task, as each sequence is matched "
        "with its own truth."
    )


def effects_sentence(ledger: Ledger) -> str:
    """Which changes of the method move the mIoU by more than their interval, preset by preset."""
    told = []
    for preset, effects in found_effects(ledger).items():
        known = {
            words: (low, high)
            for words, (_, low, high) in effects.items()
            if low is not None and high is not None
        }
        clear = [words for words, (low, high) in known.items() if low > 0 or high < 0]
        named = f": {', '.join(clear)}" if clear else ""
        told.append(
            f"At preset {preset} the whole interval lies on one side of zero for "
            f"{len(clear) or 'none'} of {len(known)} changes{named}."
        )
    if not told:
        return "This footage has no labels by which to tell an effect."
    return " ".join([*told, "Of twenty such intervals one is expected to miss zero by chance."])


def ceiling_sentence(ledger: Ledger) -> str:
    """What a classifier that is told the classes reads from each network's features."""
    told = []
    for preset, rows in runs_of(ledger).items():
        found = {row.id: row for row in rows}
        ids = [f"doom.{name}.heldout.miou" for name in ("probe", "probe_random", "probe_imagenet")]
        if not set(ids) <= set(found):
            continue
        trained, random, imagenet = (brief(scaled(found[one], 100.0)) for one in ids)
        told.append(
            f"At preset {preset} a linear classifier that is told the classes reaches an mIoU of "
            f"{trained} % on the trained features, {random} % on those of random weights and "
            f"{imagenet} % on ImageNet's: {_ceiling(*(found[one] for one in ids))}."
        )
    return " ".join(told) or "This footage has no labels to tell a classifier."


def _ceiling(trained: Row, random: Row, imagenet: Row) -> str:
    """What three intervals say together; those that overlap say nothing."""
    more, less = _above(trained, random), _above(imagenet, trained)
    if more and less:
        return "training brings the classes within reach of a line, photographs bring them nearer"
    if less:
        return (
            "the intervals do not tell trained features from random ones, and those of photographs "
            "hold more for a line to read"
        )
    if more:
        return "training brings the classes within reach of a line as photographs do"
    return "the intervals leave open whose features hold more"


def _above(one: Row, other: Row) -> bool:
    if one.low is None or other.high is None:
        return False
    return one.low > other.high


def _names(classes: Sequence[str], drawn: Preferred) -> str:
    if not classes:
        return "no class"
    return ", ".join(f"{name} ({number(drawn.correlations[name], 2)})" for name in classes)
