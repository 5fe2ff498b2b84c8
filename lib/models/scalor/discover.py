"""Discovery: every cell proposes one object; what tracked objects explain already is rejected."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from lib.models.scalor.compose import Glimpses
from lib.models.scalor.config import ScalorConfig
from lib.models.scalor.encoders import FEATURES
from lib.models.scalor.kl import bernoulli_kl, normal_kl
from lib.models.scalor.latents import (
    PRIOR,
    TRACKER,
    box_sides,
    capped_logits,
    gently_capped,
    sizes_of,
)
from lib.models.scalor.layers import conv, mean_and_std
from lib.models.scalor.noise import Noise
from lib.models.scalor.rivals import unrivalled
from lib.models.scalor.schedules import Annealed
from lib.models.scalor.state import Divergences, Objects

REJECTED_PRIOR = 1e-8  # presence that is expected of a rejected cell
MASK_FEATURES = 32


class Proposing(nn.Module):
    """Maps of a frame, and where tracked objects are, to posteriors of each cell."""

    def __init__(self, config: ScalorConfig) -> None:
        super().__init__()
        layers = [conv(1, 16, 4, 2, groups=4), conv(16, 32, 4, 2), conv(32, 32, 3)]
        layers += [conv(32, 64, 4, 2), conv(64, 64, 3)]
        cell_px = config.image_px // config.grid
        if cell_px >= 16:
            layers.append(conv(64, 64, 4, 2))
        if cell_px == 32:
            layers += [conv(64, 64, 3), conv(64, 64, 4, 2)]
        self.mask = nn.Sequential(*layers, conv(64, MASK_FEATURES, 1))
        self.join = nn.Sequential(
            conv(FEATURES + MASK_FEATURES, FEATURES, 1, groups=16),
            conv(FEATURES, FEATURES, 1, groups=16),
        )
        deep = config.image_px >= 128
        self.where = _head(64, 8, deep=deep)
        self.presence = _head(64, 1, deep=deep)
        self.depth = _head(32, 2, deep=deep)

    def forward(
        self, maps: Float[Tensor, "b d y x"], alpha: Float[Tensor, "b 1 h w"]
    ) -> tuple[Float[Tensor, "b 8 y x"], Float[Tensor, "b 1 y x"], Float[Tensor, "b 2 y x"]]:
        """Raw numbers for where, presence and depth."""
        joined = self.join(torch.cat([maps, self.mask(alpha)], dim=1))
        return self.where(joined), self.presence(joined), self.depth(joined)


class Discovery(nn.Module):
    """Proposals of one frame as objects, with the divergences of all cells."""

    cell: Float[Tensor, "2 y x"]

    def __init__(self, config: ScalorConfig) -> None:
        super().__init__()
        self.config = config
        self.net = Proposing(config)
        steps = torch.arange(config.grid).float()
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        self.register_buffer("cell", torch.stack([x, y]), persistent=False)

    def forward(
        self,
        frame: Float[Tensor, "b c h w"],
        maps: Float[Tensor, "b d y x"],
        tracked_alpha: Float[Tensor, "b 1 h w"],
        tracked: Int64[Tensor, " b"],
        *,
        number: int,
        glimpses: Glimpses,
        annealed: Annealed,
        noise: Noise,
    ) -> tuple[Objects, Divergences]:
        """One object a cell, most of them absent; `tracked` counts those of each clip already.

        Rejected cells, and those beyond the most objects of a clip, have presence 0.
        """
        config, b = self.config, len(frame)
        where, presence, depth = self.net(maps, tracked_alpha)
        where_mean, where_std = mean_and_std(where, config.discovery_where_std_bias)
        depth_mean, depth_std = mean_and_std(depth)
        raw, cap = presence + config.discovery_presence_bias, config.discovery_logit_cap
        logits = capped_logits(raw) if cap is None else gently_capped(raw, cap)
        there = (logits + noise.logistic("presence", logits)) / annealed.temperature
        there = _listed(there.sigmoid())
        depths = _listed(depth_mean + depth_std * noise.normal("depth", depth_mean))
        shift = _listed(where_mean + where_std * noise.normal("where", where_mean))
        boxes = self.boxes(shift, b)
        clip = torch.arange(b, device=frame.device).repeat_interleave(config.cells)
        likely = torch.maximum(there, _listed(logits).sigmoid())[:, 0]
        faint = likely < config.faintest_read
        what_mean, what_std = self._looks(frame, clip, boxes, faint, glimpses)
        what = what_mean + what_std * noise.normal("what", what_mean)
        proposed = self._objects(clip, number, what, boxes, shift, depths, there)
        accepted = self._accepted(proposed, faint, tracked_alpha, glimpses)
        if config.rival_overlap is not None:
            strength = torch.where(accepted, there[:, 0], 0.0)
            accepted = accepted & unrivalled(boxes, strength, b, config.rival_overlap)
        prior = torch.where(accepted, annealed.presence_prior, REJECTED_PRIOR)
        divergences = Divergences(
            what=_summed(normal_kl(what_mean, what_std).sum(1) * there[:, 0], b),
            where=_summed(_listed(normal_kl(where_mean, where_std)).sum(1) * there[:, 0], b),
            depth=_summed(_listed(normal_kl(depth_mean, depth_std))[:, 0] * there[:, 0], b),
            presence=_summed(bernoulli_kl(_listed(logits)[:, 0], prior.to(logits.dtype)), b),
        )
        there = there * (accepted & ~faint)[:, None]
        if self.training and config.max_objects is not None:
            room = (config.max_objects - tracked).clamp_min(0)
            there = there * _strongest(there.view(b, -1), room).view(-1, 1)
        return proposed._replace(presence=there), divergences

    def _looks(
        self,
        frame: Float[Tensor, "b c h w"],
        clip: Int64[Tensor, " n"],
        boxes: Float[Tensor, "n 4"],
        faint: Bool[Tensor, " n"],
        glimpses: Glimpses,
    ) -> tuple[Float[Tensor, "n z"], Float[Tensor, "n z"]]:
        """Mean and deviation of what is in the boxes; of faint proposals those of the prior.

        Faint are those that neither are there nor could easily have been. What they look like, and
        whether something covers them, weighs as little in the bound as their presence.
        """
        bias = self.config.what_std_bias
        if not faint.any():
            mean, raw = glimpses.look(frame, clip, boxes)
            return mean, F.softplus(raw + bias)
        chosen = (~faint).nonzero()[:, 0]
        mean = boxes.new_zeros(len(boxes), self.config.what)
        std = torch.ones_like(mean)
        if len(chosen):
            seen, raw = glimpses.look(frame, clip[chosen], boxes[chosen])
            mean = mean.index_copy(0, chosen, seen)
            std = std.index_copy(0, chosen, F.softplus(raw + bias))
        return mean, std

    def _accepted(
        self,
        proposed: Objects,
        faint: Bool[Tensor, " n"],
        tracked_alpha: Float[Tensor, "b 1 h w"],
        glimpses: Glimpses,
    ) -> Bool[Tensor, " n"]:
        """Which are not where tracked objects are already; faint ones are not asked."""
        accepted = faint.clone()
        seen = proposed.of(~faint)
        accepted[~faint] = glimpses.covered(seen, tracked_alpha) < self.config.rejected_overlap
        return accepted

    def boxes(self, shift: Float[Tensor, "n 4"], clips: int) -> Float[Tensor, "n 4"]:
        """Boxes from the cells' latent variables; n is clips times cells, row by row."""
        width, height = box_sides(shift, self.config)
        cell = self.cell.flatten(1).T.repeat(clips, 1).to(shift.dtype)
        centre = cell + 0.5 + self.config.cell_reach * shift[:, 2:].tanh()
        return torch.cat([width, height, 2 / self.config.grid * centre - 1], dim=1)

    def _objects(
        self,
        clip: Int64[Tensor, " n"],
        number: int,
        what: Float[Tensor, "n z"],
        boxes: Float[Tensor, "n 4"],
        shift: Float[Tensor, "n 4"],
        depths: Float[Tensor, "n 1"],
        there: Float[Tensor, "n 1"],
    ) -> Objects:
        n, cells = len(clip), self.config.cells
        cell = torch.arange(n, device=clip.device) % cells
        return Objects(
            clip=clip,
            identity=number * cells + cell,
            what=what,
            where=boxes,
            shift=sizes_of(shift) if self.config.persistent else torch.zeros_like(shift),
            depth=depths,
            presence=there,
            tracker=what.new_zeros(n, TRACKER),
            prior_hidden=what.new_zeros(n, PRIOR),
            prior_cell=what.new_zeros(n, PRIOR),
            absence=what.new_zeros(n, 1),
        )


def _head(hidden: int, after: int, *, deep: bool) -> nn.Module:
    if not deep:
        return nn.Conv2d(FEATURES, after, 1)
    return nn.Sequential(conv(FEATURES, hidden, 1), nn.Conv2d(hidden, after, 1))


def _listed(maps: Float[Tensor, "b d y x"]) -> Float[Tensor, "n d"]:
    """One row a cell."""
    return maps.permute(0, 2, 3, 1).flatten(0, 2)


def _summed(values: Float[Tensor, " n"], clips: int) -> Float[Tensor, " b"]:
    return values.view(clips, -1).sum(1)


def _strongest(presence: Float[Tensor, "b k"], room: Int64[Tensor, " b"]) -> Bool[Tensor, "b k"]:
    """The `room` most present cells of each clip; of equals the first."""
    order = presence.argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(dim=1)
    return rank < room[:, None]
