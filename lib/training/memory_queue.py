"""The memory queue: embeddings of the latest batches, kept as negatives (He et al. 2020)."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


class MemoryQueue:
    """The newest `size` embeddings of `features` numbers, float32 on `device`.

    It starts empty, where MoCo fills it with random vectors: those are negatives that nothing has
    to be learned for.
    """

    def __init__(self, size: int, features: int, device: torch.device | str = "cpu") -> None:
        if size < 1 or features < 1:
            raise ValueError(f"size is {size} and features {features}; give 1 or more of each")
        self._keys = torch.zeros(size, features, device=device)
        self._place = 0  # where the next one goes
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def size(self) -> int:
        """How many embeddings fit."""
        return len(self._keys)

    @property
    def keys(self) -> Float[Tensor, "m d"]:
        """The embeddings there are, in no particular order; a view, so copy what you keep."""
        return self._keys[: self._count]

    @torch.no_grad()
    def push(self, keys: Float[Tensor, "k d"]) -> None:
        """Take in `keys`, the last being the newest; the oldest make room for them."""
        if keys.shape[1] != self._keys.shape[1]:
            raise ValueError(
                f"keys have {keys.shape[1]} features, this queue holds {self._keys.shape[1]}; "
                "make the queue for the network's embedding"
            )
        keys = keys.detach()[-self.size :].to(self._keys)
        first = min(len(keys), self.size - self._place)
        self._keys[self._place : self._place + first] = keys[:first]
        self._keys[: len(keys) - first] = keys[first:]
        self._place = (self._place + len(keys)) % self.size
        self._count = min(self.size, self._count + len(keys))

    def newest_first(self) -> Float[Tensor, "m d"]:
        """The embeddings there are, newest first."""
        back = torch.arange(1, self._count + 1, device=self._keys.device)
        return self._keys[(self._place - back) % self.size]

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values."""
        return {"keys": self._keys.cpu(), "place": self._place, "count": self._count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved state of a queue of this size."""
        if state["keys"].shape != self._keys.shape:
            raise ValueError(
                f"the saved queue is {tuple(state['keys'].shape)}, this one "
                f"{tuple(self._keys.shape)}; use the settings it was saved with"
            )
        self._keys.copy_(state["keys"])
        self._place, self._count = state["place"], state["count"]
