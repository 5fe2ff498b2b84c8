"""The book's second renderer: pandoc for the text, Typst for the PDF, Pagefind for the search."""

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lib.book.pandoc.check import check_pages
from lib.book.pandoc.faults import BookError, Fault, raise_faults
from lib.book.pandoc.notebook import Prose, read_chapter
from lib.book.pandoc.pdf import missing_images, write_pdfs
from lib.book.pandoc.press import Pressed, has_own_pdf, press
from lib.book.pandoc.project import Book, read_project
from lib.book.pandoc.site import build_search, copy_into, copy_resources, write_pages

__all__ = ["BookError", "Fault", "Rendered", "check_sources", "render"]


@dataclass(frozen=True)
class Rendered:
    """A finished book: how many pages its site has, and where its PDF lies."""

    pages: int
    pdf: Path


def read_all(book: Book) -> tuple[list[str], dict[str, bytes], list[Fault]]:
    """Markdown of all chapters, images out of notebooks by path, and faults so far."""
    proses: list[Prose] = [read_chapter(chapter, book) for chapter in book.chapters]
    media = {path: data for prose in proses for path, data in prose.media.items()}
    return [prose.text for prose in proses], media, [f for prose in proses for f in prose.faults]


def write_site(
    book: Book, pressed: Pressed, media: Mapping[str, bytes], output: Path
) -> list[Fault]:
    """Write the pages and all that they link to; return what is wrong with them."""
    html = write_pages(book, pressed, output)
    copy_resources(book, output)
    coming = {chapter.beside(".pdf") for chapter in book.chapters if has_own_pdf(chapter)}
    coming |= {book.pdf_name}

    def brought(path: str) -> bool:
        inside = not path.startswith(("../", "/"))
        there = path in coming or (inside and (output / path).exists())
        return there or (inside and copy_into(book, path, media, output))

    return check_pages(html, {chapter.page: chapter.source for chapter in book.chapters}, brought)


def check_sources(project: Path) -> None:
    """Check a book without printing it: references, citations, labels, alt texts, failed cells.

    Raises:
        BookError: naming every fault.
    """
    book = read_project(project)
    texts, _, faults = read_all(book)
    raise_faults([*faults, *press(book, texts, "html").faults])


def render(project: Path, output: Path) -> Rendered:
    """Render the staged book in `project` to `output`, which is replaced as a whole.

    The site is built beside `output` first: a book with faults leaves the last good one in place.

    Raises:
        BookError: naming every fault, or what the tools said when one of them failed.
    """
    book = read_project(project)
    work = output.with_name(f".{output.name}.partial")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    texts, media, faults = read_all(book)

    def print_book() -> list[Fault]:
        pressed = press(book, texts, "typst")
        found = list(pressed.faults) or missing_images(book, pressed, media)
        if not found:
            write_pdfs(book, pressed, media, work)
        return found

    try:
        with ThreadPoolExecutor() as pool:
            printing = pool.submit(print_book)
            shown = press(book, texts, "html")
            faults += [*shown.faults, *write_site(book, shown, media, work)]
            if not faults:
                build_search(work)
            faults += printing.result()
        raise_faults(faults)
        shutil.rmtree(output, ignore_errors=True)
        work.rename(output)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Rendered(len(book.chapters), output / book.pdf_name)
