"""The built book: its links, its numbers, its verdicts, its PDF.

``BOOK_SITE`` names another folder than ``_book``.
"""

import json
import re
import shutil
import subprocess
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag

from lib.book.claims import verdicts_table
from lib.book.pandoc.check import check_site
from lib.book.results import LIVE_PRESET, PRESETS, Ledger, Row
from lib.book.rows import read_rows
from tests.chapters import CHAPTERS, ROOT, SITE

LEAST_PDF_PAGES = 9


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    if not (SITE / "index.html").is_file():
        pytest.fail(f"there is no book in {SITE.name}/: run `make book`", pytrace=False)


@pytest.fixture(scope="module")
def published() -> list[Row]:
    """Rows of the site's ``results.json``; reading them checks each."""
    path = SITE / "results.json"
    return read_rows(path, {"rows": json.loads(path.read_text(encoding="utf-8"))})


def page_of(chapter: str) -> BeautifulSoup:
    html = (SITE / "chapters" / f"{chapter}.html").read_text(encoding="utf-8")
    return BeautifulSoup(html, "html.parser")


def title_of(chapter: str) -> str:
    """The chapter's title in plain words."""
    cells = nbformat.read(ROOT / "chapters" / f"{chapter}.ipynb", as_version=4).cells
    heading = next(cell.source for cell in cells if cell.source.startswith("# "))
    return re.sub(r"\{[^}]*\}", "", heading.splitlines()[0].removeprefix("# ")).strip()


def plain(text: str) -> str:
    """Text in one line, with plain spaces and quotation marks as a keyboard has them."""
    for typographic, typed in (("\xa0", " "), ("’", "'"), ("‘", "'"), ("“", '"'), ("”", '"')):
        text = text.replace(typographic, typed)
    return " ".join(text.split())


def test_links_images_and_hosts() -> None:
    assert [str(fault) for fault in check_site(SITE)] == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_page_for_each_chapter(chapter: str) -> None:
    page = page_of(chapter)
    [heading] = page.find_all("h1")
    assert title_of(chapter) in plain(heading.get_text())
    assert len(page.find_all("img")) > 3
    assert page.find(string=re.compile(r"\?@|Traceback \(most recent")) is None


class TestNumbers:
    def test_rows_are_in_order_and_unique(self, published):
        keys = [(row.id, row.preset) for row in published]
        assert keys
        assert keys == sorted(set(keys))

    def test_each_says_where_it_comes_from(self, published):
        for row in published:
            assert row.hardware, row.id
            assert row.commit, row.id
            assert row.seeds, row.id

    @pytest.mark.parametrize("chapter", CHAPTERS)
    def test_every_number_of_the_live_ledger_is_published(self, chapter, published):
        try:
            live = Ledger.load(chapter, LIVE_PRESET, root=ROOT)
        except FileNotFoundError as error:
            pytest.fail(f"{error}; `make test` runs it")
        assert live.rows
        rows = {row.id: asdict(row) for row in published if row.preset == LIVE_PRESET}
        differing = [row.id for row in live.rows if rows.get(row.id) != asdict(row)]
        assert differing == [], "the ledger is newer than the pages: run `make book`"

    def test_recorded_runs_are_published(self, published):
        known = {(row.id, row.preset) for row in published}
        for path in (ROOT / "results").glob("*/*/metrics.json"):
            rows = read_rows(path, json.loads(path.read_text(encoding="utf-8")))
            assert {(row.id, row.preset) for row in rows} <= known, path.parent.name


def table_rows(page: BeautifulSoup, label: str) -> list[dict[str, str]]:
    """Rows of the table with this label, by the column's heading."""
    found = page.find(id=label)
    assert isinstance(found, Tag), f"the page has no {label}"
    table: Any = found if found.name == "table" else found.find("table")
    if table is None:  # the label stands before the table, or in its caption
        table = found.find_parent("table") or found.find_next("table")
    cells = [[plain(c.get_text()) for c in row.find_all(["th", "td"])] for row in table("tr")]
    heading, *rows = cells
    return [dict(zip(heading, row, strict=True)) for row in rows]


CLAIM_TABLES = {
    "01-doom-segmentation": ("tbl-doom-claims", "tbl-doom-aims"),
    "02-sideswipe-classification": ("tbl-sideswipe-claims", "tbl-sideswipe-aims"),
    "03-scalor-motsynth": ("tbl-scalor-claims", "tbl-scalor-aims"),
    "04-vqvae-versions": ("tbl-vqvae-claims-v20", "tbl-vqvae-claims-v21", "tbl-vqvae-claims"),
}


@pytest.mark.parametrize("chapter", CLAIM_TABLES)
class TestClaims:
    """Verdicts on the page are those that the published numbers give, at every preset."""

    @pytest.fixture
    def shown(self, chapter):
        page = page_of(chapter)
        return [row for label in CLAIM_TABLES[chapter] for row in table_rows(page, label)]

    @pytest.fixture
    def wanted(self, chapter, published):
        recorded = {path.parent.name for path in ROOT.glob(f"results/{chapter}/*/metrics.json")}
        presets = [p for p in PRESETS if p in {LIVE_PRESET, *recorded}]
        runs = {p: [row for row in published if row.preset == p] for p in presets}
        return verdicts_table(chapter, runs, path=ROOT / "claims.toml").to_dict("records")

    def test_each_claim_stands_once(self, shown, wanted):
        assert sorted(row["Claim"] for row in shown) == sorted(plain(w["Claim"]) for w in wanted)

    def test_what_is_printed_is_what_the_published_numbers_give(self, shown, wanted):
        by_claim = {plain(row["Claim"]): row for row in wanted}
        columns = [name for name in wanted[0] if name.startswith("at ")]
        assert columns[0] == f"at {LIVE_PRESET}"
        for row in shown:
            for column in columns:
                assert row[column] == plain(by_claim[row["Claim"]][column])
                outcome = row[column].rpartition(": ")[2].partition(" below ")[0]
                assert outcome in {"confirmed", "refuted", "cannot tell"}


@pytest.fixture(scope="module")
def pdf() -> Path:
    found = sorted(SITE.glob("*.pdf"))
    assert len(found) == 1, f"wanted one PDF of the whole book, found {len(found)}"
    return found[0]


class TestPdf:
    def test_it_has_pages(self, pdf):
        assert count_pages(pdf) >= LEAST_PDF_PAGES

    def test_it_is_no_giant(self, pdf):
        assert pdf.stat().st_size < 30_000_000

    @pytest.mark.skipif(
        not shutil.which("pdftotext"), reason="pdftotext is missing: install poppler-utils"
    )
    def test_it_holds_chapters_and_references(self, pdf):
        done = subprocess.run(
            ["pdftotext", str(pdf), "-"], capture_output=True, text=True, check=True
        )
        text = plain(done.stdout)
        for chapter in CHAPTERS:
            assert plain(title_of(chapter)) in text
        assert "References" in text


def count_pages(pdf: Path) -> int:
    """Pages of a PDF, read from its objects, packed ones included."""
    data = pdf.read_bytes()
    parts = [data]
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL):
        try:
            parts.append(zlib.decompressobj().decompress(match[1]))
        except zlib.error:  # an image in another encoding
            continue
    return sum(len(re.findall(rb"/Type\s*/Page(?![a-zA-Z])", part)) for part in parts)
