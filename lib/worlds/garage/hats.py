"""What a car wears: 23 hats, built about the point on which they stand, z = 0 the roof.

Each reaches a little below the roof, so that none floats where a roof is curved.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from lib.worlds.garage.loadout import Hat
from lib.worlds.garage.mesh import Material
from lib.worlds.garage.shapes import (
    Part,
    box,
    lathe,
    moved,
    pair,
    plate,
    solid,
    tube,
    turned,
)

SINK = 0.04
"""How far a hat reaches below the roof."""
_HAT, _ACCENT, _DARK = Material.HAT, Material.HAT_ACCENT, Material.PLASTIC


def hat_parts(hat: Hat) -> tuple[Part, ...]:
    """The solids of a hat, without any for `Hat.NONE`."""
    return _MAKERS[hat]()


def _dome(radius: float, height: float, *, low: float = -SINK, material: Material = _HAT) -> Part:
    """Half an ellipsoid over a short straight rim."""
    turn = np.radians([0.0, 30.0, 60.0, 90.0])
    arc = [(radius * float(np.cos(t)), height * float(np.sin(t))) for t in turn[:-1]]
    return lathe([(radius, low), *arc, (0.0, height)], material, sides=12, crease_deg=60.0)


def _ball(radius: float, at: tuple[float, float, float], material: Material) -> Part:
    half = 0.71 * radius
    profile = [(0.0, -radius), (half, -half), (radius, 0.0), (half, half), (0.0, radius)]
    return moved(lathe(profile, material, sides=7, crease_deg=70.0), at)


def _ring(
    outer: float, inner: float, low: float, high: Sequence[float], material: Material
) -> Part:
    """A closed band; its upper edge goes through the heights `high`, one for each side."""
    n = len(high)
    turn = 2 * np.pi * np.arange(n) / n
    circle = np.stack([np.cos(turn), np.sin(turn)], 1)
    tops, lows = np.asarray(high), np.full(n, low)
    loops = [(inner, lows), (outer, lows), (outer, tops), (inner, tops)]
    points = np.concatenate([np.column_stack([radius * circle, z]) for radius, z in loops])
    i = np.arange(n)
    j = (i + 1) % n
    quads = [(k * n, (k + 1) % 4 * n) for k in range(4)]
    faces = [
        np.stack(t, 1) for a, b in quads for t in ((a + i, a + j, b + j), (a + i, b + j, b + i))
    ]
    return solid(points, np.concatenate(faces), material)


def _curled(part: Part, rise: float, stretch: float = 1.0) -> Part:
    """Bend a brim up at its sides (`rise` at y = 1) and stretch it along x."""
    points = part.vertices * [stretch, 1.0, 1.0]
    points[:, 2] += rise * points[:, 1] ** 2
    return replace(part, vertices=points)


def _brim(radius: float, lift: float = 0.0) -> Part:
    profile = [
        (0.6 * radius, -SINK),
        (0.97 * radius, lift),
        (radius, lift + 0.03),
        (0.6 * radius, 0.02),
    ]
    return lathe(profile, _HAT, sides=16, crease_deg=60.0)


def _none() -> tuple[Part, ...]:
    return ()


def _top_hat() -> tuple[Part, ...]:
    crown = lathe(
        [(0.27, 0.0), (0.255, 0.11), (0.27, 0.34), (0.31, 0.50)], [_ACCENT, _HAT, _HAT], sides=14
    )
    return _curled(_brim(0.42), 0.25), crown


def _party_cone() -> tuple[Part, ...]:
    profile = [(0.23, -SINK), (0.17, 0.14), (0.12, 0.28), (0.06, 0.44), (0.0, 0.60)]
    cone = lathe(profile, [_HAT, _ACCENT, _HAT, _ACCENT], sides=12)
    return cone, _ball(0.07, (0.0, 0.0, 0.60), _ACCENT)


def _sombrero() -> tuple[Part, ...]:
    profile = [(0.30, -SINK), (0.56, 0.04), (0.64, 0.16), (0.60, 0.18), (0.52, 0.08), (0.28, 0.03)]
    brim = lathe(profile, [_HAT, _HAT, _ACCENT, _ACCENT, _HAT], sides=18, crease_deg=60.0)
    crown = lathe(
        [(0.27, 0.0), (0.25, 0.10), (0.18, 0.30), (0.09, 0.38), (0.0, 0.40)],
        [_ACCENT, _HAT, _HAT, _HAT],
        sides=12,
    )
    return brim, crown


def _boombox() -> tuple[Part, ...]:
    case = box((0.0, 0.0, 0.20), (0.26, 0.80, 0.48), _HAT)
    cones = [
        moved(lathe([(0.15, -0.15), (0.15, 0.15)], _ACCENT, axis="x", sides=10), (0.0, 0.24, 0.17))
    ]
    grip = [(0.0, -0.30, 0.42), (0.0, -0.26, 0.54), (0.0, 0.26, 0.54), (0.0, 0.30, 0.42)]
    deck = box((0.0, 0.0, 0.32), (0.29, 0.16, 0.12), _DARK)
    return case, deck, tube(grip, [0.03] * 4, _DARK, sides=4), *(p for c in cones for p in pair(c))


def _rabbit_ears() -> tuple[Part, ...]:
    path = [
        (0.02, 0.10, -SINK),
        (0.0, 0.12, 0.16),
        (-0.04, 0.16, 0.40),
        (-0.10, 0.20, 0.62),
        (-0.15, 0.22, 0.74),
    ]
    ear = tube(path, [0.05, 0.09, 0.10, 0.075, 0.02], _HAT, sides=7, flat=1.2)
    inner = tube(
        [(0.07, 0.13, 0.12), (0.05, 0.155, 0.36), (-0.02, 0.19, 0.58)],
        [0.02, 0.05, 0.02],
        _ACCENT,
        sides=5,
    )
    return *pair(ear), *pair(inner)


def _horned_helmet() -> tuple[Part, ...]:
    horn = tube(
        [(0.0, 0.24, 0.10), (0.0, 0.42, 0.14), (0.0, 0.54, 0.28), (0.02, 0.56, 0.48)],
        [0.10, 0.085, 0.06, 0.0],
        _ACCENT,
        sides=7,
    )
    band = lathe([(0.34, -SINK), (0.345, 0.06)], Material.METAL, sides=12)
    return _dome(0.33, 0.36, low=0.0), band, *pair(horn)


def _mohawk() -> tuple[Part, ...]:
    teeth = []
    for k in range(6):
        turn = np.radians(20.0 + 28.0 * k)
        for radius, offset in ((0.50, -9.0), (0.36, 10.0)):
            at = turn + np.radians(offset)
            teeth.append((0.95 * radius * float(np.cos(at)), radius * float(np.sin(at))))
    fan = [(0.0, -SINK), (0.36, -SINK), *teeth[:-1], (-0.36, -SINK)]
    return (
        plate(fan, -0.05, 0.05, _HAT, "y"),
        box((0.0, 0.0, 0.0), (0.66, 0.16, 2 * SINK), _ACCENT),
    )


def _visor(length: float) -> Part:
    end = 0.30 + length
    right = [(0.0, -0.30), (0.30, -0.28), (end, -0.17)]
    outline = [(0.0, 0.30), *right, (end + 0.04, 0.0), (end, 0.17), (0.30, 0.28)]
    return turned(plate(outline, -0.02, 0.02, _ACCENT, "z"), "y", 6.0)


def _cap() -> tuple[Part, ...]:
    return (
        _dome(0.33, 0.34),
        moved(_visor(0.26), (0.0, 0.0, 0.03)),
        _ball(0.035, (0.0, 0.0, 0.35), _ACCENT),
    )


def _beret() -> tuple[Part, ...]:
    profile = [(0.28, -SINK), (0.29, 0.04), (0.44, 0.10), (0.43, 0.16), (0.28, 0.21), (0.0, 0.23)]
    disc = lathe(profile, [_ACCENT, _HAT, _HAT, _HAT, _HAT], sides=14, crease_deg=60.0)
    leaning = turned(disc, "x", -9.0)
    return leaning, tube([(0.0, 0.02, 0.20), (-0.02, 0.05, 0.29)], [0.025, 0.02], _ACCENT, sides=4)


def _cowboy_hat() -> tuple[Part, ...]:
    crown = lathe(
        [(0.29, -0.02), (0.27, 0.07), (0.25, 0.26), (0.19, 0.35), (0.0, 0.29)],
        [_ACCENT, _HAT, _HAT, _HAT],
        sides=12,
    )
    return _curled(_brim(0.52), 0.75, 1.15), _curled(crown, 0.0, 1.2)


def _unicorn_horn() -> tuple[Part, ...]:
    rungs = [(0.13 * (1 - k / 10) * (0.82 if k % 2 else 1.0), 0.072 * k) for k in range(10)]
    horn = lathe(
        [(0.13, -0.10), *rungs, (0.0, 0.76)],
        [_HAT if k % 4 < 2 else _ACCENT for k in range(11)],
        sides=8,
        crease_deg=20.0,
    )
    return (turned(horn, "y", 14.0),)


def _cake() -> tuple[Part, ...]:
    low = lathe(
        [(0.34, -SINK), (0.34, 0.12), (0.35, 0.22), (0.30, 0.24)],
        [_HAT, _ACCENT, _ACCENT],
        sides=14,
    )
    high = lathe(
        [(0.22, 0.20), (0.22, 0.32), (0.23, 0.42), (0.19, 0.44)], [_HAT, _ACCENT, _ACCENT], sides=12
    )
    candle = tube([(0.0, 0.0, 0.42), (0.0, 0.0, 0.58)], [0.03, 0.03], Material.METAL, sides=4)
    flame = _ball(0.04, (0.0, 0.0, 0.61), Material.HEADLIGHT)
    return low, high, candle, flame


def _antlers() -> tuple[Part, ...]:
    beam = [
        (0.0, 0.08, -SINK),
        (-0.04, 0.20, 0.16),
        (-0.06, 0.38, 0.30),
        (0.0, 0.50, 0.48),
        (0.06, 0.52, 0.66),
    ]
    points = [
        ([(-0.05, 0.28, 0.22), (0.10, 0.28, 0.32), (0.16, 0.26, 0.44)], [0.04, 0.032, 0.0]),
        ([(-0.05, 0.40, 0.33), (-0.10, 0.36, 0.46), (-0.10, 0.34, 0.58)], [0.04, 0.032, 0.0]),
        ([(0.0, 0.49, 0.46), (0.04, 0.64, 0.54), (0.05, 0.70, 0.64)], [0.035, 0.028, 0.0]),
    ]
    main = tube(beam, [0.055, 0.05, 0.045, 0.04, 0.0], _HAT, sides=6)
    branches = [tube(path, radii, _HAT, sides=5) for path, radii in points]
    return (
        *pair(main),
        *(p for branch in branches for p in pair(branch)),
        _ball(0.11, (0.0, 0.0, 0.0), _ACCENT),
    )


def _beanie() -> tuple[Part, ...]:
    rim = lathe(
        [(0.34, -SINK), (0.37, 0.0), (0.37, 0.10), (0.33, 0.13)], _ACCENT, sides=12, crease_deg=60.0
    )
    return rim, _dome(0.325, 0.42, low=0.05), _ball(0.12, (0.0, 0.0, 0.50), _ACCENT)


def _fez() -> tuple[Part, ...]:
    crown = lathe([(0.29, -SINK), (0.215, 0.38), (0.19, 0.39)], _HAT, sides=14)
    cord = [(0.0, 0.0, 0.41), (-0.16, 0.12, 0.40), (-0.22, 0.18, 0.36), (-0.26, 0.20, 0.14)]
    return crown, tube(cord, [0.02, 0.02, 0.022, 0.05], _ACCENT, sides=5)


def _witch_hat() -> tuple[Part, ...]:
    path = [
        (0.0, 0.0, 0.0),
        (0.0, 0.0, 0.12),
        (-0.03, 0.0, 0.34),
        (-0.12, 0.02, 0.54),
        (-0.30, 0.05, 0.66),
    ]
    crown = tube(path, [0.27, 0.235, 0.145, 0.075, 0.0], _HAT, sides=10)
    band = lathe([(0.28, 0.0), (0.255, 0.09)], _ACCENT, sides=12)
    return _curled(_brim(0.52, -0.02), -0.1), crown, band


def _crown() -> tuple[Part, ...]:
    heights = [0.38 if k % 2 else 0.16 for k in range(14)]
    jewels = [_ball(0.045, (0.31, 0.0, 0.09), _ACCENT), _ball(0.045, (-0.31, 0.0, 0.09), _ACCENT)]
    lining = lathe([(0.26, -SINK), (0.24, 0.10)], _ACCENT, sides=10)
    return _ring(0.32, 0.27, -SINK, heights, _HAT), lining, *jewels


def _propeller_cap() -> tuple[Part, ...]:
    rod = tube([(0.0, 0.0, 0.26), (0.0, 0.0, 0.44)], [0.025, 0.025], Material.METAL, sides=5)
    wing = turned(box((0.0, 0.20, 0.0), (0.12, 0.36, 0.025), _ACCENT), "y", 18.0)
    other = turned(wing, "z", 180.0)
    blades = [turned(moved(each, (0.0, 0.0, 0.44)), "z", 25.0) for each in (wing, other)]
    return _dome(0.33, 0.28), _visor(0.10), rod, *blades, _ball(0.045, (0.0, 0.0, 0.45), _ACCENT)


def _traffic_cone() -> tuple[Part, ...]:
    base = box((0.0, 0.0, 0.0), (0.56, 0.56, 2 * SINK), _HAT)
    profile = [(0.22, 0.03), (0.175, 0.18), (0.125, 0.34), (0.085, 0.48), (0.05, 0.60)]
    return base, lathe(profile, [_HAT, _ACCENT, _HAT, _ACCENT], sides=12)


def _chef_hat() -> tuple[Part, ...]:
    profile = [(0.27, -SINK), (0.27, 0.22), (0.40, 0.32), (0.42, 0.46), (0.32, 0.57), (0.0, 0.60)]
    return (lathe(profile, [_ACCENT, _HAT, _HAT, _HAT, _HAT], sides=12, crease_deg=50.0),)


def _bowler() -> tuple[Part, ...]:
    band = lathe([(0.305, 0.0), (0.305, 0.09)], _ACCENT, sides=12)
    crown = lathe(
        [(0.295, 0.0), (0.30, 0.16), (0.25, 0.28), (0.14, 0.34), (0.0, 0.355)],
        _HAT,
        sides=12,
        crease_deg=60.0,
    )
    return _curled(_brim(0.44, 0.02), 0.35), crown, band


def _halo() -> tuple[Part, ...]:
    ring = moved(_ring(0.36, 0.27, 0.0, [0.06] * 16, _ACCENT), (0.0, 0.0, 0.42))
    stay = [(-0.22, 0.0, -SINK), (-0.34, 0.0, 0.20), (-0.32, 0.0, 0.45)]
    return turned(ring, "y", -6.0, (0.0, 0.0, 0.45)), tube(stay, [0.03, 0.025, 0.02], _HAT, sides=5)


_MAKERS: dict[Hat, Callable[[], tuple[Part, ...]]] = {
    Hat.NONE: _none,
    Hat.TOP_HAT: _top_hat,
    Hat.PARTY_CONE: _party_cone,
    Hat.SOMBRERO: _sombrero,
    Hat.BOOMBOX: _boombox,
    Hat.RABBIT_EARS: _rabbit_ears,
    Hat.HORNED_HELMET: _horned_helmet,
    Hat.MOHAWK: _mohawk,
    Hat.CAP: _cap,
    Hat.BERET: _beret,
    Hat.COWBOY_HAT: _cowboy_hat,
    Hat.UNICORN_HORN: _unicorn_horn,
    Hat.CAKE: _cake,
    Hat.ANTLERS: _antlers,
    Hat.BEANIE: _beanie,
    Hat.FEZ: _fez,
    Hat.WITCH_HAT: _witch_hat,
    Hat.CROWN: _crown,
    Hat.PROPELLER_CAP: _propeller_cap,
    Hat.TRAFFIC_CONE: _traffic_cone,
    Hat.CHEF_HAT: _chef_hat,
    Hat.BOWLER: _bowler,
    Hat.HALO: _halo,
}
