"""How fast a SCALOR follows what moves in a video, beside the original code.

    git clone https://github.com/JindongJiang/SCALOR /somewhere/SCALOR
    python benchmarks/scalor_follow.py --official /somewhere/SCALOR [--json FILE]

A video of 128 x 128 pixels goes through each model ten frames at a time, without gradients. Who is
there is given from outside, as in ``scalor_step.py``: so many cells propose somebody in the first
frame. Ours go on from piece to piece and end with boxes and identities, as ``seeing track`` has
them; the original, which cannot go on, has each piece by itself and ends with what its forward pass
returns. Every measurement is a process of its own; they take turns. Without --official, ours are
measured alone.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scalor_step import CELLS, PX, Given, ask, configuration, official_model, take_turns

from lib.environment import code_version, describe_hardware
from lib.evaluation import following
from lib.files import write_json
from lib.models.scalor import Scalor

AT_ONCE = 10  # frames
WHO = ("ours", "ours_second", "official")


def film(frames: int) -> np.ndarray:
    """Pictures of noise, [frames, 128, 128, 3] of bytes."""
    return np.random.default_rng(0).integers(0, 256, (frames, PX, PX, 3), dtype=np.uint8)


def ours(who: str, cells: int, frames: int) -> Callable[[], int]:
    """Follow the film; returns how many are followed in the end."""
    config = configuration(who)
    model, pictures = Scalor(config).eval(), film(frames)
    behind = pictures[0] if config.background == "remembered" else None

    def run() -> int:
        given = Given(cells)
        following.Silent = lambda: given  # type: ignore[assignment,misc]
        pieces = following.follow_video(model, iter(pictures), behind=behind, at_once=AT_ONCE)
        return len(list(pieces)[-1].found[-1].presence)

    return run


def official(folder: Path, cells: int, frames: int) -> Callable[[], int]:
    """The original's forward pass over every piece of the film."""
    model, given = official_model(folder, "cpu")
    model.eval()

    def pieces() -> Iterator[torch.Tensor]:
        pictures = film(frames)
        for start in range(0, frames, AT_ONCE):
            piece = torch.from_numpy(pictures[start : start + AT_ONCE]).float() / 255
            yield piece.permute(0, 3, 1, 2)[None]

    @torch.no_grad()
    def run() -> int:
        objects = 0
        for piece in pieces():
            given[0] = Given(cells)
            objects = int(model(piece)[8].float().mean())
        return objects

    return run


def measure(given: argparse.Namespace) -> None:
    """One process's part: print frames a second and objects as JSON."""
    torch.manual_seed(0)
    cells = CELLS[given.case]
    if given.child == "official":
        run = official(given.official, cells, given.frames)
    else:
        run = ours(given.child, cells, given.frames)
    objects = run()  # also a warm-up
    started = time.perf_counter()
    run()
    rate = given.frames / (time.perf_counter() - started)
    print(json.dumps({"frames_per_s": rate, "objects": objects}))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--official", type=Path, help="folder of the original code")
    parser.add_argument("--frames", type=int, default=50, help="of the film (default 50)")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each (default 3)")
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
        options = ["--case", case, "--frames", str(given.frames)]
        middle = take_turns(
            who, given.rounds,
            lambda name, options=options: ask(
                __file__, "--child", name, *options, official=given.official
            ),
        )  # fmt: skip
        for name, one in middle.items():
            rate = one["frames_per_s"]
            print(f"{case:11} {name:12} {rate:6.1f} frames/s, {one['objects']:.0f} objects")
            slug = f"scalor_follow_{case.replace(' ', '_')}"
            rows.append({"id": f"speed.{slug}.{name}.frames_per_s", "value": rate, **common})
    if given.json:
        write_json(given.json, rows)


if __name__ == "__main__":
    main()
