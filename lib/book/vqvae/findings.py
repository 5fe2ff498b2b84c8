"""Results of the VQ-VAE chapter's experiments as its figures, tables and rows take them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from lib.book.recorded import runs_of
from lib.book.results import Ledger
from lib.book.vqvae.examples import example_rows
from lib.book.vqvae.scores import VersionFootage
from lib.data.minecraft import Footage
from lib.evaluation.darkness import darkest_pixel, reconstruction_gradient, stuck_share
from lib.evaluation.perceptual_checks import LpipsRanges, RangeCurve
from lib.evaluation.revival import Revival
from lib.evaluation.versions import PARTS, Part, PartScores
from lib.figures.vqvae_pictures import SheetBlock
from lib.training.vqvae import TrainedVersion

HALF = 0.5  # of the contrast
GREY_LEVEL = 128  # the first of 256 levels that is not darker than one half
ONE_PX = 1.0  # sigma of a blur
FRAMES_A_PART = {"minerl": 6, "gamefactory": 4}  # columns: fewer make the sheet too high to print
RANGES = {"right": "[−1, 1], as trained", "wrong": "[0, 1], as in the code"}

# What the figure of all versions shows: metrics, causes with their first and last version, and the
# first version at each size of frames.
ARC_METRICS = {
    "psnr_db": "PSNR, dB",
    "lpips": "LPIPS",
    "sharpness_ratio": "sharpness ratio",
    "codes_used": "codes used",
    "grid_energy_sky": "grid on skies",
}
CAUSES = {
    "LPIPS not installed": ("v2.0.2", "v2.0.4"),
    "LPIPS fed [0, 1]": ("v2.0.5", "v2.1.4"),
    "ReLU before the sigmoid": ("v2.1.0", "v2.1.4"),
}
BREAKS = {"v1.0": "64 × 64", "v2.0": "64 × 36", "v2.0.1": "128 × 72"}

Values = dict[str, dict[str, dict[str, tuple[float, float | None, float | None] | None]]]


def darkness_facts(trained: TrainedVersion, images: Float[Tensor, "b 3 h w"]) -> dict[str, float]:
    """Darkest output, share stuck at one half, and the gradient norms that reach the encoder."""
    gradients = reconstruction_gradient(trained.model, images, beta=trained.version.beta)
    return {
        "darkest_pixel": darkest_pixel(trained.model, images),
        "stuck_share": stuck_share(trained.model, images),
        "gradient_reconstruction": gradients.reconstruction,
        "gradient_commitment": gradients.commitment,
    }


def dark_share(footage: Footage) -> float:
    """Share of the training frames' values that are darker than middle grey."""
    frames = footage.store.frames
    counts = [int((frames[i] < GREY_LEVEL).sum()) for i in footage.splits.train]
    return sum(counts) / (len(counts) * frames[0].size)


def same_weights(a: TrainedVersion, b: TrainedVersion) -> bool:
    """Whether two models are equal to the last bit, codebook and averages included."""
    theirs = b.model.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in a.model.state_dict().items())


DARKNESS = {
    "darkest_pixel": "Darkest value",
    "stuck_share": "Stuck at 0.5",
    "gradient_reconstruction": "Gradient of the squared error",
    "gradient_commitment": "Gradient of the commitment",
}


def darkness_table(ledger: Ledger, names: Sequence[str]) -> pd.DataFrame:
    """What `darkness_facts` found in this run and in recorded ones, version by version."""
    found = {
        preset: {row.id: row.value for row in rows} for preset, rows in runs_of(ledger).items()
    }
    return pd.DataFrame(
        {"Version": name, "Preset": preset}
        | {title: values[f"vqvae.{name}.dark.{key}"] for key, title in DARKNESS.items()}
        for name in names
        for preset, values in found.items()
        if f"vqvae.{name}.dark.darkest_pixel" in values
    )


def _at(curve: RangeCurve, strength: float) -> int:
    return int(np.argmin(np.abs(np.array(curve.strengths) - strength)))


def range_facts(ranges: LpipsRanges) -> dict[str, float]:
    """Wrong over right distance, and cosine of the gradients, at half contrast and 1 px blur."""
    facts = {}
    for name, curve, strength in (
        ("contrast", ranges.contrast, HALF),
        ("blur", ranges.blur, ONE_PX),
    ):
        i = _at(curve, strength)
        facts[f"{name}_ratio"] = float(curve.wrong[i] / curve.right[i])
        facts[f"{name}_cosine"] = float(curve.gradient_cosine[i])
    return facts


def range_tables(ranges: LpipsRanges) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Distances over contrast and over blur, a column an input range."""
    contrast, blur = (
        pd.DataFrame(
            {label: getattr(curve, key) for key, label in RANGES.items()},
            index=pd.Index(curve.strengths),
        )
        for curve in (ranges.contrast, ranges.blur)
    )
    return contrast, blur


def revival_facts(lives: Mapping[str, Revival]) -> dict[str, float]:
    """Share of reseeded codes that stayed, and codes used over the stream, by treatment."""
    facts: dict[str, float] = {}
    for name, life in lives.items():
        key = name.replace(" ", "_")
        facts[f"{key}.stayed_share"] = life.stayed_overall
        facts[f"{key}.codes_used"] = float(life.used_in_stream)
    return facts


def revival_tables(lives: Mapping[str, Revival]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Share of reseeded codes that stayed, and movement of the codebook; over batches, from 1."""
    index = pd.Index(np.arange(1, len(next(iter(lives.values())).movement) + 1))
    stayed = pd.DataFrame({n: life.stayed_share for n, life in lives.items()}, index=index)
    moved = pd.DataFrame({n: life.movement for n, life in lives.items()}, index=index)
    return stayed.iloc[:-1], moved


def arc_values(scores: Mapping[str, Mapping[Part, PartScores]], names: Sequence[str]) -> Values:
    """Scores of `names` by metric, version and part, with their intervals."""
    found: Values = {}
    for name in names:
        for part in PARTS:
            for metric, e in scores[name][part].metrics.items():
                versions = found.setdefault(metric, {}).setdefault(name, {})
                versions[part] = (e.value, e.low, e.high)
    return found


def sheet_blocks(
    trained: Mapping[str, TrainedVersion],
    footage: VersionFootage,
    *,
    names: Sequence[str],
    seed: int = 0,
) -> list[SheetBlock]:
    """Frames and reconstructions of versions `names`, a block a data set."""
    blocks = []
    for title, data in footage.items():
        models = {n: trained[n] for n in names if footage.of(trained[n].version) is data}
        count = FRAMES_A_PART[data.layout]
        rows = (example_rows(data, models, part, count=count, seed=seed) for part in PARTS)
        blocks.append(SheetBlock(f"{title} pixels", *rows))
    return blocks
