"""Small files that travel with a ledger: the figures and other files a recorded run keeps."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from lib.files import atomic_path

MOST_BYTES = 1_500_000
TYPES = {
    "figure": (".png", ".svg", ".jpg", ".webp", ".gif"),
    "file": (".npz",),
}
_REMEDY = {"figure": "save it smaller or as JPEG", "file": "keep less in it"}


def require_attachable(kind: str, path: Path, root: Path) -> str:
    """The place of `path` below `root`, if it may be kept as a `kind` ("figure" or "file").

    Raises `FileNotFoundError` where there is none, `ValueError` for another type, more than
    `MOST_BYTES`, or a place outside the project.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{kind} {path} does not exist: save it before it is kept")
    if path.suffix not in TYPES[kind]:
        raise ValueError(f"{kind} {path.name}: save it as one of {', '.join(TYPES[kind])}")
    if (size_bytes := path.stat().st_size) > MOST_BYTES:
        raise ValueError(
            f"{kind} {path.name} has {size_bytes / 1e3:.0f} kB, recorded {kind}s at most "
            f"{MOST_BYTES / 1e3:.0f} kB: {_REMEDY[kind]}"
        )
    resolved, root = path.resolve(), root.resolve()
    if not resolved.is_relative_to(root):
        raise ValueError(f"{kind} {path} lies outside the project {root}: write it below runs/")
    return resolved.relative_to(root).as_posix()


def require_sound(chapter: str, kept: Mapping[str, Iterable[str]], root: Path) -> list[Path]:
    """Paths of all that is `kept`, places by kind; raises `ValueError` if two share a name."""
    paths = [root / place for places in kept.values() for place in sorted(places)]
    for kind, places in kept.items():
        for place in sorted(places):
            require_attachable(kind, root / place, root)
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        raise ValueError(
            f"two figures or files of {chapter} share a name: {', '.join(names)}; rename one"
        )
    return paths


def copy_into(folder: Path, paths: Iterable[Path]) -> None:
    """Copy `paths` into `folder`, each atomically."""
    for path in paths:
        with atomic_path(folder / path.name) as temporary:
            temporary.write_bytes(path.read_bytes())


def remove_left_over(folder: Path, before: Iterable[str], names: Iterable[str]) -> None:
    """Delete from `folder` what an earlier recording kept and this one, with `names`, does not."""
    for name in set(before) - set(names):
        (folder / Path(name).name).unlink(missing_ok=True)
