"""One pandoc process: all chapters in, numbered and linked HTML or Typst out."""

import json
import subprocess
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from lib.book.pandoc.faults import BookError, Fault
from lib.book.pandoc.project import Book, Chapter

ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class Pressed:
    """What pandoc made of the book.

    Attributes:
        chapters: One mapping a chapter, in order; its keys are those of ``links.lua``.
        faults: What authors have to mend; with any, `chapters` may be incomplete.
    """

    chapters: tuple[dict[str, Any], ...]
    faults: tuple[Fault, ...]


def pandoc_program() -> str:
    """Path of pandoc, as ``pypandoc-binary`` carries it.

    Raises:
        BookError: if there is none.
    """
    try:
        import pypandoc

        return str(pypandoc.get_pandoc_path())
    except (ImportError, OSError) as error:
        raise BookError(
            "pandoc is missing; install the book's tools with `make`, "
            "or `pip install pypandoc-binary`"
        ) from error


def has_own_pdf(chapter: Chapter) -> bool:
    """Whether readers get this page as a PDF of its own: notebooks and appendices."""
    return chapter.is_notebook or chapter.kind == "appendix"


def hint(reference: str, labels: list[str]) -> str:
    """What an author may have meant by a reference to a label that is not there."""
    near = get_close_matches(reference.removeprefix("@"), labels, n=1)
    lost = reference.startswith("@") and reference[1:] not in labels
    return f"; is @{near[0]} meant?" if near and lost else ""


def press(book: Book, texts: list[str], target: Literal["html", "typst"]) -> Pressed:
    """Turn the Markdown of all chapters into HTML bodies or Typst bodies.

    Raises:
        BookError: if pandoc itself fails; its words are in the message.
    """
    job: dict[str, Any] = {
        "target": target,
        "lang": book.lang,
        "bibliography": [str(book.root / name) for name in book.bibliography],
        "number_sections": book.number_sections,
        "number_depth": book.number_depth,
        "chapters": [
            {
                "source": chapter.source,
                "file": chapter.page,
                "kind": chapter.kind,
                "text": text,
                "single": has_own_pdf(chapter),
            }
            for chapter, text in zip(book.chapters, texts, strict=True)
        ],
    }
    if book.csl:
        job["csl"] = str(book.root / book.csl)
    if book.site_url:
        job["site_url"] = book.site_url.rstrip("/") + "/"
    program = [pandoc_program(), "lua", str(ASSETS / "press.lua")]
    done = subprocess.run(program, input=json.dumps(job).encode(), capture_output=True, check=False)
    if done.returncode:
        raise BookError(f"pandoc failed: {done.stderr.decode(errors='replace').strip()}")
    result = json.loads(done.stdout)
    sources = {chapter.page: chapter.source for chapter in book.chapters}
    faults = tuple(
        Fault(
            sources.get(found["file"], found["file"]),
            found["label"],
            found["message"] + hint(found["label"], result["labels"]),
        )
        for found in result["faults"]
    )
    return Pressed(tuple(result["chapters"]), faults)
