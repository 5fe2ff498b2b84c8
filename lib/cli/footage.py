"""``seeing footage``: make footage offline, or look at a folder of recordings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lib.cli.common import DebugOption, Preset, PresetOption, console, reported, shown
from lib.cli.worlds import (
    Background,
    Bodies,
    Density,
    Layout,
    Shares,
    Variant,
    World,
    make_blocks,
    make_cars,
    make_doom,
    make_plaza,
    make_sprites,
    only_for,
)

if TYPE_CHECKING:
    from lib.data.summary import FootageSummary

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Make footage offline, with ground truth, or look at recordings you have.",
)
MAKE_EXAMPLES = """**Examples**

- `seeing footage make blocks data/blocks`: a few short recordings
- `seeing footage make blocks data/gf --layout gamefactory --preset small`: more, as GameFactory's
- `seeing footage make garage data/cars`: 4,000 pictures of cars, as Sideswipe's
- `seeing footage make garage data/new --variant hard --bodies new`: cars of no class
- `seeing footage make doom data/doom`: a playthrough with the class of every pixel
- `seeing footage make plaza data/plaza`: pedestrians to be followed, as MOTChallenge's
- `seeing footage make plaza data/ladder --background black --background hard`: two backgrounds
- `seeing footage make sprites data/toys --density dense --textured`: shapes to be followed
"""
INFO_EXAMPLES = """**Examples**

- `seeing footage info data/blocks`: what is in it
- `seeing footage info data/cars`: loadouts, and how many pictures of each car
- `seeing footage info ~/minerl --sheet sheet.png`: and one picture of it
- `seeing footage info data/doom --sheet doom.png`: frames beside their classes
- `seeing footage info data/plaza --sheet plaza.png`: frames with a box about everybody
- `seeing footage info ~/MOTSynth --sheet real.png`: the same of MOTSynth or MOTChallenge
"""


@app.command(epilog=MAKE_EXAMPLES)
@reported
def make(
    world: Annotated[World, typer.Argument(help="Which world to film.")],
    folder: Annotated[Path, typer.Argument(help="Where the footage goes.")],
    *,
    layout: Annotated[
        Layout | None,
        typer.Option(help="**blocks**: on-disk layout to imitate; by default minerl."),
    ] = None,
    variant: Annotated[
        Variant | None,
        typer.Option(
            help="**garage**: a fixed camera, as captured (the default), or **hard**: position, "
            "yaw and scale vary."
        ),
    ] = None,
    shares: Annotated[
        Shares | None,
        typer.Option(help="**garage**: class shares, the write-up's (the default) or equal ones."),
    ] = None,
    bodies: Annotated[
        Bodies | None,
        typer.Option(
            help="**garage**: the four classes (the default), four **new** cars, or all eight."
        ),
    ] = None,
    background: Annotated[
        list[Background] | None,
        typer.Option(
            help="**plaza** and **sprites**: what clips are shown over; repeated, the same clips "
            "over each. By default hard, the paved square, for the plaza and black for sprites, "
            "which have black, gradient and leaves only; **blurred** is hard out of focus."
        ),
    ] = None,
    density: Annotated[
        Density | None,
        typer.Option(
            help="**sprites**: 2 to 4 (sparse, the default), 5 to 9, or 12 to 20 smaller ones."
        ),
    ] = None,
    textured: Annotated[
        bool,
        typer.Option("--textured", help="**sprites**: stripes, checks and rings on every one."),
    ] = False,
    preset: PresetOption = Preset.tiny,
    seed: Annotated[int, typer.Option(help="Same seed, same footage.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; by default one per CPU core.")
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Film a world that needs no game: footage with ground truth, in a data set's own layout.

    What is there already is kept, so an interrupted run goes on where it stopped.
    """
    only_for(world, [World.blocks], layout=layout)
    only_for(world, [World.garage], variant=variant, shares=shares, bodies=bodies)
    only_for(world, [World.plaza, World.sprites], background=background)
    only_for(world, [World.sprites], density=density, textured=textured)
    if world is World.blocks:
        told = make_blocks(folder, layout or Layout.minerl, preset, seed, workers)
    elif world is World.doom:
        told = make_doom(folder, preset, seed, workers)
    elif world is World.plaza:
        told = make_plaza(folder, background or [Background.hard], preset, seed, workers)
    elif world is World.sprites:
        kind = (density or Density.sparse, textured)
        told = make_sprites(folder, background or [Background.black], kind, preset, seed, workers)
    else:
        chosen = (variant or Variant.faithful, shares or Shares.original, bodies or Bodies.classes)
        told = make_cars(folder, chosen, preset, seed, workers)
    out = console()
    out.print(told)
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
    if (folder / "playthrough.json").is_file() or (folder / "recordings").is_dir():
        _tell_doom(folder, sheet)
        return
    from lib.data.people import is_people
    from lib.data.summary import describe

    if is_people(folder):
        _tell_people(folder, sheet)
        return

    found = describe(folder)
    if sheet is not None and found.layout == "sideswipe":
        raise ValueError("--sheet draws videos and frame stores; pictures of cars open as they are")
    _print_facts(_facts(found))
    out = console()
    what = "faulty" if found.layout == "sideswipe" else "unreadable"
    for name, fault in found.corrupt.items():
        out.print(f"[yellow]{what}[/yellow] {name}: {fault}")
    if sheet is not None:
        from lib.cli.sheet import write_sheet

        out.print(f"sheet written to {shown(write_sheet(folder, sheet))}")


def _tell_doom(folder: Path, sheet: Path | None) -> None:
    """Doom footage: what it holds, and its contact sheet where one is asked for."""
    from lib.cli.doom import doom_facts, write_doom_sheet

    _print_facts(doom_facts(folder))
    if sheet is not None:
        console().print(f"sheet written to {shown(write_doom_sheet(folder, sheet))}")


def _tell_people(folder: Path, sheet: Path | None) -> None:
    """Footage of people or sprites, made or not: the same, and what is still to be made."""
    from lib.cli.people import missing_sequences, people_facts, write_people_sheet

    _print_facts(people_facts(folder))
    if missing := missing_sequences(folder):
        console().print(f"[yellow]unfinished[/yellow] {missing}")
    if sheet is not None:
        console().print(f"sheet written to {shown(write_people_sheet(folder, sheet))}")


def _print_facts(facts: dict[str, str]) -> None:
    from rich.table import Table

    table = Table(show_header=False, box=None)
    for name, text in facts.items():
        table.add_row(name, text)
    console().print(table)


def _facts(found: "FootageSummary") -> dict[str, str]:
    """What the table says."""
    size = ", ".join(f"{columns} × {rows}" for rows, columns in found.sizes) + " pixels"
    on_disk = f"{found.bytes / 1e6:,.1f} MB"
    if found.layout == "sideswipe":
        total = max(1, sum(found.classes.values()))
        cars = (f"{name} {n:,} ({n / total:.1%})" for name, n in found.classes.items())
        return {
            "layout": found.layout,
            "images": f"{found.frames:,}",
            "loadouts": f"{found.groups:,}  (each in all its rotations: the groups of a split)",
            "cars": ", ".join(cars),
            "size": size,
            "on disk": on_disk,
        }
    rate, seconds = found.frame_rate_hz, found.seconds
    return {
        "layout": found.layout,
        "recordings": f"{found.recordings:,}",
        "groups": f"{found.groups:,}  (worlds, where known: never split between training and test)",
        "frames": f"{found.frames:,}",
        "size": size,
        "frame rate": "varies or unknown" if rate is None else f"{rate:g} Hz",
        "duration": "unknown" if seconds is None else f"{seconds:,.1f} s",
        "on disk": on_disk,
    }
