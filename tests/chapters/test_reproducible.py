"""Chapters executed twice with the same seed, from nothing: what they say is the same, to the bit.

Both runs have a project folder of their own, so that nothing is taken from a cache, and train
briefly, on a little generated footage.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from lib.worlds.doom.footage import DoomFootage, make_doom
from lib.worlds.garage.footage import GarageFootage, make_garage
from lib.worlds.garage.loadout import NEW_BODIES, Variant
from lib.worlds.plaza import PlazaFootage, make_plaza
from tests.chapters import ROOT

FOOTAGE = ROOT / "data" / "blocks" / "tiny"
WORLDS = 5
TRAINING_SHARE = 0.03  # of 62 to 1,000 steps
LOADOUTS = 60  # ten pictures each
OWN = {"runs", "build", "_book", "data"}  # everything else of the project is linked to
PROGRAM = """
import json, sys
from pathlib import Path
from lib.book.execute import execute
root, chapter, parameters = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
execute(root, chapters=[chapter], parameters=parameters, progress=False)
"""
NOT_TRACES = {"seconds", "commit", "hardware"}  # of a row: what may differ between two runs
SPEEDS = ("images_per_second", ".speed.")  # rows of a speed may differ as a whole

pytestmark = pytest.mark.slow


def part_of_footage(folder: Path) -> Path:
    """Links to the recordings of a few worlds of each layout: a small data set to train on."""
    if not FOOTAGE.is_dir():
        pytest.fail(f"{FOOTAGE.relative_to(ROOT)} is missing: run `make book`, which makes it")
    recordings = {
        path.parent: int(json.loads((path.parent / "metadata.json").read_text())["world_seed"])
        for path in sorted((FOOTAGE / "minerl").glob("*/*/recording.mp4"))
    }
    for path in sorted((FOOTAGE / "gamefactory").glob("*/*/seed_*")):
        recordings[path] = int(path.name.split("_")[1])
    worlds = sorted(set(recordings.values()))[:WORLDS]
    for path, world in recordings.items():
        if world in worlds:
            link = folder / path.relative_to(FOOTAGE)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    return folder


def a_few_cars(folder: Path) -> Path:
    """A small set of known cars, and one of new ones where a reader would put theirs."""
    cars = GarageFootage(Variant.HARD, loadouts=LOADOUTS, supersample=1)
    make_garage(folder, cars, workers=1, progress=False)
    new = GarageFootage(Variant.HARD, loadouts=8, supersample=1, seed=9, bodies=NEW_BODIES)
    make_garage(folder / "new", new, workers=1, progress=False)
    return folder


def a_short_playthrough(folder: Path) -> Path:
    """Five maps of the Doom world, two of them held out."""
    maps = ("E1M1", "E2M3", "E4M1", "MAP01", "MAP15")
    make_doom(folder, DoomFootage(maps=maps, frames_per_map=70), workers=1, progress=False)
    return folder


def a_short_film(folder: Path) -> Path:
    """One place of the plaza, as somebody's own footage."""
    plaza = PlazaFootage(
        scenes=1, clips=3, frames=40, size_px=96, people=3, supersample=1, backgrounds=("hard",)
    )
    make_plaza(folder, plaza, workers=1, progress=False)
    return folder


@dataclass(frozen=True)
class Study:
    """A chapter, what it is given to train on, and what it must say at least."""

    chapter: str
    footage: Callable[[Path], Path]
    runs: str  # folder of its trainings
    kinds: frozenset[str]
    rows: int
    runs_at_least: int = 3


TEXT = frozenset({"stdout", "text/plain", "text/markdown"})
STUDIES = (
    Study("01-doom-segmentation", a_short_playthrough, "doom", TEXT, 100),
    Study("02-sideswipe-classification", a_few_cars, "sideswipe", TEXT, 100),
    Study("03-scalor-motsynth", a_short_film, "scalor", TEXT, 30, 1),
    Study("04-vqvae-versions", part_of_footage, "vqvae", TEXT, 30),
)


def project(folder: Path) -> Path:
    """The project once more, without runs and pages."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name not in OWN and not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    return folder


def execute_side_by_side(roots: Sequence[Path], chapter: str, data_dir: Path) -> None:
    """Execute the chapter in each project at once; each on one core, so that none waits."""
    parameters = {
        "preset": "tiny",
        "seed": 5,
        "device": "cpu",
        "data_dir": str(data_dir),
        "training_share": TRAINING_SHARE,
    }
    arguments = [f"chapters/{chapter}.ipynb", json.dumps(parameters)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("SEEING_ROOT", None)
    processes = []
    for root in roots:
        with (root / "said.txt").open("w") as said:
            command = [sys.executable, "-c", PROGRAM, str(root), *arguments]
            processes.append(
                subprocess.Popen(
                    command, cwd=root, env=environment, stdout=said, stderr=subprocess.STDOUT
                )
            )
    try:
        codes = [process.wait(timeout=1800) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for root, code in zip(roots, codes, strict=True):
        assert code == 0, (root / "said.txt").read_text()[-4000:]


@dataclass(frozen=True)
class Twice:
    """A study executed in two projects."""

    study: Study
    roots: list[Path]

    def outputs(self, *kinds: str) -> list[list[tuple[str, str, Any]]]:
        """Outputs of these kinds of both runs."""
        return [outputs(root, self.study.chapter, *kinds) for root in self.roots]


@pytest.fixture(scope="module", params=STUDIES, ids=lambda study: study.chapter)
def twice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Twice:
    """The study executed twice."""
    study: Study = request.param
    folder = tmp_path_factory.mktemp("twice")
    data_dir = study.footage(folder / "footage")
    roots = [project(folder / name) for name in ("first", "second")]
    execute_side_by_side(roots, study.chapter, data_dir)
    return Twice(study, roots)


def outputs(root: Path, chapter: str, *kinds: str) -> list[tuple[str, str, Any]]:
    """Outputs of these kinds, each with its cell and kind; what was printed is ``stdout``."""
    found = []
    for cell in nbformat.read(root / "build" / "chapters" / f"{chapter}.ipynb", 4).cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":  # progress bars, with their speeds, go to stderr
                given = {output.name: output.text}
            else:
                given = dict(output.get("data", {}))
                if "application/vnd.jupyter.widget-view+json" in given:
                    continue
            found += [(cell.id, kind, given[kind]) for kind in kinds if kind in given]
    return found


def test_every_text_is_the_same(twice: Twice) -> None:
    first, second = twice.outputs(*TEXT)
    assert {kind for _, kind, _ in first} == twice.study.kinds
    assert len(first) > 10
    assert first == second


def test_every_picture_is_the_same(twice: Twice) -> None:
    first, second = twice.outputs("image/png", "image/jpeg")
    assert len(first) > 5
    differing = [a[0] for a, b in zip(first, second, strict=True) if a != b]
    assert differing == []


def test_every_number_is_the_same(twice: Twice) -> None:
    ledgers = []
    for root in twice.roots:
        path = root / "runs" / "ledger" / twice.study.chapter / "tiny.json"
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        ledgers.append(
            [
                {k: v for k, v in row.items() if k not in NOT_TRACES}
                for row in rows
                if not any(speed in row["id"] for speed in SPEEDS)
            ]
        )
    assert len(ledgers[0]) > twice.study.rows
    assert ledgers[0] == ledgers[1]


def test_both_were_trained(twice: Twice) -> None:
    """Else the tests above compare a run with itself."""
    for root in twice.roots:
        assert not (root / "runs").is_symlink()
        runs = list((root / "runs" / twice.study.runs).glob("*/done"))
        assert len(runs) >= twice.study.runs_at_least
