"""The website: one page a chapter, what its pages link to, and the search index."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from lib.book.pandoc.faults import BookError
from lib.book.pandoc.press import ASSETS, Pressed, has_own_pdf
from lib.book.pandoc.project import Book, Chapter
from lib.files import atomic_path, write_text

LINE_ANCHOR = re.compile(r'<a href="#cb\d+-\d+" aria-hidden="true" tabindex="-1"></a>')
TEX_SOURCE = re.compile(r"<annotation [^>]*>.*?</annotation>", re.DOTALL)  # said twice if kept
LINE_NUMBER = re.compile(r'<span id="cb\d+-\d+">')
ACCENT = re.compile('(<mo accent="true">)([\u0302-\u0307])(?=</mo>)')
SPACING = dict(zip("\u0302\u0303\u0304\u0306\u0307", "^~\u00af\u02d8\u02d9", strict=True))
SEARCH_ENGINE = ("pagefind.js", "pagefind-worker.js", "pagefind-entry.json")


def upwards(page: str) -> str:
    """The way from a page to the site's root: ``../`` for each folder."""
    return "../" * page.count("/")


def numbered(number: str, title: str) -> str:
    """A title with its number before it, as navigation shows them."""
    return f'<span class="number">{escape(number)}</span><span>{title}</span>' if number else title


def sidebar(book: Book, pressed: Pressed, current: Chapter) -> str:
    """All chapters under their parts; the current one is marked."""
    up, part = upwards(current.page), None
    items = []
    for chapter, made in zip(book.chapters, pressed.chapters, strict=True):
        free = ' class="free"' if part and not chapter.part else ""
        if chapter.part != part:
            part = chapter.part
            items.append(f'<li class="part">{escape(part)}</li>' if part else "")
        mark = ' aria-current="page"' if chapter == current else ""
        text = numbered(made["number"], f"<span>{made['title']}</span>")
        items.append(f'<li{free}><a href="{escape(up + chapter.page)}"{mark}>{text}</a></li>')
    return "<ul>\n" + "\n".join(items) + "\n</ul>"


def nested_list(headings: list[dict[str, Any]]) -> str:
    """Headings as lists within lists, however their levels jump."""
    html, open_levels = "", list[int]()
    for heading in headings:
        level = heading["level"]
        while open_levels and open_levels[-1] > level:
            html += "</li></ul>"
            open_levels.pop()
        if open_levels and open_levels[-1] == level:
            html += "</li>"
        else:
            html += "<ul>"
            open_levels.append(level)
        number = f'<span class="number">{heading["number"]}</span>' if heading["number"] else ""
        html += f'<li><a href="#{escape(heading["id"])}">{number}{heading["title"]}</a>'
    return html + "</li></ul>" * len(open_levels)


def page_contents(book: Book, headings: list[dict[str, Any]]) -> str:
    """The page's sections in a fold; nothing if there are none."""
    shown = [heading for heading in headings if heading["level"] <= book.toc_depth]
    if not shown or not book.toc:
        return ""
    return (
        '<details class="toc" open><summary>On this page</summary>'
        f'<nav aria-label="On this page">{nested_list(shown)}</nav></details>'
    )


def pager(book: Book, pressed: Pressed, index: int) -> str:
    """Links to the previous and the next page."""
    up = upwards(book.chapters[index].page)
    links = []
    for step, name, word in ((-1, "prev", "Previous"), (1, "next", "Next")):
        if 0 <= index + step < len(book.chapters):
            made = pressed.chapters[index + step]
            title = f"{made['number']} {made['title']}" if made["number"] else made["title"]
            href = escape(up + book.chapters[index + step].page)
            links.append(
                f'<a class="{name}" rel="{name}" href="{href}"><small>{word}</small>{title}</a>'
            )
    return "".join(links)


def downloads(chapter: Chapter) -> str:
    """Under the title: the executed notebook and the chapter's PDF."""
    links = []
    if chapter.is_notebook:
        name = escape(Path(chapter.source).name)
        links.append(f'<a href="{name}" download>Notebook</a>')
    if has_own_pdf(chapter):
        links.append(f'<a href="{escape(Path(chapter.beside(".pdf")).name)}">PDF</a>')
    return f'<div class="downloads" data-pagefind-ignore>{"".join(links)}</div>' if links else ""


def metadata(book: Book, chapter: Chapter, made: Mapping[str, Any], head_title: str) -> str:
    """Description and social metadata of one page."""
    description = made["description"]
    if not description or chapter == book.chapters[0]:
        description = book.description or description
    if len(description) > 200:
        description = description[:200].rsplit(" ", 1)[0] + " …"
    base = book.site_url.rstrip("/") + "/" if book.site_url else ""
    og = {
        "og:type": "article",
        "og:site_name": book.title,
        "og:title": head_title,
        "og:description": description,
        "og:url": base + chapter.page if base else "",
        "og:image": (base or upwards(chapter.page)) + book.image if book.image else "",
    }
    named = {"description": description, "author": book.author}
    named["twitter:card"] = "summary_large_image" if book.image else "summary"
    lines = [f'<meta name="{k}" content="{escape(v)}">' for k, v in named.items() if v]
    lines += [f'<meta property="{k}" content="{escape(v)}">' for k, v in og.items() if v]
    return "\n".join(lines)


def clean(body: str) -> str:
    """Pandoc's HTML without what no reader needs, and with accents that every font can draw.

    Anchors of code lines and TeX twins of formulas go; combining accents in formulas, which
    browsers lose without a mathematical font, become spacing ones.
    """
    body = LINE_NUMBER.sub("<span>", LINE_ANCHOR.sub("", body))
    return ACCENT.sub(lambda m: m[1] + SPACING.get(m[2], m[2]), TEX_SOURCE.sub("", body))


def page(book: Book, pressed: Pressed, index: int, template: Template) -> str:
    """One page, ready to be written."""
    chapter, made = book.chapters[index], pressed.chapters[index]
    up = upwards(chapter.page)
    first = chapter == book.chapters[0]
    head_title = book.title if first else f"{made['plain']} – {book.title}"
    tools = f'<a class="wide" href="{escape(up + book.pdf_name)}">PDF</a>' if book.pdf else ""
    if book.repo_url:
        tools += f'<a class="wide" href="{escape(book.repo_url)}">Source</a>'
    body = clean(made["body"])
    if first:
        authors = f"{book.author} · {book.date}" if book.date else book.author
        line = f'<p class="downloads" data-pagefind-ignore>{escape(authors)}</p>' if authors else ""
    else:
        line = downloads(chapter)
    return template.substitute(
        lang=escape(book.lang),
        up=up,
        head_title=escape(head_title),
        metadata=metadata(book, chapter, made, head_title),
        favicon=escape(up + (book.favicon or "favicon.svg")),
        book=escape(book.title),
        tools=tools,
        sidebar=sidebar(book, pressed, chapter),
        body=body.replace("</h1>", f"</h1>\n{line}", 1),
        pager=pager(book, pressed, index),
        footer=f"<p>{escape(book.footer)}</p>" if book.footer else "",
        toc=page_contents(book, made["headings"]),
    )


def write_pages(book: Book, pressed: Pressed, output: Path) -> dict[str, str]:
    """Write all pages and the site's own files; return the pages' HTML by path."""
    template = Template((ASSETS / "page.html").read_text(encoding="utf-8"))
    pages = {
        chapter.page: page(book, pressed, index, template)
        for index, chapter in enumerate(book.chapters)
    }
    for path, html in pages.items():
        write_text(output / path, html)
    for name in ("book.css", "book.js", "favicon.svg"):
        shutil.copyfile(ASSETS / name, output / name)
    return pages


def copy_into(book: Book, path: str, media: Mapping[str, bytes], output: Path) -> bool:
    """Put the project's file `path` beside the pages that link to it; False if there is none."""
    target, source = output / path, book.root / path
    if path not in media and not source.is_file():
        return False
    with atomic_path(target) as temporary:
        if path in media:
            temporary.write_bytes(media[path])
        else:
            shutil.copyfile(source, temporary)
    return True


def copy_resources(book: Book, output: Path) -> None:
    """Copy what ``project.resources`` names, and every notebook for download."""
    found = [p for pattern in book.resources for p in book.root.glob(pattern) if p.is_file()]
    names = [path.relative_to(book.root).as_posix() for path in found]
    names += [chapter.source for chapter in book.chapters if chapter.is_notebook]
    names += [name for name in (book.image, book.favicon) if name]
    for name in names:
        if not copy_into(book, name, {}, output):
            raise BookError(f"_quarto.yml names {name}, which does not exist")


def build_search(output: Path) -> None:
    """Index the pages with Pagefind, and leave out the interfaces that no page uses.

    Raises:
        BookError: if Pagefind is missing or fails.
    """
    command = [sys.executable, "-m", "pagefind", "--site", str(output), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BookError(f"Pagefind cannot index the book: {(done.stderr or done.stdout).strip()}")
    for path in (output / "pagefind").iterdir():
        if path.suffix in {".js", ".css"} and path.name not in SEARCH_ENGINE:
            path.unlink()
