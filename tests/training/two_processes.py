"""Trains as one of several processes, started by torchrun: ``two_processes.py <folder>``."""

import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lib.files import write_json
from lib.training.device import make_fabric
from lib.training.loop import Losses, NonFiniteLossError, fit
from lib.training.sampling import EpochBatches

GLOBAL_BATCH = 8


def train(folder, steps, *, rank_that_blows_up=None):
    """Train a small network without batch norm or dropout; return (fabric, model, history)."""
    fabric = make_fabric("cpu")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 2))
    inputs = torch.randn(40, 5, generator=torch.Generator().manual_seed(1))
    targets = torch.stack([inputs.sum(1).sin(), inputs.prod(1)], dim=1)

    def load(indices):
        chosen = torch.from_numpy(indices)
        return inputs[chosen], targets[chosen]

    def step(model, batch, t):
        loss = F.mse_loss(model(batch[0]), batch[1])
        blown = t == 4 and fabric.global_rank == rank_that_blows_up
        return Losses(loss, {"mse": loss * math.nan if blown else loss})

    result = fit(
        model,
        step,
        EpochBatches(
            40, GLOBAL_BATCH, 3, load=load, rank=fabric.global_rank, world_size=fabric.world_size
        ),
        torch.optim.AdamW(model.parameters(), lr=0.01),
        fabric=fabric,
        steps=steps,
        run_dir=folder,
        clip_norm=1.0,
        log_every=1,
        checkpoint_every=3,
        progress=False,
    )
    return fabric, model, result


def main(folder):
    train(folder / "run", 7)
    fabric, model, result = train(folder / "run", 12)  # resumes
    weights = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
    about = {
        "weights": weights.tolist(),
        "loss": result.history["loss"],
        "resumed_from": result.resumed_from,
        "world_size": fabric.world_size,
    }
    try:
        train(folder / "blown", 12, rank_that_blows_up=1)
    except NonFiniteLossError as error:
        about |= {"error": str(error), "parts": sorted(error.parts)}
    write_json(folder / f"rank{fabric.global_rank}.json", about)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
