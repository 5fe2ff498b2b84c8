"""Whole cars: a body on its wheels, with a hat on the roof."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np

from lib.worlds.garage.bodies import aftershock, breakout, octane, werewolf
from lib.worlds.garage.fittings import BodyShape
from lib.worlds.garage.hats import hat_parts
from lib.worlds.garage.loadout import Body, Hat
from lib.worlds.garage.mesh import Car, Mesh
from lib.worlds.garage.new_bodies import hatchback, pickup, prototype, roadster
from lib.worlds.garage.shapes import join, together
from lib.worlds.garage.wheels import centres, wheels

_SHAPES: dict[Body, Callable[[], BodyShape]] = {
    Body.OCTANE: octane,
    Body.AFTERSHOCK: aftershock,
    Body.WEREWOLF: werewolf,
    Body.BREAKOUT: breakout,
    Body.HATCHBACK: hatchback,
    Body.PICKUP: pickup,
    Body.ROADSTER: roadster,
    Body.PROTOTYPE: prototype,
}


@cache
def body_shape(body: Body) -> BodyShape:
    """The parts of a body, its axles, and the point of its roof where a hat stands."""
    return _SHAPES[body]()


@cache
def build_car(body: Body, hat: Hat) -> Car:
    """The car of a body and a hat, built once a process; its arrays are read-only.

    The same car is given to all who ask. All parts are closed and their faces run anticlockwise
    seen from outside, so that faces turned away need not be drawn.
    """
    shape = body_shape(body)
    mesh = _body_mesh(body)
    if hat != Hat.NONE:
        worn = _hat_mesh(hat)
        mesh = together([mesh, replace(worn, vertices=worn.vertices + shape.roof)])
    car = Car(mesh=_frozen(mesh), wheel_centres=centres(shape.front, shape.rear))
    car.wheel_centres.flags.writeable = False
    return car


@cache
def _body_mesh(body: Body) -> Mesh:
    shape = body_shape(body)
    return join([*shape.parts, *wheels(shape.front), *wheels(shape.rear)])


@cache
def _hat_mesh(hat: Hat) -> Mesh:
    return join(hat_parts(hat))


def _frozen(mesh: Mesh) -> Mesh:
    arrays: tuple[np.ndarray, ...] = (mesh.vertices, mesh.normals, mesh.faces, mesh.materials)
    for array in arrays:
        array.flags.writeable = False
    return mesh
