"""The Sideswipe chapter's cars, ready to train on: made if none are given, read once."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from lib.data.sideswipe import CarImages, read_sideswipe
from lib.files import digest
from lib.worlds.garage.footage import GarageFootage, make_garage
from lib.worlds.garage.loadout import CLASSES, NEW_BODIES, Variant

Bodies = Literal["classes", "new"]
NEW_FOLDER = "new"
"""Where in a reader's own folder cars of unknown models are looked for."""
_NEW_SEED = 1_000_000
"""Added to the seed for new cars, so that they share no loadout and no pose with the others."""
_NEW_SHARE = 10  # a tenth as many loadouts


@dataclass(frozen=True)
class Cars:
    """Pictures of cars, and where they come from."""

    images: CarImages
    source: Path
    generated: bool  # by the garage world, rather than given by the reader


def prepare_cars(
    variant: Variant | str,
    *,
    preset: str,
    root: Path,
    data_dir: Path | str | None = None,
    seed: int = 0,
    bodies: Bodies = "classes",
    progress: bool = True,
) -> Cars:
    """Cars at `preset`'s amount, at 50 x 100 (rows, columns).

    With `data_dir` None the garage world makes them under ``root/data/garage``, other loadouts and
    poses for each `seed`: cars of the write-up's four classes or, with ``bodies="new"``, a tenth as
    many of the four models no network is trained on. Else the Sideswipe data set in `data_dir`
    (new cars: in its folder ``new``) is read, whichever the `variant`; below the full preset only
    as many loadouts of it as the preset has, drawn with `seed`.

    Raises:
        ValueError: unknown variant, preset or bodies, or faulty images. FileNotFoundError: no data
        set in `data_dir`.
    """
    footage = _footage(variant, preset, seed, bodies)
    name = "-".join([preset, footage.variant, *([f"seed{seed}"] if seed else []), *_suffix(bodies)])
    frames = root / "runs" / "frames"
    if data_dir is None:
        source = root / "data" / "garage" / name
        make_garage(source, footage, progress=progress)
        images = read_sideswipe(
            source, frames / f"garage-{name}", source_size=footage.size, progress=progress
        )
        return Cars(images, source, generated=True)
    source = Path(data_dir).resolve().joinpath(*_suffix(bodies))
    if bodies == "new" and not source.is_dir():
        raise FileNotFoundError(
            f"data_dir={data_dir} has no folder {NEW_FOLDER} with cars of unknown models: put a "
            "data set of them there, or test on the classes only"
        )
    loadouts = None if preset == "full" else footage.loadouts
    # two folders may share a name: the path tells them apart
    key = digest([source.as_posix(), str(loadouts), str(seed if loadouts else 0)])[:8]
    store = frames / f"{source.name}-{preset}-{key}"
    images = read_sideswipe(source, store, loadouts=loadouts, seed=seed, progress=progress)
    return Cars(images, source, generated=False)


def _footage(variant: str, preset: str, seed: int, bodies: str) -> GarageFootage:
    if bodies not in get_args(Bodies):
        raise ValueError(f"bodies is {bodies!r}; choose one of {', '.join(get_args(Bodies))}")
    if bodies == "classes":
        return GarageFootage.preset(preset, variant=variant, seed=seed, bodies=CLASSES)
    footage = GarageFootage.preset(
        preset, variant=variant, seed=seed + _NEW_SEED, bodies=NEW_BODIES
    )
    return replace(footage, loadouts=footage.loadouts // _NEW_SHARE)


def _suffix(bodies: str) -> list[str]:
    return [NEW_FOLDER] if bodies == "new" else []
