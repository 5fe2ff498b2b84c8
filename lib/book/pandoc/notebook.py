"""Executed notebook to Quarto Markdown, from its stored outputs; nothing is run here."""

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from lib.book.pandoc.faults import BookError, Fault
from lib.book.pandoc.project import Book, Chapter

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours, cursor moves
IMAGES = {
    "image/svg+xml": ".svg",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
}
TEXTS = ("text/markdown", "text/html", "text/latex", "text/plain")  # the first found is shown


@dataclass(frozen=True)
class Prose:
    """A chapter as Markdown.

    Attributes:
        text: Quarto Markdown; images are named relative to the chapter's folder.
        media: Images taken out of the notebook, by path relative to the project.
        faults: Cells that failed or that cannot be read.
    """

    text: str
    media: dict[str, bytes]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Picture:
    """An image output: its path relative to the chapter and its display width in pixels."""

    path: str
    width_px: int | None


def joined(value: Any) -> str:
    """Notebook text, which is stored as one string or as a list of lines."""
    return "".join(value) if isinstance(value, list) else str(value or "")


def split_front_matter(source: str) -> tuple[dict[str, Any], str]:
    """Separate YAML front matter from the text that follows it."""
    match = re.match(r"\s*---[ \t]*\n(.*?)\n---[ \t]*(?:\n|$)", source, re.DOTALL)
    if not match:
        return {}, source
    found = yaml.safe_load(match[1])
    return (found, source[match.end() :]) if isinstance(found, dict) else ({}, source)


def cell_options(source: str) -> tuple[dict[str, Any], str]:
    """Separate the ``#|`` lines at a cell's head (YAML) from its code."""
    lines = source.split("\n")
    count = next((i for i, line in enumerate(lines) if not line.startswith("#|")), len(lines))
    options = yaml.safe_load("\n".join(line[2:].removeprefix(" ") for line in lines[:count]))
    return options or {}, "\n".join(lines[count:]).strip("\n")


def verbatim(text: str, attributes: str) -> str:
    """A fenced block whose fence is longer than any run of backticks in `text`."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {attributes}\n{text.rstrip()}\n{fence}\n"


def attributes(**values: Any) -> str:
    """Pandoc's ``key="value"`` list; underscores become dashes, None is left out."""

    def quoted(value: Any) -> str:
        line = " ".join(str(value).split())
        return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"'

    return " ".join(
        f"{key.replace('_', '-')}={quoted(value)}"
        for key, value in values.items()
        if value is not None
    )


def figure(label: str, options: dict[str, Any], pictures: list[Picture]) -> str:
    """A cell's images: one labelled figure, panels if captioned apart, or bare images."""
    caption, panels = options.get("fig-cap"), options.get("fig-subcap")
    alt = options.get("fig-alt")
    width = options.get("out-width")

    def image(index: int, text: str = "", name: str = "") -> str:
        one = (alt[index] if index < len(alt) else None) if isinstance(alt, list) else alt
        natural = pictures[index].width_px
        size = width or (f"{natural}px" if natural else None)
        listed = attributes(fig_alt=one, width=size)
        return f"![{text}]({pictures[index].path}){{{name} .cell-image {listed}}}\n"

    if not label.startswith("fig-"):
        return "\n".join(image(i, caption or "") for i in range(len(pictures)))
    if isinstance(panels, list):
        body = [
            image(i, str(panels[i]) if i < len(panels) else "", f"#{label}-{i + 1}")
            for i in range(len(pictures))
        ]
    else:
        body = [image(i) for i in range(len(pictures))]
    columns = attributes(layout_ncol=options.get("layout-ncol"))
    return floated(label, "\n".join(body), caption, columns)


def floated(label: str, body: str, caption: Any, columns: str = "") -> str:
    """A labelled div whose caption is marked, so that no other paragraph is mistaken for it."""
    end = f"\n:::: {{.float-caption}}\n{caption}\n::::\n" if caption else ""
    return f"::: {{#{label} {columns}}}\n{body}\n{end}:::\n"


class NotebookReader:
    """Turns the cells of one executed notebook into Markdown, collecting images and faults."""

    def __init__(self, chapter: Chapter, book: Book) -> None:
        self.chapter = chapter
        self.book = book
        self.media: dict[str, bytes] = {}
        self.faults: list[Fault] = []

    def read(self, notebook: dict[str, Any]) -> Prose:
        """All cells, in order. Papermill's injected parameters replace the default ones."""
        cells = notebook["cells"]
        injected = any("injected-parameters" in tags_of(cell) for cell in cells)
        parts = []
        for number, cell in enumerate(cells, start=1):
            if cell["cell_type"] == "code":
                if injected and "parameters" in tags_of(cell):
                    continue
                parts.append(self.code(cell, number))
            elif cell["cell_type"] == "markdown":
                parts.append(self.markdown(cell, number))
            else:
                self.raw(cell, number)
        return Prose("\n\n".join(parts) + "\n", self.media, tuple(self.faults))

    def fault(self, label: str, message: str) -> None:
        """Note something that the author has to mend."""
        self.faults.append(Fault(self.chapter.source, label, message))

    def raw(self, cell: dict[str, Any], number: int) -> None:
        """Raw cells are not shown; front matter in one would make a second title."""
        if split_front_matter(joined(cell["source"]))[0]:
            self.fault(f"cell {number}", "holds front matter; a notebook's title is its # heading")

    def markdown(self, cell: dict[str, Any], number: int) -> str:
        """Prose as it stands, with images attached to the cell saved beside the page."""
        source = joined(cell["source"])
        for name, data in cell.get("attachments", {}).items():
            mime, content = next(iter(data.items()))
            if mime in IMAGES:
                path = self.save(mime, content, f"cell-{number}-{PurePosixPath(name).stem}")
                source = source.replace(f"attachment:{name}", path)
        return source

    def save(self, mime: str, content: Any, stem: str) -> str:
        """Keep an image; return its path relative to the chapter's folder."""
        folder = PurePosixPath(self.chapter.source).stem + "_files"
        stem = re.sub(r"[^\w.-]+", "-", stem)
        name = f"{folder}/{stem}{IMAGES[mime]}"
        place = PurePosixPath(self.chapter.source).parent / name
        text = joined(content)
        data = text.encode() if mime == "image/svg+xml" else base64.b64decode(text)
        self.media[place.as_posix()] = data
        return name

    def code(self, cell: dict[str, Any], number: int) -> str:
        """A code cell: its source, folded as the book wishes, then its outputs."""
        try:
            options, source = cell_options(joined(cell["source"]))
        except yaml.YAMLError as error:
            self.fault(f"cell {number}", f"has #| options that are not YAML: {error}")
            return ""
        tags = tags_of(cell) | set(options.get("tags") or ())
        if options.get("include") is False or "remove-cell" in tags:
            self.outputs(cell, options, number)  # a failure is a fault even where it is hidden
            return ""
        parts = []
        if source and options.get("echo", True) is not False and "remove-input" not in tags:
            recorded = "injected-parameters" in tags
            fold = options.get("code-fold", "show" if recorded else self.book.code_fold)
            summary = "Parameters of this run" if recorded else self.book.code_summary
            listed = attributes(
                code_fold=str(fold).lower(), code_summary=options.get("code-summary", summary)
            )
            parts.append(verbatim(source, f"{{.python .cell-code {listed}}}"))
        outputs = self.outputs(cell, options, number)
        if options.get("output", True) is not False and "remove-output" not in tags:
            parts.extend(outputs)
        return "\n".join(parts)

    def outputs(self, cell: dict[str, Any], options: dict[str, Any], number: int) -> list[str]:
        """Pieces of Markdown for a cell's outputs: images together, the rest in order."""
        label = str(options.get("label") or f"cell-{number}")
        pictures: list[Picture] = []
        texts: list[str] = []
        for index, output in enumerate(cell.get("outputs", []), start=1):
            if output["output_type"] == "stream":
                texts.append(stream(output, options))
            elif output["output_type"] == "error":
                what = f"{output.get('ename', 'Error')}: {output.get('evalue', '')}"
                self.fault(
                    label, f"failed in cell {number} with {what}; the traceback is in the notebook"
                )
            else:
                self.display(output, f"{label}-{index}", pictures, texts)
        parts = [figure(label, options, pictures)] if pictures else []
        shown = [text for text in texts if text]
        if label.startswith("tbl-") and shown:
            shown = [floated(label, "\n".join(shown), options.get("tbl-cap"))]
        return parts + shown

    def display(
        self, output: dict[str, Any], stem: str, pictures: list[Picture], texts: list[str]
    ) -> None:
        """Sort one rich output into pictures or texts, taking its best representation."""
        data = output["data"]
        mime = next((m for m in IMAGES if m in data), None)
        if mime:
            width = output.get("metadata", {}).get(mime, {}).get("width")
            pictures.append(Picture(self.save(mime, data[mime], stem), width))
            return
        mime = next((m for m in TEXTS if m in data), None)
        if mime == "text/html":
            texts.append(verbatim(joined(data[mime]), "{=html}"))
        elif mime == "text/plain":
            texts.append(verbatim(joined(data[mime]), "{.cell-output}"))
        elif mime:
            texts.append(joined(data[mime]) + "\n")


def tags_of(cell: dict[str, Any]) -> set[str]:
    """A cell's metadata tags."""
    return set(cell.get("metadata", {}).get("tags", ()))


def stream(output: dict[str, Any], options: dict[str, Any]) -> str:
    """Printed text without terminal colours; warnings only where the cell wants them."""
    if output["name"] == "stderr" and options.get("warning", True) is False:
        return ""
    text = ESCAPES.sub("", joined(output["text"]))
    text = "\n".join(line.rsplit("\r", 1)[-1] for line in text.rstrip("\r\n").split("\n"))
    return text + "\n" if options.get("output") == "asis" else verbatim(text, "{.cell-output}")


def read_chapter(chapter: Chapter, book: Book) -> Prose:
    """Read one page of the book, a notebook or Markdown, to Markdown with its title as heading.

    Raises:
        BookError: if a notebook is not JSON.
    """
    path: Path = book.root / chapter.source
    source = path.read_text(encoding="utf-8")
    if not chapter.is_notebook:
        front, text = split_front_matter(source)
        title = f"# {front['title']}\n\n" if front.get("title") else ""
        return Prose(title + text, {})
    try:
        notebook = json.loads(source)
    except json.JSONDecodeError as error:
        raise BookError(f"{chapter.source}: not a notebook: {error}") from error
    return NotebookReader(chapter, book).read(notebook)
