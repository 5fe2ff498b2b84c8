"""A book with faults is refused, and the message names each with its file and label."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from lib.book import pandoc
from lib.book.render import BookError, main, render_book

QUARTO = """
project: {type: book}
book:
  title: Two pages
  chapters: [index.qmd, chapters/one.ipynb, references.qmd]
bibliography: references.bib
"""
BIB = "@book{known, author={Someone, S.}, title={A Book}, year={2001}, publisher={P}}\n"
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": list(outputs)}


def image() -> dict[str, Any]:
    return {"output_type": "display_data", "data": {"image/png": PIXEL}, "metadata": {}}


def make_book(folder: Path, index: str = "", cells: list[dict[str, Any]] | None = None) -> Path:
    """Preface, one chapter, references; the parts under test are passed in."""
    (folder / "chapters").mkdir(parents=True)
    (folder / "_quarto.yml").write_text(QUARTO)
    (folder / "references.bib").write_text(BIB)
    (folder / "a.png").write_bytes(base64.b64decode(PIXEL))
    (folder / "references.qmd").write_text("# References {.unnumbered}\n\n::: {#refs}\n:::\n")
    (folder / "index.qmd").write_text(f"# Preface {{.unnumbered}}\n\nAfter [@known].\n\n{index}\n")
    notebook = {"cells": [markdown("# One {#sec-one}"), *(cells or [])], "metadata": {}}
    (folder / "chapters/one.ipynb").write_text(json.dumps(notebook))
    return folder


LABELLED = '#| label: fig-a\n#| fig-cap: "A"\n#| fig-alt: "What it shows"\ndraw()'


def test_a_sound_book_has_no_faults(tmp_path: Path) -> None:
    book = make_book(tmp_path, "See @fig-a and @sec-one.", [code(LABELLED, image())])
    report = render_book(book, renderer="pandoc")
    assert report.pages == 3
    assert report.pdf.is_file()


FAILED = {
    "output_type": "error",
    "ename": "ZeroDivisionError",
    "evalue": "division by zero",
    "traceback": ["…"],
}
# What stands in the preface, with label and message of the fault it makes.
IN_PROSE = [
    ("See @fig-lost.", "@fig-lost", "is referred to but defined nowhere"),
    ("As told [@nobody1999].", "@nobody1999", "is cited but in no bibliography"),
    ("$$ x $$ {#eq-a}\n\n$$ y $$ {#eq-a}", "eq-a", "is defined twice; the first stands in index"),
    ("[gone](chapters/gone.qmd)", "chapters/gone.qmd", "leads nowhere"),
    ("[gone](chapters/one.ipynb#sec-gone)", "chapters/one.html#sec-gone", "leads nowhere"),
    ("![A caption](a.png){#fig-dumb}", "fig-dumb", "has no alternative text"),
    ("![](missing.png){fig-alt='A'}", "missing.png", "leads nowhere"),
    ("<img src='https://example.org/a.png' alt='A'>", "https://example.org/a.png", "another host"),
    ("<img src='a.png'>", "a.png", "has no alternative text"),
    ("{{< video a.mp4 >}}", "{{<", "is a shortcode"),
    ("[@known; @sec-one]", "@known", "brackets of their own"),
    ("A paragraph. {#eq-lonely}", "{#eq-lonely}", "labels nothing"),
    ("# A second title", "", "has 2 titles"),
]
# The same for cells of the chapter.
IN_CELLS = [
    ([code(LABELLED, image()), code(LABELLED, image())], "fig-a", "is defined twice"),
    ([code('#| label: fig-b\n#| fig-cap: "B"\nx', image())], "fig-b", "has no alternative text"),
    ([code("draw()", image())], "one_files/cell-5-1.png", "has no alternative text"),
    ([code("#| label: fit\n1 / 0", FAILED)], "fit", "failed in cell 6 with ZeroDivisionError"),
    ([code("#| label: [open\nx")], "cell 7", "has #| options that are not YAML"),
]


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What is said of a book with every fault at once."""
    prose = "\n\n".join(text for text, _, _ in IN_PROSE)
    cells = [cell for some, _, _ in IN_CELLS for cell in some]
    book = make_book(tmp_path_factory.mktemp("faulty") / "book", prose, cells)
    with pytest.raises(BookError, match="the book has 18 faults") as raised:
        render_book(book, renderer="pandoc")
    return str(raised.value).splitlines()[1:]


@pytest.mark.parametrize(
    ("file", "label", "message"),
    [("index.qmd", label, message) for _, label, message in IN_PROSE]
    + [("chapters/one.ipynb", label, message) for _, label, message in IN_CELLS],
)
def test_each_fault_names_file_and_label(
    faults: list[str], file: str, label: str, message: str
) -> None:
    start = f"  {file}: {label} " if label else f"  {file}: "
    assert [line for line in faults if line.startswith(start) and message in line]


def test_a_near_miss_is_suggested(tmp_path: Path) -> None:
    book = make_book(tmp_path, "See @sec-onee and [x](chapters/onee.html).")
    with pytest.raises(BookError) as raised:
        render_book(book, renderer="pandoc")
    assert "is chapters/one.html meant?" in str(raised.value)
    assert "is @sec-one meant?" in str(raised.value)


def test_faults_leave_the_last_good_book_in_place(tmp_path: Path) -> None:
    book = make_book(tmp_path / "book")
    render_book(book, tmp_path / "site", renderer="pandoc")
    (book / "index.qmd").write_text("# Preface\n\nSee @fig-lost.")
    with pytest.raises(BookError):
        render_book(book, tmp_path / "site", renderer="pandoc")
    assert (tmp_path / "site/index.html").is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["book", "site"]


def test_sources_are_checked_without_printing(tmp_path: Path) -> None:
    pandoc.check_sources(make_book(tmp_path / "good", "See @sec-one."))
    with pytest.raises(BookError, match="@sec-two is referred to"):
        pandoc.check_sources(make_book(tmp_path / "bad", "See @sec-two."))


def test_a_citation_without_a_page_for_references_is_a_fault(tmp_path: Path) -> None:
    book = make_book(tmp_path)
    (book / "references.qmd").write_text("# No list here\n")
    with pytest.raises(BookError, match="no chapter holds the references"):
        render_book(book, renderer="pandoc")


def test_project_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(BookError, match=r"no _quarto\.yml"):
        render_book(tmp_path, renderer="pandoc")
    book = make_book(tmp_path / "book")
    (book / "index.qmd").unlink()
    with pytest.raises(BookError, match=r"do not exist: index\.qmd"):
        render_book(book, renderer="pandoc")
    (book / "_quarto.yml").write_text("book: {title: [")
    with pytest.raises(BookError, match="is not YAML"):
        render_book(book, renderer="pandoc")
    (book / "_quarto.yml").write_text("book: {title: x}")
    with pytest.raises(BookError, match=r"book\.chapters"):
        render_book(book, renderer="pandoc")


def test_output_may_not_swallow_the_project(tmp_path: Path) -> None:
    book = make_book(tmp_path / "book")
    with pytest.raises(BookError, match="holds the project"):
        render_book(book, tmp_path, renderer="pandoc")
    assert (book / "index.qmd").is_file()


def test_command_line_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = make_book(tmp_path)
    assert main([str(book), "--renderer", "pandoc"]) == 0
    assert "3 pages and Two-pages.pdf" in capsys.readouterr().out
    (book / "index.qmd").write_text("# Preface\n\n@fig-lost")
    assert main([str(book), "--renderer", "pandoc"]) == 1
    assert "index.qmd: @fig-lost" in capsys.readouterr().err
