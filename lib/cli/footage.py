"""``seeing footage``: make footage offline, or look at a folder of recordings."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lib.cli.common import DebugOption, Preset, PresetOption, console, reported, shown

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Make footage offline, with ground truth, or look at recordings you have.",
)
MAKE_EXAMPLES = """**Examples**

- `seeing footage make blocks data/blocks`: a few short recordings
- `seeing footage make blocks data/gf --layout gamefactory --preset small`: more, as GameFactory's
"""
INFO_EXAMPLES = """**Examples**

- `seeing footage info data/blocks`: what is in it
- `seeing footage info ~/minerl --sheet sheet.png`: and one picture of it
"""


class World(StrEnum):
    """Worlds that can make footage."""

    blocks = "blocks"


class Layout(StrEnum):
    """Layouts on disk, those of the original data sets."""

    minerl = "minerl"
    gamefactory = "gamefactory"


@app.command(epilog=MAKE_EXAMPLES)
@reported
def make(
    world: Annotated[World, typer.Argument(help="Which world to film.")],
    folder: Annotated[Path, typer.Argument(help="Where the recordings go.")],
    *,
    layout: Annotated[
        Layout, typer.Option(help="On-disk layout to imitate, so that one reader serves both.")
    ] = Layout.minerl,
    preset: PresetOption = Preset.tiny,
    seed: Annotated[int, typer.Option(help="Same seed, same footage.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; by default one per CPU core.")
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Film a world that needs no game: recordings with ground truth, in a data set's own layout.

    Recordings that are there already are kept, so an interrupted run goes on where it stopped.
    """
    from lib.worlds.blocks import BlocksFootage, make_footage

    footage = BlocksFootage.preset(preset.value, layout.value, seed=seed)
    report = make_footage(folder, footage, workers=workers)
    out = console()
    out.print(
        f"[green]{report.made} recordings made[/green], {report.kept} kept, "
        f"{report.frames:,} frames, {report.seconds:.1f} s"
    )
    out.print(f"  in        {shown(folder)}")
    out.print(f"  look      seeing footage info {shown(folder)}")


@app.command(epilog=INFO_EXAMPLES)
@reported
def info(
    folder: Annotated[Path, typer.Argument(help="A folder of recordings, or one video.")],
    *,
    sheet: Annotated[
        Path | None, typer.Option(help="Also write a contact sheet (PNG) of its frames.")
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Say what a folder of recordings holds: layout, recordings, frames, size, groups."""
    if not folder.exists():
        raise ValueError(
            f"{folder} does not exist: name a folder of recordings, "
            f"or make one with `seeing footage make blocks {folder}`"
        )
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise ValueError(f"--sheet {sheet}: give a name that ends in .png")
    from rich.table import Table

    from lib.data.summary import describe

    found = describe(folder)
    rate, seconds = found.frame_rate_hz, found.seconds
    table = Table(show_header=False, box=None)
    for name, text in {
        "layout": found.layout,
        "recordings": f"{found.recordings:,}",
        "groups": f"{found.groups:,}  (worlds, where known: never split between training and test)",
        "frames": f"{found.frames:,}",
        "size": ", ".join(f"{columns} × {rows}" for rows, columns in found.sizes) + " pixels",
        "frame rate": "varies or unknown" if rate is None else f"{rate:g} Hz",
        "duration": "unknown" if seconds is None else f"{seconds:,.1f} s",
        "on disk": f"{found.bytes / 1e6:,.1f} MB",
    }.items():
        table.add_row(name, text)
    out = console()
    out.print(table)
    for name, fault in found.corrupt.items():
        out.print(f"[yellow]unreadable[/yellow] {name}: {fault}")
    if sheet is not None:
        from lib.cli.sheet import write_sheet

        out.print(f"sheet written to {shown(write_sheet(folder, sheet))}")
