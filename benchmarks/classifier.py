"""Training speed of the write-up's network: our step beside the plain autograd way.

    python benchmarks/classifier.py [--steps 12] [--rounds 6] [--json FILE]

Both take uint8 pixels, augment them, go forward and back, add the L1 penalty and move the weights
with Adam, on batches of 32. The plain way is what one writes first: torchvision's transforms image
by image, channels-first memory, ReLU before pooling, the penalty as an expression, Adam as is. It
is timed without augmentation, too, as that alone would decide. Rounds alternate and the best
of each counts: other programs only ever slow one down.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.transforms import v2

from lib.environment import code_version, describe_hardware
from lib.files import write_json
from lib.models.classifier import WRITEUP, Classifier
from lib.training.augmentation import Augmentation, augment
from lib.training.classifier import ClassifierLosses
from lib.training.device import make_fabric

BATCH = 32
ORIGINAL = 475  # images/s of the write-up, counted from its learning curve and its 23 minutes
WITHOUT = Augmentation(flip=0.0, jitter=0.0, erase=0.0)

Step = Callable[[Tensor, Tensor, int], object]


def ours(precision: str, augmentation: Augmentation) -> Step:
    fabric = make_fabric("cpu", precision=precision)
    raw = Classifier(WRITEUP).to(memory_format=torch.channels_last)
    losses = ClassifierLosses(raw.kernels(), 0.025)
    model, optimiser = fabric.setup(
        raw, torch.optim.Adam(raw.parameters(), lr=1e-3, eps=1e-7, fused=True)
    )

    def step(pixels: Tensor, labels: Tensor, t: int) -> None:
        images = augment(pixels, augmentation, seed=0, step=t)
        total = losses(model, (images, labels), t).total
        optimiser.zero_grad()
        fabric.backward(total)
        optimiser.step()

    return step


def plain(augmented: bool) -> Step:
    layers: list[nn.Module] = []
    for before, after in ((3, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(before, after, 3), nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(5120, 256), nn.ReLU(), nn.Linear(256, 4))
    kernels = [p for name, p in model.named_parameters() if name.endswith("weight")][:-1]
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
    jitter = v2.RandomApply([v2.ColorJitter(0.5, 0.5, 0.5, 0.5)], p=0.5)
    transform = v2.Compose([v2.RandomHorizontalFlip(0.5), jitter])

    def augment_one(image: Tensor) -> Tensor:
        image = transform(image)
        if torch.rand(()) < 0.5:
            for _ in range(int(torch.randint(1, 17, ()))):
                row, column = int(torch.randint(0, 47, ())), int(torch.randint(0, 97, ()))
                image[:, row : row + 4, column : column + 4] = 0
        return image

    def step(pixels: Tensor, labels: Tensor, t: int) -> None:
        images = pixels.permute(0, 3, 1, 2).contiguous().float() / 255
        if augmented:
            images = torch.stack([augment_one(image) for image in images])
        l1 = 0.025 * sum(kernel.abs().sum() for kernel in kernels)
        optimiser.zero_grad()
        (F.cross_entropy(model(images), labels) + l1).backward()
        optimiser.step()

    return step


def only_augment(pixels: Tensor, labels: Tensor, t: int) -> None:
    augment(pixels, Augmentation(), seed=0, step=t)


def best_seconds(ways: dict[str, Step], steps: int, rounds: int) -> dict[str, float]:
    """Seconds of the fastest step of each way."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (BATCH, 50, 100, 3), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 4, (BATCH,), generator=generator)
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, step in ways.items():
            times = []
            for t in range(steps):
                started = time.perf_counter()
                step(pixels, labels, t)
                times.append(time.perf_counter() - started)
            # a mean over consecutive steps: a single one may have had few images to jitter
            best[name] = min(best[name], sum(times[2:]) / len(times[2:]))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=12, help="steps a round (default 12)")
    parser.add_argument("--rounds", type=int, default=6, help="rounds (default 6)")
    parser.add_argument("--json", type=Path, help="write the rows here")
    given = parser.parse_args()
    if given.steps < 3 or given.rounds < 1:
        parser.error("--steps must be 3 or more (two warm up), --rounds 1 or more")
    ways: dict[str, Step] = {
        "ours": ours("32-true", Augmentation()),
        "ours_bf16": ours("bf16-mixed", Augmentation()),
        "ours_unaugmented": ours("32-true", WITHOUT),
        "plain": plain(True),
        "plain_unaugmented": plain(False),
        "augmentation": only_augment,
    }
    speeds = {name: BATCH / s for name, s in best_seconds(ways, given.steps, given.rounds).items()}
    for name, speed in speeds.items():
        print(f"{name:18} {speed:8.0f} images/s  {speed / ORIGINAL:6.2f} x the original")
    common = {"hardware": describe_hardware(), "commit": code_version(Path.cwd())}
    rows = [
        {"id": f"speed.classifier.{name}.images_per_second", "value": speed, **common}
        for name, speed in speeds.items()
    ]
    rows.append(
        {"id": "speed.classifier.ratio", "value": speeds["ours"] / speeds["plain"], **common}
    )
    if given.json:
        write_json(given.json, json.loads(json.dumps(rows)))


if __name__ == "__main__":
    main()
