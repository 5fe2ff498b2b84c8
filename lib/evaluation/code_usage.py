"""How much of a codebook is in use, from how often each code was chosen."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

TOP = 10
MOST_PERCENT = 99


@dataclass(frozen=True)
class CodeUsage:
    """Facts about the use of a codebook over a set of frames."""

    used_share: float  # of the codebook, chosen at least once
    top_share: float  # of the cells, taken by the ten most frequent codes
    codes_for_most: int  # the most frequent codes that cover 99 % of the cells
    entropy_bits: float  # per cell: what an ideal code with these shares needs
    bits_per_frame: float  # entropy times cells, cells taken as independent


def code_usage(code_counts: Int[np.ndarray, " k"], *, cells_per_frame: int) -> CodeUsage:
    """Usage from the number of cells that chose each code; a frame has `cells_per_frame` cells."""
    total = int(code_counts.sum())
    if total < 1 or code_counts.min() < 0:
        raise ValueError(
            f"code_counts sum to {total} with a least of {code_counts.min()}; give the counts of "
            "at least one cell"
        )
    if cells_per_frame < 1:
        raise ValueError(f"cells_per_frame is {cells_per_frame}; give rows times columns of codes")
    ordered = np.sort(code_counts)[::-1]
    shares = ordered[ordered > 0] / total
    entropy = float(-(shares * np.log2(shares)).sum()) + 0.0  # not -0.0
    return CodeUsage(
        used_share=float((code_counts > 0).mean()),
        top_share=float(ordered[:TOP].sum() / total),
        # in whole numbers: a sum of shares could miss 0.99 by rounding
        codes_for_most=int(np.searchsorted(np.cumsum(ordered) * 100, MOST_PERCENT * total)) + 1,
        entropy_bits=entropy,
        bits_per_frame=entropy * cells_per_frame,
    )
