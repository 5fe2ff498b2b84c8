"""Car meshes: closed, outward, symmetric, distinct, small enough, and the same each time."""

import itertools
from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib.worlds.garage.cars import body_shape, build_car
from lib.worlds.garage.hats import SINK, hat_parts
from lib.worlds.garage.loadout import Body, Hat
from lib.worlds.garage.mesh import Material
from lib.worlds.garage.shapes import (
    Part,
    join,
    volume,
)
from lib.worlds.garage.wheels import Axle, wheels

VIEWS = ((1, 2), (0, 2), (0, 1))  # from the front, the side, above
TRIANGLES_ON_AVERAGE = 1300
MOST_TRIANGLES = 1500
HATS = [hat for hat in Hat if hat != Hat.NONE]


def body_parts(body: Body) -> list[Part]:
    shape = body_shape(body)
    return [*shape.parts, *wheels(shape.front), *wheels(shape.rear)]


WORN = [*Body, *HATS]


def parts_of(which: Body | Hat) -> list[Part]:
    return body_parts(which) if isinstance(which, Body) else list(hat_parts(which))


def edges(part: Part) -> Counter[tuple[int, int]]:
    """How often each directed edge occurs."""
    around = part.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    return Counter(map(tuple, around.tolist()))


def silhouette(
    vertices: np.ndarray, faces: np.ndarray, axes: tuple[int, int], scale: float = 50.0
) -> np.ndarray:
    """What covers the sky when seen along the third axis: bool picture at `scale` pixels a unit."""
    image = Image.new("1", (200, 160))
    pen = ImageDraw.Draw(image)
    points = vertices[:, axes] * scale + [100.0, 70.0 if axes[1] == 1 else 30.0]
    for face in faces:
        pen.polygon([tuple(p) for p in points[face]], fill=1)
    return np.asarray(image)


def iou(one: np.ndarray, two: np.ndarray) -> float:
    return float((one & two).sum() / (one | two).sum())


def height_at(part: Part, x: float, y: float) -> float:
    """Highest point of a part over (x, y); -inf beside it."""
    corners = part.vertices[part.faces]
    a, b, c = (corners[:, k] for k in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    flat = np.abs(area) > 1e-12
    a, b, c, area = a[flat], b[flat], c[flat], area[flat]
    at = np.array([x, y, 0.0])
    u = ((b - at)[:, 0] * (c - at)[:, 1] - (b - at)[:, 1] * (c - at)[:, 0]) / area
    v = ((c - at)[:, 0] * (a - at)[:, 1] - (c - at)[:, 1] * (a - at)[:, 0]) / area
    inside = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9)
    heights = u * a[:, 2] + v * b[:, 2] + (1 - u - v) * c[:, 2]
    return float(heights[inside].max(initial=-np.inf))


@pytest.mark.parametrize("which", WORN, ids=lambda which: which.name)
def test_every_part_is_closed_and_turned_outward(which: Body | Hat) -> None:
    for number, part in enumerate(parts_of(which)):
        count = edges(part)
        assert set(count.values()) == {1}, f"part {number}: an edge is used twice one way"
        assert all(count[b, a] == 1 for a, b in list(count)), f"part {number}: a hole"
        assert volume(part.vertices, part.faces) > 1e-6, f"part {number}"
        assert len(np.unique(part.faces)) == len(part.vertices), f"part {number}: a loose corner"


@pytest.mark.parametrize("which", WORN, ids=lambda which: which.name)
def test_normals_are_of_unit_length_and_outward(which: Body | Hat) -> None:
    mesh = join(parts_of(which))
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-9)
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    lean = np.einsum("fki,fi->fk", mesh.normals[mesh.faces], across)
    assert lean.min() > 0, "a normal points into its own face"


@pytest.mark.parametrize("body", Body)
def test_wheels_stand_on_the_ground_and_nothing_is_below(body: Body) -> None:
    car = build_car(body, Hat.SOMBRERO)
    assert car.mesh.vertices[:, 2].min() == pytest.approx(0, abs=1e-9)
    centres = car.wheel_centres
    assert centres.shape == (4, 3)
    tyres = car.mesh.vertices[car.mesh.faces[car.mesh.materials == Material.TYRE]].reshape(-1, 3)
    for x, y, radius in centres:
        own = tyres[np.hypot(tyres[:, 0] - x, tyres[:, 1] - y) < 0.2]
        assert own[:, 2].min() == pytest.approx(0, abs=1e-9), "no corner of this tyre on the ground"
        reach = np.hypot(tyres[:, 0] - x, tyres[:, 2] - radius)[np.sign(tyres[:, 1]) == np.sign(y)]
        assert np.isclose(reach, radius).any()


@pytest.mark.parametrize("body", Body)
def test_rims_look_outward_and_are_within_their_tyres(body: Body) -> None:
    car = build_car(body, Hat.NONE)
    rims = car.mesh.faces[car.mesh.materials == Material.RIM]
    corners = car.mesh.vertices[rims]
    middle = corners.mean(1)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (normal[:, 1] * middle[:, 1] > 0).all(), "a rim looks inward"
    x, y, radius = car.wheel_centres.T
    away = np.hypot(middle[:, :1] - x, middle[:, 2:] - radius) / radius
    away[np.sign(middle[:, 1:2]) != np.sign(y)] = np.inf
    nearest = away.min(1)
    assert nearest.max() < 0.75
    assert np.bincount(away.argmin(1), minlength=4).tolist() == [18] * 4


@pytest.mark.parametrize("body", Body)
def test_bodies_are_the_same_left_and_right(body: Body) -> None:
    mesh = build_car(body, Hat.NONE).mesh
    corners = mesh.vertices[mesh.faces].reshape(-1, 3)
    marked = np.column_stack([corners, mesh.materials.repeat(3)])
    own = set(map(tuple, np.round(marked, 6).tolist()))
    assert own == set(map(tuple, (np.round(marked * [1, -1, 1, 1], 6) + 0.0).tolist()))


def too_alike(parts: dict[str, list[Part]], bound: float) -> list[tuple[str, str, float]]:
    """Pairs whose silhouettes overlap by `bound` (intersection over union) or more in all views."""
    shapes = {}
    for name, each in parts.items():
        mesh = join(each)
        shapes[name] = [silhouette(mesh.vertices, mesh.faces, axes) for axes in VIEWS]
    least = [
        (one, two, min(map(iou, shapes[one], shapes[two])))
        for one, two in itertools.combinations(shapes, 2)
    ]
    return [entry for entry in least if entry[2] >= bound]


def test_each_two_bodies_differ_in_silhouette() -> None:
    assert too_alike({body.name: body_parts(body) for body in Body}, 0.84) == []


def test_each_two_hats_differ_in_silhouette() -> None:
    assert too_alike({hat.name: list(hat_parts(hat)) for hat in HATS}, 0.84) == []


def test_a_body_is_too_like_itself() -> None:
    same = body_parts(Body.OCTANE)
    assert too_alike({"one": same, "two": same}, 0.84) == [("one", "two", 1.0)]


def test_cars_are_within_the_budget_of_triangles() -> None:
    counts = {(body, hat): len(build_car(body, hat).mesh.faces) for body in Body for hat in Hat}
    assert max(counts.values()) <= MOST_TRIANGLES, max(counts, key=lambda pair: counts[pair])
    assert np.mean(list(counts.values())) <= TRIANGLES_ON_AVERAGE


@pytest.mark.parametrize("body", Body)
def test_the_hat_stands_on_the_roof(body: Body) -> None:
    shape = body_shape(body)
    x, y, z = shape.roof
    top = max(height_at(part, x, y) for part in shape.parts)
    assert z == pytest.approx(top, abs=0.03), "the hat's place is not on the outer surface"


@pytest.mark.parametrize("hat", HATS)
def test_hats_reach_the_roof_and_are_of_a_hats_size(hat: Hat) -> None:
    vertices = join(hat_parts(hat)).vertices
    assert -0.14 <= vertices[:, 2].min() <= -SINK / 2, "the hat floats or reaches into the cabin"
    assert 0.2 <= vertices[:, 2].max() <= 0.8
    assert 0.25 <= np.ptp(vertices[:, 0]) <= 1.4
    assert abs(vertices[:, :2].mean(0)).max() < 0.25, "the hat stands beside its place"


def test_a_hat_leaves_the_body_as_it_is() -> None:
    bare, worn = (build_car(Body.WEREWOLF, hat).mesh for hat in (Hat.NONE, Hat.CAKE))
    assert np.array_equal(worn.vertices[: len(bare.vertices)], bare.vertices)
    assert np.array_equal(worn.faces[: len(bare.faces)], bare.faces)
    assert np.array_equal(worn.materials[: len(bare.faces)], bare.materials)
    assert len(worn.faces) > len(bare.faces)


def test_cars_are_read_only_kept_and_the_same_when_built_anew() -> None:
    first = build_car(Body.AFTERSHOCK, Hat.CROWN)
    assert build_car(Body.AFTERSHOCK, Hat.CROWN) is first
    with pytest.raises(ValueError, match="read-only"):
        first.mesh.vertices[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        first.wheel_centres[0, 0] = 1.0
    again = build_car.__wrapped__(Body.AFTERSHOCK, Hat.CROWN)
    for name in ("vertices", "normals", "faces", "materials"):
        assert np.array_equal(getattr(first.mesh, name), getattr(again.mesh, name))


@pytest.mark.parametrize("body", Body)
def test_each_body_shows_paint_glass_and_both_kinds_of_lamps(body: Body) -> None:
    found = set(build_car(body, Hat.NONE).mesh.materials.tolist())
    needed = {Material.PAINT, Material.GLASS, Material.TYRE, Material.RIM, Material.TRIM}
    assert needed | {Material.HEADLIGHT, Material.TAILLIGHT} <= found
    assert not found & {Material.HAT, Material.HAT_ACCENT}, "the bare body wears a hat's colour"


def test_left_and_right_wheel_mirror_each_other() -> None:
    left, right = wheels(Axle(0.5, 0.6, 0.3, 0.2))
    assert left.vertices[:, 1].mean() == pytest.approx(-right.vertices[:, 1].mean())
    assert np.ptp(left.vertices[:, 2]) == pytest.approx(0.6)
    assert np.ptp(left.vertices[:, 1]) <= 0.2
