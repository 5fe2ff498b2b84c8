"""Speed of the EMA quantiser beside vector-quantize-pytorch: one training step, same sizes.

    python benchmarks/quantiser.py [--repeats 20] [--json FILE]

Both quantise the same latents, return the straight-through output and update their averages; the
two are called in turn, and medians are compared. Without gradients, which cost both the same.
"""

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

from lib.environment import code_version, describe_hardware
from lib.files import write_json
from lib.models.quantiser import EmaQuantiser, QuantiserConfig

CASES = {  # (images, rows, columns, features, codes)
    "v1.0.1": (64, 16, 16, 64, 512),
    "v2.0": (64, 9, 16, 384, 4096),
}


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(case: str, repeats: int) -> tuple[float, float]:
    """Median seconds of a step, (ours, peer)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from vector_quantize_pytorch import VectorQuantize

        b, h, w, d, k = CASES[case]
        peer = VectorQuantize(dim=d, codebook_size=k, decay=0.99, rotation_trick=False).train()
    ours = EmaQuantiser(QuantiserConfig(codebook_size=k, embedding_dim=d)).train()
    z = torch.randn(b, d, h, w, generator=torch.Generator().manual_seed(0))
    rows = z.permute(0, 2, 3, 1).reshape(1, -1, d).contiguous()
    with torch.no_grad():
        times = [
            (seconds(lambda: ours(z)), seconds(lambda: peer(rows))) for _ in range(repeats + 2)
        ]
    warm = times[2:]
    return statistics.median(t[0] for t in warm), statistics.median(t[1] for t in warm)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=20, help="timed steps a case (default 20)")
    parser.add_argument("--json", type=Path, help="write the rows here")
    given = parser.parse_args()
    rows = []
    for case in CASES:
        ours, peer = compare(case, given.repeats)
        print(f"{case:8} ours {1e3 * ours:7.1f} ms, vector-quantize-pytorch {1e3 * peer:7.1f} ms")
        name = f"quantiser_{case.replace('.', '_')}"
        common = {"hardware": describe_hardware(), "commit": code_version(Path.cwd())}
        rows += [
            {"id": f"speed.{name}.ours.steps_per_second", "value": 1 / ours, **common},
            {
                "id": f"speed.{name}.vector_quantize_pytorch.steps_per_second",
                "value": 1 / peer,
                **common,
            },
            {"id": f"speed.{name}.ratio", "value": peer / ours, **common},
        ]
    if given.json:
        write_json(given.json, json.loads(json.dumps(rows)))


if __name__ == "__main__":
    main()
