"""Four views of a frame: concentric large, medium and small crops, and the next frame's large one.

The write-up names the four and nothing else: sizes, place and colour are settled here, in
`ViewSettings`. Where to crop is drawn on the CPU, as a pure function of seed and step; the pixels
are resampled where they are, a whole batch at once.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from lib.training.augmentation import jitter

NEXT = 3
NAMES = ("large", "medium", "small", "next")


@dataclass(frozen=True)
class ViewSettings:
    """How views are made. The write-up gives no number, so all of these are ours.

    A large crop is a square whose side is drawn evenly from `large`, in shares of the frame's
    shorter side, anywhere inside the frame; the other crops share its centre. All become squares of
    `size_px`, so that the network sees a place at several scales. Crops may be as small as a single
    thing: with (0.5, 0.9), scenes that is, clusters agreed less with the classes of two validation
    maps by every measure (360 steps of preset small, one seed). Colours of each view change on
    their own: with equal colours, a view's mean colour gives it away, and nothing else need be
    learned. Frames are mirrored (with all views) with probability `flip`: never by default, as a
    game's HUD and text are never mirrored.
    """

    size_px: int = 64
    large: tuple[float, float] = (0.15, 0.9)
    medium: float = 0.6  # of the large crop's side
    small: float = 0.36
    jitter: float = 0.8  # probability, for each view
    brightness: float = 0.3  # the factor's distance from 1, at most
    contrast: float = 0.3
    saturation: float = 0.3
    hue: float = 0.05  # turns of the colour circle, at most
    flip: float = 0.0

    def __post_init__(self) -> None:
        if self.size_px < 8:
            raise ValueError(f"size_px is {self.size_px}; give 8 or more")
        if not 0 < self.large[0] <= self.large[1] <= 1:
            raise ValueError(f"large is {self.large}; give two shares, rising, in (0, 1]")
        if not 0 < self.small <= self.medium <= 1:
            raise ValueError(
                f"small is {self.small} and medium {self.medium}; give shares of the large crop "
                "with 0 < small <= medium <= 1"
            )
        highest = dict.fromkeys(("jitter", "brightness", "contrast", "saturation", "flip"), 1.0)
        for name, top in (highest | {"hue": 0.5}).items():
            if not 0 <= getattr(self, name) <= top:
                raise ValueError(f"{name} is {getattr(self, name)}; give a number from 0 to {top}")


@dataclass(frozen=True)
class ViewDraws:
    """Where and how `v` views of `b` frames are cropped; all on the CPU."""

    boxes: Float[Tensor, "v b 4"]  # top, left, bottom, right in pixels
    flipped: Bool[Tensor, " b"]
    jittered: Bool[Tensor, "v b"]
    order: Int64[Tensor, "v b 4"]  # see `lib.training.augmentation.jitter`
    factors: Float[Tensor, "v b 4"]


def draw_views(
    settings: ViewSettings,
    count: int,
    size: tuple[int, int],
    *,
    seed: int,
    step: int,
    next_frame: bool = True,
) -> ViewDraws:
    """The draws for `count` frames of `size` (rows, columns) at `step`; the same each time.

    Without `next_frame` there are three views, drawn as the first three of four would be.
    """
    mixed = np.random.SeedSequence([seed, step]).generate_state(1)
    generator = torch.Generator().manual_seed(int(mixed[0]))

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    low, high = settings.large
    side = min(size) * (low + (high - low) * uniform(count))
    corner = uniform(count, 2) * (torch.tensor(size) - side[:, None])
    centre = corner + side[:, None] / 2
    halves = torch.stack([side, side * settings.medium, side * settings.small, side]) / 2
    boxes = torch.cat([centre - halves[..., None], centre + halves[..., None]], dim=2)
    strength = (settings.brightness, settings.contrast, settings.saturation, settings.hue)
    views = len(NAMES) if next_frame else len(NAMES) - 1
    flipped = uniform(count) < settings.flip
    each = uniform(len(NAMES), count, 9)[:views]
    return ViewDraws(
        boxes=boxes[:views],
        flipped=flipped,
        jittered=each[..., 0] < settings.jitter,
        order=each[..., 1:5].argsort(dim=2),
        factors=torch.tensor([1.0, 1.0, 1.0, 0.0])
        + torch.tensor(strength) * (2 * each[..., 5:] - 1),
    )


def make_views(
    frames: UInt8[Tensor, "b h w 3"],
    following: UInt8[Tensor, "b h w 3"] | None,
    draws: ViewDraws,
    *,
    size_px: int,
) -> Float[Tensor, "v b 3 s s"]:
    """The views of `frames`, in the order of `NAMES`, in [0, 1]; the last is of `following`."""
    sources = {"now": _planes(frames)}
    if following is not None:
        sources["next"] = _planes(following)
    made = [
        crop(sources["next" if view == NEXT else "now"], draws.boxes[view], size_px)
        for view in range(len(draws.boxes))
    ]
    views = torch.stack(made, dim=1).flatten(1, 2)  # c (v b) s s
    there = draws.flipped.repeat(len(made)).nonzero()[:, 0].to(views.device)
    views.index_copy_(1, there, views.index_select(1, there).flip(3))
    chosen = draws.jittered.flatten().nonzero()[:, 0]
    if len(chosen):
        order, factors = draws.order.flatten(0, 1)[chosen], draws.factors.flatten(0, 1)[chosen]
        there = chosen.to(views.device)
        views.index_copy_(1, there, jitter(views.index_select(1, there), order, factors))
    images = views.transpose(0, 1).contiguous(memory_format=torch.channels_last)
    return images.unflatten(0, (len(made), len(frames)))


def crop(
    planes: Float[Tensor, "3 b h w"], boxes: Float[Tensor, "b 4"], size_px: int
) -> Float[Tensor, "3 b s s"]:
    """Each image's box (top, left, bottom, right) as a square of `size_px`, without aliasing.

    Bilinear with a filter that grows where the box is shrunk, as PyTorch's `interpolate` with
    `antialias`; rows and columns are apart, so that two products of matrices do it.
    """
    rows, columns = planes.shape[2:]
    top, left, bottom, right = boxes.unbind(1)
    over_rows = resampling(top, bottom, rows, size_px).to(planes.device)
    over_columns = resampling(left, right, columns, size_px).to(planes.device)
    return over_rows @ planes @ over_columns.transpose(1, 2)


def resampling(
    start: Float[Tensor, " b"], end: Float[Tensor, " b"], length: int, size: int
) -> Float[Tensor, "b size length"]:
    """Matrices that resample the stretch from `start` to `end` of a line to `size` numbers.

    Only pixels of which some part lies in the stretch count: a crop shows nothing of what is
    around it.
    """
    scale = ((end - start) / size)[:, None, None]
    place = start[:, None, None] + (torch.arange(size)[:, None] + 0.5) * scale
    pixel = torch.arange(length) + 0.5
    weights = (1 - (pixel - place).abs() / scale.clamp(min=1)).clamp_(min=0)
    inside = (pixel > start[:, None, None] - 0.5) & (pixel < end[:, None, None] + 0.5)
    weights = weights * inside
    return weights / weights.sum(2, keepdim=True)


def _planes(frames: UInt8[Tensor, "b h w 3"]) -> Float[Tensor, "3 b h w"]:
    planes = frames.permute(3, 0, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
    return planes.div_(255)
