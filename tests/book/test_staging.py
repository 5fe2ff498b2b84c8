"""Sources of the book: listed, staged, and what of them a chapter rests on."""

import pytest

from lib.book.fingerprint import chapter_fingerprint
from lib.book.staging import book_sources, stage
from tests.book.small import FIRST, LAST, write_notebook


def test_the_sources_of_the_book_are_listed_in_order(book):
    sources = book_sources(book)
    assert sources.chapters == ("index.qmd", FIRST)
    assert sources.appendices == (LAST,)
    assert sources.notebooks == [FIRST, LAST]
    (book / LAST).unlink()
    with pytest.raises(ValueError, match=r"lists chapters/90-last\.ipynb, which does not exist"):
        book_sources(book)


def test_staging_copies_what_changed_and_removes_what_is_gone(book):
    build = book / "build"
    written = {path.relative_to(build).as_posix() for path in stage(book, build)}
    assets = {"pictures/icon.svg", "figures/seen.png", "extra/a.json"}
    assert written == {"_quarto.yml", "index.qmd", "references.bib", *assets}
    assert stage(book, build) == []
    (build / "chapters").mkdir()
    (build / "chapters" / "01-first.ipynb").touch()
    (build / "chapters" / "77-gone.ipynb").touch()
    (build / "chapters" / "animation.gif").touch()
    (book / "extra" / "a.json").unlink()
    (book / "index.qmd").write_text("new")
    assert stage(book, build) == [build / "index.qmd"]
    assert (build / "index.qmd").read_text() == "new"
    assert not (build / "extra" / "a.json").exists()
    left = {path.name for path in (build / "chapters").iterdir()}
    assert left == {"01-first.ipynb", "animation.gif"}


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", "not valid YAML"), ("", "is empty"), ("book: {}", "lists no chapters")],
)
def test_a_malformed_configuration_is_named(tmp_path, text, message):
    (tmp_path / "_quarto.yml").write_text(text)
    with pytest.raises(ValueError, match=message):
        book_sources(tmp_path)


def test_of_the_library_only_what_a_chapter_imports_counts(book):
    write_notebook(book / FIRST, "from lib.models import vqvae")
    before = chapter_fingerprint(book, book / FIRST, {})
    for name, counts in (
        ("lib/training/loop.py", False),
        ("lib/models/vqvae.py", True),
        ("lib/models/quantiser.py", True),  # which vqvae imports
    ):
        (book / name).parent.mkdir(parents=True, exist_ok=True)
        (book / name).write_text("changed")
        after = chapter_fingerprint(book, book / FIRST, {})
        assert (after != before) is counts, name
        before = after


def test_fingerprints_are_the_same_wherever_the_project_lies(book, tmp_path):
    moved = tmp_path / "elsewhere"
    for name in ("lib/part.py", FIRST):
        (moved / name).parent.mkdir(parents=True, exist_ok=True)
        (moved / name).write_bytes((book / name).read_bytes())
    here = chapter_fingerprint(book, book / FIRST, {"seed": 1})
    assert chapter_fingerprint(moved, moved / FIRST, {"seed": 1}) == here
