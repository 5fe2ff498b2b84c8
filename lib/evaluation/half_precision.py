"""Which half-precision product of the EMA quantiser overflows, and what follows from it.

Float16 ends at 65,504. Under autocast the quantiser's three matrix products give float16
results: latents times codebook (distances), one-hot rows times codebook (look-up), and one-hot
columns times latents (the sums of the moving averages). The experiments here ask how near each
comes to that end on a trained model, and let one batch go beyond it. Nothing is optimised: only
what the forward pass itself changes is seen, as for a caller that skips the optimiser step of a
non-finite loss.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lib.models.quantiser import (
    FLOAT16_MAX,
    HALF_PRODUCTS,
    EmaQuantiser,
    QuantiserConfig,
    nearest_codes,
)


class Outcome(StrEnum):
    """What one batch with larger latents does to a quantiser in training, from mild to worst."""

    RIGHT = "as in float32"
    WRONG_CODES = "worse codes chosen"
    LOSS_LOST = "this loss infinite"
    POISONED = "all later losses infinite"


@dataclass(frozen=True)
class Peaks:
    """Largest magnitudes the three products reach on one batch, computed in float32."""

    distances: float  # |z . e|
    look_up: float  # |e|
    ema_sums: float  # |sum of the latents given to one code|

    def headroom(self) -> dict[str, float]:
        """How many times larger the latents may grow before each product overflows.

        The codebook stays as it is, so all but the look-up grow in proportion; the look-up holds
        codebook entries only, and its factor says how much those may grow.
        """
        return dict(
            zip(
                HALF_PRODUCTS,
                (FLOAT16_MAX / x for x in (self.distances, self.look_up, self.ema_sums)),
                strict=True,
            )
        )


@dataclass(frozen=True)
class LoudSeries:
    """A series of training batches, one of them loud: which losses are finite, what is left."""

    finite: list[bool]
    ruined_share: float  # of the moving sums' entries, not finite after the last batch


@dataclass(frozen=True)
class FreshStart:
    """First training batches of a new quantiser: which losses are finite, how large codes get."""

    finite: list[bool]
    largest_code: float  # largest |entry| of the codebook after the first batch


def measure_peaks(z: Float[Tensor, "b d h w"], codebook: Float[Tensor, "k d"]) -> Peaks:
    """Largest magnitude of each product on latents `z`, without rounding to float16."""
    flat = _rows(z)
    codes, largest_product = nearest_codes(flat, codebook)
    sums = torch.zeros_like(codebook).index_add_(0, codes, flat)
    return Peaks(float(largest_product), float(codebook.abs().max()), float(sums.abs().max()))


def _rows(z: Float[Tensor, "b d h w"]) -> Float[Tensor, "n d"]:
    return z.permute(0, 2, 3, 1).reshape(-1, z.shape[1]).float()


def quantiser_from(source: EmaQuantiser, config: QuantiserConfig) -> EmaQuantiser:
    """A quantiser in training mode with `source`'s codebook and averages, options of `config`."""
    copy = EmaQuantiser(config)
    copy.load_state_dict(source.state_dict())
    return copy.train()


@torch.no_grad()
def loud_series(
    source: EmaQuantiser,
    z: Float[Tensor, "b d h w"],
    *,
    factor: float,
    config: QuantiserConfig,
    batches: int = 6,
    loud: int = 2,
    seed: int = 0,
) -> LoudSeries:
    """Quantise `batches` training batches and see which losses are finite.

    Every batch holds latents `z`; in the one at index `loud` they are `factor` times as large.
    Codes that a batch leaves unused take random latents of it, drawn with `seed`.
    """
    finite = []
    with _seeded(seed):
        quantiser = quantiser_from(source, config)
        for i in range(batches):
            result = quantiser(z * (factor if i == loud else 1.0))
            finite.append(bool(torch.isfinite(result.commitment)))
    ruined = 1 - float(torch.isfinite(quantiser.code_sums).float().mean())
    return LoudSeries(finite, ruined)


@torch.no_grad()
def fresh_start(
    config: QuantiserConfig, z: Float[Tensor, "b d h w"], *, batches: int = 4, seed: int = 0
) -> FreshStart:
    """Begin a quantiser with random normal codes and feed it latents `z` again and again.

    As in the studied code, the moving sums start at the codes and the moving counts at zero. A
    code that the first batch leaves out therefore becomes its start divided by epsilon.
    """
    with _seeded(seed):
        quantiser = EmaQuantiser(config).train()
        finite = [bool(torch.isfinite(quantiser(z).commitment))]
        largest = float(quantiser.codebook.abs().max())
        finite += [bool(torch.isfinite(quantiser(z).commitment)) for _ in range(batches - 1)]
    return FreshStart(finite, largest)


@torch.no_grad()
def outcome(
    source: EmaQuantiser,
    z: Float[Tensor, "b d h w"],
    *,
    factor: float,
    config: QuantiserConfig,
    tolerance: float = 0.01,
) -> Outcome:
    """What a batch of latents `factor` times `z` does under `config`, against float32.

    Codes count as worse if their `regret` is above `tolerance`: rounding alone swaps codes that
    are almost equally near.
    """
    with _seeded(0):
        quantiser = quantiser_from(source, config)
        loud, after = quantiser(z * factor), quantiser(z)
    if not torch.isfinite(after.commitment):
        return Outcome.POISONED
    if not torch.isfinite(loud.commitment):
        return Outcome.LOSS_LOST
    worse = regret(z * factor, source.codebook, loud.codes.flatten()) > tolerance
    return Outcome.WRONG_CODES if worse else Outcome.RIGHT


def regret(
    z: Float[Tensor, "b d h w"], codebook: Float[Tensor, "k d"], codes: Int[Tensor, " n"]
) -> float:
    """How much farther `codes` are than the nearest ones: 0 for the nearest, 1 for random codes.

    Squared distances above the nearest code's, over those of an average code.
    """
    distances = torch.cdist(_rows(z).double(), codebook.double()).square()
    best = distances.min(1).values
    chosen = distances.gather(1, codes[:, None])[:, 0]
    return float((chosen - best).mean() / (distances.mean(1) - best).mean())


def sweep(
    source: EmaQuantiser, z: Float[Tensor, "b d h w"], factors: Sequence[float]
) -> dict[str, list[Outcome]]:
    """Outcome at each factor with one product in float16 and the other two in float32."""
    bare = bare_config(source.config)
    return {
        product: [
            outcome(source, z, factor=factor, config=replace(bare, half_products=(product,)))
            for factor in factors
        ]
        for product in HALF_PRODUCTS
    }


@torch.no_grad()
def survives_one_code_for_all(config: QuantiserConfig, *, cells: int = 64 * 16**2) -> bool:
    """Whether the sums stay finite if all latents of a batch are alike and choose one code.

    `cells` is the number of latents, by default those of 64 images of 16 x 16; they are such that
    they add up to a tenth more than float16 holds.
    """
    z = torch.full((1, config.embedding_dim, 1, cells), 1.1 * FLOAT16_MAX / cells)
    return bool(torch.isfinite(EmaQuantiser(config).train()(z).largest_sum))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw from `seed` inside, and leave the caller's random numbers as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def bare_config(trained: QuantiserConfig) -> QuantiserConfig:
    """The sizes of `trained` in float32 and without clamps."""
    return replace(trained, half_products=(), latent_limit=None, code_limit=None)


def repairs(trained: QuantiserConfig) -> dict[str, QuantiserConfig]:
    """The broken quantiser, the two repairs of v1.0.1 that touch it alone, and both."""
    bare = bare_config(trained)
    clamped = replace(bare, latent_limit=10.0, code_limit=3.0)
    return {
        "float16 (v1.0)": replace(bare, half_products=HALF_PRODUCTS),
        "float16, clamped": replace(clamped, half_products=HALF_PRODUCTS),
        "float32": bare,
        "float32, clamped (v1.0.1)": clamped,
    }
