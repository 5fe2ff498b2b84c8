"""The rasteriser against a naive loop over samples, a ray caster and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.worlds.raster import (
    NOTHING,
    Canvas,
    closed_faces,
    connected_parts,
    look_at,
    shadow_matrix,
)

SIZE = (36, 48)
CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
CUBE_FACES = np.array(
    [
        corner
        for a, b, c, d in (
            (0, 1, 3, 2),
            (4, 6, 7, 5),
            (0, 4, 5, 1),
            (2, 3, 7, 6),
            (0, 2, 6, 4),
            (1, 5, 7, 3),
        )
        for corner in ((a, b, c), (a, c, d))
    ],
    dtype=np.int32,
)


def view(eye=(4.0, 1.7, 2.0), target=(0.0, 0.0, 0.0)):
    return look_at(eye, target, focal_samples=40.0, size=SIZE)


def soup(seed, count=12):
    """Triangles at random, some of them reaching behind the camera."""
    rng = np.random.default_rng(seed)
    vertices = rng.uniform(-2, 2, (3 * count, 3)) + np.repeat(rng.uniform(-3, 3, (count, 3)), 3, 0)
    return vertices, np.arange(3 * count, dtype=np.int32).reshape(-1, 3)


def cast(camera, vertices, faces, near=0.05):
    """Nearest triangle each ray meets and its inverse depth (Möller & Trumbore 1997)."""
    rays = camera.rays()
    ids = np.full(camera.size, NOTHING)
    best = np.zeros(camera.size)
    margin = np.full(camera.size, np.inf)
    for f, (a, b, c) in enumerate(vertices[faces]):
        p = np.cross(rays, c - a)
        det = p @ (b - a)
        away = camera.eye - a
        u = p @ away / det
        q = np.cross(away, b - a)
        v = rays @ q / det
        depth = (c - a) @ q / det
        inside = (u >= 0) & (v >= 0) & (u + v <= 1) & (depth > near)
        margin = np.minimum(margin, np.abs(np.stack([u, v, 1 - u - v, depth - near])).min(0))
        closer = inside & (1 / depth > best)
        best[closer] = 1 / depth[closer]
        ids[closer] = f
    return ids, best, margin


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_samples_see_what_rays_meet(seed):
    vertices, faces = soup(seed)
    camera, canvas = view(), Canvas(SIZE)
    drawing = canvas.draw(camera.matrix, vertices, faces, np.ones(len(faces), dtype=bool))
    ids, best, margin = cast(camera, vertices, faces)
    sure = margin > 1e-5  # rounding may decide the others
    assert sure.mean() > 0.95
    np.testing.assert_array_equal(canvas.ids[sure], ids[sure])
    np.testing.assert_allclose(canvas.nearness[sure], best[sure], rtol=2e-3, atol=1e-5)
    first, end, left, right = drawing.box
    rows, columns = np.nonzero(canvas.ids >= 0)
    assert rows.min() >= first
    assert rows.max() < end
    assert columns.min() >= left
    assert columns.max() < right


def test_planes_give_back_the_point_seen():
    camera, canvas = view(), Canvas(SIZE)
    drawing = canvas.draw(camera.matrix, CUBE, CUBE_FACES, np.zeros(12, dtype=bool))
    rows, columns = np.nonzero(canvas.ids >= 0)
    assert len(rows) > 200
    for i, j in zip(rows[::7], columns[::7], strict=True):
        f = canvas.ids[i, j]
        weights = drawing.planes[f] @ (j + 0.5, i + 0.5, 1.0)
        depth = 1 / weights.sum()
        point = weights * depth @ CUBE[CUBE_FACES[f]]
        wanted = camera.eye + depth * camera.rays()[i, j]
        np.testing.assert_allclose(point, wanted, atol=2e-4)
        assert canvas.nearness[i, j] == pytest.approx(weights.sum(), rel=1e-4)


def test_faces_turned_away_are_left_out_and_make_no_difference():
    camera, closed, both = view(), Canvas(SIZE), Canvas(SIZE)
    drawing = closed.draw(camera.matrix, CUBE, CUBE_FACES, np.zeros(12, dtype=bool))
    both.draw(camera.matrix, CUBE, CUBE_FACES, np.ones(12, dtype=bool))
    assert (np.abs(drawing.planes).sum(axis=(1, 2)) > 0).sum() == 6  # three sides of a cube
    assert ((closed.ids >= 0) == (both.ids >= 0)).all()
    np.testing.assert_allclose(closed.nearness, both.nearness, rtol=1e-4)


def test_neighbours_leave_no_crack():
    """A fan about a point covers its outline entirely, wherever the point lies."""
    camera, rng = view(eye=(3.0, 0.0, 0.0)), np.random.default_rng(3)
    for _ in range(20):
        turn = np.linspace(0, 2 * np.pi, 8)[:-1]
        rim = np.stack([0 * turn, 3 * np.cos(turn), 3 * np.sin(turn)], axis=-1)
        vertices = np.vstack([[0.0, *rng.uniform(-0.7, 0.7, 2)], rim])
        faces = [[0, 1 + k, 1 + (k + 1) % 7] for k in range(7)]
        canvas = Canvas(SIZE)
        two_sided = np.ones(7, dtype=bool)
        canvas.draw(camera.matrix, vertices, np.array(faces, dtype=np.int32), two_sided)
        assert (canvas.ids >= 0).all()


def test_clear_and_drawing_twice():
    camera, canvas, fresh = view(), Canvas(SIZE), Canvas(SIZE)
    two_sided = np.zeros(12, dtype=bool)
    canvas.draw(camera.matrix, CUBE * 1.3, CUBE_FACES, two_sided)
    canvas.clear()
    assert (canvas.ids == NOTHING).all()
    assert (canvas.nearness == 0).all()
    canvas.draw(camera.matrix, CUBE, CUBE_FACES, two_sided)
    canvas.draw(camera.matrix, CUBE - (0, 0, 1), CUBE_FACES, two_sided, first_id=12)
    fresh.draw(camera.matrix, CUBE, CUBE_FACES, two_sided)
    assert canvas.ids.max() >= 12
    still = canvas.ids < 12
    assert (canvas.nearness >= fresh.nearness).all()
    np.testing.assert_array_equal(canvas.ids[still], fresh.ids[still])


def test_nothing_in_view_gives_an_empty_box():
    canvas = Canvas(SIZE)
    far = CUBE + np.array([100.0, 0.0, 0.0])  # behind the camera
    first, end, *_ = canvas.draw(view().matrix, far, CUBE_FACES, np.ones(12, dtype=bool)).box
    assert first >= end
    assert (canvas.ids == NOTHING).all()


def test_flattened_shadow_matches_rays_to_the_lamp():
    light = np.array([0.3, -0.2, 0.8])
    camera, canvas = view(eye=(5.0, 0.5, 3.0)), Canvas(SIZE)
    cube = CUBE * 0.5 + (0, 0, 0.6)
    canvas.draw(camera.matrix @ shadow_matrix(light), cube, CUBE_FACES, np.zeros(12, dtype=bool))
    rays = camera.rays()
    ground = camera.eye + rays * (-camera.eye[2] / rays[..., 2:])
    # slabs: the part of each way to the lamp that lies inside the cube
    ends = (np.array([[-0.5, -0.5, 0.1], [0.5, 0.5, 1.1]])[:, None, None] - ground) / light
    enters, leaves = ends.min(axis=0).max(axis=-1), ends.max(axis=0).min(axis=-1)
    shadowed = enters < leaves
    assert 20 < shadowed.sum() < 1000
    clear = np.abs(enters - leaves) > 1e-6
    np.testing.assert_array_equal((canvas.ids >= 0)[clear], shadowed[clear])


def test_connected_parts_and_closed_faces():
    two = np.vstack([CUBE, CUBE + 5])
    faces = np.vstack([CUBE_FACES, CUBE_FACES + 8])
    part = connected_parts(faces, 16)
    assert len(set(part[:12])) == len(set(part[12:])) == 1
    assert part[0] != part[12]
    opened = np.delete(faces, 3, axis=0)
    closed = closed_faces(two, opened)
    assert not closed[:11].any()
    assert closed[11:].all()
    # corners of their own for each face, as for flat shading
    split = CUBE[CUBE_FACES].reshape(-1, 3)
    assert closed_faces(split, np.arange(36, dtype=np.int32).reshape(-1, 3)).all()


def test_camera_puts_its_target_where_asked():
    camera = look_at(
        (3.0, 4.0, 5.0), (1.0, 0.0, 0.5), focal_samples=30.0, size=SIZE, centre=(10.0, 7.0)
    )
    for factor in (1.0, 3.0):
        x, y, depth = camera.resampled(factor).matrix @ (1.0, 0.0, 0.5, 1.0)
        assert (x / depth, y / depth) == pytest.approx((10 * factor, 7 * factor))
        assert depth == pytest.approx(np.linalg.norm([2, 4, 4.5]))
    above = camera.matrix @ (1.0, 0.0, 1.0, 1.0)
    assert above[1] / above[2] < 7  # rows point down


def test_user_mistakes_are_named():
    with pytest.raises(ValueError, match=r"target .* is not to any side of eye"):
        look_at((1.0, 1.0, 5.0), (1.0, 1.0, 0.0), focal_samples=1.0, size=SIZE)
    with pytest.raises(ValueError, match=r"light is .*must be positive"):
        shadow_matrix(np.array([1.0, 0.0, 0.0]))
    with pytest.raises(ValueError, match=r"size is \(0, 4\)"):
        Canvas((0, 4))
