"""Notebook to Markdown, the contents list and link resolution, against laws and oracles."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.book.pandoc.check import resolve
from lib.book.pandoc.notebook import (
    Prose,
    attributes,
    cell_options,
    read_chapter,
    split_front_matter,
    verbatim,
)
from lib.book.pandoc.project import Book, Chapter, entries, names, pdf_name
from lib.book.pandoc.site import nested_list

words = st.text(st.characters(categories=["L", "N"], max_codepoint=0x17F), min_size=1, max_size=8)


def read(folder: Path, cells: list[dict[str, object]], **settings: object) -> Prose:
    (folder / "a.ipynb").write_text(json.dumps({"cells": cells}))
    chapter = Chapter("a.ipynb")
    return read_chapter(chapter, Book(folder, "T", (chapter,), **settings))  # type: ignore[arg-type]


def cell(source: str, outputs: list[object] | None = None, tags: tuple[str, ...] = ()) -> dict:
    return {
        "cell_type": "code",
        "source": source,
        "outputs": outputs or [],
        "metadata": {"tags": list(tags)},
    }


@settings(max_examples=60)
@given(st.text(alphabet="`ab\n"))
def test_a_fence_is_longer_than_any_run_inside(text: str) -> None:
    first, *inner, last = verbatim(text, "{.x}").rstrip("\n").split("\n")
    fence = first.split(" ")[0]
    assert fence == last
    assert set(fence) == {"`"}
    assert all(len(run) < len(fence) for line in inner for run in re.findall("`+", line))


@settings(max_examples=60)
@given(st.dictionaries(words, st.one_of(words, st.booleans(), st.integers()), min_size=1))
def test_cell_options_come_back_as_written(options: dict[str, object]) -> None:
    lines = yaml.safe_dump(options, allow_unicode=True).strip().split("\n")
    source = "\n".join(f"#| {line}" for line in lines) + "\n\nx = 1\n#| not an option"
    assert cell_options(source) == (options, "x = 1\n#| not an option")
    assert cell_options("x = 1") == ({}, "x = 1")


def test_front_matter_is_only_what_is_fenced_at_the_start() -> None:
    assert split_front_matter("---\ntitle: T\n---\ntext") == ({"title": "T"}, "text")
    assert split_front_matter("text\n\n---\n\nmore") == ({}, "text\n\n---\n\nmore")
    assert split_front_matter("---\nnot: [\n") == ({}, "---\nnot: [\n")


def test_attributes_quote_what_would_end_them() -> None:
    assert attributes(fig_alt='a "b"\n c', width=None) == 'fig-alt="a \\"b\\" c"'


def test_injected_parameters_replace_the_default_ones(tmp_path: Path) -> None:
    default, injected = cell("seed = 0", tags=("parameters",)), "seed = 7"
    alone = read(tmp_path, [default]).text
    assert "seed = 0" in alone
    both = read(tmp_path, [default, cell(injected, tags=("injected-parameters",))]).text
    assert "seed = 0" not in both
    assert "seed = 7" in both
    assert 'code-fold="show"' in both


def test_what_a_cell_hides_stays_hidden_but_its_failure_does_not(tmp_path: Path) -> None:
    printed = {"output_type": "stream", "name": "stdout", "text": "out"}
    warned = {"output_type": "stream", "name": "stderr", "text": "warned"}
    failed = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": []}
    assert "shown" not in read(tmp_path, [cell("#| echo: false\nshown", [printed])]).text
    assert "out" not in read(tmp_path, [cell("#| output: false\nx", [printed])]).text
    assert "warned" not in read(tmp_path, [cell("#| warning: false\nx", [warned])]).text
    assert read(tmp_path, [cell("#| include: false\nx", [printed])]).text.strip() == ""
    hidden = read(tmp_path, [cell("#| include: false\nx", [failed])])
    assert [fault.label for fault in hidden.faults] == ["cell-1"]


def test_code_folds_as_the_book_wishes_and_the_cell_may_differ(tmp_path: Path) -> None:
    cells = [cell("a"), cell("#| code-fold: false\nb"), cell("#| code-summary: Look\nc")]
    text = read(tmp_path, cells, code_fold="true", code_summary="Show").text
    assert re.findall(r'code-fold="(\w+)" code-summary="(\w+)"', text) == [
        ("true", "Show"),
        ("false", "Show"),
        ("true", "Look"),
    ]


@settings(max_examples=100)
@given(st.lists(st.integers(2, 5), min_size=1, max_size=12))
def test_contents_nest_whatever_the_levels(levels: list[int]) -> None:
    headings = [
        {"level": level, "id": f"h{i}", "number": "", "title": f"T{i}"}
        for i, level in enumerate(levels)
    ]

    class Reader(HTMLParser):
        open_tags: list[str] = []  # noqa: RUF012
        seen: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            above = self.open_tags[-1] if self.open_tags else None
            assert {"ul": above in {None, "li"}, "li": above == "ul", "a": above == "li"}[tag]
            self.open_tags.append(tag)
            if tag == "a":
                self.seen.append(str(dict(attrs)["href"]))

        def handle_endtag(self, tag: str) -> None:
            assert self.open_tags.pop() == tag

    reader = Reader()
    reader.open_tags, reader.seen = [], []
    reader.feed(nested_list(headings))
    assert reader.open_tags == []
    assert reader.seen == [f"#h{i}" for i in range(len(levels))]


@settings(max_examples=100)
@given(
    st.lists(words, max_size=2),
    st.lists(st.one_of(words, st.just(".")), min_size=1, max_size=3),
    st.integers(0, 2),
    words,
)
def test_links_resolve_as_browsers_resolve_them(
    folders: list[str], path: list[str], up: int, fragment: str
) -> None:
    page = "/".join([*folders, "page.html"])
    url = "../" * min(up, len(folders)) + "/".join([*path, "x.html"]) + "#" + fragment
    base = "http://host/"
    expected = urljoin(base + page, url).removeprefix(base)
    assert "#".join(resolve(page, url)) == expected
    assert resolve(page, "#a%20b") == (page, "a b")


def test_chapters_come_in_order_with_their_parts() -> None:
    listed = ["index.qmd", {"part": "P", "chapters": ["a.ipynb", {"file": "b.qmd"}]}, "c.qmd"]
    assert [(c.source, c.part) for c in entries(listed, "chapter")] == [
        ("index.qmd", None),
        ("a.ipynb", "P"),
        ("b.qmd", "P"),
        ("c.qmd", None),
    ]
    assert Chapter("x/a.ipynb").page == "x/a.html"
    assert names([{"name": "A"}, "B", {"name": {"literal": "C"}}]) == "A, B, C"
    assert pdf_name("Seeing Games: a book", None) == "Seeing-Games-a-book.pdf"
    assert pdf_name("x", "book") == "book.pdf"
