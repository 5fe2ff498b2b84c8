"""Choosing between the renderers, and calling Quarto; a script stands in for the program."""

import os
from pathlib import Path

import pytest

from lib.book.pandoc.project import read_project
from lib.book.quarto import find_quarto, quarto_version, render_with_quarto
from lib.book.render import BookError, choose_renderer, render_book

SCRIPT = """#!/bin/sh
if [ "$1" = --version ]; then echo {version}; exit {code}; fi
echo "$@" >> "{folder}/calls"
mkdir -p "$2/_book/chapters"
echo '<p>made by the script</p>' > "$2/_book/index.html"
{pdf}
"""


def fake_quarto(folder: Path, version: str = "1.9.38", *, code: int = 0, pdf: bool = True) -> Path:
    program = folder / "quarto"
    line = 'echo pdf > "$2/_book/Book.pdf"' if pdf else "true"
    program.write_text(SCRIPT.format(version=version, code=code, folder=folder, pdf=line))
    program.chmod(0o755)
    return program


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.delenv("QUARTO", raising=False)
    monkeypatch.delenv("RENDERER", raising=False)


def test_quarto_is_preferred_where_it_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = fake_quarto(tmp_path / "bin")
    assert find_quarto() == program
    assert choose_renderer() == ("quarto", program)
    assert choose_renderer("pandoc") == ("pandoc", None)
    monkeypatch.setenv("RENDERER", "pandoc")
    assert choose_renderer() == ("pandoc", None)
    assert choose_renderer("quarto") == ("quarto", program)


@pytest.mark.parametrize(("version", "code"), [("1.8.27", 0), ("1.9.38", 1), ("nonsense", 0)])
def test_a_quarto_that_is_old_or_broken_is_passed_over(
    tmp_path: Path, version: str, code: int
) -> None:
    fake_quarto(tmp_path / "bin", version, code=code)
    assert choose_renderer() == ("pandoc", None)
    with pytest.raises(BookError, match=r"Quarto 1\.9 or newer .* RENDERER=pandoc"):
        choose_renderer("quarto")


def test_wrong_names_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDERER", "latex")
    with pytest.raises(BookError, match="RENDERER is 'latex'; quarto, pandoc or auto"):
        choose_renderer()
    monkeypatch.delenv("RENDERER")
    monkeypatch.setenv("QUARTO", str(tmp_path / "nothing"))
    with pytest.raises(BookError, match="QUARTO names .*nothing"):
        choose_renderer()
    assert choose_renderer("pandoc") == ("pandoc", None)


def test_version_numbers(tmp_path: Path) -> None:
    assert quarto_version(fake_quarto(tmp_path)) == (1, 9, 38)
    assert quarto_version(fake_quarto(tmp_path, "1.10")) == (1, 10)
    assert quarto_version(tmp_path / "nothing") == ()


def make_project(folder: Path, text: str = "Text.") -> Path:
    folder.mkdir()
    (folder / "_quarto.yml").write_text("book: {title: Book, chapters: [index.qmd]}")
    (folder / "index.qmd").write_text(f"# Preface\n\n{text}\n")
    return folder


def test_all_formats_are_rendered_in_one_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTO", str(fake_quarto(tmp_path)))
    project = make_project(tmp_path / "build")
    report = render_book(project, tmp_path / "site")
    assert (report.renderer, report.pages) == ("quarto", 1)
    assert report.pdf == tmp_path / "site/Book.pdf"
    assert (tmp_path / "calls").read_text().splitlines() == [f"render {project}"]


def test_a_quarto_book_obeys_the_same_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTO", str(fake_quarto(tmp_path)))
    project = make_project(tmp_path / "build", "See @fig-lost.")
    with pytest.raises(BookError, match=r"index\.qmd: @fig-lost"):
        render_book(project, tmp_path / "site")
    assert not (tmp_path / "calls").exists()


def test_a_quarto_that_makes_no_pdf_is_reported(tmp_path: Path) -> None:
    project = make_project(tmp_path / "build")
    program = fake_quarto(tmp_path, pdf=False)
    with pytest.raises(BookError, match="made no website with a PDF"):
        render_with_quarto(program, read_project(project), tmp_path / "site")
