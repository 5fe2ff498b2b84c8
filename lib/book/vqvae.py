"""The VQ-VAE chapter's rows of the ledger and its tables."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int, UInt8
from matplotlib.figure import Figure
from torch import Tensor

from lib.book.claims import claims_table
from lib.book.results import PRESETS, Ledger, Row, project_root, recorded
from lib.book.tables import fixed, interval_decimals, number
from lib.data.minecraft import Footage
from lib.evaluation.half_precision import FreshStart, LoudSeries
from lib.evaluation.intervals import Estimate
from lib.evaluation.reconstruction import reconstruct, to_pixels
from lib.evaluation.versions import PARTS, Part, PartScores, TrainingFacts, part_indices
from lib.figures import style
from lib.files import atomic_path
from lib.models.vqvae_versions import VERSIONS, Version
from lib.training.vqvae import TrainedVersion

Better = Literal["higher", "lower", ""]
METRICS: dict[str, tuple[str, Better, str]] = {  # metric: unit, which way is better, heading
    "psnr_db": ("dB", "higher", "PSNR, dB"),
    "ssim": ("", "higher", "SSIM"),
    "sharpness_ratio": ("", "", "sharpness ratio"),
    "perplexity": ("", "higher", "perplexity"),
    "codes_used": ("", "higher", "codes used"),
    "mse": ("", "lower", "MSE"),
    "finite": ("", "higher", "finite share"),
}
REPAIR_IDS = {
    "float16 (v1.0)": "v1.0",
    "float16, clamped": "v1.0_clamped",
    "float32": "v1.0_float32",
    "float32, clamped (v1.0.1)": "v1.0.1",
}

TABLE_METRICS = ("psnr_db", "ssim", "sharpness_ratio", "perplexity", "codes_used")

Scores = Mapping[str, Mapping[Part, PartScores]]


def record_scores(
    ledger: Ledger, trained: TrainedVersion, scores: Mapping[Part, PartScores], *, seed: int
) -> None:
    """Rows ``vqvae.<version>.<train|heldout>.<metric>`` of one version."""
    for part in PARTS:
        for metric, (unit, better, _) in METRICS.items():
            estimate = _estimate(scores[part], metric)
            ledger.record(
                f"vqvae.{trained.version.name}.{part}.{metric}",
                estimate.value,
                low=estimate.low,
                high=estimate.high,
                n=estimate.n,
                seeds=[seed],
                unit=unit,
                better=better,
                run=trained.run.key,
                seconds=trained.seconds,
            )


def _estimate(scores: PartScores, metric: str) -> Estimate:
    """A metric's estimate; ``finite`` is whether the mean error is a number at all."""
    if metric != "finite":
        return scores.metrics[metric]
    mse = scores.metrics["mse"]
    return Estimate(float(np.isfinite(mse.value)), None, None, mse.n, mse.groups)


def record_facts(
    ledger: Ledger, trained: TrainedVersion, facts: TrainingFacts, *, seed: int
) -> None:
    """Rows ``vqvae.<version>.train.<fact>`` from the training log, of the facts there are."""
    for name, value in asdict(facts).items():
        if value is None:
            continue
        ledger.record(
            f"vqvae.{trained.version.name}.train.{name}",
            value,
            n=len(trained.history),
            seeds=[seed],
            run=trained.run.key,
        )


def record_overflow(
    ledger: Ledger,
    headroom: Mapping[str, float],
    series: Mapping[str, LoudSeries],
    *,
    loud: int,
    seed: int,
) -> None:
    """Rows of the overflow experiment: headroom of each product, losses and averages lost."""
    for product, factor in headroom.items():
        name = product.lower().replace(" ", "_").replace("-", "_")
        ledger.record(f"vqvae.v1.0.float16.headroom_{name}", factor, seeds=[seed], better="higher")
    for repair, one in series.items():
        after = one.finite[loud:]
        ledger.record(
            f"vqvae.{REPAIR_IDS[repair]}.loud.batches_lost",
            after.count(False),
            n=len(after),
            seeds=[seed],
            better="lower",
        )
        ledger.record(
            f"vqvae.{REPAIR_IDS[repair]}.loud.ruined_share",
            one.ruined_share,
            seeds=[seed],
            better="lower",
        )


def record_fresh_starts(ledger: Ledger, starts: Mapping[str, FreshStart], *, seed: int) -> None:
    """Rows ``vqvae.<variant>.fresh.<batches_lost|largest_code>`` of untrained quantisers."""
    for variant, start in starts.items():
        ledger.record(
            f"vqvae.{variant}.fresh.batches_lost",
            start.finite.count(False),
            n=len(start.finite),
            seeds=[seed],
            better="lower",
        )
        ledger.record(f"vqvae.{variant}.fresh.largest_code", start.largest_code, seeds=[seed])


def version_table(versions: Mapping[str, Version]) -> pd.DataFrame:
    """What each version is and what it changed."""
    return pd.DataFrame(
        {
            "Version": name,
            "Changed": v.changed,
            "Why": v.why,
            "Pixels": f"{v.model.image_size[1]} × {v.model.image_size[0]}",
            "Code grid": f"{v.model.grid[1]} × {v.model.grid[0]}",
            "Codes": v.model.quantiser.codebook_size,
            "Features": v.model.quantiser.embedding_dim,
        }
        for name, v in versions.items()
    )


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


def score_tables(ledger: Ledger, *, part: Part) -> pd.DataFrame:
    """Scores of this run, then those of recorded runs at other presets."""
    frames = [score_table(ledger.rows, part=part, preset=ledger.preset)]
    for preset in PRESETS:
        rows = recorded(ledger.chapter, preset, root=ledger.root)
        if rows and preset != ledger.preset:
            frames.append(score_table(rows, part=part, preset=preset))
    return pd.concat(frames)


def score_table(rows: list[Row], *, part: Part, preset: str) -> pd.DataFrame:
    """Scores with intervals, one line a version, from rows of the ledger."""
    lines: dict[str, dict[str, str]] = {}
    for row in rows:
        _, *version, row_part, metric = row.id.split(".")
        name = ".".join(version)
        if row_part == part and metric in METRICS and name in VERSIONS:
            line = lines.setdefault(name, {})
            line[METRICS[metric][2]] = _brief(row)
    shown = [heading for name, (_, _, heading) in METRICS.items() if name in TABLE_METRICS]
    return pd.DataFrame(
        {"Version": name, "Preset": preset} | {h: line.get(h, "–") for h in shown}
        for name, line in sorted(lines.items(), key=lambda item: list(VERSIONS).index(item[0]))
    )


def recorded_claims(chapter: str, *, root: Path | None = None) -> pd.DataFrame:
    """Verdicts of the largest recorded preset, which stands in the last column's heading."""
    for preset in reversed(PRESETS):
        rows = recorded(chapter, preset, root=root)
        if rows:
            path = (root or project_root()) / "claims.toml"
            table = claims_table(chapter, preset, rows, path=path)
            return table.rename(columns={"Verdict": f"Verdict at {preset}"})
    return pd.DataFrame({"Recorded runs": ["none yet: `seeing run vqvae --preset small --record`"]})


def _brief(row: Row) -> str:
    """A row without unit and sample size, which stand in the heading: ``24.1 (23.8–24.4)``."""
    if row.value is None:
        return "not finite"
    if row.low is None or row.high is None or row.low == row.high:
        return number(row.value)
    decimals = interval_decimals(row.low, row.high)
    value, low, high = (fixed(x, decimals) for x in (row.value, row.low, row.high))
    return f"{value} ({low}–{high})"


def intervals(scores: Scores) -> dict[str, dict[str, dict[str, tuple]]]:
    """Scores as plain (value, low, high), for figures."""
    return {
        name: {
            part: {m: (e.value, e.low, e.high) for m, e in parts[part].metrics.items()}
            for part in PARTS
        }
        for name, parts in scores.items()
    }


def example_indices(footage: Footage, part: Part, count: int, *, seed: int = 0) -> np.ndarray:
    """`count` frames of a part from different worlds where possible, chosen by `seed`."""
    rng = np.random.default_rng(seed)
    indices = rng.permutation(part_indices(footage.splits, part, most=100_000))
    _, first = np.unique(footage.store.groups[indices], return_index=True)
    spread = np.concatenate([np.sort(first), np.setdiff1d(np.arange(len(indices)), first)])
    return indices[spread[:count]]


def sample_frames(footage: Footage, count: int, *, seed: int = 0) -> UInt8[np.ndarray, "n h w 3"]:
    """`count` training frames, from different worlds where possible."""
    return np.asarray(footage.store.frames[example_indices(footage, "train", count, seed=seed)])


def one_frame(
    footage: Footage, trained: TrainedVersion, *, seed: int = 0
) -> tuple[UInt8[np.ndarray, "h w 3"], Int[np.ndarray, "gh gw"], UInt8[np.ndarray, "h w 3"], int]:
    """A held-out frame, its codes, what is decoded from them, and the size of the codebook."""
    indices = example_indices(footage, "heldout", 1, seed=seed)
    image, codes = reconstruct(trained.model, torch.from_numpy(footage.store.batch(indices)))
    return (
        np.asarray(footage.store.frames[indices[0]]),
        codes[0].numpy(),
        to_pixels(image)[0],
        trained.model.config.quantiser.codebook_size,
    )


def example_rows(
    footage: Footage,
    models: Mapping[str, TrainedVersion],
    part: Part,
    *,
    count: int = 6,
    seed: int = 0,
) -> dict[str, UInt8[np.ndarray, "n h w 3"]]:
    """Frames of a part and what each version makes of them, as rows of a figure."""
    indices = example_indices(footage, part, count, seed=seed)
    rows = {"original": np.asarray(footage.store.frames[indices])}
    images = torch.from_numpy(footage.store.batch(indices))
    for name, trained in models.items():
        rows[name] = to_pixels(reconstruct(trained.model, images)[0])
    return rows


def training_latents(
    footage: Footage, trained: TrainedVersion, *, seed: int = 0
) -> Float[Tensor, "b d h w"]:
    """Latents of one batch of training frames, as large as the original's training batch."""
    rng = np.random.default_rng(seed)
    wanted = VERSIONS.get(trained.version.name, trained.version).batch_size
    count = min(wanted, len(footage.splits.train))
    indices = rng.choice(footage.splits.train, count, replace=False)
    with torch.inference_mode():
        return trained.model.latents(torch.from_numpy(footage.store.batch(indices))).clone()


def keep(ledger: Ledger, figure: Figure, name: str) -> Figure:
    """Save `figure` as a small PNG beside the ledger and list it there; returns `figure`."""
    path = ledger.path.parent / f"{ledger.preset}-figures" / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, metadata={"Software": None})
    ledger.keep_figure(path)
    return figure


def recorded_figure(chapter: str, name: str, *, root: Path | None = None) -> Figure:
    """Figure `name` of the largest recorded preset; a note in its place where there is none."""
    for preset in reversed(PRESETS):
        path = (root or project_root()) / "results" / chapter / preset / f"{name}.png"
        if path.is_file():
            return style.picture(path.read_bytes(), title=f"preset {preset}")
    return style.message(f"no run of {chapter} with a figure {name!r} is recorded yet")
