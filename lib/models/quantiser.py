"""Vector quantiser with a codebook learned by exponential moving averages (EMA).

van den Oord et al. 2017 (arXiv 1711.00937), equations 1 to 3 and appendix A.1. The options
reproduce what the studied code did on top of the paper, faults included; each says so.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

HALF_PRODUCTS = ("distances", "look-up", "EMA sums")
FLOAT16_MAX = torch.finfo(torch.float16).max  # 65,504


class Quantised(NamedTuple):
    """What the quantiser makes of latents; of the scalars only `commitment` has a gradient."""

    latents: Float[Tensor, "b d h w"]  # code vectors, with a straight-through gradient
    codes: Int[Tensor, "b h w"]
    commitment: Float[Tensor, ""]  # mean squared distance latent to code, gradient to the encoder
    perplexity: Float[Tensor, ""]  # exp of the entropy of this batch's code shares, 1 to k
    largest_product: Float[Tensor, ""]  # largest |z . e| of the distance product
    largest_sum: Float[Tensor, ""]  # largest |sum of latents given to one code|


@dataclass(frozen=True)
class QuantiserConfig:
    """Options of `EmaQuantiser`; the defaults are the paper's method, without additions."""

    codebook_size: int = 512
    embedding_dim: int = 64
    decay: float = 0.99  # of the moving averages, per step
    epsilon: float = 1e-5  # Laplace smoothing of the code counts
    half_products: tuple[
        str, ...
    ] = ()  # of HALF_PRODUCTS; computed in float16, as autocast does on a GPU
    latent_limit: float | None = None  # latents are clamped to +- this before the look-up
    code_limit: float | None = None  # codes are clamped to +- this after each update
    reseed_unused: bool = False  # codes unused in ONE batch take random latents of that batch,
    # while their moving averages stay: the next update undoes it, used or not
    reset_averages: bool = False  # of reseeded codes, so that the next update starts from the seed

    def __post_init__(self) -> None:
        for name in ("codebook_size", "embedding_dim"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give a whole number from 1")
        if unknown := set(self.half_products) - set(HALF_PRODUCTS):
            raise ValueError(
                f"half_products holds {', '.join(map(repr, sorted(unknown)))}; "
                f"choose among {', '.join(HALF_PRODUCTS)}"
            )
        if not 0 < self.decay < 1:
            raise ValueError(f"decay is {self.decay}; give a number between 0 and 1, such as 0.99")


def half_product(a: Float[Tensor, "m d"], b: Float[Tensor, "d n"]) -> Float[Tensor, "m n"]:
    """Matrix product as float16 autocast computes it, on any device, returned in float32.

    Operands are rounded to float16, products accumulate in float32 (as in a GPU's matrix units),
    the result is rounded to float16: anything beyond +-65,504 becomes infinite. Calling
    ``.float()`` on the operands does not avoid this: autocast casts them down again.
    """
    return (a.half().float() @ b.half().float()).half().float()


def nearest_codes(
    z: Float[Tensor, "n d"], codebook: Float[Tensor, "k d"], *, half: bool = False
) -> tuple[Int[Tensor, " n"], Float[Tensor, ""]]:
    """Index of the nearest code (Euclidean) for each latent, and the largest |z . e| met.

    Expands |z - e|^2 = |z|^2 - 2 z.e + |e|^2, so that one matrix product does the work; |z|^2 is
    the same for all codes of a latent and is left out.
    """
    product = half_product(z, codebook.T) if half else z @ codebook.T
    distances = codebook.square().sum(1) - 2 * product
    return distances.argmin(1), product.detach().abs().max()


class EmaQuantiser(nn.Module):
    """Nearest code per location; the codebook follows the latents by moving averages.

    Always computes in float32 (or in emulated float16 if `half_products`), whatever autocast
    surrounds it. With several processes the averages run over all of them.
    """

    codebook: Tensor
    code_counts: Tensor
    code_sums: Tensor

    def __init__(self, config: QuantiserConfig) -> None:
        super().__init__()
        self.config = config
        codebook = torch.randn(config.codebook_size, config.embedding_dim)
        self.register_buffer("codebook", codebook)
        self.register_buffer("code_counts", torch.zeros(config.codebook_size))
        self.register_buffer("code_sums", codebook.clone())

    def forward(self, z: Float[Tensor, "b d h w"]) -> Quantised:
        """Quantise latents `z`; in training mode also move the codebook (no gradient)."""
        if z.shape[1] != self.config.embedding_dim:
            raise ValueError(
                f"z has {z.shape[1]} features, the codebook has {self.config.embedding_dim}; "
                "make the encoder's output match embedding_dim"
            )
        with torch.autocast(z.device.type, enabled=False):
            return self._quantise(z.float())

    def _quantise(self, z: Float[Tensor, "b d h w"]) -> Quantised:
        b, d, h, w = z.shape
        flat = z.permute(0, 2, 3, 1).reshape(-1, d)
        if self.config.latent_limit is not None:
            flat = flat.clamp(-self.config.latent_limit, self.config.latent_limit)
        with torch.no_grad():
            codes, largest_product = nearest_codes(
                flat, self.codebook, half="distances" in self.config.half_products
            )
            chosen = self._look_up(codes)
            counts = torch.bincount(codes, minlength=self.config.codebook_size).float()
            sums = self._sum_by_code(flat, codes)
            if self.training:
                self._update(flat, counts, sums)
            shares = counts / counts.sum()
            perplexity = torch.exp(-torch.xlogy(shares, shares).sum())
        z_q = chosen.view(b, h, w, d).permute(0, 3, 1, 2)
        return Quantised(
            latents=z + (z_q - z).detach(),
            codes=codes.view(b, h, w),
            commitment=F.mse_loss(z, z_q),
            perplexity=perplexity,
            largest_product=largest_product,
            largest_sum=sums.abs().max(),
        )

    def _look_up(self, codes: Int[Tensor, " n"]) -> Float[Tensor, "n d"]:
        """The code vectors: a product of one-hot rows with the codebook in the original.

        Only where that product differs from indexing is it imitated: rounding to float16, and
        0 x inf = NaN, by which one infinite code spoils its column for every latent.
        """
        if "look-up" not in self.config.half_products:
            return self.codebook[codes]
        rounded = _with_spoilt_columns(self.codebook.half().float())
        return rounded[codes]

    def _sum_by_code(
        self, flat: Float[Tensor, "n d"], codes: Int[Tensor, " n"]
    ) -> Float[Tensor, "k d"]:
        """Sum of the latents given to each code: one-hot columns times latents in the original."""
        flat = flat.detach()
        if "EMA sums" not in self.config.half_products:
            return torch.zeros_like(self.codebook).index_add_(0, codes, flat)
        rounded = _with_spoilt_columns(flat.half().float())
        return torch.zeros_like(self.codebook).index_add_(0, codes, rounded).half().float()

    def _update(
        self,
        flat: Float[Tensor, "n d"],
        counts: Float[Tensor, " k"],
        sums: Float[Tensor, "k d"],
    ) -> None:
        """Move the averages, then the codebook (van den Oord 2017, equations 6 to 8)."""
        config = self.config
        counts, sums = _over_processes(counts), _over_processes(sums)
        # not lerp_, whose difference of two infinities would turn an infinite sum into NaN
        self.code_counts.mul_(config.decay).add_(counts, alpha=1 - config.decay)
        self.code_sums.mul_(config.decay).add_(sums, alpha=1 - config.decay)
        total = self.code_counts.sum()
        smoothed = (
            (self.code_counts + config.epsilon)
            / (total + config.codebook_size * config.epsilon)
            * total
        )
        self.codebook.copy_(self.code_sums / smoothed[:, None])
        if config.reseed_unused:
            unused = counts == 0
            chosen = torch.randint(len(flat), (int(unused.sum()),), device=flat.device)
            self.codebook[unused] = _from_first_process(flat.detach()[chosen])
            if config.reset_averages:
                self.code_sums[unused] = self.codebook[unused]
                self.code_counts[unused] = 1.0
        if config.code_limit is not None:
            self.codebook.clamp_(-config.code_limit, config.code_limit)


def _with_spoilt_columns(x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """`x`, with NaN all down each column that holds an infinity or NaN: what 0 x inf leaves."""
    return x.masked_fill(~x.isfinite().all(0), torch.nan)


def _over_processes(x: Tensor) -> Tensor:
    """Sum of `x` over all processes; `x` itself where there is one."""
    if dist.is_available() and dist.is_initialized():
        x = x.clone()
        dist.all_reduce(x)
    return x


def _from_first_process(x: Tensor) -> Tensor:
    """The first process's `x` everywhere, so that all codebooks stay equal."""
    if dist.is_available() and dist.is_initialized():
        x = x.contiguous()
        dist.broadcast(x, src=0)
    return x
