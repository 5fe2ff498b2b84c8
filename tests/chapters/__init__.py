"""Tests of the book itself, to be run after it was built: `make site` does both."""

import os
from pathlib import Path

from lib.book.staging import book_sources

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("BOOK_SITE") or ROOT / "_book").resolve()
CHAPTERS = [Path(name).stem for name in book_sources(ROOT).notebooks]
