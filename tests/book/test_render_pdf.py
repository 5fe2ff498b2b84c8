"""The PDFs of the test book, read back with poppler's tools."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typst

from lib.book import pandoc
from lib.book.pandoc.faults import BookError
from lib.book.pandoc.pdf import compile_pdf, literal
from lib.book.render import RenderReport

needs_poppler = pytest.mark.skipif(
    not shutil.which("pdftotext"), reason="pdftotext is missing: install poppler-utils"
)


def words(pdf: Path, *options: str) -> str:
    done = subprocess.run(
        ["pdftotext", *options, str(pdf), "-"], capture_output=True, text=True, check=True
    )
    return done.stdout.replace("\xa0", " ")


def pages(pdf: Path) -> list[str]:
    return [" ".join(page.split()) for page in words(pdf).split("\f")]


@needs_poppler
def test_cover_contents_and_running_heads(rendered: RenderReport) -> None:
    cover, contents, preface, part, *rest = pages(rendered.pdf)
    assert cover == (
        "Measuring Small Things A book about nothing, set in every way "
        "A. Tester, B. Reader 2026-11-20"
    )
    for entry in (
        "Contents",
        "Preface",
        "FOUNDATIONS",
        "1 Signals",
        "1.1 Drawing it",
        "A Notation",
    ):
        assert entry in contents
    assert preface.startswith("Preface What can be learnt")
    assert part.startswith("Foundations")
    assert rest[0].startswith("CHAPTER 1 Signals")
    assert rest[1].startswith("1 Signals Measuring Small Things")
    assert rest[1].endswith(" 6")


@needs_poppler
def test_the_body_says_what_the_site_says(rendered: RenderReport) -> None:
    whole = " ".join(pages(rendered.pdf))
    for expected in (
        "Figure 1.2: The wave travels; a still.",
        "Figure 1.3: Two waves.",
        "(b) Right",
        "Table 1.1: Summary of the two waves.",
        "Table A.1: Symbols used",
        "The error fell to 0.25 dB",
        "Only on paper.",
        "Knuth, Donald E. 1984.",
        "preset = 'small'",
        "(2.1)",
    ):
        assert expected in whole, expected
    assert "Only on screen." not in whole
    assert "Nobody, Ann" not in whole


def positions(pdf: Path) -> list[tuple[float, float, str]]:
    """Left and right edge of every word, in points."""
    found = re.findall(
        r'<word xMin="([\d.]+)" yMin="[\d.-]+" xMax="([\d.]+)"[^>]*>(.*?)</word>',
        words(pdf, "-bbox"),
    )
    return [(float(left), float(right), word) for left, right, word in found]


@needs_poppler
def test_wide_tables_and_long_lines_stay_within_the_margins(rendered: RenderReport) -> None:
    a4_width, margin = 595.3, 70.8
    for name in ("chapters/longtable.pdf", "chapters/02-models.pdf"):
        found = positions(rendered.site / name)
        assert len(found) > 100
        outside = [
            w for left, right, w in found if left < margin - 1 or right > a4_width - margin + 1
        ]
        assert outside == [], name


@needs_poppler
def test_a_long_table_goes_over_the_page_with_its_head(rendered: RenderReport) -> None:
    found = pages(rendered.site / "chapters/longtable.pdf")
    with_head = [page for page in found if "run" in page and "metric_" in page]
    assert len(with_head) >= 2


@needs_poppler
def test_a_chapter_alone_has_its_own_references_and_no_others(rendered: RenderReport) -> None:
    signals = " ".join(pages(rendered.site / "chapters/01-signals.pdf"))
    assert signals.startswith("Measuring Small Things · A. Tester")
    assert "CHAPTER 1 Signals" in signals
    assert "References Bishop, Christopher" in signals
    models = " ".join(pages(rendered.site / "chapters/02-models.pdf"))
    assert "CHAPTER 2 Models" in models
    assert "References" not in models


@pytest.mark.skipif(not shutil.which("pdftohtml"), reason="pdftohtml is missing")
def test_references_can_be_clicked(rendered: RenderReport) -> None:
    done = subprocess.run(
        ["pdftohtml", "-xml", "-i", "-stdout", str(rendered.pdf)],
        capture_output=True,
        text=True,
        check=True,
    )
    linked = re.findall(r'<a href="[^"#]*#\d+">(.*?)</a>', done.stdout.replace("\xa0", " "))
    for expected in ("Figure 1.1", "Chapter 2", "Table 2.1", "Equation 1.1", "1984"):
        assert expected in linked, expected


def test_strings_for_typst_are_quoted() -> None:
    assert literal('a "b" \\ c\nd') == '"a \\"b\\" \\\\ c d"'


def test_what_typst_refuses_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BookError, match=r"chapters/a\.ipynb: Typst cannot set it: .*nowhere"):
        compile_pdf("#nowhere", tmp_path / "a.pdf", tmp_path, "chapters/a.ipynb")
    assert not (tmp_path / "a.pdf").exists()


LONG_TABLE = """
#show: look.with(title: "x")
#lorem({words})

#figure(kind: "tbl", supplement: "Table", caption: [The caption.], fitted(3, 20, table(
  columns: 3, table.header([a], [b], [c]), ..range(90).map(i => [begins#i #lorem(15) ends#i])
)))
"""


@needs_poppler
@pytest.mark.parametrize("count", [630, 650, 690, 710])
def test_a_caption_stays_with_its_table_and_a_row_in_one_piece(tmp_path: Path, count: int) -> None:
    look = (Path(pandoc.__file__).parent / "assets" / "book.typ").read_text(encoding="utf-8")
    source = tmp_path / "table.typ"
    source.write_text(look + LONG_TABLE.replace("{words}", str(count)), encoding="utf-8")
    typst.compile(source, output=tmp_path / "table.pdf")
    found = pages(tmp_path / "table.pdf")
    [captioned] = [page for page in found if "The caption." in page]
    assert "begins0 " in captioned
    for page in found:
        starts, ends = (set(re.findall(rf"{word}(\d+)\b", page)) for word in ("begins", "ends"))
        assert starts == ends
    assert sum("begins" in page for page in found) > 1  # else nothing was to be broken


@needs_poppler
@pytest.mark.parametrize("count", [600, 620, 640, 660])
def test_a_short_table_stays_on_one_page(tmp_path: Path, count: int) -> None:
    look = (Path(pandoc.__file__).parent / "assets" / "book.typ").read_text(encoding="utf-8")
    source = tmp_path / "table.typ"
    table = LONG_TABLE.replace("{words}", str(count)).replace("range(90)", "range(30)")
    source.write_text(look + table, encoding="utf-8")
    typst.compile(source, output=tmp_path / "table.pdf")
    found = [page for page in pages(tmp_path / "table.pdf") if "begins" in page]
    assert len(found) == 1
    assert "The caption." in found[0]
