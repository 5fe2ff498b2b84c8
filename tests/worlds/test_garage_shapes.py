"""Shapes that cars are made of, against closed forms; their mistakes."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.worlds.garage.hull import Arch, Patch, hull
from lib.worlds.garage.mesh import Material
from lib.worlds.garage.shapes import (
    box,
    join,
    lathe,
    loft,
    mirrored,
    moved,
    plate,
    prism,
    solid,
    together,
    tube,
    turned,
    volume,
    wedge,
)


def test_a_box_has_its_size_and_twelve_flat_faces() -> None:
    part = box((1.0, 2.0, 3.0), (2.0, 3.0, 4.0), Material.PAINT)
    assert volume(part.vertices, part.faces) == pytest.approx(24)
    assert part.vertices.mean(0) == pytest.approx([1, 2, 3])
    mesh = join([part])
    assert (len(mesh.faces), len(mesh.vertices)) == (12, 24)
    assert np.abs(mesh.normals).max(1) == pytest.approx(np.ones(24))


@given(st.floats(0.1, 1.0), st.floats(0.1, 1.0))
@settings(max_examples=20, deadline=None)
def test_a_wedge_is_a_truncated_pyramid(across: float, upward: float) -> None:
    part = wedge((0.0, 0.0, 0.0), (1.0, 2.0, 3.0), Material.PAINT, front=(across, upward))
    # Simpson's rule is exact for a product of two linear functions
    middle = (1 + across) / 2 * (1 + upward) / 2
    wanted = 6 * (1 + 4 * middle + across * upward) / 6
    assert volume(part.vertices, part.faces) == pytest.approx(wanted)


@given(st.integers(3, 24), st.sampled_from(["x", "y", "z"]))
@settings(max_examples=20, deadline=None)
def test_a_lathe_turns_a_right_prism_about_each_axis(sides: int, axis: str) -> None:
    part = lathe([(2.0, -1.0), (2.0, 3.0)], Material.METAL, axis=axis, sides=sides)  # type: ignore[arg-type]
    area = sides / 2 * 4 * np.sin(2 * np.pi / sides)
    assert volume(part.vertices, part.faces) == pytest.approx(4 * area)
    along = part.vertices[:, "xyz".index(axis)]
    assert (along.min(), along.max()) == (-1, 3)


def test_a_lathe_gives_each_band_its_material() -> None:
    bands = [Material.RIM, Material.TYRE]
    part = lathe([(0.0, 1.0), (1.0, 1.0), (1.0, 0.0)], bands, sides=6)
    assert Counter(part.materials.tolist()) == {Material.RIM: 6, Material.TYRE: 12 + 6}
    rim = part.vertices[part.faces[part.materials == Material.RIM]]
    assert (rim[..., 2] == 1).all()


@given(st.floats(1.5, 12.0))
@settings(max_examples=20, deadline=None)
def test_a_loft_lies_on_its_superellipse(power: float) -> None:
    part = loft([(0.0, 2.0, -1.0, 1.0), (1.0, 2.0, -1.0, 1.0)], Material.PAINT, power=power)
    outer = part.vertices[np.abs(part.vertices[:, 1:]).sum(1) > 1e-9]
    radius = np.abs(outer[:, 1] / 2) ** power + np.abs(outer[:, 2]) ** power
    assert radius == pytest.approx(np.ones(len(outer)))


def test_a_straight_tube_has_the_volume_of_its_section() -> None:
    part = tube([(0.0, 0.0, 0.0), (2.0, 0.0, 1.0), (4.0, 0.0, 2.0)], [0.5] * 3, Material.METAL)
    area = 6 / 2 * 0.25 * np.sin(np.pi / 3)
    assert volume(part.vertices, part.faces) == pytest.approx(area * np.sqrt(20))


def test_a_plate_has_its_outlines_area() -> None:
    outline = [(0.0, 0.0), (2.0, 0.0), (2.0, 1.0), (0.5, 2.0)]
    x, z = np.array(outline).T
    area = abs(np.dot(x, np.roll(z, -1)) - np.dot(z, np.roll(x, -1))) / 2
    for axis in ("x", "y", "z"):
        part = plate(outline, -0.25, 0.25, Material.TRIM, axis)  # type: ignore[arg-type]
        assert volume(part.vertices, part.faces) == pytest.approx(area / 2)
        assert np.ptp(part.vertices[:, "xyz".index(axis)]) == pytest.approx(0.5)


@given(st.sampled_from(["x", "y", "z"]), st.floats(-180, 180), st.floats(-2, 2))
@settings(max_examples=25, deadline=None)
def test_moving_turning_and_mirroring_keep_a_solid_whole(
    axis: str, degrees: float, shift: float
) -> None:
    part = lathe([(0.5, 0.0), (0.2, 1.0), (0.0, 1.5)], Material.HAT, sides=7)
    other = mirrored(turned(moved(part, (shift, 1.0, 0.0)), axis, degrees, (0.0, 1.0, 2.0)))  # type: ignore[arg-type]
    assert volume(other.vertices, other.faces) == pytest.approx(volume(part.vertices, part.faces))


def test_turning_goes_from_x_to_y_to_z_to_x() -> None:
    point = box((1.0, 0.0, 0.0), (0.1, 0.1, 0.1), Material.PAINT)
    assert turned(point, "z", 90.0).vertices.mean(0) == pytest.approx([0, 1, 0])
    assert turned(point, "y", -90.0).vertices.mean(0) == pytest.approx([0, 0, 1])
    up = moved(point, (-1.0, 1.0, 0.0))
    assert turned(up, "x", 90.0).vertices.mean(0) == pytest.approx([0, 0, 1])


def test_a_solid_is_welded_and_turned_outward_whatever_comes() -> None:
    good = box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), Material.PAINT)
    loose = good.vertices[good.faces].reshape(-1, 3)
    inward = np.arange(36).reshape(-1, 3)[:, ::-1]
    flat = [[0, 0, 1]]  # a face without area
    part = solid(loose, np.concatenate([inward, flat]), Material.PAINT)
    assert (len(part.vertices), len(part.faces)) == (8, 12)
    assert volume(part.vertices, part.faces) == pytest.approx(1)


def test_normals_are_smooth_below_the_crease_angle_only() -> None:
    kinked = lathe([(1.0, 0.0), (1.0, 1.0)], Material.METAL, sides=12, crease_deg=45.0)
    mesh = join([kinked])
    side = np.abs(mesh.normals[:, 2]) < 1e-9
    radial = mesh.vertices[side, :2]
    assert side.sum() == 24  # each corner of the wall once, although two faces of it meet there
    assert np.einsum("vi,vi->v", mesh.normals[side, :2], radial) == pytest.approx(
        np.ones(24), abs=0.02
    )
    assert np.abs(mesh.normals[~side, 2]) == pytest.approx(1), "caps stay flat"


def test_joining_keeps_faces_and_shifts_their_corners() -> None:
    one, two = (box((x, 0.0, 0.0), (1.0, 1.0, 1.0), Material(k)) for k, x in ((1, 0.0), (2, 5.0)))
    mesh = join([one, two])
    assert mesh.materials.tolist() == [1] * 12 + [2] * 12
    assert mesh.vertices[mesh.faces[12:]][..., 0].min() == pytest.approx(4.5)
    both = together([join([one]), join([two])])
    assert np.array_equal(both.faces, mesh.faces)


LINES = [
    [(-1.0, 0.0, 0.1), (1.0, 0.0, 0.1)],
    [(-1.0, 0.5, 0.1), (1.0, 0.5, 0.1)],
    [(-1.0, 0.5, 0.9), (1.0, 0.5, 0.9)],
    [(-1.0, 0.0, 0.9), (1.0, 0.0, 0.9)],
]


def test_a_straight_hull_is_a_box() -> None:
    part = hull(LINES)
    assert volume(part.vertices, part.faces) == pytest.approx(2 * 1 * 0.8)


def test_an_arch_raises_the_sill_to_its_circle_and_nothing_else() -> None:
    plain, cut = hull(LINES), hull(LINES, arches=[Arch(0.0, 0.3, 0.4)])
    assert volume(cut.vertices, cut.faces) < volume(plain.vertices, plain.faces)
    top = cut.vertices[np.isclose(cut.vertices[:, 0], 0, atol=1e-9)]
    assert sorted(np.round(top[top[:, 1] == 0.5, 2], 6)) == [0.7, 0.9]
    sill = cut.vertices[(cut.vertices[:, 1] == 0.5) & (cut.vertices[:, 2] < 0.8)]
    inside = np.abs(sill[:, 0]) < 0.38
    away = np.hypot(sill[inside, 0], sill[inside, 2] - 0.3)
    assert away == pytest.approx(np.full(inside.sum(), 0.4))
    assert sill[~inside, 2] == pytest.approx(np.full((~inside).sum(), 0.1))


def test_a_patch_changes_the_material_of_its_faces() -> None:
    window = Patch(-0.1, 9.0, 1, 2, Material.GLASS)
    knots = [[*line[:1], (0.0, *line[0][1:]), *line[1:]] for line in LINES]
    part = hull(knots, patches=[window])
    glass = part.vertices[part.faces[part.materials == Material.GLASS]]
    assert len(glass) == 4  # two triangles each side
    assert (np.abs(glass[..., 1]) == 0.5).all()
    assert glass[..., 0].min() == 0
    assert (part.materials == Material.PLASTIC).sum() == 8, "the floor"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: join([]), "parts is empty; give at least one"),
        (lambda: hull(LINES[:2]), "lines has 2 lines; give at least three"),
        (lambda: hull(LINES[1:]), "the first and the last with y = 0"),
        (
            lambda: lathe([(1.0, 0.0), (1.0, 1.0)], [Material.HAT] * 2),
            "material names 2 bands, but profile has 1",
        ),
        (
            lambda: prism(np.zeros((3, 3)), np.zeros((4, 3)), Material.HAT),
            r"first is \(3, 3\) and second \(4, 3\); give two polygons",
        ),
    ],
)
def test_mistakes_are_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
