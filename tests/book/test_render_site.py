"""The website of the test book: numbers, references, downloads, words for pictures."""

import json
import re
import resource
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from lib.book.pandoc.check import check_site
from lib.book.render import RenderReport, render_book

PAGES = [
    "index.html",
    "chapters/01-signals.html",
    "chapters/02-models.html",
    "references.html",
    "chapters/notation.html",
    "chapters/longtable.html",
]


def soup(report: RenderReport, page: str) -> BeautifulSoup:
    return BeautifulSoup((report.site / page).read_text(encoding="utf-8"), "html.parser")


def one(tree: BeautifulSoup | Tag, selector: str) -> Tag:
    found = tree.select(selector)
    assert len(found) == 1, f"{selector}: {len(found)}"
    return found[0]


def text(tag: Tag) -> str:
    return " ".join(tag.get_text(" ", strip=True).replace("\xa0", " ").split())


def captions(tree: BeautifulSoup) -> list[str]:
    return [text(tag) for tag in tree.select("figcaption .float-number")]


def test_all_pages_are_there_and_none_has_a_fault(rendered: RenderReport) -> None:
    assert rendered.renderer == "pandoc"
    assert rendered.pages == len(PAGES)
    found = {p.relative_to(rendered.site).as_posix() for p in rendered.site.rglob("*.html")}
    assert found == set(PAGES)
    assert check_site(rendered.site) == []


def test_the_site_check_finds_what_breaks_later(rendered: RenderReport, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="x" id="y"><a href="b.html">b</a><a href="#z">z</a><img src="a.png" alt="">'
        '<link rel="stylesheet" href="//cdn.example.org/a.css"><a href="https://example.org">ok</a>'
    )
    labels = {(fault.file, fault.label) for fault in check_site(tmp_path)}
    expected = {"b.html", "#z", "a.png", "//cdn.example.org/a.css"}
    assert labels == {("a.html", label) for label in expected}


def test_chapters_are_numbered_in_the_sidebar(rendered: RenderReport) -> None:
    tree = soup(rendered, "chapters/02-models.html")
    listed = [text(item) for item in tree.select("nav.side li")]
    assert listed == [
        "Preface",
        "Foundations",
        "1 Signals",
        "2 Models",
        "References",
        "Appendices",
        "A Notation",
        "B All runs",
    ]
    assert text(one(tree, "nav.side [aria-current=page]")) == "2 Models"


def test_figures_and_tables_are_numbered_by_chapter(rendered: RenderReport) -> None:
    signals = captions(soup(rendered, "chapters/01-signals.html"))
    assert signals == [
        "Figure 1.1:",
        "Table 1.1:",
        "Figure 1.2:",
        "Figure 1.3:",
        "Figure 1.4:",
    ]
    assert captions(soup(rendered, "chapters/notation.html")) == ["Table A.1:"]
    headings = soup(rendered, "chapters/01-signals.html").select("main :is(h1, h2, h3)")
    assert [text(h).rstrip("#").strip() for h in headings] == [
        "1 Signals",
        "1.1 Drawing it",
        "1.1.1 Things that move",
    ]


def test_references_lead_across_chapters(rendered: RenderReport) -> None:
    links = {
        text(a): a["href"] for a in soup(rendered, "index.html").select("main article a.crossref")
    }
    assert links == {
        "Chapter 1": "chapters/01-signals.html#sec-signals",
        "Chapter 2": "chapters/02-models.html#sec-models",
        "Figure 1.1": "chapters/01-signals.html#fig-wave",
        "Table 2.1": "chapters/02-models.html#tbl-params",
        "Appendix A": "chapters/notation.html#sec-notation",
    }
    inside = [text(a) for a in soup(rendered, "chapters/01-signals.html").select("a.crossref")]
    assert {"Figure 1.3", "Figure 1.3 (a)", "Fig. 1.3 (b)", "Equation 1.1"} <= set(inside)
    assert [text(a) for a in soup(rendered, "chapters/longtable.html").select("a.crossref")] == [
        "Table B.1",
        "B",
    ]


def test_links_to_sources_lead_to_pages(rendered: RenderReport) -> None:
    models = soup(rendered, "chapters/02-models.html")
    assert one(models, "article a[href='../index.html']").get_text() == "the preface"
    preface = soup(rendered, "index.html")
    one(preface, "article a[href='chapters/02-models.html#sec-fitting']")
    assert json.loads((rendered.site / "extra.json").read_text()) == {"measured": 12}


def test_citations_carry_their_entry(rendered: RenderReport) -> None:
    link = soup(rendered, "chapters/01-signals.html").select("a.citation")[0]
    assert link["href"] == "../references.html#ref-knuth1984"
    assert "Literate Programming" in str(link["title"])
    entries = soup(rendered, "references.html").select(".csl-entry")
    assert [entry["id"] for entry in entries] == [
        "ref-bishop2006",
        "ref-knuth1984",
        "ref-vaswani2017",
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_what_readers_and_machines_need(rendered: RenderReport, page: str) -> None:
    tree = soup(rendered, page)
    assert one(tree, "html")["lang"] == "en"
    assert len(tree.select("h1")) == 1
    assert one(tree, "meta[property='og:title']")["content"] == one(tree, "title").get_text()
    for selector in ("meta[name=viewport]", "link[rel=icon]", "a.skip[href='#content']", "main"):
        one(tree, selector)
    assert all(image.get("alt") for image in tree.select("article img"))
    assert all(
        button.get("aria-label") or button.get_text(strip=True) for button in tree.select("button")
    )


def test_descriptions_come_from_the_page(rendered: RenderReport) -> None:
    def description(page: str) -> str:
        return str(one(soup(rendered, page), "meta[name=description]")["content"])

    assert description("index.html") == "A small book that uses everything an author may use."
    assert description("chapters/longtable.html").startswith("A table wider")


def test_notebooks_and_pdfs_may_be_downloaded(rendered: RenderReport, testbook: Path) -> None:
    tree = soup(rendered, "chapters/01-signals.html")
    links = {text(a): str(a["href"]) for a in tree.select("article .downloads a")}
    assert links == {"Notebook": "01-signals.ipynb", "PDF": "01-signals.pdf"}
    copied = rendered.site / "chapters" / links["Notebook"]
    assert copied.read_bytes() == (testbook / "chapters/01-signals.ipynb").read_bytes()
    assert (rendered.site / "chapters" / links["PDF"]).read_bytes().startswith(b"%PDF")
    assert one(tree, ".tools a[href$='.pdf']")["href"] == "../Measuring-Small-Things.pdf"


def test_code_folds_and_parameters_are_shown(rendered: RenderReport) -> None:
    tree = soup(rendered, "chapters/01-signals.html")
    folds = tree.select("details.code-fold")
    assert [text(one(fold, "summary")) for fold in folds][:2] == [
        "Parameters of this run",
        "Show the code",
    ]
    assert ["open" in fold.attrs for fold in folds][:2] == [True, False]
    source = tree.get_text()
    assert "preset = 'small'" in source
    assert "preset = 'tiny'" not in source
    assert "unseen setup" not in source
    printed = [text(block) for block in tree.select("pre.cell-output")]
    assert printed == ["mean 0.0 2 of 2", "a warning, printed"]


def test_only_what_is_meant_for_the_screen_is_shown(rendered: RenderReport) -> None:
    models = soup(rendered, "chapters/02-models.html").get_text()
    assert "Only on screen." in models
    assert "Only on paper." not in models
    figure = one(soup(rendered, "chapters/01-signals.html"), "#fig-travel")
    assert one(figure, "img")["src"] == "../figures/travel.gif"


def test_maths_is_mathml_with_accents_that_draw(rendered: RenderReport) -> None:
    models = soup(rendered, "chapters/02-models.html")
    assert text(one(models, "#eq-loss .equation-number")) == "(2.1)"
    assert one(models, "#eq-loss mo[accent]").get_text() == "^"
    assert not models.select("annotation")


def test_numbers_in_tables_stand_at_the_right(rendered: RenderReport) -> None:
    table = one(soup(rendered, "chapters/01-signals.html"), "#tbl-summary table")
    cells = table.select("tbody tr:first-child td")
    assert [re.search("right|left", str(c.get("style")))[0] for c in cells] == [  # type: ignore[index]
        "left",
        "right",
        "right",
    ]
    assert not soup(rendered, "chapters/longtable.html").select("col")  # widths are the browser's


def test_previous_and_next_follow_the_list(rendered: RenderReport) -> None:
    page, visited = "index.html", ["index.html"]
    while links := soup(rendered, page).select(".pager a.next"):
        page = ("chapters/" if page.startswith("chapters/") else "") + str(links[0]["href"])
        page = page.replace("chapters/../", "")
        visited.append(page)
    assert visited == PAGES


def test_a_second_rendering_is_the_same_to_the_byte(
    rendered: RenderReport, testbook: Path, tmp_path: Path
) -> None:
    again = render_book(testbook, tmp_path / "again", renderer="pandoc")
    for path in sorted(rendered.site.rglob("*")):
        if path.suffix in {".html", ".pdf", ".png"}:
            other = again.site / path.relative_to(rendered.site)
            assert other.read_bytes() == path.read_bytes(), path.name


def cpu_seconds() -> float:
    """Processor time of this process and its finished children; other work does not count."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def test_rendering_is_quick(testbook: Path, tmp_path: Path) -> None:
    before = cpu_seconds()
    render_book(testbook, tmp_path / "site", renderer="pandoc")
    assert cpu_seconds() - before < 6  # about 2 s, on two cores 1.3 s of wall time
