"""Facts of the SCALOR chapter: as rows of the ledger, and in sentences."""

from collections.abc import Mapping
from operator import itemgetter

import numpy as np
import torch

from lib.book.estimates import record, told
from lib.book.recorded import brief
from lib.book.results import Ledger, Row
from lib.book.scalor.experiments import LIVE, find
from lib.book.scalor.outcomes import Split
from lib.book.scalor.shown import METRICS, UNITS, Shown
from lib.book.scalor.trainings import training
from lib.book.tables import number
from lib.data.mot.clips import ClipConfig
from lib.evaluation.intervals import Estimate, mean_over_runs
from lib.models.scalor import Annealing, Scalor, ScalorConfig

LIVE_ID, OWN_ID = "live", "own"
STUDY_STEPS = (8_000, 13_600)  # of the checkpoints that the study's scripts name
STUDY_VIDEOS, STUDY_FRAMES = 19, 1_800  # frames of each
IN_SPLIT: dict[Split, str] = {
    "heldout": "held-out videos",
    "train": "training videos",
    "unseen_scene": "places never trained on",
}


def record_shown(ledger: Ledger, one: Shown, *, name: str | None = None) -> None:
    """Rows ``scalor.<name>.<split>.<metric>`` and ``scalor.<name>.training.<fact>``.

    `name` is the experiment's unless given.
    """
    where, about = f"scalor.{name or one.name}", one.training
    for split, scores in one.scores.items():
        for metric, estimate in scores.items():
            record(
                ledger, f"{where}.{split}.{metric}", estimate, seeds=[about.seed],
                better=METRICS[metric], unit=UNITS.get(metric, ""), run=about.run,
                seconds=about.seconds,
            )  # fmt: skip
    for fact, value in training_facts(one).items():
        ledger.record(
            f"{where}.training.{fact}", value, seeds=[about.seed], run=about.run,
            seconds=about.seconds,
        )  # fmt: skip


def record_all(ledger: Ledger, all_shown: Mapping[str, Shown]) -> None:
    """Rows of every experiment, and the mean of their gaps."""
    for one in all_shown.values():
        record_shown(ledger, one)
    if found := gaps(all_shown):
        seeds = sorted({one.training.seed for one in all_shown.values()})
        record(ledger, "scalor.all.gap.hota", mean_over_runs(np.array(found)), seeds=seeds)


def record_live(ledger: Ledger, live: Shown) -> None:
    """Rows ``scalor.live.…``, or ``scalor.own.…`` of a reader's footage."""
    record_shown(ledger, live, name=live_id(live))


def live_id(live: Shown) -> str:
    """What its rows are called."""
    return LIVE_ID if live.name == LIVE else OWN_ID


def training_facts(one: Shown) -> dict[str, float]:
    """Steps, and what the log says at its end: loss and likelihood in nats, objects followed.

    Of a discriminator also the least and the most of its cross entropy in nats.
    """
    last = one.history.iloc[-1]
    named = {"loss_end": "loss", "likelihood_end": "likelihood", "objects_end": "objects"}
    found = {fact: float(last[column]) for fact, column in named.items() if column in last}
    if one.experiment.adversarial and "discriminator" in one.history:
        told_apart = one.history["discriminator"]
        found["discriminator_least"] = float(told_apart.min())
        found["discriminator_most"] = float(told_apart.max())
    return {"steps": float(one.training.steps), "params": float(parameters(one.model)), **found}


def parameters(model: Scalor) -> int:
    """How many numbers are trained."""
    return sum(values.numel() for values in model.parameters())


def official_model(config: ScalorConfig | None = None) -> Scalor:
    """A model of the original's sizes, of shapes alone."""
    with torch.device("meta"):
        return Scalor(config or ScalorConfig())


def record_sizes(ledger: Ledger, *, seed: int) -> None:
    """Row ``scalor.official.sizes.params``, and that of the small model of the people."""
    small = training(find("gradient"), "small").model
    for name, config in (("official", ScalorConfig()), ("small", small)):
        count = parameters(official_model(config))
        ledger.record(f"scalor.{name}.sizes.params", count, seeds=[seed], better="")


def record_schedule(ledger: Ledger, *, seed: int) -> None:
    """Rows ``scalor.official.schedule.<…>``: where the study's last named step is in it."""
    annealing = Annealing()
    for step in STUDY_STEPS:
        temperature = annealing.at(step).temperature
        ledger.record(f"scalor.official.schedule.temperature_{step}", temperature, seeds=[seed])


def sizes_line() -> str:
    """Parameters of the original's sizes, in plain text."""
    return f"SCALOR with the original's sizes: {parameters(official_model()):,} parameters"


def clips_line() -> str:
    """How many clips the study's loader cuts out of its videos, in plain text."""
    cut = ClipConfig()
    each = 1 + (STUDY_FRAMES - cut.span) // cut.step
    return (
        f"{STUDY_VIDEOS} videos of {STUDY_FRAMES:,} frames, {cut.frames} frames a clip, every "
        f"{cut.stride}th: {each} clips a video, {STUDY_VIDEOS * each} in all"
    )


def schedule_sentence(ledger: Ledger) -> str:
    """What the temperature was at the study's last named steps."""
    first, last = (
        number(_row(ledger, f"scalor.official.schedule.temperature_{step}").value)
        for step in STUDY_STEPS
    )
    return (
        f"By the original's schedule the temperature is {first} at step {STUDY_STEPS[0]:,} and "
        f"{last} at step {STUDY_STEPS[1]:,}."
    )


def live_sentence(ledger: Ledger, live: Shown) -> str:
    """What was trained here, and how it does on held-out clips."""
    about = live.training
    begin = (
        f"Trained from scratch at preset {about.preset}, for {number(about.steps)} steps, the "
        f"model of {number(parameters(live.model))} parameters"
    )
    if "heldout" not in live.scores:
        return (
            f"{begin} can be looked at, not judged: nobody has said who is where in this footage."
        )
    return f"{begin} has on {_judged_on(live, 'heldout')} {_scores(ledger, live, 'heldout')}."


def _judged_on(one: Shown, split: Split) -> str:
    count = one.judged[split]
    return f"{number(count)} clip{'s' if count > 1 else ''} of {IN_SPLIT[split]}"


def _scores(ledger: Ledger, one: Shown, split: Split) -> str:
    where = f"scalor.{live_id(one)}.{split}"
    words = {"mota": "MOTA", "idf1": "IDF1", "hota": "HOTA"}
    parts = [f"{words[name]} {_said(ledger, f'{where}.{name}')}" for name in words]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _said(ledger: Ledger, id: str) -> str:
    """A row's value, with its interval in brackets and its unit."""
    row = _row(ledger, id)
    return f"{brief(row)} {row.unit}".rstrip()


def _row(ledger: Ledger, id: str) -> Row:
    for row in ledger.rows:
        if row.id == id:
            return row
    raise ValueError(f"the ledger holds no {id}: record it first")


def source_sentence(all_shown: Mapping[str, Shown], preset: str) -> str:
    """Where the models of the experiments come from, and on how much they are judged."""
    if not all_shown:
        return (
            "This run is on your own footage. The experiments are about the book's, so they are "
            "left out here: their pictures, tables and verdicts stand in the book."
        )
    presets = sorted({one.training.preset for one in all_shown.values()})
    most = max(count for one in all_shown.values() for count in one.judged.values())
    came = (
        f"are recorded trackers, trained at preset {', '.join(presets)}"
        if all(one.training.recorded for one in all_shown.values())
        else f"were trained by this run, at preset {', '.join(presets)}"
    )
    return (
        f"At preset {preset} the models of the {number(len(all_shown))} experiments {came}. Each "
        f"is judged here, on at most {number(most)} clips of each split."
    )


def experiment_sentence(ledger: Ledger, all_shown: Mapping[str, Shown], name: str) -> str:
    """How one experiment does: objects found, followed and redrawn, a line for each split."""
    if name not in all_shown:
        return f"Experiment `{name}` is not part of this run."
    one, about = all_shown[name], all_shown[name].training
    lines = [
        f"Preset {about.preset}, seed {about.seed}, {number(about.steps)} steps; 95\u00a0% "
        "intervals over videos in brackets.\n"
    ]
    for split, scores in one.scores.items():
        where = f"scalor.{name}.{split}"
        lines.append(
            f"- *{_judged_on(one, split)}:* MOTA {_said(ledger, f'{where}.mota')}; in first frames "
            f"{told(scores['first_recall'])}\u00a0% of the objects have a box of their own; "
            f"{_later_boxes(scores['followed_share'])}; "
            f"PSNR {_said(ledger, f'{where}.psnr_db')}."
        )
    return "\n".join(lines)


def fit_sentence(ledger: Ledger, all_shown: Mapping[str, Shown], name: str) -> str:
    """How much of what an experiment's MOTA lacks is boxes on somebody that do not fit."""
    if name not in all_shown:
        return f"Experiment `{name}` is not part of this run."
    where = f"scalor.{name}.heldout"
    strict, loose = (_row(ledger, f"{where}.{score}").value for score in ("mota", "moda_loose"))
    said = _said(ledger, f"{where}.moda_loose")
    begin = (
        "A box counts here from an intersection over union of 0.5 on. From 0.3 on, MODA is "
        f"{said} on held-out videos."
    )
    if strict is None or loose is None or strict >= 1 or loose <= strict:
        return begin
    share = (loose - strict) / (1 - strict)
    return (
        f"{begin} That makes up {number(100 * share, 2)}\u00a0% of what MOTA lacks: boxes that "
        "stand on somebody, but do not fit, and identities that change."
    )


def _later_boxes(followed_share: Estimate) -> str:
    """How many boxes of all frames but the first are on something that is followed."""
    if not np.isfinite(followed_share.value):
        return "no later frame has a box"
    share = told(followed_share)
    return f"of all later boxes {share}\u00a0% are on something followed from the frame before"


def gaps(all_shown: Mapping[str, Shown]) -> list[float]:
    """HOTA on training videos less that on held-out ones, of each experiment with both.

    Not MOTA: it has no lower end, so that one experiment with many false boxes is all of its mean.
    """
    return [
        one.scores["train"]["hota"].value - one.scores["heldout"]["hota"].value
        for one in all_shown.values()
        if {"train", "heldout"} <= set(one.scores)
    ]


def gap_sentence(ledger: Ledger, all_shown: Mapping[str, Shown]) -> str:
    """What judging on training videos adds to HOTA."""
    found = gaps(all_shown)
    if not found:
        return "No experiment of this run is judged on both training and held-out videos."
    higher = sum(gap > 0 for gap in found)
    return (
        f"On training videos HOTA is higher than on held-out ones in {number(higher)} of "
        f"{number(len(found))} experiments; the mean difference, with its 95\u00a0% interval over "
        f"experiments, is {_said(ledger, 'scalor.all.gap.hota')}. (MOTA has no lower end: one "
        "experiment with many false boxes would decide its mean alone.)"
    )


def empty_sentence(ledger: Ledger, all_shown: Mapping[str, Shown]) -> str:
    """Which experiments find nobody on held-out videos, and how well they redraw them."""
    judged = [one for one in all_shown.values() if "heldout" in one.scores]
    empty = [one for one in judged if not one.scores["heldout"]["boxes"].value]
    if not judged:
        return "No experiment of this run is judged on held-out videos."
    if not empty:
        return "Every experiment finds something on held-out videos."
    each = [
        f"{one.experiment.title}: {_said(ledger, f'scalor.{one.name}.heldout.psnr_db')}"
        for one in empty
    ]
    return (
        f"{number(len(empty))} of {number(len(judged))} experiments have no box at all in held-out "
        f"videos. The PSNR of what they redraw without anybody: {'; '.join(each)}. People cover "
        "few pixels, so it says how well the ground is drawn, and little of who stands on it."
    )


def guessing_sentence(ledger: Ledger, all_shown: Mapping[str, Shown]) -> str:
    """What the discriminators of all trainings that have one learnt, beside guessing."""
    facts = {row.id: row.value for row in ledger.rows if row.value is not None}
    names = [f"scalor.{name}.training.discriminator" for name in all_shown]
    least = [facts[f"{name}_least"] for name in names if f"{name}_least" in facts]
    most = [facts[f"{name}_most"] for name in names if f"{name}_most" in facts]
    if not least or not most:
        return "No experiment of this run has a discriminator."
    trainings = "the training" if len(least) == 1 else f"each of the {number(len(least))} trainings"
    return (
        f"In {trainings} with a discriminator its cross entropy lies from first to last "
        f"between {min(least):.3f} and {max(most):.3f} nats; who guesses has ln 2 = "
        f"{np.log(2):.3f}."
    )


def twice_sentence(ledger: Ledger, all_shown: Mapping[str, Shown]) -> str:
    """How often objects are found twice on held-out videos, from best to worst, by both counts."""
    second = _ends(ledger, all_shown, "duplicates")
    claimed = _ends(ledger, all_shown, "claimed_twice")
    if not second or not claimed:
        return "No experiment of this run has boxes on held-out videos."
    (least, fewest), (most, highest) = second
    (rarest, rare), (oftenest, often) = claimed
    return (
        "On held-out videos, where an experiment has boxes at all: of the objects that a box is "
        f"meant for, two or more are meant for {number(100 * rare)}\u00a0% ({rarest}) to "
        f"{number(100 * often)}\u00a0% ({oftenest}). Second boxes that even cover half of the same "
        f"object, for each true box: from {number(fewest, 2)} ({least}) to {number(highest, 2)} "
        f"({most})."
    )


def mixed_sentence(ledger: Ledger, all_shown: Mapping[str, Shown]) -> str:
    """The share of the masks' pixels that are neither object nor background."""
    found = _ends(ledger, all_shown, "mixed")
    if not found:
        return "No experiment of this run has masks on held-out videos."
    (least, fewest), (most, highest) = found
    return (
        f"Of the pixels of the glimpses behind all boxes, the share whose alpha is between 0.1 and "
        f"0.9 goes from {number(100 * fewest)}\u00a0% ({least}) to "
        f"{number(100 * highest)}\u00a0% ({most})."
    )


def _ends(
    ledger: Ledger, all_shown: Mapping[str, Shown], metric: str
) -> tuple[tuple[str, float], tuple[str, float]] | None:
    """Titles and values of the experiments with the least and the most on held-out videos.

    Those that find nothing at all there are left out.
    """
    rows = {row.id: row.value for row in ledger.rows}
    found = [
        (one.experiment.title, value)
        for name, one in all_shown.items()
        if rows.get(f"scalor.{name}.heldout.boxes")
        and (value := rows.get(f"scalor.{name}.heldout.{metric}")) is not None
    ]
    if not found:
        return None
    return min(found, key=itemgetter(1)), max(found, key=itemgetter(1))
