"""The site in a real browser: search, darkness, references, folds, small screens, silence.

With ``BOOK_SITE`` naming a folder, the same general checks run over every page of that site.
"""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lib.book.render import RenderReport

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium: apt install chromium"),
]


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, format: str, *args: object) -> None: ...


@dataclass
class Server:
    """A site on 127.0.0.1 and what a browser did with it."""

    url: str
    folder: Path
    foreign: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def watch(self, context: playwright.BrowserContext) -> None:
        """Note requests to other hosts, failed ones, errors and whatever the console says."""
        context.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        context.on("weberror", lambda error: self.said.append(f"error: {error.error}"))
        context.on("request", self.note)
        context.on("requestfailed", lambda request: self.said.append(f"failed: {request.url}"))

    def note(self, request: playwright.Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.foreign.append(request.url)

    def assert_silent(self) -> None:
        assert self.foreign == []
        assert self.said == []


def serve(folder: Path) -> Iterator[Server]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Server(f"http://127.0.0.1:{server.server_port}/", folder)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def book(rendered: RenderReport) -> Iterator[Server]:
    yield from serve(rendered.site)


@pytest.fixture(params=["testbook", "BOOK_SITE"])
def site(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The test book, and the site that ``BOOK_SITE`` names."""
    if request.param == "testbook":
        yield from serve(request.getfixturevalue("rendered").site)
        return
    named = os.environ.get("BOOK_SITE")
    if not named:
        pytest.skip("BOOK_SITE names no site")
    yield from serve(Path(named).resolve())


@pytest.fixture
def page(browser: playwright.Browser) -> Iterator[playwright.Page]:
    context = browser.new_context(
        viewport={"width": 1400, "height": 900}, color_scheme="light", reduced_motion="reduce"
    )
    context.set_default_timeout(10_000)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


def background(page: playwright.Page) -> int:
    """Brightness of the page, 0 to 255."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g)")
    return sum(map(int, colour[:3])) // 3


def test_every_page_is_silent_and_asks_no_other_host(site: Server, page: playwright.Page) -> None:
    site.watch(page.context)
    pages = sorted(path.relative_to(site.folder).as_posix() for path in site.folder.rglob("*.html"))
    assert pages
    for name in pages:
        page.goto(site.url + name, wait_until="networkidle")
        broken = """[...document.images].map(i => i.currentSrc && i.complete && !i.naturalWidth
                    ? i.currentSrc : "").filter(Boolean)"""
        assert page.evaluate(broken) == [], name
        overflow = "document.documentElement.scrollWidth - innerWidth"
        assert page.evaluate(overflow) <= 0, f"{name} is wider than the window"
    site.assert_silent()


def test_search_finds_and_leads_there(site: Server, page: playwright.Page) -> None:
    site.watch(page.context)
    page.goto(site.url + "index.html")
    page.keyboard.press("/")
    page.keyboard.type(os.environ.get("BOOK_SITE_WORD", "figure"))
    first = page.locator("#hits a").first
    first.wait_for()
    assert page.locator("#hits mark").count() >= 1
    target = first.get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{target}")
    assert not page.locator("#search").is_visible()
    site.assert_silent()


def test_darkness_is_remembered(site: Server, page: playwright.Page) -> None:
    site.watch(page.context)
    page.goto(site.url + "index.html")
    assert background(page) > 200
    page.click("#theme")
    assert background(page) < 80
    page.click(".pager a.next")
    page.wait_for_load_state()
    assert background(page) < 80
    page.click("#theme")
    assert background(page) > 200
    site.assert_silent()


def test_the_system_decides_until_the_reader_does(
    book: Server, browser: playwright.Browser
) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(book.url + "index.html")
    assert background(page) < 80
    page.emulate_media(color_scheme="light")
    assert background(page) > 200
    context.close()


def test_nothing_is_found_of_nothing(book: Server, page: playwright.Page) -> None:
    page.goto(book.url + "index.html")
    page.click("#find")
    page.keyboard.type("xylophone")
    page.locator("#search .status", has_text="Nothing on “xylophone”").wait_for()
    page.keyboard.press("Escape")
    assert not page.locator("#search").is_visible()


def test_a_reference_leads_to_another_chapter(book: Server, page: playwright.Page) -> None:
    book.watch(page.context)
    page.goto(book.url + "index.html")
    link = page.locator("article a.crossref", has_text="Figure 1.1")
    link.hover()
    note = page.locator("#hover-note")
    note.locator("img").wait_for()
    assert "Figure 1.1: A clean wave" in note.inner_text().replace("\xa0", " ")
    link.click()
    page.wait_for_url("**/chapters/01-signals.html#fig-wave")
    assert page.evaluate(
        "Math.abs(document.querySelector(':target').getBoundingClientRect().top) < 200"
    )
    citation = page.locator("a.citation").first
    citation.hover()
    note.get_by_text("Literate Programming").wait_for()
    book.assert_silent()


def test_code_unfolds_and_can_be_copied(book: Server, page: playwright.Page) -> None:
    book.watch(page.context)
    page.goto(book.url + "chapters/01-signals.html")
    fold = page.locator("details.code-fold", has_text="Show the code").first
    block = fold.locator("pre")
    assert not block.is_visible()
    fold.locator("summary").click()
    assert block.is_visible()
    block.hover()
    fold.locator("button.copy").click()
    fold.locator("button.copy", has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "draw_wave(clean=True)"
    book.assert_silent()


def test_tabs_and_enlarged_figures(book: Server, page: playwright.Page) -> None:
    book.watch(page.context)
    page.goto(book.url + "chapters/02-models.html")
    page.get_by_role("tab", name="Two").click()
    assert page.get_by_text("Second tab.").is_visible()
    assert not page.get_by_text("First tab.").is_visible()
    page.locator("#fig-fit img").click()
    large = page.locator("#lightbox img")
    assert large.is_visible()
    assert large.get_attribute("alt") == "A wave"
    page.keyboard.press("Escape")
    assert not large.is_visible()
    book.assert_silent()


def test_the_section_in_view_is_marked(book: Server, page: playwright.Page) -> None:
    page.goto(book.url + "chapters/01-signals.html")
    marked = page.locator(".toc a.active")
    assert marked.count() == 0
    page.evaluate("document.getElementById('sec-drawing').scrollIntoView()")
    page.locator(".toc a.active[href='#sec-drawing']").wait_for()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.locator(".toc a.active[href='#things-that-move']").wait_for()
    assert marked.count() == 1


def test_the_menu_of_small_screens(book: Server, browser: playwright.Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    book.watch(context)
    page = context.new_page()
    page.goto(book.url + "chapters/longtable.html")
    link = page.locator("nav.side a", has_text="Models")
    assert not link.is_visible()
    page.click("#burger")
    link.wait_for(state="visible")
    assert page.locator("#burger").get_attribute("aria-expanded") == "true"
    page.wait_for_timeout(250)
    page.keyboard.press("Escape")
    link.wait_for(state="hidden")
    page.click("#burger")
    link.click()
    page.wait_for_url("**/02-models.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    book.assert_silent()
    context.close()
