"""A small set of generated cars that several tests look at."""

from pathlib import Path

from lib.worlds.garage.footage import LOADOUTS_PER_CHUNK, GarageFootage, GarageReport, make_garage
from lib.worlds.garage.loadout import ROTATIONS, Body, Hat, Loadout, Team, Variant

CARS = GarageFootage(Variant.HARD, 3, LOADOUTS_PER_CHUNK + 2, size=(30, 80), supersample=1)
IN_CHUNK = LOADOUTS_PER_CHUNK * ROTATIONS
CAR = Loadout(Body.BREAKOUT, Team.ORANGE, 0.5, 1.0, Hat.CAKE, 3, 4)


def make(folder: Path, settings: GarageFootage = CARS, workers: int = 1) -> GarageReport:
    return make_garage(folder, settings, workers=workers, progress=False)
