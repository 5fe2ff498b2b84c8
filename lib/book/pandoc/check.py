"""Checks of finished pages: links, images without words for them, other hosts."""

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from lib.book.pandoc.faults import Fault

LOADING = {  # attributes that make a browser fetch something at once
    "img": ("src",),
    "script": ("src",),
    "iframe": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "source": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "link": ("href",),
}
LABEL = re.compile(r"(?:fig|tbl|eq|sec)-")  # used twice, it is a fault of the source already
SCHEME = re.compile(r"^(?:[a-zA-Z][\w+.-]*:|//)")


@dataclass
class Page(HTMLParser):
    """What a page holds: ids, local links, loads from other hosts, images without alt text."""

    ids: Counter[str] = field(default_factory=Counter)
    links: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what one tag names, links to or loads."""
        found = {name: value or "" for name, value in attrs}
        if found.get("id"):
            self.ids[found["id"]] += 1
        if tag == "img" and "src" in found and not found.get("alt"):
            self.silent.append(found["src"])
        for name in LOADING.get(tag, ()) + (("href",) if tag == "a" else ()):
            url = found.get(name, "")
            if not url:
                continue
            if not SCHEME.match(url):
                self.links.append(url)
            elif tag != "a" and not url.startswith("data:"):
                self.foreign.append(url)


def read_page(html: str) -> Page:
    """Scan one page."""
    page = Page()
    page.feed(html)
    page.close()
    return page


def resolve(page: str, url: str) -> tuple[str, str]:
    """Path from the site's root and fragment of a local `url` that stands on `page`."""
    path, _, fragment = url.partition("#")
    path = unquote(path.partition("?")[0])
    if not path:
        return page, unquote(fragment)
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    return (f"{joined}/index.html" if path.endswith("/") else joined), unquote(fragment)


def wrong_links(
    name: str, pages: Mapping[str, Page], exists: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """Links of page `name` that lead nowhere, each with what is wrong about it."""
    for url in dict.fromkeys(pages[name].links):
        path, fragment = resolve(name, url)
        if path not in pages and not exists(path):
            near = get_close_matches(path, pages, n=1)
            hint = f"; is {near[0]} meant?" if near else ""
            yield url, f"leads nowhere: there is no {path}{hint}"
        elif fragment and path in pages and fragment not in pages[path].ids:
            near = get_close_matches(fragment, pages[path].ids, n=1)
            hint = f"; is #{near[0]} meant?" if near else ""
            yield url, f"leads nowhere: {path} has no #{fragment}{hint}"


def check_pages(
    html: Mapping[str, str], sources: Mapping[str, str], exists: Callable[[str], bool]
) -> list[Fault]:
    """Check all pages together.

    Args:
        html: Pages by path from the site's root.
        sources: The source that each page was made from, to name in faults.
        exists: Whether a path from the site's root is there, or can be brought there.
    """
    pages = {name: read_page(text) for name, text in html.items()}
    faults = []
    for name, page in pages.items():
        source = sources.get(name, name)
        faults += [Fault(source, url, what) for url, what in wrong_links(name, pages, exists)]
        faults += [
            Fault(source, url, "is loaded from another host; put the file beside the chapter")
            for url in page.foreign
        ]
        faults += [
            Fault(source, url, "has no alternative text; say in fig-alt what the picture shows")
            for url in page.silent
        ]
        faults += [
            Fault(source, f"#{name}", f"stands {count} times on one page; names are unique")
            for name, count in page.ids.items()
            if count > 1 and not LABEL.match(name)
        ]
    return faults


def check_site(folder: Path) -> list[Fault]:
    """Check a finished site, whoever rendered it: every ``.html`` file under `folder`."""
    html = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.html"))
    }
    return check_pages(html, {}, lambda path: (folder / path).exists())
