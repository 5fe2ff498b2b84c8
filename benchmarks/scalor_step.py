"""Speed and memory of a SCALOR training step beside the original code: same sizes, same objects.

    git clone https://github.com/JindongJiang/SCALOR /somewhere/SCALOR
    python benchmarks/scalor_step.py --official /somewhere/SCALOR [--batch 2] [--json FILE]

Original and ours have 5,000,002 parameters. They make a whole step (forward, backward, clipping,
RMSprop) on the same clips of 128 x 128 pixels in float32. Presence is given from outside, so that
all follow the same number of objects from the first frame on. Ours is measured as it is trained,
where proposals that are all but absent are not read; reading all of them, as the original does; and
as SCALOR-2 is trained at `full`, with glimpses of 16 pixels and a background that is given. Every
measurement is a process of its own; they take turns. Peak memory is the process's largest resident
set, its imports included. Without --official, ours are measured alone.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lib.book.scalor import find, training
from lib.environment import code_version, describe_hardware
from lib.files import write_json
from lib.models.scalor import Annealing, Scalor, ScalorConfig
from lib.training.memory import keep_freed_memory

FRAMES, PX = 10, 128
CELLS = {"cap": 64, "15 objects": 15}  # proposing in the first frame; 45 are followed at most
FAINT = 1e-3  # presence below which ours does not read proposals, as the chapter trains at `full`
WHO = ("ours", "ours_all_read", "ours_second", "official")
SURE = 20.0  # logit
NOBODY = -8.0  # before tanh: models expect a presence of 1e-4 everywhere, as trained ones come to
LEARNING_RATE, CLIP_NORM = 4e-5, 1.0


class Given:
    """Noise that decides who is there: chosen cells in the first frame, nobody new later."""

    def __init__(self, cells: int) -> None:
        self.cells, self.frame = cells, 0

    def normal(self, name: str, like: torch.Tensor) -> torch.Tensor:
        return torch.randn_like(like)

    def logistic(self, name: str, like: torch.Tensor) -> torch.Tensor:
        """What makes of the logits `like` those that are wanted, with the gradient they have."""
        if name != "presence":
            return torch.full_like(like, SURE)
        wanted = chosen_cells(like, self.cells if self.frame == 0 else 0)
        self.frame += 1
        return wanted - like.detach()


def chosen_cells(like: torch.Tensor, cells: int) -> torch.Tensor:
    """Logits for [b, 1, 8, 8]: `cells` of them there, spread over the frame; the others not.

    No two are equal: of equals at the cap the original would drop all.
    """
    order = torch.arange(64) * 37 % 64  # a permutation, since 37 is odd
    wanted = torch.where(order < cells, 3 + order / 64, -SURE)
    return wanted.view(1, 1, 8, 8).expand_as(like)


def configuration(who: str) -> ScalorConfig:
    """Of one of ours."""
    if who == "ours_second":
        second = training(find("second_hard"), "full").model
        return replace(second, discovery_presence_bias=NOBODY)
    faint = 0.0 if who == "ours_all_read" else FAINT
    return ScalorConfig(faintest_read=faint, discovery_presence_bias=NOBODY)


def ours(who: str, batch: int, cells: int, device: str) -> Callable[[], int]:
    """A step of this library, as its training makes it; returns objects followed a clip."""
    keep_freed_memory()
    config = configuration(who)
    model = Scalor(config).to(device).train()
    optimiser = torch.optim.RMSprop(model.parameters(), LEARNING_RATE)
    clips, annealed = frames(batch, device), Annealing().at(1)
    behind = clips[:, 0].flip(0) if config.background == "remembered" else None

    def step() -> int:
        result = model(clips, annealed, Given(cells), behind=behind)
        finish(result.loss, model, optimiser)
        return len(result.state.objects.clip) // batch

    return step


def official_model(folder: Path, device: str) -> tuple[torch.nn.Module, list[Given]]:
    """The original code's model, and a list of one: the noise that decides who is there."""
    sys.path.insert(0, str(folder))
    sys.argv = ["train.py"] + ([] if device == "cuda" else ["--nocuda"])
    import discovery  # type: ignore[import-not-found]
    import parse  # type: ignore[import-not-found]
    import propagation  # type: ignore[import-not-found]
    import scalor  # type: ignore[import-not-found]

    settings = parse.parse(argparse.ArgumentParser())
    settings.phase_parallel = settings.log_phase = False
    settings.tau, settings.global_step = 1.0, 1
    settings.color_t = torch.rand(700, 3)
    model = scalor.SCALOR(settings).to(device).train()
    for part in model.modules():
        if type(part).__module__ == "discovery" and hasattr(part, "z_pres_bias"):
            part.z_pres_bias = NOBODY
    given = [Given(0)]

    def sample(self: Any, shape: Any = None) -> torch.Tensor:
        name = "presence" if self.logits.dim() == 4 else "tracked presence"
        return (self.logits + given[0].logistic(name, self.logits)) / self.temperature

    for module in (discovery, propagation):
        module.NumericalRelaxedBernoulli.rsample = sample
    return model, given


def official(folder: Path, batch: int, cells: int, device: str) -> Callable[[], int]:
    """A step of the original code, by its own training script's order."""
    model, given = official_model(folder, device)
    optimiser = torch.optim.RMSprop(model.parameters(), LEARNING_RATE)
    clips = frames(batch, device)

    def step() -> int:
        given[0] = Given(cells)
        result = model(clips)
        loss = -(result[1].mean() - sum(kl.mean() for kl in result[2:7]))
        finish(loss, model, optimiser)
        return int(result[8].float().mean())

    return step


def frames(batch: int, device: str) -> torch.Tensor:
    drawn = torch.rand(batch, FRAMES, 3, PX, PX, generator=torch.Generator().manual_seed(0))
    return drawn.to(device)


def finish(loss: torch.Tensor, model: torch.nn.Module, optimiser: torch.optim.Optimizer) -> None:
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
    optimiser.step()
    if next(model.parameters()).is_cuda:
        torch.cuda.synchronize()


def measure(given: argparse.Namespace) -> None:
    """One process's part: print seconds a step, peak memory and objects as JSON."""
    torch.manual_seed(0)
    cells, device = CELLS[given.case], given.device
    if given.child == "official":
        step = official(given.official, given.batch, cells, device)
    else:
        step = ours(given.child, given.batch, cells, device)
    objects = step()  # also a warm-up
    times = []
    for _ in range(given.steps):
        started = time.perf_counter()
        step()
        times.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if device == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**20
    found = {"seconds": statistics.median(times), "peak_mib": peak, "objects": objects}
    print(json.dumps(found))


def ask(script: str, *options: str, official: Path | None) -> dict[str, float]:
    """What `script` measures in a process of its own."""
    command = [sys.executable, script, *options]
    command += ["--official", str(official)] if official else []
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def take_turns(
    who: Sequence[str], rounds: int, measured: Callable[[str], dict[str, float]]
) -> dict[str, dict[str, float]]:
    """Medians of what is `measured` of each, `rounds` times, one after the other."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in who}
    for _ in range(rounds):
        for name in who:
            found[name].append(measured(name))
    return {
        name: {key: statistics.median(one[key] for one in runs) for key in runs[0]}
        for name, runs in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--official", type=Path, help="folder of the original code")
    parser.add_argument("--batch", type=int, default=2, help="clips a step (default 2)")
    parser.add_argument("--steps", type=int, default=3, help="timed steps a process (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each (default 3)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--child", choices=WHO, help=argparse.SUPPRESS)
    parser.add_argument("--case", choices=tuple(CELLS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        measure(given)
        return
    rows: list[dict[str, Any]] = []
    common = {"hardware": describe_hardware(), "commit": code_version(Path.cwd())}
    for case in CELLS:
        who = WHO if given.official else WHO[:-1]
        options = ["--case", case, "--batch", str(given.batch), "--steps", str(given.steps)]
        options += ["--device", given.device]
        middle = take_turns(
            who, given.rounds,
            lambda name, options=options: ask(
                __file__, "--child", name, *options, official=given.official
            ),
        )  # fmt: skip
        for name, one in middle.items():
            print(
                f"{case:11} {name:13} {one['seconds']:6.2f} s a step, {one['peak_mib']:7.0f} MiB, "
                f"{one['objects']:.0f} objects a clip"
            )
        slug = f"scalor_step_{case.replace(' ', '_')}"
        for name, one in middle.items():
            rows += [
                {"id": f"speed.{slug}.{name}.{key}", "value": one[key], **common}
                for key in ("seconds", "peak_mib")
            ]
        for name in WHO[:-1] if given.official else ():
            for key, id in (("seconds", "ratio"), ("peak_mib", "memory_ratio")):
                ratio = middle["official"][key] / middle[name][key]
                print(f"{case:11} original over {name}, {key}: {ratio:.2f}")
                end = name.removeprefix("ours")
                rows.append({"id": f"speed.{slug}{end}.{id}", "value": ratio, **common})
    if given.json:
        write_json(given.json, rows)


if __name__ == "__main__":
    main()
