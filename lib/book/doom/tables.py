"""Tables of the Doom chapter, and the ledger's rows as its figures take them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.book.doom.experiments import BASELINES, COMPARED, MAIN, PROBES, WITHOUT, Method
from lib.book.doom.stretches import Stretch
from lib.book.estimates import Interval
from lib.book.recorded import brief, runs_of, scaled
from lib.book.results import Ledger, Row
from lib.data.playthrough import Playthrough
from lib.data.splits import Splits
from lib.evaluation.frame_content import class_shares
from lib.worlds.doom.classes import PixelClass

METHODS: tuple[Method, ...] = (MAIN, *BASELINES, *PROBES)
LOOKED_AT = 2_000  # frames of a part, at most, whose pixels are counted
SHARES = {  # shown in per cent
    "miou": "mIoU, %",
    "pixel_accuracy": "Pixel accuracy, %",
    "ami": "AMI, %",
    "ari": "ARI, %",
}
LOOKS = {
    "many_to_one_miou": "mIoU many to one, %",
    "boundary_f": "Boundary F, %",
    "noise_share": "Noise, %",
    "flips_per_second": "Flips a second",
    "clusters": "Clusters",
}


def footage_line(played: Playthrough, splits: Splits) -> str:
    """What the footage holds, in one line."""
    what = "maps" if played.has_maps else "stretches of time"
    parts = {
        name: len(np.unique(played.maps[getattr(splits, name)]))
        for name in ("train", "validation", "test")
    }
    told = ", ".join(f"{count} for {name}" for name, count in parts.items())
    return f"{len(played)} frames at {played.fps:g} a second, {what}: {told}"


def split_table(played: Playthrough, splits: Splits) -> pd.DataFrame:
    """Frames and maps of each part."""
    return pd.DataFrame(
        {
            "Part": name,
            "Frames": len(part),
            "Maps" if played.has_maps else "Stretches": len(names := np.unique(played.maps[part])),
            "Which": ", ".join(names[:12]) + (" …" if len(names) > 12 else ""),
        }
        for name, part in (
            ("training", splits.train),
            ("validation", splits.validation),
            ("test", splits.test),
        )
    )


def part_shares(played: Playthrough, splits: Splits) -> dict[str, dict[str, float]]:
    """Share of each class in the pixels of each part; empty for footage without labels."""
    if played.labels is None:
        return {}
    found = {}
    for name in ("train", "validation", "test"):
        part = getattr(splits, name)
        chosen = part[np.linspace(0, len(part) - 1, min(len(part), LOOKED_AT)).astype(int)]
        shares = class_shares(played.labels[chosen]).mean(0)
        found[name] = {c.name.lower(): float(x) for c, x in zip(PixelClass, shares, strict=True)}
    return found


def sequence_line(stretches: Sequence[Stretch]) -> str:
    """What is segmented, in one line."""
    frames = sum(len(one.frames) for one in stretches)
    maps = len({one.group for one in stretches})
    return f"{frames} frames of {len(stretches)} stretches on {maps} held-out maps"


def score_table(ledger: Ledger, headings: Mapping[str, str]) -> pd.DataFrame:
    """Scores of every method, of this run and of recorded ones."""
    lines = []
    for method in METHODS:
        for preset, rows in runs_of(ledger).items():
            found = {row.id: row for row in rows}
            if f"doom.{method.name}.heldout.noise_share" not in found:
                continue
            if method.probe and "clusters" in headings:
                continue
            lines.append(
                {"Method": method.words, "Preset": preset}
                | {
                    title: _cell(found.get(f"doom.{method.name}.heldout.{metric}"), metric)
                    for metric, title in headings.items()
                }
            )
    return pd.DataFrame(lines)


def _cell(row: Row | None, metric: str) -> str:
    if row is None:
        return "–"
    if metric in ("flips_per_second", "clusters"):
        return brief(row)
    return brief(scaled(row, 100.0))


def found_scores(
    ledger: Ledger, metrics: Sequence[str]
) -> dict[str, dict[str, dict[str, Interval]]]:
    """By preset, then method (in words), then metric; this run's preset comes first."""
    presets: dict[str, dict[str, dict[str, Interval]]] = {}
    for preset, rows in runs_of(ledger).items():
        by_id = {row.id: row for row in rows}
        for method in METHODS:
            for metric in metrics:
                row = by_id.get(f"doom.{method.name}.heldout.{metric}")
                if row is not None and row.value is not None:
                    line = presets.setdefault(preset, {}).setdefault(method.words, {})
                    line[metric] = (row.value, row.low, row.high)
    return presets


def found_effects(ledger: Ledger) -> dict[str, dict[str, Interval]]:
    """Effects on mIoU by preset, then by words; this run's preset comes first."""
    words = {name: text for name, text in COMPARED.items() if name != "contrastive"}
    words |= {method.name: method.words for method in WITHOUT}
    presets: dict[str, dict[str, Interval]] = {}
    for preset, rows in runs_of(ledger).items():
        by_id = {row.id: row for row in rows}
        for name, text in words.items():
            row = by_id.get(f"doom.effect.{name}.miou")
            if row is not None and row.value is not None:
                presets.setdefault(preset, {})[text] = (row.value, row.low, row.high)
    return presets


def compared_table(ledger: Ledger) -> pd.DataFrame:
    """What each ingredient does to the embeddings, by preset."""
    lines = []
    for name, text in COMPARED.items():
        for preset, rows in runs_of(ledger).items():
            found = {row.id: row for row in rows}
            if f"doom.{name}.short.spread" not in found:
                continue
            miou = found.get(f"doom.{name}.short.miou")
            lines.append(
                {
                    "Training": text,
                    "Preset": preset,
                    "mIoU, %": _cell(miou, "miou"),
                    "Effective rank": brief(found[f"doom.{name}.short.effective_rank"]),
                    "Spread": brief(found[f"doom.{name}.short.spread"]),
                    "Wobble of the loss": brief(found[f"doom.{name}.short.wobble"]),
                }
            )
    return pd.DataFrame(lines)
