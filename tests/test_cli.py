import json
import re
import subprocess
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import pytest

from lib.book.execute import ChapterError, ChapterRun
from lib.book.results import PRESETS, Ledger, recorded
from lib.cli.chapters import find_chapter
from lib.cli.common import Preset
from tests.cli import call

CHAPTERS = ("01-doom-segmentation", "02-sideswipe-classification", "04-vqvae-versions", "footage")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with empty chapters, and the current folder in it."""
    (tmp_path / "pyproject.toml").touch()
    listed = "".join(f"    - chapters/{name}.ipynb\n" for name in CHAPTERS)
    (tmp_path / "_quarto.yml").write_text(f"book:\n  chapters:\n{listed}")
    (tmp_path / "chapters").mkdir()
    for name in CHAPTERS:
        (tmp_path / "chapters" / f"{name}.ipynb").touch()
    monkeypatch.setenv("SEEING_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def executed(monkeypatch):
    """Calls of `execute`, which only writes a ledger here."""
    calls = []

    def execute(root, *, chapters=None, parameters=None, build=None, **options):
        calls.append({"chapters": chapters, "parameters": parameters, "build": build, **options})
        runs = []
        for stem in CHAPTERS if chapters is None else [Path(name).stem for name in chapters]:
            ledger = Ledger(stem, parameters["preset"], root=root)
            ledger.record(f"{re.sub('[^a-z]', '', stem)}.x.y", 1.0)
            ledger.save()
            runs.append(ChapterRun(stem, build / "chapters" / f"{stem}.ipynb", 1.5, False))
        return runs

    monkeypatch.setattr("lib.book.execute.execute", execute)
    return calls


@pytest.mark.parametrize(
    "command", [["run"], ["book"], ["footage", "make"], ["footage", "info"]], ids=" ".join
)
def test_every_command_teaches_by_examples(command):
    result, text = call(*command, "--help")
    assert result.exit_code == 0
    assert "Examples" in text
    assert f"seeing {' '.join(command)}" in text.split("Examples")[1]


def test_help_is_quick_and_loads_nothing_heavy():
    program = (
        "import sys; from lib.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'numpy', 'pandas', 'papermill', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
    assert "a book" in " ".join(done.stdout.split())


def test_presets_are_those_of_the_library():
    assert tuple(Preset) == PRESETS


@pytest.mark.parametrize("command", [["run", "4"], ["book"], ["footage", "make", "blocks", "x"]])
def test_an_unknown_preset_lists_the_presets(command):
    result, text = call(*command, "--preset", "huge")
    assert result.exit_code == 2
    assert all(name in text for name in ("huge", *PRESETS))


@pytest.mark.parametrize(
    "name",
    ["4", "04", "04-vqvae-versions", "vqvae", "vqvae-versions", "chapters/04-vqvae-versions.ipynb"],
)
def test_a_chapter_has_several_names(project, name):
    assert find_chapter(project, name).stem == "04-vqvae-versions"


def test_an_unknown_chapter_lists_the_chapters(project):
    result, text = call("run", "7")
    assert result.exit_code == 1
    assert f"Error: chapter '7' is unknown; choose one of: {', '.join(CHAPTERS)}" in text
    (project / "chapters" / "05-vqvae-more.ipynb").touch()
    with pytest.raises(ValueError, match=r"ambiguous.*04-vqvae-versions, 05-vqvae-more"):
        find_chapter(project, "vqvae")


def test_parameters_reach_the_chapter(project, executed):
    footage = project / "footage"
    footage.mkdir()
    result, text = call(
        *["run", "vqvae", "--seed", 3, "--device", "cpu", "--data-dir", "footage", "--force"],
        *["-p", "steps=200", "-p", "name=plain text", "-p", "fast=true", "-p", "rates=[1, 2]"],
    )
    assert result.exit_code == 0, text
    [made] = executed
    assert made["chapters"] == ["chapters/04-vqvae-versions.ipynb"]
    assert made["build"] == project / "build"
    assert made["force"] is True
    assert {**made["parameters"], "data_dir": made["parameters"]["data_dir"].resolve()} == {
        "preset": "tiny",
        "seed": 3,
        "device": "cpu",
        "data_dir": footage,
        "steps": 200,
        "name": "plain text",
        "fast": True,
        "rates": [1, 2],
    }
    assert "build/chapters/04-vqvae-versions.ipynb" in text
    assert "runs/ledger/04-vqvae-versions/tiny.json" in text


def test_only_what_is_said_replaces_the_chapters_own_parameters(project, executed):
    call("run", "4")
    assert executed[0]["parameters"] == {"preset": "tiny"}


def test_other_presets_leave_the_book_alone_and_can_be_recorded(project, executed):
    result, text = call("run", "4", "--preset", "small", "--record")
    assert result.exit_code == 0, text
    assert executed[0]["build"] == project / "build" / "small"
    assert "results/04-vqvae-versions/small/metrics.json" in text
    [row] = recorded("04-vqvae-versions", "small", root=project)
    assert (row.id, row.value) == ("vqvaeversions.x.y", 1.0)
    assert not (project / "results" / "04-vqvae-versions" / "tiny").exists()


@pytest.mark.parametrize("text", ["steps", "=3", "two words=3"])
def test_malformed_parameters_are_named(project, executed, text):
    result, told = call("run", "4", "-p", text)
    assert result.exit_code == 1
    assert f"parameter '{text}': write name=value" in told


def test_a_missing_folder_says_how_to_make_one(project, executed):
    result, text = call("run", "4", "--data-dir", "gone")
    assert result.exit_code == 1
    assert "--data-dir gone does not exist" in text
    assert "seeing footage make blocks" in text
    assert executed == []
    result, text = call("footage", "info", "gone")
    assert result.exit_code == 1
    assert "gone does not exist" in text


def test_outside_the_project_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("SEEING_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    result, text = call("run", "4")
    assert result.exit_code == 1
    assert "set SEEING_ROOT" in text
    assert "Traceback" not in text


def raising(error):
    def execute(*arguments, **options):
        raise error

    return execute


def test_a_failed_chapter_ends_with_one_message(project, monkeypatch):
    error = ChapterError("chapter x failed in [cell 3]", chapter="x", kept=Path("kept"))
    monkeypatch.setattr("lib.book.execute.execute", raising(error))
    result, text = call("run", "4")
    assert (result.exit_code, text) == (1, "Error: chapter x failed in [cell 3]")
    result, _ = call("run", "4", "--debug")
    assert result.exception is error


def test_an_interruption_and_a_defect_are_told_apart(project, monkeypatch):
    monkeypatch.setattr("lib.book.execute.execute", raising(KeyboardInterrupt()))
    result, text = call("run", "4")
    assert result.exit_code == 130
    assert "interrupted" in text
    defect = ZeroDivisionError("ours")
    monkeypatch.setattr("lib.book.execute.execute", raising(defect))
    assert call("run", "4")[0].exception is defect


@dataclass
class Report:
    renderer: str = "pandoc"
    pages: int = 3
    pdf: Path | None = None
    seconds: float = 2.0


@pytest.fixture
def rendered(monkeypatch):
    """A renderer that empties its folder first, as Quarto does."""
    calls = []
    module = types.ModuleType("lib.book.render")

    class BookError(RuntimeError):
        pass

    def render_book(project, output, *, renderer):
        if renderer == "quarto":
            raise BookError("no quarto on PATH")
        calls.append((project, output, renderer, (project / "results.json").is_file()))
        assert not output.exists()
        output.mkdir()
        return Report(pdf=output / "book.pdf")

    module.BookError, module.render_book = BookError, render_book
    monkeypatch.setitem(sys.modules, "lib.book.render", module)
    return calls


def test_the_book_is_executed_collected_and_rendered(project, executed, rendered):
    result, text = call("book", "--renderer", "pandoc")
    assert result.exit_code == 0, text
    assert rendered == [(project / "build", project / "_book", "pandoc", True)]
    assert executed[0]["parameters"] == {"preset": "tiny"}
    rows = json.loads((project / "_book" / "results.json").read_text())
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert len(rows) == len(CHAPTERS)
    for told in ("rendered with pandoc in 2.0 s", "_book/index.html", "_book/book.pdf", "4 rows"):
        assert told in text


def test_a_book_that_cannot_be_rendered_fails_with_one_message(project, executed, rendered):
    result, text = call("book", "--renderer", "quarto")
    assert result.exit_code == 1
    assert text.endswith("Error: no quarto on PATH")
    assert not (project / "_book").exists()
