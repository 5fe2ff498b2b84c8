"""Tables of the Sideswipe chapter, and the ledger's rows as its figures take them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lib.book.recorded import brief, runs_of, scaled
from lib.book.results import Ledger, Row
from lib.book.sideswipe.experiments import SPLIT_WORDS, SPLITS, Experiment, split_cars
from lib.book.tables import number
from lib.data.garage import Cars
from lib.data.splits import leaked_share
from lib.figures.sideswipe_marks import Interval
from lib.models.classifier import Classifier, layer_table
from lib.worlds.garage.loadout import Variant

HEADINGS = {
    "accuracy": "Accuracy, %",
    "nll": "NLL, nats",
    "ece_unscaled": "ECE before, %",
    "ece": "ECE after, %",
}
IN_PER_CENT = ("accuracy", "ece_unscaled", "ece")


def per_cent(share: float) -> str:
    """A share in per cent for a sentence, on one line with its sign."""
    return f"{number(100 * share)}\u00a0%"


def cars_line(name: str, cars: Cars) -> str:
    """What a data set holds, in one line."""
    images = cars.images
    shares = np.bincount(images.classes, minlength=len(images.class_names)) / len(images)
    classes = " / ".join(f"{100 * share:.1f}" for share in shares if share)
    loadouts = len(np.unique(images.store.groups))
    return f"{name}: {len(images)} images, {loadouts} loadouts, classes {classes} %"


def split_table(cars: Cars, *, seed: int = 0) -> pd.DataFrame:
    """Sizes of each split, and how many test images have a sibling in training."""
    lines = []
    for split in SPLITS:
        parts = split_cars(cars.images, split, seed=seed)
        lines.append(
            {
                "Split": f"{split.replace('_', ' ')}: {SPLIT_WORDS[split]}",
                "Training": len(parts.train),
                "Validation": len(parts.validation),
                "Test": len(parts.test),
                "Sibling in training, %": 100 * leaked_share(parts, cars.images.store.groups),
                "Held out": _held_out(parts.held_out),
            }
        )
    return pd.DataFrame(lines)


def _held_out(held_out: Mapping[str, tuple[int, ...]]) -> str:
    return "; ".join(f"{k} {', '.join(map(str, v))}" for k, v in held_out.items()) or "–"


def layers(model: Classifier) -> pd.DataFrame:
    """The layers of `model` as the write-up prints them."""
    return pd.DataFrame(
        {
            "Layer": layer.kind,
            "Output shape": " × ".join(map(str, layer.output)),
            "Parameters": layer.parameters,
        }
        for layer in layer_table(model)
    )


def score_table(ledger: Ledger) -> pd.DataFrame:
    """Scores of every experiment, of this run and of recorded ones at other presets."""
    lines = []
    runs = runs_of(ledger)
    for network in ("writeup", "small"):
        for split in SPLITS:
            for variant in Variant:
                for preset, rows in runs.items():
                    found = {row.id: row for row in rows}
                    id = Experiment(network, split, variant).id
                    if f"{id}.accuracy" not in found:
                        continue
                    lines.append(
                        {
                            "Network": network,
                            "Split": split.replace("_", " "),
                            "Cars": variant.value,
                            "Preset": preset,
                        }
                        | {title: _cell(found, id, name) for name, title in HEADINGS.items()}
                    )
    return pd.DataFrame(lines)


def _cell(found: Mapping[str, Row], id: str, metric: str) -> str:
    row = found.get(f"{id}.{metric}")
    if row is None:
        return "–"
    return brief(scaled(row, 100.0) if metric in IN_PER_CENT else row)


def accuracies(
    ledger: Ledger, network: str = "writeup"
) -> dict[str, dict[str, dict[str, Interval | None]]]:
    """Accuracy by preset, then split, then variant, for figures; this run's preset comes first."""
    found: dict[str, dict[str, dict[str, Interval | None]]] = {}
    for preset, rows in runs_of(ledger).items():
        by_id = {row.id: row for row in rows}
        for split in SPLITS:
            for variant in Variant:
                row = by_id.get(f"{Experiment(network, split, variant).id}.accuracy")
                if row is not None and row.value is not None:
                    line = found.setdefault(preset, {}).setdefault(SPLIT_WORDS[split], {})
                    line[variant.value] = (row.value, row.low, row.high)
    return found


def recorded_accuracies(
    ledger: Ledger, network: str = "writeup"
) -> dict[str, dict[str, dict[str, Interval | None]]]:
    """The same of recorded runs at other presets alone."""
    found = accuracies(ledger, network)
    return {preset: scores for preset, scores in found.items() if preset != ledger.preset}
