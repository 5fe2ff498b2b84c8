"""The plaza world: pedestrians under a static, steep camera, with every pixel's truth.

`make_plaza` writes whole data sets in the layout of MOTChallenge and MOTSynth; `render_clip` gives
the frames of one clip, with masks, boxes and visibility, over black, a gradient, a paved square or
the same square out of focus.
"""

from lib.worlds.plaza.crowd import Crowd, Moment
from lib.worlds.plaza.footage import clip_name, make_plaza
from lib.worlds.plaza.ground import gradient, make_background
from lib.worlds.plaza.scene import Bed, Scene, Stage, clearances, make_scene
from lib.worlds.plaza.sequences import SequencesReport, is_finished, write_clip
from lib.worlds.plaza.settings import BACKGROUNDS, Background, PlazaFootage, load_settings
from lib.worlds.plaza.truth import Shot, Sighting
from lib.worlds.plaza.view import Film, Motion, plan_clip, render_clip

__all__ = [
    "BACKGROUNDS",
    "Background",
    "Bed",
    "Crowd",
    "Film",
    "Moment",
    "Motion",
    "PlazaFootage",
    "Scene",
    "SequencesReport",
    "Shot",
    "Sighting",
    "Stage",
    "clearances",
    "clip_name",
    "gradient",
    "is_finished",
    "load_settings",
    "make_background",
    "make_plaza",
    "make_scene",
    "plan_clip",
    "render_clip",
    "write_clip",
]
