"""SCALOR: generative world models with scalable object representations."""

from lib.models.scalor.config import ScalorConfig
from lib.models.scalor.model import ClipResult, FrameObjects, Scalor
from lib.models.scalor.noise import Drawn, Noise, Silent
from lib.models.scalor.schedules import FINAL, Annealed, Annealing
from lib.models.scalor.state import Objects, State

__all__ = [
    "FINAL",
    "Annealed",
    "Annealing",
    "ClipResult",
    "Drawn",
    "FrameObjects",
    "Noise",
    "Objects",
    "Scalor",
    "ScalorConfig",
    "Silent",
    "State",
]
