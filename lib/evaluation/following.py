"""What a SCALOR finds in clips and videos: boxes with identities, who has which pixel, pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64, UInt8
from torch import Tensor

from lib.data.mot.boxes import FrameBoxes
from lib.data.mot.clips import LEAST_INSIDE
from lib.evaluation.pixel_owners import own, sure_of_ground
from lib.models.scalor import FINAL, Scalor, Silent
from lib.models.scalor.compose import bounded
from lib.models.scalor.model import ClipResult, FrameObjects
from lib.models.scalor.state import State, together

MIXED_ALPHA = (0.1, 0.9)  # a mask's value between these is neither object nor background


@dataclass(frozen=True)
class Reading:
    """From where on something counts as an object, and a pixel as part of it.

    Proposals count if the model itself would follow them (`carried_presence`); an object that is
    followed counts from `least_presence` on. Boxes are drawn around pixels of at least
    `least_alpha`, and those that show the ground with a probability of `most_ground` or less
    (`lib.evaluation.pixel_owners`; None: whatever their colour). An object of which less than
    `least_inside` is inside the frame has none, as true people of whom less is inside are not
    judged (`lib.data.mot.clips`). The MOTSynth study took 0.7 and 0.03, whatever was inside and
    whatever the colours, and joined what overlapped; `study`.

    Raises `ValueError` for values outside (0, 1); `least_inside` may be 0.
    """

    least_presence: float = 0.5
    least_alpha: float = 0.5
    least_inside: float = LEAST_INSIDE
    most_ground: float | None = 0.995

    def __post_init__(self) -> None:
        if not 0 <= self.least_inside < 1:
            raise ValueError(f"least_inside={self.least_inside}: want a share, 0 or more, below 1")
        for name in ("least_presence", "least_alpha", "most_ground"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise ValueError(f"{name}={value}: want a number between 0 and 1")

    @classmethod
    def study(cls) -> "Reading":
        """The thresholds of the study."""
        return cls(least_presence=0.7, least_alpha=0.03, least_inside=0.0, most_ground=None)


class Found(NamedTuple):
    """Objects of one frame. `tracked`: which were followed from the frame before; others are new.

    `presence` in [0, 1] is how sure the model is of each; `cells` are the numbers of those that
    proposed them, row by row, in this frame or long ago; `mixed` is the share of each glimpse's
    pixels whose alpha is between 0.1 and 0.9.
    """

    boxes: FrameBoxes
    tracked: Bool[np.ndarray, " n"]
    presence: Float32[np.ndarray, " n"]
    cells: Int64[np.ndarray, " n"]
    mixed: Float32[np.ndarray, " n"]


class Followed(NamedTuple):
    """One clip as the model sees it. `owners`: 1 + identity of each pixel's object, 0 for none."""

    found: list[Found]
    owners: Int64[np.ndarray, "t h w"]
    reconstruction: UInt8[np.ndarray, "t h w 3"]
    background: UInt8[np.ndarray, "t h w 3"]
    alpha: Float32[np.ndarray, "t h w"]
    squared_error: Float32[np.ndarray, " t"]  # mean over pixels in [0, 1]

    @property
    def boxes(self) -> list[FrameBoxes]:
        """Boxes of each frame."""
        return [one.boxes for one in self.found]


@torch.no_grad()
def follow(
    model: Scalor,
    clips: UInt8[np.ndarray, "b t h w 3"],
    *,
    behind: UInt8[np.ndarray, "b h w 3"] | None = None,
    reading: Reading | None = None,
) -> list[Followed]:
    """Each of `clips` from its first frame on, by means of the posteriors: nothing is drawn.

    `behind` is what is behind everybody, for models whose background is remembered.

    The model is left in evaluation mode, in which it may have more objects than in training.

    Raises `ValueError` for frames of another size than the model's, and for a model that remembers
    its background without one.
    """
    return follow_as(model, clips, [reading or Reading()], behind=behind)[0]


@torch.no_grad()
def follow_as(
    model: Scalor,
    clips: UInt8[np.ndarray, "b t h w 3"],
    readings: Sequence[Reading],
    *,
    behind: UInt8[np.ndarray, "b h w 3"] | None = None,
) -> list[list[Followed]]:
    """`follow` under each of `readings`; the model looks once."""
    pixels = pixels_of(model, clips)
    scene = None if behind is None else pixels_of(model, behind[:, None])[:, 0]
    result = model(pixels, FINAL, Silent(), behind=scene)
    return [_read(model, pixels, result, scene, one) for one in readings]


def follow_video(
    model: Scalor,
    frames: Iterator[UInt8[np.ndarray, "h w 3"]],
    *,
    behind: UInt8[np.ndarray, "h w 3"] | None = None,
    reading: Reading | None = None,
    at_once: int = 10,
) -> Iterator[Followed]:
    """A video of any length, `at_once` frames at a time: who is followed stays followed.

    `behind` is what is behind everybody, for models whose background is remembered.

    Memory does not grow with the video. The last piece may be shorter.
    """
    if at_once < 1:
        raise ValueError(f"at_once={at_once}: want at least one frame")
    scene = None if behind is None else pixels_of(model, behind[None, None])[:, 0]
    state: State | None = None
    for piece in _pieces(frames, at_once):
        with torch.no_grad():
            pixels = pixels_of(model, piece[None])
            result = model(pixels, FINAL, Silent(), state, scene)
            followed = _read(model, pixels, result, scene, reading or Reading())
        state = result.state
        yield followed[0]


def _pieces(
    frames: Iterator[UInt8[np.ndarray, "h w 3"]], length: int
) -> Iterator[UInt8[np.ndarray, "t h w 3"]]:
    piece: list[UInt8[np.ndarray, "h w 3"]] = []
    for frame in frames:
        piece.append(frame)
        if len(piece) == length:
            yield np.stack(piece)
            piece = []
    if piece:
        yield np.stack(piece)


def pixels_of(model: Scalor, clips: UInt8[np.ndarray, "b t h w 3"]) -> Float[Tensor, "b t 3 h w"]:
    """Clips as `model` takes them, in [0, 1], where it lies; it is left in evaluation mode."""
    device = next(model.eval().parameters()).device
    return torch.from_numpy(clips).to(device).permute(0, 1, 4, 2, 3).float() / 255


def _read(
    model: Scalor,
    clips: Float[Tensor, "b t 3 h w"],
    result: ClipResult,
    behind: Float[Tensor, "b 3 h w"] | None,
    reading: Reading,
) -> list[Followed]:
    b, t = clips.shape[:2]
    ground = sure_of_ground(model).ground(clips, result, behind)[:, :, 0]
    frames = [_frame(model, one, ground[:, k], reading) for k, one in enumerate(result.objects)]
    alpha = bounded(result.alpha)[:, :, 0].float().cpu().numpy()
    error = (result.reconstruction - clips).square().mean((2, 3, 4)).float().cpu().numpy()
    return [
        Followed(
            found=[frames[k][0][clip] for k in range(t)],
            owners=np.stack([frames[k][1][clip] for k in range(t)]),
            reconstruction=_shown(result.reconstruction[clip]),
            background=_shown(result.background[clip]),
            alpha=alpha[clip],
            squared_error=error[clip],
        )
        for clip in range(b)
    ]


def _frame(
    model: Scalor, frame: FrameObjects, ground: Float[Tensor, "b h w"], reading: Reading
) -> tuple[list[Found], Int64[np.ndarray, "b h w"]]:
    """Objects of one frame of all clips, and who has which pixel."""
    new = frame.proposed.of(frame.proposed.presence[:, 0] > model.config.carried_presence)
    old = frame.tracked
    old = old.of(old.presence[:, 0] > reading.least_presence) if old is not None else None
    objects = new if old is None else together(old, new)
    followed = np.arange(len(objects.clip)) < (0 if old is None else len(old.clip))
    if not len(objects.clip):
        return [_nobody() for _ in ground], np.zeros(tuple(ground.shape), np.int64)
    masks = model.glimpses.decode(objects.what)[:, 3:]
    owned = own(
        model, objects, masks, ground,
        least_alpha=reading.least_alpha, least_inside=reading.least_inside,
        most_ground=reading.most_ground,
    )  # fmt: skip
    boxes, alpha = owned.boxes, masks[:, 0].float().cpu().numpy()
    mixed = ((alpha > MIXED_ALPHA[0]) & (alpha < MIXED_ALPHA[1])).mean((1, 2), dtype=np.float32)
    clip, identity = objects.clip.cpu().numpy(), objects.identity.cpu().numpy()
    presence = objects.presence[:, 0].float().cpu().numpy()
    found = []
    for number in range(len(ground)):
        mine = (clip == number) & (boxes[:, 2:] > 0).all(1)
        found.append(
            Found(
                FrameBoxes.of(identity[mine], boxes[mine]),
                followed[mine],
                presence[mine],
                identity[mine] % model.config.cells,
                mixed[mine],
            )
        )
    return found, owned.owners


def _nobody() -> Found:
    none = np.zeros(0)
    scores = none.astype(np.float32)
    return Found(FrameBoxes.none(), none.astype(bool), scores, none.astype(np.int64), scores)


def _shown(pictures: Float[Tensor, "t 3 h w"]) -> UInt8[np.ndarray, "t h w 3"]:
    levels = (pictures.clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).cpu().numpy()
