"""Pictures of a crowd with their exact truth: whose each pixel is, and how much of each is hidden.

Everybody is drawn twice, with all others and alone, on a canvas that reaches beyond the picture,
with the same samples: so boxes are of whole people, also where the picture or somebody else cuts
them off, and visibility is a ratio of pixels counted.
"""

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int32
from scipy.ndimage import gaussian_filter

from lib.worlds.plaza.body import Surface, pose
from lib.worlds.plaza.crowd import Crowd, Moment
from lib.worlds.plaza.figure import topology
from lib.worlds.plaza.ground import make_background
from lib.worlds.plaza.people import Cast, make_cast
from lib.worlds.plaza.resolving import NOBODY, measure, name_pixels, paint
from lib.worlds.plaza.scene import Scene, make_scene
from lib.worlds.plaza.settings import Background, PlazaFootage
from lib.worlds.plaza.truth import Shot, Sighting
from lib.worlds.raster import Canvas, shadow_matrix

SIMPLE_BELOW = 16.0
"""Pixels to a metre; at more, rings have more sides."""
_SIDES = (6, 12)
_BORDER_M = 3.4  # beyond the picture, so that whoever is partly in it is drawn as a whole
_SKY, _SKY_TINT = 0.68, np.array([0.97, 1.0, 1.05])
_FROM_ABOVE = 0.16
_SUN_TINT = np.array([1.05, 1.0, 0.93])
_LOW_LIGHT, _OPEN_M = 0.78, 1.0  # light at the feet, and the height from which it is whole
_SHADOW_BLUR_M = 0.05
_CROWD_STREAM, _CAST_STREAM = 3, 4


class Motion(NamedTuple):
    """A clip before it is filmed: where everybody is in each frame, and what they look like."""

    moments: tuple[Moment, ...]
    cast: Cast


@lru_cache(maxsize=2)
def plan_clip(footage: PlazaFootage, scene: int, clip: int) -> Motion:
    """How people walk in clip `clip` of scene `scene`, both counted from 0.

    It does not depend on the picture's size nor on backgrounds. Raises `ValueError` where the data
    set has no such scene or clip.
    """
    place = make_scene(footage, scene)
    if not 0 <= clip < footage.clips:
        raise ValueError(
            f"clip is {clip}, but a scene has {footage.clips} clips, from 0; choose one of them"
        )
    key = [footage.seed, scene, clip]
    crowd = Crowd(
        place,
        max(1, round(footage.people * place.population)),
        np.random.default_rng([*key, _CROWD_STREAM]),
    )
    moments = []
    for _ in range(footage.frames):
        moments.append(crowd.moment())
        crowd.advance(1 / footage.frame_rate_hz)
    return Motion(
        tuple(moments), make_cast(max(1, crowd.came), np.random.default_rng([*key, _CAST_STREAM]))
    )


def render_clip(footage: PlazaFootage, scene: int, clip: int) -> Iterator[Shot]:
    """The frames of a clip, over all of `footage.backgrounds`.

    Ids count from 1 in the order in which people come into view.
    """
    motion = plan_clip(footage, scene, clip)
    film = Film(footage, scene)
    names: dict[int, int] = {}
    for moment in motion.moments:
        yield film.shoot(motion.cast, moment, names)


class Film:
    """Takes pictures of one scene; holds the buffers, so one thread at a time may use it."""

    def __init__(self, footage: PlazaFootage, scene: int):
        """A film of scene number `scene`."""
        self.scene: Scene = make_scene(footage, scene)
        self.backgrounds: Mapping[Background, Float32[np.ndarray, "h w 3"]] = {
            kind: _background(footage, scene, kind) for kind in footage.backgrounds
        }
        self._size, self._samples = self.scene.camera.size, footage.supersample
        self._border = math.ceil(_BORDER_M * footage.pixels_per_m)
        side = (self._size[0] + 2 * self._border) * self._samples
        self._all, self._alone = Canvas((side, side)), Canvas((side, side))
        fine = self.scene.camera.resampled(float(self._samples))
        shift = np.eye(3)
        shift[:2, 2] = self._border * self._samples
        self._matrix = shift @ fine.matrix
        self._sides = _SIDES[footage.pixels_per_m >= SIMPLE_BELOW]
        self._shadow: Canvas | None = None
        if footage.shadows and {"hard", "blurred"} & set(footage.backgrounds):
            self._shadow = Canvas(fine.size)
        self._shadow_matrix = fine.matrix @ shadow_matrix(self.scene.light)
        self._shadow_blur = _SHADOW_BLUR_M * footage.pixels_per_m

    def shoot(self, cast: Cast, moment: Moment, names: dict[int, int]) -> Shot:
        """One frame. `names` maps people's numbers to ids, and takes in who comes into view."""
        surface = pose(cast.of(moment.who), moment, self._sides)
        mask, sightings = self._look(surface, moment, names)
        layer, behind = self._paint(surface, cast.of(moment.who))
        shade = self._cast_shadows(surface)
        images = {}
        for kind, background in self.backgrounds.items():
            under = background * behind
            if shade is not None and kind in ("hard", "blurred"):
                under = under * shade
            images[kind] = ((layer + under) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
        return Shot(images, mask, sightings)

    def _look(
        self, surface: Surface, moment: Moment, names: dict[int, int]
    ) -> tuple[Int32[np.ndarray, "h w"], tuple[Sighting, ...]]:
        """Draw everybody alone, and all together onto `self._all`."""
        shape = topology(self._sides)
        things, people = len(shape.faces), len(moment.who)
        both_sides = np.ones(things, dtype=bool)  # rings cross where a limb bends sharply
        self._all.clear()
        self._planes = np.zeros((max(1, people) * things, 3, 3), dtype=np.float32)
        outlines = []
        for p in range(people):
            vertices = np.ascontiguousarray(surface.vertices[p])
            drawing = self._all.draw(
                self._matrix, vertices, shape.faces, both_sides, first_id=p * things
            )
            self._planes[p * things : (p + 1) * things] = drawing.planes
            self._alone.clear()
            box = self._alone.draw(self._matrix, vertices, shape.faces, both_sides).box
            outlines.append(measure(self._alone.ids, box, self._samples, self._border, self._size))
        owner = np.empty(self._size, dtype=np.int32)
        name_pixels(self._all.ids, things, self._samples, self._border, owner)
        seen = np.bincount(owner[owner != NOBODY], minlength=people)
        ids = np.zeros(people + 1, dtype=np.int32)  # the last for nobody
        sightings = []
        for p, (count, inside, top, bottom, left, right) in enumerate(outlines):
            if inside > 0:
                ids[p] = names.setdefault(int(moment.who[p]), len(names) + 1)
                box = (left, top, right - left, bottom - top)
                sightings.append(Sighting(int(ids[p]), *box, float(seen[p]) / count))
        sightings.sort(key=lambda sighting: sighting.id)
        return ids[owner], tuple(sightings)

    def _paint(
        self, surface: Surface, cast: Cast
    ) -> tuple[Float32[np.ndarray, "h w 3"], Float32[np.ndarray, "h w 1"]]:
        """People's colour by their share of each pixel, and the share left to what is behind."""
        layer = np.zeros((*self._size, 3), dtype=np.float32)
        cover = np.zeros(self._size, dtype=np.float32)
        if len(surface.vertices):
            shape = topology(self._sides)
            light = self._light(surface, shape.creases).astype(np.float32)
            body = (shape.faces, shape.pieces, light, cast.palette.astype(np.float32))
            paint(self._all.ids, self._planes, body, self._samples, self._border, layer, cover)
        return layer, 1 - cover[..., None]

    def _light(
        self, surface: Surface, creases: Float64[np.ndarray, " v"]
    ) -> Float64[np.ndarray, "n v 3"]:
        """Light at each vertex: of the sky, from above more than from aside, and of the sun."""
        up = surface.normals[..., 2]
        sun = np.clip(surface.normals @ self.scene.light, 0.0, None)[..., None]
        sky = (_SKY + _FROM_ABOVE * up)[..., None]
        low = np.clip(surface.vertices[..., 2] / _OPEN_M, 0.0, 1.0)
        open_sky = (_LOW_LIGHT + (1 - _LOW_LIGHT) * low) * creases
        return (sky * _SKY_TINT + self.scene.key * sun * _SUN_TINT) * open_sky[..., None]

    def _cast_shadows(self, surface: Surface) -> Float32[np.ndarray, "h w 1"] | None:
        """What is left of the ground's light under people's shadows."""
        if self._shadow is None:
            return None
        faces = topology(self._sides).faces
        self._shadow.clear()
        for vertices in surface.vertices:
            self._shadow.draw(
                self._shadow_matrix,
                np.ascontiguousarray(vertices),
                faces,
                np.ones(len(faces), dtype=bool),
            )
        k, (rows, columns) = self._samples, self._size
        dark = (self._shadow.ids >= 0).reshape(rows, k, columns, k).mean((1, 3))
        soft = gaussian_filter(dark, self._shadow_blur, mode="nearest")
        return (1 - self.scene.shadow * soft[..., None]).astype(np.float32)


@lru_cache(maxsize=8)
def _background(
    footage: PlazaFootage, scene: int, kind: Background
) -> Float32[np.ndarray, "h w 3"]:
    return make_background(kind, make_scene(footage, scene))
