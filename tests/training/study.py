"""A tiny study for the tests: a small network with dropout and batch norm, and made-up images."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.training.device import make_fabric
from lib.training.loop import FitResult, Losses, fit


def build(seed: int = 0, dropout: float = 0.3) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Flatten(),
        nn.Linear(4 * 6 * 6, 3),
    )


def batches(step: int) -> tuple[Tensor, Tensor]:
    """Two fixed batches of eight images, in turn; labels are random, so they must be learnt."""
    generator = torch.Generator().manual_seed(step % 2)
    images = torch.rand(8, 1, 6, 6, generator=generator)
    return images, torch.randint(0, 3, (8,), generator=generator)


def classify(model: nn.Module, batch: tuple[Tensor, Tensor], t: int) -> Losses:
    images, labels = batch
    logits = model(images)
    cross_entropy = F.cross_entropy(logits, labels)
    size = 1e-4 * logits.square().mean()
    return Losses(cross_entropy + size, {"cross_entropy": cross_entropy, "size": size})


@dataclass
class Study:
    """A model with its optimiser and schedule, to be trained in pieces or in one go."""

    run_dir: Path
    dropout: float = 0.3
    model: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        self.model = build(dropout=self.dropout)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=0.02)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimiser, 40)

    def fit(self, steps: int, step: Any = classify, **options: Any) -> FitResult:
        options = {"log_every": 3, "checkpoint_every": 5, "progress": False, **options}
        return fit(
            self.model,
            step,
            options.pop("batches", batches),
            self.optimiser,
            fabric=options.pop("fabric", None) or make_fabric("cpu"),
            steps=steps,
            run_dir=self.run_dir,
            schedule=self.schedule,
            **options,
        )
