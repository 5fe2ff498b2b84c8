"""WAD archives: what Doom keeps its pictures, sounds and maps in.

A WAD is a header, the lumps' bytes one after another, and a directory of (position, size, name).
Order matters: zero-sized marker lumps such as ``F_START`` and ``F_END`` say what lies between them.
Layout: Matthew S. Fell, *The Unofficial Doom Specs* 1.666, chapter 2.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import vizdoom

from lib.files import atomic_path

_HEADER = struct.Struct("<4sii")  # IWAD or PWAD, lumps, where the directory begins
_ENTRY = struct.Struct("<ii8s")  # where a lump begins, its bytes, its name
_SPACES = {"S": "sprites", "F": "flats", "P": "patches"}
FREEDOOM = ("freedoom1.wad", "freedoom2.wad")
"""The two games whose WADs come with ViZDoom (Freedoom: BSD-3-Clause)."""


class WadError(ValueError):
    """A file is not the WAD that was wanted."""


@dataclass(frozen=True)
class Lump:
    """One entry of a WAD.

    `name` is in capitals, without padding; `space` is ``sprites``, ``flats`` or ``patches`` for a
    lump between those markers and empty for any other, markers included.
    """

    name: str
    data: bytes
    space: str = ""


@dataclass(frozen=True)
class Wad:
    """A whole archive, lumps in file order. `kind` is ``IWAD`` (a game) or ``PWAD`` (a patch)."""

    kind: str
    lumps: tuple[Lump, ...]

    def find(self, name: str) -> Lump | None:
        """The lump the game takes for `name`, which is the last one called so; None if absent."""
        return next((lump for lump in reversed(self.lumps) if lump.name == name), None)

    def data(self, name: str) -> bytes:
        """The bytes of lump `name`. Raises `WadError` if there is none."""
        lump = self.find(name)
        if lump is None:
            raise WadError(
                f"the WAD has no lump {name}; it holds {len(self.lumps)} others. "
                "Name the WAD of a whole game, such as freedoom2.wad"
            )
        return lump.data


def freedoom(name: str) -> Path:
    """Where the `vizdoom` package keeps ``freedoom1.wad`` or ``freedoom2.wad``."""
    if name not in FREEDOOM:
        raise ValueError(f"name is {name!r}, but Freedoom is one of {', '.join(FREEDOOM)}")
    path = Path(vizdoom.__file__).parent / name
    if not path.is_file():
        raise WadError(
            f"{name} is missing from the package vizdoom at {path.parent}; install it anew"
        )
    return path


def read_wad(path: Path) -> Wad:
    """Read a WAD. Raises `WadError` where the file is none or is cut short."""
    if not path.is_file():
        raise WadError(f"{path} is not a file; name a WAD, such as freedoom2.wad")
    content = path.read_bytes()
    kind = content[:4]
    if len(content) < _HEADER.size or kind not in (b"IWAD", b"PWAD"):
        raise WadError(f"{path} begins with {kind!r}, not IWAD or PWAD; name a WAD file")
    _, count, start = _HEADER.unpack_from(content)
    if count < 0 or start < _HEADER.size or start + count * _ENTRY.size > len(content):
        raise WadError(f"{path} is cut short: its directory ends beyond byte {len(content)}")
    return Wad(kind.decode(), tuple(_lumps(content, count, start, path)))


def _lumps(content: bytes, count: int, start: int, path: Path) -> Iterator[Lump]:
    space = ""
    for i in range(count):
        position, size, raw = _ENTRY.unpack_from(content, start + i * _ENTRY.size)
        name = clean_name(raw)
        if position < 0 or size < 0 or position + size > len(content):
            raise WadError(f"{path} is cut short: lump {name} ends beyond byte {len(content)}")
        if name.endswith("_END") and name[0] in _SPACES and len(name) == 5:
            space = ""
        marker = name.endswith(("_START", "_END"))
        yield Lump(name, content[position : position + size], "" if marker else space)
        if name.endswith("_START") and name[0] in _SPACES:
            space = _SPACES[name[0]]


def write_wad(path: Path, wad: Wad) -> None:
    """Write `wad` to `path`, atomically."""
    directory = bytearray()
    position = _HEADER.size
    for lump in wad.lumps:
        directory += _ENTRY.pack(position, len(lump.data), padded_name(lump.name))
        position += len(lump.data)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(_HEADER.pack(wad.kind.encode(), len(wad.lumps), position))
        file.writelines(lump.data for lump in wad.lumps)
        file.write(directory)


def clean_name(raw: bytes) -> str:
    """A name of at most eight bytes, up to the first zero byte, in capitals."""
    return raw.split(b"\0")[0].decode("latin-1").upper()


def padded_name(name: str) -> bytes:
    """The eight bytes of `name` in a directory. Raises `ValueError` if it is longer."""
    raw = name.encode("latin-1")
    if len(raw) > 8:
        raise ValueError(f"name is {name!r}, of {len(raw)} characters; a WAD allows 8")
    return raw.ljust(8, b"\0")
