"""A second, naive reading of Doom's pictures, to hold the library's against."""

import struct

import numpy as np


def decode_patch(data):
    """Rows × columns of palette indices, −1 where the patch has a hole."""
    width, height = struct.unpack_from("<hh", data)
    out = np.full((height, width), -1)
    for x in range(width):
        (at,) = struct.unpack_from("<I", data, 8 + 4 * x)
        while data[at] != 255:
            top, length = data[at], data[at + 1]
            for i in range(length):
                if top + i < height:
                    out[top + i, x] = data[at + 3 + i]
            at += length + 4
    return out


def encode_patch(indices):
    """The patch of rows × columns of palette indices, −1 for holes; one post per run."""
    height, width = indices.shape
    columns = []
    for x in range(width):
        column, y = b"", 0
        while y < height:
            end = y
            while end < height and indices[end, x] >= 0:
                end += 1
            if end > y:
                run = bytes(int(value) for value in indices[y:end, x])
                column += bytes([y, end - y, 0]) + run + b"\0"
            y = max(end, y + 1)
        columns.append(column + b"\xff")
    at, offsets = 8 + 4 * width, []
    for column in columns:
        offsets.append(at)
        at += len(column)
    header = struct.pack("<hhhh", width, height, 0, 0)
    return header + struct.pack(f"<{width}I", *offsets) + b"".join(columns)


def names(wad):
    """PNAMES."""
    data = wad.data("PNAMES")
    (count,) = struct.unpack_from("<i", data)
    raw = [data[4 + 8 * i : 12 + 8 * i] for i in range(count)]
    return [name.split(b"\0")[0].decode().upper() for name in raw]


def textures(wad):
    """Name -> (width, height, [(x, y, patch name), …]) of TEXTURE1 and TEXTURE2."""
    out, patches = {}, names(wad)
    for lump in ("TEXTURE1", "TEXTURE2"):
        if wad.find(lump) is None:
            continue
        data = wad.data(lump)
        (count,) = struct.unpack_from("<i", data)
        for at in struct.unpack_from(f"<{count}i", data, 4):
            name = data[at : at + 8].split(b"\0")[0].decode().upper()
            width, height, _, uses = struct.unpack_from("<hhih", data, at + 12)
            places = [struct.unpack_from("<hhh", data, at + 22 + 10 * i) for i in range(uses)]
            out.setdefault(name, (width, height, [(x, y, patches[i]) for x, y, i in places]))
    return out


def compose(wad, texture, lumps):
    """The picture of a texture, as `decode_patch`; `lumps` maps names to bytes."""
    width, height, uses = textures(wad)[texture]
    out = np.full((height, width), -1)
    for x, y, name in uses:
        patch = decode_patch(lumps[name])
        for row, column in zip(*np.nonzero(patch >= 0), strict=True):
            if 0 <= y + row < height and 0 <= x + column < width:
                out[y + row, x + column] = patch[row, column]
    return out
