"""Tables of the VQ-VAE chapter."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.book.recorded import brief, runs_of
from lib.book.results import Ledger, Row
from lib.book.tables import fixed, interval_decimals, number
from lib.book.vqvae.rows import METRICS
from lib.data.minecraft import Footage
from lib.evaluation.versions import PARTS, Part, PartScores
from lib.models.vqvae_version import Version
from lib.models.vqvae_versions import VARIANTS, VERSIONS

IMAGES = ("psnr_db", "ssim", "lpips", "sharpness_ratio", "detail_correlation")
COUNTS = ("codes_used",)  # whole numbers, whatever the width of their interval
CODES = ("perplexity", "codes_used", "flat_texture", "grid_energy_flat", "grid_energy_sky")

Scores = Mapping[str, Mapping[Part, PartScores]]


def version_table(versions: Mapping[str, Version]) -> pd.DataFrame:
    """What each version changed and why, and what its code did besides."""
    return pd.DataFrame(
        {
            "Version": name,
            "Before it": v.why,
            "Changed": v.changed,
            "In the code": f"{v.in_code} ({v.commit})",
        }
        for name, v in versions.items()
    )


def size_table(versions: Mapping[str, Version]) -> pd.DataFrame:
    """Sizes of each version and how it is trained; LPIPS as its first and last weight."""
    return pd.DataFrame(
        {
            "Version": name,
            "Pixels": f"{v.model.image_size[1]} × {v.model.image_size[0]}",
            "Code grid": f"{v.model.grid[1]} × {v.model.grid[0]}",
            "Codes": v.model.quantiser.codebook_size,
            "Features": v.model.quantiser.embedding_dim,
            "Batch": v.batch_size,
            "Epochs": f"{v.continues_at + 1} to {v.epochs}",
            "β": number(v.beta),
            "LPIPS weight": _weights(v),
        }
        for name, v in versions.items()
    )


def _weights(v: Version) -> str:
    if v.perceptual is None:
        return "–"
    first, last = (v.perceptual.weight(epoch) for epoch in (v.continues_at + 1, v.epochs))
    said = number(first) if first == last else f"{number(first)} to {number(last)}"
    return said if v.perceptual.installed else f"{said}, missing"


def footage_table(footage: Mapping[str, Footage]) -> pd.DataFrame:
    """Frames and worlds of each part, one line a data set."""
    return pd.DataFrame(
        {
            "Layout": layout,
            "Source": "generated" if data.generated else "given",
            "Worlds": len(np.unique(data.store.groups)),
            "Training frames": len(data.splits.train),
            "Validation frames": len(data.splits.validation),
            "Held-out frames": len(data.splits.test),
        }
        for layout, data in footage.items()
    )


def score_tables(ledger: Ledger, *, part: Part, metrics: Sequence[str] = IMAGES) -> pd.DataFrame:
    """Scores of this run and of recorded runs at other presets, version by version."""
    runs = runs_of(ledger)
    lines = [score_table(rows, part=part, preset=p, metrics=metrics) for p, rows in runs.items()]
    order = {name: place for place, name in enumerate(VERSIONS | VARIANTS)}
    return pd.concat(lines).sort_values("Version", key=lambda v: v.map(order), kind="stable")


def score_table(
    rows: list[Row], *, part: Part, preset: str, metrics: Sequence[str] = IMAGES
) -> pd.DataFrame:
    """Scores with intervals, one line a version, from rows of the ledger."""
    lines: dict[str, dict[str, str]] = {}
    for row in rows:
        _, *version, row_part, metric = row.id.split(".")
        name = ".".join(version)
        if row_part == part and metric in METRICS and name in VERSIONS | VARIANTS:
            line = lines.setdefault(name, {})
            line[METRICS[metric][2]] = _count(row) if metric in COUNTS else brief(row)
    shown = [METRICS[metric][2] for metric in metrics]
    order = list(VERSIONS | VARIANTS)
    return pd.DataFrame(
        {"Version": name, "Preset": preset} | {h: line.get(h, "–") for h in shown}
        for name, line in sorted(lines.items(), key=lambda item: order.index(item[0]))
    )


def _count(row: Row) -> str:
    """A count with its interval in whole numbers, or alone where both ends round to it."""
    if row.value is None or row.low is None or row.high is None or row.low == row.high:
        return brief(row)
    decimals = min(0, interval_decimals(row.low, row.high))
    value, low, high = (fixed(x, decimals) for x in (row.value, row.low, row.high))
    return value if low == value == high else f"{value} ({low}–{high})"


def intervals(scores: Scores) -> dict[str, dict[str, dict[str, tuple]]]:
    """Scores as plain (value, low, high), for figures."""
    return {
        name: {
            part: {m: (e.value, e.low, e.high) for m, e in parts[part].metrics.items()}
            for part in PARTS
        }
        for name, parts in scores.items()
    }
