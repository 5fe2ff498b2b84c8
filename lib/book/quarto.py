"""Rendering with Quarto, where it is found."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from lib.book.pandoc.faults import BookError
from lib.book.pandoc.project import Book

OLDEST = (1, 9)


def find_quarto() -> Path | None:
    """Quarto's program: what ``QUARTO`` names, else what PATH holds, else None.

    Raises:
        BookError: if ``QUARTO`` names a file that is not there.
    """
    named = os.environ.get("QUARTO")
    if named:
        found = shutil.which(named)
        if not found:
            raise BookError(f"QUARTO names {named}, which is no program; correct or unset it")
        return Path(found)
    found = shutil.which("quarto")
    return Path(found) if found else None


def quarto_version(program: Path) -> tuple[int, ...]:
    """Quarto's version as numbers; empty if it does not say.

    ``quarto-cli`` installs a program even where it cannot download Quarto itself.
    """
    try:
        done = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.match(r"\s*(\d+)\.(\d+)(?:\.(\d+))?", done.stdout)
    return tuple(int(n) for n in match.groups() if n) if match and not done.returncode else ()


def is_usable(program: Path) -> bool:
    """Whether `program` is a Quarto new enough to set a book with Typst."""
    return quarto_version(program) >= OLDEST


def render_with_quarto(program: Path, book: Book, output: Path) -> tuple[int, Path]:
    """Render all formats in one call, since each call empties the folder it writes to.

    Returns:
        The number of pages and the PDF's path.

    Raises:
        BookError: if Quarto fails or makes no website or no PDF; its words are in the message.
    """
    # Our own pandoc is newer than Quarto's and would confuse it.
    environment = {k: v for k, v in os.environ.items() if k != "QUARTO_PANDOC"}
    done = subprocess.run(
        [str(program), "render", str(book.root)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if done.returncode:
        raise BookError(f"Quarto failed: {(done.stderr or done.stdout).strip()[-4000:]}")
    made = book.root / book.output_dir
    if not (made / "index.html").is_file() or not any(made.glob("*.pdf")):
        raise BookError(
            f"Quarto made no website with a PDF in {made}; does _quarto.yml ask for html and typst?"
        )
    if made.resolve() != output.resolve():
        shutil.rmtree(output, ignore_errors=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, output)
    pages = sum((output / chapter.page).is_file() for chapter in book.chapters)
    return pages, next(iter(sorted(output.glob("*.pdf"))))
