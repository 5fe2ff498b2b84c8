"""The colours and finishes of a loadout: team paint, trim, hats, lamps."""

import colorsys
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from lib.worlds.garage.loadout import Hat, Loadout, Team
from lib.worlds.garage.mesh import Material


class Finish(NamedTuple):
    """How a material takes light, each in [0, 1].

    coat: strength of the clear layer on top, which mirrors the stadium. shine: strength of the
    lamp's highlight. glow: share of light of its own.
    """

    coat: float
    shine: float
    glow: float = 0.0


FINISH = {
    Material.PAINT: Finish(0.85, 0.50),
    Material.GLASS: Finish(1.0, 0.70),
    Material.PLASTIC: Finish(0.22, 0.12),
    Material.TYRE: Finish(0.06, 0.03),
    Material.RIM: Finish(0.35, 0.25),
    Material.HEADLIGHT: Finish(0.5, 0.3, 0.85),
    Material.TAILLIGHT: Finish(0.4, 0.3, 0.75),
    Material.HAT: Finish(0.10, 0.05),
    Material.TRIM: Finish(0.60, 0.35),
    Material.METAL: Finish(0.75, 0.55),
    Material.HAT_ACCENT: Finish(0.18, 0.10),
}

_FIXED = {
    Material.GLASS: (0.020, 0.022, 0.028),
    Material.PLASTIC: (0.075, 0.075, 0.085),
    Material.TYRE: (0.060, 0.060, 0.065),
    Material.RIM: (0.5, 0.5, 0.5),
    Material.HEADLIGHT: (1.0, 0.98, 0.92),
    Material.TAILLIGHT: (1.0, 0.46, 0.16),
    Material.METAL: (0.36, 0.35, 0.36),
}

HAT_COLOURS: dict[Hat, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    Hat.NONE: ((0.2, 0.2, 0.2), (0.2, 0.2, 0.2)),
    Hat.TOP_HAT: ((0.07, 0.07, 0.08), (0.42, 0.06, 0.09)),
    Hat.PARTY_CONE: ((0.18, 0.62, 0.72), (0.92, 0.32, 0.55)),
    Hat.SOMBRERO: ((0.05, 0.20, 0.23), (0.18, 0.68, 0.72)),
    Hat.BOOMBOX: ((0.13, 0.12, 0.12), (0.34, 0.31, 0.28)),
    Hat.RABBIT_EARS: ((0.70, 0.69, 0.66), (0.80, 0.55, 0.56)),
    Hat.HORNED_HELMET: ((0.33, 0.35, 0.38), (0.80, 0.74, 0.62)),
    Hat.MOHAWK: ((0.72, 0.06, 0.50), (0.45, 0.04, 0.42)),
    Hat.CAP: ((0.16, 0.18, 0.24), (0.16, 0.24, 0.62)),
    Hat.BERET: ((0.56, 0.07, 0.08), (0.30, 0.04, 0.05)),
    Hat.COWBOY_HAT: ((0.46, 0.36, 0.20), (0.20, 0.14, 0.07)),
    Hat.UNICORN_HORN: ((0.78, 0.28, 0.66), (0.42, 0.16, 0.62)),
    Hat.CAKE: ((0.52, 0.46, 0.44), (0.14, 0.22, 0.66)),
    Hat.ANTLERS: ((0.36, 0.24, 0.14), (0.50, 0.38, 0.26)),
    Hat.BEANIE: ((0.36, 0.37, 0.39), (0.62, 0.63, 0.65)),
    Hat.FEZ: ((0.62, 0.08, 0.08), (0.86, 0.70, 0.22)),
    Hat.WITCH_HAT: ((0.13, 0.09, 0.19), (0.44, 0.20, 0.60)),
    Hat.CROWN: ((0.86, 0.64, 0.16), (0.72, 0.10, 0.20)),
    Hat.PROPELLER_CAP: ((0.16, 0.42, 0.78), (0.90, 0.76, 0.16)),
    Hat.TRAFFIC_CONE: ((0.92, 0.36, 0.06), (0.88, 0.88, 0.86)),
    Hat.CHEF_HAT: ((0.86, 0.86, 0.84), (0.72, 0.72, 0.70)),
    Hat.BOWLER: ((0.15, 0.11, 0.09), (0.30, 0.19, 0.12)),
    Hat.HALO: ((0.98, 0.86, 0.40), (0.70, 0.70, 0.72)),
}
"""Main and accent colour of each hat; a hat looks the same on every car."""

# hue, saturation, value at equal steps of the slider
_TEAM_PAINT = {
    Team.BLUE: ((0.41, 0.78, 0.70), (0.50, 0.80, 0.66), (0.60, 0.84, 0.70), (0.77, 0.84, 0.66)),
    Team.ORANGE: ((0.14, 0.88, 0.82), (0.07, 0.88, 0.84), (0.0, 0.82, 0.70), (-0.13, 0.78, 0.84)),
}


def team_paint(team: Team, slider: float) -> tuple[float, float, float]:
    """Primary colour (RGB in [0, 1]): blue from green to purple, orange from yellow to pink."""
    stops = np.array(_TEAM_PAINT[team])
    at = slider * (len(stops) - 1)
    hue, saturation, value = (
        float(np.interp(at, np.arange(len(stops)), stops[:, channel])) for channel in range(3)
    )
    return colorsys.hsv_to_rgb(hue % 1.0, saturation, value)


def trim_paint(slider: float) -> tuple[float, float, float]:
    """Secondary colour (RGB in [0, 1]): near black at 0, then once around the hues, then white."""
    if slider < 0.05:
        return 0.10, 0.10, 0.12
    if slider > 0.95:
        return 0.86, 0.86, 0.88
    return colorsys.hsv_to_rgb((slider - 0.05) / 0.9 * 0.95, 0.80, 0.80)


def palette(loadout: Loadout) -> Float32[np.ndarray, "m 6"]:
    """Each `Material` of a loadout: red, green, blue, coat, shine, glow, all in [0, 1].

    Rims and tyres take their colours from the wheel's own picture (`patterns.wheel_faces`).
    """
    hat, accent = HAT_COLOURS[loadout.hat]
    colours = _FIXED | {
        Material.PAINT: team_paint(loadout.team, loadout.primary_colour),
        Material.TRIM: trim_paint(loadout.secondary_colour),
        Material.HAT: hat,
        Material.HAT_ACCENT: accent,
    }
    rows = np.array([(*colours[material], *FINISH[material]) for material in Material])
    if loadout.hat is Hat.HALO:
        rows[Material.HAT, 5] = 0.6
    return rows.astype(np.float32)
