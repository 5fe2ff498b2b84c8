"""Training SCALOR on clips: a cached run that resumes bit for bit."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from lib.data.mot.clips import Clips
from lib.data.pretrained import read_lpips_weights
from lib.files import digest
from lib.models.scalor import Drawn, Scalor
from lib.training.cache import RunFolder, cached_run, plain
from lib.training.checkpoint import load_weights
from lib.training.device import make_fabric, pick_device, pick_precision, seed_everything
from lib.training.logs import CsvLog, TensorBoardLog
from lib.training.loop import Losses, fit
from lib.training.scalor_clips import ClipBatches, ClipPixels
from lib.training.scalor_config import Length, ScalorTraining
from lib.training.scalor_terms import Adversarial, Adversary, Perceptual, PerceptualTerm

__all__ = [
    "Adversarial",
    "Length",
    "Perceptual",
    "ScalorTraining",
    "TrainedScalor",
    "new_scalor",
    "train_scalor",
]


@dataclass(frozen=True)
class TrainedScalor:
    """A finished run, its model in evaluation mode on the CPU.

    `history` has columns `step`, `loss`, its terms in nats a frame (`likelihood`, `what`, `where`,
    `depth`, `presence`, `background`), `objects` a clip of those followed at its end, `grad_norm`,
    `lr`; where objects are taught to draw, `glimpses`, weighted, and where undecided masks cost
    something, `undecided`; with the study's terms also
    `perceptual`, `adversarial` and `discriminator`, the latter two as they were when last computed.
    """

    config: ScalorTraining
    model: Scalor
    run: RunFolder
    history: pd.DataFrame
    seconds: float


class ScalorStep:
    """One step: the bound of a batch with noise from `generator`, and the study's terms."""

    def __init__(
        self,
        config: ScalorTraining,
        generator: torch.Generator,
        perceptual: PerceptualTerm | None = None,
        adversary: Adversary | None = None,
    ) -> None:
        self.config, self.noise = config, Drawn(generator)
        self.perceptual, self.adversary = perceptual, adversary

    def __call__(self, model: nn.Module, batch: ClipPixels, step: int) -> Losses:
        pixels = batch.clips.float() / 255
        behind = None if batch.behind is None else batch.behind.float() / 255
        annealed = self.config.annealing.at(step + 1)
        result = model(pixels, annealed, self.noise, behind=behind)
        followed = torch.tensor(len(result.state.objects.clip) / len(pixels))
        parts = {**result.terms, "objects": followed}
        spared = 1 - annealed.kl_weight
        total = result.loss - spared * sum(parts[name] for name in ("what", "where", "depth"))
        if result.glimpses is not None:
            parts["glimpses"] = annealed.glimpse_weight * result.glimpses.mean()
            total = total + parts["glimpses"]
        if self.config.undecided:
            alpha = result.alpha
            parts["undecided"] = self.config.undecided * (
                4 * (alpha * (1 - alpha)).sum((2, 3, 4)).mean()
            )
            total = total + parts["undecided"]
        if self.perceptual:
            term = self.perceptual(result.reconstruction, pixels, self.noise.generator)
            total, parts["perceptual"] = total + term, term
        if self.adversary:
            total = total + self.adversary(result.reconstruction, pixels, step)
            parts |= {name: torch.tensor(value) for name, value in self.adversary.last.items()}
        return Losses(total, parts)


def new_scalor(config: ScalorTraining, seed: int = 0) -> Scalor:
    """The model that training with `seed` starts from."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Scalor(config.model)
    return model.multiply_in(getattr(torch, config.products))


def train_scalor(
    config: ScalorTraining,
    clips: Clips,
    data_digest: str,
    *,
    preset: str,
    root: Path,
    start: Scalor | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
    force: bool = False,
) -> TrainedScalor:
    """Train `config` on `clips`, or load the run if it was done before.

    `data_digest` stands for the footage in the run's key; `preset` only names the run. With `start`
    its weights are trained on, which stays as it is; else those that `seed` draws.

    Raises:
        ValueError: clips that are too short, frames of another size than the model's, or a `start`
            of another configuration.
        NonFiniteLossError: the loss blew up.
    """
    device = pick_device(device)
    if config.products == "auto":  # settled here, so that the run's key and record name it
        native = pick_precision(device) == "bf16-mixed"
        config = replace(config, products="bfloat16" if native else "float32")
    size = config.model.image_px
    if clips.config.size_px != size:
        raise ValueError(
            f"clips have frames of {clips.config.size_px} pixels, the model takes {size}: give "
            f"ClipConfig(size_px={size})"
        )
    if start is not None and start.config != config.model:
        raise ValueError(
            f"start has the configuration {start.config}, but {config.model} is to be trained: "
            "give config.model=start.config"
        )
    key: dict[str, Any] = {"training": config, "clips": clips.config, "seed": seed}
    key |= {"device": device} | ({"start": _weights_digest(start)} if start else {})
    run = cached_run(
        root / "runs",
        "scalor",
        f"{config.name}-{preset}",
        key,
        digest([data_digest, *(one.name for one in clips.sequences)]),
        lambda folder: _train(
            config, clips, folder, start=start, seed=seed, device=device, progress=progress
        ),
        code=[__name__],
        force=force,
    )
    model = new_scalor(config, seed)
    load_weights(model, run.path)
    return TrainedScalor(
        config=config,
        model=model.eval(),
        run=run,
        history=pd.read_csv(run.log_csv),
        seconds=run.seconds,
    )


def _train(
    config: ScalorTraining,
    clips: Clips,
    run: RunFolder,
    *,
    start: Scalor | None,
    seed: int,
    device: str,
    progress: bool,
) -> Mapping[str, Any]:
    fabric = make_fabric(device)
    seed_everything(seed)  # a discriminator's dropout draws from the global generator
    generator = torch.Generator().manual_seed(seed)
    model = new_scalor(config, seed)
    if start is not None:
        model.load_state_dict(start.state_dict())
    perceptual = adversary = None
    if config.perceptual:
        perceptual = PerceptualTerm(config.perceptual, read_lpips_weights("vgg"))
    if config.adversarial:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            adversary = Adversary(config.adversarial, config.model.image_px, device=fabric.device)
    optimiser = _optimiser(config, model)
    result = fit(
        model,
        ScalorStep(config, generator, perceptual, adversary),
        ClipBatches(config, clips, seed=seed),
        optimiser,
        fabric=fabric,
        steps=config.steps,
        run_dir=run.path,
        clip_norm=config.clip_norm,
        schedule=LambdaLR(optimiser, lambda step: config.rate_at(step)),  # a method is pickled
        stateful={"adversary": adversary} if adversary else None,
        generators={"noise": generator},
        config=plain(config),
        log_every=config.log_every,
        checkpoint_every=config.checkpoint_every,
        loggers=[CsvLog(run.log_csv), TensorBoardLog(run.tensorboard)],
        progress=progress,
        description=config.name,
    )
    last = {name: float(values[-1]) for name, values in result.history.items()}
    return last | {"seconds": result.seconds}


def _weights_digest(model: Scalor) -> str:
    weights = model.state_dict().items()
    return digest(part for name, of in weights for part in (name, of.numpy(force=True).tobytes()))


def _optimiser(config: ScalorTraining, model: Scalor) -> torch.optim.Optimizer:
    behind = set(model.background.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [one for one in model.parameters() if one not in behind]},
        {
            "params": list(model.background.parameters()),
            "lr": config.learning_rate * config.background_rate,
        },
    ]
    kind = torch.optim.Adam if config.optimiser == "adam" else torch.optim.RMSprop
    return kind(groups, lr=config.learning_rate)
