"""A background that is painted from what is seen around it, and never from what it paints over.

A network that sees a pixel copies it, objects included, and leaves objects nothing to explain. So
each frame is painted twice, once with every other square of a checkerboard hidden, then with the
others; of both pictures only squares that were hidden are kept. What continues is painted: a wall,
a floor, a repeated texture. What is alone in its square cannot be, and is left for an object.

A margin around these squares is hidden too. Without it an object that reaches over an edge is
continued beyond it, and most of one as large as a square is painted. What is larger than a square
and its margins shows on several sides of it, and is still continued: squares have to be chosen by
the largest objects.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lib.models.scalor.layers import conv, enlarge, in_precision
from lib.models.scalor.noise import Noise
from lib.models.scalor.state import PaintedScene

BLOCK_PX = {64: 16, 128: 32}  # side of a square, by that of the picture: a quarter
MARGIN_PX = {64: 4, 128: 8}  # hidden around squares that are painted; less than half a square
# Features at a half, a quarter, ... of the picture's size, by the picture's side: down to 4 x 4.
# Nothing is kept at full size, since pixels that are painted have been seen by nobody.
WIDTHS = {64: (24, 48, 64, 96), 128: (16, 32, 48, 64, 96)}


class UNet(nn.Module):
    """Pictures with holes to pictures in (0, 1) without (Ronneberger et al. 2015).

    At every scale what skips the scales below is multiplied by the share that was seen there, so
    that holes are filled from below alone. The share, and not only places seen as a whole: at the
    coarser scales hardly any are, and fine detail is wanted most along the holes' edges. It
    betrays nothing, because pictures are black in their holes before any feature is made.
    """

    def __init__(self, image_px: int) -> None:
        super().__init__()
        widths = WIDTHS[image_px]
        rising = widths[::-1]
        self.down = nn.ModuleList(conv(*sides, 4, 2) for sides in pairwise((4, *widths)))
        self.middle = conv(widths[-1], widths[-1], 3)
        self.up = nn.ModuleList(enlarge(*sides, 2) for sides in pairwise(rising))
        self.join = nn.ModuleList(conv(2 * width, width, 3) for width in rising[1:])
        self.last = nn.Sequential(nn.Conv2d(widths[0], 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, seen: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n 3 h w"]:
        """Of pictures that are black where nothing was seen, and shares that were seen."""
        maps, share, skipping = seen, seen[:, 3:], []
        for down in self.down:
            maps, share = down(maps), F.avg_pool2d(share, 2)
            skipping.append(maps * share.to(maps.dtype))
        maps = self.middle(maps)
        for up, join, skipped in zip(self.up, self.join, skipping[-2::-1], strict=True):
            maps = join(torch.cat([up(maps), skipped], dim=1))
        return torch.sigmoid(self.last(maps))


class InpaintedBackground(nn.Module):
    """Each square of each frame, painted by a network that saw neither it nor any object."""

    def __init__(self, image_px: int) -> None:
        super().__init__()
        self.net = UNet(image_px)

    def forward(
        self,
        clips: Float[Tensor, "b t 3 h w"],
        alpha: Float[Tensor, "b t 1 h w"],
        noise: Noise,
        dtype: torch.dtype,
    ) -> tuple[Float[Tensor, "b t 3 h w"], Float[Tensor, "b t"], PaintedScene]:
        """Pictures, divergences, which are 0 since nothing is drawn, and the last picture.

        Alpha has no gradient from here: objects must not hide what would help to paint.
        """
        b, t = clips.shape[:2]
        free, (black, inner) = 1 - alpha.detach(), checkerboard(clips, noise)
        shown = torch.stack([free * (inner & ~black), free * (inner & black)])
        seen = torch.cat([clips * shown, shown], dim=3).flatten(0, 2)
        first, second = in_precision(self.net, dtype, seen).unflatten(0, (2, b, t))
        pictures = torch.where(black, first, second)
        return pictures, clips.new_zeros(b, t), PaintedScene(pictures[:, -1])

    def imagine(self, scene: PaintedScene | None) -> tuple[Float[Tensor, "b 3 h w"], PaintedScene]:
        """The last picture once more.

        Raises `ValueError` if there is none.
        """
        if scene is None:
            raise ValueError(
                "scene=None: an inpainted background is painted from frames and has no prior to "
                "be drawn from; look at a frame first, and go on from the state after it"
            )
        return scene.picture, scene


class Board(NamedTuple):
    """Squares of a checkerboard: which pixels are in black ones, which not near an edge of any."""

    black: Bool[Tensor, "b t 1 h w"]
    inner: Bool[Tensor, "b t 1 h w"]


def checkerboard(clips: Float[Tensor, "b t 3 h w"], noise: Noise) -> Board:
    """One for each frame, at an offset that noise decides.

    Drawn noise has edges lie elsewhere in every frame, so that objects do not learn to mend them;
    with no noise they always lie half a square from the frame's.
    """
    px = clips.shape[-1]
    side, margin = BLOCK_PX[px], MARGIN_PX[px]
    drawn = noise.logistic("blocks", clips.new_zeros(*clips.shape[:2], 2))
    offsets = (side * torch.sigmoid(drawn)).long()
    along = torch.arange(px, device=clips.device) + offsets[..., None]
    odd, within = along // side % 2 == 1, along % side
    clear = (within >= margin) & (within < side - margin)
    (odd_row, odd_column), (clear_row, clear_column) = odd.unbind(2), clear.unbind(2)
    return Board(
        (odd_row[:, :, :, None] ^ odd_column[:, :, None, :])[:, :, None],
        (clear_row[:, :, :, None] & clear_column[:, :, None, :])[:, :, None],
    )
