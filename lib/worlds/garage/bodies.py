"""The four bodies of the study: how each car is put together, without wheels and hat.

Lengths are in car units (about a metre): x forward, y left, z up, ground at z = 0. Lists of knots
are the lines of `lib.worlds.garage.hull`: floor, sill, waist, shoulder, ..., middle of the top.
"""

from lib.worlds.garage.fittings import BodyShape, bar, blade, block, cabin, fender, fin, lamps
from lib.worlds.garage.hull import Arch, Patch, hull
from lib.worlds.garage.mesh import Material
from lib.worlds.garage.shapes import Part, box, lathe, moved, pair, plate, tube, turned, wedge
from lib.worlds.garage.wheels import Axle

_GRILLE_Z = (0.44, 0.53, 0.62)  # bars of the breakout's grille


def octane() -> BodyShape:
    """A short, tall buggy: exposed wheels, engine and lamps at the rear, a wing high above."""
    front, rear = Axle(0.78, 0.60, 0.33, 0.24), Axle(-0.72, 0.62, 0.37, 0.30)
    tub = hull(
        [
            [(-0.78, 0.0, 0.40), (-0.40, 0.0, 0.25), (0.42, 0.0, 0.25), (1.08, 0.0, 0.38)],
            [(-0.78, 0.34, 0.42), (-0.40, 0.44, 0.25), (0.42, 0.40, 0.25), (1.08, 0.24, 0.40)],
            [(-0.78, 0.44, 0.60), (-0.40, 0.56, 0.42), (0.42, 0.52, 0.44), (1.08, 0.28, 0.48)],
            [(-0.78, 0.42, 0.88), (-0.40, 0.47, 0.80), (0.42, 0.42, 0.72), (1.08, 0.22, 0.56)],
            [(-0.78, 0.0, 0.94), (-0.40, 0.0, 0.90), (0.42, 0.0, 0.80), (1.08, 0.0, 0.60)],
        ],
        patches=(Patch(-0.40, 0.42, 1, 2, Material.PLASTIC),),
    )
    house = cabin(
        [
            [(-0.72, 0.0, 0.80), (0.66, 0.0, 0.66)],
            [(-0.72, 0.38, 0.84), (-0.35, 0.46, 0.78), (0.10, 0.45, 0.75), (0.66, 0.36, 0.66)],
            [(-0.72, 0.34, 0.92), (-0.35, 0.33, 1.05), (0.10, 0.32, 1.07), (0.66, 0.33, 0.72)],
            [(-0.72, 0.28, 0.95), (-0.35, 0.27, 1.09), (0.10, 0.26, 1.11), (0.66, 0.27, 0.76)],
            [(-0.72, 0.0, 0.97), (-0.35, 0.0, 1.11), (0.10, 0.0, 1.13), (0.66, 0.0, 0.78)],
        ],
        front=0.10,
        rear=-0.35,
        door=-0.35,
    )
    parts = (tub, house, *_octane_rear(), *_octane_nose())
    shields = (*fender(front, 0.04, 0.30, 20.0, 150.0), *fender(rear, 0.04, 0.36, 35.0, 165.0))
    return BodyShape((*parts, *shields), front, rear, (-0.12, 0.0, 1.12))


def _octane_rear() -> tuple[Part, ...]:
    engine = box((-0.92, 0.0, 0.62), (0.30, 0.44, 0.56), Material.PLASTIC)
    intake = box((-0.66, 0.0, 0.98), (0.30, 0.34, 0.14), Material.METAL)
    beam = box((-1.02, 0.0, 0.88), (0.06, 1.10, 0.06), Material.METAL)
    wing = box((-1.02, 0.0, 1.17), (0.34, 1.12, 0.05), Material.PAINT)
    return (
        engine,
        intake,
        beam,
        turned(wing, "y", -14.0, (-1.02, 0.0, 1.17)),
        *fin([(-1.24, 1.14), (-0.86, 1.08), (-0.90, 1.20), (-1.28, 1.32)], 0.57, Material.TRIM),
        *bar((-0.80, 0.26, 0.88), (-1.0, 0.34, 1.15), 0.03, Material.PLASTIC),
        box((-1.08, 0.0, 0.60), (0.08, 0.14, 0.40), Material.METAL),
        *bar((-1.08, 0.13, 0.44), (-1.08, 0.13, 0.82), 0.035, Material.TAILLIGHT),
        *bar((-1.08, 0.21, 0.40), (-1.08, 0.21, 0.78), 0.035, Material.TAILLIGHT),
        *lamps((-1.06, 0.34, 0.88), 0.075, Material.HEADLIGHT, backward=True),
        *lamps((-1.06, 0.50, 0.88), 0.075, Material.HEADLIGHT, backward=True),
    )


def _octane_nose() -> tuple[Part, ...]:
    path = [(1.14, -0.34, 0.40), (1.20, 0.0, 0.38), (1.14, 0.34, 0.40)]
    return (
        tube(path, [0.05, 0.06, 0.05], Material.PLASTIC, sides=4),
        *lamps((1.10, 0.30, 0.52), 0.07, Material.HEADLIGHT),
        *block((0.78, 0.36, 0.36), (0.10, 0.36, 0.08), Material.METAL),
        *block((-0.72, 0.40, 0.38), (0.12, 0.40, 0.10), Material.METAL),
    )


def aftershock() -> BodyShape:
    """A long, low dragster: a needle of a nose, booms that sweep back into wings, a turbine."""
    front, rear = Axle(0.84, 0.60, 0.29, 0.24), Axle(-0.74, 0.66, 0.36, 0.32)
    spine = hull(
        [
            [(-0.80, 0.0, 0.20), (0.0, 0.0, 0.14), (1.36, 0.0, 0.16)],
            [(-0.80, 0.36, 0.22), (0.0, 0.42, 0.14), (0.62, 0.26, 0.14), (1.36, 0.13, 0.16)],
            [(-0.80, 0.42, 0.42), (0.0, 0.48, 0.34), (0.62, 0.30, 0.26), (1.36, 0.15, 0.20)],
            [
                (-0.80, 0.30, 0.74),
                (-0.30, 0.30, 0.80),
                (0.10, 0.27, 0.72),
                (0.62, 0.19, 0.46),
                (1.36, 0.10, 0.24),
            ],
            [
                (-0.80, 0.0, 0.82),
                (-0.30, 0.0, 0.88),
                (0.10, 0.0, 0.82),
                (0.62, 0.0, 0.52),
                (1.36, 0.0, 0.26),
            ],
        ],
        patches=(
            Patch(0.08, 0.64, 3, 4, Material.GLASS),
            Patch(0.08, 0.64, 2, 3, Material.PAINT),
            Patch(-0.80, 0.08, 1, 2, Material.PLASTIC),
            Patch(0.64, 1.40, 3, 4, Material.PLASTIC),
        ),
    )
    parts = (spine, *_aftershock_wings(), *_aftershock_turbine(), *_aftershock_frame())
    return BodyShape(parts, front, rear, (-0.26, 0.0, 0.88))


def _aftershock_wings() -> tuple[Part, ...]:
    root = [(0.22, 0.26, 0.66), (-0.86, 0.24, 0.86)]
    bend = [(-0.98, 0.74, 0.92), (-1.34, 0.74, 0.98)]
    tip = [(-1.38, 0.98, 1.10), (-1.52, 1.0, 1.16)]
    low = [(-0.60, 0.40, 0.58), (-1.00, 0.40, 0.60)], [(-1.20, 0.66, 0.58), (-1.36, 0.66, 0.62)]
    return (
        *pair(blade(root, bend, Material.PAINT, thickness=0.07)),
        *pair(blade(bend, tip, Material.PAINT)),
        *pair(blade(low[0], low[1], Material.TRIM)),
        *fin([(-0.55, 0.80), (-1.22, 0.92), (-1.30, 1.10), (-1.12, 1.06)], 0.26, Material.TRIM),
    )


def _aftershock_turbine() -> tuple[Part, ...]:
    shell = [
        (0.20, -0.62),
        (0.29, -0.78),
        (0.30, -1.04),
        (0.27, -1.18),
        (0.21, -1.18),
        (0.10, -1.0),
    ]
    bands = [Material.METAL] * 3 + [Material.TRIM, Material.PLASTIC]
    jet = lathe([*shell, (0.0, -1.12)], [*bands, Material.TAILLIGHT], axis="x", sides=14)
    top = lathe([(0.13, -0.50), (0.13, -1.10), (0.08, -1.04)], Material.METAL, axis="x", sides=9)
    return moved(jet, (0.0, 0.0, 0.54)), moved(top, (0.0, 0.0, 0.90))


def _aftershock_frame() -> tuple[Part, ...]:
    return (
        *bar((0.84, 0.22, 0.24), (0.84, 0.56, 0.29), 0.03, Material.METAL),
        *bar((0.70, 0.24, 0.34), (0.84, 0.56, 0.32), 0.025, Material.METAL),
        *bar((-0.74, 0.36, 0.36), (-0.74, 0.60, 0.36), 0.05, Material.METAL),
        *bar((-0.10, 0.50, 0.36), (-1.26, 0.44, 0.44), 0.05, Material.METAL),
        *block((1.30, 0.15, 0.21), (0.16, 0.06, 0.05), Material.HEADLIGHT),
        *block((-1.20, 0.36, 0.24), (0.06, 0.22, 0.06), Material.TAILLIGHT),
        wedge((-1.0, 0.0, 0.20), (0.42, 0.84, 0.10), Material.PLASTIC, front=(0.8, 1.0)),
    )


def werewolf() -> BodyShape:
    """A low coupe of round muscles: fenders higher than its bonnet, a sloping back, one big jet."""
    front, rear = Axle(0.82, 0.60, 0.31, 0.25), Axle(-0.80, 0.63, 0.33, 0.28)
    skin = hull(
        [
            [(-1.16, 0.0, 0.28), (-0.80, 0.0, 0.16), (0.82, 0.0, 0.16), (1.26, 0.0, 0.22)],
            [(-1.16, 0.56, 0.30), (-0.80, 0.70, 0.17), (0.0, 0.60, 0.13), (0.82, 0.68, 0.17),
             (1.26, 0.36, 0.22)],
            [(-1.22, 0.58, 0.50), (-0.80, 0.80, 0.46), (0.0, 0.62, 0.36), (0.82, 0.76, 0.44),
             (1.26, 0.40, 0.34)],
            [(-1.22, 0.54, 0.70), (-0.80, 0.72, 0.76), (0.0, 0.60, 0.62), (0.82, 0.68, 0.70),
             (1.26, 0.36, 0.44)],
            [(-1.22, 0.42, 0.73), (-0.80, 0.48, 0.76), (0.0, 0.46, 0.64), (0.82, 0.44, 0.60),
             (1.26, 0.24, 0.44)],
            [(-1.22, 0.0, 0.74), (-0.80, 0.0, 0.74), (0.0, 0.0, 0.66), (0.82, 0.0, 0.58),
             (1.26, 0.0, 0.42)],
        ],
        arches=(Arch(0.82, 0.31, 0.355), Arch(-0.80, 0.33, 0.375)),
        crease_deg=36.0,
    )  # fmt: skip
    house = cabin(
        [
            [(-1.0, 0.0, 0.68), (0.66, 0.0, 0.56)],
            [(-1.0, 0.40, 0.70), (-0.40, 0.54, 0.66), (0.02, 0.54, 0.62), (0.66, 0.40, 0.56)],
            [(-1.0, 0.34, 0.75), (-0.40, 0.38, 0.88), (0.02, 0.36, 0.89), (0.66, 0.37, 0.60)],
            [(-1.0, 0.26, 0.77), (-0.40, 0.30, 0.92), (0.02, 0.29, 0.93), (0.66, 0.31, 0.63)],
            [(-1.0, 0.0, 0.79), (-0.40, 0.0, 0.95), (0.02, 0.0, 0.95), (0.66, 0.0, 0.66)],
        ],
        front=0.02,
        rear=-0.40,
        door=-0.40,
    )
    return BodyShape((skin, house, *_werewolf_trim()), front, rear, (-0.18, 0.0, 0.94))


def _werewolf_trim() -> tuple[Part, ...]:
    scoop = [(-0.46, 0.20), (0.34, 0.26), (-0.10, 0.40), (-0.46, 0.56)]
    hexagon = [(0.0, 0.30), (0.40, 0.34), (0.52, 0.50), (0.36, 0.64), (-0.36, 0.64), (-0.52, 0.50),
               (-0.40, 0.34)]  # fmt: skip
    profile = [(0.20, -1.20), (0.20, -1.28), (0.15, -1.30), (0.13, -1.275), (0.0, -1.31)]
    bands = [Material.METAL, Material.METAL, Material.TAILLIGHT, Material.TAILLIGHT]
    jet = lathe(profile, bands, axis="x", sides=10)
    lip = box((-1.24, 0.0, 0.685), (0.08, 0.92, 0.04), Material.TRIM)
    return (
        *pair(turned(plate(scoop, 0.57, 0.66, Material.PLASTIC, "y"), "z", -8.0)),
        plate(hexagon, -1.26, -1.10, Material.PLASTIC, "x"),
        moved(jet, (0.0, 0.0, 0.49)),
        lip,
        *pair(turned(box((-1.20, 0.42, 0.68), (0.08, 0.26, 0.05), Material.TAILLIGHT), "z", 20.0,
                     (-1.20, 0.42, 0.68))),
        wedge((-1.12, 0.0, 0.22), (0.30, 1.04, 0.10), Material.TRIM, front=(0.9, 1.0)),
        *pair(turned(box((1.12, 0.42, 0.46), (0.20, 0.22, 0.05), Material.HEADLIGHT), "z", -35.0,
                     (1.12, 0.42, 0.46))),
        wedge((1.22, 0.0, 0.22), (0.14, 0.78, 0.12), Material.TRIM, front=(0.7, 0.6)),
        *block((0.0, 0.60, 0.15), (0.90, 0.08, 0.08), Material.TRIM),
    )  # fmt: skip


def breakout() -> BodyShape:
    """A flat wedge of straight lines: long bonnet, black vents, square tail with a grille."""
    front, rear = Axle(0.88, 0.62, 0.29, 0.25), Axle(-0.80, 0.66, 0.34, 0.30)
    skin = hull(
        [
            [(-1.26, 0.0, 0.30), (-0.80, 0.0, 0.15), (0.88, 0.0, 0.15), (1.46, 0.0, 0.22)],
            [(-1.26, 0.68, 0.32), (-0.80, 0.73, 0.15), (0.88, 0.70, 0.15), (1.46, 0.58, 0.22)],
            [(-1.26, 0.72, 0.56), (-0.80, 0.82, 0.44), (0.88, 0.76, 0.36), (1.46, 0.60, 0.27)],
            [(-1.26, 0.68, 0.84), (-0.80, 0.74, 0.81), (0.40, 0.66, 0.66), (0.88, 0.68, 0.65),
             (1.46, 0.58, 0.33)],
            [(-1.26, 0.50, 0.85), (-0.80, 0.50, 0.78), (0.40, 0.50, 0.61), (0.88, 0.48, 0.52),
             (1.46, 0.44, 0.34)],
            [(-1.26, 0.0, 0.85), (-0.80, 0.0, 0.78), (0.40, 0.0, 0.63), (0.88, 0.0, 0.52),
             (1.46, 0.0, 0.34)],
        ],
        arches=(Arch(0.88, 0.29, 0.335), Arch(-0.80, 0.34, 0.385)),
        crease_deg=12.0,
    )  # fmt: skip
    house = cabin(
        [
            [(-0.90, 0.0, 0.72), (0.62, 0.0, 0.56)],
            [(-0.90, 0.46, 0.77), (-0.46, 0.58, 0.72), (0.0, 0.58, 0.66), (0.62, 0.50, 0.57)],
            [(-0.90, 0.40, 0.80), (-0.46, 0.44, 0.91), (0.0, 0.44, 0.91), (0.62, 0.47, 0.59)],
            [(-0.90, 0.36, 0.81), (-0.46, 0.39, 0.93), (0.0, 0.39, 0.93), (0.62, 0.41, 0.60)],
            [(-0.90, 0.0, 0.81), (-0.46, 0.0, 0.93), (0.0, 0.0, 0.93), (0.62, 0.0, 0.60)],
        ],
        front=0.0,
        rear=-0.46,
        door=-0.46,
    )
    return BodyShape((skin, house, *_breakout_trim()), front, rear, (-0.24, 0.0, 0.93))


def _breakout_trim() -> tuple[Part, ...]:
    vent = [(-0.40, 0.24), (0.42, 0.22), (0.34, 0.36), (-0.34, 0.46)]
    deck = [(-1.20, 0.36), (-0.92, 0.36), (-0.92, -0.36), (-1.20, -0.36)]
    grille = [box((-1.30, 0.0, z), (0.08, 0.36, 0.05), Material.TAILLIGHT) for z in _GRILLE_Z]
    lamp = box((1.16, 0.42, 0.475), (0.24, 0.22, 0.05), Material.HEADLIGHT)
    return (
        *pair(plate(vent, 0.72, 0.82, Material.PLASTIC, "y")),
        *pair(wedge((-0.48, 0.66, 0.70), (0.36, 0.14, 0.18), Material.PLASTIC, front=(0.5, 0.4))),
        plate(deck, 0.70, 0.87, Material.PLASTIC, "z"),
        box((-1.27, 0.0, 0.62), (0.06, 1.30, 0.32), Material.PLASTIC),
        *grille,
        *block((-1.30, 0.52, 0.72), (0.06, 0.22, 0.06), Material.TAILLIGHT),
        *bar((-1.14, 0.30, 0.42), (-1.38, 0.34, 0.46), 0.08, Material.METAL),
        box((-1.20, 0.0, 0.30), (0.24, 1.20, 0.14), Material.PLASTIC),
        *pair(turned(lamp, "y", 17.0, (1.16, 0.42, 0.475))),
        *block((1.45, 0.40, 0.28), (0.06, 0.28, 0.06), Material.HEADLIGHT),
        wedge((1.40, 0.0, 0.20), (0.20, 1.22, 0.06), Material.TRIM, front=(0.96, 1.0)),
    )
