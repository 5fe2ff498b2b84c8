"""The training loop: plain enough to read, safe enough to leave alone overnight.

Fabric owns the device, the precision and the processes; a study supplies `step`, which turns a
batch into losses, and `batches`, which turns the number of a step into a batch.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import torch
from lightning_fabric import Fabric, is_wrapped
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lib.progress import tqdm
from lib.training.finite import NonFiniteLossError, not_finite
from lib.training.interrupt import DeferredInterrupt
from lib.training.logs import Log, Row
from lib.training.state import History, Stateful, TrainingState, append_row

__all__ = ["Batches", "FitResult", "Losses", "NonFiniteLossError", "Step", "fit"]

Batch = Any
Batches = Callable[[int], Batch]  # a pure function of the step: resuming needs no loader's state
OnLog = Callable[[int, Row], Row | None]

_OWN_COLUMNS = frozenset({"step", "loss", "grad_norm", "lr", "skipped", "interrupted"})


@dataclass(frozen=True)
class Losses:
    """What a step returns: `total` is back-propagated, `parts` are logged. All are scalars.

    All of them are watched: training stops when any is infinite or NaN. So a part need not be a
    term of `total`, but it has to be finite while all is well.
    """

    total: Tensor
    parts: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in {"total": self.total, **self.parts}.items():
            if value.numel() != 1:
                raise ValueError(
                    f"{name}: got shape {tuple(value.shape)}, wanted a scalar. Take its mean or sum"
                )
        if taken := _OWN_COLUMNS.intersection(self.parts):
            raise ValueError(f"parts: {', '.join(sorted(taken))} is a column of the loop's own")


Step = Callable[[nn.Module, Batch, int], Losses]


@dataclass(frozen=True)
class FitResult:
    """`step` finished steps; `history` columns, one row per logged step; `resumed_from` a step."""

    step: int
    history: History
    seconds: float  # of training, added up over resumptions
    resumed_from: int | None


def fit(
    model: nn.Module,
    step: Step,
    batches: Batches,
    optimiser: Optimizer,
    *,
    fabric: Fabric,
    steps: int,
    run_dir: Path,
    clip_norm: float | None = None,
    schedule: LRScheduler | None = None,
    stateful: Mapping[str, Stateful] | None = None,
    generators: Mapping[str, torch.Generator] | None = None,
    config: Mapping[str, Any] | None = None,
    log_every: int = 10,
    checkpoint_every: int = 1000,
    loggers: Sequence[Log] = (),
    on_log: OnLog | None = None,
    nonfinite: Literal["stop", "skip"] = "stop",
    progress: bool = True,
    description: str = "",
) -> FitResult:
    """Train `model` for `steps` steps in all, going on from the newest checkpoint in `run_dir`.

    ``step(model, batches(t), t)`` is called for t = 0, 1, …; rows and checkpoints count finished
    steps, so the first row is step 1. Rows hold the values of their own step (averaged over
    processes): `loss`, the parts, `grad_norm` before clipping to `clip_norm`, `lr`, and what
    `on_log` returns, if anything.

    `stateful` and `generators` are saved along with model, optimiser and `schedule` (which steps
    once a step); `config`, JSON-like, must be the one the folder was begun with. A resumed run
    ends with the same bits as one that was never interrupted, on the CPU.

    Raises `NonFiniteLossError` before a loss or gradient that is not finite reaches the weights;
    ``nonfinite="skip"`` leaves that step's update out instead and counts it in column `skipped`.
    With precision ``16-mixed``, a gradient alone that overflows is always skipped, never an error.
    Ctrl-C ends the step, saves a checkpoint, then raises `KeyboardInterrupt`.
    """
    _check(steps, log_every, checkpoint_every, clip_norm, nonfinite)
    if not is_wrapped(model):
        model, optimiser = fabric.setup(model, optimiser)
    model.train()
    run = TrainingState(
        fabric=fabric,
        model=model,
        optimiser=optimiser,
        schedule=schedule,
        stateful=stateful or {},
        generators=generators or {},
        config=config or {},
        guarded=nonfinite == "stop",
    )
    resumed_from = run.resume(run_dir, steps)
    with _closing(loggers), DeferredInterrupt() as interrupt, _bar(run, steps, progress) as bar:
        bar.set_description(description or None)
        for t in range(run.step, steps):
            losses = step(model, fabric.to_device(batches(t)), t)
            optimiser.zero_grad()
            fabric.backward(losses.total)
            grad_norm = fabric.clip_gradients(
                model, optimiser, max_norm=clip_norm or math.inf, error_if_nonfinite=False
            )
            row = _to_host(fabric, losses, grad_norm, interrupt.requested)
            interrupted = row.pop("interrupted") > 0
            _update(run, row)
            bar.update()
            if run.step == 1 or run.step % log_every == 0 or run.step == steps:
                _record(run, row, loggers, on_log)
                bar.set_postfix(loss=f"{row['loss']:.4g}", refresh=False)
            if run.step % checkpoint_every == 0 or run.step == steps or interrupted:
                run.save(run_dir)
            if interrupted:
                raise KeyboardInterrupt
    if interrupt.requested:  # during the last step: all is saved, but stopping was asked for
        raise KeyboardInterrupt
    return FitResult(run.step, run.history, run.seconds, resumed_from)


def _to_host(
    fabric: Fabric, losses: Losses, grad_norm: Tensor | None, interrupted: bool
) -> dict[str, float | int]:
    """All values of a step, averaged over processes, in a single transfer.

    Each step needs one word from the device before its update (is everything finite?), and a
    dozen numbers in one copy cost no more than that word. The average tells every process alike
    of a NaN or a Ctrl-C in any of them, so that all stop at the same step.
    """
    assert grad_norm is not None
    named = {"loss": losses.total, **losses.parts, "grad_norm": grad_norm}
    dtype = torch.float32 if fabric.device.type == "mps" else torch.float64
    flag = torch.tensor(float(interrupted), dtype=dtype)
    values = torch.stack(
        [
            value.detach().reshape(()).to(fabric.device, dtype, non_blocking=True)
            for value in (*named.values(), flag)
        ]
    )
    if fabric.world_size > 1:
        values = cast(Tensor, fabric.all_reduce(values, reduce_op="mean"))
    return dict(zip((*named, "interrupted"), values.tolist(), strict=True))


def _update(run: TrainingState, row: dict[str, float | int]) -> None:
    """Move the weights one step, unless something in `row` is not finite: then stop, or skip."""
    row["lr"] = run.optimiser.param_groups[0]["lr"]
    blown = not_finite(row)
    scaler = getattr(run.fabric.strategy.precision, "scaler", None)
    # With fp16, gradients overflow as a matter of course: then the scaler only scales less.
    if run.guarded and blown and not (scaler and blown.keys() == {"grad_norm"}):
        raise NonFiniteLossError(run.step, blown, run.checkpoint)
    with warnings.catch_warnings():
        if not blown:
            run.optimiser.step()
        else:
            run.skipped += 1
            if scaler:
                scaler.update()
            # PyTorch takes a schedule's step without an update before it for a mistake.
            warnings.filterwarnings("ignore", r"Detected call of `lr_scheduler.step\(\)`")
        if run.schedule:
            run.schedule.step()
    run.step += 1
    if scaler or not run.guarded:
        row["skipped"] = run.skipped


def _record(
    run: TrainingState, row: dict[str, float | int], loggers: Sequence[Log], on_log: OnLog | None
) -> None:
    more = on_log(run.step, row) if on_log else None
    row = {**row, **(more or {})}
    append_row(run.history, {"step": run.step, **row})
    if run.fabric.is_global_zero:
        for logger in loggers:
            logger.log(run.step, row)


def _bar(run: TrainingState, steps: int, progress: bool) -> Any:
    hidden = not (progress and run.fabric.is_global_zero)
    return tqdm(total=steps, initial=run.step, disable=hidden, leave=False)


@contextmanager
def _closing(loggers: Sequence[Log]) -> Iterator[None]:
    with ExitStack() as stack:
        for logger in loggers:
            stack.callback(logger.close)
        yield


def _check(
    steps: int, log_every: int, checkpoint_every: int, clip_norm: float | None, nonfinite: str
) -> None:
    counts = {"steps": steps, "log_every": log_every, "checkpoint_every": checkpoint_every}
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name}: got {value}, wanted 1 or more")
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"clip_norm: got {clip_norm}, wanted more than 0, or None for no clipping")
    if nonfinite not in ("stop", "skip"):
        raise ValueError(f'nonfinite: got {nonfinite!r}, wanted "stop" or "skip"')
