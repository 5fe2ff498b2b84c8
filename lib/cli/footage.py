"""``seeing footage``: make footage offline, or look at a folder of recordings."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lib.cli.common import DebugOption, Preset, PresetOption, console, reported, shown

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
"""
INFO_EXAMPLES = """**Examples**

- `seeing footage info data/blocks`: what is in it
- `seeing footage info data/cars`: loadouts, and how many pictures of each car
- `seeing footage info ~/minerl --sheet sheet.png`: and one picture of it
- `seeing footage info data/doom --sheet doom.png`: frames beside their classes
"""


class World(StrEnum):
    """Worlds that can make footage."""

    blocks = "blocks"
    garage = "garage"
    doom = "doom"


class Layout(StrEnum):
    """Layouts on disk, those of the original data sets."""

    minerl = "minerl"
    gamefactory = "gamefactory"


class Variant(StrEnum):
    """How cars stand before the camera; as `lib.worlds.garage.Variant`, but quick to import."""

    faithful = "faithful"
    hard = "hard"


class Shares(StrEnum):
    """How often each car comes; as `lib.worlds.garage.Shares`."""

    original = "original"
    balanced = "balanced"


class Bodies(StrEnum):
    """Whose cars: the write-up's four classes, the four of a later season, or all."""

    classes = "classes"
    new = "new"
    all = "all"


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
    _only_for(world, World.blocks, layout=layout)
    _only_for(world, World.garage, variant=variant, shares=shares, bodies=bodies)
    if world is World.blocks:
        told = _make_blocks(folder, layout or Layout.minerl, preset, seed, workers)
    elif world is World.doom:
        told = _make_doom(folder, preset, seed, workers)
    else:
        chosen = (variant or Variant.faithful, shares or Shares.original, bodies or Bodies.classes)
        told = _make_cars(folder, chosen, preset, seed, workers)
    out = console()
    out.print(told)
    out.print(f"  in        {shown(folder)}")
    out.print(f"  look      seeing footage info {shown(folder)}")


def _only_for(world: World, owner: World, **options: StrEnum | None) -> None:
    """Raise `ValueError` for options of another world: they would do nothing."""
    given = [f"--{name}" for name, value in options.items() if value is not None]
    if world is not owner and given:
        raise ValueError(
            f"{', '.join(given)}: only {owner} has that, not {world}; leave it out, or make {owner}"
        )


def _make_blocks(
    folder: Path, layout: Layout, preset: Preset, seed: int, workers: int | None
) -> str:
    from lib.worlds.blocks import BlocksFootage, make_footage

    footage = BlocksFootage.preset(preset.value, layout.value, seed=seed)
    report = make_footage(folder, footage, workers=workers)
    return (
        f"[green]{report.made} recordings made[/green], {report.kept} kept, "
        f"{report.frames:,} frames, {report.seconds:.1f} s"
    )


def _make_cars(
    folder: Path,
    chosen: tuple[Variant, Shares, Bodies],
    preset: Preset,
    seed: int,
    workers: int | None,
) -> str:
    from lib.worlds.garage import CLASSES, NEW_BODIES, GarageFootage, make_garage

    variant, shares, bodies = chosen
    cars = {
        Bodies.classes: CLASSES,
        Bodies.new: NEW_BODIES,
        Bodies.all: (*CLASSES, *NEW_BODIES),
    }[bodies]
    footage = GarageFootage.preset(
        preset.value, variant=variant.value, seed=seed, bodies=cars, shares=shares.value
    )
    report = make_garage(folder, footage, workers=workers)
    rate = f", {report.made / report.seconds:,.0f} images/s" if report.made else ""
    return (
        f"[green]{report.made:,} images made[/green], {report.kept:,} kept, "
        f"{report.seconds:.1f} s{rate}"
    )


def _make_doom(folder: Path, preset: Preset, seed: int, workers: int | None) -> str:
    from lib.worlds.doom.footage import DoomFootage, make_doom

    report = make_doom(folder, DoomFootage.preset(preset.value, seed=seed), workers=workers)
    return (
        f"[green]{report.made} recordings made[/green], {report.kept} kept, "
        f"{report.frames:,} frames, {report.seconds:.1f} s"
    )


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
    from lib.data.summary import describe

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
