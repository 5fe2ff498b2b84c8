"""Dense layers beside the original's convolutions for glimpses of 16 pixels: seconds and learning.

    python benchmarks/scalor_glimpses.py [--steps 300] [--json FILE]

Both encode and decode the same boxes, put at random into generated frames with people, under the
same loss (squared errors and the divergence of `what`) and the same Adam. They take turns, step by
step. Printed are a step's milliseconds (median) and what is missed, in parts of what a box of the
frame's median colour would miss, over the last tenth of the steps.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lib.book.scalor import find, footage_of, training
from lib.environment import code_version, describe_hardware
from lib.files import write_json
from lib.models.scalor import Scalor
from lib.models.scalor.compose import Glimpses
from lib.models.scalor.render import read

FRAMES, BOXES = 16, 16  # a step's frames, and boxes of each
KINDS = ("convolutions", "dense")
SPREAD = 0.5  # of boxes' centres, in canvas units


class Learner:
    """One pair of encoder and decoder with its optimiser."""

    def __init__(self, kind: str) -> None:
        torch.manual_seed(0)
        config = training(find("gradient"), "small").model
        model = Scalor(replace(config, glimpse_layers=kind))
        self.glimpses: Glimpses = model.glimpses
        self.optimiser = torch.optim.Adam(self.glimpses.parameters(), lr=1e-3)
        self.seconds: list[float] = []
        self.missed: list[float] = []

    def step(self, frames: Tensor, boxes: Tensor, noise: Tensor) -> None:
        """One of training; its time and its miss are kept."""
        glimpses, sigma = self.glimpses, self.glimpses.config.sigma
        clip = torch.arange(len(frames)).repeat_interleave(BOXES)
        plain = frames.flatten(2).median(2).values[:, :, None, None].expand_as(frames)
        px = glimpses.config.glimpse_px
        seen, behind = (
            read(of.contiguous(), clip, boxes, px, glimpses.reading) for of in (frames, plain)
        )
        started = time.perf_counter()
        mean, raw = glimpses.look(frames, clip, boxes)
        std = F.softplus(raw + glimpses.config.what_std_bias)
        drawn = glimpses.decode(mean + std * noise)[:, :3]
        wrong = (drawn - seen).square().sum() / (2 * sigma**2)
        divergence = (0.5 * (mean**2 + std**2 - 1) - std.log()).sum()
        self.optimiser.zero_grad()
        ((wrong + 0.1 * divergence) / len(frames)).backward()
        self.optimiser.step()
        self.seconds.append(time.perf_counter() - started)
        scale = (behind - seen).square().sum() / (2 * sigma**2)
        self.missed.append(float(wrong.detach() / scale))


def compare(steps: int) -> dict[str, dict[str, float]]:
    """Both kinds on the same boxes of the same frames."""
    experiment = find("gradient")
    learners = {kind: Learner(kind) for kind in KINDS}
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        footage = footage_of(experiment, "tiny", root=Path(folder), parts=("train",))
        clips = footage.clips(experiment, "tiny")
        config = learners["dense"].glimpses.config
        half = torch.tensor([config.scale / config.aspect**0.5, config.scale * config.aspect**0.5])
        for step in range(steps):
            chosen = rng.integers(0, len(clips), FRAMES)
            pictures = np.concatenate([clips.pixels(int(one), frames=1) for one in chosen])
            frames = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
            count = FRAMES * BOXES
            centres = SPREAD * torch.randn(count, 2, generator=generator).clamp(-1.5, 1.5)
            boxes = torch.cat([half.expand(count, 2), centres], dim=1)
            noise = torch.randn(count, config.what, generator=generator)
            for kind in KINDS[:: 1 if step % 2 else -1]:
                learners[kind].step(frames, boxes, noise)
    last = max(1, steps // 10)
    return {
        kind: {
            "milliseconds": 1000 * statistics.median(one.seconds),
            "missed": statistics.fmean(one.missed[-last:]),
        }
        for kind, one in learners.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=300, help="of training, each (300)")
    parser.add_argument("--json", type=Path, help="write the rows there, too")
    wanted = parser.parse_args()
    rows = compare(wanted.steps)
    print(f"{'glimpses by':14s} {'ms a step':>10s} {'missed':>8s}   after {wanted.steps} steps")
    for kind, row in rows.items():
        print(f"{kind:14s} {row['milliseconds']:10.1f} {row['missed']:8.2f}")
    ratio = rows["convolutions"]["milliseconds"] / rows["dense"]["milliseconds"]
    print(f"dense layers are {ratio:.1f} times as fast")
    if wanted.json:
        about = {"hardware": describe_hardware(), "commit": code_version(Path(__file__).parent)}
        write_json(wanted.json, about | {"steps": wanted.steps, "rows": rows})


if __name__ == "__main__":
    main()
