"""Footage and scores of all versions in the VQ-VAE chapter; scores are kept beside their run."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int
from torch import nn

from lib.book.footage import NAMES
from lib.data.frames import FrameStore
from lib.data.minecraft import Footage, prepare
from lib.evaluation.versions import Part, PartScores, score_version
from lib.files import digest, write_json
from lib.models.vqvae_version import Version
from lib.progress import tqdm
from lib.training.cache import source_digest
from lib.training.vqvae import TrainedVersion

SCORING = ("lib.evaluation.versions", "lib.models.vqvae", "lib.models.perceptual")
SCORED_FRAMES = {"tiny": 160, "small": 600, "full": 1000}  # of each part, at most
OF_CODES = ("perplexity", "codes_used")  # metrics from 1 to the size of the codebook


class VersionFootage(dict[str, Footage]):
    """Footage by name, such as ``GF-Minecraft 128 × 72``, and by version."""

    def of(self, version: Version) -> Footage:
        """The footage that `version` is trained on and scored with."""
        return self[_name(version)]

    def frames(self, version: Version) -> tuple[FrameStore, Int[np.ndarray, " n"]]:
        """Frames and training indices of `version`."""
        data = self.of(version)
        return data.store, data.splits.train


def _name(version: Version) -> str:
    rows, columns = version.model.image_size
    return f"{NAMES[version.layout]} {columns} × {rows}"


def prepare_all(versions: Iterable[Version], **options: Any) -> VersionFootage:
    """Footage for all of `versions`, once for each layout and size; `options` as of `prepare`."""
    found = VersionFootage()
    for version in versions:
        if _name(version) not in found:
            size = version.model.image_size
            found[_name(version)] = prepare(version.layout, size=size, **options)
    return found


def score_all(
    trained: Mapping[str, TrainedVersion],
    footage: VersionFootage,
    *,
    lpips: nn.Module,
    most: int,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, dict[Part, PartScores]]:
    """Scores of every version on its own footage; computed once for a run, then read back."""
    bar = tqdm(trained.items(), desc="scoring", unit="version", disable=not progress, leave=False)
    return {
        name: score_one(one, footage.of(one.version), lpips=lpips, most=most, seed=seed)
        for name, one in bar
    }


def score_one(
    trained: TrainedVersion, footage: Footage, *, lpips: nn.Module, most: int, seed: int
) -> dict[Part, PartScores]:
    """Scores of one version, from ``scores-<key>.json`` in its run's folder if they are there.

    The key holds the code that scores, the frames and the arguments: whatever changes them scores
    anew. A file that cannot be read is computed again. Intervals are `within_the_codebook`.
    """
    splits = footage.splits
    parts = [
        source_digest(("lib.evaluation.versions",)),
        footage.store.digest,
        str(most),
        str(seed),
    ]
    parts += [splits.train.tobytes().hex(), splits.test.tobytes().hex()]
    path = trained.run.path / f"scores-{digest(parts)}.json"
    found = _read(path)
    if found is None:
        found = score_version(
            trained.model, footage.store, splits, lpips=lpips, most=most, seed=seed
        )
        write_json(path, {part: scores.to_plain() for part, scores in found.items()})
    return {part: within_the_codebook(scores) for part, scores in found.items()}


def within_the_codebook(scores: PartScores) -> PartScores:
    """`scores` whose intervals of perplexity and codes used end where these can: at 1 and k.

    An interval centred on its value may reach beyond.
    """
    most, metrics = float(len(scores.code_counts)), dict(scores.metrics)
    for name in OF_CODES:
        one = metrics[name]
        if one.low is not None and one.high is not None:
            metrics[name] = replace(one, low=max(one.low, 1.0), high=min(one.high, most))
    return replace(scores, metrics=metrics)


def _read(path: Path) -> dict[Part, PartScores] | None:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return {part: PartScores.from_plain(plain[part]) for part in ("train", "heldout")}
    except (OSError, ValueError, KeyError, TypeError):
        return None
