"""Label WADs: a game whose every picture is painted in one colour, that of its class.

Played with such a WAD an engine draws the class of every pixel instead of its look: same geometry,
same holes, same monsters at the same places, since neither maps nor rules nor sizes change. Light
is taken out by a COLORMAP that maps every index to itself, flashes by equal palettes. Formats of
patches, textures and palettes: *The Unofficial Doom Specs* 1.666, chapters 5 and 8.
"""

import struct
from dataclasses import dataclass, field, replace
from pathlib import Path

from lib.files import digest
from lib.worlds.doom import texture_classes, truth, wad
from lib.worlds.doom.classes import PixelClass
from lib.worlds.doom.texture_classes import lump_class, patch_class
from lib.worlds.doom.truth import label_index, label_palette
from lib.worlds.doom.wad import Lump, Wad, WadError, clean_name, padded_name, read_wad, write_wad

_PATCH_HEADER = struct.Struct("<hhhh")  # width, height, offsets in pixels
_TEXTURE_HEADER_BYTES = 22  # name, flags, width, height, obsolete, count of patches
_USE_BYTES = 10  # of a patch in a texture: place, index into PNAMES, two unused
_PALETTES = 14  # of which 13 are tints: pain, bonus, radiation suit
_COLORMAPS = 34  # 32 levels of light, invulnerability, unused


def label_wad(iwad: Path, folder: Path) -> Path:
    """Make the label WAD of `iwad` below `folder` unless it is there, and return its path.

    It has the name of `iwad`, by which engines tell games apart, in a folder named by the digest
    of `iwad` and of the rules. Raises `WadError` where `iwad` is no game's WAD.
    """
    game = read_wad(iwad)
    rules = [Path(str(module.__file__)) for module in (texture_classes, truth, wad)]
    out = folder / digest([iwad, Path(__file__), *rules]) / iwad.name
    if not out.is_file():
        write_wad(out, repaint(game))
    return out


def repaint(game: Wad) -> Wad:
    """`game` with every picture painted in the palette index of its class."""
    if game.kind != "IWAD":
        raise WadError(f"the WAD is a {game.kind}, not an IWAD; name a whole game's, not a patch's")
    textures = _Textures(game)
    replaced = {
        "PLAYPAL": label_palette().tobytes() * _PALETTES,
        "COLORMAP": bytes(range(256)) * _COLORMAPS,
        "PNAMES": b"",
    }
    for name in ("TEXTURE1", "TEXTURE2"):
        if game.find(name) is not None:
            replaced[name] = textures.repaint(game.data(name))
    replaced["PNAMES"] = textures.patch_names()
    lumps: list[Lump] = []
    end = max((i for i, lump in enumerate(game.lumps) if lump.name == "P_END"), default=-1)
    for i, lump in enumerate(game.lumps):
        if i == end:
            lumps += textures.copies
        data = replaced.get(lump.name)
        lumps.append(_repaint_lump(lump) if data is None else replace(lump, data=data))
    return Wad(game.kind, tuple(lumps if end >= 0 else lumps + textures.copies))


def _repaint_lump(lump: Lump) -> Lump:
    kind = lump_class(lump)
    if kind is None:
        return lump
    if lump.space == "flats":
        return replace(lump, data=bytes([label_index(kind)]) * len(lump.data))
    return replace(lump, data=repaint_patch(lump.data, kind, lump.name))


def repaint_patch(patch: bytes, kind: PixelClass, name: str) -> bytes:
    """`patch`, a picture made of columns of posts, with every opaque pixel of class `kind`.

    `name` is for messages. Raises `WadError` where a column runs out of the patch.
    """
    out = bytearray(patch)
    index = bytes([label_index(kind)])
    try:
        width, *_ = _PATCH_HEADER.unpack_from(patch)
        for at in struct.unpack_from(f"<{width}I", patch, _PATCH_HEADER.size):
            while patch[at] != 0xFF:  # else the row where this post begins
                length = patch[at + 1] + 2  # a byte of padding before and after the pixels
                if at + 2 + length >= len(patch):
                    raise IndexError
                out[at + 2 : at + 2 + length] = index * length
                at += 2 + length
    except (IndexError, struct.error) as error:
        raise WadError(f"picture {name} is damaged: a column runs out of its lump") from error
    return bytes(out)


@dataclass
class _Textures:
    """Textures are made of patches, which they share: a class of its own needs a patch of its own.

    `repaint` changes a TEXTURE lump so that each use of a patch is of the right class, and collects
    in `copies` the patches painted in another class than the original lump.
    """

    game: Wad
    names: list[str] = field(init=False)
    copies: list[Lump] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        raw = self.game.data("PNAMES")
        count = int.from_bytes(raw[:4], "little")
        self.names = [clean_name(raw[4 + 8 * i : 12 + 8 * i]) for i in range(count)]
        self._lumps = {lump.name: lump for lump in self.game.lumps}
        self._index: dict[tuple[str, PixelClass], int] = {}

    def repaint(self, lump: bytes) -> bytes:
        out = bytearray(lump)
        count = int.from_bytes(lump[:4], "little")
        for at in struct.unpack_from(f"<{count}i", lump, 4):
            uses = int.from_bytes(lump[at + 20 : at + 22], "little")
            places = [at + _TEXTURE_HEADER_BYTES + _USE_BYTES * i + 4 for i in range(uses)]
            indices = [int.from_bytes(lump[place : place + 2], "little") for place in places]
            patches = tuple(self.names[index] for index in indices)
            for place, index in zip(places, indices, strict=True):
                kind = patch_class(self.names[index], clean_name(lump[at : at + 8]), patches)
                out[place : place + 2] = self._painted(index, kind).to_bytes(2, "little")
        return bytes(out)

    def _painted(self, index: int, kind: PixelClass) -> int:
        """The index of patch `index` painted as `kind`: its own or a copy's."""
        name = self.names[index]
        lump = self._lumps.get(name)
        if lump is None or not lump.data or lump_class(lump) is kind:
            return index
        if (name, kind) not in self._index:
            copy = f"ZZ{len(self.copies):06d}"
            self._index[name, kind] = len(self.names)
            self.names.append(copy)
            self.copies.append(Lump(copy, repaint_patch(lump.data, kind, name), lump.space))
        return self._index[name, kind]

    def patch_names(self) -> bytes:
        """The lump PNAMES, copies included."""
        return len(self.names).to_bytes(4, "little") + b"".join(map(padded_name, self.names))
