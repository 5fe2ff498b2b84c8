"""``seeing run scalor --experiment NAME``: one training of that chapter, judged by itself."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from lib.cli.common import console, shown

if TYPE_CHECKING:
    from lib.book.scalor import Outcome
    from lib.evaluation.intervals import Estimate

STUDY = "scalor"
NAMES = ("3", "03", STUDY, "scalor-motsynth", "03-scalor-motsynth")
SCORES = {  # name: what the table calls it, decimals
    "mota": ("MOTA", 3),
    "idf1": ("IDF1", 3),
    "hota": ("HOTA", 3),
    "fg_ari": ("FG-ARI", 3),
    "duplicates": ("duplicates an object", 3),
    "id_switches": ("id switches a track", 3),
    "rediscoveries": ("rediscoveries a track", 3),
    "boxes": ("boxes a frame", 1),
    "psnr_db": ("PSNR, dB", 1),
}


def run_experiment(chapter: str, name: str, given: dict[str, Any], *, force: bool) -> None:
    """Train the experiment `name`, or load it, print how it does, and keep scores as JSON.

    Raises `ValueError` for a chapter without experiments, an unknown one, or options that mean
    nothing here.
    """
    from lib.book.results import project_root
    from lib.book.scalor import carry_out, keep_tracker

    if chapter.lower() not in NAMES:
        raise ValueError(
            f"--experiment {name} is of the SCALOR chapter, but {chapter} was asked for: "
            f"write `seeing run {STUDY} --experiment {name}`"
        )
    known = {"preset", "seed", "device", "data_dir"}
    if more := sorted(set(given) - known):
        raise ValueError(
            f"--parameter {more[0]} is of the whole chapter; with --experiment give "
            "--preset, --seed, --device and --data-dir"
        )
    root = project_root()
    outcome = carry_out(
        name,
        given["preset"],
        root=root,
        data_dir=given.get("data_dir"),
        seed=given.get("seed", 0),
        device=given.get("device", "auto"),
        force=force,
    )
    _tell(outcome)
    kept = _keep(outcome)
    tracker = outcome.trained.run.path / f"{name}.safetensors"
    keep_tracker(outcome, tracker, preset=given["preset"], root=root)
    out = console()
    out.print(f"  run       {shown(outcome.trained.run.path)}")
    out.print(f"  scores    {shown(kept)}")
    out.print(f"  model     {shown(tracker)}: follow things in your video with `seeing track`")


def _tell(outcome: "Outcome") -> None:
    from lib.book.scalor import SPLIT_WORDS

    out, one = console(), outcome.experiment
    out.print(
        f"[green]{one.name}[/green] ({one.title}): {outcome.trained.config.steps} steps "
        f"in {outcome.trained.seconds:.0f} s"
    )
    if not outcome.judged:
        out.print("  nothing to judge by: the footage has no annotations")
        return
    table = Table("", *(SPLIT_WORDS[split] for split in outcome.judged))
    for metric, (words, decimals) in SCORES.items():
        cells = [_cell(judged.scores.get(metric), decimals) for judged in outcome.judged.values()]
        table.add_row(words, *cells)
    clips = [f"{len(judged.clips)} clips" for judged in outcome.judged.values()]
    table.add_row("judged on", *clips)
    out.print(table)
    out.print("  in brackets: 95 % intervals over videos")


def _cell(estimate: "Estimate | None", decimals: int) -> str:
    if estimate is None:
        return "-"
    text = f"{estimate.value:.{decimals}f}"
    if estimate.low is not None and estimate.high is not None:
        text += f" ({estimate.low:.{decimals}f} to {estimate.high:.{decimals}f})"
    return text


def _keep(outcome: "Outcome") -> Path:
    """Scores of every split, beside the run; what could not be computed is null."""
    from lib.files import write_json

    path: Path = outcome.trained.run.path / "scores.json"
    kept = {
        split: {name: _known(estimate) for name, estimate in judged.scores.items()}
        for split, judged in outcome.judged.items()
    }
    write_json(path, kept)
    return path


def _known(estimate: "Estimate") -> dict[str, Any]:
    from dataclasses import asdict

    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(estimate).items()
    }
