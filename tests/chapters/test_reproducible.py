"""A chapter executed twice with the same seed, from nothing: what it says is the same, to the bit.

Both runs have a project folder of their own, so that nothing is taken from a cache, and train
briefly, on part of the generated footage.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.chapters import ROOT

CHAPTER = "04-vqvae-versions"
FOOTAGE = ROOT / "data" / "blocks" / "tiny"
WORLDS = 5
TRAINING_SHARE = 0.03  # of 62 to 1,000 steps
OWN = {"runs", "build", "_book", "data"}  # everything else of the project is linked to
PROGRAM = """
import json, sys
from pathlib import Path
from lib.book.execute import execute
root, chapter, parameters = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
execute(root, chapters=[chapter], parameters=parameters, progress=False)
"""
NOT_TRACES = {"seconds", "commit", "hardware"}  # of a row: what may differ between two runs

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


def project(folder: Path) -> Path:
    """The project once more, without runs and pages."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name not in OWN and not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    return folder


def execute_side_by_side(roots: Sequence[Path], data_dir: Path) -> None:
    """Execute the chapter in each project at once; each on one core, so that none waits."""
    parameters = {
        "preset": "tiny",
        "seed": 5,
        "device": "cpu",
        "data_dir": str(data_dir),
        "training_share": TRAINING_SHARE,
    }
    arguments = [f"chapters/{CHAPTER}.ipynb", json.dumps(parameters)]
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


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two projects in which the chapter was executed."""
    folder = tmp_path_factory.mktemp("twice")
    data_dir = part_of_footage(folder / "footage")
    roots = [project(folder / name) for name in ("first", "second")]
    execute_side_by_side(roots, data_dir)
    return roots


def outputs(root: Path, *kinds: str) -> list[tuple[str, str, Any]]:
    """Outputs of these kinds, each with its cell and kind; what was printed is ``stdout``."""
    found = []
    for cell in nbformat.read(root / "build" / "chapters" / f"{CHAPTER}.ipynb", 4).cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":  # progress bars, with their speeds, go to stderr
                given = {output.name: output.text}
            else:
                given = dict(output.get("data", {}))
                if "application/vnd.jupyter.widget-view+json" in given:
                    continue
            found += [(cell.id, kind, given[kind]) for kind in kinds if kind in given]
    return found


def test_every_text_is_the_same(roots: list[Path]) -> None:
    first, second = (outputs(r, "stdout", "text/plain", "text/markdown") for r in roots)
    assert {kind for _, kind, _ in first} == {"stdout", "text/plain", "text/markdown"}
    assert len(first) > 10
    assert first == second


def test_every_picture_is_the_same(roots: list[Path]) -> None:
    first, second = (outputs(root, "image/png") for root in roots)
    assert len(first) > 5
    differing = [a[0] for a, b in zip(first, second, strict=True) if a != b]
    assert differing == []


def test_every_number_is_the_same(roots: list[Path]) -> None:
    ledgers = []
    for root in roots:
        path = root / "runs" / "ledger" / CHAPTER / "tiny.json"
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        ledgers.append([{k: v for k, v in row.items() if k not in NOT_TRACES} for row in rows])
    assert len(ledgers[0]) > 30
    assert ledgers[0] == ledgers[1]


def test_both_were_trained(roots: list[Path]) -> None:
    """Else the tests above compare a run with itself."""
    for root in roots:
        assert not (root / "runs").is_symlink()
        runs = list((root / "runs" / "vqvae").glob("*/done"))
        assert len(runs) >= 3
