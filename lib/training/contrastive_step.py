"""One step of contrastive training: batches of views, and the loss of a batch."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from lightning_fabric import Fabric
from torch import Tensor, nn

from lib.data.following import next_frames
from lib.data.frames import FrameStore
from lib.models.contrastive import DenseEmbeddings, Embeddings
from lib.training.contrastive_config import ContrastiveConfig
from lib.training.contrastive_loss import (
    ContrastiveLoss,
    dense_info_nce,
    info_nce,
    pooled,
    spread,
)
from lib.training.loop import Losses
from lib.training.loss_sampling import LossSampler, SelectionLog
from lib.training.memory_queue import MemoryQueue
from lib.training.momentum import MomentumNetwork
from lib.training.neighbour_batches import draw_batch, neighbourhoods
from lib.training.state import Stateful
from lib.training.views import draw_views, make_views


class Views(NamedTuple):
    """A batch. `drawn` are positions among the training frames, for the sampler."""

    images: Float[Tensor, "v b 3 s s"]
    drawn: Int64[np.ndarray, " b"]


class ViewBatches:
    """Views of frames that `sampler` draws; ``batches(t)`` is the batch of step `t`.

    All randomness is a function of seed and step. What is drawn depends on the losses so far as
    well, and so on `sampler`, whose state belongs in the checkpoint; steps must come in order.
    """

    def __init__(
        self,
        config: ContrastiveConfig,
        store: FrameStore,
        train: Int64[np.ndarray, " n"],
        sampler: LossSampler,
        log: SelectionLog,
        *,
        seed: int,
        device: torch.device,
    ) -> None:
        self.config, self.train, self.sampler, self.log = config, train, sampler, log
        self.seed = seed
        self._pixels = _Pixels(store, device)
        self._following = next_frames(store)
        self._nearby = None
        if config.neighbour_batches:
            self._nearby = neighbourhoods(store.recordings[train], config.neighbour_span)

    def __call__(self, step: int) -> Views:
        """The batch of `step`, counted from 0."""
        config = self.config
        rng = np.random.default_rng((self.seed, step))
        drawn = draw_batch(self.sampler.probabilities(), self._nearby, config.batch_size, rng)
        self.log.record(step, drawn, self.sampler.losses)
        frames = self._pixels(self.train[drawn])
        following = None
        if config.next_frame:
            following = self._pixels(self._following[self.train[drawn]])
        draws = draw_views(
            config.views,
            len(drawn),
            (frames.shape[1], frames.shape[2]),
            seed=self.seed,
            step=step,
            next_frame=config.next_frame,
        )
        return Views(make_views(frames, following, draws, size_px=config.views.size_px), drawn)


class _Pixels:
    """Frames of a store on `device`: read as asked for, or kept on a GPU as a whole."""

    def __init__(self, store: FrameStore, device: torch.device) -> None:
        self.frames, self.device = store.frames, device
        self.kept: Tensor | None = None
        if device.type == "cuda" and store.frames.nbytes < torch.cuda.mem_get_info(device)[0] // 2:
            self.kept = torch.from_numpy(np.array(store.frames)).to(device)

    def __call__(self, indices: Int64[np.ndarray, " b"]) -> UInt8[Tensor, "b h w 3"]:
        if self.kept is not None:
            return self.kept[torch.from_numpy(indices).to(self.device)]
        return torch.from_numpy(self.frames[indices]).to(self.device)


class ContrastiveStep:
    """The loss of a batch of views, with queue, momentum network and sampler kept up to date."""

    def __init__(
        self, config: ContrastiveConfig, fabric: Fabric, model: nn.Module, sampler: LossSampler
    ) -> None:
        self.config, self.fabric, self.sampler = config, fabric, sampler
        self.slow: MomentumNetwork | None = None
        if config.momentum:
            self.slow = MomentumNetwork(model, config.momentum_share).to(fabric.device)
        self.queues: dict[str, MemoryQueue] = {}
        if config.queue:
            for name in ("image", "dense") if config.dense else ("image",):
                self.queues[name] = MemoryQueue(config.queue_size, config.embedding, fabric.device)

    @property
    def stateful(self) -> dict[str, Stateful]:
        """What belongs in a checkpoint beside the model."""
        things: dict[str, Stateful] = {f"{name}_queue": q for name, q in self.queues.items()}
        if self.slow is not None:
            things["momentum"] = self.slow
        return things

    def __call__(self, model: nn.Module, batch: Views, step: int) -> Losses:
        """Losses of `batch`; the sampler is told those of its images."""
        views, size = batch.images.shape[:2]
        images = batch.images.flatten(0, 1)
        queries: Embeddings = model(images)
        keys = self._keys(model, images, queries)
        loss = info_nce(
            queries.image.unflatten(0, (views, size)),
            keys.image.unflatten(0, (views, size)),
            self._queued("image", keys.image),
            temperature=self.config.temperature,
        )
        parts = {
            "info_nce": loss.per_image.mean(),
            "accuracy": loss.accuracy,
            "similarity": loss.similarity,
            "spread": spread(queries.image.detach()),
        }
        per_image = loss.per_image
        if queries.dense is not None and keys.dense is not None:
            dense = self._dense(queries.dense, keys.dense, views)
            parts |= {"dense": dense.per_image.mean(), "dense_accuracy": dense.accuracy}
            share = self.config.dense_weight
            per_image = (1 - share) * per_image + share * dense.per_image
        self._remember(keys)
        self.sampler.note(batch.drawn, per_image)
        return Losses(per_image.mean(), parts)

    def _keys(self, model: nn.Module, images: Tensor, queries: Embeddings) -> Embeddings:
        if self.slow is None:
            return queries
        self.slow.update(model)  # before the first step both are alike, and this changes nothing
        with self.fabric.autocast():
            keys: Embeddings = self.slow(images)
        return keys

    def _dense(
        self, queries: DenseEmbeddings, keys: DenseEmbeddings, views: int
    ) -> ContrastiveLoss:
        return dense_info_nce(
            queries.places.unflatten(0, (views, -1)),
            keys.places.unflatten(0, (views, -1)),
            queries.trunk.unflatten(0, (views, -1)),
            keys.trunk.unflatten(0, (views, -1)),
            self._queued("dense", keys.places),
            temperature=self.config.temperature,
        )

    def _queued(self, name: str, like: Tensor) -> Float[Tensor, "m d"]:
        if name in self.queues:
            return self.queues[name].keys.clone()  # the backward pass needs it as it was
        return like.new_zeros(0, like.shape[-1])

    def _remember(self, keys: Embeddings) -> None:
        if "image" in self.queues:
            self.queues["image"].push(keys.image)
        if "dense" in self.queues and keys.dense is not None:
            self.queues["dense"].push(pooled(keys.dense.places))
