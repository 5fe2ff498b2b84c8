"""The floor of a map as a grid of cells: where a player can stand, and the ways between.

A cell belongs to the sector that the next line to its left faces it with. It can be stood on if
it is far enough from walls and pillars. Doors count as open and lifts as level with whatever is
beside them, since a player opens and calls them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int32
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from lib.worlds.doom.mapdata import BODY, PILLARS, PLACES, STEP_UP, SWITCHES, MapData

CELL = 16
"""Map units a cell is wide; the player is 32."""
_CLEARANCE = 18.0  # map units from a wall: half a body and a little
_BESIDE = 36.0  # map units from a wall or ledge within which walking costs more
_BESIDE_COST = 3.0
_PILLAR_RADIUS = 16.0 + _CLEARANCE
_ARM = 40.0  # map units from a switch at which to use it
_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
_Owners = Int[np.ndarray, "r c"]
_Grid = tuple[Float32[np.ndarray, "r c"], float, float]  # cost, left, bottom
_Cells = tuple[Any, Any]  # an index of rows and one of columns


@dataclass(frozen=True)
class FloorPlan:
    """The floor of one map.

    Cell (r, c) covers map x from `left` + `CELL` c and y from `bottom` + `CELL` r. floor,
    ceiling: heights in map units. cost: of crossing a cell, infinite where nobody can stand.
    lift, door: cells of those. places: where things worth going to lie (x, y). switches: where to
    stand to use one, and the point of it to look at (x, y, x, y).
    """

    left: float
    bottom: float
    floor: Float32[np.ndarray, "r c"]
    ceiling: Float32[np.ndarray, "r c"]
    cost: Float32[np.ndarray, "r c"]
    lift: Bool[np.ndarray, "r c"]
    door: Bool[np.ndarray, "r c"]
    places: Float[np.ndarray, "n 2"]
    switches: Float[np.ndarray, "s 4"]

    @cached_property
    def steps(
        self,
    ) -> tuple[Int[np.ndarray, "e 2"], Float[np.ndarray, " e"], Int[np.ndarray, " n"]]:
        """Steps from cell to cell: flat numbers, lengths in cells, and each cell's first step."""
        edges = _edges(self)
        columns = self.cost.shape[1]
        apart = np.abs(np.diff(edges, axis=1)[:, 0])
        straight = (apart == 1) | (apart == columns)
        first = np.searchsorted(edges[:, 0], np.arange(self.cost.size + 1))
        return edges, np.where(straight, 1.0, np.sqrt(2.0)), first

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """The cell (row, column) at a place, the nearest one for a place outside."""
        rows, columns = self.floor.shape
        r, c = int((y - self.bottom) // CELL), int((x - self.left) // CELL)
        return min(max(r, 0), rows - 1), min(max(c, 0), columns - 1)

    def middle(self, cell: tuple[int, int]) -> tuple[float, float]:
        """The middle (x, y) of a cell."""
        return self.left + CELL * (cell[1] + 0.5), self.bottom + CELL * (cell[0] + 0.5)

    def nearest_free(self, cell: tuple[int, int], reach: int = 6) -> tuple[int, int] | None:
        """The nearest cell one can stand on, up to `reach` cells away; None if there is none."""
        r0, c0 = max(cell[0] - reach, 0), max(cell[1] - reach, 0)
        near = np.argwhere(
            np.isfinite(self.cost[r0 : cell[0] + reach + 1, c0 : cell[1] + reach + 1])
        )
        if not len(near):
            return None
        near += (r0, c0)
        best = near[np.argmin(((near - cell) ** 2).sum(axis=1))]
        return int(best[0]), int(best[1])


def make_floorplan(data: MapData) -> FloorPlan:
    """Draw the floor of a map on the grid."""
    corners = data.ends.reshape(-1, 2)
    left, bottom = corners.min(axis=0) - 2 * CELL
    columns, rows = (int(n) for n in (corners.max(axis=0) - (left, bottom)) // CELL + 3)
    owner = _owners(data, left, bottom, (rows, columns))
    cost = np.where(owner < 0, np.inf, 1.0).astype(np.float32)
    for lines, reach, price in (
        (data.solid | data.ledge, _BESIDE, _BESIDE_COST),
        (data.solid, _CLEARANCE, np.inf),
    ):
        _raise_along((cost, left, bottom), data.ends[lines], reach, price)
    pillars = np.tile(data.places(PILLARS), (1, 2))
    _raise_along((cost, left, bottom), pillars, _PILLAR_RADIUS, np.inf)
    inside = np.maximum(owner, 0)
    return FloorPlan(
        float(left),
        float(bottom),
        data.floor[inside],
        data.ceiling[inside],
        cost,
        data.lift[inside] & (owner >= 0),
        data.door[inside] & (owner >= 0),
        data.places(PLACES),
        _switches(data),
    )


def _switches(data: MapData) -> Float[np.ndarray, "s 4"]:
    """Where to stand for each switch, to the right of its line, and its middle."""
    ends = data.ends[np.isin(data.special, SWITCHES)]
    middle = (ends[:, :2] + ends[:, 2:]) / 2
    along = ends[:, 2:] - ends[:, :2]
    right = np.stack([along[:, 1], -along[:, 0]], axis=1)
    right /= np.maximum(np.linalg.norm(right, axis=1, keepdims=True), 1e-9)
    return np.concatenate([middle + _ARM * right, middle], axis=1)


def _owners(data: MapData, left: float, bottom: float, shape: tuple[int, int]) -> _Owners:
    """The sector of each cell's middle, -1 outside: by the next line to the left."""
    rows, columns = shape
    x1, y1, x2, y2 = data.ends.T
    # the side of a line that faces east
    east = np.where(y2 > y1, data.sides[:, 0], data.sides[:, 1])
    middles = left + CELL * (np.arange(columns) + 0.5)
    owner = np.full(shape, -1, np.int64)
    for r in range(rows):
        y = bottom + CELL * (r + 0.5)
        hit = np.flatnonzero((y1 <= y) != (y2 <= y))
        x = x1[hit] + (y - y1[hit]) * (x2[hit] - x1[hit]) / (y2[hit] - y1[hit])
        order = np.argsort(x, kind="stable")
        faced = np.concatenate([[-1], east[hit[order]]])
        owner[r] = faced[np.searchsorted(x[order], middles, side="right")]
    return owner


def _raise_along(plan: _Grid, ends: Float[np.ndarray, "l 4"], reach: float, price: float) -> None:
    """Raise the cost of all cells whose middle is nearer to a line than `reach` to `price`."""
    cost, left, bottom = plan
    for x1, y1, x2, y2 in ends:
        r0 = max(int((min(y1, y2) - reach - bottom) // CELL), 0)
        r1 = int((max(y1, y2) + reach - bottom) // CELL) + 1
        c0 = max(int((min(x1, x2) - reach - left) // CELL), 0)
        c1 = int((max(x1, x2) + reach - left) // CELL) + 1
        part = cost[r0:r1, c0:c1]
        y = (bottom + CELL * (r0 + np.arange(part.shape[0]) + 0.5))[:, None] - y1
        x = (left + CELL * (c0 + np.arange(part.shape[1]) + 0.5))[None] - x1
        dx, dy = x2 - x1, y2 - y1
        t = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
        near = (x - t * dx) ** 2 + (y - t * dy) ** 2 < reach * reach
        part[near] = np.maximum(part[near], price)


def _edges(plan: FloorPlan) -> Int[np.ndarray, "e 2"]:
    """All steps from a cell to one of its eight neighbours, as flat numbers, by the first."""
    rows, columns = plan.cost.shape
    number = np.arange(rows * columns).reshape(rows, columns)
    stand = np.isfinite(plan.cost)
    found = []
    for dr, dc in _NEIGHBOURS:
        a = _window(rows, dr), _window(columns, dc)
        b = _window(rows, -dr), _window(columns, -dc)
        ok = stand[a] & stand[b] & _passable(plan, a, b)
        if dr and dc:  # round no corner: both cells beside the step must be free, too
            ok &= stand[a[0], b[1]] & stand[b[0], a[1]]
        found.append(np.stack([number[a][ok], number[b][ok]], axis=1))
    edges = np.concatenate(found)
    return edges[np.argsort(edges[:, 0], kind="stable")]


def _window(size: int, shift: int) -> slice:
    """Of an axis, the part that has a neighbour `shift` further on."""
    return slice(max(-shift, 0), size - max(shift, 0))


def _passable(plan: FloorPlan, a: _Cells, b: _Cells) -> Bool[np.ndarray, "..."]:
    """Whether one walks, climbs or drops from cells `a` to their neighbours `b`."""
    room = np.minimum(plan.ceiling[a], plan.ceiling[b]) - np.maximum(plan.floor[a], plan.floor[b])
    step = plan.floor[b] - plan.floor[a]
    return plan.lift[a] | plan.lift[b] | ((step <= STEP_UP) & (room >= BODY))


def find_ways(
    plan: FloorPlan, start: tuple[int, int], cost: Float32[np.ndarray, "r c"]
) -> tuple[Float[np.ndarray, "r c"], Int32[np.ndarray, "r c"]]:
    """How far every cell is from `start`, and from which cell one comes to it (Dijkstra 1959).

    `cost` is that of the plan, or a copy with more in it. Distances in cells of open floor,
    infinite where no way leads; predecessors as flat numbers, negative for none.
    """
    rows, columns = cost.shape
    edges, lengths, first = plan.steps
    price = np.minimum(cost, 1e6).ravel()[edges[:, 1]] * lengths
    graph = csr_array((price, edges[:, 1], first), shape=(rows * columns, rows * columns))
    distance, previous = dijkstra(
        graph, indices=start[0] * columns + start[1], return_predecessors=True
    )
    return distance.reshape(rows, columns), previous.reshape(rows, columns)


def way_to(
    previous: Int32[np.ndarray, "r c"], goal: tuple[int, int]
) -> tuple[tuple[int, int], ...]:
    """The cells from the start of `find_ways` to `goal`, both included."""
    columns = previous.shape[1]
    cells = [goal]
    while previous[cells[-1]] >= 0:
        r, c = divmod(int(previous[cells[-1]]), columns)
        cells.append((r, c))
    return tuple(reversed(cells))


def is_straight(plan: FloorPlan, a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether one can walk straight from cell `a` to cell `b`."""
    steps = max(abs(b[0] - a[0]), abs(b[1] - a[1]), 1) * 2
    part = np.linspace(0, 1, steps + 1)[:, None]
    cells = np.rint(np.array(a) + part * (np.array(b) - a)).astype(int)
    before, after = tuple(cells[:-1].T), tuple(cells[1:].T)
    stand = np.isfinite(plan.cost[after])
    return bool((stand & _passable(plan, before, after)).all())
