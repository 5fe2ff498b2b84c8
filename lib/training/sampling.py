"""Batches as a pure function of the step, so that resuming needs no state of a loader."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import Int, Int64

Indices = Int64[np.ndarray, "batch"]


class EpochBatches:
    """Shuffled batches, epoch after epoch: ``batches(t)`` is the batch of step `t`, in any order.

    Every epoch permutes all items afresh, from `seed` and the epoch's number alone. With
    `drop_last`, the items that fill no whole batch wait for another epoch's permutation;
    otherwise they make a last, smaller batch.

    `items`: how many items there are, or the indices to draw from. `batch_size` counts the items
    of all `world_size` processes together; process `rank` is given its equal share of each batch,
    so the number of processes does not change what one step sees. `load` turns indices into the
    batch that the study's step gets.
    """

    def __init__(
        self,
        items: int | np.integer | Int[np.ndarray, " n"],
        batch_size: int,
        seed: int,
        *,
        load: Callable[[Indices], Any],
        drop_last: bool = True,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        indices = items if isinstance(items, np.ndarray) else np.arange(items)
        self.indices = indices.astype(np.int64)
        _check(len(self.indices), batch_size, drop_last, rank, world_size)
        self.batch_size, self.seed, self.load = batch_size, seed, load
        self.rank, self.world_size = rank, world_size
        whole, rest = divmod(len(self.indices), batch_size)
        self.batches_per_epoch = whole + bool(rest and not drop_last)
        self._epoch: tuple[int, Indices] | None = None
        self._lock = Lock()  # `prefetch` asks from a second thread

    def __call__(self, step: int) -> Any:
        """The batch of `step`, counted from 0."""
        return self.load(self.indices_of(step))

    def indices_of(self, step: int) -> Indices:
        """Indices of the items that this process sees at `step`, counted from 0."""
        if step < 0:
            raise ValueError(f"step: got {step}, wanted 0 or more")
        epoch, place = divmod(step, self.batches_per_epoch)
        together = self._permutation(epoch)[place * self.batch_size : (place + 1) * self.batch_size]
        share = self.batch_size // self.world_size
        if self.world_size == 1:
            return together
        return together[self.rank * share : (self.rank + 1) * share]

    def _permutation(self, epoch: int) -> Indices:
        with self._lock:
            if self._epoch is None or self._epoch[0] != epoch:
                order = np.random.default_rng((self.seed, epoch)).permutation(self.indices)
                self._epoch = epoch, order
            return self._epoch[1]


def _check(n: int, batch_size: int, drop_last: bool, rank: int, world_size: int) -> None:
    if batch_size < 1 or n < 1:
        raise ValueError(
            f"items, batch_size: got {n} items in batches of {batch_size}, wanted at least 1 each"
        )
    if drop_last and n < batch_size:
        raise ValueError(
            f"batch_size: {n} items cannot fill one batch of {batch_size}. "
            f"Choose batch_size={n} or less, add data, or pass drop_last=False"
        )
    if not 0 <= rank < world_size:
        raise ValueError(f"rank: got {rank} of {world_size} processes, wanted 0 to world_size - 1")
    if batch_size % world_size:
        raise ValueError(
            f"batch_size: {batch_size} items cannot be shared equally by {world_size} processes. "
            f"Choose a multiple of {world_size}"
        )
    if world_size > 1 and not drop_last:
        raise ValueError(
            "drop_last: False would give the processes unequal shares of the last batch. "
            "Pass drop_last=True when training on several"
        )


def prefetch(batches: Callable[[int], Any], *, steps: int) -> Callable[[int], Any]:
    """`batches`, with the next batch being made in a thread while this one is trained on.

    Helps where making a batch waits for a disk, decodes video or runs in compiled code, and a core
    or a GPU is free meanwhile; otherwise it costs nothing much. `steps` is the training's length:
    no batch beyond it is made. Batches and errors are those of `batches`, at the same steps.
    """
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch")
    coming: dict[int, Future[Any]] = {}

    def batch(step: int) -> Any:
        future = coming.pop(step, None) or pool.submit(batches, step)
        coming.clear()  # after a jump to another step, what was being made is of no use
        value = future.result()
        if step + 1 < steps:
            coming[step + 1] = pool.submit(batches, step + 1)
        return value

    return batch
