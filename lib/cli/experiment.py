"""``seeing run scalor --experiment NAME``: one training of that chapter, judged by itself."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table

from lib.cli.common import console, shown

if TYPE_CHECKING:
    from lib.book.scalor import Experiment
    from lib.evaluation.intervals import Estimate
    from lib.evaluation.scalor import Judged
    from lib.training.scalor import TrainedScalor

STUDY = "scalor"
ADAPT = "adapt"  # as in lib.book.scalor, which takes longer to import
PARTS = {"heldout": "held out", "train": "training"}
SCORES_FILE = "scores.json"
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
    options = {
        "data_dir": given.get("data_dir"),
        "seed": given.get("seed", 0),
        "device": given.get("device", "auto"),
        "force": force,
    }
    carried = _adapt if name == ADAPT else _train
    trained, columns = carried(name, given["preset"], options)
    out = console()
    out.print(f"  run       {shown(trained.run.path)}")
    if columns:
        out.print(f"  scores    {shown(trained.run.path / SCORES_FILE)}")
    tracker = shown(trained.run.path / f"{name}.safetensors")
    out.print(f"  model     {tracker}: follow things in your video with `seeing track --model`")


def _train(
    name: str, preset: str, options: dict[str, Any]
) -> tuple["TrainedScalor", dict[str, "Judged"]]:
    from lib.book.results import project_root
    from lib.book.scalor import SPLIT_WORDS, carry_out, keep_tracker

    root = project_root()
    outcome = carry_out(name, preset, root=root, **options)
    columns = {SPLIT_WORDS[split]: judged for split, judged in outcome.judged.items()}
    _tell(outcome.experiment, outcome.trained, columns)
    _keep(outcome.trained, outcome.judged)
    path = outcome.trained.run.path / f"{name}.safetensors"
    keep_tracker(outcome, path, preset=preset, root=root)
    return outcome.trained, columns


def _adapt(
    name: str, preset: str, options: dict[str, Any]
) -> tuple["TrainedScalor", dict[str, "Judged"]]:
    from lib.book.results import project_root
    from lib.book.scalor import ADAPT as EXPERIMENT
    from lib.book.scalor import START, adapt, save_adapted

    if options["data_dir"] is None:
        raise ValueError(
            f"--experiment {name} trains the recorded model of {START} further on your own videos: "
            f"say where they are, `seeing run {STUDY} --experiment {name} --data-dir street.mp4`"
        )
    root = project_root()
    adapted = adapt(preset, root=root, **options)
    columns = {
        f"{PARTS[split]}, {when}": of[split]
        for split in adapted.after
        for when, of in (("before", adapted.before), ("after", adapted.after))
    }
    _tell(EXPERIMENT, adapted.trained, columns)
    whens = {"before": adapted.before, "after": adapted.after}
    _keep(
        adapted.trained,
        {f"{split}_{when}": one for when, of in whens.items() for split, one in of.items()},
    )
    path = adapted.trained.run.path / f"{name}.safetensors"
    save_adapted(adapted, path, preset=preset, root=root)
    return adapted.trained, columns


def _tell(one: "Experiment", trained: "TrainedScalor", columns: dict[str, "Judged"]) -> None:
    """What was trained, and a column of scores for each of `columns`."""
    out = console()
    out.print(
        f"[green]{one.name}[/green] ({one.title}): {trained.config.steps} steps "
        f"in {trained.seconds:.0f} s"
    )
    if not columns:
        out.print("  nothing to judge by: the footage has no annotations")
        return
    table = Table("", *columns)
    for metric, (words, decimals) in SCORES.items():
        cells = [_cell(judged.scores.get(metric), decimals) for judged in columns.values()]
        table.add_row(words, *cells)
    table.add_row("judged on", *(f"{len(judged.clips)} clips" for judged in columns.values()))
    out.print(table)
    out.print("  in brackets: 95 % intervals over videos")


def _cell(estimate: "Estimate | None", decimals: int) -> str:
    if estimate is None:
        return "-"
    text = f"{estimate.value:.{decimals}f}"
    if estimate.low is not None and estimate.high is not None:
        text += f" ({estimate.low:.{decimals}f} to {estimate.high:.{decimals}f})"
    return text


def _keep(trained: "TrainedScalor", judged: "Mapping[Any, Judged]") -> None:
    """Scores of every split, beside the run; what could not be computed is null."""
    from lib.files import write_json

    kept = {
        split: {name: _known(estimate) for name, estimate in one.scores.items()}
        for split, one in judged.items()
    }
    write_json(trained.run.path / SCORES_FILE, kept)


def _known(estimate: "Estimate") -> dict[str, Any]:
    from dataclasses import asdict

    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(estimate).items()
    }
