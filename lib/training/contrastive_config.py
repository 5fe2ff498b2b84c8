"""What a contrastive training consists of: every ingredient of the write-up, each with a switch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from lib.models.contrastive import WRITEUP_WIDTH, ContrastiveShape
from lib.training.device import Precision
from lib.training.loss_sampling import SamplingSettings
from lib.training.views import ViewSettings


@dataclass(frozen=True)
class ContrastiveConfig:
    """One training. The switches are the write-up's ingredients; it gives no number for any.

    Temperature, embedding and the momentum of long runs are MoCo v2's; the queue holds keys of
    all views. What each switch leaves when it is off:

    - `next_frame`: three views, all of the same frame.
    - `queue`: negatives from the batch alone.
    - `momentum`: keys are the trained network's own embeddings, with their gradient (SimCLR's
      way); the queue then holds those.
    - `neighbour_batches`: all of a batch is drawn from everywhere.
    - `loss_sampling`: every frame is as likely as any other.
    - `dense`, off by default, adds DenseCL's loss, with the share `dense_weight` of the total.
    """

    name: str = "contrastive"
    width: int = WRITEUP_WIDTH
    embedding: int = 128
    views: ViewSettings = field(default_factory=ViewSettings)
    next_frame: bool = True
    queue: bool = True
    momentum: bool = True
    neighbour_batches: bool = True
    loss_sampling: bool = True
    dense: bool = False
    queue_size: int = 65_536
    momentum_share: float = 0.999  # of the slow network that a step keeps
    neighbour_span: int = 600  # frames before and after the first one: a minute, at 10 a second
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    dense_weight: float = 0.5
    temperature: float = 0.2
    learning_rate: float = 1e-3  # AdamW, after a warm-up; falls as half a cosine
    weight_decay: float = 1e-4
    warmup: float = 0.05  # of the steps
    batch_size: int = 256
    steps: int = 40_000
    precision: Literal["auto"] | Precision = "auto"  # of products; weights are float32

    def __post_init__(self) -> None:
        least = {"batch_size": 2, "steps": 1, "queue_size": 1, "neighbour_span": 1}
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise ValueError(f"{name} is {getattr(self, name)}; give {lowest} or more")
        for name in ("temperature", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give a number above 0")
        for name in ("momentum_share", "warmup", "dense_weight"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; give a number from 0 to below 1"
                )

    @property
    def shape(self) -> ContrastiveShape:
        """The network."""
        return ContrastiveShape(width=self.width, embedding=self.embedding, dense=self.dense)

    @property
    def log_every(self) -> int:
        """Steps from one row of the log to the next: about 200 rows in all."""
        return max(1, self.steps // 200)

    @property
    def checkpoint_every(self) -> int:
        """Steps from one checkpoint to the next."""
        return max(100, self.steps // 20)

    @classmethod
    def preset(cls, preset: str, method: str = "contrastive") -> "ContrastiveConfig":
        """`method`, a name of the ledger (`METHODS`), at the size of `preset`.

        - ``tiny``, about a minute on two quiet CPU cores that multiply bfloat16: a ResNet-34 with
          a quarter of the channels, 12,000 frames seen.
        - ``small``, about a quarter of an hour there: half of the channels, 76,800 frames.
        - ``full``, one GPU: the ResNet-34 itself, ten million frames.

        What to look at is the segmentation; of the training itself, that `info_nce` falls below
        the logarithm of the number of negatives and that nothing collapsed.

        Raises `ValueError` for names that there are none of.
        """
        if preset not in PRESETS:
            raise ValueError(f"preset is {preset!r}; choose one of {', '.join(PRESETS)}")
        if method not in METHODS:
            raise ValueError(f"method is {method!r}; choose one of {', '.join(METHODS)}")
        return replace(PRESETS[preset], name=method, **METHODS[method])


PRESETS: Mapping[str, ContrastiveConfig] = {
    "tiny": ContrastiveConfig(
        width=16,
        views=ViewSettings(size_px=48),
        queue_size=2_048,
        momentum_share=0.98,
        neighbour_span=100,
        learning_rate=2e-3,
        batch_size=24,
        steps=500,
    ),
    "small": ContrastiveConfig(
        width=32,
        queue_size=8_192,
        momentum_share=0.99,
        neighbour_span=200,
        batch_size=32,
        steps=2_400,
    ),
    "full": ContrastiveConfig(views=ViewSettings(size_px=112)),
}
METHODS: Mapping[str, Mapping[str, Any]] = {
    "contrastive": {},
    "dense": {"dense": True},
    "no_next_frame": {"next_frame": False},
    "no_queue": {"queue": False},
    "no_momentum": {"momentum": False},
    "no_neighbour_batches": {"neighbour_batches": False},
    "no_loss_sampling": {"loss_sampling": False},
}
