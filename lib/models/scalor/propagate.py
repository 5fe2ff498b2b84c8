"""Propagation: every tracked object is looked for where it was, and expected by its own prior."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lib.models.scalor.compose import Glimpses
from lib.models.scalor.config import ScalorConfig
from lib.models.scalor.encoders import FEATURES
from lib.models.scalor.kl import bernoulli_kl, normal_kl
from lib.models.scalor.latents import PRIOR, TRACKER, box_sides, capped_logits, sizes_of
from lib.models.scalor.layers import conv, mean_and_std, perceptron, start_at_zero
from lib.models.scalor.noise import Noise
from lib.models.scalor.render import read, reading_window
from lib.models.scalor.state import Divergences, Objects

ATTENTION = 128
HALF_FRAME = 0.5  # half side of the part of the frame's maps that an object attends to
FURTHEST = 1.05  # centres stay this near to the middle of the canvas
SMALLEST_STD = 1e-4
OPEN_GATE = 3.0  # logit; at first a persistent object's looks are what is read of it, almost alone


class Expected(NamedTuple):
    """The prior of tracked objects' latent variables: means and standard deviations."""

    what: tuple[Tensor, Tensor]
    where: tuple[Tensor, Tensor]
    depth: tuple[Tensor, Tensor]
    presence: Float[Tensor, "n 1"]  # logits
    hidden: Float[Tensor, "n p"]
    cell: Float[Tensor, "n p"]


class Expecting(nn.Module):
    """The prior: from what an object was, without the frame."""

    def __init__(self, config: ScalorConfig) -> None:
        super().__init__()
        self.config = config
        self.join = nn.Linear(config.what + 4 + 4 + 1 + 1, 128)
        self.lstm = nn.LSTMCell(128, PRIOR)
        self.what = nn.Linear(PRIOR, 2 * config.what)
        self.where = nn.Linear(PRIOR, 8)
        self.depth = nn.Linear(PRIOR, 2)
        self.presence = nn.Linear(PRIOR, 1)
        if config.persistent:
            for layer, rows in ((self.what, config.what), (self.where, 4), (self.depth, 1)):
                start_at_zero(layer, rows)

    def forward(self, objects: Objects) -> Expected:
        """Where each object is expected in the next frame, and whether."""
        before = torch.cat(
            [objects.what, objects.where, objects.shift, objects.depth, objects.presence], dim=1
        )
        state = (objects.prior_hidden, objects.prior_cell)
        hidden, cell = self.lstm(self.join(before), state)
        what, what_std = mean_and_std(self.what(hidden))
        where, where_std = mean_and_std(self.where(hidden))
        depth, depth_std = mean_and_std(self.depth(hidden))
        if self.config.persistent:
            what, depth = what + objects.what, depth + objects.depth
            where = where + sizes_of(objects.shift)
        return Expected(
            what=(what, what_std),
            where=(where, where_std),
            depth=(depth, depth_std),
            presence=self.presence(hidden) + self.config.prior_presence_bias,
            hidden=hidden,
            cell=cell,
        )


class Propagation(nn.Module):
    """Tracked objects in the next frame, with the divergences of each clip."""

    def __init__(self, config: ScalorConfig) -> None:
        super().__init__()
        self.config, w = config, config.what
        half = config.grid // 2
        self.attended = conv(FEATURES, FEATURES, 1)
        self.attention = nn.Linear(FEATURES * half**2, ATTENTION)
        self.join = nn.Linear(4 + 1 + w + 4 + ATTENTION, 128)
        self.tracker = nn.GRUCell(128, TRACKER)
        self.where = perceptron(TRACKER + w + 8 + ATTENTION, 128, 8)
        self.what = perceptron(TRACKER, 64, 2 * w)
        self.gate = perceptron(TRACKER + ATTENTION, 64, 2)
        self.depth = perceptron(TRACKER + w + ATTENTION, 128, 2)
        self.presence = perceptron(TRACKER + 8 + w, 64, 1)
        self.expecting = Expecting(config)
        if config.persistent:
            start_at_zero(self.where, 4)
            start_at_zero(self.depth, 1)
            *_, gate = self.gate.parameters()
            with torch.no_grad():
                gate.copy_(torch.tensor([-OPEN_GATE, OPEN_GATE]))  # forget, enter
        self.window = reading_window((HALF_FRAME, HALF_FRAME), config.grid)

    def forward(
        self,
        frame: Float[Tensor, "b c h w"],
        maps: Float[Tensor, "b d y x"],
        objects: Objects,
        *,
        glimpses: Glimpses,
        temperature: float,
        noise: Noise,
    ) -> tuple[Objects, Divergences]:
        """All objects again; those that are gone have presence 0."""
        config, expected = self.config, self.expecting(objects)
        seen = self._attend(maps, objects)
        before = [objects.where, objects.presence, objects.what, objects.shift, seen]
        tracker = self.tracker(self.join(torch.cat(before, dim=1)), objects.tracker)
        raw = self.where(
            torch.cat([tracker, objects.what, objects.where, objects.shift, seen], dim=1)
        )
        where_mean, where_std = mean_and_std(raw, config.propagation_where_std_bias)
        if config.persistent:
            where_mean = where_mean + sizes_of(objects.shift)
        shift = where_mean + where_std * noise.normal("tracked where", where_mean)
        where = moved(objects.where, shift, config)
        what_mean, what_std = self._appearance(frame, objects, where, tracker, seen, glimpses)
        what = what_mean + what_std * noise.normal("tracked what", what_mean)
        depth_mean, depth_std = mean_and_std(self.depth(torch.cat([tracker, what, seen], dim=1)))
        if config.persistent:
            depth_mean = depth_mean + objects.depth
        depth = depth_mean + depth_std * noise.normal("tracked depth", depth_mean)
        raw = self.presence(torch.cat([tracker, where, shift, what], dim=1))
        logits = capped_logits(raw + config.propagation_presence_bias)
        there = (logits + noise.logistic("tracked presence", logits)) / temperature
        after = stopped(
            objects._replace(
                what=what, where=where, shift=shift, depth=depth, presence=there.sigmoid(),
                tracker=tracker, prior_hidden=expected.hidden, prior_cell=expected.cell,
            ),
            config,
        )  # fmt: skip
        clips, there = len(frame), after.presence[:, 0]
        presence_kl = bernoulli_kl(logits, expected.presence.sigmoid())[:, 0]

        def summed(each: Float[Tensor, "n _d"]) -> Float[Tensor, " b"]:
            return objects.per_clip(each.sum(1) * there, clips)

        return after, Divergences(
            what=summed(normal_kl(what_mean, what_std, *expected.what)),
            where=summed(normal_kl(where_mean, where_std, *expected.where)),
            depth=summed(normal_kl(depth_mean, depth_std, *expected.depth)),
            presence=objects.per_clip(presence_kl, clips),
        )

    def imagine(self, objects: Objects, *, temperature: float, noise: Noise) -> Objects:
        """All objects again, drawn from the prior: no frame is looked at."""
        expected = self.expecting(objects)

        def drawn(name: str, of: tuple[Tensor, Tensor]) -> Tensor:
            return of[0] + of[1] * noise.normal(name, of[0])

        shift = drawn("tracked where", expected.where)
        logits = expected.presence
        there = (logits + noise.logistic("tracked presence", logits)) / temperature
        after = objects._replace(
            what=drawn("tracked what", expected.what),
            where=moved(objects.where, shift, self.config),
            shift=shift,
            depth=drawn("tracked depth", expected.depth),
            presence=there.sigmoid(),
            prior_hidden=expected.hidden,
            prior_cell=expected.cell,
        )
        return stopped(after, self.config)

    def _attend(self, maps: Float[Tensor, "b d y x"], objects: Objects) -> Float[Tensor, "n a"]:
        """The half of the frame's maps around each object, as a vector."""
        half = self.config.grid // 2
        sides = torch.full_like(objects.where[:, :2], HALF_FRAME)
        boxes = torch.cat([sides, objects.where[:, 2:].detach()], dim=1)
        around = read(maps, objects.clip, boxes, half, self.window)
        seen: Tensor = self.attention(self.attended(around).flatten(1))
        return seen

    def _appearance(
        self,
        frame: Float[Tensor, "b c h w"],
        objects: Objects,
        where: Float[Tensor, "n 4"],
        tracker: Float[Tensor, "n m"],
        seen: Float[Tensor, "n a"],
        glimpses: Glimpses,
    ) -> tuple[Float[Tensor, "n z"], Float[Tensor, "n z"]]:
        """`what`: a gated mixture of what is seen now and of what the tracker remembers."""
        new_mean, new_raw = glimpses.look(frame, objects.clip, where)
        bias = self.config.what_std_bias
        old_mean, old_std = mean_and_std(self.what(tracker), bias)
        gates = self.gate(torch.cat([tracker, seen], dim=1)).sigmoid()
        forget, enter = gates.chunk(2, 1)
        mean = enter * new_mean + forget * old_mean
        std = enter * F.softplus(new_raw + bias) + forget * old_std
        return mean, F.softplus(std) if self.config.appearance_floor else std + SMALLEST_STD


def moved(
    before: Float[Tensor, "n 4"], shift: Float[Tensor, "n 4"], config: ScalorConfig
) -> Float[Tensor, "n 4"]:
    """Boxes of sizes of their own, shifted from where they were."""
    centre = before[:, 2:] + config.shift * shift[:, 2:].tanh()
    return torch.cat([*box_sides(shift, config), centre.clamp(-FURTHEST, FURTHEST)], dim=1)


def stopped(objects: Objects, config: ScalorConfig) -> Objects:
    """The objects, those gone that were absent too long: their presence becomes 0, exactly."""
    absence = objects.absence + 1 - objects.presence
    staying = (absence < config.absence_limit).to(absence.dtype)
    return objects._replace(absence=absence, presence=objects.presence * staying)
