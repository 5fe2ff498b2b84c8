"""What becomes of reseeded codes: do they stay where they were put?

A code that a batch left unused takes a random latent of that batch. Its moving averages, unless
they are reset too, still stand for where it was before, and the codebook is computed from them:
the next update puts the code back, used or not.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lib.evaluation.half_precision import quantiser_from
from lib.models.quantiser import EmaQuantiser, QuantiserConfig

NEAR = 0.25  # of the spread of the latents


@dataclass(frozen=True)
class Revival:
    """A quantiser's codes over a stream of training batches; one entry a batch."""

    reseeded: Int[np.ndarray, " t"]  # codes that took a latent of this batch
    stayed: Int[np.ndarray, " t"]  # of those, still near it after the next update; last entry 0
    movement: Float[np.ndarray, " t"]  # mean distance by which codes moved, reseeding included
    used: Int[np.ndarray, " t"]  # distinct codes in this batch
    used_in_stream: int  # distinct codes over all batches

    @property
    def stayed_share(self) -> Float[np.ndarray, " t"]:
        """Share of each batch's reseeded codes that stayed; NaN where none, and in the last."""
        share = np.full(len(self.reseeded), np.nan)
        np.divide(
            self.stayed[:-1], self.reseeded[:-1], out=share[:-1], where=self.reseeded[:-1] > 0
        )
        return share

    @property
    def stayed_overall(self) -> float:
        """Share of all reseeded codes that stayed, the last batch's aside; NaN without any."""
        total = int(self.reseeded[:-1].sum())
        return float(self.stayed[:-1].sum() / total) if total else float("nan")


@torch.no_grad()
def revival(
    config: QuantiserConfig,
    latents_stream: Iterable[Float[Tensor, "b d h w"]],
    *,
    source: EmaQuantiser | None = None,
    near: float = NEAR,
    seed: int = 0,
) -> Revival:
    """Feed training batches of latents to a quantiser of `config` and follow its codes.

    It starts as `source`, which stays as it is, or anew. A code has stayed if the next update
    leaves it within `near` times the batch's spread (root mean square distance of latents to their
    mean) of its seed. Asked before that batch reseeds in its turn, so that a code that is unused
    again counts as well. `seed` draws new codes and the latents that reseed.

    Raises `ValueError` if the stream holds fewer than two batches: then no seed is ever tested.
    """
    rows: list[tuple[int, float, int]] = []
    stayed: list[int] = []
    seen = torch.zeros(config.codebook_size, dtype=torch.bool)
    seeded, reach = torch.zeros_like(seen), 0.0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        quantiser = (
            EmaQuantiser(config).train() if source is None else quantiser_from(source, config)
        )
        for z in latents_stream:
            before = quantiser.codebook.clone()
            if rows:
                stayed.append(_near_seed(quantiser, z, seeded, reach))
            used = torch.bincount(quantiser(z).codes.flatten(), minlength=len(seen)) > 0
            seeded = ~used if config.reseed_unused else torch.zeros_like(used)
            moved = (quantiser.codebook - before).norm(dim=1).mean()
            rows.append((int(seeded.sum()), float(moved), int(used.sum())))
            seen, reach = seen | used, near * _spread(z)
    if len(rows) < 2:
        raise ValueError(
            f"latents_stream holds {len(rows)} batches; give at least 2, so that an update follows"
        )
    reseeded, movement, per_batch = (np.array(column) for column in zip(*rows, strict=True))
    return Revival(reseeded, np.array([*stayed, 0]), movement, per_batch, int(seen.sum()))


def _near_seed(
    quantiser: EmaQuantiser,
    z: Float[Tensor, "b d h w"],
    seeded: Bool[Tensor, " k"],
    reach: float,
) -> int:
    """How many of the codes just `seeded` one update on `z` alone leaves within `reach`."""
    trial = copy.deepcopy(quantiser)
    trial.config = replace(quantiser.config, reseed_unused=False)
    trial(z)
    distance = (trial.codebook - quantiser.codebook).norm(dim=1)
    return int((distance[seeded] <= reach).sum())


def _spread(z: Float[Tensor, "b d h w"]) -> float:
    return float((z - z.mean((0, 2, 3), keepdim=True)).square().sum(1).mean().sqrt())


def reseeded_code_stays(config: QuantiserConfig) -> bool:
    """Whether most codes reseeded under `config`'s rule stay near their seed (False if none is)."""
    return revival(_small(config), _few_blobs()).stayed_overall > 0.5


def _small(config: QuantiserConfig) -> QuantiserConfig:
    return replace(config, codebook_size=64, embedding_dim=4)


def _few_blobs(batches: int = 8) -> list[Float[Tensor, "b d h w"]]:
    """Latents around a few centres, so that many of 64 codes are unused."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(6, 4, generator=generator)
    stream = []
    for _ in range(batches):
        cells = centres[torch.randint(6, (256,), generator=generator)]
        cells = cells + 0.1 * torch.randn(256, 4, generator=generator)
        stream.append(cells.view(1, 16, 16, 4).permute(0, 3, 1, 2))
    return stream
