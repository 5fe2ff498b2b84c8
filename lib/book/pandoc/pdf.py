"""The printed book and its chapters, set by Typst."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path

from lib.book.pandoc.faults import BookError, Fault
from lib.book.pandoc.press import ASSETS, Pressed
from lib.book.pandoc.project import Book
from lib.files import atomic_path


def literal(text: str) -> str:
    """A Typst string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def call(function: str, book: Book, **more: str) -> str:
    """The first lines of a Typst document: what it looks like and what stands on its cover."""
    named = {
        "title": book.title,
        "subtitle": book.subtitle,
        "author": book.author,
        "date": book.date,
        "lang": book.lang.split("-")[0],
        "paper": book.papersize,
        **more,
    }
    listed = ", ".join(f"{name}: {literal(value)}" for name, value in named.items())
    return f'#import "/book.typ": *\n#show: {function}.with({listed})\n\n'


def whole_book(book: Book, pressed: Pressed) -> str:
    """Typst source of the whole book, with a leaf before each part."""
    image = {"image": f"/{book.image}"} if book.image else {}
    text = call("book", book, **image)
    parts = [None, *(chapter.part for chapter in book.chapters)]
    for (before, part), made in zip(pairwise(parts), pressed.chapters, strict=True):
        if part and part != before:
            text += f"#part({literal(part)})\n\n"
        text += made["body"] + "\n\n"
    return text


def chapter_alone(book: Book, pressed: Pressed, index: int) -> str:
    """Typst source of one chapter with its own references."""
    made = pressed.chapters[index]
    return call("alone", book, chapter=made["plain"]) + made["single"]


def missing_images(book: Book, pressed: Pressed, media: Mapping[str, bytes]) -> list[Fault]:
    """Images that the PDFs would show but that are nowhere."""
    return [
        Fault(chapter.source, image["src"], f"leads nowhere: there is no {image['path']}")
        for chapter, made in zip(book.chapters, pressed.chapters, strict=True)
        for image in made["images"]
        if image["path"] not in media and not (book.root / image["path"]).is_file()
    ]


def gather_images(book: Book, pressed: Pressed, media: Mapping[str, bytes], folder: Path) -> None:
    """Put every image that the PDFs show under `folder`, at its path in the project."""
    paths = {image["path"] for made in pressed.chapters for image in made["images"]}
    for path in paths | ({book.image} if book.image else set()):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path in media:
            target.write_bytes(media[path])
        else:
            shutil.copyfile(book.root / path, target)


def compile_pdf(source: str, target: Path, root: Path, what: str) -> None:
    """Compile Typst text to `target`, with only the fonts that Typst carries.

    Raises:
        BookError: if Typst refuses; its message is kept.
    """
    import typst

    main = root / f"{what.replace('/', '-')}.typ"
    main.write_text(source, encoding="utf-8")
    with atomic_path(target) as temporary:
        try:
            data = typst.compile(main, root=root, ignore_system_fonts=True)
        except typst.TypstError as error:
            raise BookError(f"{what}: Typst cannot set it: {error}") from error
        assert isinstance(data, bytes)
        temporary.write_bytes(data)


def write_pdfs(book: Book, pressed: Pressed, media: Mapping[str, bytes], output: Path) -> Path:
    """Compile the book and its chapters at once, in threads; return the book's path.

    Raises:
        BookError: if Typst refuses one of them.
    """
    path = output / book.pdf_name
    with tempfile.TemporaryDirectory(prefix="book-") as name:
        root = Path(name)
        gather_images(book, pressed, media, root)
        shutil.copyfile(ASSETS / "book.typ", root / "book.typ")
        tasks: list[Callable[[], None]] = [
            partial(compile_pdf, whole_book(book, pressed), path, root, book.pdf_name)
        ]
        for index, chapter in enumerate(book.chapters):
            if "single" in pressed.chapters[index]:
                text = chapter_alone(book, pressed, index)
                target = output / chapter.beside(".pdf")
                tasks.append(partial(compile_pdf, text, target, root, chapter.source))
        with ThreadPoolExecutor() as pool:
            for done in [pool.submit(task) for task in tasks]:
                done.result()
    return path
