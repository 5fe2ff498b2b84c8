"""How people walk: off the beds, apart from each other, on their feet."""

from dataclasses import replace

import numpy as np
import pytest

from lib.worlds.plaza.body import pose
from lib.worlds.plaza.crowd import Crowd, Moment
from lib.worlds.plaza.figure import topology
from lib.worlds.plaza.people import Piece, make_cast
from lib.worlds.plaza.scene import KEEP_OFF_M, Bed, Scene, clearances, make_scene
from lib.worlds.plaza.settings import PlazaFootage
from lib.worlds.plaza.view import plan_clip

FOOTAGE = PlazaFootage(seed=2, scenes=4, clips=2, frames=60, size_px=32, people=10)


@pytest.fixture(scope="module", params=range(4))
def filmed(request: pytest.FixtureRequest) -> tuple[Scene, tuple[Moment, ...]]:
    return make_scene(FOOTAGE, request.param), plan_clip(FOOTAGE, request.param, 1).moments


def test_nobody_walks_on_beds(filmed: tuple[Scene, tuple[Moment, ...]]) -> None:
    scene, moments = filmed
    assert len(scene.beds) >= 1
    places = np.concatenate([moment.place for moment in moments])
    assert clearances(scene.beds, places).min() >= KEEP_OFF_M


def test_people_keep_apart_and_get_ahead(filmed: tuple[Scene, tuple[Moment, ...]]) -> None:
    scene, moments = filmed
    for moment in moments:
        apart = np.linalg.norm(moment.place[:, None] - moment.place[None], axis=2)
        assert apart[~np.eye(len(apart), dtype=bool)].min() > 0.3
        assert scene.stage.contains(moment.place).all()
    assert np.median(np.concatenate([moment.pace for moment in moments])) > 0.9
    wanted = round(FOOTAGE.people * scene.population)
    counts = [len(moment.who) for moment in moments]
    assert max(counts) <= wanted
    assert np.mean(counts) > 0.9 * wanted


def test_numbers_are_given_once(filmed: tuple[Scene, tuple[Moment, ...]]) -> None:
    _, moments = filmed
    present = [set(moment.who.tolist()) for moment in moments]
    for moment, who in zip(moments, present, strict=True):
        assert len(who) == len(moment.who)
    for number in set().union(*present):
        frames = [k for k, who in enumerate(present) if number in who]
        assert frames == list(range(frames[0], frames[-1] + 1)), "left and came back"
        path = [moments[k].place[moments[k].who.tolist().index(number)] for k in frames]
        steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
        assert steps.max(initial=0) < 0.3  # metres in a tenth of a second


def test_who_has_a_bed_ahead_goes_round_it() -> None:
    rng = np.random.default_rng(0)
    scene = replace(make_scene(FOOTAGE, 0), beds=(Bed((-0.5, 0.0), (0.5, 0.0), 1.0, False),))
    crowd = Crowd(scene, 6, rng)
    crowd._keep(np.arange(len(crowd.who)) == 0)
    crowd._wanted = 0
    crowd.place[0], crowd.goal[0], crowd.stop_at[0] = (0.1, -3.0), (0.0, 20.0), np.inf
    path = [crowd.place[0]]
    while len(crowd.who) and len(path) < 70:
        path.append(crowd.place[0])
        crowd.advance(0.1)
    assert path[-1][1] > 1.5
    assert clearances(scene.beds, np.array(path)).min() >= KEEP_OFF_M


def test_a_scene_is_the_same_for_every_size() -> None:
    one, other = make_scene(FOOTAGE, 3), make_scene(replace(FOOTAGE, size_px=64), 3)
    assert (one.beds, one.stage) == (other.beds, other.stage)
    np.testing.assert_array_equal(one.light, other.light)
    np.testing.assert_allclose(one.camera.resampled(2.0).matrix, other.camera.matrix)
    with pytest.raises(ValueError, match="number is 4, but the data set has 4 scenes"):
        make_scene(FOOTAGE, 4)
    with pytest.raises(ValueError, match="clip is 2, but a scene has 2 clips"):
        plan_clip(FOOTAGE, 0, 2)


def test_clearance_of_a_bed() -> None:
    bed = Bed((0.0, 0.0), (2.0, 0.0), 0.5, False)
    points = np.array([[1.0, 0.0], [1.0, 2.0], [-3.0, 0.0], [2.0, -0.5]])
    np.testing.assert_allclose(clearances((bed,), points), [-0.5, 1.5, 2.5, 0.0], atol=1e-12)


def test_feet_stand_on_the_ground_and_hardly_slide() -> None:
    """A body carried ahead as far as its stride says: the lower foot rolls, but stays."""
    frames, pace = 48, 1.3
    phase = np.linspace(0, 2 * np.pi, frames, endpoint=False)
    ahead = 1.35 * phase / (2 * np.pi)
    cast = make_cast(1, np.random.default_rng(3))
    cast = replace(cast, height_m=np.array([1.75])).of(np.zeros(frames, dtype=np.int64))
    still = np.zeros(frames)
    moment = Moment(
        np.arange(frames), np.stack([ahead, still], 1), still, phase, np.full(frames, pace)
    )
    vertices = pose(cast, moment, 6).vertices
    shape = topology(6)
    shoes = np.unique(shape.faces[shape.pieces == Piece.SHOE])
    left, right = np.split(vertices[:, shoes], 2, axis=1)
    lowest = vertices[..., 2].min(axis=1)
    assert np.abs(lowest).max() < 0.04
    assert 1.6 < vertices[..., 2].max() < 1.9
    slide = []
    for foot, other in ((left, right), (right, left)):
        stands = foot[..., 2].mean(1) < other[..., 2].mean(1)
        moved = np.diff(foot[..., 0].mean(1))
        slide.append(np.abs(moved[stands[1:] & stands[:-1]]).mean())
    assert max(slide) < 0.5 * 1.35 / frames


def test_the_first_people_of_a_cast_are_always_the_same() -> None:
    few, many = (make_cast(n, np.random.default_rng(5)) for n in (3, 9))
    np.testing.assert_array_equal(few.palette, many.palette[:3])
    np.testing.assert_array_equal(few.height_m, many.height_m[:3])
    assert many.palette.max(axis=2).min() > 0.22  # nothing black
    assert many.palette.max() <= 1
