"""The test book, rendered once for all tests that read it."""

from pathlib import Path

import pytest

from lib.book.render import RenderReport, render_book
from tests.book.testbook import make_testbook


@pytest.fixture(scope="session")
def testbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test book's project folder."""
    return make_testbook(tmp_path_factory.mktemp("project") / "build")


@pytest.fixture(scope="session")
def rendered(testbook: Path, tmp_path_factory: pytest.TempPathFactory) -> RenderReport:
    """The test book as pandoc and Typst render it."""
    return render_book(testbook, tmp_path_factory.mktemp("site") / "_book", renderer="pandoc")
