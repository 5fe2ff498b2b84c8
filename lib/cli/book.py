"""``seeing book``: execute all chapters, collect their numbers, render site and PDF."""

import time
from enum import StrEnum
from typing import Annotated

import typer

from lib.cli.common import DebugOption, Preset, PresetOption, console, reported, shown

EXAMPLES = """**Examples**

- `seeing book`: the website and the PDF, in _book/
- `seeing book --renderer pandoc`: without Quarto, even where there is one
- `seeing book --force`: execute every chapter afresh
"""


class Renderer(StrEnum):
    """What turns executed notebooks into website and PDF."""

    auto = "auto"
    quarto = "quarto"
    pandoc = "pandoc"


@reported
def book(
    *,
    renderer: Annotated[
        Renderer,
        typer.Option(envvar="RENDERER", help="auto takes Quarto where it is found, else pandoc."),
    ] = Renderer.auto,
    preset: PresetOption = Preset.tiny,
    force: Annotated[
        bool, typer.Option("--force", help="Execute chapters even if nothing changed.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Build the whole book in _book/: execute the chapters, then render website and PDF.

    Chapters that rest on nothing new are not executed again: a second build takes seconds.
    """
    from pathlib import Path

    from lib.book.execute import execute
    from lib.book.render import render_book
    from lib.book.results import collect, project_root
    from lib.book.staging import stage
    from lib.files import write_text

    started = time.perf_counter()
    root, out = project_root(), console()
    build = root / "build" if preset is Preset.tiny else root / "build" / preset.value
    stage(root, build)
    runs = execute(root, parameters={"preset": preset.value}, build=build, force=force)
    for run in runs:
        how = "unchanged" if run.cached else "executed"
        out.print(f"  {run.chapter:<32} {how:<10} {run.seconds:8.1f} s")
    numbers = build / "results.json"
    chapters = [run.chapter for run in runs]
    rows = collect(numbers, root=root, preset=preset.value, chapters=chapters)
    report = render_book(build, root / "_book", renderer=renderer.value)
    # The renderer may have emptied its folder, so the numbers follow the pages.
    write_text(root / "_book" / "results.json", numbers.read_text(encoding="utf-8"))
    out.print(f"[green]rendered[/green] with {report.renderer} in {report.seconds:.1f} s")
    out.print(f"  site      {shown(root / '_book' / 'index.html')}  (open this one)")
    if report.pdf:
        out.print(f"  PDF       {shown(Path(report.pdf))}")
    out.print(f"  numbers   {shown(root / '_book' / 'results.json')}  ({len(rows)} rows)")
    out.print(f"  in all    {time.perf_counter() - started:.1f} s")
