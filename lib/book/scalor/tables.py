"""Tables of the SCALOR chapter, and the ledger's rows as its figures take them."""

from collections.abc import Mapping
from decimal import Decimal

import pandas as pd

from lib.book.estimates import Interval
from lib.book.recorded import brief
from lib.book.results import Ledger, Row
from lib.book.scalor.experiments import EXPERIMENTS, Experiment, find
from lib.book.scalor.facts import STUDY_STEPS, live_id, official_model, parameters
from lib.book.scalor.outcomes import SPLITS, Split
from lib.book.scalor.shown import METRICS, Shown
from lib.book.scalor.trainings import training
from lib.book.tables import number
from lib.evaluation.following import Reading
from lib.models.scalor import Annealing, Scalor, ScalorConfig
from lib.training.scalor import ScalorTraining

MODULES = {  # place in the model: what it does
    "encoder.image": "64 features of each cell, of one frame",
    "encoder.lstm": "ConvLSTM of two layers over these cells, through time",
    "glimpses.encoder": "what is in a box; for discovery and propagation alike",
    "glimpses.decoder": "colours and mask of an object; for both alike",
    "discovery": "proposals: presence, place, depth of each cell",
    "propagation": "what is followed: tracker, its prior, new place, depth, presence",
    "background.encoder": "background vector of a frame",
    "background.decoder": "picture of that vector",
    "background": "prior of the vector over time, and the rest",
}
HEADINGS = {
    "mota": "MOTA",
    "idf1": "IDF1",
    "hota": "HOTA",
    "fg_ari": "FG-ARI",
    "psnr_db": "PSNR, dB",
}
STAGES = {
    "first_recall": "found in first frames",
    "followed_share": "boxes that are followed",
    "duplicates": "duplicates a true box",
    "claimed_twice": "claimed twice",
    "id_switches": "id switches a track",
    "rediscoveries": "rediscoveries a track",
}
WORDS = {
    **HEADINGS,
    **STAGES,
    "moda_loose": "MODA, from an overlap of 0.3 on",
    "recall": "recall",
    "precision": "precision",
    "boxes": "boxes a frame",
    "mixed": "masks' pixels between 0.1 and 0.9",
}
SPLIT_NAMES: dict[Split, str] = {
    "heldout": "held out",
    "train": "training",
    "unseen_scene": "unseen places",
}
BACKGROUNDS = {
    "black": "black", "gradient": "gradient", "hard": "as it is", "blurred": "blurred",
    "leaves": "leaves",
}  # fmt: skip


def parameter_table(model: Scalor | None = None) -> pd.DataFrame:
    """Parameters of each module, of the original's sizes unless a model is given."""
    model = model or official_model()
    counts = dict.fromkeys(MODULES, 0)
    for name, values in model.named_parameters():
        place = next(
            place for place in MODULES if name == place or name.startswith(f"{place}.")
        )  # the longer ones come first
        counts[place] += values.numel()
    lines = [
        {"Module": place.replace(".", ", "), "What it does": words, "Parameters": counts[place]}
        for place, words in MODULES.items()
        if counts[place]
    ]
    lines.append({"Module": "all", "What it does": "", "Parameters": parameters(model)})
    return pd.DataFrame(lines)


def experiment_table() -> pd.DataFrame:
    """What each experiment is, and what the write-up says of it."""
    return pd.DataFrame(
        {
            "Experiment": one.name,
            "Footage": footage_words(one),
            "Background": BACKGROUNDS[one.background],
            "Added to the bound": _terms(one),
            "Windows": "moving" if one.windows == "random" else "fixed",
            "The write-up says": one.claim or "–",
        }
        for one in EXPERIMENTS
    )


def footage_words(one: Experiment) -> str:
    """What kind of clips it is about."""
    if one.sprites:
        return "textured sprites" if one.footage == "sprites_textured" else "sprites"
    return "one place" if one.footage == "place" else "several places"


def _terms(one: Experiment) -> str:
    named = {"perceptual": one.perceptual, "adversarial": one.adversarial}
    return ", ".join(name for name, there in named.items() if there) or "nothing"


def schedule_table() -> pd.DataFrame:
    """Schedules and optimisers: of the original, of the study, and of this book's presets."""
    original = Annealing()
    return pd.DataFrame(
        [
            {
                "": "the original's defaults",
                "Steps": "4,000 epochs",
                "Temperature, steps": f"1 to 0.5, {number(original.temperature_steps)}",
                "Presence prior, steps": f"0.1 to 0.001, {number(original.presence_steps)}",
                "Gradients through time from": number(original.through_time_step),
                "Optimiser": "RMSprop, 4 × 10⁻⁵",
                "Clips a step": "20",
            },
            {
                "": "the study",
                "Steps": f"{number(STUDY_STEPS[0])} to {number(STUDY_STEPS[1])}, as named",
                "Temperature, steps": "the same",
                "Presence prior, steps": "the same",
                "Gradients through time from": "the same: never reached",
                "Optimiser": "RMSprop, 4 × 10⁻⁵",
                "Clips a step": "8",
            },
            *(
                _schedule(f"here, `{preset}`: {words}", training(find(name), preset))
                for preset, name, words in (
                    ("tiny", "sprites_gradient", "sprites, live"),
                    ("small", "gradient", "people"),
                    ("full", "gradient", "people"),
                )
            ),
        ]
    )


def _schedule(name: str, config: ScalorTraining) -> dict[str, str]:
    annealing = config.annealing
    start = annealing.through_time_step
    kind = {"adam": "Adam", "rmsprop": "RMSprop"}[config.optimiser]
    clips = sorted({one.clips for one in config.lengths})
    ends = annealing.first_presence_prior, annealing.last_presence_prior
    return {
        "": name,
        "Steps": number(config.steps),
        "Temperature, steps": (
            f"{_exact(annealing.first_temperature)} to {_exact(annealing.last_temperature)}, "
            f"{number(annealing.temperature_steps)}"
        ),
        "Presence prior, steps": (
            f"{_exact(ends[0])} to {_exact(ends[1])}, {number(annealing.presence_steps)}"
        ),
        "Gradients through time from": "never" if start is None else number(start),
        "Optimiser": f"{kind}, {_exact(config.learning_rate)}",
        "Clips a step": " to ".join(number(x) for x in dict.fromkeys((clips[-1], clips[0]))),
    }


def _exact(setting: float) -> str:
    """All digits of a setting, which was chosen, not measured."""
    return number(setting, len(Decimal(str(setting)).normalize().as_tuple().digits))


def difference_table() -> pd.DataFrame:
    """In what the original, the study and this book differ, as far as it matters."""
    official, people = ScalorConfig(), training(find("gradient"), "small")
    full = training(find("gradient"), "full").model
    small, sprites = people.model, training(find("sprites"), "small").model
    narrowest = small.sigma * people.annealing.last_sigma_share
    rows = {
        "pixels, cells, glimpse": (
            _size(official), "the same", f"{_size(small)}; at `full` the original's"),
        "parameters": tuple(
            number(parameters(official_model(one))) for one in (official, official, small)),
        "glimpses are read and drawn by": (
            "convolutions", "the same", "one hidden layer each way below `full`"),
        "discovery sees a frame through": (
            "two LSTMs", "the same",
            "below `full`, over any background, also past them, at equal contrast"),
        "cells that a proposal may lie away from its own": (
            _exact(official.cell_reach), "the same",
            f"below `full` {_exact(small.cell_reach)}, sprites at `small` "
            f"{_exact(sprites.cell_reach)}"),
        "deviation of a pixel from its reconstruction": (
            _exact(official.sigma), "the same",
            f"people below `full`: {_exact(small.sigma)}, in the end {number(narrowest, 1)}"),
        "footage": ("Grand Central station", "MOTSynth, 19 videos", "plaza and sprites, generated"),
        "judged on": ("last tenth of the video", "training data", "held-out clips, and training"),
        "a pixel is an object's from an opacity of": (
            "–", _exact(Reading.study().least_alpha), _exact(Reading().least_alpha)),
        "or, near an object, from a probability of the ground of": (
            "–", "none", f"{_exact(Reading().most_ground or 0.0)} or less"),
        "an object counts if inside the frame is": (
            "–", "any of it", f"{_exact(100 * Reading().least_inside)} % of its box"),
        "score": ("see the paper", "none: pictures", "MOTA, IDF1, HOTA, FG-ARI, PSNR"),
        "appearance of what is followed": (
            "deviation ≥ 0.69", "the same", "no such floor below `full`"),
        "objects are taught to draw what their boxes show": (
            "no", "the same", "people below `full`"),
        "size, depth and looks of what is followed": (
            "drawn anew, expected by a recurrent network", "the same",
            "start, and are expected, as they were: people below `full`"),
        "a proposal is read from a presence of": (
            "0", "the same", f"{_exact(full.faintest_read)} at `full`, 0 below"),
        "an object is drawn from a presence of": (
            "0", "the same", f"0 at `full`, {_exact(small.faintest_drawn)} below"),
        "repacking of objects": ("a loop over samples", "the same", "one flat list, no loop"),
        "flags of type bool": ("cannot be switched off", "the same", "none"),
        "ties at the object cap": ("dropped", "the same", "kept up to the cap"),
        "duplicates within a frame": ("nothing suppresses them", "the same", "the same, counted"),
    }  # fmt: skip
    return pd.DataFrame(
        {"": what, "Original": original, "Study": study, "Here": here}
        for what, (original, study, here) in rows.items()
    )


def _size(config: ScalorConfig) -> str:
    return f"{config.image_px}², {config.grid} × {config.grid}, {config.glimpse_px}²"


def results_table(ledger: Ledger, all_shown: Mapping[str, Shown]) -> pd.DataFrame:
    """Scores of this run: a row an experiment and split, with what the write-up says."""
    return _table(ledger, all_shown, HEADINGS, claims=True)


def stages_table(ledger: Ledger, all_shown: Mapping[str, Shown]) -> pd.DataFrame:
    """What stands behind the scores: discovery, propagation, things found twice."""
    return _table(ledger, all_shown, STAGES, claims=False)


def live_table(ledger: Ledger, live: Shown) -> pd.DataFrame:
    """All scores of the model trained here, a column a split."""
    rows = {row.id: row for row in ledger.rows}
    lines = [
        {"Score": WORDS[name]}
        | {
            SPLIT_NAMES[split]: _cell(rows, f"scalor.{live_id(live)}.{split}.{name}")
            for split in SPLITS
            if split in live.scores
        }
        for name in METRICS
    ]
    return pd.DataFrame(lines) if live.scores else _nothing("nobody has said who is where")


def _table(
    ledger: Ledger, all_shown: Mapping[str, Shown], headings: Mapping[str, str], *, claims: bool
) -> pd.DataFrame:
    rows = {row.id: row for row in ledger.rows}
    lines = []
    for name, one in all_shown.items():
        for split in SPLITS:
            if split not in one.scores:
                continue
            said = {"The write-up says": one.experiment.claim or "–"} if claims else {}
            lines.append(
                {
                    "Experiment": name,
                    "Videos (clips)": f"{SPLIT_NAMES[split]} ({one.judged[split]})",
                }
                | {
                    title: _cell(rows, f"scalor.{name}.{split}.{metric}")
                    for metric, title in headings.items()
                }
                | (said if split == "heldout" else dict.fromkeys(said, ""))
            )
    return pd.DataFrame(lines) if lines else _nothing("this run is on your own footage")


def _nothing(why: str) -> pd.DataFrame:
    return pd.DataFrame([{"": f"no scores: {why}"}])


def _cell(rows: Mapping[str, Row], id: str) -> str:
    return brief(rows[id]) if id in rows and rows[id].value is not None else "–"


def scores_of(
    ledger: Ledger, all_shown: Mapping[str, Shown]
) -> dict[str, dict[str, dict[str, Interval]]]:
    """Scores by experiment, then metric, then split, as figures take them."""
    rows = {row.id: row for row in ledger.rows}
    found: dict[str, dict[str, dict[str, Interval]]] = {}
    for name, one in all_shown.items():
        of_one = found.setdefault(one.experiment.title, {})
        for metric in METRICS:
            for split in one.scores:
                row = rows.get(f"scalor.{name}.{split}.{metric}")
                if row is not None and row.value is not None:
                    of_one.setdefault(metric, {})[SPLIT_NAMES[split]] = (
                        row.value, row.low, row.high,
                    )  # fmt: skip
    return found
