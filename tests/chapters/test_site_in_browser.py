"""The built book in a real browser: the checks of the test book, on the real one."""

from collections.abc import Iterator

import pytest

from tests.book.test_browser import (  # fixtures and tests, collected from here, too
    Server,
    browser,
    page,
    pytestmark,
    serve,
    test_darkness_is_remembered,
    test_every_page_is_silent_and_asks_no_other_host,
    test_search_finds_and_leads_there,
)
from tests.chapters import SITE

__all__ = [
    "browser",
    "page",
    "pytestmark",
    "test_darkness_is_remembered",
    "test_every_page_is_silent_and_asks_no_other_host",
    "test_search_finds_and_leads_there",
]


@pytest.fixture
def site(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The built book, in place of the test book."""
    index = SITE / "index.html"
    if not index.is_file():
        pytest.fail(f"there is no book in {SITE.name}/: run `make book`", pytrace=False)
    of_quarto = 'name="generator" content="quarto' in index.read_text(encoding="utf-8")
    if of_quarto and request.function is not test_every_page_is_silent_and_asks_no_other_host:
        pytest.skip("search and darkness of this site are Quarto's own")
    monkeypatch.setenv("BOOK_SITE_WORD", "codebook")
    yield from serve(SITE)
