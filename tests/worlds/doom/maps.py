"""A map drawn by hand: three rooms in a row, with a door and a ledge between them."""

import struct

from lib.worlds.doom.wad import Lump, Wad

ROOM = 256
_WALL = (0, 0, None)


def three_rooms(*, special: int = 0, ledge: int = 64) -> Wad:
    """Rooms A, D, B, C along x: D is a door 64 wide, C lies `ledge` above B.

    `special` is that of the line between B and C.
    """
    xs = (0, ROOM, ROOM + 64, 2 * ROOM + 64, 3 * ROOM + 64)
    corners = [(x, y) for x in xs for y in (0, ROOM)]  # 2 i at the bottom, 2 i + 1 at the top
    # each sector: floor, ceiling
    sectors = [(0, 128), (0, 0), (0, 128), (ledge, ledge + 128)]
    sides: list[int] = []
    lines: list[tuple[int, ...]] = []

    def line(a: int, b: int, right: int, left: int | None, kind: int = 0) -> None:
        first = len(sides)
        sides.append(right)
        second = 0xFFFF
        if left is not None:
            second = len(sides)
            sides.append(left)
        lines.append((a, b, 1 if left is None else 4, kind, 0, first, second))

    line(0, 1, 0, None)  # the west wall faces east, to its right
    for i in range(4):
        line(2 * i + 1, 2 * i + 3, i, None)  # north walls, eastward: south is to the right
        line(2 * i + 2, 2 * i, i, None)  # south walls, westward
    line(9, 8, 3, None)
    line(3, 2, 0, 1, 1)  # southward: right is west; a door opens the sector to the left
    line(4, 5, 2, 1, 1)
    line(7, 6, 2, 3, special)
    things = [(64, 128, 0, 1, 7), (3 * ROOM, 128, 0, 3004, 7), (128, 64, 0, 2035, 7)]
    things.append((128, 192, 0, 2001, 16 | 7))  # only for several players
    lumps = {
        "THINGS": b"".join(struct.pack("<hhhHH", *thing) for thing in things),
        "LINEDEFS": b"".join(struct.pack("<7H", *one) for one in lines),
        "SIDEDEFS": b"".join(
            struct.pack("<hh8s8s8sH", 0, 0, b"-", b"-", b"-", sector) for sector in sides
        ),
        "VERTEXES": b"".join(struct.pack("<hh", *corner) for corner in corners),
        "SECTORS": b"".join(
            struct.pack("<hh8s8sHHH", f, c, b"", b"", 160, 9 if i == 3 else 0, 0)
            for i, (f, c) in enumerate(sectors)
        ),
    }
    return Wad("PWAD", (Lump("MAP01", b""), *(Lump(n, d) for n, d in lumps.items())))
