"""What SCALOR knows from one frame to the next, and what it says of each: named tuples of tensors.

Objects of all clips are one flat list; `clip` says whose they are. Nothing is padded.
"""

from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from lib.models.scalor.config import ScalorConfig
from lib.models.scalor.latents import PRIOR, TRACKER


class Objects(NamedTuple):
    """n objects. `where` is a box (see `render`), `shift` the latent variable it came from.

    `tracker` is the state of the GRU that follows an object; `prior_hidden` and `prior_cell` are of
    the LSTM that expects it; `absence` the sum of (1 - presence) while it was followed. Objects
    that were just discovered have zeros there. Identities are unique in a clip.
    """

    clip: Int64[Tensor, " n"]
    identity: Int64[Tensor, " n"]
    what: Float[Tensor, "n z"]
    where: Float[Tensor, "n 4"]
    shift: Float[Tensor, "n 4"]
    depth: Float[Tensor, "n 1"]
    presence: Float[Tensor, "n 1"]
    tracker: Float[Tensor, "n m"]
    prior_hidden: Float[Tensor, "n p"]
    prior_cell: Float[Tensor, "n p"]
    absence: Float[Tensor, "n 1"]

    def of(self, chosen: Tensor) -> "Objects":
        """Some of them, by a mask or by numbers."""
        if chosen.dtype == torch.bool:
            chosen = chosen.nonzero()[:, 0]
        return Objects(*(part.index_select(0, chosen) for part in self))

    def detach(self) -> "Objects":
        """The same, with no gradient."""
        return Objects(*(part.detach() for part in self))

    def counted(self, clips: int) -> Int64[Tensor, " b"]:
        """How many each clip has."""
        return torch.bincount(self.clip, minlength=clips)

    def per_clip(self, values: Float[Tensor, " n"], clips: int) -> Float[Tensor, " b"]:
        """Sums of `values` over the objects of each clip."""
        return values.new_zeros(clips).index_add(0, self.clip, values)


def nothing(like: Float[Tensor, "..."], config: ScalorConfig) -> Objects:
    """No objects at all."""
    none = torch.zeros(0, dtype=torch.long, device=like.device)
    widths = (config.what, 4, 4, 1, 1, TRACKER, PRIOR, PRIOR, 1)
    return Objects(none, none, *(like.new_zeros(0, width) for width in widths))


def together(first: Objects, second: Objects) -> Objects:
    """Both, the first ones first."""
    return Objects(*(torch.cat(parts) for parts in zip(first, second, strict=True)))


class Divergences(NamedTuple):
    """KL of each kind of latent variable, in nats, one sum a clip (or a clip and frame)."""

    what: Float[Tensor, "*b"]
    where: Float[Tensor, "*b"]
    depth: Float[Tensor, "*b"]
    presence: Float[Tensor, "*b"]

    def plus(self, other: "Divergences") -> "Divergences":
        """Sums of both."""
        return Divergences(*(a + b for a, b in zip(self, other, strict=True)))


class FollowedScene(NamedTuple):
    """A background that may change: the vector of the last frame, and its GRU's state."""

    vector: Float[Tensor, "b d"]
    hidden: Float[Tensor, "b h"]


class AveragedScene(NamedTuple):
    """A background that stays: the vector drawn last, and what all frames so far say of it.

    `total` is the sum over these frames of means and raw standard deviations, `frames` their
    number, `counted` the divergence that they cost, in nats.
    """

    vector: Float[Tensor, "b d"]
    total: Float[Tensor, "b twice"]
    frames: Float[Tensor, "b 1"]
    counted: Float[Tensor, " b"]


class PaintedScene(NamedTuple):
    """A background that is painted anew for every frame: the last one's."""

    picture: Float[Tensor, "b 3 h w"]


Scene: TypeAlias = FollowedScene | AveragedScene | PaintedScene  # each kind of background has one


class State(NamedTuple):
    """All that one part of a video leaves to the next one. `frame` counts from 0.

    `encoder` are hidden state and cell of each layer of the ConvLSTM.
    """

    frame: int
    objects: Objects
    scene: Scene | None
    encoder: tuple[tuple[Tensor, Tensor], ...]

    def detach(self) -> "State":
        """The same, with no gradient."""
        scene = type(self.scene)(*(part.detach() for part in self.scene)) if self.scene else None
        encoder = tuple((hidden.detach(), cell.detach()) for hidden, cell in self.encoder)
        return State(self.frame, self.objects.detach(), scene, encoder)
