"""The project's own promises: pins in step, licences named, notebooks clean, nothing foreign."""

import re
import statistics
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lib.book.claims import read_claims
from lib.book.execute import parameters_of
from lib.book.kept import TAG
from lib.book.staging import book_sources

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "chapters").glob("*.ipynb"))
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MOST_CELL_LINES = 15
MOST_BYTES = 2_000_000
MOST_TRACKER_BYTES = 8_000_000
MOST_RESULTS_BYTES = 60_000_000
TRACKERS = "results/scalor/"  # trained models, which chapters evaluate: larger than all else


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def committed() -> tuple[Path, ...]:
    """Files that git tracks."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False
        )
    except OSError:
        pytest.skip("git is not installed")
    if done.returncode:
        pytest.skip(f"not a git repository: {done.stderr.strip()}")
    paths = (ROOT / name for name in done.stdout.split("\0") if name)
    return tuple(path for path in paths if path.is_file())


class TestEnvironment:
    FLOOR = PROJECT["project"]["requires-python"].removeprefix(">=")

    @pytest.fixture
    def conda(self) -> list[Any]:
        dependencies: list[Any] = yaml.safe_load(text("environment.yml"))["dependencies"]
        return dependencies

    def test_python_is_pinned_alike_everywhere(self, conda):
        assert re.fullmatch(r"\d\.\d+", self.FLOOR)
        major, minor = self.FLOOR.split(".")
        assert f"python>={self.FLOOR}" in conda
        assert PROJECT["tool"]["ruff"]["target-version"] == f"py{major}{minor}"
        assert PROJECT["tool"]["mypy"]["python_version"] == self.FLOOR
        makefile = text("Makefile")
        assert f"--python-version {self.FLOOR}" in makefile
        assert f"v < ({major}, {minor})" in makefile
        assert f"Python {self.FLOOR} or newer" in text("README.md")

    def test_conda_installs_the_lock_through_pip(self, conda):
        [pip] = [entry["pip"] for entry in conda if isinstance(entry, dict)]
        assert pip == ["-r requirements.lock"]
        assert "pip" in conda

    def test_quarto_is_pinned_alike(self, conda):
        [extra] = [Requirement(x) for x in PROJECT["project"]["optional-dependencies"]["quarto"]]
        assert f"quarto{extra.specifier}" in conda


def locked() -> dict[str, list[tuple[str, int]]]:
    """Versions of each package in the lock, each with its number of hashes."""
    found: dict[str, list[tuple[str, int]]] = {}
    blocks = re.split(r"^(?=[A-Za-z0-9])", text("requirements.lock"), flags=re.MULTILINE)
    for block in blocks:
        if not block.strip():
            continue
        match = re.match(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^ ;\\\n]+)", block)
        assert match, f"not pinned: {block.splitlines()[0]}"
        hashes = len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", block))
        found.setdefault(canonicalize_name(match[1]), []).append((match[2], hashes))
    return found


class TestLock:
    REQUIRED = (
        *PROJECT["project"]["dependencies"],
        *(entry for group in PROJECT["dependency-groups"].values() for entry in group),
    )

    def test_every_package_has_hashes(self):
        lock = locked()
        assert len(lock) > 100
        bare = [n for n, versions in lock.items() if any(count == 0 for _, count in versions)]
        assert bare == []

    def test_no_address_of_an_index(self):
        lock = text("requirements.lock")
        for word in ("--index" + "-url", "--extra-index" + "-url", "--find-links", "://", " @ "):
            assert word not in lock, word

    @pytest.mark.parametrize("wanted", sorted(set(REQUIRED)))
    def test_what_the_project_asks_for_is_locked(self, wanted):
        requirement = Requirement(wanted)
        versions = locked().get(canonicalize_name(requirement.name), [])
        assert versions, "run `make lock`"
        for version, _ in versions:
            assert requirement.specifier.contains(version, prereleases=True)

    @pytest.mark.parametrize("name", ["quarto-cli", "wandb"])
    def test_extras_stay_extras(self, name):
        """Their installation downloads more, or is of use to few: nobody gets them unasked."""
        extras = PROJECT["project"]["optional-dependencies"]
        assert name in {Requirement(x).name for group in extras.values() for x in group}
        assert name not in {Requirement(x).name for x in self.REQUIRED}
        assert name not in locked()


class TestData:
    DATASETS: tuple[dict[str, Any], ...] = tuple(
        tomllib.loads(text("data/manifest.toml"))["dataset"]
    )

    def test_names_are_unique(self):
        names = [entry["name"] for entry in self.DATASETS]
        assert len(set(names)) == len(names) > 0

    @pytest.mark.parametrize("entry", DATASETS, ids=lambda entry: entry["name"])
    def test_an_entry_says_what_is_needed(self, entry):
        assert entry["kind"] in ("generated", "yours")
        assert entry["licence"].strip()
        assert entry["layout"].strip()
        assert entry["made_by" if entry["kind"] == "generated" else "source"].strip()
        assert entry["chapters"]
        for chapter in entry["chapters"]:
            assert (ROOT / "chapters" / f"{chapter}.ipynb").is_file(), chapter

    @pytest.mark.parametrize("entry", DATASETS, ids=lambda entry: entry["name"])
    def test_commands_are_ones_that_exist(self, entry):
        if entry["kind"] == "yours":
            assert "made_by" not in entry
            return
        words = entry["made_by"].split()
        assert words[:3] == ["seeing", "footage", "make"]
        world, options = words[3], dict(zip(words[5::2], words[6::2], strict=True))
        known = {
            "blocks": {"--layout": ("minerl", "gamefactory")},
            "garage": {"--variant": ("faithful", "hard")},
            "doom": {},
            "plaza": {"--background": ("black", "gradient", "hard", "blurred")},
            "sprites": {"--density": ("sparse", "medium", "dense")},
        }
        for option, values in known[world].items():
            assert options[option] in values

    def test_footage_is_never_committed(self):
        names = {path.relative_to(ROOT).as_posix() for path in committed()}
        assert {name for name in names if name.startswith("data/")} == {
            "data/README.md",
            "data/manifest.toml",
        }


class TestLicences:
    def test_of_code_and_text(self):
        assert "MIT License" in text("LICENSE")
        assert "Attribution 4.0 International" in text("LICENSE-TEXT")
        assert PROJECT["project"]["license"] == "MIT AND CC-BY-4.0"
        for name in PROJECT["project"]["license-files"]:
            assert (ROOT / name).is_file(), name

    def test_citation(self):
        citation = yaml.safe_load(text("CITATION.cff"))
        assert {"cff-version", "message", "title", "authors"} <= citation.keys()
        assert citation["version"] == PROJECT["project"]["version"]
        assert set(citation["license"]) == set(PROJECT["project"]["license"].split(" AND "))
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", str(citation["date-released"]))


class TestReadme:
    README = text("README.md")

    def test_it_is_short_and_names_the_two_commands(self):
        assert len(self.README.splitlines()) < 100
        for command in ("make book", "make test", "conda env create -f environment.yml"):
            assert command in self.README, command

    def test_every_chapter_is_in_its_table(self):
        table = [line for line in self.README.splitlines() if line.startswith("|")]
        listed = re.findall(r"\]\((chapters/[^)]+\.ipynb)\)", "\n".join(table))
        assert sorted(listed) == [path.relative_to(ROOT).as_posix() for path in NOTEBOOKS]

    def test_links_lead_somewhere(self):
        links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", self.README)
        local = [link for link in links if "://" not in link]
        assert [link for link in local if not (ROOT / link).exists()] == []

    def test_pictures_have_words_for_them(self):
        for alternative in re.findall(r"!\[([^]]*)\]", self.README):
            assert len(alternative) > 20


class TestBook:
    def test_every_notebook_is_in_the_book(self):
        listed = set(book_sources(ROOT).notebooks)
        assert listed == {path.relative_to(ROOT).as_posix() for path in NOTEBOOKS}

    def test_chapters_of_claims_exist(self):
        claims = read_claims(ROOT / "claims.toml")
        assert claims
        stems = {path.stem for path in NOTEBOOKS}
        assert {claim.chapter for claim in claims} <= stems

    def test_recorded_runs_belong_to_chapters(self):
        folders = {path.parent.parent.name for path in (ROOT / "results").glob("*/*/metrics.json")}
        assert folders <= {path.stem for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    @pytest.fixture
    def cells(self, path: Path) -> list[Any]:
        found: list[Any] = nbformat.read(path, as_version=4).cells
        return found

    def test_it_is_valid(self, path):
        nbformat.validate(nbformat.read(path, as_version=nbformat.NO_CONVERT))

    def test_outputs_are_text_that_is_meant_to_stay(self, path, cells):
        code = [cell for cell in cells if cell.cell_type == "code"]
        for cell in code:
            if TAG in cell.metadata.get("tags", []):
                kinds = {output.output_type for output in cell.outputs}
                assert kinds <= {"stream"}, cell.source
                assert {output.name for output in cell.outputs} <= {"stdout"}
            else:
                assert cell.outputs == [], cell.source
                assert cell.execution_count is None, cell.source

    def test_nothing_of_the_machine_in_its_metadata(self, path, cells):
        notebook = nbformat.read(path, as_version=4)
        assert set(notebook.metadata) <= {"kernelspec", "language_info"}
        assert notebook.metadata.kernelspec.name == "python3"
        for cell in cells:
            assert set(cell.metadata) <= {"tags"}, cell.metadata

    def test_parameters(self, path, cells):
        assert sum("parameters" in cell.metadata.get("tags", []) for cell in cells) == 1
        parameters = parameters_of(path)
        common = {"preset": '"tiny"', "seed": "0", "device": '"auto"', "data_dir": "None"}
        assert {name: parameters.get(name) for name in common} == common
        assert len(parameters) <= len(common) + 2, "at most two of its own"

    def test_cells_are_short(self, path, cells):
        code = [cell.source.splitlines() for cell in cells if cell.cell_type == "code"]
        assert max(map(len, code)) <= MOST_CELL_LINES
        without_options = [sum(not line.startswith("#|") for line in lines) for lines in code]
        assert statistics.median(without_options) <= 5

    def test_the_library_does_the_work(self, path, cells):
        for cell in cells:
            if cell.cell_type == "code":
                assert not re.search(r"^\s*(def|class|async|!|%)", cell.source, re.MULTILINE)

    def test_figures_and_tables_have_words(self, path, cells):
        labels = []
        for cell in cells:
            if cell.cell_type != "code":
                continue
            options = dict(re.findall(r"^#\|\s*([\w-]+):\s*(.+)$", cell.source, re.MULTILINE))
            label = options.get("label", "")
            labels += [label] if label else []
            if label.startswith("fig-"):
                for name in ("fig-cap", "fig-alt"):
                    assert len(options.get(name, "").strip("\"' ")) > 20, f"{label}: {name}"
                assert options["fig-alt"] != options["fig-cap"], label
            if label.startswith("tbl-"):
                assert len(options.get("tbl-cap", "").strip("\"' ")) > 20, label
        assert labels
        assert len(set(labels)) == len(labels)

    def test_one_title(self, path, cells):
        prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        assert len(re.findall(r"^# ", prose, re.MULTILINE)) == 1
        assert cells[0].source.startswith("# ")


class TestCommitted:
    def test_nothing_is_large(self):
        sizes = {path.relative_to(ROOT).as_posix(): path.stat().st_size for path in committed()}
        most = {
            name: MOST_TRACKER_BYTES
            if name.startswith(TRACKERS) and name.endswith(".safetensors")
            else MOST_BYTES
            for name in sizes
        }
        assert {name: size for name, size in sizes.items() if size > most[name]} == {}
        results = sum(size for name, size in sizes.items() if name.startswith("results/"))
        assert results <= MOST_RESULTS_BYTES

    def test_no_path_of_a_machine(self):
        """Built from parts, so that this file does not name one."""
        folders = [f"/{name}/".encode() for name in ("home", "root", "Users")]
        found = [
            (path.relative_to(ROOT).as_posix(), folder.decode())
            for path in committed()
            for folder in folders
            if re.search(rb"(?<![\w.-])" + folder, path.read_bytes())
        ]
        assert found == []

    def test_no_address_of_a_package_index(self):
        hosts = [".".join(parts).encode() for parts in (("pypi", "org"), ("pythonhosted", "org"))]
        found = [
            path.relative_to(ROOT).as_posix()
            for path in committed()
            if any(host in path.read_bytes() for host in hosts)
        ]
        assert found == []

    def test_nothing_that_is_made(self):
        made = ("_book/", "build/", "runs/", ".venv/")
        names = [path.relative_to(ROOT).as_posix() for path in committed()]
        assert [name for name in names if name.startswith(made) or "__pycache__" in name] == []
