"""What a SCALOR training consists of: model, schedules, clips, optimiser."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from lib.models.scalor import Annealing, ScalorConfig
from lib.training.scalor_terms import Adversarial, Perceptual


class Length(NamedTuple):
    """From step `since` on, a batch has `clips` clips of `frames` frames."""

    since: int
    frames: int
    clips: int


@dataclass(frozen=True)
class ScalorTraining:
    """One training; defaults are the original code's.

    `lengths` is a curriculum: single frames first teach what objects look like, pairs how they
    move. `cooling` is the share of the steps after which the learning rate is multiplied by
    `cooled`. `undecided` is what a pixel costs, in nats, of which objects have one half; it falls
    to nothing where they have all or none of it, as 4 alpha (1 - alpha): the penalty that the
    MOTSynth study thought of.
    """

    name: str = "scalor"
    model: ScalorConfig = field(default_factory=ScalorConfig)
    annealing: Annealing = field(default_factory=Annealing)
    lengths: tuple[Length, ...] = (Length(0, 10, 20),)
    perceptual: Perceptual | None = None
    adversarial: Adversarial | None = None
    undecided: float = 0.0
    optimiser: Literal["rmsprop", "adam"] = "rmsprop"
    learning_rate: float = 4e-5
    background_rate: float = 1.0  # share of the learning rate that the background's network has
    warmup_steps: int = 0
    cooling: float = 1.0
    cooled: float = 0.3
    clip_norm: float = 1.0
    steps: int = 40_000
    products: Literal["auto", "float32", "bfloat16"] = "auto"  # of convolutions

    def __post_init__(self) -> None:
        if not self.lengths or self.lengths[0].since != 0:
            raise ValueError(f"lengths={self.lengths}: the first must begin at step 0")
        if list(self.lengths) != sorted(self.lengths, key=lambda length: length.since):
            raise ValueError(f"lengths={self.lengths}: give them in the order of their steps")
        for length in self.lengths:
            if min(length.frames, length.clips) < 1:
                raise ValueError(f"lengths holds {length}: want at least one frame and one clip")
        for name, least in (("steps", 1), ("warmup_steps", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}={getattr(self, name)}: want at least {least}")
        for name in ("learning_rate", "background_rate", "clip_norm", "cooled"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)}: want a number above 0")
        if self.undecided < 0:
            raise ValueError(f"undecided={self.undecided}: want 0 nats or more")
        if self.annealing.background_steps and self.model.background == "none":
            raise ValueError(
                f"annealing.background_steps={self.annealing.background_steps}: a model with "
                "background='none' has none that could learn first; want 0"
            )
        if not 0 < self.cooling <= 1:
            raise ValueError(f"cooling={self.cooling}: want a share of the steps, above 0 to 1")

    @property
    def longest(self) -> int:
        """Frames of the longest clips."""
        return max(length.frames for length in self.lengths)

    def length_at(self, step: int) -> Length:
        """The lengths at `step`, the first of which is 0."""
        return next(one for one in reversed(self.lengths) if one.since <= step)

    def rate_at(self, step: int) -> float:
        """Share of the learning rate at `step`, the first of which is 0.

        Where the background learns alone first, objects are warmed up to when they come.
        """
        since = step - self.annealing.background_steps
        warm = min(1.0, (since + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        if since < 0:
            warm = 1.0
        return warm * (self.cooled if step >= self.cooling * self.steps else 1.0)

    @property
    def log_every(self) -> int:
        """Steps from one row of the log to the next: about 200 rows in all."""
        return max(1, self.steps // 200)

    @property
    def checkpoint_every(self) -> int:
        """Steps from one checkpoint to the next."""
        return max(100, self.steps // 20)
