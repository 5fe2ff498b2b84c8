"""One command for the whole book: website and PDF, by Quarto or by pandoc."""

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lib.book import pandoc
from lib.book.pandoc.check import check_site
from lib.book.pandoc.faults import BookError, Fault, raise_faults
from lib.book.pandoc.project import read_project
from lib.book.quarto import find_quarto, is_usable, render_with_quarto

__all__ = ["BookError", "Fault", "RenderReport", "choose_renderer", "render_book"]

Renderer = Literal["auto", "quarto", "pandoc"]


@dataclass(frozen=True)
class RenderReport:
    """What was rendered.

    Attributes:
        renderer: ``quarto`` or ``pandoc``.
        pages: Number of web pages.
        pdf: The whole book as PDF.
        seconds: Wall time.
    """

    renderer: str
    pages: int
    pdf: Path
    seconds: float

    @property
    def site(self) -> Path:
        """Folder of the website; its first page is ``index.html``."""
        return self.pdf.parent

    def __str__(self) -> str:
        return (
            f"{self.pages} pages and {self.pdf.name} in {self.site}, "
            f"by {self.renderer} in {self.seconds:.1f} s"
        )


def choose_renderer(renderer: Renderer = "auto") -> tuple[Literal["quarto", "pandoc"], Path | None]:
    """Decide between the renderers: the argument, else ``RENDERER``, else Quarto if it is found.

    Returns:
        The renderer's name, and Quarto's program if that is it.

    Raises:
        BookError: if the name is unknown, or Quarto is asked for but missing or too old.
    """
    wanted = os.environ.get("RENDERER") or "auto" if renderer == "auto" else renderer
    if wanted not in {"auto", "quarto", "pandoc"}:
        raise BookError(f"RENDERER is {wanted!r}; quarto, pandoc or auto is wanted")
    if wanted == "pandoc":
        return "pandoc", None
    program = find_quarto()
    if program and is_usable(program):
        return "quarto", program
    if wanted == "quarto":
        found = f"{program} is older or does not run" if program else "none is on PATH"
        raise BookError(
            f"Quarto 1.9 or newer is wanted, but {found}; "
            "install it, name it in QUARTO, or set RENDERER=pandoc"
        )
    return "pandoc", None


def render_book(
    project: Path, output: Path | None = None, *, renderer: Renderer = "auto"
) -> RenderReport:
    """Render a staged book, whose notebooks have run, to a website and PDFs.

    Args:
        project: Folder with ``_quarto.yml``, prose and executed notebooks.
        output: Folder for the site, replaced as a whole; ``project.output-dir`` if None.
        renderer: Which renderer; ``auto`` obeys the environment's ``RENDERER`` and else takes
            Quarto where it is found.

    Raises:
        BookError: naming every fault: references to nothing, citations without an entry, labels
            used twice, broken links, figures without alternative text, failed cells.
    """
    started = time.perf_counter()
    name, program = choose_renderer(renderer)
    project = project.resolve()
    book = read_project(project)
    output = (output or project / book.output_dir).resolve()
    if output == project or output in project.parents:
        raise BookError(f"output is {output}, which holds the project itself; name another folder")
    if program:
        pandoc.check_sources(project)
        pages, pdf = render_with_quarto(program, book, output)
        raise_faults(check_site(output))
    else:
        made = pandoc.render(project, output)
        pages, pdf = made.pages, made.pdf
    return RenderReport(name, pages, pdf, time.perf_counter() - started)


def main(arguments: list[str] | None = None) -> int:
    """``python -m lib.book.render PROJECT``: render and say so; 1 if the book has faults."""
    parser = argparse.ArgumentParser(prog="lib.book.render", description=__doc__)
    parser.add_argument("project", type=Path, help="folder of the staged book")
    parser.add_argument("--output", type=Path, help="folder of the site (default: as configured)")
    parser.add_argument("--renderer", choices=("auto", "quarto", "pandoc"), default="auto")
    given = parser.parse_args(arguments)
    try:
        report = render_book(given.project, given.output, renderer=given.renderer)
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    print(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
