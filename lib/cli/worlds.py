"""What `seeing footage make` can make, and how: worlds with their options, as the shell has them.

Options are named here once more because the worlds take long to import.
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from lib.cli.common import Preset

if TYPE_CHECKING:
    from lib.worlds.plaza import SequencesReport


class World(StrEnum):
    """Worlds that can make footage."""

    blocks = "blocks"
    garage = "garage"
    doom = "doom"
    plaza = "plaza"
    sprites = "sprites"


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


class Background(StrEnum):
    """What clips are shown over; as `lib.worlds.plaza.Background`."""

    black = "black"
    gradient = "gradient"
    hard = "hard"
    blurred = "blurred"
    leaves = "leaves"


class Density(StrEnum):
    """How many sprites; as `lib.worlds.sprites.Density`."""

    sparse = "sparse"
    medium = "medium"
    dense = "dense"


def only_for(world: World, owners: Sequence[World], **options: object) -> None:
    """Raise `ValueError` for options of other worlds: they would do nothing."""
    given = [f"--{name}" for name, value in options.items() if value]
    if world not in owners and given:
        verb = "has" if len(owners) == 1 else "have"
        raise ValueError(
            f"{', '.join(given)}: only {' and '.join(owners)} {verb} that, not {world}; "
            f"leave it out, or make {' or '.join(owners)}"
        )


def make_blocks(
    folder: Path, layout: Layout, preset: Preset, seed: int, workers: int | None
) -> str:
    """Film blocks; says what was done, as all of these do."""
    from lib.worlds.blocks import BlocksFootage, make_footage

    footage = BlocksFootage.preset(preset.value, layout.value, seed=seed)
    report = make_footage(folder, footage, workers=workers)
    return (
        f"[green]{report.made} recordings made[/green], {report.kept} kept, "
        f"{report.frames:,} frames, {report.seconds:.1f} s"
    )


def make_cars(
    folder: Path,
    chosen: tuple[Variant, Shares, Bodies],
    preset: Preset,
    seed: int,
    workers: int | None,
) -> str:
    """Film cars of `chosen` variant, shares and bodies."""
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


def make_doom(folder: Path, preset: Preset, seed: int, workers: int | None) -> str:
    """Film Freedoom."""
    from lib.worlds.doom.footage import DoomFootage
    from lib.worlds.doom.footage import make_doom as film

    report = film(folder, DoomFootage.preset(preset.value, seed=seed), workers=workers)
    return (
        f"[green]{report.made} recordings made[/green], {report.kept} kept, "
        f"{report.frames:,} frames, {report.seconds:.1f} s"
    )


def make_plaza(
    folder: Path, backgrounds: list[Background], preset: Preset, seed: int, workers: int | None
) -> str:
    """Film pedestrians, each clip over all `backgrounds`."""
    from lib.worlds.plaza import BACKGROUNDS, PlazaFootage
    from lib.worlds.plaza import make_plaza as film

    over = _backgrounds(backgrounds, BACKGROUNDS, World.plaza)
    footage = PlazaFootage.preset(preset.value, seed=seed, backgrounds=over)
    return _told_sequences(film(folder, footage, workers=workers))


def make_sprites(
    folder: Path,
    backgrounds: list[Background],
    kind: tuple[Density, bool],
    preset: Preset,
    seed: int,
    workers: int | None,
) -> str:
    """Film sprites of a `kind`: their density, and whether they are textured."""
    from lib.worlds.sprites import BACKGROUNDS, SpritesFootage
    from lib.worlds.sprites import make_sprites as film

    over = _backgrounds(backgrounds, BACKGROUNDS, World.sprites)
    density, textured = kind
    footage = SpritesFootage.preset(
        preset.value, seed=seed, density=density.value, textured=textured, backgrounds=over
    )
    return _told_sequences(film(folder, footage, workers=workers))


def _backgrounds(
    chosen: list[Background], possible: Sequence[str], world: World
) -> tuple[str, ...]:
    """Backgrounds, each once; raises `ValueError` for those that the world lacks."""
    for one in chosen:
        if one not in possible:
            raise ValueError(
                f"--background {one}: {world} has {', '.join(possible)}; choose among these"
            )
    return tuple(dict.fromkeys(one.value for one in chosen))


def _told_sequences(report: "SequencesReport") -> str:
    return (
        f"[green]{report.made:,} sequences made[/green], {report.kept:,} kept, "
        f"{report.frames:,} frames, {report.seconds:.1f} s"
    )
