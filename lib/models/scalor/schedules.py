"""What changes while SCALOR is trained, as pure functions of the step."""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple


class Annealed(NamedTuple):
    """The values at one step.

    `temperature` is of relaxed Bernoulli variables; `presence_prior` the probability with which a
    cell proposes an object; `through_time` whether gradients pass from a frame to the one before.
    `opaque` is the alpha that every proposal is given, in the curriculum that has the background
    wait; None: their own. `kl_weight` is that of the divergences of what, where and depth.
    `drawn`: whether objects are drawn; if not, the background explains the frames alone.
    `glimpse_weight` is that of the term which teaches objects to draw what their boxes show;
    `sigma_share` what is left of the likelihood's standard deviation.
    """

    temperature: float
    presence_prior: float
    through_time: bool
    opaque: float | None = None
    kl_weight: float = 1.0
    drawn: bool = True
    glimpse_weight: float = 0.0
    sigma_share: float = 1.0


FINAL = Annealed(temperature=0.5, presence_prior=1e-3, through_time=True)


@dataclass(frozen=True)
class Annealing:
    """How they change. Defaults are the original code's; steps count from 1."""

    first_temperature: float = 1.0
    last_temperature: float = 0.5
    temperature_steps: int = 20_000
    first_presence_prior: float = 0.1
    last_presence_prior: float = 1e-3
    presence_steps: int = 500
    presence_fall: Literal["linear", "exponential"] = "linear"
    through_time_step: int | None = 30_000  # None: never
    opaque: float = 0.9
    opaque_steps: int = 0
    background_steps: int = 0  # in which the background learns alone, so that objects mend it
    kl_warmup_steps: int = 0  # over which those divergences come to weigh 1 (Bowman et al. 2016)
    glimpse_weight: float = 0.0  # of the term that teaches objects to draw; none in the original
    # A wide likelihood forgives while objects are being found; a narrow one then wants sharp masks
    last_sigma_share: float = 1.0
    sigma_since: int = 0
    sigma_steps: int = 1

    def __post_init__(self) -> None:
        for name in ("temperature_steps", "presence_steps", "sigma_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: want at least 1")
        for name in ("first_temperature", "last_temperature", "last_sigma_share"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}={getattr(self, name)}: want a number above 0")
        for name in ("first_presence_prior", "last_presence_prior"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: want a number between 0 and 1")
        if self.glimpse_weight < 0:
            raise ValueError(f"glimpse_weight={self.glimpse_weight}: want 0 or more")

    def at(self, step: int) -> Annealed:
        """The values for training step `step`, the first of which is 1.

        Where the background learns alone first, all else is counted from then on.
        The temperature falls as an exponential of the steps already done and stays at its last
        value, and so does the likelihood's deviation from `sigma_since` on; the prior falls in a
        straight line, or as an exponential of its own.
        """
        if step < 1:
            raise ValueError(f"step={step}: steps count from 1")
        drawn = step > self.background_steps
        step = step - self.background_steps if drawn else 1
        share = (step - 1) / self.temperature_steps
        fall = math.log(self.last_temperature / self.first_temperature)
        along = min(1.0, step / self.presence_steps)
        first, last = self.first_presence_prior, self.last_presence_prior
        prior = first + along * (last - first)
        if self.presence_fall == "exponential":
            prior = first * (last / first) ** along
        narrowed = min(max((step - self.sigma_since) / self.sigma_steps, 0.0), 1.0)
        return Annealed(
            temperature=self.first_temperature * math.exp(min(1.0, share) * fall),
            presence_prior=prior,
            through_time=self.through_time_step is not None and step >= self.through_time_step,
            opaque=self.opaque if step < self.opaque_steps else None,
            kl_weight=min(1.0, step / self.kl_warmup_steps) if self.kl_warmup_steps else 1.0,
            drawn=drawn,
            glimpse_weight=self.glimpse_weight,
            sigma_share=self.last_sigma_share**narrowed,
        )
