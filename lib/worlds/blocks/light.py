"""Light in the blocks world: sky light falls and spreads, torches shine; and how far air reaches.

All three tables are computed once a world. Light levels run from 0 to 15 and fall by one a block,
as in the original game.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from lib.worlds.blocks.kinds import Block, Kind

FULL_LIGHT = 15
TORCH_LIGHT = 14
AIR_CODE = 128
"""In `World.cells`, value 128 + r means: air, and so is every cell within r cells (any axis)."""
MAX_REACH = 16

_OPAQUE, _CUTOUT = int(Kind.OPAQUE), int(Kind.CUTOUT)
_LIQUID, _WATER_PLANT = int(Kind.LIQUID), int(Kind.WATER_PLANT)
_TORCH = int(Block.TORCH)


@njit(cache=True, error_model="numpy")
@no_type_check
def _flood(level, blocked, seeds):
    """Spread light from `seeds` through open cells, losing one level a step, highest level first.

    `level` and `blocked` are [x, z, y]; `seeds` holds flat cell numbers. Changes `level`.
    """
    n, height = level.shape[0], level.shape[2]
    flat, walls = level.reshape(-1), blocked.reshape(-1)
    here, ahead = np.empty(flat.size, np.int32), np.empty(flat.size, np.int32)
    n_ahead = 0
    for value in range(FULL_LIGHT, 1, -1):
        here, ahead = ahead, here
        n_here, n_ahead = n_ahead, 0
        for seed in seeds:
            if flat[seed] == value:
                here[n_here] = seed
                n_here += 1
        for i in range(n_here):
            cell = here[i]
            y = cell % height
            column = cell // height
            x, z = column // n, column % n
            for side in range(6):
                x2, z2, y2 = x, z, y
                if side == 0:
                    x2 = (x + 1) % n
                elif side == 1:
                    x2 = (x - 1) % n
                elif side == 2:
                    z2 = (z + 1) % n
                elif side == 3:
                    z2 = (z - 1) % n
                elif side == 4:
                    y2 = min(y + 1, height - 1)
                else:
                    y2 = max(y - 1, 0)
                other = (x2 * n + z2) * height + y2
                if walls[other] == 0 and flat[other] < value - 1:
                    flat[other] = value - 1
                    ahead[n_ahead] = other
                    n_ahead += 1


@njit(cache=True, error_model="numpy")
@no_type_check
def _sky_columns(blocks, kinds, sky, blocked):
    """Light falling straight down; leaves take one level a block, water two. Fills both outputs."""
    n, height = blocks.shape[0], blocks.shape[2]
    for x in range(n):
        for z in range(n):
            value = FULL_LIGHT
            for y in range(height - 1, -1, -1):
                kind = kinds[blocks[x, z, y]]
                if kind == _OPAQUE:
                    value = 0
                    blocked[x, z, y] = 1
                elif kind == _CUTOUT:
                    value = max(0, value - 1)
                elif kind in (_LIQUID, _WATER_PLANT):
                    value = max(0, value - 2)
                sky[x, z, y] = value


@njit(cache=True, error_model="numpy")
@no_type_check
def _edges(sky, blocked):
    """Flat numbers of lit cells beside a darker open cell in a neighbouring column."""
    n, height = sky.shape[0], sky.shape[2]
    found = np.empty(sky.size, np.int32)
    count = 0
    for x in range(n):
        for z in range(n):
            right, left, front, back = (x + 1) % n, (x - 1) % n, (z + 1) % n, (z - 1) % n
            for y in range(height):
                value = sky[x, z, y]
                if value < 2:
                    continue
                limit = value - 1
                if (
                    (sky[right, z, y] < limit and not blocked[right, z, y])
                    or (sky[left, z, y] < limit and not blocked[left, z, y])
                    or (sky[x, front, y] < limit and not blocked[x, front, y])
                    or (sky[x, back, y] < limit and not blocked[x, back, y])
                ):
                    found[count] = (x * n + z) * height + y
                    count += 1
    return found[:count].copy()


@njit(cache=True, error_model="numpy")
@no_type_check
def _reach(blocks, out):
    """Largest r so that all cells within r along every axis are air; see `AIR_CODE`.

    The cube's distance is separable: first along y, then z, then x, each a minimum of maxima.
    Above the world is air, below it is not.
    """
    n, height = blocks.shape[0], blocks.shape[2]
    a, b = np.empty_like(blocks), np.empty_like(blocks)
    for x in range(n):
        for z in range(n):
            run = 0
            for y in range(height):
                run = 0 if blocks[x, z, y] != 0 else min(run + 1, MAX_REACH + 1)
                a[x, z, y] = run
            run = MAX_REACH + 1
            for y in range(height - 1, -1, -1):
                run = 0 if blocks[x, z, y] != 0 else min(run + 1, MAX_REACH + 1)
                a[x, z, y] = min(a[x, z, y], run)
    for x in range(n):
        for z in range(n):
            for y in range(height):
                b[x, z, y] = a[x, z, y]
            for k in range(1, MAX_REACH + 1):
                before, after = (z - k) % n, (z + k) % n
                for y in range(height):
                    near = min(a[x, before, y], a[x, after, y])
                    b[x, z, y] = min(b[x, z, y], max(near, np.uint8(k)))
    for x in range(n):
        for z in range(n):
            for y in range(height):
                out[x, z, y] = b[x, z, y]
            for k in range(1, MAX_REACH + 1):
                before, after = (x - k) % n, (x + k) % n
                for y in range(height):
                    near = min(b[before, z, y], b[after, z, y])
                    out[x, z, y] = min(out[x, z, y], max(near, np.uint8(k)))
            for y in range(height):
                if blocks[x, z, y] != 0:
                    out[x, z, y] = blocks[x, z, y]
                else:
                    out[x, z, y] = AIR_CODE + out[x, z, y] - 1


def light_world(blocks: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Light of every cell: sky level times 16 plus torch level.

    Opaque cells hold 0, so that averaging over neighbours darkens corners (ambient occlusion).
    """
    sky, torch = np.zeros_like(blocks), np.zeros_like(blocks)
    blocked = np.zeros_like(blocks)
    _sky_columns(blocks, kinds, sky, blocked)
    _flood(sky, blocked, _edges(sky, blocked))
    torches = np.flatnonzero(blocks == _TORCH).astype(np.int32)
    torch.reshape(-1)[torches] = TORCH_LIGHT
    _flood(torch, blocked, torches)
    return sky * np.uint8(16) + torch


def reach_of_air(blocks: np.ndarray) -> np.ndarray:
    """`World.cells`: block number, or for air 128 + how far the ray-caster may leap."""
    out = np.empty_like(blocks)
    _reach(blocks, out)
    return out
